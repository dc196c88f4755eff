//! DingTalk: a custom robot's webhook, signed.

use crate::{Endpoint, Limit, SecretRef};
use jiff::SignedDuration;
use serde::Deserialize;

/// A robot that sends more than 20 messages in a minute is muted for ten.
pub(crate) const LIMIT: Limit = Limit::new(10, SignedDuration::from_mins(1), 10);

/// A DingTalk group's custom robot.
#[derive(Debug, Clone, PartialEq, Eq, Deserialize)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
pub struct Config {
    /// The `access_token` of the robot's webhook.
    pub access_token: SecretRef,
    /// The secret of its security setting "sign" (`SEC…`).
    pub secret: SecretRef,
    /// Where the webhook is: `https://oapi.dingtalk.com/robot/send` where absent.
    pub url: Option<Endpoint>,
}

impl Config {
    pub(crate) fn secrets(&self) -> Vec<&SecretRef> {
        vec![&self.access_token, &self.secret]
    }
}
