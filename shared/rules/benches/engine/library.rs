//! The rules: the shipped ones of a kind, and more like them; and rules at random over every path there is.

use crate::corpus::{APPS, Corpus, NAMESPACES, TEAMS};
use fastrand::Rng;
use prodrome_model::GroupKind;
use prodrome_rules::{RuleSet, SourceFile, load};
use serde_json::{Value, json};
use std::collections::{BTreeMap, BTreeSet};
use std::fmt::Write as _;
use std::path::Path;
use std::sync::Arc;

/// The rules of the folder `rules`.
fn shipped() -> Vec<SourceFile> {
    let dir = Path::new(env!("CARGO_MANIFEST_DIR")).join("../../rules");
    let mut paths: Vec<_> =
        std::fs::read_dir(dir).expect("the library").flatten().map(|entry| entry.path()).collect();
    paths.sort();
    let name = |path: &Path| path.file_name().unwrap_or_default().to_string_lossy().into_owned();
    let is_rules = |path: &&std::path::PathBuf| {
        path.extension().is_some_and(|e| e == "yaml") && !name(path).contains(".test.")
    };
    paths
        .iter()
        .filter(is_rules)
        .map(|path| SourceFile::new(name(path), std::fs::read_to_string(path).expect("a file")))
        .collect()
}

/// So many rules for each of these kinds: the shipped ones, and then such as a company adds to them, narrowed to
/// its teams, apps and namespaces.
#[allow(dead_code, reason = "the comparison with other engines has generated ones alone")]
pub(crate) fn library(kinds: &[GroupKind], count: impl Fn(&GroupKind) -> usize) -> Arc<RuleSet> {
    let own = load(&shipped()).rules;
    let mut files = shipped();
    files.push(generated(kinds, 0, |kind| own.for_kind(kind).count()..count(kind)));
    load_all(&files)
}

/// So many rules for each of these kinds, none of them shipped; three of ten are about every team,
/// app and namespace.
#[allow(dead_code, reason = "the comparison with other engines names each rule")]
pub(crate) fn generated_alone(kinds: &[GroupKind], count: impl Fn(&GroupKind) -> usize) -> Arc<RuleSet> {
    load_all(&[generated(kinds, 3, |kind| 0..count(kind))])
}

/// Rules of these numbers, so many of ten of them general ones.
fn generated(
    kinds: &[GroupKind],
    general: usize,
    numbers: impl Fn(&GroupKind) -> std::ops::Range<usize>,
) -> SourceFile {
    let mut text = String::new();
    for kind in kinds {
        let mut rng = Rng::with_seed(11);
        for index in numbers(kind) {
            let mut rule = like_the_library(kind, &mut rng);
            if index % 10 < general {
                rule = json!({"resource": rule["resource"], "checkField": rule["checkField"]});
            }
            writeln!(text, "{}", json!({ format!("{}Generated{index}", kind.kind): rule }))
                .expect("a String");
        }
    }
    SourceFile::new("generated.json", text)
}

fn load_all(files: &[SourceFile]) -> Arc<RuleSet> {
    let loaded = load(files);
    let errors: Vec<String> =
        loaded.diagnostics.iter().filter(|d| d.is_error()).map(ToString::to_string).collect();
    assert!(errors.is_empty(), "{errors:#?}");
    Arc::new(loaded.rules)
}

pub(crate) fn like_the_library(kind: &GroupKind, rng: &mut Rng) -> Value {
    let mut filter = vec![json!({"field": ["metadata", "deletionTimestamp"], "nilValue": true})];
    let mut rule = json!({"resource": if kind.group.is_empty() { kind.kind.clone() } else { format!("{}/{}", kind.group, kind.kind) }, "duration": 300});
    match rng.u32(0..4) {
        0 => filter.push(json!({"field": ["metadata", "labels", "team"], "equalValue": [format!("team-{}", rng.u32(0..TEAMS))]})),
        1 => filter.push(json!({"field": ["metadata", "labels", "app"], "equalValue": [format!("app-{}", rng.u32(0..APPS))]})),
        2 => rule["namespaces"] = json!([format!("ns-{}", rng.u32(0..NAMESPACES))]),
        _ => filter.push(json!({"field": ["metadata", "labels", "app"], "likeValue": format!("app-{}*", rng.u32(0..APPS))})),
    }
    let check = if kind.kind == "Pod" { pod_check(rng) } else { other_check(rng) };
    rule["filterField"] = json!(filter);
    rule["checkField"] = check;
    rule
}

fn pod_check(rng: &mut Rng) -> Value {
    let sidecar = ["istio-proxy", "fluent-bit", "vault-agent", "otel-collector"][rng.usize(0..4)];
    match rng.u32(0..14) {
        0 => {
            json!([{"field": ["status", "phase"], "equalValue": ["Pending"]}, {"field": ["metadata", "creationTimestamp"], "olderThan": rng.u32(1..12) * 300}])
        }
        1 => json!([{"field": ["status", "phase"], "equalValue": ["Failed", "Unknown"]}]),
        2 => {
            json!([{"field": ["status", "containerStatuses"], "subIdentifierName": "name", "subIdentifierValue": [sidecar], "subField": ["ready"], "equalValue": ["false"]}])
        }
        3 => {
            json!([{"field": ["status", "containerStatuses"], "each": [{"subField": ["state", "waiting", "reason"], "equalValue": ["ImagePullBackOff", "ErrImagePull"]}, {"subField": ["image"], "likeValue": format!("registry-{}.example.com/*", rng.u32(0..6))}]}])
        }
        4 => {
            json!([{"field": ["status", "containerStatuses", "restartCount"], "greaterThan": rng.u32(2..40)}])
        }
        5 => json!([{"field": ["spec", "containers", "image"], "likeValue": ["*:latest", "docker.io/*"]}]),
        6 => {
            json!([{"field": ["status", "containerStatuses", "state", "waiting", "message"], "regexValue": (["x509|certificate", "no such host", "back-off [0-9]+m"][rng.usize(0..3)])}])
        }
        7 => {
            json!([{"field": ["status", "conditions"], "each": [{"subField": ["type"], "equalValue": ["Ready"]}, {"subField": ["status"], "equalValue": ["False"]}, {"subField": ["reason"], "equalValue": ["ContainersNotReady"]}]}])
        }
        8 => json!([{"field": ["spec", "containers", "resources", "limits", "memory"], "nilValue": true}]),
        9 => {
            json!([{"field": ["spec", "containers", "resources", "limits", "memory"], "greaterThan": format!("{}Gi", rng.u32(2..9))}])
        }
        10 => {
            json!([{"anyOf": [[{"field": ["spec", "nodeName"], "nilValue": true}], [{"field": ["status", "phase"], "equalValue": ["Unknown"]}, {"field": ["status", "reason"], "equalValue": ["NodeLost"]}]]}])
        }
        11 => {
            json!([{"field": ["status", "containerStatuses", "ready"], "match": "all", "equalValue": ["false"]}])
        }
        12 => {
            json!([{"field": ["status", "containerStatuses"], "each": [{"subField": ["lastState", "terminated", "reason"], "equalValue": ["OOMKilled"]}, {"subField": ["lastState", "terminated", "finishedAt"], "newerThan": rng.u32(1..9) * 600}]}])
        }
        _ => {
            json!([{"field": ["metadata", "annotations", "prometheus.io/port"], "notEqualValue": ["9090", "8080"]}])
        }
    }
}

fn other_check(rng: &mut Rng) -> Value {
    match rng.u32(0..6) {
        0 => {
            json!([{"field": ["status", "conditions"], "each": [{"subField": ["type"], "equalValue": ["Available", "Ready"]}, {"subField": ["status"], "notEqualValue": ["True"]}]}])
        }
        1 => {
            json!([{"field": ["status", "availableReplicas"], "default": 0, "lessThanField": ["spec", "replicas"]}])
        }
        2 => {
            json!([{"field": ["status", "conditions"], "subIdentifierName": "type", "subIdentifierValue": ["DiskPressure", "Progressing"], "subField": ["status"], "equalValue": ["Unknown"]}])
        }
        3 => json!([{"field": ["spec", "replicas"], "greaterThan": rng.u32(8..90)}]),
        4 => {
            json!([{"field": ["metadata", "annotations", "owner"], "nilValue": true}, {"field": ["metadata", "labels", "tier"], "equalValue": ["frontend"]}])
        }
        _ => {
            json!([{"field": ["metadata", "deletionTimestamp"], "olderThan": rng.u32(1..9) * 60}, {"field": ["metadata", "finalizers"], "nilValue": false}])
        }
    }
}

/// `count` rules for each kind, over all paths that its objects have, with every operator.
pub(crate) fn random(corpus: &Corpus, count: usize) -> Arc<RuleSet> {
    let mut text = String::new();
    for kind in corpus.kinds() {
        let mut paths: BTreeMap<Vec<String>, BTreeSet<String>> = BTreeMap::new();
        for object in corpus.objects.iter().filter(|object| object.kind == kind).take(150) {
            collect(&serde_json::from_slice(&object.json).expect("JSON"), &mut Vec::new(), &mut paths);
        }
        let paths: Vec<(Vec<String>, Vec<String>)> =
            paths.into_iter().map(|(path, texts)| (path, texts.into_iter().collect())).collect();
        let mut rng = Rng::with_seed(5);
        for index in 0..count {
            let check: Vec<Value> =
                (0..rng.usize(1..4)).map(|_| random_condition(&paths, &mut rng)).collect();
            let resource = if kind.group.is_empty() {
                kind.kind.clone()
            } else {
                format!("{}/{}", kind.group, kind.kind)
            };
            writeln!(
                text,
                "{}",
                json!({ format!("{}Random{index}", kind.kind): {"resource": resource, "checkField": check} })
            )
            .expect("a String");
        }
    }
    let loaded = load(&[SourceFile::new("random.json", text)]);
    let errors: Vec<String> =
        loaded.diagnostics.iter().filter(|d| d.is_error()).map(ToString::to_string).collect();
    assert!(errors.is_empty(), "{errors:#?}");
    Arc::new(loaded.rules)
}

fn collect(value: &Value, path: &mut Vec<String>, paths: &mut BTreeMap<Vec<String>, BTreeSet<String>>) {
    match value {
        Value::Object(map) => {
            for (key, value) in map.iter().filter(|(key, _)| *key != "managedFields" && !key.is_empty()) {
                path.push(key.clone());
                collect(value, path, paths);
                path.pop();
            }
        }
        Value::Array(items) => items.iter().for_each(|item| collect(item, path, paths)),
        Value::Null => {}
        scalar => {
            let text = scalar.as_str().map_or_else(|| scalar.to_string(), str::to_owned);
            let texts = paths.entry(path.clone()).or_default();
            if texts.len() < 40 && text.len() < 80 {
                texts.insert(text);
            }
        }
    }
}

fn random_condition(paths: &[(Vec<String>, Vec<String>)], rng: &mut Rng) -> Value {
    let (path, texts) = &paths[rng.usize(0..paths.len())];
    let text = |rng: &mut Rng| texts.get(rng.usize(0..texts.len().max(1))).cloned().unwrap_or_default();
    let glob = |text: &str| text.chars().take(4).filter(|c| !"*?\\".contains(*c)).collect::<String>();
    let operator = match rng.u32(0..10) {
        0 | 1 => json!({"equalValue": [text(rng), text(rng)]}),
        2 => json!({"notEqualValue": [text(rng)]}),
        3 => json!({"nilValue": rng.bool()}),
        4 => json!({"likeValue": format!("{}*", glob(&text(rng)))}),
        5 => {
            json!({"regexValue": format!("{}$", glob(&text(rng)).replace(|c: char| !c.is_ascii_alphanumeric(), "."))})
        }
        6 => json!({"greaterThan": rng.u32(0..1000)}),
        7 => json!({"lessThan": rng.u32(0..1000)}),
        8 => json!({"olderThan": rng.u32(0..90) * 86_400}),
        _ => json!({"newerThan": rng.u32(0..90) * 86_400}),
    };
    let mut condition = operator;
    // A third of them about one element, where the path has two keys for it.
    if path.len() >= 3 && rng.u32(0..3) == 0 {
        let at = path.len() - 1;
        condition["field"] = json!(path[..at]);
        condition["subIdentifierName"] = json!((["name", "type"][rng.usize(0..2)]));
        condition["subIdentifierValue"] = json!(["app", "Ready"]);
        condition["subField"] = json!(path[at..]);
    } else {
        condition["field"] = json!(path);
        if rng.u32(0..6) == 0 {
            condition["match"] = json!("all");
        }
    }
    condition
}
