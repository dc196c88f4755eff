//! What stands on the screen, for a size of it. Pure: the tests look at it as a person does.

mod alerts;

use super::{Lines, Size, Told};
use crate::render::{self, Line};
use crate::up::sight::Silence;
use crate::up::system::Look;
use jiff::{SignedDuration, Timestamp};
use prodrome_lifecycle::{Check, Phase};
use prodrome_model::{Notice, NoticeKind};

use alerts::{alert_lines, rows_wanted};

/// An object's name is not cut below this, whatever the width.
const NAME_MIN: usize = 16;
/// What time alone does not begin for so long begins by a count: it has no instant.
const COUNTED: SignedDuration = SignedDuration::from_hours(24 * 3650);
/// Rows that a mistake in the rules takes at most.
const MISTAKE_ROWS: usize = 4;
/// Rows that kinds take at most which the cluster does not serve.
const UNSERVED_ROWS: usize = 2;
/// How many of them are named.
const UNSERVED_NAMED_MAX: usize = 3;
/// Rows that checks get at least, where there are any.
const CHECK_ROWS_MIN: usize = 3;

/// The lines of the screen: none wider, and no more, than it has room for.
pub(super) fn frame(told: &Told, look: &Look, now: Timestamp, (width, height): Size) -> Lines {
    let mut lines = head(told, look, width);
    let alerts = told.sorted();
    // Whom a plugin is asked about again and again is well so far.
    let is_well = |check: &Check| check.asking.is_some() && matches!(check.phase, Phase::Watching { .. });
    let untold = look.checks.iter().filter(|check| !check.phase.is_told() && !is_well(check));
    let (unlooked, mut waiting): (Vec<&Check>, Vec<&Check>) =
        untold.partition(|check| look.awaits_references(check));
    waiting.sort_by_key(|check| fires_at(check, look).unwrap_or(check.due));

    // Two titles and two empty lines; what is left is shared out. Alerts with their causes come first,
    // then their summaries and the checks.
    let rows = height.saturating_sub(lines.len() + 4);
    let spare = (rows / 3).min(rows.saturating_sub(rows_wanted(&alerts)) / 2);
    let checks_rows = waiting.len().max(1).min(CHECK_ROWS_MIN.max(spare));
    let alert_rows = rows.saturating_sub(checks_rows).max(1);
    let over = alerts.iter().filter(|notice| notice.kind == NoticeKind::Resolved).count();
    lines.push(Line::default());
    lines.push(title("Alerts", &format!("{} open, {over} over", alerts.len() - over)));
    let body = alert_lines(&alerts, now, width, alert_rows);
    let spare = alert_rows - body.len();
    lines.extend(body);
    lines.push(Line::default());
    let more = match unlooked.len() {
        0 => String::new(),
        n => format!(", and {n} not looked at yet"),
    };
    lines.push(title("Checks that wait", &format!("{}{more}", waiting.len())));
    lines.extend(check_lines(&waiting, look, now, width, checks_rows + spare));
    lines.truncate(height.max(1));
    lines.into_iter().map(|line| line.fit(width)).collect()
}

fn head(told: &Told, look: &Look, width: usize) -> Lines {
    let hint = "Ctrl-C ends it";
    let mut first =
        Line::default().with("Prodrome", "1").with(&format!("  {}", render::plain(&told.title, 200)), "");
    let room = width.saturating_sub(first.width());
    if room > hint.len() + 1 {
        first = first.with(&" ".repeat(room - hint.len()), "").with(hint, "2");
    }
    let mut lines = vec![first, Line::default().with(&told.status(look), "2")];
    if let Some(news) = &look.rules {
        let text = format!("rules: {}", render::plain(&news.text, 1000));
        // A mistake is read to its end.
        let rows = if news.is_bad { MISTAKE_ROWS } else { 1 };
        let code = if news.is_bad { "31" } else { "36" };
        lines.extend(in_rows(&text, width, rows).into_iter().map(|row| Line::default().with(&row, code)));
    }
    if let Some(text) = unserved(&look.unserved) {
        let rows = in_rows(&render::plain(&text, 1000), width, UNSERVED_ROWS);
        lines.extend(rows.into_iter().map(|row| Line::default().with(&row, "33")));
    }
    for text in unsighted(look) {
        let rows = in_rows(&render::plain(&text, 300), width, UNSERVED_ROWS);
        lines.extend(rows.into_iter().map(|row| Line::default().with(&row, "31")));
    }
    for (queue, depth) in &look.dead_letters {
        lines.push(Line::default().with(
            &format!("{} of {queue}: see the functions' log", render::count(*depth, "dead letter")),
            "31",
        ));
    }
    for line in &look.unseen {
        lines.push(Line::default().with(&render::plain(line, 300), "31"));
    }
    lines
}

/// What is not seen of the cluster.
pub(super) fn unsighted(look: &Look) -> impl Iterator<Item = String> {
    look.silence.iter().map(Silence::text).chain(look.denied.clone())
}

/// Of which kinds nothing can be seen.
pub(super) fn unserved(kinds: &[String]) -> Option<String> {
    let (named, more) = kinds.split_at(kinds.len().min(UNSERVED_NAMED_MAX));
    let more = if more.is_empty() { String::new() } else { format!(" and {} more", more.len()) };
    let names = named.join(", ");
    (!kinds.is_empty()).then(|| {
        format!("rules: the cluster serves no {names}{more}: what rules say of it waits until it does")
    })
}

/// A text in at most so many rows, broken at spaces where that goes; the last is cut by whoever shows it.
fn in_rows(text: &str, width: usize, rows: usize) -> Vec<String> {
    let mut lines = vec![String::new()];
    for word in text.split(' ') {
        let last = lines.len() - 1;
        let room = width.saturating_sub(render::width(&lines[last]) + 1);
        if !lines[last].is_empty() && render::width(word) > room && lines.len() < rows {
            lines.push(format!("  {word}"));
        } else {
            let space = if lines[last].is_empty() { "" } else { " " };
            lines[last].extend([space, word]);
        }
    }
    lines
}

fn title(text: &str, count: &str) -> Line {
    Line::default().with(text, "1").with(&format!("  {count}"), "2")
}

fn check_lines(checks: &[&Check], look: &Look, now: Timestamp, width: usize, rows: usize) -> Lines {
    if checks.is_empty() {
        return vec![Line::default().with("  none", "2")];
    }
    let shown = if checks.len() > rows { rows.saturating_sub(1) } else { checks.len() };
    let mut lines: Lines = checks[..shown].iter().map(|check| pending(check, look, now, width)).collect();
    if shown < checks.len() {
        lines.push(indent(2).with(&format!("and {} more", checks.len() - shown), "2"));
    }
    lines
}

fn indent(columns: usize) -> Line {
    Line::default().with(&" ".repeat(columns), "")
}

/// An alert on one line. Where the width is known, a long name gives way to what stands behind it.
pub(super) fn alert(notice: &Notice, now: Timestamp, width: Option<usize>) -> Line {
    let (mark, when) = match (notice.kind, notice.ended) {
        (NoticeKind::Resolved, Some(ended)) => {
            (Line::default().with("ok", "32"), format!("over after {}", render::since(notice.since, ended)))
        }
        _ => (
            Line::default().with(notice.severity.as_str(), render::severity_code(notice.severity)),
            format!("for {}", render::since(notice.since, now)),
        ),
    };
    let count = if notice.count > 1 { format!(" ({} objects)", notice.count) } else { String::new() };
    let front = mark.with(" ", "").with(&notice.rule, "1").with(" ", "");
    let back = format!("{count} {when} [{}]", notice.owner);
    let owner = render::plain(&notice.target(), 300);
    named(front, &owner, &back, width)
}

/// The cause, in a line.
pub(super) fn why(notice: &Notice) -> Option<String> {
    let diagnosis = notice.diagnosis.as_ref()?;
    let known = match &notice.cause {
        Some(cause) => format!("{cause}, {:.0} % sure", diagnosis.confidence * 100.0),
        None => "unknown".to_owned(),
    };
    Some(format!("why: {}: {}", render::plain(&known, 80), render::plain(&diagnosis.summary, 240)))
}

/// When a check that matches fires, if nothing changes; `due` may be a mere look before that.
fn fires_at(check: &Check, look: &Look) -> Option<Timestamp> {
    let terms = look.terms.get(&check.rule).filter(|_| matches!(check.phase, Phase::Pending { .. }));
    terms.map(|terms| check.fires_at(terms))
}

/// What is still being watched, and when something comes of it.
fn pending(check: &Check, look: &Look, now: Timestamp, width: usize) -> Line {
    let object = render::plain(&check.object.to_string(), 300);
    let since = render::since(check.since, now);
    let fires = fires_at(check, look);
    let back = match check.phase {
        Phase::Watching { turns_at } if turns_at.duration_since(now) > COUNTED => {
            " seen, waits for more of them".to_owned()
        }
        Phase::Watching { turns_at } if turns_at <= now => " may begin now".to_owned(),
        Phase::Watching { turns_at } => format!(" may begin in {}", render::since(now, turns_at)),
        Phase::Gap { .. } => format!(" for {since}, interrupted"),
        Phase::Pending { turns_at: Some(ends) } if ends > now && fires.is_none_or(|fires| ends <= fires) => {
            format!(" for {since}, may end by itself in {}", render::since(now, ends))
        }
        _ => match fires {
            Some(fires) if fires > now => format!(" for {since}, may fire in {}", render::since(now, fires)),
            _ if check.due <= now => format!(" for {since}, due now"),
            Some(_) => format!(" for {since}, looked at again in {}", render::since(now, check.due)),
            None => format!(" for {since}"),
        },
    };
    named(indent(2).with(&format!("{} ", check.rule), ""), &object, &back, Some(width))
}

fn named(front: Line, name: &str, back: &str, width: Option<usize>) -> Line {
    let name = match width {
        Some(width) => {
            let room = width.saturating_sub(front.width() + render::width(back)).max(NAME_MIN);
            render::fit(name, room)
        }
        None => name.to_owned(),
    };
    front.with(&name, "").with(back, "")
}

#[cfg(test)]
mod tests;
