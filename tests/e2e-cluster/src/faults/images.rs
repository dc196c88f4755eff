//! Images that cannot be pulled.

use crate::objects::{deployment, image, job_of, on, patched, pull_secret, with_deadline};
use crate::scenario::{Act, NODES, Scenario};
use serde_json::json;

const FAILING: &[&str] = &["PodImagePullFailing"];
const TROUBLE: &[&str] = &["PodImageRegistryTrouble"];

pub(super) fn pulls() -> Vec<Scenario> {
    let mut refused = image("private.example.com/shop/web:1.0");
    refused["imagePullSecrets"] = json!([{ "name": "registry" }]);
    let never = patched(image("registry.example.com/team/app:2.0"), json!({ "imagePullPolicy": "Never" }));
    let of_down = |name| deployment(name, 1, on(NODES[3], image("down.example.com/shop/web:1.0")));
    vec![
        Scenario::pull("image-tag-missing", "registry.example.com/shop/web:2.7", FAILING, "image-not-found"),
        // Nobody waits for the pod's five minutes where a rollout has a shorter deadline.
        Scenario::fault(
            "image-repaired-late",
            vec![with_deadline(deployment("cart", 1, image("registry.example.com/shop/web:1.8")), 60)],
            &["DeploymentRolloutStuck"],
            "image-not-found",
        )
        .within(150)
        .mended_by(Act::kubectl("set image deployment/cart main=registry.example.com/shop/web:1.1")),
        Scenario::pull(
            "image-repository-missing",
            "registry.example.com/shop/wbe:1.0",
            FAILING,
            "image-not-found",
        ),
        Scenario::fault(
            "job-image-missing",
            vec![job_of("import", 1, image("registry.example.com/shop/importer:1.0"))],
            FAILING,
            "image-not-found",
        ),
        Scenario::pull(
            "image-name-invalid",
            "registry.example.com/Shop/Web:1.0",
            &["PodInvalidImageName"],
            "image-name-invalid",
        ),
        Scenario::fault(
            "image-never-pulled",
            vec![deployment("app", 1, never)],
            &["PodImageNeverPulled"],
            "image-never-pull",
        ),
        Scenario::pull(
            "image-of-other-platform",
            "registry.example.com/shop/arm:1.0",
            FAILING,
            "image-platform-mismatch",
        ),
        Scenario::pull("image-without-secret", "private.example.com/shop/web:1.0", FAILING, "image-auth"),
        Scenario::fault(
            "image-wrong-password",
            vec![pull_secret("private.example.com", "not-this-one"), deployment("app", 1, refused)],
            FAILING,
            "image-auth",
        ),
        Scenario::pull("registry-closed", "closed.example.com/shop/web:1.0", TROUBLE, "registry-unreachable")
            .elsewhere(NODES[2]),
        // Two applications have one fault, and a third beside them none.
        Scenario::fault(
            "registry-down-for-two",
            vec![
                of_down("a"),
                of_down("b"),
                deployment("c", 1, on(NODES[3], image("registry.example.com/shop/web:1.0"))),
            ],
            TROUBLE,
            "registry-unreachable",
        ),
        Scenario::pull("registry-without-name", "nowhere.example.com/shop/web:1.0", FAILING, "registry-dns"),
        Scenario::pull("registry-name-broken", "broken.example.com/shop/web:1.0", TROUBLE, "registry-dns")
            .elsewhere(NODES[2]),
        Scenario::pull("registry-ill", "busy.example.com/shop/web:1.0", TROUBLE, "registry-unavailable"),
        Scenario::pull(
            "registry-limits-pulls",
            "limited.example.com/shop/web:1.0",
            TROUBLE,
            "image-rate-limited",
        )
        .elsewhere(NODES[3]),
        Scenario::pull(
            "registry-not-trusted",
            "unknown.example.com/shop/web:1.0",
            TROUBLE,
            "registry-tls-untrusted",
        ),
    ]
}
