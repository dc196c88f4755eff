//! Whether the root-cause flows and the plugins that rules name are there: the language knows their names alone.

use prodrome_flows::{Catalogue, Flow, FlowSet, params};
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

/// What rules give their plugins and those do not take: such a rule is answered by nobody.
pub(super) fn of_params(files: &[SourceFile], catalogue: &Catalogue) -> Vec<Diagnostic> {
    let mut found = Vec::new();
    each_rule(files, |file, lines, rule, tree| {
        let Some(plugin) = tree.get("plugin") else { return };
        let TreeValue::Scalar(name, _) = &plugin.get("name").unwrap_or(plugin).value else { return };
        let Some(schema) = catalogue.params(name) else { return };
        let given = plugin.get("params");
        let misfits = params::misfits(name, schema, given, plugin.span, "plugin.params");
        found.extend(misfits.into_iter().map(|misfit| Diagnostic {
            code: misfit.code,
            level: misfit.level,
            file: file.to_owned(),
            place: lines.place(misfit.span),
            rule: Some(rule.to_owned()),
            path: misfit.path,
            expected: misfit.expected,
            found: misfit.found,
            help: misfit.help,
        }));
    });
    found
}

/// Visits each rule of files as it is written, with its file, that one's lines, and its name.
fn each_rule(files: &[SourceFile], mut visit: impl FnMut(&str, &LineIndex<'_>, &str, &Tree)) {
    for file in files {
        let lines = LineIndex::new(&file.text);
        for tree in read(&file.text).into_iter().filter_map(|document| document.tree.ok()) {
            let TreeValue::Map(entries) = &tree.value else { continue };
            for (name, rule) in entries {
                visit(&file.name, &lines, &name.text, rule);
            }
        }
    }
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
    each_rule(files, |file, lines, rule_name, rule| {
        let Some((named, path)) = find(rule) else { return };
        let TreeValue::Scalar(name, _) = &named.value else { return };
        if known.contains(&&**name) {
            return;
        }
        doubts.push(Diagnostic {
            code,
            level: Level::Warning,
            file: file.to_owned(),
            place: lines.place(named.span),
            rule: Some(rule_name.to_owned()),
            path: path.to_owned(),
            expected: expected.to_owned(),
            found: named.describe(),
            help: Some(help(name)),
        });
    });
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

    #[test]
    fn what_a_shipped_plugin_does_not_take_is_a_mistake() {
        let text = "A: { resource: Ingress, period: 5m, plugin: { name: endpoint-probe, params: { certificateDay: 7 } } }\n\
                    B: { resource: Ingress, period: 5m, plugin: { name: endpoint-probe, params: { httpPort: 70000 } } }\n\
                    C: { resource: Ingress, period: 5m, plugin: { name: endpoint-probe, params: { httpPort: 80 } } }\n\
                    D: { resource: Ingress, period: 5m, plugin: endpoint-probe }\n\
                    E: { resource: Ingress, period: 5m, plugin: { name: our-own, params: { x: 1 } } }\n";
        let found = of_params(&[SourceFile::new("r.yaml", text)], &prodrome_local::catalogue());
        let found: Vec<String> = found.iter().map(ToString::to_string).collect();
        assert_eq!(found.len(), 2, "{found:#?}");
        assert!(
            found[0].starts_with(
                "r.yaml:1:79 A.plugin.params.certificateDay: expected what the plugin endpoint-probe takes"
            ),
            "{}",
            found[0]
        );
        assert!(found[0].ends_with("did you mean `certificateDays`?"), "{}", found[0]);
        assert!(
            found[1].contains("B.plugin.params.httpPort: expected a number from 0 to 65535, found `70000`"),
            "{}",
            found[1]
        );
    }
}
