//! Words in a text that are not the program's own: what users sent to it, and what it repeats of that.
//!
//! A log line of a request, a comment or a search may hold any error's words. They are hidden before anything is looked
//! for. What stands beside them, and is the program's own, stays.

mod request;
mod sentence;
mod value;

use crate::log::{Level, WRONG, level_of};
use std::ops::Range;

/// What stands in place of what is hidden.
const HIDDEN: u8 = 0x7f;
/// How many places of one line are looked at.
const PLACES: usize = 64;

/// The text in lower case without the words of others; offsets stay.
pub(crate) fn hide(text: &str, lower: String) -> String {
    let mut hidden = Vec::new();
    let mut from = 0;
    for line in lower.split('\n') {
        let original = text.get(from..from + line.len()).unwrap_or_default();
        let of_line = of_line(original, line);
        hidden.extend(of_line.into_iter().map(|at| from + at.start..from + at.end));
        from += line.len() + 1;
    }
    if hidden.is_empty() {
        return lower;
    }
    let mut bytes = lower.into_bytes();
    for at in hidden {
        // Whole characters only: ranges end at ASCII.
        if let Some(place) = bytes.get_mut(at) {
            place.fill(HIDDEN);
        }
    }
    String::from_utf8(bytes).unwrap_or_default()
}

fn of_line(original: &str, line: &str) -> Vec<Range<usize>> {
    let mut hidden = Vec::new();
    request::request(line, &mut hidden);
    request::queries(line, &mut hidden);
    value::values(line, &mut hidden);
    let level = level_of(original, line);
    if level < Some(Level::Error) {
        request::served(line, &mut hidden);
        sentence::said(line, &mut hidden);
        sentence::mentioned(line, &mut hidden);
    }
    hidden
}

/// A part of a line; nothing where the range is none of its own.
fn part(line: &str, range: Range<usize>) -> &str {
    line.get(range).unwrap_or_default()
}

fn is_wrong(text: &str) -> bool {
    WRONG.iter().any(|words| text.contains(words))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn left(text: &str) -> String {
        hide(text, text.to_ascii_lowercase()).replace(char::from(HIDDEN), "")
    }

    #[test]
    fn what_others_wrote_is_hidden() {
        let table = [
            ("comment from user: no such host", "comment from user"),
            ("GET /search?q=no+such+host 200", "get  200"),
            (
                "10.0.0.1 - - [02/Mar/2026:10:00:00 +0000] \"GET /s?q=no such host HTTP/1.1\" 200 5 \"http://a/?q=connection refused\" \"no space left on device\"",
                "10.0.0.1 - - [02/mar/2026:10:00:00 +0000] \"get  http/1.1\" 200 5 \"\" \"\"",
            ),
            (
                "{\"level\":\"info\",\"msg\":\"saved\",\"body\":{\"message\":\"no such host\"}}",
                "{\"level\":\"info\",\"msg\":\"saved\",\"body\":}",
            ),
            ("{\"user\":\"bob\",\"message\":\"no such host\"}", "{\"user\":\"bob\",\"message\":}"),
            ("received message {\"text\":\"connection refused\"}", "received message "),
            ("POST /feedback body={\"message\":\"permission denied\"} 201", "post  body= 201"),
            ("Indexed document \"How to fix no such host\" in 3ms", "indexed document \"\" in 3ms"),
            ("user searched for 'connection refused'", "user searched"),
        ];
        for (text, want) in table {
            let left = left(text);
            assert!(
                left.starts_with(want) && !left.contains("such host") && !left.contains("refused"),
                "{text}: {left}"
            );
        }
    }

    #[test]
    fn a_programs_own_words_stay() {
        for text in [
            "dial tcp: lookup db: no such host",
            "level=warn msg=\"cannot connect\" err=\"dial tcp: connection refused\"",
            "{\"level\":\"error\",\"message\":\"dial tcp: connection refused\"}",
            "{\"error\":\"dial tcp: connection refused\",\"message\":\"failed\",\"severity\":\"fatal\"}",
            "Get \"http://10.0.0.1:8080/x\": dial tcp 10.0.0.1:8080: connect: connection refused",
            "rpc error: code = Unavailable desc = connection error: desc = \"transport: Error while dialing\"",
            "Error executing query: connection refused",
            "error: failed to bind: 'address already in use'",
            "KeyError: 'DATABASE_URL'",
            "could not translate host name \"db\" to address: Name or service not known",
            "reset reason: connection timeout \"frontend:8080\"",
            "answered 500 {\"error\":\"password authentication failed\"}",
        ] {
            assert_eq!(left(text), text.to_ascii_lowercase(), "{text}");
        }
    }

    #[test]
    fn any_text_keeps_its_length() {
        for text in
            ["body={é", "\"", "?", "comment: é\nü", "get /é http/1.1", "{\"body\":\"ü\"}", "é\"", "title='ö"]
        {
            assert_eq!(hide(text, text.to_ascii_lowercase()).len(), text.len(), "{text}");
        }
    }
}
