//! Secrets that stand in objects, events and logs reach nobody: no channel, no table, no log.
#![allow(missing_docs, reason = "a test")]
#![expect(clippy::unwrap_used, reason = "a test that cannot go on has failed")]

use jiff::{SignedDuration, Timestamp};
use prodrome_cluster::Logs;
use prodrome_local::{Change, Notices, World, catalogue, plugins};
use prodrome_model::{ChangeKind, GroupKind, Notice, NoticeKind, Resource};
use prodrome_notify::{
    ChannelConfig, Routing, Secret, Secrets, alertmanager, dingtalk, pagerduty, slack, terminal, webhook,
};
use prodrome_recording::builtin_of_kind;
use prodrome_redact::Redacting;
use serde_json::{Value, json};
use std::collections::BTreeMap;
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

fn files(folder: &str) -> Vec<prodrome_rules::SourceFile> {
    let root = Path::new(env!("CARGO_MANIFEST_DIR")).join("../..").join(folder);
    let paths =
        std::fs::read_dir(root).unwrap().map(|entry| entry.unwrap().path()).filter(|path| path.is_file());
    let paths = paths.filter(|path| {
        prodrome_rules::SourceFile::is_rule_file(&path.file_name().unwrap().to_string_lossy())
    });
    let read = |path: std::path::PathBuf| {
        prodrome_rules::SourceFile::new(path.display().to_string(), std::fs::read_to_string(path).unwrap())
    };
    paths.map(read).collect()
}

/// A log in memory.
#[derive(Clone, Default)]
struct Log(Arc<Mutex<Vec<u8>>>);

impl Write for Log {
    fn write(&mut self, bytes: &[u8]) -> std::io::Result<usize> {
        self.0.lock().unwrap().extend_from_slice(bytes);
        Ok(bytes.len())
    }
    fn flush(&mut self) -> std::io::Result<()> {
        Ok(())
    }
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

#[tokio::test]
async fn a_secret_in_an_object_an_event_or_a_log_reaches_no_channel_no_table_and_no_log() {
    let planted = Planted::new();
    let text = planted.text();
    let log = Log::default();
    let writer = log.clone();
    let logs = tracing_subscriber::fmt().json().with_max_level(tracing::Level::DEBUG);
    let logs = logs.with_writer(move || Redacting::new(writer.clone())).finish();
    let _guard = tracing::subscriber::set_default(logs);
    tracing::info!(reason = text, "a line that holds them all");

    let mut sources = files("rules");
    sources.push(prodrome_rules::SourceFile::new("planted.yaml", RULES));
    let rules = prodrome_rules::load(&sources);
    assert_eq!(rules.diagnostics.iter().map(ToString::to_string).collect::<Vec<_>>(), Vec::<String>::new());
    let flows = prodrome_flows::load(&files("rules/flows"), &catalogue());
    let start = Timestamp::constant(1_767_225_600, 0);
    let notices = Notices::default();
    let mut world =
        World::new(Arc::new(rules.rules), start, |episodes, queue| notices.alerts(episodes, queue))
            .diagnosing(Arc::new(flows.flows), Arc::new(plugins()));
    let line = format!("panic: cannot connect: {text}: connection refused\n");
    let logs = Logs { current: Some(line.clone()), previous: Some(line) };
    world.cluster.set_logs(BTreeMap::from([("shop/crashing/main".to_owned(), logs)]));

    let objects = pods(&text, start).into_iter().map(|pod| ("Pod", pod));
    let events = [("crashing", "BackOff"), ("pulling", "Failed"), ("failed", "Evicted")];
    let events = events.map(|(about, reason)| ("Event", event(about, reason, &text, start)));
    let changes: Vec<Change> = objects
        .chain(events)
        .map(|(kind, object)| Change {
            at: start,
            resource: resource(kind),
            kind: ChangeKind::Applied,
            object: object.to_string().into_bytes(),
        })
        .collect();
    assert!(world.apply(&changes).await.is_empty());
    let mut now = start;
    for _ in 0..40 {
        now += SignedDuration::from_mins(1);
        world.run_until(now).await;
    }

    let told = notices.take();
    let alerts = || told.iter().filter(|notice| notice.kind == NoticeKind::Alert);
    for rule in ["HasEnvironment", "HasNote", "SaysSo", "HasFailed", "PodCrashLooping", "PodImagePullFailing"]
    {
        assert!(alerts().any(|notice| notice.rule == rule), "{rule} did not fire");
    }
    let pieces = planted.pieces();
    let is_clean = |what: &str, text: &str| {
        for piece in &pieces {
            assert!(!text.contains(piece.as_str()), "{what} tells {piece}:\n{text}");
        }
    };
    for notice in &told {
        is_clean(&format!("the notice of {}", notice.rule), &serde_json::to_string(notice).unwrap());
        for (channel, request) in rendered(notice, now) {
            is_clean(&format!("{channel} of {}", notice.rule), &request);
        }
    }
    for (table, store) in
        [("checks", &world.checks), ("episodes", &world.episodes), ("diagnoses", &world.diagnoses)]
    {
        let records = store.records();
        assert!(!records.is_empty(), "{table}");
        for record in records {
            is_clean(table, &record.data);
        }
    }
    let log = String::from_utf8(log.0.lock().unwrap().clone()).unwrap();
    assert!(log.contains("a line that holds them all") && log.contains("notice decided"), "{log}");
    is_clean("the log", &log);

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
