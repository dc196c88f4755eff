//! What people read: colours on a terminal only, durations in words, and texts of tenants made harmless.

use jiff::{SignedDuration, Timestamp};
use prodrome_model::Severity;
use std::io::IsTerminal as _;

/// Whether standard output takes colours: a terminal, and nobody said no.
pub(crate) fn colours() -> bool {
    std::io::stdout().is_terminal()
        && prodrome_lambda::environment("NO_COLOR").is_none()
        && prodrome_lambda::environment("TERM").as_deref() != Some("dumb")
}

/// A severity, coloured where that is wanted.
pub(crate) fn severity(severity: Severity, colours: bool) -> String {
    let code = match severity {
        Severity::P1 => "1;41;97",
        Severity::P2 => "1;31",
        Severity::P3 => "33",
        Severity::P4 => "36",
    };
    paint(severity.as_str(), code, colours)
}

/// A text in a colour (an SGR code), where that is wanted.
pub(crate) fn paint(text: &str, code: &str, colours: bool) -> String {
    if colours { format!("\x1b[{code}m{text}\x1b[0m") } else { text.to_owned() }
}

/// One line without control characters or direction marks, cut: names and messages are written by tenants.
pub(crate) fn plain(text: &str, max: usize) -> String {
    let harmless = |c: char| {
        let direction =
            matches!(c, '\u{200e}' | '\u{200f}' | '\u{202a}'..='\u{202e}' | '\u{2066}'..='\u{2069}');
        if c.is_control() || direction { ' ' } else { c }
    };
    let mut line: String = text.chars().map(harmless).take(max).collect();
    if text.chars().nth(max).is_some() {
        line.push('…');
    }
    line
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
        assert_eq!(plain("a\x1b[2Jb\nc\u{202e}d", 20), "a [2Jb c d");
        assert_eq!(plain("abcdef", 3), "abc…");
    }
}
