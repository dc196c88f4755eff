//! A cluster that is not heard any more: as deployed, each minute.

use crate::shared::system;
use prodrome_e2e::until;
use prodrome_ledger::Forgotten;
use prodrome_model::{NoticeKind, Scope, Severity};

/// What was told of a cluster, a line each.
fn lines(scope: &Scope) -> Vec<String> {
    let told = system().webhook.told();
    let of_it = told.iter().map(|told| &told.notice).filter(|notice| notice.scope == *scope);
    of_it.map(|notice| format!("{} {} {}", notice.kind.as_str(), notice.rule, notice.object.name)).collect()
}

fn until_lines(scope: &Scope, want: &[&str]) {
    until(&format!("{want:?} of {scope}"), || (lines(scope) == want).then_some(()));
}

#[test]
fn a_cluster_that_is_not_heard_is_told_and_ends_when_it_is() {
    let system = system();
    let scope = Scope::new("default", "local", "unheard");
    system.was_heard(&scope, 20).unwrap();
    until_lines(&scope, &["alert ClusterSilent unheard"]);
    let told = system.webhook.told();
    let alert = told.iter().map(|told| &told.notice).find(|notice| notice.scope == scope).unwrap();
    assert_eq!((alert.kind, alert.severity), (NoticeKind::Alert, Severity::P1));
    let silent_since = || {
        let clusters = system.ledger().unwrap().clusters;
        clusters.into_iter().find(|cluster| cluster.scope == scope.to_string())?.silent_since
    };
    assert!(silent_since().is_some(), "the ledger says so");

    let packs = system.packs(scope.clone());
    packs.send(packs.heartbeat(0)).unwrap();
    until_lines(&scope, &["alert ClusterSilent unheard", "resolved ClusterSilent unheard"]);
    assert_eq!(silent_since(), None);
}

#[test]
fn a_cluster_that_is_no_more_is_forgotten() {
    let system = system();
    let scope = Scope::new("default", "local", "torn-down");
    system.was_heard(&scope, 30).unwrap();
    until_lines(&scope, &["alert ClusterSilent torn-down"]);
    let forgotten = system.forget(&scope).unwrap();
    assert_eq!(forgotten, Forgotten::Done { runs: 0, was_silent: true });
    until_lines(&scope, &["alert ClusterSilent torn-down", "resolved ClusterSilent torn-down"]);
}
