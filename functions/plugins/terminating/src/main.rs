//! The Lambda function `plugin-terminating`.

fn main() -> Result<(), prodrome_plugin::Error> {
    prodrome_plugin::run(prodrome_plugin_terminating::plugin())
}
