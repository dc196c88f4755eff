//! Whether a network policy stands between a caller and the pod that it calls.
//!
//! What cannot be told from the policies alone (labels of namespaces, addresses, named ports) counts as let through: a
//! policy is named only where it certainly refuses.

use crate::context::Context;
use crate::object::Object;
use prodrome_causes::Cause;
use prodrome_model::{Evidence, LabelSelector, PluginResponse};
use serde_json::Value;

impl Context {
    /// The policy that keeps a caller from a pod behind a Service, if one does.
    pub(crate) async fn walled(
        &self,
        caller: &Object,
        behind: &Object,
        service: &Object,
        port: Option<u64>,
    ) -> Option<PluginResponse> {
        let entries = service.list("/spec/ports");
        let of_port = |entry: &&Value| port.is_none_or(|port| entry["port"].as_u64() == Some(port));
        let target = entries.iter().find(of_port).filter(|_| port.is_some() || entries.len() == 1);
        let target = target.and_then(|entry| match &entry["targetPort"] {
            Value::Null => entry["port"].as_u64(),
            other => other.as_u64(),
        });
        let together = caller.namespace() == behind.namespace();
        for (side, own, peer) in [("Ingress", behind, caller), ("Egress", caller, behind)] {
            let all =
                self.cluster().list("networking.k8s.io/NetworkPolicy", own.namespace(), None).await.ok()?;
            let about: Vec<&Object> = all.iter().filter(|policy| isolates(policy, own, side)).collect();
            let rules = if side == "Ingress" { "/spec/ingress" } else { "/spec/egress" };
            let lets = |policy: &&Object| {
                policy.list(rules).iter().any(|rule| allows(rule, side, peer, together, target))
            };
            let Some(first) = about.first().filter(|_| !about.iter().any(lets)) else { continue };
            let (name, called) = (first.name(), service.name());
            let summary = if side == "Ingress" {
                format!("the NetworkPolicy {name} does not let {} reach the pods of {called}", caller.name())
            } else {
                format!("the NetworkPolicy {name} does not let {} out to {called}", caller.name())
            };
            let text = format!(
                "it selects {}, and no rule of {} lets the other through",
                own.name(),
                side.to_lowercase()
            );
            return Some(
                PluginResponse::cause(Cause::NetworkPolicyDenied.id(), 0.87, summary)
                    .because(Evidence::new("spec", text).on(first.reference().clone()))
                    .remedy(format!("Allow it in spec.{} of {name}.", side.to_lowercase()))
                    .blaming(first.reference().clone()),
            );
        }
        None
    }
}

/// Whether a policy selects a pod and speaks of a side.
fn isolates(policy: &Object, pod: &Object, side: &str) -> bool {
    let types = policy.list("/spec/policyTypes");
    let speaks = if types.is_empty() {
        side == "Ingress" || !policy.at("/spec/egress").is_null()
    } else {
        types.iter().any(|kind| kind == side)
    };
    let selects = |selector: LabelSelector| selector.selects(&pod.metadata().labels);
    speaks && policy.selector("/spec/podSelector").is_none_or(selects)
}

fn allows(rule: &Value, side: &str, peer: &Object, together: bool, target: Option<u64>) -> bool {
    let some = |value: &Value| value.as_array().cloned().unwrap_or_default();
    let (ports, peers) = (some(&rule["ports"]), some(&rule[if side == "Ingress" { "from" } else { "to" }]));
    let by_port = ports.is_empty()
        || ports.iter().any(|port| match (port["port"].as_u64(), target) {
            (Some(from), Some(target)) => (from..=port["endPort"].as_u64().unwrap_or(from)).contains(&target),
            _ => true,
        });
    let by_peer = peers.is_empty()
        || peers.iter().any(|one| {
            let by_labels = one["podSelector"].is_null()
                || serde_json::from_value(one["podSelector"].clone())
                    .is_ok_and(|selector: LabelSelector| selector.selects(&peer.metadata().labels));
            let nearby = !one["namespaceSelector"].is_null() || together;
            !one["ipBlock"].is_null() || by_labels && nearby
        });
    by_port && by_peer
}

#[cfg(test)]
mod tests {
    use super::*;
    use prodrome_model::GroupKind;
    use serde_json::json;

    #[test]
    fn only_what_certainly_refuses_is_a_wall() {
        let pod = json!({ "metadata": { "name": "app", "namespace": "shop", "labels": { "app": "web" } } });
        let pod = Object::parse(&GroupKind::core("Pod"), pod.to_string().as_bytes()).unwrap();
        let of = |labels: Value| json!({ "matchLabels": labels });
        for (name, rule, want) in [
            ("anybody", json!({}), true),
            ("its labels", json!({ "from": [{ "podSelector": of(json!({ "app": "web" })) }] }), true),
            ("others' labels", json!({ "from": [{ "podSelector": of(json!({ "app": "api" })) }] }), false),
            (
                "its namespace, perhaps",
                json!({ "from": [{ "namespaceSelector": of(json!({ "team": "a" })) }] }),
                true,
            ),
            ("its address, perhaps", json!({ "from": [{ "ipBlock": { "cidr": "10.0.0.0/8" } }] }), true),
            ("the port", json!({ "ports": [{ "port": 5432 }] }), true),
            ("another port", json!({ "ports": [{ "port": 80 }] }), false),
            ("a range of ports", json!({ "ports": [{ "port": 5000, "endPort": 6000 }] }), true),
            ("a named port, perhaps", json!({ "ports": [{ "port": "sql" }] }), true),
        ] {
            assert_eq!(allows(&rule, "Ingress", &pod, true, Some(5432)), want, "{name}");
        }
    }
}
