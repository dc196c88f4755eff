//! A round with each vendor as its documents describe it: what it takes, and what it refuses with.

use crate::{channels, sample};
use hmac::{Hmac, KeyInit, Mac};
use prodrome_model::Notice;
use prodrome_notify::{
    Channels, Delivery, HttpChannels, Outcome, Reason, Secret, SecretError, SecretRef, SecretSource, Sender,
    Timeouts,
};
use serde_json::{Value, json};
use sha2::Sha256;
use std::collections::BTreeMap;
use std::io::Write;
use std::net::SocketAddr;
use std::sync::{Arc, Mutex};
use std::time::Duration;
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use wiremock::matchers::{any, body_partial_json, header, method, path, query_param};
use wiremock::{Mock, MockServer, ResponseTemplate};

/// Secrets that a test may change while the channels are in use.
#[derive(Clone, Default)]
struct Vault(Arc<Mutex<BTreeMap<String, String>>>);

const SECRETS: [&str; 8] = [
    "SLACK_WEBHOOK",
    "SLACK_TOKEN",
    "DING_TOKEN",
    "DING_SECRET",
    "HOOK_SECRET",
    "HOOK_TEAM",
    "AM_TOKEN",
    "PD_KEY",
];

impl Vault {
    fn filled(base: &str) -> Self {
        let vault = Self::default();
        for name in SECRETS {
            vault.put(name, &channels::secret(base, name).unwrap());
        }
        vault
    }

    fn put(&self, name: &str, value: &str) {
        self.0.lock().unwrap().insert(name.to_owned(), value.to_owned());
    }

    fn remove(&self, name: &str) {
        self.0.lock().unwrap().remove(name);
    }
}

impl SecretSource for Vault {
    async fn fetch(&self, reference: &SecretRef) -> Result<Secret, SecretError> {
        let SecretRef::Env(name) = reference else { panic!("{reference}") };
        let value = self.0.lock().unwrap().get(name).cloned();
        value.map(Secret::new).ok_or_else(|| SecretError::Missing { reference: reference.clone() })
    }
}

struct World {
    server: MockServer,
    vault: Vault,
    channels: HttpChannels<Vault>,
}

async fn world() -> World {
    let server = MockServer::start().await;
    let vault = Vault::filled(&server.uri());
    let routing = Arc::new(channels::routing(&server.uri()));
    let sender = Sender::new(Timeouts::default()).unwrap();
    World { channels: HttpChannels::new(routing, vault.clone(), sender), server, vault }
}

impl World {
    async fn answers(&self, response: ResponseTemplate) {
        Mock::given(any()).respond_with(response).mount(&self.server).await;
    }

    async fn send(&self, channel: &str) -> Delivery {
        self.tell(channel, &sample::plain(), None).await
    }

    async fn tell(&self, channel: &str, notice: &Notice, receipt: Option<&str>) -> Delivery {
        self.channels.send(channel, notice, receipt, sample::now()).await
    }

    async fn requests(&self) -> Vec<wiremock::Request> {
        self.server.received_requests().await.unwrap()
    }
}

fn slack_ok() -> ResponseTemplate {
    ResponseTemplate::new(200)
        .set_body_json(json!({"ok": true, "channel": "C0ALERTS", "ts": "1503435956.000247", "message": {}}))
}

#[tokio::test]
async fn slack_posts_threads_and_edits() {
    let world = world().await;
    let bearer = || header("authorization", "Bearer xoxb-token-secret");
    Mock::given(method("POST"))
        .and(path("/api/chat.postMessage"))
        .and(bearer())
        .and(header("content-type", "application/json; charset=utf-8"))
        .and(body_partial_json(json!({"channel": "C0ALERTS", "unfurl_links": false})))
        .respond_with(slack_ok())
        .expect(2)
        .mount(&world.server)
        .await;
    Mock::given(method("POST"))
        .and(path("/api/chat.update"))
        .and(bearer())
        .and(body_partial_json(json!({"channel": "C0ALERTS", "ts": "1503435956.000247"})))
        .respond_with(slack_ok())
        .expect(1)
        .mount(&world.server)
        .await;
    let first = world.send("slack").await;
    let receipt = first.receipt.as_deref();
    assert_eq!((first.outcome, receipt), (Outcome::Sent, Some("C0ALERTS:1503435956.000247")));
    assert_eq!(world.tell("slack", &sample::update(), receipt).await.outcome, Outcome::Sent);
    assert_eq!(world.tell("slack-edit", &sample::resolved(), receipt).await.outcome, Outcome::Sent);
    let bodies: Vec<Value> = world.requests().await.iter().map(|r| r.body_json().unwrap()).collect();
    assert_eq!(bodies[0]["thread_ts"], Value::Null);
    assert_eq!(bodies[1]["thread_ts"], "1503435956.000247");
}

#[tokio::test]
async fn a_slack_webhook_takes_a_message() {
    let world = world().await;
    Mock::given(method("POST"))
        .and(path("/services/T0/B0/webhook-secret"))
        .respond_with(ResponseTemplate::new(200).set_body_string("ok"))
        .expect(1)
        .mount(&world.server)
        .await;
    let sent = world.send("slack-webhook").await;
    assert_eq!((sent.outcome, sent.receipt), (Outcome::Sent, None));
}

#[tokio::test]
async fn a_thread_that_is_gone_is_begun_anew() {
    let world = world().await;
    Mock::given(body_partial_json(json!({"thread_ts": "1.2"})))
        .respond_with(
            ResponseTemplate::new(200).set_body_json(json!({"ok": false, "error": "thread_not_found"})),
        )
        .with_priority(1)
        .expect(1)
        .mount(&world.server)
        .await;
    world.answers(slack_ok()).await;
    let sent = world.tell("slack", &sample::update(), Some("C0ALERTS:1.2")).await;
    assert_eq!(sent.outcome, Outcome::Sent);
    assert_eq!(
        sent.receipt.as_deref(),
        Some("C0ALERTS:1503435956.000247"),
        "the new thread is the one to join"
    );
}

#[tokio::test]
async fn dingtalk_is_sent_a_signed_card() {
    let world = world().await;
    Mock::given(method("POST"))
        .and(path("/robot/send"))
        .and(query_param("access_token", "ding-token-secret"))
        .and(query_param("timestamp", "1772334602000"))
        .and(body_partial_json(json!({"msgtype": "markdown"})))
        .respond_with(ResponseTemplate::new(200).set_body_json(json!({"errcode": 0, "errmsg": "ok"})))
        .expect(1)
        .mount(&world.server)
        .await;
    assert_eq!(world.send("dingtalk").await.outcome, Outcome::Sent);
    let requests = world.requests().await;
    let signed = requests[0].url.query_pairs().find(|(name, _)| name == "sign").unwrap().1.into_owned();
    let secret = "SECding-signing-secret";
    let want = hmac(secret.as_bytes(), format!("1772334602000\n{secret}").as_bytes());
    assert_eq!(signed, want);
}

fn hmac(key: &[u8], message: &[u8]) -> String {
    use base64::Engine as _;
    let mut mac = Hmac::<Sha256>::new_from_slice(key).unwrap();
    mac.update(message);
    base64::engine::general_purpose::STANDARD.encode(mac.finalize().into_bytes())
}

#[tokio::test]
async fn a_webhook_gets_a_signed_cloud_event() {
    let world = world().await;
    world.answers(ResponseTemplate::new(204)).await;
    assert_eq!(world.send("webhook").await.outcome, Outcome::Sent);
    let requests = world.requests().await;
    let request = &requests[0];
    let head = |name: &str| request.headers[name].to_str().unwrap();
    assert_eq!(head("content-type"), "application/cloudevents+json; charset=utf-8");
    assert_eq!(head("x-team"), "web-secret");
    // What a receiver does, by the Standard Webhooks.
    let signed = format!("{}.{}.", head("webhook-id"), head("webhook-timestamp")).into_bytes();
    let want = hmac(b"hook-signing-secret", &[signed.as_slice(), &request.body].concat());
    assert_eq!(head("webhook-signature"), format!("v1,{want}"));
    // And what the CloudEvents ask for.
    let event: Value = request.body_json().unwrap();
    for attribute in ["specversion", "id", "source", "type"] {
        assert!(event[attribute].as_str().is_some_and(|text| !text.is_empty()), "{attribute}");
    }
    assert_eq!(event["id"], head("webhook-id"));
    assert_eq!(serde_json::from_value::<Notice>(event["data"].clone()).unwrap(), sample::plain());
}

#[tokio::test]
async fn an_attempt_that_is_repeated_has_the_same_id() {
    let world = world().await;
    world.answers(ResponseTemplate::new(500)).await;
    for _ in 0..2 {
        assert_eq!(world.send("webhook").await.outcome, Outcome::RetryAfter(None, Reason::ServerError));
    }
    let requests = world.requests().await;
    assert_eq!(requests[0].headers["webhook-id"], requests[1].headers["webhook-id"]);
}

#[tokio::test]
async fn pagerduty_triggers_and_resolves_one_incident() {
    let world = world().await;
    let accepted = || {
        ResponseTemplate::new(202).set_body_json(json!({"status": "success", "message": "Event processed"}))
    };
    let fingerprint = sample::plain().fingerprint;
    for (action, times) in [("trigger", 2), ("resolve", 1)] {
        Mock::given(method("POST"))
            .and(path("/v2/enqueue"))
            .and(body_partial_json(json!({
                "routing_key": "0123456789abcdef0123456789abcdef",
                "dedup_key": fingerprint.as_str(),
                "event_action": action,
            })))
            .respond_with(accepted())
            .expect(times)
            .mount(&world.server)
            .await;
    }
    for notice in [sample::plain(), sample::update(), sample::resolved()] {
        assert_eq!(world.tell("pagerduty", &notice, None).await.outcome, Outcome::Sent);
    }
}

#[tokio::test]
async fn a_revoked_token_is_fetched_anew_and_then_refused() {
    let world = world().await;
    let revoked = ResponseTemplate::new(200).set_body_json(json!({"ok": false, "error": "token_revoked"}));
    Mock::given(header("authorization", "Bearer xoxb-rotated"))
        .respond_with(slack_ok())
        .with_priority(1)
        .mount(&world.server)
        .await;
    world.answers(revoked).await;
    let refused = world.send("slack").await;
    assert_eq!(refused.outcome, Outcome::Refused(Reason::Unauthorized));
    assert_eq!(refused.detail.as_deref(), Some(r#"HTTP 200: {"error":"token_revoked","ok":false}"#));
    assert_eq!(world.requests().await.len(), 1, "the same token is not tried twice");

    world.vault.put("SLACK_TOKEN", "xoxb-rotated");
    assert_eq!(world.send("slack").await.outcome, Outcome::Sent);
    assert_eq!(world.requests().await.len(), 3, "refused with the old token, sent with the new one");
}

#[tokio::test]
async fn a_secret_that_is_missing_stops_its_own_channel_only() {
    let world = world().await;
    world.answers(ResponseTemplate::new(202)).await;
    world.vault.remove("PD_KEY");
    world.vault.put("SLACK_WEBHOOK", "http://hooks.example/in-clear");
    let failed: Vec<String> =
        world.channels.check().await.into_iter().map(|(name, error)| format!("{name}: {error}")).collect();
    assert_eq!(
        failed,
        [
            "pagerduty: secret `env: PD_KEY` does not exist",
            "slack-webhook: secret `env: SLACK_WEBHOOK` is not what it has to be",
        ]
    );
    let waiting = world.send("pagerduty").await;
    assert_eq!(waiting.outcome, Outcome::RetryAfter(None, Reason::SecretUnavailable));
    assert_eq!(waiting.detail.as_deref(), Some("secret `env: PD_KEY` does not exist"));
    assert_eq!(world.send("webhook").await.outcome, Outcome::Sent);
    world.vault.put("PD_KEY", "0123456789abcdef0123456789abcdef");
    assert_eq!(world.send("pagerduty").await.outcome, Outcome::Sent, "put in its place, it is found");
}

#[tokio::test]
async fn what_a_receiver_repeats_of_our_secrets_is_not_told_on() {
    let world = world().await;
    let echo = "bad key 0123456789abcdef0123456789abcdef, bad token xoxb-token-secret";
    world.answers(ResponseTemplate::new(403).set_body_string(echo)).await;
    let pagerduty = world.send("pagerduty").await.detail.unwrap();
    assert_eq!(pagerduty, "HTTP 403: bad key <secret>, bad token xoxb-token-secret");
    let slack = world.send("slack").await.detail.unwrap();
    assert_eq!(slack, "HTTP 403: bad key 0123456789abcdef0123456789abcdef, bad token <secret>");
}

#[tokio::test]
async fn a_redirect_is_not_followed() {
    let world = world().await;
    let elsewhere = MockServer::start().await;
    Mock::given(any()).respond_with(ResponseTemplate::new(200)).expect(0).mount(&elsewhere).await;
    world
        .answers(ResponseTemplate::new(307).insert_header("location", format!("{}/hook", elsewhere.uri())))
        .await;
    for channel in ["webhook", "alertmanager", "slack", "dingtalk", "pagerduty"] {
        assert_eq!(world.send(channel).await.outcome, Outcome::Refused(Reason::Redirected), "{channel}");
    }
}

#[tokio::test]
async fn an_endless_answer_is_read_to_a_bound() {
    let listener = tokio::net::TcpListener::bind("127.0.0.1:0").await.unwrap();
    let address = listener.local_addr().unwrap();
    tokio::spawn(async move {
        let (mut stream, _) = listener.accept().await.unwrap();
        // An answer before the request would be none.
        stream.read_u8().await.unwrap();
        let head = "HTTP/1.1 500 Busy\r\ncontent-length: 1000000000000\r\n\r\n";
        stream.write_all(head.as_bytes()).await.unwrap();
        // Until it is hung up on.
        while stream.write_all(&[b'x'; 8192]).await.is_ok() {}
    });
    let delivery = to(address, Duration::from_secs(5)).await;
    assert_eq!(
        delivery.outcome,
        Outcome::RetryAfter(None, Reason::ServerError),
        "not a timeout: {delivery:?}"
    );
    assert!(delivery.detail.unwrap().chars().count() < 400);
}

/// A notice to the webhook at this address.
async fn to(address: SocketAddr, total: Duration) -> Delivery {
    let routing = Arc::new(channels::routing(&format!("http://{address}")));
    let sender = Sender::new(Timeouts { total, ..Timeouts::default() }).unwrap();
    let channels = HttpChannels::new(routing, Vault::filled("http://127.0.0.1"), sender);
    channels.send("webhook", &sample::plain(), None, sample::now()).await
}

#[tokio::test]
async fn a_receiver_that_says_nothing_is_not_waited_for() {
    // It accepts by its backlog, and never answers.
    let silent = std::net::TcpListener::bind("127.0.0.1:0").unwrap();
    let delivery = to(silent.local_addr().unwrap(), Duration::from_millis(50)).await;
    assert_eq!(delivery.outcome, Outcome::RetryAfter(None, Reason::Timeout), "{delivery:?}");
    assert!(!delivery.detail.unwrap().contains("127.0.0.1"), "an address may be a secret");
}

#[tokio::test]
async fn limits_and_troubles_are_heard() {
    for (channel, answer, want) in [
        (
            "slack",
            ResponseTemplate::new(429).insert_header("retry-after", "30"),
            (Some(30), Reason::RateLimited),
        ),
        ("slack", ResponseTemplate::new(503), (None, Reason::ServerError)),
        (
            "dingtalk",
            ResponseTemplate::new(200).set_body_json(json!({"errcode": 130_101, "errmsg": "send too fast"})),
            (Some(600), Reason::RateLimited),
        ),
        ("pagerduty", ResponseTemplate::new(429), (Some(120), Reason::RateLimited)),
        ("pagerduty", ResponseTemplate::new(500), (None, Reason::ServerError)),
        ("alertmanager", ResponseTemplate::new(500), (None, Reason::ServerError)),
        (
            "webhook",
            ResponseTemplate::new(503).insert_header("retry-after", "5"),
            (Some(5), Reason::ServerError),
        ),
    ] {
        let world = world().await;
        world.answers(answer).await;
        let Outcome::RetryAfter(after, reason) = world.send(channel).await.outcome else {
            panic!("{channel}")
        };
        assert_eq!((after.map(|wait| wait.as_secs()), reason), want, "{channel}");
    }
}

#[tokio::test]
async fn a_terminal_is_written_to() {
    #[derive(Clone, Default)]
    struct Screen(Arc<Mutex<Vec<u8>>>);
    impl Write for Screen {
        fn write(&mut self, bytes: &[u8]) -> std::io::Result<usize> {
            self.0.lock().unwrap().extend_from_slice(bytes);
            Ok(bytes.len())
        }
        fn flush(&mut self) -> std::io::Result<()> {
            Ok(())
        }
    }
    let screen = Screen::default();
    let World { channels, .. } = world().await;
    let channels = channels.with_terminal(screen.clone());
    let sent = channels.send("terminal", &sample::resolved(), None, sample::now()).await;
    assert_eq!(sent.outcome, Outcome::Sent);
    let text = String::from_utf8(screen.0.lock().unwrap().clone()).unwrap();
    assert!(text.starts_with("03:10:02 P2 RESOLVED PodCrashLooping: Deployment shop/cart"), "{text}");
}

#[tokio::test]
async fn a_terminal_that_is_gone_is_tried_again() {
    struct Gone;
    impl Write for Gone {
        fn write(&mut self, _: &[u8]) -> std::io::Result<usize> {
            Err(std::io::ErrorKind::BrokenPipe.into())
        }
        fn flush(&mut self) -> std::io::Result<()> {
            Ok(())
        }
    }
    let World { channels, .. } = world().await;
    let told = channels.with_terminal(Gone).send("terminal", &sample::resolved(), None, sample::now()).await;
    assert_eq!(told.outcome, Outcome::RetryAfter(None, Reason::Unreachable));
    assert!(told.detail.is_some_and(|detail| detail.contains("broken pipe")));
}
