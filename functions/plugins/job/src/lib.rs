//! Why a Job fails or does not end.

use prodrome_plugin::pod::containers;
use prodrome_plugin::{Area, Context, Evidence, NoParams, Object, Plugin, Problem, Response, Texts};

/// The plugin.
pub fn plugin() -> Plugin {
    Plugin::new("job", diagnose)
        .about("Why a Job fails or does not end.")
        .reads("batch", "jobs", &["get", "list"])
        .reads("batch", "cronjobs", &["get"])
        .reads("", "pods", &["list"])
        .reads("", "events", &["list"])
        .names_of(&[Area::Workload])
}

async fn diagnose(context: Context, _: NoParams) -> Result<Response, Problem> {
    let Some(subject) = context.subject().await? else { return Ok(Response::cleared("the object is gone")) };
    let pods = context.pods_of(&subject).await?;
    if let Some(response) = blocked(&context, &subject, &pods) {
        return Ok(response);
    }
    let mut jobs = Vec::new();
    match subject.kind() {
        "Job" => jobs.push(subject.clone()),
        "CronJob" => {
            let uid = &subject.metadata().uid;
            let all = context.cluster().list("batch/Job", subject.namespace(), None).await?;
            jobs.extend(
                all.into_iter()
                    .filter(|job| job.metadata().controller().is_some_and(|owner| owner.uid == *uid)),
            );
        }
        _ => return Ok(Response::cleared("it is no Job")),
    }
    for job in &jobs {
        let Some(failed) = job.condition("Failed").filter(|c| c.status == "True") else { continue };
        let evidence = Evidence::new("status", format!("{}: {}", failed.reason, failed.message))
            .on(job.reference().clone());
        let response = match failed.reason.as_str() {
            "DeadlineExceeded" => {
                Response::cause("job-deadline", 0.9, format!("the Job {} ran longer than it may", job.name()))
                    .remedy("Raise activeDeadlineSeconds, or find what takes so long.")
            }
            "BackoffLimitExceeded" | "FailedIndexes" | "MaxFailedIndexesExceeded" | "PodFailurePolicy" => {
                Response::cause(
                    "job-backoff",
                    0.55,
                    format!("the pods of the Job {} failed as often as they may", job.name()),
                )
                .remedy("See why its pods failed.")
            }
            _ => continue,
        };
        return Ok(response.because(evidence).blaming(context.workload().clone()));
    }
    let events = context.cluster().events(&subject).await.unwrap_or_default();
    let mut texts = Texts::new();
    texts.events(
        &events,
        &[
            "MissSchedule",
            "TooManyMissedTimes",
            "UnparseableSchedule",
            "InvalidSchedule",
            "UnknownTimeZone",
            "FailedNeedsStart",
        ],
    );
    match texts.explain() {
        Some(explained) => Ok(explained.response.blaming(subject.reference().clone())),
        None => Ok(Response::cleared("no Job of it failed").ruling_out_all(["job-backoff", "job-deadline"])),
    }
}

/// A pod whose work is done, while an ordinary container beside it goes on for ever.
fn blocked(context: &Context, subject: &Object, pods: &[Object]) -> Option<Response> {
    if !matches!(subject.kind(), "Job" | "CronJob" | "Pod") {
        return None;
    }
    pods.iter().find_map(|pod| {
        let of_a_job = pod.metadata().controller().is_some_and(|owner| owner.kind == "Job");
        let all: Vec<_> = containers(pod).into_iter().filter(|container| !container.init).collect();
        let done = all.iter().find(|c| c.terminated.as_ref().is_some_and(|t| t.exit_code == 0))?;
        let running = all.iter().find(|c| c.running.is_some())?;
        let summary = format!("{} has done its work, but {} beside it does not end", done.name, running.name);
        of_a_job.then(|| {
            Response::cause("job-sidecar-blocks", 0.88, summary)
                .because(
                    Evidence::new("status", format!("{} ended with 0, {} runs", done.name, running.name))
                        .on(pod.reference().clone()),
                )
                .remedy(format!(
                    "Make {} a sidecar: an init container with restartPolicy Always.",
                    running.name
                ))
                .blaming(context.workload().clone())
        })
    })
}

#[cfg(test)]
mod tests {
    use super::*;
    use prodrome_plugin::kit::Kit;
    use serde_json::json;

    #[tokio::test]
    async fn a_deadline_and_a_container_that_does_not_end_are_told_apart() {
        let job = json!({ "apiVersion": "batch/v1", "kind": "Job", "metadata": { "name": "import", "namespace": "shop", "uid": "j" },
            "status": { "conditions": [{ "type": "Failed", "status": "True", "reason": "DeadlineExceeded", "message": "Job was active longer than specified deadline" }] } });
        let answer = Kit::new().with(job).ask(&plugin(), "batch/Job shop/import").await;
        assert_eq!(answer.cause.as_deref(), Some("job-deadline"));
        let job = json!({ "apiVersion": "batch/v1", "kind": "Job", "metadata": { "name": "import", "namespace": "shop", "uid": "j" } });
        let pod = json!({ "apiVersion": "v1", "kind": "Pod", "metadata": { "name": "import-x", "namespace": "shop",
            "ownerReferences": [{ "apiVersion": "batch/v1", "kind": "Job", "name": "import", "uid": "j", "controller": true }] },
            "spec": { "containers": [{ "name": "work" }, { "name": "shipper" }] },
            "status": { "phase": "Running", "containerStatuses": [
                { "name": "work", "state": { "terminated": { "exitCode": 0, "reason": "Completed" } } },
                { "name": "shipper", "state": { "running": { "startedAt": "2026-01-01T00:00:00Z" } } }] } });
        let answer = Kit::new().with(job).with(pod).ask(&plugin(), "batch/Job shop/import").await;
        assert_eq!(answer.cause.as_deref(), Some("job-sidecar-blocks"));
    }
}
