//! What nodes say of one another: whom each waits for, and under which condition it is asked.

use super::{Checker, DEADLINE, Draft, shown};
use crate::expression::{Expression, Mistake, MistakeKind, Scope, Seen};
use crate::flow::{Flow, Node};
use prodrome_rules::source::Span;
use prodrome_rules::{Code, suggest};
use std::collections::BTreeMap;

/// Cycles of one flow that are told at once.
const CYCLES_MAX: usize = 16;

impl Checker<'_> {
    /// Resolves `after`, finds cycles, checks `when`.
    pub(super) fn link(&mut self, drafts: &[Draft<'_>]) -> Option<Vec<Node>> {
        let names: Vec<String> = drafts.iter().map(|draft| draft.node.name.clone()).collect();
        let known: Vec<&str> = names.iter().map(String::as_str).collect();
        let mut nodes: Vec<Node> = Vec::new();
        for draft in drafts {
            let mut node = draft.node.clone();
            for (name, span) in &draft.after {
                if let Some(index) = known.iter().position(|known| known == name) {
                    node.after.push(index);
                } else {
                    let at = format!("nodes.{}.after", node.name);
                    let found = format!("`{}`", shown(name));
                    let help = Some(suggest(name, &known));
                    self.error(Code::UnknownNode, *span, &at, "a node of this flow", &found, help);
                }
            }
            nodes.push(node);
        }
        let cycles = cycles(&nodes);
        for cycle in &cycles {
            self.cycle(drafts, cycle);
        }
        if !cycles.is_empty() {
            return None;
        }
        for index in 0..nodes.len() {
            nodes[index].depth = depth(&nodes, index);
        }
        let flow = Flow {
            name: String::new(),
            summary: String::new(),
            deadline: DEADLINE,
            calls_max: 0,
            threshold: 0.0,
            nodes: nodes.clone(),
            hash: String::new(),
        };
        for (index, draft) in drafts.iter().enumerate() {
            let Some((text, span, plain)) = draft.when else { continue };
            let ancestors = flow.ancestors(index);
            let seen = |draft: &'_ Draft<'_>| Seen {
                facts: draft.typed.then(|| draft.node.facts.clone()),
                causes: draft.node.causes.clone(),
                is_known: self.catalogue.get(&draft.node.plugin).is_some(),
            };
            let visible: BTreeMap<&str, Seen> =
                ancestors.iter().map(|i| (known[*i], seen(&drafts[*i]))).collect();
            let others = (0..nodes.len()).filter(|i| !ancestors.contains(i)).map(|i| known[i]).collect();
            let scope = Scope { nodes: visible, others, causes: self.catalogue.causes() };
            let (expression, mistakes) = Expression::new(text, &scope);
            nodes[index].when = expression;
            for mistake in mistakes {
                self.expression(&draft.node.name, text, span, plain, mistake);
            }
        }
        Some(nodes)
    }

    fn cycle(&mut self, drafts: &[Draft<'_>], cycle: &[usize]) {
        let way: Vec<&str> = cycle.iter().chain(cycle.first()).map(|i| &*drafts[*i].node.name).collect();
        let first = &drafts[cycle[0]];
        let at = format!("nodes.{}.after", first.node.name);
        let named = first.after.iter().find(|(name, _)| *name == way[1]);
        let span = named.map_or(first.key.span, |(_, span)| *span);
        let found = if cycle.len() == 1 {
            format!("`{}` waiting for itself", way[0])
        } else {
            format!("a cycle: {}", way.join(" waits for "))
        };
        let help = Some("take one of these out of `after`".to_owned());
        self.error(Code::Cycle, span, &at, "nodes that can run one after another", &found, help);
    }

    fn expression(&mut self, node: &str, text: &str, span: Span, plain: bool, mistake: Mistake) {
        // Where the text stands in the file as it is, the place within it is known too.
        let offset = usize::from(!plain);
        let verbatim = self.file.text.get(span.start + offset..).is_some_and(|rest| rest.starts_with(text));
        let span = match mistake.at.filter(|_| verbatim) {
            Some(at) => Span { start: span.start + offset + at.start, end: span.start + offset + at.end },
            None => span,
        };
        let code = match mistake.kind {
            MistakeKind::Expression => Code::BadExpression,
            MistakeKind::Node => Code::UnknownNode,
            MistakeKind::Fact => Code::UnknownFact,
            MistakeKind::Word => Code::UnknownWord,
        };
        let at = format!("nodes.{node}.when");
        self.report(mistake.level, code, span, &at, &mistake.expected, &mistake.found, mistake.help);
    }
}

/// Cycles, each node waiting for the next and the last for the first: without these there is none, as far as they are
/// not too many to be told.
fn cycles(nodes: &[Node]) -> Vec<Vec<usize>> {
    // 0: not seen, 1: on the way, 2: done.
    fn visit(nodes: &[Node], at: usize, seen: &mut [u8], way: &mut Vec<usize>, cycles: &mut Vec<Vec<usize>>) {
        seen[at] = 1;
        way.push(at);
        for next in &nodes[at].after {
            match seen[*next] {
                0 => visit(nodes, *next, seen, way, cycles),
                1 if cycles.len() < CYCLES_MAX => {
                    cycles.push(way[way.iter().position(|on| on == next).unwrap_or(0)..].to_vec());
                }
                _ => {}
            }
        }
        way.pop();
        seen[at] = 2;
    }
    let (mut seen, mut cycles) = (vec![0; nodes.len()], Vec::new());
    for at in 0..nodes.len() {
        if seen[at] == 0 {
            visit(nodes, at, &mut seen, &mut Vec::new(), &mut cycles);
        }
    }
    cycles
}

/// The longest way to a node; there are no cycles.
fn depth(nodes: &[Node], index: usize) -> usize {
    fn visit(nodes: &[Node], index: usize, depths: &mut [Option<usize>]) -> usize {
        if let Some(known) = depths[index] {
            return known;
        }
        let depth = nodes[index].after.iter().map(|next| visit(nodes, *next, depths) + 1).max().unwrap_or(0);
        depths[index] = Some(depth);
        depth
    }
    visit(nodes, index, &mut vec![None; nodes.len()])
}
