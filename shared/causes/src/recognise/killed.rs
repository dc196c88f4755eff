//! `Killed`: somebody sent SIGKILL, and seldom says who.

use crate::Cause;
use crate::classification::Words;
use crate::classify::Candidate;
use crate::context::{Domain, Input, has_any};
use crate::log::{Level, level_of, message};
use std::ops::Range;

/// How parents tell that somebody sent SIGKILL to their child: Go, Node.js, `PostgreSQL`, nginx, PHP-FPM, uWSGI, Celery.
const KILLED: &[&str] = &[
    "signal: killed",
    "signal: 9 (sigkill)",
    "signal 9 (sigkill)",
    "signal 9: killed",
    "terminated by signal 9",
    "exited on signal 9",
    "killed by signal 9",
    "npm err! signal sigkill",
    "npm error signal sigkill",
];

/// A guess of gunicorn's own: who sends SIGKILL it cannot see.
const GUESSED: &str = "perhaps out of memory?";

/// Who kills a child on purpose says so, sometimes long before it is dead.
const ON_PURPOSE: &[&str] = &[
    "harakiri",
    "worker timeout",
    "hard time limit",
    "sending signal",
    "sending sigkill",
    "sigterm",
    "shutting down",
    "shutdown request",
    "shutdown signal",
    "received shutdown",
    "initiating shutdown",
];
/// How many lines before.
const ON_PURPOSE_LINES: usize = 12;

/// Somebody's patience was at its end. Others lose it as well, over other things: this counts close by.
const AT_AN_END: &[&str] = &["timed out", "deadline exceeded", "canceled", "cancelled"];
/// The same, where it tells what happened and is no setting's name.
const LIMITS: &[&str] = &["timeout", "time limit"];
/// What a limit does that is at its end.
const RAN_OUT: &[&str] = &["exceed", "reached", "expired", "elapsed", "kill", "terminat", "abort"];
/// How many lines before, and behind.
const AT_AN_END_LINES: (usize, usize) = (4, 2);

/// What SIGKILL means where a parent lives to tell of it. The kubelet and the runtime end the container's first process
/// and all others with it, so that nobody is left to write a line; the kernel, at the memory limit, often takes one alone.
/// Others can send it too, so that this is a guess, which whoever knows of a limit may raise.
const BY_SIGKILL: Words = (
    "A process of the container was killed with SIGKILL while the one that started it lived on; most often the kernel does \
     that at the memory limit.",
    &[
        "Compare the container's memory use with its limit, and look for OOMKilled in its last state.",
        "Look for a watchdog or a script in the container that kills by itself, and at the node's memory where there is no limit.",
    ],
);

/// The last line by which a process is told to have been killed.
pub(super) fn recognise(input: &Input, candidates: &mut Vec<Candidate>) {
    if !matches!(input.domain, Domain::App | Domain::Other | Domain::Start) {
        return;
    }
    let mut end = input.lower().len();
    for line in input.lower().rsplit('\n') {
        let at = end - line.len()..end;
        end = at.start.saturating_sub(1);
        let guessed = line.contains(GUESSED);
        let original = input.normal.text.get(at.clone()).unwrap_or_default();
        if guessed || has_any(line, KILLED) || is_word_of_a_shell(message(original)) {
            if !was_on_purpose(input, &at) {
                let percent = if guessed { 44 } else { 40 };
                let rank = if guessed { 0 } else { -2 };
                let advice = (!guessed).then_some(BY_SIGKILL);
                candidates.push(Candidate { advice, rank, ..Candidate::new(Cause::OomKilled, percent, at) });
            }
            return;
        }
    }
}

/// Whether the lines around one tell of a kill on purpose: not what somebody says of its settings.
fn was_on_purpose(input: &Input, at: &Range<usize>) -> bool {
    let (before, behind) = (input.lower().get(..at.end), input.lower().get(at.end..));
    let before: Vec<&str> = before.unwrap_or_default().rsplit('\n').take(1 + ON_PURPOSE_LINES).collect();
    let behind = behind.unwrap_or_default().split('\n').skip(1).take(AT_AN_END_LINES.1);
    before.iter().any(|line| has_any(line, ON_PURPOSE))
        || before.iter().take(1 + AT_AN_END_LINES.0).copied().chain(behind).any(is_at_an_end)
}

/// Whether a line tells that a limit of time was reached, or that all was called off.
fn is_at_an_end(line: &str) -> bool {
    if has_any(line, AT_AN_END) {
        return true;
    }
    let ran_out = has_any(line, RAN_OUT);
    // What goes well tells of its limits, too.
    let is_calm = level_of(line, line) == Some(Level::Low);
    LIMITS.iter().any(|limit| {
        let places = memchr::memmem::find_iter(line.as_bytes(), limit.as_bytes());
        places.into_iter().any(|at| !is_setting(line, at, limit) && (ran_out || !is_calm))
    })
}

/// `request_timeout=30`, `"timeout": "30s"`, `--timeout 30`, `timeout set to 30s`: how long somebody would wait.
fn is_setting(line: &str, at: usize, limit: &str) -> bool {
    let (before, behind) =
        (line.get(..at).unwrap_or_default(), line.get(at + limit.len()..).unwrap_or_default());
    // `ReadTimeoutError`
    if ["error", "exception", "expired"].iter().any(|word| behind.starts_with(word)) {
        return false;
    }
    let joined = |c: char| c.is_ascii_alphanumeric() || matches!(c, '_' | '-' | '.');
    if before.ends_with(joined)
        || behind.starts_with(|c: char| matches!(c, '_' | '-' | '=') || c.is_ascii_alphanumeric())
    {
        return true;
    }
    let behind = behind.trim_start_matches(['"', '\'', ' ']);
    let assigned = behind.strip_prefix([':', '=']);
    let value = assigned.unwrap_or(behind).trim_start_matches(['"', '\'', ' ']);
    let is_value = value.starts_with(|c: char| c.is_ascii_digit())
        || ["true", "false", "none", "null"].iter().any(|word| value.starts_with(word));
    let is_set = ["of ", "set ", "is ", "in "].iter().any(|word| behind.starts_with(word));
    (is_value || is_set) && !has_any(line, RAN_OUT)
}

/// `Killed`, `start.sh: line 3:    12 Killed                  java -jar app.jar`.
fn is_word_of_a_shell(message: &str) -> bool {
    let mut words = message.split_whitespace();
    let number = |word: &str| word.bytes().all(|b| b.is_ascii_digit());
    match words.next() {
        Some("Killed") => words.next().is_none(),
        Some(script) if script.ends_with(':') => {
            words.next() == Some("line")
                && words.next().and_then(|line| line.strip_suffix(':')).is_some_and(number)
                && words.next().is_some_and(number)
                && words.next() == Some("Killed")
        }
        _ => false,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_shell_says_killed_and_nothing_else() {
        for (line, want) in [
            ("Killed", true),
            ("  Killed ", true),
            ("/app/start.sh: line 3:    12 Killed                  java -jar app.jar", true),
            ("bash: line 1: 7 Killed", true),
            ("killed", false),
            ("Killed by user", false),
            ("start.sh: line 3: Killed", false),
            ("worker: Killed", false),
        ] {
            assert_eq!(is_word_of_a_shell(line), want, "{line}");
        }
    }

    #[test]
    fn a_limit_that_is_set_is_not_one_that_was_reached() {
        for (line, want) in [
            ("request_timeout=30", false),
            ("config: {\"host\":\"db\",\"timeout\":30,\"retries\":3}", false),
            ("  timeout: 30s", false),
            ("starting with --timeout 30 --workers 4", false),
            ("connection timeout is 5s", false),
            ("info http server uses a timeout of 30s", false),
            ("level=info msg=\"idle timeout\" seconds=30", false),
            ("READ_TIMEOUT=30", false),
            ("timeout", true),
            ("error: build timeout", true),
            ("timeout of 30s exceeded", true),
            ("info job timeout reached after 30s, killing it", true),
            ("timeouterror: no answer", true),
            ("exec: command timed out after 30s: signal: killed", true),
            ("context deadline exceeded", true),
            ("time limit (300s) exceeded for tasks.report", true),
        ] {
            assert_eq!(is_at_an_end(&line.to_ascii_lowercase()), want, "{line}");
        }
    }
}
