//! What is shipped fits together: rules, flows, plugins, template.
#![expect(clippy::unwrap_used, reason = "a test that cannot go on has failed")]

use prodrome_causes::Cause;
use prodrome_flows::{FlowSet, SourceFile};
use std::collections::{BTreeMap, BTreeSet};
use std::path::{Path, PathBuf};

fn root() -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("../..")
}

fn read(folder: &str) -> Vec<SourceFile> {
    let entries = std::fs::read_dir(root().join(folder)).unwrap();
    let mut paths: Vec<PathBuf> =
        entries.map(|entry| entry.unwrap().path()).filter(|path| path.is_file()).collect();
    paths.retain(|path| SourceFile::is_rule_file(&path.file_name().unwrap().to_string_lossy()));
    paths.sort();
    paths
        .iter()
        .map(|path| SourceFile::new(path.display().to_string(), std::fs::read_to_string(path).unwrap()))
        .collect()
}

fn flows() -> FlowSet {
    let loaded = prodrome_flows::load(&read("rules/flows"), &prodrome_local::catalogue());
    assert_eq!(loaded.diagnostics, []);
    loaded.flows
}

#[test]
fn every_flow_is_sound_and_every_rule_names_one_that_there_is() {
    let flows = flows();
    let rules = prodrome_rules::load(&read("rules"));
    for rule in rules.rules.rules() {
        if let Some(flow) = rule.flow() {
            assert!(flows.get(flow).is_some(), "{} names the flow {flow}", rule.name());
        }
    }
}

#[test]
fn every_rule_stands_in_the_list_of_faults_and_the_list_names_no_other() {
    let list = std::fs::read_to_string(root().join("rules/PATTERNS.md")).unwrap();
    let named: BTreeSet<&str> = list
        .split('`')
        .skip(1)
        .step_by(2)
        .filter(|name| name.starts_with(|c: char| c.is_ascii_uppercase()))
        .collect();
    let rules = prodrome_rules::load(&read("rules"));
    let shipped: BTreeSet<&str> = rules.rules.rules().iter().map(prodrome_rules::Rule::name).collect();
    assert_eq!(named, shipped);
}

#[test]
fn every_plugin_is_asked_by_some_flow_or_rule_and_has_its_function() {
    let template = std::fs::read_to_string(root().join("template.yaml")).unwrap();
    let flows = flows();
    let rules = prodrome_rules::load(&read("rules")).rules;
    let periodic = || rules.rules().iter().filter_map(prodrome_rules::Rule::periodic);
    for plugin in prodrome_local::plugins().iter() {
        let name = plugin.name();
        let asked = flows.iter().any(|flow| flow.nodes().iter().any(|node| node.plugin() == name));
        assert!(asked || periodic().any(|asks| asks.plugin() == name), "no flow and no rule asks {name}");
        for line in [
            format!("plugin-{name}\n"),
            format!("CodeUri: target/lambda/plugin-{name}\n"),
            format!("PRODROME_FUNCTION: plugin-{name}\n"),
        ] {
            assert!(template.contains(&line), "template.yaml lacks {line}");
        }
        for params in periodic().filter(|asks| asks.plugin() == name).map(prodrome_rules::Periodic::params) {
            let known = plugin.params().get("properties").and_then(|keys| keys.as_object()).unwrap();
            assert!(params.keys().all(|key| known.contains_key(key)), "{name} does not take {params:?}");
        }
        assert!(!plugin.describe().is_empty() && !plugin.rights().is_empty(), "{name} declares nothing");
    }
}

#[test]
fn every_plugin_declares_the_causes_that_its_source_names() {
    let call =
        regex::Regex::new(r#"\b(?:cause|of_registry)\(\s*(?:"([a-z-]+)"|Cause::(\w+)\.id\(\))"#).unwrap();
    let mut named = 0;
    for plugin in prodrome_local::plugins().iter() {
        let name = plugin.name();
        let declared = plugin.causes().unwrap_or_else(|| panic!("{name} does not say which causes it names"));
        let folder = root().join("functions/plugins").join(name).join("src");
        for entry in std::fs::read_dir(folder).unwrap() {
            let path = entry.unwrap().path();
            let text = std::fs::read_to_string(&path).unwrap();
            let source = text.split("#[cfg(test)]").next().unwrap();
            for found in call.captures_iter(source) {
                let cause = match (found.get(1), found.get(2)) {
                    (Some(id), _) => id.as_str().parse().unwrap(),
                    (_, Some(variant)) => of_variant(variant.as_str()),
                    _ => continue,
                };
                named += 1;
                assert!(declared.contains(&cause), "{name} names {cause} in {}", path.display());
            }
        }
    }
    assert!(named > 60, "only {named} places name a cause: are they written in another way now?");
}

/// `ImageNotFound` is `image-not-found`.
fn of_variant(variant: &str) -> Cause {
    let found = Cause::ALL.iter().find(|cause| format!("{cause:?}") == variant);
    *found.unwrap()
}

/// What may be done with a resource: group and plural → verbs.
type Rights = BTreeMap<(String, String), BTreeSet<String>>;

/// The account by which the functions read the cluster.
fn reader(file: &str) -> Vec<serde_json::Value> {
    let path = root().join("infra/reader/deploy").join(file);
    serde_saphyr::from_multiple(&std::fs::read_to_string(path).unwrap()).unwrap()
}

fn rights(documents: &[serde_json::Value]) -> Rights {
    let texts = |value: &serde_json::Value| -> Vec<String> {
        value.as_array().unwrap().iter().map(|text| text.as_str().unwrap().to_owned()).collect()
    };
    let mut rights = Rights::new();
    for rule in documents.iter().filter_map(|document| document["rules"].as_array()).flatten() {
        for group in texts(&rule["apiGroups"]) {
            for resource in texts(&rule["resources"]) {
                rights.entry((group.clone(), resource)).or_default().extend(texts(&rule["verbs"]));
            }
        }
    }
    rights
}

#[test]
fn the_functions_may_read_what_the_watcher_forwards_and_the_plugins_ask_for_and_nothing_else() {
    let path = root().join("infra/watcher/deploy/base/cluster-role.yaml");
    let watcher = serde_saphyr::from_multiple(&std::fs::read_to_string(path).unwrap()).unwrap();
    let set = |verbs: &[&str]| verbs.iter().map(|verb| (*verb).to_owned()).collect::<BTreeSet<_>>();
    // The watcher's role is held to the kinds that the rules name, and those of their references.
    let mut want: Rights = rights(&watcher).into_keys().map(|key| (key, set(&["get", "list"]))).collect();
    for plugin in prodrome_local::plugins().iter() {
        for reads in plugin.rights() {
            // Any kind there is: of it, what the rules name. Secrets are an overlay's.
            if reads.resource == "*" || reads.resource == "secrets" {
                continue;
            }
            let verbs = reads.verbs.iter().map(ToString::to_string);
            want.entry((reads.group.to_string(), reads.resource.to_string())).or_default().extend(verbs);
        }
    }
    assert_eq!(rights(&reader("base/cluster-role.yaml")), want);
    assert!(!want.keys().any(|(_, resource)| resource == "secrets" || resource == "*"));
    let secrets = rights(&reader("overlays/secrets/cluster-role.yaml"));
    assert_eq!(secrets, Rights::from([((String::new(), "secrets".to_owned()), set(&["get", "list"]))]));
}

#[test]
fn the_account_that_the_functions_read_with_is_bound_by_its_group_and_its_name() {
    for file in ["base/cluster-role.yaml", "overlays/secrets/cluster-role.yaml"] {
        let documents = reader(file);
        let [role, binding] = documents.as_slice() else { panic!("{file}: a role and its binding") };
        assert_eq!(binding["roleRef"]["name"], role["metadata"]["name"]);
        let names: Vec<_> = binding["subjects"].as_array().unwrap().iter().map(|who| &who["name"]).collect();
        assert_eq!(names, ["prodrome-readers", "prodrome-reader"]);
    }
    let account = reader("base/service-account.yaml");
    assert_eq!(account[0]["metadata"]["name"], "prodrome-reader");
    let annotations = &account[1]["metadata"]["annotations"];
    assert_eq!(annotations["kubernetes.io/service-account.name"], "prodrome-reader");
    // The template and the README say the same group.
    for file in ["template.yaml", "README.md"] {
        let text = std::fs::read_to_string(root().join(file)).unwrap();
        assert!(text.contains("prodrome-readers") && text.contains("infra/reader/deploy"), "{file}");
    }
}
