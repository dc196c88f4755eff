//! The sample events of `events/`: each is taken by its function and has the effect that it tells of.

use jiff::{SignedDuration, Timestamp};
use prodrome_alert::Alerts;
use prodrome_cluster::ObjectsCluster;
use prodrome_diagnose::{Diagnose, InProcess};
use prodrome_e2e::{shipped_flows, shipped_rules};
use prodrome_evaluate::Evaluate;
use prodrome_lambda::{Delivery, Handler, Tally, received};
use prodrome_lifecycle::{Check, Phase, keys};
use prodrome_model::{AlertMessage, FindingState, NoticeKind, PluginRequest, SHARDS_DEFAULT};
use prodrome_notify::{MemoryChannels, Routing};
use prodrome_plugin::{AnyCluster, View};
use prodrome_queue::{Body, MemoryQueue, QueueName};
use prodrome_recording::builtin_of_kind;
use prodrome_store::{Expect, Key, MemoryStore, Record, Store, Write};
use prodrome_sweep::Sweep;
use serde_json::Value;
use std::path::Path;
use std::sync::Arc;

fn sample_of(name: &str) -> Value {
    let path = Path::new(env!("CARGO_MANIFEST_DIR")).join("../../events").join(name);
    let text = std::fs::read_to_string(&path).unwrap_or_else(|error| panic!("{}: {error}", path.display()));
    serde_json::from_str(&text).unwrap()
}

/// The only message of a sample, as the function gets it.
fn delivery(name: &str) -> Delivery {
    let mut all = received(serde_json::from_value(sample_of(name)).unwrap()).unwrap();
    assert_eq!(all.len(), 1, "{name}");
    all.remove(0).delivery
}

fn text(delivery: &Delivery) -> &str {
    let Body::Text(text) = &delivery.body else { panic!("a text") };
    text
}

#[tokio::test]
async fn the_changes_open_a_check_and_the_due_check_fires() {
    let (changes, due) = (delivery("evaluate-changes.json"), delivery("evaluate-due.json"));
    let now = changes.sent_at.unwrap();
    let (store, queue, cluster) = (MemoryStore::new(), MemoryQueue::new(now), ObjectsCluster::new());
    let rules = Arc::new(shipped_rules().unwrap());
    let evaluate = Evaluate::new(store.clone(), queue.clone(), cluster.clone(), rules, SHARDS_DEFAULT);
    let evaluate = evaluate.diagnosing();
    let Body::Pack(bytes) = &changes.body else { panic!("the changes are a pack") };
    let pack = prodrome_queue::pack::decode(bytes, prodrome_queue::pack::UNCOMPRESSED_MAX).unwrap();
    assert_eq!(pack.lag_seconds, Some(0), "as a watcher sends it");
    for change in &pack.changes {
        let change = change.as_ref().unwrap();
        let object = change.object.as_ref().unwrap().get();
        let resource = builtin_of_kind(&change.resource.group_kind()).unwrap();
        cluster.apply(&resource, object.as_bytes()).unwrap();
    }

    let mut tally = Tally::default();
    evaluate.handle(&changes, now, &mut tally).await.unwrap();
    let message: Value = serde_json::from_str(text(&due)).unwrap();
    let field = |name: &str| message[name].as_str().unwrap();
    let key = Key::new(field("partition"), field("sort"));
    let record = store.get(&key).await.unwrap().expect("the check that the other sample is about");
    let check: Check = serde_json::from_str(&record.data).unwrap();
    assert!(matches!(check.phase, Phase::Pending { .. }), "{check:#?}");

    let when: Timestamp = field("at").parse().unwrap();
    evaluate.handle(&due, when, &mut tally).await.unwrap();
    let sent = queue.receive(QueueName::Diagnoses, when, 10);
    assert_eq!(sent.len(), 1, "one finding");
    let Body::Text(sent) = &sent[0].body else { panic!("a finding is a text") };
    let AlertMessage::Finding(sent) = serde_json::from_str(sent).unwrap() else { panic!("a finding") };
    assert_eq!((&*sent.rule, sent.state), (check.rule.as_str(), FindingState::Firing));
}

/// The pod of the story, as the watcher saw it.
fn cluster_of_the_story() -> ObjectsCluster {
    let cluster = ObjectsCluster::new();
    let Body::Pack(bytes) = delivery("evaluate-changes.json").body else { panic!("the changes are a pack") };
    let pack = prodrome_queue::pack::decode(&bytes, prodrome_queue::pack::UNCOMPRESSED_MAX).unwrap();
    for change in pack.changes {
        let change = change.unwrap();
        let resource = builtin_of_kind(&change.resource.group_kind()).unwrap();
        cluster.apply(&resource, change.object.as_ref().unwrap().get().as_bytes()).unwrap();
    }
    cluster
}

#[tokio::test]
async fn the_finding_is_diagnosed_by_a_plugin_and_goes_on_with_its_cause() {
    let finding = delivery("diagnose-finding.json");
    let now = finding.sent_at.unwrap();
    let queue = MemoryQueue::new(now);
    let cluster = AnyCluster::new(cluster_of_the_story());
    let registry = Arc::new(prodrome_local::plugins());
    let plugins = InProcess::new(registry.clone(), cluster.clone());
    let flows = Arc::new(shipped_flows().unwrap());
    let diagnose = Diagnose::new(MemoryStore::new(), queue.clone(), plugins, flows);
    diagnose.handle(&finding, now, &mut Tally::default()).await.unwrap();
    let sent = queue.receive(QueueName::Findings, now, 10);
    let Body::Text(sent) = &sent[0].body else { panic!("a finding is a text") };
    let AlertMessage::Finding(told) = serde_json::from_str(sent).unwrap() else { panic!("a finding") };
    let AlertMessage::Finding(sample) = serde_json::from_str(text(&delivery("alert-finding.json"))).unwrap()
    else {
        panic!("a finding")
    };
    assert!(told.cause.is_some());
    assert_eq!(
        (told.cause, told.owner),
        (sample.cause, sample.owner),
        "the other sample is what comes of it"
    );

    let request: PluginRequest = serde_json::from_value(sample_of("plugin-image-pull.json")).unwrap();
    let plugin = registry.get("image-pull").unwrap();
    let answer = prodrome_plugin::call(plugin, request, &View::new(cluster)).await;
    assert_eq!(answer.cause.as_deref(), Some("image-not-found"), "{answer:#?}");
}

#[tokio::test]
async fn the_tick_hands_over_what_is_due() {
    let tick = sample_of("sweep-tick.json");
    assert_eq!(tick["source"], "aws.scheduler");
    let now: Timestamp = tick["time"].as_str().unwrap().parse().unwrap();
    let (checks, queue) = (MemoryStore::new(), MemoryQueue::new(now));
    let key = Key::new("check#default/eu-central-1/prod#/Pod/shop/web", "PodImagePullFailing");
    let due = Some(keys::due(&key, now + SignedDuration::from_secs(40)));
    let record = Record { due, ..Record::new(key, "{}") };
    checks.commit(vec![Write::Put(record, Expect::Absent)]).await.unwrap();
    let sweep = Sweep::new(checks, MemoryStore::new(), queue.clone());
    sweep.tick(now, &mut Tally::default()).await.unwrap();
    assert_eq!(queue.waiting(QueueName::Checks), 1);
}

#[tokio::test]
async fn the_finding_is_told_and_so_is_its_end() {
    let (finding, end) = (delivery("alert-finding.json"), delivery("alert-resolution.json"));
    let now = finding.sent_at.unwrap();
    let (store, queue) = (MemoryStore::new(), MemoryQueue::new(now));
    let phones = Arc::new(MemoryChannels::new());
    let routing = "channels: { chat: { type: terminal } }\nroutes: [ { channels: [chat] } ]\n";
    let routing = Arc::new(Routing::parse("routing.yaml", routing).unwrap());
    let alerts =
        Alerts::new(store.clone(), queue, prodrome_local::mortal::Mortal::new(phones.clone()), routing);
    let mut tally = Tally::default();
    Handler::handle(&alerts, &finding, now, &mut tally).await.unwrap();
    let ended = end.sent_at.unwrap();
    Handler::handle(&alerts, &end, ended, &mut tally).await.unwrap();
    // A deleted pod may have a successor, so its end is held back for a while.
    let head = store.records().into_iter().find(|record| record.key.sort == "head").unwrap();
    let due = head.due.unwrap().at;
    let message = AlertMessage::Due(prodrome_model::DueMessage {
        partition: head.key.partition,
        sort: head.key.sort,
        at: due,
    });
    let body = Body::Text(serde_json::to_string(&message).unwrap());
    let due_delivery = Delivery { id: "due".into(), body, attempt: 1, sent_at: None };
    Handler::handle(&alerts, &due_delivery, due, &mut tally).await.unwrap();
    let told: Vec<_> = phones.delivered().into_iter().map(|(_, notice)| (notice.kind, notice.rule)).collect();
    let rule = "PodImagePullFailing".to_owned();
    assert_eq!(told, [(NoticeKind::Alert, rule.clone()), (NoticeKind::Resolved, rule)]);
}
