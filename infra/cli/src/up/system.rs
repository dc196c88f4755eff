//! Everything that runs: the emulator with the deployed template, the watcher, and the screen's channel.

use super::live_rules::{LiveRules, RulesNews};
use super::proxy::Proxy;
use super::receiver::Receiver;
use super::sight::{self, Silence};
use crate::library::Library;
use crate::reach::Reached;
use crate::running::{Notice as RunsNotice, Running};
use anyhow::{Context, Result, anyhow, bail};
use jiff::Timestamp;
use prodrome_cluster::{Cluster as _, ClusterError, KubeCluster};
use prodrome_emulator::{Code, Deployment, Emulator, Options, QueueDepth, Stack, Template};
use prodrome_lifecycle::{Check, Terms, keys};
use prodrome_model::{GroupKind, Notice, SHARDS_DEFAULT, Scope};
use prodrome_queue::{QueueName, SqsQueue};
use prodrome_rulebook::tenants::{GROUP, KIND};
use prodrome_rulebook::{Draft, Rulebook, kind_text};
use prodrome_rules::{RuleSet, SourceFile};
use prodrome_store::{DynamoStore, Store};
use prodrome_watcher::{
    Clock, Connection, FilePlaces, KindPattern, RuleStatuses, Settings, Status, Watcher, listen_to,
};
use std::collections::{BTreeMap, BTreeSet};
use std::io::IsTerminal as _;
use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::time::Duration;
use tokio::sync::watch;
use tokio::task::JoinHandle;
use tokio::time::Instant;

/// The cluster to be watched.
pub(super) enum Cluster {
    /// By a kubeconfig and one of its contexts.
    Kubeconfig {
        /// The file, or several as in `KUBECONFIG`.
        path: PathBuf,
        /// Its current one where absent.
        context: Option<String>,
        /// Whether rules that are objects of the cluster hold too.
        namespace_rules: bool,
    },
    /// A recording that is played at this address.
    Recording(String),
}

impl Cluster {
    async fn connect(&self) -> Result<Connection> {
        Ok(match self {
            Self::Kubeconfig { path, context, .. } => {
                let Reached { client, namespace, place } =
                    Reached::by(Some(path), context.as_deref()).await?;
                let cluster = KubeCluster::new(client.clone());
                if let Err(error @ (ClusterError::Unavailable { .. } | ClusterError::Unauthorized { .. })) =
                    cluster.resource(&GroupKind::core("Pod")).await
                {
                    return Err(place.blame(&error.into()));
                }
                Connection { client, server: place.server, namespace }
            }
            Self::Recording(url) => {
                let config = kube::Config::new(url.parse().context("the recording has no address")?);
                let client = kube::Client::try_from(config).context("the recording cannot be reached")?;
                Connection { client, server: url.clone(), namespace: "default".to_owned() }
            }
        })
    }

    fn name(&self) -> String {
        match self {
            // It stands in keys and in a parameter, and a context may be called anything (`user@prod`).
            Self::Kubeconfig { context: Some(context), .. } => context.replace(|c| !Scope::may_hold(c), "-"),
            Self::Kubeconfig { .. } | Self::Recording(_) => "local".to_owned(),
        }
    }

    fn has_namespace_rules(&self) -> bool {
        matches!(self, Self::Kubeconfig { namespace_rules: true, .. })
    }
}

/// A running system.
pub(super) struct System {
    emulator: Option<Emulator>,
    stack: Stack,
    receiver: Receiver,
    _proxy: Proxy,
    checks: DynamoStore,
    rules: LiveRules<DynamoStore>,
    scope: Scope,
    status: Status,
    stop: watch::Sender<bool>,
    watching: JoinHandle<Result<()>>,
    _announced: Option<RunsNotice>,
}

/// What a look at the system shows.
#[derive(Default)]
pub(super) struct Look {
    pub(super) checks: Vec<Check>,
    /// How long each rule waits, by its name.
    pub(super) terms: Arc<BTreeMap<String, Terms>>,
    pub(super) changes_seen: u64,
    pub(super) lag_seconds: f64,
    pub(super) dead_letters: Vec<(&'static str, u64)>,
    /// What could not be looked at, and why: then what stands above is not all.
    pub(super) unseen: Vec<String>,
    pub(super) rules: Option<RulesNews>,
    /// Kinds that rules of the user's own name and the cluster does not serve.
    pub(super) unserved: Vec<String>,
    /// Of which kinds nothing is seen with these credentials.
    pub(super) denied: Option<String>,
    /// Where the API server gives nothing.
    pub(super) silence: Option<Silence>,
}

impl Look {
    /// Whether a check only waits for a first look at what its object refers to. Most are gone after it: what the
    /// object names is there.
    pub(super) fn awaits_references(&self, check: &Check) -> bool {
        self.terms.get(&check.rule).is_some_and(|terms| check.awaits_references(terms))
    }
}

impl System {
    /// Starts all of it. Says on standard error what takes long.
    pub(super) async fn start(
        root: &Path,
        cluster: &Cluster,
        library: &Library,
        routing: Option<&Path>,
        rules: &RuleSet,
    ) -> Result<Self> {
        let connection = cluster.connect().await?;
        let server = connection.check().await?;
        let receiver = Receiver::start().await?;
        let key = key()?;
        let proxy = Proxy::start(connection.client.clone(), key.clone()).await?;
        let scope = Scope::new("default", "local", cluster.name());
        let files = Files {
            scope: scope.to_string(),
            template: root.join("template.yaml"),
            rules: library.sources()?,
            flows: library.flow_sources()?,
            routing: routing_file(&receiver.url, routing)?,
            kubeconfig: proxy.kubeconfig(),
            namespace_rules: cluster.has_namespace_rules(),
        };
        let started = tokio::task::spawn_blocking(move || deploy(&files, key));
        let (emulator, stack) = started.await.context("the emulator could not be started")??;
        let running = Running {
            endpoint: emulator.endpoint().to_owned(),
            stack: STACK.to_owned(),
            rules_table: stack.output("RulesTableName")?.to_owned(),
            checks_table: stack.output("ChecksTableName")?.to_owned(),
            episodes_table: Some(stack.output("EpisodesTableName")?.to_owned()),
            scope: scope.to_string(),
            kubeconfig: kubeconfig(&emulator),
        };
        let aws = running.sdk_config().await;
        let queue = SqsQueue::new(
            aws_sdk_sqs::Client::new(&aws),
            [(QueueName::Changes, stack.output("ChangesQueueUrl")?.to_owned())],
        );
        let checks = DynamoStore::new(aws_sdk_dynamodb::Client::new(&aws), &*running.checks_table);
        let rule_table = DynamoStore::new(aws_sdk_dynamodb::Client::new(&aws), &*running.rules_table);
        let book = Rulebook::new(rule_table);
        let live = LiveRules::new(library.clone(), book.clone(), library.sources()?, RULES_SETTLE_IN);
        if cluster.has_namespace_rules() {
            // What the namespaces add to: the first version is people's.
            let draft = Draft::new("prodrome up", "for namespaces to add to", library.sources()?);
            book.push(&draft, &[], crate::clock::now()).await.context("the rules cannot be pushed")?;
        }
        let (tell, hearsay) = watch::channel(None);
        // Often: here it costs nothing, and whoever edits a rule waits for it.
        tokio::spawn(listen_to(book, scope.clone(), tell, Duration::from_secs(1)));
        let mut settings = Settings::new(scope.clone(), kinds(&rules.of_cluster(&scope))?);
        if cluster.has_namespace_rules() {
            settings.kinds.push(format!("{GROUP}/{KIND}").parse().map_err(|error| anyhow!("{error}"))?);
            let statuses = RuleStatuses::new(connection.client.clone(), scope.clone(), Vec::new());
            tokio::spawn(statuses.run(Clock::system()));
        }
        settings.stream_lists &= server.may_stream_lists();
        let places = FilePlaces::new(emulator.folder().join("place.json"));
        let watcher =
            Watcher::new(connection.client, queue, places, settings, Clock::system()).hearing(hearsay);
        let status = watcher.status();
        let (stop, mut stopped) = watch::channel(false);
        let runtime = tokio::runtime::Handle::current();
        // On a thread of its own, which it keeps busy when a large cluster is listed.
        let watching = tokio::task::spawn_blocking(move || {
            runtime.block_on(async move {
                let until = async move {
                    // An error means that the sender is gone, and with it everything else.
                    stopped.wait_for(|stop| *stop).await.map(|_| ()).unwrap_or_default();
                };
                watcher.run(until).await.map_err(|error| anyhow!("the watcher ended: {error}"))
            })
        });
        let announced = running.announce();
        if let Err(error) = &announced {
            eprintln!("prodrome: other commands will not find this one by --local: {}", crate::chain(error));
        }
        Ok(Self {
            _announced: announced.ok(),
            emulator: Some(emulator),
            stack,
            receiver,
            _proxy: proxy,
            checks,
            rules: live,
            scope,
            status,
            stop,
            watching,
        })
    }

    /// The next notice that the alert function sent; an error where something broke that ends all.
    pub(super) async fn notice(&mut self) -> Result<Notice> {
        tokio::select! {
            notice = self.receiver.notices.recv() => notice.context("notices can no longer be received"),
            ended = &mut self.watching => match ended {
                Ok(Ok(())) => Err(anyhow!("the watcher ended by itself")),
                Ok(Err(error)) => Err(error),
                Err(error) => Err(anyhow!(error).context("the watcher broke down")),
            },
        }
    }

    /// Takes up rule files that were edited, then says how it is now.
    pub(super) async fn look_and_follow_rules(&mut self, now: Timestamp) -> Look {
        self.rules.look(now).await;
        self.look().await
    }

    /// How it is now.
    pub(super) async fn look(&self) -> Look {
        let metrics = self.status.render();
        let mut look = Look {
            changes_seen: total(&metrics, "prodrome_watcher_changes_seen_total"),
            lag_seconds: self.status.lag_seconds(),
            rules: self.rules.news(),
            terms: self.rules.terms(),
            denied: sight::denied(&self.status.denied_kinds()),
            silence: Silence::of(self.status.cut_off_for(Instant::now()), self.status.trouble()),
            unserved: self.unserved(),
            ..Look::default()
        };
        match self.open_checks().await {
            Ok((checks, unread)) => {
                look.checks = checks;
                look.unseen.extend(unread.map(|reason| format!("an open check cannot be read: {reason}")));
            }
            Err(error) => look.unseen.push(format!("open checks cannot be read: {}", crate::chain(&error))),
        }
        if let Some(emulator) = &self.emulator {
            let client = emulator.client().clone();
            let outputs = [
                "ChangesDeadLetterQueueUrl",
                "ChecksDeadLetterQueueUrl",
                "DiagnosesDeadLetterQueueUrl",
                "FindingsDeadLetterQueueUrl",
            ];
            let urls: Vec<_> =
                outputs.iter().filter_map(|o| Some((*o, self.stack.output(o).ok()?.to_owned()))).collect();
            let depths = tokio::task::spawn_blocking(move || {
                let depth = |url: &str| client.queue_depth(url).map(QueueDepth::total);
                urls.into_iter().map(|(name, url)| Ok((name, depth(&url)?))).collect::<Result<Vec<_>>>()
            });
            match depths.await.map_err(anyhow::Error::new).flatten() {
                Ok(depths) => look.dead_letters.extend(
                    depths
                        .into_iter()
                        .filter(|(_, depth)| *depth > 0)
                        .map(|(name, depth)| (name.trim_end_matches("DeadLetterQueueUrl"), depth)),
                ),
                Err(error) => {
                    look.unseen.push(format!("dead letters cannot be counted: {}", crate::chain(&error)));
                }
            }
        }
        look
    }

    /// The kinds that the cluster does not serve and rules of the user's own name. The shipped ones know many a kind that
    /// a cluster need not have.
    fn unserved(&self) -> Vec<String> {
        let own: BTreeSet<String> =
            kinds(self.rules.own()).unwrap_or_default().iter().map(ToString::to_string).collect();
        self.status.unresolved().into_iter().filter(|kind| own.contains(kind)).collect()
    }

    /// The open checks, by their markers; and why one of them cannot be read, where that is so.
    async fn open_checks(&self) -> Result<(Vec<Check>, Option<String>)> {
        let mut wanted = Vec::new();
        for shard in 0..SHARDS_DEFAULT {
            let partition = keys::shard_partition(&self.scope, shard);
            let mut after: Option<String> = None;
            loop {
                let page = self.checks.query(&partition, "c:", after.as_deref()).await?;
                for record in &page.records {
                    let marker = keys::parse_marker(&record.key.sort);
                    let key = marker
                        .and_then(|(path, rule)| Some((prodrome_model::ObjectKey::from_path(path)?, rule)));
                    if let Some((object, rule)) = key.filter(|(_, rule)| !rule.starts_with('~')) {
                        wanted.push(keys::check(&self.scope, &object, rule));
                    }
                }
                after = page.next;
                if after.is_none() {
                    break;
                }
            }
        }
        let records = self.checks.get_many(&wanted).await?;
        let (mut checks, mut unread) = (Vec::new(), None);
        for record in &records {
            match serde_json::from_str(&record.data) {
                Ok(check) => checks.push(check),
                Err(error) => unread = Some(error.to_string()),
            }
        }
        Ok((checks, unread))
    }

    /// Stops the watcher (it flushes), then everything else.
    pub(super) async fn stop(mut self) {
        if self.stop.send(true).is_ok() && !self.watching.is_finished() {
            let waited = tokio::time::timeout(std::time::Duration::from_secs(10), &mut self.watching).await;
            if waited.is_err() {
                self.watching.abort();
            }
        }
        if let Some(emulator) = self.emulator.take() {
            let stopped = tokio::task::spawn_blocking(move || emulator.stop()).await;
            if let Err(error) = stopped {
                tracing::warn!(%error, "the emulator was not stopped in order");
            }
        }
    }
}

/// A rule file that was edited is read again after this, as an editor may be writing.
const RULES_SETTLE_IN: Duration = Duration::from_millis(200);
/// The variable that holds the key by which the screen's channel is signed.
const SECRET: &str = "PRODROME_SCREEN_KEY";

/// The name of what is deployed.
const STACK: &str = "prodrome";

/// What the functions are given.
struct Files {
    scope: String,
    template: PathBuf,
    rules: Vec<SourceFile>,
    flows: Vec<SourceFile>,
    routing: String,
    kubeconfig: String,
    namespace_rules: bool,
}

fn deploy(files: &Files, key: String) -> Result<(Emulator, Stack)> {
    let program = std::env::current_exe().context("this program is not found on the disk")?;
    let options = Options { environment: vec![(SECRET.to_owned(), key)], ..Options::default() };
    let emulator = Emulator::start(&options, &step)?;
    step("deploying template.yaml to the emulator");
    let template = Template::read(&files.template)?;
    // Beside the emulator's own: a process that is killed takes them along.
    let folder = emulator.folder().join("prodrome");
    let (rules, routing) = (folder.join("rules"), folder.join("routing.json"));
    let kubeconfig = kubeconfig(&emulator);
    let write = || -> std::io::Result<()> {
        let flows = rules.join("flows");
        std::fs::create_dir_all(&flows)?;
        for (index, file) in files.rules.iter().enumerate() {
            let name = Path::new(&file.name).file_name().unwrap_or_default().to_string_lossy().into_owned();
            std::fs::write(rules.join(format!("{index:03}-{name}")), &file.text)?;
        }
        for file in &files.flows {
            std::fs::write(flows.join(Path::new(&file.name).file_name().unwrap_or_default()), &file.text)?;
        }
        std::fs::write(&routing, &files.routing)?;
        std::fs::write(&kubeconfig, &files.kubeconfig)
    };
    write().with_context(|| format!("cannot write to {}", folder.display()))?;
    let code = Code::launching(&program)?.with_dir("rules", &rules)?;
    let deployment = Deployment::new(STACK, &template)
        .code(&code)
        .parameter("ClusterScope", &*files.scope)
        .parameter("ClusterKubeconfig", kubeconfig.display().to_string())
        .parameter("RoutingFile", routing.display().to_string())
        .parameter("NamespaceRules", files.namespace_rules.to_string());
    let stack = emulator.deploy(&deployment)?;
    Ok((emulator, stack))
}

/// Says what takes long. In a terminal the many steps of one thing (`fetching …: 7 boto3`) share a line.
fn step(text: &str) {
    match (std::io::stderr().is_terminal(), text.contains(": ")) {
        (true, true) => eprint!("\r{text}\x1b[K"),
        (true, false) => eprint!("\r{text}\x1b[K\n"),
        (false, _) => eprintln!("{text}"),
    }
}

/// A routing file that tells this screen everything, beside what the user's own says.
fn routing_file(url: &str, own: Option<&Path>) -> Result<String> {
    let text = match own {
        Some(own) => {
            let text =
                std::fs::read_to_string(own).with_context(|| format!("cannot read {}", own.display()))?;
            let mistakes =
                prodrome_notify::Routing::parse(&own.display().to_string(), &text).err().unwrap_or_default();
            if !mistakes.is_empty() {
                let lines: Vec<_> = mistakes.iter().map(ToString::to_string).collect();
                bail!("the routing file is wrong: {}", lines.join("; "));
            }
            text
        }
        None => "channels: {}\nroutes: []\n".to_owned(),
    };
    let mut routing: serde_json::Value =
        serde_saphyr::from_str(&text).context("the routing file is not YAML")?;
    routing["channels"]["prodrome-screen"] = serde_json::json!({
        "type": "webhook", "url": url, "secret": { "env": SECRET }, "limit": { "messages": 10_000, "per": "1m" },
    });
    if let Some(routes) = routing["routes"].as_array_mut() {
        routes.insert(0, serde_json::json!({ "channels": ["prodrome-screen"], "continue": true }));
    }
    serde_json::to_string_pretty(&routing).context("cannot write a routing file")
}

/// The kinds that the rules name.
fn kinds(rules: &RuleSet) -> Result<Vec<KindPattern>> {
    let mut kinds = Vec::new();
    for pattern in rules.kinds() {
        let text = kind_text(&pattern);
        kinds.push(text.parse().map_err(|error| anyhow!("rules name the kind {text}: {error}"))?);
    }
    Ok(kinds)
}

/// Where the functions' kubeconfig lies.
fn kubeconfig(emulator: &Emulator) -> PathBuf {
    emulator.folder().join("prodrome/kubeconfig")
}

/// A key that only this run knows.
fn key() -> Result<String> {
    use std::io::Read as _;
    let mut seed = [0; 32];
    let random = std::fs::File::open("/dev/urandom").and_then(|mut random| random.read_exact(&mut seed));
    random.context("the system gives no random numbers (/dev/urandom)")?;
    Ok(seed.iter().fold(String::new(), |key, byte| key + &format!("{byte:02x}")))
}

/// The sum of a Prometheus counter over its labels.
fn total(metrics: &str, name: &str) -> u64 {
    let lines = metrics
        .lines()
        .filter(|line| line.strip_prefix(name).is_some_and(|rest| rest.starts_with(['{', ' '])));
    lines.filter_map(|line| line.rsplit(' ').next()?.parse::<u64>().ok()).sum()
}
