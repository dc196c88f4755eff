use std::sync::{Mutex, MutexGuard, PoisonError};

/// Under which version of the rules a stream's kind has been listed, the queue having accepted all of it.
#[derive(Debug, Default)]
pub(crate) struct ListedUnder {
    inner: Mutex<Inner>,
}

#[derive(Debug, Default)]
struct Inner {
    /// As far as the queue has accepted.
    accepted: u64,
    /// The list that was begun last, and its end once that has been put.
    last: u64,
    end: Option<u64>,
}

impl ListedUnder {
    /// A stream that reads on from a place which was saved under a version.
    pub(crate) fn under(version: u64) -> Self {
        Self { inner: Mutex::new(Inner { accepted: version, last: version, end: None }) }
    }

    fn lock(&self) -> MutexGuard<'_, Inner> {
        self.inner.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// The version under which the last list was begun.
    pub(crate) fn last(&self) -> u64 {
        self.lock().last
    }

    /// A list begins.
    pub(crate) fn begins(&self, version: u64) {
        let mut inner = self.lock();
        (inner.last, inner.end) = (version, None);
    }

    /// It has come to its end, which is at this position of the stream.
    pub(crate) fn ends(&self, position: u64) {
        self.lock().end = Some(position);
    }

    /// The version up to which nothing has to be listed again, `is_accepted` telling of a position.
    pub(crate) fn accepted(&self, is_accepted: impl Fn(u64) -> bool) -> u64 {
        let mut inner = self.lock();
        if inner.end.is_some_and(is_accepted) {
            inner.accepted = inner.last;
        }
        inner.accepted
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_list_counts_once_the_queue_has_its_end() {
        let listed = ListedUnder::under(3);
        let up_to = |position| move |asked| asked <= position;
        assert_eq!((listed.last(), listed.accepted(up_to(9))), (3, 3));
        listed.begins(5);
        assert_eq!((listed.last(), listed.accepted(up_to(9))), (5, 3));
        listed.ends(12);
        assert_eq!(listed.accepted(up_to(11)), 3);
        listed.begins(6);
        assert_eq!(listed.accepted(up_to(99)), 3, "the end that counts is still to come");
        listed.ends(20);
        assert_eq!(listed.accepted(up_to(20)), 6);
    }
}
