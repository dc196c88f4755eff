use super::effect::Effect;
use super::learned::LearnedOfAll;
use super::order::Cursor;
use super::verdict::Verdict;
use jiff::Timestamp;

/// What a run needs room for. It is cleared, not dropped: from the second object on nothing is allocated.
#[derive(Debug, Default)]
pub struct Scratch {
    /// Bits: what the object satisfies, what it fails, and what the present elements do.
    pub(super) words: Vec<u64>,
    /// The containers that the walk is in, the innermost last.
    pub(super) frames: Vec<Frame>,
    /// The keys seen of objects with more than 64 of interest; for arrays the groups that took an element.
    pub(super) seen: Vec<u64>,
    pub(super) captures: Vec<Captured>,
    /// Each effect in the order of the walk, and where its value stands.
    pub(super) log: Vec<Logged>,
    /// Which elements satisfied groups first, and which part of the log is theirs.
    pub(super) elements: Vec<LoggedElement>,
    /// Comparisons already made, two bits each: made, and held.
    pub(super) compared: Vec<u64>,
    /// The rules already judged.
    pub(super) judged: Vec<u64>,
    pub(super) verdicts: Vec<Verdict>,
    /// A text without its escapes.
    pub(super) text: String,
    /// The timestamps that turn something later, with the leaf that they are of.
    pub(super) stamps: Vec<(u32, Timestamp)>,
    pub(super) learned: LearnedOfAll,
    /// To look at the same object at another time.
    pub(super) other_time: Option<Box<Scratch>>,
    /// The words of now, while they are those of another time.
    pub(super) other_words: Vec<u64>,
    pub(super) instants: Vec<Timestamp>,
    pub(super) effort: Effort,
}

/// What runs took beyond one pass over each object.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub struct Effort {
    /// How often an object was looked at again, to see when time alone turns a verdict.
    pub looks: u64,
    /// How often the tree was built.
    pub trees: u64,
}

impl Scratch {
    /// What all runs took so far.
    pub fn effort(&self) -> Effort {
        self.effort
    }
}

/// An object or array whose end has not come.
#[derive(Debug, Clone, Copy)]
pub(super) struct Frame {
    pub(super) node: u32,
    /// Where its words in `seen` begin.
    pub(super) seen_at: u32,
    /// The first 64 keys.
    pub(super) seen: u64,
    pub(super) log_at: u32,
    /// How far the node's order of keys is gone through.
    pub(super) cursor: Cursor,
    pub(super) within: Within,
}

/// What a value stands in.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Within {
    Object,
    Array,
}

/// The texts that a capture keeps.
#[derive(Debug, Default)]
pub(super) struct Captured {
    pub(super) taken: Vec<CapturedValue>,
    /// Those of an element of which it is not known yet whether it is selected.
    pub(super) pending: Vec<CapturedValue>,
}

#[derive(Debug, Clone, Copy)]
pub(super) enum CapturedValue {
    /// From here to there in the JSON, without quotes.
    Text { begin: usize, end: usize, is_escaped: bool },
    /// An object that is not empty.
    Map,
}

#[derive(Debug, Clone, Copy)]
pub(super) struct Logged {
    pub(super) effect: Effect,
    pub(super) at: u32,
}

#[derive(Debug, Clone, Copy)]
pub(super) struct LoggedElement {
    pub(super) scope: u32,
    /// Which word of the scope's groups, and which of its bits.
    pub(super) word: u32,
    pub(super) groups: u64,
    pub(super) begin: u32,
    pub(super) end: u32,
}
