//! The diagnosis as a Lambda function.

use crate::{Config, Diagnose, LambdaPlugins};
use aws_config::BehaviorVersion;
use lambda_runtime::Error;
use prodrome_flows::{Catalogue, FlowSet, SourceFile};
use prodrome_lambda::{Functions, Inbox, init_logs, refuse_by_hand, serve_queue};
use prodrome_queue::{QueueName, SqsQueue};
use prodrome_store::DynamoStore;
use std::path::Path;
use std::sync::Arc;

/// Serves until the runtime stops it.
///
/// # Errors
/// Where a setting is wrong, the flows cannot be read, or the runtime's API cannot be reached.
#[tokio::main(flavor = "current_thread")]
pub async fn main() -> Result<(), Error> {
    refuse_by_hand("diagnose");
    let config = Config::from_env()?;
    init_logs(&config.log_level);
    let flows = read_flows(&config.rules_dir.join("flows"))?;
    let aws = aws_config::load_defaults(BehaviorVersion::latest()).await;
    let urls = [
        (QueueName::Diagnoses, config.diagnoses_queue_url),
        (QueueName::Findings, config.findings_queue_url),
        (QueueName::Checks, config.checks_queue_url),
    ];
    let queue = SqsQueue::new(aws_sdk_sqs::Client::new(&aws), urls)
        .with_dead_letters(config.diagnoses_dead_letters_url.map(|url| (QueueName::Diagnoses, url)));
    let runs = DynamoStore::new(aws_sdk_dynamodb::Client::new(&aws), config.runs_table);
    let inbox = Inbox::new(runs.clone(), queue.clone());
    let diagnose = Diagnose::new(
        runs,
        queue,
        LambdaPlugins::new(Functions::new(&aws)?, config.plugin_prefix),
        Arc::new(flows),
    );
    Box::pin(serve_queue("diagnose", diagnose, inbox)).await
}

/// The flows of a folder. One that is bad is reported and left out: its findings are told without a cause.
fn read_flows(dir: &Path) -> Result<FlowSet, Error> {
    let cannot =
        |error: std::io::Error| format!("the folder of flows {} cannot be read: {error}", dir.display());
    let entries = match std::fs::read_dir(dir) {
        // Whoever only has plugins asked by rules has none.
        Err(error) if error.kind() == std::io::ErrorKind::NotFound => {
            tracing::warn!(folder = %dir.display(), "there is no folder of flows");
            return Ok(FlowSet::default());
        }
        other => other.map_err(cannot)?,
    };
    let mut paths: Vec<_> = entries
        .filter_map(|entry| entry.ok().map(|entry| entry.path()))
        .filter(|path| {
            let name = path.file_name().unwrap_or_default().to_string_lossy();
            path.is_file() && SourceFile::is_rule_file(&name)
        })
        .collect();
    paths.sort();
    let mut files = Vec::new();
    for path in paths {
        let text = std::fs::read_to_string(&path).map_err(cannot)?;
        files.push(SourceFile { name: path.display().to_string(), text });
    }
    // What a plugin declares is its own; a plugin that was deployed later is not known here.
    let loaded = prodrome_flows::load(&files, &Catalogue::any());
    for diagnostic in &loaded.diagnostics {
        if diagnostic.is_error() {
            tracing::error!(diagnostic = %diagnostic, "a flow is wrong");
        } else {
            tracing::warn!(diagnostic = %diagnostic, "a flow is doubtful");
        }
    }
    tracing::info!(flows = loaded.flows.len(), files = files.len(), "flows are loaded");
    Ok(loaded.flows)
}
