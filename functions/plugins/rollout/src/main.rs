//! The Lambda function `plugin-rollout`.

fn main() -> Result<(), prodrome_plugin::Error> {
    prodrome_plugin::run(prodrome_plugin_rollout::plugin())
}
