//! What a text must say for a cause, as data: templates, what must stand beside them, and where it counts.

use crate::{Cause, context::Domain};
use prodrome_model::Owner;

/// A text that fits one of the templates speaks for the cause.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Rule {
    pub(crate) cause: Cause,
    /// In percent.
    pub(crate) confidence: u8,
    pub(crate) templates: &'static [&'static str],
    /// In which domains it counts; everywhere where empty.
    pub(crate) domains: &'static [Domain],
    /// One of these stands there as well, where there are any.
    pub(crate) beside: &'static [&'static str],
    /// None of these stands there.
    pub(crate) unless: &'static [&'static str],
    /// Before every rule of a lower rank, whatever the confidence: an error that explains the others.
    pub(crate) rank: i8,
    pub(crate) owner: Option<Owner>,
}

impl Rule {
    pub(crate) const fn new(cause: Cause, confidence: u8, templates: &'static [&'static str]) -> Self {
        Self { cause, confidence, templates, domains: &[], beside: &[], unless: &[], rank: 0, owner: None }
    }

    pub(crate) const fn on(mut self, domains: &'static [Domain]) -> Self {
        self.domains = domains;
        self
    }

    pub(crate) const fn beside(mut self, words: &'static [&'static str]) -> Self {
        self.beside = words;
        self
    }

    pub(crate) const fn unless(mut self, words: &'static [&'static str]) -> Self {
        self.unless = words;
        self
    }

    pub(crate) const fn rank(mut self, rank: i8) -> Self {
        self.rank = rank;
        self
    }

    pub(crate) const fn owner(mut self, owner: Owner) -> Self {
        self.owner = Some(owner);
        self
    }
}

/// A machine's word that says the cause by itself.
pub(crate) type Reason = (&'static str, Cause, u8);
