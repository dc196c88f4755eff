//! The Lambda function `plugin-service`.

fn main() -> Result<(), prodrome_plugin::Error> {
    prodrome_plugin::run(prodrome_plugin_service::plugin())
}
