//! Against a real API server, where there is one: `KUBEBUILDER_ASSETS` names its programs. What comes out of the
//! queue is compared with what the API server itself holds.

mod canary;
mod deployed;
mod finalizers;
mod following;
mod interruptions;
mod leading;
mod permissions;
mod rule_objects;
mod schedule;

use crate::world::{Run, TestQueue, settings};
use futures::{StreamExt as _, stream};
use prodrome_test_cluster::{Account, Cluster};
use prodrome_watcher::{FilePlaces, KindState, PlaceStore as _, Places, Settings, Status};
use serde_json::{Value, json};
use std::time::Duration;
use tempfile::TempDir;

/// A watcher's account, its namespace, its place and its queue.
struct Desk<'c> {
    cluster: &'c Cluster,
    namespace: &'static str,
    account: Account,
    queue: TestQueue,
    folder: TempDir,
}

impl<'c> Desk<'c> {
    /// In a namespace of its own, whose account may watch some of the core group's kinds.
    async fn new(cluster: &'c Cluster, namespace: &'static str, resources: &[&str]) -> Self {
        Self::with_rules(cluster, namespace, &[("", resources, &["list", "watch"])]).await
    }

    async fn with_rules(
        cluster: &'c Cluster,
        namespace: &'static str,
        rules: &[(&str, &[&str], &[&str])],
    ) -> Self {
        cluster.namespace(namespace).await;
        let account = cluster.account(namespace, "watcher").await;
        cluster.allow(&account, rules).await;
        Self { cluster, namespace, account, queue: TestQueue::new(), folder: tempfile::tempdir().unwrap() }
    }

    /// Of this namespace alone, with short watches, so that their ends are seen as well.
    fn settings(&self, kinds: &[&str]) -> Settings {
        let namespaces = vec![self.namespace.to_owned()];
        Settings { namespaces, watch_lasts: Duration::from_secs(6), ..settings(kinds) }
    }

    fn places(&self) -> FilePlaces {
        FilePlaces::new(self.folder.path().join("place.json"))
    }

    async fn saved(&self) -> Places {
        self.places().load().await.unwrap().unwrap()
    }

    async fn run(&self, settings: Settings) -> Run {
        Run::begin(self.account.client().await, &self.queue, self.places(), settings)
    }

    fn collection(&self, plural: &str) -> String {
        format!("/api/v1/namespaces/{}/{plural}", self.namespace)
    }

    /// Makes objects named `PREFIX-0` and so on, eight at a time.
    async fn create_many(&self, collection: &str, prefix: &str, count: usize, object: &Value) {
        let objects = stream::iter(0..count).map(|i| {
            let mut object = object.clone();
            object["metadata"] = json!({ "name": format!("{prefix}-{i}") });
            async move { self.cluster.create(collection, &object).await }
        });
        objects.buffer_unordered(8).for_each(async |_| {}).await;
    }

    /// Waits until the queue's side knows of a kind exactly what the API server holds.
    async fn in_step(&self, kind: &str, collection: &str) {
        let want = self.cluster.versions(collection).await;
        self.queue.until(&format!("{want:?}"), |received| received.there(kind) == want).await;
    }

    /// What the account has asked for since it had asked for so much.
    fn asked(&self, before: usize) -> Vec<String> {
        self.cluster.requests(&self.account.user).split_off(before)
    }
}

async fn watching(run: &Run, collection: &str) {
    let is_watching = |status: &Status| status.kinds().get(collection) == Some(&KindState::Watching);
    run.until("it watches", is_watching).await;
}

fn config_map(value: u64) -> Value {
    json!({ "data": { "value": value.to_string() } })
}
