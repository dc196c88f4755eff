use crate::Policy;
use crate::log::{Event, Logged};
use crate::notice::NAMED_MAX;
use jiff::{SignedDuration, Timestamp};
use prodrome_model::{Fingerprint, Notice, NoticeKind, later};
use serde::{Deserialize, Serialize};

/// What one channel is owed of one alert.
///
/// Written together with the decision to tell it, before anything is sent. Whoever sends first *claims*: until
/// the claim's lease ends nobody else sends. News that comes meanwhile waits; what waits and was never sent is
/// replaced by what is newer, so that a channel that was down hears the last word, not all of them.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct Delivery {
    /// Of which alert.
    pub alert: Fingerprint,
    /// To which channel.
    pub channel: String,
    /// What is to be sent next.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub pending: Option<Notice>,
    /// What is being sent.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub claim: Option<Claim>,
    /// Whether the channel knows of the alert.
    #[serde(default)]
    pub told: bool,
    /// Whether it knows of its end.
    #[serde(default)]
    pub told_end: bool,
    /// What the channel wants handed back with the next notice.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub receipt: Option<String>,
    /// How many attempts were made, for all notices.
    #[serde(default)]
    pub attempts: u32,
    /// How many failed since the last that did not.
    #[serde(default)]
    pub failures: u32,
    /// When the first of those was made.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub failing_since: Option<Timestamp>,
    /// Not to be tried before.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub retry_at: Option<Timestamp>,
    /// How often it was put off since the last attempt, because the channel takes only so many.
    #[serde(default)]
    pub postponed: u32,
    /// When the channel has to hear again that the alert is open, or it takes it for over.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub refresh_at: Option<Timestamp>,
    /// What it then hears.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub refresh: Option<Notice>,
    /// How many entries the log has from here.
    #[serde(default)]
    pub entries: u32,
}

/// Somebody's right to send a notice, for a while.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct Claim {
    /// The number of the attempt; no two claims of a delivery have the same.
    pub attempt: u32,
    /// What is sent.
    pub notice: Notice,
    /// When the lease ends.
    pub until: Timestamp,
}

/// What became of an attempt.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Settled {
    /// The channel has it.
    Sent {
        /// In place of the receipt that is kept.
        receipt: Option<String>,
        /// After this time the channel takes an open alert for over, unless it hears of it again.
        forgets_after: Option<SignedDuration>,
    },
    /// It was not tried: the channel takes only so many.
    Postponed {
        /// Until when.
        until: Timestamp,
    },
    /// It has not.
    Failed {
        /// Why, in a word.
        reason: String,
        /// In the receiver's words.
        detail: Option<String>,
        /// When to try again; absent: no more.
        retry_at: Option<Timestamp>,
    },
}

impl Delivery {
    /// Nothing owed yet.
    pub const fn new(alert: Fingerprint, channel: String) -> Self {
        Self {
            alert,
            channel,
            pending: None,
            claim: None,
            told: false,
            told_end: false,
            receipt: None,
            attempts: 0,
            failures: 0,
            failing_since: None,
            retry_at: None,
            postponed: 0,
            refresh_at: None,
            refresh: None,
            entries: 0,
        }
    }

    /// The channel is owed this notice. What was owed and not sent yet goes into it.
    pub fn owe(&mut self, notice: Notice) {
        self.pending = Some(match self.pending.take() {
            Some(older) => superseded(&older, notice),
            None => notice,
        });
    }

    /// Takes the right to send what is pending; `None` where nothing is, somebody else is at it, or it is not
    /// time yet. A claim whose lease has ended is taken over: its notice may have been sent, so this is the one
    /// place where a channel may be told twice.
    pub fn claim(&mut self, now: Timestamp, policy: &Policy) -> (Option<Claim>, Vec<Logged>) {
        let mut log = Vec::new();
        if let Some(lost) = self.claim.take_if(|claim| claim.until <= now) {
            let event = Event::Lost {
                channel: self.channel.clone(),
                sequence: lost.notice.sequence,
                attempt: lost.attempt,
            };
            self.note(&mut log, now, event);
            self.give_back(lost.notice);
        }
        if self.claim.is_some() || self.retry_at.is_some_and(|at| now < at) {
            return (None, log);
        }
        let refresh = self.refresh_at.is_some_and(|at| at <= now).then(|| self.refresh.clone()).flatten();
        let Some(mut notice) = self.pending.take().or(refresh) else { return (None, log) };
        if !self.told && notice.kind == NoticeKind::Update {
            // News of something it never heard of is for this channel the begin.
            notice.kind = NoticeKind::Alert;
        }
        self.attempts += 1;
        self.retry_at = None;
        self.refresh_at = None;
        self.refresh = None;
        let until = later(now, policy.lease);
        let claim = Claim { attempt: self.attempts, notice, until };
        self.claim = Some(claim.clone());
        (Some(claim), log)
    }

    /// Takes in what became of an attempt. One that was taken over meanwhile only counts if it succeeded.
    pub fn settle(&mut self, attempt: u32, settled: Settled, now: Timestamp) -> Vec<Logged> {
        let mut log = Vec::new();
        let claim = self.claim.take_if(|claim| claim.attempt == attempt);
        let channel = self.channel.clone();
        if claim.is_some() {
            self.postponed =
                if matches!(settled, Settled::Postponed { .. }) { self.postponed + 1 } else { 0 };
        }
        match (settled, claim) {
            (Settled::Sent { receipt, forgets_after }, claim) => {
                self.told = true;
                self.receipt = receipt.or(self.receipt.take());
                self.failures = 0;
                self.failing_since = None;
                let Some(Claim { notice, .. }) = claim else { return log };
                let (sequence, kind) = (notice.sequence, notice.kind);
                self.note(&mut log, now, Event::Told { channel, sequence, kind, attempt });
                if kind == NoticeKind::Resolved {
                    self.told_end = true;
                } else if let Some(after) = forgets_after {
                    self.refresh_at = Some(later(now, after));
                    // Nobody joined since.
                    self.refresh = Some(Notice { joined: Vec::new(), ..notice });
                }
            }
            (Settled::Failed { reason, detail, retry_at }, Some(Claim { notice, .. })) => {
                self.failures = self.failures.saturating_add(1);
                self.failing_since = self.failing_since.or(Some(now));
                let sequence = notice.sequence;
                let event = Event::Failed { channel, sequence, attempt, reason, detail, retry_at };
                self.note(&mut log, now, event);
                if retry_at.is_some() {
                    self.give_back(notice);
                    self.retry_at = retry_at;
                } else {
                    // What became pending meanwhile gets its own chance.
                    self.failures = 0;
                    self.failing_since = None;
                }
            }
            (Settled::Postponed { until }, Some(Claim { notice, .. })) => {
                self.give_back(notice);
                self.retry_at = Some(until);
            }
            (Settled::Failed { .. } | Settled::Postponed { .. }, None) => {}
        }
        log
    }

    /// When somebody has to look at it.
    pub fn due(&self) -> Option<Timestamp> {
        match (&self.claim, &self.pending) {
            (Some(claim), _) => Some(claim.until),
            // Pending without an instant: whoever made it so has claimed it, or will at once.
            (None, Some(notice)) => Some(self.retry_at.unwrap_or(notice.at)),
            (None, None) => self.refresh_at,
        }
    }

    fn give_back(&mut self, older: Notice) {
        self.pending = Some(match self.pending.take() {
            Some(newer) => superseded(&older, newer),
            None => older,
        });
    }

    fn note(&mut self, log: &mut Vec<Logged>, at: Timestamp, event: Event) {
        let writer = format!("to-{}", self.channel);
        log.push(Logged::new(&self.alert, &writer, self.entries, at, event));
        self.entries += 1;
    }
}

/// The newer notice, with what the older would have told besides.
fn superseded(older: &Notice, newer: Notice) -> Notice {
    let mut joined = older.joined.clone();
    joined.extend(newer.joined.iter().filter(|object| !older.joined.contains(object)).cloned());
    joined.truncate(NAMED_MAX);
    Notice { joined, ..newer }
}

#[cfg(test)]
mod tests;
