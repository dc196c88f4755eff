//! How a deployed function reaches the live cluster: by a kubeconfig, or by the address of the Kubernetes API with
//! the function's own role (EKS) or a token in the parameter store; or not at all.
//!
//! ```no_run
//! # async fn example(aws: &aws_config::SdkConfig) -> Result<(), Box<dyn std::error::Error>> {
//! let mut settings = prodrome_lambda::Settings::new(prodrome_lambda::environment);
//! let access = prodrome_access::Access::from_settings(&mut settings);
//! settings.finish()?;
//! let cluster = access.connect(aws).await?;
//! # Ok(()) }
//! ```

mod connect;
mod live_cluster;
mod settings;

pub use connect::AccessError;
pub use live_cluster::LiveCluster;
pub use settings::{Access, Credentials};
