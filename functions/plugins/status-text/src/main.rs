//! The Lambda function `plugin-status-text`.

fn main() -> Result<(), prodrome_plugin::Error> {
    prodrome_plugin::run(prodrome_plugin_status_text::plugin())
}
