//! A plugin as a Lambda function.

use crate::any_cluster::AnyCluster;
use crate::config::Config;
use crate::plugin::Plugin;
use crate::registry::call;
use crate::view::View;
use aws_config::BehaviorVersion;
use lambda_runtime::{LambdaEvent, service_fn};
use prodrome_cluster::Clusters;
use prodrome_lambda::{init_logs, refuse_by_hand};
use prodrome_model::{PluginRequest, PluginResponse, Scope};
use std::time::Duration;

/// Why a plugin's function ended.
pub type Error = lambda_runtime::Error;

/// Serves a plugin until the Lambda runtime stops it. A plugin's `main` is this and nothing else.
///
/// # Errors
/// Where a setting is wrong, or the runtime's API or the cluster's address cannot be used.
#[expect(clippy::needless_pass_by_value, reason = "a plugin is handed over for good")]
#[tokio::main(flavor = "current_thread")]
pub async fn run(plugin: Plugin) -> Result<(), Error> {
    refuse_by_hand(&format!("plugin-{}", plugin.name()));
    let config = Config::from_env(&plugin)?;
    init_logs(&config.log_level);
    let aws = aws_config::load_defaults(BehaviorVersion::latest()).await;
    let (clusters, settings, outside) = (config.access.clusters(&aws)?, config.settings, config.outside);
    let cluster = |scope: &Scope| {
        let cluster = AnyCluster::new(clusters.of(scope)).with_settings(settings.clone());
        match &outside {
            Some(http) => cluster.with_outside(http.clone()),
            None => cluster,
        }
    };
    let (plugin, cluster) = (&plugin, &cluster);
    lambda_runtime::run(service_fn(move |event: LambdaEvent<PluginRequest>| async move {
        let request = event.payload;
        let (run, node) = (request.run.clone(), request.node.clone());
        let left = request.deadline.duration_since(prodrome_lambda::now());
        let left = Duration::try_from(left).unwrap_or(Duration::ZERO);
        let view = View::new(cluster(&request.cluster));
        let asked = call(plugin, request, &view);
        let response = match tokio::time::timeout(left, asked).await {
            Ok(response) => response,
            Err(_) => PluginResponse::unknown("the plugin was not done by the deadline"),
        };
        tracing::info!(
            plugin = plugin.name(),
            run,
            node,
            verdict = response.verdict.as_str(),
            cause = response.cause,
            confidence = response.confidence,
            "plugin answered"
        );
        Ok::<PluginResponse, Error>(response)
    }))
    .await
}
