//! The Lambda function `plugin-pending`.

fn main() -> Result<(), prodrome_plugin::Error> {
    prodrome_plugin::run(prodrome_plugin_pending::plugin())
}
