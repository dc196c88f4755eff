use crate::observed::{Matter, Sight};
use crate::periodic::diagnosis;
use crate::sitting::Sitting;
use jiff::Timestamp;
use prodrome_cluster::{Cluster, Clusters, owner};
use prodrome_lifecycle::Check;
use prodrome_model::{Diagnosis, Finding, FindingState, Fingerprint, Group, Subject, stable_hash};
use prodrome_queue::Queue;
use prodrome_rules::{CountBy, Frequency, Rule};
use prodrome_store::Store;

/// Events that go with a finding.
const EVENTS_MAX: usize = 10;

impl<S: Store, Q: Queue, C: Clusters> Sitting<'_, S, Q, C> {
    /// The rule by its name and by the version since which it is what it is: where it comes back, or looks for
    /// something else, what it finds is another episode.
    fn named(&self, rule: &Rule) -> String {
        match self.since(rule) {
            0 => rule.name().to_owned(),
            version => format!("{}@{version}", rule.name()),
        }
    }

    /// What is said of a check that fires. The owner and the events are context: where they cannot be read,
    /// the finding does without. Texts are
    /// without secrets.
    pub(crate) async fn finding(
        &self,
        matter: Matter<'_>,
        check: &Check,
        sight: &Sight,
        now: Timestamp,
    ) -> Finding {
        let rule = matter.rule;
        let subject = Subject::Object { object: check.object.clone(), uid: check.uid.clone() };
        let top = owner::topmost_owner(&self.cluster, &check.object, &check.metadata).await;
        let group = match (rule.frequency().map(Frequency::by), &check.counted) {
            (None | Some(CountBy::Object), _) | (_, None) => {
                Group { key: format!("{}/{}", rule.name(), top.key().path()), owner: top }
            }
            (Some(_), Some(counted)) => {
                Group { key: format!("{}/by/{}", rule.name(), counted.group), owner: counted.owner.clone() }
            }
        };
        let found = rule.periodic().zip(sight.found());
        let group = match found.and_then(|(_, found)| found.shared.as_deref()) {
            // One repair helps all who share it.
            Some(shared) => {
                Group { key: format!("{}/shared/{}", rule.name(), stable_hash(&[shared])), ..group }
            }
            None => group,
        };
        let flow = rule.flow().filter(|_| self.diagnosing);
        let diagnosis = found.filter(|_| flow.is_none()).map(|(periodic, found)| {
            let workload = Some(group.owner.clone());
            Box::new(Diagnosis { workload, ..diagnosis(periodic.plugin(), found, now) })
        });
        let events = self.cluster.events(&check.object.key(), &check.uid).await.unwrap_or_default();
        Finding {
            version: 1,
            fingerprint: Fingerprint::of_episode(matter.scope, &self.named(rule), &subject, check.opened_at),
            state: FindingState::Firing,
            scope: matter.scope.clone(),
            rule: rule.name().to_owned(),
            severity: rule.severity(),
            owner: diagnosis.as_ref().and_then(|d| d.owner).unwrap_or(rule.owner()),
            cause: diagnosis.as_ref().and_then(|d| d.cause.clone()),
            flow: flow.map(str::to_owned),
            diagnosis,
            subject,
            group,
            since: check.since,
            fired_at: now,
            hold_down_seconds: u32::try_from(rule.hold_down().as_secs()).unwrap_or(u32::MAX),
            summary: check.summary.clone(),
            runbook: rule.runbook().map(str::to_owned),
            labels: rule.labels().clone(),
            object_labels: check.metadata.labels.clone(),
            evidence: check.evidence.clone(),
            events: events.into_iter().take(EVENTS_MAX).collect(),
            stale: sight.stale.clone(),
            resource_version: check.resource_version.to_string(),
        }
        .redacted()
    }
}
