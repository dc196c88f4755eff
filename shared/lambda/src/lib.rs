//! What every Lambda function shares: settings read at once, JSON logs, embedded metrics, and batches in which
//! each record has its own fate.
//!
//! ```
//! use prodrome_lambda::Settings;
//!
//! let mut settings = Settings::new(|name| (name == "SHARDS").then(|| "four".to_owned()));
//! settings.required("CHECKS_TABLE", "the table of checks");
//! settings.parsed::<u16>("SHARDS", "a number", 4);
//! let error = settings.finish().unwrap_err();
//! assert_eq!(
//!     error.to_string(),
//!     "2 settings are wrong: CHECKS_TABLE is not set: the table of checks; SHARDS is \"four\": expected a number"
//! );
//! ```

mod aws;
mod batch;
mod by_hand;
mod delivery;
mod eks;
mod fate;
mod functions;
mod inbox;
mod logs;
pub mod metric;
mod parameters;
mod secrets_manager;
mod serve;
mod settings;
mod tally;
mod tries;

pub use batch::{Handler, Received, received};
pub use by_hand::refuse_by_hand;
pub use delivery::{Delivery, Failure};
pub use eks::{EksTokenError, EksTokens};
pub use fate::{RECEIVES_MAX, WAIT_MAX};
pub use functions::{FunctionState, Functions, InvokeError};
pub use inbox::{Inbox, Mail};
pub use logs::init_logs;
pub use metric::Meter;
pub use parameters::{ParameterError, Parameters};
pub use secrets_manager::{SecretsManager, SecretsManagerError};
pub use serve::{now, serve_queue, serve_schedule};
pub use settings::{Settings, SettingsError, environment};
pub use tally::Tally;
