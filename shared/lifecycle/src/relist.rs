use jiff::{SignedDuration, Timestamp};
use prodrome_model::{Scope, later};
use serde::{Deserialize, Serialize};

/// That something which a rule refers to went away or turned bad: the objects that may refer to it are listed
/// once, some seconds later, however many such changes there were.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct Relist {
    /// The version of this layout: 1.
    pub layout: u32,
    /// Which cluster.
    pub scope: Scope,
    /// The rule whose objects are to be listed.
    pub rule: String,
    /// The namespace; empty for the whole cluster.
    pub namespace: String,
    /// The version of the rules by which it was asked for.
    #[serde(default)]
    pub rules: u64,
    /// When.
    pub due: Timestamp,
    /// For how long it waits because an object lacks another one in its usual state, in seconds; 0 where it does not
    /// wait for such.
    #[serde(default)]
    pub wait_seconds: i64,
    /// For how long it waits because the cluster could not be read, in seconds; 0 where it could.
    #[serde(default, skip_serializing_if = "is_zero")]
    pub unread_seconds: i64,
}

impl Relist {
    /// How long further changes are gathered.
    pub const GATHER: SignedDuration = SignedDuration::from_secs(10);
    /// After how long it is looked for the first time whether an object in its usual state has come.
    pub const WAIT_FIRST: SignedDuration = SignedDuration::from_mins(2);
    /// The longest wait until it is looked for again.
    pub const WAIT_MAX: SignedDuration = SignedDuration::from_hours(1);

    /// The longest wait while the cluster cannot be read.
    pub const UNREAD_MAX: SignedDuration = SignedDuration::from_mins(10);

    /// The next one, where an object lacks another in its usual state still: after twice the wait.
    #[must_use]
    pub fn again(&self, now: Timestamp) -> Self {
        let wait = twice(self.wait_seconds, Self::WAIT_FIRST, Self::WAIT_MAX);
        let due = later(now, wait);
        Self { due, wait_seconds: wait.as_secs(), unread_seconds: 0, ..self.clone() }
    }

    /// The next one, where the cluster could not be read: soon, and ever later while it cannot.
    #[must_use]
    pub fn unread(&self, now: Timestamp) -> Self {
        let wait = twice(self.unread_seconds, Self::GATHER, Self::UNREAD_MAX);
        let due = later(now, wait);
        Self { due, unread_seconds: wait.as_secs(), ..self.clone() }
    }

    /// Whether it waits until the cluster can be read.
    pub fn is_put_off(&self) -> bool {
        self.unread_seconds > 0
    }
}

fn twice(seconds: i64, least: SignedDuration, most: SignedDuration) -> SignedDuration {
    SignedDuration::from_secs(seconds.saturating_mul(2)).clamp(least, most)
}

#[expect(clippy::trivially_copy_pass_by_ref, reason = "serde hands it over so")]
fn is_zero(seconds: &i64) -> bool {
    *seconds == 0
}
