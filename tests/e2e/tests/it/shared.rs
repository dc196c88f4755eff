//! One system for all tests that do without one of their own: each has a namespace to itself.

use prodrome_e2e::{PATIENCE, Setup, System, Told, until};
use prodrome_model::{NoticeKind, Scope};
use prodrome_recording::play::{Request, Verb};
use prodrome_store::DynamoStore;
use serde_json::{Value, json};
use std::path::Path;
use std::sync::{LazyLock, Mutex, PoisonError};

/// Nothing drops it: when the process ends, the emulator's guard sees to the rest.
static SYSTEM: LazyLock<System> = LazyLock::new(|| {
    let here = Path::new(env!("CARGO_MANIFEST_DIR"));
    let setup = Setup::new(Path::new(env!("CARGO_BIN_EXE_bootstrap")))
        .rules(here.join("tests/rules"))
        .receiver("flaky", "flaky")
        .canary("canary")
        .gathering(1)
        .parameter("TimeoutSeconds", "20")
        .parameter("VisibilitySeconds", "4"); // what failed comes again soon
    System::start(&setup).unwrap()
});

/// Whoever lets requests hang, and kills what waits for them, has it to itself.
static HANGING: Mutex<()> = Mutex::new(());

pub(crate) fn system() -> &'static System {
    &SYSTEM
}

/// Lets the requests for an object hang, kills evaluate when it waits for one, and lets them through again.
pub(crate) fn kill_evaluate_at(path: &str, cause: impl FnOnce()) {
    let _guard = HANGING.lock().unwrap_or_else(PoisonError::into_inner);
    let system = system();
    let asks = |request: &Request| request.verb == Verb::Get && request.path.ends_with(path);
    let asked = || system.requests().iter().filter(|request| asks(request)).count();
    let before = asked();
    system.hang(path);
    cause();
    until("evaluate to hang", || (asked() > before).then_some(()));
    let killed = system.kill("evaluate");
    assert!(killed > 0, "it was at work");
    system.hang_no_more();
}

/// A pod with a status; its uid is its name.
pub(crate) fn pod(namespace: &str, name: &str, status: &Value) -> Value {
    json!({
        "apiVersion": "v1", "kind": "Pod",
        "metadata": { "namespace": namespace, "name": name, "uid": format!("uid-of-{namespace}-{name}") },
        "status": status,
    })
}

pub(crate) fn failed(namespace: &str, name: &str) -> Value {
    pod(namespace, name, &json!({ "phase": "Failed", "message": "it broke" }))
}

pub(crate) fn well(namespace: &str, name: &str) -> Value {
    pod(namespace, name, &json!({ "phase": "Running", "ready": true }))
}

/// What was told of a namespace of a cluster, a line each: `alert PodFailed a`.
pub(crate) fn lines(told: &[Told], cluster: &str, namespace: &str) -> Vec<String> {
    let of_it = told.iter().map(|told| &told.notice).filter(|notice| {
        notice.scope.cluster == cluster && notice.object.namespace.as_deref() == Some(namespace)
    });
    let line = |notice: &prodrome_model::Notice| {
        format!("{} {} {}", notice.kind.as_str(), notice.rule, notice.object.name)
    };
    of_it.map(line).collect()
}

/// Waits until these lines were told of a namespace of the system's own cluster, in any order.
pub(crate) fn until_told(namespace: &str, want: &[&str]) {
    let system = system();
    system.webhook.until(&format!("{want:?} of {namespace}"), |told| {
        let lines = lines(told, &system.scope().cluster, namespace);
        want.iter().all(|want| lines.iter().any(|line| line == want)).then_some(())
    });
}

/// What was told of a namespace of the system's own cluster, sorted.
pub(crate) fn told(namespace: &str) -> Vec<String> {
    let system = system();
    let mut lines = lines(&system.webhook.told(), &system.scope().cluster, namespace);
    lines.sort();
    lines
}

/// How often a kind of notice was told.
pub(crate) fn count(told: &[Told], namespace: &str, kind: NoticeKind) -> usize {
    let of_it = told.iter().filter(|told| told.notice.object.namespace.as_deref() == Some(namespace));
    of_it.filter(|told| told.notice.kind == kind).count()
}

/// The markers of checks in a namespace of a cluster.
pub(crate) fn markers(checks: &DynamoStore, scope: &Scope, namespace: &str) -> Vec<String> {
    let system = system();
    let mut found = Vec::new();
    for shard in 0..prodrome_model::SHARDS_DEFAULT {
        let partition = prodrome_lifecycle::keys::shard_partition(scope, shard);
        let records = system.partition(checks, &partition).unwrap();
        let sorts = records.into_iter().map(|record| record.key.sort);
        found.extend(sorts.filter(|sort| sort.contains(&format!("/{namespace}/"))));
    }
    found
}

/// Waits until a namespace has no check any more.
pub(crate) fn until_unchecked(scope: &Scope, namespace: &str) {
    let checks = system().checks().unwrap();
    until("the checks to close", || markers(&checks, scope, namespace).is_empty().then_some(()));
}

/// Waits until nothing waits in the queue of changes.
pub(crate) fn until_handled() {
    let url = system().stack().output("ChangesQueueUrl").unwrap();
    let client = system().emulator().client();
    until("the queue of changes to be empty", || (client.queue_depth(url).ok()?.total() == 0).then_some(()));
}

/// A dead letter of the changes whose error has these words.
pub(crate) fn until_dead(words: &str) -> prodrome_emulator::QueueMessage {
    let url = system().stack().output("ChangesDeadLetterQueueUrl").unwrap();
    let client = system().emulator().client();
    until(&format!("a dead letter: {words}"), || {
        let messages = client.peek(url).ok()?;
        messages.into_iter().find(|m| m.attributes.get("error").is_some_and(|e| e.contains(words)))
    })
}

/// Waits until a function has logged a line with these words.
pub(crate) fn until_logged(output: &str, words: &[&str]) -> String {
    let group = system().stack().output(output).unwrap();
    let client = system().emulator().client();
    assert!(PATIENCE.as_secs() > 60);
    until(&format!("a line with {words:?}"), || {
        let lines = client.logs(group, 0).ok()?;
        let found = lines.into_iter().find(|line| words.iter().all(|word| line.text.contains(word)));
        found.map(|line| line.text)
    })
}
