//! From what the nodes came to, the best-supported cause.

use crate::flow::{Flow, Node};
use crate::plan::{Skipped, Standing};
use crate::state::{NodeState, State};
use prodrome_model::{Diagnosis, Evidence, NodeOutcome, PluginResponse, RuledOut, Unseen, Verdict};

/// Bounds of what is kept: plugins may be anybody's.
const EVIDENCE_MAX: usize = 12;
const REMEDIATION_MAX: usize = 8;
const FACTS_MAX: usize = 8;
/// Facts of one node that names no cause.
const CONTRIBUTED_MAX: usize = 3;
const RULED_OUT_MAX: usize = 64;
const UNSEEN_MAX: usize = 12;
const TEXT_MAX: usize = 500;

/// A node that names a cause.
struct Candidate<'a> {
    node: &'a Node,
    response: &'a PluginResponse,
    cause: &'a str,
}

pub(crate) fn conclude(flow: &Flow, state: &State, standings: &[Standing]) -> Diagnosis {
    let mut diagnosis = Diagnosis { flow: flow.name.clone(), ..Diagnosis::default() };
    let mut candidates: Vec<Candidate<'_>> = Vec::new();
    for (node, standing) in flow.nodes.iter().zip(standings) {
        let outcome = outcome(node, *standing, state.nodes.get(&node.name));
        note_unseen(&mut diagnosis, node, *standing, state.nodes.get(&node.name));
        if let Some(response) = state.response(&node.name)
            && let (Verdict::Cause, Some(cause)) = (response.verdict, response.cause.as_deref())
        {
            candidates.push(Candidate { node, response, cause });
        }
        diagnosis.nodes.push(outcome);
    }
    // What one node saw to be out of the question is so, unless another is surer of it than the first could be:
    // then both stand, and the surer one speaks.
    candidates.retain(|candidate| {
        !flow.nodes.iter().any(|node| {
            node.name != candidate.node.name
                && state.response(&node.name).is_some_and(|response| {
                    response.ruled_out.iter().any(|cause| cause == candidate.cause)
                        && sure(response) >= sure(candidate.response)
                })
        })
    });
    candidates.sort_by(|a, b| {
        let key = |c: &Candidate<'_>| (sure(c.response), c.node.depth);
        let (a_sure, a_depth) = key(a);
        let (b_sure, b_depth) = key(b);
        b_sure.total_cmp(&a_sure).then(b_depth.cmp(&a_depth))
    });
    match candidates.first() {
        Some(best) if sure(best.response) >= flow.threshold => name(&mut diagnosis, best, &candidates),
        _ => admit(&mut diagnosis, &candidates, flow, state),
    }
    rule_out(&mut diagnosis, &candidates, flow, state);
    contribute(&mut diagnosis, flow, state);
    diagnosis
}

/// A confidence is a number between 0 and 1, whatever was answered.
fn sure(response: &PluginResponse) -> f64 {
    if response.confidence.is_nan() { 0.0 } else { response.confidence.clamp(0.0, 1.0) }
}

fn name(diagnosis: &mut Diagnosis, best: &Candidate<'_>, candidates: &[Candidate<'_>]) {
    diagnosis.verdict = Verdict::Cause;
    diagnosis.cause = Some(cut(best.cause));
    diagnosis.confidence = sure(best.response);
    diagnosis.summary = cut(&best.response.summary);
    let same: Vec<&Candidate<'_>> = candidates.iter().filter(|c| c.cause == best.cause).collect();
    diagnosis.owner = best.response.owner;
    // Of those that name the same cause, the deepest that knows more says more.
    diagnosis.faulty = same.iter().find_map(|c| c.response.faulty.clone());
    diagnosis.shared = same.iter().find_map(|c| c.response.shared.as_deref().map(cut));
    for candidate in &same {
        for evidence in &candidate.response.evidence {
            push(&mut diagnosis.evidence, bounded(evidence), EVIDENCE_MAX);
        }
        for step in &candidate.response.remediation {
            push(&mut diagnosis.remediation, cut(step), REMEDIATION_MAX);
        }
    }
    for other in candidates.iter().filter(|c| c.cause != best.cause) {
        let text = format!("{}: {}", other.cause, other.response.summary);
        push(&mut diagnosis.facts, Evidence::new(&other.node.plugin, cut(&text)), FACTS_MAX);
    }
}

/// What nodes saw that name no cause (what changed before, where it clusters, what the registry answers) goes with it.
fn contribute(diagnosis: &mut Diagnosis, flow: &Flow, state: &State) {
    for node in &flow.nodes {
        let Some(response) = state.response(&node.name) else { continue };
        if response.verdict == Verdict::Cause {
            continue;
        }
        for evidence in response.evidence.iter().take(CONTRIBUTED_MAX) {
            push(&mut diagnosis.facts, bounded(evidence), FACTS_MAX);
        }
    }
}

/// Nothing is known well enough: what was thought of is told as what it is.
fn admit(diagnosis: &mut Diagnosis, candidates: &[Candidate<'_>], flow: &Flow, state: &State) {
    diagnosis.verdict = Verdict::Unknown;
    diagnosis.confidence = candidates.first().map_or(0.0, |best| sure(best.response));
    // One that gave no answer, or could not look, has looked at nothing.
    let looked = |node: &&Node| state.response(&node.name).is_some_and(|response| !response.is_blind());
    let answered = flow.nodes.iter().filter(looked);
    let looked: Vec<&str> = answered.map(|node| node.plugin.as_str()).collect();
    diagnosis.summary = if looked.is_empty() {
        "the cause is not known: nothing could be looked at".to_owned()
    } else {
        cut(&format!("the cause is not known; looked at by {}", looked.join(", ")))
    };
    for candidate in candidates {
        let text = format!("perhaps {}: {}", candidate.cause, candidate.response.summary);
        push(&mut diagnosis.facts, Evidence::new(&candidate.node.plugin, cut(&text)), FACTS_MAX);
    }
}

fn outcome(node: &Node, standing: Standing, state: Option<&NodeState>) -> NodeOutcome {
    let mut outcome =
        NodeOutcome { node: node.name.clone(), plugin: node.plugin.clone(), ..NodeOutcome::default() };
    match (state, standing) {
        (Some(NodeState::Answered { response }), _) => {
            outcome.verdict = Some(response.verdict);
            outcome.cause = response.cause.as_deref().map(cut);
            outcome.confidence = sure(response);
            if response.verdict != Verdict::Cause {
                outcome.note = cut(&response.summary);
            } else if response.undeclared {
                "it does not declare that it names this cause".clone_into(&mut outcome.note);
            }
        }
        (Some(NodeState::Failed { reason }), _) => {
            outcome.verdict = Some(Verdict::Unknown);
            outcome.note = cut(reason);
        }
        (None, Standing::Skipped(Skipped::When)) => {
            "not asked: its condition does not hold".clone_into(&mut outcome.note);
        }
        (None, Standing::Skipped(Skipped::Time)) => TIME.clone_into(&mut outcome.note),
        (None, Standing::Skipped(Skipped::Calls) | Standing::Ready) => CALLS.clone_into(&mut outcome.note),
        (None, Standing::Waits | Standing::Done) => "not reached".clone_into(&mut outcome.note),
    }
    outcome
}

const TIME: &str = "the run's time was over";
const CALLS: &str = "the run had made all of its calls";

fn note_unseen(diagnosis: &mut Diagnosis, node: &Node, standing: Standing, state: Option<&NodeState>) {
    let all = |reason: &str| Unseen::all_of(&node.plugin, reason);
    let mut add = |Unseen { what, reason }: Unseen| {
        push(&mut diagnosis.not_looked_at, Unseen { what: cut(&what), reason: cut(&reason) }, UNSEEN_MAX);
    };
    match (state, standing) {
        (Some(NodeState::Answered { response }), _) => {
            response.not_looked_at.iter().cloned().for_each(add);
        }
        (Some(NodeState::Failed { reason }), _) => add(all(reason)),
        (None, Standing::Skipped(Skipped::Time)) => add(all(TIME)),
        (None, Standing::Skipped(Skipped::Calls) | Standing::Ready) => add(all(CALLS)),
        _ => {}
    }
}

/// The causes that are out of the question, of each node the most common before the rarer ones of any: what is told of
/// them may be cut. What another node names is not among them.
fn rule_out(diagnosis: &mut Diagnosis, candidates: &[Candidate<'_>], flow: &Flow, state: &State) {
    let responses: Vec<&PluginResponse> =
        flow.nodes.iter().filter_map(|node| state.response(&node.name)).collect();
    let most = responses.iter().map(|response| response.ruled_out.len()).max().unwrap_or(0);
    for nth in 0..most {
        for response in &responses {
            let Some(cause) = response.ruled_out.get(nth) else { continue };
            let is_known = diagnosis.ruled_out.iter().any(|ruled| ruled.cause == *cause);
            if is_known || candidates.iter().any(|candidate| candidate.cause == cause) {
                continue;
            }
            let ruled = RuledOut { cause: cut(cause), reason: cut(&response.summary) };
            push(&mut diagnosis.ruled_out, ruled, RULED_OUT_MAX);
        }
    }
}

fn push<T: PartialEq>(list: &mut Vec<T>, item: T, max: usize) {
    if list.len() < max && !list.contains(&item) {
        list.push(item);
    }
}

fn bounded(evidence: &Evidence) -> Evidence {
    Evidence { text: cut(&evidence.text), source: cut(&evidence.source), object: evidence.object.clone() }
}

fn cut(text: &str) -> String {
    prodrome_model::shown::cut(text, TEXT_MAX)
}
