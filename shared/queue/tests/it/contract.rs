//! What every queue does. Each test is given empty queues, with a visibility time of one second and dead
//! letters after two receives.

use prodrome_model::{Change, ChangeKind, Resource, Scope, Source};
use prodrome_queue::pack::{self, PackBuilder, PackHead};
use prodrome_queue::{Body, DeadLetters, Message, Queue, QueueName, SendError};
use std::collections::BTreeSet;
use std::time::Duration;

/// The visibility time of the queues under test.
pub(crate) const VISIBILITY: Duration = Duration::from_secs(1);
/// After so many receives a message is dead.
pub(crate) const RECEIVES_MAX: u32 = 2;

/// A queue under test, with the receiving side that the port leaves to the driver.
pub(crate) trait Bench {
    /// The sending side.
    fn queue(&self) -> &impl DeadLetters;
    /// Waits until something arrives and returns it; nothing, if nothing arrives for a while.
    async fn receive(&self, from: QueueName) -> Vec<Received>;
    /// Acknowledges a message.
    async fn ack(&self, from: QueueName, received: &Received);
    /// What is dead by now.
    async fn dead(&self, queue: QueueName) -> Vec<Received>;
    /// How long the test runs.
    fn elapsed(&self) -> Duration;
}

#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Received {
    pub(crate) receipt: String,
    pub(crate) body: Body,
    pub(crate) attributes: Vec<(String, String)>,
    pub(crate) attempt: u32,
}

/// Makes a test of each function of the contract. `$run` is called with its name and the function.
macro_rules! contract {
    ($run:ident) => {
        contract!(
            $run,
            texts_and_packs_arrive_as_they_were_sent,
            characters_that_a_queue_does_not_take_still_arrive,
            attributes_arrive_beside_the_body,
            each_queue_is_by_itself,
            more_than_a_batch_arrives_whole,
            more_than_a_mebibyte_goes_in_several_batches,
            the_largest_message_is_accepted,
            what_no_queue_takes_is_named_and_the_rest_arrives,
            a_delayed_message_never_comes_early,
            a_delay_is_cut_to_fifteen_minutes,
            what_is_not_acknowledged_comes_again,
            what_nobody_acknowledges_is_a_dead_letter,
            what_is_put_among_the_dead_letters_lies_there_alone,
            a_pack_of_changes_arrives_whole,
            nothing_is_sent_of_nothing,
        );
    };
    ($run:ident, $($name:ident,)*) => {
        $(
            #[tokio::test]
            async fn $name() {
                $run(stringify!($name), async |bench| $crate::contract::$name(&bench).await).await;
            }
        )*
    };
}
pub(crate) use contract;

async fn send(bench: &impl Bench, messages: Vec<Message>) -> Result<(), SendError> {
    bench.queue().send(QueueName::Changes, messages).await
}

/// Receives and acknowledges until so many came.
async fn take(bench: &impl Bench, from: QueueName, count: usize) -> Vec<Received> {
    let mut taken = Vec::new();
    while taken.len() < count {
        let received = bench.receive(from).await;
        assert!(!received.is_empty(), "{} of {count} came", taken.len());
        for received in received {
            bench.ack(from, &received).await;
            taken.push(received);
        }
    }
    assert_eq!(taken.len(), count);
    taken
}

fn bodies(received: Vec<Received>) -> BTreeSet<String> {
    received
        .into_iter()
        .map(|received| match received.body {
            Body::Text(text) => text,
            Body::Pack(pack) => format!("{} bytes, {:?}", pack.len(), pack.first()),
        })
        .collect()
}

pub(crate) async fn texts_and_packs_arrive_as_they_were_sent(bench: &impl Bench) {
    let every_byte: Vec<u8> = (0..=255).collect();
    for body in [
        Body::Text(r#"{"name":"ä 😀","tab":"\t"}"#.into()),
        Body::Text("a text\nof two lines\t".into()),
        Body::Text("x".into()),
        Body::Pack(every_byte),
        Body::Pack(vec![0]),
    ] {
        let message = Message { body: body.clone(), ..Message::text("") };
        send(bench, vec![message]).await.unwrap();
        let received = take(bench, QueueName::Changes, 1).await.remove(0);
        assert_eq!((received.body, received.attributes, received.attempt), (body, vec![], 1));
    }
}

pub(crate) async fn characters_that_a_queue_does_not_take_still_arrive(bench: &impl Bench) {
    let text = serde_json::json!({ "message": "\u{fffe}\u{ffff}\u{0}\u{1b}" }).to_string();
    send(bench, vec![Message::text(&text)]).await.unwrap();
    let received = take(bench, QueueName::Changes, 1).await.remove(0);
    let Body::Text(got) = received.body else { panic!("{received:?}") };
    let json = |text: &str| serde_json::from_str::<serde_json::Value>(text).unwrap();
    assert_eq!(json(&got), json(&text));
}

pub(crate) async fn attributes_arrive_beside_the_body(bench: &impl Bench) {
    let with = |message: Message| {
        let message = message.with_attribute("error", "line 3: wörse\n\u{1b}[31m\u{ffff}");
        message.with_attribute("code", "change_malformed").with_attribute("empty", "")
    };
    for message in [Message::text("{}"), Message::pack(vec![1, 2, 3])] {
        send(bench, vec![with(message.clone())]).await.unwrap();
        let received = take(bench, QueueName::Changes, 1).await.remove(0);
        let attributes: BTreeSet<_> = received.attributes.into_iter().collect();
        let want = [("error", "line 3: wörse\n\u{fffd}[31m\u{fffd}"), ("code", "change_malformed")];
        let want = want.map(|(name, value)| (name.to_owned(), value.to_owned()));
        assert_eq!((attributes, received.body), (want.into(), message.body));
    }
}

pub(crate) async fn each_queue_is_by_itself(bench: &impl Bench) {
    for name in QueueName::ALL {
        bench.queue().send(name, vec![Message::text(name.as_str())]).await.unwrap();
    }
    for name in QueueName::ALL.into_iter().rev() {
        assert_eq!(bodies(take(bench, name, 1).await), [name.as_str().to_owned()].into());
    }
}

pub(crate) async fn more_than_a_batch_arrives_whole(bench: &impl Bench) {
    let texts: BTreeSet<_> = (0..37).map(|i| format!("message {i}")).collect();
    send(bench, texts.iter().map(Message::text).collect()).await.unwrap();
    assert_eq!(bodies(take(bench, QueueName::Changes, 37).await), texts);
}

pub(crate) async fn more_than_a_mebibyte_goes_in_several_batches(bench: &impl Bench) {
    let packs = (0..7).map(|i| Message::pack(vec![i; 300_000]));
    send(bench, packs.collect()).await.unwrap();
    let want = (0..7).map(|i| format!("300000 bytes, {:?}", Some(i)));
    assert_eq!(bodies(take(bench, QueueName::Changes, 7).await), want.collect());
}

pub(crate) async fn the_largest_message_is_accepted(bench: &impl Bench) {
    send(bench, vec![Message::pack(vec![7; pack::COMPRESSED_MAX])]).await.unwrap();
    let want = format!("{} bytes, Some(7)", pack::COMPRESSED_MAX);
    assert_eq!(bodies(take(bench, QueueName::Changes, 1).await), [want].into());
    send(bench, vec![Message::text("x".repeat(1024 * 1024))]).await.unwrap();
    take(bench, QueueName::Changes, 1).await;
}

pub(crate) async fn what_no_queue_takes_is_named_and_the_rest_arrives(bench: &impl Bench) {
    let mebibyte = 1024 * 1024;
    let many = (0..9).fold(Message::text("{}"), |m, i| m.with_attribute(format!("a{i}"), "x"));
    let messages = vec![
        Message::text("first"),
        Message::text("x".repeat(mebibyte + 1)),
        Message::pack(vec![0; mebibyte]),
        Message::text(""),
        Message::text("a bell: \u{7}"),
        Message::text("middle"),
        Message::pack(Vec::new()),
        many,
        Message::text("{}").with_attribute("no name", "x"),
        Message::text("{}").with_attribute("pack", "x"),
        Message::text("{}").with_attribute("", "x"),
        Message::text("last"),
    ];
    let error = send(bench, messages).await.unwrap_err();
    let indices: Vec<_> = error.failed.iter().map(|failed| failed.index).collect();
    assert_eq!((indices, error.total), (vec![1, 2, 3, 4, 6, 7, 8, 9, 10], 12));
    assert!(error.failed.iter().all(|failed| !failed.retryable && !failed.reason.is_empty()), "{error:?}");
    assert!(error.to_string().contains("queue changes: 9 of 12 messages were not accepted"), "{error}");
    let want = ["first", "middle", "last"].map(str::to_owned);
    assert_eq!(bodies(take(bench, QueueName::Changes, 3).await), want.into());
}

pub(crate) async fn a_delayed_message_never_comes_early(bench: &impl Bench) {
    let start = bench.elapsed();
    let delay = Duration::from_millis(1200);
    send(bench, vec![Message::text("later").delayed(delay), Message::text("now")]).await.unwrap();
    assert_eq!(bodies(take(bench, QueueName::Changes, 1).await), ["now".to_owned()].into());
    assert_eq!(bodies(take(bench, QueueName::Changes, 1).await), ["later".to_owned()].into());
    let after = bench.elapsed().saturating_sub(start);
    // A whole second at most is added, and a little for the way.
    assert!((delay..Duration::from_secs(4)).contains(&after), "{after:?}");
}

pub(crate) async fn a_delay_is_cut_to_fifteen_minutes(bench: &impl Bench) {
    let hour = Duration::from_hours(1);
    assert_eq!(Message::text("{}").delayed(hour).delay, Message::DELAY_MAX);
    send(bench, vec![Message { delay: hour, ..Message::text("{}") }]).await.unwrap();
}

pub(crate) async fn what_is_not_acknowledged_comes_again(bench: &impl Bench) {
    send(bench, vec![Message::text("{}").with_attribute("a", "b")]).await.unwrap();
    let first = bench.receive(QueueName::Changes).await.remove(0);
    let start = bench.elapsed();
    let second = bench.receive(QueueName::Changes).await.remove(0);
    assert!(bench.elapsed().saturating_sub(start) >= VISIBILITY / 2, "it was hidden meanwhile");
    assert_eq!((first.attempt, second.attempt), (1, 2));
    assert_eq!((&first.body, &first.attributes), (&second.body, &second.attributes));
    bench.ack(QueueName::Changes, &second).await;
    assert!(bench.receive(QueueName::Changes).await.is_empty());
}

pub(crate) async fn what_nobody_acknowledges_is_a_dead_letter(bench: &impl Bench) {
    send(bench, vec![Message::text("poison").with_attribute("a", "b"), Message::text("good")]).await.unwrap();
    let mut seen = 0;
    loop {
        let received = bench.receive(QueueName::Changes).await;
        if received.is_empty() {
            break;
        }
        for received in received {
            if received.body == Body::Text("good".into()) {
                bench.ack(QueueName::Changes, &received).await;
            } else {
                seen += 1;
            }
        }
    }
    assert_eq!(seen, RECEIVES_MAX);
    let dead = bench.dead(QueueName::Changes).await;
    assert_eq!(dead.len(), 1);
    assert_eq!(dead[0].body, Body::Text("poison".into()));
    assert_eq!(dead[0].attributes, [("a".to_owned(), "b".to_owned())]);
}

pub(crate) async fn a_pack_of_changes_arrives_whole(bench: &impl Bench) {
    let resource = Resource {
        group: "apps".into(),
        version: "v1".into(),
        kind: "Deployment".into(),
        plural: "deployments".into(),
        namespaced: true,
    };
    let head = PackHead { scope: Scope::new("default", "local", "prod"), shard: Some(1), shards: 4 };
    let mut builder = PackBuilder::new(&head);
    for sequence in 0..100 {
        let object = format!(r#"{{"metadata":{{"name":"web-{sequence}"}}}}"#);
        builder.push(&Change {
            kind: ChangeKind::Applied,
            resource: resource.clone(),
            epoch: 1,
            sequence,
            observed_at: jiff::Timestamp::UNIX_EPOCH,
            source: Source::Recording,
            list: None,
            object: Some(prodrome_model::RawJson::new(object).unwrap()),
        });
    }
    send(bench, vec![Message::pack(builder.finish().unwrap().bytes)]).await.unwrap();
    let received = take(bench, QueueName::Changes, 1).await.remove(0);
    let Body::Pack(bytes) = received.body else { panic!("{received:?}") };
    let decoded = pack::decode(&bytes, pack::UNCOMPRESSED_MAX).unwrap();
    assert_eq!(decoded.head, head);
    let sequences = decoded.changes.into_iter().map(|change| change.unwrap().sequence);
    assert_eq!(sequences.collect::<Vec<_>>(), (0..100).collect::<Vec<_>>());
}

pub(crate) async fn what_is_put_among_the_dead_letters_lies_there_alone(bench: &impl Bench) {
    let letters = (0..12).map(|n| Message::text(format!("letter {n}")).with_attribute("error", "malformed"));
    bench.queue().send_to_dead_letters(QueueName::Changes, letters.collect()).await.unwrap();
    let mut dead = Vec::new();
    while dead.len() < 12 {
        let more = bench.dead(QueueName::Changes).await;
        assert!(!more.is_empty(), "{} of 12 came", dead.len());
        dead.extend(more);
    }
    assert!(dead.iter().all(|letter| letter.attributes == [("error".to_owned(), "malformed".to_owned())]));
    assert_eq!(bodies(dead), (0..12).map(|n| format!("letter {n}")).collect());
    assert!(bench.receive(QueueName::Changes).await.is_empty());
}

pub(crate) async fn nothing_is_sent_of_nothing(bench: &impl Bench) {
    send(bench, Vec::new()).await.unwrap();
    assert!(bench.receive(QueueName::Changes).await.is_empty());
}
