//! The program `watcher`: wires the environment to [`prodrome_watcher::Watcher`].

use prodrome_queue::{QueueName, SqsQueue};
use prodrome_redact::Redacting;
use prodrome_rulebook::Rulebook;
use prodrome_store::DynamoStore;
use prodrome_watcher::{
    ASK_EVERY, Clock, Config, ConfigMapPlaces, ConnectError, Connection, FilePlaces, Lease, Named, PlaceIn,
    PlaceStore, RuleStatuses, ServerVersion, Watcher, chain, connect, listen, listen_to, serve,
};
use std::error::Error;
use std::process::ExitCode;
use std::time::Duration;
use tokio::signal::unix::{SignalKind, signal};
use tokio::sync::watch;
use tracing_subscriber::EnvFilter;

/// How soon an API server that cannot be reached is tried again, at first and at last.
const CONNECT_AGAIN: (Duration, Duration) = (Duration::from_secs(1), Duration::from_secs(15));

#[tokio::main(flavor = "current_thread")]
async fn main() -> ExitCode {
    match run().await {
        Ok(code) => code,
        Err(error) => {
            #[expect(clippy::print_stderr, reason = "the last word, also where logs are not set up")]
            {
                eprintln!("watcher: {}", chain(&*error));
            }
            ExitCode::from(2)
        }
    }
}

async fn run() -> Result<ExitCode, Box<dyn Error>> {
    let mut config = Config::from_env()?;
    init_logs(&config.log_level)?;
    let mut stop = Stop::on_signals()?;
    let listener = listen(config.listen).await?;
    let connection = connect(config.kubeconfig.as_deref(), config.context.as_deref()).await?;
    let server = tokio::select! {
        checked = reach(&connection, config.kubeconfig.is_some()) => checked?,
        () = stop.asked() => return Ok(ExitCode::SUCCESS),
    };
    config.stream_lists &= server.may_stream_lists();

    let aws = aws_config::load_from_env().await;
    let queue = SqsQueue::new(
        aws_sdk_sqs::Client::new(&aws),
        [(QueueName::Changes, config.changes_queue_url.clone())],
    );
    let book = config
        .rules_table
        .as_ref()
        .map(|table| Rulebook::new(DynamoStore::new(aws_sdk_dynamodb::Client::new(&aws), table)));
    match &config.place {
        PlaceIn::File(path) => {
            watch_with(FilePlaces::new(path), config.clone(), connection, (queue, book), listener, stop).await
        }
        PlaceIn::ConfigMap(Named { namespace, name }) => {
            let namespace = namespace.as_ref().unwrap_or(&connection.namespace);
            let places = ConfigMapPlaces::new(connection.client.clone(), namespace, name);
            watch_with(places, config.clone(), connection, (queue, book), listener, stop).await
        }
    }
}

async fn watch_with(
    places: impl PlaceStore,
    config: Config,
    connection: Connection,
    (queue, book): (SqsQueue, Option<Rulebook<DynamoStore>>),
    listener: tokio::net::TcpListener,
    stop: Stop,
) -> Result<ExitCode, Box<dyn Error>> {
    let clock = Clock::system();
    let lease = config.lease.as_ref().map(|Named { namespace, name }| {
        let namespace = namespace.as_ref().unwrap_or(&connection.namespace);
        let identity = Lease::identity(&clock);
        Lease::new(connection.client.clone(), namespace, name, identity, clock.clone())
    });
    if config.namespace_rules {
        let statuses =
            RuleStatuses::new(connection.client.clone(), config.scope.clone(), config.namespaces.clone());
        tokio::spawn(statuses.run(clock.clone()));
    }
    let watcher = Watcher::new(connection.client, queue, places, config.settings(), clock);
    let watcher = match lease {
        None => watcher,
        Some(lease) => watcher.led_by(lease),
    };
    let watcher = match book {
        None => watcher,
        Some(book) => {
            let (tell, hearsay) = watch::channel(None);
            tokio::spawn(listen_to(book, config.scope.clone(), tell, ASK_EVERY));
            watcher.hearing(hearsay)
        }
    };
    let server = serve(listener, watcher.status());
    let (mut first, mut second) = (stop.clone(), stop);
    tokio::select! {
        ended = watcher.run(async move { first.asked().await }) => ended?,
        ended = server => ended?,
        () = second.insisted() => {
            tracing::warn!("stopped at once; the next run reads some changes again");
            return Ok(ExitCode::from(130));
        }
    }
    Ok(ExitCode::SUCCESS)
}

/// In a pod an API server that is away will come back; at a desk it is a mistake that someone waits to hear of.
async fn reach(connection: &Connection, at_once: bool) -> Result<ServerVersion, ConnectError> {
    let mut wait = CONNECT_AGAIN.0;
    loop {
        match connection.check().await {
            Err(error @ ConnectError::Unreachable { .. }) if !at_once => {
                tracing::warn!(error = chain(&error), "waiting for the API server");
                tokio::time::sleep(wait).await;
                wait = (wait * 2).min(CONNECT_AGAIN.1);
            }
            checked => return checked,
        }
    }
}

/// How often the process was asked to end: once to do so in order, twice at once.
#[derive(Clone)]
struct Stop(watch::Receiver<u8>);

impl Stop {
    fn on_signals() -> std::io::Result<Self> {
        let (mut terminate, mut interrupt) =
            (signal(SignalKind::terminate())?, signal(SignalKind::interrupt())?);
        let (sender, receiver) = watch::channel(0);
        tokio::spawn(async move {
            loop {
                tokio::select! {
                    _ = terminate.recv() => {}
                    _ = interrupt.recv() => {}
                }
                sender.send_modify(|times: &mut u8| *times = times.saturating_add(1));
            }
        });
        Ok(Self(receiver))
    }

    async fn asked(&mut self) {
        self.times(1).await;
    }

    async fn insisted(&mut self) {
        self.times(2).await;
    }

    async fn times(&mut self, wanted: u8) {
        if self.0.wait_for(|times| *times >= wanted).await.is_err() {
            // Nobody can signal any more.
            std::future::pending::<()>().await;
        }
    }
}

/// JSON lines. The client of the Kubernetes API would log as errors what the watcher itself judges.
fn init_logs(level: &str) -> Result<(), Box<dyn Error>> {
    let directives = format!("{level},kube_client=off");
    let filter = EnvFilter::try_new(directives).map_err(|error| format!("LOG_LEVEL {level:?}: {error}"))?;
    let logs = tracing_subscriber::fmt().json().flatten_event(true).with_current_span(false);
    let logs = logs.with_writer(|| Redacting::new(std::io::stdout()));
    let logs = logs.with_span_list(false).with_env_filter(filter).try_init();
    logs.map_err(|error| error.to_string())?;
    Ok(())
}
