use crate::canary;
use crate::limit::put_off;
use crate::records::{delivery_record, log_write, parse};
use crate::{AlertError, Alerts};
use jiff::{SignedDuration, Timestamp};
use prodrome_alerting::{Claim, Delivery, Settled};
use prodrome_lambda::{Tally, metric};
use prodrome_model::later;
use prodrome_notify::{Attempts, Channels, Decision, Outcome};
use prodrome_queue::Queue;
use prodrome_store::{Expect, Key, Store, StoreError, Write};

/// So often a delivery is read anew when others write to it meanwhile.
const ATTEMPTS_MAX: u32 = 8;

/// A channel that gave no answer is left alone by this process for so long, unless it says itself for how long.
const REST: SignedDuration = SignedDuration::from_secs(15);

/// A channel that refuses is asked again for so long: somebody may renew its token.
const REFUSED_FOR: SignedDuration = SignedDuration::from_hours(24);

/// A notice that is claimed and has to be sent.
#[derive(Debug)]
pub(crate) struct Task {
    key: Key,
    channel: String,
    claim: Claim,
    receipt: Option<String>,
}

/// What became of an attempt, before it is known what was tried before.
enum Tried {
    Sent(prodrome_notify::Delivery),
    PutOff(Timestamp),
}

impl Task {
    pub(crate) fn new(key: Key, delivery: &Delivery, claim: Claim) -> Self {
        Self { key, channel: delivery.channel.clone(), claim, receipt: delivery.receipt.clone() }
    }
}

impl<S: Store, Q: Queue, C: Channels> Alerts<S, Q, C> {
    /// Sends what is claimed, side by side: a channel that hangs holds up no other.
    pub(crate) async fn deliver_all(
        &self,
        tasks: Vec<Task>,
        now: Timestamp,
        tally: &mut Tally,
    ) -> Result<(), AlertError> {
        let done = futures::future::join_all(tasks.into_iter().map(|task| self.deliver(task, now))).await;
        let mut first_error = Ok(());
        for (own, result) in done {
            tally.merge(own);
            first_error = first_error.and(result);
        }
        first_error
    }

    /// A delivery falls due: it is to be tried again, or whoever was at it died.
    pub(crate) async fn retry_delivery(
        &self,
        key: &Key,
        at: Timestamp,
        now: Timestamp,
        tally: &mut Tally,
    ) -> Result<(), AlertError> {
        let Some(record) = self.store.get(key).await? else { return Ok(()) };
        if !self.is_timely(key, record.due.as_ref().map(|due| due.at), at, now).await {
            return Ok(());
        }
        let mut delivery: Delivery = parse(&record)?;
        let (claim, log) = delivery.claim(now, &self.policy);
        let Some(claim) = claim else { return Ok(()) };
        let mut writes: Vec<Write> = log.iter().map(|l| log_write(l, &self.policy, now)).collect();
        let claimed = delivery_record(key.clone(), &delivery, &self.policy, now);
        writes.push(Write::Put(claimed, Expect::Version(record.version)));
        match self.store.commit(writes).await {
            Ok(()) => {}
            // Somebody else is at it, or made it due at another time and saw to that.
            Err(StoreError::Conflict { .. }) => return Ok(()),
            Err(error) => return Err(error.into()),
        }
        self.deliver_all(vec![Task::new(key.clone(), &delivery, claim)], now, tally).await
    }

    async fn deliver(&self, task: Task, now: Timestamp) -> (Tally, Result<(), AlertError>) {
        let mut tally = Tally::default();
        let done = match self.attempt(&task, now, &mut tally).await {
            Ok(tried) => self.settle(&task, &tried, now).await,
            Err(error) => Err(error),
        };
        (tally, done)
    }

    async fn attempt(&self, task: &Task, now: Timestamp, tally: &mut Tally) -> Result<Tried, AlertError> {
        if let Some(until) = self.resting.until(&task.channel, now) {
            return Ok(Tried::PutOff(until));
        }
        if let Err(free_at) = self.take(&task.channel, now).await? {
            return Ok(Tried::PutOff(free_at));
        }
        let receipt = task.receipt.as_deref();
        let sent = self.channels.send(&task.channel, &task.claim.notice, receipt, now).await;
        report(task, &sent, tally);
        if matches!(sent.outcome, Outcome::Sent) {
            canary::arrived(&task.claim.notice, now, tally);
        }
        if let Outcome::RetryAfter(wanted, _) = sent.outcome {
            let rest = wanted.unwrap_or(REST).clamp(SignedDuration::ZERO, self.retry.retry_after_max);
            self.resting.rest(&task.channel, later(now, rest));
        }
        Ok(Tried::Sent(sent))
    }

    /// Writes down what became of an attempt. What became pending meanwhile is a message of its own, so that no
    /// invocation sends for longer than its claim is good for.
    async fn settle(&self, task: &Task, tried: &Tried, now: Timestamp) -> Result<(), AlertError> {
        for _ in 0..ATTEMPTS_MAX {
            let Some(record) = self.store.get(&task.key).await? else { return Ok(()) };
            let mut delivery: Delivery = parse(&record)?;
            let settled = self.judge(&delivery, task, tried, now);
            let log = delivery.settle(task.claim.attempt, settled, now);
            let mut writes: Vec<Write> = log.iter().map(|l| log_write(l, &self.policy, now)).collect();
            let settled = delivery_record(task.key.clone(), &delivery, &self.policy, now);
            let due = settled.due.clone();
            writes.push(Write::Put(settled, Expect::Version(record.version)));
            match self.store.commit(writes).await {
                Ok(()) => {}
                Err(StoreError::Conflict { .. }) => continue,
                Err(error) => return Err(error.into()),
            }
            if let Some(due) = due {
                self.enqueue(&task.key, due.at, now).await;
            }
            return Ok(());
        }
        let partition = task.key.partition.clone();
        Err(AlertError::Contended { partition, attempts: ATTEMPTS_MAX })
    }

    fn judge(&self, delivery: &Delivery, task: &Task, tried: &Tried, now: Timestamp) -> Settled {
        let seed = [delivery.alert.as_str(), delivery.channel.as_str()];
        let sent = match tried {
            Tried::PutOff(free_at) => {
                let severity = task.claim.notice.severity;
                let until = put_off(*free_at, delivery.postponed, severity, &seed.concat(), now);
                return Settled::Postponed { until };
            }
            Tried::Sent(sent) => sent,
        };
        let first = delivery.failing_since.unwrap_or(now);
        let attempts = Attempts { count: delivery.failures.saturating_add(1), first, seed: &seed };
        let retry_at = match self.retry.next_attempt(&sent.outcome, &attempts, now) {
            Decision::Done => {
                let forgets_after = self.routing.repeat_max(&delivery.channel);
                return Settled::Sent { receipt: sent.receipt.clone(), forgets_after };
            }
            Decision::RetryAt(at) => Some(at),
            Decision::GiveUp(_) => {
                let refused = matches!(sent.outcome, Outcome::Refused(_));
                let patient = refused && now.duration_since(first) < REFUSED_FOR;
                patient.then(|| now + self.retry.delay_max)
            }
        };
        let reason = sent.outcome.reason().map_or("", |reason| reason.as_str()).to_owned();
        Settled::Failed { reason, detail: sent.detail.clone(), retry_at }
    }
}

/// Counts and logs what a channel said.
fn report(task: &Task, sent: &prodrome_notify::Delivery, tally: &mut Tally) {
    let Claim { attempt, notice, .. } = &task.claim;
    let (channel, sequence) = (task.channel.as_str(), notice.sequence);
    let fingerprint = notice.fingerprint.as_str();
    let detail = sent.detail.as_deref().unwrap_or_default();
    match &sent.outcome {
        Outcome::Sent => {
            tally.add(metric::NOTICES_SENT, 1);
            tracing::info!(channel, fingerprint, sequence, attempt, "notice sent");
        }
        Outcome::RetryAfter(_, reason) => {
            tally.add(metric::NOTICES_FAILED, 1);
            tracing::warn!(channel, fingerprint, sequence, attempt, %reason, detail, "notice not sent");
        }
        Outcome::Refused(reason) => {
            tally.add(metric::NOTICES_FAILED, 1);
            tally.add(metric::NOTICES_REFUSED, 1);
            tracing::error!(channel, fingerprint, sequence, attempt, %reason, detail, "notice refused");
        }
    }
}
