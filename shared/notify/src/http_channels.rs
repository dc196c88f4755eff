use crate::channels::Delivery;
use crate::http::{Request, Response};
use crate::text::one_line;
use crate::{
    ChannelConfig, Channels, Outcome, Reason, ResolveError, Routing, Secret, SecretError, SecretSource,
    Secrets, Sender, alertmanager, dingtalk, pagerduty, slack, terminal, webhook,
};
use jiff::Timestamp;
use prodrome_model::Notice;
use std::collections::BTreeMap;
use std::error::Error;
use std::io::Write;
use std::sync::{Arc, Mutex, PoisonError};

/// The channels of a routing file, for real.
///
/// A channel's secrets are fetched when it is first used, and again when its receiver refuses them, so that a
/// rotated token is picked up without a restart. A channel whose secrets cannot be had does not keep others from
/// being told.
pub struct HttpChannels<S> {
    routing: Arc<Routing>,
    secrets: S,
    sender: Sender,
    ready: Mutex<BTreeMap<String, Arc<Ready>>>,
    terminal: Mutex<Box<dyn Write + Send>>,
}

/// A channel with its secrets.
#[derive(PartialEq, Eq)]
struct Ready {
    channel: Resolved,
    secrets: Secrets,
}

#[derive(PartialEq, Eq)]
enum Resolved {
    Slack(slack::Resolved),
    Dingtalk(dingtalk::Resolved),
    Webhook(webhook::Resolved),
    Alertmanager(alertmanager::Resolved),
    Pagerduty(pagerduty::Resolved),
    Terminal(terminal::Config),
}

/// Why a channel is not ready.
#[derive(Debug, thiserror::Error)]
pub enum NotReady {
    /// A secret could not be had.
    #[error(transparent)]
    Secret(#[from] SecretError),
    /// What it holds is no use.
    #[error(transparent)]
    Resolve(#[from] ResolveError),
}

impl<S: SecretSource> HttpChannels<S> {
    /// The channels of a routing file. Terminal channels write to the standard output.
    pub fn new(routing: Arc<Routing>, secrets: S, sender: Sender) -> Self {
        Self {
            routing,
            secrets,
            sender,
            ready: Mutex::default(),
            terminal: Mutex::new(Box::new(std::io::stdout())),
        }
    }

    /// With another place for terminal channels to write to.
    #[must_use]
    pub fn with_terminal(self, terminal: impl Write + Send + 'static) -> Self {
        Self { terminal: Mutex::new(Box::new(terminal)), ..self }
    }

    /// Fetches the secrets of all channels now, and returns those channels that are not ready, with the reason:
    /// to be told at the start rather than with the first alert.
    pub async fn check(&self) -> Vec<(String, NotReady)> {
        let mut failed = Vec::new();
        for (name, channel) in self.routing.channels() {
            if let Err(error) = self.prepare(name.as_str(), &channel.config).await {
                failed.push((name.as_str().to_owned(), error));
            }
        }
        failed
    }

    /// Fetches a channel's secrets, whether they are known or not.
    async fn prepare(&self, name: &str, config: &ChannelConfig) -> Result<Arc<Ready>, NotReady> {
        let mut fetched = Vec::new();
        for reference in config.secrets() {
            fetched.push((reference.clone(), self.secrets.fetch(reference).await?));
        }
        let secrets: Secrets = fetched.into_iter().collect();
        let ready = Arc::new(Ready { channel: Resolved::new(config, &secrets)?, secrets });
        self.known().insert(name.to_owned(), Arc::clone(&ready));
        Ok(ready)
    }

    fn known(&self) -> std::sync::MutexGuard<'_, BTreeMap<String, Arc<Ready>>> {
        // Each change of the map is one insertion, so a panic elsewhere leaves it whole.
        self.ready.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// One attempt, and a second one without the receipt where what it points to is gone.
    async fn attempt(
        &self,
        ready: &Ready,
        notice: &Notice,
        receipt: Option<&str>,
        now: Timestamp,
    ) -> Delivery {
        let delivery = self.request(ready, notice, receipt, now).await;
        let gone = delivery.outcome == Outcome::Refused(Reason::ReceiptGone) && receipt.is_some();
        if gone { self.request(ready, notice, None, now).await } else { delivery }
    }

    async fn request(
        &self,
        ready: &Ready,
        notice: &Notice,
        receipt: Option<&str>,
        now: Timestamp,
    ) -> Delivery {
        // Once more, whatever the notice was made from.
        let notice = notice.clone().redacted();
        let (request, classify) = match ready.channel.render(&notice, receipt, now) {
            Rendered::Request(request, classify) => (request, classify),
            Rendered::Lines(lines) => return self.write(&lines),
        };
        let delivery = match self.sender.send(&request).await {
            Ok(response) => classify(&ready.without_secrets(response)),
            Err(error) => Delivery { detail: Some(chain(&error)), ..Delivery::new(error.outcome()) },
        };
        let receipt = match delivery.outcome {
            Outcome::Sent => request.receipt.or(delivery.receipt),
            Outcome::RetryAfter(..) | Outcome::Refused(_) => None,
        };
        Delivery { receipt: None, ..delivery }.with_receipt(receipt)
    }

    fn write(&self, lines: &str) -> Delivery {
        let mut terminal = self.terminal.lock().unwrap_or_else(PoisonError::into_inner);
        match terminal.write_all(lines.as_bytes()).and_then(|()| terminal.flush()) {
            Ok(()) => Delivery::new(Outcome::Sent),
            Err(error) => Delivery {
                detail: Some(error.to_string()),
                ..Delivery::new(Outcome::RetryAfter(None, Reason::Unreachable))
            },
        }
    }
}

impl<S: SecretSource> Channels for HttpChannels<S> {
    async fn send(&self, channel: &str, notice: &Notice, receipt: Option<&str>, now: Timestamp) -> Delivery {
        let Some(config) = self.routing.channels().get(channel).map(|channel| &channel.config) else {
            return Delivery::new(Outcome::Refused(Reason::UnknownChannel));
        };
        let known = self.known().get(channel).cloned();
        let ready = match known {
            Some(ready) => ready,
            None => match self.prepare(channel, config).await {
                Ok(ready) => ready,
                Err(error) => return not_ready(&error),
            },
        };
        let delivery = self.attempt(&ready, notice, receipt, now).await;
        if delivery.outcome != Outcome::Refused(Reason::Unauthorized) {
            return delivery;
        }
        // The secrets may have been rotated since they were fetched.
        match self.prepare(channel, config).await {
            Ok(fresh) if fresh != ready => self.attempt(&fresh, notice, receipt, now).await,
            Ok(_) => delivery,
            Err(error) => not_ready(&error),
        }
    }
}

enum Rendered {
    Request(Request, fn(&Response) -> Delivery),
    Lines(String),
}

impl Resolved {
    fn new(config: &ChannelConfig, secrets: &Secrets) -> Result<Self, ResolveError> {
        Ok(match config {
            ChannelConfig::Slack(config) => Self::Slack(config.resolve(secrets)?),
            ChannelConfig::Dingtalk(config) => Self::Dingtalk(config.resolve(secrets)?),
            ChannelConfig::Webhook(config) => Self::Webhook(config.resolve(secrets)?),
            ChannelConfig::Alertmanager(config) => Self::Alertmanager(config.resolve(secrets)?),
            ChannelConfig::Pagerduty(config) => Self::Pagerduty(config.resolve(secrets)?),
            ChannelConfig::Terminal(config) => Self::Terminal(*config),
        })
    }

    fn render(&self, notice: &Notice, receipt: Option<&str>, now: Timestamp) -> Rendered {
        match self {
            Self::Slack(to) => Rendered::Request(slack::render(notice, to, receipt, now), slack::classify),
            Self::Dingtalk(to) => {
                Rendered::Request(dingtalk::render(notice, to, receipt, now), dingtalk::classify)
            }
            Self::Webhook(to) => {
                Rendered::Request(webhook::render(notice, to, receipt, now), webhook::classify)
            }
            Self::Alertmanager(to) => {
                Rendered::Request(alertmanager::render(notice, to, receipt, now), alertmanager::classify)
            }
            Self::Pagerduty(to) => {
                Rendered::Request(pagerduty::render(notice, to, receipt, now), pagerduty::classify)
            }
            Self::Terminal(config) => Rendered::Lines(terminal::render(notice, config, now)),
        }
    }
}

impl Ready {
    /// A receiver may repeat what it was sent, and what it said is logged.
    fn without_secrets(&self, mut response: Response) -> Response {
        let secrets = self.secrets.values().into_iter().map(Secret::expose).filter(|value| value.len() >= 4);
        let text = String::from_utf8_lossy(&response.body);
        let clean = secrets.fold(text.to_string(), |text, secret| text.replace(secret, "<secret>"));
        response.body = clean.into_bytes();
        response
    }
}

/// Somebody can still put the secret in its place, so it is tried again.
fn not_ready(error: &NotReady) -> Delivery {
    let detail = Some(chain(error));
    Delivery { detail, ..Delivery::new(Outcome::RetryAfter(None, Reason::SecretUnavailable)) }
}

fn chain(error: &dyn Error) -> String {
    one_line(&prodrome_model::chain(error), 300)
}
