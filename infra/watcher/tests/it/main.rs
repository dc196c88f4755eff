//! The watcher as a whole: from an API server to the queue.
#![expect(clippy::unwrap_used, reason = "a test that cannot go on has failed")]

mod fake_api;
mod forwarding;
mod hearing;
mod holding;
mod kills;
mod kubeconfigs;
mod leading;
mod manifests;
mod memory;
mod program;
mod real;
mod world;
