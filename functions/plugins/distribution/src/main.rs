//! The Lambda function `plugin-distribution`.

fn main() -> Result<(), prodrome_plugin::Error> {
    prodrome_plugin::run(prodrome_plugin_distribution::plugin())
}
