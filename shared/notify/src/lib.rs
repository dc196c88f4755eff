//! Notification channels: rendering, signing, limits and retries.
//!
//! [`Channels`] is the port through which a [`Notice`](prodrome_model::Notice) leaves. [`Routing`] says which
//! channels there are and who is told what; [`HttpChannels`] tells them, [`MemoryChannels`] only remembers.
//! [`RetryPolicy`] and [`Bucket`] decide when to try (again). All decisions are pure, and the time is a parameter.
//!
//! A channel is a module without I/O: `Config` (as the routing file has it), `Resolved` (with its secrets),
//! `render` (the request that tells a notice) and `classify` (what an answer means).
//!
//! ```
//! use prodrome_notify::{Facts, Routing};
//! # use prodrome_model::{Owner, Severity};
//! # use std::collections::BTreeMap;
//!
//! let routing = Routing::parse("routing.yaml", "
//! channels: { chat: { type: slack, webhook: { env: SLACK_WEBHOOK } } }
//! routes: [ { match: { severity: P2 }, channels: [chat] } ]
//! ").unwrap();
//! # let none = BTreeMap::new();
//! # let facts = Facts { severity: Severity::P1, owner: Owner::User, rule: "PodCrashLooping", cluster: "prod",
//! #     namespace: Some("shop"), labels: &none, object_labels: &none };
//! assert_eq!(routing.route(&facts)[0].as_str(), "chat");
//! ```

pub mod alertmanager;
pub mod dingtalk;
pub mod pagerduty;
pub mod slack;
pub mod terminal;
pub mod webhook;

mod bounds;
mod channels;
mod endpoint;
mod glob;
mod http;
mod http_channels;
mod limit;
mod memory;
mod message;
mod outcome;
mod resolve;
mod retry;
mod routing;
mod secret;
mod sender;
mod signature;
mod suggest;
mod text;

#[cfg(test)]
#[path = "../tests/it/sample.rs"]
#[expect(dead_code, reason = "the integration tests use all of it, the tests in here some")]
mod sample;

pub use channels::{Channels, Delivery, RECEIPT_BYTES_MAX};
pub use endpoint::{Endpoint, EndpointError};
pub use glob::Glob;
pub use http::{Request, Response};
pub use http_channels::{HttpChannels, NotReady};
pub use limit::{Bucket, Limit};
pub use memory::{Attempt, MemoryChannels};
pub use outcome::{Outcome, Reason};
pub use resolve::{ResolveError, Secrets};
pub use retry::{Attempts, Decision, RetryPolicy};
pub use routing::{
    BySeverity, Channel, ChannelConfig, ChannelName, Facts, Matcher, OneOrMany, Pacing, Period, Repeat,
    Routing, RoutingError, Silence,
};
pub use secret::{LocalSecrets, Secret, SecretError, SecretRef, SecretSource};
pub use sender::{NoAnswer, Sender, SenderError, Timeouts};
