//! What is seen: a live screen in a terminal, plain lines when piped.

use super::system::Look;
use crate::render;
use anyhow::Result;
use jiff::Timestamp;
use prodrome_lifecycle::{Check, Phase};
use prodrome_model::{Fingerprint, Notice, NoticeKind};
use std::collections::BTreeMap;
use std::io::Write as _;

/// Rows of each part of the screen.
const ALERTS_MAX: usize = 14;
const CHECKS_MAX: usize = 10;

/// The screen.
pub(super) struct Screen {
    live: bool,
    colours: bool,
    title: String,
    /// The last notice of each alert.
    alerts: BTreeMap<Fingerprint, Notice>,
    counts: [usize; 3],
    last: Option<(Timestamp, u64)>,
    rate: f64,
    ticks: u32,
}

impl Screen {
    pub(super) fn new(live: bool, title: String) -> Self {
        let colours = render::colours();
        Self {
            live,
            colours,
            title,
            alerts: BTreeMap::new(),
            counts: [0; 3],
            last: None,
            rate: 0.0,
            ticks: 0,
        }
    }

    /// A notice arrived at the channel.
    pub(super) fn told(&mut self, notice: Notice, now: Timestamp) -> Result<()> {
        self.counts[notice.kind as usize] += 1;
        if !self.live {
            let mut out = std::io::stdout().lock();
            writeln!(out, "{}", line(&notice, now, self.colours))?;
            if notice.kind == NoticeKind::Alert {
                writeln!(out, "    {}", render::plain(&notice.summary, 300))?;
                if let Some(why) = why(&notice) {
                    writeln!(out, "    {why}")?;
                }
            }
            out.flush()?;
        }
        self.alerts.insert(notice.fingerprint.clone(), notice);
        Ok(())
    }

    /// Draws the screen anew; piped, says from time to time how it goes.
    pub(super) fn draw(&mut self, look: &Look, now: Timestamp) -> Result<()> {
        if let Some((then, sent)) = self.last {
            let seconds = now.duration_since(then).as_secs_f64().max(0.1);
            #[expect(clippy::cast_precision_loss, reason = "a rate for the eye")]
            let rate = look.changes_sent.saturating_sub(sent) as f64 / seconds;
            self.rate = self.rate * 0.7 + rate * 0.3;
        }
        self.last = Some((now, look.changes_sent));
        self.ticks += 1;
        if self.live {
            return self.redraw(look, now);
        }
        if self.ticks % 30 == 2 {
            let mut out = std::io::stdout().lock();
            writeln!(out, "{}", self.status(look))?;
            out.flush()?;
        }
        Ok(())
    }

    fn status(&self, look: &Look) -> String {
        let dead: u64 = look.dead_letters.iter().map(|(_, n)| n).sum();
        let dead = if dead > 0 { format!(", {dead} dead letters") } else { String::new() };
        format!(
            "{} changes seen, {} sent ({:.0}/s), lag {:.1}s, {} open checks{dead}",
            look.changes_seen,
            look.changes_sent,
            self.rate,
            look.lag_seconds,
            look.checks.len()
        )
    }

    fn redraw(&self, look: &Look, now: Timestamp) -> Result<()> {
        let mut text = String::from("\x1b[H\x1b[J");
        let mut push = |line: String| {
            text.push_str(&line);
            text.push_str("\r\n");
        };
        push(format!("{}  {}", render::paint("Prodrome", "1", self.colours), self.title));
        push(render::paint(&self.status(look), "2", self.colours));
        for (queue, depth) in &look.dead_letters {
            push(render::paint(&format!("{depth} dead letters of {queue}"), "31", self.colours));
        }
        push(String::new());
        push(render::paint("Alerts", "1", self.colours));
        let mut alerts: Vec<_> = self.alerts.values().collect();
        alerts.sort_by_key(|n| (n.kind == NoticeKind::Resolved, std::cmp::Reverse(n.severity), n.since));
        if alerts.is_empty() {
            push("  none yet".to_owned());
        }
        for notice in alerts.iter().take(ALERTS_MAX) {
            push(format!("  {}", line(notice, now, self.colours)));
            if notice.kind != NoticeKind::Resolved {
                push(render::paint(
                    &format!("       {}", render::plain(&notice.summary, 150)),
                    "2",
                    self.colours,
                ));
                if let Some(why) = why(notice) {
                    push(format!("       {}", render::plain(&why, 150)));
                }
            }
        }
        if alerts.len() > ALERTS_MAX {
            push(format!("  and {} more", alerts.len() - ALERTS_MAX));
        }
        push(String::new());
        push(render::paint("Open checks", "1", self.colours));
        let mut waiting: Vec<&Check> = look.checks.iter().filter(|check| !check.phase.is_told()).collect();
        waiting.sort_by_key(|check| check.due);
        if waiting.is_empty() {
            push("  none waits".to_owned());
        }
        for check in waiting.iter().take(CHECKS_MAX) {
            push(format!("  {}", pending(check, now)));
        }
        if waiting.len() > CHECKS_MAX {
            push(format!("  and {} more", waiting.len() - CHECKS_MAX));
        }
        push(String::new());
        push(render::paint("Ctrl-C ends it", "2", self.colours));
        let mut out = std::io::stdout().lock();
        out.write_all(text.as_bytes())?;
        out.flush()?;
        Ok(())
    }

    /// The last words.
    pub(super) fn finish(&self, look: &Look) -> Result<()> {
        let mut out = std::io::stdout().lock();
        writeln!(out, "{}", self.status(look))?;
        let [alerts, updates, resolved] = self.counts;
        writeln!(out, "{alerts} alerts, {updates} updates, {resolved} resolved")?;
        out.flush()?;
        Ok(())
    }
}

fn line(notice: &Notice, now: Timestamp, colours: bool) -> String {
    let (mark, when) = match (notice.kind, notice.ended) {
        (NoticeKind::Resolved, Some(ended)) => {
            (render::paint("ok", "32", colours), format!("over after {}", render::since(notice.since, ended)))
        }
        _ => {
            (render::severity(notice.severity, colours), format!("for {}", render::since(notice.since, now)))
        }
    };
    let count = if notice.count > 1 { format!(" ({} objects)", notice.count) } else { String::new() };
    let owner = render::plain(&notice.group.owner.to_string(), 100);
    format!("{mark} {} {owner}{count} {when} [{}]", render::paint(&notice.rule, "1", colours), notice.owner)
}

/// The cause, in a line.
fn why(notice: &Notice) -> Option<String> {
    let diagnosis = notice.diagnosis.as_ref()?;
    let known = match &notice.cause {
        Some(cause) => format!("{cause}, {:.0} % sure", diagnosis.confidence * 100.0),
        None => "unknown".to_owned(),
    };
    Some(format!("why: {}: {}", render::plain(&known, 80), render::plain(&diagnosis.summary, 240)))
}

fn pending(check: &Check, now: Timestamp) -> String {
    let object = render::plain(&check.object.to_string(), 100);
    let since = render::since(check.since, now);
    match check.phase {
        Phase::Watching { turns_at } => {
            format!("{} {object}: may begin in {}", check.rule, render::since(now, turns_at))
        }
        Phase::Gap { .. } => format!("{} {object}: for {since}, interrupted", check.rule),
        _ => format!("{} {object}: for {since}, looked at in {}", check.rule, render::since(now, check.due)),
    }
}
