//! What leaves without the secrets that tenants' texts may hold. Each type is taken apart whole, so that a new field
//! does not go out unseen.

use crate::{
    Diagnosis, EventBrief, Evidence, Finding, Group, Joiner, NodeOutcome, Notice, ObjectRef, PluginResponse,
    RuledOut, Symptom, Unseen,
};
use prodrome_redact::{redact_named, redact_string};
use serde_json::{Map, Value};
use std::collections::BTreeMap;

fn texts(texts: Vec<String>) -> Vec<String> {
    texts.into_iter().map(redact_string).collect()
}

fn labels(labels: BTreeMap<String, String>) -> BTreeMap<String, String> {
    let clean = |(name, value): (String, String)| {
        let value = redact_named(&name, &value).into_owned();
        (redact_string(name), value)
    };
    labels.into_iter().map(clean).collect()
}

fn all(evidence: Vec<Evidence>) -> Vec<Evidence> {
    evidence.into_iter().map(Evidence::redacted).collect()
}

fn events(events: Vec<EventBrief>) -> Vec<EventBrief> {
    events.into_iter().map(EventBrief::redacted).collect()
}

fn unseen(unseen: Vec<Unseen>) -> Vec<Unseen> {
    let clean = |Unseen { what, reason }| Unseen { what: redact_string(what), reason: redact_string(reason) };
    unseen.into_iter().map(clean).collect()
}

fn group(Group { owner, key }: Group) -> Group {
    Group { owner: owner.redacted(), key: redact_string(key) }
}

/// Any JSON with its texts, and the names of its fields, without secrets.
#[must_use]
pub fn redacted_json(value: Value) -> Value {
    match value {
        Value::String(text) => Value::String(redact_string(text)),
        Value::Array(items) => items.into_iter().map(redacted_json).collect(),
        Value::Object(map) => Value::Object(values(map)),
        Value::Null | Value::Bool(_) | Value::Number(_) => value,
    }
}

fn values(map: Map<String, Value>) -> Map<String, Value> {
    map.into_iter().map(|(name, item)| (redact_string(name), redacted_json(item))).collect()
}

impl ObjectRef {
    /// The names as they are, unless one is a secret: then nothing of that name is found any more, which is its
    /// price.
    #[must_use]
    pub fn redacted(self) -> Self {
        let Self { api_version, kind, namespace, name } = self;
        Self {
            api_version: redact_string(api_version),
            kind: redact_string(kind),
            namespace: namespace.map(redact_string),
            name: redact_string(name),
        }
    }
}

impl Evidence {
    /// Without secrets.
    #[must_use]
    pub fn redacted(self) -> Self {
        let Self { text, source, object } = self;
        Self {
            text: redact_string(text),
            source: redact_string(source),
            object: object.map(ObjectRef::redacted),
        }
    }
}

impl EventBrief {
    /// Without secrets.
    #[must_use]
    pub fn redacted(self) -> Self {
        let Self { kind, reason, message, count, last_seen } = self;
        let (kind, reason) = (redact_string(kind), redact_string(reason));
        Self { kind, reason, message: redact_string(message), count, last_seen }
    }
}

impl PluginResponse {
    /// Without secrets.
    #[must_use]
    pub fn redacted(self) -> Self {
        let Self {
            verdict,
            cause,
            confidence,
            owner,
            summary,
            evidence,
            remediation,
            faulty,
            shared,
            ruled_out,
            facts,
            not_looked_at,
            undeclared,
        } = self;
        Self {
            verdict,
            cause: cause.map(redact_string),
            confidence,
            owner,
            summary: redact_string(summary),
            evidence: all(evidence),
            remediation: texts(remediation),
            faulty: faulty.map(ObjectRef::redacted),
            shared: shared.map(redact_string),
            ruled_out: texts(ruled_out),
            facts: values(facts),
            not_looked_at: unseen(not_looked_at),
            undeclared,
        }
    }
}

impl Diagnosis {
    /// Without secrets.
    #[must_use]
    pub fn redacted(self) -> Self {
        let Self {
            flow,
            run,
            verdict,
            cause,
            confidence,
            owner,
            summary,
            evidence,
            remediation,
            faulty,
            shared,
            ruled_out,
            facts,
            not_looked_at,
            nodes,
            workload,
            examined,
        } = self;
        let ruled = |RuledOut { cause, reason }| RuledOut {
            cause: redact_string(cause),
            reason: redact_string(reason),
        };
        let node = |node: NodeOutcome| NodeOutcome {
            cause: node.cause.map(redact_string),
            note: redact_string(node.note),
            ..node
        };
        Self {
            flow,
            run,
            verdict,
            cause: cause.map(redact_string),
            confidence,
            owner,
            summary: redact_string(summary),
            evidence: all(evidence),
            remediation: texts(remediation),
            faulty: faulty.map(ObjectRef::redacted),
            shared: shared.map(redact_string),
            ruled_out: ruled_out.into_iter().map(ruled).collect(),
            facts: all(facts),
            not_looked_at: unseen(not_looked_at),
            nodes: nodes.into_iter().map(node).collect(),
            workload: workload.map(ObjectRef::redacted),
            examined: examined.map(ObjectRef::redacted),
        }
    }
}

impl Finding {
    /// Without secrets. By whom it is found again (its subject, its group, its fingerprint) is as it was.
    #[must_use]
    pub fn redacted(self) -> Self {
        let Self {
            version,
            fingerprint,
            state,
            scope,
            rule,
            severity,
            owner,
            cause,
            flow,
            diagnosis,
            subject,
            group,
            since,
            fired_at,
            hold_down_seconds,
            summary,
            runbook,
            labels: by_rule,
            object_labels,
            evidence,
            events: recent,
            stale,
            resource_version,
        } = self;
        Self {
            version,
            fingerprint,
            state,
            scope,
            rule,
            severity,
            owner,
            cause: cause.map(redact_string),
            flow,
            diagnosis: diagnosis.map(|diagnosis| Box::new(diagnosis.redacted())),
            subject,
            group,
            since,
            fired_at,
            hold_down_seconds,
            summary: redact_string(summary),
            runbook,
            labels: by_rule,
            object_labels: labels(object_labels),
            evidence: texts(evidence),
            events: events(recent),
            stale: stale.map(redact_string),
            resource_version,
        }
    }
}

impl Joiner {
    /// Without secrets.
    #[must_use]
    pub fn redacted(self) -> Self {
        let Self { object, rule } = self;
        Self { object: object.redacted(), rule }
    }
}

impl Symptom {
    /// Without secrets.
    #[must_use]
    pub fn redacted(self) -> Self {
        let Self { rule, severity, object, count, summary } = self;
        Self { rule, severity, object: object.redacted(), count, summary: redact_string(summary) }
    }
}

impl Notice {
    /// Without secrets: all of it but what the operator wrote.
    #[must_use]
    pub fn redacted(self) -> Self {
        let Self {
            kind,
            fingerprint,
            sequence,
            at,
            scope,
            rule,
            severity,
            owner,
            cause,
            diagnosis,
            object,
            group: told_with,
            count,
            apps,
            namespaces,
            joined,
            also,
            since,
            ended,
            flapping,
            summary,
            runbook,
            labels: by_rule,
            object_labels,
            evidence,
            events: recent,
            stale,
        } = self;
        Self {
            kind,
            fingerprint,
            sequence,
            at,
            scope,
            rule,
            severity,
            owner,
            cause: cause.map(redact_string),
            diagnosis: diagnosis.map(|diagnosis| Box::new(diagnosis.redacted())),
            object: object.redacted(),
            group: group(told_with),
            count,
            apps,
            namespaces,
            joined: joined.into_iter().map(Joiner::redacted).collect(),
            also: also.into_iter().map(Symptom::redacted).collect(),
            since,
            ended,
            flapping,
            summary: redact_string(summary),
            runbook,
            labels: by_rule,
            object_labels: labels(object_labels),
            evidence: texts(evidence),
            events: events(recent),
            stale: stale.map(redact_string),
        }
    }
}
