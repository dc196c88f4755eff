//! A timeline as lines of text: one for each question, time from left to right.

use super::{Row, State, Timeline, Track};
use crate::render::{fit, paint, plain, width};
use jiff::SignedDuration;
use prodrome_rules::print_duration;
use std::fmt::Write as _;

/// How wide the words may be, and how wide the time is at least.
const WORDS_MAX: usize = 52;
const TIME_MIN: usize = 24;

/// The lines, no wider than so many columns.
pub(in crate::rules) fn draw(timeline: &Timeline, columns: usize, colours: bool) -> String {
    let rows = || timeline.tracks.iter().flat_map(|track| track.rows.iter().chain([&track.matches]));
    let words = rows().map(|row| width(&row.text) + 4).max().unwrap_or(0).clamp(8, WORDS_MAX);
    let time = columns.saturating_sub(words + 2).max(TIME_MIN);
    let scale = Scale { until: timeline.until, columns: time };
    let mut text = format!("{}\n", paint(&plain(&timeline.name, 200), "1", colours));
    for track in &timeline.tracks {
        // Writing to a String cannot fail.
        _ = writeln!(text, "  {} on {}", paint(&track.rule, "36", colours), track.object);
        for row in &track.rows {
            text.push_str(&line(row, words, scale, colours, "32"));
        }
        let code = if track.told.is_empty() { "33" } else { "31" };
        text.push_str(&line(&track.matches, words, scale, colours, code));
        _ = writeln!(text, "{}", marks(track, words, scale, colours));
    }
    if !timeline.tracks.is_empty() {
        _ = writeln!(text, "{:words$}  {}", "", paint(&axis(timeline, scale), "2", colours));
    }
    text
}

#[derive(Clone, Copy)]
struct Scale {
    until: SignedDuration,
    columns: usize,
}

impl Scale {
    fn column(self, at: SignedDuration) -> usize {
        let whole = self.until.as_millis().max(1);
        let at = at.as_millis().clamp(0, whole);
        let column = usize::try_from(at * self.columns as i128 / whole).unwrap_or(0);
        column.min(self.columns - 1)
    }

    /// The time in the middle of a column.
    fn time(self, column: usize) -> SignedDuration {
        let millis = self.until.as_millis() * (2 * column as i128 + 1) / (2 * self.columns as i128);
        SignedDuration::from_millis(i64::try_from(millis).unwrap_or(i64::MAX))
    }
}

fn line(row: &Row, words: usize, scale: Scale, colours: bool, code: &'static str) -> String {
    let label = fit(&format!("    {}", plain(&row.text, 300)), words);
    let pad = " ".repeat(words - width(&label) + 2);
    let cells: Vec<State> = (0..scale.columns).map(|column| row.at(scale.time(column))).collect();
    let mut bar = String::new();
    for run in cells.chunk_by(|one, next| one == next) {
        let (glyph, code) = match run[0] {
            State::Holds => ("█", code),
            State::HoldsNot => ("·", "2"),
            State::Unknown => ("?", "33"),
            State::Absent => (" ", ""),
        };
        bar.push_str(&paint(&glyph.repeat(run.len()), code, colours));
    }
    format!("{label}{pad}{}\n", bar.trim_end())
}

/// What was told, each under its time: `▲ 5m fires`.
fn marks(track: &Track, words: usize, scale: Scale, colours: bool) -> String {
    let label = format!("{:words$}  ", "    told");
    if track.told.is_empty() {
        let why = track.why.as_ref().map(|why| format!(": {why}")).unwrap_or_default();
        return format!("{label}{}{why}", paint("nothing", "2", colours));
    }
    let mut drawn = label;
    let mut at = 0;
    for mark in &track.told {
        let what = if mark.is_end { "over" } else { "fires" };
        let glyph = if mark.is_end { "▼" } else { "▲" };
        let said = format!("{glyph} {} {what}", print_duration(mark.at));
        // To the left of its column where there is no room to the right of it.
        let column = scale.column(mark.at);
        let start = column.min(scale.columns.saturating_sub(width(&said))).max(at);
        drawn.push_str(&" ".repeat(start - at));
        drawn.push_str(&paint(&said, if mark.is_end { "32" } else { "31" }, colours));
        at = start + width(&said) + 1;
        drawn.push(' ');
    }
    drawn.trim_end().to_owned()
}

/// When something happened, as far as there is room to say so.
fn axis(timeline: &Timeline, scale: Scale) -> String {
    let mut drawn = String::new();
    let ends = [SignedDuration::ZERO, timeline.until];
    let end = format!("├{}", print_duration(timeline.until));
    let last = scale.columns.saturating_sub(width(&end));
    for at in timeline.happenings.iter().filter(|at| !ends.contains(at)).chain([&ends[1]]) {
        if drawn.is_empty() {
            drawn.push_str("├0s");
        }
        let (column, label) = if *at == ends[1] {
            (last, end.clone())
        } else {
            (scale.column(*at), format!("├{}", print_duration(*at)))
        };
        let room = *at == ends[1] || column + width(&label) < last;
        if column > width(&drawn) && room {
            drawn.push_str(&" ".repeat(column - width(&drawn)));
            drawn.push_str(&label);
        }
    }
    drawn
}

#[cfg(test)]
mod tests {
    use super::super::Mark;
    use super::*;

    fn minutes(n: i64) -> SignedDuration {
        SignedDuration::from_mins(n)
    }

    #[test]
    fn time_runs_from_left_to_right() {
        let row = |text: &str, turns: &[(i64, State)]| Row {
            text: text.to_owned(),
            turns: turns.iter().map(|(at, state)| (minutes(*at), *state)).collect(),
        };
        let timeline = Timeline {
            name: "a case".to_owned(),
            until: minutes(40),
            happenings: vec![minutes(0), minutes(10), minutes(30)],
            tracks: vec![Track {
                rule: "R".to_owned(),
                object: "Pod n/a".to_owned(),
                rows: vec![
                    row("one", &[(0, State::HoldsNot), (10, State::Holds), (30, State::HoldsNot)]),
                    row("two", &[(0, State::Absent), (20, State::Unknown)]),
                ],
                matches: row("matches", &[(10, State::Holds), (30, State::HoldsNot)]),
                told: vec![Mark { at: minutes(15), is_end: false }, Mark { at: minutes(30), is_end: true }],
                why: None,
            }],
        };
        let want = "\
a case
  R on Pod n/a
    one      ··········████████████████████··········
    two                          ????????????????????
    matches            ████████████████████··········
    told                    ▲ 15m fires    ▼ 30m over
             ├0s       ├10m                ├30m  ├40m
";
        assert_eq!(draw(&timeline, 53, false), want);
        assert!(draw(&timeline, 53, true).contains("\x1b[31m▲ 15m fires"));
    }
}
