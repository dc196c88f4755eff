use crate::scenario::{Expected, NODES};
use crate::story::Life;
use jiff::Timestamp;
use prodrome_e2e::Told;
use prodrome_model::{Notice, NoticeKind, ObjectRef};

/// How a scenario was told.
pub(crate) struct Verdict<'a> {
    life: &'a Life,
    /// Every alert on it, the first at first.
    pub(crate) alerts: Vec<&'a Told>,
    /// When the first was over.
    pub(crate) ended: Option<&'a Told>,
}

impl<'a> Verdict<'a> {
    /// Of what was told so far.
    pub(crate) fn of(life: &'a Life, told: &'a [Told]) -> Self {
        let ours =
            told.iter().filter(|told| about(&told.notice).iter().any(|name| name == life.scenario.name));
        let (alerts, others): (Vec<_>, Vec<_>) = ours.partition(|told| told.notice.kind == NoticeKind::Alert);
        let first = alerts.first().map(|told| &told.notice.fingerprint);
        let mut ends = others.into_iter().filter(|told| told.notice.kind == NoticeKind::Resolved);
        let ended = ends.find(|told| Some(&told.notice.fingerprint) == first);
        Self { life, alerts, ended }
    }

    /// Whether what has to be told was told.
    pub(crate) fn is_told(&self) -> bool {
        !self.alerts.is_empty() && !matches!(self.life.scenario.expected, Expected::Silence)
    }

    /// Whether nothing more has to come.
    pub(crate) fn is_over(&self) -> bool {
        match self.life.scenario.expected {
            Expected::Silence => true,
            Expected::Alert { .. } => {
                self.is_told() && (self.life.scenario.mend.is_empty() || self.ended.is_some())
            }
        }
    }

    /// Seconds from the beginning of the fault to the first alert.
    pub(crate) fn seconds(&self) -> Option<i64> {
        self.alerts.first().and_then(|told| since(self.life.began, told.at))
    }

    /// Seconds from its mending to the end that was told.
    pub(crate) fn seconds_to_end(&self) -> Option<i64> {
        self.ended.and_then(|told| since(self.life.mended, told.at))
    }

    /// All that is not as it must be.
    pub(crate) fn wrong(&self) -> Vec<String> {
        let (rules, cause, within) = match &self.life.scenario.expected {
            Expected::Silence => {
                let told = self.alerts.iter().map(|told| format!("told by {}", told.notice.rule));
                return told.collect();
            }
            Expected::Alert { rules, cause, within_seconds } => (rules, cause, *within_seconds),
        };
        let Some(first) = self.alerts.first() else { return vec!["not told".to_owned()] };
        let mut wrong = Vec::new();
        let notice = &first.notice;
        if !rules.contains(&&*notice.rule) {
            wrong.push(format!("told by {}", notice.rule));
        }
        if notice.cause.as_deref() != Some(cause) {
            wrong.push(format!("its cause is {}", notice.cause.as_deref().unwrap_or("not named")));
        }
        if self.seconds().is_none_or(|seconds| seconds < 0 || seconds.unsigned_abs() > within) {
            wrong.push("late".to_owned());
        }
        if self.alerts.len() > 1 {
            let again: Vec<_> = self.alerts.iter().skip(1).map(|told| &*told.notice.rule).collect();
            wrong.push(format!("told again by {}", again.join(", ")));
        }
        let is_mended = !self.life.scenario.mend.is_empty();
        let allowed = self.life.scenario.ends_within_seconds;
        match self.seconds_to_end() {
            None if is_mended => wrong.push("its end is not told".to_owned()),
            Some(seconds) if seconds < 0 || seconds.unsigned_abs() > allowed => {
                wrong.push("its end is told late".to_owned());
            }
            _ if !is_mended && self.ended.is_some() => wrong.push("told to be over".to_owned()),
            _ => {}
        }
        wrong
    }
}

fn since(from: Option<Timestamp>, to: Timestamp) -> Option<i64> {
    from.map(|from| to.duration_since(from).as_secs())
}

/// The scenarios that a notice is about, by their names.
pub(crate) fn about(notice: &Notice) -> Vec<String> {
    let joined = notice.joined.iter().map(|joiner| &joiner.object);
    let mut names: Vec<_> =
        [&notice.object, notice.workload()].into_iter().chain(joined).filter_map(of_object).collect();
    names.sort();
    names.dedup();
    names
}

/// The scenario that an object is of, by its name.
pub(crate) fn of_object(object: &ObjectRef) -> Option<String> {
    match (&*object.kind, &object.namespace) {
        (_, Some(namespace)) => Some(namespace.clone()),
        // Of each other node is known who makes trouble there.
        ("Node", None) if object.name == NODES[1] => Some("kubelet-stopped".to_owned()),
        ("Node", None) if object.name == NODES[2] => Some("runtime-stopped".to_owned()),
        ("Node", None) if object.name == NODES[3] => Some("network-gone".to_owned()),
        ("Node", None) => None,
        // A namespace, or what has the name of its scenario.
        (_, None) => Some(object.name.clone()),
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::scenario::scenarios;
    use serde_json::json;

    fn at(second: i64) -> Timestamp {
        Timestamp::from_second(1_800_000_000 + second).unwrap()
    }

    fn told(second: i64, kind: &str, namespace: &str, rule: &str, cause: &str) -> Told {
        let web =
            json!({ "apiVersion": "apps/v1", "kind": "Deployment", "namespace": namespace, "name": "web" });
        let notice = json!({
            "type": kind, "fingerprint": "00ff", "sequence": 0, "at": at(second).to_string(),
            "scope": { "tenant": "default", "region": "local", "cluster": "e2e" }, "rule": rule, "severity": "P3",
            "owner": "user", "cause": cause, "object": web, "group": { "owner": web, "key": "k" }, "count": 1,
            "since": at(0).to_string(), "summary": "it is broken",
        });
        Told { at: at(second), id: String::new(), notice: serde_json::from_value(notice).unwrap() }
    }

    fn wrong(name: &str, mended: Option<i64>, told: &[Told]) -> String {
        let scenario = scenarios().into_iter().find(|scenario| scenario.name == name).unwrap();
        let mut life = Life::new(scenario);
        life.began = Some(at(0));
        life.mended = mended.map(at);
        Verdict::of(&life, told).wrong().join("; ")
    }

    #[test]
    fn a_fault_has_to_be_told_once_in_time_by_its_rule_with_its_cause_and_health_not_at_all() {
        let right = |second| told(second, "alert", "crash-loop", "PodCrashLooping", "app-config-wrong");
        let of_other = told(9, "alert", "never-ready", "PodNotReady", "probe-failed");
        for (name, told, want) in [
            ("crash-loop", vec![], "not told"),
            ("crash-loop", vec![right(300)], ""),
            ("crash-loop", vec![of_other.clone(), right(300)], ""),
            ("crash-loop", vec![right(391)], "late"),
            ("crash-loop", vec![right(-1)], "late"),
            ("crash-loop", vec![right(300), right(310)], "told again by PodCrashLooping"),
            (
                "crash-loop",
                vec![told(300, "alert", "crash-loop", "PodNotReady", "app-error")],
                "told by PodNotReady; its cause is app-error",
            ),
            (
                "crash-loop",
                vec![right(300), told(310, "resolved", "crash-loop", "PodCrashLooping", "app-config-wrong")],
                "told to be over",
            ),
            ("rollout", vec![of_other], ""),
            (
                "rollout",
                vec![told(9, "alert", "rollout", "PodNotReady", "probe-failed")],
                "told by PodNotReady",
            ),
        ] {
            assert_eq!(wrong(name, None, &told), want, "{name}: {want}");
        }
    }

    #[test]
    fn what_was_mended_has_to_be_told_to_be_over() {
        let news = |second, kind| {
            told(second, kind, "config-map-missing", "PodCreateConfigError", "config-ref-missing")
        };
        for (told, want) in [
            (vec![news(300, "alert")], "its end is not told"),
            (vec![news(300, "alert"), news(400, "update"), news(460, "resolved")], ""),
            (vec![news(300, "alert"), news(1_000, "resolved")], "its end is told late"),
            (vec![news(300, "alert"), news(299, "resolved")], "its end is told late"),
        ] {
            assert_eq!(wrong("config-map-missing", Some(300), &told), want);
        }
    }
}
