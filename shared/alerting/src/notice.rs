use crate::{Alert, Joined};
use jiff::Timestamp;
use prodrome_model::{
    Diagnosis, EventBrief, Evidence, Finding, Joiner, Notice, NoticeKind, RuledOut, Symptom, Unseen,
};
use std::cmp::Reverse;
use std::collections::{BTreeMap, BTreeSet};

/// At most so many joined objects are named in one notice.
pub(crate) const NAMED_MAX: usize = 50;

// In bytes. All of them full of what JSON has to escape, a delivery with two notices stays below what a store
// takes.
const SUMMARY_MAX: usize = 1_000;
pub(crate) const SYMPTOM_SUMMARY_MAX: usize = 200;
const RUNBOOK_MAX: usize = 4_000;
const LABELS_MAX: usize = 32;
const LABEL_MAX: usize = 320;
const EVIDENCE_MAX: usize = 20;
const EVIDENCE_LINE_MAX: usize = 400;
/// Items of each list of a diagnosis.
const DIAGNOSIS_MAX: usize = 8;
/// Causes that are ruled out, each with why.
const RULED_OUT_MAX: usize = 16;
const EVENTS_MAX: usize = 10;
const EVENT_MESSAGE_MAX: usize = 1_000;
const EVENT_WORD_MAX: usize = 100;

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
        diagnosis: opening.diagnosis,
        object: opening.subject.object().clone(),
        group: opening.group,
        count: if resolved || alert.open == 0 { alert.total } else { alert.open },
        apps: several(alert.apps.len()),
        namespaces: if alert.apps.len() > 1 { namespaces(&alert.apps) } else { 0 },
        joined: alert.joined.iter().map(joiner).collect(),
        also: also(alert),
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

fn joiner(joined: &Joined) -> Joiner {
    Joiner { object: joined.object.clone(), rule: joined.rule.clone() }
}

/// What the rules see that did not open the alert, the worst first.
fn also(alert: &Alert) -> Vec<Symptom> {
    let others = alert.symptoms.iter().filter(|(rule, _)| **rule != alert.opening.rule);
    let mut also: Vec<Symptom> = others
        .map(|(rule, seen)| Symptom {
            rule: rule.clone(),
            severity: seen.severity,
            object: seen.object.clone(),
            count: seen.open,
            summary: seen.summary.clone(),
        })
        .collect();
    also.sort_by_key(|symptom| Reverse(symptom.severity));
    also
}

/// One is not worth a word.
fn several(count: usize) -> u32 {
    u32::try_from(count).ok().filter(|count| *count > 1).unwrap_or(0)
}

/// Of `Deployment shop/web` the namespace.
fn namespaces(apps: &BTreeSet<String>) -> u32 {
    let names: BTreeSet<&str> = apps
        .iter()
        .filter_map(|app| app.split_once(' ')?.1.split_once('/').map(|(namespace, _)| namespace))
        .collect();
    u32::try_from(names.len()).unwrap_or(0)
}

/// The finding without secrets, cut to a size at which it can be kept and shown. Most of it was written by tenants.
pub(crate) fn bounded(finding: &Finding) -> Finding {
    let finding = finding.clone().redacted();
    let events = finding.events.iter().take(EVENTS_MAX).map(|event| EventBrief {
        kind: cut(&event.kind, EVENT_WORD_MAX),
        reason: cut(&event.reason, EVENT_WORD_MAX),
        message: cut(&event.message, EVENT_MESSAGE_MAX),
        ..event.clone()
    });
    Finding {
        summary: cut(&finding.summary, SUMMARY_MAX),
        runbook: finding.runbook.as_deref().map(|text| cut(text, RUNBOOK_MAX)),
        labels: bounded_labels(&finding.labels),
        object_labels: bounded_labels(&finding.object_labels),
        evidence: finding.evidence.iter().take(EVIDENCE_MAX).map(|e| cut(e, EVIDENCE_LINE_MAX)).collect(),
        events: events.collect(),
        stale: finding.stale.as_deref().map(|text| cut(text, SUMMARY_MAX)),
        diagnosis: finding.diagnosis.as_deref().map(|diagnosis| Box::new(bounded_diagnosis(diagnosis))),
        ..finding
    }
}

/// What plugins said, cut likewise. How each node of the flow stood is the run's matter, not the alert's.
fn bounded_diagnosis(diagnosis: &Diagnosis) -> Diagnosis {
    let evidence = |list: &[Evidence]| -> Vec<Evidence> {
        let some = list.iter().take(DIAGNOSIS_MAX);
        some.map(|e| Evidence { text: cut(&e.text, EVIDENCE_LINE_MAX), ..e.clone() }).collect()
    };
    let short = |text: &str| cut(text, EVIDENCE_LINE_MAX);
    Diagnosis {
        summary: cut(&diagnosis.summary, SUMMARY_MAX),
        cause: diagnosis.cause.as_deref().map(|cause| cut(cause, LABEL_MAX)),
        shared: diagnosis.shared.as_deref().map(|shared| cut(shared, LABEL_MAX)),
        evidence: evidence(&diagnosis.evidence),
        facts: evidence(&diagnosis.facts),
        remediation: diagnosis.remediation.iter().take(DIAGNOSIS_MAX).map(|step| short(step)).collect(),
        ruled_out: diagnosis
            .ruled_out
            .iter()
            .take(RULED_OUT_MAX)
            .map(|ruled| RuledOut { cause: short(&ruled.cause), reason: short(&ruled.reason) })
            .collect(),
        not_looked_at: diagnosis
            .not_looked_at
            .iter()
            .take(DIAGNOSIS_MAX)
            .map(|unseen| Unseen { what: short(&unseen.what), reason: short(&unseen.reason) })
            .collect(),
        nodes: Vec::new(),
        ..diagnosis.clone()
    }
}

fn bounded_labels(labels: &BTreeMap<String, String>) -> BTreeMap<String, String> {
    let some = labels.iter().take(LABELS_MAX);
    some.map(|(name, value)| (cut(name, LABEL_MAX), cut(value, LABEL_MAX))).collect()
}

/// At most so many bytes of a text, on whole characters, with an ellipsis where it was longer. Control
/// characters, which no channel shows and JSON swells sixfold, become spaces.
pub(crate) fn cut(text: &str, bytes_max: usize) -> String {
    const ELLIPSIS: char = '…';
    let plain = text.chars().map(|c| if c.is_control() && c != '\n' { ' ' } else { c });
    if text.len() <= bytes_max {
        return plain.collect();
    }
    let mut room = bytes_max.saturating_sub(ELLIPSIS.len_utf8());
    let fitting = plain.take_while(|c| {
        let fits = c.len_utf8() <= room;
        room = if fits { room - c.len_utf8() } else { 0 };
        fits
    });
    fitting.chain([ELLIPSIS]).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_text_is_cut_between_characters() {
        for (text, bytes_max, want) in [
            ("häuser", 7, "häuser"),
            ("häuser", 6, "hä…"),
            ("häuser", 5, "h…"),
            ("a\u{1b}[31m\nb", 20, "a [31m\nb"),
            ("", 0, ""),
        ] {
            assert_eq!(cut(text, bytes_max), want, "{text:?} to {bytes_max}");
        }
    }
}
