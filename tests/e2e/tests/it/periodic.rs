//! A periodic check: the plugin is a process of its own that asks a real port.

use prodrome_e2e::{Setup, System};
use prodrome_model::{NoticeKind, Owner};
use serde_json::json;
use std::net::TcpListener;
use std::path::Path;

const RULES: &str = "
BalancerSilent:
  resource: Service
  filterField: [{ field: [status, loadBalancer, ingress], nilValue: false }]
  period: 30s
  plugin: endpoint-probe
  resolveAfter: 0
";

fn service(port: u16) -> serde_json::Value {
    json!({
        "apiVersion": "v1", "kind": "Service",
        "metadata": { "namespace": "shop", "name": "web", "uid": "uid-of-web" },
        "spec": { "type": "LoadBalancer", "ports": [{ "port": port }] },
        "status": { "loadBalancer": { "ingress": [{ "ip": "127.0.0.1" }] } },
    })
}

#[test]
fn a_balancer_that_refuses_connections_is_told_and_is_over_when_it_accepts_them() {
    let folder = tempfile::tempdir().unwrap();
    std::fs::write(folder.path().join("net.yaml"), RULES).unwrap();
    let setup = Setup::new(Path::new(env!("CARGO_BIN_EXE_bootstrap")))
        .rules(folder.path())
        .gathering(1)
        .parameter("OutsideNetworks", "127.0.0.0/8");
    let system = System::start(&setup).unwrap();
    // A port on which nobody listens.
    let port = TcpListener::bind("127.0.0.1:0").unwrap().local_addr().unwrap().port();
    system.apply(&service(port));
    let of_kind = |kind| {
        system.webhook.until(&format!("{kind:?}"), |told| {
            told.iter().map(|told| &told.notice).find(|notice| notice.kind == kind).cloned()
        })
    };
    let alert = of_kind(NoticeKind::Alert);
    assert_eq!((alert.rule.as_str(), alert.object.name.as_str()), ("BalancerSilent", "web"));
    // No summary of the rule's own: what the plugin found is told.
    let found = format!("127.0.0.1 port {port} accepts no connection");
    assert!(alert.summary.contains(&found), "{}", alert.summary);
    assert_eq!(alert.owner, Owner::Platform, "the rule says nothing else");
    let _listening = TcpListener::bind(("127.0.0.1", port)).unwrap();
    let over = of_kind(NoticeKind::Resolved);
    assert_eq!(over.fingerprint, alert.fingerprint);
}
