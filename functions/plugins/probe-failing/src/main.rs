//! The Lambda function `plugin-probe-failing`.

fn main() -> Result<(), prodrome_plugin::Error> {
    prodrome_plugin::run(prodrome_plugin_probe_failing::plugin())
}
