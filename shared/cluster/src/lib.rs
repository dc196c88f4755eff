//! The `Cluster` port: reads what a finding needs from the live cluster.
//!
//! Over the Kubernetes API ([`KubeCluster`]) and over plain objects in memory ([`ObjectsCluster`], filled from a
//! recording or from files) the port passes one and the same contract.
//!
//! ```
//! use prodrome_cluster::{Cluster, ObjectsCluster};
//! use prodrome_model::{GroupKind, ObjectKey};
//! use prodrome_recording::builtin_of_kind;
//!
//! # #[tokio::main(flavor = "current_thread")]
//! # async fn main() -> Result<(), Box<dyn std::error::Error>> {
//! let pods = builtin_of_kind(&GroupKind::core("Pod")).ok_or("no pods")?;
//! let cluster = ObjectsCluster::new();
//! cluster.apply(&pods, br#"{"metadata":{"name":"web-0","namespace":"shop"}}"#)?;
//!
//! let pod = ObjectKey::new(pods.group_kind(), Some("shop"), "web-0");
//! assert!(cluster.get(&pod).await?.is_some());
//! let secret = ObjectKey::new(GroupKind::core("Secret"), Some("shop"), "web");
//! assert_eq!(cluster.get(&secret).await?, None);
//! # Ok(())
//! # }
//! ```

mod cluster;
mod clusters;
pub mod connect;
mod discovery;
mod error;
pub mod event;
mod kube_cluster;
mod objects;
pub mod owner;
mod request;
mod sparing;
mod tokens;

pub use cluster::{Cluster, ListPage};
pub use clusters::Clusters;
pub use connect::{ConnectError, Endpoint};
pub use error::ClusterError;
pub use kube_cluster::KubeCluster;
pub use objects::{Logs, ObjectError, ObjectsCluster};
pub use sparing::Sparing;
pub use tokens::Tokens;
