//! Diagnoses of recorded pods that are broken, each plugin a function of its own.

use crate::end_to_end::launcher;
use crate::price;
use crate::summary::{ms, percentile};
use anyhow::{Context, Result};
use jiff::{SignedDuration, Timestamp};
use prodrome_cluster::{Cluster, KubeCluster};
use prodrome_diagnose::{Breaker, CallError, LambdaPlugins, Plugins, Progress, Tools, examine};
use prodrome_e2e::sdk_config;
use prodrome_emulator::{Code, Deployment, Emulator, Options, Template};
use prodrome_flows::{FlowSet, NodeState, SourceFile, State, load};
use prodrome_lambda::Functions;
use prodrome_model::{
    Finding, FindingState, Fingerprint, Group, GroupKind, ObjectHead, ObjectRef, Owner, PluginRequest,
    PluginResponse, Scope, Severity, Subject, Verdict,
};
use prodrome_recording::play::{PlayOptions, PlayServer};
use prodrome_recording::{Recording, Timeline};
use serde_json::Value;
use std::collections::BTreeMap;
use std::fmt;
use std::path::Path;
use std::sync::{Arc, Mutex, PoisonError};
use std::time::{Duration, Instant};

/// What is broken in how many ways.
const RECORDINGS: [&str; 10] = [
    "image-tag-missing",
    "image-auth-required",
    "crash-bad-command",
    "crash-dependency",
    "oom-killed",
    "config-missing-configmap",
    "liveness-http-404",
    "unschedulable-cpu",
    "volume-missing-configmap",
    "sandbox-ip-exhausted",
];
/// Seconds into the recordings, when all of it shows.
const FROM: i64 = 150;
/// How often each pod is diagnosed.
const ROUNDS: usize = 10;
/// Memory of a plugin's function and of diagnose, in GB.
const GB: f64 = 256.0 / 1024.0;

/// What was seen.
pub struct Runs {
    pods: usize,
    times: Vec<Duration>,
    first: Vec<Duration>,
    calls: Vec<u32>,
    call_times: Vec<Duration>,
    failures: u32,
    causes: BTreeMap<String, String>,
}

/// Runs it.
///
/// # Errors
/// Where the emulator, a recording or a function does not do what it should.
pub fn measure(root: &Path, programs: &Path) -> Result<Runs> {
    let runtime = tokio::runtime::Builder::new_multi_thread().worker_threads(2).enable_all().build()?;
    let scratch = tempfile::tempdir()?;
    let open = |name: &&str| {
        Recording::open(root.join("events/recordings").join(name)).with_context(|| (*name).to_owned())
    };
    let recordings = RECORDINGS.iter().map(open).collect::<Result<Vec<_>>>()?;
    let options = PlayOptions { from: SignedDuration::from_secs(FROM), ..PlayOptions::default() };
    let server = runtime.block_on(PlayServer::start(&Timeline::merge(recordings), now(), options))?;
    let kubeconfig = scratch.path().join("kubeconfig");
    std::fs::write(&kubeconfig, server.kubeconfig())?;
    let emulator = Emulator::start(&Options::default(), &|_| ())?;
    let template = Template::read(&root.join("template.yaml"))?;
    let code =
        Code::launching(&launcher(scratch.path(), programs)?)?.with_dir("rules", &root.join("rules"))?;
    let deployment = Deployment::new("prodrome", &template)
        .code(&code)
        .parameter("ClusterScope", "default/local/bench")
        .parameter("ClusterKubeconfig", kubeconfig.display().to_string());
    emulator.deploy(&deployment)?;
    runtime.block_on(diagnose_all(root, &emulator, &kubeconfig))
}

async fn diagnose_all(root: &Path, emulator: &Emulator, kubeconfig: &Path) -> Result<Runs> {
    let aws = sdk_config(emulator).await;
    let plugins = Timed {
        plugins: LambdaPlugins::new(Functions::new(&aws)?, "prodrome-plugin-"),
        times: Arc::default(),
    };
    let flows = flows(root)?;
    let flow = flows.get("pod").context("there is no flow pod")?;
    let cluster = KubeCluster::from_kubeconfig(Some(kubeconfig), None).await?;
    let broken = broken(&cluster).await?;
    let mut runs = Runs {
        pods: broken.len(),
        times: Vec::new(),
        first: Vec::new(),
        calls: Vec::new(),
        call_times: Vec::new(),
        failures: 0,
        causes: BTreeMap::new(),
    };
    for round in 0..=ROUNDS {
        for (object, uid) in &broken {
            let finding = finding(object, uid, round);
            let begun = Instant::now();
            let breaker = Breaker::default();
            let tools = Tools { plugins: &plugins, breaker: &breaker, progress: &Unwatched };
            let examined =
                examine(flow, &finding, finding.fingerprint.as_str(), State::begun(now()), now(), &tools)
                    .await;
            let elapsed = begun.elapsed();
            let diagnosis = examined.diagnosis.unwrap_or_default();
            runs.failures += examined.failures;
            // In the first round the functions start.
            if round == 0 {
                runs.first.push(elapsed);
                plugins.take();
                continue;
            }
            runs.times.push(elapsed);
            runs.calls.push(examined.calls);
            let cause = if diagnosis.verdict == Verdict::Cause { diagnosis.cause } else { None };
            runs.causes.insert(object.to_string(), cause.unwrap_or_else(|| "unknown".to_owned()));
        }
    }
    runs.call_times = plugins.take();
    Ok(runs)
}

fn flows(root: &Path) -> Result<FlowSet> {
    let mut sources = Vec::new();
    for entry in std::fs::read_dir(root.join("rules/flows"))? {
        let path = entry?.path();
        if path.extension().is_some_and(|extension| extension == "yaml") {
            let name = path.file_name().unwrap_or_default().to_string_lossy().into_owned();
            sources.push(SourceFile::new(&name, std::fs::read_to_string(&path)?));
        }
    }
    Ok(load(&sources, &prodrome_local::catalogue()).flows)
}

/// The pods that are not ready, though they should be.
async fn broken(cluster: &KubeCluster) -> Result<Vec<(ObjectRef, String)>> {
    let page = cluster.list(&GroupKind::core("Pod"), None, None, None).await?;
    let mut found = Vec::new();
    for item in page.items {
        let head: ObjectHead = serde_json::from_slice(&item)?;
        let json: Value = serde_json::from_slice(&item)?;
        let conditions = json["status"]["conditions"].as_array().cloned().unwrap_or_default();
        let is_ready = conditions.iter().any(|c| c["type"] == "Ready" && c["status"] == "True");
        if !is_ready && json["status"]["phase"] != "Succeeded" {
            let object = ObjectRef {
                api_version: "v1".to_owned(),
                kind: "Pod".to_owned(),
                namespace: head.metadata.namespace,
                name: head.metadata.name,
            };
            found.push((object, head.metadata.uid));
        }
    }
    Ok(found)
}

pub(super) fn finding(object: &ObjectRef, uid: &str, round: usize) -> Finding {
    let scope = Scope::new("default", "local", "bench");
    let subject = Subject::Object { object: object.clone(), uid: uid.to_owned() };
    let now = now();
    Finding {
        version: 1,
        fingerprint: Fingerprint::of_episode(&scope, &format!("Bench{round}"), &subject, now),
        state: FindingState::Firing,
        scope,
        rule: "Bench".to_owned(),
        severity: Severity::P3,
        owner: Owner::User,
        cause: None,
        flow: Some("pod".to_owned()),
        diagnosis: None,
        subject,
        group: Group { owner: object.clone(), key: object.to_string() },
        since: now,
        fired_at: now,
        hold_down_seconds: 0,
        summary: String::new(),
        runbook: None,
        labels: BTreeMap::new(),
        object_labels: BTreeMap::new(),
        evidence: Vec::new(),
        events: Vec::new(),
        stale: None,
        resource_version: String::new(),
    }
}

/// Plugins, and how long each call took.
struct Timed {
    plugins: LambdaPlugins,
    times: Arc<Mutex<Vec<Duration>>>,
}

impl Timed {
    fn take(&self) -> Vec<Duration> {
        std::mem::take(&mut self.times.lock().unwrap_or_else(PoisonError::into_inner))
    }
}

impl Plugins for Timed {
    async fn call(
        &self,
        plugin: &str,
        request: PluginRequest,
        timeout: Duration,
    ) -> Result<PluginResponse, CallError> {
        let begun = Instant::now();
        let answer = self.plugins.call(plugin, request, timeout).await;
        self.times.lock().unwrap_or_else(PoisonError::into_inner).push(begun.elapsed());
        answer
    }
}

struct Unwatched;

impl Progress for Unwatched {
    async fn done(&self, _: &str, state: NodeState) -> Option<NodeState> {
        Some(state)
    }
}

pub(super) fn now() -> Timestamp {
    #[expect(clippy::disallowed_methods, reason = "a real system runs by the real time")]
    Timestamp::now()
}

/// A flow of the shipped ones, for others that measure.
pub(super) fn flow_of(text: &str) -> Result<FlowSet> {
    let loaded = load(&[SourceFile::new("f.yaml", text)], &prodrome_flows::Catalogue::any());
    anyhow::ensure!(loaded.diagnostics.is_empty(), "{:?}", loaded.diagnostics);
    Ok(loaded.flows)
}

impl Runs {
    /// Of a diagnosis, at list price.
    fn price(&self) -> f64 {
        let diagnoses = f64::from(u32::try_from(self.times.len().max(1)).unwrap_or(u32::MAX));
        let calls = f64::from(self.calls.iter().sum::<u32>()) / diagnoses;
        let seconds = |times: &[Duration]| times.iter().map(Duration::as_secs_f64).sum::<f64>() / diagnoses;
        let lambda = (calls + 1.0) * price::LAMBDA_CALL_USD
            + (seconds(&self.call_times) + seconds(&self.times)) * GB * price::LAMBDA_GB_SECOND_USD;
        // The run is taken, stands for its group, is concluded; each node is kept (2 KiB), and the run looked at.
        let writes = (3.0 + calls * 2.0) * price::DYNAMO_WRITE_USD;
        let reads = (2.0 + calls) * price::DYNAMO_READ_USD;
        // Received, deleted, sent on.
        lambda + writes + reads + 3.0 * price::SQS_REQUEST_USD
    }
}

impl fmt::Display for Runs {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let mut calls = self.calls.clone();
        calls.sort_unstable();
        let median = calls.get(calls.len() / 2).copied().unwrap_or(0);
        let most = calls.last().copied().unwrap_or(0);
        writeln!(
            f,
            "\nThe flow `pod` about {} broken pods of {} recordings, {ROUNDS} times each; each plugin is a function of its own.\n",
            self.pods,
            RECORDINGS.len()
        )?;
        writeln!(f, "| what | n | median | p99 | longest |\n| --- | ---: | ---: | ---: | ---: |")?;
        for (what, times) in [
            ("a diagnosis", &self.times),
            ("the same while the functions start", &self.first),
            ("one call of a plugin", &self.call_times),
        ] {
            let of = |percent| ms(percentile(times, percent));
            writeln!(f, "| {what} | {} | {} | {} | {} |", times.len(), of(50), of(99), of(100))?;
        }
        writeln!(
            f,
            "\nCalls a diagnosis: {median} (median), {most} at most; {} gave no answer. ",
            self.failures
        )?;
        writeln!(
            f,
            "Price of a diagnosis at list price: {:.1} USD a million (Lambda by the clock, which on the emulator is longer than on a processor of its own; DynamoDB, SQS).\n",
            self.price() * 1e6
        )?;
        let unknown = self.causes.values().filter(|cause| *cause == "unknown").count();
        writeln!(f, "Of the {} pods {} ended with a cause.", self.causes.len(), self.causes.len() - unknown)
    }
}
