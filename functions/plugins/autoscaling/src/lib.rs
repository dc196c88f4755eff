//! Why an autoscaler does not scale.

use prodrome_plugin::{Area, Context, Evidence, NoParams, Object, Plugin, Problem, Response, Texts};

/// The plugin.
pub fn plugin() -> Plugin {
    Plugin::new("autoscaling", diagnose)
        .about("Why an autoscaler does not scale.")
        .reads("autoscaling", "horizontalpodautoscalers", &["get"])
        .reads("", "events", &["list"])
        .names_of(&[Area::Workload, Area::ControlPlane])
}

async fn diagnose(context: Context, _: NoParams) -> Result<Response, Problem> {
    let Some(subject) = context.subject().await? else { return Ok(Response::cleared("the object is gone")) };
    if subject.kind() != "HorizontalPodAutoscaler" {
        return Ok(Response::cleared("it is no autoscaler"));
    }
    let target = subject.at("/spec/scaleTargetRef");
    let (kind, name) =
        (target["kind"].as_str().unwrap_or_default(), target["name"].as_str().unwrap_or_default());
    let group = target["apiVersion"].as_str().and_then(|v| v.split_once('/')).map_or("", |(group, _)| group);
    let full = if group.is_empty() { kind.to_owned() } else { format!("{group}/{kind}") };
    let found = context.cluster().get(&full, subject.namespace(), name).await?;
    let events = context.cluster().events(&subject).await.unwrap_or_default();
    let mut texts = Texts::new();
    for (_, condition) in subject.conditions().filter(|(_, condition)| condition.status == "False") {
        texts.condition(&condition.reason, &condition.message);
    }
    texts.events(
        &events,
        &[
            "FailedGetScale",
            "FailedGetResourceMetric",
            "FailedComputeMetricsReplicas",
            "FailedGetExternalMetric",
            "FailedGetPodsMetric",
            "FailedGetObjectMetric",
            "FailedUpdateScale",
            "InvalidMetricSourceType",
            "SelectorRequired",
        ],
    );
    Ok(explain(&subject, kind, name, found.is_some(), &texts).blaming(subject.reference().clone()))
}

fn explain(hpa: &Object, kind: &str, name: &str, target: bool, texts: &Texts) -> Response {
    if !target {
        return Response::cause(
            "hpa-bad-target",
            0.9,
            format!("it scales the {kind} {name}, which does not exist"),
        )
        .because(Evidence::new("spec", format!("spec.scaleTargetRef names the {kind} {name}")))
        .remedy("Correct the target's name, or remove the autoscaler.");
    }
    if let Some(explained) = texts.explain() {
        return explained.response;
    }
    let limited =
        hpa.condition("ScalingLimited").filter(|c| c.status == "True" && c.reason == "TooManyReplicas");
    if let Some(limited) = limited {
        let most = hpa.number("/spec/maxReplicas").unwrap_or(0.0);
        return Response::cause(
            "hpa-at-max",
            0.88,
            match most {
                1.0 => "it would like more than the one replica that it may have".to_owned(),
                _ => format!("it would like more than the {most} replicas that it may have"),
            },
        )
        .because(Evidence::new("status", limited.message))
        .remedy("Raise maxReplicas, or look at whether the target value fits the load.");
    }
    Response::cleared("its target is there, its metrics are read, and it is not at its limit")
        .ruling_out_all(["hpa-bad-target", "hpa-metrics-missing", "hpa-at-max"])
}

#[cfg(test)]
mod tests {
    use super::*;
    use prodrome_plugin::kit::Kit;
    use serde_json::json;

    #[tokio::test]
    async fn a_missing_target_and_missing_metrics_are_told_apart() {
        let hpa = json!({ "apiVersion": "autoscaling/v2", "kind": "HorizontalPodAutoscaler", "metadata": { "name": "web", "namespace": "shop" },
            "spec": { "scaleTargetRef": { "apiVersion": "apps/v1", "kind": "Deployment", "name": "web" }, "maxReplicas": 3 },
            "status": { "conditions": [{ "type": "ScalingActive", "status": "False", "reason": "FailedGetResourceMetric",
                "message": "the HPA was unable to compute the replica count: failed to get cpu utilization: unable to get metrics for resource cpu: unable to fetch metrics from resource metrics API: the server could not find the requested resource (get pods.metrics.k8s.io)" }] } });
        let target = json!({ "apiVersion": "apps/v1", "kind": "Deployment", "metadata": { "name": "web", "namespace": "shop" } });
        let ask =
            async |kit: Kit| kit.ask(&plugin(), "autoscaling/HorizontalPodAutoscaler shop/web").await.cause;
        assert_eq!(ask(Kit::new().with(hpa.clone())).await.as_deref(), Some("hpa-bad-target"));
        assert_eq!(ask(Kit::new().with(hpa).with(target)).await.as_deref(), Some("hpa-metrics-missing"));
    }
}
