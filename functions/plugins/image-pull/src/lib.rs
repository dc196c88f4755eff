//! Why an image cannot be pulled: reads what the runtime and the kubelet wrote, and who else pulls from there.

mod peers;

use peers::Peers;
use prodrome_causes::{Cause, Fact, RegistryHost};
use prodrome_plugin::image::{Reference, is_of_a_cloud};
use prodrome_plugin::pod::{Container, containers, is_well, waits_for_image};
use prodrome_plugin::{
    Area, Context, Evidence, Explained, FactType, NoParams, Object, ObjectRef, Owner, Plugin, Problem,
    Response, Texts,
};

/// What is out of the question where no image is waited for.
const RULED_OUT: [Cause; 13] = [
    Cause::ImageNotFound,
    Cause::ImageAuth,
    Cause::RegistryUnavailable,
    Cause::RegistryUnreachable,
    Cause::ImageRateLimited,
    Cause::ImageNodeCredential,
    Cause::RegistryDns,
    Cause::RegistryTlsUntrusted,
    Cause::RegistryTlsExpired,
    Cause::ImageNameInvalid,
    Cause::ImageNeverPull,
    Cause::ImageSignature,
    Cause::ImageUnpackFailed,
];

/// The plugin.
pub fn plugin() -> Plugin {
    Plugin::new("image-pull", diagnose)
        .about("Why an image cannot be pulled.")
        .reads("", "pods", &["get", "list"])
        .reads("", "events", &["list"])
        .fact("registry", FactType::Text)
        .fact("image", FactType::Text)
        .names_of(&[Area::Image, Area::Node])
        .names(&[Cause::RuntimeDown])
}

async fn diagnose(context: Context, _: NoParams) -> Result<Response, Problem> {
    let pods = context.pods().await?;
    let stuck = pods.iter().find_map(|pod| Some((pod, waits_for_image(pod)?)));
    let Some((pod, container)) = stuck else {
        return Ok(
            Response::cleared("no container waits for its image").ruling_out_all(RULED_OUT.map(Cause::id))
        );
    };
    let events = context.cluster().events(pod).await.unwrap_or_default();
    let mut texts = Texts::new();
    texts.waiting(container.waits(), container.waiting.as_ref().map_or("", |w| w.message.as_str()));
    let pulls =
        events.iter().filter(|event| event.message.contains("pull") || event.message.contains("image"));
    let pulls: Vec<_> = pulls.cloned().collect();
    texts.events(&pulls, &["Failed", "BackOff", "InspectFailed", "ErrImageNeverPull"]);
    let others = context.cluster().list("Pod", None, None).await.unwrap_or_default();
    Ok(explain(&context, pod, &container, &texts, &others))
}

fn explain(
    context: &Context,
    pod: &Object,
    container: &Container,
    texts: &Texts,
    others: &[Object],
) -> Response {
    let image = container.image.as_str();
    let host = host(image);
    let answer = |response: Response| response.fact("registry", host.clone()).fact("image", image);
    let Some(Explained { cause, mut response, facts }) = texts.explain() else {
        let response = Response::unknown(format!("{image} is not pulled, and nothing says why"));
        return answer(
            response.without("the error of the runtime", "neither the status nor an event holds it"),
        );
    };
    let mut cause = cause;
    if cause == Cause::ImageAuth
        && pull_secrets(pod).is_none()
        && let Some(why) = nowhere(image, container, pod, others, texts)
    {
        cause = Cause::ImageNotFound;
        let said = std::mem::take(&mut response.evidence);
        let response_of = Response::cause(
            cause.id(),
            why.sure,
            "there is no such repository, as the registry hides behind a refusal",
        );
        response =
            said.into_iter().fold(response_of, Response::because).because(Evidence::new("spec", why.text));
        response.remediation = cause.remediation().iter().map(|step| (*step).to_owned()).collect();
    }
    let registry = facts.get(Fact::Registry).map_or(host.clone(), str::to_owned);
    if !response.summary.contains(image) {
        response.summary = format!("{image}: {}", response.summary);
    }
    let peers = Peers::of(others, &host, image, context.now());
    for evidence in peers.evidence(&registry) {
        response = response.because(evidence);
    }
    if of_the_way(cause)
        && let Some(node) = peers.node_at_fault()
    {
        // Others reach it, so that it is the way from this node.
        response.summary =
            format!("{}: from the node {node} alone; others pull from {registry}", response.summary);
        let node = ObjectRef {
            api_version: "v1".into(),
            kind: "Node".into(),
            namespace: None,
            name: node.to_owned(),
        };
        response = response
            .remedy(format!(
                "See what differs on {}: its resolver, its proxy, its certificates, its clock.",
                node.name
            ))
            .owned_by(Owner::Platform)
            .sharing(format!("node {}", node.name))
            .blaming(node);
        return answer(response);
    }
    if let Some(nobodys) = RegistryHost::of(&host).filter(|_| of_the_registry(cause)) {
        // Who wrote such a reference shares it with nobody.
        response.summary = format!("{image}: {}", nobodys.sentence());
        response.remediation = nobodys.remediation().iter().map(|step| (*step).to_owned()).collect();
        response.owner = Some(Owner::User);
    } else if of_the_registry(cause) {
        response = response.sharing(format!("registry {registry}"));
        if let Some(owner) = owner_of_registry(cause, &registry, texts, &response) {
            response.owner = Some(owner);
        }
    }
    if let Some(secret) = pull_secrets(pod).filter(|_| cause == Cause::ImageAuth) {
        response =
            response.because(Evidence::new("spec", format!("the pod names the pull secrets {secret}")));
    }
    if matches!(cause, Cause::ImageAuth) && pull_secrets(pod).is_none() {
        response = response.because(Evidence::new("spec", "the pod names no pull secret"));
    }
    answer(response.blaming(context.workload().clone()))
}

/// Whether a cause is the registry's matter, so that everybody who pulls from there has it.
const fn of_the_registry(cause: Cause) -> bool {
    matches!(
        cause,
        Cause::RegistryUnavailable
            | Cause::RegistryDns
            | Cause::RegistryUnreachable
            | Cause::RegistryTlsUntrusted
            | Cause::RegistryTlsExpired
            | Cause::ImageRateLimited
    )
}

/// Whether a cause may lie on the way between a node and the registry.
const fn of_the_way(cause: Cause) -> bool {
    matches!(
        cause,
        Cause::RegistryDns
            | Cause::RegistryUnreachable
            | Cause::RegistryTlsUntrusted
            | Cause::RegistryTlsExpired
            | Cause::NodeClockSkew
    )
}

/// A registry that is down is its owner's matter: a cloud's, or the platform's.
fn owner_of_registry(cause: Cause, registry: &str, _: &Texts, response: &Response) -> Option<Owner> {
    match cause {
        Cause::RegistryUnavailable => {
            Some(if is_of_a_cloud(registry) { Owner::Cloud } else { Owner::Platform })
        }
        // Without a login the limit is that of the address by which all leave.
        Cause::ImageRateLimited if response.owner.is_none() => Some(Owner::Platform),
        _ => None,
    }
}

struct Nowhere {
    sure: f64,
    text: String,
}

/// Registries answer a missing repository like a private one. What says that there is none: the hub's own images are all
/// public, and the version before pulled another repository of the same registry without a login.
fn nowhere(
    image: &str,
    container: &Container,
    pod: &Object,
    others: &[Object],
    texts: &Texts,
) -> Option<Nowhere> {
    let asked = Reference::parse(image)?;
    let official = asked.registry == "docker.io" && asked.repository.starts_with("library/");
    if official && texts.find("repository does not exist").is_some() {
        let text = format!("{image} would be one of the hub's own images, which are all public");
        return Some(Nowhere { sure: 0.9, text });
    }
    let before = others
        .iter()
        .filter(|other| other.namespace() == pod.namespace() && is_well(other))
        .find_map(|other| {
            let mut of = containers(other).into_iter().filter(|one| one.name == container.name);
            let elsewhere =
                |one: &Reference| one.registry == asked.registry && one.repository != asked.repository;
            of.find(|one| Reference::parse(&one.image).as_ref().is_some_and(elsewhere))
                .filter(|_| same_app(pod, other))
        })?;
    let text =
        format!("its version before runs {}, pulled without a login from the same registry", before.image);
    Some(Nowhere { sure: 0.72, text })
}

/// Whether two pods are made by the same workload: all their labels are the same, but for the hash of the version.
fn same_app(one: &Object, other: &Object) -> bool {
    let of = |pod: &Object| {
        let mut labels = pod.metadata().labels.clone();
        labels.remove("pod-template-hash");
        labels.remove("controller-revision-hash");
        labels
    };
    !of(one).is_empty() && of(one) == of(other)
}

fn pull_secrets(pod: &Object) -> Option<String> {
    let names: Vec<&str> =
        pod.list("/spec/imagePullSecrets").iter().filter_map(|secret| secret["name"].as_str()).collect();
    (!names.is_empty()).then(|| names.join(", "))
}

/// The host of an image reference; the public hub where it names none.
pub(crate) fn host(image: &str) -> String {
    match image.split_once('/') {
        Some((first, _)) if first.contains(['.', ':']) || first == "localhost" => first.to_owned(),
        _ => "docker.io".to_owned(),
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use prodrome_plugin::kit::Kit;
    use serde_json::{Value, json};

    fn pod(name: &str, image: &str, reason: &str, message: &str) -> Value {
        json!({
            "apiVersion": "v1", "kind": "Pod", "metadata": { "name": name, "namespace": "shop", "uid": name },
            "spec": { "containers": [{ "name": "app", "image": image }] },
            "status": { "phase": "Pending", "containerStatuses": [
                { "name": "app", "state": { "waiting": { "reason": reason, "message": message } } }] },
        })
    }

    #[tokio::test]
    async fn a_refusal_that_hides_what_is_not_there_is_told_from_a_missing_login() {
        let denied = "pull access denied, repository does not exist or may require authorization: server message: insufficient_scope: authorization failed";
        let well = |image: &str| {
            let mut pod = pod("old", image, "", "");
            pod["metadata"]["labels"] = json!({ "app": "web" });
            pod["status"] = json!({ "phase": "Running", "conditions": [{ "type": "Ready", "status": "True" }],
                "containerStatuses": [{ "name": "app", "ready": true, "state": { "running": {} } }] });
            pod
        };
        let new = |image: &str, secret: bool| {
            let mut pod = pod("new", image, "ErrImagePull", denied);
            pod["metadata"]["labels"] = json!({ "app": "web" });
            if secret {
                pod["spec"]["imagePullSecrets"] = json!([{ "name": "pull" }]);
            }
            pod
        };
        for (name, image, secret, before, want) in [
            ("the hub's own", "ngnix:1.27", false, None, "image-not-found"),
            ("the hub's own, with a login", "ngnix:1.27", true, None, "image-auth"),
            ("a private one", "acme/web:1", false, None, "image-auth"),
            (
                "another than before",
                "quay.io/acme/wbe:2",
                false,
                Some("quay.io/acme/web:1"),
                "image-not-found",
            ),
            ("a new tag of the same", "quay.io/acme/web:2", false, Some("quay.io/acme/web:1"), "image-auth"),
            ("from another registry", "quay.io/acme/web:2", false, Some("acme/web:1"), "image-auth"),
        ] {
            let kit = Kit::new().with(new(image, secret));
            let kit = before.into_iter().fold(kit, |kit, before| kit.with(well(before)));
            let answer = kit.ask(&plugin(), "Pod shop/new").await;
            assert_eq!(answer.cause.as_deref(), Some(want), "{name}: {answer:?}");
        }
    }

    #[tokio::test]
    async fn a_registry_that_is_down_is_shared_and_its_owners_matter() {
        let message = r#"failed to pull and unpack image "r.example/a:1": failed to resolve reference "r.example/a:1": failed to do request: Head "https://r.example/v2/a/manifests/1": dial tcp 10.0.0.7:443: connect: connection refused"#;
        let kit = Kit::new().with(pod("a", "r.example/a:1", "ErrImagePull", message)).with(pod(
            "b",
            "r.example/b:1",
            "ImagePullBackOff",
            message,
        ));
        let answer = kit.ask(&plugin(), "Pod shop/a").await;
        assert_eq!(answer.cause.as_deref(), Some("registry-unreachable"));
        assert_eq!(answer.shared.as_deref(), Some("registry r.example"));
        assert!(
            answer
                .evidence
                .iter()
                .any(|e| e.text.contains("2 pods in 1 namespace wait for images of r.example")),
            "{answer:?}"
        );
    }

    #[tokio::test]
    async fn what_fails_on_one_node_alone_is_that_nodes_matter() {
        let on = |mut pod: Value, node: &str| {
            pod["spec"]["nodeName"] = node.into();
            pod
        };
        let started = |name: &str, node: &str, at: &str| {
            json!({ "apiVersion": "v1", "kind": "Pod", "metadata": { "name": name, "namespace": "bank" },
                "spec": { "nodeName": node, "containers": [{ "name": "c", "image": "r.example/other:1" }] },
                "status": { "containerStatuses": [{ "name": "c", "state": { "running": { "startedAt": at } } }] } })
        };
        let message = r#"failed to pull and unpack image "r.example/a:1": failed to resolve reference "r.example/a:1": failed to do request: Head "https://r.example/v2/a/manifests/1": dial tcp: lookup r.example on 10.0.0.2:53: server misbehaving"#;
        let a = || on(pod("a", "r.example/a:1", "ErrImagePull", message), "n1");
        let well = started("c", "n2", "2026-01-01T11:50:00Z");
        let faulty = async |kit: Kit| {
            let answer = kit.ask(&plugin(), "Pod shop/a").await;
            assert_eq!(answer.cause.as_deref(), Some("registry-dns"));
            answer.faulty.map(|faulty| faulty.to_string()).unwrap_or_default()
        };
        assert_eq!(faulty(Kit::new().with(a()).with(well.clone())).await, "Node n1");
        // Long ago, on the same node, or failing elsewhere too: then it is not the node.
        let long_ago = started("c", "n2", "2026-01-01T09:00:00Z");
        assert_eq!(faulty(Kit::new().with(a()).with(long_ago)).await, "Pod shop/a");
        let here = started("d", "n1", "2026-01-01T11:50:00Z");
        assert_eq!(faulty(Kit::new().with(a()).with(well.clone()).with(here)).await, "Pod shop/a");
        let there = on(pod("b", "r.example/b:1", "ErrImagePull", message), "n2");
        assert_eq!(faulty(Kit::new().with(a()).with(well).with(there)).await, "Pod shop/a");
    }

    #[tokio::test]
    async fn a_reference_to_the_node_itself_or_to_its_link_is_its_authors_matter() {
        for (image, error) in [
            ("127.0.0.1:5000/x:1", "dial tcp 127.0.0.1:5000: connect: connection refused"),
            ("localhost:5000/x:1", "dial tcp [::1]:5000: connect: connection refused"),
            ("169.254.169.254/x:1", "dial tcp 169.254.169.254:443: i/o timeout"),
            (
                "localhost/x:1",
                "tls: failed to verify certificate: x509: certificate signed by unknown authority",
            ),
        ] {
            let host = host(image);
            let message = format!(
                "failed to pull and unpack image \"{image}\": failed to resolve reference \"{image}\": failed to do request: Head \"https://{host}/v2/x/manifests/1\": {error}"
            );
            let answer =
                Kit::new().with(pod("a", image, "ErrImagePull", &message)).ask(&plugin(), "Pod shop/a").await;
            assert_eq!(answer.owner, Some(Owner::User), "{image}: {answer:?}");
            assert_eq!(
                (answer.shared.as_deref(), answer.faulty.map(|f| f.kind)),
                (None, Some("Pod".to_owned())),
                "{image}"
            );
            let told = answer.remediation.join(" ");
            assert!(told.contains("image reference") && !told.contains("egress"), "{image}: {told}");
            assert_eq!(answer.summary.matches(image).count(), 1, "{}", answer.summary);
        }
    }

    #[tokio::test]
    async fn an_image_is_named_once() {
        let message = "failed to resolve reference \"r.example/a:1\": r.example/a:1: not found";
        let answer = Kit::new()
            .with(pod("a", "r.example/a:1", "ErrImagePull", message))
            .ask(&plugin(), "Pod shop/a")
            .await;
        assert_eq!(answer.summary.matches("r.example/a:1").count(), 1, "{}", answer.summary);
    }

    #[tokio::test]
    async fn a_bare_back_off_is_unknown_and_a_running_pod_is_cleared() {
        let bare = pod("a", "r.example/a:1", "ImagePullBackOff", r#"Back-off pulling image "r.example/a:1""#);
        let answer = Kit::new().with(bare).ask(&plugin(), "Pod shop/a").await;
        assert_eq!((answer.verdict.as_str(), answer.cause), ("unknown", None));
        let running = json!({"apiVersion": "v1", "kind": "Pod", "metadata": {"name": "a", "namespace": "shop"},
            "status": {"containerStatuses": [{"name": "app", "state": {"running": {}}}]}});
        assert_eq!(Kit::new().with(running).ask(&plugin(), "Pod shop/a").await.verdict.as_str(), "cleared");
    }

    #[test]
    fn the_host_of_a_reference_is_found() {
        for (image, want) in [
            ("nginx", "docker.io"),
            ("library/nginx:1", "docker.io"),
            ("r.example/a/b:1", "r.example"),
            ("localhost:5000/a", "localhost:5000"),
        ] {
            assert_eq!(host(image), want, "{image}");
        }
    }
}
