//! A backtest as people and as programs read it.

use super::compare::{Alerted, Verdict};
use super::noise::{Noise, Rate};
use super::{Change, Played};
use crate::render::{self, count, fit, paint, plain, width};
use anyhow::Result;
use jiff::{SignedDuration, Timestamp};
use serde_json::{Value, json};

/// Recordings shorter than this say little of a day.
const DAY: SignedDuration = SignedDuration::from_hours(24);
/// How wide an object's name is shown.
const OBJECT_MAX: usize = 48;
/// How many rows are shown of a recording of what is the same in both.
const SAME_MAX: usize = 10;

pub(super) fn text(changes: &[(String, Change)], played: &[Played], now: &Noise, new: &Noise) -> Result<()> {
    let colours = render::colours();
    let of = |wanted: Change| -> Vec<&str> {
        changes.iter().filter(|(_, change)| *change == wanted).map(|(name, _)| &**name).collect()
    };
    let mut said = Vec::new();
    for (change, what) in [(Change::New, "new"), (Change::Changed, "changed")] {
        let names = of(change);
        if !names.is_empty() {
            said.push(format!("{what}: {}", names.join(", ")));
        }
    }
    match (of(Change::Same).as_slice(), said.is_empty()) {
        ([], _) => {}
        (names, true) => said.push(format!("the same as now: {}", names.join(", "))),
        (names, false) => said.push(format!("{} as now", count(names.len(), "rule"))),
    }
    say!("{}", said.join("; "));
    for recording in played.iter().filter(|played| !played.rows.is_empty()) {
        rows(recording, colours)?;
    }
    let quiet = played.iter().filter(|played| played.rows.is_empty()).count();
    match (quiet, played.len()) {
        (0, _) => {}
        (1, 1) => say!("\nnothing is told, by either version"),
        (quiet, all) if quiet == all => {
            say!("\nnothing is told on any of {all} recordings, by either version");
        }
        (quiet, _) => say!("\nnothing is told on {} more", count(quiet, "recording")),
    }
    totals(played, now, new, colours)
}

fn rows(recording: &Played, colours: bool) -> Result<()> {
    say!("\n{} ({})", paint(&plain(&recording.name, 200), "1", colours), render::span(recording.length));
    let at = |alerted: Option<&Alerted>| alerted.map_or(String::new(), |a| clock(a.fired, recording.start));
    let shown = |row: &super::Compared| {
        let alerted = row.shown();
        (alerted.rule.clone(), fit(&plain(&alerted.object.to_string(), 200), OBJECT_MAX))
    };
    let wide = |of: &dyn Fn(&super::Compared) -> usize| recording.rows.iter().map(of).max().unwrap_or(0);
    let time = wide(&|row| width(&at(row.new.as_ref())).max(width(&at(row.now.as_ref())))).max(3);
    let (rule, object) = (wide(&|row| width(&shown(row).0)), wide(&|row| width(&shown(row).1)));
    say!("  {}", paint(&format!("{:8} {:>time$} {:>time$}", "", "now", "new"), "2", colours));
    let mut same = 0;
    for row in &recording.rows {
        same += usize::from(row.verdict == Verdict::Same);
        if row.verdict == Verdict::Same && same > SAME_MAX {
            continue;
        }
        let alerted = row.shown();
        let (name, place) = shown(row);
        let ended = alerted
            .ended
            .map_or("goes on".to_owned(), |ended| format!("over at {}", clock(ended, recording.start)));
        let pad = " ".repeat(object - width(&place));
        say!(
            "  {} {:>time$} {:>time$}  {} {name:rule$}  {place}{pad}  {}",
            paint(&format!("{:8}", row.verdict.as_str()), code(row.verdict), colours),
            at(row.now.as_ref()),
            at(row.new.as_ref()),
            render::severity(alerted.severity, colours),
            paint(&ended, "2", colours)
        );
        if row.verdict == Verdict::New && !alerted.summary.is_empty() {
            say!(
                "{}",
                paint(&render::wrapped(&plain(&alerted.summary, 300), 13 + 2 * time + 1), "2", colours)
            );
        }
    }
    if same > SAME_MAX {
        say!("  … and {} more that are the same", same - SAME_MAX);
    }
    Ok(())
}

/// The time since the recording's begin: `4m12s`.
fn clock(at: Timestamp, start: Timestamp) -> String {
    let millis = at.duration_since(start).as_millis().max(0);
    // To the next second: what was told at 4m59.9s was told after five minutes.
    prodrome_rules::print_duration(SignedDuration::from_secs(
        i64::try_from((millis + 500) / 1000).unwrap_or(i64::MAX),
    ))
}

const fn code(verdict: Verdict) -> &'static str {
    match verdict {
        Verdict::New => "1;31",
        Verdict::Gone => "1;32",
        Verdict::Earlier | Verdict::Later => "33",
        Verdict::Same => "2",
    }
}

fn totals(played: &[Played], now: &Noise, new: &Noise, colours: bool) -> Result<()> {
    let counts = Verdict::ALL.map(|verdict| {
        let of = played.iter().flat_map(|played| &played.rows).filter(|row| row.verdict == verdict).count();
        (verdict, of)
    });
    let said: Vec<String> = counts
        .iter()
        .filter(|(_, of)| *of > 0)
        .map(|(verdict, of)| paint(&format!("{of} {}", verdict.as_str()), code(*verdict), colours))
        .collect();
    let all = now.played();
    say!(
        "\n{} of {} in all{}{}",
        count(played.len(), "recording"),
        render::span(all),
        if said.is_empty() { "" } else { ": " },
        said.join(", ")
    );
    let rate = |rate: Rate| (rate.count.to_string(), a_day(rate));
    let lines = [
        ("alerts", rate(now.alerts()), rate(new.alerts())),
        ("notifications", rate(now.notifications()), rate(new.notifications())),
    ];
    let wide =
        lines.iter().flat_map(|(_, now, new)| [width(&now.1), width(&new.1)]).max().unwrap_or(0).max(10);
    say!(
        "  {}",
        paint(
            &format!("{:14} {:>6} {:>6}   {:>wide$} {:>wide$}", "", "now", "new", "a day now", "a day new"),
            "2",
            colours
        )
    );
    for (what, now, new) in lines {
        say!("  {what:14} {:>6} {:>6}   {:>wide$} {:>wide$}", now.0, new.0, now.1, new.1);
    }
    say!("  {:14} {:>6} {:>6}", "objects", now.objects(), new.objects());
    if all < DAY {
        say!(
            "  {} of recordings are little to tell a day by: one alert more or less is {} a day. In brackets: where the \
             true number lies (95 %), if the time recorded is like the rest.",
            render::span(all),
            number(DAY.as_secs_f64() / all.as_secs_f64())
        );
    }
    Ok(())
}

/// `12 (5–25)`.
fn a_day(rate: Rate) -> String {
    format!("{} ({}–{})", number(rate.a_day), number(rate.at_least), number(rate.at_most))
}

fn number(value: f64) -> String {
    if value >= 10.0 || value == 0.0 { format!("{value:.0}") } else { format!("{value:.1}") }
}

pub(super) fn json(changes: &[(String, Change)], played: &[Played], now: &Noise, new: &Noise) -> Result<()> {
    let rules: Vec<Value> = changes
        .iter()
        .map(|(name, change)| {
            let change = match change {
                Change::New => "new",
                Change::Changed => "changed",
                Change::Same => "same",
            };
            json!({ "rule": name, "change": change })
        })
        .collect();
    let mut recordings = Vec::new();
    for recording in played {
        let mut alerts = Vec::new();
        for row in &recording.rows {
            let shown = row.shown();
            let mut alert = json!({ "verdict": row.verdict, "rule": shown.rule, "object": shown.object });
            for (key, alerted) in [("now", &row.now), ("new", &row.new)] {
                if let Some(alerted) = alerted {
                    alert[key] = serde_json::to_value(alerted)?;
                    alert[key]["t"] = json!(alerted.fired.duration_since(recording.start).as_secs_f64());
                }
            }
            alerts.push(alert);
        }
        recordings.push(json!({
            "recording": recording.name, "start": recording.start, "seconds": recording.length.as_secs(), "alerts": alerts,
        }));
    }
    let noise = |noise: &Noise| json!({ "alerts": noise.alerts(), "notifications": noise.notifications(), "objects": noise.objects() });
    let whole = json!({
        "rules": rules, "recordings": recordings, "seconds": now.played().as_secs(),
        "now": noise(now), "new": noise(new),
    });
    say!("{}", serde_json::to_string(&whole)?);
    Ok(())
}
