//! A real Kubernetes API server for tests: one for a test binary, started by the first test that wants it.
//!
//! `KUBEBUILDER_ASSETS` names a folder with `kube-apiserver`, `etcd` and `kubectl` (`make cluster-tools` makes
//! one, `tests/cluster/assets` prints it). Without, [`together`] and [`alone`] say which test is skipped, and
//! why. There is no controller and no kubelet: what a test does not do to an object, nobody does.
//! ([`Cluster::whole`] is the API server of a cluster that has them, which `tests/e2e-cluster` makes.)
//!
//! ```no_run
//! # async fn example() {
//! let Some(cluster) = prodrome_test_cluster::together("a_pod_is_seen").await else { return };
//! cluster.namespace("shop").await;
//! let pod = serde_json::json!({ "metadata": { "name": "a" }, "data": { "k": "v" } });
//! cluster.create("/api/v1/namespaces/shop/configmaps", &pod).await;
//! # }
//! ```

mod account;
mod assets;
mod cluster;
mod etcd;
mod guarded;
mod turn;

pub use account::Account;
pub use assets::Assets;
pub use cluster::Cluster;
pub use turn::{Alone, Snapshot, Together, alone, together};
