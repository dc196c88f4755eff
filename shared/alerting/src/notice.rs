use crate::Alert;
use jiff::Timestamp;
use prodrome_model::{EventBrief, Finding, Notice, NoticeKind};
use std::collections::BTreeMap;

/// At most so many joined objects are named in one notice.
pub(crate) const NAMED_MAX: usize = 50;

const SUMMARY_CHARS_MAX: usize = 1_000;
const RUNBOOK_CHARS_MAX: usize = 4_000;
const LABELS_MAX: usize = 64;
const LABEL_CHARS_MAX: usize = 320;
const EVIDENCE_MAX: usize = 32;
const EVIDENCE_CHARS_MAX: usize = 500;
const EVENTS_MAX: usize = 10;
const EVENT_CHARS_MAX: usize = 1_000;

/// What there is to tell of an alert now.
pub(crate) fn notice(alert: &Alert, kind: NoticeKind, now: Timestamp) -> Notice {
    let opening = alert.opening.clone();
    let resolved = kind == NoticeKind::Resolved;
    Notice {
        kind,
        fingerprint: opening.fingerprint,
        sequence: alert.sequence,
        at: now,
        scope: opening.scope,
        rule: opening.rule,
        severity: alert.severity,
        owner: opening.owner,
        cause: opening.cause,
        object: opening.subject.object().clone(),
        group: opening.group,
        count: if resolved || alert.open == 0 { alert.total } else { alert.open },
        joined: alert.joined.iter().map(|j| j.object.clone()).collect(),
        since: alert.since,
        ended: alert.ended.filter(|_| resolved),
        flapping: alert.flapping.is_some(),
        summary: opening.summary,
        runbook: opening.runbook,
        labels: opening.labels,
        object_labels: opening.object_labels,
        evidence: opening.evidence,
        events: opening.events,
        stale: opening.stale,
    }
}

/// The finding, cut to a size at which it can be kept and shown. Most of it was written by tenants.
pub(crate) fn bounded(finding: &Finding) -> Finding {
    let events = finding.events.iter().take(EVENTS_MAX).map(|event| EventBrief {
        kind: cut(&event.kind, EVENT_CHARS_MAX),
        reason: cut(&event.reason, EVENT_CHARS_MAX),
        message: cut(&event.message, EVENT_CHARS_MAX),
        ..event.clone()
    });
    Finding {
        summary: cut(&finding.summary, SUMMARY_CHARS_MAX),
        runbook: finding.runbook.as_deref().map(|text| cut(text, RUNBOOK_CHARS_MAX)),
        labels: bounded_labels(&finding.labels),
        object_labels: bounded_labels(&finding.object_labels),
        evidence: finding.evidence.iter().take(EVIDENCE_MAX).map(|e| cut(e, EVIDENCE_CHARS_MAX)).collect(),
        events: events.collect(),
        stale: finding.stale.as_deref().map(|text| cut(text, SUMMARY_CHARS_MAX)),
        ..finding.clone()
    }
}

fn bounded_labels(labels: &BTreeMap<String, String>) -> BTreeMap<String, String> {
    let some = labels.iter().take(LABELS_MAX);
    some.map(|(name, value)| (cut(name, LABEL_CHARS_MAX), cut(value, LABEL_CHARS_MAX))).collect()
}

fn cut(text: &str, chars_max: usize) -> String {
    if text.chars().nth(chars_max).is_none() {
        return text.to_owned();
    }
    text.chars().take(chars_max.saturating_sub(1)).chain(['…']).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_text_is_cut_between_characters() {
        assert_eq!(cut("häuser", 6), "häuser");
        assert_eq!(cut("häuser", 3), "hä…");
        assert_eq!(cut("", 0), "");
    }
}
