//! Where what is broken clusters: on a node, in a zone, on an image, a version or an owner, more than chance has it.
//! And how far it reaches: pods, apps, namespaces, nodes.

mod exact;
mod units;

use prodrome_plugin::{Context, Evidence, FactType, NoParams, Plugin, Problem, Response};
use units::{Population, Split};

/// Below so small a probability, after the correction for all that was tried, chance is out of the question.
const P_MAX: f64 = 0.01;
/// So many have to fail for a cluster to be one, among so many in all.
const FAILING_MIN: usize = 3;
const ALL_MIN: usize = 6;

/// The plugin.
pub fn plugin() -> Plugin {
    Plugin::new("distribution", diagnose)
        .about("Where what is broken clusters, and how far it reaches.")
        .reads("", "pods", &["get", "list"])
        .reads("", "nodes", &["list"])
        .fact("dimension", FactType::Text)
        .fact("value", FactType::Text)
        .fact("pods", FactType::Number)
        .fact("apps", FactType::Number)
        .names(&[])
}

async fn diagnose(context: Context, _: NoParams) -> Result<Response, Problem> {
    let own = context.pods().await?;
    let Some(symptom) = own.iter().find_map(units::symptom) else {
        return Ok(Response::cleared("no pod of it is broken"));
    };
    let all = context.cluster().list("Pod", None, None).await?;
    let nodes = context.cluster().list("Node", None, None).await.unwrap_or_default();
    let workload = own.first().map(units::app).unwrap_or_default();
    Ok(explain(&Population::of(&all, &nodes, symptom), &workload))
}

fn explain(population: &Population<'_>, app: &str) -> Response {
    let reach = population.reach();
    let evidence = Evidence::new("peers", reach.to_string());
    let numbered = |response: Response| {
        response.because(evidence.clone()).fact("pods", reach.pods).fact("apps", reach.apps)
    };
    // Pods of one app have one fault and are one witness, unless only some of them fail.
    let ways: Vec<Vec<Split>> = [population.within(app), population.by_app()]
        .into_iter()
        .filter(|splits| is_enough(splits))
        .collect();
    if ways.is_empty() {
        return numbered(Response::unknown(reach.incomparable()));
    }
    let Some(Cluster { split, p, tried }) = ways.iter().find_map(|splits| cluster(splits)) else {
        return numbered(Response::cleared("what is broken is spread like what is not"));
    };
    let text = format!("{split} (p = {p:.1e}, corrected for {tried} looked at)");
    numbered(Response::unknown(format!("it clusters on the {} {}", split.dimension.as_str(), split.value)))
        .because(Evidence::new("peers", text))
        .fact("dimension", split.dimension.as_str())
        .fact("value", split.value.as_str())
}

/// What chance does not account for.
struct Cluster<'a> {
    split: &'a Split,
    p: f64,
    tried: usize,
}

/// The finest value that explains most of what fails; a coarser one only where several finer ones are in it.
fn cluster(splits: &[Split]) -> Option<Cluster<'_>> {
    let tried = splits.iter().filter(|split| split.failing_with > 0).count();
    let times = f64::from(u32::try_from(tried).unwrap_or(u32::MAX));
    let marked =
        splits.iter().filter(|s| s.failing_with >= FAILING_MIN && s.is_marked() && s.is_of_several());
    let found = marked.map(|split| Cluster { split, p: (split.chance() * times).min(1.0), tried });
    let key = |c: &Cluster<'_>| (!c.split.explains(), c.split.dimension.coarseness());
    found.filter(|c| c.p < P_MAX).min_by(|a, b| key(a).cmp(&key(b)).then(a.p.total_cmp(&b.p)))
}

fn is_enough(splits: &[Split]) -> bool {
    splits.iter().any(|split| {
        let failing = split.failing_with + split.failing_without;
        let well = split.well_with + split.well_without;
        failing >= FAILING_MIN && failing + well >= ALL_MIN && well > 0
    })
}

#[cfg(test)]
mod tests {
    use super::*;
    use prodrome_plugin::kit::Kit;
    use serde_json::{Value, json};

    fn pod(app: &str, nth: usize, node: &str, image: &str, broken: bool) -> Value {
        let state = if broken {
            json!({ "waiting": { "reason": "CrashLoopBackOff" } })
        } else {
            json!({ "running": { "startedAt": "2026-01-01T11:00:00Z" } })
        };
        let ready = if broken { "False" } else { "True" };
        json!({ "apiVersion": "v1", "kind": "Pod",
            "metadata": { "name": format!("{app}-{nth}"), "namespace": app, "uid": format!("{app}{nth}"),
                "ownerReferences": [{ "apiVersion": "apps/v1", "kind": "StatefulSet", "name": app, "uid": app, "controller": true }] },
            "spec": { "nodeName": node, "containers": [{ "name": "c", "image": image }] },
            "status": { "phase": "Running", "conditions": [{ "type": "Ready", "status": ready }],
                "containerStatuses": [{ "name": "c", "state": state }] } })
    }

    fn node(name: &str, zone: &str) -> Value {
        json!({ "apiVersion": "v1", "kind": "Node", "metadata": { "name": name, "labels": { "topology.kubernetes.io/zone": zone } },
            "status": { "nodeInfo": { "kubeletVersion": "v1.34.1" } } })
    }

    /// Twelve apps with a pod on each of six nodes in two zones.
    fn cluster(broken: impl Fn(&str, &str) -> bool) -> Kit {
        let nodes = [("n0", "a"), ("n1", "a"), ("n2", "a"), ("n3", "b"), ("n4", "b"), ("n5", "b")];
        let mut kit = nodes.iter().fold(Kit::new(), |kit, (name, zone)| kit.with(node(name, zone)));
        for app in 0..12 {
            let app = format!("app{app}");
            for (nth, (node, zone)) in nodes.iter().enumerate() {
                kit = kit.with(pod(&app, nth, node, &format!("r.example/{app}:1"), broken(node, zone)));
            }
        }
        kit
    }

    #[tokio::test]
    async fn a_bad_node_and_a_bad_zone_are_told_apart() {
        for (broken, object, want) in [
            (
                (|node: &str, _: &str| node == "n3") as fn(&str, &str) -> bool,
                "Pod app0/app0-3",
                ("node", "n3"),
            ),
            (|_, zone| zone == "b", "Pod app0/app0-3", ("zone", "b")),
        ] {
            let answer = cluster(broken).ask(&plugin(), object).await;
            assert_eq!(answer.verdict.as_str(), "unknown");
            assert_eq!(
                (answer.facts["dimension"].as_str(), answer.facts["value"].as_str()),
                (Some(want.0), Some(want.1)),
                "{answer:?}"
            );
        }
    }

    #[tokio::test]
    async fn how_far_it_reaches_is_told_and_chance_is_not_taken_for_a_cluster() {
        let answer = cluster(|node, _| node == "n3").ask(&plugin(), "Pod app0/app0-3").await;
        assert_eq!((answer.facts["pods"].as_u64(), answer.facts["apps"].as_u64()), (Some(12), Some(12)));
        assert!(answer.evidence[0].text.contains("12 pods of 12 apps in 12 namespaces"), "{answer:?}");
        // Everything is broken everywhere: that clusters nowhere.
        let answer = cluster(|_, _| true).ask(&plugin(), "Pod app0/app0-3").await;
        assert!(!answer.facts.contains_key("dimension"), "{answer:?}");
    }

    #[tokio::test]
    async fn two_pods_prove_nothing_and_a_healthy_one_is_cleared() {
        let kit = Kit::new()
            .with(pod("shop", 0, "n0", "a:1", true))
            .with(pod("shop", 1, "n0", "a:1", true))
            .with(pod("shop", 2, "n1", "a:1", false));
        let answer = kit.ask(&plugin(), "Pod shop/shop-0").await;
        assert_eq!(answer.summary, "too few fail to tell where they cluster");
        assert_eq!(kit.ask(&plugin(), "Pod shop/shop-2").await.verdict.as_str(), "cleared");
    }

    #[tokio::test]
    async fn where_there_is_none_to_compare_with_that_is_said() {
        let one = Kit::new().with(pod("shop", 0, "n0", "a:1", true));
        let answer = one.ask(&plugin(), "Pod shop/shop-0").await;
        assert_eq!(answer.summary, "there is one pod, and none to compare it with");
        assert_eq!(
            answer.evidence[0].text,
            "1 pod of 1 app in 1 namespace on 1 node ends again and again, and there is no other pod"
        );
        let answer = cluster(|_, _| true).ask(&plugin(), "Pod app0/app0-3").await;
        assert_eq!(
            answer.summary,
            "all of the pods fail, and none that is well is there to compare them with"
        );
    }

    #[tokio::test]
    async fn pods_of_one_app_on_one_bad_node_cluster_there() {
        let mut kit = Kit::new();
        for nth in 0..24 {
            let name = format!("n{}", nth % 4);
            kit = kit.with(pod("shop", nth, &name, "a:1", name == "n2"));
        }
        let answer = kit.ask(&plugin(), "Pod shop/shop-2").await;
        assert_eq!(answer.facts["value"], "n2", "{answer:?}");
    }
}
