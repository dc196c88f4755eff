//! One run of a flow: asks what is ready, side by side, until nothing is left to ask.

use crate::breaker::Breaker;
use crate::plugins::{CallError, Plugins};
use futures::StreamExt;
use futures::stream::FuturesUnordered;
use jiff::{SignedDuration, Timestamp};
use prodrome_flows::{Flow, Node, NodeState, State};
use prodrome_model::{Diagnosis, Finding, PluginRequest, PluginResponse, RuleBrief, later};
use prodrome_redact::redact_string;
use std::collections::{BTreeMap, BTreeSet};
use std::future::Future;
use std::time::Duration;
use tokio::time::Instant;

/// Answers larger than this are cut down to what matters, or refused.
const ANSWER_TEXTS_MAX: usize = 64;

/// Hears of each node as it is done; says whether to go on.
pub trait Progress: Send + Sync {
    /// A node is asked.
    fn asked(&self, _node: &str) {}

    /// A node is done. What is returned is what counts: somebody else may have been first. `None` stops the run; what
    /// was asked meanwhile is not waited for.
    fn done(&self, node: &str, state: NodeState) -> impl Future<Output = Option<NodeState>> + Send;
}

/// What came of a run.
#[derive(Debug, Clone, PartialEq)]
pub struct Examination {
    /// What was concluded; absent where the run was stopped.
    pub diagnosis: Option<Diagnosis>,
    /// How many calls were made.
    pub calls: u32,
    /// How many of them gave no answer.
    pub failures: u32,
    /// How many plugins are spared from now on.
    pub newly_spared: u32,
    /// How many answers name a cause that their plugins do not declare.
    pub undeclared: u32,
}

/// Whom a run asks, and who watches it.
pub struct Tools<'t, P, G> {
    /// The plugins.
    pub plugins: &'t P,
    /// Who is spared.
    pub breaker: &'t Breaker,
    /// Who hears of each node.
    pub progress: &'t G,
}

/// Runs a flow about a finding from what is known already. All of its plugins judge by one present, `now`; the time that
/// the run takes counts for its deadline alone.
pub async fn examine(
    flow: &Flow,
    finding: &Finding,
    run: &str,
    mut state: State,
    now: Timestamp,
    tools: &Tools<'_, impl Plugins, impl Progress>,
) -> Examination {
    let Tools { plugins, breaker, progress } = tools;
    let started = Instant::now();
    let clock = || later(now, started.elapsed());
    let mut in_flight: BTreeSet<String> = BTreeSet::new();
    let mut calls = FuturesUnordered::new();
    // What follows from an answer is asked while the answer is being kept.
    let mut keeping = FuturesUnordered::new();
    let mut examination =
        Examination { diagnosis: None, calls: 0, failures: 0, newly_spared: 0, undeclared: 0 };
    loop {
        let plan = flow.plan(&state, clock());
        let next: Vec<&Node> = plan
            .calls
            .iter()
            .filter(|name| !in_flight.contains(*name))
            .filter_map(|name| flow.node(name))
            .collect();
        for node in next {
            let room = flow.calls_max().saturating_sub(state.calls);
            if room == 0 {
                break;
            }
            state.calls += 1;
            in_flight.insert(node.name().to_owned());
            progress.asked(node.name());
            let deadline = later(state.begun, Duration::try_from(flow.deadline()).unwrap_or_default());
            let request = request(flow, node, finding, run, &state, now, deadline);
            let patience = Patience { timeout: node.timeout(), retries: node.retries(), deadline };
            let asked = ask(node.plugin(), request, patience, clock, *plugins, breaker);
            calls.push(async move { (node, asked.await) });
        }
        tokio::select! {
            biased;
            Some((node, Outcome { result, attempts, spared })) = calls.next() => {
                in_flight.remove(node.name());
                examination.calls += attempts;
                examination.failures += u32::from(result.is_err());
                examination.newly_spared += u32::from(spared);
                state.calls += attempts.saturating_sub(1);
                let done = match result {
                    Ok(response) => {
                        let response = response.held_to(node.causes().map(|ids| ids.iter().map(String::as_str)));
                        if response.undeclared {
                            examination.undeclared += 1;
                            let (plugin, cause) = (node.plugin(), response.cause.as_deref());
                            tracing::warn!(plugin, cause, "a plugin names a cause that it does not declare");
                        }
                        NodeState::Answered { response: Box::new(bounded(response)) }
                    }
                    Err(error) => NodeState::Failed { reason: redact_string(error.to_string()) },
                };
                state.put(node.name(), done.clone());
                keeping.push(async move { (node, progress.done(node.name(), done).await) });
            }
            Some((node, kept)) = keeping.next() => match kept {
                Some(counts) => state.counts(node.name(), counts),
                None => return examination,
            },
            else => {
                // Nothing is on its way, so nothing is left to ask.
                examination.diagnosis =
                    plan.conclusion.or_else(|| flow.plan(&exhausted(&state), clock()).conclusion);
                if let Some(diagnosis) = &mut examination.diagnosis {
                    run.clone_into(&mut diagnosis.run);
                }
                return examination;
            }
        }
    }
}

/// A state in which no further call may be made.
fn exhausted(state: &State) -> State {
    State { calls: u32::MAX, ..state.clone() }
}

/// What came of asking a plugin.
pub(crate) struct Outcome {
    pub(crate) result: Result<PluginResponse, CallError>,
    pub(crate) attempts: u32,
    pub(crate) spared: bool,
}

/// How long an answer is waited for.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Patience {
    /// Of one call.
    pub(crate) timeout: SignedDuration,
    /// How often it is called again.
    pub(crate) retries: u32,
    /// When an answer is of no use any more.
    pub(crate) deadline: Timestamp,
}

/// A plugin, tried again where that may help and there is time.
pub(crate) async fn ask(
    plugin: &str,
    request: PluginRequest,
    patience: Patience,
    clock: impl Fn() -> Timestamp,
    plugins: &impl Plugins,
    breaker: &Breaker,
) -> Outcome {
    let Patience { timeout, retries, deadline } = patience;
    let mut attempts = 0;
    let mut spared = false;
    loop {
        if let Err(failures) = breaker.admit(plugin, clock()) {
            return Outcome { result: Err(CallError::Spared { failures }), attempts, spared };
        }
        attempts += 1;
        let left = Duration::try_from(deadline.duration_since(clock())).unwrap_or_default();
        let timeout = Duration::try_from(timeout).unwrap_or_default().min(left);
        let mut this_time = request.clone();
        this_time.deadline = later(clock(), timeout);
        let asked = tokio::time::timeout(timeout, plugins.call(plugin, this_time, timeout)).await;
        let result = asked.unwrap_or(Err(CallError::Late { seconds: timeout.as_secs() })).and_then(sensible);
        match result {
            Ok(response) => {
                breaker.well(plugin);
                return Outcome { result: Ok(response), attempts, spared };
            }
            Err(error) => {
                tracing::warn!(plugin, node = request.node, %error, attempt = attempts, "a plugin gave no answer");
                spared |= breaker.ill(plugin, clock());
                let again = attempts <= retries && error.is_retryable() && clock() < deadline;
                if !again {
                    return Outcome { result: Err(error), attempts, spared };
                }
            }
        }
    }
}

/// An answer that contradicts itself is none.
fn sensible(response: PluginResponse) -> Result<PluginResponse, CallError> {
    let nonsense = |reason: &str| Err(CallError::Nonsense { reason: reason.to_owned() });
    let names_a_cause = response.cause.as_deref().is_some_and(|cause| !cause.trim().is_empty());
    match response.verdict {
        prodrome_model::Verdict::Cause if !names_a_cause => {
            nonsense("the verdict is cause, but none is named")
        }
        _ if !(0.0..=1.0).contains(&response.confidence) => nonsense("its confidence is not from 0 to 1"),
        _ => Ok(response),
    }
}

/// An answer with no more lists' items than anybody reads, and without secrets, whoever wrote the plugin.
fn bounded(mut response: PluginResponse) -> PluginResponse {
    response.evidence.truncate(ANSWER_TEXTS_MAX);
    response.remediation.truncate(ANSWER_TEXTS_MAX);
    response.ruled_out.truncate(ANSWER_TEXTS_MAX);
    response.not_looked_at.truncate(ANSWER_TEXTS_MAX);
    response.redacted()
}

fn request(
    flow: &Flow,
    node: &Node,
    finding: &Finding,
    run: &str,
    state: &State,
    now: Timestamp,
    deadline: Timestamp,
) -> PluginRequest {
    let results: BTreeMap<String, PluginResponse> = flow
        .waits_for(node)
        .filter_map(|name| Some((name.to_owned(), state.response(name)?.clone())))
        .collect();
    PluginRequest {
        version: 1,
        run: run.to_owned(),
        node: node.name().to_owned(),
        cluster: finding.scope.clone(),
        object: finding.subject.object().clone(),
        uid: finding.subject.uid().to_owned(),
        workload: finding.group.owner.clone(),
        rule: RuleBrief {
            name: finding.rule.clone(),
            severity: finding.severity,
            owner: finding.owner,
            since: finding.since,
            summary: finding.summary.clone(),
            evidence: finding.evidence.clone(),
        },
        params: node.params().clone(),
        results,
        now,
        deadline,
    }
}
