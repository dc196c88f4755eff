//! What the manifests grant in the cluster: nothing of everything, and nothing that writes without a reason.
#![expect(clippy::unwrap_used, reason = "a test that cannot go on has failed")]

use serde_json::Value;
use std::collections::BTreeSet;
use std::path::{Path, PathBuf};

/// What may write: role, resource, verb, which objects, and the reason.
const WRITES: [(&str, &str, &str, Which, &str); 6] = [
    (
        "prodrome-watcher-place",
        "configmaps",
        "update",
        Which::Named,
        "the watcher keeps its place in one ConfigMap, by name",
    ),
    ("prodrome-watcher-place", "leases", "update", Which::Named, "one of two watchers forwards"),
    (
        "prodrome-watcher-canary",
        "canaries/status",
        "patch",
        Which::Named,
        "an overlay: the watcher breaks and mends the one canary",
    ),
    (
        "prodrome-watcher-namespace-rules",
        "diagnosisrules/status",
        "patch",
        Which::Any,
        "an overlay: the watcher says of each whether it compiles",
    ),
    (
        "prodrome-watcher-finalizers",
        "pods",
        "patch",
        Which::Any,
        "an overlay: finalizers that hold deletions",
    ),
    (
        "prodrome-watcher-finalizers",
        "jobs",
        "patch",
        Which::Any,
        "an overlay: finalizers that hold deletions",
    ),
];

/// Which objects may be written.
#[derive(Clone, Copy, PartialEq)]
enum Which {
    /// Those that the role names.
    Named,
    /// Any, in an overlay that an operator adds.
    Any,
}

/// What only looks like reading: who may `get` these runs programs, or becomes somebody else.
const NOT_READING: [&str; 8] = [
    "pods/exec",
    "pods/attach",
    "pods/portforward",
    "pods/proxy",
    "services/proxy",
    "nodes/proxy",
    "nodes/log",
    "serviceaccounts/token",
];
/// Everybody, or more than is right for anybody here.
const NOBODY: [&str; 5] = [
    "system:anonymous",
    "system:unauthenticated",
    "system:authenticated",
    "system:masters",
    "system:serviceaccounts",
];

/// A document of a manifest, and the file it stands in.
struct Document {
    file: String,
    content: Value,
}

impl Document {
    fn name(&self) -> &str {
        self.content["metadata"]["name"].as_str().unwrap()
    }

    /// Whether it is part of what the cluster's own roles for people grant, and no account of ours has it.
    fn is_for_people(&self) -> bool {
        let labels = self.content["metadata"]["labels"].as_object();
        labels.is_some_and(|labels| {
            labels.keys().any(|key| key.starts_with("rbac.authorization.k8s.io/aggregate-to-"))
        })
    }

    fn kind(&self) -> &str {
        self.content["kind"].as_str().unwrap_or_default()
    }
}

fn yaml_files(folder: &Path, found: &mut Vec<PathBuf>) {
    for entry in std::fs::read_dir(folder).unwrap() {
        let path = entry.unwrap().path();
        if path.is_dir() {
            yaml_files(&path, found);
        } else if path.extension().is_some_and(|end| end == "yaml" || end == "yml") {
            found.push(path);
        }
    }
}

/// Every document of RBAC in any manifest below `infra`.
fn documents() -> Vec<Document> {
    let root = Path::new(env!("CARGO_MANIFEST_DIR")).join("..");
    let mut files = Vec::new();
    yaml_files(&root, &mut files);
    files.sort();
    let mut all = Vec::new();
    for path in files {
        let text = std::fs::read_to_string(&path).unwrap();
        if !text.contains("rbac.authorization.k8s.io") {
            continue;
        }
        let file = path.strip_prefix(&root).unwrap().display().to_string();
        let documents: Vec<Value> = serde_saphyr::from_multiple(&text).unwrap();
        all.extend(documents.into_iter().map(|content| Document { file: file.clone(), content }));
    }
    all.retain(|document| document.content["apiVersion"] == "rbac.authorization.k8s.io/v1");
    all
}

fn roles() -> Vec<Document> {
    documents().into_iter().filter(|document| matches!(document.kind(), "Role" | "ClusterRole")).collect()
}

fn texts(value: &Value) -> Vec<&str> {
    value.as_array().into_iter().flatten().map(|text| text.as_str().unwrap()).collect()
}

#[test]
fn no_role_grants_everything_and_none_writes_without_a_reason() {
    let roles = roles();
    let files: BTreeSet<&str> = roles.iter().map(|role| role.file.as_str()).collect();
    for file in [
        "plugins/rbac-secrets.yaml",
        "plugins/rbac.yaml",
        "reader/deploy/base/cluster-role.yaml",
        "reader/deploy/overlays/secrets/cluster-role.yaml",
        "watcher/deploy/base/cluster-role.yaml",
        "watcher/deploy/base/role.yaml",
        "watcher/deploy/overlays/secrets/cluster-role.yaml",
    ] {
        assert!(files.contains(file), "{file} was not read: {files:?}");
    }
    let mut used = BTreeSet::new();
    for role in &roles {
        let at = format!("{} {}", role.file, role.name());
        assert!(role.content.get("aggregationRule").is_none(), "{at} grants what others say");
        let rules = role.content["rules"].as_array().unwrap();
        assert!(!rules.is_empty(), "{at}");
        for rule in rules {
            assert!(rule.get("nonResourceURLs").is_none(), "{at}: {rule}");
            let (verbs, resources) = (texts(&rule["verbs"]), texts(&rule["resources"]));
            assert!(
                !verbs.is_empty() && !resources.is_empty() && rule["apiGroups"].is_array(),
                "{at}: {rule}"
            );
            for text in verbs.iter().chain(&resources).chain(&texts(&rule["apiGroups"])) {
                assert!(!text.contains('*'), "{at} grants everything: {rule}");
            }
            for resource in resources {
                assert!(!NOT_READING.contains(&resource), "{at}: {resource}");
                let is_overlay = role.file.contains("secrets");
                assert!(
                    is_overlay || !matches!(resource, "secrets"),
                    "{at} reads Secrets, which is an overlay's"
                );
                if role.is_for_people() {
                    assert_eq!(texts(&rule["apiGroups"]), ["prodrome.dev"], "{at}: not ours to grant");
                    continue;
                }
                for verb in verbs.iter().filter(|verb| !matches!(**verb, "get" | "list" | "watch")) {
                    let reason = WRITES
                        .iter()
                        .find(|(of, what, how, ..)| (*of, *what, *how) == (role.name(), resource, *verb));
                    let Some((_, _, _, which, _)) = reason else {
                        panic!("{at} may {verb} {resource}: why?")
                    };
                    let is_allowed = match which {
                        Which::Named => rule["resourceNames"].is_array(),
                        Which::Any => role.file.contains("/overlays/"),
                    };
                    assert!(is_allowed, "{at} may {verb} any {resource}");
                    used.insert((role.name().to_owned(), resource.to_owned(), (*verb).to_owned()));
                }
            }
        }
    }
    assert_eq!(used.len(), WRITES.len(), "a reason for what nobody may do any more");
    assert!(WRITES.iter().all(|(.., reason)| !reason.is_empty()));
}

#[test]
fn a_binding_names_a_role_of_these_files_and_not_everybody() {
    let (roles, documents) = (roles(), documents());
    let mut bound = BTreeSet::new();
    for binding in documents.iter().filter(|document| document.kind().ends_with("Binding")) {
        let at = format!("{} {}", binding.file, binding.name());
        let (kind, name) = (&binding.content["roleRef"]["kind"], &binding.content["roleRef"]["name"]);
        let role = roles.iter().find(|role| *kind == role.kind() && *name == role.name());
        let role = role.unwrap_or_else(|| panic!("{at} binds {kind} {name}, which is not ours"));
        bound.insert(role.name().to_owned());
        let subjects = binding.content["subjects"].as_array().unwrap();
        assert!(!subjects.is_empty(), "{at}");
        for subject in subjects {
            let who = subject["name"].as_str().unwrap();
            assert!(!NOBODY.iter().any(|nobody| who.starts_with(nobody)), "{at} binds {who}");
            assert!(who.starts_with("prodrome-"), "{at} binds {who}");
        }
    }
    let ours = roles.iter().filter(|role| !role.is_for_people());
    let unbound: Vec<_> = ours.map(Document::name).filter(|name| !bound.contains(*name)).collect();
    assert!(unbound.is_empty(), "roles that nobody has: {unbound:?}");
}
