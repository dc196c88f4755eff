//! Slack: an incoming webhook, or `chat.postMessage` with a bot's token.

use crate::{Endpoint, Limit, SecretRef};
use jiff::SignedDuration;
use serde::Deserialize;

/// Slack takes one message a second and channel, and short bursts.
pub(crate) const LIMIT: Limit = Limit::new(60, SignedDuration::from_mins(1), 5);

/// A Slack channel. Either `webhook`, or `token` and `channel`.
#[derive(Debug, Clone, PartialEq, Eq, Deserialize)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
pub struct Config {
    /// The URL of an incoming webhook. It returns no receipt, so each notice is a message of its own.
    pub webhook: Option<SecretRef>,
    /// A bot token with the scope `chat:write`.
    pub token: Option<SecretRef>,
    /// The channel's id (`C…`), where a token is used. The bot has to be a member.
    pub channel: Option<String>,
    /// What news and the end of an alert do, where a token is used.
    #[serde(default)]
    pub updates: Updates,
    /// The API's base, for GovSlack or a proxy: `https://slack.com/api` where absent.
    pub api_url: Option<Endpoint>,
}

/// What news and the end of an alert do to its first message.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Deserialize)]
#[serde(rename_all = "camelCase")]
pub enum Updates {
    /// They are replies in its thread; the end is shown in the channel too.
    #[default]
    Thread,
    /// They replace it; nobody is notified.
    Edit,
}

impl Config {
    pub(crate) fn check(&self) -> Result<(), &'static str> {
        match (&self.webhook, &self.token, &self.channel) {
            (Some(_), None, None) if self.api_url.is_none() => Ok(()),
            (None, Some(_), Some(_)) => Ok(()),
            (None, Some(_), None) => Err("expected `channel` beside `token`"),
            (None, None, _) => Err("expected `webhook`, or `token` and `channel`"),
            (Some(_), _, _) => Err("expected `webhook` alone, or `token` and `channel`: not both"),
        }
    }

    pub(crate) fn secrets(&self) -> Vec<&SecretRef> {
        self.webhook.iter().chain(&self.token).collect()
    }
}
