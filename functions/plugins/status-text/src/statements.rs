//! What the status of a custom resource states: conditions, phases and error texts, wherever in it they stand. Kinds
//! differ in where they put them, not in how they call them.

use serde_json::Value;

/// Values of a status that are looked at.
const VALUES_MAX: usize = 2_000;
/// How deep.
const DEPTH_MAX: usize = 8;

/// Fields that hold words for people.
const WORDS: [&str; 13] = [
    "message",
    "reason",
    "error",
    "errors",
    "errorMessage",
    "lastError",
    "lastErrorMessage",
    "failureMessage",
    "failureReason",
    "statusMessage",
    "phaseReason",
    "validationErrors",
    "details",
];
/// Fields that hold one word for how it is.
const PHASES: [&str; 11] = [
    "phase",
    "state",
    "status",
    "health",
    "currentState",
    "currentPhase",
    "overallStatus",
    "healthStatus",
    "provisioningState",
    "syncStatus",
    "jobStatus",
];
/// Fields that tell of former times.
const PAST: [&str; 4] = ["history", "previous", "previousStatus", "lastSuccessful"];

/// Parts of reasons and phases that say that something went wrong.
const ILL: [&str; 31] = [
    "fail",
    "error",
    "invalid",
    "degraded",
    "denied",
    "forbidden",
    "unauthor",
    "reject",
    "exceeded",
    "timeout",
    "timedout",
    "crash",
    "abort",
    "conflict",
    "notfound",
    "unreachable",
    "unhealthy",
    "unsupported",
    "backoff",
    "expired",
    "misconfig",
    "refused",
    "unresolved",
    "cannot",
    "unable",
    "exhausted",
    "mismatch",
    "broken",
    "missing",
    "stalled",
    "corrupt",
];
/// Whole words that say so.
const ILL_WHOLE: [&str; 9] =
    ["red", "critical", "fatal", "faulted", "offline", "dead", "down", "lost", "unavailable"];
/// Parts that only look like it.
const BENIGN: [&str; 6] = ["failover", "noerror", "nofail", "notfail", "noconflict", "nomissing"];

/// Ends of the types of conditions that are bad when they are True.
const BAD_WHEN_TRUE: [&str; 29] = [
    "failed",
    "failing",
    "failure",
    "failures",
    "error",
    "errors",
    "degraded",
    "stalled",
    "invalid",
    "notready",
    "notsynced",
    "outofsync",
    "unhealthy",
    "unavailable",
    "unreachable",
    "unschedulable",
    "unresolved",
    "unsupported",
    "conflict",
    "conflicts",
    "conflicted",
    "misconfigured",
    "mismatch",
    "exceeded",
    "rejected",
    "blocked",
    "stuck",
    "missing",
    "pressure",
];
/// Ends of the types of conditions that are about being on the way.
const ON_THE_WAY: [&str; 5] = ["progressing", "reconciling", "updating", "issuing", "installing"];

/// How bad it is.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub(crate) enum Grade {
    /// It is not yet, or not any more, as it should be.
    Unsettled,
    /// Something went wrong.
    Ill,
}

/// Something that a status says is not well.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Statement {
    pub(crate) grade: Grade,
    /// In words: `the condition Ready is False`.
    pub(crate) what: String,
    pub(crate) reason: String,
    pub(crate) message: String,
}

/// What a status says: what is not well, and other texts in it.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub(crate) struct Status {
    pub(crate) statements: Vec<Statement>,
    /// Reason and text.
    pub(crate) texts: Vec<(String, String)>,
    left: usize,
}

impl Status {
    /// Reads it; the worst comes first.
    pub(crate) fn read(status: &Value) -> Self {
        let mut read = Self { left: VALUES_MAX, ..Self::default() };
        read.visit(status, "status", DEPTH_MAX);
        read.statements.sort_by_key(|statement| std::cmp::Reverse(statement.grade));
        read
    }

    fn visit(&mut self, value: &Value, path: &str, depth: usize) {
        if self.left == 0 || depth == 0 {
            return;
        }
        self.left -= 1;
        match value {
            Value::Array(items) => {
                for item in items {
                    if let Some(statement) = condition(item) {
                        self.statements.extend(statement);
                    } else {
                        self.visit(item, path, depth - 1);
                    }
                }
            }
            Value::Object(fields) => {
                let reason = fields.get("reason").and_then(Value::as_str).unwrap_or_default();
                for (key, value) in fields.iter().filter(|(key, _)| !PAST.contains(&key.as_str())) {
                    let at = format!("{path}.{key}");
                    match value {
                        Value::String(text) if PHASES.contains(&key.as_str()) && is_ill(text) => {
                            let (reason, message) = (text.clone(), String::new());
                            let what = format!("{at} is {text}");
                            self.statements.push(Statement { grade: Grade::Ill, what, reason, message });
                        }
                        Value::String(text) if WORDS.contains(&key.as_str()) && !text.is_empty() => {
                            self.texts.push((reason.to_owned(), text.clone()));
                        }
                        Value::Array(items) if WORDS.contains(&key.as_str()) => {
                            let texts = items.iter().filter_map(Value::as_str).take(8);
                            self.texts.extend(texts.map(|text| (reason.to_owned(), text.to_owned())));
                            self.visit(value, &at, depth - 1);
                        }
                        value => self.visit(value, &at, depth - 1),
                    }
                }
            }
            _ => {}
        }
    }
}

/// What a condition says is not well. `None` where it is no condition, `Some(None)` where it says that all is.
#[expect(clippy::option_option, reason = "no condition, and a condition without complaint")]
fn condition(value: &Value) -> Option<Option<Statement>> {
    let text = |key: &str| value[key].as_str().unwrap_or_default();
    let (kind, status, reason) = (text("type"), text("status"), text("reason"));
    if kind.is_empty() || !matches!(status, "True" | "False" | "Unknown") {
        return None;
    }
    let lower = kind.to_ascii_lowercase();
    let ends = |ends: &[&str]| ends.iter().any(|end| lower.ends_with(end));
    let grade = match (status, ends(&BAD_WHEN_TRUE)) {
        ("True", true) => Some(Grade::Ill),
        ("True", false) if is_ill(reason) => Some(Grade::Ill),
        ("True", false) => ends(&ON_THE_WAY).then_some(Grade::Unsettled),
        (_, true) => None,
        _ if is_ill(reason) || text("severity") == "Error" => Some(Grade::Ill),
        _ if ends(&ON_THE_WAY) => None,
        _ => Some(Grade::Unsettled),
    };
    let what = format!("the condition {kind} is {status}");
    let (reason, message) = (reason.to_owned(), text("message").to_owned());
    Some(grade.map(|grade| Statement { grade, what, reason, message }))
}

/// Whether a reason or a phase says that something went wrong.
fn is_ill(word: &str) -> bool {
    let word: String =
        word.chars().filter(|c| c.is_alphanumeric()).map(|c| c.to_ascii_lowercase()).take(200).collect();
    let word = BENIGN.iter().fold(word, |word, part| word.replace(part, ""));
    ILL_WHOLE.contains(&word.as_str()) || ILL.iter().any(|part| word.contains(part))
}

#[cfg(test)]
mod tests {
    use super::*;
    use serde_json::json;

    #[test]
    fn what_is_not_well_is_found_wherever_it_stands() {
        let condition = |kind: &str, status: &str, reason: &str| json!({ "type": kind, "status": status, "reason": reason });
        let cases = [
            (
                json!({ "conditions": [condition("Ready", "True", "Ok"), condition("Degraded", "False", "AsExpected")] }),
                vec![],
            ),
            (
                json!({ "conditions": [condition("Progressing", "False", "AsExpected")], "phase": "Running" }),
                vec![],
            ),
            (json!({ "phase": "Failed" }), vec![(Grade::Ill, "status.phase is Failed")]),
            (json!({ "state": { "phase": "Failover" }, "error": null }), vec![]),
            (
                json!({ "ceph": { "health": "critical" } }),
                vec![(Grade::Ill, "status.ceph.health is critical")],
            ),
            (
                json!({ "conditions": [condition("Scheduled", "Unknown", ""), condition("Ready", "False", "InstallFailed")] }),
                vec![
                    (Grade::Ill, "the condition Ready is False"),
                    (Grade::Unsettled, "the condition Scheduled is Unknown"),
                ],
            ),
            (
                json!({ "parents": [{ "conditions": [condition("Accepted", "False", "NotAllowedByListeners")] }] }),
                vec![(Grade::Unsettled, "the condition Accepted is False")],
            ),
            (
                json!({ "conditions": [condition("Stalled", "True", "")] }),
                vec![(Grade::Ill, "the condition Stalled is True")],
            ),
            (
                json!({ "conditions": [condition("Complete", "True", "BackoffLimitExceeded")] }),
                vec![(Grade::Ill, "the condition Complete is True")],
            ),
            (json!({ "history": [{ "phase": "Failed" }], "conditions": "x" }), vec![]),
            (json!("x"), vec![]),
        ];
        for (status, want) in cases {
            let read = Status::read(&status);
            let found: Vec<_> = read.statements.iter().map(|s| (s.grade, s.what.as_str())).collect();
            assert_eq!(found, want, "{status}");
        }
    }

    #[test]
    fn texts_are_found_wherever_they_stand() {
        let status = json!({ "reason": "R", "message": "m", "nodes": [{ "lastError": "e" }], "errors": ["f", { "message": "g" }], "name": "n" });
        let texts = Status::read(&status).texts;
        let want = [("", "e"), ("", "g"), ("R", "R"), ("R", "f"), ("R", "m")]
            .map(|(r, t)| (r.to_owned(), t.to_owned()));
        assert_eq!(std::collections::BTreeSet::from_iter(texts), std::collections::BTreeSet::from(want));
    }
}
