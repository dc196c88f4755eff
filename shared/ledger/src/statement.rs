use jiff::Timestamp;
use prodrome_model::Waybill;
use serde::{Deserialize, Serialize};

/// The newest that was heard of a run: the furthest of its waybills, and when that pack was sent.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct Statement {
    /// What it said.
    #[serde(flatten)]
    pub waybill: Waybill,
    /// When it was sent.
    pub at: Timestamp,
}

impl Statement {
    /// Both together: each number rises within a run.
    #[must_use]
    pub fn with(self, other: Self) -> Self {
        let (a, b) = (self.waybill, other.waybill);
        let waybill = Waybill {
            epoch: a.epoch,
            first: a.first.max(b.first),
            accepted: a.accepted.max(b.accepted),
            marks: a.marks.max(b.marks),
            read: a.read.max(b.read),
            ignored: a.ignored.max(b.ignored),
            overtaken: a.overtaken.max(b.overtaken),
            dropped: a.dropped.max(b.dropped),
        };
        Self { waybill, at: self.at.max(other.at) }
    }
}

/// That a watcher was heard that does not number its changes: what became of these nobody can say.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
pub(crate) struct Unnumbered {
    /// When a pack of it was sent.
    pub(crate) at: Timestamp,
}
