use jiff::{SignedDuration, Timestamp};
use prodrome_rules::json::{self, Node};
use prodrome_rules::{Rule, RuleSet, SourceFile, load};

/// Seconds after the tests' beginning of time, 2026-01-01T00:00:00Z.
pub(crate) fn at(seconds: i64) -> Timestamp {
    "2026-01-01T00:00:00Z".parse::<Timestamp>().unwrap() + SignedDuration::from_secs(seconds)
}

/// The rules of a text that has to be sound.
pub(crate) fn load_one(text: &str) -> RuleSet {
    let loaded = load(&[SourceFile::new("test.yaml", text)]);
    let diagnostics: Vec<String> = loaded.diagnostics.iter().map(ToString::to_string).collect();
    assert!(diagnostics.is_empty(), "{diagnostics:#?}\n{text}");
    loaded.rules
}

/// A rule about Pods from the YAML of its keys.
pub(crate) fn rule(keys: &str) -> Rule {
    let indented = keys.trim_matches('\n').replace('\n', "\n  ");
    load_one(&format!("TestRule:\n  resource: Pod\n  {indented}")).rules()[0].clone()
}

/// A rule about Pods with one condition in its `checkField`.
pub(crate) fn check(condition: &str) -> Rule {
    rule(&format!("checkField: [{{ {condition} }}]"))
}

pub(crate) fn object(text: &str) -> Node<'static> {
    json::parse(text.as_bytes()).unwrap_or_else(|error| panic!("{error}: {text}")).into_owned()
}
