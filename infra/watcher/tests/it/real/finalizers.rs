//! Deletions that are held, let go, and taken back.

use super::{Desk, config_map};
use crate::world::Run;
use futures::{StreamExt as _, stream};
use jiff::{SignedDuration, Timestamp};
use prodrome_model::ChangeKind;
use prodrome_test_cluster::{Cluster, alone, together};
use prodrome_watcher::{FIELD_MANAGER, FINALIZER, Finalizers, Settings, Status, remove_finalizers};
use serde_json::{Value, json};
use std::collections::BTreeMap;
use std::sync::atomic::Ordering;
use std::sync::{Arc, Mutex};
use std::time::{Duration, Instant};

fn settings(desk: &Desk<'_>, hold: Duration) -> Settings {
    let kinds = vec!["ConfigMap".parse().unwrap()];
    let finalizers = Finalizers { kinds, selector: "held!=no".parse().unwrap(), hold };
    Settings { finalizers, ..desk.settings(&["ConfigMap"]) }
}

/// What may be watched and held, and no more.
const MAY: [(&str, &[&str], &[&str]); 1] = [("", &["configmaps"], &["list", "watch", "patch"])];

/// The finalizers of each object of a collection, by name.
async fn finalizers(cluster: &Cluster, collection: &str) -> BTreeMap<String, Vec<String>> {
    let list = cluster.get(collection).await;
    let items = list["items"].as_array().unwrap().iter();
    items
        .map(|item| {
            let finalizers = item["metadata"]["finalizers"].as_array().into_iter().flatten();
            let finalizers = finalizers.map(|finalizer| finalizer.as_str().unwrap().to_owned()).collect();
            (item["metadata"]["name"].as_str().unwrap().to_owned(), finalizers)
        })
        .collect()
}

/// Waits until the finalizers of a collection are as they should be.
async fn until(
    cluster: &Cluster,
    collection: &str,
    what: &str,
    enough: impl Fn(&BTreeMap<String, Vec<String>>) -> bool,
) {
    let mut last = BTreeMap::new();
    let waited = tokio::time::timeout(Duration::from_mins(1), async {
        loop {
            last = finalizers(cluster, collection).await;
            if enough(&last) {
                return;
            }
            tokio::time::sleep(Duration::from_millis(30)).await;
        }
    });
    let waited = waited.await;
    assert!(waited.is_ok(), "waited in vain: {what}; {last:?}");
}

fn metric(run: &Run, name: &str) -> u64 {
    let metrics = run.status.render();
    let line = metrics.lines().find_map(|line| line.strip_prefix(&format!("prodrome_watcher_{name} ")));
    line.unwrap().parse().unwrap()
}

#[tokio::test]
async fn a_deletion_waits_until_the_queue_has_the_last_state_and_no_longer_than_its_bound() {
    let name = "a_deletion_waits_until_the_queue_has_the_last_state_and_no_longer_than_its_bound";
    let Some(cluster) = together(name).await else { return };
    let desk = Desk::with_rules(&cluster, "held", &MAY).await;
    let maps = desk.collection("configmaps");
    desk.create_many(&maps, "web", 30, &config_map(1)).await;
    let free = json!({ "metadata": { "name": "free", "labels": { "held": "no" } } });
    cluster.create(&maps, &free).await;
    let leaving = json!({ "metadata": { "name": "leaving", "finalizers": ["example.com/theirs"] } });
    cluster.create(&maps, &leaving).await;
    cluster.delete(&format!("{maps}/leaving")).await;

    let run = desk.run(settings(&desk, Duration::from_mins(10))).await;
    let ours = vec![FINALIZER.to_owned()];
    until(&cluster, &maps, "all have it", |all| (0..30).all(|i| all[&format!("web-{i}")] == ours)).await;
    let all = finalizers(&cluster, &maps).await;
    assert_eq!(
        (all["free"].as_slice(), all["leaving"].as_slice()),
        (&[][..], &["example.com/theirs".into()][..])
    );
    let object = cluster.get(&format!("{maps}/web-0")).await;
    let managers = object["metadata"]["managedFields"].as_array().unwrap();
    let mine = managers.iter().find(|fields| fields["manager"] == FIELD_MANAGER).unwrap();
    assert_eq!(mine["operation"], "Apply");
    desk.create_many(&maps, "late", 1, &config_map(1)).await;
    until(&cluster, &maps, "the new one has it", |all| all["late-0"] == ours).await;
    cluster.patch(&format!("{maps}/late-0"), &json!({ "metadata": { "labels": { "held": "no" } } })).await;
    until(&cluster, &maps, "it need not have it", |all| all["late-0"].is_empty()).await;

    // While the queue is down the deletion waits, and then it does no more.
    desk.in_step("ConfigMap", &maps).await;
    desk.queue.down.store(true, Ordering::Relaxed);
    cluster.delete(&format!("{maps}/web-1")).await;
    let held = |status: &Status| status.render().contains("prodrome_watcher_deletions_held 1");
    run.until("it is held", held).await;
    assert!(cluster.get(&format!("{maps}/web-1")).await["metadata"]["deletionTimestamp"].is_string());
    desk.queue.down.store(false, Ordering::Relaxed);
    until(&cluster, &maps, "it is let go", |all| !all.contains_key("web-1")).await;
    assert_eq!((metric(&run, "deletions_released_total"), metric(&run, "deletions_overdue_total")), (1, 0));
    desk.in_step("ConfigMap", &maps).await;
    run.end().await.unwrap();

    // What is deleted while no watcher runs is there for the next, and is told of.
    let seen = desk.queue.received().changes.len();
    cluster.delete(&format!("{maps}/web-2")).await;
    cluster.patch(&format!("{maps}/web-2"), &json!({ "data": { "value": "last words" } })).await;
    let run = desk.run(settings(&desk, Duration::from_mins(10))).await;
    until(&cluster, &maps, "it is let go", |all| !all.contains_key("web-2")).await;
    desk.in_step("ConfigMap", &maps).await;
    let received = desk.queue.received();
    let told = received.changes[seen..]
        .iter()
        .filter(|change| change.object.as_ref().is_some_and(|object| object.get().contains("\"web-2\"")));
    let told: Vec<_> = told.map(|change| change.kind).collect();
    assert!(told.starts_with(&[ChangeKind::Applied]) && told.ends_with(&[ChangeKind::Deleted]), "{told:?}");
    run.end().await.unwrap();

    // The queue may be down for good.
    let hold = Duration::from_secs(2);
    let run = desk.run(settings(&desk, hold)).await;
    desk.in_step("ConfigMap", &maps).await;
    desk.queue.down.store(true, Ordering::Relaxed);
    let asked = Instant::now();
    cluster.delete(&format!("{maps}/web-3")).await;
    run.until("it is held", held).await;
    until(&cluster, &maps, "it is let go", |all| !all.contains_key("web-3")).await;
    assert!(
        asked.elapsed() >= hold && asked.elapsed() < hold + Duration::from_secs(10),
        "{:?}",
        asked.elapsed()
    );
    assert_eq!(metric(&run, "deletions_overdue_total"), 1);
    run.kill().await;
}

#[tokio::test]
async fn what_has_vanished_is_not_made_anew() {
    let Some(cluster) = together("what_has_vanished_is_not_made_anew").await else { return };
    // It would be allowed to.
    let may: [(&str, &[&str], &[&str]); 1] =
        [("", &["configmaps"], &["list", "watch", "patch", "create", "update"])];
    let desk = Desk::with_rules(&cluster, "vanishing", &may).await;
    let maps = desk.collection("configmaps");
    let run = desk.run(settings(&desk, Duration::from_secs(30))).await;
    desk.queue.until("the list", |received| received.ended.len() == 1).await;
    // Faster than finalizers are added: many are gone by then, or are there again under another uid.
    let round = async |prefix: &str| {
        desk.create_many(&maps, prefix, 60, &config_map(1)).await;
        for i in 0..60 {
            cluster.delete(&format!("{maps}/{prefix}-{i}")).await;
        }
    };
    for prefix in ["a", "b", "c"] {
        round(prefix).await;
    }
    desk.create_many(&maps, "web", 1, &config_map(2)).await;
    let ours = vec![FINALIZER.to_owned()];
    // The last one is added last, after all those that are no more.
    let alone = |all: &BTreeMap<String, Vec<String>>| all.len() == 1 && all.get("web-0") == Some(&ours);
    until(&cluster, &maps, "all gone but one", alone).await;
    desk.in_step("ConfigMap", &maps).await;
    assert_eq!(metric(&run, "finalizers_refused_total"), 0, "what is gone is no refusal");
    let applied = desk.asked(0).iter().filter(|asked| asked.starts_with("patch ")).count();
    assert!(applied > 180, "each was tried: {applied}");
    run.end().await.unwrap();
}

#[tokio::test]
async fn a_refusal_is_counted_and_not_tried_for_ever() {
    let Some(cluster) = together("a_refusal_is_counted_and_not_tried_for_ever").await else { return };
    // By RBAC.
    let desk = Desk::new(&cluster, "unheld", &["configmaps"]).await;
    let maps = desk.collection("configmaps");
    desk.create_many(&maps, "web", 10, &config_map(1)).await;
    given_up(&desk).await;
    cluster.allow(&desk.account, &MAY).await;
    // By a webhook that does not answer.
    let hooks = "/apis/admissionregistration.k8s.io/v1/validatingwebhookconfigurations";
    cluster.create(hooks, &broken_webhook("unheld")).await;
    given_up(&desk).await;
    cluster.delete(&format!("{hooks}/unheld.example.com")).await;
    let all = finalizers(&cluster, &maps).await;
    assert!(all.values().all(Vec::is_empty), "{all:?}");
}

/// Runs until it has given the kind up; everything else goes on.
async fn given_up(desk: &Desk<'_>) {
    let maps = desk.collection("configmaps");
    let run = desk.run(settings(desk, Duration::from_secs(30))).await;
    desk.queue.until("the list", |received| !received.ended.is_empty()).await;
    run.until("refused", |status| status.render().contains("prodrome_watcher_finalizers_refused_total 3"))
        .await;
    desk.create_many(&maps, "late", 5, &config_map(1)).await;
    desk.in_step("ConfigMap", &maps).await;
    assert!(run.status.is_ready());
    let before = desk.asked(0).iter().filter(|asked| asked.starts_with("patch ")).count();
    for i in 0..5 {
        desk.cluster.delete(&format!("{maps}/late-{i}")).await;
    }
    desk.in_step("ConfigMap", &maps).await;
    let after = desk.asked(0).iter().filter(|asked| asked.starts_with("patch ")).count();
    assert_eq!((after, metric(&run, "finalizers_refused_total")), (before, 3));
    run.end().await.unwrap();
}

#[tokio::test]
async fn many_deletions_at_once_are_all_let_go_in_time_though_the_queue_is_down() {
    let name = "many_deletions_at_once_are_all_let_go_in_time_though_the_queue_is_down";
    let Some(cluster) = together(name).await else { return };
    let desk = Desk::with_rules(&cluster, "held-many", &MAY).await;
    let maps = desk.collection("configmaps");
    let (many, hold) = (500, Duration::from_secs(20));
    desk.create_many(&maps, "web", many, &config_map(1)).await;
    let run = desk.run(settings(&desk, hold)).await;
    let ours = vec![FINALIZER.to_owned()];
    until(&cluster, &maps, "all have it", |all| all.values().all(|held| *held == ours)).await;
    desk.in_step("ConfigMap", &maps).await;
    desk.queue.down.store(true, Ordering::Relaxed);
    let deleted = stream::iter(0..many).map(|i| {
        let path = format!("{maps}/web-{i}");
        let cluster = &cluster;
        async move { cluster.delete(&path).await }
    });
    let begun = Instant::now();
    deleted.buffer_unordered(8).for_each(async |()| {}).await;
    let all_deleted = Instant::now();
    if begun.elapsed() < hold / 2 {
        let held = format!("prodrome_watcher_deletions_held {many}\n");
        run.until("all are held", |status| status.render().contains(&held)).await;
    }
    until(&cluster, &maps, "all are let go", BTreeMap::is_empty).await;
    let (first, last) = (begun.elapsed(), all_deleted.elapsed());
    println!("{many} were deleted within {:?}, and the last had gone {last:?} after", all_deleted - begun);
    // Eight at a time, of some milliseconds each; the rest is for a machine that is busy.
    assert!(last < hold + Duration::from_secs(15), "{last:?}");
    let let_go = (metric(&run, "deletions_released_total"), metric(&run, "deletions_overdue_total"));
    let many = u64::try_from(many).unwrap();
    assert_eq!(let_go, (many, many), "after {first:?}, and the queue had none of them");
    run.kill().await;
}

/// What the bound is counted from. (Older API servers said when the deletion was asked for.)
#[tokio::test]
async fn the_deletion_of_a_pod_counts_from_the_end_of_its_grace() {
    let Some(cluster) = together("the_deletion_of_a_pod_counts_from_the_end_of_its_grace").await else {
        return;
    };
    cluster.namespace("grace").await;
    let pods = "/api/v1/namespaces/grace/pods";
    let spec = json!({ "nodeName": "none", "containers": [{ "name": "app", "image": "registry.example.com/web:1" }] });
    let metadata = json!({ "name": "web", "finalizers": [FINALIZER] });
    cluster.create(pods, &json!({ "metadata": metadata, "spec": spec })).await;
    let deleted = async || {
        let metadata = cluster.get(&format!("{pods}/web")).await["metadata"].clone();
        let at: Timestamp = metadata["deletionTimestamp"].as_str().unwrap().parse().unwrap();
        (at, metadata["deletionGracePeriodSeconds"].as_i64().unwrap())
    };
    cluster.kubectl(&["delete", "pod", "web", "-n", "grace", "--wait=false"]).await;
    let (ends, grace) = deleted().await;
    assert_eq!(grace, 30);
    let asked = ends - SignedDuration::from_secs(grace);
    // The API server tells whole seconds.
    tokio::time::sleep(Duration::from_secs(2)).await;
    cluster.delete(&format!("{pods}/web")).await;
    let (at, grace) = deleted().await;
    assert!(
        grace == 0 && at >= asked + SignedDuration::from_secs(2),
        "asked for at {asked}, and over at {at}"
    );
    cluster.patch(&format!("{pods}/web"), &json!({ "metadata": { "finalizers": null } })).await;
}

#[tokio::test]
async fn what_cannot_be_let_go_is_told_once_and_goes_when_nothing_refuses_it_any_more() {
    let name = "what_cannot_be_let_go_is_told_once_and_goes_when_nothing_refuses_it_any_more";
    let Some(cluster) = together(name).await else { return };
    let desk = Desk::new(&cluster, "kept", &["configmaps"]).await;
    let maps = desk.collection("configmaps");
    // By RBAC, which is taken away and given again.
    let rbac = "/apis/rbac.authorization.k8s.io/v1";
    let rules = json!([{ "apiGroups": [""], "resources": ["configmaps"], "verbs": ["patch"] }]);
    let meta = json!({ "name": "kept-patch" });
    cluster.create(&format!("{rbac}/clusterroles"), &json!({ "metadata": meta, "rules": rules })).await;
    let binding = json!({
        "metadata": meta,
        "roleRef": { "apiGroup": "rbac.authorization.k8s.io", "kind": "ClusterRole", "name": "kept-patch" },
        "subjects": [{ "kind": "User", "apiGroup": "rbac.authorization.k8s.io", "name": desk.account.user }],
    });
    cluster.create(&format!("{rbac}/clusterrolebindings"), &binding).await;
    let attributes = json!({ "verb": "patch", "resource": "configmaps", "namespace": "kept" });
    let asks = json!({ "spec": { "user": desk.account.user, "resourceAttributes": attributes } });
    let rbac_refuses = async |refuses: bool| {
        let rules = if refuses { json!([]) } else { rules.clone() };
        cluster.patch(&format!("{rbac}/clusterroles/kept-patch"), &json!({ "rules": rules })).await;
        let reviews = "/apis/authorization.k8s.io/v1/subjectaccessreviews";
        while cluster.create(reviews, &asks).await["status"]["allowed"] == refuses {
            tokio::time::sleep(Duration::from_millis(30)).await;
        }
    };
    rbac_refuses(false).await;
    kept_and_let_go(&desk, "by-rbac", rbac_refuses).await;

    // By a webhook that does not answer for a while.
    let probe = json!({ "metadata": { "name": "probe", "labels": { "held": "no" } } });
    cluster.create(&maps, &probe).await;
    let hooks = "/apis/admissionregistration.k8s.io/v1/validatingwebhookconfigurations";
    let webhook_refuses = async |refuses: bool| {
        if refuses {
            cluster.create(hooks, &broken_webhook("kept")).await;
        } else {
            cluster.delete(&format!("{hooks}/kept.example.com")).await;
        }
        let mut tries = 0;
        loop {
            let mark = format!("tried={tries}");
            let tried = ["annotate", "-n", "kept", "configmap", "probe", "--overwrite", &mark];
            if cluster.try_kubectl(&tried).await.status.success() != refuses {
                return;
            }
            tries += 1;
        }
    };
    kept_and_let_go(&desk, "by-webhook", webhook_refuses).await;
}

/// Deletes three objects while nothing may be changed; they go once that is over.
async fn kept_and_let_go(desk: &Desk<'_>, prefix: &str, refuses: impl AsyncFn(bool)) {
    let maps = desk.collection("configmaps");
    desk.create_many(&maps, prefix, 3, &config_map(1)).await;
    let names = [0, 1, 2].map(|i| format!("{prefix}-{i}"));
    let log = Lines::default();
    let subscriber = tracing_subscriber::fmt().json().with_max_level(tracing::Level::DEBUG);
    let writer = log.clone();
    let _logs = tracing::subscriber::set_default(subscriber.with_writer(move || writer.clone()).finish());
    let run = desk.run(settings(desk, Duration::from_mins(10))).await;
    let ours = vec![FINALIZER.to_owned()];
    let all_held = |all: &BTreeMap<String, Vec<String>>| names.iter().all(|name| all[name] == ours);
    until(desk.cluster, &maps, "all have it", all_held).await;

    refuses(true).await;
    let before = desk.asked(0).len();
    for name in &names {
        desk.cluster.delete(&format!("{maps}/{name}")).await;
    }
    let told = "prodrome_watcher_deletions_refused_total 3\n";
    run.until("each was refused", |status| status.render().contains(told)).await;
    let tried = || desk.asked(before).iter().filter(|asked| asked.starts_with("patch ")).count();
    // Long enough for a loop without waits to show. (One may have been about to get its finalizer once more.)
    tokio::time::sleep(Duration::from_secs(3)).await;
    let first = tried();
    assert!((15..=40).contains(&first), "five times each, and hardly more: {first}");
    run.until("each is tried once more", |_| tried() >= first + 3).await;
    let counts = || (metric(&run, "deletions_refused_total"), metric(&run, "deletions_held"));
    assert_eq!(counts(), (3, 3), "each is counted once; {}", log.text());

    refuses(false).await;
    let gone = |all: &BTreeMap<String, Vec<String>>| names.iter().all(|name| !all.contains_key(name));
    until(desk.cluster, &maps, "all are let go", gone).await;
    run.until("all are counted", |_| metric(&run, "deletions_released_total") == 3).await;
    assert_eq!(counts(), (3, 0), "{}", log.text());
    run.end().await.unwrap();
    let said = |what: &str| log.text().lines().filter(|line| line.contains(what)).count();
    assert_eq!((said("cannot be let go"), said("can be let go again")), (1, 1), "{}", log.text());
}

/// What was logged.
#[derive(Clone, Default)]
struct Lines(Arc<Mutex<Vec<u8>>>);

impl Lines {
    fn text(&self) -> String {
        String::from_utf8(self.0.lock().unwrap().clone()).unwrap()
    }
}

impl std::io::Write for Lines {
    fn write(&mut self, bytes: &[u8]) -> std::io::Result<usize> {
        self.0.lock().unwrap().extend_from_slice(bytes);
        Ok(bytes.len())
    }

    fn flush(&mut self) -> std::io::Result<()> {
        Ok(())
    }
}

/// One that refuses all changes of config maps in a namespace, as it cannot be reached.
fn broken_webhook(namespace: &str) -> Value {
    json!({
        "metadata": { "name": format!("{namespace}.example.com") },
        "webhooks": [{
            "name": format!("{namespace}.example.com"),
            "clientConfig": { "url": "https://127.0.0.1:1/" },
            "rules": [{ "apiGroups": [""], "apiVersions": ["v1"], "resources": ["configmaps"], "operations": ["UPDATE"] }],
            "namespaceSelector": { "matchLabels": { "kubernetes.io/metadata.name": namespace } },
            "failurePolicy": "Fail", "sideEffects": "None", "admissionReviewVersions": ["v1"],
        }],
    })
}

#[tokio::test]
async fn every_finalizer_is_removed_and_none_of_others() {
    let Some(cluster) = alone("every_finalizer_is_removed_and_none_of_others").await else { return };
    // Those that other tests have left.
    remove_finalizers(cluster.admin()).await.unwrap();
    cluster.namespace("leaving").await;
    let maps = "/api/v1/namespaces/leaving/configmaps";
    let secrets = "/api/v1/namespaces/leaving/secrets";
    let roles = "/apis/rbac.authorization.k8s.io/v1/clusterroles";
    let object =
        |name: &str, finalizers: &[&str]| json!({ "metadata": { "name": name, "finalizers": finalizers } });
    cluster.create(maps, &object("ours", &[FINALIZER])).await;
    cluster.create(maps, &object("both", &["example.com/a", FINALIZER, "example.com/b"])).await;
    cluster.create(maps, &object("theirs", &["example.com/a"])).await;
    cluster.create(secrets, &object("dying", &[FINALIZER])).await;
    cluster.delete(&format!("{secrets}/dying")).await;
    cluster.create(roles, &object("leaving", &[FINALIZER])).await;

    let removal = remove_finalizers(cluster.admin()).await.unwrap();
    let removed: Vec<_> = removal.removed.iter().map(|(kind, count)| (kind.as_str(), *count)).collect();
    assert_eq!(removed, [("ConfigMap", 2), ("Secret", 1), ("rbac.authorization.k8s.io/ClusterRole", 1)]);
    assert!(removal.kinds > 30 && removal.objects > 50, "{removal:?}");
    let all = finalizers(&cluster, maps).await;
    assert_eq!(all["both"], ["example.com/a", "example.com/b"]);
    assert_eq!((all["ours"].len(), all["theirs"].len()), (0, 1));
    assert!(cluster.find(&format!("{secrets}/dying")).await.is_none(), "its deletion went on");
    let again = remove_finalizers(cluster.admin()).await.unwrap();
    assert!(again.removed.is_empty());

    // Whoever may not see all cannot say that there is none.
    let account = cluster.account("leaving", "some").await;
    cluster.allow(&account, &MAY).await;
    let error = remove_finalizers(account.client().await).await.unwrap_err();
    assert!(error.to_string().contains("cannot be listed, so nobody knows"), "{error}");

    // Whoever may see all and not change some takes out the others, and says which are kept and why.
    for n in 0..40 {
        cluster.create(secrets, &object(&format!("kept-{n}"), &[FINALIZER])).await;
    }
    for n in 0..3 {
        cluster.create(maps, &object(&format!("more-{n}"), &[FINALIZER])).await;
    }
    let account = cluster.account("leaving", "most").await;
    cluster.allow(&account, &MAY).await;
    cluster.allow(&account, &[("*", &["*"], &["list", "get"])]).await;
    let before = cluster.requests(&account.user).len();
    let error = remove_finalizers(account.client().await).await.unwrap_err().to_string();
    for words in
        ["Secret kept-", " -n leaving (and 15 others) keeps ", "not allowed: ", "; 3 were removed elsewhere"]
    {
        assert!(error.contains(words), "{words}: {error}");
    }
    let asked = cluster.requests(&account.user).split_off(before);
    let refused =
        asked.iter().filter(|asked| asked.starts_with("patch ") && asked.contains("/secrets/")).count();
    assert!(refused < 30, "a kind that may not be changed is left alone: {refused}");
    let kept = finalizers(&cluster, secrets).await;
    assert!((0..40).all(|n| kept[&format!("kept-{n}")] == [FINALIZER]), "{kept:?}");
    let removal = remove_finalizers(cluster.admin()).await.unwrap();
    assert_eq!(removal.removed, [("Secret".to_owned(), 40)].into(), "{removal:?}");
    let there = cluster.versions(secrets).await;
    assert_eq!(there.len(), 40, "no object went with its finalizer");
    for (name, patch) in [("both", Value::Null), ("theirs", Value::Null)] {
        cluster.patch(&format!("{maps}/{name}"), &json!({ "metadata": { "finalizers": patch } })).await;
    }
    cluster.delete(&format!("{roles}/leaving")).await;
}
