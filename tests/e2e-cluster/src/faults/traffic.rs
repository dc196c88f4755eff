//! Services and Ingresses that lead nowhere.

use crate::objects::{deployment, finalized, ingress, program, service};
use crate::scenario::{Act, Scenario};
use serde_json::{Value, json};

pub(super) fn unanswered() -> Vec<Scenario> {
    vec![
        Scenario::fault(
            "selects-nothing",
            vec![service("web", "wbe"), deployment("web", 1, program())],
            &["ServiceSelectsNothing"],
            "endpoints-none",
        )
        .mended_by(Act::patch("service/web", &json!({ "spec": { "selector": { "app": "web" } } }))),
        Scenario::fault(
            "ingress-missing-service",
            vec![
                ingress("shop", "front"),
                deployment("web", 1, program()),
                service("web", "web"),
                ingress("ok", "web"),
            ],
            &["IngressBackendMissing"],
            "lb-backend-missing",
        )
        .mended_by(Act::Apply(service("front", "web"))),
        Scenario::fault(
            "service-deleting",
            vec![finalized(service("lb", "web")), deployment("web", 1, program())],
            &["ServiceStuckDeleting"],
            "finalizer-stuck",
        )
        .then(20, Act::kubectl("delete service lb --wait=false"))
        .mended_by(Act::patch("service/lb", &json!({ "metadata": { "finalizers": Value::Null } }))),
    ]
}
