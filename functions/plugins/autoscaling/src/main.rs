//! The Lambda function `plugin-autoscaling`.

fn main() -> Result<(), prodrome_plugin::Error> {
    prodrome_plugin::run(prodrome_plugin_autoscaling::plugin())
}
