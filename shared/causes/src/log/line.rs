//! One line of a log: its level, and what it is to the lines around it.

use super::words;
use std::ops::Range;

/// How bad a line says it is.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub(crate) enum Level {
    /// Trace, debug, info, notice.
    Low,
    Warn,
    Error,
    /// What the program does not go on after.
    Fatal,
}

/// What a line is in the story that a log tells.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Role {
    /// A piece of the error around it: frames of a stack, source code, an advice, nothing at all.
    Part,
    /// Something is wrong.
    Trouble,
    /// An error after which programs end, as runtimes write it.
    Death,
    /// It is tried again.
    Retry,
    /// Something that may have been wrong is well.
    Recovery,
    /// The program leaves, or tools around it say that it has left.
    Leaving,
    /// The program goes on.
    Life,
}

/// One line.
#[derive(Debug, Clone)]
pub(crate) struct Line {
    pub(crate) at: Range<usize>,
    /// As the line itself says it.
    pub(crate) level: Option<Level>,
    pub(crate) role: Role,
}

impl Line {
    /// Reads the line at `at`. `lower` is `text` in lower case.
    pub(crate) fn read(text: &str, lower: &str, at: Range<usize>) -> Self {
        let whole = text.get(at.clone()).unwrap_or_default();
        let (message, low) = unstamped(whole, lower.get(at.clone()).unwrap_or_default());
        let level = level(message, low);
        Self { at, level, role: role(message, low, level, message.len() < whole.len()) }
    }
}

/// The level that a single line names. `lower` is `line` in lower case.
pub(crate) fn level_of(line: &str, lower: &str) -> Option<Level> {
    let (message, low) = unstamped(line, lower);
    level(message, low)
}

/// What a line says, and the same in lower case.
fn unstamped<'t>(line: &'t str, lower: &'t str) -> (&'t str, &'t str) {
    let message = message(line);
    (message, lower.get(line.len() - message.len()..).unwrap_or_default())
}

fn role(message: &str, low: &str, level: Option<Level>, stamped: bool) -> Role {
    let trimmed = low.trim_start();
    let has = |words: &[&str]| words.iter().any(|words| trimmed.contains(words));
    let begins = |words: &[&str]| words.iter().any(|words| trimmed.starts_with(words));
    // Tabs are blanks by now.
    let indented = message.starts_with(if stamped { "  " } else { " " });
    if trimmed.bytes().filter(u8::is_ascii_alphabetic).count() < 2 {
        return Role::Part;
    }
    // A logger writes `ERROR: `, a program at its end `Error: `.
    let own_end = begins(words::DEATH_BEGINS) || message.starts_with("Error: ") || has(words::DEATH_HAS);
    if level == Some(Level::Fatal) || own_end && level != Some(Level::Low) {
        return Role::Death;
    }
    if level.is_none() && (indented || begins(words::PART_BEGINS) || is_place(trimmed) || is_frame(trimmed)) {
        return Role::Part;
    }
    if level.is_none() && !stamped && names_an_error(message) {
        return Role::Death;
    }
    let wrong = has(words::WRONG) && !has(words::NOTHING_WRONG);
    if level < Some(Level::Error) && has(words::LEAVING) && !(wrong && level.is_none()) {
        return Role::Leaving;
    }
    if level < Some(Level::Error) && is_recovery(trimmed) {
        return Role::Recovery;
    }
    if level >= Some(Level::Error) || wrong && level != Some(Level::Low) {
        return if has(words::LEAVING_NOISE) { Role::Leaving } else { Role::Trouble };
    }
    if wrong || has(words::RETRY) {
        return Role::Retry;
    }
    Role::Life
}

/// `connected to db`, `Server listening on :8080`: said as a fact, of what is so now.
fn is_recovery(low: &str) -> bool {
    let Some(at) = words::WELL.iter().filter_map(|words| word(low, words)).min() else { return false };
    at <= words::WELL_WITHIN && !words::NOT_WELL.iter().any(|words| low.contains(words))
}

/// Where the words stand, beginning a word: `connected` is not in `disconnected`.
fn word(low: &str, words: &str) -> Option<usize> {
    let at = memchr::memmem::find(low.as_bytes(), words.as_bytes())?;
    crate::pattern::begins_word(low, at, words).then_some(at)
}

/// `TypeError: x is not a function`, `java.lang.IllegalStateException: …` at the very beginning: written by a runtime, not
/// by a logger.
fn names_an_error(message: &str) -> bool {
    let name = message.split([':', ' ', '(']).next().unwrap_or_default();
    let last = name.rsplit(['.', '\\']).next().unwrap_or_default();
    let named = ["Error", "Exception"].iter().any(|end| last.ends_with(end));
    named && name.len() < 120 && last.starts_with(|c: char| c.is_ascii_uppercase())
}

/// `/app/index.js:12`, `node:internal/modules/cjs/loader:1228`: where the error is, above it.
fn is_place(low: &str) -> bool {
    let path = ["/", "file://", "node:", "webpack:"].iter().any(|begin| low.starts_with(begin));
    let line = low
        .trim_end()
        .rsplit_once(':')
        .is_some_and(|(_, n)| !n.is_empty() && n.bytes().all(|b| b.is_ascii_digit()));
    path && line && !low.contains(' ')
}

/// `main.main()`, `runtime.throw({0x1, 0x2})`: a function of a trace of Go.
fn is_frame(low: &str) -> bool {
    let low = low.trim_end();
    let Some((name, _)) = low.split_once('(') else { return false };
    low.ends_with(')') && name.contains('.') && !name.contains(' ')
}

/// What a line says, less what it begins with in the logs of any program: times, and where it was written.
pub(crate) fn message(line: &str) -> &str {
    let mut rest = line;
    for _ in 0..4 {
        let trimmed = rest.strip_prefix(' ').unwrap_or(rest);
        let Some((word, after)) = trimmed.split_once([' ', '\t']) else { break };
        let bare = word.trim_matches(|c: char| "[](),".contains(c));
        let digits = bare.bytes().filter(u8::is_ascii_digit).count();
        let clock = digits >= 4 && digits * 2 >= bare.len() && bare.contains([':', '-', '/', '.']);
        let stream = matches!(bare, "stdout" | "stderr" | "F" | "P" | "|" | "UTC");
        // The first blank ends the stamp; further ones are the line's own.
        if !(clock || stream && rest.len() < line.len()) {
            break;
        }
        rest = after;
    }
    rest
}

/// The level that a line names, by the ways in which loggers write it.
fn level(message: &str, low: &str) -> Option<Level> {
    if low.trim_start().starts_with('{') {
        return KEYS.iter().find_map(|key| keyed(low, key)).or_else(|| letter(message));
    }
    if let Some(level) = klog(message).or_else(|| redis(message)) {
        return Some(level);
    }
    if let Some(level) = ["level=", "lvl=", "severity=", "level:"].iter().find_map(|key| after(low, key)) {
        return Some(level);
    }
    let head = &message.as_bytes()[..message.floor_char_boundary(HEAD_BYTES)];
    let (mut at, mut first) = (0, true);
    while at < head.len() {
        let length = head[at..].iter().take_while(|byte| byte.is_ascii_alphabetic()).count();
        if length == 0 {
            at += 1;
            continue;
        }
        let word = message.get(at..at + length).unwrap_or_default();
        let before = at.checked_sub(1).map_or(b'\n', |n| head[n]);
        let behind = head.get(at + length).copied().unwrap_or(b'\n');
        at += length;
        if length < 3 {
            continue;
        }
        if let Some(level) = named(&word.to_ascii_lowercase())
            && is_a_level(word, before, behind, first)
        {
            return Some(level);
        }
        first = false;
    }
    None
}

/// Whether a word that names a level is one where it stands: `ERR_MODULE_NOT_FOUND` has none.
fn is_a_level(word: &str, before: u8, behind: u8, first: bool) -> bool {
    if matches!(behind, b'_' | b'/' | b'.' | b'=') || matches!(before, b'_' | b'.' | b'/' | b'-') {
        return false;
    }
    let framed = matches!(
        (before, behind),
        (b'[', b']' | b':' | b' ')
            | (b'<', b'>')
            | (b'(', b')')
            | (b'\t', b'\t')
            | (b'|', b'|')
            | (b':', b']')
    );
    let opens = first && matches!(behind, b':' | b'\t' | b']' | b'|');
    let opens = opens
        || first
            && behind == b' '
            && matches!(word, "trace" | "debug" | "info" | "notice" | "warn" | "warning" | "error" | "fatal");
    word.bytes().all(|b| b.is_ascii_uppercase()) || framed || opens
}

/// How far into a line its level stands.
const HEAD_BYTES: usize = 120;

/// Keys under which a level stands in a line of JSON.
const KEYS: &[&str] = &[
    "\"level\":",
    "\"severity\":",
    "\"lvl\":",
    "\"levelname\":",
    "\"log.level\":",
    "\"loglevel\":",
    "\"log_level\":",
    "\"@l\":",
];

fn keyed(low: &str, key: &str) -> Option<Level> {
    let at = memchr::memmem::find(low.as_bytes(), key.as_bytes())?;
    let value = low.get(at + key.len()..)?.trim_start();
    if let Some(quoted) = value.strip_prefix('"') {
        return named(quoted.split('"').next()?);
    }
    // pino and bunyan count.
    match value.split(|c: char| !c.is_ascii_digit()).next()?.parse::<u32>().ok()? {
        0..=30 => Some(Level::Low),
        31..=40 => Some(Level::Warn),
        41..=50 => Some(Level::Error),
        _ => Some(Level::Fatal),
    }
}

/// `"s":"E"`, as `MongoDB` writes it.
fn letter(message: &str) -> Option<Level> {
    let (_, rest) = message.split_once("\"s\":")?;
    match rest.trim_start().strip_prefix('"')?.split('"').next()? {
        "F" => Some(Level::Fatal),
        "E" => Some(Level::Error),
        "W" => Some(Level::Warn),
        "I" | "D" | "D1" | "D2" => Some(Level::Low),
        _ => None,
    }
}

fn after(low: &str, key: &str) -> Option<Level> {
    let at = word(low, key)?;
    let value = low.get(at + key.len()..)?.trim_start_matches(['"', '\'']);
    named(value.split(|c: char| !c.is_ascii_alphabetic()).next()?)
}

/// `E0302 10:00:00.1 …`.
fn klog(message: &str) -> Option<Level> {
    let bytes = message.as_bytes();
    if bytes.len() < 6 || !bytes[1..5].iter().all(u8::is_ascii_digit) || bytes[5] != b' ' {
        return None;
    }
    match bytes[0] {
        b'I' => Some(Level::Low),
        b'W' => Some(Level::Warn),
        b'E' => Some(Level::Error),
        b'F' => Some(Level::Fatal),
        _ => None,
    }
}

/// `1:M 02 Mar 2026 10:00:00.000 # …`.
fn redis(message: &str) -> Option<Level> {
    let (process, rest) = message.split_once(' ')?;
    let (number, role) = process.split_once(':')?;
    if !matches!(role, "M" | "C" | "S" | "X")
        || number.is_empty()
        || !number.bytes().all(|b| b.is_ascii_digit())
    {
        return None;
    }
    match rest.split(' ').find(|word| matches!(*word, "#" | "*" | "-" | "."))? {
        "#" => Some(Level::Warn),
        _ => Some(Level::Low),
    }
}

fn named(word: &str) -> Option<Level> {
    Some(match word {
        "trace" | "trce" | "debug" | "dbug" | "dbg" | "info" | "inf" | "information" | "notice"
        | "verbose" | "fine" | "finer" => Level::Low,
        "warn" | "warning" | "wrn" => Level::Warn,
        "error" | "err" | "eror" | "fail" | "severe" => Level::Error,
        "fatal" | "ftl" | "critical" | "crit" | "emerg" | "emergency" | "alert" | "panic" | "dpanic" => {
            Level::Fatal
        }
        _ => return None,
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    fn read(line: &str) -> Line {
        Line::read(line, &line.to_ascii_lowercase(), 0..line.len())
    }

    #[test]
    fn loggers_name_their_levels_in_many_ways() {
        let table = [
            (
                "2026-03-02T10:00:00.000Z  INFO 1 --- [main] c.e.App : Started App in 3.1 seconds",
                Some(Level::Low),
            ),
            ("2026-03-02 10:00:00,123 ERROR [main] c.e.App: no route", Some(Level::Error)),
            ("INFO:root:starting", Some(Level::Low)),
            ("CRITICAL:app:cannot go on", Some(Level::Fatal)),
            ("{\"level\":\"warn\",\"msg\":\"slow\"}", Some(Level::Warn)),
            ("{\"error\":\"x\",\"message\":\"y\",\"severity\":\"fatal\"}", Some(Level::Fatal)),
            ("{\"level\":50,\"time\":1,\"msg\":\"x\"}", Some(Level::Error)),
            ("{\"s\":\"E\",\"c\":\"NETWORK\"}", Some(Level::Error)),
            ("time=\"2026\" level=error msg=\"x\"", Some(Level::Error)),
            ("2026/03/02 10:00:00 [emerg] 1#1: host not found in upstream", Some(Level::Fatal)),
            ("E0302 10:00:00.1 1 leaderelection.go:332] error", Some(Level::Error)),
            ("1:M 02 Mar 2026 10:00:00.000 # Can't save", Some(Level::Warn)),
            ("2026-03-02 10:00:00.000 UTC [1] FATAL:  password authentication failed", Some(Level::Fatal)),
            // What `PostgreSQL` logs may be an error all the same.
            ("2026-03-02 10:00:00.000 UTC [1] LOG:  could not bind", None),
            ("log file not found", None),
            ("note: run with", None),
            ("fail: Microsoft.Hosting[11]", Some(Level::Error)),
            ("I, [2026-03-02T10:00:00 #1]  INFO -- : x", Some(Level::Low)),
            ("2026-03-02T10:00:00.000Z\tinfo\tcontroller\tstarted", Some(Level::Low)),
            ("2026-03-02T10:00:00Z stdout F plain", None),
            ("could not get info from the server", None),
            ("code: 'ERR_MODULE_NOT_FOUND'", None),
        ];
        for (line, want) in table {
            assert_eq!(read(line).level, want, "{line}");
        }
    }

    #[test]
    fn lines_have_their_part_in_the_story() {
        let table = [
            (" at com.example.App.main(App.java:7)", Role::Part),
            (" /src/shop.go:57 +0x1b", Role::Part),
            ("Caused by: java.net.ConnectException: Connection refused", Role::Part),
            ("main.main()", Role::Part),
            ("/app/index.js:12", Role::Part),
            ("}", Role::Part),
            ("panic: boom", Role::Death),
            ("TypeError: x is not a function", Role::Death),
            ("Exception in thread \"main\" java.lang.X: y", Role::Death),
            ("[FATAL] giving up", Role::Death),
            ("dial tcp 10.0.0.1:5432: connect: connection refused", Role::Trouble),
            ("2026-03-02 10:00:00 WARN could not connect", Role::Trouble),
            ("connecting to db", Role::Retry),
            ("INFO connection refused, trying again in 5s", Role::Retry),
            ("connected to db", Role::Recovery),
            ("INFO Successfully connected to Redis", Role::Recovery),
            ("Server listening on :8080", Role::Recovery),
            ("retry succeeded after 3 attempts", Role::Recovery),
            ("disconnected from db", Role::Life),
            ("not connected to db", Role::Life),
            ("Identify and stop the process that's listening on port 8080", Role::Part),
            ("Received SIGTERM, shutting down", Role::Leaving),
            ("npm ERR! A complete log of this run can be found in:", Role::Leaving),
            ("GET /healthz 200", Role::Life),
        ];
        for (line, want) in table {
            assert_eq!(read(line).role, want, "{line}");
        }
    }
}
