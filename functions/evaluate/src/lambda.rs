//! The evaluation as a Lambda function.

use crate::{Config, Evaluate};
use aws_config::BehaviorVersion;
use lambda_runtime::Error;
use prodrome_lambda::{Inbox, init_logs, refuse_by_hand, serve_queue};
use prodrome_queue::{QueueName, SqsQueue};
use prodrome_rulebook::Rulebook;
use prodrome_rules::{RuleSet, SourceFile};
use prodrome_store::DynamoStore;
use std::path::Path;
use std::sync::Arc;

/// Serves until the runtime stops it.
///
/// # Errors
/// Where a setting is wrong, there is no rule, or the runtime's API cannot be reached.
#[tokio::main(flavor = "current_thread")]
pub async fn main() -> Result<(), Error> {
    refuse_by_hand("evaluate");
    let config = Config::from_env()?;
    init_logs(&config.log_level);
    let rules = read_rules(&config.rules_dir)?;
    let aws = aws_config::load_defaults(BehaviorVersion::latest()).await;
    let clusters = config.access.clusters(&aws)?;
    let mut urls = vec![
        (QueueName::Changes, config.changes_queue_url),
        (QueueName::Checks, config.checks_queue_url),
        (QueueName::Findings, config.findings_queue_url),
    ];
    let diagnosing = config.diagnoses_queue_url.is_some();
    urls.extend(config.diagnoses_queue_url.map(|url| (QueueName::Diagnoses, url)));
    let dead = [
        Some((QueueName::Changes, config.changes_dead_letters_url)),
        config.checks_dead_letters_url.map(|url| (QueueName::Checks, url)),
    ];
    let dead = dead.into_iter().flatten();
    let tables = aws_sdk_dynamodb::Client::new(&aws);
    let queue = SqsQueue::new(aws_sdk_sqs::Client::new(&aws), urls).with_dead_letters(dead);
    let inbox = Inbox::new(DynamoStore::new(tables.clone(), &*config.checks_table), queue.clone());
    let evaluate = Evaluate::new(
        DynamoStore::new(tables.clone(), &*config.checks_table),
        queue,
        clusters,
        Arc::new(rules),
        config.shards,
    )
    .noting_signs_in(DynamoStore::new(tables.clone(), config.episodes_table))
    .counting_in(DynamoStore::new(tables.clone(), config.checks_table));
    let evaluate = match config.rules_table {
        Some(table) => {
            let evaluate = evaluate.following(Rulebook::new(DynamoStore::new(tables, table)));
            if config.namespace_rules { evaluate.taking_objects() } else { evaluate }
        }
        None => evaluate,
    };
    let evaluate = if diagnosing { evaluate.diagnosing() } else { evaluate };
    Box::pin(serve_queue("evaluate", evaluate, inbox)).await
}

/// The rules of a folder. One that is bad is reported and left out; that there is none is an error.
fn read_rules(dir: &Path) -> Result<RuleSet, Error> {
    let cannot =
        |error: std::io::Error| format!("the folder of rules {} cannot be read: {error}", dir.display());
    let mut paths: Vec<_> = std::fs::read_dir(dir)
        .map_err(cannot)?
        .filter_map(|entry| entry.ok().map(|entry| entry.path()))
        .filter(|path| {
            path.is_file()
                && SourceFile::is_rule_file(&path.file_name().unwrap_or_default().to_string_lossy())
        })
        .collect();
    paths.sort();
    let mut files = Vec::new();
    for path in paths {
        files.push(SourceFile {
            name: path.display().to_string(),
            text: std::fs::read_to_string(&path).map_err(cannot)?,
        });
    }
    let loaded = prodrome_rules::load(&files);
    for diagnostic in &loaded.diagnostics {
        tracing::error!(diagnostic = %diagnostic, "a rule is wrong");
    }
    if loaded.rules.rules().is_empty() {
        return Err(format!("there is no rule in {}", dir.display()).into());
    }
    tracing::info!(rules = loaded.rules.rules().len(), files = files.len(), "rules are loaded");
    Ok(loaded.rules)
}
