//! The whole system on one machine, for tests from end to end and for benchmarks.
//!
//! A [`System`] is everything at once: an API server with objects or a recording in it, the watcher, `template.yaml`
//! on the emulator with real processes as functions, and a [`Webhook`] that verifies what it is told as a receiver
//! would. All calls block; each wait ends with the thing that it waits for, or says what did not come.
//!
//! ```no_run
//! use prodrome_e2e::{Setup, System};
//! use std::path::Path;
//!
//! let setup = Setup::new(Path::new("target/debug/bootstrap")).rules("rules");
//! let system = System::start(&setup)?;
//! system.apply(&serde_json::json!({
//!     "apiVersion": "v1", "kind": "Pod", "metadata": { "namespace": "shop", "name": "a", "uid": "1" },
//! }));
//! let told = system.webhook.until("a notice", |told| told.first().cloned());
//! println!("cold start of the sweep: {:?}", system.cold_start("sweep")?);
//! # Ok::<(), anyhow::Error>(())
//! ```

mod alarm;
mod alertmanager;
mod cluster;
mod cold_start;
mod functions;
mod packs;
mod proxy;
mod samples;
mod setup;
mod system;
mod wait;
mod watching;
mod webhook;

pub use alarm::{Alarm, Datum};
pub use alertmanager::Alertmanager;
pub use cluster::AnotherCluster;
pub use functions::FunctionProcess;
pub use packs::Packs;
pub use proxy::{Met, Proxy, Service, Trouble};
pub use samples::{samples, shipped_flows, shipped_rules};
pub use setup::{Setup, shipped_rules_and};
pub use system::{System, sdk_config};
pub use wait::{PATIENCE, until};
pub use webhook::{Mood, Told, Webhook};
