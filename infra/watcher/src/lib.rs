//! The watcher: forwards a cluster's changes to the queue, and loses none.
//!
//! ```text
//!  Kubernetes API ── one stream a kind ──►  hub  ── packs ──►  queue
//!   list, watch       (state machine)     latest version          │ accepted
//!                                         of each object          ▼
//!                                         bounded in bytes     watermark ──► place (ConfigMap, file)
//! ```
//!
//! A [`Watcher`] keeps no cache of objects. Each kind has a stream, which lists or watches as raw bytes; what it
//! reads waits in the hub, one version an object, until the sender has packed it and the queue has accepted it.
//! Only then the kind's place moves, and only to where nothing before it is still under way. Whenever it is
//! killed, the next run reads on from the saved place and sees again what was not handed over.
//!
//! **A break.** Before a stream reads on from where it was (after a restart of the watcher, and after a connection that
//! broke), it asks by a list of one object where the cluster is now. A cluster that is at an earlier version had its etcd
//! restored: it would drop what happens until it has come to the old version again, so everything is listed anew. One
//! that has come past the old version by then cannot be told from one that only went on.
//!
//! **Rules.** Where it may read the table of rules ([`Watcher::hearing`]), it watches the kinds that pushed rules name,
//! and lists those anew that a version touches, so that an object is judged that is broken and does not change.
//!
//! **Several.** Two watchers of one cluster share a place and a [`Lease`] ([`Watcher::led_by`]): one forwards, the other
//! is ready to. Which epoch is the later one the place decides, see there.
//!
//! **Deletions.** For chosen kinds it holds them with a finalizer until the last state is on its way ([`Finalizers`]).
//!
//! **Bounds.** What waits counts in bytes against [`Settings::waiting_bytes_max`]; beyond it the streams are not
//! read. While the queue is down, what waits is compressed object by object, the latest version of each, against
//! [`Settings::outage_bytes_max`]. At most four packs of about 60 KiB are under way, one object of a list or a watch is held a stream, and
//! three kinds are listed at once: as a stream of objects where the API server has that (which takes no more memory there
//! either), else in pages of 500 that are taken apart while they arrive.
//!
//! **Requests.** One stream a kind, asked for anew every five to seven and a half minutes: sixty kinds are 543 requests in
//! the first hour, lists included. A connection that breaks costs one more (the list of one), and a watch that ends in its
//! time none. Beside them: a save of the place every ten seconds at most (360), the lease renewed every
//! three (1,200, of the one that holds it; the other asks a dozen times), and two that are answered by *not modified* every
//! thirty seconds while a kind that is to be watched is not served.
//!
//! ```no_run
//! # async fn example(queue: impl prodrome_queue::Queue) -> Result<(), Box<dyn std::error::Error>> {
//! use prodrome_model::Scope;
//! use prodrome_watcher::{Clock, FilePlaces, Settings, Watcher, connect};
//!
//! let connection = connect(Some("/home/me/.kube/config".as_ref()), None).await?;
//! connection.check().await?;
//! let kinds = vec!["Pod".parse()?, "apps/Deployment".parse()?];
//! let settings = Settings::new(Scope::new("default", "local", "kind"), kinds);
//! let watcher = Watcher::new(connection.client, queue, FilePlaces::new("place.json"), settings, Clock::system());
//! watcher.run(async { tokio::signal::ctrl_c().await.unwrap_or_default() }).await?;
//! # Ok(())
//! # }
//! ```

mod api;
mod backoff;
mod body;
mod canary;
mod chain;
mod clock;
mod collection;
mod config;
mod connect;
mod discovery;
mod event;
mod finalizers;
mod heard;
mod hub;
mod kind_pattern;
mod kube_api;
mod lease;
mod lines;
mod listed_under;
mod metrics;
mod patterns;
mod places;
mod rule_status;
mod sender;
mod server;
mod status;
mod stream;
mod supervisor;
mod trim;
mod trouble;
mod waiting;
mod watcher;
mod watermark;

pub use canary::CanaryPhase;
pub use chain::chain;
pub use clock::Clock;
pub use config::{Config, ConfigError, Mistake, Named, PlaceIn};
pub use connect::{ConnectError, Connection, ServerVersion, connect};
pub use finalizers::{
    FIELD_MANAGER, FINALIZER, Finalizers, LabelSelector, LabelSelectorError, Removal, RemovalError,
    remove_finalizers,
};
pub use heard::{ASK_EVERY, Heard, Hearsay, listen_to};
pub use kind_pattern::{KindPattern, KindPatternError};
pub use lease::{Lease, LeaseLost};
pub use metrics::{KindState, Metrics, Restart, Role};
pub use places::{ConfigMapPlaces, FilePlaces, PlaceError, PlaceStore, Places};
pub use rule_status::RuleStatuses;
pub use server::{ListenError, listen, serve};
pub use status::Status;
pub use trim::OwnObject;
pub use trouble::{DeniedKind, Trouble};
pub use watcher::{RunError, Settings, Watcher};
