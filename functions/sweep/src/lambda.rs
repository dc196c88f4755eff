//! The sweep as a Lambda function.

use crate::{Config, Sweep};
use aws_config::BehaviorVersion;
use lambda_runtime::Error;
use prodrome_lambda::{Failure, Tally, init_logs, refuse_by_hand, serve_schedule};
use prodrome_queue::{QueueName, SqsQueue};
use prodrome_store::DynamoStore;

/// Serves until the runtime stops it.
///
/// # Errors
/// Where a setting is wrong, or the runtime's API cannot be reached.
#[tokio::main(flavor = "current_thread")]
pub async fn main() -> Result<(), Error> {
    refuse_by_hand("sweep");
    let config = Config::from_env()?;
    init_logs(&config.log_level);
    let aws = aws_config::load_defaults(BehaviorVersion::latest()).await;
    let tables = aws_sdk_dynamodb::Client::new(&aws);
    let urls =
        [(QueueName::Checks, config.checks_queue_url), (QueueName::Findings, config.findings_queue_url)];
    let silent_after = config.silent_after;
    let sweep = Sweep::new(
        DynamoStore::new(tables.clone(), config.checks_table),
        DynamoStore::new(tables, config.episodes_table),
        SqsQueue::new(aws_sdk_sqs::Client::new(&aws), urls),
    )
    .with_silence_after(silent_after);
    let sweep = &sweep;
    serve_schedule("sweep", |now| async move {
        let mut tally = Tally::default();
        let done = sweep.tick(now, &mut tally).await;
        let done = done.map_err(|error| Failure::retryable("sweep_unfinished", error_chain(&error)));
        (done, tally)
    })
    .await
}

fn error_chain(error: &dyn std::error::Error) -> String {
    let mut text = error.to_string();
    let mut source = error.source();
    while let Some(cause) = source {
        text = format!("{text}: {cause}");
        source = cause.source();
    }
    text
}
