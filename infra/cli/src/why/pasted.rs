//! Whatever somebody pipes in: an output of `kubectl describe`, of `kubectl logs`, a part of a terminal.

use super::lines::{self, Line};
use anyhow::Result;
use prodrome_causes::{Combined, Kind, Text, classify_all};
use std::io::BufRead;

/// What is kept of a long input: its end.
const KEPT_BYTES: usize = 1 << 20;
/// How many of the last lines are read one by one, beside the whole.
const LINES_MAX: usize = 2_000;

/// Reads the rest of the input, and keeps its end.
pub(super) fn read(head: &[Line], input: &mut impl BufRead) -> Result<String> {
    let mut text = head.iter().map(|line| line.text.as_str()).collect::<Vec<_>>().join("\n");
    while let Some(line) = lines::next(input)? {
        text.push('\n');
        text.push_str(&line.text);
        if text.len() > 2 * KEPT_BYTES {
            let cut = text.ceil_char_boundary(text.len() - KEPT_BYTES);
            text.drain(..cut);
        }
    }
    Ok(text)
}

/// The best supported cause of the whole.
///
/// A description is read part by part. Of a log the whole counts, as an error may be one that the program got over; but
/// what only a part of the cluster writes may stand in between.
pub(super) fn classify(text: &str, kind: Option<Kind>) -> Combined {
    let mut all: Vec<&str> = text.lines().filter(|line| says_something(line)).collect();
    let skipped = all.len().saturating_sub(LINES_MAX);
    all.drain(..skipped);
    let whole = Text { kind: kind.unwrap_or(Kind::Log), reason: "", text };
    let described = kind.is_none() && all.iter().any(|line| is_of_a_description(line));
    let each = all.iter().rev().filter_map(|line| match kind {
        Some(Kind::Log) => None,
        Some(kind) => Some(Text { kind, reason: "", text: line }),
        None if described => part(line),
        None => Some(Text::event("", line.trim())).filter(Text::is_of_the_cluster),
    });
    classify_all(each.chain([whole]))
}

/// Words with which lines of `kubectl describe` begin, and of no log.
const DESCRIBED: [&str; 8] =
    ["Events:", "Reason:", "Message:", "Last State:", "State:", "Conditions:", "Warning  ", "LAST SEEN  "];

fn is_of_a_description(line: &str) -> bool {
    let line = line.trim_start();
    DESCRIBED.iter().any(|begin| line.starts_with(begin)) || row_of_events(line).is_some()
}

/// A row of `kubectl get events`: age, `Warning`, reason, object, message.
fn row_of_events(line: &str) -> Option<Text<'_>> {
    let mut columns = line.splitn(3, "  ").map(str::trim).filter(|column| !column.is_empty());
    let (_, rest) =
        (columns.next()?, line.split_once(" Warning  ").or_else(|| line.split_once(" Normal  "))?);
    let (reason, rest) = rest.1.trim_start().split_once("  ")?;
    let (_, message) = rest.trim_start().split_once("  ")?;
    let warns = line.contains(" Warning  ");
    Some(if warns { Text::event(reason.trim(), message.trim()) } else { Text::event("", "") })
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
    if let Some(row) = row_of_events(trimmed) {
        return Some(row).filter(|row| !row.text.is_empty());
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
    fn a_row_of_events_is_read_with_its_reason() {
        let rows = "\
LAST SEEN   TYPE      REASON        OBJECT      MESSAGE
5m          Normal    Pulled        pod/web-0   Container image \"x\" already present on machine
2m          Warning   FailedMount   pod/web-0   MountVolume.SetUp failed for volume \"tls\" : secret \"web-tls\" not found
";
        assert_eq!(classify(rows, None).best.cause, Some(Cause::ConfigRefMissing));
    }

    #[test]
    fn a_log_is_read_as_a_whole() {
        let log = "Error: getaddrinfo ENOTFOUND db\nconnected to db\nTypeError: Cannot read properties of undefined (reading 'id')\n    at Object.<anonymous> (/app/index.js:3:13)\n";
        assert_eq!(classify(log, None).best.cause, Some(Cause::AppError));
        assert_eq!(classify(log, Some(Kind::Log)).best.cause, Some(Cause::AppError));
    }

    #[test]
    fn of_a_log_the_line_that_tells_is_found() {
        let log =
            "INFO starting\nINFO connecting\npanic: dial tcp 10.0.0.1:5432: connect: connection refused\n";
        assert_eq!(classify(log, None).best.cause, Some(Cause::AppDependencyUnreachable));
        assert_eq!(classify("INFO fine\nready\n", None).best.cause, None);
    }
}
