use crate::apply::apply;
use crate::breaker::Breaker;
use crate::examine::{Progress, Tools, examine};
use crate::plugins::Plugins;
use crate::record::{KeptNode, Representative, Run, group_key, node_key, record, run_key, signature};
use jiff::{SignedDuration, Timestamp};
use prodrome_flows::{Flow, FlowSet, NodeState, State};
use prodrome_lambda::{Delivery, Failure, Handler, Tally, metric};
use prodrome_model::{AlertMessage, DiagnoseMessage, Diagnosis, Finding, FindingState, Verdict};
use prodrome_queue::{Body, Message, Queue, QueueName};
use prodrome_store::{Expect, Key, Record, Store, StoreError, Write};
use std::sync::Arc;
use std::time::Duration;

/// How much longer than its flow a run is somebody's.
const LEASE_MARGIN: SignedDuration = SignedDuration::from_secs(10);
/// A finding whose run is somebody else's comes back after so long.
const AGAIN_AFTER: Duration = Duration::from_secs(2);
/// For so long objects are compared with the one that was examined.
const COMPARED_FOR: SignedDuration = SignedDuration::from_mins(10);
/// A finding that could not be diagnosed so often,
const ATTEMPTS_MAX: u32 = 3;
/// and for so long, goes on without.
const TRIED_FOR: SignedDuration = SignedDuration::from_mins(2);
/// How often a record is read and written anew after a conflict.
const WRITES_MAX: usize = 6;

/// Diagnoses findings. See the crate's documentation.
pub struct Diagnose<S, Q, P> {
    store: S,
    pub(crate) queue: Q,
    pub(crate) plugins: P,
    flows: Arc<FlowSet>,
    pub(crate) breaker: Breaker,
}

/// How a run stands when a finding comes.
enum Start {
    /// It is this finding's, from here on.
    Begin(State, u64),
    /// It is done.
    Concluded(Box<Diagnosis>),
    /// Its fault is over.
    Over,
    /// Somebody else is at it.
    Busy,
}

/// A run that was about to be taken.
struct Taken {
    /// As it was written.
    mine: Run,
    /// Whether it goes on where one before stopped.
    resumes: bool,
}

impl<S: Store, Q: Queue, P: Plugins> Diagnose<S, Q, P> {
    /// With these flows.
    pub fn new(store: S, queue: Q, plugins: P, flows: Arc<FlowSet>) -> Self {
        Self { store, queue, plugins, flows, breaker: Breaker::default() }
    }

    async fn fires(
        &self,
        finding: &Finding,
        message: &str,
        now: Timestamp,
        tally: &mut Tally,
    ) -> Result<(), Failure> {
        let Some(name) = finding.flow.as_deref() else { return self.forward(finding.clone()).await };
        let Some(flow) = self.flows.get(name) else {
            tracing::warn!(rule = finding.rule, flow = name, "a rule names a flow that is not there");
            let diagnosis = Diagnosis::unknown(name, "", format!("there is no flow {name}"));
            return self.forward(apply(finding, diagnosis)).await;
        };
        let key = run_key(&finding.scope, &finding.fingerprint);
        match self.start(flow, &key, message, now).await? {
            Start::Concluded(diagnosis) => self.forward(apply(finding, *diagnosis)).await,
            Start::Over => self.forward(Finding { flow: None, ..finding.clone() }).await,
            Start::Busy => self.again(finding).await,
            Start::Begin(state, version) => self.run(flow, finding, &key, state, version, now, tally).await,
        }
    }

    /// Takes the run for a message, if it is free.
    async fn start(&self, flow: &Flow, key: &Key, message: &str, now: Timestamp) -> Result<Start, Failure> {
        let mut taken: Option<Taken> = None;
        for _ in 0..WRITES_MAX {
            let kept = self.store.get(key).await.map_err(store_failure)?;
            let run: Run = kept.as_ref().map(parse).transpose()?.unwrap_or_default();
            if let (Some(kept), Some(Taken { mine, resumes })) = (&kept, &taken)
                && run == *mine
            {
                return self.begin(key, *resumes, kept.version, now).await;
            }
            if let Some(diagnosis) = run.diagnosis {
                return Ok(Start::Concluded(diagnosis));
            }
            if run.ended {
                return Ok(Start::Over);
            }
            if run.leased_until.is_some_and(|until| now < until) {
                return Ok(Start::Busy);
            }
            let same = run.flow_hash == flow.hash();
            let resumes = kept.is_some() && same;
            let begun = run.begun.filter(|_| same).unwrap_or(now);
            let mine = Run {
                begun: Some(begun),
                flow_hash: flow.hash().to_owned(),
                leased_until: now.checked_add(flow.deadline() + LEASE_MARGIN).ok(),
                leased_to: Some(message.to_owned()),
                ended: false,
                diagnosis: None,
            };
            let expect = kept.as_ref().map_or(Expect::Absent, |record| Expect::Version(record.version));
            let record = record(key.clone(), &mine, now);
            let version = record.version_after(expect).unwrap_or_default();
            match self.store.commit(vec![Write::Put(record, expect)]).await {
                Ok(()) => return self.begin(key, resumes, version, now).await,
                // What is there says whether somebody else was first, or this very write.
                Err(StoreError::Conflict { .. }) => taken = Some(Taken { mine, resumes }),
                Err(error) => return Err(store_failure(error)),
            }
        }
        Ok(Start::Busy)
    }

    /// What a run that is taken begins with: what a run before found is kept; the time begins anew, as it may have been
    /// dead for long.
    async fn begin(&self, key: &Key, resumes: bool, version: u64, now: Timestamp) -> Result<Start, Failure> {
        let mut state = State::begun(now);
        if resumes {
            let mut after: Option<String> = None;
            loop {
                let page = self.store.query(&key.partition, "node#", after.as_deref()).await;
                let page = page.map_err(store_failure)?;
                for record in &page.records {
                    let node: KeptNode = parse(record)?;
                    state.calls += 1;
                    state.put(&node.node, node.state);
                }
                after = page.next;
                if after.is_none() {
                    break;
                }
            }
        }
        Ok(Start::Begin(state, version))
    }

    #[expect(clippy::too_many_arguments, reason = "each is a thing of its own, and this is called once")]
    async fn run(
        &self,
        flow: &Flow,
        finding: &Finding,
        key: &Key,
        state: State,
        version: u64,
        now: Timestamp,
        tally: &mut Tally,
    ) -> Result<(), Failure> {
        let begun = tokio::time::Instant::now();
        let run = finding.fingerprint.as_str();
        let mine = signature(finding);
        let group = group_key(finding, flow.name());
        match self.compared(finding, &group, &mine, now).await? {
            Compared::With(diagnosis) => {
                tally.add(metric::DIAGNOSES_COMPARED, 1);
                self.conclude(key, version, flow, &diagnosis, now).await?;
                return self.forward(apply(finding, *diagnosis)).await;
            }
            Compared::Soon => {
                self.release(key, version, flow, now).await?;
                return self.again(finding).await;
            }
            Compared::Not(expect) => {
                let representative = Representative {
                    fingerprint: finding.fingerprint.clone(),
                    object: finding.subject.object().clone(),
                    signature: mine,
                    at: now,
                };
                let write = Write::Put(record(group, &representative, now), expect);
                match self.store.commit(vec![write]).await {
                    Ok(()) | Err(StoreError::Conflict { .. }) => {}
                    Err(error) => return Err(store_failure(error)),
                }
            }
        }
        let keeper = Keeper { store: &self.store, run: key, now };
        let tools = Tools { plugins: &self.plugins, breaker: &self.breaker, progress: &keeper };
        let examined = examine(flow, finding, run, state, now, &tools).await;
        tally.add(metric::PLUGIN_CALLS, u64::from(examined.calls));
        tally.add(metric::PLUGIN_FAILURES, u64::from(examined.failures));
        tally.add(metric::PLUGINS_SPARED, u64::from(examined.newly_spared));
        tally.add(metric::CAUSES_UNDECLARED, u64::from(examined.undeclared));
        let Some(diagnosis) = examined.diagnosis else {
            tracing::info!(run, rule = finding.rule, "the fault ended while it was diagnosed");
            return self.forward(Finding { flow: None, ..finding.clone() }).await;
        };
        let known = diagnosis.verdict == Verdict::Cause;
        tally.add(if known { metric::CAUSES_FOUND } else { metric::CAUSES_UNKNOWN }, 1);
        tracing::info!(
            run,
            flow = flow.name(),
            rule = finding.rule,
            cluster = finding.scope.cluster,
            object = %finding.subject.object(),
            cause = diagnosis.cause,
            confidence = diagnosis.confidence,
            calls = examined.calls,
            failures = examined.failures,
            elapsed_ms = u64::try_from(begun.elapsed().as_millis()).unwrap_or(u64::MAX),
            "diagnosed"
        );
        self.conclude(key, version, flow, &diagnosis, now).await?;
        self.forward(apply(finding, diagnosis)).await
    }

    /// Whether another object of the group was examined lately and looked the same.
    async fn compared(
        &self,
        finding: &Finding,
        group: &Key,
        mine: &str,
        now: Timestamp,
    ) -> Result<Compared, Failure> {
        let Some(record) = self.store.get(group).await.map_err(store_failure)? else {
            return Ok(Compared::Not(Expect::Absent));
        };
        let expect = Expect::Version(record.version);
        let other: Representative = parse(&record)?;
        let fresh = now.duration_since(other.at) < COMPARED_FOR;
        if other.fingerprint == finding.fingerprint || other.signature != mine || !fresh {
            return Ok(Compared::Not(expect));
        }
        let its =
            self.store.get(&run_key(&finding.scope, &other.fingerprint)).await.map_err(store_failure)?;
        let its: Run = its.as_ref().map(parse).transpose()?.unwrap_or_default();
        match its.diagnosis {
            Some(mut diagnosis) => {
                diagnosis.examined = Some(other.object);
                Ok(Compared::With(diagnosis))
            }
            None if !its.ended && its.leased_until.is_some_and(|until| now < until) => Ok(Compared::Soon),
            _ => Ok(Compared::Not(expect)),
        }
    }

    async fn conclude(
        &self,
        key: &Key,
        version: u64,
        flow: &Flow,
        diagnosis: &Diagnosis,
        now: Timestamp,
    ) -> Result<(), Failure> {
        let done = Run {
            begun: Some(now),
            flow_hash: flow.hash().to_owned(),
            diagnosis: Some(Box::new(diagnosis.clone())),
            ..Run::default()
        };
        self.put(record(key.clone(), &done, now), version).await
    }

    async fn release(&self, key: &Key, version: u64, flow: &Flow, now: Timestamp) -> Result<(), Failure> {
        let free = Run { begun: Some(now), flow_hash: flow.hash().to_owned(), ..Run::default() };
        self.put(record(key.clone(), &free, now), version).await
    }

    /// Writes what is ours; where somebody else wrote meanwhile (the fault ended), theirs counts. A conflict may be with
    /// nobody, or with this very write: what is there says so.
    async fn put(&self, record: Record, version: u64) -> Result<(), Failure> {
        for _ in 0..WRITES_MAX {
            let write = Write::Put(record.clone(), Expect::Version(version));
            match self.store.commit(vec![write]).await {
                Err(StoreError::Conflict { .. }) => {}
                other => return other.map_err(store_failure),
            }
            let there = self.store.get(&record.key).await.map_err(store_failure)?;
            if there.is_none_or(|there| there.version != version) {
                return Ok(());
            }
        }
        Err(contended(&record.key))
    }

    /// The fault is over: a run that goes on is to stop, and one that has not begun is not to.
    async fn ends(&self, finding: &Finding, now: Timestamp) -> Result<(), Failure> {
        let key = run_key(&finding.scope, &finding.fingerprint);
        self.note_end(&key, now).await?;
        self.forward(Finding { flow: None, ..finding.clone() }).await
    }

    /// Notes that a run is over, unless it was concluded: then the end follows its finding.
    async fn note_end(&self, key: &Key, now: Timestamp) -> Result<(), Failure> {
        for _ in 0..WRITES_MAX {
            let kept = self.store.get(key).await.map_err(store_failure)?;
            let run: Run = kept.as_ref().map(parse).transpose()?.unwrap_or_default();
            if run.diagnosis.is_some() || run.ended {
                return Ok(());
            }
            let expect = kept.as_ref().map_or(Expect::Absent, |record| Expect::Version(record.version));
            let over = Run { ended: true, ..run };
            match self.store.commit(vec![Write::Put(record(key.clone(), &over, now), expect)]).await {
                // It was concluded this very moment, or is being taken; or this very write was done.
                Err(StoreError::Conflict { .. }) => {}
                other => return other.map_err(store_failure),
            }
        }
        Err(contended(key))
    }

    async fn forward(&self, finding: Finding) -> Result<(), Failure> {
        self.send(QueueName::Findings, finding, Duration::ZERO).await
    }

    async fn again(&self, finding: &Finding) -> Result<(), Failure> {
        self.send(QueueName::Diagnoses, finding.clone(), AGAIN_AFTER).await
    }

    async fn send(&self, to: QueueName, finding: Finding, delay: Duration) -> Result<(), Failure> {
        let text = serde_json::to_string(&AlertMessage::Finding(Box::new(finding)));
        let message = Message::text(text.expect("plain data is always written as JSON")).delayed(delay);
        self.queue
            .send(to, vec![message])
            .await
            .map_err(|error| Failure::retryable("queue_unavailable", error.to_string()))
    }
}

impl<S: Store, Q: Queue, P: Plugins> Handler for Diagnose<S, Q, P> {
    async fn handle(&self, delivery: &Delivery, now: Timestamp, tally: &mut Tally) -> Result<(), Failure> {
        let malformed = |what: String| Failure::malformed("finding_malformed", what);
        let Body::Text(text) = &delivery.body else {
            return Err(malformed("expected a finding, found a pack of changes".to_owned()));
        };
        let message = serde_json::from_str(text);
        let expected = |error| malformed(format!("expected a finding or a question: {error}"));
        let finding = match message.map_err(expected)? {
            DiagnoseMessage::Finding(finding) => finding,
            DiagnoseMessage::Question(question) => return self.put_question(&question, now, tally).await,
        };
        let done = match finding.state {
            FindingState::Firing => self.fires(&finding, &delivery.id, now, tally).await,
            FindingState::Ended(_) => self.ends(&finding, now).await,
        };
        match done {
            Err(failure) if was_tried_enough(delivery, now) => {
                // Better an alert that does not say why than none.
                tracing::error!(%failure, fingerprint = %finding.fingerprint, "a finding goes on undiagnosed");
                let flow = finding.flow.clone().unwrap_or_default();
                let why = format!("it could not be diagnosed: {}", failure.reason);
                self.forward(apply(&finding, Diagnosis::unknown(&flow, "", why))).await
            }
            done => done,
        }
    }
}

fn was_tried_enough(delivery: &Delivery, now: Timestamp) -> bool {
    let for_long = delivery.sent_at.is_none_or(|sent_at| now.duration_since(sent_at) >= TRIED_FOR);
    delivery.attempt >= ATTEMPTS_MAX && for_long
}

enum Compared {
    With(Box<Diagnosis>),
    /// The other is being examined right now.
    Soon,
    Not(Expect),
}

/// Keeps each node's result, and looks whether the fault is over.
struct Keeper<'a, S> {
    store: &'a S,
    run: &'a Key,
    now: Timestamp,
}

impl<S: Store> Progress for Keeper<'_, S> {
    async fn done(&self, node: &str, state: NodeState) -> Option<NodeState> {
        // Side by side: what comes next waits for both.
        let (counts, over) = futures::join!(self.kept(node, state), self.is_over());
        (!over).then_some(counts)
    }
}

impl<S: Store> Keeper<'_, S> {
    /// Keeps a node's result, unless somebody else was first: then theirs counts.
    async fn kept(&self, node: &str, state: NodeState) -> NodeState {
        let key = node_key(self.run, node);
        let kept = KeptNode { node: node.to_owned(), state: state.clone() };
        for _ in 0..WRITES_MAX {
            let write = Write::Put(record(key.clone(), &kept, self.now), Expect::Absent);
            match self.store.commit(vec![write]).await {
                Ok(()) => break,
                Err(StoreError::Conflict { .. }) => match self.store.get(&key).await {
                    // A conflict with nobody: it is not kept yet.
                    Ok(None) => {}
                    Ok(Some(record)) => return parse::<KeptNode>(&record).map_or(state, |kept| kept.state),
                    Err(_) => break,
                },
                Err(error) => {
                    // The run goes on; only whoever takes it over would have to ask again.
                    tracing::warn!(%error, node, "a node's result could not be kept");
                    break;
                }
            }
        }
        state
    }

    async fn is_over(&self) -> bool {
        match self.store.get(self.run).await {
            Ok(Some(record)) => parse::<Run>(&record).is_ok_and(|run| run.ended),
            _ => false,
        }
    }
}

fn parse<T: serde::de::DeserializeOwned>(record: &Record) -> Result<T, Failure> {
    serde_json::from_str(&record.data).map_err(|error| {
        let Key { partition, sort } = &record.key;
        Failure::fatal("run_malformed", format!("the record {partition}/{sort} cannot be read: {error}"))
    })
}

fn contended(key: &Key) -> Failure {
    let Key { partition, sort } = key;
    Failure::retryable("run_contended", format!("{partition}/{sort} is written by many"))
}

#[expect(clippy::needless_pass_by_value, reason = "an error is handed over by whoever met it")]
fn store_failure(error: StoreError) -> Failure {
    Failure::retryable("store_unavailable", error.to_string())
}
