use crate::Body;
use std::time::Duration;

/// The queues of the system, by their role.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum QueueName {
    /// Packs of changes: watcher → evaluate.
    Changes,
    /// Checks that fall due, each with its exact delay: evaluate and sweep → evaluate.
    Checks,
    /// Findings, and alerts that fall due: evaluate, diagnose, sweep and alert → alert.
    Findings,
    /// Findings that wait for their diagnosis: evaluate and diagnose → diagnose.
    Diagnoses,
}

impl QueueName {
    /// All of them.
    pub const ALL: [Self; 4] = [Self::Changes, Self::Checks, Self::Diagnoses, Self::Findings];

    /// The name in logs and settings: `changes`, `checks`, `findings`, `diagnoses`.
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Changes => "changes",
            Self::Checks => "checks",
            Self::Findings => "findings",
            Self::Diagnoses => "diagnoses",
        }
    }
}

/// What is to be sent.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Message {
    /// The content.
    pub body: Body,
    /// How long the queue holds it back: rounded up to whole seconds, at most 15 minutes.
    pub delay: Duration,
    /// Plain-text attributes, such as the error that made a message be sent on alone: at most 8. Names are
    /// ASCII letters, digits, `_` and `-`; an attribute with an empty value is left out.
    pub attributes: Vec<(String, String)>,
}

impl Message {
    /// The longest delay a queue takes.
    pub const DELAY_MAX: Duration = Duration::from_mins(15);

    /// A text without delay.
    pub fn text(text: impl Into<String>) -> Self {
        Self { body: Body::Text(text.into()), delay: Duration::ZERO, attributes: Vec::new() }
    }

    /// A pack without delay.
    pub fn pack(bytes: Vec<u8>) -> Self {
        Self { body: Body::Pack(bytes), delay: Duration::ZERO, attributes: Vec::new() }
    }

    /// The same, with one attribute more.
    #[must_use]
    pub fn with_attribute(mut self, name: impl Into<String>, value: impl Into<String>) -> Self {
        self.attributes.push((name.into(), value.into()));
        self
    }

    /// The same, held back for a while (cut to [`Message::DELAY_MAX`]).
    #[must_use]
    pub fn delayed(mut self, delay: Duration) -> Self {
        self.delay = delay.min(Self::DELAY_MAX);
        self
    }
}
