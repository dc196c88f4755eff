//! Whether the plugins that periodic rules name are there: the language knows their names alone.

use prodrome_rules::source::{TreeValue, read};
use prodrome_rules::{Code, Diagnostic, Level, LineIndex, SourceFile};

/// A warning for each name of a plugin that is not known: such a rule asks nobody, and says nothing.
pub(super) fn doubts(files: &[SourceFile], known: &[&str]) -> Vec<Diagnostic> {
    let mut doubts = Vec::new();
    for file in files {
        let lines = LineIndex::new(&file.text);
        for tree in read(&file.text).into_iter().filter_map(|document| document.tree.ok()) {
            let TreeValue::Map(entries) = &tree.value else { continue };
            for (name, rule) in entries {
                let Some(plugin) = rule.get("plugin") else { continue };
                let (named, path) = match plugin.get("name") {
                    Some(named) => (named, "plugin.name"),
                    None => (plugin, "plugin"),
                };
                let TreeValue::Scalar(text, _) = &named.value else { continue };
                if known.contains(&&**text) {
                    continue;
                }
                doubts.push(Diagnostic {
                    code: Code::UnknownPlugin,
                    level: Level::Warning,
                    file: file.name.clone(),
                    place: lines.place(named.span),
                    rule: Some(name.text.clone()),
                    path: path.to_owned(),
                    expected: "a plugin that there is".to_owned(),
                    found: named.describe(),
                    help: Some(format!(
                        "{}; one of your own is made known by --plugins {text}",
                        prodrome_rules::suggest(text, known)
                    )),
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
    fn a_plugin_that_is_not_known_is_doubted_where_it_is_named() {
        let text = "A: { resource: Service, period: 5m, plugin: load-balancr }\n\
                    B: { resource: Service, period: 5m, plugin: { name: our-own } }\n\
                    C: { resource: Service, period: 5m, plugin: load-balancer }\n";
        let files = [SourceFile::new("r.yaml", text)];
        let told = |known: &[&str]| -> Vec<String> {
            doubts(&files, known).iter().map(ToString::to_string).collect()
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
