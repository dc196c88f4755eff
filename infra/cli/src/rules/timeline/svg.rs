//! Timelines as a picture.

use super::{State, Timeline, Track};
use crate::render::{fit, plain, width};
use jiff::SignedDuration;
use prodrome_rules::print_duration;
use std::fmt::Write as _;

const WIDTH: usize = 1200;
const LEFT: usize = 440;
const RIGHT: usize = 24;
const ROW: usize = 20;
/// How many characters of a question are shown: as many as find room at its left.
const WORDS_MAX: usize = 58;

/// One picture of all of them, one below the other.
pub(in crate::rules) fn draw(timelines: &[Timeline]) -> String {
    let mut body = String::new();
    let mut y = 16;
    for timeline in timelines {
        y = Drawing { timeline, body: &mut body }.case(y);
    }
    let style = "text{font:12px ui-monospace,Menlo,Consolas,'DejaVu Sans Mono',monospace;fill:#24292f}.title{font-weight:bold;font-size:14px}.rule{font-weight:bold;fill:#0550ae}.dim{fill:#6e7781}.told{font-weight:bold}";
    let colours = [
        ("#4ac26b", "holds"),
        ("#eaeef2", "does not"),
        ("#fff1c2", "cannot be said"),
        ("#d4a72c", "matches, not told yet"),
        ("#cf222e", "told"),
    ];
    let mut x = LEFT;
    for (colour, words) in colours {
        // Writing to a String cannot fail.
        _ = writeln!(
            body,
            "<rect x=\"{x}\" y=\"{}\" width=\"14\" height=\"10\" rx=\"2\" fill=\"{colour}\"/><text class=\"dim\" x=\"{}\" y=\"{}\">{words}</text>",
            y - 9,
            x + 20,
            y
        );
        x += 20 + 8 * (width(words) + 2);
    }
    y += 16;
    format!(
        "<svg xmlns=\"http://www.w3.org/2000/svg\" width=\"{WIDTH}\" height=\"{y}\" viewBox=\"0 0 {WIDTH} {y}\">\n\
         <style>{style}</style>\n<rect width=\"100%\" height=\"100%\" fill=\"#ffffff\"/>\n{body}</svg>\n"
    )
}

struct Drawing<'d> {
    timeline: &'d Timeline,
    body: &'d mut String,
}

impl Drawing<'_> {
    /// Draws a case from a height on; gives the height where it ends.
    fn case(&mut self, top: usize) -> usize {
        let mut y = top + 14;
        self.text(16, y, "title", &plain(&self.timeline.name, 200), "start");
        y += 12;
        let grid = y;
        let heads: usize = self.timeline.tracks.iter().map(|track| (track.rows.len() + 2) * ROW + 8).sum();
        self.grid(grid, grid + heads);
        for track in &self.timeline.tracks {
            y = self.track(track, y);
        }
        self.axis(y + 14);
        y + 36
    }

    /// A line through all rows wherever something happened.
    fn grid(&mut self, top: usize, bottom: usize) {
        let ends = [SignedDuration::ZERO, self.timeline.until];
        for at in self.timeline.happenings.iter().chain(&ends) {
            let x = self.x(*at);
            self.line(&format!(
                "<line x1=\"{x}\" y1=\"{top}\" x2=\"{x}\" y2=\"{bottom}\" stroke=\"#d0d7de\" stroke-dasharray=\"2 3\"/>"
            ));
        }
    }

    fn track(&mut self, track: &Track, top: usize) -> usize {
        let mut y = top + ROW;
        self.text(16, y - 6, "rule", &track.rule, "start");
        let at = 16 + 8 * (width(&track.rule) + 1);
        self.text(at, y - 6, "dim", &format!("on {}", track.object), "start");
        for row in &track.rows {
            let words = plain(&row.text, 300);
            let (shown, whole) = (escape(&fit(&words, WORDS_MAX)), escape(&words));
            self.line(&format!(
                "<text x=\"{}\" y=\"{}\" text-anchor=\"end\"><title>{whole}</title>{shown}</text>",
                LEFT - 12,
                y + 14
            ));
            self.bars(y, &row.turns, "#4ac26b");
            y += ROW;
        }
        self.text(LEFT - 12, y + 14, "told", "matches", "end");
        self.bars(y, &track.matches.turns, "#d4a72c");
        // From what was told to its end it is not only there: it is known.
        let mut fired = None;
        for mark in &track.told {
            match (mark.is_end, fired) {
                (false, None) => fired = Some(mark.at),
                (true, Some(from)) => {
                    self.bar(y, from, mark.at, "#cf222e");
                    fired = None;
                }
                _ => {}
            }
        }
        if let Some(from) = fired {
            self.bar(y, from, self.timeline.until, "#cf222e");
        }
        for mark in &track.told {
            let (x, tip) = (self.x(mark.at), y + ROW - 2);
            let (colour, what) = if mark.is_end { ("#1a7f37", "over") } else { ("#cf222e", "fires") };
            self.line(&format!(
                "<path d=\"M{x} {tip} l-5 9 h10 z\" fill=\"{colour}\"/><text class=\"told\" x=\"{}\" y=\"{}\" text-anchor=\"{}\" style=\"fill:{colour}\">{} {what}</text>",
                if x > WIDTH - 120 { x - 8 } else { x + 8 },
                tip + 10,
                if x > WIDTH - 120 { "end" } else { "start" },
                print_duration(mark.at)
            ));
        }
        if let (true, Some(why)) = (track.told.is_empty(), &track.why) {
            self.text(LEFT, y + ROW + 8, "dim", &format!("nothing told: {}", plain(why, 200)), "start");
        }
        y + ROW + 8
    }

    fn bars(&mut self, y: usize, turns: &[(SignedDuration, State)], colour: &str) {
        for (index, (from, state)) in turns.iter().enumerate() {
            let to = turns.get(index + 1).map_or(self.timeline.until, |(to, _)| *to);
            match state {
                State::Holds => self.bar(y, *from, to, colour),
                State::HoldsNot => self.bar(y, *from, to, "#eaeef2"),
                State::Unknown => self.bar(y, *from, to, "#fff1c2"),
                State::Absent => {}
            }
        }
    }

    fn bar(&mut self, y: usize, from: SignedDuration, to: SignedDuration, colour: &str) {
        let (x, end) = (self.x(from), self.x(to));
        let wide = end.saturating_sub(x).max(2);
        self.line(&format!(
            "<rect x=\"{x}\" y=\"{}\" width=\"{wide}\" height=\"{}\" rx=\"2\" fill=\"{colour}\"/>",
            y + 3,
            ROW - 6
        ));
    }

    fn axis(&mut self, y: usize) {
        self.text(self.x(SignedDuration::ZERO), y, "dim", "0s", "start");
        let mut free = self.x(SignedDuration::ZERO) + 28;
        let until = self.timeline.until;
        let last = self.x(until) - 7 * (width(&print_duration(until)) + 1);
        self.text(self.x(until), y, "dim", &print_duration(until), "end");
        for at in self.timeline.happenings.clone() {
            let (x, said) = (self.x(at), print_duration(at));
            let wide = 7 * (width(&said) + 2);
            if x >= free && x + wide < last {
                self.text(x, y, "dim", &said, "start");
                free = x + wide;
            }
        }
    }

    fn x(&self, at: SignedDuration) -> usize {
        let whole = self.timeline.until.as_millis().max(1);
        let at = at.as_millis().clamp(0, whole);
        LEFT + usize::try_from(at * (WIDTH - LEFT - RIGHT) as i128 / whole).unwrap_or(0)
    }

    fn text(&mut self, x: usize, y: usize, class: &str, text: &str, anchor: &str) {
        let text = escape(text);
        self.line(&format!(
            "<text class=\"{class}\" x=\"{x}\" y=\"{y}\" text-anchor=\"{anchor}\">{text}</text>"
        ));
    }

    fn line(&mut self, line: &str) {
        // Writing to a String cannot fail.
        _ = writeln!(self.body, "{line}");
    }
}

/// Texts of objects may hold anything.
fn escape(text: &str) -> String {
    text.replace('&', "&amp;").replace('<', "&lt;").replace('>', "&gt;").replace('"', "&quot;")
}

#[cfg(test)]
mod tests {
    use super::super::{Mark, Row};
    use super::*;

    #[test]
    fn bars_lie_where_their_time_is_and_texts_are_escaped() {
        let minutes = SignedDuration::from_mins;
        let timeline = Timeline {
            name: "a < b & \"c\"".to_owned(),
            until: minutes(10),
            happenings: vec![minutes(0), minutes(5)],
            tracks: vec![Track {
                rule: "R".to_owned(),
                object: "Pod n/a".to_owned(),
                rows: vec![Row { text: "one".to_owned(), turns: vec![(minutes(5), State::Holds)] }],
                matches: Row { text: "matches".to_owned(), turns: vec![(minutes(5), State::Holds)] },
                told: vec![Mark { at: minutes(7), is_end: false }],
                why: None,
            }],
        };
        let picture = draw(&[timeline]);
        // 736 pixels are ten minutes.
        assert!(
            picture
                .contains("<rect x=\"808\" y=\"65\" width=\"368\" height=\"14\" rx=\"2\" fill=\"#4ac26b\"/>"),
            "{picture}"
        );
        assert!(
            picture
                .contains("<rect x=\"955\" y=\"85\" width=\"221\" height=\"14\" rx=\"2\" fill=\"#cf222e\"/>"),
            "{picture}"
        );
        assert!(
            picture.contains(">a &lt; b &amp; &quot;c&quot;<") && picture.contains(">7m fires<"),
            "{picture}"
        );
        assert_eq!(picture.matches("<svg").count(), 1);
        assert!(picture.ends_with("</svg>\n"));
    }
}
