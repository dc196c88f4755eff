//! Whether the root-cause flows and the plugins that rules name are there: the language knows their names alone.

use prodrome_flows::{Flow, FlowSet};
use prodrome_rules::source::{Tree, TreeValue, read};
use prodrome_rules::{Code, Diagnostic, Level, LineIndex, SourceFile};

/// Where a rule names what it needs, and the path of that.
type Find = fn(&Tree) -> Option<(&Tree, &'static str)>;

/// A warning for each name of a flow that is not there: such a finding is told without its cause.
pub(super) fn of_flows(files: &[SourceFile], flows: &FlowSet) -> Vec<Diagnostic> {
    let known: Vec<&str> = flows.iter().map(Flow::name).collect();
    let find: Find = |rule| Some((rule.get("flow")?, "flow"));
    let help = |name: &str| prodrome_rules::suggest(name, &known);
    doubts(files, &known, find, Code::BadChoice, "a root-cause flow that there is", help)
}

/// A warning for each name of a plugin that is not known: such a periodic rule asks nobody, and says nothing.
pub(super) fn of_plugins(files: &[SourceFile], known: &[&str]) -> Vec<Diagnostic> {
    let find: Find = |rule| {
        let plugin = rule.get("plugin")?;
        Some(plugin.get("name").map_or((plugin, "plugin"), |named| (named, "plugin.name")))
    };
    let help = |name: &str| {
        format!("{}; one of your own is made known by --plugins {name}", prodrome_rules::suggest(name, known))
    };
    doubts(files, known, find, Code::UnknownPlugin, "a plugin that there is", help)
}

fn doubts(
    files: &[SourceFile],
    known: &[&str],
    find: Find,
    code: Code,
    expected: &str,
    help: impl Fn(&str) -> String,
) -> Vec<Diagnostic> {
    let mut doubts = Vec::new();
    for file in files {
        let lines = LineIndex::new(&file.text);
        for tree in read(&file.text).into_iter().filter_map(|document| document.tree.ok()) {
            let TreeValue::Map(entries) = &tree.value else { continue };
            for (rule_name, rule) in entries {
                let Some((named, path)) = find(rule) else { continue };
                let TreeValue::Scalar(name, _) = &named.value else { continue };
                if known.contains(&&**name) {
                    continue;
                }
                doubts.push(Diagnostic {
                    code,
                    level: Level::Warning,
                    file: file.name.clone(),
                    place: lines.place(named.span),
                    rule: Some(rule_name.text.clone()),
                    path: path.to_owned(),
                    expected: expected.to_owned(),
                    found: named.describe(),
                    help: Some(help(name)),
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
        let told: Vec<String> = of_flows(&[SourceFile::new("r.yaml", text)], &flows.flows)
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

    #[test]
    fn a_plugin_that_is_not_known_is_doubted_where_it_is_named() {
        let text = "A: { resource: Service, period: 5m, plugin: load-balancr }\n\
                    B: { resource: Service, period: 5m, plugin: { name: our-own } }\n\
                    C: { resource: Service, period: 5m, plugin: load-balancer }\n";
        let files = [SourceFile::new("r.yaml", text)];
        let told = |known: &[&str]| -> Vec<String> {
            of_plugins(&files, known).iter().map(ToString::to_string).collect()
        };
        let all = told(&["load-balancer", "dns"]);
        assert_eq!(all.len(), 2, "{all:?}");
        assert!(all[0].starts_with(
            "r.yaml:1:45 A.plugin: warning: expected a plugin that there is, found `load-balancr`; did you mean `load-balancer`?"
        ), "{}", all[0]);
        assert!(all[1].starts_with("r.yaml:2:53 B.plugin.name: warning: "), "{}", all[1]);
        assert_eq!(told(&["load-balancer", "our-own"]).len(), 1);
    }
}
