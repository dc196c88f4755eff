//! The Lambda function `plugin-logs`.

fn main() -> Result<(), prodrome_plugin::Error> {
    prodrome_plugin::run(prodrome_plugin_logs::plugin())
}
