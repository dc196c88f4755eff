//! The Lambda function `plugin-snapshot`.

fn main() -> Result<(), prodrome_plugin::Error> {
    prodrome_plugin::run(prodrome_plugin_snapshot::plugin())
}
