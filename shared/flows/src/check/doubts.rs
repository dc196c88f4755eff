//! What a flow says that cannot come about, though it may be run.

use super::{Checker, entry};
use crate::flow::Flow;
use crate::state::State;
use jiff::Timestamp;
use prodrome_rules::source::{Key, Tree};
use prodrome_rules::{Code, Level};

impl Checker<'_> {
    pub(super) fn doubts(&mut self, flow: &Flow, entries: &[(Key, Tree)], nodes: &[(Key, Tree)]) {
        self.calls(flow, entries);
        for node in &flow.nodes {
            let Some((_, tree)) = entry(nodes, &node.name) else { continue };
            let prodrome_rules::source::TreeValue::Map(keys) = &tree.value else { continue };
            let Some((_, timeout)) = entry(keys, "timeout") else { continue };
            if node.timeout > flow.deadline {
                let deadline = flow.deadline.as_secs_f64();
                self.report(
                    Level::Warning,
                    Code::NoEffect,
                    timeout.span,
                    &format!("nodes.{}.timeout", node.name),
                    &format!("no longer than the flow's deadline of {deadline} s"),
                    &timeout.describe(),
                    Some("shorten it, or raise `deadline`: a call ends with its run".to_owned()),
                );
            }
        }
    }

    /// Fewer calls than a run makes that finds nothing leave some of its nodes unasked, whatever is answered.
    fn calls(&mut self, flow: &Flow, entries: &[(Key, Tree)]) {
        let Some((_, calls)) = entry(entries, "calls") else { return };
        let asked = asked_where_nothing_is_found(flow);
        let left_out = asked.saturating_sub(usize::try_from(flow.calls_max).unwrap_or(usize::MAX));
        if left_out > 0 {
            let nodes =
                if left_out == 1 { "one of them is".to_owned() } else { format!("{left_out} of them are") };
            self.report(
                Level::Warning,
                Code::Conflict,
                calls.span,
                "calls",
                &format!("at least {asked}: so many nodes are asked where none finds a cause"),
                &calls.describe(),
                Some(format!("write {asked} or more, or leave `calls` out; {nodes} never asked then")),
            );
        }
    }
}

fn asked_where_nothing_is_found(flow: &Flow) -> usize {
    let flow = Flow { calls_max: u32::MAX, ..flow.clone() };
    let now = Timestamp::UNIX_EPOCH;
    let mut state = State::begun(now);
    loop {
        let calls = flow.plan(&state, now).calls;
        if calls.is_empty() {
            return state.nodes.len();
        }
        for node in calls {
            state.failed(&node, "nothing is known");
        }
    }
}
