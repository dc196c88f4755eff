use std::time::Duration;

/// The queues of the system, by their role.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum QueueName {
    /// Packs of changes: watcher → evaluate.
    Changes,
    /// Checks that fall due, each with its exact delay: evaluate and sweep → evaluate.
    Checks,
    /// Findings, and alerts that fall due: evaluate, sweep and alert → alert.
    Findings,
}

impl QueueName {
    /// All of them.
    pub const ALL: [Self; 3] = [Self::Changes, Self::Checks, Self::Findings];

    /// The name in logs and settings: `changes`, `checks`, `findings`.
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Changes => "changes",
            Self::Checks => "checks",
            Self::Findings => "findings",
        }
    }
}

/// What is to be sent.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Message {
    /// The content.
    pub body: Body,
    /// How long the queue holds it back: at most 15 minutes, rounded up to whole seconds by SQS.
    pub delay: Duration,
    /// Plain-text attributes, such as the error that made a message be sent on alone. At most 8.
    pub attributes: Vec<(String, String)>,
}

impl Message {
    /// The longest delay a queue takes.
    pub const DELAY_MAX: Duration = Duration::from_mins(15);

    /// A text without delay.
    pub fn text(text: impl Into<String>) -> Self {
        Self { body: Body::Text(text.into()), delay: Duration::ZERO, attributes: Vec::new() }
    }

    /// The same, held back for a while (cut to [`Message::DELAY_MAX`]).
    #[must_use]
    pub fn delayed(mut self, delay: Duration) -> Self {
        self.delay = delay.min(Self::DELAY_MAX);
        self
    }
}

/// The content of a [`Message`].
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Body {
    /// Text, JSON in practice.
    Text(String),
    /// A pack: bytes, carried as a Binary attribute so that they do not swell as base64 would.
    Pack(Vec<u8>),
}
