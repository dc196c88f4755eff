//! A watcher that is behind: silence is not recovery.

use crate::shared::{failed, lines, system, until_logged, well};
use prodrome_alerting::{Head, WatchSign, keys};
use prodrome_e2e::until;
use prodrome_model::Scope;

#[test]
fn no_alert_ends_while_the_watcher_is_behind_and_it_ends_afterwards() {
    let system = system();
    let scope = Scope::new("default", "local", "behind");
    let packs = system.packs(scope.clone());
    let namespace = "behind";
    // It says itself that it is cut off from its cluster, if not for so long that this is an alert of its own.
    packs.send(packs.heartbeat(300)).unwrap();
    let episodes = system.episodes().unwrap();
    let sign = || {
        let records = system.partition(&episodes, &keys::watch(&scope).partition).ok()?;
        serde_json::from_str::<WatchSign>(&records.first()?.data).ok()
    };
    let noted = until("its sign of life", sign);
    assert!(noted.lag_seconds >= 300, "{noted:?}");

    system.apply(&failed(namespace, "a"));
    let broken = system.live(&failed(namespace, "a")).unwrap();
    packs.send(packs.pack(std::slice::from_ref(&broken)).unwrap()).unwrap();
    let told = || lines(&system.webhook.told(), "behind", namespace);
    let alert = system.webhook.until("the alert", |told| {
        let of_it = |told: &&prodrome_e2e::Told| told.notice.scope == scope;
        told.iter().find(of_it).cloned()
    });
    system.apply(&well(namespace, "a"));
    let recovered = system.live(&well(namespace, "a")).unwrap();
    packs.send(packs.pack(std::slice::from_ref(&recovered)).unwrap()).unwrap();
    let group = format!(
        "alert#{scope}#{}",
        prodrome_model::stable_hash(&[&alert.notice.rule, &alert.notice.group.key])
    );
    until("its end to be held back", || {
        let records = system.partition(&episodes, &group).ok()?;
        let head = records.iter().find(|record| record.key.sort == keys::HEAD)?;
        let head: Head = serde_json::from_str(&head.data).ok()?;
        head.alert.filter(|alert| alert.behind).map(drop)
    });
    assert_eq!(told(), ["alert PodFailed a"]);

    packs.send(packs.heartbeat(0)).unwrap();
    until("a sign that it is back", || sign().filter(|sign| sign.lag_seconds < 60));
    system.webhook.until("the end", |told| {
        lines(told, "behind", namespace).contains(&"resolved PodFailed a".to_owned()).then_some(())
    });
    // A value for each pack of a watcher, from which the alarms WatcherSilent and WatcherBehind are fed.
    until_logged("EvaluateLogGroupName", &["CloudWatchMetrics", "\"WatcherLagSeconds\""]);
}
