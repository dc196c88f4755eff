use crate::cluster::AnotherCluster;
use crate::setup::root;
use crate::watching::Watching;
use crate::{Packs, Proxy, Setup, Webhook};
use anyhow::{Context, Result};
use aws_config::{BehaviorVersion, Region, SdkConfig};
use jiff::{SignedDuration, Timestamp};
use prodrome_emulator::{Code, Deployment, Emulator, Options, Stack, Template};
use prodrome_ledger::{Findings, Forgotten, Ledger, Summary};
use prodrome_model::Scope;
use prodrome_queue::{QueueName, SqsQueue};
use prodrome_recording::play::{PlayOptions, PlayServer};
use prodrome_recording::{Recording, Timeline};
use prodrome_rulebook::{Draft, Entry, PushError, Rulebook};
use prodrome_rules::SourceFile;
use prodrome_store::{DynamoStore, Key, Record, Store, schema};
use serde_json::{Value, json};
use std::collections::BTreeMap;
use std::path::{Path, PathBuf};
use std::sync::{Mutex, PoisonError};
use tempfile::TempDir;
use tokio::runtime::Runtime;

/// What the webhooks are signed with. The functions find it in their environment.
const SECRET: (&str, &str) = ("PRODROME_E2E_WEBHOOK_KEY", "of-this-test-alone");

/// Below it the functions find how further clusters are reached.
const CLUSTERS_PATH: &str = "/prodrome/clusters";

/// Everything at once. Dropping it ends it.
pub struct System {
    /// The receiver that is told of everything.
    pub webhook: Webhook,
    receivers: BTreeMap<String, Webhook>,
    watching: Mutex<Option<Watching>>,
    /// The API server; absent where the cluster is somebody else's.
    pub(crate) cluster: Option<PlayServer>,
    emulator: Emulator,
    stack: Stack,
    aws: SdkConfig,
    scope: Scope,
    kubeconfig: PathBuf,
    proxy: Option<Proxy>,
    scratch: TempDir,
    pub(crate) runtime: Runtime,
}

impl System {
    /// Starts all of it, the watcher included, and returns when the watcher is in step with the cluster. Where the cluster
    /// is somebody else's ([`Setup::cluster`]), so is the watcher.
    pub fn start(setup: &Setup) -> Result<Self> {
        let runtime = tokio::runtime::Builder::new_multi_thread().worker_threads(2).enable_all().build()?;
        let scratch = tempfile::tempdir()?;
        let (cluster, kubeconfig) = if let Some(kubeconfig) = &setup.kubeconfig {
            (None, kubeconfig.clone())
        } else {
            let cluster = runtime.block_on(play(&setup.recordings, setup.from_seconds))?;
            let kubeconfig = scratch.path().join("kubeconfig");
            std::fs::write(&kubeconfig, cluster.kubeconfig())?;
            (Some(cluster), kubeconfig)
        };
        let webhook = Webhook::start(runtime.handle(), SECRET.1)?;
        let receiver = |name: &String| Ok((name.clone(), Webhook::start(runtime.handle(), SECRET.1)?));
        let receivers = setup
            .receivers
            .iter()
            .map(|(name, _)| name)
            .chain(&setup.canary)
            .map(receiver)
            .collect::<Result<BTreeMap<_, _>>>()?;
        let routing = write_routing(setup, scratch.path(), &webhook, &receivers)?;
        let (emulator, stack) = deploy(setup, &kubeconfig, &routing)?;
        let aws = runtime.block_on(sdk_config(&emulator));
        let scope = scope();
        let (watching, proxy) = (Mutex::default(), setup.proxy.clone());
        let system = Self {
            webhook,
            receivers,
            watching,
            cluster,
            emulator,
            stack,
            aws,
            scope,
            kubeconfig,
            proxy,
            scratch,
            runtime,
        };
        if system.cluster.is_some() {
            system.start_watcher()?;
        }
        Ok(system)
    }

    /// A receiver of [`Setup::receiver`].
    ///
    /// # Panics
    /// Where there is none of that name.
    pub fn receiver(&self, name: &str) -> &Webhook {
        self.receivers.get(name).unwrap_or_else(|| panic!("no receiver {name} was set up"))
    }

    /// The emulator.
    pub fn emulator(&self) -> &Emulator {
        &self.emulator
    }

    /// What was deployed.
    pub fn stack(&self) -> &Stack {
        &self.stack
    }

    /// The cluster's name.
    pub fn scope(&self) -> &Scope {
        &self.scope
    }

    /// Makes packs and hands them to the queue in a watcher's place. Another scope is another name of the same cluster.
    ///
    /// # Panics
    /// Where it cannot be said how that is reached.
    pub fn packs(&self, scope: Scope) -> Packs<'_> {
        if scope != self.scope {
            self.say_how_to_reach(&scope, &self.kubeconfig).expect("the emulator has a parameter store");
        }
        Packs::new(self, scope)
    }

    /// The same, of a cluster that may be another, or may not be reached at all.
    pub fn packs_of(&self, scope: Scope) -> Packs<'_> {
        Packs::new(self, scope)
    }

    /// Starts the API server of another cluster, which is empty. No watcher watches it.
    pub fn another_cluster(&self, scope: &Scope) -> Result<AnotherCluster> {
        let server = self.runtime.block_on(play(&[], 0))?;
        let kubeconfig = self.scratch.path().join(format!("kubeconfig-{}", scope.cluster));
        std::fs::write(&kubeconfig, server.kubeconfig())?;
        self.say_how_to_reach(scope, &kubeconfig)?;
        Ok(AnotherCluster(server))
    }

    fn say_how_to_reach(&self, scope: &Scope, kubeconfig: &Path) -> Result<()> {
        let way = json!({ "kubeconfig": kubeconfig }).to_string();
        Ok(self.emulator.client().put_secret(&format!("{CLUSTERS_PATH}/{scope}"), &way)?)
    }

    /// Starts the watcher, from where it came to before, and waits until it is in step.
    pub fn start_watcher(&self) -> Result<()> {
        let watching = Watching::start(self, self.queue()?, self.scratch.path())?;
        *self.watching.lock().unwrap_or_else(PoisonError::into_inner) = Some(watching);
        Ok(())
    }

    /// Asks the watcher to end, and waits until it has.
    pub fn stop_watcher(&self) -> Result<()> {
        let watching = self.watching.lock().unwrap_or_else(PoisonError::into_inner).take();
        watching.map_or(Ok(()), |watching| watching.stop(&self.runtime))
    }

    /// The queue of changes, as the watcher has it.
    pub fn queue(&self) -> Result<SqsQueue> {
        let url = self.stack.output("ChangesQueueUrl")?.to_owned();
        let config = aws_sdk_sqs::config::Builder::from(&self.aws);
        let config = match &self.proxy {
            Some(proxy) => config.endpoint_url(proxy.url()),
            None => config,
        };
        Ok(SqsQueue::new(aws_sdk_sqs::Client::from_conf(config.build()), [(QueueName::Changes, url)]))
    }

    /// The API server.
    ///
    /// # Panics
    /// Where the cluster is somebody else's.
    pub fn api(&self) -> &PlayServer {
        self.cluster.as_ref().expect("the cluster is the system's own")
    }

    /// From now on no message is handed to a function, and none is taken from anybody who reaches the queues through
    /// a [`Proxy`]; or both again.
    pub fn pause_queues(&self, paused: bool) -> Result<()> {
        if let Some(proxy) = &self.proxy {
            proxy.pause_queues(paused);
        }
        self.hand_over(!paused)
    }

    /// Whether messages are handed to functions from now on.
    pub fn hand_over(&self, enabled: bool) -> Result<()> {
        for source in self.emulator.client().event_sources()? {
            self.emulator.client().enable_event_source(&source, enabled)?;
        }
        Ok(())
    }

    /// The table of checks.
    pub fn checks(&self) -> Result<DynamoStore> {
        self.table("ChecksTableName")
    }

    /// The table of alerts and episodes.
    pub fn episodes(&self) -> Result<DynamoStore> {
        self.table("EpisodesTableName")
    }

    /// The rules that were pushed.
    pub fn rulebook(&self) -> Result<Rulebook<DynamoStore>> {
        Ok(Rulebook::new(self.table("RulesTableName")?))
    }

    /// What became of the changes, as far as is known now.
    pub fn ledger(&self) -> Result<Summary> {
        Ok(self.runtime.block_on(Ledger::new(self.checks()?).summary())?)
    }

    /// What became of the findings that last.
    pub fn findings(&self) -> Result<Findings> {
        let (checks, episodes) = (self.checks()?, self.episodes()?);
        Ok(self.runtime.block_on(Findings::read(&checks, &episodes, now()))?)
    }

    /// The present, by which it runs.
    pub fn now(&self) -> Timestamp {
        now()
    }

    /// Has the ledger say that a watcher was heard so many minutes ago, as an evaluate of that time would have noted it.
    pub fn was_heard(&self, scope: &Scope, minutes_ago: i64) -> Result<()> {
        let at = now() - SignedDuration::from_mins(minutes_ago);
        Ok(self.runtime.block_on(Ledger::new(self.checks()?).uncounted(scope, at))?)
    }

    /// Takes a cluster off the ledger.
    pub fn forget(&self, scope: &Scope) -> Result<Forgotten> {
        Ok(self.runtime.block_on(Ledger::new(self.checks()?).forget(scope, now()))?)
    }

    /// Pushes rules onto those that hold; `base` holds before the first push.
    pub fn push(&self, draft: &Draft, base: &[SourceFile]) -> Result<std::result::Result<Entry, PushError>> {
        let book = self.rulebook()?;
        Ok(self.runtime.block_on(book.push(draft, base, now())))
    }

    /// A partition of a table, as it is now.
    pub fn partition(&self, table: &DynamoStore, partition: &str) -> Result<Vec<Record>> {
        self.runtime.block_on(async {
            let (mut records, mut after) = (Vec::new(), None);
            loop {
                let page = table.query(partition, "", after.as_deref()).await?;
                records.extend(page.records);
                after = page.next;
                if after.is_none() {
                    return Ok(records);
                }
            }
        })
    }

    /// The keys and contents of all records of a table, as they are now.
    pub fn all_records(&self, output: &str) -> Result<Vec<Record>> {
        let client = self.emulator.client();
        let mut request = json!({ "TableName": self.stack.output(output)?, "ConsistentRead": true });
        let mut records = Vec::new();
        loop {
            let page = client.json("dynamodb", "DynamoDB_20120810.Scan", &request)?;
            let text = |item: &Value, name: &str| item[name]["S"].as_str().unwrap_or_default().to_owned();
            let record = |item: &Value| {
                let key = Key::new(text(item, schema::PARTITION), text(item, schema::SORT));
                Record::new(key, text(item, schema::DATA))
            };
            records.extend(page["Items"].as_array().into_iter().flatten().map(record));
            match &page["LastEvaluatedKey"] {
                Value::Null => return Ok(records),
                last => request["ExclusiveStartKey"] = last.clone(),
            }
        }
    }

    /// What falls due in a bucket of a table's index, sooner or later.
    pub fn due(&self, table: &DynamoStore, bucket: &str) -> Result<Vec<Record>> {
        Ok(self.runtime.block_on(table.due(bucket, Timestamp::MAX, 1_000, None))?.records)
    }

    fn table(&self, output: &str) -> Result<DynamoStore> {
        let client = aws_sdk_dynamodb::Client::new(&self.aws);
        Ok(DynamoStore::new(client, self.stack.output(output)?))
    }
}

impl Drop for System {
    fn drop(&mut self) {
        if let Err(error) = self.stop_watcher() {
            tracing::warn!(%error, "the watcher did not end in order");
        }
    }
}

/// The cluster that the watcher watches.
fn scope() -> Scope {
    Scope::new("default", "local", "e2e")
}

/// The present.
pub(crate) fn now() -> Timestamp {
    #[expect(clippy::disallowed_methods, reason = "a real system runs by the real time")]
    Timestamp::now()
}

async fn play(recordings: &[PathBuf], from_seconds: u32) -> Result<PlayServer> {
    let open = |path: &PathBuf| Recording::open(path).with_context(|| path.display().to_string());
    let recordings = recordings.iter().map(open).collect::<Result<Vec<_>>>()?;
    let from = SignedDuration::from_secs(i64::from(from_seconds));
    let options = PlayOptions { from, ..PlayOptions::default() };
    Ok(PlayServer::start(&Timeline::merge(recordings), now(), options).await?)
}

fn deploy(setup: &Setup, kubeconfig: &Path, routing: &Path) -> Result<(Emulator, Stack)> {
    let mut environment = vec![(SECRET.0.to_owned(), SECRET.1.to_owned())];
    if let Some(proxy) = &setup.proxy {
        // The SDK prefers these to the address of all services.
        environment.extend(["DYNAMODB", "SQS"].map(|name| (format!("AWS_ENDPOINT_URL_{name}"), proxy.url())));
    }
    let emulator = Emulator::start(&Options { environment, ..Options::default() }, &|_| ())?;
    if let Some(proxy) = &setup.proxy {
        proxy.lead_to(emulator.endpoint());
    }
    let template = Template::read(&root().join("template.yaml"))?;
    let code = Code::launching(&setup.program)?.with_dir("rules", &setup.rules)?;
    let mut deployment = Deployment::new("prodrome", &template)
        .code(&code)
        .parameter("ClusterScope", scope().to_string())
        .parameter("ClustersPath", CLUSTERS_PATH)
        .parameter("ClusterKubeconfig", kubeconfig.display().to_string())
        .parameter("RoutingFile", routing.display().to_string());
    for (name, value) in &setup.parameters {
        deployment = deployment.parameter(name, value.clone());
    }
    let stack = emulator.deploy(&deployment)?;
    Ok((emulator, stack))
}

fn write_routing(
    setup: &Setup,
    scratch: &Path,
    webhook: &Webhook,
    receivers: &BTreeMap<String, Webhook>,
) -> Result<PathBuf> {
    let channel = |webhook: &Webhook| {
        json!({
            "type": "webhook", "url": webhook.url(), "secret": { "env": SECRET.0 },
            "limit": { "messages": 10_000, "per": "1m", "burst": 1_000 },
        })
    };
    let mut channels = json!({ "webhook": channel(webhook) });
    let mut everybody = vec!["webhook"];
    if let Some(url) = &setup.alertmanager {
        channels["alertmanager"] = json!({ "type": "alertmanager", "url": url });
        everybody.push("alertmanager");
    }
    let mut routes: Vec<Value> = Vec::new();
    for (name, namespaces) in &setup.receivers {
        channels[name] = channel(&receivers[name]);
        routes.push(json!({ "match": { "namespace": namespaces }, "channels": [name] }));
    }
    routes.push(json!({ "channels": everybody }));
    let gather = format!("{}s", setup.gather_seconds);
    let mut routing = json!({ "channels": channels, "routes": routes, "pacing": { "gather": gather } });
    if let Some(name) = &setup.canary {
        routing["channels"][name] = channel(&receivers[name]);
        routing["canary"] = json!([name]);
    }
    let path = scratch.join("routing.yaml");
    std::fs::write(&path, routing.to_string())?;
    Ok(path)
}

/// How the SDK reaches an emulator.
pub async fn sdk_config(emulator: &Emulator) -> SdkConfig {
    aws_config::defaults(BehaviorVersion::latest())
        .endpoint_url(emulator.endpoint())
        .region(Region::new("us-east-1"))
        .test_credentials()
        .load()
        .await
}
