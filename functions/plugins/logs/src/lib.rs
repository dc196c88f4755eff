//! What the containers of the pods that are not well wrote, in this life and in the one before, and what it means: the
//! deaths of the common runtimes, and what programs say of what they miss.
//!
//! For any flow: it looks at no exit code, no probe and no state. What a program writes is its tenant's word, so that
//! the confidence stays below that of what an object says.

use prodrome_plugin::pod::{containers, is_well};
use prodrome_plugin::{Context, FactType, NoParams, Object, Plugin, Problem, Response, Texts};

const PODS_MAX: usize = 3;
/// Above this only what an object says itself.
const SURE_MAX: f64 = 0.8;

/// The plugin.
pub fn plugin() -> Plugin {
    Plugin::new("logs", diagnose)
        .about("What containers wrote, in this life and the one before.")
        .reads("", "pods", &["get", "list"])
        .reads("", "pods/log", &["get"])
        .reads("", "services", &["get", "list"])
        .reads("apps", "deployments", &["list"])
        .reads("apps", "statefulsets", &["list"])
        .reads("networking.k8s.io", "networkpolicies", &["list"])
        .fact("container", FactType::Text)
        .fact("previous", FactType::Bool)
        .names_of(Texts::AREAS_OF_LOGS)
        .names(Texts::OTHERS_OF_LOGS)
}

async fn diagnose(context: Context, _: NoParams) -> Result<Response, Problem> {
    let pods = context.pods().await?;
    let unwell: Vec<&Object> = pods.iter().filter(|pod| !is_well(pod)).take(PODS_MAX).collect();
    let mut read = 0;
    let mut best: Option<Response> = None;
    for pod in unwell {
        for container in containers(pod).iter().filter(|container| container.known) {
            // A life before has the last words; without one there is none to ask for.
            let lives: &[bool] = if container.restarts > 0 { &[true, false] } else { &[false] };
            for previous in lives {
                let Ok(Some(log)) = context.cluster().logs(pod.reference(), &container.name, *previous).await
                else {
                    continue;
                };
                read += 1;
                let mut texts = Texts::new();
                texts.about(pod.reference(), |texts| texts.log(&log));
                let Some(explained) = texts.explain() else { continue };
                let mut response = context.follow(pod, explained).await.response;
                response.confidence = response.confidence.min(SURE_MAX);
                if best.as_ref().is_some_and(|best| best.confidence >= response.confidence) {
                    continue;
                }
                response.summary = format!("{}: {}", container.name, response.summary);
                if response.faulty.is_none() {
                    response = response.blaming(context.workload().clone());
                }
                best = Some(response.fact("container", container.name.as_str()).fact("previous", *previous));
            }
        }
    }
    Ok(best.unwrap_or_else(|| match read {
        0 => Response::unknown("no log of a container that is not well is to be had"),
        _ => Response::cleared(format!("none of the {read} logs says anything that is known")),
    }))
}

#[cfg(test)]
mod tests {
    use super::*;
    use prodrome_plugin::kit::Kit;
    use serde_json::{Value, json};

    fn pod(restarts: u32) -> Value {
        json!({ "apiVersion": "v1", "kind": "Pod", "metadata": { "name": "web", "namespace": "shop" }, "spec": { "containers": [{ "name": "c" }] },
            "status": { "phase": "Running", "conditions": [{ "type": "Ready", "status": "False" }],
                "containerStatuses": [{ "name": "c", "restartCount": restarts, "state": { "running": {} } }] } })
    }

    #[tokio::test]
    async fn the_life_before_is_read_where_there_was_one() {
        let dead = "Exception in thread \"main\" java.lang.OutOfMemoryError: Java heap space\n\tat Main.main(Main.java:7)\n";
        let kit = |restarts| {
            Kit::new().with(pod(restarts)).previous_log("shop/web/c", dead).log("shop/web/c", "starting\n")
        };
        let answer = kit(2).ask(&plugin(), "Pod shop/web").await;
        assert_eq!(
            (answer.cause.as_deref(), answer.facts["previous"].as_bool()),
            (Some("oom-killed"), Some(true))
        );
        assert!(answer.confidence <= SURE_MAX);
        assert_eq!(kit(0).ask(&plugin(), "Pod shop/web").await.verdict.as_str(), "cleared");
    }

    #[tokio::test]
    async fn without_a_log_it_is_unknown() {
        assert_eq!(Kit::new().with(pod(2)).ask(&plugin(), "Pod shop/web").await.verdict.as_str(), "unknown");
    }
}
