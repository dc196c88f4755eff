//! The `Cluster` port: reads what a finding needs from the live cluster.
//!
//! Over the Kubernetes API ([`KubeCluster`]) and over plain objects in memory ([`ObjectsCluster`], filled from a
//! recording or from files) the port passes one and the same contract.

mod cluster;
mod error;
pub mod event;
mod objects;
pub mod owner;

pub use cluster::{Cluster, ListPage};
pub use error::ClusterError;
pub use objects::{ObjectError, ObjectsCluster};
