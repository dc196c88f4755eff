//! The whole system in one process: the very handlers that are deployed, over stores, queues and a cluster in
//! memory, on virtual time. Replay, rule tests and simulations are made of it.

pub mod mortal;
mod notices;
mod plugins;
mod world;

pub use notices::Notices;
pub use plugins::{catalogue, plugins};
pub use world::{Change, World};
