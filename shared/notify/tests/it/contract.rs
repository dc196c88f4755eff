//! What every implementation of the port keeps to: the one in memory and the one over HTTP.

use crate::{channels, sample};
use jiff::{SignedDuration, Timestamp};
use prodrome_notify::{
    Channels, HttpChannels, LocalSecrets, MemoryChannels, Outcome, Reason, Sender, Timeouts,
};
use std::sync::Arc;
use wiremock::matchers::method;
use wiremock::{Mock, MockServer, Respond, ResponseTemplate};

/// A world with a channel `slack` in it that can be made to fail.
trait World {
    type Channels: Channels;
    fn channels(&self) -> &Self::Channels;
    /// The next attempt on `slack` is answered with "too many", and nothing is delivered.
    async fn limit_once(&self);
    /// `slack` cannot be reached from now on.
    async fn cut_off(&mut self);
    /// How many notices `slack` has got.
    async fn delivered(&self) -> usize;
}

async fn keeps_the_contract(mut world: impl World) {
    let (first, later, now) = (sample::plain(), sample::update(), sample::now());

    let unknown = world.channels().send("nobody", &first, None, now).await;
    assert_eq!(unknown.outcome, Outcome::Refused(Reason::UnknownChannel));

    world.limit_once().await;
    let limited = world.channels().send("slack", &first, None, now).await;
    assert!(matches!(limited.outcome, Outcome::RetryAfter(_, Reason::RateLimited)), "{limited:?}");
    assert_eq!(limited.receipt, None, "what was not sent has no receipt");
    assert_eq!(world.delivered().await, 0);

    let sent = world.channels().send("slack", &first, None, now).await;
    assert_eq!(sent.outcome, Outcome::Sent, "{sent:?}");
    let receipt = sent.receipt.expect("the first message of an alert has a receipt");
    assert_eq!(world.delivered().await, 1);

    let joined = world.channels().send("slack", &later, Some(&receipt), now).await;
    assert_eq!(joined.outcome, Outcome::Sent);
    assert!(joined.receipt.is_none_or(|kept| kept == receipt), "what joins keeps the first one's receipt");
    assert_eq!(world.delivered().await, 2);

    world.cut_off().await;
    let lost = world.channels().send("slack", &later, Some(&receipt), now).await;
    assert_eq!(lost.outcome, Outcome::RetryAfter(None, Reason::Unreachable), "{lost:?}");
    assert_eq!(lost.receipt, None);
}

struct InMemory(MemoryChannels);

impl World for InMemory {
    type Channels = MemoryChannels;

    fn channels(&self) -> &MemoryChannels {
        &self.0
    }

    async fn limit_once(&self) {
        self.0
            .script("slack", [Outcome::RetryAfter(Some(SignedDuration::from_secs(1)), Reason::RateLimited)]);
    }

    async fn cut_off(&mut self) {
        self.0.down_until("slack", Timestamp::MAX);
    }

    async fn delivered(&self) -> usize {
        self.0.delivered().len()
    }
}

type Env = fn(&str) -> Option<String>;

struct OverHttp {
    server: MockServer,
    channels: HttpChannels<LocalSecrets<Env>>,
}

/// Slack as its documents have it: a time stamp for each message.
struct Slack;

impl Respond for Slack {
    fn respond(&self, request: &wiremock::Request) -> ResponseTemplate {
        let body: serde_json::Value = request.body_json().unwrap();
        let ts = if body["thread_ts"].is_string() { "1503435999.000300" } else { "1503435956.000247" };
        ResponseTemplate::new(200)
            .set_body_json(serde_json::json!({"ok": true, "channel": body["channel"], "ts": ts}))
    }
}

impl OverHttp {
    async fn new() -> Self {
        let server = MockServer::start().await;
        Mock::given(method("POST")).respond_with(Slack).mount(&server).await;
        let channels = http_channels(&server.uri());
        Self { server, channels }
    }
}

fn http_channels(base: &str) -> HttpChannels<LocalSecrets<Env>> {
    let env: Env = |name| channels::secret("http://127.0.0.1", name);
    let sender = Sender::new(Timeouts::default()).unwrap();
    HttpChannels::new(Arc::new(channels::routing(base)), LocalSecrets::new(env), sender)
}

impl World for OverHttp {
    type Channels = HttpChannels<LocalSecrets<Env>>;

    fn channels(&self) -> &Self::Channels {
        &self.channels
    }

    async fn limit_once(&self) {
        let limited = ResponseTemplate::new(429).insert_header("retry-after", "1");
        let mock = Mock::given(method("POST")).respond_with(limited).up_to_n_times(1).with_priority(1);
        mock.mount(&self.server).await;
    }

    async fn cut_off(&mut self) {
        // A port that was just free, and that nobody listens on.
        let listener = std::net::TcpListener::bind("127.0.0.1:0").unwrap();
        let address = listener.local_addr().unwrap();
        drop(listener);
        self.channels = http_channels(&format!("http://{address}"));
    }

    async fn delivered(&self) -> usize {
        // The limited one came first.
        self.server.received_requests().await.unwrap().len() - 1
    }
}

#[tokio::test]
async fn memory_keeps_the_contract() {
    keeps_the_contract(InMemory(MemoryChannels::with_names(["slack"]))).await;
}

#[tokio::test]
async fn http_keeps_the_contract() {
    keeps_the_contract(OverHttp::new().await).await;
}
