//! What became of each change, whatever happens to packs on their way.

use crate::shared::{failed, kill_evaluate_at, system, until_dead, until_told};
use prodrome_e2e::until;
use prodrome_ledger::Account;
use prodrome_model::{Resource, Scope};

#[test]
fn after_a_poisoned_change_a_repeated_pack_and_a_killed_evaluate_in_is_out_and_one_dead() {
    let system = system();
    let namespace = "counted";
    let scope = Scope::new("default", "local", "counted");
    let packs = system.packs(scope.clone()).numbered(1_800_000_000);
    let pods = Resource {
        group: String::new(),
        version: "v1".into(),
        kind: "Pod".into(),
        plural: "pods".into(),
        namespaced: true,
    };
    let broken = |name: &str| {
        let pod = failed(namespace, name);
        system.apply(&pod);
        (pods.clone(), system.live(&pod).unwrap().to_string().into_bytes())
    };
    let poison = (pods.clone(), br#"{"metadata":{"namespace":["counted"]}}"#.to_vec());
    let first = packs.pack_raw(&[broken("a"), poison, broken("b")]).unwrap();
    let second = packs.pack_raw(&[broken("c"), broken("d"), broken("e")]).unwrap();
    packs.send(first).unwrap();
    kill_evaluate_at("/namespaces/counted/pods/d", || {
        for _ in 0..2 {
            packs.send(second.clone()).unwrap();
        }
    });
    packs.send(packs.pack_raw(&[broken("f")]).unwrap()).unwrap();

    let of_it =
        || system.ledger().ok()?.clusters.into_iter().find(|cluster| cluster.scope == scope.to_string());
    let line = until("all of them to have an account", || {
        of_it().map(|cluster| cluster.counts).filter(|counts| counts.came == 7 && counts.waiting == 0)
    });
    assert_eq!(line.to_string(), "in 7, out 6, waiting 0, dead 1 (object_malformed 1)");
    until_dead("metadata cannot be read");
    // The sweep has gone through it as well.
    let checks = system.checks().unwrap();
    let account = until("the sweep to settle it", || {
        let records = system.partition(&checks, "ledger-account").ok()?;
        let own = records.into_iter().find(|record| record.key.sort.starts_with(&scope.to_string()))?;
        Some(serde_json::from_str::<Account>(&own.data).unwrap()).filter(|account| account.up_to == 7)
    });
    assert_eq!((account.done, account.dead_count(), account.lost), (6, 1, 0));
    let line = of_it().unwrap().counts.to_string();
    assert_eq!(line, "in 7, out 6, waiting 0, dead 1 (object_malformed 1)", "the same by the account");
}

#[test]
fn the_watchers_own_changes_add_up_and_one_that_does_not_count_is_named() {
    let system = system();
    let older = Scope::new("default", "local", "uncounted");
    let packs = system.packs(older.clone());
    packs.send(packs.heartbeat(0)).unwrap();
    until("the older watcher to be named", || {
        let clusters = system.ledger().ok()?.clusters;
        clusters
            .iter()
            .any(|cluster| cluster.scope == older.to_string() && cluster.uncounted_at.is_some())
            .then_some(())
    });
    // What the watcher itself has handed over: other tests are at work, so some may be on their way, or planted.
    let own = until("the watcher's numbers", || {
        let clusters = system.ledger().ok()?.clusters;
        clusters
            .into_iter()
            .find(|cluster| cluster.scope == system.scope().to_string() && cluster.counts.out > 0)
    });
    assert_eq!((own.counts.lost, own.uncounted_at), (0, None));
    let watcher = own.runs.last().unwrap().watcher.waybill;
    assert!(watcher.read > 0 && watcher.marks > 0, "{watcher:?}");
}

#[test]
fn each_finding_that_lasts_is_known_to_alert() {
    let system = system();
    let namespace = "accounted";
    for name in ["a", "b"] {
        system.apply(&failed(namespace, name));
    }
    until_told(namespace, &["alert PodFailed a", "alert PodFailed b"]);
    // Other tests are at work, so that some may be on their way.
    let findings =
        until("all of them to be known", || system.findings().ok().filter(|findings| findings.waiting == 0));
    assert!(findings.came >= 2 && findings.alerts >= 2, "{findings}");
    assert_eq!((findings.out, findings.missing), (findings.came, 0), "{findings}");
}
