//! One fault, one alert, however many rules see it.

use crate::findings::{caused, crashing, recovered, seen_by};
use crate::world::World;
use prodrome_model::{Finding, Notice, NoticeKind, Owner, Severity, Subject};
use std::collections::{BTreeMap, BTreeSet};

/// An image that does not exist, as four rules see it: on two pods, on their Deployment, on the Service before it.
fn one_fault(since: i64) -> [Finding; 5] {
    let pod = |rule: &str, pod: &str| seen_by(rule, "Pod", pod, crashing("web", pod, since));
    [
        pod("PodImagePullFailing", "web-1"),
        pod("PodImagePullFailing", "web-2"),
        pod("PodNotReady", "web-1"),
        seen_by("DeploymentUnavailable", "Deployment", "web", crashing("web", "web", since)),
        seen_by("ServiceSelectsNobodyReady", "Service", "web", crashing("web", "web", since)),
    ]
    .map(|finding| caused("image-not-found", "web", finding))
}

/// `rule on object`, of all that was told of an alert.
fn symptoms(notice: &Notice) -> BTreeSet<String> {
    let own = format!("{} on {}", notice.rule, notice.object);
    notice.also.iter().map(|also| format!("{} on {}", also.rule, also.object)).chain([own]).collect()
}

#[tokio::test]
async fn all_rules_that_see_one_fault_are_one_alert_that_names_them_and_ends_with_the_last() {
    let mut world = World::new();
    let [pull, second, unready, deployment, service] = one_fault(0);
    world.send(&pull).await;
    world.until(5).await;
    for finding in [&second, &unready, &deployment, &service, &deployment] {
        world.send(finding).await;
    }
    world.until(100).await;
    assert_eq!(world.told("chat"), ["0s alert P3 n=1", "30s update P3 n=4 +web-2,web-1,web,web"]);
    let update = &world.notices("chat")[1];
    let joined: Vec<_> = update.joined.iter().map(|j| (j.rule.as_deref(), j.object.to_string())).collect();
    assert_eq!(
        joined,
        [
            (None, "Pod shop/web-2".to_owned()),
            (Some("PodNotReady"), "Pod shop/web-1".to_owned()),
            (Some("DeploymentUnavailable"), "Deployment shop/web".to_owned()),
            (Some("ServiceSelectsNobodyReady"), "Service shop/web".to_owned()),
        ]
    );
    assert_eq!((update.rule.as_str(), update.object.name.as_str()), ("PodImagePullFailing", "web-1"));
    assert_eq!(update.also.iter().map(|also| also.count).collect::<Vec<_>>(), [1, 1, 1]);

    // One rule after another sees no more of it; it is over when none does.
    for finding in [&pull, &second, &deployment, &service] {
        world.send(&recovered(finding, 200)).await;
    }
    world.until(2_000).await;
    assert_eq!(world.told("chat").len(), 2, "{:?}", world.told("chat"));
    world.send(&recovered(&unready, 2_000)).await;
    world.until(2_100).await;
    assert_eq!(world.told("chat")[2], "2000s resolved P3 n=4 ended=2000s");
    let over = &world.notices("chat")[2];
    assert!(over.also.iter().all(|also| also.count == 0), "{over:#?}");
    world.assert_at_rest();
}

#[tokio::test]
async fn whatever_order_they_come_in_each_fault_is_one_alert_with_the_same_symptoms() {
    let other = |finding| caused("registry-unavailable", "web", finding);
    let elsewhere = |finding| caused("image-not-found", "db", finding);
    let all = [
        one_fault(0)[0].clone(),
        one_fault(0)[2].clone(),
        one_fault(0)[3].clone(),
        other(seen_by("PodImageRegistryTrouble", "Pod", "web-3", crashing("web", "web-3", 0))),
        elsewhere(seen_by("DeploymentUnavailable", "Deployment", "db", crashing("db", "db", 0))),
    ];
    let mut seen = BTreeSet::new();
    for order in orders(all.len()) {
        let mut world = World::new();
        for (turn, &nth) in (0..).zip(&order) {
            world.until(turn * 7).await;
            world.send(&all[nth]).await;
            // What comes once more changes nothing.
            world.send(&all[order[0]]).await;
        }
        world.until(90_000).await;
        let told = world.notices("chat");
        let begins = told.iter().filter(|notice| notice.kind == NoticeKind::Alert).count();
        assert_eq!(begins, 3, "{order:?}: {:#?}", world.told("chat"));
        let last: BTreeMap<_, _> = told.iter().map(|notice| (&notice.fingerprint, notice)).collect();
        let faults: BTreeSet<_> =
            last.values().map(|notice| (notice.cause.clone(), notice.count, symptoms(notice))).collect();
        seen.insert(faults);
        for finding in &all {
            world.send(&recovered(finding, 90_000)).await;
        }
        world.until(90_100).await;
        let ends = world.notices("chat").iter().filter(|n| n.kind == NoticeKind::Resolved).count();
        assert_eq!(ends, 3, "{order:?}");
        world.assert_at_rest();
    }
    assert_eq!(seen.len(), 1, "{seen:#?}");
}

fn orders(many: usize) -> Vec<Vec<usize>> {
    let mut orders = vec![Vec::new()];
    for _ in 0..many {
        orders = orders
            .iter()
            .flat_map(|order: &Vec<usize>| {
                let left = (0..many).filter(|n| !order.contains(n));
                left.map(|n| [order.as_slice(), &[n]].concat()).collect::<Vec<_>>()
            })
            .collect();
    }
    orders
}

#[tokio::test]
async fn what_joins_is_told_at_the_pace_of_its_level_and_at_once_where_it_is_worse() {
    let mut world = World::new();
    let [pull, _, unready, deployment, _] = one_fault(0);
    world.send(&pull).await;
    world.until(600).await;
    world.send(&unready).await;
    world.until(1_200).await;
    assert_eq!(world.told("chat"), ["0s alert P3 n=1"], "the same pod, no worse: no hurry");
    world.send(&Finding { severity: Severity::P2, ..deployment }).await;
    world.until(1_300).await;
    assert_eq!(world.told("chat")[1..], ["1200s update P2 n=2 +web-1,web"]);
    assert_eq!(world.told("phone"), ["1200s alert P2 n=2 +web-1,web"]);
    let also: Vec<_> =
        world.notices("chat")[1].also.iter().map(|also| (also.rule.clone(), also.severity)).collect();
    assert_eq!(
        also,
        [("DeploymentUnavailable".to_owned(), Severity::P2), ("PodNotReady".to_owned(), Severity::P3)],
        "the worst first"
    );
}

#[tokio::test]
async fn other_causes_other_places_other_people_and_the_unknown_keep_their_alerts() {
    let [pull, _, _, deployment, _] = one_fault(0);
    let unknown = |finding: &Finding| {
        let group = prodrome_model::Group {
            key: format!("{}/apps/Deployment/shop/web", finding.rule),
            owner: finding.group.owner.clone(),
        };
        Finding { cause: None, diagnosis: None, group, ..finding.clone() }
    };
    for (what, other) in [
        ("another cause", caused("app-error", "web", deployment.clone())),
        ("another place", caused("image-not-found", "db", deployment.clone())),
        ("somebody else", Finding { owner: Owner::Platform, ..deployment.clone() }),
        ("no known cause", unknown(&deployment)),
    ] {
        let mut world = World::new();
        world.send(&pull).await;
        world.send(&other).await;
        world.until(60).await;
        assert_eq!(world.told("chat"), ["0s alert P3 n=1", "0s alert P3 n=1"], "{what}");
    }
    let mut world = World::new();
    world.send(&unknown(&pull)).await;
    world.send(&unknown(&deployment)).await;
    world.until(60).await;
    assert_eq!(world.told("chat").len(), 2, "nothing says that it is one fault");
}

const TEAMS: &str = "
channels:
  shop: { type: terminal, limit: { messages: 6000, per: 1m, burst: 1000 } }
  bank: { type: terminal, limit: { messages: 6000, per: 1m, burst: 1000 } }
  edge: { type: terminal, limit: { messages: 6000, per: 1m, burst: 1000 } }
routes:
  - { match: { namespace: bank }, channels: [bank] }
  - { match: { rule: ServiceSelectsNobodyReady }, channels: [edge], continue: true }
  - { channels: [shop] }
";

#[tokio::test]
async fn whoever_would_have_heard_of_a_member_alone_hears_of_the_alert_at_once_and_of_its_end() {
    let mut world = World::routed_by(TEAMS);
    let [pull, _, _, mut deployment, service] = one_fault(0);
    let Subject::Object { object, .. } = &mut deployment.subject;
    object.namespace = Some("bank".into());
    world.send(&pull).await;
    world.until(600).await;
    world.send(&deployment).await;
    world.until(605).await;
    assert_eq!(world.told("shop"), ["0s alert P3 n=1"]);
    assert_eq!(world.told("bank"), ["600s alert P3 n=2 +web"], "for them it is the begin");
    world.send(&service).await;
    world.until(700).await;
    assert_eq!(world.told("edge")[0], "605s alert P3 n=3 +web,web");
    // The others hear of it in their turn: the number has doubled.
    assert_eq!(world.told("shop")[1..], ["630s update P3 n=3 +web,web"]);
    for finding in [&pull, &deployment, &service] {
        world.send(&recovered(finding, 700)).await;
    }
    world.until(800).await;
    for channel in ["shop", "bank", "edge"] {
        assert_eq!(world.told(channel).last().unwrap(), "700s resolved P3 n=3 ended=700s", "{channel}");
    }
    world.assert_at_rest();
}
