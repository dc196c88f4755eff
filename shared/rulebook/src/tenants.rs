//! Rules that stand beside an app as Kubernetes objects (`DiagnosisRule`): what one of them is as a rule, or why it is
//! none.
//!
//! Whoever may write one may be anybody, so it is about its own namespace of its own cluster and nothing else: it sees and
//! refers to objects of that namespace, calls no plugin of its own, wakes nobody (P1), names no labels that routes go by, and is
//! small. How many a namespace has is bounded too. In the rules of a system its name and its file are its cluster's, so that
//! namespaces and objects may be called the same in several.

use prodrome_model::{GroupKind, Owner, Scope, Severity, stable_hash};
use prodrome_rules::{Diagnostic, KindPattern, Reference, Rule, SourceFile, review};
use serde::Deserialize;
use serde_json::{Map, Value, json};
use std::collections::{BTreeMap, BTreeSet};

/// The API group of the objects.
pub const GROUP: &str = "prodrome.dev";
/// Their kind.
pub const KIND: &str = "DiagnosisRule";
/// What the names of the files of namespaces begin with, those of all clusters. What follows is the cluster's, a dot, and
/// the namespace; once it was the namespace alone, whatever the cluster.
pub(crate) const FILE_PREFIX: &str = "ns.";
/// How much of a cluster's name its files show.
const CLUSTER_SHOWN_MAX: usize = 15;
/// Hexadecimal digits that make files their cluster's alone.
const CLUSTER_DIGITS: usize = 12;
/// Hexadecimal digits that make the names of rules their cluster's, and each the only one there.
const NAME_DIGITS: (usize, usize) = (4, 8);

/// So many rules of a namespace hold: the oldest.
pub const RULES_MAX: usize = 20;
/// So many namespaces may have rules.
const NAMESPACES_MAX: usize = 500;
/// How large a rule may be, as JSON.
const SPEC_BYTES_MAX: usize = 8 * 1024;
/// Regular expressions in a rule.
const REGEXES_MAX: usize = 8;
/// The label that says whose rule it is.
const LABEL: &str = "ruleOf";
/// Mistakes that are told at once.
const MISTAKES_MAX: usize = 5;
/// How long what is told may be, in characters.
const REASON_MAX: usize = 1000;

/// The kind of the objects.
pub fn kind() -> GroupKind {
    GroupKind::new(GROUP, KIND)
}

/// An object, judged.
#[derive(Debug, Clone, PartialEq)]
pub struct TenantRule {
    /// Its namespace.
    pub namespace: String,
    /// Its name.
    pub name: String,
    /// Which state of it was judged.
    pub generation: i64,
    /// The rule that it is, or why it is none.
    pub outcome: Result<Rule, String>,
    /// What is doubtful of one that compiles.
    pub doubts: Vec<String>,
    /// What its status says now.
    pub status: Value,
}

#[derive(Deserialize)]
struct Object {
    metadata: Metadata,
    #[serde(default)]
    spec: Value,
    #[serde(default)]
    status: Value,
}

#[derive(Deserialize)]
#[serde(rename_all = "camelCase")]
struct Metadata {
    name: String,
    #[serde(default)]
    namespace: String,
    #[serde(default)]
    generation: i64,
    #[serde(default)]
    creation_timestamp: String,
    deletion_timestamp: Option<String>,
}

/// Judges all objects of a cluster, as JSON, in the order of their namespaces and ages. One that is no object at all,
/// or is being deleted, is none of them.
pub fn judge<'o>(scope: &Scope, objects: impl Iterator<Item = &'o [u8]>) -> Vec<TenantRule> {
    let mut objects: Vec<Object> =
        objects.filter_map(|bytes| serde_json::from_slice(bytes).ok()).filter(is_there).collect();
    let key = |o: &Object| {
        (o.metadata.namespace.clone(), o.metadata.creation_timestamp.clone(), o.metadata.name.clone())
    };
    objects.sort_by_cached_key(key);
    let mut ranks: BTreeMap<String, usize> = BTreeMap::new();
    let judged = objects.into_iter().map(|object| {
        let Metadata { name, namespace, generation, .. } = object.metadata;
        let namespaces = ranks.len();
        let rank = ranks.entry(namespace.clone()).or_insert(0);
        *rank += 1;
        let compiled = if *rank == 1 && namespaces >= NAMESPACES_MAX {
            Err(format!("{NAMESPACES_MAX} namespaces have rules, and no more may"))
        } else if *rank > RULES_MAX {
            Err(format!("the namespace has {RULES_MAX} older rules, and no more hold"))
        } else {
            compile(scope, &namespace, &name, &object.spec)
        };
        let (outcome, doubts) = match compiled {
            Ok((rule, doubts)) => (Ok(rule), doubts),
            Err(why) => (Err(why), Vec::new()),
        };
        TenantRule { namespace, name, generation, outcome, doubts, status: object.status }
    });
    judged.collect()
}

fn is_there(object: &Object) -> bool {
    object.metadata.deletion_timestamp.is_none() && !object.metadata.namespace.is_empty()
}

/// The files of the rules that hold: one a namespace of the cluster.
pub fn files(scope: &Scope, judged: &[TenantRule]) -> Vec<SourceFile> {
    let prefix = file_prefix(scope);
    let mut texts: BTreeMap<&str, String> = BTreeMap::new();
    for tenant in judged {
        if let Ok(rule) = &tenant.outcome {
            let text = texts.entry(&tenant.namespace).or_default();
            text.push_str(&rule.to_yaml());
            text.push('\n');
        }
    }
    texts
        .into_iter()
        .map(|(namespace, text)| SourceFile::new(format!("{prefix}{namespace}.yaml"), text))
        .collect()
}

/// What the names of a cluster's files begin with, and those of no other.
pub(crate) fn file_prefix(scope: &Scope) -> String {
    let shown =
        scope.cluster.chars().map(|c| if c.is_ascii_alphanumeric() { c.to_ascii_lowercase() } else { '-' });
    let shown: String = shown.take(CLUSTER_SHOWN_MAX).collect();
    format!("{FILE_PREFIX}{shown}-{}.", digits(&["tenant files", &scope.to_string()], CLUSTER_DIGITS))
}

/// Whether a file is of a namespace of whichever cluster.
pub(crate) fn is_a_namespaces(file: &str) -> bool {
    file.starts_with(FILE_PREFIX)
}

/// Whether it is one that once held in all clusters: names of namespaces have no dots.
pub(crate) fn is_of_no_cluster(file: &str) -> bool {
    let rest = file.strip_prefix(FILE_PREFIX).and_then(|rest| rest.strip_suffix(".yaml"));
    rest.is_some_and(|namespace| !namespace.contains('.'))
}

fn digits(parts: &[&str], count: usize) -> String {
    stable_hash(parts).chars().take(count).collect()
}

/// The rule's name in alerts: that of the object, and what makes it its cluster's and its namespace's alone. That of a
/// cluster none of its namespaces has a say in.
pub fn rule_name(scope: &Scope, namespace: &str, name: &str) -> String {
    let camel = prodrome_rules::camel_case(name);
    let camel =
        if camel.starts_with(|c: char| c.is_ascii_uppercase()) { camel } else { format!("Rule{camel}") };
    let scope = scope.to_string();
    let of_cluster = digits(&["tenant rules", &scope], NAME_DIGITS.0);
    let its_own = digits(&["tenant rule", &scope, namespace, name], NAME_DIGITS.1);
    let shown: String = camel.chars().take(50).collect();
    format!("{shown}N{}", format!("{of_cluster}{its_own}").to_uppercase())
}

/// The rule, and what is doubtful of it.
fn compile(scope: &Scope, namespace: &str, name: &str, spec: &Value) -> Result<(Rule, Vec<String>), String> {
    let Value::Object(keys) = spec else { return Err("spec: expected a rule: a map, found none".to_owned()) };
    let bytes = spec.to_string().len();
    if bytes > SPEC_BYTES_MAX {
        return Err(format!("spec: expected at most {SPEC_BYTES_MAX} bytes as JSON, found {bytes}"));
    }
    for (key, why) in FORBIDDEN {
        if keys.contains_key(key) {
            return Err(format!("spec.{key}: expected none, as {why}"));
        }
    }
    if count(spec, &|key, _| key == "regexValue" || key == "notRegexValue") > REGEXES_MAX {
        return Err(format!("spec: expected at most {REGEXES_MAX} regular expressions"));
    }
    let reference = keys.get("reference").unwrap_or(&Value::Null);
    if count(reference, &|key, value| key == "namespace" && value != "same") > 0 {
        return Err(
            "spec.reference.namespace: expected `same`: a rule of a namespace looks into no other".to_owned()
        );
    }
    let (rule, doubts) = load_one(scope, namespace, name, keys)?;
    check(&rule)?;
    Ok((rule, doubts))
}

/// What a rule of a namespace may not say, and why.
const FORBIDDEN: [(&str, &str); 6] = [
    ("namespaces", "the rule is about its own namespace"),
    ("clusters", "the rule holds in its own cluster"),
    ("labels", "routes go by them; it gets the label ruleOf"),
    ("plugin", "plugins reach out of the cluster"),
    ("period", "plugins reach out of the cluster"),
    ("notResource", "the rule has to name its kinds"),
];

fn load_one(
    scope: &Scope,
    namespace: &str,
    name: &str,
    keys: &Map<String, Value>,
) -> Result<(Rule, Vec<String>), String> {
    let mut body = keys.clone();
    body.insert("namespaces".to_owned(), json!({ "include": [namespace] }));
    body.insert("clusters".to_owned(), json!({ "include": [literal(&scope.to_string())] }));
    body.insert("labels".to_owned(), json!({ LABEL: namespace }));
    body.entry("owner").or_insert_with(|| Owner::User.as_str().into());
    let text = json!({ rule_name(scope, namespace, name): body }).to_string();
    let loaded = review(&[SourceFile::new("rule.json", text)], None);
    let (errors, warnings): (Vec<_>, Vec<_>) = loaded.diagnostics.iter().partition(|d| d.is_error());
    let say = |all: Vec<&Diagnostic>| all.into_iter().take(MISTAKES_MAX).map(told).collect::<Vec<String>>();
    let mistakes = say(errors);
    match loaded.rules.rules() {
        [rule] if mistakes.is_empty() => Ok((rule.clone(), say(warnings))),
        _ => Err(mistakes.join("\n").chars().take(REASON_MAX).collect()),
    }
}

/// A glob that matches this text alone.
fn literal(text: &str) -> String {
    let escape = |c| if matches!(c, '*' | '?' | '\\') { format!("\\{c}") } else { c.to_string() };
    text.chars().map(escape).collect()
}

/// A mistake without the place in a file that nobody wrote.
fn told(diagnostic: &Diagnostic) -> String {
    let dot = if diagnostic.path.is_empty() { "" } else { "." };
    let help = diagnostic.help.as_ref().map(|help| format!("; {help}")).unwrap_or_default();
    let Diagnostic { path, expected, found, .. } = diagnostic;
    format!("spec{dot}{path}: expected {expected}, found {found}{help}")
}

/// What a rule that compiles may not be.
fn check(rule: &Rule) -> Result<(), String> {
    if rule.severity() == Severity::P1 {
        return Err("spec.severity: expected P2, P3 or P4: P1 is for who runs the platform".to_owned());
    }
    if rule.owner() != Owner::User {
        return Err("spec.owner: expected `user`: its namespace's people have to act".to_owned());
    }
    for kind in rule.kinds() {
        is_theirs(&kind).map_err(|why| format!("spec.resource: {why}"))?;
    }
    for reference in rule.references() {
        let kinds = reference.kinds();
        if kinds.is_empty() {
            return Err("spec.reference.resource: expected a kind, found a field".to_owned());
        }
        for kind in kinds {
            is_theirs(&kind).map_err(|why| format!("spec.reference.resource: {why}"))?;
        }
    }
    if rule.references().all(Reference::is_same_namespace) {
        Ok(())
    } else {
        Err("spec.reference.namespace: expected `same`: a rule of a namespace looks into no other".to_owned())
    }
}

/// Kinds of which nobody's namespace is the owner, or that hold what must not be read.
const NOT_THEIRS: [&str; 4] = ["Secret", "Event", "Namespace", "DiagnosisRule"];

fn is_theirs(kind: &KindPattern) -> Result<(), String> {
    let Some(group_kind) = kind.to_group_kind() else {
        return Err("expected kinds by name, found any kind".to_owned());
    };
    let of_cluster = prodrome_rules::is_cluster_scoped(&group_kind);
    if of_cluster || NOT_THEIRS.contains(&&*group_kind.kind) {
        return Err(format!("expected a kind that lies in a namespace and may be read, found {kind}"));
    }
    Ok(())
}

/// How many entries of maps, however deep, are such.
fn count(value: &Value, is_it: &dyn Fn(&str, &Value) -> bool) -> usize {
    match value {
        Value::Object(map) => {
            map.iter().map(|(key, value)| many(value, is_it(key, value)) + count(value, is_it)).sum()
        }
        Value::Array(items) => items.iter().map(|item| count(item, is_it)).sum(),
        _ => 0,
    }
}

/// A list counts as all that is in it.
fn many(value: &Value, is_it: bool) -> usize {
    match value {
        Value::Array(items) if is_it => items.len(),
        _ => usize::from(is_it),
    }
}

/// The names of all rules that hold.
pub fn names(judged: &[TenantRule]) -> BTreeSet<&str> {
    judged.iter().filter_map(|tenant| tenant.outcome.as_ref().ok()).map(Rule::name).collect()
}

#[cfg(test)]
mod tests;
