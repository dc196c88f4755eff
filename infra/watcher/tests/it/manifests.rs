//! The manifests of `deploy` say what the shipped rules need, and no more.

use prodrome_recording::builtin_of_kind;
use prodrome_rules::{KindPattern, RuleSet, SourceFile, load};
use prodrome_watcher::Config;
use serde_json::{Value, json};
use std::collections::{BTreeMap, BTreeSet};
use std::path::{Path, PathBuf};

pub(crate) fn deploy() -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("deploy")
}

fn documents(path: &str) -> Vec<Value> {
    let text = std::fs::read_to_string(deploy().join(path)).unwrap();
    serde_saphyr::from_multiple(&text).unwrap()
}

fn document(path: &str, kind: &str) -> Value {
    documents(path).into_iter().find(|document| document["kind"] == kind).unwrap()
}

/// The settings of the pod, as kustomize makes them of the base.
pub(crate) fn base_settings() -> BTreeMap<String, String> {
    let read = |name: &str| std::fs::read_to_string(deploy().join("base").join(name)).unwrap();
    let settings = read("settings.env");
    let lines = settings.lines().filter(|line| !line.is_empty() && !line.starts_with('#'));
    let mut settings: BTreeMap<_, _> =
        lines.map(|line| line.split_once('=').unwrap()).map(|(k, v)| (k.to_owned(), v.to_owned())).collect();
    settings.insert("KINDS".to_owned(), read("kinds.txt"));
    settings
}

fn shipped_rules() -> RuleSet {
    let folder = Path::new(env!("CARGO_MANIFEST_DIR")).join("../../rules");
    let mut files: Vec<SourceFile> = std::fs::read_dir(&folder)
        .unwrap()
        .map(|entry| entry.unwrap().path())
        .filter(|path| SourceFile::is_rule_file(&path.file_name().unwrap().to_string_lossy()))
        .map(|path| SourceFile {
            name: path.display().to_string(),
            text: std::fs::read_to_string(path).unwrap(),
        })
        .collect();
    files.sort_by(|a, b| a.name.cmp(&b.name));
    let loaded = load(&files);
    assert!(loaded.diagnostics.is_empty(), "{:?}", loaded.diagnostics);
    loaded.rules
}

/// The kinds that the shipped rules are about and those that their references name, less Secrets: `group/Kind`.
/// A rule on every kind names none.
fn named_kinds() -> BTreeSet<(String, String)> {
    let named = shipped_rules().kinds().into_iter().filter_map(|pattern| match pattern {
        KindPattern::Every { .. } => None,
        KindPattern::Exact(kind) => Some((kind.group, kind.kind)),
        KindPattern::AnyGroup(kind) => panic!("{kind}: name its group, or RBAC cannot allow it"),
    });
    named.filter(|kind| *kind != (String::new(), "Secret".to_owned())).collect()
}

/// What RBAC calls it: the kind in the plural, as English has it.
fn plural(group: &str, kind: &str) -> String {
    if let Some(known) = builtin_of_kind(&prodrome_model::GroupKind::new(group, kind)) {
        return known.plural;
    }
    let lower = kind.to_lowercase();
    match lower.strip_suffix('y') {
        Some(stem) if !stem.ends_with(['a', 'e', 'i', 'o', 'u']) => format!("{stem}ies"),
        _ if ["s", "x", "ch", "sh"].iter().any(|end| lower.ends_with(end)) => format!("{lower}es"),
        _ => format!("{lower}s"),
    }
}

#[test]
fn a_plural_is_what_the_definitions_of_the_resources_say() {
    // From the CustomResourceDefinitions of the projects.
    for (group, kind, want) in [
        ("gateway.networking.k8s.io", "Gateway", "gateways"),
        ("gateway.networking.k8s.io", "GatewayClass", "gatewayclasses"),
        ("cilium.io", "CiliumNetworkPolicy", "ciliumnetworkpolicies"),
        ("cilium.io", "CiliumIdentity", "ciliumidentities"),
        ("cert-manager.io", "Certificate", "certificates"),
        ("elasticsearch.k8s.elastic.co", "Elasticsearch", "elasticsearches"),
        ("monitoring.coreos.com", "Prometheus", "prometheuses"),
    ] {
        assert_eq!(plural(group, kind), want);
    }
}

#[test]
fn the_cluster_role_allows_exactly_what_the_shipped_rules_name() {
    let mut want: BTreeMap<String, BTreeSet<String>> = BTreeMap::new();
    for (group, kind) in named_kinds() {
        want.entry(group.clone()).or_default().insert(plural(&group, &kind));
    }
    let rules: Vec<Value> = want
        .iter()
        .map(|(group, plurals)| json!({ "apiGroups": [group], "resources": plurals, "verbs": ["list", "watch"] }))
        .collect();
    let role = document("base/cluster-role.yaml", "ClusterRole");
    let yaml = want.iter().map(|(group, plurals)| {
        let group = if group.is_empty() { "\"\"" } else { group };
        let lines: Vec<_> = plurals.iter().map(|plural| format!("\n      - {plural}")).collect();
        format!("  - apiGroups: [{group}]\n    verbs: [list, watch]\n    resources:{}\n", lines.concat())
    });
    let yaml = yaml.collect::<Vec<_>>().concat();
    assert_eq!(role["rules"], Value::Array(rules), "expected the rules:\n{yaml}");
}

#[test]
fn the_kinds_of_the_pod_are_those_that_the_shipped_rules_name() {
    let want: BTreeSet<String> = named_kinds()
        .into_iter()
        .map(
            |(group, kind)| if group.is_empty() { format!("core/{kind}") } else { format!("{group}/{kind}") },
        )
        .collect();
    let mut settings = base_settings();
    settings.insert("CLUSTER".into(), "prod".into());
    settings.insert("CHANGES_QUEUE_URL".into(), "https://sqs.example.com/changes".into());
    let config = Config::from_vars(|name| settings.get(name).cloned()).unwrap();
    let found: BTreeSet<String> = config.kinds.iter().map(ToString::to_string).collect();
    let found: BTreeSet<String> = found
        .into_iter()
        .map(|kind| if kind.contains('/') { kind } else { format!("core/{kind}") })
        .collect();
    let yaml: Vec<_> = want.iter().map(|kind| format!("{kind}\n")).collect();
    assert_eq!(found, want, "expected the kinds:\n{}", yaml.concat());
}

#[test]
fn every_setting_of_the_pod_is_one_and_only_the_two_without_a_default_are_missing() {
    let settings = base_settings();
    for name in settings.keys() {
        assert!(Config::NAMES.contains(&&**name), "{name} is no setting");
    }
    // Of a desk, or the SDK's.
    let elsewhere = ["KUBECONFIG", "CONTEXT", "PLACE_FILE", "AWS_REGION"];
    for name in Config::NAMES {
        assert!(settings.contains_key(name) || elsewhere.contains(&name), "{name} is not in settings.env");
    }
    let error = Config::from_vars(|name| settings.get(name).cloned()).unwrap_err();
    let missing: Vec<_> = error.mistakes.iter().map(|mistake| mistake.name).collect();
    assert_eq!(missing, ["CLUSTER", "CHANGES_QUEUE_URL"]);
}

#[test]
fn secrets_are_allowed_by_an_overlay_alone_and_the_place_and_the_lease_are_one_object_each() {
    for document in ["base/cluster-role.yaml", "base/role.yaml"].into_iter().flat_map(documents) {
        let rules = document["rules"].as_array().into_iter().flatten();
        let resources: Vec<&Value> = rules.flat_map(|rule| rule["resources"].as_array().unwrap()).collect();
        assert!(
            !resources.iter().any(|resource| *resource == "secrets" || *resource == "*"),
            "{resources:?}"
        );
    }
    let role = document("overlays/secrets/cluster-role.yaml", "ClusterRole");
    let want = json!([{ "apiGroups": [""], "resources": ["secrets"], "verbs": ["list", "watch"] }]);
    assert_eq!(role["rules"], want);
    let place = document("base/place.yaml", "ConfigMap")["metadata"]["name"].clone();
    let role = document("overlays/finalizers/cluster-role.yaml", "ClusterRole");
    for rule in role["rules"].as_array().unwrap() {
        assert_eq!(rule["verbs"], json!(["list", "watch", "patch"]));
        assert!(rule["resources"].as_array().unwrap().iter().all(|resource| *resource != "*"));
    }
    assert_eq!(base_settings()["FINALIZER_KINDS"], "", "off unless asked for");
    let lease = document("base/lease.yaml", "Lease")["metadata"]["name"].clone();
    let role = document("base/role.yaml", "Role");
    let want = json!([{
        "apiGroups": [""], "resources": ["configmaps"], "resourceNames": [place], "verbs": ["get", "update"],
    }, {
        "apiGroups": ["coordination.k8s.io"], "resources": ["leases"], "resourceNames": [lease],
        "verbs": ["get", "update", "watch"],
    }]);
    assert_eq!(role["rules"], want);
    assert_eq!(place, *base_settings()["PLACE_CONFIGMAP"]);
    assert_eq!(lease, *base_settings()["LEASE"]);
}

#[test]
fn rules_of_namespaces_need_their_status_and_nothing_else_to_be_written() {
    let folder = "overlays/namespace-rules";
    let role = document(&format!("{folder}/cluster-role.yaml"), "ClusterRole");
    let want = json!([
        { "apiGroups": ["prodrome.dev"], "resources": ["diagnosisrules"], "verbs": ["list", "watch"] },
        { "apiGroups": ["prodrome.dev"], "resources": ["diagnosisrules/status"], "verbs": ["patch"] },
    ]);
    assert_eq!(role["rules"], want);
    let definition = document(&format!("{folder}/definition.yaml"), "CustomResourceDefinition");
    let kind = prodrome_rulebook::tenants::kind();
    assert_eq!(definition["spec"]["group"], kind.group);
    assert_eq!(definition["spec"]["names"]["kind"], kind.kind);
    // The schema knows each key that a rule of a namespace may have.
    let known =
        &definition["spec"]["versions"][0]["schema"]["openAPIV3Schema"]["properties"]["spec"]["properties"];
    let known: Vec<&String> = known.as_object().unwrap().keys().collect();
    let schema = prodrome_rules::schema();
    let all = schema["$defs"]["rule"]["properties"].as_object().unwrap();
    let refused = ["namespaces", "clusters", "labels", "plugin", "period", "notResource"];
    let mut want: Vec<&String> = all.keys().filter(|key| !refused.contains(&key.as_str())).collect();
    want.sort();
    assert_eq!(known, want);
}

#[test]
fn the_canary_is_off_and_its_overlay_allows_the_status_of_one_object() {
    assert_eq!(base_settings()["CANARY_MINUTES"], "", "off unless asked for");
    let folder = "overlays/canary";
    let canary = document(&format!("{folder}/canary.yaml"), "Canary");
    let role = document(&format!("{folder}/cluster-role.yaml"), "ClusterRole");
    let want = json!([{
        "apiGroups": ["prodrome.dev"], "resources": ["canaries/status"],
        "resourceNames": [canary["metadata"]["name"]], "verbs": ["patch"],
    }]);
    assert_eq!(role["rules"], want);
    let spec = &document(&format!("{folder}/definition.yaml"), "CustomResourceDefinition")["spec"];
    let (group, kind) = prodrome_model::CANARY_KIND;
    assert_eq!((&spec["group"], &spec["names"]["kind"]), (&json!(group), &json!(kind)));
    assert_eq!(spec["scope"], "Cluster", "no tenant can write one");
    assert_eq!(canary["apiVersion"], format!("{group}/v1alpha1"));
    let mut settings = base_settings();
    settings.extend(
        [("CLUSTER", "prod"), ("CHANGES_QUEUE_URL", "https://sqs"), ("CANARY_MINUTES", "10")]
            .map(|(k, v)| (k.to_owned(), v.to_owned())),
    );
    let config = Config::from_vars(|name| settings.get(name).cloned()).unwrap();
    assert_eq!(config.settings().canary, Some(std::time::Duration::from_mins(10)));
    settings.insert("CANARY_MINUTES".to_owned(), "4".to_owned());
    let refused = Config::from_vars(|name| settings.get(name).cloned()).unwrap_err();
    assert_eq!(
        refused.to_string(),
        "the settings are wrong: CANARY_MINUTES: expected a number from 5 to 60, found \"4\""
    );
}

#[test]
fn the_pod_is_small_and_may_do_little() {
    let deployment = document("base/deployment.yaml", "Deployment");
    let pod = &deployment["spec"]["template"]["spec"];
    assert_eq!(pod["securityContext"]["runAsNonRoot"], true);
    let [container] = pod["containers"].as_array().unwrap().as_slice() else { panic!("one container") };
    let security = &container["securityContext"];
    assert_eq!(security["readOnlyRootFilesystem"], true);
    assert_eq!(security["allowPrivilegeEscalation"], false);
    assert_eq!(security["capabilities"], json!({ "drop": ["ALL"] }));
    let want = json!({ "requests": { "cpu": "20m", "memory": "32Mi" }, "limits": { "memory": "64Mi" } });
    assert_eq!(container["resources"], want, "no limit on CPU: it would throttle the first list");
    let port = container["ports"][0]["containerPort"].as_u64().unwrap();
    assert_eq!(base_settings()["LISTEN"], port.to_string());
}

#[test]
fn two_pods_share_the_work_of_being_there() {
    let deployment = document("base/deployment.yaml", "Deployment");
    let budget = document("base/disruption.yaml", "PodDisruptionBudget");
    assert_eq!((&deployment["spec"]["replicas"], &budget["spec"]["maxUnavailable"]), (&json!(2), &json!(1)));
    assert_eq!(budget["spec"]["selector"], deployment["spec"]["selector"]);
}

#[test]
fn the_image_holds_what_make_builds_and_runs_as_the_pod_does() {
    let read =
        |path: &str| std::fs::read_to_string(Path::new(env!("CARGO_MANIFEST_DIR")).join(path)).unwrap();
    let (image, make) = (read("Containerfile"), read("../../Makefile"));
    assert!(make.contains("CONTAINER_DIR := target/container\n"), "the context of the build");
    assert!(make.contains("install $(CONTAINER_DIR)/built/watcher/bootstrap $(CONTAINER_DIR)/watcher "));
    for line in ["COPY watcher /watcher", "ENTRYPOINT [\"/watcher\"]", "USER 65532:65532", "EXPOSE 8080"] {
        assert!(image.lines().any(|found| found == line), "{line}");
    }
    let context =
        "-f infra/watcher/Containerfile -t registry.example.com/prodrome-watcher:0.1.0 target/container";
    assert!(image.contains(context));
    let security =
        &document("base/deployment.yaml", "Deployment")["spec"]["template"]["spec"]["securityContext"];
    assert_eq!((&security["runAsUser"], &security["runAsGroup"]), (&json!(65532), &json!(65532)));
}
