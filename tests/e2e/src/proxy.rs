use crate::proxy::http::Message;
use anyhow::{Context, Result};
use std::collections::BTreeMap;
use std::net::{Ipv4Addr, SocketAddr};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::Duration;
use tokio::io::{AsyncBufReadExt as _, AsyncReadExt as _, AsyncWriteExt as _, BufReader};
use tokio::net::{TcpListener, TcpStream};
use tokio::sync::watch;

mod http;

/// So long a request hangs at most, where its client does not give up before.
const HANG_MAX: Duration = Duration::from_secs(40);

/// What stands between the functions and the services they call, and does to requests what networks and busy
/// services do. Lives until the process ends; a clone is the same one.
#[derive(Debug, Clone)]
pub struct Proxy {
    shared: Arc<Shared>,
    address: SocketAddr,
}

/// A service that is called through a [`Proxy`].
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub enum Service {
    /// The tables.
    Tables,
    /// The queues.
    Queues,
}

/// How many of a thousand requests meet what.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub struct Trouble {
    /// Refused, as the service is too busy: nothing took effect.
    pub refused: u16,
    /// The connection is reset before the service sees the request.
    pub reset: u16,
    /// The connection is reset when the request took effect, in place of the answer.
    pub lost: u16,
    /// The request takes effect, and the answer never comes.
    pub hung: u16,
}

/// What a request met.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub enum Met {
    /// Nothing.
    Nothing,
    /// [`Trouble::refused`].
    Refused,
    /// [`Trouble::reset`].
    Reset,
    /// [`Trouble::lost`].
    Lost,
    /// [`Trouble::hung`].
    Hung,
}

#[derive(Debug)]
struct Shared {
    state: Mutex<State>,
    upstream: watch::Sender<Option<String>>,
    paused: watch::Sender<bool>,
}

#[derive(Debug)]
struct State {
    chance: fastrand::Rng,
    trouble: BTreeMap<Service, Trouble>,
    met: BTreeMap<(Service, Met), u64>,
}

impl Proxy {
    /// Listens on a port of its own, in a thread of its own. Requests wait until it is told where they lead.
    pub fn start(seed: u64) -> Result<Self> {
        let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build()?;
        let listener = runtime.block_on(TcpListener::bind((Ipv4Addr::LOCALHOST, 0)))?;
        let address = listener.local_addr()?;
        let state =
            State { chance: fastrand::Rng::with_seed(seed), trouble: BTreeMap::new(), met: BTreeMap::new() };
        let shared = Arc::new(Shared {
            state: Mutex::new(state),
            upstream: watch::Sender::new(None),
            paused: watch::Sender::new(false),
        });
        let serving = Arc::clone(&shared);
        std::thread::Builder::new().name("proxy".to_owned()).spawn(move || {
            runtime.block_on(async {
                loop {
                    match listener.accept().await {
                        Ok((client, _)) => drop(tokio::spawn(serve(Arc::clone(&serving), client))),
                        Err(error) => tracing::warn!(%error, "the proxy cannot take a connection"),
                    }
                }
            });
        })?;
        Ok(Self { shared, address })
    }

    /// Where it is reached.
    pub fn url(&self) -> String {
        format!("http://{}", self.address)
    }

    /// Where the services are: `http://127.0.0.1:PORT`.
    pub fn lead_to(&self, endpoint: &str) {
        self.shared.upstream.send_replace(Some(endpoint.trim_start_matches("http://").to_owned()));
    }

    /// What requests of a service meet from now on.
    pub fn trouble(&self, service: Service, trouble: Trouble) {
        self.state().trouble.insert(service, trouble);
    }

    /// From now on (or no longer) requests to the queues wait.
    pub fn pause_queues(&self, paused: bool) {
        self.shared.paused.send_replace(paused);
    }

    /// How many requests of each service met what so far.
    pub fn met(&self) -> BTreeMap<(Service, Met), u64> {
        self.state().met.clone()
    }

    fn state(&self) -> MutexGuard<'_, State> {
        self.shared.state()
    }
}

impl Shared {
    fn state(&self) -> MutexGuard<'_, State> {
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// What a request to a service meets, by chance.
    fn meet(&self, service: Service) -> Met {
        let mut state = self.state();
        let trouble = state.trouble.get(&service).copied().unwrap_or_default();
        let mut drawn = state.chance.u16(0..1_000);
        let parts = [
            (trouble.refused, Met::Refused),
            (trouble.reset, Met::Reset),
            (trouble.lost, Met::Lost),
            (trouble.hung, Met::Hung),
        ];
        let mut met = Met::Nothing;
        for (part, what) in parts {
            if drawn < part {
                met = what;
                break;
            }
            drawn -= part;
        }
        *state.met.entry((service, met)).or_default() += 1;
        met
    }
}

async fn serve(shared: Arc<Shared>, client: TcpStream) {
    // A client that is killed breaks off in the middle of a word, and there is nobody left to tell.
    if let Err(error) = converse(&shared, client).await {
        tracing::debug!(error = format!("{error:#}"), "a connection through the proxy broke");
    }
}

async fn converse(shared: &Shared, client: TcpStream) -> Result<()> {
    client.set_nodelay(true)?;
    let mut client = BufReader::new(client);
    let upstream = shared.upstream.subscribe().wait_for(Option::is_some).await?.clone();
    let upstream = TcpStream::connect(upstream.unwrap_or_default()).await.context("no service")?;
    upstream.set_nodelay(true)?;
    let mut upstream = BufReader::new(upstream);
    loop {
        let request = tokio::select! {
            request = Message::read(&mut client) => request?,
            _ = upstream.fill_buf() => None, // the service closes what is idle, and so do we
        };
        let Some(request) = request else { return Ok(()) };
        let service = match request.header("x-amz-target") {
            Some(target) if target.starts_with("DynamoDB") => Service::Tables,
            Some(target) if target.starts_with("AmazonSQS") => Service::Queues,
            other => anyhow::bail!("the service of {other:?} is not known here"),
        };
        if service == Service::Queues {
            shared.paused.subscribe().wait_for(|paused| !paused).await?;
        }
        let met = shared.meet(service);
        match met {
            Met::Refused => {
                client.write_all(&refusal(service)).await?;
                continue;
            }
            Met::Reset => return reset(&client),
            Met::Nothing | Met::Lost | Met::Hung => {}
        }
        upstream.write_all(&request.bytes()).await?;
        let answer = Message::read(&mut upstream).await?.context("the service does not answer")?;
        match met {
            Met::Lost => return reset(&client),
            Met::Hung => {
                // Until it gives up, which closes the connection.
                let gone = client.read_u8();
                _ = tokio::time::timeout(HANG_MAX, gone).await;
                return reset(&client);
            }
            _ => client.write_all(&answer.bytes()).await?,
        }
        if answer.header("connection").is_some_and(|value| value.eq_ignore_ascii_case("close")) {
            return Ok(());
        }
    }
}

/// Ends the connection so that the other side sees a reset.
fn reset(client: &BufReader<TcpStream>) -> Result<()> {
    client.get_ref().set_zero_linger()?;
    Ok(())
}

/// What a service says that is too busy.
fn refusal(service: Service) -> Vec<u8> {
    let (status, kind, body) = match service {
        Service::Tables => (
            "400 Bad Request",
            "application/x-amz-json-1.0",
            r#"{"__type":"com.amazonaws.dynamodb.v20120810#ProvisionedThroughputExceededException","message":"The level of configured provisioned throughput for the table was exceeded."}"#,
        ),
        Service::Queues => (
            "503 Service Unavailable",
            "application/x-amz-json-1.0",
            r#"{"__type":"com.amazonaws.sqs#ServiceUnavailable","message":"The service is too busy."}"#,
        ),
    };
    format!(
        "HTTP/1.1 {status}\r\ncontent-type: {kind}\r\ncontent-length: {}\r\nx-amzn-requestid: refused\r\n\r\n{body}",
        body.len()
    )
    .into_bytes()
}

#[cfg(test)]
mod tests;
