use crate::ObjectPattern;
use anyhow::{Context, Result};
use prodrome_model::Owner;
use serde::Deserialize;
use std::path::Path;

/// `truth.yaml`: what was really wrong in a recording.
#[derive(Debug, Clone, Deserialize)]
pub struct Truth {
    /// The recording's name.
    pub name: String,
    /// What sort of scenario it is: fault, transient, healthy, load, …
    pub kind: String,
    /// How long it ran; an alert that begins later does not count.
    pub duration_s: f64,
    /// Whether someone ought to be told within the scenario; absent where it is not about alerts.
    #[serde(default)]
    pub alert_expected: Option<bool>,
    /// What must not be alerted, in words.
    #[serde(default)]
    pub must_not_alert: Vec<String>,
    /// Several faults; where there are none, the truth itself is the one.
    #[serde(default, rename = "faults")]
    several: Vec<Fault>,
    #[serde(flatten)]
    one: Fault,
}

/// One thing that went wrong.
#[derive(Debug, Clone, Default, Deserialize)]
pub struct Fault {
    /// What it was, in words.
    #[serde(default)]
    pub root_cause: Option<String>,
    /// What it was, by the catalogue's vocabulary.
    #[serde(default)]
    pub cause: Option<String>,
    /// Other causes that a fair judge would take.
    #[serde(default)]
    pub accept_causes: Vec<String>,
    /// Who has to act.
    #[serde(default)]
    pub owner: Option<String>,
    /// The objects concerned, as patterns.
    #[serde(default)]
    pub objects: Vec<String>,
    /// When the stream first shows it.
    #[serde(default)]
    pub began_t: Option<f64>,
    /// When it was over, if it ended.
    #[serde(default)]
    pub ended_t: Option<f64>,
}

/// How long after a fault's end the scenario must go on for its resolution to be asked for.
const RESOLUTION_AFTER_S: f64 = 60.0;

impl Truth {
    /// Reads the truth of the recording in a folder.
    pub fn read(dir: &Path) -> Result<Self> {
        let file = dir.join("truth.yaml");
        let text =
            std::fs::read_to_string(&file).with_context(|| format!("cannot read {}", file.display()))?;
        serde_saphyr::from_str(&text).with_context(|| format!("{} is no truth", file.display()))
    }

    /// What went wrong: at least one, though it may be empty words where nothing did.
    pub fn faults(&self) -> &[Fault] {
        if self.several.is_empty() { std::slice::from_ref(&self.one) } else { &self.several }
    }

    /// The objects that `must_not_alert` names as `Kind name`, and nothing else (`the Deployment web`); beside
    /// them the rule, where it names one too (`RULE for the Service plain, which …`).
    pub fn must_not_alert_on(&self) -> Vec<(Option<String>, ObjectPattern)> {
        self.must_not_alert.iter().filter_map(|text| excluded(text)).collect()
    }

    /// The instant after which `must_not_alert` wants silence (`anything after the repair`).
    pub fn must_be_silent_from(&self) -> Option<f64> {
        let said = self.must_not_alert.iter().any(|text| text.starts_with("anything after the"));
        self.one.ended_t.filter(|_| said)
    }
}

fn excluded(text: &str) -> Option<(Option<String>, ObjectPattern)> {
    let (rule, object) = match text.split_once(" for the ") {
        Some((rule, object)) if !rule.contains(' ') => {
            (Some(rule.to_owned()), object.split_once(',').map_or(object, |o| o.0))
        }
        _ => (None, text.strip_prefix("the ").unwrap_or(text)),
    };
    let (kind, name) = object.split_once(' ')?;
    let is_kind = kind.chars().next()?.is_ascii_uppercase();
    let is_name = name.bytes().all(|b| b.is_ascii_lowercase() || b.is_ascii_digit() || b == b'-');
    (is_kind && is_name).then(|| (rule, ObjectPattern::parse(object)))
}

impl Fault {
    /// The objects concerned.
    pub fn patterns(&self) -> Vec<ObjectPattern> {
        self.objects.iter().map(|text| ObjectPattern::parse(text)).collect()
    }

    /// Whether this cause is the right one.
    pub fn is_cause(&self, found: &str) -> bool {
        self.cause.as_deref() == Some(found) || self.accept_causes.iter().any(|cause| cause == found)
    }

    /// Whether these people are the right ones.
    pub fn is_owner(&self, found: Owner) -> bool {
        self.owner.as_deref() == Some(found.as_str())
    }

    /// Whether it ended early enough for its resolution to be seen within the scenario.
    pub fn wants_resolution(&self, duration_s: f64) -> bool {
        self.ended_t.is_some_and(|ended| ended + RESOLUTION_AFTER_S < duration_s)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn truth(text: &str) -> Truth {
        serde_saphyr::from_str(text).unwrap()
    }

    #[test]
    fn a_truth_without_a_list_of_faults_is_one_fault_itself() {
        let one = truth(
            "{name: a, kind: fault, duration_s: 330.0, alert_expected: true, cause: oom, owner: user, objects: [Pod a-*], began_t: 2}",
        );
        assert_eq!(one.faults().len(), 1);
        assert!(one.faults()[0].is_cause("oom") && one.faults()[0].is_owner(Owner::User));
        let two = truth(
            "{name: b, kind: load, duration_s: 10, faults: [{cause: x, accept_causes: [y]}, {cause: z}]}",
        );
        assert_eq!(two.faults().len(), 2);
        assert!(two.faults()[0].is_cause("y") && !two.faults()[1].is_cause("y"));
    }

    #[test]
    fn only_what_names_an_object_is_held_against_objects() {
        let truth = truth(
            "{name: a, kind: fault, duration_s: 1, ended_t: 0.5, must_not_alert: ['Gone for the Service plain, which is well', the Deployment web, the pods that run, Unhealthy events while starting, anything after the repair]}",
        );
        let (service, deployment) =
            (ObjectPattern::parse("Service plain"), ObjectPattern::parse("Deployment web"));
        assert_eq!(truth.must_not_alert_on(), [(Some("Gone".to_owned()), service), (None, deployment)]);
        assert_eq!(truth.must_be_silent_from(), Some(0.5));
    }
}
