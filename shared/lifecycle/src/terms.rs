use jiff::SignedDuration;

/// The times by which a rule lives, and whether it asks for other objects.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Terms {
    /// How long the rule must match before it fires.
    pub duration: SignedDuration,
    /// Before it fires, a break shorter than this does not count.
    pub gap_tolerance: SignedDuration,
    /// Once fired, it resolves when the match has been gone this long.
    pub resolve_after: SignedDuration,
    /// Whether the rule has references, which are read when the check is looked at and not before.
    pub references: bool,
}

impl Terms {
    /// A rule with references is not judged sooner than this after it was opened: what is made together
    /// arrives in any order.
    pub const REFERENCES_SETTLE: SignedDuration = SignedDuration::from_secs(10);
    /// The first second look at an open check: queues reorder, and a recovery may have overtaken the match.
    pub const LOOK_FIRST: SignedDuration = SignedDuration::from_secs(30);
    /// Later second looks.
    pub const LOOK_AGAIN: SignedDuration = SignedDuration::from_mins(10);
    /// When a step that was decided (to fire, to end) and not recorded as done is carried on.
    pub const CARRY_ON: SignedDuration = SignedDuration::from_secs(30);
}
