//! What is kept of a run, and where.

use jiff::{SignedDuration, Timestamp};
use prodrome_flows::NodeState;
use prodrome_model::{Diagnosis, Finding, Fingerprint, ObjectRef, Scope, stable_hash};
use prodrome_store::{Key, Record};
use serde::{Deserialize, Serialize};

/// How long a run is remembered: as long as its finding may come again.
const KEPT: SignedDuration = SignedDuration::from_hours(24 * 4);

/// A run: who is at it, and what came of it.
#[derive(Debug, Clone, Default, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub(crate) struct Run {
    /// When it began.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub(crate) begun: Option<Timestamp>,
    /// The flow's hash: with another flow it begins anew.
    #[serde(default)]
    pub(crate) flow_hash: String,
    /// Until when somebody is at it.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub(crate) leased_until: Option<Timestamp>,
    /// Who: the message that it was taken for.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub(crate) leased_to: Option<String>,
    /// Whether the fault is over.
    #[serde(default)]
    pub(crate) ended: bool,
    /// What was concluded.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub(crate) diagnosis: Option<Box<Diagnosis>>,
}

/// The run that stands for a group of objects with one fault.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub(crate) struct Representative {
    /// Whose run.
    pub(crate) fingerprint: Fingerprint,
    /// The object that is examined.
    pub(crate) object: ObjectRef,
    /// What the others are compared by.
    pub(crate) signature: String,
    /// When its run began.
    pub(crate) at: Timestamp,
}

pub(crate) fn run_key(scope: &Scope, fingerprint: &Fingerprint) -> Key {
    Key::new(format!("run#{scope}#{fingerprint}"), "run")
}

pub(crate) fn node_key(run: &Key, node: &str) -> Key {
    Key::new(run.partition.clone(), format!("node#{node}"))
}

pub(crate) fn group_key(finding: &Finding, flow: &str) -> Key {
    let group = stable_hash(&[flow, &finding.group.key]);
    Key::new(format!("diagnosed#{}#{group}", finding.scope), "representative")
}

pub(crate) fn record(key: Key, value: &impl Serialize, now: Timestamp) -> Record {
    let data = serde_json::to_string(value).expect("plain data is always written as JSON");
    Record { expires: now.checked_add(KEPT).ok(), ..Record::new(key, data) }
}

/// A node's state as it is kept.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub(crate) struct KeptNode {
    pub(crate) node: String,
    pub(crate) state: NodeState,
}

/// What objects with one fault have alike: the rule, and what matched, without names and numbers.
pub(crate) fn signature(finding: &Finding) -> String {
    let object = finding.subject.object();
    let mut lines: Vec<String> = finding.evidence.iter().map(|line| plain(line, &object.name)).collect();
    lines.sort();
    lines.dedup();
    let mut parts: Vec<&str> = vec![&finding.rule, &object.kind];
    parts.extend(lines.iter().map(String::as_str));
    stable_hash(&parts)
}

/// A line without the object's name and with runs of digits and hexadecimal digits as one sign: times, counters and
/// generated names differ between objects with one fault.
fn plain(line: &str, name: &str) -> String {
    let line = if name.is_empty() { line.to_owned() } else { line.replace(name, "*") };
    let mut out = String::with_capacity(line.len());
    let mut word = String::new();
    for c in line.chars().chain([' ']) {
        if c.is_ascii_alphanumeric() {
            word.push(c);
            continue;
        }
        let has_digit = word.chars().any(|c| c.is_ascii_digit());
        out.push_str(if has_digit { "#" } else { &word });
        word.clear();
        out.push(c);
    }
    out
}

#[cfg(test)]
mod tests {
    use super::plain;

    #[test]
    fn names_and_numbers_do_not_count() {
        let line =
            |name: &str, at: &str| plain(&format!("{name}: back-off 5m0s since {at} of app-6b5f7c9d8"), name);
        assert_eq!(line("web-0", "12:00:01"), line("web-17", "13:59:58"));
        assert_ne!(plain("reason = OOMKilled", "a"), plain("reason = Error", "a"));
    }
}
