use jiff::SignedDuration;
use prodrome_model::Severity;
use serde::de::Visitor;
use serde::{Deserialize, Deserializer};
use std::fmt;

/// At what pace an open alert is spoken of after its first notice, which goes at once.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Pacing {
    /// Objects that join within this time of the first notice come in one update.
    pub gather: SignedDuration,
    /// Later ones are told of at most this often.
    pub update: BySeverity<SignedDuration>,
    /// An alert without news is told of again after this time.
    pub repeat: BySeverity<Repeat>,
}

impl Default for Pacing {
    fn default() -> Self {
        let (minutes, hours) = (SignedDuration::from_mins, SignedDuration::from_hours);
        Self {
            gather: SignedDuration::from_secs(30),
            update: BySeverity([minutes(5), minutes(30), hours(4), hours(24)]),
            repeat: BySeverity([
                Repeat::Every(minutes(30)),
                Repeat::Every(hours(2)),
                Repeat::Every(hours(24)),
                Repeat::Never,
            ]),
        }
    }
}

/// One value for each severity.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct BySeverity<T>([T; 4]);

impl<T: Copy> BySeverity<T> {
    /// From the values for P1, P2, P3 and P4.
    pub const fn new(values: [T; 4]) -> Self {
        Self(values)
    }

    /// The value for a severity.
    pub const fn get(&self, severity: Severity) -> T {
        self.0[Self::place(severity)]
    }

    pub(super) const fn set(&mut self, severity: Severity, value: T) {
        self.0[Self::place(severity)] = value;
    }

    const fn place(severity: Severity) -> usize {
        match severity {
            Severity::P1 => 0,
            Severity::P2 => 1,
            Severity::P3 => 2,
            Severity::P4 => 3,
        }
    }
}

/// Whether and when an alert without news is told of again.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Repeat {
    /// This long after the notice before.
    Every(SignedDuration),
    /// Not at all.
    Never,
}

impl Repeat {
    /// The interval, if it repeats.
    pub const fn interval(self) -> Option<SignedDuration> {
        match self {
            Self::Every(interval) => Some(interval),
            Self::Never => None,
        }
    }
}

impl<'de> Deserialize<'de> for Repeat {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        deserializer
            .deserialize_any(PeriodVisitor { never: true })
            .map(|p| p.map_or(Self::Never, Self::Every))
    }
}

/// A time span as the routing file writes it: seconds, or a text such as `90s`, `5m`, `1h 30m`. More than
/// nothing, and 366 days at most.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Period(pub SignedDuration);

impl<'de> Deserialize<'de> for Period {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        let period = deserializer.deserialize_any(PeriodVisitor { never: false })?;
        Ok(Self(period.expect("without `never` there is always a period")))
    }
}

const PERIOD_MAX: SignedDuration = SignedDuration::from_hours(366 * 24);

struct PeriodVisitor {
    never: bool,
}

impl Visitor<'_> for PeriodVisitor {
    type Value = Option<SignedDuration>;

    fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("seconds or a time span such as \"5m\" or \"1h 30m\"")?;
        if self.never { f.write_str(", or \"never\"") } else { Ok(()) }
    }

    fn visit_u64<E: serde::de::Error>(self, seconds: u64) -> Result<Self::Value, E> {
        checked(SignedDuration::from_secs(i64::try_from(seconds).unwrap_or(i64::MAX)), &seconds.to_string())
    }

    fn visit_i64<E: serde::de::Error>(self, seconds: i64) -> Result<Self::Value, E> {
        checked(SignedDuration::from_secs(seconds), &seconds.to_string())
    }

    fn visit_str<E: serde::de::Error>(self, text: &str) -> Result<Self::Value, E> {
        if self.never && text == "never" {
            return Ok(None);
        }
        match text.parse() {
            Ok(span) => checked(span, text),
            Err(_) => Err(E::invalid_value(serde::de::Unexpected::Str(text), &self)),
        }
    }
}

fn checked<E: serde::de::Error>(span: SignedDuration, text: &str) -> Result<Option<SignedDuration>, E> {
    if span <= SignedDuration::ZERO || span > PERIOD_MAX {
        return Err(E::custom(format_args!(
            "expected a time span of more than nothing and at most 366 days, found {text}"
        )));
    }
    Ok(Some(span))
}
