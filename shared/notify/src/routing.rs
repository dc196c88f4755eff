//! The routing file: which channels there are, and who is told what.

mod config;
mod error;
mod facts;
mod matcher;
mod node;
mod pacing;
mod parse;
mod read;

pub use config::ChannelConfig;
pub use error::RoutingError;
pub use facts::Facts;
pub use matcher::{Matcher, OneOrMany};
pub use pacing::{BySeverity, Pacing, Period, Repeat};

use crate::Limit;
use serde::{Deserialize, Serialize};
use std::borrow::Borrow;
use std::collections::BTreeMap;
use std::fmt;

/// A channel's name, as the routing file gives it.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(transparent)]
pub struct ChannelName(String);

impl ChannelName {
    /// A name.
    pub fn new(name: impl Into<String>) -> Self {
        Self(name.into())
    }

    /// As it is written.
    pub fn as_str(&self) -> &str {
        &self.0
    }
}

impl fmt::Display for ChannelName {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.0)
    }
}

impl Borrow<str> for ChannelName {
    fn borrow(&self) -> &str {
        &self.0
    }
}

/// Who is told what: read with [`Routing::parse`], which also documents the file.
#[derive(Debug, Clone)]
pub struct Routing {
    channels: BTreeMap<ChannelName, Channel>,
    allow: Vec<Matcher>,
    deny: Vec<Matcher>,
    routes: Vec<Route>,
    default: Vec<ChannelName>,
    canary: Vec<ChannelName>,
    pacing: Pacing,
}

/// A channel of the routing file.
#[derive(Debug, Clone)]
pub struct Channel {
    /// What it is and how to reach it.
    pub config: ChannelConfig,
    /// How many messages it may get.
    pub limit: Limit,
}

#[derive(Debug, Clone)]
struct Route {
    matcher: Matcher,
    channels: Vec<ChannelName>,
    goes_on: bool,
}

/// Why nobody is told.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Silence {
    /// The entry of `deny` at this place (from 0) matches.
    Denied(usize),
    /// There is an `allow`, and none of its entries matches.
    NotAllowed,
}

impl Routing {
    /// The channels to tell: those of the first route that matches, and of further ones as long as the
    /// matching ones say `continue`; those of `default` where none matches. Each once, in the file's order.
    /// Empty where it is silenced.
    pub fn route(&self, facts: &Facts<'_>) -> Vec<ChannelName> {
        if self.silence(facts).is_some() {
            return Vec::new();
        }
        let mut names: Vec<&ChannelName> = Vec::new();
        let mut matched = false;
        for route in self.routes.iter().filter(|r| r.matcher.matches(facts)) {
            matched = true;
            names.extend(&route.channels);
            if !route.goes_on {
                break;
            }
        }
        if !matched {
            names.extend(&self.default);
        }
        let mut told = Vec::new();
        for name in names {
            if !told.contains(name) {
                told.push(name.clone());
            }
        }
        told
    }

    /// Whether `deny` or `allow` silences it. `deny` wins.
    pub fn silence(&self, facts: &Facts<'_>) -> Option<Silence> {
        if let Some(place) = self.deny.iter().position(|m| m.matches(facts)) {
            return Some(Silence::Denied(place));
        }
        let allowed = self.allow.is_empty() || self.allow.iter().any(|m| m.matches(facts));
        (!allowed).then_some(Silence::NotAllowed)
    }

    /// The channels that are told of the canary, and which nobody has to look at: no route leads it anywhere.
    pub fn canary(&self) -> &[ChannelName] {
        &self.canary
    }

    /// The channels, by name.
    pub fn channels(&self) -> &BTreeMap<ChannelName, Channel> {
        &self.channels
    }

    /// How many messages a channel may get. Ask before each attempt, with the channel's
    /// [`Bucket`](crate::Bucket).
    pub fn limit(&self, channel: &str) -> Option<Limit> {
        self.channels.get(channel).map(|c| c.limit)
    }

    /// The longest that an open alert may go without a notice on this channel before the receiver takes it for
    /// over. `None`: it stays open by itself.
    pub fn repeat_max(&self, channel: &str) -> Option<jiff::SignedDuration> {
        self.channels.get(channel).and_then(|c| c.config.repeat_max())
    }

    /// At what pace news of an open alert is told.
    pub fn pacing(&self) -> &Pacing {
        &self.pacing
    }
}

#[cfg(test)]
mod tests;
