use crate::AlertError;
use crate::canary;
use crate::rest::Resting;
use jiff::{SignedDuration, Timestamp};
use prodrome_alerting::{BySeverity, Policy, keys, read_message};
use prodrome_lambda::{Delivery, Failure, Handler, Tally, metric};
use prodrome_model::{AlertMessage, DueMessage, Finding, Notice, NoticeKind};
use prodrome_notify::{Channels, Facts, RetryPolicy, Routing};
use prodrome_queue::{Body, Queue};
use prodrome_store::{Key, Store};
use std::sync::Arc;

/// Handles findings and what falls due. See the crate's documentation.
pub struct Alerts<S, Q, C> {
    pub(crate) store: S,
    pub(crate) queue: Q,
    pub(crate) channels: C,
    pub(crate) routing: Arc<Routing>,
    pub(crate) policy: Policy,
    pub(crate) retry: RetryPolicy,
    pub(crate) resting: Resting,
}

impl<S: Store, Q: Queue, C: Channels> Alerts<S, Q, C> {
    /// With the pacing of the routing file; else the defaults.
    pub fn new(store: S, queue: Q, channels: C, routing: Arc<Routing>) -> Self {
        let pacing = routing.pacing();
        let policy = Policy {
            join_window: pacing.gather,
            pace: BySeverity::new(|severity| Some(pacing.update.get(severity))),
            repeat: BySeverity::new(|severity| pacing.repeat.get(severity).interval()),
            ..Policy::default()
        };
        // A channel may be down over a long weekend; what it is owed is then still the last word of each alert.
        let retry =
            RetryPolicy { give_up_after: SignedDuration::from_hours(7 * 24), ..RetryPolicy::default() };
        Self { store, queue, channels, routing, policy, retry, resting: Resting::default() }
    }

    /// The same with other numbers.
    #[must_use]
    pub fn with_policy(self, policy: Policy) -> Self {
        Self { policy, ..self }
    }

    /// The numbers in use.
    pub const fn policy(&self) -> &Policy {
        &self.policy
    }

    /// Handles one message: decides, writes, sends. Returns the notices that were decided, whoever was told.
    ///
    /// On an error nothing is lost: either nothing was written, or what was written falls due again.
    pub async fn handle(
        &self,
        message: &AlertMessage,
        now: Timestamp,
        tally: &mut Tally,
    ) -> Result<Vec<Notice>, AlertError> {
        match message {
            AlertMessage::Finding(finding) => self.finding(finding, now, tally).await,
            AlertMessage::Due(due) => self.due(due, now, tally).await,
        }
    }

    async fn finding(
        &self,
        finding: &Finding,
        now: Timestamp,
        tally: &mut Tally,
    ) -> Result<Vec<Notice>, AlertError> {
        if finding.is_canary() {
            return self.turn_of_finding(&canary::apart(finding), now, tally).await;
        }
        if let Some(silence) = self.routing.silence(&Facts::from(finding)) {
            tracing::info!(
                rule = finding.rule,
                cluster = finding.scope.cluster,
                object = %finding.subject.object(),
                fingerprint = %finding.fingerprint,
                ?silence,
                "finding is silenced by the routing file"
            );
            return Ok(Vec::new());
        }
        self.turn_of_finding(finding, now, tally).await
    }

    async fn due(
        &self,
        due: &DueMessage,
        now: Timestamp,
        tally: &mut Tally,
    ) -> Result<Vec<Notice>, AlertError> {
        let key = Key::new(&*due.partition, &*due.sort);
        if key.sort == keys::HEAD {
            return self.turn_of_clock(&key, due.at, now, tally).await;
        }
        if keys::is_delivery(&key.sort) {
            self.retry_delivery(&key, due.at, now, tally).await?;
        } else {
            tracing::warn!(partition = key.partition, sort = key.sort, "nothing of that kind falls due here");
        }
        Ok(Vec::new())
    }

    /// Counts and logs what was decided.
    pub(crate) fn report(notices: &[Notice], tally: &mut Tally) {
        for notice in notices {
            tally.add(metric::ALERTS_OPENED, u64::from(notice.kind == NoticeKind::Alert));
            tracing::info!(
                kind = notice.kind.as_str(),
                fingerprint = %notice.fingerprint,
                sequence = notice.sequence,
                cluster = notice.scope.cluster,
                rule = notice.rule,
                severity = notice.severity.as_str(),
                object = %notice.object,
                count = notice.count,
                flapping = notice.flapping,
                "notice decided"
            );
        }
    }
}

impl<S: Store, Q: Queue, C: Channels> Handler for Alerts<S, Q, C> {
    async fn handle(&self, delivery: &Delivery, now: Timestamp, tally: &mut Tally) -> Result<(), Failure> {
        let Body::Text(text) = &delivery.body else {
            return Err(Failure::malformed(
                "finding_malformed",
                "expected a finding, found a pack of changes",
            ));
        };
        let message = read_message(text).map_err(AlertError::from)?;
        Self::handle(self, &message, now, tally).await?;
        Ok(())
    }
}
