//! The Lambda function `plugin-endpoint-probe`.

fn main() -> Result<(), prodrome_plugin::Error> {
    prodrome_plugin::run(prodrome_plugin_endpoint_probe::plugin())
}
