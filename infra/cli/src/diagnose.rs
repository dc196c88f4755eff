//! `prodrome diagnose`: a root-cause flow, now, with the plugins in this process.

use crate::library::Library;
use crate::{Outcome, clock, objects, render};
use anyhow::{Context, Result, bail};
use clap::{Args, ValueEnum};
use jiff::Timestamp;
use prodrome_cluster::{Cluster, KubeCluster, owner};
use prodrome_diagnose::{Breaker, InProcess, Progress, Tools, apply, examine};
use prodrome_evaluate::Evaluate;
use prodrome_flows::{Flow, NodeState, State};
use prodrome_model::{
    Diagnosis, Finding, FindingState, Fingerprint, Group, GroupKind, Metadata, ObjectHead, ObjectKey,
    ObjectRef, Owner, Resource, Scope, Severity, Subject, Verdict,
};
use prodrome_plugin::http::Http;
use prodrome_plugin::{AnyCluster, Registry};
use prodrome_queue::MemoryQueue;
use prodrome_rules::RuleSet;
use prodrome_store::MemoryStore;
use std::collections::BTreeMap;
use std::path::PathBuf;
use std::sync::Arc;

/// Arguments of `prodrome diagnose`.
#[derive(Args)]
#[command(after_help = "Exit code: 0 no cause was found, 1 one was, 2 it could not be done.")]
pub(crate) struct Arguments {
    /// The object, such as pod/web-0 or deployment/web
    #[arg(value_name = "KIND/NAME")]
    object: String,
    /// Its namespace
    #[arg(short, long, value_name = "NS")]
    namespace: Option<String>,
    /// The flow to run; by default that of the rules that match, else the one for its kind
    #[arg(long)]
    flow: Option<String>,
    /// The kubeconfig to use; by default what kubectl would use
    #[arg(long, value_name = "FILE", conflicts_with = "from")]
    kubeconfig: Option<PathBuf>,
    /// The context of the kubeconfig
    #[arg(long, conflicts_with = "from")]
    context: Option<String>,
    /// Read objects from a file or a folder in place of a cluster
    #[arg(long, value_name = "FILE")]
    from: Option<PathBuf>,
    #[command(flatten)]
    library: Library,
    /// The form of the output
    #[arg(long, value_enum, default_value = "text")]
    output: Output,
}

#[derive(Clone, Copy, PartialEq, Eq, ValueEnum)]
enum Output {
    Text,
    Json,
}

/// Runs the command.
pub(crate) async fn run(arguments: Arguments) -> Result<Outcome> {
    let now = clock::now();
    if let Some(path) = &arguments.from {
        let world = objects::read(path, false)?;
        return on(world.cluster, None, &arguments, now).await;
    }
    let cluster = KubeCluster::from_kubeconfig(arguments.kubeconfig.as_deref(), arguments.context.as_deref());
    // What is live may also be asked about outside of it, as far as the limits for plugins go.
    on(cluster.await?, Some(Http::default()), &arguments, now).await
}

async fn on(
    cluster: impl Cluster + Clone + 'static,
    outside: Option<Http>,
    arguments: &Arguments,
    now: Timestamp,
) -> Result<Outcome> {
    let rules = Arc::new(arguments.library.load()?);
    let flows = arguments.library.flows()?;
    let (resource, key) = locate(&cluster, &arguments.object, arguments.namespace.as_deref()).await?;
    let bytes = cluster.get(&key).await.context("the object cannot be read")?;
    let bytes = bytes.with_context(|| format!("there is no {key}"))?;
    let head: ObjectHead = serde_json::from_slice(&bytes).context("the object cannot be read")?;
    let evaluate =
        Evaluate::new(MemoryStore::new(), MemoryQueue::new(now), cluster.clone(), rules.clone(), 1);
    let matching = evaluate.inspect(&resource, &bytes, now).await.unwrap_or_default();
    let matched =
        matching.iter().find(|inspection| rules.get(&inspection.rule).is_some_and(|r| r.flow().is_some()));
    let of_rule = matched.and_then(|inspection| rules.get(&inspection.rule)?.flow());
    let name = arguments.flow.as_deref().or(of_rule).unwrap_or_else(|| usual(&key.kind, &head.metadata));
    let Some(flow) = flows.get(name) else {
        let known: Vec<&str> = flows.iter().map(Flow::name).collect();
        bail!("there is no flow {name}; {}", prodrome_rules::suggest(name, &known));
    };
    let object = ObjectRef {
        api_version: resource.api_version(),
        kind: resource.kind.clone(),
        namespace: key.namespace.clone(),
        name: key.name.clone(),
    };
    let top = owner::topmost_owner(&cluster, &object, &head.metadata).await;
    let (rule, summary, evidence, since) = match matched {
        Some(m) => (m.rule.clone(), m.summary.clone(), m.evidence.clone(), m.since.unwrap_or(now)),
        None => (String::new(), String::new(), Vec::new(), now),
    };
    let about = About { rule, summary, evidence, since, object, top, metadata: head.metadata };
    let finding = finding(about, &rules, now);
    let plugins = Arc::new(prodrome_local::plugins());
    let text = arguments.output == Output::Text;
    if text {
        say!("{}: {}", render::paint(flow.name(), "1", render::colours()), flow.summary());
    }
    let mut asked = AnyCluster::new(cluster);
    if let Some(http) = outside {
        asked = asked.with_outside(http);
    }
    let diagnosis = ask(flow, &finding, asked, plugins, now, &Screen { text }).await;
    let diagnosis =
        apply(&finding, diagnosis).diagnosis.map_or_else(Diagnosis::default, |diagnosis| *diagnosis);
    if text {
        print(&diagnosis)?;
    } else {
        say!("{}", serde_json::to_string(&diagnosis)?);
    }
    Ok(if diagnosis.verdict == Verdict::Cause { Outcome::Found } else { Outcome::Quiet })
}

/// Runs a flow about a finding; the plugins are in this process.
pub(crate) async fn ask(
    flow: &Flow,
    finding: &Finding,
    cluster: AnyCluster,
    plugins: Arc<Registry>,
    now: Timestamp,
    progress: &impl Progress,
) -> Diagnosis {
    let plugins = InProcess::new(plugins, cluster);
    let run = finding.fingerprint.as_str();
    let breaker = Breaker::default();
    let tools = Tools { plugins: &plugins, breaker: &breaker, progress };
    let examined = examine(flow, finding, run, State::begun(now), now, &tools).await;
    examined.diagnosis.unwrap_or_default()
}

/// What a finding is made of where there is no history.
pub(crate) struct About {
    pub(crate) rule: String,
    pub(crate) summary: String,
    pub(crate) evidence: Vec<String>,
    pub(crate) since: Timestamp,
    pub(crate) object: ObjectRef,
    pub(crate) top: ObjectRef,
    pub(crate) metadata: Metadata,
}

/// The finding that would be sent.
pub(crate) fn finding(about: About, rules: &RuleSet, now: Timestamp) -> Finding {
    let rule = rules.get(&about.rule);
    let scope = Scope::new("default", "local", "local");
    let subject = Subject::Object { object: about.object, uid: about.metadata.uid };
    Finding {
        version: 1,
        fingerprint: Fingerprint::of_episode(&scope, &about.rule, &subject, about.since),
        state: FindingState::Firing,
        scope,
        severity: rule.map_or(Severity::P3, prodrome_rules::Rule::severity),
        owner: rule.map_or(Owner::Platform, prodrome_rules::Rule::owner),
        cause: None,
        flow: rule.and_then(|rule| rule.flow().map(str::to_owned)),
        diagnosis: None,
        subject,
        group: Group { key: format!("{}/{}", about.rule, about.top.key().path()), owner: about.top },
        rule: about.rule,
        since: about.since,
        fired_at: now,
        hold_down_seconds: 0,
        summary: about.summary,
        runbook: None,
        labels: BTreeMap::new(),
        object_labels: about.metadata.labels,
        evidence: about.evidence,
        events: Vec::new(),
        stale: None,
        resource_version: about.metadata.resource_version,
    }
}

/// Nobody watches.
pub(crate) struct Unwatched;

impl Progress for Unwatched {
    async fn done(&self, _: &str, state: NodeState) -> Option<NodeState> {
        Some(state)
    }
}

/// Shows each node as it works.
struct Screen {
    text: bool,
}

impl Progress for Screen {
    fn asked(&self, node: &str) {
        if self.text {
            crate::write(&format!("  {node} …\n")).ok(); // where nobody reads, the answer is still found
        }
    }

    async fn done(&self, node: &str, state: NodeState) -> Option<NodeState> {
        if self.text {
            let colours = render::colours();
            let said = match &state {
                NodeState::Answered { response } => {
                    let cause = response
                        .cause
                        .as_deref()
                        .map(|c| format!(" {c} ({:.0} %)", response.confidence * 100.0));
                    let code = match response.verdict {
                        Verdict::Cause => "33",
                        Verdict::Cleared => "32",
                        Verdict::Unknown => "2",
                    };
                    let verdict = format!("{}{}", response.verdict.as_str(), cause.unwrap_or_default());
                    format!(
                        "{}: {}",
                        render::paint(&verdict, code, colours),
                        render::plain(&response.summary, 300)
                    )
                }
                NodeState::Failed { reason } => render::paint(&render::plain(reason, 300), "31", colours),
            };
            crate::write(&format!("  {node}: {said}\n")).ok();
        }
        Some(state)
    }
}

fn print(diagnosis: &Diagnosis) -> Result<()> {
    let colours = render::colours();
    let plain = |text: &str| render::plain(text, 400);
    match &diagnosis.cause {
        Some(cause) => {
            let owner = diagnosis.owner.map_or("nobody", Owner::as_str);
            let sure = diagnosis.confidence * 100.0;
            say!("{} {sure:.0} % sure, owner {owner}", render::paint(cause, "1", colours));
            say!("  {}", plain(&diagnosis.summary));
        }
        None => {
            say!("{}: {}", render::paint("unknown", "1", colours), plain(&diagnosis.summary));
        }
    }
    for evidence in &diagnosis.evidence {
        let on = evidence.object.as_ref().map(|object| format!("{object}: ")).unwrap_or_default();
        say!("  - {}{}", plain(&on), plain(&evidence.text));
    }
    for fact in &diagnosis.facts {
        say!("  - also {}", plain(&fact.text));
    }
    if let Some(faulty) = &diagnosis.faulty {
        say!("to be repaired: {}", plain(&faulty.to_string()));
    }
    for (nth, step) in diagnosis.remediation.iter().enumerate() {
        say!("  {}. {}", nth + 1, plain(step));
    }
    if !diagnosis.ruled_out.is_empty() {
        let causes: Vec<&str> = diagnosis.ruled_out.iter().map(|ruled| ruled.cause.as_str()).collect();
        say!("ruled out: {}", plain(&causes.join(", ")));
    }
    for unseen in &diagnosis.not_looked_at {
        say!("not looked at: {}: {}", plain(&unseen.what), plain(&unseen.reason));
    }
    Ok(())
}

/// Finds the kind by any of its names, and makes the key.
async fn locate(
    cluster: &impl Cluster,
    text: &str,
    namespace: Option<&str>,
) -> Result<(Resource, ObjectKey)> {
    let Some((kind, name)) =
        text.rsplit_once('/').filter(|(kind, name)| !kind.is_empty() && !name.is_empty())
    else {
        bail!("expected KIND/NAME such as pod/web-0, found {text:?}");
    };
    let (group, word) = kind.rsplit_once('/').map_or((None, kind), |(group, kind)| (Some(group), kind));
    let named = |resource: &Resource| {
        [&resource.kind, &resource.plural].into_iter().any(|known| known.eq_ignore_ascii_case(word))
            && group.is_none_or(|group| resource.group == group)
    };
    let served = cluster.resources().await.context("the cluster does not tell what it serves")?;
    let builtin = || served_kind(word, group);
    let resource = served.into_iter().find(named).or_else(builtin);
    let resource = resource.with_context(|| format!("the cluster serves no kind {kind}"))?;
    let namespace = if resource.namespaced { Some(namespace.unwrap_or("default")) } else { None };
    let key = ObjectKey::new(resource.group_kind(), namespace, name);
    Ok((resource, key))
}

fn served_kind(word: &str, group: Option<&str>) -> Option<Resource> {
    prodrome_recording::builtin_of_kind(&GroupKind::new(group.unwrap_or_default(), word))
}

/// The flow for a kind, where no rule names one.
pub(crate) fn usual(kind: &GroupKind, metadata: &Metadata) -> &'static str {
    if metadata.deletion_timestamp.is_some() {
        return "terminating";
    }
    match kind.kind.as_str() {
        "Pod" => "pod",
        "Deployment" | "ReplicaSet" | "StatefulSet" | "DaemonSet" => "rollout",
        "Node" => "node",
        "Service" => "endpoints",
        "Ingress" => "ingress",
        "PersistentVolumeClaim" => "volume",
        "Job" | "CronJob" => "job",
        "HorizontalPodAutoscaler" => "hpa",
        _ => "status",
    }
}
