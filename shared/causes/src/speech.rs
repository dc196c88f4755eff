//! Words in a text that are not the program's own: what users sent to it, and what it repeats of that.
//!
//! A log line of a request, a comment or a search may hold any error's words. They are hidden before anything is looked
//! for. What stands beside them, and is the program's own, stays.

use crate::log::{Level, WRONG, level_of};
use std::ops::Range;

/// What stands in place of what is hidden.
const HIDDEN: u8 = 0x7f;
/// How many places of one line are looked at.
const PLACES: usize = 64;

/// The text in lower case without the words of others; offsets stay.
pub(crate) fn hide(text: &str, lower: String) -> String {
    let mut hidden = Vec::new();
    let mut from = 0;
    for line in lower.split('\n') {
        let original = text.get(from..from + line.len()).unwrap_or_default();
        let of_line = of_line(original, line);
        hidden.extend(of_line.into_iter().map(|at| from + at.start..from + at.end));
        from += line.len() + 1;
    }
    if hidden.is_empty() {
        return lower;
    }
    let mut bytes = lower.into_bytes();
    for at in hidden {
        // Whole characters only: ranges end at ASCII.
        if let Some(place) = bytes.get_mut(at) {
            place.fill(HIDDEN);
        }
    }
    String::from_utf8(bytes).unwrap_or_default()
}

fn of_line(original: &str, line: &str) -> Vec<Range<usize>> {
    let mut hidden = Vec::new();
    request(line, &mut hidden);
    queries(line, &mut hidden);
    values(line, &mut hidden);
    let level = level_of(original, line);
    if level < Some(Level::Error) {
        served(line, &mut hidden);
        said(line, &mut hidden);
        mentioned(line, &mut hidden);
    }
    hidden
}

const METHODS: &[&str] =
    &["get ", "post ", "put ", "delete ", "patch ", "head ", "options ", "connect ", "propfind "];

/// `"GET /search?q=no such host HTTP/1.1" 200 12 "https://from" "agent"`: what was asked for, from where and with what.
fn request(line: &str, hidden: &mut Vec<Range<usize>>) {
    let Some((at, method)) = METHODS
        .iter()
        .filter_map(|method| {
            let at =
                memchr::memmem::find_iter(line.as_bytes(), method.as_bytes()).take(PLACES).find(|&at| {
                    crate::pattern::begins_word(line, at, method)
                        && part(line, at + method.len()..line.len()).starts_with(['/', 'h', '*'])
                })?;
            Some((at, *method))
        })
        .min_by_key(|(at, _)| *at)
    else {
        return;
    };
    let path = at + method.len();
    let rest = part(line, path..line.len());
    if let Some(end) = rest.find(" http/") {
        hidden.push(path..path + end);
        // Referrer and agent follow in quotes, in the log of a server that has a status there.
        let after = path + end + " http/".len();
        let tail = part(line, after..line.len());
        let counted = tail.split_once('"').is_some_and(|(_, tail)| {
            tail.trim_start().get(..3).is_some_and(|status| status.bytes().all(|b| b.is_ascii_digit()))
        });
        if counted {
            let first = after + tail.find('"').map_or(0, |at| at + 1);
            quoted_from(line, first, hidden);
        }
    } else {
        let end = rest.find(|c: char| c.is_whitespace() || "\"'".contains(c)).unwrap_or(rest.len());
        let path_only = rest.starts_with('/');
        if path_only {
            hidden.push(path..path + end);
        }
    }
}

/// `method=GET path=/admin status=403`: what a server answered is not what it was answered.
fn served(line: &str, hidden: &mut Vec<Range<usize>>) {
    let has = |words: &[&str]| words.iter().any(|words| line.contains(words));
    let request = has(&["method=", "method\":", "requestmethod"])
        && has(&["path=", "uri=", "url=", "path\":", "uri\":", "url\":"]);
    if !request || is_wrong(line) {
        return;
    }
    for key in ["status=", "status\":", "status_code=", "status_code\":", "statuscode\":", "code="] {
        if let Some(at) = memchr::memmem::find(line.as_bytes(), key.as_bytes()) {
            let from = at + key.len();
            let digits =
                part(line, from..line.len()).bytes().take_while(|b| b.is_ascii_digit() || *b == b' ').count();
            hidden.push(from..from + digits);
        }
    }
}

/// Every quoted string from here on.
fn quoted_from(line: &str, mut from: usize, hidden: &mut Vec<Range<usize>>) {
    for _ in 0..PLACES {
        let Some(open) = line.get(from..).and_then(|rest| rest.find('"')).map(|at| from + at + 1) else {
            return;
        };
        let close = part(line, open..line.len()).find('"').map_or(line.len(), |at| open + at);
        hidden.push(open..close);
        from = (close + 1).min(line.len());
    }
}

/// `?q=…` of any address.
fn queries(line: &str, hidden: &mut Vec<Range<usize>>) {
    for at in memchr::memchr_iter(b'?', line.as_bytes()).take(PLACES) {
        let of_a_path = at > 0 && !line.as_bytes()[at - 1].is_ascii_whitespace();
        let rest = part(line, at + 1..line.len());
        let end = rest.find(|c: char| c.is_whitespace() || "\"'<>)".contains(c)).unwrap_or(rest.len());
        if of_a_path && part(rest, 0..end).contains('=') {
            hidden.push(at + 1..at + 1 + end);
        }
    }
}

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
fn values(line: &str, hidden: &mut Vec<Range<usize>>) {
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

fn key_before(line: &str, at: usize) -> &str {
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
fn said(line: &str, hidden: &mut Vec<Range<usize>>) {
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
fn mentioned(line: &str, hidden: &mut Vec<Range<usize>>) {
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

/// A part of a line; nothing where the range is none of its own.
fn part(line: &str, range: Range<usize>) -> &str {
    line.get(range).unwrap_or_default()
}

fn is_wrong(text: &str) -> bool {
    WRONG.iter().any(|words| text.contains(words))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn left(text: &str) -> String {
        hide(text, text.to_ascii_lowercase()).replace(char::from(HIDDEN), "")
    }

    #[test]
    fn what_others_wrote_is_hidden() {
        let table = [
            ("comment from user: no such host", "comment from user"),
            ("GET /search?q=no+such+host 200", "get  200"),
            (
                "10.0.0.1 - - [02/Mar/2026:10:00:00 +0000] \"GET /s?q=no such host HTTP/1.1\" 200 5 \"http://a/?q=connection refused\" \"no space left on device\"",
                "10.0.0.1 - - [02/mar/2026:10:00:00 +0000] \"get  http/1.1\" 200 5 \"\" \"\"",
            ),
            (
                "{\"level\":\"info\",\"msg\":\"saved\",\"body\":{\"message\":\"no such host\"}}",
                "{\"level\":\"info\",\"msg\":\"saved\",\"body\":}",
            ),
            ("{\"user\":\"bob\",\"message\":\"no such host\"}", "{\"user\":\"bob\",\"message\":}"),
            ("received message {\"text\":\"connection refused\"}", "received message "),
            ("POST /feedback body={\"message\":\"permission denied\"} 201", "post  body= 201"),
            ("Indexed document \"How to fix no such host\" in 3ms", "indexed document \"\" in 3ms"),
            ("user searched for 'connection refused'", "user searched"),
        ];
        for (text, want) in table {
            let left = left(text);
            assert!(
                left.starts_with(want) && !left.contains("such host") && !left.contains("refused"),
                "{text}: {left}"
            );
        }
    }

    #[test]
    fn a_programs_own_words_stay() {
        for text in [
            "dial tcp: lookup db: no such host",
            "level=warn msg=\"cannot connect\" err=\"dial tcp: connection refused\"",
            "{\"level\":\"error\",\"message\":\"dial tcp: connection refused\"}",
            "{\"error\":\"dial tcp: connection refused\",\"message\":\"failed\",\"severity\":\"fatal\"}",
            "Get \"http://10.0.0.1:8080/x\": dial tcp 10.0.0.1:8080: connect: connection refused",
            "rpc error: code = Unavailable desc = connection error: desc = \"transport: Error while dialing\"",
            "Error executing query: connection refused",
            "error: failed to bind: 'address already in use'",
            "KeyError: 'DATABASE_URL'",
            "could not translate host name \"db\" to address: Name or service not known",
            "reset reason: connection timeout \"frontend:8080\"",
            "answered 500 {\"error\":\"password authentication failed\"}",
        ] {
            assert_eq!(left(text), text.to_ascii_lowercase(), "{text}");
        }
    }

    #[test]
    fn any_text_keeps_its_length() {
        for text in
            ["body={é", "\"", "?", "comment: é\nü", "get /é http/1.1", "{\"body\":\"ü\"}", "é\"", "title='ö"]
        {
            assert_eq!(hide(text, text.to_ascii_lowercase()).len(), text.len(), "{text}");
        }
    }
}
