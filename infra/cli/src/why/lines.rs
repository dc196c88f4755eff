//! JSON lines of texts, each bounded and read by itself.

use anyhow::Result;
use prodrome_causes::{Classification, Kind, Text};
use serde::Deserialize;
use std::io::{BufRead, Read as _};

/// The longest line that is kept; of a longer one the rest is passed over.
const LINE_BYTES_MAX: u64 = 4 << 20;
/// In how many lines a first JSON line of ours is looked for.
const LOOKED_AT: usize = 20;

/// What some editors begin a file with.
const BYTE_ORDER_MARK: char = '\u{feff}';

/// What a line of ours may hold.
const KEYS: [&str; 4] = ["id", "kind", "reason", "text"];

/// A line of the input.
#[derive(Debug, PartialEq, Eq)]
pub(super) struct Line {
    pub(super) text: String,
    /// Whether it was longer than is kept.
    pub(super) is_cut: bool,
}

/// A text that is asked about.
#[derive(Debug, Deserialize)]
pub(super) struct Asked {
    pub(super) id: Option<serde_json::Value>,
    kind: Option<Kind>,
    reason: Option<String>,
    text: Option<String>,
}

impl Asked {
    pub(super) fn classify(&self) -> Classification {
        prodrome_causes::classify(&Text {
            kind: self.kind.unwrap_or_default(),
            reason: self.reason.as_deref().unwrap_or_default(),
            text: self.text.as_deref().unwrap_or_default(),
        })
    }
}

/// What standard input turned out to be, with the lines that were read to see it.
pub(super) enum Opened {
    Lines(Vec<Line>),
    Pasted(Vec<Line>),
}

impl Opened {
    /// Whether the input begins as a JSON list, or as an object that goes on over many lines.
    pub(super) fn is_a_document(&self) -> bool {
        let (Self::Lines(head) | Self::Pasted(head)) = self;
        let first = head.iter().map(|line| line.text.trim()).find(|text| !text.is_empty());
        // A log may begin with a time or a level in brackets.
        let in_list =
            |text: &str| text.strip_prefix('[').is_some_and(|rest| rest.trim_start().starts_with('{'));
        first.is_some_and(|text| matches!(text, "{" | "[" | "[]") || in_list(text))
    }
}

/// Sees whether the input is JSON lines of ours: programs log JSON as well, but without a `text` to classify.
pub(super) fn open(input: &mut impl BufRead) -> Result<Opened> {
    let mut head = Vec::new();
    while head.len() < LOOKED_AT {
        let Some(mut line) = next(input)? else { break };
        if head.is_empty() && line.text.starts_with(BYTE_ORDER_MARK) {
            line.text.drain(..BYTE_ORDER_MARK.len_utf8());
        }
        let ours = is_ours(&line.text);
        let broken = line.text.trim_start().starts_with('{')
            && serde_json::from_str::<serde::de::IgnoredAny>(&line.text).is_err();
        head.push(line);
        if ours || (broken && head.len() == 1 && !is_braces_of_prose(&head)) {
            return Ok(Opened::Lines(head));
        }
    }
    Ok(Opened::Pasted(head))
}

/// A line with a `text`; or one that has only our other keys, so that the text was forgotten.
fn is_ours(line: &str) -> bool {
    let Ok(serde_json::Value::Object(map)) = serde_json::from_str(line) else { return false };
    let of_ours = |key: &String| KEYS.contains(&key.as_str());
    (map.contains_key("text") && !map.contains_key("msg")) || (!map.is_empty() && map.keys().all(of_ours))
}

/// `{` alone begins a JSON document that is written over many lines.
fn is_braces_of_prose(head: &[Line]) -> bool {
    head.first().is_some_and(|line| line.text.trim() == "{")
}

/// The next line, without its end; what is not UTF-8 is replaced.
pub(super) fn next(input: &mut impl BufRead) -> Result<Option<Line>> {
    let mut line = Vec::new();
    let read = input.by_ref().take(LINE_BYTES_MAX).read_until(b'\n', &mut line)?;
    if read == 0 {
        return Ok(None);
    }
    let is_cut = if line.last() == Some(&b'\n') {
        line.pop();
        false
    } else {
        pass_over(input)?
    };
    Ok(Some(Line { text: String::from_utf8_lossy(&line).into_owned(), is_cut }))
}

/// Drops the rest of a line; whether there was any.
fn pass_over(input: &mut impl BufRead) -> Result<bool> {
    let mut any = false;
    loop {
        let (used, done) = {
            let buffer = input.fill_buf()?;
            match buffer.iter().position(|&byte| byte == b'\n') {
                Some(end) => (end + 1, true),
                None => (buffer.len(), buffer.is_empty()),
            }
        };
        input.consume(used);
        // The end of the line alone is none of it.
        any |= used > usize::from(done);
        if done {
            return Ok(any);
        }
    }
}

/// What a line asks, or what is wrong with the line.
pub(super) fn parse(line: &Line) -> Result<Asked, Refused> {
    let text = &line.text;
    if line.is_cut {
        let problem = format!(
            "the line is longer than {} MiB, which is the most that is read; shorten its text",
            LINE_BYTES_MAX >> 20
        );
        return Err(Refused { id: id_within(text), problem });
    }
    let asked: Asked = serde_json::from_str(text).map_err(|error| {
        let problem = format!("expected an object {{\"id\",\"kind\",\"reason\",\"text\"}}: {error}");
        Refused { id: id_within(text), problem }
    })?;
    let given = |of: &Option<String>| of.as_deref().is_some_and(|of| !of.trim().is_empty());
    if asked.text.is_some() || given(&asked.reason) {
        return Ok(asked);
    }
    let map: serde_json::Map<String, serde_json::Value> = serde_json::from_str(text).unwrap_or_default();
    let keys: Vec<&str> = map.keys().map(String::as_str).take(8).collect();
    let found = if keys.is_empty() { "none".to_owned() } else { format!("only {}", keys.join(", ")) };
    Err(Refused { id: asked.id, problem: format!("expected a `text` or a `reason`, found {found}") })
}

/// A line that cannot be answered.
#[derive(Debug)]
pub(super) struct Refused {
    /// Its id, where one can be read: whoever asked finds the line by it.
    pub(super) id: Option<serde_json::Value>,
    pub(super) problem: String,
}

/// The id of a line that is no JSON, or not all of one.
fn id_within(text: &str) -> Option<serde_json::Value> {
    let (_, rest) = text.split_once("\"id\"")?;
    let rest = rest.trim_start().strip_prefix(':')?;
    let value = serde_json::Deserializer::from_str(rest).into_iter().next()?.ok()?;
    matches!(value, serde_json::Value::String(_) | serde_json::Value::Number(_)).then_some(value)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_line_without_end_is_cut_and_the_next_one_is_read() {
        let long = "x".repeat(usize::try_from(LINE_BYTES_MAX).unwrap() + 10);
        let text = format!("{long}\nsecond\n");
        let mut input = text.as_bytes();
        let first = next(&mut input).unwrap().unwrap();
        assert_eq!((first.text.len() as u64, first.is_cut), (LINE_BYTES_MAX, true));
        let second = Line { text: "second".to_owned(), is_cut: false };
        assert_eq!(next(&mut input).unwrap(), Some(second));
        assert_eq!(next(&mut input).unwrap(), None);
    }

    #[test]
    fn a_line_of_the_greatest_length_is_whole() {
        for end in ["", "\n", "\nnext"] {
            let text = "x".repeat(usize::try_from(LINE_BYTES_MAX).unwrap()) + end;
            assert!(!next(&mut text.as_bytes()).unwrap().unwrap().is_cut, "{end:?}");
        }
    }

    #[test]
    fn the_id_of_a_broken_line_is_found() {
        let table = [
            ("{\"id\":\"a\",\"text\":\"x", Some("\"a\"")),
            ("{\"text\":\"x\", \"id\" : 7", Some("7")),
            ("{\"id\":{\"a\":1},", None),
            ("{\"id\":\"a", None),
            ("nonsense", None),
        ];
        for (text, want) in table {
            assert_eq!(id_within(text).map(|id| id.to_string()).as_deref(), want, "{text}");
        }
    }

    #[test]
    fn logs_in_json_are_no_lines_of_ours() {
        let table = [
            ("{\"id\":\"a\",\"text\":\"x\"}\n", true),
            ("{\"level\":\"error\",\"msg\":\"x\"}\n", false),
            ("plain\n", false),
            ("nonsense\n{\"id\":\"a\",\"text\":\"x\"}\n", true),
            ("{broken\n", true),
            ("{\"id\":3,\"kind\":\"event\"}\n", true),
            ("{\"kind\":\"Pod\",\"apiVersion\":\"v1\"}\n", false),
            ("{}\n", false),
            ("{\n \"kind\": \"Pod\"\n}\n", false),
        ];
        for (text, want) in table {
            let is_lines = matches!(open(&mut text.as_bytes()).unwrap(), Opened::Lines(_));
            assert_eq!(is_lines, want, "{text:?}");
        }
    }
}
