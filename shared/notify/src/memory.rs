use crate::{Channels, Delivery, Outcome, Reason};
use jiff::Timestamp;
use prodrome_model::Notice;
use std::collections::{BTreeMap, BTreeSet, VecDeque};
use std::sync::{Mutex, MutexGuard, PoisonError};

/// Channels that keep what they are told, and fail when they are told to. For replays and tests.
#[derive(Debug, Default)]
pub struct MemoryChannels {
    known: Option<BTreeSet<String>>,
    state: Mutex<State>,
}

#[derive(Debug, Default)]
struct State {
    attempts: Vec<Attempt>,
    scripts: BTreeMap<String, VecDeque<Step>>,
    down: BTreeMap<String, Timestamp>,
    receipts: u64,
}

#[derive(Debug, Clone, Copy)]
enum Step {
    Answer(Outcome),
    AnswerLost,
}

/// One call of [`Channels::send`] that [`MemoryChannels`] saw.
#[derive(Debug, Clone, PartialEq)]
pub struct Attempt {
    /// To which channel.
    pub channel: String,
    /// What.
    pub notice: Notice,
    /// The receipt that was handed back.
    pub receipt: Option<String>,
    /// When.
    pub at: Timestamp,
    /// Whether the receiver has it, whatever the caller was told.
    pub delivered: bool,
    /// What the caller was told.
    pub outcome: Outcome,
}

impl MemoryChannels {
    /// Channels of any name, all of them well.
    pub fn new() -> Self {
        Self::default()
    }

    /// Channels of these names only; any other is refused as unknown.
    pub fn with_names<'a>(names: impl IntoIterator<Item = &'a str>) -> Self {
        Self { known: Some(names.into_iter().map(str::to_owned).collect()), ..Self::default() }
    }

    /// The next attempts on this channel have these outcomes, one each; what follows is well again. Repeated
    /// calls append.
    pub fn script(&self, channel: &str, outcomes: impl IntoIterator<Item = Outcome>) {
        let steps = outcomes.into_iter().map(Step::Answer);
        self.lock().scripts.entry(channel.to_owned()).or_default().extend(steps);
    }

    /// The next attempts on this channel are delivered, but the answer is lost: the caller sees a timeout.
    /// Appends to the script.
    pub fn lose_answers(&self, channel: &str, attempts: usize) {
        let steps = std::iter::repeat_n(Step::AnswerLost, attempts);
        self.lock().scripts.entry(channel.to_owned()).or_default().extend(steps);
    }

    /// The channel cannot be reached before this instant. Attempts meanwhile do not use up the script.
    pub fn down_until(&self, channel: &str, until: Timestamp) {
        self.lock().down.insert(channel.to_owned(), until);
    }

    /// All attempts, in order.
    pub fn attempts(&self) -> Vec<Attempt> {
        self.lock().attempts.clone()
    }

    /// What the receivers have, in order: the channel and the notice.
    pub fn delivered(&self) -> Vec<(String, Notice)> {
        let state = self.lock();
        let delivered = state.attempts.iter().filter(|a| a.delivered);
        delivered.map(|a| (a.channel.clone(), a.notice.clone())).collect()
    }

    /// Forgets the attempts (not the scripts), and returns them.
    pub fn take_attempts(&self) -> Vec<Attempt> {
        std::mem::take(&mut self.lock().attempts)
    }

    fn lock(&self) -> MutexGuard<'_, State> {
        // Nothing that holds the lock leaves the state half-changed, so a panic elsewhere does no harm.
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl Channels for MemoryChannels {
    async fn send(&self, channel: &str, notice: &Notice, receipt: Option<&str>, now: Timestamp) -> Delivery {
        let mut state = self.lock();
        let step = if self.known.as_ref().is_some_and(|known| !known.contains(channel)) {
            Step::Answer(Outcome::Refused(Reason::UnknownChannel))
        } else if state.down.get(channel).is_some_and(|until| now < *until) {
            Step::Answer(Outcome::RetryAfter(None, Reason::Unreachable))
        } else {
            let script = state.scripts.get_mut(channel);
            script.and_then(VecDeque::pop_front).unwrap_or(Step::Answer(Outcome::Sent))
        };
        let (outcome, delivered) = match step {
            Step::Answer(outcome) => (outcome, outcome == Outcome::Sent),
            Step::AnswerLost => (Outcome::RetryAfter(None, Reason::Timeout), true),
        };
        state.attempts.push(Attempt {
            channel: channel.to_owned(),
            notice: notice.clone(),
            receipt: receipt.map(str::to_owned),
            at: now,
            delivered,
            outcome,
        });
        // As a chat does: the first message of an alert gets a receipt, what joins it keeps that one.
        let mut new_receipt = None;
        if outcome == Outcome::Sent && receipt.is_none() {
            state.receipts += 1;
            new_receipt = Some(format!("receipt-{}", state.receipts));
        }
        Delivery::new(outcome).with_receipt(new_receipt)
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::sample;
    use jiff::SignedDuration;

    #[tokio::test]
    async fn scripts_outages_and_lost_answers_come_as_told() {
        let channels = MemoryChannels::with_names(["chat", "oncall"]);
        let (notice, start) = (sample::plain(), Timestamp::UNIX_EPOCH);
        let minute = SignedDuration::from_mins(1);
        channels.script("chat", [Outcome::RetryAfter(None, Reason::RateLimited)]);
        channels.lose_answers("chat", 1);
        channels.down_until("oncall", start + minute);
        let mut outcomes = Vec::new();
        for (channel, at) in [
            ("chat", start),
            ("chat", start),
            ("chat", start),
            ("oncall", start),
            ("oncall", start + minute),
            ("nobody", start),
        ] {
            outcomes.push(channels.send(channel, &notice, None, at).await.outcome);
        }
        assert_eq!(
            outcomes,
            [
                Outcome::RetryAfter(None, Reason::RateLimited),
                Outcome::RetryAfter(None, Reason::Timeout),
                Outcome::Sent,
                Outcome::RetryAfter(None, Reason::Unreachable),
                Outcome::Sent,
                Outcome::Refused(Reason::UnknownChannel),
            ]
        );
        let delivered: Vec<String> = channels.delivered().into_iter().map(|(channel, _)| channel).collect();
        assert_eq!(delivered, ["chat", "chat", "oncall"], "the lost answer was a delivery");
        assert_eq!(channels.take_attempts().len(), 6);
        assert_eq!(channels.attempts(), []);
    }
}
