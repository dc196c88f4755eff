//! Prometheus Alertmanager, by its API v2.

use crate::routing::Period;
use crate::{Endpoint, Limit, SecretRef};
use jiff::SignedDuration;
use serde::Deserialize;
use std::collections::BTreeMap;

/// It is made for floods; this only keeps a runaway in bounds.
pub(crate) const LIMIT: Limit = Limit::new(600, SignedDuration::from_mins(1), 100);

const EXPIRE_AFTER: SignedDuration = SignedDuration::from_hours(1);

/// An Alertmanager. Of several in a cluster each gets a channel of its own, as each wants every alert.
#[derive(Debug, Clone, PartialEq, Eq, Deserialize)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
pub struct Config {
    /// Where it is, without `/api/v2`.
    pub url: Endpoint,
    /// A bearer token, where something in front of it asks for one.
    pub token: Option<SecretRef>,
    /// The user of basic authentication.
    pub username: Option<String>,
    /// The password of basic authentication.
    pub password: Option<SecretRef>,
    /// Labels that every alert gets.
    #[serde(default)]
    pub labels: BTreeMap<String, String>,
    /// The address behind "Source" in its pages; `{fingerprint}` stands for the alert's.
    pub generator_url: Option<String>,
    /// For how long an alert that is not spoken of again stays open: 1 h where absent. Alertmanager forgets
    /// alerts when it restarts, so open ones are sent again three times in this time.
    pub expire_after: Option<Period>,
}

impl Config {
    /// The longest that an open alert may go unmentioned.
    pub fn repeat_max(&self) -> SignedDuration {
        self.expire_after.map_or(EXPIRE_AFTER, |p| p.0) / 3
    }

    pub(crate) fn check(&self) -> Result<(), &'static str> {
        match (&self.token, &self.username, &self.password) {
            (_, None, None) | (None, Some(_), Some(_)) => Ok(()),
            (None, _, _) => Err("expected `username` and `password` together"),
            (Some(_), _, _) => Err("expected `token`, or `username` and `password`: not both"),
        }
    }

    pub(crate) fn secrets(&self) -> Vec<&SecretRef> {
        self.token.iter().chain(&self.password).collect()
    }
}
