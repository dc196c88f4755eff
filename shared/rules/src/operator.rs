use crate::glob::Glob;
use crate::quantity::{Factor, Quantity};
use crate::time::parse_timestamp;
use crate::value::{Path, Value};
use jiff::{SignedDuration, Timestamp};
use std::borrow::Cow;
use std::cmp::Ordering;

/// What is asked of a value.
#[derive(Debug, Clone, PartialEq)]
pub(crate) enum Operator {
    /// It is one of these texts.
    Equal(Vec<String>),
    /// It is there, and none of these texts.
    NotEqual(Vec<String>),
    /// It is absent or empty (true), or the contrary (false).
    Nil(bool),
    /// One of these globs matches.
    Like(Vec<Glob>),
    /// It is a text, and none of these globs matches.
    NotLike(Vec<Glob>),
    /// One of these regular expressions is found in it.
    Regex(Vec<Pattern>),
    /// It is a text, and none of these regular expressions is found in it.
    NotRegex(Vec<Pattern>),
    /// It is a quantity greater than this.
    GreaterThan(Bound),
    /// It is a quantity less than this.
    LessThan(Bound),
    /// It is a timestamp, and this long ago or longer.
    OlderThan(SignedDuration),
    /// It is a timestamp, and not this long ago yet.
    NewerThan(SignedDuration),
    /// It is a timestamp, and no further ahead than this, or past.
    ExpiresWithin(SignedDuration),
    /// How it compares to the value at another path of the object.
    /// With a factor quantities are compared, or not at all.
    Field(Relation, Path, Option<Factor>),
}

/// How one field is to compare to another.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Relation {
    Equal,
    NotEqual,
    Less,
    Greater,
}

/// A quantity and the text it was written with.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Bound {
    pub(crate) text: String,
    pub(crate) quantity: Quantity,
}

/// A regular expression; two are equal when they were written alike.
#[derive(Debug, Clone)]
pub(crate) struct Pattern(pub(crate) regex::Regex);

impl PartialEq for Pattern {
    fn eq(&self, other: &Self) -> bool {
        self.0.as_str() == other.0.as_str()
    }
}

impl Relation {
    /// Whether a text compares in this way to what stands in the other field.
    pub(crate) fn holds<'o, O: Iterator<Item = Cow<'o, str>>>(
        self,
        text: &str,
        others: &dyn Fn() -> O,
        factor: Option<Factor>,
    ) -> bool {
        let is = |order| others().any(|other| compare(text, &other, factor) == Some(order));
        match self {
            Self::Equal => others().any(|other| same(text, &other, factor) == Some(true)),
            Self::NotEqual => {
                others().next().is_some() && others().all(|other| same(text, &other, factor) == Some(false))
            }
            Self::Less => is(Ordering::Less),
            Self::Greater => is(Ordering::Greater),
        }
    }
}

impl Operator {
    /// Whether a value satisfies it. `others` gives the values at another path of the same object.
    pub(crate) fn holds(
        &self,
        value: Value<'_>,
        others: &dyn Fn(&Path) -> Vec<String>,
        now: Timestamp,
    ) -> bool {
        match self {
            Self::Nil(want) => value.is_nil() == *want,
            Self::NotEqual(texts) => match value {
                Value::Missing => false,
                Value::Map => true,
                Value::Text(text) => !texts.iter().any(|t| t == text),
            },
            _ => value.text().is_some_and(|text| self.holds_of_text(text, others, now)),
        }
    }

    fn holds_of_text(&self, text: &str, others: &dyn Fn(&Path) -> Vec<String>, now: Timestamp) -> bool {
        match self {
            Self::Equal(texts) => texts.iter().any(|t| t == text),
            Self::NotEqual(_) | Self::Nil(_) => false,
            Self::Like(globs) => globs.iter().any(|glob| glob.matches(text)),
            Self::NotLike(globs) => !globs.iter().any(|glob| glob.matches(text)),
            Self::Regex(patterns) => patterns.iter().any(|pattern| pattern.0.is_match(text)),
            Self::NotRegex(patterns) => !patterns.iter().any(|pattern| pattern.0.is_match(text)),
            Self::GreaterThan(bound) => Quantity::parse(text).is_some_and(|q| q > bound.quantity),
            Self::LessThan(bound) => Quantity::parse(text).is_some_and(|q| q < bound.quantity),
            Self::OlderThan(_) | Self::NewerThan(_) | Self::ExpiresWithin(_) => {
                parse_timestamp(text).is_some_and(|stamp| {
                    // Where the instant lies beyond all time: before it or after it for ever.
                    let past = match self.turning_point(stamp) {
                        Some(instant) => now >= instant,
                        None => matches!(self, Self::ExpiresWithin(_)),
                    };
                    past != matches!(self, Self::NewerThan(_))
                })
            }
            Self::Field(relation, path, factor) => {
                let others = others(path);
                relation.holds(text, &|| others.iter().map(Cow::from), *factor)
            }
        }
    }

    /// The one instant at which time turns the verdict on this value.
    pub(crate) fn turning_instant(&self, value: Value<'_>) -> Option<Timestamp> {
        if !self.is_timed() {
            return None;
        }
        self.turning_point(parse_timestamp(value.text()?)?)
    }

    fn turning_point(&self, stamp: Timestamp) -> Option<Timestamp> {
        match self {
            Self::OlderThan(duration) | Self::NewerThan(duration) => stamp.checked_add(*duration).ok(),
            Self::ExpiresWithin(duration) => stamp.checked_sub(*duration).ok(),
            _ => None,
        }
    }

    /// Whether time alone can turn its verdict.
    pub(crate) fn is_timed(&self) -> bool {
        matches!(self, Self::OlderThan(_) | Self::NewerThan(_) | Self::ExpiresWithin(_))
    }
}

/// Whether two texts are the same, or with a factor two quantities; `None` where they are none.
fn same(text: &str, other: &str, factor: Option<Factor>) -> Option<bool> {
    match factor {
        None => Some(text == other),
        Some(_) => compare(text, other, factor).map(Ordering::is_eq),
    }
}

/// Two quantities, or where no factor is asked for two timestamps; `None` for anything else.
fn compare(text: &str, other: &str, factor: Option<Factor>) -> Option<Ordering> {
    if let (Some(left), Some(right)) = (Quantity::parse(text), Quantity::parse(other)) {
        return Some(left.cmp_times(right, factor.unwrap_or(Factor::ONE)));
    }
    if factor.is_some() {
        return None;
    }
    Some(parse_timestamp(text)?.cmp(&parse_timestamp(other)?))
}
