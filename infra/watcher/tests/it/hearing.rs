//! Rules that are pushed while it runs, or while it does not.

use crate::fake_api::{DATABASE, DEPLOYMENT, FakeApi, POD, Running, SECRET};
use crate::world::{Run, TestQueue, client, settings};
use prodrome_model::Scope;
use prodrome_rulebook::{Draft, Rulebook};
use prodrome_rules::SourceFile;
use prodrome_store::MemoryStore;
use prodrome_watcher::{FilePlaces, KindState, listen_to};
use serde_json::json;
use std::time::Duration;
use tempfile::TempDir;
use tokio::sync::watch;

struct World {
    server: Running,
    queue: TestQueue,
    folder: TempDir,
    book: Rulebook<MemoryStore>,
}

impl World {
    async fn new() -> Self {
        let server = FakeApi::start(&[POD, DEPLOYMENT, DATABASE, SECRET]).await;
        server.api.apply(&POD, "shop", "quiet", json!({ "status": { "stuck": "yes" } }));
        server.api.apply(&DEPLOYMENT, "shop", "web", json!({}));
        let (queue, folder) = (TestQueue::new(), tempfile::tempdir().unwrap());
        Self { server, queue, folder, book: Rulebook::new(MemoryStore::new()) }
    }

    async fn run(&self, kinds: &[&str]) -> Run {
        let client = client(&format!("http://{}", self.server.address)).await;
        let (tell, hearsay) = watch::channel(None);
        let scope = Scope::new("default", "local", "test");
        tokio::spawn(listen_to(self.book.clone(), scope, tell, Duration::from_millis(50)));
        let places = FilePlaces::new(self.folder.path().join("place.json"));
        Run::hearing(client, &self.queue, places, settings(kinds), hearsay)
    }

    /// Pushes a rule for each of these kinds, in place of all others, that looks for a value.
    async fn push(&self, kinds: &[(&str, u64)]) -> u64 {
        let rule = |(kind, value): &(&str, u64)| {
            format!(
                "R{}: {{ resource: {kind}, checkField: [{{ field: [a], equalValue: [{value}] }}] }}\n",
                kind.replace('*', "All")
            )
        };
        let file = SourceFile::new("r.yaml", kinds.iter().map(rule).collect::<String>());
        let draft = Draft { prune: true, ..Draft::new("ann", "why", [file]) };
        self.book.push(&draft, &[], jiff::Timestamp::UNIX_EPOCH).await.unwrap().version
    }

    /// How often a kind has been listed.
    fn lists(&self, plural: &str) -> usize {
        let part = format!("/{plural}?limit=500");
        self.server.api.requests().iter().filter(|request| request.contains(&part)).count()
    }

    /// Waits until so many lists of a kind have come to their ends at the queue.
    async fn listed(&self, kind: &str, times: usize) {
        let what = format!("list {times} of {kind}");
        let enough = |ended: &[String]| ended.iter().filter(|ended| *ended == kind).count() == times;
        self.queue.until(&what, |received| enough(&received.ended)).await;
    }
}

#[tokio::test]
async fn what_a_version_touches_is_listed_anew_and_nothing_else() {
    let world = World::new().await;
    let run = world.run(&["Pod", "apps/Deployment"]).await;
    world.listed("Pod", 1).await;
    world.listed("Deployment", 1).await;
    run.until("ready", |status| status.is_ready()).await;

    let version = world.push(&[("Pod", 1), ("Deployment", 1)]).await;
    world.listed("Pod", 2).await;
    world.listed("Deployment", 2).await;
    let version_2 = world.push(&[("Pod", 2), ("Deployment", 1)]).await;
    world.listed("Pod", 3).await;
    assert_eq!(
        (version, version_2, world.queue.received().rules),
        (1, 2, 2),
        "packs say which version it is"
    );

    // One that touches nothing is told of at once, and nothing is listed.
    let packs = world.queue.received().packs;
    world.push(&[("Pod", 2)]).await;
    world.queue.until("word of version 3", |received| received.rules == 3 && received.packs > packs).await;
    // It follows changes as before.
    world.server.api.apply(&POD, "shop", "late", json!({}));
    world.queue.until("the change", |received| received.there("Pod").contains_key("shop/late")).await;
    assert_eq!((world.lists("pods"), world.lists("deployments")), (3, 2));
    run.end().await.unwrap();
}

#[tokio::test]
async fn a_kind_that_no_rule_named_before_is_watched_but_secrets_are_not() {
    let world = World::new().await;
    world.server.api.apply(&DATABASE, "shop", "db", json!({}));
    let run = world.run(&["Pod"]).await;
    world.listed("Pod", 1).await;
    world.push(&[("Database", 1), ("Secret", 1)]).await;
    world.listed("Database", 1).await;
    let kinds = run.status.kinds();
    assert!(kinds.keys().any(|kind| kind.ends_with("/databases")), "{kinds:?}");
    assert!(!kinds.contains_key("secrets"), "{kinds:?}");
    run.end().await.unwrap();
}

#[tokio::test]
async fn what_rules_of_other_clusters_name_is_neither_listed_nor_watched() {
    let world = World::new().await;
    let run = world.run(&["Pod"]).await;
    world.listed("Pod", 1).await;
    let push = async |clusters: &str| {
        let rule = |kind: &str| {
            format!(
                "R{kind}: {{ resource: {kind}, clusters: {clusters}, checkField: [{{ field: [a], nilValue: true }}] }}\n"
            )
        };
        let file = SourceFile::new("r.yaml", [rule("Pod"), rule("Database")].concat());
        let draft = Draft { prune: true, ..Draft::new("ann", "why", [file]) };
        world.book.push(&draft, &[], jiff::Timestamp::UNIX_EPOCH).await.unwrap();
    };
    push("[other]").await;
    world.queue.until("word of version 1", |received| received.rules == 1).await;
    assert_eq!((world.lists("pods"), world.lists("databases")), (1, 0));
    push("[other, test]").await;
    world.listed("Pod", 2).await;
    world.listed("Database", 1).await;
    run.end().await.unwrap();
}

#[tokio::test]
async fn a_version_that_came_while_it_was_down_is_made_good_once() {
    let world = World::new().await;
    world.push(&[("Pod", 1)]).await;
    let run = world.run(&["Pod"]).await;
    world.listed("Pod", 1).await;
    run.end().await.unwrap();

    // It has listed under version 1, and reads on from its place.
    let run = world.run(&["Pod"]).await;
    run.until("watching", |status| status.kinds().get("pods") == Some(&KindState::Watching)).await;
    run.end().await.unwrap();
    assert_eq!(world.lists("pods"), 1);

    world.push(&[("Pod", 2)]).await;
    let run = world.run(&["Pod"]).await;
    world.listed("Pod", 2).await;
    run.end().await.unwrap();
    let run = world.run(&["Pod"]).await;
    run.until("watching", |status| status.kinds().get("pods") == Some(&KindState::Watching)).await;
    run.end().await.unwrap();
    assert_eq!(world.lists("pods"), 2);
}

#[tokio::test]
async fn killed_before_the_queue_has_the_list_it_lists_again() {
    let world = World::new().await;
    let run = world.run(&["Pod"]).await;
    world.listed("Pod", 1).await;
    run.end().await.unwrap();

    let run = world.run(&["Pod"]).await;
    run.until("watching", |status| status.kinds().get("pods") == Some(&KindState::Watching)).await;
    world.queue.down.store(true, std::sync::atomic::Ordering::Relaxed);
    world.push(&[("Pod", 1)]).await;
    run.until("the list to wait", |status| world.lists("pods") == 2 && status.waiting_bytes() > 0).await;
    run.kill().await;
    world.queue.down.store(false, std::sync::atomic::Ordering::Relaxed);
    let run = world.run(&["Pod"]).await;
    world.listed("Pod", 2).await;
    run.end().await.unwrap();
}
