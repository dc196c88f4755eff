//! The alerts on the screen: the worst with their causes, as many as there is room for; the rest is counted.

use super::{Lines, alert, indent, why};
use crate::render::Line;
use jiff::Timestamp;
use prodrome_model::{Notice, NoticeKind};
use std::collections::BTreeMap;

/// What is shown of an alert below its line.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Detail {
    Nothing,
    /// What tells most of it: the cause, or where none is known what it looks like.
    One,
    Both,
}

/// How many rows it takes to show all alerts, each with what tells most of it.
pub(super) fn rows_wanted(alerts: &[&Notice]) -> usize {
    alerts.iter().map(|notice| cost(notice)).sum::<usize>().max(1)
}

/// The alerts in so many rows.
pub(super) fn alert_lines(alerts: &[&Notice], now: Timestamp, width: usize, rows: usize) -> Lines {
    if alerts.is_empty() {
        let text = "  none yet; a fault is told once it has lasted as long as its rule says";
        return vec![Line::default().with(text, "2")];
    }
    let details = share(alerts, rows);
    let mut lines = Lines::new();
    for (notice, detail) in alerts.iter().zip(&details) {
        lines.push(indent(2).joined(alert(notice, now, Some(width.saturating_sub(2)))));
        let summary = indent(5).with(&crate::render::plain(&notice.summary, 300), "2");
        let why = why(notice).map(|why| indent(5).with(&why, ""));
        match (detail, why) {
            (Detail::Nothing, _) => {}
            (Detail::One, Some(why)) if notice.cause.is_some() => lines.push(why),
            (Detail::One, _) => lines.push(summary),
            (Detail::Both, why) => lines.extend([Some(summary), why].into_iter().flatten()),
        }
    }
    if details.len() < alerts.len() && lines.len() < rows {
        lines.push(indent(2).with(&rest(&alerts[details.len()..]), "2"));
    }
    lines
}

/// What is shown of the alerts that are shown, the first ones. An alert without its cause leaves its reader with
/// everything to find out, so that fewer with one are more.
fn share(alerts: &[&Notice], rows: usize) -> Vec<Detail> {
    let mut details = Vec::new();
    let mut left = rows;
    for (index, notice) in alerts.iter().enumerate() {
        // The last line says how many more there are.
        let room = left.saturating_sub(usize::from(index + 1 < alerts.len()));
        let (detail, cost) = match cost(notice) {
            2 if room >= 2 => (Detail::One, 2),
            _ if room >= 1 || (index == 0 && left >= 1) => (Detail::Nothing, 1),
            _ => break,
        };
        details.push(detail);
        left -= cost;
    }
    // What is left shows more of what is shown.
    let more = |notice: &Notice| notice.kind != NoticeKind::Resolved && notice.diagnosis.is_some();
    let left = left.saturating_sub(usize::from(details.len() < alerts.len()));
    let further = details.iter_mut().zip(alerts).filter(|(detail, n)| **detail == Detail::One && more(n));
    for (detail, _) in further.take(left) {
        *detail = Detail::Both;
    }
    details
}

fn cost(notice: &Notice) -> usize {
    if notice.kind == NoticeKind::Resolved { 1 } else { 2 }
}

/// `and 12 more: 3 P2, 8 P3, 1 over`.
fn rest(alerts: &[&Notice]) -> String {
    let mut counts: BTreeMap<(bool, std::cmp::Reverse<_>), (&str, usize)> = BTreeMap::new();
    for notice in alerts {
        let over = notice.kind == NoticeKind::Resolved;
        let severity = (!over).then_some(notice.severity);
        let word = if over { "over" } else { notice.severity.as_str() };
        counts.entry((over, std::cmp::Reverse(severity))).or_insert((word, 0)).1 += 1;
    }
    let parts: Vec<String> = counts.values().map(|(word, n)| format!("{n} {word}")).collect();
    format!("and {} more: {}", alerts.len(), parts.join(", "))
}
