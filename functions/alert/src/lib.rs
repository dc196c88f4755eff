//! Alerts: findings in, notices out; one alert for one fault, told once to everyone whom it concerns.
//!
//! A message is handled in three steps: what it is about is read, [`prodrome_alerting`] decides, and what is
//! then owed to whom is written in one transaction with the decision. Only then is anything sent, and what
//! became of it written down. So whatever dies in between leaves something that falls due: the sweep hands it
//! over, and it is sent. Two who meet at one group find each other's writes and decide again; two who meet at
//! one delivery find it claimed.
#![recursion_limit = "256"] // the futures of the AWS SDK are nested deeply

mod alerts;
mod canary;
mod config;
mod deliver;
mod due;
mod error;
pub mod lambda;
mod limit;
mod records;
mod rest;
mod secrets;
mod turn;

pub use alerts::Alerts;
pub use config::{Config, RoutingSource};
pub use error::AlertError;
pub use secrets::AwsSecrets;
