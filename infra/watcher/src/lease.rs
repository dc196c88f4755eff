//! Which of several watchers forwards: the one that holds a `Lease` of `coordination.k8s.io`.

mod record;

use crate::api::{ApiError, Events as _};
use crate::backoff::Backoff;
use crate::chain::chain;
use crate::clock::Clock;
use crate::kube_api::{KubeApi, KubeEvents};
use http::Method;
use kube::Client;
use record::{Record, watched};
use std::time::Duration;
use tokio::time::{Instant, sleep, sleep_until, timeout, timeout_at};

/// A holder that has not renewed for so long has lost it: another may take it.
const LASTS: Duration = Duration::from_secs(10);
/// How often its holder renews it.
const RENEW_EVERY: Duration = Duration::from_secs(3);
/// A holder that could not renew for so long stops, well before another may begin.
const GIVES_UP_AFTER: Duration = Duration::from_secs(7);
/// How soon what failed is tried again, at first and at last.
const AGAIN: (Duration, Duration) = (Duration::from_millis(250), Duration::from_secs(2));
/// One request takes no longer.
const ANSWER_WAIT: Duration = Duration::from_secs(3);
/// How long whoever waits for it asks to be told of its changes.
const WATCH_LASTS: Duration = Duration::from_mins(5);
/// A lease that claims to last longer is not believed: whoever wrote it would hold up all watchers.
const LASTS_MAX: Duration = Duration::from_mins(1);

/// The right to forward, which one watcher at a time has.
///
/// It is only ever judged by its changes and this process' own time, so that clocks may differ: whoever waits takes
/// it once it has seen it unchanged for [`LASTS`], and its holder stops after [`GIVES_UP_AFTER`] without a renewal.
///
/// **Fencing.** A process that was suspended may send a pack after another has taken over. That does no harm, and a
/// lease could not prevent it: the holder raises the epoch in the saved place *before* it sends, by a write that fails
/// where the place has changed, so that an older holder can never move the place again (it stops as it finds out).
/// What it sends late bears a lower epoch, and is either what the new holder sends as well or older than that:
/// `evaluate` drops what carries no newer resourceVersion than it knows, looks at the live object where what carries
/// one bears a lower epoch (it may be of before an etcd was restored), and before it fires; a list of the older one
/// bears the older epoch in its name, and its end makes objects looked at, no more.
pub struct Lease {
    api: KubeApi,
    clock: Clock,
    collection: String,
    name: String,
    identity: String,
    /// As it was when this process acquired or renewed it last, and until when that counts.
    held: Option<(Record, Instant)>,
}

/// The lease was lost: another has it, or it could not be renewed in time.
#[derive(Debug, thiserror::Error)]
#[error("the lease {lease} was lost: {reason}; this watcher stops")]
pub struct LeaseLost {
    /// Which.
    pub lease: String,
    /// How it was noticed.
    pub reason: String,
}

impl Lease {
    /// This lease, to be held under a name that no other process has.
    pub fn new(client: Client, namespace: &str, name: &str, identity: String, clock: Clock) -> Self {
        let collection = format!("/apis/coordination.k8s.io/v1/namespaces/{namespace}/leases");
        Self { api: KubeApi::new(client), clock, collection, name: name.to_owned(), identity, held: None }
    }

    /// A name that no other process has: of the host (in a pod, the pod), the process and the time.
    pub fn identity(clock: &Clock) -> String {
        let host = std::fs::read_to_string("/proc/sys/kernel/hostname").unwrap_or_default();
        let (host, process) = (host.trim(), std::process::id());
        format!("{host}_{process}_{:x}", clock.now().as_nanosecond())
    }

    /// Waits until it is held, for as long as that takes.
    pub(crate) async fn acquire(&mut self) {
        let seed = self.identity.bytes().fold(7, |seed: u64, byte| seed.wrapping_mul(31) ^ u64::from(byte));
        let mut backoff = Backoff::new(AGAIN.0, AGAIN.1, seed);
        // The lease as it was seen last, and since when.
        let mut seen: Option<(Record, Instant)> = None;
        let mut failing = false;
        loop {
            match self.try_to_take(&mut seen).await {
                Ok(true) => {
                    tracing::info!(lease = self.name, identity = self.identity, "lease acquired");
                    return;
                }
                Ok(false) => {
                    failing = false;
                    backoff.reset();
                    let Some((record, since)) = &mut seen else { continue };
                    if let Err(error) = self.follow(record, since).await {
                        tracing::debug!(lease = self.name, error = chain(&error), "lease cannot be watched");
                        sleep(backoff.jittered(AGAIN.1)).await;
                    }
                }
                Err(error) => {
                    if !std::mem::replace(&mut failing, true) {
                        let needed = "get, update and watch of this Lease";
                        tracing::warn!(
                            lease = self.name,
                            error = chain(&error),
                            needed,
                            "lease cannot be acquired"
                        );
                    }
                    sleep(backoff.next_wait()).await;
                }
            }
        }
    }

    /// Takes it where it is free, or was seen unchanged for as long as it lasts.
    async fn try_to_take(&mut self, seen: &mut Option<(Record, Instant)>) -> Result<bool, ApiError> {
        let Some(record) = self.read().await? else {
            let record = Record::new(&self.name, &self.identity, LASTS, self.clock.now());
            return self.write(Method::POST, record).await;
        };
        if seen.as_ref().is_none_or(|(known, _)| known.version() != record.version()) {
            if record.holder() != seen.as_ref().and_then(|(known, _)| known.holder()) {
                tracing::info!(lease = self.name, holder = record.holder(), "another watcher has the lease");
            }
            *seen = Some((record.clone(), Instant::now()));
        }
        let since = seen.as_ref().map_or_else(Instant::now, |(_, since)| *since);
        // Its own where the answer to an earlier try was lost.
        let others = record.holder().filter(|holder| *holder != self.identity);
        if others.is_some() && since.elapsed() < record.lasts(LASTS_MAX) {
            return Ok(false);
        }
        if others.is_some() {
            tracing::warn!(
                lease = self.name,
                holder = record.holder(),
                "the lease was not renewed, taking it"
            );
        }
        self.write(Method::PUT, record.taken_by(&self.identity, LASTS, self.clock.now())).await
    }

    /// Waits until another may take it: it was freed, or not renewed. What is renewed meanwhile is noted.
    async fn follow(&self, record: &mut Record, since: &mut Instant) -> Result<(), ApiError> {
        let mut events = timeout(ANSWER_WAIT, self.watch(record.version())).await.map_err(silent)??;
        loop {
            let expires = *since + record.lasts(LASTS_MAX);
            let Ok(line) = timeout_at(expires, events.next()).await else { return Ok(()) };
            let Some(line) = line? else { return Err(ApiError::Broken("the watch ended".to_owned())) };
            match watched(&line)? {
                Some(now) => (*record, *since) = (now, Instant::now()),
                // Deleted: it is made anew.
                None => return Ok(()),
            }
            if record.holder().is_none() {
                return Ok(());
            }
        }
    }

    async fn watch(&self, version: &str) -> Result<KubeEvents, ApiError> {
        let (collection, name, seconds) = (&self.collection, &self.name, WATCH_LASTS.as_secs());
        // By its name alone, so that the right to watch this one is enough.
        self.api
            .events(format!(
                "{collection}?watch=true&fieldSelector=metadata.name%3D{name}&timeoutSeconds={seconds}\
                 &resourceVersion={version}"
            ))
            .await
    }

    /// Renews it for as long as that works; returns why it no longer does.
    pub(crate) async fn keep(&mut self) -> LeaseLost {
        let mut backoff = Backoff::new(AGAIN.0, AGAIN.1, 0);
        let mut wait = RENEW_EVERY;
        loop {
            let Some((record, until)) = self.held.clone() else { return self.lost("it is not held") };
            if timeout_at(until, sleep(wait)).await.is_err() {
                sleep_until(until).await;
                return self.lost("it could not be renewed in time");
            }
            let renewed = record.renewed(LASTS, self.clock.now());
            match timeout_at(until, self.write(Method::PUT, renewed)).await {
                Ok(Ok(true)) => {
                    backoff.reset();
                    wait = RENEW_EVERY;
                }
                // Someone wrote it: another holder, or a person who has put a label on it.
                Ok(Ok(false)) => match timeout_at(until, self.read()).await {
                    Ok(Ok(Some(now))) if now.holder() == Some(&*self.identity) => {
                        self.held = Some((now, until));
                        wait = Duration::ZERO;
                    }
                    Ok(Ok(now)) => {
                        let holder = now.as_ref().and_then(Record::holder).unwrap_or("nobody");
                        return self.lost(&format!("{holder} has it"));
                    }
                    Ok(Err(error)) => wait = self.again(&error, &mut backoff),
                    Err(_) => {}
                },
                Ok(Err(error)) => wait = self.again(&error, &mut backoff),
                Err(_) => {}
            }
        }
    }

    fn again(&self, error: &ApiError, backoff: &mut Backoff) -> Duration {
        let wait = backoff.next_wait();
        let wait_ms = wait.as_millis();
        tracing::warn!(lease = self.name, error = chain(error), wait_ms, "the lease could not be renewed");
        wait
    }

    fn lost(&mut self, reason: &str) -> LeaseLost {
        self.held = None;
        LeaseLost { lease: self.name.clone(), reason: reason.to_owned() }
    }

    /// Gives it back, so that another need not wait for its end.
    pub(crate) async fn release(&mut self) {
        let Some((mut record, until)) = self.held.take() else { return };
        let released = timeout_at(until, async {
            loop {
                if self.write(Method::PUT, record.released(self.clock.now())).await? {
                    return Ok::<_, ApiError>(true);
                }
                // A renewal whose answer was not awaited may have come in between.
                match self.read().await? {
                    Some(now) if now.holder() == Some(&*self.identity) => record = now,
                    _ => return Ok(false),
                }
            }
        });
        if let Ok(Ok(true)) = released.await {
            tracing::info!(lease = self.name, "lease released");
        } else {
            tracing::warn!(lease = self.name, "the lease could not be released; another waits for its end");
        }
        self.held = None;
    }

    async fn read(&self) -> Result<Option<Record>, ApiError> {
        let path = format!("{}/{}", self.collection, self.name);
        match timeout(ANSWER_WAIT, self.api.get(&path, "application/json", None)).await.map_err(silent)? {
            Ok(Some(answer)) => Record::parse(&answer.body).map(Some),
            Ok(None) | Err(ApiError::NotServed) => Ok(None),
            Err(error) => Err(error),
        }
    }

    /// Writes what was made of what was read; whether nobody else has written meanwhile.
    async fn write(&mut self, method: Method, record: Record) -> Result<bool, ApiError> {
        let path = match method {
            Method::POST => self.collection.clone(),
            _ => format!("{}/{}", self.collection, self.name),
        };
        let until = Instant::now() + GIVES_UP_AFTER;
        let written = self.api.write(method, &path, record.to_json());
        match timeout(ANSWER_WAIT, written).await.map_err(silent)? {
            Ok(answer) => {
                self.held = Some((Record::parse(&answer)?, until));
                Ok(true)
            }
            Err(ApiError::Refused { status: 409, .. } | ApiError::NotServed) => Ok(false),
            Err(error) => Err(error),
        }
    }
}

fn silent(_: tokio::time::error::Elapsed) -> ApiError {
    ApiError::Silent(ANSWER_WAIT)
}
