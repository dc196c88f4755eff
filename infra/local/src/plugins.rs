use prodrome_causes::Cause;
use prodrome_flows::Catalogue;
use prodrome_plugin::Registry;

/// The shipped plugins. In the cloud each is a function of its own; on one machine they are all here.
pub fn plugins() -> Registry {
    Registry::new([
        prodrome_plugin_admission::plugin(),
        prodrome_plugin_autoscaling::plugin(),
        prodrome_plugin_certificate::plugin(),
        prodrome_plugin_crash_loop::plugin(),
        prodrome_plugin_distribution::plugin(),
        prodrome_plugin_endpoint_probe::plugin(),
        prodrome_plugin_image_pull::plugin(),
        prodrome_plugin_job::plugin(),
        prodrome_plugin_metric_spike::plugin(),
        prodrome_plugin_mount::plugin(),
        prodrome_plugin_node::plugin(),
        prodrome_plugin_pending::plugin(),
        prodrome_plugin_probe_failing::plugin(),
        prodrome_plugin_recent_changes::plugin(),
        prodrome_plugin_references::plugin(),
        prodrome_plugin_registry::plugin(),
        prodrome_plugin_rollout::plugin(),
        prodrome_plugin_sandbox::plugin(),
        prodrome_plugin_service::plugin(),
        prodrome_plugin_status_text::plugin(),
        prodrome_plugin_terminating::plugin(),
        prodrome_plugin_dns::plugin(),
        prodrome_plugin_snapshot::plugin(),
        prodrome_plugin_logs::plugin(),
    ])
}

/// What flows may name: the shipped plugins, what they declare, and the causes that there are.
pub fn catalogue() -> Catalogue {
    let causes = Catalogue::new().with_causes(Cause::ALL.iter().map(|cause| cause.id()));
    plugins().iter().fold(causes, |catalogue, plugin| {
        let catalogue = catalogue
            .with(plugin.name(), plugin.facts().clone())
            .taking(plugin.name(), plugin.params().as_value().clone());
        match plugin.causes() {
            Some(causes) => catalogue.naming(plugin.name(), causes.iter().map(|cause| cause.id())),
            None => catalogue,
        }
    })
}
