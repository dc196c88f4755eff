//! What a flow says that cannot come about, though it may be run.

use super::{Checker, child, entry, shown};
use crate::flow::Flow;
use crate::state::State;
use jiff::Timestamp;
use prodrome_rules::source::{Key, Span, Tree};
use prodrome_rules::{Code, Level, nearest};

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

    /// Tells of a word that is nearly a cause's id. Other words are causes of somebody's own.
    pub(super) fn nearly_a_cause(&mut self, id: &str, span: Span, at: &str, expected: &str) {
        let known: Vec<&str> = self.catalogue.causes().iter().map(String::as_str).collect();
        if known.is_empty() || known.contains(&id) {
            return;
        }
        if let Some(near) = nearest(id, &known) {
            let (found, help) = (format!("`{}`", shown(id)), Some(format!("did you mean `{near}`?")));
            self.error(Code::BadChoice, span, at, expected, &found, help);
        }
    }

    /// What a node says of a plugin that declares it itself is not heard.
    pub(super) fn not_heard(&mut self, entries: &[(Key, Tree)], path: &str, plugin: &str) {
        let knows = [
            ("results", self.catalogue.get(plugin).is_some()),
            ("causes", self.catalogue.named_by(plugin).is_some()),
        ];
        for (key, _) in knows.into_iter().filter(|(_, knows)| *knows) {
            let Some((_, tree)) = entry(entries, key) else { continue };
            let help = Some(format!("leave `{key}` out, or name a plugin of your own"));
            let expected = format!("none: the plugin {plugin} declares its {key} itself");
            let at = child(path, key);
            let found = tree.describe();
            self.report(Level::Warning, Code::NoEffect, tree.span, &at, &expected, &found, help);
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
