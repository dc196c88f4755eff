//! Everything that runs: the emulator with the deployed template, the watcher, and the screen's channel.

use super::receiver::Receiver;
use crate::library::Library;
use anyhow::{Context, Result, anyhow, bail};
use aws_config::{BehaviorVersion, Region, SdkConfig};
use jiff::Timestamp;
use prodrome_emulator::{Code, Deployment, Emulator, Options, Stack, Template};
use prodrome_lifecycle::{Check, keys};
use prodrome_model::{Notice, SHARDS_DEFAULT, Scope};
use prodrome_queue::{QueueName, SqsQueue};
use prodrome_rules::RuleSet;
use prodrome_store::{DynamoStore, Store};
use prodrome_watcher::{Clock, FilePlaces, KindPattern, Settings, Status, Watcher, connect};
use std::path::{Path, PathBuf};
use tokio::sync::watch;
use tokio::task::JoinHandle;

/// The cluster to be watched.
pub(super) struct Cluster {
    pub(super) kubeconfig: PathBuf,
    pub(super) context: Option<String>,
}

/// A running system.
pub(super) struct System {
    emulator: Option<Emulator>,
    stack: Stack,
    receiver: Receiver,
    checks: DynamoStore,
    scope: Scope,
    status: Status,
    stop: watch::Sender<bool>,
    watching: JoinHandle<Result<()>>,
}

/// What a look at the system shows.
#[derive(Default)]
pub(super) struct Look {
    pub(super) checks: Vec<Check>,
    pub(super) changes_seen: u64,
    pub(super) changes_sent: u64,
    pub(super) lag_seconds: f64,
    pub(super) dead_letters: Vec<(&'static str, u64)>,
}

impl System {
    /// Starts all of it. Says on standard error what takes long.
    pub(super) async fn start(
        root: &Path,
        scratch: &Path,
        cluster: &Cluster,
        library: &Library,
        routing: Option<&Path>,
        rules: &RuleSet,
    ) -> Result<Self> {
        let connection = connect(Some(&cluster.kubeconfig), cluster.context.as_deref()).await?;
        connection.check().await?;
        let receiver = Receiver::start().await?;
        let routing = write_routing(scratch, &receiver.url, routing)?;
        let rules_dir = write_rules(scratch, library)?;
        let kubeconfig = cluster.kubeconfig.canonicalize().context("the kubeconfig is gone")?;
        let parameters = [
            ("ClusterKubeconfig", kubeconfig.display().to_string()),
            ("ClusterContext", cluster.context.clone().unwrap_or_default()),
            ("RoutingFile", routing.display().to_string()),
        ];
        let template = root.join("template.yaml");
        let environment = vec![(SECRET.to_owned(), webhook_key())];
        let started =
            tokio::task::spawn_blocking(move || deploy(&template, &rules_dir, &parameters, environment));
        let (emulator, stack) = started.await.context("the emulator could not be started")??;
        let aws = sdk_config(&emulator).await;
        let queue = SqsQueue::new(
            aws_sdk_sqs::Client::new(&aws),
            [(QueueName::Changes, stack.output("ChangesQueueUrl")?.to_owned())],
        );
        let checks = DynamoStore::new(aws_sdk_dynamodb::Client::new(&aws), stack.output("ChecksTableName")?);
        let scope = Scope::new("default", "local", connection_name(cluster));
        let settings = Settings::new(scope.clone(), kinds(rules)?);
        let places = FilePlaces::new(scratch.join("place.json"));
        let watcher = Watcher::new(connection.client, queue, places, settings, Clock::system());
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
        Ok(Self { emulator: Some(emulator), stack, receiver, checks, scope, status, stop, watching })
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

    /// How it is now.
    pub(super) async fn look(&self, _: Timestamp) -> Look {
        let metrics = self.status.render();
        let mut look = Look {
            changes_seen: total(&metrics, "prodrome_watcher_changes_seen_total"),
            changes_sent: total(&metrics, "prodrome_watcher_changes_sent_total"),
            lag_seconds: self.status.lag_seconds(),
            ..Look::default()
        };
        look.checks = self.open_checks().await.unwrap_or_default();
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
                urls.into_iter()
                    .filter_map(|(name, url)| Some((name, client.queue_depth(&url).ok()?.total())))
                    .collect::<Vec<_>>()
            });
            for (name, depth) in depths.await.unwrap_or_default() {
                if depth > 0 {
                    look.dead_letters.push((name.trim_end_matches("DeadLetterQueueUrl"), depth));
                }
            }
        }
        look
    }

    /// The open checks, by their markers.
    async fn open_checks(&self) -> Result<Vec<Check>> {
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
        Ok(records.iter().filter_map(|record| serde_json::from_str(&record.data).ok()).collect())
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

/// The variable that holds the key by which the screen's channel is signed.
const SECRET: &str = "PRODROME_SCREEN_KEY";

fn deploy(
    template: &Path,
    rules: &Path,
    parameters: &[(&str, String)],
    environment: Vec<(String, String)>,
) -> Result<(Emulator, Stack)> {
    let program = std::env::current_exe().context("this program is not found on the disk")?;
    let options = Options { environment, ..Options::default() };
    let emulator = Emulator::start(&options, &|step| eprintln!("{step}"))?;
    eprintln!("deploying {} to the emulator", template.file_name().unwrap_or_default().to_string_lossy());
    let template = Template::read(template)?;
    let code = Code::launching(&program)?.with_dir("rules", rules)?;
    let mut deployment = Deployment::new("prodrome", &template).code(&code);
    for (name, value) in parameters {
        deployment = deployment.parameter(name, value.clone());
    }
    let stack = emulator.deploy(&deployment)?;
    Ok((emulator, stack))
}

/// A routing file that tells this screen everything, beside what the user's own says.
fn write_routing(scratch: &Path, url: &str, own: Option<&Path>) -> Result<PathBuf> {
    let path = scratch.join("routing.yaml");
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
    std::fs::write(&path, serde_json::to_string_pretty(&routing)?).context("cannot write a routing file")?;
    Ok(path)
}

/// The rules and flows as the functions read them: a folder of files, and `flows` in it.
fn write_rules(scratch: &Path, library: &Library) -> Result<PathBuf> {
    let dir = scratch.join("rules");
    std::fs::create_dir(&dir).context("cannot write the rules")?;
    for (index, file) in library.sources()?.iter().enumerate() {
        let name = Path::new(&file.name).file_name().unwrap_or_default().to_string_lossy().into_owned();
        std::fs::write(dir.join(format!("{index:03}-{name}")), &file.text)
            .context("cannot write the rules")?;
    }
    let flows = dir.join("flows");
    std::fs::create_dir(&flows).context("cannot write the flows")?;
    for file in library.flow_sources()? {
        let name = Path::new(&file.name).file_name().unwrap_or_default().to_owned();
        std::fs::write(flows.join(name), &file.text).context("cannot write the flows")?;
    }
    Ok(dir)
}

/// The kinds that the rules name.
fn kinds(rules: &RuleSet) -> Result<Vec<KindPattern>> {
    let mut kinds = Vec::new();
    for pattern in rules.kinds() {
        let text = match &pattern {
            prodrome_rules::KindPattern::Every { .. } => "*".to_owned(),
            prodrome_rules::KindPattern::AnyGroup(kind) => format!("*/{kind}"),
            prodrome_rules::KindPattern::Exact(kind) if kind.group.is_empty() => {
                format!("core/{}", kind.kind)
            }
            prodrome_rules::KindPattern::Exact(kind) => kind.to_string(),
        };
        kinds.push(text.parse().map_err(|error| anyhow!("rules name the kind {text}: {error}"))?);
    }
    Ok(kinds)
}

fn connection_name(cluster: &Cluster) -> String {
    cluster.context.clone().unwrap_or_else(|| "local".to_owned())
}

async fn sdk_config(emulator: &Emulator) -> SdkConfig {
    aws_config::defaults(BehaviorVersion::latest())
        .endpoint_url(emulator.endpoint())
        .region(Region::new("us-east-1"))
        .test_credentials()
        .load()
        .await
}

/// A key that only this run knows.
fn webhook_key() -> String {
    let seed = [std::process::id().to_string(), crate::clock::now().to_string()];
    prodrome_model::stable_hash(&[&seed[0], &seed[1]])
}

/// The sum of a Prometheus counter over its labels.
fn total(metrics: &str, name: &str) -> u64 {
    let lines = metrics
        .lines()
        .filter(|line| line.strip_prefix(name).is_some_and(|rest| rest.starts_with(['{', ' '])));
    lines.filter_map(|line| line.rsplit(' ').next()?.parse::<u64>().ok()).sum()
}
