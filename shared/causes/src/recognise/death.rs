//! How runtimes of programming languages tell their own end.

use crate::Cause::*;
use crate::classify::Candidate;
use crate::context::{Domain, Input};
use crate::rule::Rule;
use crate::text::Kind;
use crate::{Cause, Fact};

const APP: &[Domain] = &[Domain::App, Domain::Other, Domain::Start];
const PROGRAM: &[Domain] = &[Domain::App, Domain::Other];

const KERNELS_LINE: &str = "killed process <*> (<binary>)";

pub(super) const RULES: &[Rule] = &[
    Rule::new(
        OomKilled,
        92,
        &[
            "java.lang.outofmemoryerror: <detail>",
            "outofmemoryerror",
            "insufficient memory for the java runtime environment",
            "javascript heap out of memory",
            "reached heap limit allocation failed",
            "allowed memory size of <limited> bytes exhausted",
            "fatal error: runtime: out of memory",
            "fatal error: runtime: cannot allocate memory",
            "outofmemoryexception",
            "memory allocation of <requested> bytes failed",
            "std::bad_alloc",
            "memoryerror",
            "nomemoryerror",
            "failed to allocate memory",
            "cannot allocate memory",
            "can't save in background: fork: cannot allocate memory",
            "er_out_of_resources",
            "memory exhausted",
        ],
    )
    .on(APP)
    .rank(2),
    Rule::new(OomKilled, 70, &["out of memory", "oom command not allowed when used memory"])
        .on(APP)
        .unless(&["perhaps out of memory"]),
    // The kernel's line behind the one that says whose memory was at its end: a container's or the node's. In a log it does
    // not even say whether the process was the container's.
    Rule::new(OomKilled, 44, &[KERNELS_LINE]).on(PROGRAM),
    Rule::new(OomKilled, 60, &[KERNELS_LINE]).on(&[Domain::Node]),
    Rule::new(OomKilled, 80, &[KERNELS_LINE]).on(&[Domain::Node]).beside(&["total-vm:", "anon-rss:"]),
    Rule::new(
        AppError,
        74,
        &[
            "panic: <detail>",
            "panicked at <path>",
            "panicked at",
            "goroutine <*> [running]",
            "fatal error: <detail>",
            "traceback (most recent call last)",
            "unhandled exception",
            "uncaught exception",
            "uncaughtexception",
            "unhandledpromiserejection",
            "unhandled promise rejection",
            "unhandled rejection",
            "segmentation fault",
            "sigsegv",
            "sigabrt",
            "sigbus",
            "core dumped",
            "illegal instruction",
            "php fatal error:",
            "exception in thread \"<*>\"",
            "nullpointerexception",
            "nullreferenceexception",
            "terminate called after throwing",
            "double free or corruption",
            "stack smashing detected",
            "malloc(): ",
            "nomethoderror",
            "assertionerror",
            "assertion failed",
            "assertion `<*>' failed",
            "indexerror: ",
            "typeerror: ",
            "valueerror: ",
            "attributeerror: ",
            "zerodivisionerror",
            "nameerror: ",
            "recursionerror",
            "runtimeerror: ",
            "referenceerror: ",
            "rangeerror: ",
            "syntaxerror: ",
            "stackoverflowerror",
            "stack overflow",
            "illegalstateexception",
            "illegalargumentexception",
            "arrayindexoutofboundsexception",
            "classcastexception",
            "invalidoperationexception",
            "argumentexception",
            "argumentnullexception",
            "system.exception",
            "a fatal error has been detected by the java runtime environment",
            "application startup failed",
            "application failed to start",
            "application run failed",
            "error creating bean with name",
            "unsatisfieddependencyexception",
            "undefined method",
            "undefined local variable",
            "called `result::unwrap()` on an `err` value",
            "called `option::unwrap()` on a `none` value",
            "index out of range",
            "nil pointer dereference",
            "concurrent map writes",
            "unexpected token",
            "worker failed to boot",
            "process exited with status",
            "npm err! code elifecycle",
            "keyerror: <detail>",
            "arithmetic overflow",
            "divide by zero",
            "too many open files",
            "** (mix)",
            "bad function call",
            "shutting down: an exception was raised",
        ],
    )
    .on(APP)
    .rank(-3),
    Rule::new(
        AppError,
        52,
        &[
            "fatal: ",
            "fatal ",
            "[fatal]",
            "level=fatal",
            "\"level\":\"fatal\"",
            "critical: ",
            "[critical]",
            "[emerg]",
            "[crit]",
            "[alert]",
            "caused by: ",
            "worker timeout",
            "npm err!",
            "error: ",
            "exception: ",
            "level=error",
            "\"level\":\"error\"",
            "[error]",
            "fatal exception",
        ],
    )
    .on(&[Domain::App])
    .rank(-4),
];

/// What no template says.
pub(super) fn recognise(input: &Input, candidates: &mut Vec<Candidate>) {
    if APP.contains(&input.domain) {
        settings(input, candidates);
    }
}

/// What hangs on how a name is written: `KeyError: 'DB_URL'` misses a setting, `KeyError: 'name'` is a mistake.
fn settings(input: &Input, candidates: &mut Vec<Candidate>) {
    let text = &input.normal.text;
    let mut missing = |before: &str, percent: u8| {
        if let Some(at) = memchr::memmem::rfind(text.as_bytes(), before.as_bytes())
            // What others wrote is not in there.
            && input.lower().get(at..at + before.len()).is_some_and(|low| low.eq_ignore_ascii_case(before))
            && let Some(name) = text.get(at + before.len()..).map(name)
            && is_setting(name)
        {
            let mut candidate = Candidate::new(Cause::AppConfigMissing, percent, at..at + before.len());
            candidate.rank = 1;
            candidate.facts.add(Fact::Variable, name);
            candidates.push(candidate);
        }
    };
    for before in [
        "KeyError: '",
        "KeyError: \"",
        "KeyError: ",
        "key not found: \"",
        "Undefined array key \"",
        "Undefined index: ",
        "Missing required env: ",
        "process.env.",
        "missing required: ",
        "Missing: ",
        "NoneType' for ",
    ] {
        missing(before, 90);
    }
    if input.kind != Kind::Log {
        return;
    }
    for after in [
        " is not set",
        " not set",
        " is required",
        " must be set",
        " is not defined",
        " is undefined",
        " is missing",
        " must be defined",
        " environment variable",
        " cannot be empty",
        " must not be empty",
        " not provided",
        " is empty",
        " was empty",
        " not found in environment",
        " has not been set",
        " needs to be set",
        " is unset",
        " is mandatory",
        " was not provided",
        " required but",
    ] {
        if let Some(at) = memchr::memmem::rfind(input.lower().as_bytes(), after.as_bytes())
            && let Some(name) = text.get(..at).map(last_name)
            && is_setting(name)
        {
            let mut candidate = Candidate::new(Cause::AppConfigMissing, 88, at..at + after.len());
            candidate.rank = 1;
            candidate.facts.add(Fact::Variable, name);
            candidates.push(candidate);
        }
    }
}

fn name(rest: &str) -> &str {
    rest.split(|c: char| !(c.is_ascii_alphanumeric() || c == '_')).next().unwrap_or_default()
}

/// The name at the end, whatever frames it: `"msg":"${DB_URL}"`.
fn last_name(before: &str) -> &str {
    let before = before.trim_end_matches(|c: char| "\"'`})]:".contains(c));
    before.rsplit(|c: char| !(c.is_ascii_alphanumeric() || c == '_')).next().unwrap_or_default()
}

/// `CART_DB_URL`: as environment variables are written.
fn is_setting(name: &str) -> bool {
    name.len() >= 3
        && name.starts_with(|c: char| c.is_ascii_uppercase())
        && name.chars().all(|c| c.is_ascii_uppercase() || c.is_ascii_digit() || c == '_')
        && (name.contains('_') || name.len() >= 4)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn settings_are_written_in_capitals() {
        for (name, want) in
            [("CART_DB_URL", true), ("PORT", true), ("name", false), ("Name", false), ("A1", false)]
        {
            assert_eq!(is_setting(name), want, "{name}");
        }
    }
}
