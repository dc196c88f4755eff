//! Two watchers that share a lease, against an API server in memory.

use crate::fake_api::{CONFIG_MAP, FakeApi, LEASE, POD, Running};
use crate::world::{Run, TestQueue, client, settings};
use prodrome_watcher::{ConfigMapPlaces, Role, RunError, Status};
use serde_json::json;

async fn world() -> (Running, TestQueue) {
    let server = FakeApi::start(&[POD, CONFIG_MAP, LEASE]).await;
    server.api.apply(&POD, "shop", "a", json!({}));
    (server, TestQueue::new())
}

async fn run(server: &Running, queue: &TestQueue) -> Run {
    let client = client(&format!("http://{}", server.address)).await;
    let places = ConfigMapPlaces::new(client.clone(), "prodrome", "place");
    Run::led(client, queue, places, settings(&["Pod"]))
}

fn is(role: Role) -> impl Fn(&Status) -> bool {
    move |status| status.is() == role
}

#[tokio::test]
async fn one_forwards_and_the_other_takes_over_where_it_ended_as_soon_as_it_ends() {
    let (server, queue) = world().await;
    let first = run(&server, &queue).await;
    queue.until("the list", |received| received.ended.len() == 1).await;
    let second = run(&server, &queue).await;
    second.until("it waits", is(Role::Waits)).await;
    assert!(second.status.is_ready(), "a rollout must not wait for it to lead");
    assert!(second.status.render().contains("prodrome_watcher_forwards 0"));
    assert!(first.status.render().contains("prodrome_watcher_forwards 1"));

    first.end().await.unwrap();
    server.api.apply(&POD, "shop", "b", json!({}));
    second.until("it leads", is(Role::Leads)).await;
    let want = server.api.state(&POD);
    let received = queue.until("all", |received| received.there("Pod") == want).await;
    assert_eq!(received.ended.len(), 1, "it reads on from the place, without a list");
    let epochs: Vec<_> = received.changes.iter().map(|change| change.epoch).collect();
    assert!(epochs.is_sorted() && epochs.first() < epochs.last(), "{epochs:?}");
    second.end().await.unwrap();
    let lease = server.api.object(&LEASE, "prodrome", "lead").unwrap();
    assert_eq!(
        (&lease["spec"]["holderIdentity"], &lease["spec"]["leaseTransitions"]),
        (&json!(""), &json!(1))
    );
}

#[tokio::test]
async fn whoever_has_lost_the_lease_sends_and_saves_no_more() {
    let (server, queue) = world().await;
    let run = run(&server, &queue).await;
    queue.until("the list", |received| received.ended.len() == 1).await;
    let mut lease = server.api.object(&LEASE, "prodrome", "lead").unwrap();
    lease["spec"]["holderIdentity"] = "another".into();
    server.api.apply(&LEASE, "prodrome", "lead", lease);
    let error = run.ended().await.unwrap_err();
    assert!(matches!(error, RunError::Lease(_)) && error.to_string().contains("another has it"), "{error}");
    let lease = server.api.object(&LEASE, "prodrome", "lead").unwrap();
    assert_eq!(lease["spec"]["holderIdentity"], "another", "it is not taken back");
}

#[tokio::test]
async fn a_person_who_writes_a_label_takes_nothing() {
    let (server, queue) = world().await;
    let run = run(&server, &queue).await;
    queue.until("the list", |received| received.ended.len() == 1).await;
    let mut lease = server.api.object(&LEASE, "prodrome", "lead").unwrap();
    lease["metadata"]["labels"] = json!({ "team": "shop" });
    server.api.apply(&LEASE, "prodrome", "lead", lease.clone());
    run.until("it is renewed", |_| {
        server.api.object(&LEASE, "prodrome", "lead").unwrap()["spec"]["renewTime"]
            != lease["spec"]["renewTime"]
    })
    .await;
    server.api.apply(&POD, "shop", "b", json!({}));
    queue.until("it goes on", |received| received.there("Pod").contains_key("shop/b")).await;
    run.end().await.unwrap();
    let lease = server.api.object(&LEASE, "prodrome", "lead").unwrap();
    assert_eq!(lease["metadata"]["labels"]["team"], "shop");
}
