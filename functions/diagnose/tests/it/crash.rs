//! Dying before and after every operation of a port, and failing at each.

use crate::{cause, ended, finding, flows};
use futures::FutureExt;
use jiff::Timestamp;
use prodrome_diagnose::{CallError, Diagnose, Plugins};
use prodrome_flows::FlowSet;
use prodrome_lambda::{Delivery, Handler, Tally};
use prodrome_local::mortal::{Mortal, dies_after};
use prodrome_model::{
    AlertMessage, AnswerMessage, CheckMessage, DiagnoseMessage, Diagnosis, Finding, FindingState,
    Fingerprint, PluginRequest, PluginResponse, Question, RuleBrief,
};
use prodrome_queue::{Body, FailedMessage, MemoryQueue, Message, Queue, QueueName, QueueSettings, SendError};
use prodrome_store::{Fault, MemoryStore, OperationKind};
use serde_json::Value;
use std::collections::BTreeMap;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::sync::{Arc, Mutex, mpsc};
use std::time::Duration;

const FLOW: &str = "nodes:
  a: { plugin: a, retries: 1 }
  b: { plugin: b, retries: 1 }
  c: { plugin: c, after: [a, b], retries: 1 }
  d: { plugin: d, after: c, retries: 1 }
";

fn at(seconds: i64) -> Timestamp {
    Timestamp::from_second(1_767_268_800 + seconds).unwrap()
}

/// What each plugin answers, whenever it is asked.
fn answer(plugin: &str) -> PluginResponse {
    match plugin {
        "b" => cause("oom-killed", 0.8),
        "d" => cause("oom-killed", 0.9),
        _ => PluginResponse::cleared(format!("not by what {plugin} sees")).ruling_out_all(["pvc-missing"]),
    }
}

/// The plugins, and what they were asked: by run and node.
#[derive(Clone)]
struct Witnesses {
    store: MemoryStore,
    asked: Arc<Mutex<Vec<(String, String)>>>,
    /// What they were asked though the answer was kept.
    in_vain: Arc<Mutex<Vec<(String, String)>>>,
}

impl Plugins for Witnesses {
    async fn call(
        &self,
        plugin: &str,
        request: PluginRequest,
        _: Duration,
    ) -> Result<PluginResponse, CallError> {
        let PluginRequest { run, node, .. } = request;
        let sort = format!("node#{node}");
        let is_it = |key: &prodrome_store::Key| key.sort == sort && key.partition.ends_with(&run);
        if self.store.records().iter().any(|record| is_it(&record.key)) {
            self.in_vain.lock().unwrap().push((run.clone(), node.clone()));
        }
        self.asked.lock().unwrap().push((run, node));
        Ok(answer(plugin))
    }
}

/// What goes wrong with an operation.
#[derive(Debug, Clone, Copy)]
enum Trouble {
    /// Nothing is done.
    Throttled,
    /// It is done, and the answer is not heard.
    TimedOut,
}

/// Counts the operations of the ports that share it; one of them goes wrong.
#[derive(Debug, Clone, Default)]
struct Luck {
    operations: Arc<AtomicUsize>,
    ill: Option<(usize, Trouble)>,
}

impl Luck {
    fn next(&self) -> Option<Trouble> {
        let number = self.operations.fetch_add(1, Ordering::Relaxed);
        self.ill.filter(|(ill, _)| *ill == number).map(|(_, trouble)| trouble)
    }

    fn was_hit(&self) -> bool {
        self.ill.is_some_and(|(ill, _)| ill < self.operations.load(Ordering::Relaxed))
    }
}

#[derive(Clone)]
struct Frail<P>(P, Luck);

impl Queue for Frail<MemoryQueue> {
    async fn send(&self, to: QueueName, messages: Vec<Message>) -> Result<(), SendError> {
        let trouble = self.1.next();
        let total = messages.len();
        if !matches!(trouble, Some(Trouble::Throttled)) {
            self.0.send(to, messages).await?;
        }
        let Some(trouble) = trouble else { return Ok(()) };
        let failed = |index| FailedMessage { index, reason: format!("{trouble:?}"), retryable: true };
        Err(SendError { queue: to, total, failed: (0..total).map(failed).collect() })
    }
}

impl Plugins for Frail<Witnesses> {
    async fn call(
        &self,
        plugin: &str,
        request: PluginRequest,
        timeout: Duration,
    ) -> Result<PluginResponse, CallError> {
        match self.1.next() {
            None => self.0.call(plugin, request, timeout).await,
            Some(Trouble::Throttled) => Err(CallError::Failed { reason: "throttled".to_owned() }),
            Some(Trouble::TimedOut) => {
                self.0.call(plugin, request, timeout).await?;
                Err(CallError::Late { seconds: timeout.as_secs() })
            }
        }
    }
}

/// What comes, and how it is taken.
#[derive(Clone)]
struct Episode {
    name: &'static str,
    /// The seconds, and what comes then.
    messages: Vec<(i64, DiagnoseMessage)>,
    /// How many messages are handled at once.
    side_by_side: usize,
    /// After so long a message comes again that was not done with.
    again_after: Duration,
}

fn firing(name: &str) -> DiagnoseMessage {
    DiagnoseMessage::Finding(Box::new(finding(name)))
}

fn ending(name: &str) -> DiagnoseMessage {
    DiagnoseMessage::Finding(Box::new(ended(&finding(name))))
}

/// Before a lease is over, and after it.
const AGAIN_AFTER: [Duration; 2] = [Duration::from_secs(5), Duration::from_secs(45)];

/// Findings that come and end. Some come once more, and once more after that too.
fn episodes() -> Vec<Episode> {
    let once = vec![(0, firing("web-0")), (300, ending("web-0"))];
    let alone =
        vec![(0, firing("web-0")), (100, firing("web-0")), (200, firing("web-0")), (300, ending("web-0"))];
    let two: Vec<_> = [(0, "web-0"), (0, "web-1"), (100, "web-1"), (100, "web-0")]
        .into_iter()
        .map(|(at, name)| (at, firing(name)))
        .collect();
    let two = [two, vec![(300, ending("web-0")), (300, ending("web-1"))]].concat();
    let over = vec![(0, firing("web-0")), (10, ending("web-0")), (100, firing("web-0"))];
    let mut episodes = Vec::new();
    for again_after in AGAIN_AFTER {
        for (name, messages, side_by_side) in [
            ("one finding, once", &once, 1),
            ("one finding", &alone, 1),
            ("two with one fault", &two, 1),
            ("two with one fault side by side", &two, 2),
            ("one that is over soon", &over, 1),
        ] {
            episodes.push(Episode { name, messages: messages.clone(), side_by_side, again_after });
        }
    }
    episodes
}

struct World {
    store: MemoryStore,
    queue: MemoryQueue,
    plugins: Witnesses,
    luck: Luck,
    flows: Arc<FlowSet>,
    now: Timestamp,
    side_by_side: usize,
    /// Says of the next handling after how many polls it dies, if it does.
    death: Box<dyn FnMut() -> Option<usize>>,
    deaths: usize,
    /// What arrived for `alert`, and when.
    told: Vec<(Timestamp, Finding)>,
    /// What arrived for `evaluate`.
    answers: Vec<AnswerMessage>,
}

impl World {
    fn new(flows: &Arc<FlowSet>) -> Self {
        let (store, queue) = (MemoryStore::new(), MemoryQueue::new(at(0)));
        let plugins = Witnesses { store: store.clone(), asked: Arc::default(), in_vain: Arc::default() };
        Self {
            store,
            queue,
            plugins,
            luck: Luck::default(),
            flows: Arc::clone(flows),
            now: at(0),
            side_by_side: 1,
            death: Box::new(|| None),
            deaths: 0,
            told: Vec::new(),
            answers: Vec::new(),
        }
    }

    async fn play(&mut self, episode: &Episode) {
        let settings = QueueSettings { visibility: episode.again_after, receives_max: 10_000 };
        self.queue.configure(QueueName::Diagnoses, settings);
        self.side_by_side = episode.side_by_side;
        for (seconds, message) in &episode.messages {
            self.until(*seconds - 1).await;
            self.pass_to(at(*seconds));
            let text = serde_json::to_string(message).unwrap();
            self.queue.send(QueueName::Diagnoses, vec![Message::text(text)]).await.unwrap();
        }
        self.until(600).await;
    }

    fn pass_to(&mut self, now: Timestamp) {
        self.now = self.now.max(now);
        self.queue.set_now(self.now);
    }

    /// Lets time pass; everything that comes until then is handled at its time.
    async fn until(&mut self, seconds: i64) {
        while let Some(next) =
            self.queue.next_ready_in(QueueName::Diagnoses).filter(|next| *next <= at(seconds))
        {
            self.pass_to(next);
            self.handle().await;
            self.hear();
        }
        self.pass_to(at(seconds));
    }

    async fn handle(&mut self) {
        // What dies leaves nothing to whoever comes after it.
        let diagnose = Diagnose::new(
            Mortal::new(self.store.clone()),
            Mortal::new(Frail(self.queue.clone(), self.luck.clone())),
            Mortal::new(Frail(self.plugins.clone(), self.luck.clone())),
            Arc::clone(&self.flows),
        );
        let mut handlings = Vec::new();
        for message in self.queue.receive(QueueName::Diagnoses, self.now, self.side_by_side) {
            let delivery = Delivery {
                id: message.id.to_string(),
                body: message.body,
                attempt: message.attempt,
                sent_at: Some(message.sent_at),
            };
            let death = (self.death)();
            let (diagnose, now) = (&diagnose, self.now);
            let handling = async move {
                let mut tally = Tally::default();
                Box::pin(dies_after(death, diagnose.handle(&delivery, now, &mut tally))).await
            };
            handlings.push(handling.map(move |done| (message.id, done)));
        }
        for (id, done) in futures::future::join_all(handlings).await {
            match done {
                Some(Ok(())) => _ = self.queue.ack(id),
                Some(Err(failure)) => {
                    assert!(failure.retryable, "{failure}");
                    self.queue.nack(id, failure.to_string());
                }
                None => self.deaths += 1,
            }
        }
    }

    fn hear(&mut self) {
        for message in self.queue.receive(QueueName::Findings, self.now, 100) {
            let Body::Text(text) = message.body else { panic!("a finding is a text") };
            let AlertMessage::Finding(finding) = serde_json::from_str(&text).unwrap() else {
                panic!("only findings go there: {text}")
            };
            self.told.push((self.now, *finding));
            self.queue.ack(message.id);
        }
        for message in self.queue.receive(QueueName::Checks, self.now, 100) {
            let Body::Text(text) = message.body else { panic!("an answer is a text") };
            let CheckMessage::Answered(answer) = serde_json::from_str(&text).unwrap() else {
                panic!("only answers go there: {text}")
            };
            self.answers.push(answer);
            self.queue.ack(message.id);
        }
    }

    /// The findings that were told of an episode, with their times.
    fn told_of(&self, fingerprint: &Fingerprint) -> Vec<(Timestamp, Finding)> {
        let is_it = |(_, finding): &&(Timestamp, Finding)| {
            finding.fingerprint == *fingerprint && finding.state == FindingState::Firing
        };
        self.told.iter().filter(is_it).cloned().collect()
    }

    /// What is kept of a run.
    fn run(&self, fingerprint: &Fingerprint) -> Value {
        let is_it =
            |key: &prodrome_store::Key| key.sort == "run" && key.partition.ends_with(fingerprint.as_str());
        let records = self.store.records();
        let record = records.iter().find(|record| is_it(&record.key)).unwrap();
        serde_json::from_str(&record.data).unwrap()
    }

    /// Nothing waits, and nothing was given up.
    fn assert_quiet(&self, what: &str) {
        for queue in QueueName::ALL {
            assert_eq!(self.queue.waiting(queue), 0, "{what}: {queue:?}");
            assert_eq!(self.queue.dead_letters(queue), [], "{what}: {queue:?}");
        }
    }
}

/// Whose run it was differs, where several have one fault.
fn without_run(finding: &Finding) -> Finding {
    let plain = |diagnosis: &Diagnosis| {
        Box::new(Diagnosis { run: String::new(), examined: None, ..diagnosis.clone() })
    };
    Finding { diagnosis: finding.diagnosis.as_deref().map(plain), ..finding.clone() }
}

/// That the same is told as when all went well (`usual`), if perhaps again, once for each of `troubles`.
fn assert_told(world: &World, usual: &World, episode: &Episode, troubles: usize, what: &str) {
    let mut sent: BTreeMap<Fingerprint, (Finding, usize)> = BTreeMap::new();
    for (_, message) in &episode.messages {
        let DiagnoseMessage::Finding(finding) = message else { continue };
        if finding.state == FindingState::Firing {
            sent.entry(finding.fingerprint.clone()).or_insert_with(|| ((**finding).clone(), 0)).1 += 1;
        }
    }
    for (fingerprint, (finding, times)) in &sent {
        let told: Vec<Finding> = world.told_of(fingerprint).into_iter().map(|(_, finding)| finding).collect();
        let first = told.first().unwrap_or_else(|| panic!("{what}: {fingerprint} is lost"));
        assert!(told.iter().all(|other| other == first), "{what}: one finding: {told:#?}");
        assert!(told.len() <= times + troubles, "{what}: told {} times", told.len());
        let run = world.run(fingerprint);
        let (is_concluded, is_over) = (!run["diagnosis"].is_null(), run["ended"] == true);
        let lease = run["leasedUntil"].as_str().map(|at| at.parse::<Timestamp>().unwrap());
        if is_concluded {
            let as_usual = &usual.told_of(fingerprint)[0].1;
            assert_eq!(first.cause.as_deref(), Some("oom-killed"), "{what}");
            if sent.len() == 1 {
                assert_eq!(first, as_usual, "{what}");
            } else {
                assert_eq!(without_run(first), without_run(as_usual), "{what}");
            }
            assert_eq!(lease, None, "{what}: who has concluded is at it no more");
        } else {
            // The end came before the conclusion.
            assert!(is_over && episode.name.contains("over soon"), "{what}: the run is left as {run:#}");
            assert_eq!(*first, Finding { flow: None, ..finding.clone() }, "{what}");
            assert!(lease.is_none_or(|until| until < world.now), "{what}: {run:#}");
        }
        let end = |(_, told): &(Timestamp, Finding)| *told == Finding { flow: None, ..ended(finding) };
        assert!(world.told.iter().any(end), "{what}: the end is lost");
    }
    let mut asked: BTreeMap<(String, String), usize> = BTreeMap::new();
    for node in world.plugins.asked.lock().unwrap().iter() {
        *asked.entry(node.clone()).or_default() += 1;
    }
    assert!(asked.values().all(|times| *times <= 1 + troubles), "{what}: {asked:?}");
    let in_vain = world.plugins.in_vain.lock().unwrap();
    assert!(in_vain.is_empty(), "{what}: asked though the answer was kept: {in_vain:?}");
    world.assert_quiet(what);
}

async fn played(flows: &Arc<FlowSet>, episode: &Episode) -> World {
    let mut world = World::new(flows);
    world.play(episode).await;
    world
}

#[tokio::test(start_paused = true)]
async fn a_death_at_any_moment_loses_no_finding_and_asks_no_finished_node_again() {
    let flows = Arc::new(flows(FLOW));
    let mut deaths = 0;
    for episode in episodes() {
        let usual = played(&flows, &episode).await;
        assert_told(&usual, &usual, &episode, 0, episode.name);
        for victim in 0.. {
            let handlings = Arc::new(AtomicUsize::new(0));
            // Each poll ends at a moment before or after an operation, so these are all of them.
            for polls in 0.. {
                let mut world = World::new(&flows);
                handlings.store(0, Ordering::Relaxed);
                let counted = Arc::clone(&handlings);
                world.death =
                    Box::new(move || (counted.fetch_add(1, Ordering::Relaxed) == victim).then_some(polls));
                world.play(&episode).await;
                if world.deaths == 0 {
                    break;
                }
                deaths += 1;
                let what = format!("{}: death of handling {victim} after {polls} polls", episode.name);
                assert_told(&world, &usual, &episode, 1, &what);
            }
            if handlings.load(Ordering::Relaxed) <= victim {
                break;
            }
        }
    }
    assert!(deaths > 300, "only {deaths} deaths");
}

#[tokio::test(start_paused = true)]
async fn who_takes_over_may_die_too() {
    let flows = Arc::new(flows(FLOW));
    let mut both = 0;
    let episode =
        episodes().into_iter().find(|episode| episode.again_after > Duration::from_secs(30)).unwrap();
    let usual = played(&flows, &episode).await;
    // Each first death, and after it each death of whoever comes then.
    'first: for first in 0.. {
        for second in 0.. {
            let mut world = World::new(&flows);
            let mut polls = vec![second, first];
            world.death = Box::new(move || polls.pop());
            world.play(&episode).await;
            if world.deaths < 2 {
                // The next of them always begins, so it was the first that did not die.
                if second == 0 {
                    break 'first;
                }
                break;
            }
            both += 1;
            let what = format!("deaths after {first} polls, and then after {second}");
            assert_told(&world, &usual, &episode, 2, &what);
        }
    }
    assert!(both > 300, "only {both} times");
}

#[tokio::test(start_paused = true)]
async fn a_fault_at_any_operation_loses_no_finding_and_leaves_no_run_unfinished() {
    let flows = Arc::new(flows(FLOW));
    let mut faults = 0;
    for episode in episodes() {
        let usual = played(&flows, &episode).await;
        for fault in [Fault::Unavailable, Fault::Conflict, Fault::AnswerLost, Fault::ConflictAfterCommit] {
            for number in 0.. {
                let mut world = World::new(&flows);
                let (hit, hits) = mpsc::channel();
                world.store.set_script(move |operation| {
                    let now = operation.number == number;
                    now.then(|| hit.send(operation.kind).map(|()| fault)).transpose().unwrap()
                });
                world.play(&episode).await;
                let Ok(kind) = hits.try_recv() else { break };
                faults += 1;
                let what = format!("{}: {fault:?} at operation {number}, a {kind:?}", episode.name);
                assert_told(&world, &usual, &episode, 1, &what);
                let conflicts = kind == OperationKind::Commit
                    && matches!(fault, Fault::Conflict | Fault::ConflictAfterCommit);
                if conflicts && episode.side_by_side == 1 {
                    // What is there says at once what to do. (Of two side by side one may come to wait for the other.)
                    let times = |world: &World| -> Vec<_> { world.told.iter().map(|(at, _)| *at).collect() };
                    assert_eq!(times(&world), times(&usual), "{what}: later than usual");
                }
            }
        }
        for trouble in [Trouble::Throttled, Trouble::TimedOut] {
            for number in 0.. {
                let mut world = World::new(&flows);
                world.luck.ill = Some((number, trouble));
                world.play(&episode).await;
                if !world.luck.was_hit() {
                    break;
                }
                faults += 1;
                let what = format!("{}: {trouble:?} at the sending or asking {number}", episode.name);
                assert_told(&world, &usual, &episode, 1, &what);
            }
        }
    }
    assert!(faults > 800, "only {faults} faults");
}

#[tokio::test(start_paused = true)]
async fn an_end_that_comes_first_is_noted_whatever_conflicts() {
    let flows = Arc::new(flows(FLOW));
    for fault in [Fault::Conflict, Fault::ConflictAfterCommit] {
        let mut world = World::new(&flows);
        world.store.set_script(move |operation| {
            (operation.number == 1 && operation.kind == OperationKind::Commit).then_some(fault)
        });
        let messages = vec![(0, ending("web-0")), (5, firing("web-0"))];
        let episode = Episode { name: "", messages, side_by_side: 1, again_after: AGAIN_AFTER[1] };
        world.play(&episode).await;
        assert_eq!(*world.plugins.asked.lock().unwrap(), [], "{fault:?}: it is over");
        let told: Vec<_> = world.told.iter().map(|(_, finding)| finding.state.clone()).collect();
        assert_eq!(told, [ended(&finding("web-0")).state, FindingState::Firing], "{fault:?}");
        world.assert_quiet("at the end");
    }
}

fn question() -> Question {
    let asks = finding("web-0");
    let request = PluginRequest {
        version: 1,
        run: "question".to_owned(),
        node: String::new(),
        cluster: asks.scope.clone(),
        object: asks.subject.object().clone(),
        uid: asks.subject.uid().to_owned(),
        workload: asks.group.owner.clone(),
        rule: RuleBrief {
            name: asks.rule.clone(),
            severity: asks.severity,
            owner: asks.owner,
            since: asks.since,
            summary: String::new(),
            evidence: Vec::new(),
        },
        params: serde_json::Map::new(),
        results: BTreeMap::new(),
        now: at(-1),
        deadline: at(19),
    };
    Question {
        partition: "check#web-0".to_owned(),
        sort: "R".to_owned(),
        plugin: "b".to_owned(),
        request: Box::new(request),
    }
}

fn asking() -> Episode {
    let messages = vec![(0, DiagnoseMessage::Question(question()))];
    Episode { name: "a question", messages, side_by_side: 1, again_after: AGAIN_AFTER[0] }
}

#[tokio::test(start_paused = true)]
async fn a_question_is_answered_whoever_dies_and_whatever_fails() {
    let flows = Arc::new(flows(FLOW));
    let episode = asking();
    let right = AnswerMessage {
        partition: "check#web-0".to_owned(),
        sort: "R".to_owned(),
        asked: at(-1),
        response: Box::new(answer("b")),
    };
    let mut deaths = 0;
    for polls in 0.. {
        let mut world = World::new(&flows);
        let mut polls = Some(polls);
        world.death = Box::new(move || polls.take());
        world.play(&episode).await;
        assert_eq!(world.answers.first(), Some(&right));
        assert!(world.answers.iter().all(|answer| *answer == right) && world.answers.len() <= 2);
        world.assert_quiet("after a death");
        if world.deaths == 0 {
            break;
        }
        deaths += 1;
    }
    assert_eq!(deaths, 5, "as it begins, before and after it asks, before and after it sends the answer");
    for (number, trouble, want) in [
        (0, Trouble::Throttled, vec![false]),
        (0, Trouble::TimedOut, vec![false]),
        (1, Trouble::Throttled, vec![true]),
        (1, Trouble::TimedOut, vec![true, true]),
    ] {
        let mut world = World::new(&flows);
        world.luck.ill = Some((number, trouble));
        world.play(&episode).await;
        // Who got no answer says so; it is asked again in time.
        let are_right: Vec<bool> = world.answers.iter().map(|answer| *answer == right).collect();
        assert_eq!(are_right, want, "{trouble:?} at operation {number}: {:#?}", world.answers);
        world.assert_quiet("after a fault");
    }
}
