//! The Lambda function `plugin-job`.

fn main() -> Result<(), prodrome_plugin::Error> {
    prodrome_plugin::run(prodrome_plugin_job::plugin())
}
