use super::matcher::{Matcher, Shape};
use crate::namespaces::Namespaces;
use crate::operator::{Operator, Pattern};
use crate::quantity::Quantity;
use crate::time::parse_timestamp;
use crate::value::Path;
use jiff::{SignedDuration, Timestamp};
use std::fmt::Write as _;

/// One question to the values under a path, asked once however many rules ask it.
#[derive(Debug)]
pub(super) struct Ask {
    pub(super) home: Home,
    /// From the object's root.
    pub(super) path: Path,
    pub(super) question: Question,
    /// What a missing value stands for.
    pub(super) default: Option<String>,
    /// Whether values that do not satisfy it count too.
    pub(super) all: bool,
}

/// Whose values are asked.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub(super) enum Home {
    /// The object's.
    Object,
    /// Those of the elements of a scope that a sub-identifier selects.
    Group(usize),
    /// Those of each element of a scope by itself.
    Part(usize),
}

/// What is asked. All but times can be answered before any value is seen.
#[derive(Debug)]
pub(super) enum Question {
    Equal(Vec<String>),
    NotEqual(Vec<String>),
    Nil(bool),
    /// Missing, and nothing else.
    Absent,
    /// A text, whatever it is.
    Text,
    /// One of these matches; or it is a text and none does.
    Match {
        matchers: Vec<Matcher>,
        literals: Vec<String>,
        negated: bool,
    },
    Greater(Quantity),
    Less(Quantity),
    /// A timestamp from which on this long has passed, or not yet; a negative time lies ahead.
    Passed(SignedDuration),
    NotPassed(SignedDuration),
    /// A timestamp.
    Stamp,
    /// A namespace to look at. Asked of the value itself, not of an array's elements.
    Admit(Namespaces),
    /// A text of these in the element itself.
    Select(Vec<String>),
}

/// What a value says to a question.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Answer {
    Yes,
    No,
    /// It is not among those asked.
    Uncounted,
}

impl From<bool> for Answer {
    fn from(yes: bool) -> Self {
        if yes { Self::Yes } else { Self::No }
    }
}

impl Question {
    /// The question that an operator asks, but those that compare with other fields. One that turns with time
    /// is asked for now, or `hopefully`: whether it holds now or some time later.
    pub(super) fn of(operator: &Operator, hopefully: bool) -> Option<Self> {
        Some(match operator {
            Operator::Equal(texts) => Self::Equal(texts.clone()),
            Operator::NotEqual(texts) => Self::NotEqual(texts.clone()),
            Operator::Nil(want) => Self::Nil(*want),
            Operator::Like(globs) | Operator::NotLike(globs) => {
                let (mut matchers, mut literals) = (Vec::new(), Vec::new());
                for glob in globs {
                    match Shape::of(glob) {
                        Shape::Exact(text) => literals.push(text),
                        Shape::Other(matcher) => matchers.push(matcher),
                    }
                }
                Self::Match { matchers, literals, negated: matches!(operator, Operator::NotLike(_)) }
            }
            Operator::Regex(patterns) | Operator::NotRegex(patterns) => Self::Match {
                matchers: patterns.iter().map(|Pattern(regex)| Matcher::Regex(regex.clone())).collect(),
                literals: Vec::new(),
                negated: matches!(operator, Operator::NotRegex(_)),
            },
            Operator::GreaterThan(bound) => Self::Greater(bound.quantity),
            Operator::LessThan(bound) => Self::Less(bound.quantity),
            Operator::OlderThan(_) | Operator::ExpiresWithin(_) if hopefully => Self::Stamp,
            Operator::OlderThan(duration) => Self::Passed(*duration),
            Operator::ExpiresWithin(duration) => Self::Passed(-*duration),
            Operator::NewerThan(duration) => Self::NotPassed(*duration),
            Operator::Field(..) => return None,
        })
    }

    /// Whether the answer hangs on the time.
    pub(super) fn is_timed(&self) -> bool {
        matches!(self, Self::Passed(_) | Self::NotPassed(_))
    }

    /// What a text says, but to a question of time.
    pub(super) fn of_text(&self, text: &str) -> Answer {
        match self {
            Self::Equal(texts) => texts.iter().any(|t| t == text).into(),
            Self::NotEqual(texts) => (!texts.iter().any(|t| t == text)).into(),
            Self::Nil(want) => (text.is_empty() == *want).into(),
            Self::Absent | Self::Passed(_) | Self::NotPassed(_) => Answer::Uncounted,
            Self::Text => Answer::Yes,
            Self::Match { matchers, literals, negated } => {
                let matches = literals.iter().any(|t| t == text) || matchers.iter().any(|m| m.matches(text));
                (matches != *negated).into()
            }
            Self::Greater(bound) => Quantity::parse(text).is_some_and(|q| q > *bound).into(),
            Self::Less(bound) => Quantity::parse(text).is_some_and(|q| q < *bound).into(),
            Self::Stamp => parse_timestamp(text).is_some().into(),
            Self::Admit(namespaces) => namespaces.admit(Some(text).filter(|name| !name.is_empty())).into(),
            Self::Select(texts) => {
                if texts.iter().any(|t| t == text) {
                    Answer::Yes
                } else {
                    Answer::Uncounted
                }
            }
        }
    }

    /// What an object that is not empty says.
    pub(super) fn of_map(&self) -> Answer {
        match self {
            Self::NotEqual(_) => Answer::Yes,
            Self::Nil(want) => (!want).into(),
            Self::Admit(namespaces) => namespaces.admit(None).into(),
            Self::Absent | Self::Select(_) => Answer::Uncounted,
            _ => Answer::No,
        }
    }

    /// What a missing value says, where no default stands for it.
    pub(super) fn of_missing(&self) -> Answer {
        match self {
            Self::Nil(want) => (*want).into(),
            Self::Absent => Answer::Yes,
            Self::Admit(namespaces) => namespaces.admit(None).into(),
            _ => Answer::Uncounted,
        }
    }

    /// How often in a thousand values it is guessed to hold: the rarest of a rule's conditions wakes it.
    pub(super) fn frequency(&self) -> u32 {
        match self {
            Self::Equal(texts) | Self::Select(texts) => 40 * u32::try_from(texts.len()).unwrap_or(25).min(20),
            Self::NotEqual(_) | Self::Text | Self::Stamp => 900,
            Self::Nil(true) | Self::Absent => 450,
            Self::Nil(false) => 550,
            Self::Match { negated: false, .. } => 120,
            Self::Match { negated: true, .. } => 850,
            Self::Greater(_) | Self::Less(_) => 400,
            Self::Passed(_) => 600,
            Self::NotPassed(_) => 300,
            Self::Admit(namespaces) if namespaces.0.include.is_empty() => 900,
            Self::Admit(_) => 100,
        }
    }

    /// Tells it from any other question, with the place that it is asked at.
    pub(super) fn write_key(&self, out: &mut String) {
        let list = |out: &mut String, name: char, texts: &[String]| {
            out.push(name);
            for text in texts {
                write_text(out, text);
            }
        };
        match self {
            Self::Equal(texts) => list(out, '=', texts),
            Self::NotEqual(texts) => list(out, '!', texts),
            Self::Select(texts) => list(out, 's', texts),
            Self::Nil(true) => out.push('n'),
            Self::Nil(false) => out.push('N'),
            Self::Absent => out.push('a'),
            Self::Text => out.push('t'),
            Self::Stamp => out.push('S'),
            Self::Match { matchers, literals, negated } => {
                list(out, if *negated { 'M' } else { 'm' }, literals);
                for matcher in matchers {
                    let mut key = String::new();
                    matcher.write_key(&mut key);
                    write_text(out, &key);
                }
            }
            other => {
                // Writing to a String cannot fail.
                let _infallible = write!(out, "{other:?}");
            }
        }
    }
}

/// A text after its length, so that no two lists of texts look alike.
pub(super) fn write_text(out: &mut String, text: &str) {
    // Writing to a String cannot fail.
    let _infallible = write!(out, "{}:{text}", text.len());
}

/// What a missing value stands for, where the question is one of time: a timestamp that is known beforehand.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct Clock {
    /// When the answer turns; never, where that lies beyond all time.
    pub(super) turns_at: Option<Timestamp>,
    pub(super) before: bool,
    pub(super) after: bool,
    /// Whether a later yes is as good.
    pub(super) hopefully: bool,
}

impl Clock {
    /// Of an operator that turns with time, asked of a text that stands for a missing value.
    pub(super) fn of(operator: &Operator, text: &str, hopefully: bool) -> Self {
        let turns_at = operator.turning_instant(crate::value::Value::Text(text));
        let holds_at = |now| operator.holds(crate::value::Value::Text(text), &|_| Vec::new(), now);
        Self { turns_at, before: holds_at(Timestamp::MIN), after: holds_at(Timestamp::MAX), hopefully }
    }

    pub(super) fn holds(self, now: Timestamp) -> bool {
        let passed = self.turns_at.is_none_or(|at| now >= at);
        if passed { self.after } else { self.before || (self.hopefully && self.after) }
    }
}
