//! The alerts as a Lambda function.

use crate::secrets::AwsSecrets;
use crate::{Alerts, Config, RoutingSource};
use aws_config::BehaviorVersion;
use lambda_runtime::Error;
use prodrome_lambda::{
    Inbox, Parameters, SecretsManager, environment, init_logs, refuse_by_hand, serve_queue,
};
use prodrome_model::chain;
use prodrome_notify::{HttpChannels, Routing, Sender, Timeouts};
use prodrome_queue::{QueueName, SqsQueue};
use prodrome_store::DynamoStore;
use std::sync::Arc;

/// Serves until the runtime stops it.
///
/// # Errors
/// Where a setting or the routing file is wrong, or the runtime's API cannot be reached.
#[tokio::main(flavor = "current_thread")]
pub async fn main() -> Result<(), Error> {
    refuse_by_hand("alert");
    let config = Config::from_env()?;
    init_logs(&config.log_level);
    let aws = aws_config::load_defaults(BehaviorVersion::latest()).await;
    let parameters = Parameters::new(&aws)?;
    let routing = Arc::new(read_routing(&config.routing, &parameters).await?);
    let secrets = AwsSecrets::new(parameters, SecretsManager::new(&aws)?, environment);
    let sender = Sender::new(Timeouts::default())?;
    let queue =
        SqsQueue::new(aws_sdk_sqs::Client::new(&aws), [(QueueName::Findings, config.findings_queue_url)])
            .with_dead_letters(config.findings_dead_letters_url.map(|url| (QueueName::Findings, url)));
    let episodes = DynamoStore::new(aws_sdk_dynamodb::Client::new(&aws), config.episodes_table);
    let inbox = Inbox::new(episodes.clone(), queue.clone());
    let alerts =
        Alerts::new(episodes, queue, HttpChannels::new(Arc::clone(&routing), secrets, sender), routing);
    Box::pin(serve_queue("alert", alerts, inbox)).await
}

async fn read_routing(source: &RoutingSource, parameters: &Parameters) -> Result<Routing, Error> {
    let (name, text) = match source {
        RoutingSource::File(path) => {
            let cannot = |error| format!("the routing file {} cannot be read: {error}", path.display());
            (path.display().to_string(), tokio::fs::read_to_string(path).await.map_err(cannot)?)
        }
        RoutingSource::Parameter(name) => {
            let cannot = |error| format!("the routing file cannot be read: {}", chain(&error));
            (format!("ssm:{name}"), parameters.get(name).await.map_err(cannot)?)
        }
    };
    let routing = Routing::parse(&name, &text).map_err(|mistakes| {
        let mistakes: Vec<String> = mistakes.iter().map(ToString::to_string).collect();
        format!("the routing file has {} mistakes: {}", mistakes.len(), mistakes.join("; "))
    })?;
    tracing::info!(routing = name, channels = routing.channels().len(), "the routing file is loaded");
    Ok(routing)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn nobody() -> Parameters {
        let config = aws_config::SdkConfig::builder().behavior_version(BehaviorVersion::latest());
        Parameters::new(&config.build()).unwrap()
    }

    #[tokio::test]
    async fn a_routing_file_with_mistakes_names_them_all() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("routing.yaml");
        std::fs::write(&path, "channels: {}\nroutes: [{chanels: [a]}]\n").unwrap();
        let error = read_routing(&RoutingSource::File(path), &nobody()).await.unwrap_err().to_string();
        assert!(error.contains("routing.yaml:1:11") && error.contains("routing.yaml:2:11"), "{error}");
    }

    #[tokio::test]
    async fn a_routing_file_that_is_not_there_says_where_it_was_looked_for() {
        let source = RoutingSource::File("/nowhere/routing.yaml".into());
        let error = read_routing(&source, &nobody()).await.unwrap_err().to_string();
        assert!(error.contains("/nowhere/routing.yaml"), "{error}");
    }
}
