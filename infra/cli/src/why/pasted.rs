//! Whatever somebody pipes in: an output of `kubectl describe`, of `kubectl logs`, a part of a terminal.

use super::lines;
use anyhow::Result;
use prodrome_causes::{Combined, Kind, Text, classify_all};
use std::io::BufRead;

/// What is kept of a long input: its end.
const KEPT_BYTES: usize = 1 << 20;
/// How many of the last lines are read one by one, beside the whole.
const LINES_MAX: usize = 2_000;

/// Reads the rest of the input, and keeps its end.
pub(super) fn read(head: &[String], input: &mut impl BufRead) -> Result<String> {
    let mut text = head.join("\n");
    while let Some(line) = lines::next(input)? {
        text.push('\n');
        text.push_str(&line);
        if text.len() > 2 * KEPT_BYTES {
            let cut = text.ceil_char_boundary(text.len() - KEPT_BYTES);
            text.drain(..cut);
        }
    }
    Ok(text)
}

/// The best supported cause of the whole.
pub(super) fn classify(text: &str, kind: Option<Kind>) -> Combined {
    let mut all: Vec<&str> = text.lines().filter(|line| says_something(line)).collect();
    let skipped = all.len().saturating_sub(LINES_MAX);
    all.drain(..skipped);
    let whole = Text { kind: kind.unwrap_or(Kind::Log), reason: "", text };
    let each = all.iter().rev().filter_map(|line| match kind {
        Some(kind) => Some(Text { kind, reason: "", text: line }),
        None => part(line),
    });
    classify_all(each.chain([whole]))
}

fn says_something(line: &str) -> bool {
    line.chars().filter(|c| c.is_alphabetic()).count() >= 3
}

/// A line of `kubectl describe` or of a log. A Normal event tells of nothing wrong.
fn part(line: &str) -> Option<Text<'_>> {
    let trimmed = line.trim_start();
    if let Some(reason) = trimmed.strip_prefix("Reason:") {
        return Some(Text::waiting(reason.trim(), ""));
    }
    if let Some(message) = trimmed.strip_prefix("Message:") {
        return Some(Text::waiting("", message.trim()));
    }
    if trimmed.starts_with("Normal ") {
        return None;
    }
    if let Some(rest) = trimmed.strip_prefix("Warning ") {
        // Warning  FailedMount  2m (x3 over 5m)  kubelet  MountVolume.SetUp failed …
        let mut columns = rest.split("  ").map(str::trim).filter(|column| !column.is_empty());
        if let (Some(reason), Some(_age), Some(from)) = (columns.next(), columns.next(), columns.next()) {
            let message = rest.split_once(from).map_or(rest, |(_, message)| message.trim_start());
            return Some(Text::event(reason, message));
        }
    }
    Some(Text::event("", trimmed))
}

#[cfg(test)]
mod tests {
    use super::*;
    use prodrome_causes::Cause;

    #[test]
    fn an_event_of_describe_is_read_with_its_reason() {
        let described = "\
Events:
  Type     Reason       Age                 From               Message
  ----     ------       ----                ----               -------
  Normal   Scheduled    3m                  default-scheduler  Successfully assigned a/b to node-1
  Warning  FailedMount  61s (x8 over 2m)    kubelet            MountVolume.SetUp failed for volume \"tls\" : secret \"web-tls\" not found
";
        let combined = classify(described, None);
        assert_eq!(combined.best.cause, Some(Cause::ConfigRefMissing));
        assert_eq!(combined.best.facts.get(prodrome_causes::Fact::Secret), Some("web-tls"));
    }

    #[test]
    fn a_state_of_describe_is_read() {
        let described =
            "    Last State:     Terminated\n      Reason:       OOMKilled\n      Exit Code:    137\n";
        assert_eq!(classify(described, None).best.cause, Some(Cause::OomKilled));
    }

    #[test]
    fn of_a_log_the_line_that_tells_is_found() {
        let log =
            "INFO starting\nINFO connecting\npanic: dial tcp 10.0.0.1:5432: connect: connection refused\n";
        assert_eq!(classify(log, None).best.cause, Some(Cause::AppDependencyUnreachable));
        assert_eq!(classify("INFO fine\nready\n", None).best.cause, None);
    }
}
