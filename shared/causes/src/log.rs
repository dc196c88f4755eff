//! A log as the story of a program: where it ends, what stands before that, and what it has recovered from.
//!
//! What made a program die stands at the end. Before it may stand errors that it got over: then it said so, or went on.
//! Or the very error of which the end is only the consequence, such as five refused connections and `giving up`.

mod line;
mod words;

pub(crate) use line::{Level, level_of, message};
use line::{Line, Role};
use std::ops::Range;
pub(crate) use words::WRONG;

/// How many of the last lines are read one by one.
const LINES_MAX: usize = 4_000;

/// A log, line by line.
#[derive(Debug)]
pub(crate) struct Log<'a> {
    lower: &'a str,
    lines: Vec<Line>,
    /// The error at the end of which the program died, if it is told.
    death: Option<Range<usize>>,
    /// Where the errors begin after which nothing else comes.
    end: usize,
}

impl<'a> Log<'a> {
    /// Reads a log. `lower` is `text` in lower case.
    pub(crate) fn read(text: &str, lower: &'a str) -> Self {
        let mut from = 0;
        let mut ranges: Vec<Range<usize>> = lower
            .split('\n')
            .map(|line| {
                let at = from..from + line.len();
                from = at.end + 1;
                at
            })
            .collect();
        ranges.drain(..ranges.len().saturating_sub(LINES_MAX));
        let lines: Vec<Line> = ranges.into_iter().map(|at| Line::read(text, lower, at)).collect();
        let end = end(&lines);
        let death = death(&lines, end);
        Self { lower, lines, death, end }
    }

    /// The number of the line at an offset.
    pub(crate) fn line(&self, at: usize) -> usize {
        self.lines.partition_point(|line| line.at.end < at).min(self.lines.len().saturating_sub(1))
    }

    /// How bad a line says it is, or the error does of which it is a part.
    pub(crate) fn level(&self, line: usize) -> Option<Level> {
        let mut of = self.lines.get(..=line)?.iter().rev();
        of.find(|line| line.level.is_some() || line.role != Role::Part)?.level
    }

    /// Whether a line belongs to the error of which the program died.
    pub(crate) fn is_death(&self, line: usize) -> bool {
        self.death.as_ref().is_some_and(|death| line >= death.start)
    }

    /// Whether a program's own mistake killed it, such as a value that is not there: no error of others needs to be behind it.
    pub(crate) fn died_of_a_mistake(&self) -> bool {
        self.death.clone().is_some_and(|death| {
            self.lines[death]
                .iter()
                .any(|line| words::MISTAKE.iter().any(|words| self.text(line).contains(words)))
        })
    }

    /// How often the program went on between a line and its end.
    pub(crate) fn life_after(&self, line: usize) -> usize {
        let end = self.death.as_ref().map_or(self.end, |death| death.start);
        let after = self.lines.get(line + 1..end.max(line + 1)).unwrap_or_default();
        after.iter().filter(|line| matches!(line.role, Role::Life | Role::Recovery)).count()
    }

    /// Whether the log says after a line that what it tells of is well again.
    pub(crate) fn recovered_after(&self, line: usize) -> bool {
        let Some(told) = self.lines.get(line) else { return false };
        let about = dependencies(self.text(told));
        self.lines.iter().skip(line + 1).filter(|line| line.role == Role::Recovery).any(|line| {
            let well = dependencies(self.text(line));
            about == 0 || well == 0 || about & well != 0
        })
    }

    /// Whether the program says, there or right behind, that it goes on without what a line tells of.
    pub(crate) fn is_tolerated(&self, line: usize) -> bool {
        let near = self.lines.get(line..(line + 2).min(self.lines.len())).unwrap_or_default();
        near.iter().enumerate().any(|(n, near)| {
            let other = n > 0 && matches!(near.role, Role::Trouble | Role::Death);
            !other && words::TOLERATED.iter().any(|words| self.text(near).contains(words))
        })
    }

    /// Whether somebody had asked the program to end before a line: what breaks then breaks because of that.
    pub(crate) fn was_asked_to_end(&self, line: usize) -> bool {
        let before = self.lines.get(..line).unwrap_or_default();
        before.iter().any(|line| {
            line.role == Role::Leaving
                && words::ASKED_TO_END.iter().any(|words| self.text(line).contains(words))
        })
    }

    /// Whether a line is about what the program tells of itself: traces, metrics, reports of errors.
    pub(crate) fn is_telemetry(&self, line: usize) -> bool {
        self.lines
            .get(line)
            .is_some_and(|line| words::TELEMETRY.iter().any(|words| self.text(line).contains(words)))
    }

    fn text(&self, line: &Line) -> &str {
        self.lower.get(line.at.clone()).unwrap_or_default()
    }
}

/// The first line of the errors with which the log ends; behind the last where it ends with none.
fn end(lines: &[Line]) -> usize {
    let on = lines
        .iter()
        .rposition(|line| matches!(line.role, Role::Life | Role::Recovery))
        .map_or(0, |at| at + 1);
    let errors = lines[on..].iter().position(|line| matches!(line.role, Role::Trouble | Role::Death));
    errors.map_or(lines.len(), |at| on + at)
}

/// The last error at the end that a runtime wrote as its own, with those that it was raised from: nothing but their parts
/// stands between them.
fn death(lines: &[Line], end: usize) -> Option<Range<usize>> {
    let last = end + lines[end..].iter().rposition(|line| line.role == Role::Death)?;
    let mut start = last;
    for at in (end..last).rev() {
        match lines[at].role {
            Role::Death => start = at,
            Role::Part => {}
            _ => break,
        }
    }
    Some(start..lines.len())
}

/// The kinds of dependencies that a line names, as bits.
fn dependencies(low: &str) -> u32 {
    let mut found = 0;
    for word in low.split(|c: char| !c.is_ascii_alphanumeric()) {
        for (n, kind) in words::DEPENDENCIES.iter().enumerate() {
            if kind.contains(&word) {
                found |= 1 << n;
            }
        }
    }
    found
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_mistake_is_known() {
        let text = "INFO up\npanic: assignment to entry in nil map\n\ngoroutine 57 [running]:\nmain.(*cache).put(...)\n\t/src/cache.go:31";
        assert!(Log::read(text, &text.to_ascii_lowercase()).died_of_a_mistake());
    }

    fn story(text: &str) -> (Option<Range<usize>>, usize) {
        let lower = text.to_ascii_lowercase();
        let log = Log::read(text, &lower);
        (log.death, log.end)
    }

    #[test]
    fn the_end_is_what_nothing_but_noise_follows() {
        let table = [
            (
                "starting\nError: getaddrinfo ENOTFOUND db\nconnected to db\nTypeError: x is undefined",
                Some(3..4),
                3,
            ),
            (
                "panic: boom\n\ngoroutine 1 [running]:\nmain.main()\n\t/src/main.go:1\nexit status 2",
                Some(0..6),
                0,
            ),
            ("INFO up\nERROR no\nINFO shutting down\nbye", None, 1),
            ("ERROR no\nGET /x 200", None, 2),
            (
                "INFO up\nTraceback (most recent call last):\n  File \"a\"\nKeyError: 'x'\n\nDuring handling of the above exception, another exception occurred:\n\nTraceback (most recent call last):\n  File \"b\"\nValueError: y",
                Some(1..10),
                1,
            ),
            ("dial refused\ndial refused\nfatal: giving up", Some(2..3), 0),
            (
                "INFO up\npanic: assignment to entry in nil map\n\ngoroutine 57 [running]:\nmain.(*cache).put(...)\n\t/src/cache.go:31",
                Some(1..6),
                1,
            ),
        ];
        for (text, death, end) in table {
            assert_eq!(story(text), (death, end), "{text}");
        }
    }

    #[test]
    fn what_is_well_is_well_of_its_kind() {
        let recovered = |text: &str| Log::read(text, &text.to_ascii_lowercase()).recovered_after(0);
        assert!(recovered("ECONNREFUSED 10.0.0.1:5432\nConnected to PostgreSQL"));
        assert!(recovered("getaddrinfo ENOTFOUND db\nServer listening on 8080"));
        assert!(!recovered("ECONNREFUSED 10.0.0.1:5432\nconnected to redis"));
        assert!(!recovered("getaddrinfo ENOTFOUND db\nnot connected"));
    }
}
