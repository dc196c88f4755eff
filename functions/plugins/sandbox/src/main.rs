//! The Lambda function `plugin-sandbox`.

fn main() -> Result<(), prodrome_plugin::Error> {
    prodrome_plugin::run(prodrome_plugin_sandbox::plugin())
}
