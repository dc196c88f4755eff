use prodrome_causes::{Area, Cause};
use prodrome_model::{Diagnosis, Finding, Group, Owner, Verdict};

/// From this confidence on, findings of one cause are told as one.
const GROUPED_FROM: f64 = 0.7;

/// The finding with what was concluded about it: who has to act, and whom it is told together with.
pub fn apply(finding: &Finding, mut diagnosis: Diagnosis) -> Finding {
    let mut told = Finding { flow: None, ..finding.clone() };
    if diagnosis.verdict == Verdict::Cause
        && let Some(cause) = diagnosis.cause.clone()
    {
        let owner = diagnosis.owner.or_else(|| owner(finding, &cause)).unwrap_or(finding.owner);
        diagnosis.owner = Some(owner);
        told.owner = owner;
        diagnosis.workload = Some(finding.group.owner.clone());
        if let Some(group) = group(finding, &diagnosis, &cause) {
            told.group = group;
        }
        told.cause = Some(cause);
    }
    told.diagnosis = Some(Box::new(diagnosis));
    told
}

/// Who has to act on a cause, by the vocabulary.
pub fn default_owner(cause: &str) -> Option<Owner> {
    cause.parse::<Cause>().ok().map(Cause::owner)
}

/// Who has to act, where no plugin said it. What a program dies of is for whoever runs the program: the rule knows
/// which programs are the platform's own (a sidecar, a `DaemonSet`).
fn owner(finding: &Finding, cause: &str) -> Option<Owner> {
    let of_the_program =
        cause.parse::<Cause>().is_ok_and(|cause| cause.area() == Area::Run && cause.owner() == Owner::User);
    if of_the_program && finding.owner == Owner::Platform {
        return Some(Owner::Platform);
    }
    default_owner(cause)
}

/// Findings whose one repair helps all are one group: by what they share (a registry, a node), else by the object to
/// be repaired.
fn group(finding: &Finding, diagnosis: &Diagnosis, cause: &str) -> Option<Group> {
    if diagnosis.confidence < GROUPED_FROM {
        return None;
    }
    let by = match (&diagnosis.shared, &diagnosis.faulty) {
        (Some(shared), _) => format!("shared/{shared}"),
        (None, Some(faulty)) => faulty.key().path(),
        (None, None) => return None,
    };
    let owner = match (&diagnosis.shared, &diagnosis.faulty) {
        (Some(_), _) => finding.group.owner.clone(),
        (None, faulty) => faulty.clone().unwrap_or_else(|| finding.group.owner.clone()),
    };
    Some(Group { owner, key: format!("cause/{cause}/{by}") })
}
