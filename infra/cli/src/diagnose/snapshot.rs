//! `prodrome diagnose --snapshot`: what is around an object, kept in a file.

use super::{Screen, ask};
use anyhow::{Context, Result, bail};
use jiff::Timestamp;
use prodrome_diagnose::Progress;
use prodrome_flows::NodeState;
use prodrome_model::Finding;
use prodrome_model::shown::harmless_json;
use prodrome_plugin::{AnyCluster, Registry};
use prodrome_rules::SourceFile;
use std::path::Path;
use std::sync::{Arc, Mutex, PoisonError};

/// The plugin alone, with all the room that it knows.
const FLOW: &str =
    "summary: what is around it\nnodes:\n  snapshot: { plugin: snapshot, params: { bytes: 131072 } }\n";

/// The answer of the one node.
#[derive(Default)]
struct Answer(Mutex<Option<NodeState>>);

impl Progress for Answer {
    async fn done(&self, _: &str, state: NodeState) -> Option<NodeState> {
        *self.0.lock().unwrap_or_else(PoisonError::into_inner) = Some(state.clone());
        Some(state)
    }
}

/// The document about the object of a finding, as it is now.
pub(super) async fn of(
    finding: &Finding,
    cluster: AnyCluster,
    plugins: Arc<Registry>,
    now: Timestamp,
) -> Result<String> {
    let loaded = prodrome_flows::load(&[SourceFile::new("around.yaml", FLOW)], &prodrome_local::catalogue());
    let flow = loaded.flows.get("around").context("the snapshot's own flow is not sound")?;
    let answer = Answer::default();
    ask(flow, finding, cluster, plugins, now, &answer).await;
    let state = answer.0.into_inner().unwrap_or_else(PoisonError::into_inner);
    match state {
        Some(NodeState::Answered { response }) => {
            match response.facts.get("document").and_then(|d| d.as_str()) {
                Some(document) => Ok(document.to_owned()),
                None => bail!("there is no snapshot: {}", response.summary),
            }
        }
        Some(NodeState::Failed { reason }) => bail!("there is no snapshot: {reason}"),
        None => bail!("there is no snapshot: nothing answered"),
    }
}

/// Writes it; says whether it went to standard output.
pub(super) fn keep(document: &str, path: &Path, screen: &Screen) -> Result<bool> {
    if path == Path::new("-") {
        say!("{}", harmless_json(document));
        return Ok(true);
    }
    std::fs::write(path, format!("{document}\n"))
        .with_context(|| format!("{} cannot be written", path.display()))?;
    screen.tell(&format!("what is around it is kept in {} ({} bytes)", path.display(), document.len()));
    Ok(false)
}
