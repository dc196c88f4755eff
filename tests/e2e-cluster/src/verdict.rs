use crate::scenario::{Expected, NODES};
use crate::story::{END_WITHIN, Life};
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
                self.is_told() && (self.life.scenario.mend.is_none() || self.ended.is_some())
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
        match (&self.life.scenario.mend, self.seconds_to_end()) {
            (Some(_), None) => wrong.push("its end is not told".to_owned()),
            (Some(_), Some(seconds)) if seconds.unsigned_abs() > END_WITHIN.as_secs() => {
                wrong.push("its end is told late".to_owned());
            }
            (None, Some(_)) => wrong.push("told to be over".to_owned()),
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

fn of_object(object: &ObjectRef) -> Option<String> {
    match (&*object.kind, &object.namespace) {
        (_, Some(namespace)) => Some(namespace.clone()),
        ("Namespace", None) => Some(object.name.clone()),
        // The second node is in trouble by one of them.
        ("Node", None) if object.name == NODES[1] => Some("kubelet-stopped".to_owned()),
        _ => None,
    }
}
