//! What was around an object as it broke, in one document: the object and those above it, its events, its node and who
//! else is there, what it refers to and when that changed, what leads to it and limits it.
//!
//! It names no cause. Where a flow finds none, somebody will ask later how it looked; by then it looks different.

mod gather;
mod plain;
mod shrink;

use prodrome_plugin::{Context, Evidence, FactType, Plugin, Problem, Response};
use serde::Deserialize;
use serde_json::Value;

/// What a flow may set.
#[derive(Debug, Deserialize, schemars::JsonSchema)]
#[serde(default, deny_unknown_fields)]
struct Params {
    /// How long the document may be.
    #[schemars(range(min = 1024, max = 131_072))]
    bytes: usize,
}

impl Default for Params {
    fn default() -> Self {
        Self { bytes: 16 * 1024 }
    }
}

const BYTES: std::ops::RangeInclusive<usize> = 1024..=128 * 1024;

/// The plugin.
pub fn plugin() -> Plugin {
    Plugin::new("snapshot", diagnose)
        .about("What was around it as it broke.")
        .reads("", "pods", &["get", "list"])
        .reads("", "events", &["list"])
        .reads("", "nodes", &["get"])
        .reads("", "configmaps", &["get"])
        .reads("", "serviceaccounts", &["get"])
        .reads("", "persistentvolumeclaims", &["get"])
        .reads("", "services", &["list"])
        .reads("", "resourcequotas", &["list"])
        .reads("autoscaling", "horizontalpodautoscalers", &["list"])
        .reads("policy", "poddisruptionbudgets", &["list"])
        .reads("networking.k8s.io", "networkpolicies", &["list"])
        .reads_if_granted("", "secrets", &["get"])
        .fact("document", FactType::Text)
        .names(&[])
}

async fn diagnose(context: Context, params: Params) -> Result<Response, Problem> {
    if !BYTES.contains(&params.bytes) {
        let (from, to) = (BYTES.start(), BYTES.end());
        return Err(Problem::Params(format!("bytes is {}, expected {from} to {to}", params.bytes)));
    }
    let Some(subject) = context.subject().await? else { return Ok(Response::cleared("the object is gone")) };
    let document = gather::document(&context, &subject).await;
    Ok(explain(document, params.bytes))
}

fn explain(document: Value, bytes_max: usize) -> Response {
    let mut lines = Vec::new();
    if let Some(node) = document["node"]["name"].as_str() {
        let (all, unwell) = (&document["neighbours"]["pods"], &document["neighbours"]["notWell"]);
        let state = document["node"]["says"].as_array().map_or(0, Vec::len);
        let state = if state == 0 { "ready, without pressure" } else { "not well" };
        lines.push(format!("the node {node} was {state}; {unwell} of its {all} pods were not well"));
    }
    let changed =
        document["references"].as_array().into_iter().flatten().filter(|r| r["changed"].is_object());
    let mut changed: Vec<(&str, String)> = changed
        .filter_map(|reference| {
            let (at, by) = (reference["changed"]["at"].as_str()?, reference["changed"]["by"].as_str()?);
            Some((at, format!("{} was changed last by {by} at {at}", reference["object"].as_str()?)))
        })
        .collect();
    changed.sort();
    lines.extend(changed.pop().map(|(_, text)| text));
    let text = shrink::to_text(document, bytes_max);
    let summary = format!("what was around it is kept: {} bytes", text.len());
    let response = Response::unknown(summary).fact("document", text);
    lines.into_iter().fold(response, |response, line| response.because(Evidence::new("snapshot", line)))
}
