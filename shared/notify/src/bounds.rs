use crate::text::cut;
use prodrome_model::{Diagnosis, Notice, ObjectRef};
use std::collections::BTreeMap;

const LABELS_MAX: usize = 64;
const LABEL_MAX: usize = 317;
const VALUE_MAX: usize = 500;
const EVIDENCE_MAX: usize = 20;
const EVENTS_MAX: usize = 10;
const JOINED_MAX: usize = 50;
const ALSO_MAX: usize = 12;
const NAME_MAX: usize = 253;
const TEXT_MAX: usize = 1_000;
const RUNBOOK_MAX: usize = 4_000;

/// The notice with every text and list cut to what a receiver can be asked to take: well below 256 KB of JSON,
/// whatever was written into the cluster. Texts keep their characters, as JSON escapes what it must.
pub(crate) fn bounded(notice: &Notice) -> Notice {
    let mut notice = notice.clone();
    for text in
        [&mut notice.rule, &mut notice.scope.tenant, &mut notice.scope.region, &mut notice.scope.cluster]
    {
        *text = cut(text, NAME_MAX);
    }
    notice.summary = cut(&notice.summary, TEXT_MAX);
    notice.group.key = cut(&notice.group.key, TEXT_MAX);
    notice.cause = notice.cause.map(|cause| cut(&cause, NAME_MAX));
    notice.stale = notice.stale.map(|why| cut(&why, TEXT_MAX));
    notice.runbook = notice.runbook.map(|text| cut(&text, RUNBOOK_MAX));
    bound_object(&mut notice.object);
    bound_object(&mut notice.group.owner);
    notice.joined.truncate(JOINED_MAX);
    for joiner in &mut notice.joined {
        bound_object(&mut joiner.object);
        joiner.rule.iter_mut().for_each(|rule| *rule = cut(rule, NAME_MAX));
    }
    notice.also.truncate(ALSO_MAX);
    for symptom in &mut notice.also {
        bound_object(&mut symptom.object);
        symptom.rule = cut(&symptom.rule, NAME_MAX);
        symptom.summary = cut(&symptom.summary, VALUE_MAX);
    }
    notice.labels = labels(notice.labels);
    notice.object_labels = labels(notice.object_labels);
    if let Some(diagnosis) = &mut notice.diagnosis {
        bound_diagnosis(diagnosis);
    }
    notice.evidence.truncate(EVIDENCE_MAX);
    notice.evidence.iter_mut().for_each(|line| *line = cut(line, VALUE_MAX));
    notice.events.truncate(EVENTS_MAX);
    for event in &mut notice.events {
        event.kind = cut(&event.kind, NAME_MAX);
        event.reason = cut(&event.reason, NAME_MAX);
        event.message = cut(&event.message, TEXT_MAX);
    }
    notice
}

fn bound_diagnosis(diagnosis: &mut Diagnosis) {
    let Diagnosis { flow, run, cause, summary, evidence, remediation, faulty, shared, .. } = diagnosis;
    for text in [flow, run].into_iter().chain(cause).chain(shared) {
        *text = cut(text, NAME_MAX);
    }
    *summary = cut(summary, TEXT_MAX);
    remediation.truncate(EVIDENCE_MAX);
    for step in remediation {
        *step = cut(step, VALUE_MAX);
    }
    for list in [evidence, &mut diagnosis.facts] {
        list.truncate(EVIDENCE_MAX);
        for item in list {
            item.text = cut(&item.text, VALUE_MAX);
            item.source = cut(&item.source, NAME_MAX);
            item.object.iter_mut().for_each(bound_object);
        }
    }
    faulty.iter_mut().chain(&mut diagnosis.examined).for_each(bound_object);
    diagnosis.ruled_out.truncate(EVIDENCE_MAX);
    for ruled in &mut diagnosis.ruled_out {
        ruled.cause = cut(&ruled.cause, NAME_MAX);
        ruled.reason = cut(&ruled.reason, VALUE_MAX);
    }
    diagnosis.not_looked_at.truncate(EVIDENCE_MAX);
    for unseen in &mut diagnosis.not_looked_at {
        unseen.what = cut(&unseen.what, VALUE_MAX);
        unseen.reason = cut(&unseen.reason, VALUE_MAX);
    }
    diagnosis.nodes.clear();
}

fn bound_object(object: &mut ObjectRef) {
    let ObjectRef { api_version, kind, namespace, name } = object;
    for text in [api_version, kind, name].into_iter().chain(namespace) {
        *text = cut(text, NAME_MAX);
    }
}

fn labels(labels: BTreeMap<String, String>) -> BTreeMap<String, String> {
    labels
        .into_iter()
        .take(LABELS_MAX)
        .map(|(key, value)| (cut(&key, LABEL_MAX), cut(&value, VALUE_MAX)))
        .collect()
}
