//! The Lambda function `plugin-registry`.

fn main() -> Result<(), prodrome_plugin::Error> {
    prodrome_plugin::run(prodrome_plugin_registry::plugin())
}
