use serde::{Deserialize, Serialize};

/// What a watcher's pack says of the numbers of its changes, and of what was counted until it was made.
///
/// ```
/// # use prodrome_model::Waybill;
/// let waybill: Waybill = serde_json::from_str(r#"{"epoch":7,"first":42,"accepted":41,"marks":2,"read":60,"ignored":10}"#)?;
/// assert_eq!((waybill.last(3), waybill.numbered()), (Some(44), 41));
/// assert_eq!(waybill.held(), 60 - 10 - (41 - 2));
/// # Ok::<(), serde_json::Error>(())
/// ```
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase", default)]
pub struct Waybill {
    /// The run of the watcher.
    pub epoch: u64,
    /// The number of the pack's first change; the others follow without a hole. The first of a run is 1.
    pub first: u64,
    /// Up to which number the queue had accepted everything.
    pub accepted: u64,
    /// How many of the numbers before the first are marks of lists, which nobody reads off the cluster.
    pub marks: u64,
    /// How many changes were read off watches and lists in this run.
    pub read: u64,
    /// Of them, those of no interest.
    pub ignored: u64,
    /// Of them, those not sent as a newer version of the object took their place.
    pub overtaken: u64,
    /// Of them, those that could not be read, or that no message can carry.
    pub dropped: u64,
}

impl Waybill {
    /// The number of the last of so many changes; `None` where there are none, or none can have such numbers.
    pub fn last(&self, changes: u64) -> Option<u64> {
        let last = self.first.checked_add(changes.checked_sub(1)?)?;
        (self.first > 0 && last < u64::MAX).then_some(last)
    }

    /// How many changes had been given a number.
    pub fn numbered(&self) -> u64 {
        self.first.saturating_sub(1)
    }

    /// How many of the changes that were read waited in the watcher without a number.
    pub fn held(&self) -> u64 {
        let gone = self.ignored + self.overtaken + self.dropped + self.numbered().saturating_sub(self.marks);
        self.read.saturating_sub(gone)
    }
}
