//! A program that changes a workload behind the back of whoever made it, so that its pods are killed at a limit that
//! nobody chose: a job that "right-sizes", a controller of another team.

use prodrome_plugin::pod::containers;
use prodrome_plugin::{Context, Evidence, Object, Response, Timestamp};
use serde_json::Value;

/// Above what a container's status can say of its own death, as this is what led to it.
const SURE: f64 = 0.94;

/// Who wrote the memory limit under which a container of the pods is killed, where that is a program of the cluster that
/// did not make the workload.
pub(crate) async fn of_limits(context: &Context, deployment: &Object, pods: &[Object]) -> Option<Response> {
    let killed = pods.iter().flat_map(containers).find(|container| {
        container.ended().is_some_and(|ended| ended.reason == "OOMKilled") && !container.init
    })?;
    let write = last_write(deployment, &killed.name)?;
    let (writer, how) = program(context, deployment, &write).await?;
    let (kind, name) = (writer.kind(), writer.name());
    let summary = format!(
        "{} is killed at a memory limit that the {kind} {name} wrote into {}",
        killed.name,
        deployment.name()
    );
    let text = format!(
        "the limits of {} were last written by {}, and the rest of the template by {}",
        killed.name, write.by, write.maker
    );
    Some(
        Response::cause("conflicting-writer", SURE, summary)
            .because(Evidence::new("spec", text).on(deployment.reference().clone()))
            .because(Evidence::new("spec", how).on(writer.reference().clone()))
            .remedy(format!(
                "Stop {name}, or correct what it writes; then set the limit of {} again.",
                killed.name
            ))
            .blaming(writer.reference().clone()),
    )
}

struct Write {
    by: String,
    maker: String,
}

/// The last write of a container's resources, where another wrote its image and the workload's selector.
fn last_write(deployment: &Object, container: &str) -> Option<Write> {
    let key = format!("k:{{\"name\":\"{container}\"}}");
    let entries = deployment.list("/metadata/managedFields");
    let spec = |entry: &Value| entry["fieldsV1"]["f:spec"].clone();
    let of = |entry: &Value| spec(entry)["f:template"]["f:spec"]["f:containers"][&key].clone();
    let by = |entry: &Value| entry["manager"].as_str().map(str::to_owned);
    let at = |entry: &Value| entry["time"].as_str().and_then(|at| at.parse::<Timestamp>().ok());
    let write = entries
        .iter()
        .filter(|entry| !of(entry)["f:resources"]["f:limits"]["f:memory"].is_null())
        .filter(|entry| of(entry)["f:image"].is_null() && spec(entry)["f:selector"].is_null())
        .max_by_key(|entry| at(entry))?;
    let maker = entries.iter().find(|entry| !of(entry)["f:image"].is_null())?;
    (by(write) != by(maker)).then_some(Write { by: by(write)?, maker: by(maker)? })
}

/// The program behind the name of a writer: the one that is called like it; of kubectl the job whose command names the
/// workload.
async fn program(context: &Context, deployment: &Object, write: &Write) -> Option<(Object, String)> {
    let crons = context.cluster().list("batch/CronJob", None, None).await.ok()?;
    let deployments = context.cluster().list("apps/Deployment", None, None).await.unwrap_or_default();
    let others = crons.iter().chain(&deployments).filter(|one| one.reference() != deployment.reference());
    if let Some(one) = others.clone().find(|one| one.name() == write.by) {
        return Some((one.clone(), format!("it writes as {}", write.by)));
    }
    let commands = |one: &Object| {
        let containers = one.list("/spec/jobTemplate/spec/template/spec/containers");
        let words = containers.iter().flat_map(|container| {
            ["command", "args"]
                .into_iter()
                .flat_map(|key| container[key].as_array().cloned().unwrap_or_default())
        });
        words.filter_map(|word| word.as_str().map(str::to_owned)).collect::<Vec<_>>().join(" ")
    };
    let names = |command: &str| {
        command
            .split(|c: char| !(c.is_ascii_alphanumeric() || c == '-' || c == '.'))
            .any(|word| word == deployment.name())
    };
    let mut of_kubectl = crons.iter().filter(|one| {
        let command = commands(one);
        write.by.starts_with("kubectl")
            && command.contains("kubectl")
            && ["patch", "set resources", "apply", "edit"].iter().any(|verb| command.contains(verb))
            && names(&command)
    });
    let one = of_kubectl.next()?;
    // Of two that might have written it, neither is known to have.
    of_kubectl
        .next()
        .is_none()
        .then(|| (one.clone(), format!("its command changes {} by kubectl", deployment.name())))
}
