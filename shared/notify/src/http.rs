//! What goes over the wire, as data: a request to make, a response to classify.

use crate::text::one_line;
use crate::{Delivery, Endpoint, Outcome, Reason, Secret};
use jiff::fmt::rfc2822::DateTimeParser;
use jiff::{SignedDuration, Timestamp};
use reqwest::header::{DATE, HeaderMap, HeaderName, RETRY_AFTER};
use std::fmt;

/// A request that a channel wants made.
#[derive(Clone, PartialEq, Eq)]
pub struct Request {
    /// How.
    pub method: reqwest::Method,
    /// Where to.
    pub url: Endpoint,
    /// With these headers. Any of the values may be a secret.
    pub headers: Vec<(String, Secret)>,
    /// With this body, which may hold secrets, too.
    pub body: Vec<u8>,
    /// The receipt to keep once it is sent, where the request decides that. It goes before one that the
    /// response brings.
    pub receipt: Option<String>,
}

impl Request {
    /// A `POST` of JSON.
    pub(crate) fn post(url: Endpoint, body: &serde_json::Value) -> Self {
        let content_type = ("content-type".to_owned(), Secret::new("application/json; charset=utf-8"));
        Self {
            method: reqwest::Method::POST,
            url,
            headers: vec![content_type],
            body: body.to_string().into_bytes(),
            receipt: None,
        }
    }

    pub(crate) fn with_header(mut self, name: &str, value: Secret) -> Self {
        self.headers.retain(|(known, _)| !known.eq_ignore_ascii_case(name));
        self.headers.push((name.to_ascii_lowercase(), value));
        self
    }
}

impl fmt::Debug for Request {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{} {} ({} bytes)", self.method, self.url, self.body.len())
    }
}

/// What came back.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Response {
    /// The HTTP status.
    pub status: u16,
    /// The headers.
    pub headers: HeaderMap,
    /// The body, or as much of it as is read.
    pub body: Vec<u8>,
}

impl Response {
    /// A response of a status and a body.
    pub fn new(status: u16, body: impl Into<Vec<u8>>) -> Self {
        Self { status, headers: HeaderMap::new(), body: body.into() }
    }

    /// With a header. One that is no header is left out.
    #[must_use]
    pub fn with_header(mut self, name: &'static str, value: &str) -> Self {
        if let Ok(value) = value.parse() {
            self.headers.insert(HeaderName::from_static(name), value);
        }
        self
    }

    /// How long `Retry-After` asks us to wait: seconds, or a date, which is taken against the response's own
    /// `Date`, so that our clock does not come into it.
    pub fn retry_after(&self) -> Option<SignedDuration> {
        let text = self.headers.get(RETRY_AFTER)?.to_str().ok()?.trim();
        if let Ok(seconds) = text.parse::<u32>() {
            return Some(SignedDuration::from_secs(seconds.into()));
        }
        let (at, now) = (http_date(text)?, http_date(self.headers.get(DATE)?.to_str().ok()?)?);
        Some(at.duration_since(now).max(SignedDuration::ZERO))
    }

    /// What HTTP alone says of it. Channels whose vendor says more look there first.
    pub fn outcome(&self) -> Outcome {
        match self.status {
            200..=299 => Outcome::Sent,
            300..=399 => Outcome::Refused(Reason::Redirected),
            401 | 407 => Outcome::Refused(Reason::Unauthorized),
            403 => Outcome::Refused(Reason::Forbidden),
            404 | 405 | 410 => Outcome::Refused(Reason::UnknownDestination),
            408 | 425 => Outcome::RetryAfter(self.retry_after(), Reason::Timeout),
            413 | 414 | 431 => Outcome::Refused(Reason::TooLarge),
            429 => Outcome::RetryAfter(self.retry_after(), Reason::RateLimited),
            400..=499 => Outcome::Refused(Reason::InvalidRequest),
            500..=599 => Outcome::RetryAfter(self.retry_after(), Reason::ServerError),
            _ => Outcome::RetryAfter(None, Reason::UnexpectedAnswer),
        }
    }

    /// The delivery for an outcome, with what the receiver said where it did not take it.
    pub(crate) fn delivery(&self, outcome: Outcome) -> Delivery {
        let detail = (outcome != Outcome::Sent).then(|| {
            let body = one_line(&String::from_utf8_lossy(self.body.get(..2048).unwrap_or(&self.body)), 300);
            if body.is_empty() {
                format!("HTTP {}", self.status)
            } else {
                format!("HTTP {}: {body}", self.status)
            }
        });
        Delivery { detail, ..Delivery::new(outcome) }
    }

    /// The body as JSON.
    pub(crate) fn json(&self) -> Option<serde_json::Value> {
        serde_json::from_slice(&self.body).ok()
    }
}

fn http_date(text: &str) -> Option<Timestamp> {
    DateTimeParser::new().parse_timestamp(text).ok()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn retry_after_is_seconds_or_a_date() {
        let date = "Sun, 01 Mar 2026 03:10:00 GMT";
        for (name, retry_after, date, want) in [
            ("seconds", "30", None, Some(30)),
            ("a date", "Sun, 01 Mar 2026 03:11:30 GMT", Some(date), Some(90)),
            ("a date in the past", "Sun, 01 Mar 2026 03:09:00 GMT", Some(date), Some(0)),
            ("a date, by an unknown clock", "Sun, 01 Mar 2026 03:11:30 GMT", None, None),
            ("nonsense", "soon", Some(date), None),
            ("negative", "-5", Some(date), None),
        ] {
            let mut response = Response::new(429, "").with_header("retry-after", retry_after);
            if let Some(date) = date {
                response = response.with_header("date", date);
            }
            assert_eq!(response.retry_after().map(|wait| wait.as_secs()), want, "{name}");
        }
    }

    #[test]
    fn a_detail_is_bounded_and_clean() {
        let response = Response::new(500, "\u{1b}[31m".to_owned() + &"é".repeat(5_000));
        let detail = response.delivery(response.outcome()).detail.unwrap();
        assert!(detail.starts_with("HTTP 500: [31mé") && detail.ends_with('…'), "{detail}");
        assert!(detail.chars().count() < 320);
    }

    #[test]
    fn a_request_does_not_print_what_it_carries() {
        let url = Endpoint::parse("https://hooks.example/services/secret").unwrap();
        let request = Request::post(url, &serde_json::json!({"key": "secret"}));
        assert_eq!(format!("{request:?}"), "POST https://hooks.example/… (16 bytes)");
    }
}
