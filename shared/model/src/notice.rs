use crate::{Diagnosis, EventBrief, Fingerprint, Group, ObjectRef, Owner, Scope, Severity};
use jiff::Timestamp;
use serde::{Deserialize, Serialize};
use std::collections::BTreeMap;

/// What a channel tells a person: an alert, news of it, or its end. Everything that a channel renders is here.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct Notice {
    /// Begin, news or end.
    #[serde(rename = "type")]
    pub kind: NoticeKind,
    /// The alert's identity: the fingerprint of the finding that opened it.
    pub fingerprint: Fingerprint,
    /// Counts the notices of one alert from 0. With the fingerprint, the key by which a receiver may dedupe.
    pub sequence: u32,
    /// When it was decided.
    pub at: Timestamp,
    /// Which cluster.
    pub scope: Scope,
    /// The rule's name.
    pub rule: String,
    /// How bad.
    pub severity: Severity,
    /// Who has to act.
    pub owner: Owner,
    /// The root cause, once known.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub cause: Option<String>,
    /// What the root-cause flow concluded about the object that opened the alert.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub diagnosis: Option<Box<Diagnosis>>,
    /// The object that opened the alert.
    pub object: ObjectRef,
    /// The group it stands for.
    pub group: Group,
    /// How many objects are affected now (at the end: how many were in all).
    pub count: u32,
    /// Of how many apps they are or were, where it is more than one.
    #[serde(default, skip_serializing_if = "is_zero")]
    pub apps: u32,
    /// In how many namespaces those are.
    #[serde(default, skip_serializing_if = "is_zero")]
    pub namespaces: u32,
    /// The objects that joined since the last notice; at most 50 are named.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub joined: Vec<Joiner>,
    /// What other rules see of the same fault, the worst first.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub also: Vec<Symptom>,
    /// When the fault began.
    pub since: Timestamp,
    /// When the quiet began; on a resolution only.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub ended: Option<Timestamp>,
    /// Whether it comes and goes (further notices are muted until it is quiet).
    #[serde(default)]
    pub flapping: bool,
    /// One line: what is wrong.
    pub summary: String,
    /// What to do about it.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub runbook: Option<String>,
    /// The rule's labels.
    #[serde(default, skip_serializing_if = "BTreeMap::is_empty")]
    pub labels: BTreeMap<String, String>,
    /// The opening object's own labels.
    #[serde(default, skip_serializing_if = "BTreeMap::is_empty")]
    pub object_labels: BTreeMap<String, String>,
    /// `path = value` of what matched.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub evidence: Vec<String>,
    /// Recent events, the newest first.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub events: Vec<EventBrief>,
    /// Why the live object could not be read, where the last known state had to do.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub stale: Option<String>,
}

/// An object that joined an alert.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct Joiner {
    /// Which.
    #[serde(flatten)]
    pub object: ObjectRef,
    /// By which rule, where it is another than that of the alert.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub rule: Option<String>,
}

impl From<ObjectRef> for Joiner {
    /// By the rule of the alert.
    fn from(object: ObjectRef) -> Self {
        Self { object, rule: None }
    }
}

/// What one rule sees of a fault.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct Symptom {
    /// The rule's name.
    pub rule: String,
    /// How bad, by the worst of its findings.
    pub severity: Severity,
    /// The object on which it was seen first.
    pub object: ObjectRef,
    /// Of how many objects it holds now; 0 where it is over.
    pub count: u32,
    /// One line: what is wrong.
    pub summary: String,
}

impl Notice {
    /// What it is about, as a person reads it: what its rule speaks of, and what is to blame where that is another.
    /// `Deployment shop/web`, `Deployment shop/db by PersistentVolumeClaim shop/data`, `6 apps by registry r.example`.
    pub fn target(&self) -> String {
        let own = self.workload();
        let shared = self.diagnosis.as_ref().and_then(|diagnosis| diagnosis.shared.as_deref());
        let blamed = match shared.filter(|shared| self.apps > 1 && !shared.is_empty()) {
            Some(shared) => shared.to_owned(),
            None if self.group.owner.key() == own.key() => return own.to_string(),
            None => self.group.owner.to_string(),
        };
        if self.apps > 1 { format!("{} apps by {blamed}", self.apps) } else { format!("{own} by {blamed}") }
    }

    /// The topmost controller of the object that opened the alert, or that object itself.
    pub fn workload(&self) -> &ObjectRef {
        let diagnosed = self.diagnosis.as_ref().and_then(|diagnosis| diagnosis.workload.as_ref());
        diagnosed.unwrap_or(&self.group.owner)
    }
}

#[expect(clippy::trivially_copy_pass_by_ref, reason = "serde hands over a reference")]
const fn is_zero(count: &u32) -> bool {
    *count == 0
}

/// What a [`Notice`] says of its alert.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub enum NoticeKind {
    /// It begins.
    Alert,
    /// News: more objects, a higher level, or that it still goes on.
    Update,
    /// It is over.
    Resolved,
}

impl NoticeKind {
    /// As it is written: `alert`, `update`, `resolved`.
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Alert => "alert",
            Self::Update => "update",
            Self::Resolved => "resolved",
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn object(kind: &str, name: &str) -> ObjectRef {
        ObjectRef {
            api_version: String::new(),
            kind: kind.to_owned(),
            namespace: Some("shop".to_owned()),
            name: name.to_owned(),
        }
    }

    #[test]
    fn the_target_is_what_the_rule_speaks_of_and_what_is_to_blame_stands_behind_it() {
        let notice: Notice = serde_json::from_value(serde_json::json!({
            "type": "alert", "fingerprint": "00ff", "sequence": 0, "at": "2026-01-02T03:04:05Z",
            "scope": { "tenant": "default", "region": "local", "cluster": "kind" }, "rule": "DeploymentUnavailable",
            "severity": "P3", "owner": "user", "object": object("Deployment", "web"),
            "group": { "owner": object("Deployment", "web"), "key": "k" }, "count": 1,
            "since": "2026-01-02T03:04:05Z", "summary": "0 of 1",
        }))
        .unwrap();
        assert_eq!(notice.target(), "Deployment shop/web");
        let diagnosis = |shared: Option<&str>| {
            let workload = Some(object("Deployment", "web"));
            Some(Box::new(Diagnosis { workload, shared: shared.map(str::to_owned), ..Diagnosis::default() }))
        };
        let claim = Group::of_cause(object("PersistentVolumeClaim", "data"), "pvc-lost", "data");
        let by_claim = Notice { diagnosis: diagnosis(None), group: claim, ..notice.clone() };
        assert_eq!(by_claim.target(), "Deployment shop/web by PersistentVolumeClaim shop/data");
        assert_eq!(Notice { apps: 2, ..by_claim }.target(), "2 apps by PersistentVolumeClaim shop/data");
        let by_registry = Notice { diagnosis: diagnosis(Some("registry r.example")), ..notice };
        assert_eq!(by_registry.target(), "Deployment shop/web");
        assert_eq!(Notice { apps: 6, ..by_registry }.target(), "6 apps by registry r.example");
    }

    #[test]
    fn who_joined_by_the_rule_of_the_alert_is_written_as_an_object() {
        let plain = serde_json::to_string(&Joiner::from(object("Pod", "a"))).unwrap();
        assert_eq!(plain, r#"{"kind":"Pod","namespace":"shop","name":"a"}"#);
        let other = Joiner { object: object("Pod", "a"), rule: Some("R".to_owned()) };
        let json = serde_json::to_string(&other).unwrap();
        assert_eq!(serde_json::from_str::<Joiner>(&json).unwrap(), other);
    }
}
