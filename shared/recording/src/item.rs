use jiff::{SignedDuration, Timestamp};
use prodrome_model::Resource;
use serde_json::value::RawValue;

/// One line of a recording.
#[derive(Debug, Clone)]
pub struct Item {
    /// Since the recording's start, at receipt.
    pub t: SignedDuration,
    /// The cluster's clock then: the recording's start + `t`.
    pub at: Timestamp,
    /// The line's number in its file, from 1.
    pub line: u64,
    /// What was watched or listed. The object's kind comes from here, as its body may not carry it.
    pub resource: Resource,
    /// What the API server sent.
    pub body: Body,
}

/// What the API server sent.
#[derive(Debug, Clone)]
pub enum Body {
    /// An event of a watch.
    Event {
        /// What happened.
        kind: WatchKind,
        /// The object, untouched (a `Status` for [`WatchKind::Error`]).
        object: Box<RawValue>,
    },
    /// A page of a list.
    List {
        /// The query string of the request.
        query: String,
        /// The page.
        page: Page,
    },
    /// A list that was refused.
    Refused {
        /// The query string of the request.
        query: String,
        /// The HTTP status, such as 410.
        status: u16,
        /// The `Status` object, untouched.
        body: Box<RawValue>,
    },
    /// A watch was opened (or refused, by `status`).
    Opened {
        /// The query string of the request.
        query: String,
        /// The HTTP status.
        status: u16,
    },
}

/// The type of a watch event.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum WatchKind {
    /// The object is new to this watch.
    Added,
    /// The object has changed.
    Modified,
    /// The object is gone; what comes is its last state.
    Deleted,
    /// No object: the watch has come as far as this resourceVersion.
    Bookmark,
    /// The watch cannot go on; what comes is a `Status`.
    Error,
}

impl WatchKind {
    /// As the API writes it.
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Added => "ADDED",
            Self::Modified => "MODIFIED",
            Self::Deleted => "DELETED",
            Self::Bookmark => "BOOKMARK",
            Self::Error => "ERROR",
        }
    }

    /// From the API's word.
    pub fn from_api(word: &str) -> Option<Self> {
        [Self::Added, Self::Modified, Self::Deleted, Self::Bookmark, Self::Error]
            .into_iter()
            .find(|kind| kind.as_str() == word)
    }
}

/// A page of a list.
#[derive(Debug, Clone)]
pub struct Page {
    /// The version of the whole list.
    pub resource_version: String,
    /// Whether this page goes on with an earlier one (its request had a `continue`).
    pub continued: bool,
    /// The token for the next page; absent on the last.
    pub next: Option<String>,
    /// The objects, untouched: most lack `kind` and `apiVersion`.
    pub items: Vec<Box<RawValue>>,
}
