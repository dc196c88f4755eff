//! Secrets that stand in objects, events and logs reach nobody: no channel, no table, no log; nor do they lie in what
//! passes between the functions, but for the changes themselves, or among what nobody could handle.
#![allow(missing_docs, reason = "a test")]
#![expect(clippy::unwrap_used, reason = "a test that cannot go on has failed")]

use jiff::{SignedDuration, Timestamp};
use prodrome_alert::Alerts;
use prodrome_alerting::keys::is_delivery;
use prodrome_cluster::Logs;
use prodrome_local::{Change, Notices, Script, World, catalogue, plugins};
use prodrome_model::{
    ChangeKind, Evidence, GroupKind, Notice, NoticeKind, PluginResponse, Resource, Scope, Source,
};
use prodrome_notify::{
    ChannelConfig, Channels, Delivery, Outcome, Reason, Routing, Secret, Secrets, alertmanager, dingtalk,
    pagerduty, slack, terminal, webhook,
};
use prodrome_queue::pack::{ChangeHead, PackBuilder, PackHead};
use prodrome_queue::{Body, MemoryQueue, Message, Queue, QueueName};
use prodrome_recording::builtin_of_kind;
use prodrome_redact::Redacting;
use prodrome_rules::{RuleSet, SourceFile};
use prodrome_store::{Fault, MemoryStore};
use serde_json::{Value, json};
use std::collections::{BTreeMap, BTreeSet};
use std::io::Write;
use std::path::Path;
use std::sync::{Arc, Mutex};

/// Each with a shape of its own, put together here so that no scanner of repositories takes them for real.
struct Planted {
    aws: String,
    github: String,
    slack: String,
    web: String,
    key: String,
}

/// Known by what stands around them.
const PASSWORD: &str = "Tr0ub4dor-and-3";
const LOGIN: &str = "c2hvcDpUcjB1YjRkb3ItYW5kLTM=";
/// Of environment variables: no shape gives it away.
const ENVIRONMENT: &str = "plain-words-of-the-environment";

impl Planted {
    fn new() -> Self {
        Self {
            aws: ["AKIA", "Q3EGRIFFINEXAMPL"].concat(),
            github: ["ghp_", "a1B2c3D4e5F6g7H8i9J0k1L2m3N4o5P6q7R8"].concat(),
            slack: ["xoxb-", "123456789012-AbCdEfGhIjKlMnOp"].concat(),
            web: ["eyJhbGciOiJIUzI1NiJ9", ".eyJzdWIiOiIxMjM0NTY3ODkwIn0.dozjgNryP4J3jVmNHl0w5N"].concat(),
            key: "MIIEvQIBADANBgkqhkiG9w0BAQEFAASCBKcwggSjAgEAAoIBAQC7".to_owned(),
        }
    }

    /// What must be nowhere: the middle of each, as a piece is as bad.
    fn pieces(&self) -> Vec<String> {
        let whole = [&self.aws, &self.github, &self.slack, &self.web, &self.key];
        let named = [PASSWORD, LOGIN, ENVIRONMENT];
        whole
            .into_iter()
            .map(String::as_str)
            .chain(named)
            .map(|text| text.get(4..text.len().min(22)).unwrap().to_owned())
            .collect()
    }

    /// A text with all of them but the environment's.
    fn text(&self) -> String {
        let Self { aws, github, slack, web, key } = self;
        format!(
            "id {aws}, git {github}, chat {slack}, Authorization: Bearer {web}; \
             postgres://shop:{PASSWORD}@db:5432/shop, password={PASSWORD}, {{\"auths\":{{\"r.example\":{{\"auth\":\"{LOGIN}\"}}}}}} \
             -----BEGIN RSA PRIVATE KEY-----\\n{key}\\n-----END RSA PRIVATE KEY-----"
        )
    }
}

fn resource(kind: &str) -> Resource {
    let group = if kind == "Deployment" { GroupKind::new("apps", kind) } else { GroupKind::core(kind) };
    builtin_of_kind(&group).unwrap()
}

fn pod(name: &str, text: &str, status: &Value, creation: Timestamp) -> Value {
    json!({
        "apiVersion": "v1", "kind": "Pod",
        "metadata": {
            "name": name, "namespace": "shop", "uid": name, "resourceVersion": "7", "creationTimestamp": creation,
            "labels": { "app": "web", "db-password": PASSWORD },
            "annotations": {
                "example.com/note": text,
                "kubectl.kubernetes.io/last-applied-configuration":
                    json!({ "spec": { "containers": [{ "env": [{ "name": "GREETING", "value": ENVIRONMENT }] }] } }).to_string(),
            }
        },
        "spec": { "containers": [{
            "name": "main", "image": "registry.example.com/shop/web:2.7.1",
            "args": ["--note", text, "--password", PASSWORD],
            "env": [{ "name": "GREETING", "value": ENVIRONMENT }, { "name": "TOKEN", "value": text }],
        }] },
        "status": status,
    })
}

/// Crashes again and again; cannot pull its image; has failed.
fn pods(text: &str, creation: Timestamp) -> Vec<Value> {
    let container = |state: Value, last: Value, restarts: u32| {
        json!([{ "name": "main", "ready": false, "restartCount": restarts, "image": "registry.example.com/shop/web:2.7.1",
            "imageID": "", "started": false, "state": state, "lastState": last }])
    };
    let condition = json!([{ "type": "Ready", "status": "False", "reason": "ContainersNotReady", "message": text,
        "lastTransitionTime": creation }]);
    let ended = json!({ "terminated": { "exitCode": 1, "reason": "Error", "message": text,
        "startedAt": creation, "finishedAt": creation } });
    let crashing = json!({ "phase": "Running", "conditions": condition, "startTime": creation, "containerStatuses":
        container(json!({ "waiting": { "reason": "CrashLoopBackOff", "message": format!("back-off: {text}") } }), ended, 7) });
    let pull = format!(
        "failed to pull and unpack image \"registry.example.com/shop/web:2.7.1\": failed to authorize: {text}: 401 Unauthorized"
    );
    let pulling = json!({ "phase": "Pending", "conditions": condition, "startTime": creation, "containerStatuses":
        container(json!({ "waiting": { "reason": "ImagePullBackOff", "message": pull } }), json!({}), 0) });
    let failed = json!({ "phase": "Failed", "reason": "Evicted", "message": text, "startTime": creation });
    vec![
        pod("crashing", text, &crashing, creation),
        pod("pulling", text, &pulling, creation),
        pod("failed", text, &failed, creation),
    ]
}

fn event(about: &str, reason: &str, text: &str, at: Timestamp) -> Value {
    json!({
        "apiVersion": "v1", "kind": "Event", "type": "Warning", "reason": reason, "count": 3,
        "metadata": { "name": format!("{about}.1"), "namespace": "shop", "uid": format!("e-{about}"), "resourceVersion": "9" },
        "involvedObject": { "apiVersion": "v1", "kind": "Pod", "namespace": "shop", "name": about, "uid": about },
        "message": format!("it said: {text}"), "firstTimestamp": at, "lastTimestamp": at,
    })
}

/// Rules that look at the very places where secrets stand, beside the shipped ones.
const RULES: &str = r"
HasEnvironment:
  resource: Pod
  checkField:
    - { field: [spec, containers, env, value], regexValue: ['.'] }
    - { field: [spec, containers, env], subIdentifierName: value, subIdentifierValue: [plain-words-of-the-environment], subField: [name], nilValue: false }
    - { field: [spec, containers, env, name], notEqualField: [spec, containers, env, value] }
  summary: '{metadata.name} runs {spec.containers.args}'
HasNote:
  resource: Pod
  checkField:
    - { field: [metadata, annotations, example.com/note], nilValue: false }
    - { field: [metadata, annotations, kubectl.kubernetes.io/last-applied-configuration], nilValue: false }
    - { field: [spec, containers, args], nilValue: false }
    - { field: [metadata, labels, db-password], nilValue: false }
  summary: '{metadata.name}: {metadata.annotations} password={metadata.labels[''db-password'']}'
SaysSo:
  resource: Event
  checkField: [{ field: [message], likeValue: ['it said*'] }]
  summary: '{message}'
HasFailed:
  resource: Pod
  checkField: [{ field: [status, message], nilValue: false }]
  summary: '{metadata.name}: {status.message}'
";

fn files(folder: &str) -> Vec<SourceFile> {
    let root = Path::new(env!("CARGO_MANIFEST_DIR")).join("../..").join(folder);
    let paths =
        std::fs::read_dir(root).unwrap().map(|entry| entry.unwrap().path()).filter(|path| path.is_file());
    let paths = paths.filter(|path| SourceFile::is_rule_file(&path.file_name().unwrap().to_string_lossy()));
    let read = |path: std::path::PathBuf| {
        SourceFile::new(path.display().to_string(), std::fs::read_to_string(path).unwrap())
    };
    paths.map(read).collect()
}

/// A log in memory.
#[derive(Clone, Default)]
struct Log(Arc<Mutex<Vec<u8>>>);

impl Log {
    fn text(&self) -> String {
        String::from_utf8(self.0.lock().unwrap().clone()).unwrap()
    }
}

impl Write for Log {
    fn write(&mut self, bytes: &[u8]) -> std::io::Result<usize> {
        self.0.lock().unwrap().extend_from_slice(bytes);
        Ok(bytes.len())
    }
    fn flush(&mut self) -> std::io::Result<()> {
        Ok(())
    }
}

/// A log of all that happens on this thread. Each test has one: what is logged first on a thread without is logged on none.
fn logging() -> (Log, tracing::subscriber::DefaultGuard) {
    let log = Log::default();
    let writer = log.clone();
    let logs = tracing_subscriber::fmt().json().with_max_level(tracing::Level::DEBUG);
    let logs = logs.with_writer(move || Redacting::new(writer.clone())).finish();
    (log, tracing::subscriber::set_default(logs))
}

/// What each channel would send of a notice.
fn rendered(notice: &Notice, now: Timestamp) -> Vec<(String, String)> {
    const ROUTING: &str = "
channels:
  slack: { type: slack, webhook: { env: HOOK } }
  slack-api: { type: slack, token: { env: A }, channel: C0 }
  dingtalk: { type: dingtalk, accessToken: { env: A }, secret: { env: A } }
  webhook: { type: webhook, url: 'https://receiver.example', secret: { env: A } }
  alertmanager: { type: alertmanager, url: 'https://receiver.example' }
  pagerduty: { type: pagerduty, routingKey: { env: A } }
  terminal: { type: terminal }
default: [slack]
";
    let routing = Routing::parse("routing.yaml", ROUTING).unwrap_or_else(|errors| panic!("{errors:#?}"));
    let channels = routing.channels().iter();
    let rendered = channels.map(|(name, channel)| {
        let value = |reference: &&prodrome_notify::SecretRef| {
            if reference.to_string().contains("HOOK") {
                "https://receiver.example/hook".to_owned()
            } else {
                "whsec_aG9vay1zaWduaW5nLXNlY3JldA==".to_owned()
            }
        };
        let fetched = channel.config.secrets().into_iter().map(|r| (r.clone(), Secret::new(value(&r))));
        let secrets: Secrets = fetched.collect();
        let request = match &channel.config {
            ChannelConfig::Slack(config) => {
                slack::render(notice, &config.resolve(&secrets).unwrap(), None, now)
            }
            ChannelConfig::Dingtalk(config) => {
                dingtalk::render(notice, &config.resolve(&secrets).unwrap(), None, now)
            }
            ChannelConfig::Webhook(config) => {
                webhook::render(notice, &config.resolve(&secrets).unwrap(), None, now)
            }
            ChannelConfig::Alertmanager(config) => {
                alertmanager::render(notice, &config.resolve(&secrets).unwrap(), None, now)
            }
            ChannelConfig::Pagerduty(config) => {
                pagerduty::render(notice, &config.resolve(&secrets).unwrap(), None, now)
            }
            ChannelConfig::Terminal(config) => {
                return (name.to_string(), terminal::render(notice, config, now));
            }
        };
        (name.to_string(), String::from_utf8(request.body).unwrap())
    });
    rendered.collect()
}

const START: Timestamp = Timestamp::constant(1_767_225_600, 0);

/// The only channel, which is out of reach at first: what it is owed lies in the table.
#[derive(Clone)]
struct LateChannel {
    from: Timestamp,
    notices: Notices,
}

impl Channels for LateChannel {
    async fn send(&self, channel: &str, notice: &Notice, receipt: Option<&str>, now: Timestamp) -> Delivery {
        if now < self.from {
            return Delivery::new(Outcome::RetryAfter(None, Reason::Unreachable));
        }
        self.notices.send(channel, notice, receipt, now).await
    }
}

type System = World<Alerts<MemoryStore, MemoryQueue, LateChannel>>;

/// A system with a channel that can be reached five minutes after the start.
fn system(rules: RuleSet, notices: &Notices) -> System {
    const ROUTING: &str = "
channels:
  out: { type: terminal, limit: { messages: 100000, per: 1m, burst: 100000 } }
routes:
  - { channels: [out] }
";
    let routing = Arc::new(Routing::parse("routing.yaml", ROUTING).unwrap());
    let channel = LateChannel { from: START + SignedDuration::from_mins(5), notices: notices.clone() };
    let system =
        World::new(Arc::new(rules), START, |episodes, queue| Alerts::new(episodes, queue, channel, routing));
    system.queue.keep_copies();
    system
}

/// The same with all that is shipped, and a cluster in which secrets stand everywhere.
async fn planted(text: &str, notices: &Notices) -> System {
    let mut sources = files("rules");
    sources.push(SourceFile::new("planted.yaml", RULES));
    let rules = prodrome_rules::load(&sources);
    assert_eq!(rules.diagnostics.iter().map(ToString::to_string).collect::<Vec<_>>(), Vec::<String>::new());
    let flows = prodrome_flows::load(&files("rules/flows"), &catalogue());
    let mut system = system(rules.rules, notices).diagnosing(Arc::new(flows.flows), Arc::new(plugins()));
    let line = format!("panic: cannot connect: {text}: connection refused\n");
    let logs = Logs { current: Some(line.clone()), previous: Some(line) };
    system.cluster.set_logs(BTreeMap::from([("shop/crashing/main".to_owned(), logs)]));

    let objects = pods(text, START).into_iter().map(|pod| ("Pod", pod));
    let events = [("crashing", "BackOff"), ("pulling", "Failed"), ("failed", "Evicted")];
    let events = events.map(|(about, reason)| ("Event", event(about, reason, text, START)));
    let changes: Vec<Change> = objects
        .chain(events)
        .map(|(kind, object)| Change {
            at: START,
            resource: resource(kind),
            kind: ChangeKind::Applied,
            object: object.to_string().into_bytes(),
        })
        .collect();
    assert!(system.apply(&changes).await.is_empty());
    system
}

/// Looks for what must be nowhere.
struct Watch {
    pieces: Vec<String>,
    /// The queues through which something passed.
    passed: BTreeSet<QueueName>,
    /// Whether a channel was owed something.
    owed: bool,
}

impl Watch {
    fn new() -> Self {
        Self { pieces: Planted::new().pieces(), passed: BTreeSet::new(), owed: false }
    }

    fn assert_clean(&self, what: &str, text: &str) {
        for piece in &self.pieces {
            assert!(!text.contains(piece.as_str()), "{what} tells {piece}:\n{text}");
        }
    }

    /// What a message holds. Changes are whole objects, as they are.
    fn message(&self, what: &str, queue: QueueName, body: &Body, attributes: &[(String, String)]) {
        for (name, value) in attributes {
            self.assert_clean(&format!("the attribute {name} of {what}"), value);
        }
        if queue != QueueName::Changes {
            let Body::Text(text) = body else { panic!("{what} is a pack") };
            self.assert_clean(what, text);
        }
    }

    /// Looks at all that passed since the last time, and at all that is kept.
    fn look(&mut self, system: &System) {
        for copied in system.queue.take_copies() {
            let what = format!("a message for {}", copied.queue.as_str());
            self.message(&what, copied.queue, &copied.body, &copied.attributes);
            self.passed.insert(copied.queue);
        }
        for queue in QueueName::ALL {
            for dead in system.queue.dead_letters(queue) {
                let what = format!("a dead letter of {}", queue.as_str());
                self.message(&what, queue, &dead.delivery.body, &dead.delivery.attributes);
                self.assert_clean(&format!("the reason of {what}"), &dead.reason);
            }
        }
        for (table, store) in
            [("checks", &system.checks), ("episodes", &system.episodes), ("diagnoses", &system.diagnoses)]
        {
            for record in store.records() {
                self.assert_clean(&format!("a key of {table}"), &format!("{:?}", record.key));
                self.assert_clean(table, &record.data);
                let is_owed = |data: &str| data.contains("\"pending\":{");
                self.owed |= table == "episodes" && is_delivery(&record.key.sort) && is_owed(&record.data);
            }
        }
    }

    /// Lets time pass, and looks all the while.
    async fn during(&mut self, minutes: u32, system: &mut System) {
        for _ in 0..minutes * 6 {
            system.run_until(system.now() + SignedDuration::from_secs(10)).await;
            self.look(system);
        }
    }
}

#[tokio::test]
async fn a_secret_in_an_object_an_event_or_a_log_reaches_no_channel_no_table_and_no_log() {
    let text = Planted::new().text();
    let (log, _logging) = logging();
    tracing::info!(reason = text, "a line that holds them all");

    let (notices, mut watch) = (Notices::default(), Watch::new());
    let mut system = planted(&text, &notices).await;
    watch.during(40, &mut system).await;
    assert_eq!(watch.passed, BTreeSet::from(QueueName::ALL), "something passes between all of them");
    assert!(watch.owed, "a channel that is out of reach is owed something");
    for store in [&system.checks, &system.episodes, &system.diagnoses] {
        assert!(!store.is_empty());
    }

    let told = notices.take();
    let alerts = || told.iter().filter(|notice| notice.kind == NoticeKind::Alert);
    for rule in ["HasEnvironment", "HasNote", "SaysSo", "HasFailed", "PodCrashLooping", "PodImagePullFailing"]
    {
        assert!(alerts().any(|notice| notice.rule == rule), "{rule} did not fire");
    }
    for notice in &told {
        let what = format!("the notice of {}", notice.rule);
        watch.assert_clean(&what, &serde_json::to_string(notice).unwrap());
        for (channel, request) in rendered(notice, system.now()) {
            watch.assert_clean(&format!("{channel} of {}", notice.rule), &request);
        }
    }
    let log = log.text();
    assert!(log.contains("a line that holds them all") && log.contains("notice decided"), "{log}");
    watch.assert_clean("the log", &log);

    // What is no secret is told.
    let all = serde_json::to_string(&told).unwrap();
    for kept in [
        "(not shown)",
        "env[name=GREETING]",
        "registry.example.com/shop/web:2.7.1",
        "it said: id ***, git ***",
        "postgres://***@db:5432/shop",
    ] {
        assert!(all.contains(kept), "{kept} is missing in:\n{all}");
    }
    let diagnosed = alerts().filter_map(|notice| notice.diagnosis.as_ref()).any(|why| {
        why.evidence
            .iter()
            .any(|evidence| evidence.text.contains("connection refused") && evidence.text.contains("***"))
    });
    assert!(diagnosed, "no diagnosis quotes the log");
}

/// A pack of Pods, as the watcher sends it.
fn pack(objects: &[Value]) -> Message {
    let scope = Scope::new("default", "local", "recording");
    let mut builder = PackBuilder::new(&PackHead { scope, shard: None, shards: 1024 });
    for (sequence, object) in (1..).zip(objects) {
        let head = ChangeHead {
            kind: ChangeKind::Applied,
            resource: &resource("Pod"),
            epoch: 1,
            sequence,
            observed_at: START,
            source: &Source::Watch,
            list: None,
        };
        builder.push_raw(&head, Some(object.to_string().as_bytes()));
    }
    Message::pack(builder.finish().unwrap().bytes)
}

#[tokio::test]
async fn what_nobody_could_handle_lies_without_secrets_among_the_dead_letters() {
    let text = Planted::new().text();
    let (log, _logging) = logging();
    let (notices, mut watch) = (Notices::default(), Watch::new());
    let mut system = planted(&text, &notices).await;
    // Nobody can be told: findings are not accepted, and then the table of episodes is away.
    system.queue.set_refusing(QueueName::Findings, Some("it is full".to_owned()));
    watch.during(40, &mut system).await;
    assert!(system.queue.redrive(QueueName::Diagnoses) > 0);
    system.queue.set_refusing(QueueName::Findings, None);
    system.episodes.set_script(|_| Some(Fault::Unavailable));
    watch.during(20, &mut system).await;
    system.episodes.clear_script();
    assert!(system.queue.redrive(QueueName::Findings) > 0);
    // Errors like to quote what is wrong: here the labels are no map.
    let mut malformed = pods(&text, START).remove(2);
    malformed["metadata"]["name"] = "malformed".into();
    malformed["metadata"]["labels"] = text.as_str().into();
    let good = pods(&text, START).remove(0);
    for pack in [pack(&[malformed.clone(), good]), pack(&[malformed])] {
        system.queue.send(QueueName::Changes, vec![pack]).await.unwrap();
    }
    watch.during(20, &mut system).await;
    let dead = system.queue.dead_letters(QueueName::Changes);
    let quoting = dead.iter().filter(|dead| dead.reason.contains("invalid type: string \"id ***"));
    assert_eq!(quoting.count(), 2, "from beside a good one, and alone: {dead:#?}");
    assert!(notices.take().iter().any(|notice| notice.rule == "PodCrashLooping"), "nothing is lost of it");
    watch.assert_clean("the log", &log.text());
}

#[tokio::test]
async fn what_anybodys_plugin_says_of_a_check_is_taken_without_secrets() {
    const PERIODIC: &str = "
ServiceSilent:
  resource: Service
  filterField: [{ field: [spec, type], equalValue: [LoadBalancer] }]
  period: 5m
  plugin: endpoint-probe
";
    let text = Planted::new().text();
    let (log, _logging) = logging();
    let rules = prodrome_rules::load(&[SourceFile::new("periodic.yaml", PERIODIC)]).rules;
    let (notices, mut watch, script) = (Notices::default(), Watch::new(), Script::default());
    let said = PluginResponse::cause("lb-target-unhealthy", 0.9, format!("it answers: {text}"))
        .because(Evidence::new("network", format!("the body is {text}")))
        .remedy(format!("ask with {text}"))
        .sharing(text);
    script.say("endpoint-probe", None, said);
    let mut system = system(rules, &notices).answering(script);
    let service = json!({ "apiVersion": "v1", "kind": "Service", "spec": { "type": "LoadBalancer" },
        "metadata": { "namespace": "shop", "name": "web", "uid": "web", "resourceVersion": "1" } });
    let object = service.to_string().into_bytes();
    let change = Change { at: START, resource: resource("Service"), kind: ChangeKind::Applied, object };
    assert!(system.apply(&[change]).await.is_empty());
    watch.during(30, &mut system).await;
    let told = notices.take();
    let said = serde_json::to_string(&told).unwrap();
    assert!(said.contains("it answers: id ***") && said.contains("the body is id ***"), "{said}");
    watch.assert_clean("a notice", &said);
    watch.assert_clean("the log", &log.text());
}
