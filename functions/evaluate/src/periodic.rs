//! Rules with a plugin: it is asked by way of the queue of diagnoses, where plugins are called, and its answer comes
//! back as a message.

use crate::evaluate::{Kept, contended, send_failure, store_failure};
use crate::observed::{Matter, Sight};
use crate::settle::ATTEMPTS;
use crate::sitting::Sitting;
use jiff::{SignedDuration, Timestamp};
use prodrome_cluster::{Clusters, owner};
use prodrome_lambda::{Failure, Tally, metric};
use prodrome_lifecycle::{Answer, Check, Decision, Seen, Verdict, decide_asked};
use prodrome_model::{
    AnswerMessage, DiagnoseMessage, Diagnosis, Evidence, PluginRequest, PluginResponse, Question, RuleBrief,
    Verdict as Said, later, stable_hash,
};
use prodrome_queue::{Message, Queue, QueueName};
use prodrome_rules::{EVIDENCE_MAX, EVIDENCE_VALUE_MAX, Periodic, SUMMARY_MAX};
use prodrome_store::{Key, Store};

/// How long a plugin has.
const ANSWERS_WITHIN: SignedDuration = SignedDuration::from_secs(10);
/// Lines of remediation that go with a finding.
const REMEDIATION_MAX: usize = 10;

impl<S: Store, Q: Queue, C: Clusters> Sitting<'_, S, Q, C> {
    /// Decides on a check whose rule has a plugin; where it is time to ask that, the check is kept as asking.
    pub(crate) async fn decide_asked(
        &self,
        matter: Matter<'_>,
        periodic: &Periodic,
        check: Option<&Check>,
        sight: &Sight,
        now: Timestamp,
        blank: impl Fn() -> Check,
    ) -> Result<Decision, Failure> {
        if check.is_none() && !self.asking {
            return Ok(Decision::Nothing);
        }
        let (terms, sighting) = (matter.terms(), &sight.sighting);
        let next = periodic.next_after(&matter.object.key().path(), matter.rule.name(), now);
        let answer = sight.answer.as_deref().map(answer_of);
        let decision = decide_asked(check, &terms, sighting, answer, next, now, blank);
        let is_there = matches!(sighting.seen, Seen::Present { verdict: Verdict::Holds, .. });
        if !sighting.look || answer.is_some() || !is_there || !self.asking {
            return Ok(decision);
        }
        match decision {
            Decision::Keep(mut check) if check.uid == sighting.uid && check.is_to_be_asked(&terms, now) => {
                let has_turn = check.asking.as_ref().is_some_and(|asking| asking.has_turn);
                let turn = if has_turn { now } else { self.turn(periodic.plugin(), now).await? };
                if turn > now {
                    check.wait_for_turn(&terms, turn, now);
                } else {
                    check.ask(&terms, next, now);
                }
                Ok(Decision::Keep(check))
            }
            decision => Ok(decision),
        }
    }

    /// Sends the question that a check was kept with. Where that fails it is asked again when patience is over.
    pub(crate) async fn put_question(
        &self,
        matter: Matter<'_>,
        key: &Key,
        check: &Check,
        now: Timestamp,
    ) -> Result<(), Failure> {
        let asked_now = check.asking.as_ref().is_some_and(|asking| asking.asked == Some(now));
        let Some(periodic) = matter.rule.periodic().filter(|_| asked_now) else { return Ok(()) };
        let (partition, sort) = (key.partition.clone(), key.sort.clone());
        let request = PluginRequest {
            version: 1,
            run: stable_hash(&["question", &partition, &sort, &now.to_string()]),
            node: String::new(),
            cluster: matter.scope.clone(),
            object: matter.object.clone(),
            uid: check.uid.clone(),
            workload: owner::topmost_owner(&self.cluster, matter.object, &check.metadata).await,
            rule: RuleBrief {
                name: matter.rule.name().to_owned(),
                severity: matter.rule.severity(),
                owner: matter.rule.owner(),
                since: check.since,
                summary: String::new(),
                evidence: Vec::new(),
            },
            params: periodic.params().clone(),
            results: std::collections::BTreeMap::new(),
            now,
            deadline: later(now, ANSWERS_WITHIN),
        };
        let plugin = periodic.plugin().to_owned();
        let question = Question { partition, sort, plugin, request: Box::new(request) };
        let text = serde_json::to_string(&DiagnoseMessage::Question(question));
        let message = Message::text(text.expect("plain data is always written as JSON"));
        self.queue.send(QueueName::Diagnoses, vec![message]).await.map_err(|error| send_failure(&error))
    }

    /// A plugin answered. What it says counts for the object as it is now, if nobody has asked again meanwhile.
    pub(crate) async fn answered(
        &self,
        answer: &AnswerMessage,
        now: Timestamp,
        tally: &mut Tally,
    ) -> Result<(), Failure> {
        let key = Key::new(&*answer.partition, &*answer.sort);
        for _ in 0..ATTEMPTS {
            let Some(record) = self.store.get(&key).await.map_err(store_failure)? else { return Ok(()) };
            let Some(kept) = Kept::read(&record)? else { return Ok(()) };
            self.knows(kept.check.rules)?;
            let rules = self.rules.clone();
            let rule = rules.get(&kept.check.rule).filter(|rule| rule.enabled() && rule.periodic().is_some());
            let asked = kept.check.asking.as_ref().and_then(|asking| asking.asked);
            let (Some(rule), true) = (rule, asked == Some(answer.asked)) else { return Ok(()) };
            let sight = match self.live(rule, &kept.check, now).await {
                Ok(sight) => {
                    let sight = Sight { answer: Some(answer.response.clone()), ..sight };
                    let said = sight.found_summary().filter(|_| !rule.has_summary());
                    Sight { summary: said.unwrap_or_else(|| sight.summary.clone()), ..sight }
                }
                Err(error) => {
                    // It is asked again when patience is over.
                    tally.add(metric::CLUSTER_ERRORS, 1);
                    tracing::warn!(rule = rule.name(), reason = %error, "a plugin's answer is of no use: its object cannot be read");
                    return Ok(());
                }
            };
            let (scope, resource, object) =
                (kept.check.scope.clone(), kept.check.resource.clone(), kept.check.object.clone());
            let matter = Matter { scope: &scope, rule, resource: &resource, object: &object };
            if self.settle(matter, &sight, Some(kept), now, tally).await?.is_none() {
                return Ok(());
            }
        }
        Err(contended("check_contended", &key))
    }
}

/// What an answer means for the check.
fn answer_of(response: &PluginResponse) -> Answer {
    match response.verdict {
        Said::Cause if response.confidence >= Periodic::CONFIDENCE_MIN => Answer::Holds,
        Said::Cleared => Answer::Cleared,
        Said::Cause | Said::Unknown => Answer::Unknown,
    }
}

impl Sight {
    /// What the plugin found, if it found something.
    pub(crate) fn found(&self) -> Option<&PluginResponse> {
        self.answer.as_deref().filter(|response| answer_of(response) == Answer::Holds)
    }

    /// What it found, as lines.
    pub(crate) fn found_lines(&self) -> Option<Vec<String>> {
        let found = self.found()?;
        let lines = found.evidence.iter().map(|evidence| cut(&evidence.text, EVIDENCE_VALUE_MAX));
        Some(lines.take(EVIDENCE_MAX).collect())
    }

    /// The line that it says, if it found something.
    pub(crate) fn found_summary(&self) -> Option<String> {
        let said = cut(&self.found()?.summary, SUMMARY_MAX);
        Some(said).filter(|said| !said.is_empty())
    }
}

/// What a plugin found, as a finding tells it.
pub(crate) fn diagnosis(plugin: &str, found: &PluginResponse, now: Timestamp) -> Diagnosis {
    Diagnosis {
        flow: plugin.to_owned(),
        run: stable_hash(&["answer", plugin, &now.to_string()]),
        verdict: found.verdict,
        cause: found.cause.clone(),
        confidence: found.confidence,
        owner: found.owner,
        summary: cut(&found.summary, SUMMARY_MAX),
        evidence: found.evidence.iter().take(EVIDENCE_MAX).map(short).collect(),
        remediation: found
            .remediation
            .iter()
            .take(REMEDIATION_MAX)
            .map(|step| cut(step, SUMMARY_MAX))
            .collect(),
        faulty: found.faulty.clone(),
        shared: found.shared.as_deref().map(|shared| cut(shared, EVIDENCE_VALUE_MAX)),
        ..Diagnosis::default()
    }
}

fn short(evidence: &Evidence) -> Evidence {
    Evidence { text: cut(&evidence.text, EVIDENCE_VALUE_MAX), ..evidence.clone() }
}

/// One line, and not endless: what a plugin says may be what a tenant wrote.
fn cut(text: &str, max: usize) -> String {
    text.chars().map(|c| if c.is_control() { ' ' } else { c }).take(max).collect()
}
