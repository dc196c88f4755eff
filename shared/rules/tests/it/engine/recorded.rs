//! The shipped rules on the recorded objects.

use super::{difference, program};
use prodrome_model::GroupKind;
use prodrome_rules::engine::{Level, Program, Scratch};
use prodrome_rules::{RuleSet, SourceFile, load};
use std::collections::BTreeMap;
use std::path::Path;
use std::sync::Arc;

/// The library as it is shipped.
fn library() -> RuleSet {
    let dir = Path::new(env!("CARGO_MANIFEST_DIR")).join("../../rules");
    let mut paths: Vec<_> = std::fs::read_dir(dir).unwrap().map(|entry| entry.unwrap().path()).collect();
    paths.sort();
    let name = |path: &Path| path.file_name().unwrap().to_string_lossy().into_owned();
    let is_rules = |path: &&std::path::PathBuf| name(path).ends_with(".yaml") && !name(path).ends_with(".test.yaml");
    let files: Vec<SourceFile> = paths
        .iter()
        .filter(is_rules)
        .map(|path| SourceFile::new(name(path), std::fs::read_to_string(path).unwrap()))
        .collect();
    let loaded = load(&files);
    assert!(loaded.is_sound() && loaded.rules.rules().len() > 100);
    loaded.rules
}

/// Every object of the recordings, by kind, in the order in which they were seen.
fn objects() -> BTreeMap<String, Vec<Vec<u8>>> {
    #[derive(serde::Deserialize)]
    struct Line<'l> {
        path: String,
        #[serde(borrow)]
        event: Option<Event<'l>>,
    }
    #[derive(serde::Deserialize)]
    struct Event<'l> {
        #[serde(borrow)]
        object: &'l serde_json::value::RawValue,
    }
    let dir = Path::new(env!("CARGO_MANIFEST_DIR")).join("../../events/recordings");
    let mut paths: Vec<_> = std::fs::read_dir(dir).unwrap().map(|entry| entry.unwrap().path()).collect();
    paths.sort();
    let mut objects = BTreeMap::<String, Vec<Vec<u8>>>::new();
    for path in paths.into_iter().map(|path| path.join("watch.jsonl.zst")).filter(|path| path.is_file()) {
        let mut text = Vec::new();
        std::io::copy(&mut zstd::Decoder::new(std::fs::File::open(path).unwrap()).unwrap(), &mut text).unwrap();
        for line in text.split(|byte| *byte == b'\n').filter(|line| !line.is_empty()) {
            let line: Line<'_> = serde_json::from_slice(line).unwrap();
            if let Some(event) = line.event {
                objects.entry(line.path).or_default().push(event.object.get().as_bytes().to_vec());
            }
        }
    }
    objects
}

/// The kind of a watched collection.
fn kind(path: &str) -> Option<GroupKind> {
    let parts: Vec<&str> = path.trim_start_matches('/').split('/').collect();
    let (group, plural) = match parts.as_slice() {
        ["api", _, plural] => ("", *plural),
        ["apis", group, _, plural] => (*group, *plural),
        _ => return None,
    };
    let kinds = [
        "ConfigMap", "DaemonSet", "Deployment", "Endpoints", "EndpointSlice", "Event", "HorizontalPodAutoscaler",
        "Ingress", "Job", "Namespace", "Node", "PersistentVolumeClaim", "PersistentVolume", "Pod", "ReplicaSet",
        "ResourceQuota", "Secret", "ServiceAccount", "Service", "StatefulSet", "PodDisruptionBudget", "CronJob",
    ];
    let plural_of = |kind: &str| match kind {
        "Endpoints" => "endpoints".to_owned(),
        "Ingress" => "ingresses".to_owned(),
        kind => format!("{}s", kind.to_lowercase()),
    };
    let kind = kinds.iter().find(|kind| plural_of(kind) == plural).copied().unwrap_or("Other");
    Some(GroupKind::new(group, kind))
}

#[test]
fn the_shipped_rules_say_of_recorded_objects_what_the_tree_says() {
    let rules = Arc::new(library());
    let mut scratch = Scratch::default();
    let (mut asked, mut silent, mut matched) = (0, 0, 0);
    for (path, objects) in objects() {
        let Some(kind) = kind(&path) else { continue };
        let program: Program = program(&rules, &kind, Level::Best);
        for (index, json) in objects.iter().enumerate() {
            // Recorded in 2026; some are looked at soon, some long after.
            for now in ["2026-10-01T00:00:00Z", "2027-06-01T00:00:00Z"] {
                if index % 7 == 0 || now.starts_with("2026") {
                    let now = now.parse().unwrap();
                    let difference = difference(&rules, &program, &mut scratch, &kind, json, now);
                    assert_eq!(difference, None, "{kind}");
                    let verdicts = program.run(json, now, &mut scratch).unwrap();
                    asked += 1;
                    silent += usize::from(verdicts.is_silent());
                    matched += verdicts.iter().filter(|(_, verdict)| verdict.matches).count();
                }
            }
        }
    }
    println!("{asked} objects, {silent} silent, {matched} matches");
    assert!(asked > 3000 && silent * 3 > asked && matched > 200, "{asked} objects, {silent} silent, {matched} matches");
}
