//! Sentences that tell what somebody said, and what stands in quotes in them.

use super::value::key_before;
use super::{PLACES, is_wrong, part};
use std::ops::Range;

/// What announces that somebody speaks.
const SPEAKERS: &[&str] = &[
    "comment from",
    "comment by",
    "comment:",
    "comments:",
    "message from user",
    "message from customer",
    "message from client",
    "message by user",
    "feedback from",
    "feedback by",
    "feedback:",
    "review from",
    "review by",
    "review:",
    "user said",
    "user says",
    "user wrote",
    "user posted",
    "user asks",
    "user asked",
    "user reports",
    "user reported",
    "user comment",
    "user message",
    "user input",
    "user query",
    "user searched",
    "user text",
    "customer said",
    "customer says",
    "customer wrote",
    "customer reports",
    "customer message",
    "customer comment",
    "search for",
    "searching for",
    "searched for",
    "search term",
    "search query",
    "search:",
    "query from user",
    "question:",
    "prompt:",
    "ticket:",
    "new comment",
    "new review",
    "new ticket",
    "new post",
    "chat message",
    "chat:",
    "received text",
    "text from user",
    "post by",
    "tweet:",
    "keyword:",
    "keywords:",
    "user feedback",
    "complaint:",
    "user-agent:",
    "referer:",
    "input from user",
    "request body",
    "request payload",
    "form data",
    "email subject",
    "from user",
    "from customer",
    "subject:",
    "subject line",
];
/// How far behind it the colon stands after which all is said by that person.
const NAME_BYTES: usize = 40;

/// `comment from user: no such host`: to the end of the line, unless the line tells of an error before. Without a colon
/// another part of the sentence may follow one.
pub(super) fn said(line: &str, hidden: &mut Vec<Range<usize>>) {
    let spoken = SPEAKERS.iter().filter_map(|words| {
        let at = memchr::memmem::find(line.as_bytes(), words.as_bytes())?;
        // A certificate has a subject, too.
        let of_a_certificate = *words == "subject:" && line.contains("cn=");
        (crate::pattern::begins_word(line, at, words) && !of_a_certificate).then_some(at..at + words.len())
    });
    let Some(at) = spoken.min_by_key(|at| at.start) else { return };
    if is_wrong(part(line, 0..at.start)) {
        return;
    }
    let rest = part(line, at.end..line.len());
    let colon = rest.find(':').filter(|_| !line.as_bytes()[..at.end].ends_with(b":"));
    let range = match colon {
        Some(colon)
            if colon <= NAME_BYTES && !is_wrong(part(rest, 0..colon)) && !quotes(part(rest, 0..colon)) =>
        {
            at.end + colon + 1..line.len()
        }
        Some(colon) => at.end..at.end + colon,
        None => at.end..line.len(),
    };
    hidden.push(range);
}

fn quotes(text: &str) -> bool {
    text.contains(['"', '\''])
}

/// Keys whose quoted value is the program's own.
const OWN: &[&str] = &[
    "err",
    "error",
    "errors",
    "msg",
    "message",
    "reason",
    "cause",
    "exception",
    "detail",
    "details",
    "desc",
    "description",
    "stderr",
    "stdout",
    "output",
    "status",
    "state",
    "result",
    "response",
    "warning",
    "log",
    "what",
    "stack",
    "trace",
    "event",
    "event_message",
    "errmsg",
    "error_message",
    "last_error",
    "lasterror",
    "failure",
];

/// `indexed "How to fix no such host"`: an error's words in quotes alone, in a sentence that tells of none.
pub(super) fn mentioned(line: &str, hidden: &mut Vec<Range<usize>>) {
    if line.trim_start().starts_with(['{', '"', '\'']) || !line.contains(['"', '\'']) {
        return;
    }
    let mut outside = String::new();
    let mut quotes: Vec<Range<usize>> = Vec::new();
    let bytes = line.as_bytes();
    let (mut at, mut tried) = (0, 0);
    while at < bytes.len() {
        let opens = matches!(bytes[at], b'"' | b'\'') && (at == 0 || !bytes[at - 1].is_ascii_alphanumeric());
        tried += usize::from(opens);
        if tried > PLACES {
            return;
        }
        if opens
            && let Some(close) = (at + 1..bytes.len())
                .find(|&n| bytes[n] == bytes[at] && !bytes.get(n + 1).is_some_and(u8::is_ascii_alphanumeric))
        {
            let before = outside.trim_end();
            let key = before.ends_with(['=', ':']).then(|| key_before(before, before.len() - 1));
            if key.is_some_and(|key| OWN.contains(&key)) {
                return;
            }
            if bytes.get(close + 1) == Some(&b':') {
                // A key is its writer's own.
                outside.push_str(part(line, at + 1..close));
            } else {
                quotes.push(at + 1..close);
                outside.push(' ');
            }
            at = close + 1;
            continue;
        }
        outside.push(char::from(bytes[at]));
        at += 1;
    }
    let words = outside.split(|c: char| !c.is_ascii_alphabetic()).filter(|word| word.len() > 2).count();
    if words >= 2 && !is_wrong(&outside) {
        hidden.append(&mut quotes);
    }
}
