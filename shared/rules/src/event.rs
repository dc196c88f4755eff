//! Rules on events. An event is a moment; what it tells is taken to go on for a while after it was last seen.

use crate::condition::{Clause, Condition, Quantifier, Test};
use crate::operator::Operator;
use crate::rule::Rule;
use jiff::SignedDuration;

/// How long a match goes on after the event was last seen, where the rule does not say. Events of one source
/// about one object come in 5 minutes at the latest, however often they happen.
pub(crate) const WINDOW_DEFAULT: SignedDuration = SignedDuration::from_mins(10);

/// Where the two forms of events say when they happened last.
const TIMES: [&[&str]; 4] =
    [&["lastTimestamp"], &["series", "lastObservedTime"], &["eventTime"], &["metadata", "creationTimestamp"]];

impl Rule {
    /// Whether it is about what events tell: about their involved objects.
    pub fn is_about_events(&self) -> bool {
        self.implied > 0
    }

    /// Of a rule on events: how long a match goes on after the event was last seen.
    pub fn event_window(&self) -> SignedDuration {
        match &self.frequency {
            Some(frequency) => frequency.within,
            None if self.gap_tolerance.is_zero() && self.duration.is_zero() => WINDOW_DEFAULT,
            // One event alone does not last.
            None if self.gap_tolerance.is_zero() => WINDOW_DEFAULT.min(self.duration),
            None => self.gap_tolerance,
        }
    }

    /// Adds what every rule on events asks besides: that the event was seen within the window.
    pub(crate) fn imply_event_window(&mut self) {
        let window = self.event_window();
        let seen = |path: &[&str]| {
            vec![Clause::Condition(Condition {
                field: path.iter().map(|key| (*key).to_owned()).collect(),
                select: None,
                sub_field: Vec::new(),
                test: Test::Operator(Operator::NewerThan(window), None),
                quantifier: Quantifier::Any,
            })]
        };
        self.filter.push(Clause::AnyOf(TIMES.iter().map(|path| seen(path)).collect()));
        self.implied = 1;
    }

    /// What is implied.
    pub(crate) fn implied(&self) -> &[Clause] {
        &self.filter[self.filter.len() - self.implied..]
    }

    /// The filter as it was written, without what is implied.
    pub(crate) fn written_filter(&self) -> &[Clause] {
        &self.filter[..self.filter.len() - self.implied]
    }
}
