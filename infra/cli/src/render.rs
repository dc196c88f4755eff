//! What people read: colours on a terminal only, durations in words, and texts of tenants made harmless.

use jiff::{SignedDuration, Timestamp};
use prodrome_model::Severity;
use prodrome_model::shown::{harmless_begin, harmless_json, harmless_lines};
use std::io::IsTerminal as _;
use unicode_width::{UnicodeWidthChar as _, UnicodeWidthStr as _};

/// Whether standard output takes colours: a terminal, and nobody said no.
pub(crate) fn colours() -> bool {
    is_screen() && are_colours_wanted()
}

/// The same of standard error.
pub(crate) fn colours_of_errors() -> bool {
    std::io::stderr().is_terminal() && !is_dumb() && are_colours_wanted()
}

fn are_colours_wanted() -> bool {
    prodrome_lambda::environment("NO_COLOR").is_none_or(|value| value.is_empty())
}

/// Whether standard output is a terminal that can be drawn on.
pub(crate) fn is_screen() -> bool {
    std::io::stdout().is_terminal() && !is_dumb()
}

fn is_dumb() -> bool {
    prodrome_lambda::environment("TERM").as_deref() == Some("dumb")
}

/// A severity, coloured where that is wanted.
pub(crate) fn severity(severity: Severity, colours: bool) -> String {
    paint(severity.as_str(), severity_code(severity), colours)
}

/// The colour of a severity (an SGR code).
pub(crate) const fn severity_code(severity: Severity) -> &'static str {
    match severity {
        Severity::P1 => "1;41;97",
        Severity::P2 => "1;31",
        Severity::P3 => "33",
        Severity::P4 => "36",
    }
}

/// A text in a colour (an SGR code), where that is wanted. It brings no code of its own.
pub(crate) fn paint(text: &str, code: &str, colours: bool) -> String {
    let text = harmless_lines(text);
    if colours && !code.is_empty() { format!("\x1b[{code}m{text}\x1b[0m") } else { text }
}

/// A line of parts, each in its colour.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub(crate) struct Line(Vec<(String, &'static str)>);

impl Line {
    /// With one more part at its end.
    #[must_use]
    pub(crate) fn with(mut self, text: &str, code: &'static str) -> Self {
        self.0.push((text.to_owned(), code));
        self
    }

    /// With another line at its end.
    #[must_use]
    pub(crate) fn joined(mut self, other: Self) -> Self {
        self.0.extend(other.0);
        self
    }

    /// How many columns it takes.
    pub(crate) fn width(&self) -> usize {
        self.0.iter().map(|(text, _)| width(text)).sum()
    }

    /// Cut to so many columns.
    #[must_use]
    pub(crate) fn fit(self, columns: usize) -> Self {
        if self.width() <= columns {
            return self;
        }
        let mut room = columns;
        let mut cut = Vec::new();
        for (text, code) in self.0 {
            let wide = width(&text);
            if wide < room {
                room -= wide;
                cut.push((text, code));
                continue;
            }
            // A part that ends where the room does has something behind it that does not fit.
            cut.push((fit(&format!("{text}…"), room), code));
            break;
        }
        Self(cut)
    }

    /// As it is written to a terminal.
    pub(crate) fn paint(&self, colours: bool) -> String {
        self.0.iter().map(|(text, code)| paint(text, code, colours)).collect()
    }
}

/// How many columns a text takes.
pub(crate) fn width(text: &str) -> usize {
    text.width()
}

/// A text, cut to so many columns.
pub(crate) fn fit(text: &str, columns: usize) -> String {
    if text.width() <= columns {
        return text.to_owned();
    }
    let mut room = columns.saturating_sub(1); // for the mark
    let mut cut = String::new();
    for c in text.chars() {
        let wide = c.width().unwrap_or(0);
        if wide > room {
            break;
        }
        room -= wide;
        cut.push(c);
    }
    if columns > 0 {
        cut.push('…');
    }
    cut
}

/// A text broken at its words so that no line is wider than the terminal, each after `indent` columns; one line
/// where there is no terminal.
pub(crate) fn wrapped(text: &str, indent: usize) -> String {
    let columns =
        terminal_size::terminal_size().filter(|_| is_screen()).map(|(width, _)| usize::from(width.0));
    wrap(text, indent, columns)
}

fn wrap(text: &str, indent: usize, columns: Option<usize>) -> String {
    let margin = " ".repeat(indent);
    let Some(room) = columns.map(|columns| columns.saturating_sub(indent)).filter(|room| *room >= 20) else {
        return margin + text;
    };
    let mut lines = vec![String::new()];
    for word in text.split(' ') {
        let line = lines.last_mut().expect("there is a first line");
        let gap = usize::from(!line.is_empty());
        if line.is_empty() || width(line) + gap + width(word) <= room {
            line.extend(std::iter::repeat_n(' ', gap));
            line.push_str(word);
        } else {
            lines.push(word.to_owned());
        }
    }
    lines.iter().map(|line| margin.clone() + line).collect::<Vec<_>>().join("\n")
}

/// One line without control characters, direction marks and what hides, cut: names and messages are written by tenants.
pub(crate) fn plain(text: &str, max: usize) -> String {
    harmless_begin(text, max)
}

/// What machines read, and a terminal may show.
pub(crate) fn json(value: &impl serde::Serialize) -> serde_json::Result<String> {
    Ok(harmless_json(&serde_json::to_string(value)?))
}

/// `1 alert`, `2 alerts`, `3 queries`.
pub(crate) fn count(n: impl TryInto<u64>, what: &str) -> String {
    let n = n.try_into().unwrap_or(u64::MAX);
    format!("{n} {}", plural(n, what))
}

/// What befell kinds alike, as `(kind, what is said of it)`: a line each up to `max`, else one for all. Accounts with few
/// rights are usual.
pub(crate) fn folded(kinds: &[(String, String)], max: usize) -> Vec<String> {
    if kinds.len() <= max {
        return kinds.iter().map(|(_, said)| said.clone()).collect();
    }
    let [(_, first), others @ ..] = kinds else { return Vec::new() };
    let names: Vec<&str> = others.iter().map(|(kind, _)| &**kind).collect();
    vec![format!("{first}; so it is with {}: {}", count(names.len(), "other kind"), names.join(", "))]
}

/// A word for so many things: `alert`, `alerts`.
pub(crate) fn plural(n: u64, what: &str) -> String {
    match what.strip_suffix('y') {
        _ if n == 1 => what.to_owned(),
        Some(stem) if !stem.ends_with(['a', 'e', 'i', 'o', 'u']) => format!("{stem}ies"),
        _ => format!("{what}s"),
    }
}

/// How long ago, or how long: `3s`, `5m`, `2h 5m`, `3d 4h`.
pub(crate) fn span(duration: SignedDuration) -> String {
    let seconds = duration.as_secs().max(0);
    let (days, hours, minutes) = (seconds / 86_400, seconds / 3_600 % 24, seconds / 60 % 60);
    match (days, hours, minutes) {
        (0, 0, 0) => format!("{seconds}s"),
        (0, 0, m) => format!("{m}m"),
        (0, h, 0) => format!("{h}h"),
        (0, h, m) => format!("{h}h {m}m"),
        (d, 0, _) => format!("{d}d"),
        (d, h, _) => format!("{d}d {h}h"),
    }
}

/// The time between two instants in words.
pub(crate) fn since(then: Timestamp, now: Timestamp) -> String {
    span(now.duration_since(then))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_may_not_be_listed_is_told_in_few_lines() {
        let refused = |n: usize| {
            (0..n).map(|i| (format!("K{i}"), format!("not allowed to list K{i}: no"))).collect::<Vec<_>>()
        };
        assert_eq!(folded(&refused(0), 5), Vec::<String>::new());
        assert_eq!(folded(&refused(2), 5), ["not allowed to list K0: no", "not allowed to list K1: no"]);
        let many = folded(&refused(6), 5);
        assert_eq!(many, ["not allowed to list K0: no; so it is with 5 other kinds: K1, K2, K3, K4, K5"]);
    }

    #[test]
    fn spans_are_short() {
        let table = [
            (3, "3s"),
            (59, "59s"),
            (300, "5m"),
            (7_500, "2h 5m"),
            (7_200, "2h"),
            (273_600, "3d 4h"),
            (-5, "0s"),
        ];
        for (seconds, text) in table {
            assert_eq!(span(SignedDuration::from_secs(seconds)), text);
        }
    }

    #[test]
    fn a_tenants_text_cannot_move_the_cursor() {
        assert_eq!(plain("a\x1b[2Jb\nc\u{202e}d\u{2028}e\u{9b}f", 20), "a [2Jb cd e f");
        assert_eq!(plain("ad\u{200b}min\u{feff}\u{e0041}", 20), "admin");
        assert_eq!(plain("abcdef", 3), "abc…");
    }

    #[test]
    fn a_text_is_cut_by_the_columns_it_takes() {
        for (text, columns, want) in [
            ("abcdef", 6, "abcdef"),
            ("abcdef", 5, "abcd…"),
            ("名前空間", 8, "名前空間"),
            ("名前空間", 7, "名前空…"),
            ("名前空間", 6, "名前…"), // the third would need one column more than there is
            ("abc", 1, "…"),
            ("abc", 0, ""),
        ] {
            assert_eq!(fit(text, columns), want, "{text} in {columns}");
            assert!(width(&fit(text, columns)) <= columns);
        }
    }

    #[test]
    fn a_text_is_broken_at_its_words() {
        let text = "web-0 cannot pull registry.example.com/shop/web:2.7.1: not found";
        let broken = "  web-0 cannot pull\n  registry.example.com/shop/web:2.7.1:\n  not found";
        assert_eq!(wrap(text, 2, Some(30)), broken);
        assert_eq!(wrap(text, 2, Some(100)), format!("  {text}"));
        assert_eq!(wrap(text, 2, None), format!("  {text}"), "no terminal");
        assert_eq!(wrap(text, 10, Some(20)), format!("{}{text}", " ".repeat(10)), "no room");
        assert_eq!(wrap("", 2, Some(30)), "  ");
    }

    #[test]
    fn a_line_keeps_the_colours_of_what_is_left_of_it() {
        let line = Line::default().with("P2", "1;31").with(" ", "").with("PodCrash", "1").with(" x", "");
        assert_eq!(line.clone().fit(13).paint(true), "\x1b[1;31mP2\x1b[0m \x1b[1mPodCrash\x1b[0m x");
        assert_eq!(line.clone().fit(11).paint(true), "\x1b[1;31mP2\x1b[0m \x1b[1mPodCras…\x1b[0m");
        assert_eq!(line.clone().fit(6).paint(false), "P2 Po…");
        assert_eq!((line.clone().fit(0).width(), line.fit(1).paint(false)), (0, "…".to_owned()));
    }
}
