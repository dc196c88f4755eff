//! Inner errors that every program composes alike: of the network, of TLS, of HTTP, of the disk.
//!
//! What they mean depends on where they happened: each area maps them to its causes.

use crate::context::Input;
use crate::pattern::begins_word;
use crate::{Fact, Facts};
use std::ops::Range;

/// An inner error.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub(crate) enum Failure {
    /// The name does not exist.
    NoSuchHost,
    /// The resolver does not answer, or not properly.
    Resolver,
    Refused,
    Timeout,
    HandshakeTimeout,
    Reset,
    NoRoute,
    Eof,
    Proxy,
    Untrusted,
    WrongName,
    PlainHttp,
    Expired,
    /// A certificate seems not valid yet.
    ClockBehind,
    /// A secure connection fails in another way.
    Tls,
    Http(u16),
    DiskFull,
    ReadOnly,
    Permission,
    Deadline,
}

use Failure::*;

/// Words, in lower case. The first that stands in a text names its kind; a text may show several kinds.
const WORDS: &[(Failure, &[&str])] = &[
    (
        NoSuchHost,
        &[
            "no such host",
            "nxdomain",
            "enotfound",
            "name or service not known",
            "nodename nor servname provided",
            "unknownhostexception",
            "unknown host",
            "could not translate host name",
            "host not found",
            "name does not resolve",
            "could not resolve host",
            "couldn't resolve host",
            "no address associated with hostname",
            "no such host is known",
            "unknown mysql server host",
            "getaddrinfo failed",
            "bad address '",
            "failed to resolve server",
            "host is unknown",
            "the name could not be resolved",
            "unresolvedaddressexception",
            "dns resolution failed",
            "dns lookup failed",
            "could not be resolved",
            "no resolvable bootstrap urls",
            "couldn't resolve server",
            "unable to resolve host",
            "failed to resolve host",
            "cannot resolve host",
        ],
    ),
    (
        Resolver,
        &[
            "server misbehaving",
            "temporary failure in name resolution",
            "eai_again",
            "servfail",
            "name resolution failed",
            "try again (eai_again)",
            "php_network_getaddresses",
            "socket.gaierror",
            "failed to lookup address information",
            "getaddrinfo",
            // .NET names the call that failed only in its trace.
            "at system.net.dns.",
            "cannot resolve hostname",
            "no answer from dns server",
            "dns: timeout",
            "lookup <*>: try again",
        ],
    ),
    (
        Refused,
        &[
            "connection refused",
            "econnrefused",
            "connectionrefused",
            "actively refused it",
            "connection was refused",
            "connect failed (111",
            "[errno 111]",
        ],
    ),
    (HandshakeTimeout, &["tls handshake timeout", "handshake timed out", "tls: handshake timeout"]),
    (
        Timeout,
        &[
            "i/o timeout",
            "connection timed out",
            "etimedout",
            "operation timed out",
            "connect timed out",
            "connection timeout",
            "timeout exceeded while awaiting headers",
            "connecttimeout",
            "[errno 110]",
            "sockettimeoutexception",
            "read timed out",
            "request canceled while waiting for connection",
            "http2: timeout awaiting response headers",
            "net/http: timeout awaiting response headers",
        ],
    ),
    (
        Reset,
        &[
            "connection reset by peer",
            "econnreset",
            "connection reset",
            "broken pipe",
            "socket hang up",
            "http2: client connection lost",
            "use of closed network connection",
            "server sent goaway",
            "connection aborted",
            "remote end closed connection",
        ],
    ),
    (
        NoRoute,
        &[
            "no route to host",
            "network is unreachable",
            "ehostunreach",
            "enetunreach",
            "host is unreachable",
            "[errno 113]",
        ],
    ),
    (
        Proxy,
        &["proxyconnect tcp", "proxy authentication required", "tunneling socket could not be established"],
    ),
    (Eof, &["unexpected eof", ": eof", "\" eof"]),
    (
        ClockBehind,
        &[
            "certificate has expired or is not yet valid: current time <*> is before",
            "certificatenotyetvalidexception",
            "certificate is not yet valid",
            "cert_not_yet_valid",
            "certificate not yet valid",
        ],
    ),
    (
        Expired,
        &[
            "certificate has expired",
            "cert_has_expired",
            "certificateexpiredexception",
            "certificate expired",
            "expired certificate",
            "certificate is expired",
        ],
    ),
    (
        Untrusted,
        &[
            "certificate signed by unknown authority",
            "self signed certificate",
            "self-signed certificate",
            "unable to verify the first certificate",
            "unable to get local issuer certificate",
            "pkix path building failed",
            "unable to find valid certification path",
            "unable_to_verify_leaf_signature",
            "unable_to_get_issuer_cert",
            "depth_zero_self_signed_cert",
            "unknown certificate authority",
            "certificate is not trusted",
            "unknownissuer",
            "unknown ca",
            "certificate verify failed",
            "certificate_verify_failed",
            "failed to verify certificate: x509",
            "untrusted certificate",
            "partialchain",
            "untrustedroot",
        ],
    ),
    (
        WrongName,
        &[
            "certificate is valid for <*>, not",
            "cannot validate certificate for",
            "doesn't contain any ip sans",
            "certificate is not valid for any names",
            "relies on legacy common name field",
            "does not match certificate's altnames",
            "no subject alternative names",
            "no subject alternative dns name",
            "err_tls_cert_altname_invalid",
            "hostname mismatch",
            "remotecertificatenamemismatch",
            "certificate name mismatch",
        ],
    ),
    (
        PlainHttp,
        &[
            "server gave http response to https client",
            "first record does not look like a tls handshake",
            "wrong version number",
            "client sent an http request to an https server",
            "unsupported or unrecognized ssl message",
        ],
    ),
    (
        Tls,
        &[
            "remote error: tls:",
            "x509: ",
            "tls: ",
            "sslhandshakeexception",
            "sslerror",
            "ssl handshake failed",
            "tls handshake failed",
            "ssl_error",
            "handshake_failure",
            "handshake failure",
            "no peer certificate",
            "ssl routines",
            "the ssl connection could not be established",
            "the remote certificate is invalid",
            "ssl: ",
        ],
    ),
    (
        DiskFull,
        &[
            "no space left on device",
            "enospc",
            "errno 28",
            "disk quota exceeded",
            "not enough space on the disk",
            "database or disk is full",
            "disk is full",
            "no space left",
        ],
    ),
    (ReadOnly, &["read-only file system", "erofs"]),
    (Permission, &["permission denied", "eacces", "operation not permitted", "eperm"]),
    (
        Deadline,
        &[
            "context deadline exceeded",
            "deadlineexceeded",
            "deadline exceeded",
            "deadline_exceeded",
            "client.timeout",
        ],
    ),
];

/// Every kind of inner error that the text shows, each at its last place.
pub(crate) fn failures(input: &Input) -> Vec<(Failure, Range<usize>)> {
    let lower = input.lower();
    let mut found = Vec::new();
    for (failure, words) in WORDS {
        let last = words.iter().filter_map(|words| last(lower, words)).max_by_key(|at| at.start);
        found.extend(last.map(|at| (*failure, at)));
    }
    found.extend(status(lower).map(|(status, at)| (Http(status), at)));
    let has =
        |of: Failure, found: &[(Failure, Range<usize>)]| found.iter().any(|(failure, _)| *failure == of);
    // A lookup that is refused or times out is the resolver's: `lookup h on 10.0.0.2:53: … i/o timeout`.
    if let Some(lookup) = last(lower, "lookup <*>:53:").or_else(|| last(lower, "lookup <*>: i/o timeout"))
        && !has(NoSuchHost, &found)
    {
        found.retain(|(failure, _)| !matches!(failure, Refused | Timeout | NoRoute | Resolver));
        found.push((Resolver, lookup));
    }
    if has(ClockBehind, &found) {
        found.retain(|(failure, _)| !matches!(failure, Expired | Untrusted | Tls));
    }
    if has(Expired, &found) {
        found.retain(|(failure, _)| !matches!(failure, Untrusted | Tls));
    }
    if has(WrongName, &found) || has(PlainHttp, &found) || has(Untrusted, &found) {
        found.retain(|(failure, _)| *failure != Tls);
    }
    if has(WrongName, &found) {
        found.retain(|(failure, _)| *failure != Untrusted);
    }
    if has(NoSuchHost, &found) {
        found.retain(|(failure, _)| *failure != Resolver);
    }
    // The kernel says the same of a limit of watches.
    if input.has_any(&["inotify", "file watchers", "fsnotify"]) {
        found.retain(|(failure, _)| *failure != DiskFull);
    }
    // A connection's end is how other errors end, too.
    if found.iter().any(|(failure, _)| !matches!(failure, Eof | Deadline)) {
        found.retain(|(failure, _)| *failure != Eof);
    }
    found
}

/// The last place of the words, as words: `enotfound` is not in `FileNotFoundError`.
fn last(lower: &str, words: &str) -> Option<Range<usize>> {
    let (before, after) = words.split_once("<*>").unwrap_or((words, ""));
    memchr::memmem::rfind_iter(lower.as_bytes(), before.as_bytes())
        .take(PLACES)
        .filter(|&at| begins_word(lower, at, before))
        .find_map(|at| {
            let rest = lower
                .as_bytes()
                .get(at + before.len()..lower.len().min(at + before.len() + BETWEEN_BYTES))?;
            let end = memchr::memmem::find(rest, after.as_bytes())?;
            Some(at..at + before.len() + end + after.len())
        })
}

/// How many places of a text are tried.
const PLACES: usize = 32;
/// The longest hole between two parts of the words.
const BETWEEN_BYTES: usize = 400;

/// Words before a status of HTTP.
const BEFORE_STATUS: &[&str] = &[
    "status code ",
    "status code: ",
    "statuscode: ",
    "statuscode=",
    "status: ",
    "http status: ",
    "status ",
    "status=",
    "http ",
    "code=",
    "code: ",
];

/// Its names, which follow it.
const STATUS: &[(u16, &str)] = &[
    (401, "401 unauthorized"),
    (403, "403 forbidden"),
    (404, "404 not found"),
    (429, "429 too many requests"),
    (500, "500 internal server error"),
    (502, "502 bad gateway"),
    (503, "503 service unavailable"),
    (503, "503 service temporarily unavailable"),
    (504, "504 gateway time"),
    (407, "407 proxy authentication"),
    (412, "412 precondition failed"),
];

/// The last status of HTTP that is an error.
fn status(lower: &str) -> Option<(u16, Range<usize>)> {
    let bytes = lower.as_bytes();
    let named = STATUS
        .iter()
        .filter_map(|(status, words)| {
            memchr::memmem::rfind(bytes, words.as_bytes()).map(|at| (*status, at..at + words.len()))
        })
        .max_by_key(|(_, at)| at.start);
    let numbered = BEFORE_STATUS
        .iter()
        .filter_map(|before| {
            let at = memchr::memmem::rfind(bytes, before.as_bytes())?;
            let digits = lower.get(at + before.len()..at + before.len() + 3)?;
            let ends = !bytes.get(at + before.len() + 3).is_some_and(u8::is_ascii_alphanumeric);
            let status = digits.parse().ok().filter(|status| ends && (400..600).contains(status))?;
            Some((status, at..at + before.len() + 3))
        })
        .max_by_key(|(_, at)| at.start);
    named.or(numbered)
}

/// Host, address and status that an inner error names, within a part of the text.
pub(crate) fn facts(input: &Input, near: Range<usize>, facts: &mut Facts) {
    let text = input.normal.text.get(near.clone()).unwrap_or_default();
    let lower = input.lower().get(near).unwrap_or_default();
    if let Some((status, _)) = status(lower) {
        facts.add(Fact::HttpStatus, &status.to_string());
    }
    let mut after = |mark: &str, fact: Fact| {
        if let Some(at) = memchr::memmem::rfind(lower.as_bytes(), mark.as_bytes())
            && let Some(word) = text
                .get(at + mark.len()..)
                .and_then(|rest| rest.split(|c: char| c.is_whitespace() || ",\"'()".contains(c)).next())
        {
            facts.add(fact, word);
        }
    };
    for mark in [
        "lookup ",
        "enotfound ",
        "eai_again ",
        "unknownhostexception: ",
        "could not translate host name \"",
        "could not resolve host: ",
        "host not found in upstream \"",
    ] {
        after(mark, Fact::Host);
    }
    for mark in ["dial tcp ", "econnrefused ", "connect to ", "connection to "] {
        after(mark, Fact::Address);
    }
    if let Some(address) = facts.get(Fact::Address).map(str::to_owned) {
        match address.rsplit_once(':') {
            Some((_, port)) if port.parse::<u16>().is_ok() => facts.add(Fact::Port, port),
            _ => {
                // `dial tcp: lookup h` and the like: the word is no address.
                if !address.contains(['.', ':']) {
                    facts.values.remove(&Fact::Address);
                }
            }
        }
    }
}
