//! The evaluation as a Lambda function.

use crate::LiveCluster;
use crate::{ClusterConfig, Config, Credentials, Evaluate};
use aws_config::{BehaviorVersion, SdkConfig};
use jiff::SignedDuration;
use lambda_runtime::Error;
use prodrome_cluster::{Endpoint, KubeCluster, Tokens};
use prodrome_lambda::{EksTokens, Parameters, init_logs, now, serve_queue};
use prodrome_queue::{QueueName, SqsQueue};
use prodrome_rules::{RuleSet, SourceFile};
use prodrome_store::DynamoStore;
use std::path::Path;
use std::sync::Arc;

/// EKS takes a token for 15 minutes.
const EKS_TOKEN_AGE_MAX: SignedDuration = SignedDuration::from_mins(10);
/// Who puts a new token into the parameter store wants it to be used.
const PARAMETER_AGE_MAX: SignedDuration = SignedDuration::from_mins(5);

/// Serves until the runtime stops it.
///
/// # Errors
/// Where a setting is wrong, there is no rule, or the runtime's API cannot be reached.
#[tokio::main(flavor = "current_thread")]
pub async fn main() -> Result<(), Error> {
    let config = Config::from_env()?;
    init_logs(&config.log_level);
    let rules = read_rules(&config.rules_dir)?;
    let aws = aws_config::load_defaults(BehaviorVersion::latest()).await;
    let cluster = connect(&config.cluster, &aws).await?;
    let urls = [
        (QueueName::Changes, config.changes_queue_url),
        (QueueName::Checks, config.checks_queue_url),
        (QueueName::Findings, config.findings_queue_url),
    ];
    let evaluate = Evaluate::new(
        DynamoStore::new(aws_sdk_dynamodb::Client::new(&aws), config.checks_table),
        SqsQueue::new(aws_sdk_sqs::Client::new(&aws), urls),
        cluster,
        Arc::new(rules),
        config.shards,
    );
    Box::pin(serve_queue("evaluate", evaluate)).await
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

async fn connect(config: &ClusterConfig, aws: &SdkConfig) -> Result<LiveCluster, Error> {
    Ok(match config {
        ClusterConfig::None => LiveCluster::Unreachable,
        ClusterConfig::Kubeconfig { path, context } => {
            LiveCluster::Kube(Box::new(KubeCluster::from_kubeconfig(Some(path), context.as_deref()).await?))
        }
        ClusterConfig::Endpoint { url, ca, credentials } => {
            let tokens = tokens(credentials, aws)?;
            if let Some(tokens) = &tokens {
                tokens.token(None).await?; // what is wrong with them is better known now
            }
            let endpoint = Endpoint { url: url.clone(), ca: ca.clone(), tokens };
            LiveCluster::Kube(Box::new(KubeCluster::from_endpoint(endpoint)?))
        }
    })
}

fn tokens(credentials: &Credentials, aws: &SdkConfig) -> Result<Option<Tokens>, Error> {
    Ok(match credentials {
        Credentials::None => None,
        Credentials::Eks(name) => {
            let eks = EksTokens::new(aws, name)?;
            Some(Tokens::new(EKS_TOKEN_AGE_MAX, now, move || {
                let eks = eks.clone();
                Box::pin(async move { eks.token().await.map_err(|error| error.to_string()) })
            }))
        }
        Credentials::Parameter(name) => {
            let (parameters, name) = (Parameters::new(aws)?, name.clone());
            Some(Tokens::new(PARAMETER_AGE_MAX, now, move || {
                let (parameters, name) = (parameters.clone(), name.clone());
                Box::pin(async move { parameters.get(&name).await.map_err(|error| error.to_string()) })
            }))
        }
    })
}
