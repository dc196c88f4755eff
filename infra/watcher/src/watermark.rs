use std::collections::BTreeMap;
use std::sync::Arc;

/// A resource version, as the API server wrote it.
pub(crate) type Version = Arc<str>;

/// How far one collection's stream has been handed over: the place from which a restart must read on.
///
/// Whatever arrives gets a position; it is *open* until the queue has accepted it. The place is the version that
/// was reached before the first open position, so it passes nothing that could still be lost. A change that is
/// replaced by a newer one of the same object takes the newer one's position: a restart from anywhere before
/// that sees the newer one again, and the older one counts no more.
#[derive(Debug, Default)]
pub(crate) struct Watermark {
    next: u64,
    /// Up to which version everything has arrived; `None` before the first list is complete.
    arrived: Option<Version>,
    /// What is not yet accepted, with the version that had been reached before it arrived.
    open: BTreeMap<u64, Option<Version>>,
}

impl Watermark {
    /// A stream that reads on from a saved place.
    pub(crate) fn resumed(place: Option<Version>) -> Self {
        Self { arrived: place, ..Self::default() }
    }

    /// Something arrived that must be accepted: an object of a watch brings its version, one of a list none.
    pub(crate) fn opens(&mut self, version: Option<Version>) -> u64 {
        let position = self.next;
        self.next += 1;
        self.open.insert(position, self.arrived.clone());
        if version.is_some() {
            self.arrived = version;
        }
        position
    }

    /// A bookmark, or a change that nobody wants: nothing to be accepted, but the stream has come this far.
    pub(crate) fn passes(&mut self, version: Version) {
        self.arrived = Some(version);
    }

    /// The position that was given last.
    pub(crate) fn last_position(&self) -> u64 {
        self.next.saturating_sub(1)
    }

    /// It was accepted, or replaced by what has a position of its own.
    pub(crate) fn closes(&mut self, position: u64) {
        self.open.remove(&position);
    }

    /// Whether all that arrived before a position has been accepted, but for one other position.
    pub(crate) fn is_clear_before(&self, position: u64, but_for: u64) -> bool {
        self.open.range(..position).all(|(&open, _)| open == but_for)
    }

    /// Where a restart must read on; `None`: from a list.
    pub(crate) fn place(&self) -> Option<&Version> {
        self.open.first_key_value().map_or(self.arrived.as_ref(), |(_, before)| before.as_ref())
    }
}
