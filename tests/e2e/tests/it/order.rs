//! What a queue may do to packs: deliver them twice, late, and in another order.

use crate::shared::{failed, lines, system, until_handled, until_told, until_unchecked, well};
use prodrome_model::Scope;

#[test]
fn what_recovers_in_time_is_not_told_and_what_lasts_is() {
    let system = system();
    let unready = |name: &str| crate::shared::pod("lasting", name, &serde_json::json!({ "ready": false }));
    system.apply(&unready("brief"));
    system.apply(&unready("long"));
    let checks = system.checks().unwrap();
    prodrome_e2e::until("both checks", || {
        (crate::shared::markers(&checks, system.scope(), "lasting").len() == 2).then_some(())
    });
    system.apply(&well("lasting", "brief"));
    until_told("lasting", &["alert PodUnready long"]);
    let notice =
        system.webhook.told().into_iter().find(|told| told.notice.object.name == "long").unwrap().notice;
    assert!(notice.at.duration_since(notice.since).as_secs() >= 10, "{notice:?}");
    system.apply(&well("lasting", "long"));
    until_told("lasting", &["resolved PodUnready long"]);
    until_unchecked(system.scope(), "lasting");
    assert_eq!(crate::shared::told("lasting"), ["alert PodUnready long", "resolved PodUnready long"]);
}

#[test]
fn packs_that_come_twice_and_in_another_order_change_nothing() {
    let system = system();
    let scope = Scope::new("default", "local", "unordered");
    let packs = system.packs(scope.clone());
    let namespace = "unordered";
    let told = |cluster: &str| lines(&system.webhook.told(), cluster, namespace);
    let until_hand = |want: &[&str]| {
        system.webhook.until(&format!("{want:?}"), |told| {
            let lines = lines(told, "unordered", namespace);
            want.iter().all(|want| lines.iter().any(|line| line == want)).then_some(())
        });
    };

    let mut states = Vec::new();
    for object in [well(namespace, "a"), failed(namespace, "a")] {
        system.apply(&object);
        states.push(system.live(&object).unwrap());
    }
    let [healthy, broken] = &states[..] else { unreachable!() };
    let broken = packs.pack(std::slice::from_ref(broken)).unwrap();
    for pack in [&broken, &broken, &packs.pack(std::slice::from_ref(healthy)).unwrap(), &broken] {
        packs.send(pack.clone()).unwrap();
    }
    until_hand(&["alert PodFailed a"]);

    system.apply(&well(namespace, "a"));
    let recovered = system.live(&well(namespace, "a")).unwrap();
    let recovered = packs.pack(&[recovered]).unwrap();
    packs.send(recovered.clone()).unwrap();
    until_hand(&["resolved PodFailed a"]);
    for pack in [&broken, &recovered, &broken, &broken] {
        packs.send(pack.clone()).unwrap();
    }
    until_handled();
    // A late pack may open a check, which a look at the live object closes again.
    until_unchecked(&scope, namespace);
    assert_eq!(told("unordered"), ["alert PodFailed a", "resolved PodFailed a"]);
}
