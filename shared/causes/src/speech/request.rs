//! What was asked for, from where and with what: paths, queries, agents, and what was answered to that.

use super::{PLACES, is_wrong, part};
use std::ops::Range;

const METHODS: &[&str] =
    &["get ", "post ", "put ", "delete ", "patch ", "head ", "options ", "connect ", "propfind "];

/// `"GET /search?q=no such host HTTP/1.1" 200 12 "https://from" "agent"`: what was asked for, from where and with what.
pub(super) fn request(line: &str, hidden: &mut Vec<Range<usize>>) {
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
pub(super) fn served(line: &str, hidden: &mut Vec<Range<usize>>) {
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
pub(super) fn queries(line: &str, hidden: &mut Vec<Range<usize>>) {
    for at in memchr::memchr_iter(b'?', line.as_bytes()).take(PLACES) {
        let of_a_path = at > 0 && !line.as_bytes()[at - 1].is_ascii_whitespace();
        let rest = part(line, at + 1..line.len());
        let end = rest.find(|c: char| c.is_whitespace() || "\"'<>)".contains(c)).unwrap_or(rest.len());
        if of_a_path && part(rest, 0..end).contains('=') {
            hidden.push(at + 1..at + 1 + end);
        }
    }
}
