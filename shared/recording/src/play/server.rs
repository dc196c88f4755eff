use super::fault::{Effect, Fault, effect};
use super::player::{Clock, Player, Position};
use super::request::{Request, Verb};
use super::status::{Status, json_response};
use super::world::World;
use super::{discovery, kubeconfig, list, watch, write};
use crate::line::Place;
use crate::object_json::metadata_only;
use crate::{RecordingError, Timeline};
use axum::Router;
use axum::body::{Body, to_bytes};
use axum::extract::State;
use axum::http::{HeaderMap, header};
use axum::response::Response;
use jiff::{SignedDuration, Timestamp};
use prodrome_model::Resource;
use std::collections::VecDeque;
use std::net::{Ipv4Addr, SocketAddr};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::Duration;
use tokio::net::TcpListener;
use tokio::sync::watch as channel;
use tokio::task::JoinHandle;

/// A Kubernetes API server that plays recordings, over plain HTTP on this machine alone.
///
/// Lists come in pages of one snapshot, watches go on from a version, in order and without a gap, with
/// bookmarks; what was compacted is *Gone*. `ConfigMaps`, Events and Leases can be written, and are kept in memory.
/// When the recording ends the server goes on serving. It stops when it is dropped.
pub struct PlayServer {
    shared: Arc<Shared>,
    address: SocketAddr,
    player: Player,
    serving: JoinHandle<()>,
}

/// How to play.
#[derive(Debug, Clone)]
pub struct PlayOptions {
    /// The port on 127.0.0.1; 0 takes a free one.
    pub port: u16,
    /// Where to begin: the state at that instant is there at once, what comes after comes in its time.
    pub from: SignedDuration,
    /// What drives it.
    pub clock: Clock,
    /// How often a watch that allows bookmarks gets one; never, where it is absent.
    pub bookmark_every: Option<Duration>,
}

impl Default for PlayOptions {
    /// From the beginning, in real time, on a free port, a bookmark every ten seconds.
    fn default() -> Self {
        Self {
            port: 0,
            from: SignedDuration::ZERO,
            clock: Clock::Real { speed: 1.0 },
            bookmark_every: Some(Duration::from_secs(10)),
        }
    }
}

/// Why a recording cannot be played.
#[derive(Debug, thiserror::Error)]
pub enum PlayError {
    /// The port is not to be had.
    #[error("cannot listen on {address}; choose another port, or 0 for a free one")]
    Listen {
        /// Where.
        address: SocketAddr,
        /// Why.
        source: std::io::Error,
    },
    /// The recording cannot be read.
    #[error(transparent)]
    Recording(#[from] RecordingError),
}

/// What all requests share.
pub(super) struct Shared {
    world: Mutex<World>,
    faults: Mutex<Vec<Fault>>,
    faults_changed: channel::Sender<()>,
    requests: Mutex<VecDeque<Request>>,
    pub(super) changed: channel::Sender<u64>,
    pub(super) dropped: channel::Sender<u64>,
    pub(super) bookmark_asked: channel::Sender<u64>,
    pub(super) stop: channel::Sender<bool>,
    pub(super) bookmark_every: Option<Duration>,
    clock: Position,
}

const REQUESTS_MAX: usize = 10_000;
/// Of one request, its path and query: longer ones are answered, and remembered without their query.
const REQUEST_BYTES_MAX: usize = 8 << 10;
const BODY_BYTES_MAX: usize = 3 << 20;

impl PlayServer {
    /// Plays a timeline so that its instant `options.from` is `now`.
    ///
    /// Must be called within a tokio runtime.
    pub async fn start(timeline: &Timeline, now: Timestamp, options: PlayOptions) -> Result<Self, PlayError> {
        let address = SocketAddr::from((Ipv4Addr::LOCALHOST, options.port));
        let listener = TcpListener::bind(address).await;
        let listener = listener.map_err(|source| PlayError::Listen { address, source })?;
        let address = listener.local_addr().map_err(|source| PlayError::Listen { address, source })?;

        let steps = timeline.steps(now - options.from)?;
        let position = Position::new(now - options.from, options.from, options.clock);
        let shared = Arc::new(Shared {
            world: Mutex::new(World::new()),
            faults: Mutex::default(),
            faults_changed: channel::Sender::new(()),
            requests: Mutex::default(),
            changed: channel::Sender::new(0),
            dropped: channel::Sender::new(0),
            bookmark_asked: channel::Sender::new(0),
            stop: channel::Sender::new(false),
            bookmark_every: options.bookmark_every,
            clock: position,
        });
        let player = Player::start(Arc::clone(&shared), steps, timeline.length(), &options);
        let router = Router::new().fallback(answer).with_state(Arc::clone(&shared));
        let mut stop = shared.stop.subscribe();
        let serving = tokio::spawn(async move {
            let stopped = async move {
                // An error means that the server is gone, which stops it as well.
                _ = stop.wait_for(|stop| *stop).await;
            };
            if let Err(error) = axum::serve(listener, router).with_graceful_shutdown(stopped).await {
                tracing::error!(%error, "the recording's API server broke");
            }
        });
        Ok(Self { shared, address, player, serving })
    }

    /// `http://127.0.0.1:PORT`.
    pub fn url(&self) -> String {
        format!("http://{}", self.address)
    }

    /// A kubeconfig that points here; its context is called `recording`.
    pub fn kubeconfig(&self) -> String {
        kubeconfig::text(&self.url())
    }

    /// The present, on the clock of the recording.
    pub fn now(&self) -> Timestamp {
        self.shared.clock.now()
    }

    /// Waits for the recording's end. The server goes on serving.
    pub async fn ended(&self) {
        self.player.ended().await;
    }

    /// Plays on up to this instant of the timeline, at once. For [`Clock::Manual`]; with a real clock it does
    /// nothing, as that drives the player.
    pub fn advance_to(&self, t: SignedDuration) {
        self.player.advance_to(&self.shared, t);
    }

    /// Makes or changes an object, as if the recording had it now.
    pub fn apply(&self, resource: &Resource, object: &str) {
        self.shared.change(|world| _ = world.apply(resource, object));
    }

    /// Deletes an object, as if the recording did it now. `object` is its last state.
    pub fn delete(&self, resource: &Resource, object: &str) {
        self.shared.change(|world| _ = world.delete(resource, object, true));
    }

    /// Serves a custom resource from now on (its definition was made).
    pub fn serve(&self, resource: &Resource) {
        self.shared.change(|world| _ = world.serve(resource));
    }

    /// No longer serves a resource (its definition was deleted): its watches end, and it is not found.
    pub fn withdraw(&self, resource: &Resource) {
        self.shared.change(|world| world.withdraw(resource));
    }

    /// Forgets the history, as etcd's compaction does: a watch from an older version gets an ERROR event with
    /// 410, the next page of a list under way gets the HTTP status 410.
    pub fn compact(&self) {
        self.shared.change(World::compact);
    }

    /// Sends a bookmark on every open watch that allows them.
    pub fn send_bookmarks(&self) {
        self.shared.bookmark_asked.send_modify(|count| *count += 1);
    }

    /// Breaks the connections of all open watches.
    pub fn drop_watches(&self) {
        self.shared.dropped.send_modify(|count| *count += 1);
    }

    /// From now on does this instead of answering.
    pub fn inject(&self, fault: Fault) {
        lock(&self.shared.faults).push(fault);
    }

    /// Lifts all faults; what hangs is answered.
    pub fn clear_faults(&self) {
        lock(&self.shared.faults).clear();
        self.shared.faults_changed.send_replace(());
    }

    /// The requests so far (the last 10,000), the oldest first; those that met a fault too. Very long ones are cut.
    pub fn requests(&self) -> Vec<Request> {
        lock(&self.shared.requests).iter().cloned().collect()
    }

    /// The answer to a request that comes by no connection.
    pub async fn ask(&self, request: axum::extract::Request) -> Response {
        answer(State(Arc::clone(&self.shared)), request).await
    }

    /// The version of the last change.
    pub fn version(&self) -> u64 {
        self.shared.world().version()
    }

    /// How many watches are open.
    pub fn open_watches(&self) -> usize {
        self.shared.dropped.receiver_count()
    }

    /// Ends all watches and stops.
    pub async fn shut_down(mut self) {
        self.shared.stop.send_replace(true);
        self.player.stop();
        if let Err(error) = (&mut self.serving).await {
            tracing::error!(%error, "the recording's API server broke");
        }
    }
}

impl Drop for PlayServer {
    fn drop(&mut self) {
        self.shared.stop.send_replace(true);
        self.player.stop();
    }
}

impl Shared {
    pub(super) fn world(&self) -> MutexGuard<'_, World> {
        lock(&self.world)
    }

    /// Changes the world and wakes the watches.
    pub(super) fn change<T>(&self, change: impl FnOnce(&mut World) -> T) -> T {
        let mut world = self.world();
        let done = change(&mut world);
        let version = world.version();
        drop(world);
        self.changed.send_replace(version);
        done
    }

    fn remember(&self, request: &Request) {
        let mut requests = lock(&self.requests);
        if requests.len() == REQUESTS_MAX {
            requests.pop_front();
        }
        let mut request = request.clone();
        let long = request.query.iter().map(|(name, value)| name.len() + value.len()).sum::<usize>();
        if request.path.len() + long + request.agent.len() > REQUEST_BYTES_MAX {
            request.query.clear();
            request.agent.clear();
            request.path.truncate(request.path.floor_char_boundary(REQUEST_BYTES_MAX));
        }
        requests.push_back(request);
    }

    pub(super) fn clock(&self) -> &Position {
        &self.clock
    }
}

async fn answer(State(shared): State<Arc<Shared>>, request: axum::extract::Request) -> Response {
    let (head, body) = request.into_parts();
    let request = match Request::of(&head.method, &head.uri) {
        Ok(request) => request.by(&head.headers),
        Err(status) => return status.into_response(),
    };
    shared.remember(&request);
    let (mut lifted, mut stop) = (shared.faults_changed.subscribe(), shared.stop.subscribe());
    loop {
        let effect = effect(&mut lock(&shared.faults), &request);
        match effect {
            None => break,
            Some(Effect::Answer(response)) => return response,
            Some(Effect::Wait(wait)) => {
                tokio::select! {
                    () = tokio::time::sleep(wait) => break,
                    _ = stop.wait_for(|stop| *stop) => break,
                }
            }
            Some(Effect::Hang) => {
                tokio::select! {
                    _ = lifted.changed() => {}
                    _ = stop.wait_for(|stop| *stop) => break,
                }
            }
        }
    }
    let place = Place::of_path(&request.path);
    dispatch(&shared, &request, place, &head.headers, body).await.unwrap_or_else(Status::into_response)
}

async fn dispatch(
    shared: &Arc<Shared>,
    request: &Request,
    place: Option<Place<'_>>,
    headers: &HeaderMap,
    body: Body,
) -> Result<Response, Status> {
    if let Some(found) = discovery::answer(&shared.world(), &request.path) {
        return Ok(found);
    }
    let place = place.ok_or_else(Status::no_such_resource)?;
    let resource = {
        let world = shared.world();
        let collection = world.collection(place.group, place.version, place.plural);
        collection.map(|collection| collection.resource.clone()).ok_or_else(Status::no_such_resource)?
    };
    if place.subresource.is_some() || (place.namespace.is_some() && !resource.namespaced) {
        return Err(Status::no_such_resource());
    }
    let text = |name| headers.get(name).and_then(|value| value.to_str().ok()).unwrap_or_default();
    let metadata = text(header::ACCEPT).contains("as=PartialObjectMetadata");
    match (request.verb, place.name) {
        (Verb::Watch, None) => watch::answer(shared, &resource, request, place.namespace, metadata),
        (Verb::List, None) => {
            list::answer(&mut shared.world(), &resource, request, place.namespace, metadata)
        }
        (Verb::Get, Some(name)) => {
            let world = shared.world();
            let full = (place.namespace.unwrap_or_default().to_owned(), name.to_owned());
            let found = world.get(&resource, &full);
            let found =
                found.ok_or_else(|| Status::no_such_object(&resource.group, &resource.plural, name))?;
            let body = if metadata { metadata_only(found.text()).into() } else { found.json.clone() };
            Ok(json_response(200, body))
        }
        (Verb::Watch | Verb::Get | Verb::List, _) => Err(Status::no_such_resource()),
        _ if !write::is_writable(&resource) => {
            let message = format!("{} cannot be written in a recording", resource.plural);
            Err(Status::new(405, "MethodNotAllowed", message))
        }
        _ => {
            let content_type = text(header::CONTENT_TYPE).to_owned();
            let body = to_bytes(body, BODY_BYTES_MAX).await;
            let body =
                body.map_err(|e| Status::new(413, "RequestEntityTooLarge", format!("the body: {e}")))?;
            let now = shared.clock.now();
            shared.change(|world| write::answer(world, &resource, &place, request, &content_type, &body, now))
        }
    }
}

pub(super) fn lock<T>(mutex: &Mutex<T>) -> MutexGuard<'_, T> {
    mutex.lock().unwrap_or_else(PoisonError::into_inner)
}
