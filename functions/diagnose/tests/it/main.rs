//! The handler over memory: what is asked, kept, told and withheld.
#![expect(clippy::unwrap_used, reason = "a test that cannot go on has failed")]

mod bad_plugins;
mod crash;
mod emulator;

use jiff::{SignedDuration, Timestamp};
use prodrome_diagnose::{Breaker, CallError, Diagnose, Plugins, Progress, Tools, examine};
use prodrome_flows::{Catalogue, FlowSet, NodeState, SourceFile, State, load};
use prodrome_lambda::{Delivery, Handler, Tally, metric};
use prodrome_model::{
    AlertMessage, EndReason, Ended, Finding, FindingState, Fingerprint, Group, ObjectRef, Owner,
    PluginRequest, PluginResponse, Scope, Severity, Subject,
};
use prodrome_queue::{Body, MemoryQueue, QueueName};
use prodrome_store::MemoryStore;
use std::collections::{BTreeMap, VecDeque};
use std::sync::{Arc, Mutex};
use std::time::Duration;

/// What a plugin does when it is asked.
#[derive(Debug, Clone)]
enum Act {
    Says(PluginResponse),
    Fails,
    Hangs,
    Takes(u64, PluginResponse),
}

#[derive(Clone, Default)]
struct Scripted {
    acts: Arc<Mutex<BTreeMap<String, VecDeque<Act>>>>,
    asked: Arc<Mutex<Vec<String>>>,
}

impl Scripted {
    fn on(self, plugin: &str, acts: impl IntoIterator<Item = Act>) -> Self {
        self.acts.lock().unwrap().insert(plugin.to_owned(), acts.into_iter().collect());
        self
    }

    fn asked(&self) -> Vec<String> {
        std::mem::take(&mut self.asked.lock().unwrap())
    }
}

impl Plugins for Scripted {
    async fn call(&self, plugin: &str, _: PluginRequest, _: Duration) -> Result<PluginResponse, CallError> {
        self.asked.lock().unwrap().push(plugin.to_owned());
        let act = {
            let mut acts = self.acts.lock().unwrap();
            let Some(acts) = acts.get_mut(plugin) else {
                return Err(CallError::Missing { plugin: plugin.to_owned() });
            };
            if acts.len() > 1 { acts.pop_front() } else { acts.front().cloned() }
        };
        match act {
            Some(Act::Says(response)) => Ok(response),
            Some(Act::Takes(seconds, response)) => {
                tokio::time::sleep(Duration::from_secs(seconds)).await;
                Ok(response)
            }
            Some(Act::Hangs) => std::future::pending().await,
            Some(Act::Fails) | None => Err(CallError::Failed { reason: "it broke down".to_owned() }),
        }
    }
}

struct World {
    diagnose: Diagnose<MemoryStore, MemoryQueue, Scripted>,
    plugins: Scripted,
    queue: MemoryQueue,
    now: Timestamp,
    tally: Tally,
}

impl World {
    fn new(flow: &str, plugins: Scripted) -> Self {
        let now = Timestamp::from_second(1_767_268_800).unwrap();
        let (store, queue) = (MemoryStore::new(), MemoryQueue::new(now));
        let diagnose = Diagnose::new(store, queue.clone(), plugins.clone(), Arc::new(flows(flow)));
        Self { diagnose, plugins, queue, now, tally: Tally::default() }
    }

    async fn takes(&mut self, finding: &Finding) {
        self.try_take(finding, 1).await.unwrap();
    }

    async fn try_take(&mut self, finding: &Finding, attempt: u32) -> Result<(), prodrome_lambda::Failure> {
        let text = serde_json::to_string(&AlertMessage::Finding(Box::new(finding.clone()))).unwrap();
        let delivery = Delivery { id: "m".to_owned(), body: Body::Text(text), attempt, sent_at: None };
        self.diagnose.handle(&delivery, self.now, &mut self.tally).await
    }

    /// What was sent on since the last time.
    fn told(&self) -> Vec<Finding> {
        self.sent(QueueName::Findings)
    }

    fn sent(&self, queue: QueueName) -> Vec<Finding> {
        Self::take_from(&self.queue, queue, self.now)
    }

    fn take_from(queues: &MemoryQueue, queue: QueueName, now: Timestamp) -> Vec<Finding> {
        let later = now + SignedDuration::from_mins(1);
        let deliveries = queues.receive(queue, later, 100);
        let findings = deliveries.into_iter().map(|delivery| {
            queues.ack(delivery.id);
            let Body::Text(text) = delivery.body else { panic!("a pack") };
            match serde_json::from_str(&text).unwrap() {
                AlertMessage::Finding(finding) => *finding,
                AlertMessage::Due(due) => panic!("{due:?}"),
            }
        });
        findings.collect()
    }
}

fn flows(text: &str) -> FlowSet {
    let loaded = load(&[SourceFile::new("f.yaml", text)], &Catalogue::any());
    assert!(!loaded.diagnostics.iter().any(prodrome_flows::Diagnostic::is_error), "{:?}", loaded.diagnostics);
    loaded.flows
}

fn finding(name: &str) -> Finding {
    let scope = Scope::new("default", "local", "test");
    let object = |kind: &str, api: &str, name: &str| ObjectRef {
        api_version: api.to_owned(),
        kind: kind.to_owned(),
        namespace: Some("shop".to_owned()),
        name: name.to_owned(),
    };
    let subject = Subject::Object { object: object("Pod", "v1", name), uid: name.to_owned() };
    let since = Timestamp::from_second(1_767_268_000).unwrap();
    Finding {
        version: 1,
        fingerprint: Fingerprint::of_episode(&scope, "R", &subject, since),
        state: FindingState::Firing,
        scope,
        rule: "R".to_owned(),
        severity: Severity::P3,
        owner: Owner::User,
        cause: None,
        flow: Some("f".to_owned()),
        diagnosis: None,
        subject,
        group: Group { owner: object("Deployment", "apps/v1", "web"), key: "R/web".to_owned() },
        since,
        fired_at: since,
        hold_down_seconds: 0,
        summary: "it is broken".to_owned(),
        runbook: None,
        labels: BTreeMap::new(),
        object_labels: BTreeMap::new(),
        evidence: vec![format!("{name} waits since 12:00:01")],
        events: Vec::new(),
        stale: None,
        resource_version: String::new(),
    }
}

fn ended(finding: &Finding) -> Finding {
    let state = FindingState::Ended(Ended { at: finding.since, reason: EndReason::Recovered });
    Finding { state, ..finding.clone() }
}

fn cause(id: &str, confidence: f64) -> PluginResponse {
    PluginResponse::cause(id, confidence, format!("it is {id}"))
}

const TWO: &str = "nodes:\n  a: { plugin: a }\n  b: { plugin: b, after: a }\n";
const SIDE_BY_SIDE: &str = "nodes:\n  a: { plugin: a, timeout: 3s }\n  b: { plugin: b }\n";

#[tokio::test(start_paused = true)]
async fn a_finding_leaves_with_its_cause_owner_and_group() {
    let node =
        ObjectRef { api_version: "v1".into(), kind: "Node".into(), namespace: None, name: "node-a".into() };
    let answer = cause("node-memory-pressure", 0.9).sharing("node node-a").blaming(node.clone());
    let not_it = PluginResponse::cleared("no volume fails").ruling_out_all(["pvc-missing", "volume-full"]);
    let plugins = Scripted::default().on("a", [Act::Says(not_it)]).on("b", [Act::Says(answer)]);
    let mut world = World::new(TWO, plugins);
    world.takes(&finding("web-0")).await;
    let told = world.told().remove(0);
    assert_eq!(
        (told.cause.as_deref(), told.owner, told.flow),
        (Some("node-memory-pressure"), Owner::Platform, None)
    );
    assert_eq!(told.group.key, "cause/node-memory-pressure/shared/node node-a");
    let diagnosis = told.diagnosis.unwrap();
    assert_eq!((diagnosis.faulty, diagnosis.nodes.len()), (Some(node), 2));
    let ruled_out: Vec<_> = diagnosis.ruled_out.iter().map(|out| (&*out.cause, &*out.reason)).collect();
    assert_eq!(ruled_out, [("pvc-missing", "no volume fails"), ("volume-full", "no volume fails")]);
    // The plugin says nothing of what to do; the vocabulary does.
    assert!(diagnosis.remediation[0].contains("requests"), "{:?}", diagnosis.remediation);
    assert_eq!(world.tally.count(metric::CAUSES_FOUND), 1);
}

#[tokio::test(start_paused = true)]
async fn a_finding_without_a_flow_or_with_one_that_is_not_there_goes_on() {
    let mut world = World::new(TWO, Scripted::default());
    world.takes(&Finding { flow: None, ..finding("web-0") }).await;
    world.takes(&Finding { flow: Some("nowhere".into()), ..finding("web-1") }).await;
    let told = world.told();
    assert_eq!(told[0].diagnosis, None);
    assert!(told[1].diagnosis.as_ref().unwrap().summary.contains("no flow nowhere"));
    assert_eq!(world.plugins.asked(), [""; 0]);
}

#[tokio::test(start_paused = true)]
async fn a_duplicate_is_not_diagnosed_twice() {
    let plugins =
        Scripted::default().on("a", [Act::Says(cause("x", 0.9))]).on("b", [Act::Says(cause("x", 0.9))]);
    let mut world = World::new(TWO, plugins);
    world.takes(&finding("web-0")).await;
    world.takes(&finding("web-0")).await;
    let told = world.told();
    assert_eq!((told.len(), &told[0]), (2, &told[1]));
    assert_eq!(world.plugins.asked(), ["a", "b"]);
}

#[tokio::test(start_paused = true)]
async fn after_a_death_a_finished_node_is_not_asked_again() {
    let plugins = Scripted::default()
        .on("a", [Act::Says(PluginResponse::cleared("no"))])
        .on("b", [Act::Hangs, Act::Says(cause("x", 0.9))]);
    let mut world = World::new(TWO, plugins);
    let finding = finding("web-0");
    // The function dies while b is asked.
    let died = tokio::time::timeout(Duration::from_secs(1), world.takes(&finding)).await;
    assert!(died.is_err());
    assert_eq!(world.plugins.asked(), ["a", "b"]);
    // Whoever comes before the lease is over waits.
    world.takes(&finding).await;
    assert_eq!((world.told().len(), world.sent(QueueName::Diagnoses).len()), (0, 1));
    world.now += SignedDuration::from_secs(60);
    world.takes(&finding).await;
    assert_eq!(world.plugins.asked(), ["b"]);
    assert_eq!(world.told()[0].cause.as_deref(), Some("x"));
}

#[tokio::test(start_paused = true)]
async fn what_hangs_breaks_down_or_is_not_there_hides_no_other_cause() {
    for (name, act, reason) in [
        ("hangs", Some(Act::Hangs), "did not answer within 3 s"),
        ("fails", Some(Act::Fails), "it broke down"),
        ("is not there", None, "there is no plugin a"),
        ("names none", Some(Act::Says(PluginResponse { cause: None, ..cause("x", 0.9) })), "none is named"),
        ("is too sure", Some(Act::Says(cause("x", 7.0))), "confidence"),
    ] {
        let mut plugins = Scripted::default().on("b", [Act::Says(cause("oom-killed", 0.8))]);
        if let Some(act) = act {
            plugins = plugins.on("a", [act]);
        }
        let mut world = World::new(SIDE_BY_SIDE, plugins);
        world.takes(&finding("web-0")).await;
        let told = world.told().remove(0);
        assert_eq!(told.cause.as_deref(), Some("oom-killed"), "{name}");
        let unseen = &told.diagnosis.unwrap().not_looked_at;
        assert!(unseen.iter().any(|unseen| unseen.reason.contains(reason)), "{name}: {unseen:?}");
        assert_eq!(world.tally.count(metric::PLUGIN_FAILURES), 1, "{name}");
    }
}

#[tokio::test(start_paused = true)]
async fn a_cause_that_a_plugin_does_not_declare_is_told_noted_and_counted() {
    let marked = PluginResponse { undeclared: true, ..cause("oom-killed", 0.8) };
    for (name, causes, answer, counted) in [
        ("one of those that the flow declares", ", causes: [oom-killed]", cause("oom-killed", 0.8), 0),
        ("another", ", causes: [app-error]", cause("oom-killed", 0.8), 1),
        ("of a plugin that declares none", "", cause("oom-killed", 0.8), 0),
        ("of one whose kit has marked it", "", marked, 1),
    ] {
        let flow = format!("nodes:\n  a: {{ plugin: a{causes} }}\n");
        let mut world = World::new(&flow, Scripted::default().on("a", [Act::Says(answer)]));
        world.takes(&finding("web-0")).await;
        let told = world.told().remove(0);
        assert_eq!(told.cause.as_deref(), Some("oom-killed"), "{name}");
        assert_eq!(world.tally.count(metric::CAUSES_UNDECLARED), counted, "{name}");
        let note = &told.diagnosis.unwrap().nodes[0].note;
        assert_eq!(note.contains("does not declare"), counted > 0, "{name}: {note}");
    }
}

#[tokio::test(start_paused = true)]
async fn where_nothing_is_known_it_says_so() {
    let plugins = Scripted::default()
        .on("a", [Act::Says(PluginResponse::cleared("no"))])
        .on("b", [Act::Says(cause("x", 0.3))]);
    let mut world = World::new(TWO, plugins);
    world.takes(&finding("web-0")).await;
    let told = world.told().remove(0);
    assert_eq!((told.cause, told.owner), (None, Owner::User));
    let diagnosis = told.diagnosis.unwrap();
    assert!(diagnosis.summary.contains("not known; looked at by a, b"), "{}", diagnosis.summary);
    assert!(diagnosis.facts[0].text.starts_with("perhaps x"), "{:?}", diagnosis.facts);
}

#[tokio::test(start_paused = true)]
async fn a_plugin_that_gave_no_answer_has_not_looked() {
    for act in [Some(Act::Fails), None] {
        let mut plugins = Scripted::default().on("b", [Act::Says(PluginResponse::cleared("no"))]);
        if let Some(act) = act {
            plugins = plugins.on("a", [act]);
        }
        let mut world = World::new(SIDE_BY_SIDE, plugins);
        world.takes(&finding("web-0")).await;
        let diagnosis = world.told().remove(0).diagnosis.unwrap();
        assert!(diagnosis.summary.ends_with("not known; looked at by b"), "{}", diagnosis.summary);
        assert_eq!(diagnosis.not_looked_at.len(), 1, "{:?}", diagnosis.not_looked_at);
    }
}

#[tokio::test(start_paused = true)]
async fn of_many_with_one_fault_one_is_examined() {
    let plugins =
        Scripted::default().on("a", [Act::Says(cause("x", 0.9))]).on("b", [Act::Says(cause("x", 0.9))]);
    let mut world = World::new(TWO, plugins);
    for name in ["web-0", "web-1", "web-2"] {
        world.takes(&finding(name)).await;
    }
    assert_eq!(world.plugins.asked(), ["a", "b"]);
    let told = world.told();
    assert_eq!(told.len(), 3);
    let examined = told[2].diagnosis.as_ref().unwrap().examined.as_ref().unwrap();
    assert_eq!(examined.name, "web-0");
    // One that looks different is examined itself.
    let other = Finding { evidence: vec!["exit code is something else".into()], ..finding("web-3") };
    world.takes(&other).await;
    assert_eq!(world.plugins.asked(), ["a", "b"]);
}

#[tokio::test(start_paused = true)]
async fn a_fault_that_is_over_stops_its_run() {
    let plugins = Scripted::default()
        .on("a", [Act::Takes(2, PluginResponse::cleared("no"))])
        .on("b", [Act::Takes(2, cause("x", 0.9))])
        .on("c", [Act::Says(cause("x", 0.9))]);
    let three = "nodes:\n  a: { plugin: a }\n  b: { plugin: b, after: a }\n  c: { plugin: c, after: b }\n";
    let mut world = World::new(three, plugins.clone());
    let finding = finding("web-0");
    let (diagnose, now) = (&world.diagnose, world.now);
    let begun = tokio::time::Instant::now();
    let message = |finding: &Finding| {
        let text = serde_json::to_string(&AlertMessage::Finding(Box::new(finding.clone()))).unwrap();
        Delivery { id: "m".to_owned(), body: Body::Text(text), attempt: 1, sent_at: None }
    };
    let (begins, ends) = (message(&finding), message(&ended(&finding)));
    let mut tallies = (Tally::default(), Tally::default());
    let run = diagnose.handle(&begins, now, &mut tallies.0);
    let over = async {
        tokio::time::sleep(Duration::from_secs(1)).await;
        diagnose.handle(&ends, now, &mut tallies.1).await
    };
    let (run, over) = tokio::join!(run, over);
    run.unwrap();
    over.unwrap();
    assert_eq!(begun.elapsed(), Duration::from_secs(2), "b is not waited for");
    assert_eq!(plugins.asked(), ["a", "b"], "c is not asked any more");
    let states: Vec<_> = world.told().into_iter().map(|finding| (finding.state, finding.diagnosis)).collect();
    assert_eq!(states, [(ended(&finding).state, None), (FindingState::Firing, None)]);
    // It comes once more, late.
    world.takes(&finding).await;
    assert_eq!(plugins.asked(), [""; 0]);
}

#[tokio::test(start_paused = true)]
async fn a_plugin_that_fails_again_and_again_is_spared() {
    let plugins = Scripted::default().on("a", [Act::Fails]).on("b", [Act::Says(cause("x", 0.9))]);
    let mut world = World::new(SIDE_BY_SIDE, plugins);
    for nth in 0..8 {
        let other = Finding {
            group: Group { key: format!("R/{nth}"), ..finding("w").group },
            ..finding(&format!("w{nth}"))
        };
        world.takes(&other).await;
    }
    let asked = world.plugins.asked();
    assert_eq!(asked.iter().filter(|plugin| *plugin == "a").count(), 5);
    assert_eq!(world.tally.count(metric::PLUGINS_SPARED), 1);
    let last = world.told().pop().unwrap();
    assert!(last.diagnosis.unwrap().not_looked_at.iter().any(|unseen| unseen.reason.contains("spared")));
    world.now += SignedDuration::from_mins(2);
    world
        .takes(&Finding { group: Group { key: "R/late".into(), ..finding("w").group }, ..finding("late") })
        .await;
    assert!(world.plugins.asked().contains(&"a".to_owned()), "after a while it is tried again");
}

#[tokio::test(start_paused = true)]
async fn nodes_side_by_side_take_no_longer_than_the_longest_way() {
    // Twelve nodes; the longest way takes 1 + 2 + 3 + 1 s. In waves it would take 3 + 4 + 3 + 1.
    let text = "nodes:\n  a: { plugin: t1 }\n  b: { plugin: t3 }\n  c: { plugin: t1 }\n\
        \x20 d: { plugin: t2, after: a }\n  e: { plugin: t1, after: b }\n  f: { plugin: t4, after: c }\n  g: { plugin: t1, after: c }\n\
        \x20 h: { plugin: t3, after: d }\n  i: { plugin: t1, after: e }\n  j: { plugin: t1, after: g }\n  k: { plugin: t1, after: h }\n  l: { plugin: t1, after: i }\n";
    let mut plugins = Scripted::default();
    for seconds in 1..=4 {
        plugins = plugins.on(&format!("t{seconds}"), [Act::Takes(seconds, PluginResponse::cleared("no"))]);
    }
    let mut world = World::new(text, plugins);
    let begun = tokio::time::Instant::now();
    world.takes(&finding("web-0")).await;
    assert_eq!(world.plugins.asked().len(), 12);
    let took = begun.elapsed().as_secs_f64();
    assert!(took <= 7.0 * 1.2, "{took} s, the longest way is 7 s");
}

#[tokio::test(start_paused = true)]
async fn no_node_waits_for_a_result_to_be_kept() {
    // Three results that come at once, of which the keeping takes a second each; what waits for the first is asked
    // meanwhile.
    struct Slow;
    impl Progress for Slow {
        async fn done(&self, _: &str, state: NodeState) -> Option<NodeState> {
            tokio::time::sleep(Duration::from_secs(1)).await;
            Some(state)
        }
    }
    let text =
        "nodes:\n  a: { plugin: p }\n  b: { plugin: p }\n  c: { plugin: p }\n  d: { plugin: p, after: a }\n";
    let plugins = Scripted::default().on("p", [Act::Takes(1, PluginResponse::cleared("no"))]);
    let (flows, breaker) = (flows(text), Breaker::default());
    let now = Timestamp::from_second(1_767_268_800).unwrap();
    let tools = Tools { plugins: &plugins, breaker: &breaker, progress: &Slow };
    let begun = tokio::time::Instant::now();
    let done =
        examine(flows.get("f").unwrap(), &finding("web-0"), "run", State::begun(now), now, &tools).await;
    assert_eq!((done.calls, done.failures), (4, 0));
    assert_eq!(begun.elapsed(), Duration::from_secs(3));
}

#[tokio::test(start_paused = true)]
async fn what_somebody_else_kept_first_counts() {
    struct Theirs;
    impl Progress for Theirs {
        async fn done(&self, _: &str, _: NodeState) -> Option<NodeState> {
            Some(NodeState::Answered { response: Box::new(cause("theirs", 0.9)) })
        }
    }
    let plugins = Scripted::default().on("p", [Act::Says(cause("ours", 0.9))]);
    let (flows, breaker) = (flows("nodes:\n  a: { plugin: p }\n"), Breaker::default());
    let now = Timestamp::from_second(1_767_268_800).unwrap();
    let tools = Tools { plugins: &plugins, breaker: &breaker, progress: &Theirs };
    let done =
        examine(flows.get("f").unwrap(), &finding("web-0"), "run", State::begun(now), now, &tools).await;
    assert_eq!(done.diagnosis.unwrap().cause.as_deref(), Some("theirs"));
}

#[tokio::test(start_paused = true)]
async fn a_run_is_bounded_in_time_and_in_calls() {
    let slow = Act::Takes(4, PluginResponse::cleared("no"));
    let chain = "deadline: 10s\nnodes:\n  a: { plugin: s }\n  b: { plugin: s, after: a }\n  c: { plugin: s, after: b }\n  d: { plugin: s, after: c }\n";
    let mut world = World::new(chain, Scripted::default().on("s", [slow]));
    let begun = tokio::time::Instant::now();
    world.takes(&finding("web-0")).await;
    assert!(begun.elapsed() <= Duration::from_secs(11), "{:?}", begun.elapsed());
    assert!(world.told()[0].diagnosis.as_ref().unwrap().nodes[3].note.contains("time was over"));

    let few = "calls: 2\nnodes:\n  a: { plugin: f, retries: 3 }\n  b: { plugin: f }\n  c: { plugin: f }\n";
    let mut world = World::new(few, Scripted::default().on("f", [Act::Says(PluginResponse::cleared("no"))]));
    world.takes(&finding("web-0")).await;
    assert_eq!(world.plugins.asked().len(), 2);
}

#[tokio::test(start_paused = true)]
async fn what_cannot_be_kept_is_told_without_a_cause_in_the_end() {
    let plugins = Scripted::default().on("a", [Act::Says(cause("x", 0.9))]);
    let now = Timestamp::from_second(1_767_268_800).unwrap();
    let (store, queue) = (MemoryStore::new(), MemoryQueue::new(now));
    // A record that nobody can read stands where the run would be kept.
    let it = finding("web-0");
    let key = prodrome_store::Key::new(format!("run#{}#{}", it.scope, it.fingerprint), "run");
    let write = prodrome_store::Write::Put(
        prodrome_store::Record::new(key, "{\"begun\":7}"),
        prodrome_store::Expect::Absent,
    );
    prodrome_store::Store::commit(&store, vec![write]).await.unwrap();
    let diagnose = Diagnose::new(store, queue.clone(), plugins.clone(), Arc::new(flows(TWO)));
    let mut world = World { diagnose, plugins, queue, now, tally: Tally::default() };
    assert!(world.try_take(&it, 1).await.is_err());
    assert_eq!(world.told(), []);
    world.try_take(&it, 3).await.unwrap();
    let told = world.told().remove(0);
    assert!(told.diagnosis.unwrap().summary.contains("could not be diagnosed"));
}
