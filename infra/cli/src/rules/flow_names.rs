//! Whether the root-cause flows that rules name are there: the language knows their names alone.

use prodrome_flows::{Flow, FlowSet};
use prodrome_rules::source::{TreeValue, read};
use prodrome_rules::{Code, Diagnostic, Level, LineIndex, SourceFile};

/// A warning for each name of a flow that is not there: such a finding is told without its cause.
pub(super) fn doubts(files: &[SourceFile], flows: &FlowSet) -> Vec<Diagnostic> {
    let known: Vec<&str> = flows.iter().map(Flow::name).collect();
    let mut doubts = Vec::new();
    for file in files {
        let lines = LineIndex::new(&file.text);
        for tree in read(&file.text).into_iter().filter_map(|document| document.tree.ok()) {
            let TreeValue::Map(entries) = &tree.value else { continue };
            for (name, rule) in entries {
                let Some(named) = rule.get("flow") else { continue };
                let TreeValue::Scalar(flow, _) = &named.value else { continue };
                if known.contains(&&**flow) {
                    continue;
                }
                doubts.push(Diagnostic {
                    code: Code::BadChoice,
                    level: Level::Warning,
                    file: file.name.clone(),
                    place: lines.place(named.span),
                    rule: Some(name.text.clone()),
                    path: "flow".to_owned(),
                    expected: "a root-cause flow that there is".to_owned(),
                    found: named.describe(),
                    help: Some(prodrome_rules::suggest(flow, &known)),
                });
            }
        }
    }
    doubts
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_flow_that_is_not_there_is_doubted_where_it_is_named() {
        let flow = SourceFile::new("crash-loop.yaml", "summary: why\nnodes: { a: { plugin: crash-loop } }\n");
        let flows = prodrome_flows::load(&[flow], &prodrome_local::catalogue());
        let text = "A:\n  resource: Pod\n  flow: crash-lop\nB:\n  flow: crash-loop\nC:\n  flow: [a]\n";
        let told: Vec<String> = doubts(&[SourceFile::new("r.yaml", text)], &flows.flows)
            .iter()
            .map(ToString::to_string)
            .collect();
        assert_eq!(
            told,
            [
                "r.yaml:3:9 A.flow: warning: expected a root-cause flow that there is, found `crash-lop`; did you mean `crash-loop`?"
            ]
        );
    }
}
