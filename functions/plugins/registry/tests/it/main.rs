//! Against a real registry, where there is one, and against servers that behave badly.
#![expect(clippy::unwrap_used, reason = "a test that cannot go on has failed")]

mod bad;
mod pki;
mod proxy;
mod real;
mod registry;
mod tokens;

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use prodrome_plugin::Response;
use prodrome_plugin::http::Http;
use prodrome_plugin::kit::Kit;
use prodrome_plugin_registry::plugin;
use serde_json::{Value, json};
use std::path::Path;
use std::time::Duration;

/// A pod that waits for an image on a node of an architecture, and names a pull secret or none.
fn kit(image: &str, architecture: &str, secret: Option<&str>) -> Kit {
    let secrets: Vec<Value> = secret.iter().map(|name| json!({ "name": name })).collect();
    let pod = json!({ "apiVersion": "v1", "kind": "Pod", "metadata": { "name": "web-0", "namespace": "shop", "uid": "u" },
        "spec": { "nodeName": "node-a", "imagePullSecrets": secrets, "containers": [{ "name": "web", "image": image }] },
        "status": { "phase": "Pending", "containerStatuses": [{ "name": "web", "state": { "waiting": {
            "reason": "ImagePullBackOff", "message": "Back-off pulling image" } } }] } });
    let node = json!({ "apiVersion": "v1", "kind": "Node", "metadata": { "name": "node-a" },
        "status": { "nodeInfo": { "operatingSystem": "linux", "architecture": architecture } } });
    Kit::new().with(pod).with(node)
}

/// A pull secret with an entry for a registry.
fn secret(name: &str, registry: &str, password: &str) -> Value {
    let auth = STANDARD.encode(format!("robot:{password}"));
    let config = json!({ "auths": { registry: { "auth": auth } } });
    json!({ "apiVersion": "v1", "kind": "Secret", "metadata": { "name": name, "namespace": "shop" },
        "type": "kubernetes.io/dockerconfigjson",
        "data": { ".dockerconfigjson": STANDARD.encode(config.to_string()) } })
}

/// What the words of the runtime were taken for.
fn said(cause: &str) -> Response {
    Response::cause(cause, 0.9, "by its words").fact("registry", "r")
}

fn http(authority: Option<&Path>) -> Http {
    Http {
        networks: "127.0.0.0/8".parse().unwrap(),
        authorities: authority.map(|path| std::fs::read_to_string(path).unwrap()),
        timeout: Duration::from_secs(3),
        ..Http::default()
    }
}

async fn ask(kit: Kit) -> Response {
    let answer = kit.ask(&plugin(), "Pod shop/web-0").await;
    let text = serde_json::to_string(&answer).unwrap();
    assert!(!text.contains("of-these-tests") && !text.contains("wrong-password"), "a secret is told: {text}");
    answer
}

/// The verdict and the cause.
fn verdict(answer: &Response) -> (&str, Option<&str>) {
    (answer.verdict.as_str(), answer.cause.as_deref())
}
