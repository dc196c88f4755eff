//! Whether what an object refers to is there: `ConfigMaps`, Secrets and their keys, claims, service accounts, classes, and
//! the ports of the Services that its variables name.

use prodrome_plugin::{Cause, Context, Evidence, NoParams, Object, Plugin, Problem, Response};
use serde_json::Value;
use std::collections::BTreeSet;

/// The plugin.
pub fn plugin() -> Plugin {
    Plugin::new("references", diagnose)
        .about("Whether what an object refers to is there.")
        .reads("", "pods", &["get", "list"])
        .reads("", "configmaps", &["get", "list"])
        .reads("", "serviceaccounts", &["get", "list"])
        .reads("", "services", &["get", "list"])
        .reads("apps", "statefulsets", &["get"])
        .reads("", "persistentvolumeclaims", &["get", "list"])
        .reads_if_granted("", "secrets", &["get", "list"])
        .reads("scheduling.k8s.io", "priorityclasses", &["get", "list"])
        .reads("node.k8s.io", "runtimeclasses", &["get", "list"])
        .names(&[
            Cause::ConfigRefMissing,
            Cause::RuntimeClassMissing,
            Cause::ServiceAccountMissing,
            Cause::ServiceMissing,
            Cause::PvcMissing,
            Cause::AppConfigWrong,
        ])
}

/// The cause where a `ConfigMap` or a Secret is not there.
const CONFIG: &str = "config-ref-missing";

/// How sure a wrong port makes: the program may never call there.
const CALLS: f64 = 0.78;
/// In the name of a variable: where the program itself is to be reached.
const LISTENS: [&str; 4] = ["listen", "bind", "advertise", "self"];

/// One thing that is referred to.
#[derive(Debug, Clone, PartialEq, Eq)]
struct Reference {
    kind: &'static str,
    name: String,
    key: Option<String>,
    optional: bool,
    /// Where it stands.
    at: String,
    cause: &'static str,
}

async fn diagnose(context: Context, _: NoParams) -> Result<Response, Problem> {
    let Some(subject) = context.subject().await? else { return Ok(Response::cleared("the object is gone")) };
    let pods = context.pods_of(&subject).await?;
    let (spec, namespace) = match pods.first() {
        Some(pod) => (pod.at("/spec").clone(), pod.namespace().map(str::to_owned)),
        None => (subject.at("/spec/template/spec").clone(), subject.namespace().map(str::to_owned)),
    };
    // Several places may name one object.
    let (mut there, mut spared) = (BTreeSet::new(), BTreeSet::new());
    let mut unsure = Vec::new();
    let mut named = references(&spec);
    if context.workload().kind == "StatefulSet"
        && let Ok(Some(set)) = context.cluster().fetch(context.workload()).await
    {
        named.extend(governing(&set));
    }
    for reference in named {
        let namespaced =
            !matches!(reference.kind, "scheduling.k8s.io/PriorityClass" | "node.k8s.io/RuntimeClass");
        let within = namespace.as_deref().filter(|_| namespaced);
        // What may not be read is noted by the view; the others are still looked at.
        let Ok(found) = context.cluster().get(reference.kind, within, &reference.name).await else {
            continue;
        };
        // Where none of a kind is to be seen, this one is not known to be missing.
        if found.is_none() && !reference.optional && !context.cluster().is_known(reference.kind, within).await
        {
            unsure.push(format!("the {} {}", reference.kind, reference.name));
            continue;
        }
        if let Some(response) = explain(&reference, found.as_ref()) {
            return Ok(response.blaming(context.workload().clone()));
        }
        let kind = reference.kind.rsplit('/').next().unwrap_or(reference.kind);
        let named = format!("the {kind} {}", reference.name);
        if found.is_some() {
            there.insert(named)
        } else {
            spared.insert(named)
        };
    }
    if let Some(pod) = pods.first()
        && let Some(response) = calls_nobody(&context, pod).await
    {
        return Ok(response.blaming(context.workload().clone()));
    }
    let mut summary = match there.len() {
        0 if !spared.is_empty() => "no object that it needs is known to be missing".to_owned(),
        0 if unsure.is_empty() => "it refers to no other object".to_owned(),
        0 => "no object that it refers to is known to be missing".to_owned(),
        1 => "the one object that it needs is there".to_owned(),
        n => format!("all of the {n} objects that it needs are there"),
    };
    if !spared.is_empty() {
        let names = Vec::from_iter(spared).join(", ");
        summary = format!("{summary}; not there, and optional: {names}");
    }
    let response = Response::cleared(summary).ruling_out_all([
        CONFIG,
        "service-account-missing",
        "runtime-class-missing",
    ]);
    Ok(unsure
        .into_iter()
        .fold(response, |response, what| response.without(what, "no object of its kind is to be seen")))
}

/// A variable by which a program is told to call a Service at a port that this does not serve.
async fn calls_nobody(context: &Context, pod: &Object) -> Option<Response> {
    for container in pod.list("/spec/containers").iter().chain(pod.list("/spec/initContainers")) {
        for variable in container["env"].as_array().into_iter().flatten() {
            let (Some(name), Some(value)) = (variable["name"].as_str(), variable["value"].as_str()) else {
                continue;
            };
            let low = name.to_ascii_lowercase();
            if LISTENS.iter().any(|word| low.contains(word)) {
                continue;
            }
            let Some(unserved) = context.unserved(pod, &[value]).await else { continue };
            let at = format!(
                "{}.env.{name} names {}",
                container["name"].as_str().unwrap_or_default(),
                unserved.called
            );
            return Some(unserved.response(CALLS).because(Evidence::new("spec", at)));
        }
    }
    None
}

/// The Service that gives the pods of a `StatefulSet` their names.
fn governing(set: &Object) -> Option<Reference> {
    let name = Some(set.text("/spec/serviceName")).filter(|name| !name.is_empty())?;
    Some(Reference {
        kind: "Service",
        name: name.to_owned(),
        key: None,
        optional: false,
        at: "serviceName".to_owned(),
        cause: "service-missing",
    })
}

fn explain(reference: &Reference, found: Option<&Object>) -> Option<Response> {
    let kind = reference.kind.rsplit('/').next().unwrap_or(reference.kind);
    let name = &reference.name;
    if reference.optional {
        return None;
    }
    let Some(object) = found else {
        let summary = format!("the {kind} {name} does not exist");
        return Some(
            Response::cause(reference.cause, 0.9, summary)
                .because(Evidence::new("spec", format!("{} names the {kind} {name}", reference.at)))
                .remedy(format!("Create the {kind} {name}, or correct the name.")),
        );
    };
    let key = reference.key.as_ref()?;
    // The contents of a Secret are not always told, and those of a ConfigMap not by a recording. (Of one that is really
    // empty the node says so itself.)
    let told = !object.at("/data").is_null() || !object.at("/binaryData").is_null();
    let has = |map: &str| object.at(map).as_object().is_some_and(|map| map.contains_key(key));
    if !told || has("/data") || has("/binaryData") {
        return None;
    }
    let summary = format!("the {kind} {name} has no key {key}");
    Some(
        Response::cause(reference.cause, 0.9, summary)
            .because(Evidence::new(
                "spec",
                format!("{} names the key {key} of the {kind} {name}", reference.at),
            ))
            .remedy(format!("Add the key {key} to the {kind} {name}, or correct the name.")),
    )
}

/// Everything that a pod's spec refers to by name.
fn references(spec: &Value) -> Vec<Reference> {
    let mut found = Vec::new();
    let mut add =
        |kind: &'static str, name: &Value, key: &Value, optional: &Value, at: String, cause: &'static str| {
            if let Some(name) = name.as_str().filter(|name| !name.is_empty()) {
                found.push(Reference {
                    kind,
                    name: name.to_owned(),
                    key: key.as_str().map(str::to_owned),
                    optional: optional.as_bool().unwrap_or(false),
                    at,
                    cause,
                });
            }
        };
    let items = |value: &Value| value.as_array().cloned().unwrap_or_default();
    for list in ["initContainers", "containers"] {
        for container in items(&spec[list]) {
            let name = container["name"].as_str().unwrap_or_default();
            for source in items(&container["envFrom"]) {
                let at = format!("{name}.envFrom");
                let (map, secret) = (&source["configMapRef"], &source["secretRef"]);
                add("ConfigMap", &map["name"], &Value::Null, &map["optional"], at.clone(), CONFIG);
                add("Secret", &secret["name"], &Value::Null, &secret["optional"], at, CONFIG);
            }
            for variable in items(&container["env"]) {
                let at = format!("{name}.env.{}", variable["name"].as_str().unwrap_or_default());
                let (map, secret) =
                    (&variable["valueFrom"]["configMapKeyRef"], &variable["valueFrom"]["secretKeyRef"]);
                add("ConfigMap", &map["name"], &map["key"], &map["optional"], at.clone(), CONFIG);
                add("Secret", &secret["name"], &secret["key"], &secret["optional"], at, CONFIG);
            }
        }
    }
    for volume in items(&spec["volumes"]) {
        let at = format!("volumes.{}", volume["name"].as_str().unwrap_or_default());
        let mut sources = vec![volume.clone()];
        sources.extend(items(&volume["projected"]["sources"]));
        for source in sources {
            let map = &source["configMap"];
            let secret = &source["secret"];
            let secret_name =
                if secret["secretName"].is_null() { &secret["name"] } else { &secret["secretName"] };
            add("ConfigMap", &map["name"], &Value::Null, &map["optional"], at.clone(), CONFIG);
            add("Secret", secret_name, &Value::Null, &secret["optional"], at.clone(), CONFIG);
            for item in items(&map["items"]) {
                add("ConfigMap", &map["name"], &item["key"], &map["optional"], at.clone(), CONFIG);
            }
        }
    }
    let (null, top) = (Value::Null, |key: &str| key.to_owned());
    add(
        "ServiceAccount",
        &spec["serviceAccountName"],
        &null,
        &null,
        top("serviceAccountName"),
        "service-account-missing",
    );
    add(
        "node.k8s.io/RuntimeClass",
        &spec["runtimeClassName"],
        &null,
        &null,
        top("runtimeClassName"),
        "runtime-class-missing",
    );
    found
}

#[cfg(test)]
mod tests {
    use super::*;
    use prodrome_plugin::kit::Kit;
    use serde_json::json;

    #[tokio::test]
    async fn what_is_missing_is_named_and_what_is_optional_is_not_missed() {
        let pod = json!({ "apiVersion": "v1", "kind": "Pod", "metadata": { "name": "a", "namespace": "shop" },
            "spec": { "containers": [{ "name": "c", "envFrom": [{ "configMapRef": { "name": "maybe", "optional": true } }],
                "env": [{ "name": "A", "valueFrom": { "configMapKeyRef": { "name": "settings", "key": "a" } } }] }] } });
        let map = |data: Value| json!({ "apiVersion": "v1", "kind": "ConfigMap", "metadata": { "name": "settings", "namespace": "shop" }, "data": data });
        let ask = async |kit: Kit| kit.ask(&plugin(), "Pod shop/a").await;
        let other = json!({ "apiVersion": "v1", "kind": "ConfigMap", "metadata": { "name": "kube-root-ca.crt", "namespace": "shop" } });
        let missing = ask(Kit::new().with(pod.clone()).with(other)).await;
        assert_eq!(missing.summary, "the ConfigMap settings does not exist");
        let keyless = ask(Kit::new().with(pod.clone()).with(map(json!({ "b": "1" })))).await;
        assert_eq!(keyless.summary, "the ConfigMap settings has no key a");
        let untold = ask(Kit::new().with(pod.clone()).with(map(Value::Null))).await;
        assert_eq!(untold.verdict.as_str(), "cleared");
        let unsure = ask(Kit::new().with(pod.clone())).await;
        assert_eq!((unsure.verdict.as_str(), unsure.not_looked_at.len()), ("cleared", 1));
        let sound = ask(Kit::new().with(pod).with(map(json!({ "a": "1" })))).await;
        assert_eq!(sound.verdict.as_str(), "cleared");
        let summary = "the one object that it needs is there; not there, and optional: the ConfigMap maybe";
        assert_eq!(sound.summary, summary);
    }

    #[tokio::test]
    async fn a_variable_with_a_port_that_its_service_does_not_serve_is_named() {
        let service = |spec: Value| {
            json!({ "apiVersion": "v1", "kind": "Service",
            "metadata": { "name": "quote", "namespace": "shop" }, "spec": spec })
        };
        let sound = json!({ "clusterIP": "10.96.0.9", "selector": { "app": "quote" }, "ports": [{ "port": 8090 }, { "port": 9000 }] });
        let of_pods =
            json!({ "clusterIP": "None", "selector": { "app": "quote" }, "ports": [{ "port": 8090 }] });
        let own =
            json!({ "clusterIP": "10.96.0.9", "selector": { "app": "ship" }, "ports": [{ "port": 8090 }] });
        let behind = json!({ "apiVersion": "v1", "kind": "Pod", "metadata": { "name": "q", "namespace": "shop", "labels": { "app": "quote" } },
            "spec": { "containers": [{ "name": "q", "ports": [{ "containerPort": 7070 }] }] } });
        for (variable, value, spec, wrong) in [
            ("QUOTE_ADDR", "quote:0000", &sound, true),
            ("QUOTE_ADDR", "http://quote.shop.svc.cluster.local:8091/getquote", &sound, true),
            ("QUOTE_ADDR", "amqp://user:1234@quote:5672", &sound, true),
            ("QUOTE_ADDR", "quote:8090", &sound, false),
            ("QUOTE_ADDR", "quote:8091,quote:9000", &sound, false),
            ("QUOTE_ADDR", "quote", &sound, false),
            ("QUOTE_ADDR", "other:8091", &sound, false),
            ("QUOTE_ADDR", "postgres://quote:1234@db/x", &sound, false),
            ("QUOTE_LISTEN", "quote:8091", &sound, false),
            // A pod behind it says that it listens there.
            ("QUOTE_ADDR", "quote:7070", &sound, false),
            ("QUOTE_ADDR", "quote:8091", &of_pods, false),
            ("QUOTE_ADDR", "quote:8091", &own, false),
        ] {
            let pod = json!({ "apiVersion": "v1", "kind": "Pod", "metadata": { "name": "a", "namespace": "shop", "labels": { "app": "ship" } },
                "spec": { "containers": [{ "name": "c", "env": [{ "name": variable, "value": value }] }] } });
            let kit = Kit::new().with(pod).with(behind.clone()).with(service(spec.clone()));
            let answer = kit.ask(&plugin(), "Pod shop/a").await;
            let want = wrong.then_some("app-config-wrong");
            assert_eq!(answer.cause.as_deref(), want, "{variable}={value}: {answer:?}");
        }
    }

    #[tokio::test]
    async fn what_is_optional_counts_as_there_only_where_it_is() {
        let object = |kind: &str, name: &str, rest: Value| {
            let mut object = json!({ "apiVersion": "v1", "kind": kind, "metadata": { "name": name, "namespace": "shop" } });
            object.as_object_mut().unwrap().extend(rest.as_object().unwrap().clone());
            object
        };
        let optional = |name: &str| json!({ "name": name, "optional": true });
        let from = |key: &str, to: Value| json!({ "name": "A", "valueFrom": { key: to } });
        let keyed = |name: &str| json!({ "name": name, "key": "k", "optional": true });
        let spec = json!({ "containers": [{ "name": "c",
                "envFrom": [{ "configMapRef": optional("m1") }, { "secretRef": optional("s1") }, { "configMapRef": optional("there") }],
                "env": [from("configMapKeyRef", keyed("m2")), from("secretKeyRef", keyed("s2")), from("configMapKeyRef", keyed("there"))] }],
            "volumes": [{ "name": "a", "configMap": optional("m3") }, { "name": "b", "secret": { "secretName": "s3", "optional": true } },
                { "name": "c", "projected": { "sources": [{ "configMap": optional("m1") }, { "secret": optional("s4") }] } }] });
        let pod = object("Pod", "a", json!({ "spec": spec }));
        let other = object("Secret", "other", json!({}));
        let kit = || Kit::new().with(pod.clone()).with(other.clone());
        let answer = kit()
            .with(object("ConfigMap", "there", json!({ "data": {} })))
            .ask(&plugin(), "Pod shop/a")
            .await;
        assert_eq!((answer.verdict.as_str(), answer.not_looked_at.len()), ("cleared", 0), "{answer:?}");
        assert_eq!(
            answer.summary,
            "the one object that it needs is there; not there, and optional: the ConfigMap m1, the ConfigMap m2, \
             the ConfigMap m3, the Secret s1, the Secret s2, the Secret s3, the Secret s4"
        );
        let none = kit().ask(&plugin(), "Pod shop/a").await;
        assert!(
            none.summary.starts_with("no object that it needs is known to be missing; not there"),
            "{none:?}"
        );
    }
}
