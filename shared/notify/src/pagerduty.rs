//! PagerDuty, by its Events API v2.

use crate::message::Message;
use crate::text::cut;
use crate::{
    Delivery, Endpoint, Limit, Outcome, Reason, Request, ResolveError, Response, Secret, SecretRef, Secrets,
};
use jiff::{SignedDuration, Timestamp};
use prodrome_model::{Notice, NoticeKind, Severity};
use serde::Deserialize;
use serde_json::{Value, json};

const ENQUEUE: &str = "https://events.pagerduty.com/v2/enqueue";

/// The longest summary that an event may have, in characters.
const SUMMARY_MAX: usize = 1_024;

/// PagerDuty asks for a back-off of minutes, and does not say how many.
const BACK_OFF: SignedDuration = SignedDuration::from_mins(2);

/// PagerDuty moves its limit with the traffic; this stays below what it was ever said to be.
pub(crate) const LIMIT: Limit = Limit::new(60, SignedDuration::from_mins(1), 30);

/// A PagerDuty service's integration of the Events API v2.
#[derive(Debug, Clone, PartialEq, Eq, Deserialize)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
pub struct Config {
    /// The integration's key.
    pub routing_key: SecretRef,
    /// Where events go: `https://events.pagerduty.com/v2/enqueue` where absent; the EU has
    /// `https://events.eu.pagerduty.com/v2/enqueue`.
    pub url: Option<Endpoint>,
}

impl Config {
    pub(crate) fn secrets(&self) -> Vec<&SecretRef> {
        vec![&self.routing_key]
    }
}

/// An integration with its key.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Resolved {
    url: Endpoint,
    routing_key: Secret,
}

impl Config {
    /// Puts the secrets in.
    pub fn resolve(&self, secrets: &Secrets) -> Result<Resolved, ResolveError> {
        let url = self.url.clone().map_or_else(|| Endpoint::parse(ENQUEUE), Ok)?.secure()?;
        Ok(Resolved { url, routing_key: secrets.get(&self.routing_key)?.clone() })
    }
}

/// The request that tells a notice. An alert's fingerprint is its deduplication key: whatever comes twice is
/// one incident.
pub fn render(notice: &Notice, integration: &Resolved, _receipt: Option<&str>, now: Timestamp) -> Request {
    let message = Message::new(notice, now);
    let mut event = json!({
        "routing_key": integration.routing_key.expose(),
        "dedup_key": message.fingerprint,
        "event_action": if message.kind == NoticeKind::Resolved { "resolve" } else { "trigger" },
    });
    if message.kind != NoticeKind::Resolved {
        event["client"] = json!("Prodrome");
        event["payload"] = payload(&message);
        if let Some(link) = message.runbook_link() {
            event["links"] = json!([{"href": link, "text": "Runbook"}]);
        }
    }
    Request::post(integration.url.clone(), &event)
}

/// What became of it.
pub fn classify(response: &Response) -> Delivery {
    let outcome = match (response.status, response.outcome()) {
        (202, _) => Outcome::Sent,
        // Only 202 is PagerDuty's answer: another success is somebody else's.
        (_, Outcome::Sent) => Outcome::RetryAfter(None, Reason::UnexpectedAnswer),
        (400, other) => {
            let body = String::from_utf8_lossy(&response.body).to_lowercase();
            let key = body.contains("routing key") || body.contains("routing_key");
            if key { Outcome::Refused(Reason::Unauthorized) } else { other }
        }
        (_, Outcome::RetryAfter(None, Reason::RateLimited)) => {
            Outcome::RetryAfter(Some(BACK_OFF), Reason::RateLimited)
        }
        (_, other) => other,
    };
    response.delivery(outcome)
}

fn payload(message: &Message) -> Value {
    let summary = format!("{}, {}: {}", message.title(), message.state(), message.summary);
    let mut details = json!({
        "summary": message.summary,
        "owner": message.owner.as_str(),
        "severity": message.severity.as_str(),
        "since": message.since.to_string(),
    });
    for (name, text) in [("affected", &message.count), ("first", &message.first), ("cause", &message.cause)] {
        if let Some(text) = text {
            details[name] = json!(text);
        }
    }
    for (name, lines) in [
        ("joined", &message.joined),
        ("also", &message.also),
        ("evidence", &message.evidence),
        ("events", &message.events),
        ("runbook", &message.runbook),
        ("notes", &message.notes),
    ] {
        if !lines.is_empty() {
            details[name] = json!(lines);
        }
    }
    json!({
        "summary": cut(&summary, SUMMARY_MAX),
        "source": message.cluster,
        "severity": severity(message.severity),
        "timestamp": message.since.to_string(),
        "component": message.target,
        "class": message.rule,
        "custom_details": details,
    })
}

const fn severity(severity: Severity) -> &'static str {
    match severity {
        Severity::P1 => "critical",
        Severity::P2 => "error",
        Severity::P3 => "warning",
        Severity::P4 => "info",
    }
}
