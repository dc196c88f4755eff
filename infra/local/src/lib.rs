//! The whole system in one process: the very handlers that are deployed, over stores, queues and a cluster in
//! memory, on virtual time. Replay, rule tests and simulations are made of it.
#![recursion_limit = "256"] // the futures of the AWS SDK are nested deeply

pub mod audit;
pub mod mortal;
mod notices;
mod plugins;
mod scripted;
mod serve;
mod world;

pub use notices::Notices;
pub use plugins::{catalogue, plugins};
pub use scripted::Script;
pub use serve::{ServeError, serve};
pub use world::{Change, World};
