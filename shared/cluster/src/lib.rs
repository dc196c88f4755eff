//! The `Cluster` port: reads what a finding needs from the live cluster.
//!
//! Over the Kubernetes API ([`KubeCluster`]) and over plain objects in memory ([`ObjectsCluster`], filled from a
//! recording or from files) the port passes one and the same contract.

mod cluster;
pub mod connect;
mod discovery;
mod error;
pub mod event;
mod kube_cluster;
mod objects;
pub mod owner;
mod request;

pub use cluster::{Cluster, ListPage};
pub use connect::{ConnectError, Endpoint};
pub use error::ClusterError;
pub use kube_cluster::KubeCluster;
pub use objects::{ObjectError, ObjectsCluster};
