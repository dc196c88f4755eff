use prodrome_causes::{Area, Cause};
use prodrome_model::{Diagnosis, Finding, Group, Owner, Verdict};

/// From this confidence on, findings of different apps that have one cause are told as one.
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
        if diagnosis.remediation.is_empty() {
            diagnosis.remediation = remediation(&cause);
        }
        diagnosis.workload = Some(finding.group.owner.clone());
        told.group = group(finding, &diagnosis, &cause);
        told.cause = Some(cause);
    }
    told.diagnosis = Some(Box::new(diagnosis));
    told
}

/// Who has to act on a cause, by the vocabulary.
pub fn default_owner(cause: &str) -> Option<Owner> {
    cause.parse::<Cause>().ok().map(Cause::owner)
}

/// What to do about a cause, where no plugin said it.
fn remediation(cause: &str) -> Vec<String> {
    let steps = cause.parse::<Cause>().map(Cause::remediation).unwrap_or_default();
    steps.iter().map(|step| (*step).to_owned()).collect()
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

/// Findings whose one repair helps all are one group, whichever rules see them: by what they share (a registry, a node),
/// else by the object to be repaired. What is not so sure is one group at least with what else is said of the same app.
fn group(finding: &Finding, diagnosis: &Diagnosis, cause: &str) -> Group {
    let top = &finding.group.owner;
    let is_sure = diagnosis.confidence >= GROUPED_FROM;
    if let Some(shared) = diagnosis.shared.as_deref().filter(|_| is_sure) {
        return Group::of_cause(top.clone(), cause, &format!("shared/{shared}"));
    }
    // A pod is repaired by what makes it.
    let faulty = diagnosis.faulty.as_ref().filter(|faulty| is_sure && *faulty != finding.subject.object());
    let faulty = faulty.unwrap_or(top);
    Group::of_cause(faulty.clone(), cause, &faulty.key().path())
}
