//! Values under keys whose content others have written.

use super::{PLACES, is_wrong, part};
use std::ops::Range;

/// Keys and nouns whose value others have written: `body={…}`, `"comment":"…"`, `user_agent="…"`.
const CONTENT: &[&str] = &[
    "body",
    "request_body",
    "requestbody",
    "req_body",
    "payload",
    "form",
    "formdata",
    "form_data",
    "params",
    "query_params",
    "query",
    "querystring",
    "query_string",
    "search",
    "searchterm",
    "search_term",
    "q",
    "keyword",
    "keywords",
    "comment",
    "comments",
    "commentbody",
    "review",
    "feedback",
    "subject",
    "title",
    "headline",
    "prompt",
    "question",
    "answer",
    "chat",
    "chat_message",
    "chatmessage",
    "post",
    "tweet",
    "bio",
    "input",
    "user_input",
    "userinput",
    "user_message",
    "usermessage",
    "user_agent",
    "useragent",
    "user-agent",
    "http_user_agent",
    "referer",
    "referrer",
    "http_referer",
    "request_uri",
    "filename",
    "file_name",
    "snippet",
    "caption",
    "nickname",
    "username",
    "display_name",
    "email_subject",
    "ticket",
    "issue_title",
    "request",
    "req",
    "received",
    "inbound",
    "incoming",
    "utterance",
    "transcript",
    "note",
    "remark",
    "message_body",
    "messagebody",
    "content",
];

/// A value after one of those keys, where it is marked off: in quotes, brackets or braces.
pub(super) fn values(line: &str, hidden: &mut Vec<Range<usize>>) {
    let bytes = line.as_bytes();
    for at in memchr::memchr2_iter(b':', b'=', bytes).take(PLACES * 4) {
        let key = key_before(line, at);
        let after = part(line, at + 1..line.len());
        let from = line.len() - after.trim_start_matches(' ').len();
        let value = match bytes.get(from) {
            Some(b'"' | b'\'' | b'{' | b'[') if CONTENT.contains(&key) => balanced(line, from),
            // An event of JSON whose message is not that of a logger.
            Some(b'"') if matches!(key, "message" | "text" | "msg") && is_of_a_user(line, at) => {
                balanced(line, from)
            }
            _ => continue,
        };
        hidden.extend(value);
    }
    // `received request {"message": …}`, without a mark between.
    for at in memchr::memchr_iter(b'{', bytes).take(PLACES) {
        let before = part(line, 0..at).trim_end();
        if before.len() < at || before.is_empty() {
            let word = before
                .rsplit(|c: char| !(c.is_ascii_alphanumeric() || c == '_' || c == '-'))
                .next()
                .unwrap_or_default();
            if CONTENT.contains(&word)
                || matches!(word, "message" | "data" | "event" | "record") && names_receipt(before)
            {
                hidden.extend(balanced(line, at));
            }
        }
    }
}

pub(super) fn key_before(line: &str, at: usize) -> &str {
    let before = part(line, 0..at).trim_end_matches(['"', '\'', ' ']);
    before.rsplit(|c: char| !(c.is_ascii_alphanumeric() || c == '_' || c == '-')).next().unwrap_or_default()
}

/// Whether what came in is told, rather than what went wrong with it.
fn names_receipt(before: &str) -> bool {
    ["received", "incoming", "inbound", "got ", "new ", "consumed", "processing", "handling", "processed"]
        .iter()
        .any(|word| before.contains(word))
        && !is_wrong(before)
}

/// Whether an object of JSON that holds this key is of a person: it has an author, and neither a level nor an error.
fn is_of_a_user(line: &str, at: usize) -> bool {
    let open = part(line, 0..at).rfind('{');
    let Some(object) = open.and_then(|open| balanced(line, open)) else { return false };
    let object = part(line, object);
    let has = |keys: &[&str]| keys.iter().any(|key| object.contains(key));
    has(&[
        "\"user\"",
        "\"user_id\"",
        "\"userid\"",
        "\"author\"",
        "\"from\"",
        "\"customer\"",
        "\"sender\"",
        "\"email\"",
        "\"channel\"",
        "\"rating\"",
    ]) && !has(&[
        "\"level\"",
        "\"severity\"",
        "\"lvl\"",
        "\"error\"",
        "\"err\"",
        "\"stack\"",
        "\"logger\"",
        "\"code\"",
        "\"errno\"",
        "\"exception\"",
        "\"status\"",
    ])
}

/// What a quote, brace or bracket at `from` encloses, with it; to the line's end where it is not closed.
fn balanced(line: &str, from: usize) -> Option<Range<usize>> {
    let bytes = line.as_bytes();
    let open = *bytes.get(from)?;
    if matches!(open, b'"' | b'\'') {
        // Quotes within are not marked any more; one that ends a value is followed by what ends it too.
        let ends = |at: usize| {
            matches!(bytes.get(at + 1), None | Some(b',' | b'}' | b']' | b' ' | b')' | b';' | b'\t'))
        };
        let close = (from + 1..bytes.len()).find(|&at| bytes[at] == open && ends(at)).unwrap_or(bytes.len());
        return Some(from..(close + 1).min(bytes.len()));
    }
    let mut depth = 0_usize;
    for (at, byte) in bytes.iter().enumerate().skip(from) {
        match byte {
            b'{' | b'[' => depth += 1,
            b'}' | b']' => {
                depth -= 1;
                if depth == 0 {
                    return Some(from..at + 1);
                }
            }
            _ => {}
        }
    }
    Some(from..bytes.len())
}
