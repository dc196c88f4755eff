//! How a deployed function reaches the live clusters, each by its scope: by a kubeconfig, or by the address of the
//! Kubernetes API with the function's own role (EKS) or a token in the parameter store; or not at all.
//!
//! ```no_run
//! # fn example(aws: &aws_config::SdkConfig) -> Result<(), Box<dyn std::error::Error>> {
//! let mut settings = prodrome_lambda::Settings::new(prodrome_lambda::environment);
//! let access = prodrome_access::Access::from_settings(&mut settings);
//! settings.finish()?;
//! let clusters = access.clusters(aws)?;
//! # Ok(()) }
//! ```

mod connect;
mod connection;
mod listed;
mod live_clusters;
mod settings;

pub use connect::AccessError;
pub use live_clusters::{LiveCluster, LiveClusters};
pub use settings::{Access, Credentials, Way};
