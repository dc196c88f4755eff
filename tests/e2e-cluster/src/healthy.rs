//! What every cluster sees each day, and what mends itself before anybody need know.

use crate::objects::{
    deployment, image, job, on, page, patched, program, pull_secret, ready, scheduled_by, shell, with_init,
    with_sidecar,
};
use crate::registry::PASSWORD;
use crate::scenario::{Act, NODES, Scenario};
use serde_json::{Value, json};

/// All of it. Nobody is to be told.
pub(crate) fn healthy() -> Vec<Scenario> {
    [as_it_should_be(), mending_itself()].into_iter().flatten().collect()
}

fn as_it_should_be() -> Vec<Scenario> {
    let slow = ready(shell("sleep 90; exec httpd -f -p 8080 -h /var/www"));
    let mut private = on(NODES[0], image("private.example.com/shop/web:1.0"));
    private["imagePullSecrets"] = json!([{ "name": "registry" }]);
    let drains = json!({ "preStop": { "exec": { "command": ["sleep", "40"] } } });
    let mut draining = ready(patched(program(), json!({ "lifecycle": drains })));
    draining["terminationGracePeriodSeconds"] = json!(60);
    let mut deaf = ready(shell("trap '' TERM; httpd -p 8080 -h /var/www; while :; do sleep 1; done"));
    deaf["terminationGracePeriodSeconds"] = json!(45);
    let newer = "set image deployment/web main=registry.example.com/shop/web:1.1";
    vec![
        Scenario::quiet(
            "right-password",
            vec![pull_secret("private.example.com", PASSWORD), deployment("app", 1, ready(private))],
        ),
        Scenario::quiet("rollout", vec![deployment("web", 3, ready(program()))])
            .then(60, Act::kubectl(newer)),
        Scenario::quiet("slow-start", vec![deployment("api", 1, slow)]),
        Scenario::quiet("init-slow", vec![deployment("web", 1, with_init(program(), "wait", "sleep 70"))]),
        Scenario::quiet("job-finishing", vec![job("report", 0, "sleep 15; echo done")]),
        Scenario::quiet("scaled-down", vec![deployment("web", 3, ready(program()))])
            .then(90, Act::kubectl("scale deployment/web --replicas=1")),
        Scenario::quiet("slow-termination-prestop", vec![deployment("web", 2, draining)])
            .then(40, Act::kubectl("scale deployment/web --replicas=1"))
            .then(100, Act::kubectl(newer)),
        // Killed at the end of its grace: that is not its memory.
        Scenario::quiet("termination-ignores-sigterm", vec![deployment("web", 2, deaf)])
            .then(40, Act::kubectl("scale deployment/web --replicas=1")),
    ]
}

/// Each is a fault, and over before its rule's time.
fn mending_itself() -> Vec<Scenario> {
    // Its page goes and comes again.
    let (gone, back) = ("mv /var/www/index.html /tmp/", "mv /tmp/index.html /var/www/");
    let recovers = format!("httpd -p 8080 -h /var/www; sleep 60; {gone}; sleep 130; {back}; sleep 100000");
    let flaps = format!(
        "httpd -p 8080 -h /var/www; for i in 1 2 3 4 5 6; do sleep 20; {gone}; sleep 20; {back}; done; sleep 100000"
    );
    let shop = with_sidecar(ready(program()), "sleep 200; exec httpd -f -p 8081 -h /var/www", page(8081));
    let mut misspelt = scheduled_by("batch", program());
    misspelt["nodeSelector"]["shop.example.com/pool"] = json!("genral");
    let unpooled = json!({ "nodeSelector": { "shop.example.com/pool": Value::Null } });
    let unpooled = json!({ "spec": { "template": { "spec": unpooled } } });
    vec![
        Scenario::quiet("readiness-recovers", vec![deployment("web", 1, ready(shell(&recovers)))]),
        Scenario::quiet("flapping-readiness", vec![deployment("web", 1, ready(shell(&flaps)))]),
        Scenario::quiet("sidecar-recovers", vec![deployment("shop", 1, shop)]),
        Scenario::quiet("node-selector-repaired", vec![deployment("gpu", 1, misspelt)])
            .then(150, Act::patch("deployment/gpu", &unpooled)),
        Scenario::quiet(
            "image-tag-repaired",
            vec![deployment("cart", 1, image("registry.example.com/shop/web:1.7"))],
        )
        .then(150, Act::kubectl("set image deployment/cart main=registry.example.com/shop/web:1.1")),
    ]
}
