use crate::objects::{NAMESPACE, Pods, malformed, pods, rule_of};
use crate::plan::{BREAKS_ONE_IN, MALFORMED_ONE_IN, MENDS_ONE_IN, Plan};
use anyhow::Result;
use jiff::Timestamp;
use prodrome_e2e::System;
use prodrome_model::{NoticeKind, Resource};
use std::collections::{BTreeMap, BTreeSet, VecDeque};
use std::sync::mpsc;
use std::thread::sleep;
use std::time::{Duration, Instant};

const TICK: Duration = Duration::from_millis(5);
/// How long malformed changes are gathered for a pack, as a watcher gathers.
const GATHER: Duration = Duration::from_millis(500);

/// What was changed, and so what must be told.
#[derive(Debug, Default)]
pub(crate) struct Fed {
    /// How many changes, malformed ones included.
    pub(crate) changes: u64,
    /// In what time.
    pub(crate) took: Duration,
    /// What was broken, by the pod's name.
    pub(crate) broken: BTreeMap<String, Broken>,
    /// What was mended again after it was told.
    pub(crate) mended: BTreeSet<String>,
    /// The names that malformed changes bear.
    pub(crate) malformed: BTreeSet<String>,
}

/// A pod that was broken.
#[derive(Debug)]
pub(crate) struct Broken {
    /// By which rule.
    pub(crate) rule: &'static str,
    /// When.
    pub(crate) at: Timestamp,
}

/// Makes changes at the plan's rate, or as many as the machine can. `phase` is part of all names.
pub(crate) fn feed(system: &System, plan: &Plan, phase: &str) -> Result<Fed> {
    let (hand_over, handed) = mpsc::channel();
    std::thread::scope(|scope| {
        // By itself: while the queues are paused it waits, and the API server's changes do not.
        let sending = scope.spawn(move || send_malformed(system, &handed));
        let fed = Feed::new(system, phase, hand_over).run(plan);
        sending.join().expect("sending does not panic")?;
        Ok(fed)
    })
}

struct Feed<'s> {
    system: &'s System,
    phase: &'s str,
    pods: Pods,
    resource: Resource,
    hand_over: mpsc::Sender<(String, Vec<u8>)>,
    fed: Fed,
    /// What was told, and is not mended yet.
    told: VecDeque<String>,
    heard: usize,
}

impl<'s> Feed<'s> {
    fn new(system: &'s System, phase: &'s str, hand_over: mpsc::Sender<(String, Vec<u8>)>) -> Self {
        let (pods, resource) = (Pods::new(), pods());
        let heard = system.webhook.told().len();
        Self { system, phase, pods, resource, hand_over, fed: Fed::default(), told: VecDeque::new(), heard }
    }

    fn run(mut self, plan: &Plan) -> Fed {
        let (begun, time) = (Instant::now(), Duration::from_secs(plan.seconds));
        while begun.elapsed() < time {
            let elapsed = u64::try_from(begun.elapsed().as_millis()).unwrap_or(u64::MAX);
            if self.fed.changes >= plan.rate * elapsed / 1_000 {
                sleep(TICK);
                continue;
            }
            self.change(plan);
            self.fed.changes += 1;
        }
        self.fed.took = begun.elapsed();
        self.fed
    }

    fn change(&mut self, plan: &Plan) {
        let number = self.fed.changes;
        if number % BREAKS_ONE_IN == 7 {
            let fault = self.fed.broken.len() as u64;
            let (rule, label) = rule_of(fault);
            let name = format!("{}-broken-{fault:06}", self.phase);
            self.apply(&name, label, number);
            self.fed.broken.insert(name, Broken { rule, at: now() });
        } else if number % MALFORMED_ONE_IN == 57 {
            let count = self.fed.malformed.len() as u64;
            let name = format!("{}-malformed-{count:06}", self.phase);
            // Where it cannot be handed over, the thread that takes it has failed, and says so in the end.
            _ = self.hand_over.send((name.clone(), malformed(&name, count).into_bytes()));
            self.fed.malformed.insert(name);
        } else if number % MENDS_ONE_IN == 199
            && let Some(name) = self.next_told()
        {
            self.apply(&name, "well", number);
            self.fed.mended.insert(name);
        } else {
            self.apply(&format!("well-{:06}", number % plan.objects), "well", number);
        }
    }

    fn apply(&self, name: &str, label: &str, note: u64) {
        self.system.api().apply(&self.resource, &self.pods.pod(name, label, note));
    }

    fn next_told(&mut self) -> Option<String> {
        for told in self.system.webhook.told_since(self.heard) {
            self.heard += 1;
            let name = told.notice.object.name;
            if told.notice.kind == NoticeKind::Alert && self.fed.broken.contains_key(&name) {
                self.told.push_back(name);
            }
        }
        // One that came twice is mended once.
        std::iter::from_fn(|| self.told.pop_front()).find(|name| !self.fed.mended.contains(name))
    }
}

/// Sends malformed changes in packs, each beside one that is well.
fn send_malformed(system: &System, handed: &mpsc::Receiver<(String, Vec<u8>)>) -> Result<()> {
    let (pods, resource) = (Pods::new(), pods());
    let packs = system.packs(system.scope().clone());
    let (mut version, mut ended) = (0, false);
    while !ended {
        let until = Instant::now() + GATHER;
        let mut changes = Vec::new();
        loop {
            match handed.recv_timeout(until.saturating_duration_since(Instant::now())) {
                Ok((name, bytes)) => {
                    version += 1;
                    let well = pods.with_version(&format!("beside-{name}"), version);
                    changes.push((resource.clone(), bytes));
                    changes.push((resource.clone(), well.into_bytes()));
                }
                Err(mpsc::RecvTimeoutError::Timeout) => break,
                Err(mpsc::RecvTimeoutError::Disconnected) => {
                    ended = true;
                    break;
                }
            }
        }
        if !changes.is_empty() {
            let pack = packs.pack_raw(&changes)?;
            // As a watcher does: again and again, until the queue has it.
            while packs.send(pack.clone()).is_err() {
                sleep(GATHER);
            }
        }
    }
    Ok(())
}

/// Whose namespace an object is in, of the pods that are fed.
pub(crate) fn is_ours(namespace: Option<&str>) -> bool {
    namespace == Some(NAMESPACE)
}

pub(crate) fn now() -> Timestamp {
    #[expect(clippy::disallowed_methods, reason = "a real system runs by the real time")]
    Timestamp::now()
}
