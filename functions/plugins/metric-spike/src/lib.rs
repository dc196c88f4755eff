//! Whether a metric leapt before it broke: this hour against the hours and days before, by robust statistics, asked of
//! Prometheus.

mod prometheus;
mod query;
mod spike;

use prodrome_plugin::{Cause, Context, Evidence, FactType, Plugin, Problem, Response};
use prometheus::Prometheus;
use query::{Metric, Names};
use serde::Deserialize;
use spike::{Points, Spike, Window};

/// Where Prometheus is: the setting of the function.
const URL: &str = "PROMETHEUS_URL";

/// What a flow may ask for.
#[derive(Debug, Default, Deserialize, schemars::JsonSchema)]
#[serde(default, deny_unknown_fields)]
struct Params {
    /// A `PromQL` query in place of the usual ones; $namespace, $pod, $workload and $node stand for names.
    query: Option<String>,
    /// What the query is called in the answer.
    name: Option<String>,
    /// The cause that a spike of it before the fault speaks for; without, it is a fact and no cause.
    #[schemars(schema_with = "a_cause")]
    cause: Option<String>,
}

/// One of the vocabulary.
fn a_cause(_: &mut schemars::SchemaGenerator) -> schemars::Schema {
    let ids: Vec<Option<&str>> = Cause::ALL.iter().map(|cause| Some(cause.id())).chain([None]).collect();
    schemars::json_schema!({ "type": ["string", "null"], "enum": ids })
}

/// The plugin.
pub fn plugin() -> Plugin {
    Plugin::new("metric-spike", diagnose)
        .about("Whether a metric leapt before it broke.")
        .reads("", "pods", &["get", "list"])
        .asks("Prometheus")
        .setting(URL, "where Prometheus is, such as http://prometheus.monitoring:9090")
        .fact("metric", FactType::Text)
        .fact("ratio", FactType::Number)
        .fact("leadSeconds", FactType::Number)
        .names(Cause::ALL)
}

async fn diagnose(context: Context, params: Params) -> Result<Response, Problem> {
    // Not everybody has one; an alert need not say so each time.
    let Some(url) = context.setting(URL) else {
        return Ok(Response::unknown(format!("no Prometheus is set up: {URL} is not set")));
    };
    let http = context.http("the metrics of Prometheus")?;
    let prometheus = Prometheus::new(http, url);
    let pods = context.pods().await.unwrap_or_default();
    let names = Names::of(&context, pods.first());
    let metrics = match &params.query {
        Some(text) => vec![Metric::given(params.name.as_deref().unwrap_or("the metric"), text)],
        None => query::usual(context.object().kind.as_str()),
    };
    let broke = context.request().rule.since;
    let mut found: Vec<(Metric, Spike)> = Vec::new();
    let mut unseen = Vec::new();
    let mut calm = 0;
    for metric in metrics {
        let Some(query) = names.fill(&metric.query) else { continue };
        let mut windows = Vec::new();
        for window in Window::ALL {
            let (from, to) = window.around(broke);
            match prometheus.range(&query, from, to).await {
                Ok(points) => windows.push((window, points)),
                Err(reason) => {
                    unseen.push((metric.name.clone(), reason));
                    break;
                }
            }
        }
        if windows.len() < Window::ALL.len() {
            continue;
        }
        match spike::find(&Points::new(&windows, broke), metric.floor) {
            Ok(Some(spike)) => found.push((metric, spike)),
            Ok(None) => calm += 1,
            Err(reason) => unseen.push((metric.name.clone(), reason)),
        }
    }
    found.sort_by(|(_, a), (_, b)| b.score.total_cmp(&a.score));
    let mut response = explain(&found, calm, params.cause.as_deref());
    for (name, reason) in unseen {
        response = response.without(format!("the metric {name}"), reason);
    }
    Ok(response)
}

fn explain(found: &[(Metric, Spike)], calm: usize, cause: Option<&str>) -> Response {
    let Some((metric, spike)) = found.first() else {
        return if calm > 0 {
            Response::cleared(format!("none of {calm} metrics leapt before it broke"))
        } else {
            Response::unknown("no metric could be compared with its past")
        };
    };
    let text = format!("{} {spike}", metric.name);
    // What leaps only after it broke is what came of it.
    let leads = spike.lead_seconds > 0;
    let response = match cause.filter(|_| leads) {
        Some(cause) => Response::cause(cause, 0.6, text),
        None => Response::unknown(text),
    };
    let response = found.iter().take(3).fold(response, |response, (metric, spike)| {
        response.because(Evidence::new("metric", format!("{} {spike}", metric.name)))
    });
    response
        .fact("metric", metric.name.as_str())
        .fact("ratio", spike.ratio)
        .fact("leadSeconds", spike.lead_seconds)
}
