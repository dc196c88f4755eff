use super::node::Node;
use super::read::{Mistake, join, read};
use crate::suggest::did_you_mean;
use crate::{Limit, SecretRef, alertmanager, dingtalk, pagerduty, slack, terminal, webhook};
use jiff::SignedDuration;

/// What a channel is and how to reach it. In the file it is told apart by `type`.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum ChannelConfig {
    /// `type: slack`.
    Slack(slack::Config),
    /// `type: dingtalk`.
    Dingtalk(dingtalk::Config),
    /// `type: webhook`.
    Webhook(webhook::Config),
    /// `type: alertmanager`.
    Alertmanager(alertmanager::Config),
    /// `type: pagerduty`.
    Pagerduty(pagerduty::Config),
    /// `type: terminal`.
    Terminal(terminal::Config),
}

impl ChannelConfig {
    /// The values of `type`.
    pub const TYPES: [&str; 6] = ["slack", "dingtalk", "webhook", "alertmanager", "pagerduty", "terminal"];

    /// What `type` says.
    pub const fn type_name(&self) -> &'static str {
        match self {
            Self::Slack(_) => "slack",
            Self::Dingtalk(_) => "dingtalk",
            Self::Webhook(_) => "webhook",
            Self::Alertmanager(_) => "alertmanager",
            Self::Pagerduty(_) => "pagerduty",
            Self::Terminal(_) => "terminal",
        }
    }

    /// What the vendor takes, with some room; the file's `limit` goes before it.
    pub const fn limit_default(&self) -> Limit {
        match self {
            Self::Slack(_) => slack::LIMIT,
            Self::Dingtalk(_) => dingtalk::LIMIT,
            Self::Webhook(_) => webhook::LIMIT,
            Self::Alertmanager(_) => alertmanager::LIMIT,
            Self::Pagerduty(_) => pagerduty::LIMIT,
            Self::Terminal(_) => terminal::LIMIT,
        }
    }

    /// See [`Routing::repeat_max`](crate::Routing::repeat_max).
    pub fn repeat_max(&self) -> Option<SignedDuration> {
        match self {
            Self::Alertmanager(config) => Some(config.repeat_max()),
            Self::Slack(_)
            | Self::Dingtalk(_)
            | Self::Webhook(_)
            | Self::Pagerduty(_)
            | Self::Terminal(_) => None,
        }
    }

    /// The secrets it needs.
    pub fn secrets(&self) -> Vec<&SecretRef> {
        match self {
            Self::Slack(config) => config.secrets(),
            Self::Dingtalk(config) => config.secrets(),
            Self::Webhook(config) => config.secrets(),
            Self::Alertmanager(config) => config.secrets(),
            Self::Pagerduty(config) => config.secrets(),
            Self::Terminal(_) => Vec::new(),
        }
    }

    /// Of a given type, from the rest of its entry. `at` is where `type` stands.
    pub(super) fn read(
        kind: (&Node, &str),
        rest: &Node,
        path: &str,
        mistakes: &mut Vec<Mistake>,
    ) -> Option<Self> {
        let config = match kind.1 {
            "slack" => read(rest, path, mistakes).map(Self::Slack),
            "dingtalk" => read(rest, path, mistakes).map(Self::Dingtalk),
            "webhook" => read(rest, path, mistakes).map(Self::Webhook),
            "alertmanager" => read(rest, path, mistakes).map(Self::Alertmanager),
            "pagerduty" => read(rest, path, mistakes).map(Self::Pagerduty),
            "terminal" => read(rest, path, mistakes).map(Self::Terminal),
            other => {
                let help = match did_you_mean(other, Self::TYPES) {
                    Some(near) => format!("did you mean `{near}`?"),
                    None => format!("known types: {}", Self::TYPES.join(", ")),
                };
                let message = format!("unknown type `{other}`");
                mistakes.push(Mistake { at: kind.0.at, path: join(path, "type"), message, help: Some(help) });
                None
            }
        }?;
        let wrong = match &config {
            Self::Slack(config) => config.check(),
            Self::Alertmanager(config) => config.check(),
            Self::Webhook(config) => config.check(),
            Self::Dingtalk(_) | Self::Pagerduty(_) | Self::Terminal(_) => Ok(()),
        };
        match wrong {
            Ok(()) => Some(config),
            Err(message) => {
                mistakes.push(Mistake {
                    at: rest.at,
                    path: path.to_owned(),
                    message: message.into(),
                    help: None,
                });
                None
            }
        }
    }
}
