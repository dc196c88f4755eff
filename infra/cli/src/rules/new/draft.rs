//! The files of a draft: the rule, its test, and the example as an object of `testdata`.

use super::symptom::{Symptom, put};
use super::vocabulary::kebab;
use crate::render::plain;
use anyhow::{Result, bail};
use jiff::{SignedDuration, Timestamp};
use prodrome_model::Resource;
use prodrome_rules::{SourceFile, parse_duration, print_duration};
use serde_json::{Map, Value, json};
use std::fmt::Write as _;

/// How long a rule's name may be.
const NAME_MAX: usize = 63;
/// How many other symptoms are told in a comment.
const OTHERS_MAX: usize = 5;

/// What is to be written.
pub(super) struct Draft {
    pub(super) name: String,
    /// The name of the files, without what tells them apart.
    pub(super) file: String,
    pub(super) rule: String,
    pub(super) test: String,
    /// The object, with every time relative to when the fault began.
    pub(super) object: String,
}

impl Draft {
    pub(super) fn new(
        resource: &Resource,
        object: &Map<String, Value>,
        healthy: Option<&Map<String, Value>>,
        symptom: &Symptom,
        others: &[Symptom],
        name: Option<&str>,
    ) -> Result<Self> {
        let is_given = name.is_some();
        let name = match name {
            Some(name) => name.to_owned(),
            None => format!("{}{}", resource.kind, symptom.name).chars().take(NAME_MAX).collect(),
        };
        let is_name = name.starts_with(|c: char| c.is_ascii_uppercase())
            && name.chars().all(|c| c.is_ascii_alphanumeric())
            && name.len() <= NAME_MAX;
        if !is_name && is_given {
            bail!(
                "--name: expected CamelCase of letters and digits, such as DatabaseNotReady, found {name:?}"
            );
        } else if !is_name {
            bail!(
                "kind: expected CamelCase of letters and digits, such as Database, found {:?}; is it one? then give the rule a \
                 name with --name",
                resource.kind
            );
        }
        let mut rule = comment(resource, object, symptom, others);
        rule.push_str(&rule_text(&name, resource, symptom));
        // The canonical form; what it refuses is told by whoever checks the draft.
        if let Ok(text) = prodrome_rules::format(&SourceFile::new("draft", rule.clone())) {
            rule = text;
        }
        let mut turned = symptom.turned.clone();
        if let Some(healthy) = healthy {
            for part in ["spec", "status"] {
                put(&mut turned, &[part], healthy.get(part).cloned().unwrap_or_default());
            }
        }
        let begin = Begin::of(object, symptom);
        let (bad, well) = (begin.kept(object, symptom), begin.kept(&turned, symptom));
        let file = kebab(&name);
        // As it looks some time later, if nobody mends it.
        let aged = begin.later(duration(symptom) * 4).kept(object, symptom);
        let another = symptom.another.as_ref().map(|another| begin.kept(another, symptom));
        let looks = Looks {
            well: diff(&bad, &well),
            aged: symptom.since.as_ref().map(|_| diff(&bad, &aged)),
            another: another.map(|another| diff(&bad, &another)),
        };
        let test = test(&name, &file, symptom, &looks);
        Ok(Self { file, rule, test, object: format!("{bad:#}\n"), name })
    }
}

/// Why the rule looks as it does, and what is left to decide.
fn comment(
    resource: &Resource,
    object: &Map<String, Value>,
    symptom: &Symptom,
    others: &[Symptom],
) -> String {
    let metadata = |key: &str| {
        object.get("metadata").and_then(|m| m.get(key)).and_then(Value::as_str).unwrap_or_default()
    };
    let what = plain(&format!("{} {}", resource.kind, metadata("name")), 200);
    let mut lines = vec![format!("Drafted from {what}: {}.", plain(&symptom.words, 200))];
    if !others.is_empty() {
        let words: Vec<String> =
            others.iter().take(OTHERS_MAX).map(|other| plain(&other.words, 200)).collect();
        lines.push(format!("Also seen, and not asked for: {}.", words.join("; ")));
    }
    lines.push(
        "To be decided: how long such an object takes to get well by itself (duration), how bad it is"
            .to_owned(),
    );
    lines.push("(severity), who has to act (owner), and what they do (runbook).".to_owned());
    lines.iter().fold(String::new(), |mut text, line| {
        // Writing to a String cannot fail.
        _ = writeln!(text, "# {line}");
        text
    })
}

/// The rule by itself.
pub(super) fn rule_text(name: &str, resource: &Resource, symptom: &Symptom) -> String {
    let kind = match &*resource.group {
        "" => resource.kind.clone(),
        group => format!("{group}/{}", resource.kind),
    };
    // Kubernetes' own kinds are clear without their group.
    let own = prodrome_recording::builtin_of_kind(&resource.group_kind()).is_some()
        && !resource.group.contains('.');
    let owner = if resource.namespaced { "user" } else { "platform" };
    let namespace = if resource.namespaced { " -n NAMESPACE" } else { "" };
    let plural = &resource.plural;
    let kubectl = if resource.group.is_empty() || own {
        plural.clone()
    } else {
        format!("{plural}.{}", resource.group)
    };
    let mut rule = json!({
        "resource": if own { resource.kind.clone() } else { kind },
        "checkField": symptom.check,
        "duration": symptom.duration,
        "severity": "P3",
        "owner": owner,
        "summary": symptom.summary,
        "runbook": format!("1. Its state and its events: kubectl describe {kubectl}{namespace} NAME\n2. The log of its controller, and what it depends on.\n"),
    });
    if !symptom.filter.is_empty() {
        rule["filterField"] = json!(symptom.filter);
    }
    if let Some(gap) = symptom.gap_tolerance {
        rule["gapTolerance"] = json!(gap);
    }
    if let Some(since) = &symptom.since {
        rule["since"] = since.clone();
    }
    // JSON is YAML, and the printer of the language makes it look as rules do.
    format!("{name}: {rule}\n")
}

fn duration(symptom: &Symptom) -> SignedDuration {
    parse_duration(symptom.duration).unwrap_or_default()
}

/// What else the example may look like, as patches of it.
struct Looks {
    well: Value,
    /// When it has had the fault for long.
    aged: Option<Value>,
    another: Option<Value>,
}

/// Cases for each thing that the rule says: the fault and its end, one that is over in time, objects that are well and
/// that are being deleted; and where it has them, the other form of the fault, where it began and what may break it.
fn test(name: &str, file: &str, symptom: &Symptom, looks: &Looks) -> String {
    let duration = duration(symptom);
    let bad = format!("{file}.json");
    let with = |patch: &Value| format!("{{ use: {bad}, with: {patch} }}");
    let well = with(&looks.well);
    let [fires, early, late] = [duration, duration / 2, duration * 4].map(print_duration);
    let mut cases = Cases { name, text: String::new() };
    cases.add(
        "it has the fault until somebody mends it",
        &[("0s", &bad), (&late, &well)],
        &format!("expect: [{{ at: {fires}, fires: {name} }}, {{ at: {late}, resolves: {name} }}]"),
    );
    let fires_at = |at: &str| format!("expect: [{{ at: {at}, fires: {name} }}]");
    if let Some(another) = &looks.another {
        cases.add("it has the fault in its other form", &[("0s", &with(another))], &fires_at(&fires));
    }
    if let Some(aged) = &looks.aged {
        cases.add(
            "it has had the fault for long when it is first seen",
            &[("0s", &with(aged))],
            &fires_at("0s"),
        );
    }
    if let Some(gap) = symptom.gap_tolerance.and_then(parse_duration) {
        let again = print_duration(duration / 2 + gap / 2);
        let steps = [("0s", &*bad), (&early, &well), (&again, &bad)];
        cases.add("it is well for a moment in between", &steps, &fires_at(&fires));
    }
    cases.quiet("it gets well in time by itself", &[("0s", &bad), (&early, &well)], &late);
    cases.quiet("it is well", &[("0s", &well)], &late);
    if !symptom.filter.is_empty() {
        let leaving = with(&json!({ "metadata": { "deletionTimestamp": "@0s" } }));
        cases.quiet("it is on its way out", &[("0s", &leaving)], &late);
    }
    cases.text
}

/// Cases as they are written.
struct Cases<'c> {
    name: &'c str,
    text: String,
}

impl Cases<'_> {
    fn quiet(&mut self, what: &str, steps: &[(&str, &str)], until: &str) {
        let expected = format!("until: {until}\n  quiet: [{}]", self.name);
        self.add(what, steps, &expected);
    }

    fn add(&mut self, what: &str, steps: &[(&str, &str)], expected: &str) {
        let gap = if self.text.is_empty() { "" } else { "\n" };
        // Writing to a String cannot fail.
        _ = writeln!(self.text, "{gap}- name: {what}\n  steps:");
        for (at, object) in steps {
            _ = writeln!(self.text, "    - {{ at: {at}, apply: {object} }}");
        }
        _ = writeln!(self.text, "  {expected}");
    }
}

/// When the fault of an example began: the times of its test are relative to that.
struct Begin(Option<Timestamp>);

impl Begin {
    fn of(object: &Map<String, Value>, symptom: &Symptom) -> Self {
        if let Some(began) = symptom.began.as_deref().and_then(|text| text.parse().ok()) {
            return Self(Some(began));
        }
        // The last that is known of it.
        let mut last = None;
        for part in ["metadata", "status"] {
            if let Some(value) = object.get(part) {
                stamps(value, &mut |stamp| last = last.max(Some(stamp)));
            }
        }
        Self(last)
    }

    /// Seen so much later.
    fn later(&self, after: SignedDuration) -> Self {
        Self(self.0.map(|begin| begin + after))
    }

    /// Of an object what the rule and its reader need: its head, what is asked of its spec, and its status.
    fn kept(&self, object: &Map<String, Value>, symptom: &Symptom) -> Value {
        let mut kept = Map::new();
        for path in [
            &["apiVersion"][..],
            &["kind"],
            &["metadata", "name"],
            &["metadata", "namespace"],
            &["metadata", "generation"],
            &["metadata", "creationTimestamp"],
            &["metadata", "deletionTimestamp"],
            &["metadata", "finalizers"],
            &["status"],
        ] {
            copy(object, path, &mut kept);
        }
        for condition in &symptom.check {
            for key in ["field", "lessThanField"] {
                let path: Vec<&str> =
                    condition[key].as_array().into_iter().flatten().filter_map(Value::as_str).collect();
                // A secret may stand anywhere in a spec: only what is asked for is taken.
                if path.first() == Some(&"spec") {
                    copy(object, &path, &mut kept);
                }
            }
        }
        let mut kept = Value::Object(kept);
        self.relate(&mut kept);
        kept
    }

    fn relate(&self, value: &mut Value) {
        match value {
            Value::Object(entries) => entries.values_mut().for_each(|value| self.relate(value)),
            Value::Array(items) => items.iter_mut().for_each(|item| self.relate(item)),
            Value::String(text) => {
                if let (Some(begin), Some(stamp)) = (self.0, timestamp(text)) {
                    let from = SignedDuration::from_secs(stamp.duration_since(begin).as_secs());
                    let sign = if from.is_negative() { "-" } else { "" };
                    let relative = format!("{sign}{}", print_duration(from.abs()));
                    if parse_duration(relative.trim_start_matches('-')).is_some() {
                        *text = format!("@{relative}");
                    }
                } else if is_moment(text) {
                    // A text that the test would take for a time.
                    text.insert(0, ' ');
                }
            }
            _ => {}
        }
    }
}

/// Whether a test would read this text as a time.
fn is_moment(text: &str) -> bool {
    text.strip_prefix('@')
        .is_some_and(|rest| rest.trim_start_matches('-').starts_with(|c: char| c.is_ascii_digit()))
}

fn stamps(value: &Value, visit: &mut dyn FnMut(Timestamp)) {
    match value {
        Value::Object(entries) => entries.values().for_each(|value| stamps(value, visit)),
        Value::Array(items) => items.iter().for_each(|item| stamps(item, visit)),
        Value::String(text) => {
            if let Some(stamp) = timestamp(text) {
                visit(stamp);
            }
        }
        _ => {}
    }
}

fn timestamp(text: &str) -> Option<Timestamp> {
    (text.len() >= 20 && text.as_bytes().get(10) == Some(&b'T')).then(|| text.parse().ok())?
}

fn copy(from: &Map<String, Value>, path: &[&str], to: &mut Map<String, Value>) {
    let Some((first, rest)) = path.split_first() else { return };
    let found = rest.iter().try_fold(from.get(*first), |value, key| Some(value?.get(key)));
    if let Some(Some(value)) = found {
        put(to, path, value.clone());
    }
}

/// The merge patch (RFC 7396) that makes the one of the other.
fn diff(from: &Value, to: &Value) -> Value {
    let (Value::Object(from), Value::Object(to)) = (from, to) else { return to.clone() };
    let mut patch = Map::new();
    for key in from.keys().filter(|key| !to.contains_key(*key)) {
        patch.insert(key.clone(), Value::Null);
    }
    for (key, value) in to {
        match from.get(key) {
            Some(old) if old == value => {}
            Some(old) => drop(patch.insert(key.clone(), diff(old, value))),
            None => drop(patch.insert(key.clone(), value.clone())),
        }
    }
    Value::Object(patch)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_patch_is_what_differs() {
        let from = json!({ "a": { "b": 1, "c": [1] }, "d": 1, "e": { "f": 1 } });
        let to = json!({ "a": { "b": 1, "c": [2] }, "e": 3, "g": { "h": 1 } });
        assert_eq!(diff(&from, &to), json!({ "a": { "c": [2] }, "d": null, "e": 3, "g": { "h": 1 } }));
    }
}
