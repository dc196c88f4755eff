use super::formula::Wake;

/// The elements of a list that conditions ask one by one, and what they ask.
///
/// The conditions of a scope, its *groups*, stand side by side in words: in each element it shows which groups
/// it counts for (`selected`) and which it satisfies or fails, and at its end it adds to the object's words.
#[derive(Debug)]
pub(super) struct Scope {
    /// Where the object's words of the groups begin.
    pub(super) satisfied: u32,
    pub(super) failed: u32,
    /// Where the element's own words begin: satisfied, failed and selected groups, then satisfied and failed
    /// parts.
    pub(super) local: u32,
    /// How many words the groups take.
    pub(super) words: u32,
    /// How many words the parts take.
    pub(super) parts: u32,
    /// The groups for which every element counts.
    pub(super) always: Box<[u64]>,
    pub(super) every: Box<[u64]>,
    /// The groups that hold, and that fail, where no element is selected.
    pub(super) none_satisfies: Box<[u64]>,
    pub(super) none_fails: Box<[u64]>,
    /// The groups of several parts.
    pub(super) each: Box<[Each]>,
    /// Which of them are to be tried.
    pub(super) wake: Wake,
    /// Which captures take what an element of a group holds.
    pub(super) captures: Box<[ScopeCapture]>,
}

/// A group that asks several things of one element.
#[derive(Debug, Clone, Copy)]
pub(super) struct Each {
    /// What must hold.
    pub(super) list: u32,
    pub(super) group: u32,
    /// Whether an element of which it does not hold counts.
    pub(super) all: bool,
}

/// A capture of a group.
#[derive(Debug, Clone, Copy)]
pub(super) struct ScopeCapture {
    pub(super) group: u32,
    pub(super) capture: u32,
}

impl Scope {
    /// All words of an element.
    #[inline]
    pub(super) fn local_words(&self) -> std::ops::Range<usize> {
        let begin = self.local as usize;
        begin..begin + 3 * self.words as usize + 2 * self.parts as usize
    }

    pub(super) fn local_failed(&self) -> u32 {
        self.local + self.words
    }

    pub(super) fn selected(&self) -> u32 {
        self.local + 2 * self.words
    }

    pub(super) fn parts_satisfied(&self) -> u32 {
        self.local + 3 * self.words
    }

    pub(super) fn parts_failed(&self) -> u32 {
        self.parts_satisfied() + self.parts
    }
}
