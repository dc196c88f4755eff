//! Rules that hold in some clusters only.

use crate::world::{World, at, rules};
use prodrome_model::{EndReason, Finding, FindingState, Scope};
use serde_json::{Value, json};

const EAST: usize = 0;
const WEST: usize = 1;

fn scopes() -> Vec<Scope> {
    ["east", "west"].map(|cluster| Scope::new("default", "local", cluster)).to_vec()
}

/// A rule on pods that have failed, with these keys besides.
fn failed(name: &str, keys: &str) -> String {
    format!(
        "{name}: {{ resource: Pod, {keys}, checkField: [ {{ field: [status, phase], equalValue: [Failed] }} ] }}\n"
    )
}

fn pod(name: &str, version: u64) -> Value {
    json!({
        "metadata": { "namespace": "shop", "name": name, "uid": format!("u-{name}"), "resourceVersion": version.to_string(),
            "creationTimestamp": at(-5) },
        "status": { "phase": "Failed" },
    })
}

/// What was told of a cluster: the rules that fired, and those that ended, with the reason.
fn told(world: &World, cluster: usize) -> Vec<String> {
    let scope = &scopes()[cluster];
    let line = |finding: &Finding| match &finding.state {
        FindingState::Firing => finding.rule.clone(),
        FindingState::Ended(end) => format!("{} {:?}", finding.rule, end.reason),
    };
    world.findings.iter().filter(|finding| finding.scope == *scope).map(line).collect()
}

/// Both watchers hear of a version.
async fn both_hear_of(world: &mut World, version: u64) {
    world.heard_of = version;
    for cluster in [EAST, WEST] {
        world.turn_to(cluster);
        world.tell(&[]).await;
    }
}

#[tokio::test]
async fn a_rule_is_none_in_a_cluster_in_which_it_does_not_hold() {
    let text = [
        failed("Everywhere", "duration: 0"),
        failed("InTheEast", "duration: 0, clusters: [east]"),
        failed("NotInTheEast", "duration: 0, clusters: { exclude: ['*/local/east'] }"),
    ]
    .concat();
    let mut world = World::of_clusters(&rules(&text), scopes());
    for cluster in [EAST, WEST] {
        world.turn_to(cluster);
        world.apply("Pod", &pod("web-0", 1)).await;
    }
    world.until(60).await;
    assert_eq!(told(&world, EAST), ["Everywhere", "InTheEast"]);
    assert_eq!(told(&world, WEST), ["Everywhere", "NotInTheEast"]);
    assert_eq!(world.checks().len(), 4, "nothing is kept of a rule that does not hold");
    world.assert_quiet();
}

#[tokio::test]
async fn what_a_rule_told_where_it_holds_no_more_ends_as_that_of_a_deleted_one_and_goes_on_elsewhere() {
    let of = |clusters: &str| {
        [
            // The object says when it began, so that nothing but the rule tells one episode from the other.
            failed(
                "AtOnce",
                &format!("duration: 0, since: [metadata, creationTimestamp], clusters: {clusters}"),
            ),
            failed("Later", &format!("duration: 5m, clusters: {clusters}")),
            failed("Other", "duration: 10h"),
        ]
        .concat()
    };
    let mut world = World::of_clusters_following(&failed("Other", "duration: 10h"), scopes());
    world.push(&of("{}")).await;
    for cluster in [EAST, WEST] {
        world.turn_to(cluster);
        world.apply("Pod", &pod("web-0", 1)).await;
    }
    world.until(100).await;
    for cluster in [EAST, WEST] {
        assert_eq!(told(&world, cluster), ["AtOnce"]);
    }
    assert_eq!(world.checks().len(), 6);

    world.push(&of("[east]")).await;
    both_hear_of(&mut world, 2).await;
    world.until(110).await;
    let ended = format!("AtOnce {:?}", EndReason::RuleGone);
    assert_eq!(told(&world, WEST), ["AtOnce".to_owned(), ended]);
    let west: Vec<_> =
        world.checks().into_iter().filter(|c| c.scope == scopes()[WEST]).map(|c| c.rule).collect();
    assert_eq!(west, ["Other"], "what waited is over too");
    // Where they hold as before nothing ends, and nothing waits anew.
    world.until(299).await;
    assert_eq!(told(&world, EAST), ["AtOnce"]);
    world.until(302).await;
    assert_eq!(told(&world, EAST), ["AtOnce", "Later"]);
    world.until(500).await;
    assert_eq!((told(&world, EAST).len(), told(&world, WEST).len()), (2, 2));

    // They come back, and what they find there is another episode.
    world.push(&of("[east, west]")).await;
    both_hear_of(&mut world, 3).await;
    world.turn_to(WEST);
    world.apply("Pod", &pod("web-0", 2)).await;
    world.until(510).await;
    assert_eq!(told(&world, WEST)[2..], ["AtOnce"]);
    assert_eq!(told(&world, EAST).len(), 2);
    let of_west: Vec<_> = world.findings.iter().filter(|f| f.scope == scopes()[WEST]).collect();
    assert_eq!(of_west[0].fingerprint, of_west[1].fingerprint);
    assert_ne!(of_west[0].fingerprint, of_west[2].fingerprint);
    world.assert_quiet();
}
