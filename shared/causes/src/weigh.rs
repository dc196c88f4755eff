//! What a cause that a log names weighs by where it stands.

use crate::Cause;
use crate::classify::Candidate;
use crate::context::Input;
use crate::log::{Level, Log};
use crate::text::Kind;
use std::ops::Range;

/// Below every cause that stands where the program died.
const BEFORE: i8 = -5;
/// From here on a cause says more than that a program has died.
const TELLING: f64 = 0.7;

/// What a number is called that counts what stands before it.
const COUNTS: &[&str] =
    &["count", "counts", "total", "errors", "failures", "times", "n", "num", "number", "value"];

/// Weighs the candidates of a log.
pub(crate) fn weigh(input: &Input, candidates: &mut [Candidate]) {
    if input.kind != Kind::Log {
        return;
    }
    let log = Log::read(&input.normal.text, input.lower());
    for candidate in candidates.iter_mut().filter(|candidate| !candidate.at.is_empty()) {
        by_its_line(&log, candidate);
        let is_calm = log.level(log.line(candidate.at.start)) == Some(Level::Low);
        if is_calm && is_none_of_it(input.lower(), &candidate.at) {
            weaken(candidate, 0.0);
        }
    }
    let died_of: Vec<Cause> = candidates
        .iter()
        .filter(|candidate| tells(candidate) && log.is_death(log.line(candidate.at.start)))
        .map(|candidate| candidate.cause)
        .collect();
    let mistake = died_of.is_empty() && log.died_of_a_mistake();
    for candidate in candidates.iter_mut().filter(|candidate| !candidate.at.is_empty()) {
        let line = log.line(candidate.at.start);
        if log.is_death(line) {
            continue;
        }
        let went_on = log.life_after(line);
        let minor = log.level(line).is_some_and(|level| level <= Level::Warn);
        if log.recovered_after(line) || log.is_tolerated(line) && went_on > 0 {
            weaken(candidate, 0.5);
        } else if !died_of.is_empty() && !died_of.contains(&candidate.cause) {
            weaken(candidate, 0.9);
        } else if mistake && (minor || went_on > 1) {
            weaken(candidate, 0.7);
        } else if went_on >= 10 {
            // An error of which nothing is heard again.
            candidate.confidence *= 0.85;
        }
    }
}

/// A cause of its own, said by itself: not by a wrapper, nor by what every end has.
fn tells(candidate: &Candidate) -> bool {
    candidate.cause != Cause::AppError
        && candidate.rank >= 0
        && candidate.confidence >= TELLING
        && !candidate.at.is_empty()
}

/// Whether a line counts how often something happened, and it did not: `connection refused count=0`, `0 timed out`.
fn is_none_of_it(lower: &str, at: &Range<usize>) -> bool {
    let behind = lower.get(at.end..).unwrap_or_default().split('\n').next().unwrap_or_default();
    let is_part = |c: char| c.is_ascii_alphanumeric() || matches!(c, '.' | '-');
    let mut words = behind.split(|c: char| !is_part(c)).filter(|word| !word.is_empty());
    let is_given = behind.trim_start_matches(['"', ' ']).starts_with(['=', ':']);
    let counted = match words.next() {
        Some(word) if COUNTS.contains(&word) => words.next(),
        word => word.filter(|_| is_given),
    };
    let before = lower.get(..at.start).unwrap_or_default().trim_end_matches(' ');
    let none = ["0", "no", "zero"].iter().filter_map(|none| before.strip_suffix(none));
    counted == Some("0") || none.into_iter().any(|rest| !rest.ends_with(|c| is_part(c) || c == ':'))
}

fn weaken(candidate: &mut Candidate, by: f64) {
    candidate.confidence *= by;
    candidate.rank = candidate.rank.min(BEFORE);
}

/// What the line itself takes from what it says: a warning may be a try that went well later.
fn by_its_line(log: &Log<'_>, candidate: &mut Candidate) {
    let line = log.line(candidate.at.start);
    match log.level(line) {
        Some(Level::Low) => {
            candidate.confidence *= 0.6;
            candidate.rank = candidate.rank.min(-2);
        }
        Some(Level::Warn) => candidate.confidence *= 0.85,
        _ => {}
    }
    let of_others = candidate.cause.is_of_a_dependency();
    if of_others && (log.is_telemetry(line) || log.was_asked_to_end(line)) {
        candidate.confidence *= 0.75;
        candidate.rank = candidate.rank.min(-2);
    }
}
