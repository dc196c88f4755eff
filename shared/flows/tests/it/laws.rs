//! Laws that hold for any flow, whatever the plugins answer.

use jiff::{SignedDuration, Timestamp};
use prodrome_flows::{Catalogue, Flow, SourceFile, State, load};
use prodrome_model::{PluginResponse, Verdict};
use proptest::prelude::*;
use std::collections::BTreeSet;

/// What a plugin may do when it is asked.
#[derive(Debug, Clone)]
enum Answer {
    Cause(u8, f64),
    RulesOut(u8, f64),
    Cleared,
    Unknown,
    Fails,
}

fn answer() -> impl Strategy<Value = Answer> {
    prop_oneof![
        (0..4_u8, -0.5..1.5_f64).prop_map(|(cause, sure)| Answer::Cause(cause, sure)),
        (0..4_u8, 0.0..1.0_f64).prop_map(|(cause, sure)| Answer::RulesOut(cause, sure)),
        Just(Answer::Cleared),
        Just(Answer::Unknown),
        Just(Answer::Fails),
        Just(Answer::Cause(1, f64::NAN)),
    ]
}

/// A graph: each node waits for some of those before it, and may have a condition on one of them. The nodes are
/// written in any order.
fn graph() -> impl Strategy<Value = (Flow, Vec<Answer>)> {
    let nodes = prop::collection::vec((any::<u16>(), any::<bool>(), answer()), 1..10);
    (nodes, any::<u64>()).prop_map(|(nodes, order)| {
        let mut lines: Vec<String> = Vec::new();
        for (index, (mask, condition, _)) in nodes.iter().enumerate() {
            let after: Vec<usize> = (0..index).filter(|i| mask & (1 << i) != 0).collect();
            let when = after.first().filter(|_| *condition).map_or(String::new(), |first| {
                format!(", when: 'n{first}.verdict != \"cause\" || n{first}.confidence < 0.7'")
            });
            let after: Vec<String> = after.iter().map(|i| format!("n{i}")).collect();
            lines.push(format!("  n{index}: {{ plugin: p{index}, after: [{}]{when} }}\n", after.join(", ")));
        }
        let count = lines.len();
        for i in (1..count).rev() {
            lines.swap(i, usize::try_from(order >> i).unwrap_or(0) % (i + 1));
        }
        let file = SourceFile::new("any.yaml", format!("nodes:\n{}", lines.concat()));
        let loaded = load(&[file], &Catalogue::any());
        assert_eq!(loaded.diagnostics, []);
        let flow = loaded.flows.get("any").expect("it has no mistake").clone();
        (flow, nodes.into_iter().map(|(_, _, answer)| answer).collect())
    })
}

fn respond(state: &mut State, node: &str, answer: &Answer) {
    match answer {
        Answer::Cause(cause, sure) => {
            state.done(node, PluginResponse::cause(&format!("cause-{cause}"), *sure, node.to_owned()));
        }
        Answer::RulesOut(cause, sure) => {
            let response = PluginResponse { confidence: *sure, ..PluginResponse::cleared("seen") };
            state.done(node, response.ruling_out(&format!("cause-{cause}")));
        }
        Answer::Cleared => state.done(node, PluginResponse::cleared("not it")),
        Answer::Unknown => state.done(node, PluginResponse::unknown("who knows")),
        Answer::Fails => state.failed(node, "it hangs"),
    }
}

fn index(node: &str) -> usize {
    node.get(1..).and_then(|digits| digits.parse().ok()).expect("nodes are called n0, n1, …")
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(300))]

    #[test]
    fn any_flow_ends_whatever_is_answered_and_nothing_runs_early_or_twice((flow, answers) in graph(), pick in any::<u64>()) {
        let now = Timestamp::UNIX_EPOCH;
        let mut state = State::begun(now);
        let mut called: BTreeSet<String> = BTreeSet::new();
        let mut rounds = 0;
        let conclusion = loop {
            let plan = flow.plan(&state, now);
            prop_assert_eq!(&plan, &flow.plan(&state, now));
            if let Some(conclusion) = plan.conclusion {
                prop_assert!(plan.calls.is_empty());
                break conclusion;
            }
            rounds += 1;
            prop_assert!(rounds <= flow.nodes().len(), "it does not end");
            // Only one of those that are ready answers this time: the order of answers is free.
            let chosen = usize::try_from(pick >> (rounds % 60)).unwrap_or(0) % plan.calls.len();
            for node in &plan.calls {
                let waits: Vec<&str> = flow.waits_for(flow.node(node).unwrap()).collect();
                let skipped = |name: &str| !called.contains(name) && flow.node(name).unwrap().when().is_some()
                    || !called.contains(name) && !plan.calls.iter().any(|call| call == name);
                prop_assert!(waits.iter().all(|name| called.contains(*name) || skipped(name)));
                prop_assert!(!called.contains(node), "{} is called twice", node);
            }
            let node = plan.calls[chosen].clone();
            respond(&mut state, &node, &answers[index(&node)]);
            state.calls += 1;
            called.insert(node);
        };
        prop_assert!((0.0..=1.0).contains(&conclusion.confidence));
        prop_assert_eq!(conclusion.nodes.len(), flow.nodes().len());
        // What is concluded is what a node that was called said.
        if let Some(cause) = &conclusion.cause {
            let said = called.iter().any(|node| state.response(node).is_some_and(|r| r.cause.as_ref() == Some(cause)));
            prop_assert!(said && conclusion.verdict == Verdict::Cause && conclusion.confidence >= flow.threshold());
        }
    }

    #[test]
    fn a_failed_node_never_hides_the_cause_of_another((flow, mut answers) in graph(), victim in 0..10_usize) {
        let now = Timestamp::UNIX_EPOCH;
        let run = |answers: &[Answer]| {
            let mut state = State::begun(now);
            loop {
                let plan = flow.plan(&state, now);
                if let Some(conclusion) = plan.conclusion { return (conclusion, state); }
                for node in &plan.calls { respond(&mut state, node, &answers[index(node)]); state.calls += 1; }
            }
        };
        let victim = victim % answers.len();
        answers.iter_mut().for_each(|a| if matches!(a, Answer::RulesOut(..)) { *a = Answer::Cleared; });
        answers[victim] = Answer::Fails;
        let (conclusion, state) = run(&answers);
        let best = state.nodes.keys().filter_map(|n| state.response(n))
            .filter(|r| r.verdict == Verdict::Cause).map(|r| r.confidence.clamp(0.0, 1.0)).filter(|c| !c.is_nan())
            .fold(0.0_f64, f64::max);
        prop_assert_eq!(conclusion.cause.is_some(), best >= flow.threshold());
    }

    #[test]
    fn when_time_is_over_a_run_concludes_at_once((flow, answers) in graph()) {
        let begun = Timestamp::UNIX_EPOCH;
        let mut state = State::begun(begun);
        let first = flow.plan(&state, begun).calls;
        for node in &first { respond(&mut state, node, &answers[index(node)]); }
        let late = begun + flow.deadline() + SignedDuration::from_millis(1);
        prop_assert!(flow.plan(&state, late).conclusion.is_some());
    }
}
