//! `prodrome diagnose`: a root-cause flow, now, with the plugins in this process.

mod snapshot;
mod well;

use crate::kind_names::KindName;
use crate::library::Library;
use crate::output::Output;
use crate::reach::{Place, Reached};
use crate::{Outcome, clock, objects, render};
use anyhow::{Context, Result, bail};
use clap::Args;
use jiff::Timestamp;
use prodrome_cluster::{Cluster, ClusterError, owner};
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
use std::io::{IsTerminal as _, Write as _};
use std::path::PathBuf;
use std::sync::Arc;

/// Arguments of `prodrome diagnose`.
#[derive(Args)]
#[command(after_help = "Exit code: 0 no cause was found, 1 one was, 2 it could not be done.")]
pub(crate) struct Arguments {
    /// The object, such as pod/web-0, deploy/web or sts/db: the kind as kubectl takes it
    #[arg(value_name = "KIND/NAME")]
    object: String,
    /// Its namespace; by default that of the kubeconfig's context, and in files the one that has such an object
    #[arg(short, long, value_name = "NS")]
    namespace: Option<String>,
    /// The flow to run: its name, or a file of a flow, such as rules/flows/pod.yaml; by default that of the rules that
    /// match, else the one for its kind
    #[arg(long, value_name = "NAME|FILE")]
    flow: Option<String>,
    /// The kubeconfig to use; by default what kubectl would use
    #[arg(long, value_name = "FILE", conflicts_with = "from")]
    kubeconfig: Option<PathBuf>,
    /// The context of the kubeconfig
    #[arg(long, conflicts_with = "from")]
    context: Option<String>,
    /// Read objects from a file or a folder in place of a cluster, and what their containers wrote from a logs.json
    /// beside it or in it, as `scan` does
    #[arg(long, value_name = "FILE")]
    from: Option<PathBuf>,
    /// The time to take for the present, for files of another day, such as 2026-03-02T10:00:00Z
    #[arg(long, value_name = "T", value_parser = clock::parse, requires = "from")]
    now: Option<Timestamp>,
    #[command(flatten)]
    library: Library,
    /// Keep what is around the object (it and those above it, its events, its node, what it refers to and when that
    /// changed) in a file, as JSON; - shows it in place of the answer
    #[arg(long, value_name = "FILE")]
    snapshot: Option<PathBuf>,
    /// The form of the output
    #[arg(long, value_enum, default_value = "text")]
    output: Output,
}

/// Runs the command.
pub(crate) async fn run(arguments: Arguments) -> Result<Outcome> {
    let now = arguments.now.unwrap_or_else(clock::now);
    if let Some(path) = &arguments.from {
        let mut world = objects::read(path, false)?;
        let unread_logs = world.unread_logs.take();
        for line in &world.left_out {
            eprintln!("prodrome: left out: {}", render::plain(line, 300));
        }
        let outcome = on(world.cluster, &Source::Files(world.name), None, &arguments, now).await?;
        // What is known without them was told; the exit code says that it was not all.
        return unread_logs.map_or(Ok(outcome), Err);
    }
    let reached = Reached::by(arguments.kubeconfig.as_deref(), arguments.context.as_deref()).await?;
    let cluster = reached.cluster();
    let source = Source::Live { place: reached.place, namespace: reached.namespace };
    // What is live may also be asked about outside of it, as far as the limits for plugins go.
    on(cluster, &source, Some(Http::default()), &arguments, now).await
}

/// Where objects are read from.
enum Source {
    /// A file or a folder, by its name.
    Files(String),
    /// A cluster, and the namespace that is meant where none is named.
    Live { place: Place, namespace: String },
}

impl Source {
    /// An error of reading, with what was read.
    fn blame(&self, error: anyhow::Error) -> anyhow::Error {
        match self {
            Self::Files(name) => error.context(name.clone()),
            Self::Live { place, .. } => place.blame(&error),
        }
    }
}

impl std::fmt::Display for Source {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        match self {
            Self::Files(name) => f.write_str(name),
            Self::Live { place, .. } => place.fmt(f),
        }
    }
}

async fn on(
    cluster: impl Cluster + Clone + 'static,
    source: &Source,
    outside: Option<Http>,
    arguments: &Arguments,
    now: Timestamp,
) -> Result<Outcome> {
    // What the cluster is called to rules is not known here.
    let rules = Arc::new(arguments.library.load()?.everywhere());
    let library = &arguments.library;
    // What is asked for is read first: a mistake in it is told before the cluster is asked.
    let named = arguments.flow.as_deref().map(|named| library.flow(named)).transpose()?;
    let located = locate(&cluster, source, &arguments.object, arguments.namespace.as_deref()).await;
    let (resource, key, bytes) = located?;
    let head: ObjectHead = serde_json::from_slice(&bytes).context("the object cannot be read")?;
    let evaluate =
        Evaluate::new(MemoryStore::new(), MemoryQueue::new(now), cluster.clone(), rules.clone(), 1);
    let matching = evaluate.inspect(&scope(), &resource, &bytes, now).await.unwrap_or_default();
    let matched =
        matching.iter().find(|inspection| rules.get(&inspection.rule).is_some_and(|r| r.flow().is_some()));
    let of_rule = matched.and_then(|inspection| rules.get(&inspection.rule)?.flow());
    let flow = match named {
        Some(flow) => flow,
        None => library.flow(of_rule.unwrap_or_else(|| usual(&key.kind, &head.metadata)))?,
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
    let screen = Screen::new(text);
    let summary = render::plain(flow.summary(), 300);
    screen.tell(&format!("{}: {summary}", render::paint(flow.name(), "1", screen.colours)));
    let mut asked = AnyCluster::new(cluster);
    if let Some(http) = outside {
        asked = asked.with_outside(http);
    }
    let kept = match &arguments.snapshot {
        Some(_) => Some(snapshot::of(&finding, asked.clone(), plugins.clone(), now).await?),
        None => None,
    };
    let diagnosis = ask(&flow, &finding, asked, plugins, now, &screen).await;
    let mut diagnosis =
        apply(&finding, diagnosis).diagnosis.map_or_else(Diagnosis::default, |diagnosis| *diagnosis);
    if matching.is_empty() {
        well::say_so(&mut diagnosis, &key.to_string());
    }
    let shown = match (&arguments.snapshot, kept) {
        (Some(path), Some(document)) => snapshot::keep(&document, path, &screen)?,
        _ => false,
    };
    if shown {
        // Standard output is the document's.
    } else if text {
        print(&diagnosis)?;
    } else {
        say!("{}", render::json(&diagnosis)?);
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

/// The cluster that is looked at.
pub(crate) fn scope() -> Scope {
    Scope::new("default", "local", "local")
}

/// The finding that would be sent.
pub(crate) fn finding(about: About, rules: &RuleSet, now: Timestamp) -> Finding {
    let rule = rules.get(&about.rule);
    let scope = scope();
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

/// Shows each node as it works, on standard error: standard output is for what it all comes to.
struct Screen {
    text: bool,
    colours: bool,
    /// Whether it is seen while it happens. Where it is read afterwards, answers are enough.
    is_live: bool,
}

impl Screen {
    fn new(text: bool) -> Self {
        Self { text, colours: render::colours_of_errors(), is_live: std::io::stderr().is_terminal() }
    }

    fn tell(&self, line: &str) {
        if self.text {
            // Where nobody reads, the answer is still found.
            drop(writeln!(std::io::stderr().lock(), "{line}"));
        }
    }
}

impl Progress for Screen {
    fn asked(&self, node: &str) {
        if self.is_live {
            self.tell(&format!("  {node} …"));
        }
    }

    async fn done(&self, node: &str, state: NodeState) -> Option<NodeState> {
        let said = match &state {
            NodeState::Answered { response } => {
                let cause =
                    response.cause.as_deref().map(|c| format!(" {c} ({:.0} %)", response.confidence * 100.0));
                let code = match response.verdict {
                    Verdict::Cause => "33",
                    Verdict::Cleared => "32",
                    Verdict::Unknown => "2",
                };
                let verdict = format!("{}{}", response.verdict.as_str(), cause.unwrap_or_default());
                let verdict = render::paint(&verdict, code, self.colours);
                format!("{verdict}: {}", render::plain(&response.summary, 300))
            }
            NodeState::Failed { reason } => render::paint(&render::plain(reason, 300), "31", self.colours),
        };
        self.tell(&format!("  {node}: {said}"));
        Some(state)
    }
}

fn print(diagnosis: &Diagnosis) -> Result<()> {
    let colours = render::colours();
    let plain = |text: &str| render::plain(text, 400);
    if let Some(cause) = &diagnosis.cause {
        let owner = diagnosis.owner.map_or("nobody", Owner::as_str);
        let sure = diagnosis.confidence * 100.0;
        say!("{} {sure:.0} % sure, owner {owner}", render::paint(cause, "1", colours));
        say!("  {}", plain(&diagnosis.summary));
    } else {
        let word = if diagnosis.verdict == Verdict::Cleared { "well" } else { "unknown" };
        say!("{}: {}", render::paint(word, "1", colours), plain(&diagnosis.summary));
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
    // Of what is well it goes without saying.
    let is_well = diagnosis.verdict == Verdict::Cleared;
    for causes in diagnosis.ruled_out_in_words(RULED_OUT_MAX).iter().filter(|_| !is_well) {
        say!("ruled out: {}", plain(causes));
    }
    for unseen in &diagnosis.not_looked_at {
        say!("not looked at: {}: {}", plain(&unseen.what), plain(&unseen.reason));
    }
    Ok(())
}

/// Causes that are ruled out by one sight and named; the JSON has all.
const RULED_OUT_MAX: usize = 6;

/// Namespaces that are named where an object is in several, or in none of those looked at.
const NAMED_MAX: usize = 8;

/// Finds the object: its kind by any of its names, and its namespace where none was named.
async fn locate(
    cluster: &impl Cluster,
    source: &Source,
    text: &str,
    namespace: Option<&str>,
) -> Result<(Resource, ObjectKey, Vec<u8>)> {
    let Some((kind, name)) =
        text.rsplit_once('/').filter(|(kind, name)| !kind.is_empty() && !name.is_empty())
    else {
        bail!("expected KIND/NAME such as pod/web-0 or deploy/web, found {text:?}");
    };
    let resource = kind_of(cluster, source, &KindName::new(kind)).await?;
    let kind = resource.group_kind();
    let namespace = match (namespace, source) {
        _ if !resource.namespaced => None,
        (Some(namespace), _) => Some(namespace.to_owned()),
        (None, Source::Live { namespace, .. }) => Some(namespace.clone()),
        (None, Source::Files(file)) => {
            let mut found = namespaces(cluster, &kind, name).await?;
            match (found.pop(), found.is_empty()) {
                (Some(only), true) => Some(only).filter(|only| !only.is_empty()),
                (Some(last), false) => {
                    found.push(last);
                    bail!(
                        "{file} holds {} of the name {name} in {}: {}; name one with -n",
                        resource.plural,
                        render::count(found.len(), "namespace"),
                        listed(&found)
                    );
                }
                (None, _) => {
                    bail!("{file} holds no {} {name}; {}", kind.kind, nearest(cluster, &kind, name).await?)
                }
            }
        }
    };
    let key = ObjectKey::new(kind, namespace.as_deref(), name);
    let read = cluster.get(&key).await.context("the object cannot be read");
    if let Some(bytes) = read.map_err(|error| source.blame(error))? {
        return Ok((resource, key, bytes));
    }
    let elsewhere = match (source, &key.namespace) {
        (Source::Files(_), Some(_)) => namespaces(cluster, &key.kind, name).await?,
        _ => Vec::new(),
    };
    match (source, &key.namespace) {
        (Source::Files(file), _) if !elsewhere.is_empty() => {
            bail!("{file} holds no {key}; there is one of that name in {}", listed(&elsewhere))
        }
        (Source::Files(file), _) => {
            bail!("{file} holds no {key}; {}", nearest(cluster, &key.kind, name).await?)
        }
        (Source::Live { .. }, Some(_)) => {
            bail!("there is no {key} in {source}; name another namespace with -n")
        }
        (Source::Live { .. }, None) => bail!("there is no {key} in {source}"),
    }
}

/// Finds a kind by any of its names: also by the short ones that a definition of the cluster's own gives.
async fn kind_of(cluster: &impl Cluster, source: &Source, name: &KindName) -> Result<Resource> {
    let served = cluster.resources().await.context("the cluster does not tell what it serves");
    let served = served.map_err(|error| source.blame(error))?;
    if let Some(found) = name.find(&served) {
        return Ok(found);
    }
    if let Some(found) = by_short_name(cluster, &served, name.word()).await {
        return Ok(found);
    }
    let mut kinds: Vec<&str> = served.iter().map(|resource| &*resource.kind).collect();
    kinds.sort_unstable();
    kinds.dedup();
    match source {
        Source::Files(file) if kinds.is_empty() => bail!("{file} holds no object"),
        Source::Files(file) => {
            bail!("{file} holds no object of the kind {name}; it holds {}", listed(&kinds))
        }
        Source::Live { .. } => {
            let hint = prodrome_rules::nearest(name.word(), &kinds).map_or_else(
                || "kubectl api-resources lists all".to_owned(),
                |near| format!("did you mean `{near}`?"),
            );
            bail!("there is no kind {name} in {source}; {hint}")
        }
    }
}

/// A custom kind by a short name of its definition.
async fn by_short_name(cluster: &impl Cluster, served: &[Resource], word: &str) -> Option<Resource> {
    let definitions = GroupKind::new("apiextensions.k8s.io", "CustomResourceDefinition");
    let mut after = None;
    loop {
        // Whoever may not read them has the long names.
        let page = cluster.list(&definitions, None, None, after.as_deref()).await.ok()?;
        for bytes in &page.items {
            let definition: serde_json::Value = serde_json::from_slice(bytes).unwrap_or_default();
            let names = &definition["spec"]["names"];
            let short = names["shortNames"].as_array().map(Vec::as_slice).unwrap_or_default();
            if short.iter().any(|name| name == word) {
                return served
                    .iter()
                    .find(|r| definition["spec"]["group"] == *r.group && names["kind"] == *r.kind)
                    .cloned();
            }
        }
        after = page.next;
        after.as_ref()?;
    }
}

/// The namespaces that have an object of this name; a single empty one where it has none.
async fn namespaces(cluster: &impl Cluster, kind: &GroupKind, name: &str) -> Result<Vec<String>> {
    let all = heads(cluster, kind).await?;
    let mine = all.into_iter().filter(|metadata| metadata.name == name);
    Ok(mine.map(|metadata| metadata.namespace.unwrap_or_default()).collect())
}

/// What to write in place of a name that there is not.
async fn nearest(cluster: &impl Cluster, kind: &GroupKind, name: &str) -> Result<String> {
    let all = heads(cluster, kind).await?;
    let mut names: Vec<&str> = all.iter().map(|metadata| &*metadata.name).collect();
    names.sort_unstable();
    names.dedup();
    Ok(match prodrome_rules::nearest(name, &names) {
        Some(near) => format!("did you mean `{near}`?"),
        None if names.is_empty() => "it holds none at all".to_owned(),
        None => format!("it holds {}", listed(&names)),
    })
}

async fn heads(cluster: &impl Cluster, kind: &GroupKind) -> Result<Vec<Metadata>> {
    let mut all = Vec::new();
    let mut after = None;
    loop {
        let page = match cluster.list(kind, None, None, after.as_deref()).await {
            Err(ClusterError::UnknownKind { .. } | ClusterError::NotKnown { .. }) => return Ok(all),
            page => page.context("the objects cannot be read")?,
        };
        let heads = page.items.iter().filter_map(|bytes| serde_json::from_slice::<ObjectHead>(bytes).ok());
        all.extend(heads.map(|head| head.metadata));
        after = page.next;
        if after.is_none() {
            return Ok(all);
        }
    }
}

fn listed(names: &[impl AsRef<str>]) -> String {
    let word = |name: &str| if name.is_empty() { "no namespace".to_owned() } else { render::plain(name, 80) };
    let words: Vec<String> = names.iter().take(NAMED_MAX).map(|name| word(name.as_ref())).collect();
    let mut text = words.join(", ");
    if names.len() > NAMED_MAX {
        text = format!("{text} and {} more", names.len() - NAMED_MAX);
    }
    text
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
