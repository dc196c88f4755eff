//! The shipped rules and the recorded objects, for more than one test binary.

use prodrome_model::GroupKind;
use prodrome_rules::{RuleSet, SourceFile, load};
use std::collections::BTreeMap;
use std::path::Path;

/// The library as it is shipped.
pub(crate) fn library() -> RuleSet {
    let dir = Path::new(env!("CARGO_MANIFEST_DIR")).join("../../rules");
    let mut paths: Vec<_> = std::fs::read_dir(dir).unwrap().map(|entry| entry.unwrap().path()).collect();
    paths.sort();
    let name = |path: &Path| path.file_name().unwrap().to_string_lossy().into_owned();
    let is_rules = |path: &&std::path::PathBuf| {
        path.extension().is_some_and(|e| e == "yaml") && !name(path).contains(".test.")
    };
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
pub(crate) fn objects() -> BTreeMap<String, Vec<Vec<u8>>> {
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
        std::io::copy(&mut zstd::Decoder::new(std::fs::File::open(path).unwrap()).unwrap(), &mut text)
            .unwrap();
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
pub(crate) fn kind(path: &str) -> Option<GroupKind> {
    let parts: Vec<&str> = path.trim_start_matches('/').split('/').collect();
    let (group, plural) = match parts.as_slice() {
        ["api", _, plural] => ("", *plural),
        ["apis", group, _, plural] => (*group, *plural),
        _ => return None,
    };
    let kinds = [
        "ConfigMap",
        "DaemonSet",
        "Deployment",
        "Endpoints",
        "EndpointSlice",
        "Event",
        "HorizontalPodAutoscaler",
        "Ingress",
        "Job",
        "Namespace",
        "Node",
        "PersistentVolumeClaim",
        "PersistentVolume",
        "Pod",
        "ReplicaSet",
        "ResourceQuota",
        "Secret",
        "ServiceAccount",
        "Service",
        "StatefulSet",
        "PodDisruptionBudget",
        "CronJob",
    ];
    let plural_of = |kind: &str| match kind {
        "Endpoints" => "endpoints".to_owned(),
        "Ingress" => "ingresses".to_owned(),
        kind => format!("{}s", kind.to_lowercase()),
    };
    let kind = kinds.iter().find(|kind| plural_of(kind) == plural).copied().unwrap_or("Other");
    Some(GroupKind::new(group, kind))
}
