//! Every channel as a test configures it, with its secrets.

use jiff::Timestamp;
use prodrome_model::Notice;
use prodrome_notify::{
    ChannelConfig, Delivery, Request, Response, Routing, Secret, SecretRef, Secrets, alertmanager, dingtalk,
    pagerduty, slack, terminal, webhook,
};
use std::sync::LazyLock;

/// The routing file of these tests. `BASE` stands for where receivers listen.
const ROUTING: &str = "
channels:
  slack-webhook: { type: slack, webhook: { env: SLACK_WEBHOOK } }
  slack: { type: slack, token: { env: SLACK_TOKEN }, channel: C0ALERTS, apiUrl: 'BASE/api' }
  slack-edit: { type: slack, token: { env: SLACK_TOKEN }, channel: C0ALERTS, updates: edit, apiUrl: 'BASE/api' }
  dingtalk: { type: dingtalk, accessToken: { env: DING_TOKEN }, secret: { env: DING_SECRET }, url: 'BASE/robot/send' }
  webhook: { type: webhook, url: 'BASE/hook', secret: { env: HOOK_SECRET }, headers: { X-Team: { env: HOOK_TEAM } } }
  alertmanager: { type: alertmanager, url: BASE, token: { env: AM_TOKEN }, labels: { site: lab }, generatorUrl: 'https://prodrome.example/a/{fingerprint}' }
  pagerduty: { type: pagerduty, routingKey: { env: PD_KEY }, url: 'BASE/v2/enqueue' }
  terminal: { type: terminal }
  terminal-colour: { type: terminal, colour: true }
default: [slack]
";

/// Where the snapshots' receivers would be: nothing is sent there.
pub(crate) const NOWHERE: &str = "https://receiver.example";

/// The routing for [`NOWHERE`], read once.
static FOR_SNAPSHOTS: LazyLock<Routing> = LazyLock::new(|| routing(NOWHERE));

pub(crate) fn routing(base: &str) -> Routing {
    let text = ROUTING.replace("BASE", base);
    Routing::parse("routing.yaml", &text).unwrap_or_else(|errors| panic!("{errors:#?}"))
}

pub(crate) fn secret(base: &str, name: &str) -> Option<String> {
    Some(match name {
        "SLACK_WEBHOOK" => format!("{base}/services/T0/B0/webhook-secret"),
        "SLACK_TOKEN" => "xoxb-token-secret".to_owned(),
        "DING_TOKEN" => "ding-token-secret".to_owned(),
        "DING_SECRET" => "SECding-signing-secret".to_owned(),
        "HOOK_SECRET" => "whsec_aG9vay1zaWduaW5nLXNlY3JldA==".to_owned(),
        "HOOK_TEAM" => "web-secret".to_owned(),
        "AM_TOKEN" => "am-token-secret".to_owned(),
        "PD_KEY" => "0123456789abcdef0123456789abcdef".to_owned(),
        _ => return None,
    })
}

pub(crate) fn names() -> Vec<String> {
    FOR_SNAPSHOTS.channels().keys().map(|name| name.as_str().to_owned()).collect()
}

/// What a channel makes of a notice, for a receiver at [`NOWHERE`].
pub(crate) enum Rendered {
    Request(Request),
    Lines(String),
}

pub(crate) fn render(channel: &str, notice: &Notice, receipt: Option<&str>, now: Timestamp) -> Rendered {
    let config = &FOR_SNAPSHOTS.channels().get(channel).expect("a channel of these tests").config;
    let fetched = config.secrets().into_iter().map(|reference| {
        let SecretRef::Env(name) = reference else { panic!("{reference}") };
        (reference.clone(), Secret::new(secret(NOWHERE, name).unwrap()))
    });
    let secrets: Secrets = fetched.collect();
    Rendered::Request(match config {
        ChannelConfig::Slack(config) => {
            slack::render(notice, &config.resolve(&secrets).unwrap(), receipt, now)
        }
        ChannelConfig::Dingtalk(config) => {
            dingtalk::render(notice, &config.resolve(&secrets).unwrap(), receipt, now)
        }
        ChannelConfig::Webhook(config) => {
            webhook::render(notice, &config.resolve(&secrets).unwrap(), receipt, now)
        }
        ChannelConfig::Alertmanager(config) => {
            alertmanager::render(notice, &config.resolve(&secrets).unwrap(), receipt, now)
        }
        ChannelConfig::Pagerduty(config) => {
            pagerduty::render(notice, &config.resolve(&secrets).unwrap(), receipt, now)
        }
        ChannelConfig::Terminal(config) => return Rendered::Lines(terminal::render(notice, config, now)),
    })
}

pub(crate) fn classify(kind: &str, response: &Response) -> Delivery {
    match kind {
        "slack" => slack::classify(response),
        "dingtalk" => dingtalk::classify(response),
        "webhook" => webhook::classify(response),
        "alertmanager" => alertmanager::classify(response),
        "pagerduty" => pagerduty::classify(response),
        other => panic!("{other} has no answers"),
    }
}
