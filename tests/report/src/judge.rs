use crate::{Fault, ObjectPattern, Told, ToldKind, Truth};
use prodrome_model::Severity;
use std::collections::{BTreeMap, BTreeSet};

/// What the alerts of a recording are worth.
#[derive(Debug, Clone)]
pub struct Judgement {
    /// Of each fault that ought to be told.
    pub faults: Vec<FaultTold>,
    /// Alerts on what no fault names, or any where there is none.
    pub false_alarms: Vec<Told>,
    /// The same of severity P4, which only go into a digest.
    pub digest: Vec<Told>,
    /// Alerts whose fingerprint an earlier one had.
    pub repeated: usize,
    /// Alerts that `must_not_alert` excludes in so many words.
    pub forbidden: Vec<Told>,
}

/// Whether and how one fault was told.
#[derive(Debug, Clone)]
pub struct FaultTold {
    /// The fault.
    pub fault: Fault,
    /// The alerts on its objects, their owners or their pods, in order of time.
    pub alerts: Vec<Told>,
    /// The causes that were named last.
    pub causes: BTreeSet<String>,
    /// Whether one of its alerts was resolved; absent where that is not asked for.
    pub resolved: Option<bool>,
}

impl FaultTold {
    /// Whether it was told.
    pub fn is_told(&self) -> bool {
        !self.alerts.is_empty()
    }

    /// Seconds from its beginning to its first alert.
    pub fn delay_s(&self) -> Option<f64> {
        Some(self.alerts.first()?.t - self.fault.began_t?)
    }

    /// Whether the right people were told, where the truth names a cause (and so an owner) of a told fault.
    pub fn is_owner_right(&self) -> Option<bool> {
        let judged = self.is_told() && self.fault.cause.is_some();
        judged.then(|| self.alerts.iter().any(|alert| self.fault.is_owner(alert.owner)))
    }

    /// Whether the right cause was among those named, likewise.
    pub fn is_cause_right(&self) -> Option<bool> {
        let judged = self.is_told() && self.fault.cause.is_some();
        judged.then(|| self.causes.iter().any(|cause| self.fault.is_cause(cause)))
    }
}

/// Holds what was told against the truth.
pub fn judge(truth: &Truth, told: &[Told]) -> Judgement {
    let in_time = |line: &&Told| line.kind == ToldKind::Alert && line.t <= truth.duration_s;
    let alerts: Vec<&Told> = told.iter().filter(in_time).collect();
    let fingerprints: BTreeSet<&str> = alerts.iter().map(|alert| &*alert.fingerprint).collect();
    let mut judgement = Judgement {
        faults: Vec::new(),
        false_alarms: Vec::new(),
        digest: Vec::new(),
        repeated: alerts.len() - fingerprints.len(),
        forbidden: forbidden(truth, &alerts),
    };
    let mut right = vec![false; alerts.len()];
    match truth.alert_expected {
        None => return judgement,
        Some(false) => {}
        Some(true) => {
            for fault in truth.faults() {
                let patterns = fault.patterns();
                let mine: Vec<usize> =
                    (0..alerts.len()).filter(|&i| is_about(&patterns, alerts[i])).collect();
                for &i in &mine {
                    right[i] = true;
                }
                let mine = mine.into_iter().map(|i| alerts[i].clone()).collect();
                judgement.faults.push(told_of(truth, fault, mine, told));
            }
        }
    }
    for (alert, _) in alerts.iter().zip(right).filter(|(_, right)| !right) {
        let loud = alert.severity != Severity::P4;
        if loud { &mut judgement.false_alarms } else { &mut judgement.digest }.push((*alert).clone());
    }
    judgement
}

fn is_about(patterns: &[ObjectPattern], alert: &Told) -> bool {
    patterns.iter().any(|pattern| pattern.hits(&alert.object) || pattern.hits(&alert.group.owner))
}

fn told_of(truth: &Truth, fault: &Fault, mut alerts: Vec<Told>, told: &[Told]) -> FaultTold {
    alerts.sort_by(|a, b| a.t.total_cmp(&b.t));
    let mine: BTreeSet<&str> = alerts.iter().map(|alert| &*alert.fingerprint).collect();
    let of_mine = || told.iter().filter(|line| mine.contains(&*line.fingerprint));
    let mut latest: BTreeMap<&str, &str> = BTreeMap::new();
    for line in of_mine() {
        if let Some(cause) = &line.cause {
            latest.insert(&line.fingerprint, cause);
        }
    }
    let causes = latest.into_values().map(str::to_owned).collect();
    let resolved = of_mine().any(|line| line.kind == ToldKind::Resolved);
    let resolved = (!alerts.is_empty() && fault.wants_resolution(truth.duration_s)).then_some(resolved);
    FaultTold { fault: fault.clone(), alerts, causes, resolved }
}

fn forbidden(truth: &Truth, alerts: &[&Told]) -> Vec<Told> {
    let (silent_from, named) = (truth.must_be_silent_from(), truth.must_not_alert_on());
    let excludes = |alert: &Told, (rule, object): &(Option<String>, ObjectPattern)| {
        rule.as_ref().is_none_or(|rule| *rule == alert.rule)
            && (object.is(&alert.object) || object.is(&alert.group.owner))
    };
    let forbidden = alerts.iter().filter(|alert| {
        silent_from.is_some_and(|from| alert.t > from) || named.iter().any(|named| excludes(alert, named))
    });
    forbidden.map(|alert| (*alert).clone()).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    fn line(t: f64, kind: &str, object: &str, fingerprint: &str) -> Told {
        let (kind_of_object, name) = object.split_once(' ').unwrap();
        let object =
            serde_json::json!({"apiVersion": "v1", "kind": kind_of_object, "namespace": "n", "name": name});
        serde_json::from_value(serde_json::json!({
            "t": t, "type": kind, "rule": "R", "severity": "P3", "owner": "user", "cause": null,
            "object": object, "group": {"owner": object, "key": "k"}, "fingerprint": fingerprint,
        }))
        .unwrap()
    }

    fn truth(text: &str) -> Truth {
        serde_saphyr::from_str(text).unwrap()
    }

    #[test]
    fn a_fault_counts_once_however_often_it_is_told() {
        let truth = truth(
            "{name: a, kind: fault, duration_s: 400, alert_expected: true, cause: oom, owner: user, objects: [Deployment w], began_t: 10, ended_t: 200}",
        );
        let told = [
            line(310.0, "alert", "Pod w-1", "f1"),
            line(320.0, "alert", "Pod w-2", "f1"),
            line(330.0, "alert", "Service x", "f2"),
            line(350.0, "resolved", "Pod w-1", "f1"),
            line(401.0, "alert", "Service y", "f3"),
        ];
        let judged = judge(&truth, &told);
        assert_eq!((judged.faults.len(), judged.repeated, judged.false_alarms.len()), (1, 1, 1));
        let fault = &judged.faults[0];
        assert_eq!((fault.alerts.len(), fault.delay_s(), fault.resolved), (2, Some(300.0), Some(true)));
        assert_eq!((fault.is_owner_right(), fault.is_cause_right()), (Some(true), Some(false)));
    }

    #[test]
    fn where_nothing_ought_to_be_told_every_alert_is_false() {
        let quiet = truth(
            "{name: a, kind: healthy, duration_s: 100, alert_expected: false, objects: [Deployment w]}",
        );
        assert_eq!(judge(&quiet, &[line(5.0, "alert", "Pod w-1", "f")]).false_alarms.len(), 1);
        let unjudged = truth("{name: a, kind: protocol, duration_s: 100}");
        assert!(judge(&unjudged, &[line(5.0, "alert", "Pod w-1", "f")]).false_alarms.is_empty());
    }

    #[test]
    fn what_must_not_be_alerted_is_found_also_where_it_hits_the_fault() {
        let truth = truth(
            "{name: a, kind: fault, duration_s: 100, alert_expected: true, objects: [Deployment w, Deployment c], ended_t: 50, must_not_alert: [Deployment c, anything after the repair]}",
        );
        let told = [line(5.0, "alert", "Deployment c", "f"), line(51.0, "alert", "Deployment w", "g")];
        assert_eq!(judge(&truth, &told).forbidden.len(), 2);
    }
}
