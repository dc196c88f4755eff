use anyhow::Context as _;
use jiff::{SignedDuration, Timestamp};
use prodrome_cluster::ObjectsCluster;
use prodrome_diagnose::{CallError, Diagnose, InProcess, Plugins};
use prodrome_evaluate::Evaluate;
use prodrome_flows::FlowSet;
use prodrome_lambda::{Delivery, Handler, Tally};
use prodrome_model::{ChangeKind, GroupKind, PluginRequest, PluginResponse, SHARDS_DEFAULT, Scope, Source};
use prodrome_plugin::AnyCluster;
use prodrome_queue::pack::{ChangeHead, PackBuilder, PackHead};
use prodrome_queue::{Body, MemoryQueue, QueueName};
use prodrome_recording::builtin_of_kind;
use prodrome_rules::{RuleSet, SourceFile};
use prodrome_store::MemoryStore;
use serde_json::{Value, json};
use std::collections::BTreeMap;
use std::path::Path;
use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;

/// What the story is about.
const RULE: &str = "PodImagePullFailing";

/// A small story, as the functions hear of it: an event for each function, in the form in which Lambda gives it.
///
/// A pod cannot pull its image; the check that is opened falls due; what it finds is diagnosed and told, and so is its
/// end. What comes after the first event is what the functions themselves make of it.
pub async fn samples() -> anyhow::Result<BTreeMap<&'static str, Value>> {
    let mut story = Story::begin()?;
    let mut samples = BTreeMap::new();

    let pack = story.pack(ChangeKind::Applied, &waiting())?;
    samples.insert("evaluate-changes.json", sqs_event("changes", &Body::Pack(pack.clone()), story.now));
    story.handle(Body::Pack(pack)).await?;
    let due = story.take(QueueName::Checks)?;
    samples.insert("evaluate-due.json", sqs_event("checks", &due, story.now));

    samples.insert("sweep-tick.json", tick(story.now));

    story.pass(SignedDuration::from_secs(1));
    story.handle(due).await?;
    let found = story.take(QueueName::Diagnoses)?;
    samples.insert("diagnose-finding.json", sqs_event("diagnoses", &found, story.now));
    let asked = story.diagnose(found).await?;
    samples.insert("plugin-image-pull.json", serde_json::to_value(asked)?);
    let finding = story.take(QueueName::Findings)?;
    samples.insert("alert-finding.json", sqs_event("findings", &finding, story.now));

    story.pass(SignedDuration::from_mins(9));
    let mut last = waiting();
    last["metadata"]["resourceVersion"] = json!("48977");
    let gone = story.pack(ChangeKind::Deleted, &last)?;
    story.handle(Body::Pack(gone)).await?;
    let end = story.take(QueueName::Diagnoses)?;
    anyhow::ensure!(story.diagnose(end).await.is_err(), "no plugin is asked about an end");
    let end = story.take(QueueName::Findings)?;
    samples.insert("alert-resolution.json", sqs_event("findings", &end, story.now));
    Ok(samples)
}

/// The shipped rules.
pub fn shipped_rules() -> anyhow::Result<RuleSet> {
    Ok(prodrome_rules::load(&sources(Path::new("rules"))?).rules)
}

/// The shipped root-cause flows.
pub fn shipped_flows() -> anyhow::Result<FlowSet> {
    Ok(prodrome_flows::load(&sources(Path::new("rules/flows"))?, &prodrome_local::catalogue()).flows)
}

fn sources(folder: &Path) -> anyhow::Result<Vec<SourceFile>> {
    let mut files = Vec::new();
    let mut paths: Vec<_> = std::fs::read_dir(crate::setup::root().join(folder))?
        .map(|entry| entry.map(|e| e.path()))
        .collect::<Result<_, _>>()?;
    paths.sort();
    for path in paths {
        let name = path.file_name().unwrap_or_default().to_string_lossy().into_owned();
        if path.is_file() && SourceFile::is_rule_file(&name) {
            files.push(SourceFile { name, text: std::fs::read_to_string(&path)? });
        }
    }
    Ok(files)
}

/// The plugins, and what the first of them is asked.
#[derive(Clone)]
struct Overheard {
    plugins: InProcess,
    asked: Arc<Mutex<Option<PluginRequest>>>,
}

impl Plugins for Overheard {
    async fn call(
        &self,
        plugin: &str,
        request: PluginRequest,
        timeout: Duration,
    ) -> Result<PluginResponse, CallError> {
        self.asked.lock().unwrap_or_else(PoisonError::into_inner).get_or_insert_with(|| request.clone());
        self.plugins.call(plugin, request, timeout).await
    }
}

/// The evaluation and the diagnosis of the story, in memory.
struct Story {
    evaluate: Evaluate<MemoryStore, MemoryQueue, ObjectsCluster>,
    diagnose: Diagnose<MemoryStore, MemoryQueue, Overheard>,
    plugins: Overheard,
    queue: MemoryQueue,
    cluster: ObjectsCluster,
    now: Timestamp,
    sequence: u64,
}

impl Story {
    fn begin() -> anyhow::Result<Self> {
        let now: Timestamp = "2026-03-02T09:06:50Z".parse()?;
        let (queue, cluster) = (MemoryQueue::new(now), ObjectsCluster::new());
        let rules = Arc::new(shipped_rules()?);
        let evaluate =
            Evaluate::new(MemoryStore::new(), queue.clone(), cluster.clone(), rules, SHARDS_DEFAULT);
        let evaluate = evaluate.diagnosing();
        let registry = Arc::new(prodrome_local::plugins());
        let plugins = InProcess::new(registry, AnyCluster::new(cluster.clone()));
        let plugins = Overheard { plugins, asked: Arc::default() };
        let flows = Arc::new(shipped_flows()?);
        let diagnose = Diagnose::new(MemoryStore::new(), queue.clone(), plugins.clone(), flows);
        Ok(Self { evaluate, diagnose, plugins, queue, cluster, now, sequence: 0 })
    }

    fn pass(&mut self, time: SignedDuration) {
        self.now = self.now.saturating_add(time).unwrap_or(self.now);
        self.queue.set_now(self.now);
    }

    /// It happens, and the watcher makes a pack of it.
    fn pack(&mut self, kind: ChangeKind, object: &Value) -> anyhow::Result<Vec<u8>> {
        let resource = builtin_of_kind(&GroupKind::new("", "Pod")).unwrap_or_else(|| unreachable!("a pod"));
        let bytes = object.to_string().into_bytes();
        match kind {
            ChangeKind::Deleted => self.cluster.delete(&resource, &bytes)?,
            _ => self.cluster.apply(&resource, &bytes)?,
        };
        self.sequence += 1;
        let scope = Scope::new("default", "eu-central-1", "prod");
        let head = PackHead { scope, shard: None, shards: SHARDS_DEFAULT };
        let mut builder = PackBuilder::of_watcher(&head, 0);
        let change = ChangeHead {
            kind,
            resource: &resource,
            epoch: 1_772_440_000,
            sequence: self.sequence,
            observed_at: self.now,
            source: &Source::Watch,
            list: None,
        };
        builder.push_raw(&change, Some(&bytes));
        Ok(builder.finish()?.bytes)
    }

    async fn handle(&self, body: Body) -> anyhow::Result<()> {
        let delivery = Delivery { id: "sample".into(), body, attempt: 1, sent_at: Some(self.now) };
        Ok(self.evaluate.handle(&delivery, self.now, &mut Tally::default()).await?)
    }

    /// Diagnoses; gives what the first plugin was asked.
    async fn diagnose(&self, body: Body) -> anyhow::Result<PluginRequest> {
        let delivery = Delivery { id: "sample".into(), body, attempt: 1, sent_at: Some(self.now) };
        self.diagnose.handle(&delivery, self.now, &mut Tally::default()).await?;
        let asked = self.plugins.asked.lock().unwrap_or_else(PoisonError::into_inner).take();
        let mut asked = asked.context("no plugin was asked")?;
        // Of a diagnosis that takes no time.
        for instant in [&mut asked.now, &mut asked.deadline] {
            *instant = Timestamp::from_second(instant.as_second())?;
        }
        Ok(asked)
    }

    /// The next message of a queue about the rule of the story, as soon as it comes.
    fn take(&mut self, queue: QueueName) -> anyhow::Result<Body> {
        while let Some(ready) = self.queue.next_ready_in(queue) {
            self.now = self.now.max(ready);
            for delivery in self.queue.receive(queue, self.now, 1) {
                self.queue.ack(delivery.id);
                if matches!(&delivery.body, Body::Text(text) if text.contains(RULE)) {
                    return Ok(delivery.body);
                }
            }
        }
        anyhow::bail!("the queue {} stayed empty", queue.as_str())
    }
}

/// A pod that has waited for its image for nearly five minutes.
fn waiting() -> Value {
    json!({
        "apiVersion": "v1", "kind": "Pod",
        "metadata": {
            "name": "web-7c9d", "namespace": "shop", "uid": "0f6a1c52-8f5e-4f0e-9b1c-2f7d3c1b9a10",
            "resourceVersion": "48213", "creationTimestamp": "2026-03-02T09:02:00Z",
            "labels": { "app": "web" },
        },
        "spec": { "nodeName": "worker-1", "containers": [{ "name": "web", "image": "registry.example.com/shop/web:2.7.1" }] },
        "status": {
            "phase": "Pending", "startTime": "2026-03-02T09:02:00Z",
            "containerStatuses": [{
                "name": "web", "ready": false, "restartCount": 0, "image": "registry.example.com/shop/web:2.7.1",
                "state": { "waiting": { "reason": "ImagePullBackOff",
                    "message": "Back-off pulling image \"registry.example.com/shop/web:2.7.1\": ErrImagePull: not found" } },
            }],
        },
    })
}

/// A message as a mapping hands it to a function.
fn sqs_event(queue: &str, body: &Body, sent_at: Timestamp) -> Value {
    use base64::Engine as _;
    let (text, attributes) = match body {
        Body::Text(text) => (text.clone(), json!({})),
        Body::Pack(bytes) => {
            let encoded = base64::engine::general_purpose::STANDARD.encode(bytes);
            (
                r#"{"type":"pack"}"#.to_owned(),
                json!({ "pack": { "dataType": "Binary", "binaryValue": encoded } }),
            )
        }
    };
    json!({ "Records": [{
        "messageId": "19dd0b57-b21e-4ac1-bd88-01bbb068cb78",
        "receiptHandle": "AQEB",
        "body": text,
        "attributes": {
            "ApproximateReceiveCount": "1",
            "SentTimestamp": sent_at.as_millisecond().to_string(),
            "SenderId": "AIDAIENQZJOLO23YVJ4VO",
            "ApproximateFirstReceiveTimestamp": sent_at.as_millisecond().to_string(),
        },
        "messageAttributes": attributes,
        "eventSource": "aws:sqs",
        "eventSourceARN": format!("arn:aws:sqs:eu-central-1:111122223333:prodrome-{queue}"),
        "awsRegion": "eu-central-1",
    }] })
}

/// What the schedule sends each minute.
fn tick(now: Timestamp) -> Value {
    json!({
        "version": "0", "id": "7bf73129-1428-4cd3-a780-95db273d1602", "detail-type": "Scheduled Event",
        "source": "aws.scheduler", "account": "111122223333", "time": now.to_string(), "region": "eu-central-1",
        "resources": ["arn:aws:scheduler:eu-central-1:111122223333:schedule/default/prodrome-sweep"], "detail": "{}",
    })
}
