//! A terminal, or whatever reads lines.

use crate::Limit;
use jiff::SignedDuration;
use serde::Deserialize;

/// A terminal takes anything; a person does not.
pub(crate) const LIMIT: Limit = Limit::new(6_000, SignedDuration::from_mins(1), 1_000);

/// Plain lines.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Deserialize)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
pub struct Config {
    /// Whether to colour severities, by ANSI sequences.
    #[serde(default)]
    pub colour: bool,
}
