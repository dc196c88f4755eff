//! What the author of a root-cause plugin needs.
//!
//! A plugin is a function of its own that answers one question about a broken object: is it this? It gets a
//! [`Context`] (the object, the rule that fired, the answers of the nodes before, a read-only cluster) and returns a
//! [`Response`]: a cause with evidence and a confidence, or that it is not this, or that it cannot know.
//!
//! ```
//! use prodrome_plugin::{Cause, Context, Evidence, Plugin, Problem, Response};
//! use serde::Deserialize;
//!
//! #[derive(Deserialize, schemars::JsonSchema)]
//! #[serde(default, deny_unknown_fields)]
//! struct Params {
//!     /// From how many restarts on.
//!     restarts: i64,
//! }
//!
//! impl Default for Params {
//!     fn default() -> Self {
//!         Self { restarts: 3 }
//!     }
//! }
//!
//! async fn diagnose(context: Context, params: Params) -> Result<Response, Problem> {
//!     let Some(pod) = context.subject().await? else { return Ok(Response::cleared("the pod is gone")) };
//!     let restarts = pod.number("/status/containerStatuses/0/restartCount").unwrap_or(0.0);
//!     if restarts < params.restarts as f64 {
//!         return Ok(Response::cleared("it was hardly restarted"));
//!     }
//!     let evidence = Evidence::new("status", format!("restarted {restarts} times"));
//!     Ok(Response::cause("app-error", 0.6, "the program ends by itself").because(evidence))
//! }
//!
//! pub fn plugin() -> Plugin {
//!     Plugin::new("restarts", diagnose)
//!         .about("Counts restarts.")
//!         .reads("", "pods", &["get"])
//!         .names(&[Cause::AppError])
//! }
//! // In main.rs: fn main() -> Result<(), prodrome_plugin::Error> { prodrome_plugin::run(plugin()) }
//!
//! # tokio::runtime::Builder::new_current_thread().build().unwrap().block_on(async {
//! // Its test: objects in, verdict out.
//! let kit = prodrome_plugin::kit::Kit::new().with(serde_json::json!({
//!     "apiVersion": "v1", "kind": "Pod", "metadata": { "name": "web-0", "namespace": "shop" },
//!     "status": { "containerStatuses": [{ "name": "web", "restartCount": 7 }] },
//! }));
//! let answer = kit.ask(&plugin(), "Pod shop/web-0").await;
//! assert_eq!(answer.cause.as_deref(), Some("app-error"));
//! # });
//! ```

mod any_cluster;
mod config;
mod context;
mod counted;
mod dependency;
pub mod http;
pub mod image;
pub mod kit;
mod lambda;
mod object;
mod plugin;
pub mod pod;
mod registry;
mod related;
mod rights;
mod texts;
mod unserved;
mod view;
mod wall;
mod webhook;

pub use any_cluster::AnyCluster;
pub use config::Config;
pub use context::Context;
pub use counted::{counted, none_of};
pub use jiff::Timestamp;
pub use lambda::{Error, run};
pub use object::{Condition, Object};
pub use plugin::{NoParams, Plugin, Problem, Reads};
pub use prodrome_causes::{Area, Cause};
pub use prodrome_model::{
    EventBrief as Event, Evidence, FactType, LabelSelector, ObjectRef, Owner, Unseen, Verdict,
};
pub use prodrome_model::{PluginRequest as Request, PluginResponse as Response};
pub use registry::{Registry, call};
pub use rights::{DECLARED_ONLY, LISTED_BY_ALL};
pub use texts::{Explained, Texts};
pub use unserved::Unserved;
pub use view::View;
