//! The contract over SQS, or an emulator of it.

use crate::contract::{Bench, RECEIVES_MAX, Received, VISIBILITY, contract};
use aws_sdk_sqs::Client;
use aws_sdk_sqs::config::{BehaviorVersion, Credentials, Region};
use aws_sdk_sqs::types::{Message, MessageSystemAttributeName, QueueAttributeName};
use prodrome_queue::{Body, DeadLetters, PACK_ATTRIBUTE, QueueName, SqsQueue};
use std::collections::BTreeMap;
use std::io::Write as _;
use std::time::{Duration, Instant};

struct OnSqs {
    client: Client,
    queue: SqsQueue,
    urls: BTreeMap<QueueName, String>,
    dead: BTreeMap<QueueName, String>,
    start: Instant,
}

impl OnSqs {
    /// Polls until something comes, for a while that outlasts the visibility time.
    async fn poll(&self, url: &str) -> Vec<Message> {
        for _ in 0..4 {
            let request = self.client.receive_message().queue_url(url).max_number_of_messages(10);
            let request = request.message_attribute_names("All").wait_time_seconds(1);
            let request = request.message_system_attribute_names(MessageSystemAttributeName::All);
            let messages = request.send().await.unwrap().messages.unwrap_or_default();
            if !messages.is_empty() {
                return messages;
            }
        }
        Vec::new()
    }
}

impl Bench for OnSqs {
    fn queue(&self) -> &impl DeadLetters {
        &self.queue
    }

    async fn receive(&self, from: QueueName) -> Vec<Received> {
        self.poll(&self.urls[&from]).await.into_iter().map(received).collect()
    }

    async fn ack(&self, from: QueueName, received: &Received) {
        let request = self.client.delete_message().queue_url(&self.urls[&from]);
        request.receipt_handle(&received.receipt).send().await.unwrap();
    }

    async fn dead(&self, queue: QueueName) -> Vec<Received> {
        self.poll(&self.dead[&queue]).await.into_iter().map(received).collect()
    }

    fn elapsed(&self) -> Duration {
        self.start.elapsed()
    }
}

fn received(message: Message) -> Received {
    let mut attributes = message.message_attributes.unwrap_or_default();
    let pack = attributes.remove(PACK_ATTRIBUTE).and_then(|pack| pack.binary_value);
    let body = Body::received(message.body.as_deref(), pack.as_ref().map(AsRef::as_ref)).unwrap();
    let mut attributes: Vec<_> =
        attributes.into_iter().map(|(name, value)| (name, value.string_value.unwrap())).collect();
    attributes.sort();
    let system = message.attributes.unwrap();
    let attempt = system[&MessageSystemAttributeName::ApproximateReceiveCount].parse().unwrap();
    Received { receipt: message.receipt_handle.unwrap(), body, attributes, attempt }
}

/// Runs a test on queues of its own, which are removed if the test passes.
async fn run(name: &str, test: impl AsyncFn(OnSqs)) {
    let Some(client) = client() else {
        // Not by a macro, and in one piece: the test harness would keep it to itself.
        let line = format!("skipped: sqs::{name}: PRODROME_TEST_ENDPOINT is not set\n");
        std::io::stderr().write_all(line.as_bytes()).unwrap();
        return;
    };
    let unique = fastrand::u64(..);
    let (mut urls, mut dead) = (BTreeMap::new(), BTreeMap::new());
    for name in QueueName::ALL {
        let queue = format!("prodrome-queue-{}-{unique:016x}", name.as_str());
        let letters = client.create_queue().queue_name(format!("{queue}-dead")).send().await.unwrap();
        let letters = letters.queue_url.unwrap();
        let arn = QueueAttributeName::QueueArn;
        let known = client.get_queue_attributes().queue_url(&letters).attribute_names(arn.clone());
        let known = known.send().await.unwrap().attributes.unwrap();
        let redrive = serde_json::json!({
            "deadLetterTargetArn": known[&arn],
            "maxReceiveCount": RECEIVES_MAX,
        });
        let made = client
            .create_queue()
            .queue_name(queue)
            .attributes(QueueAttributeName::VisibilityTimeout, VISIBILITY.as_secs().to_string())
            .attributes(QueueAttributeName::RedrivePolicy, redrive.to_string());
        urls.insert(name, made.send().await.unwrap().queue_url.unwrap());
        dead.insert(name, letters);
    }
    let queue = SqsQueue::new(client.clone(), urls.clone()).with_dead_letters(dead.clone());
    let made: Vec<_> = urls.values().chain(dead.values()).cloned().collect();
    test(OnSqs { client: client.clone(), queue, urls, dead, start: Instant::now() }).await;
    for url in made {
        client.delete_queue().queue_url(url).send().await.unwrap();
    }
}

contract!(run);

fn client() -> Option<Client> {
    #[expect(clippy::disallowed_methods, reason = "where the emulator listens is said by the environment")]
    let endpoint = std::env::var("PRODROME_TEST_ENDPOINT").ok().filter(|endpoint| !endpoint.is_empty())?;
    let config = aws_sdk_sqs::Config::builder()
        .behavior_version(BehaviorVersion::latest())
        .region(Region::new("us-east-1"))
        .credentials_provider(Credentials::new("test", "test", None, None, "test"))
        .endpoint_url(endpoint);
    Some(Client::from_conf(config.build()))
}
