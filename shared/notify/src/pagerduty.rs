//! PagerDuty, by its Events API v2.

use crate::{Endpoint, Limit, SecretRef};
use jiff::SignedDuration;
use serde::Deserialize;

/// An integration takes 120 events a minute.
pub(crate) const LIMIT: Limit = Limit::new(60, SignedDuration::from_mins(1), 30);

/// A PagerDuty service's integration of the Events API v2.
#[derive(Debug, Clone, PartialEq, Eq, Deserialize)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
pub struct Config {
    /// The integration's key.
    pub routing_key: SecretRef,
    /// Where events go: `https://events.pagerduty.com/v2/enqueue` where absent; the EU has
    /// `https://events.eu.pagerduty.com/v2/enqueue`.
    pub url: Option<Endpoint>,
}

impl Config {
    pub(crate) fn secrets(&self) -> Vec<&SecretRef> {
        vec![&self.routing_key]
    }
}
