//! A plugin that is asked for a check, by itself and not within a flow.

use crate::Plugins;
use crate::diagnose::Diagnose;
use crate::examine::{Patience, ask};
use jiff::{SignedDuration, Timestamp};
use prodrome_lambda::{Failure, Tally, metric};
use prodrome_model::{AnswerMessage, CheckMessage, PluginRequest, PluginResponse, Question, later};
use prodrome_queue::{Message, Queue, QueueName};
use prodrome_store::Store;
use std::time::Duration;
use tokio::time::Instant;

/// How long a plugin has, whatever it was promised: the question may have waited.
const ANSWERS_WITHIN: Duration = Duration::from_secs(10);
/// Lines of an answer that are sent on: a message has an end.
const LINES_MAX: usize = 16;
/// How long a line may be, in characters.
const LINE_MAX: usize = 500;

impl<S: Store, Q: Queue, P: Plugins> Diagnose<S, Q, P> {
    /// Asks the plugin and sends its answer back to the check. No answer is one too: nobody knows.
    pub(crate) async fn put_question(
        &self,
        question: &Question,
        now: Timestamp,
        tally: &mut Tally,
    ) -> Result<(), Failure> {
        let started = Instant::now();
        let clock = || later(now, started.elapsed());
        let deadline = later(now, ANSWERS_WITHIN);
        let timeout = SignedDuration::try_from(ANSWERS_WITHIN).unwrap_or(SignedDuration::MAX);
        let request = PluginRequest { now, deadline, ..(*question.request).clone() };
        let patience = Patience { timeout, retries: 0, deadline };
        let asked = ask(&question.plugin, request, patience, clock, &self.plugins, &self.breaker).await;
        tally.add(metric::PLUGIN_CALLS, u64::from(asked.attempts));
        tally.add(metric::PLUGIN_FAILURES, u64::from(asked.result.is_err()));
        tally.add(metric::PLUGINS_SPARED, u64::from(asked.spared));
        let response = asked.result.unwrap_or_else(|error| PluginResponse::unknown(error.to_string()));
        tally.add(metric::CAUSES_UNDECLARED, u64::from(response.undeclared));
        tracing::info!(
            plugin = question.plugin,
            rule = question.request.rule.name,
            object = %question.request.object,
            verdict = response.verdict.as_str(),
            cause = response.cause,
            confidence = response.confidence,
            "asked for a check"
        );
        let answer = CheckMessage::Answered(AnswerMessage {
            partition: question.partition.clone(),
            sort: question.sort.clone(),
            asked: question.request.now,
            response: Box::new(short(response)),
        });
        let text = serde_json::to_string(&answer).expect("plain data is always written as JSON");
        let sent = self.queue.send(QueueName::Checks, vec![Message::text(text)]).await;
        sent.map_err(|error| Failure::retryable("queue_unavailable", error.to_string()))
    }
}

/// What a check needs of an answer, without secrets, whoever wrote the plugin.
fn short(response: PluginResponse) -> PluginResponse {
    let mut response = response.redacted();
    response.evidence.truncate(LINES_MAX);
    response.remediation.truncate(LINES_MAX);
    for evidence in &mut response.evidence {
        evidence.text = cut(&evidence.text);
    }
    for step in &mut response.remediation {
        *step = cut(step);
    }
    let summary = cut(&response.summary);
    PluginResponse {
        summary,
        ruled_out: Vec::new(),
        facts: serde_json::Map::new(),
        not_looked_at: Vec::new(),
        ..response
    }
}

fn cut(text: &str) -> String {
    text.chars().take(LINE_MAX).collect()
}
