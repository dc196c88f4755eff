//! The Lambda function `plugin-metric-spike`.

fn main() -> Result<(), prodrome_plugin::Error> {
    prodrome_plugin::run(prodrome_plugin_metric_spike::plugin())
}
