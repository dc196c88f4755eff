//! Prometheus Alertmanager, by its API v2.

use crate::message::Message;
use crate::routing::Period;
use crate::text::one_line;
use crate::{
    Delivery, Endpoint, Limit, Outcome, Reason, Request, ResolveError, Response, Secret, SecretRef, Secrets,
};
use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use jiff::{SignedDuration, Timestamp};
use prodrome_model::{Notice, NoticeKind};
use serde::Deserialize;
use serde_json::{Value, json};
use std::collections::BTreeMap;

/// It is made for floods; this only keeps a runaway in bounds.
pub(crate) const LIMIT: Limit = Limit::new(600, SignedDuration::from_mins(1), 100);

/// So many of a rule's labels become labels of the alert.
const LABELS_MAX: usize = 20;

const EXPIRE_AFTER: SignedDuration = SignedDuration::from_hours(1);

/// An Alertmanager. Of several in a cluster each gets a channel of its own, as each wants every alert.
#[derive(Debug, Clone, PartialEq, Eq, Deserialize)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
pub struct Config {
    /// Where it is, without `/api/v2`.
    pub url: Endpoint,
    /// A bearer token, where something in front of it asks for one.
    pub token: Option<SecretRef>,
    /// The user of basic authentication.
    pub username: Option<String>,
    /// The password of basic authentication.
    pub password: Option<SecretRef>,
    /// Labels that every alert gets.
    #[serde(default)]
    pub labels: BTreeMap<String, String>,
    /// The address behind "Source" in its pages; `{fingerprint}` stands for the alert's.
    pub generator_url: Option<String>,
    /// For how long an alert that is not spoken of again stays open: 1 h where absent. Alertmanager forgets
    /// alerts when it restarts, so open ones are sent again three times in this time.
    pub expire_after: Option<Period>,
}

impl Config {
    /// The longest that an open alert may go unmentioned.
    pub fn repeat_max(&self) -> SignedDuration {
        self.expires_after() / 3
    }

    fn expires_after(&self) -> SignedDuration {
        self.expire_after.map_or(EXPIRE_AFTER, |period| period.0)
    }

    /// Puts the secrets in.
    pub fn resolve(&self, secrets: &Secrets) -> Result<Resolved, ResolveError> {
        let authorization = match (&self.token, &self.username, &self.password) {
            (Some(token), _, _) => Some(format!("Bearer {}", secrets.header(token)?.expose())),
            (None, Some(user), Some(password)) => {
                let pair = format!("{user}:{}", secrets.get(password)?.expose());
                Some(format!("Basic {}", STANDARD.encode(pair)))
            }
            _ => None,
        };
        let labels = self.labels.iter().filter_map(|(name, value)| label(name, value)).collect();
        Ok(Resolved {
            url: self.url.join("api/v2/alerts"),
            authorization: authorization.map(Secret::new),
            labels,
            generator_url: self.generator_url.clone(),
            expire_after: self.expires_after(),
        })
    }

    pub(crate) fn check(&self) -> Result<(), &'static str> {
        if self.generator_url.as_ref().is_some_and(|url| Endpoint::parse(url).is_err()) {
            return Err("expected an address such as https://host/{fingerprint} in `generatorUrl`");
        }
        match (&self.token, &self.username, &self.password) {
            (_, None, None) | (None, Some(_), Some(_)) => Ok(()),
            (None, _, _) => Err("expected `username` and `password` together"),
            (Some(_), _, _) => Err("expected `token`, or `username` and `password`: not both"),
        }
    }

    pub(crate) fn secrets(&self) -> Vec<&SecretRef> {
        self.token.iter().chain(&self.password).collect()
    }
}

/// An Alertmanager with its secrets.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Resolved {
    url: Endpoint,
    authorization: Option<Secret>,
    labels: BTreeMap<String, String>,
    generator_url: Option<String>,
    expire_after: SignedDuration,
}

/// The request that tells a notice.
///
/// To Alertmanager an alert *is* its labels: one whose severity rose is another one. So the receipt holds those
/// labels that can change, and where they do, the alert that had the old ones is ended in the same request.
pub fn render(notice: &Notice, alertmanager: &Resolved, receipt: Option<&str>, now: Timestamp) -> Request {
    let message = Message::new(notice, now);
    let identity = identity(notice);
    let whole = |changing: &BTreeMap<String, String>| {
        let mut labels = changing.clone();
        labels.extend(identity.clone());
        labels
    };
    let changing = changing(notice, &alertmanager.labels);
    let before: Option<BTreeMap<String, String>> = receipt.and_then(|text| serde_json::from_str(text).ok());
    // Clocks differ, and an alert that ends before it begins is refused.
    let starts = message.since.min(now);
    let alert = |labels: &BTreeMap<String, String>, ends: Timestamp| {
        let ends = ends.max(starts + SignedDuration::from_millis(1));
        let mut alert = json!({
            "labels": labels,
            "annotations": annotations(&message),
            "startsAt": starts.to_string(),
            "endsAt": ends.to_string(),
        });
        if let Some(url) = &alertmanager.generator_url {
            alert["generatorURL"] = json!(url.replace("{fingerprint}", &message.fingerprint));
        }
        alert
    };
    let (alerts, receipt) = match message.kind {
        NoticeKind::Resolved => {
            let ended = message.ended.unwrap_or(now).min(now);
            (vec![alert(&whole(&before.unwrap_or(changing)), ended)], None)
        }
        NoticeKind::Alert | NoticeKind::Update => {
            let mut alerts = vec![alert(&whole(&changing), now + alertmanager.expire_after)];
            alerts.extend(before.filter(|old| *old != changing).map(|old| alert(&whole(&old), now)));
            (alerts, Some(json!(changing).to_string()))
        }
    };
    let mut request = Request::post(alertmanager.url.clone(), &json!(alerts));
    if let Some(authorization) = &alertmanager.authorization {
        request = request.with_header("authorization", authorization.clone());
    }
    request.receipt = receipt;
    request
}

/// What became of it.
pub fn classify(response: &Response) -> Delivery {
    let outcome = match (response.status, response.outcome()) {
        (200, _) => Outcome::Sent,
        (_, Outcome::Sent) => Outcome::RetryAfter(None, Reason::UnexpectedAnswer),
        (_, other) => other,
    };
    response.delivery(outcome)
}

/// The labels that stay as they are as long as the alert is open.
fn identity(notice: &Notice) -> BTreeMap<String, String> {
    let owner = &notice.group.owner;
    let labels = [
        ("alertname", notice.rule.as_str()),
        ("fingerprint", notice.fingerprint.as_str()),
        ("cluster", &notice.scope.cluster),
        ("region", &notice.scope.region),
        ("tenant", &notice.scope.tenant),
        ("namespace", owner.namespace.as_deref().unwrap_or_default()),
        ("kind", &owner.kind),
        ("name", &owner.name),
    ];
    labels.into_iter().filter_map(|(name, value)| label(name, value)).collect()
}

/// The labels that escalation, a diagnosis, another rule file or another routing file may change.
fn changing(notice: &Notice, configured: &BTreeMap<String, String>) -> BTreeMap<String, String> {
    let mut labels = configured.clone();
    labels.extend(notice.labels.iter().take(LABELS_MAX).filter_map(|(name, value)| label(name, value)));
    labels.extend(label("severity", notice.severity.as_str()));
    labels.extend(label("owner", notice.owner.as_str()));
    labels
}

/// A label as Alertmanager takes it: a name of letters, digits and `_`, and a value that is not empty.
fn label(name: &str, value: &str) -> Option<(String, String)> {
    let name: String =
        name.chars().take(64).map(|c| if c.is_ascii_alphanumeric() { c } else { '_' }).collect();
    // Names that begin with two are its own.
    let name = name.trim_start_matches('_');
    let digit = name.starts_with(|c: char| c.is_ascii_digit());
    let value = one_line(value, 253);
    let name = if digit { format!("_{name}") } else { name.to_owned() };
    (!name.is_empty() && !value.is_empty()).then_some((name, value))
}

fn annotations(message: &Message) -> Value {
    let mut annotations = json!({ "summary": message.summary });
    let runbook = match message.runbook_link() {
        Some(link) => ("runbook_url", link.to_owned()),
        None => ("runbook", message.runbook.join("\n")),
    };
    for (name, text) in [
        ("affected", message.count.clone().unwrap_or_default()),
        ("first", message.first.clone().unwrap_or_default()),
        ("cause", message.cause.clone().unwrap_or_default()),
        ("also", message.also.join("\n")),
        ("evidence", message.evidence.join("\n")),
        ("events", message.events.join("\n")),
        ("notes", message.notes.join("\n")),
        runbook,
    ] {
        if !text.is_empty() {
            annotations[name] = json!(text);
        }
    }
    annotations
}
