//! What the registry itself says about an image that cannot be pulled: asked by the distribution API, without a
//! credential and with those of the pod's pull secrets.
//!
//! A text of the runtime may mean several things (Docker Hub answers 401 for what does not exist); the registry knows.

mod ask;
mod challenge;
mod credential;
mod explain;

use ask::Registry;
use credential::{Held, held};
use explain::{Findings, explain};
use prodrome_plugin::image::Reference;
use prodrome_plugin::pod::waits_for_image;
use prodrome_plugin::{Cause, Context, NoParams, Object, Plugin, Problem, Response, Unseen};

/// The plugin.
pub fn plugin() -> Plugin {
    Plugin::new("registry", diagnose)
        .about("What the registry itself says about an image.")
        .reads("", "pods", &["get", "list"])
        .reads("", "nodes", &["get"])
        .reads_if_granted("", "secrets", &["get"])
        .asks("the registry of the image")
        .names(&[
            Cause::ImageAuth,
            Cause::ImageNameInvalid,
            Cause::ImageNotFound,
            Cause::ImagePlatformMismatch,
            Cause::ImageRateLimited,
            Cause::RegistryDns,
            Cause::RegistryTlsExpired,
            Cause::RegistryTlsUntrusted,
            Cause::RegistryUnavailable,
            Cause::RegistryUnreachable,
        ])
}

async fn diagnose(context: Context, _: NoParams) -> Result<Response, Problem> {
    let pods = context.pods().await?;
    let Some((pod, container)) = pods.iter().find_map(|pod| Some((pod, waits_for_image(pod)?))) else {
        return Ok(Response::cleared("no container waits for its image"));
    };
    let Some(image) = Reference::parse(&container.image) else {
        return Ok(Response::cause(
            "image-name-invalid",
            0.95,
            format!("{} is no reference to an image", container.image),
        )
        .blaming(context.workload().clone()));
    };
    let http = context.http(&format!("the registry {}", image.registry))?;
    let registry = Registry::new(http, &image);
    let without = registry.look(None).await;
    let mut findings = Findings::new(&image, said(&context), &without);
    let refused = findings.said.as_deref() == Some("image-auth");
    if without.wants_credential() || (refused && without.status() == Some(200)) {
        for name in pull_secrets(pod) {
            let tried = tried(&context, &registry, pod, name).await;
            findings.tried.push(tried);
        }
    }
    findings.node = platform_of_node(&context, pod).await;
    if let Some(found) = findings.found() {
        findings.platforms = registry.platforms(found).await;
    } else if let Some(missing) = findings.missing().cloned() {
        findings.cut_off = registry.cut_off(&missing).await;
        if findings.cut_off.as_ref().is_none_or(|cut_off| cut_off.upstream.is_none()) {
            findings.tags = registry.tags(&missing).await;
        }
    }
    Ok(explain(&findings, context.now(), context.workload()))
}

/// What the runtime's words were taken for, by a node before.
fn said(context: &Context) -> Option<String> {
    let results = context.request().results.values();
    let mut about_it = results.filter(|response| response.facts.contains_key("registry"));
    about_it.find_map(|response| response.cause.clone())
}

/// What became of one pull secret.
struct Tried {
    secret: prodrome_plugin::ObjectRef,
    held: Result<Held, Unseen>,
    look: Option<ask::Look>,
}

async fn tried(context: &Context, registry: &Registry<'_>, pod: &Object, name: &str) -> Tried {
    let secret = prodrome_plugin::ObjectRef {
        api_version: "v1".to_owned(),
        kind: "Secret".to_owned(),
        namespace: pod.namespace().map(str::to_owned),
        name: name.to_owned(),
    };
    let held = match context.cluster().fetch(&secret).await {
        Ok(Some(object)) => Ok(held(&object, registry.image())),
        Ok(None) => Ok(Held::Missing),
        Err(unseen) => Err(unseen),
    };
    let look = match &held {
        Ok(Held::Credential(credential)) => Some(registry.look(Some(credential)).await),
        _ => None,
    };
    Tried { secret, held, look }
}

fn pull_secrets(pod: &Object) -> impl Iterator<Item = &str> {
    // So many are more than anybody has; each is one more question.
    pod.list("/spec/imagePullSecrets").iter().filter_map(|secret| secret["name"].as_str()).take(4)
}

/// `linux/arm64` of the pod's node.
async fn platform_of_node(context: &Context, pod: &Object) -> Option<String> {
    let name = Some(pod.text("/spec/nodeName")).filter(|name| !name.is_empty())?;
    let node = context.cluster().get("Node", None, name).await.ok()??;
    let info = |field: &str| {
        Some(node.text(&format!("/status/nodeInfo/{field}")).to_owned()).filter(|t| !t.is_empty())
    };
    Some(format!("{}/{}", info("operatingSystem")?, info("architecture")?))
}
