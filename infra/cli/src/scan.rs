//! `prodrome scan`: one look, no cloud, no watcher.

mod counting;
mod misfits;
mod report;

use crate::library::Library;
use crate::progress::Progress;
use crate::reach::Reached;
use crate::{Outcome, clock, container_logs, diagnose, objects, render};
use anyhow::{Context, Result, anyhow};
use clap::{Args, ValueEnum};
use jiff::Timestamp;
use misfits::Misfits;
use prodrome_cluster::{Cluster, ClusterError, owner};
use prodrome_evaluate::{Evaluate, Inspection};
use prodrome_flows::FlowSet;
use prodrome_model::{
    Diagnosis, EventBrief, Finding, GroupKind, Metadata, ObjectHead, ObjectRef, Owner, Resource, Severity,
    later,
};
use prodrome_plugin::{AnyCluster, Registry};
use prodrome_queue::MemoryQueue;
use prodrome_rules::{CountBy, Mode, Rule, RuleSet};
use prodrome_store::MemoryStore;
use serde::Serialize;
use std::cell::RefCell;
use std::collections::{BTreeMap, BTreeSet};
use std::path::PathBuf;
use std::sync::Arc;

/// Objects that text output names a group, the rest being counted.
const NAMED_MAX: usize = 5;

/// Arguments of `prodrome scan`.
#[derive(Args)]
#[command(
    after_help = "Exit code: 0 nothing fires, 1 something does, 2 it could not be done, or not for all files or kinds. \
                  What is no object in a file, or none that can be read, is said and left out."
)]
pub(crate) struct Arguments {
    /// The kubeconfig to use; by default what kubectl would use
    #[arg(long, value_name = "FILE", conflicts_with = "from")]
    kubeconfig: Option<PathBuf>,
    /// The context of the kubeconfig
    #[arg(long, conflicts_with = "from")]
    context: Option<String>,
    /// Only this namespace
    #[arg(short, long, value_name = "NS")]
    namespace: Option<String>,
    /// Read objects from files in place of a cluster: JSON (a List, or one object a line) or YAML, `-` for standard
    /// input. Each file is a small world of its own; a folder is one world of all *.json, *.jsonl, *.ndjson, *.yaml and
    /// *.yml in it and below. A logs.json beside a file, or in a folder, is what containers wrote:
    /// {"namespace/pod/container": {"current": "…", "previous": "…"}}
    #[arg(long, value_name = "FILE", num_args = 1..)]
    from: Vec<PathBuf>,
    /// Kinds that do not appear in a file at all are unknown, rather than not there; of a cluster: be content with the
    /// kinds that may be listed (the exit code is then that of what was seen)
    #[arg(long)]
    partial: bool,
    /// The time to take for the present, for files of another day, such as 2026-03-02T10:00:00Z
    #[arg(long, value_name = "T", value_parser = clock::parse)]
    now: Option<Timestamp>,
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
    Sarif,
}

/// A finding as scan prints it.
#[derive(Debug, Clone, Serialize)]
#[serde(rename_all = "camelCase")]
struct Found {
    #[serde(skip_serializing_if = "Option::is_none")]
    file: Option<String>,
    rule: String,
    state: State,
    severity: Severity,
    owner: Owner,
    #[serde(skip_serializing_if = "Option::is_none")]
    cause: Option<String>,
    #[serde(skip_serializing_if = "Option::is_none")]
    confidence: Option<f64>,
    #[serde(skip_serializing_if = "Option::is_none")]
    faulty: Option<ObjectRef>,
    object: ObjectRef,
    since: Timestamp,
    fires_at: Timestamp,
    summary: String,
    evidence: Vec<String>,
    /// What to do about the cause, in order.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    remediation: Vec<String>,
    /// The topmost controller, by which text output groups.
    #[serde(skip)]
    top: ObjectRef,
    #[serde(skip)]
    events: Vec<EventBrief>,
    #[serde(skip)]
    metadata: Metadata,
    #[serde(skip)]
    why: Option<Box<Diagnosis>>,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Serialize)]
#[serde(rename_all = "lowercase")]
enum State {
    Firing,
    Pending,
}

/// The rules that tell somebody, in whichever clusters they hold. That others are left out is said on standard error.
fn told(rules: &RuleSet) -> RuleSet {
    let told = RuleSet::new(rules.rules().iter().filter(|rule| rule.mode() == Mode::Live).cloned());
    match rules.rules().len() - told.rules().len() {
        0 => {}
        1 => eprintln!("1 rule is staged and left out"),
        n => eprintln!("{n} rules are staged and left out"),
    }
    told.everywhere()
}

/// Runs the command.
pub(crate) async fn run(arguments: Arguments) -> Result<Outcome> {
    let (rules, left_out) = arguments.library.load_counting()?;
    let rules = Arc::new(told(&rules));
    let flows = arguments.library.flows()?;
    let plugins = Arc::new(prodrome_local::plugins());
    let now = arguments.now.unwrap_or_else(clock::now);
    let mut found = Vec::new();
    let (mut seen, mut within) = (0, 0);
    let files: Vec<&PathBuf> = objects_of(&arguments.from).collect();
    let mut unread = Vec::new();
    let mut unread_logs: Vec<anyhow::Error> = Vec::new();
    if arguments.from.is_empty() {
        let reached = Reached::by(arguments.kubeconfig.as_deref(), arguments.context.as_deref()).await?;
        let scanner = Scanner::new(reached.cluster(), rules.clone(), now, None);
        let scanned = scanner.cluster(arguments.namespace.as_deref(), &mut found).await;
        let Listed { objects, unserved, refused } = scanned.map_err(|error| reached.place.blame(&error))?;
        seen = objects;
        if refused > 0 && !arguments.partial {
            unread.push(anyhow!(
                "{} may not be listed, so nothing is known of what rules say of {}: give the account that right, or be content with the rest by --partial",
                render::count(refused, "kind"),
                if refused == 1 { "it" } else { "them" }
            ));
        }
        // The shipped rules know many a kind that a cluster need not have; who names rules of their own means them.
        if !arguments.library.rules.is_empty() && !unserved.is_empty() {
            eprintln!(
                "prodrome: warning: the cluster serves no {}: what rules say of these was not looked for",
                unserved.join(", ")
            );
        }
        within = seen;
        scanner.diagnose(&flows, &plugins, &mut found).await;
    } else {
        let mut progress = Progress::new();
        for path in &files {
            progress.tell(|| format!("{} looked at, now {}", render::count(seen, "object"), path.display()));
            // One file that cannot be read does not take the others down.
            let mut world = match objects::read(path, arguments.partial) {
                Ok(world) => world,
                Err(error) => {
                    unread.push(error);
                    continue;
                }
            };
            for line in &world.left_out {
                progress.clear();
                eprintln!("prodrome: left out: {}", render::plain(line, 300));
            }
            // Files in one folder have one of these beside them.
            unread_logs.extend(
                world
                    .unread_logs
                    .take()
                    .filter(|e| unread_logs.iter().all(|o| o.to_string() != e.to_string())),
            );
            let scanner = Scanner::new(world.cluster.clone(), rules.clone(), now, Some(world.name.clone()));
            let mut own = Vec::new();
            let mut misfits = Misfits::default();
            for (resource, bytes) in &world.objects {
                seen += 1;
                if arguments.is_within(bytes) {
                    misfits.look_at(&rules, resource, bytes);
                }
                within += usize::from(arguments.is_within(bytes));
                progress.tell(|| format!("{} looked at, now {}", render::count(seen, "object"), world.name));
                scanner.object(resource, bytes, arguments.namespace.as_deref(), &mut own).await?;
            }
            for line in misfits.told() {
                progress.clear();
                eprintln!("prodrome: warning: {}: {}", world.name, render::plain(&line, 400));
            }
            scanner.rest(&mut own).await;
            scanner.diagnose(&flows, &plugins, &mut own).await;
            found.append(&mut own);
        }
    }
    let nothing_read = !unread.is_empty() && unread.len() == files.len();
    found.sort_by(|a, b| {
        let key = |f: &Found| {
            (f.state, std::cmp::Reverse(f.severity), f.rule.clone(), f.top.clone(), f.object.clone())
        };
        (a.file.as_ref(), key(a)).cmp(&(b.file.as_ref(), key(b)))
    });
    if within == 0 && !nothing_read {
        // Nothing is wrong with nothing: whoever reads "0 firing" should know.
        let place = match &*arguments.from {
            [] => "the cluster".to_owned(),
            [one] => one.display().to_string(),
            several => format!("{} files", several.len()),
        };
        let namespace = arguments.namespace.as_deref();
        let namespace =
            namespace.map(|n| format!(" in the namespace {}", render::plain(n, 80))).unwrap_or_default();
        eprintln!("prodrome: warning: no object was read from {place}{namespace}, so nothing is known of it");
    }
    if !nothing_read {
        report::print(&found, seen, &rules, now, arguments.output)?;
    }
    unread.append(&mut unread_logs);
    if let Some(last) = unread.pop() {
        for error in &unread {
            eprintln!("prodrome: {}", crate::chain(error));
        }
        return Err(last); // what could be read was told, and the exit code says that it was not all
    }
    if let Some(left_out) = left_out {
        return Err(left_out.into()); // as for files
    }
    let firing = found.iter().any(|f| f.state == State::Firing);
    Ok(if firing { Outcome::Found } else { Outcome::Quiet })
}

/// The files and folders that are meant: a `logs.json` beside others (`bundle/*`) is read with each of them.
fn objects_of(named: &[PathBuf]) -> impl Iterator<Item = &PathBuf> {
    let is_beside = |path: &PathBuf| {
        container_logs::is_one(path)
            && named.iter().any(|other| other != path && other.parent() == path.parent())
    };
    named.iter().filter(move |path| !is_beside(path))
}

impl Arguments {
    /// Whether an object is in the namespace that is looked at.
    fn is_within(&self, bytes: &[u8]) -> bool {
        let Some(wanted) = &self.namespace else { return true };
        let head = serde_json::from_slice::<ObjectHead>(bytes);
        head.is_ok_and(|head| head.metadata.namespace.as_ref() == Some(wanted))
    }
}

/// What a cluster had to show.
struct Listed {
    /// How many objects were looked at.
    objects: usize,
    /// The kinds that it does not serve.
    unserved: Vec<String>,
    /// How many kinds may not be listed.
    refused: usize,
}

struct Scanner<C> {
    evaluate: Evaluate<MemoryStore, MemoryQueue, C>,
    cluster: C,
    rules: Arc<RuleSet>,
    now: Timestamp,
    file: Option<String>,
    /// What cannot be graded before all objects have been seen.
    later: RefCell<Vec<Inspection>>,
}

impl<C: Cluster + Clone + 'static> Scanner<C> {
    fn new(cluster: C, rules: Arc<RuleSet>, now: Timestamp, file: Option<String>) -> Self {
        let evaluate =
            Evaluate::new(MemoryStore::new(), MemoryQueue::new(now), cluster.clone(), rules.clone(), 1);
        Self { evaluate, cluster, rules, now, file, later: RefCell::default() }
    }

    /// Lists the kinds that the rules are about, page by page. What may not be listed is said and left out.
    async fn cluster(&self, namespace: Option<&str>, found: &mut Vec<Found>) -> Result<Listed> {
        let kinds = self.subjects().await?;
        let mut seen = 0;
        let (mut refused, mut unserved) = (Vec::new(), Vec::new());
        let mut progress = Progress::new();
        for kind in kinds {
            let resource = match self.cluster.resource(&kind).await {
                Ok(resource) => resource,
                Err(ClusterError::UnknownKind { .. }) => {
                    unserved.push(kind.to_string());
                    continue;
                }
                Err(error) => return Err(error).context("the cluster cannot be read"),
            };
            let mut after: Option<String> = None;
            progress.tell(|| format!("{} looked at, now {kind}", render::count(seen, "object")));
            loop {
                let within = namespace.filter(|_| resource.namespaced);
                if namespace.is_some() && !resource.namespaced {
                    break;
                }
                let page = match self.cluster.list(&kind, within, None, after.as_deref()).await {
                    Ok(page) => page,
                    Err(error @ (ClusterError::Forbidden { .. } | ClusterError::UnknownKind { .. })) => {
                        refused.push((kind.to_string(), error.to_string()));
                        break;
                    }
                    Err(error) => return Err(error).with_context(|| format!("{kind} cannot be listed")),
                };
                for bytes in &page.items {
                    seen += 1;
                    progress.tell(|| format!("{} looked at, now {kind}", render::count(seen, "object")));
                    self.object(&resource, bytes, namespace, found).await?;
                }
                after = page.next;
                if after.is_none() {
                    break;
                }
            }
        }
        self.rest(found).await;
        for line in render::folded(&refused, NAMED_MAX) {
            eprintln!("prodrome: left out: {}", render::plain(&line, 2_000));
        }
        Ok(Listed { objects: seen, unserved, refused: refused.len() })
    }

    /// The kinds that rules are about; all that the cluster serves where a rule is about every kind.
    async fn subjects(&self) -> Result<BTreeSet<GroupKind>> {
        let patterns: Vec<_> =
            self.rules.rules().iter().filter(|r| r.enabled()).flat_map(prodrome_rules::Rule::kinds).collect();
        let mut kinds: BTreeSet<GroupKind> =
            patterns.iter().filter_map(prodrome_rules::KindPattern::to_group_kind).collect();
        if patterns.iter().any(|pattern| pattern.to_group_kind().is_none()) {
            let served =
                self.cluster.resources().await.context("the cluster does not tell what it serves")?;
            let wanted =
                served.iter().map(Resource::group_kind).filter(|k| patterns.iter().any(|p| p.matches(k)));
            kinds.extend(wanted);
        }
        Ok(kinds)
    }

    async fn object(
        &self,
        resource: &Resource,
        bytes: &[u8],
        namespace: Option<&str>,
        found: &mut Vec<Found>,
    ) -> Result<()> {
        let inspections = match self.evaluate.inspect(&diagnose::scope(), resource, bytes, self.now).await {
            Ok(inspections) => inspections,
            Err(error) => {
                let file = self.file.as_deref().map(|f| format!("{f}: ")).unwrap_or_default();
                eprintln!(
                    "prodrome: {file}{} is left out: {}",
                    prodrome_rules::with_article(&resource.kind),
                    render::plain(&error.to_string(), 300)
                );
                return Ok(());
            }
        };
        for inspection in inspections {
            if namespace.is_some() && inspection.object.namespace.as_deref() != namespace {
                continue;
            }
            let rule = self.rules.get(&inspection.rule);
            if rule.is_some_and(|rule| rule.frequency().is_some() || rule.is_about_events()) {
                self.later.borrow_mut().push(inspection);
            } else if let Some(one) = self.grade(inspection).await {
                found.push(one);
            }
        }
        Ok(())
    }

    /// What could not be graded before all objects had been seen.
    async fn rest(&self, found: &mut Vec<Found>) {
        let later = counting::settle(self.later.take(), &self.rules, self.now);
        for inspection in later {
            found.extend(self.grade(inspection).await);
        }
    }

    /// Fills in why: of the findings of one rule and one top owner, one is examined for all.
    async fn diagnose(&self, flows: &FlowSet, plugins: &Arc<Registry>, found: &mut [Found]) {
        let mut known: BTreeMap<(String, ObjectRef), Finding> = BTreeMap::new();
        for one in found.iter_mut().filter(|one| one.state == State::Firing) {
            let flow = self.rules.get(&one.rule).and_then(|rule| flows.get(rule.flow()?));
            let Some(flow) = flow else { continue };
            let key = (one.rule.clone(), one.top.clone());
            if !known.contains_key(&key) {
                let about = diagnose::About {
                    rule: one.rule.clone(),
                    summary: one.summary.clone(),
                    evidence: one.evidence.clone(),
                    since: one.since,
                    object: one.object.clone(),
                    top: one.top.clone(),
                    metadata: one.metadata.clone(),
                };
                let finding = diagnose::finding(about, &self.rules, self.now);
                let cluster = AnyCluster::new(self.cluster.clone());
                let unwatched = diagnose::Unwatched;
                let asked = diagnose::ask(flow, &finding, cluster, plugins.clone(), self.now, &unwatched);
                known.insert(key.clone(), prodrome_diagnose::apply(&finding, asked.await));
            }
            let Some(told) = known.get(&key) else { continue };
            let Some(why) = &told.diagnosis else { continue };
            one.owner = told.owner;
            one.cause = Some(told.cause.clone().unwrap_or_else(|| "unknown".to_owned()));
            one.confidence = Some(why.confidence);
            one.faulty.clone_from(&why.faulty);
            one.remediation.clone_from(&why.remediation);
            one.why = Some(why.clone());
        }
    }

    /// Firing or pending, with what a person wants to know beside it.
    async fn grade(&self, inspection: Inspection) -> Option<Found> {
        let rule = self.rules.get(&inspection.rule)?;
        let since = inspection.since.unwrap_or(self.now);
        let fires_at = later(since, rule.duration());
        let state = if fires_at <= self.now { State::Firing } else { State::Pending };
        let events = match state {
            State::Firing => {
                let events = self.cluster.events(&inspection.object.key(), &inspection.metadata.uid).await;
                events.unwrap_or_default().into_iter().take(3).collect()
            }
            State::Pending => Vec::new(),
        };
        Some(Found {
            file: self.file.clone(),
            rule: inspection.rule,
            state,
            severity: rule.severity(),
            owner: rule.owner(),
            cause: None,
            confidence: None,
            faulty: None,
            metadata: inspection.metadata.clone(),
            why: None,
            top: match inspection.counts.filter(|_| is_grouped(rule)) {
                Some(counts) => counts.owner,
                None => owner::topmost_owner(&self.cluster, &inspection.object, &inspection.metadata).await,
            },
            object: inspection.object,
            since,
            fires_at,
            summary: inspection.summary,
            evidence: inspection.evidence,
            remediation: Vec::new(),
            events,
        })
    }
}

/// Whether its begins are counted over many objects.
fn is_grouped(rule: &Rule) -> bool {
    rule.frequency().is_some_and(|frequency| *frequency.by() != CountBy::Object)
}
