use jiff::SignedDuration;
use prodrome_model::Severity;

/// How often people are told, and how long things are held.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Policy {
    /// Objects that join within this time are told together, in one update.
    pub join_window: SignedDuration,
    /// At most so often are later joiners told, unless the number affected doubles. `None`: not before the end.
    pub pace: BySeverity,
    /// How often an open alert is told again with no news. `None`: never.
    pub repeat: BySeverity,
    /// So many openings and closings within `flap_window` make an alert a flapping one.
    pub flap_flips: u32,
    /// The window in which they are counted.
    pub flap_window: SignedDuration,
    /// A flapping alert is muted until nothing opened or closed for this long.
    pub flap_quiet: SignedDuration,
    /// A watcher that gave no sign of life for this long is taken to be behind.
    pub silence_max: SignedDuration,
    /// A watcher whose changes arrive later than this is behind.
    pub lag_max: SignedDuration,
    /// While it is behind, a resolution is looked at again so often.
    pub behind_recheck: SignedDuration,
    /// For so long after its end a finding's fingerprint is remembered, so that late repetitions are known.
    pub memory: SignedDuration,
    /// For so long the log of an episode is kept.
    pub log_kept: SignedDuration,
    /// A sender that took a notice and was not heard of for this long is taken to be dead. Must be longer than
    /// any invocation can run, or two may send the same.
    pub lease: SignedDuration,
}

impl Default for Policy {
    fn default() -> Self {
        let (mins, hours) = (SignedDuration::from_mins, SignedDuration::from_hours);
        Self {
            join_window: SignedDuration::from_secs(30),
            pace: BySeverity {
                p1: Some(mins(5)),
                p2: Some(mins(30)),
                p3: Some(hours(4)),
                p4: Some(hours(24)),
            },
            repeat: BySeverity { p1: Some(mins(30)), p2: Some(hours(2)), p3: Some(hours(24)), p4: None },
            flap_flips: 4,
            flap_window: mins(30),
            flap_quiet: mins(30),
            silence_max: mins(3),
            lag_max: mins(1),
            behind_recheck: mins(1),
            memory: hours(15 * 24),
            log_kept: hours(90 * 24),
            lease: SignedDuration::from_secs(60),
        }
    }
}

/// One duration for each severity; absent where there is none.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct BySeverity {
    /// For P1.
    pub p1: Option<SignedDuration>,
    /// For P2.
    pub p2: Option<SignedDuration>,
    /// For P3.
    pub p3: Option<SignedDuration>,
    /// For P4.
    pub p4: Option<SignedDuration>,
}

impl BySeverity {
    /// By asking for each severity.
    pub fn new(of: impl Fn(Severity) -> Option<SignedDuration>) -> Self {
        Self { p1: of(Severity::P1), p2: of(Severity::P2), p3: of(Severity::P3), p4: of(Severity::P4) }
    }

    /// The duration for a severity.
    pub const fn of(&self, severity: Severity) -> Option<SignedDuration> {
        match severity {
            Severity::P1 => self.p1,
            Severity::P2 => self.p2,
            Severity::P3 => self.p3,
            Severity::P4 => self.p4,
        }
    }
}
