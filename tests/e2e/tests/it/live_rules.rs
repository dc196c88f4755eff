//! Rules that are pushed while the system runs.

use prodrome_e2e::{PATIENCE, Setup, System, until};
use prodrome_lifecycle::keys;
use prodrome_model::{EndReason, Finding, FindingState, Fingerprint, NoticeKind};
use prodrome_rulebook::{Draft, Entry, PushError};
use prodrome_rules::SourceFile;
use serde_json::json;
use std::path::Path;
use std::time::{Duration, Instant};

/// How soon a version has to be felt.
const FELT_WITHIN: Duration = Duration::from_secs(10);
const BASE: &str =
    "PodFailed: { resource: Pod, checkField: [{ field: [status, phase], equalValue: [Failed] }] }\n";

/// A rule on a pod that nothing happens to, with these keys besides.
fn stuck(keys: &str) -> String {
    format!(
        "PodStuck: {{ resource: Pod, {keys} checkField: [{{ field: [status, stuck], equalValue: [really] }}] }}\n"
    )
}

fn draft(text: &str) -> Draft {
    let files = [SourceFile::new("base.yaml", BASE), SourceFile::new("team.yaml", text)];
    let files = files.into_iter().filter(|file| !file.text.is_empty());
    Draft { prune: true, ..Draft::new("ann", "the test wants it", files) }
}

fn push(system: &System, text: &str) -> (Entry, Instant) {
    let entry = system.push(&draft(text), &[SourceFile::new("base.yaml", BASE)]).unwrap().unwrap();
    (entry, Instant::now())
}

/// The notices on a rule, each with its episode.
fn told(system: &System, rule: &str) -> Vec<(NoticeKind, Fingerprint)> {
    let told = system.webhook.told();
    let of_rule = told.iter().map(|told| &told.notice).filter(|notice| notice.rule == rule);
    of_rule.map(|notice| (notice.kind, notice.fingerprint.clone())).collect()
}

fn until_told(system: &System, rule: &str, kinds: &[NoticeKind]) -> Vec<Fingerprint> {
    let told = until(&format!("{kinds:?}"), || {
        let told = told(system, rule);
        (told.len() >= kinds.len()).then_some(told)
    });
    assert_eq!(told.iter().map(|(kind, _)| *kind).collect::<Vec<_>>(), kinds);
    told.into_iter().map(|(_, fingerprint)| fingerprint).collect()
}

/// What the staged rule would have told.
fn staged(system: &System) -> Vec<Finding> {
    let records = system.partition(&system.checks().unwrap(), &keys::shadow_partition("PodSilent")).unwrap();
    records.iter().map(|record| serde_json::from_str(&record.data).unwrap()).collect()
}

/// The open checks' phase and the version of the rules that they were decided on by.
fn check(system: &System) -> Option<(&'static str, u64)> {
    let object =
        prodrome_model::ObjectKey::new(prodrome_model::GroupKind::core("Pod"), Some("shop"), "quiet");
    let key = keys::check(system.scope(), &object, "PodStuck");
    let records = system.partition(&system.checks().unwrap(), &key.partition).unwrap();
    let record = records.into_iter().find(|record| record.key == key)?;
    // What is closed leaves word that it is over.
    if prodrome_lifecycle::Over::read(&record.data).is_some() {
        return None;
    }
    let check: prodrome_lifecycle::Check = serde_json::from_str(&record.data).unwrap();
    Some((check.phase.name(), check.rules))
}

#[test]
fn what_is_pushed_holds_within_ten_seconds_and_nobody_touches_the_object() {
    use NoticeKind::{Alert, Resolved};
    let folder = tempfile::tempdir().unwrap();
    std::fs::write(folder.path().join("base.yaml"), BASE).unwrap();
    let setup = Setup::new(Path::new(env!("CARGO_BIN_EXE_bootstrap"))).rules(folder.path()).gathering(1);
    let system = System::start(&setup).unwrap();
    system.apply(&json!({
        "apiVersion": "v1", "kind": "Pod",
        "metadata": { "namespace": "shop", "name": "quiet", "uid": "uid-of-quiet" },
        "status": { "phase": "Running", "stuck": "really" },
    }));

    // A new rule sees what has been so all the time.
    let (entry, pushed) = push(&system, &stuck(""));
    assert_eq!((entry.version, entry.added.names), (1, vec!["PodStuck".to_owned()]));
    let first = until_told(&system, "PodStuck", &[Alert]);
    let felt = pushed.elapsed();
    println!("told {} ms after the push", felt.as_millis());
    // On a machine that is busy with other things a multiple of that may go by.
    assert!(felt < FELT_WITHIN.max(PATIENCE / 3), "{felt:?}");

    // Other words and other times tell nobody anything.
    let (entry, _) = push(&system, &stuck("severity: P1, duration: 1m,"));
    until("the check to be carried over", || {
        (check(&system) == Some(("fired", entry.version))).then_some(())
    });
    assert_eq!(told(&system, "PodStuck").len(), 1);

    // One that looks for something else ends what it finds no more; here at once, by `resolveAfter: 0`.
    let other = stuck("resolveAfter: 0,").replace("really", "hardly");
    push(&system, &other);
    until_told(&system, "PodStuck", &[Alert, Resolved]);
    until("the check to be over", || check(&system).is_none().then_some(()));

    // The old version once more: what it finds is another episode.
    let entry = {
        let book = system.rulebook().unwrap();
        let now = jiff::Timestamp::from_second(1_900_000_000).unwrap();
        let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build().unwrap();
        runtime.block_on(book.roll_back(1, "bob", "the other looked for the wrong thing", now)).unwrap()
    };
    assert_eq!((entry.version, entry.back_to), (4, Some(1)));
    let third = until_told(&system, "PodStuck", &[Alert, Resolved, Alert]).pop().unwrap();
    assert_ne!(third, first[0]);

    // Staged, it ends what it told, and runs on in silence. Another name, as what comes and goes so often is muted.
    push(&system, &stuck("").replace("PodStuck", "PodSilent"));
    until_told(&system, "PodSilent", &[Alert]);
    push(&system, &stuck("mode: shadow,").replace("PodStuck", "PodSilent"));
    until_told(&system, "PodSilent", &[Alert, Resolved]);
    let silent = until("what it would have told", || staged(&system).pop());
    assert_eq!(silent.state, FindingState::Firing);

    // Gone, it ends what it did not tell.
    push(&system, "");
    until("the silent end", || {
        let ended = |finding: &Finding| match &finding.state {
            FindingState::Ended(ended) => Some(ended.reason),
            FindingState::Firing => None,
        };
        staged(&system).iter().find_map(ended)
    });
    assert!(matches!(&staged(&system)[0].state, FindingState::Ended(e) if e.reason == EndReason::RuleGone));
    assert_eq!(told(&system, "PodSilent").len(), 2);

    // Whoever handles it is killed just then.
    push(&system, &stuck("").replace("PodStuck", "PodJammed"));
    until("evaluate to be at it", || (system.kill("evaluate") > 0).then_some(()));
    until_told(&system, "PodJammed", &[Alert]);

    // And deleted for good, with nothing else happening in the cluster.
    push(&system, "");
    until_told(&system, "PodJammed", &[Alert, Resolved]);
    assert_eq!(system.webhook.forged(), Vec::<String>::new());

    // Two at once, made from the same version.
    let on = system.rulebook().unwrap();
    let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build().unwrap();
    let head = runtime.block_on(on.head()).unwrap().unwrap().version;
    let both = std::thread::scope(|scope| {
        let pushes = ["ann", "bob"].map(|who| {
            let draft =
                Draft { who: who.to_owned(), on: Some(head), ..draft(&stuck(&format!("runbook: {who},"))) };
            let system = &system;
            scope.spawn(move || system.push(&draft, &[]).unwrap())
        });
        pushes.map(|push| push.join().unwrap())
    });
    let won: Vec<_> = both.iter().filter_map(|push| push.as_ref().ok()).map(|entry| &entry.who).collect();
    let lost: Vec<_> = both.iter().filter_map(|push| push.as_ref().err()).collect();
    let ([won], [PushError::Overtaken { by }]) = (&won[..], &lost[..]) else { panic!("{both:?}") };
    assert_eq!((&&by.who, by.version), (won, head + 1));
}
