//! The Lambda function `plugin-recent-changes`.

fn main() -> Result<(), prodrome_plugin::Error> {
    prodrome_plugin::run(prodrome_plugin_recent_changes::plugin())
}
