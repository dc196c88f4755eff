//! A Kubernetes API server that plays recordings, with true list and watch semantics.
//!
//! | part | what |
//! |---|---|
//! | `world` | objects, versions, history: pure |
//! | `list`, `watch`, `write`, `discovery` | answers to requests |
//! | `player` | brings the recording in, by its clock |
//! | `fault` | what it does instead, on demand |

mod discovery;
mod fault;
mod kubeconfig;
mod list;
mod player;
mod request;
mod selector;
mod server;
mod status;
mod watch;
mod world;
mod write;

pub use fault::Fault;
pub use player::Clock;
pub use request::{Request, Verb};
pub use server::{PlayError, PlayOptions, PlayServer};
pub use write::merge_patch;
