//! JSON lines of texts, each bounded and read by itself.

use anyhow::Result;
use prodrome_causes::{Classification, Kind, Text};
use serde::Deserialize;
use std::io::{BufRead, Read as _};

/// The longest line that is kept; of a longer one the rest is passed over.
const LINE_BYTES_MAX: u64 = 4 << 20;
/// In how many lines a first JSON line of ours is looked for.
const LOOKED_AT: usize = 20;

/// What a line of ours may hold.
const KEYS: [&str; 4] = ["id", "kind", "reason", "text"];

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
    Lines(Vec<String>),
    Pasted(Vec<String>),
}

/// Sees whether the input is JSON lines of ours: programs log JSON as well, but without a `text` to classify.
pub(super) fn open(input: &mut impl BufRead) -> Result<Opened> {
    let mut head = Vec::new();
    while head.len() < LOOKED_AT {
        let Some(line) = next(input)? else { break };
        let ours = is_ours(&line);
        let broken = line.trim_start().starts_with('{')
            && serde_json::from_str::<serde::de::IgnoredAny>(&line).is_err();
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
fn is_braces_of_prose(head: &[String]) -> bool {
    head.first().is_some_and(|line| line.trim() == "{")
}

/// The next line, without its end; what is not UTF-8 is replaced.
pub(super) fn next(input: &mut impl BufRead) -> Result<Option<String>> {
    let mut line = Vec::new();
    let read = input.by_ref().take(LINE_BYTES_MAX).read_until(b'\n', &mut line)?;
    if read == 0 {
        return Ok(None);
    }
    if line.last() == Some(&b'\n') {
        line.pop();
    } else {
        pass_over(input)?;
    }
    Ok(Some(String::from_utf8_lossy(&line).into_owned()))
}

/// Drops the rest of a line.
fn pass_over(input: &mut impl BufRead) -> Result<()> {
    loop {
        let (used, done) = {
            let buffer = input.fill_buf()?;
            match buffer.iter().position(|&byte| byte == b'\n') {
                Some(end) => (end + 1, true),
                None => (buffer.len(), buffer.is_empty()),
            }
        };
        input.consume(used);
        if done {
            return Ok(());
        }
    }
}

/// A line's text, or what is wrong with the line.
pub(super) fn parse(line: &str) -> Result<Asked, String> {
    let asked: Asked = serde_json::from_str(line)
        .map_err(|error| format!("expected an object {{\"id\",\"kind\",\"reason\",\"text\"}}: {error}"))?;
    if asked.text.is_some() {
        return Ok(asked);
    }
    let map: serde_json::Map<String, serde_json::Value> = serde_json::from_str(line).unwrap_or_default();
    let keys: Vec<&str> = map.keys().map(String::as_str).take(8).collect();
    let found = if keys.is_empty() { "none".to_owned() } else { format!("only {}", keys.join(", ")) };
    Err(format!("expected a `text`, found {found}"))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_line_without_end_is_cut_and_the_next_one_is_read() {
        let long = "x".repeat(usize::try_from(LINE_BYTES_MAX).unwrap() + 10);
        let text = format!("{long}\nsecond\n");
        let mut input = text.as_bytes();
        assert_eq!(next(&mut input).unwrap().unwrap().len() as u64, LINE_BYTES_MAX);
        assert_eq!(next(&mut input).unwrap().as_deref(), Some("second"));
        assert_eq!(next(&mut input).unwrap(), None);
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
