//! What is shipped fits together: rules, flows, plugins, template.
#![expect(clippy::unwrap_used, reason = "a test that cannot go on has failed")]

use prodrome_flows::{FlowSet, SourceFile};
use std::collections::BTreeSet;
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
    let shipped: BTreeSet<&str> = rules.rules.rules().iter().map(|rule| rule.name()).collect();
    assert_eq!(named, shipped);
}

#[test]
fn every_plugin_is_asked_by_some_flow_and_has_its_function() {
    let template = std::fs::read_to_string(root().join("template.yaml")).unwrap();
    let flows = flows();
    for plugin in prodrome_local::plugins().iter() {
        let name = plugin.name();
        let asked = flows.iter().any(|flow| flow.nodes().iter().any(|node| node.plugin() == name));
        assert!(asked, "no flow asks {name}");
        for line in [
            format!("plugin-{name}\n"),
            format!("CodeUri: target/lambda/plugin-{name}\n"),
            format!("PRODROME_FUNCTION: plugin-{name}\n"),
        ] {
            assert!(template.contains(&line), "template.yaml lacks {line}");
        }
        assert!(!plugin.describe().is_empty() && !plugin.rights().is_empty(), "{name} declares nothing");
    }
}
