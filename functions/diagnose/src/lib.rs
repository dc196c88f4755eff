//! Diagnosis: findings in, findings that say why out.
//!
//! A finding whose rule names a root-cause flow comes here before it is told to anybody. The flow's nodes are asked
//! one after another or side by side, as [`prodrome_flows`] plans it; what each came to is kept under the run, so that
//! a redelivered finding goes on where the first one stopped. The finding leaves with its [`Diagnosis`], or, where it
//! could not be diagnosed, without: an alert is never held back for longer than the flow allows.
//!
//! Rules with a plugin of their own have it asked here too: a [`Question`] comes, and its answer goes back to the check.
//!
//! Of many objects with one fault (the same rule, the same top owner, the same evidence) one is examined, and the
//! others are compared with it.
//!
//! [`Diagnosis`]: prodrome_model::Diagnosis
//! [`Question`]: prodrome_model::Question
#![recursion_limit = "256"] // the futures of the AWS SDK are nested deeply

mod apply;
mod breaker;
mod config;
mod diagnose;
mod examine;
mod in_process;
pub mod lambda;
mod lambda_plugins;
mod plugins;
mod question;
mod record;

pub use apply::{apply, default_owner};
pub use breaker::Breaker;
pub use config::Config;
pub use diagnose::Diagnose;
pub use examine::{Examination, Progress, Tools, examine};
pub use in_process::InProcess;
pub use lambda_plugins::LambdaPlugins;
pub use plugins::{CallError, Plugins};
