//! The pipeline: the real handlers, each in some instances that die and start again, over ports in memory.

use crate::api;
use crate::clock::{Clock, MINUTE, Millis};
use crate::edition::Edition;
use crate::fault::{Caller, Function, Trouble, What};
use crate::law::{Besides, FLOW, NEWEST, OLDER, rules_text};
use crate::model::Cluster;
use crate::plan::Plan;
use crate::post::{Letters, Posted, received};
use crate::press::{Press, Shelf};
use crate::sent::Sent;
use crate::weather::{Pace, Weather};
use jiff::Timestamp;
use prodrome_alert::Alerts;
use prodrome_cluster::KubeCluster;
use prodrome_diagnose::{Diagnose, InProcess};
use prodrome_evaluate::Evaluate;
use prodrome_flows::FlowSet;
use prodrome_lambda::{Handler, Inbox, RECEIVES_MAX, Received, Tally};
use prodrome_local::mortal::{Mortal, dies_after};
use prodrome_model::{AlertMessage, Finding, FindingState, Fingerprint, Notice, Scope};
use prodrome_notify::{Channels, MemoryChannels, Outcome, Reason, Routing};
use prodrome_plugin::{AnyCluster, Registry};
use prodrome_queue::{Body, MemoryQueue, QueueName, QueueSettings};
use prodrome_rulebook::Rulebook;
use prodrome_rules::{RuleSet, SourceFile};
use prodrome_store::MemoryStore;
use prodrome_sweep::Sweep;
use std::collections::BTreeMap;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::Duration;
use tokio::task::JoinSet;
use tokio::time::timeout;

/// How many shards the keys are spread over.
pub(crate) const SHARDS: u16 = 4;
/// How long an invocation may take, as in the template.
pub(crate) const TIMEOUT: Duration = Duration::from_secs(30);
/// How long a message is hidden while it is handled, and how often it is tried, as in the template.
const QUEUES: QueueSettings =
    QueueSettings { visibility: Duration::from_mins(3), receives_max: RECEIVES_MAX };
/// How often an operator sends dead letters again.
pub(crate) const REDRIVE: Millis = 15 * MINUTE;
const ROUTING: &str = "
channels:
  chat: { type: terminal, limit: { messages: 6000, per: 1m, burst: 1000 } }
  phone: { type: terminal, limit: { messages: 6000, per: 1m, burst: 1000 } }
routes:
  - { match: { severity: P2 }, channels: [phone], continue: true }
  - { channels: [chat] }
";

/// The cluster's name in every key.
pub(crate) fn scope() -> Scope {
    Scope::new("default", "local", "sim")
}

/// What is kept of a run, shared by all that belongs to it.
#[derive(Clone)]
pub(crate) struct System {
    /// The virtual time.
    pub(crate) clock: Clock,
    /// What goes wrong.
    pub(crate) weather: Weather,
    /// The cluster.
    pub(crate) cluster: Cluster,
    /// The table of checks.
    pub(crate) checks: MemoryStore,
    /// The table of episodes.
    pub(crate) episodes: MemoryStore,
    /// The table of diagnoses.
    pub(crate) runs: MemoryStore,
    /// The queues.
    pub(crate) queue: Posted,
    /// What the watcher has sent to them.
    pub(crate) sent: Sent,
    /// The channels.
    pub(crate) channels: Arc<Phones>,
    /// What was told by evaluate, by episode: when it first came to be told, and what.
    heard: Arc<Mutex<Heard>>,
    /// Who pushes rules, where anybody does.
    pub(crate) press: Option<Press>,
    rules: [Arc<RuleSet>; 2],
    flows: Arc<FlowSet>,
    plugins: Arc<Registry>,
    routing: Arc<Routing>,
}

/// The findings and ends that reached alert, each as it came first.
#[derive(Debug, Clone, Default)]
pub(crate) struct Heard {
    /// That something fires.
    pub(crate) fired: BTreeMap<Fingerprint, (Millis, Finding)>,
    /// That it is over.
    pub(crate) ended: BTreeMap<Fingerprint, (Millis, Finding)>,
    /// How many invocations died.
    pub(crate) deaths: usize,
    /// Messages of which one episode says two things.
    pub(crate) contradictions: Vec<String>,
}

type Store = Mortal<MemoryStore, Pace>;
type Sends = Mortal<Posted, Pace>;
type EvaluateHere = Evaluate<Mortal<Shelf, Pace>, Sends, Mortal<KubeCluster, Pace>>;

impl System {
    /// A system at rest, to which this will happen.
    pub(crate) fn new(clock: Clock, plan: &Plan) -> Self {
        let weather = Weather::new(plan.seed, &plan.faults, clock);
        let memory = MemoryQueue::new(clock.now());
        for name in QueueName::ALL {
            memory.configure(name, QUEUES);
        }
        let store = || {
            let (store, weather) = (MemoryStore::new(), weather.clone());
            store.set_script(move |operation| weather.store(operation));
            store
        };
        let catalogue = prodrome_local::catalogue();
        let flows = prodrome_flows::load(&[SourceFile::new("status.yaml", FLOW)], &catalogue);
        assert_eq!(flows.diagnostics, [], "the flow is sound");
        let routing = Routing::parse("routing.yaml", ROUTING).expect("the routing is sound");
        let older = |name| if name == NEWEST { OLDER } else { name };
        Self {
            clock,
            cluster: Cluster::new(plan.streams_lists),
            checks: store(),
            episodes: store(),
            runs: store(),
            queue: Posted::new(memory, clock),
            sent: Sent::default(),
            channels: Arc::new(Phones {
                memory: MemoryChannels::new(),
                weather: weather.clone(),
                clock,
                told: Mutex::default(),
            }),
            heard: Arc::default(),
            press: plan.pushes().then(|| Press::new(clock, weather.clone(), store(), plan.besides())),
            rules: [rules(plan.besides(), |name| name), rules(plan.besides(), older)],
            flows: Arc::new(flows.flows),
            plugins: Arc::new(prodrome_local::plugins()),
            routing: Arc::new(routing),
            weather,
        }
    }

    /// What was told so far.
    pub(crate) fn heard(&self) -> MutexGuard<'_, Heard> {
        self.heard.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Starts the functions, until the set is dropped.
    pub(crate) fn start(&self) -> JoinSet<()> {
        let mut running = JoinSet::new();
        for instance in 0..3 {
            let system = self.clone();
            running.spawn_local(async move {
                let from = [QueueName::Changes, QueueName::Checks];
                system.serve(Function::Evaluate, &from, || system.evaluate(instance)).await;
            });
        }
        for _ in 0..2 {
            let system = self.clone();
            running.spawn_local(async move {
                system.serve(Function::Diagnose, &[QueueName::Diagnoses], || system.diagnose()).await;
            });
            let system = self.clone();
            running.spawn_local(async move {
                system.serve(Function::Alert, &[QueueName::Findings], || system.alerts()).await;
            });
        }
        let system = self.clone();
        running.spawn_local(async move { system.tick().await });
        let system = self.clone();
        running.spawn_local(async move { system.change_weather().await });
        running
    }

    fn pace(&self, of: Function) -> Pace {
        Pace { weather: self.weather.clone(), of }
    }

    fn evaluate(&self, instance: usize) -> EvaluateHere {
        let pace = self.pace(Function::Evaluate);
        let client = api::client(&self.cluster, &self.weather, self.clock, Caller::Functions);
        let is_old = instance == 2 && self.weather.is(What::OldRules);
        let table = |of: &MemoryStore| Mortal(Shelf::from(of.clone()), pace.clone());
        let evaluate = Evaluate::new(
            table(&self.checks),
            Mortal(self.queue.clone(), pace.clone()),
            Mortal(KubeCluster::new(client), pace.clone()),
            Arc::clone(&self.rules[usize::from(is_old)]),
            SHARDS,
        );
        let evaluate =
            evaluate.diagnosing().noting_signs_in(table(&self.episodes)).counting_in(table(&self.checks));
        let Some(press) = &self.press else { return evaluate };
        let shelf = press.shelf(u8::try_from(instance).unwrap_or(u8::MAX));
        evaluate.following(Rulebook::new(Mortal(shelf, pace)).on_this_thread())
    }

    fn diagnose(&self) -> Diagnose<Store, Sends, InProcess> {
        let pace = self.pace(Function::Diagnose);
        let client = api::client(&self.cluster, &self.weather, self.clock, Caller::Functions);
        let cluster = AnyCluster::new(Mortal(KubeCluster::new(client), pace.clone()));
        let plugins = InProcess::new(Arc::clone(&self.plugins), cluster);
        let (store, queue) = (Mortal(self.runs.clone(), pace.clone()), Mortal(self.queue.clone(), pace));
        Diagnose::new(store, queue, plugins, Arc::clone(&self.flows))
    }

    fn alerts(&self) -> Alerts<Store, Sends, Mortal<Arc<Phones>, Pace>> {
        let pace = self.pace(Function::Alert);
        let store = Mortal(self.episodes.clone(), pace.clone());
        let phones = Mortal(Arc::clone(&self.channels), pace.clone());
        Alerts::new(store, Mortal(self.queue.clone(), pace), phones, Arc::clone(&self.routing))
    }

    /// An instance of a function: one invocation after another, in a process that may die.
    async fn serve<H: Handler>(&self, function: Function, from: &[QueueName], make: impl Fn() -> H) {
        let pace = self.pace(function);
        // In the table that the function has, as its program says.
        let tries = match function {
            Function::Evaluate | Function::Sweep => &self.checks,
            Function::Diagnose => &self.runs,
            Function::Alert => &self.episodes,
        };
        let letters = Letters { queue: self.queue.clone(), pace: pace.clone() };
        let inbox = Inbox::new(Mortal(tries.clone(), pace), letters);
        let mut instance = make();
        let mut had_old_rules = self.weather.is(What::OldRules);
        let mut turn = 0;
        loop {
            let held = || self.weather.not_invoked_until(function);
            let messages = self.queue.receive(from, turn, held).await;
            turn += 1;
            // A deployment replaces the instances.
            if self.weather.is(What::OldRules) != had_old_rules {
                had_old_rules = !had_old_rules;
                instance = make();
            }
            if function == Function::Alert {
                self.hear(&messages);
            }
            let batch: Vec<Received> = messages.iter().map(received).collect();
            let clock = || self.clock.skewed(self.weather.skew(function));
            let handling = Box::pin(inbox.answer(&instance, &batch, Some(clock() + TIMEOUT), clock));
            let handled = timeout(TIMEOUT, dies_after(self.weather.death(function), handling)).await;
            if let Ok(Some((answer, _))) = handled {
                let failed: Vec<&str> =
                    answer.batch_item_failures.iter().map(|item| item.item_identifier.as_str()).collect();
                // Those that failed are hidden for as long as the inbox has said.
                for message in messages.iter().filter(|message| !failed.contains(&&*message.id.to_string())) {
                    self.queue.memory.ack(message.id);
                }
            } else {
                self.heard().deaths += 1;
                instance = make();
            }
        }
    }

    /// Notes what comes to be told.
    fn hear(&self, messages: &[prodrome_queue::Delivery]) {
        let now = self.clock.millis();
        let mut heard = self.heard();
        for message in messages {
            let Body::Text(text) = &message.body else { continue };
            let Ok(AlertMessage::Finding(finding)) = serde_json::from_str(text) else { continue };
            let fingerprint = finding.fingerprint.clone();
            let of = match finding.state {
                FindingState::Firing => &mut heard.fired,
                FindingState::Ended(_) => &mut heard.ended,
            };
            let (_, first) = of.entry(fingerprint).or_insert_with(|| (now, (*finding).clone()));
            let is_same = (first.since, first.fired_at, &first.state, &first.subject)
                == (finding.since, finding.fired_at, &finding.state, &finding.subject);
            if !is_same {
                let text = format!("one episode tells two things: {first:#?} and {finding:#?}");
                heard.contradictions.push(text);
            }
        }
    }

    /// The schedule: a tick a minute.
    async fn tick(&self) {
        let mut ticks = JoinSet::new();
        let mut at = MINUTE;
        loop {
            self.clock.until(at).await;
            at += MINUTE;
            if self.weather.is(What::NoSweep) {
                continue;
            }
            let many = if self.weather.is(What::TwoSweeps) { 2 } else { 1 };
            for _ in 0..many {
                let system = self.clone();
                ticks.spawn_local(async move { system.sweep().await });
            }
            while ticks.try_join_next().is_some() {}
        }
    }

    async fn sweep(&self) {
        let pace = self.pace(Function::Sweep);
        let sweep = Sweep::new(
            Mortal(self.checks.clone(), pace.clone()),
            Mortal(self.episodes.clone(), pace.clone()),
            Mortal(self.queue.clone(), pace),
        );
        let now = self.clock.skewed(self.weather.skew(Function::Sweep));
        let mut tally = Tally::default();
        let tick = Box::pin(sweep.tick(now, &mut tally));
        // What a tick does not get done the next one does.
        let done = timeout(TIMEOUT, dies_after(self.weather.death(Function::Sweep), tick)).await;
        if !matches!(done, Ok(Some(_))) {
            self.heard().deaths += 1;
        }
    }

    /// The queues and the indexes are as unkind as the faults at work make them; and an operator sends dead letters
    /// again now and then.
    async fn change_weather(&self) {
        let mut redrive = REDRIVE;
        let mut is_held = false;
        loop {
            self.queue.memory.set_unkindness(self.weather.queues());
            let receives_max = self.weather.receives_max().unwrap_or(QUEUES.receives_max);
            for queue in QueueName::ALL {
                self.queue.memory.configure(queue, QueueSettings { receives_max, ..QUEUES });
            }
            let holds = self.weather.is(What::StaleIndex);
            if holds != is_held {
                is_held = holds;
                for store in [&self.checks, &self.episodes] {
                    if holds { store.hold_index() } else { store.release_index() }
                }
            }
            let now = self.clock.millis();
            if now >= redrive {
                redrive += REDRIVE;
                self.redrive();
            }
            self.clock.until(self.weather.changes_after(now).min(redrive)).await;
        }
    }

    /// An operator sends the dead letters again.
    pub(crate) fn redrive(&self) {
        for queue in QueueName::ALL {
            if self.queue.memory.redrive(queue) > 0 {
                self.queue.tell();
            }
        }
    }
}

fn rules(besides: Besides, named: impl Fn(&'static str) -> &'static str) -> Arc<RuleSet> {
    let text = rules_text(&Edition::new(), besides, named);
    let loaded = prodrome_rules::load(&[SourceFile::new("rules.yaml", text)]);
    assert!(loaded.diagnostics.is_empty(), "the rules are sound: {:?}", loaded.diagnostics);
    Arc::new(loaded.rules)
}

/// The channels, in whatever trouble they are.
pub(crate) struct Phones {
    memory: MemoryChannels,
    weather: Weather,
    clock: Clock,
    told: Mutex<Vec<Told>>,
}

/// What people were told.
#[derive(Debug, Clone)]
pub(crate) struct Told {
    /// When.
    pub(crate) at: Millis,
    /// By which channel.
    pub(crate) channel: String,
    /// What.
    pub(crate) notice: Notice,
}

impl Phones {
    /// All that people were told.
    pub(crate) fn told(&self) -> Vec<Told> {
        self.told.lock().unwrap_or_else(PoisonError::into_inner).clone()
    }
}

impl Channels for Phones {
    async fn send(
        &self,
        channel: &str,
        notice: &Notice,
        receipt: Option<&str>,
        now: Timestamp,
    ) -> prodrome_notify::Delivery {
        match self.weather.trouble(channel) {
            Some(Trouble::Down) => {
                self.memory.script(channel, [Outcome::RetryAfter(None, Reason::Unreachable)]);
            }
            Some(Trouble::RateLimited) => {
                let wait = jiff::SignedDuration::from_secs(40);
                self.memory.script(channel, [Outcome::RetryAfter(Some(wait), Reason::RateLimited)]);
            }
            Some(Trouble::AnswersLost) => self.memory.lose_answers(channel, 1),
            Some(Trouble::Slow) => tokio::time::sleep(Duration::from_secs(20)).await,
            None => {}
        }
        let delivery = self.memory.send(channel, notice, receipt, now).await;
        for attempt in self.memory.take_attempts().into_iter().filter(|attempt| attempt.delivered) {
            let at = self.clock.millis();
            let told = Told { at, channel: attempt.channel, notice: attempt.notice };
            self.told.lock().unwrap_or_else(PoisonError::into_inner).push(told);
        }
        delivery
    }
}
