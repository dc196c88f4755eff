//! The Lambda function `plugin-mount`.

fn main() -> Result<(), prodrome_plugin::Error> {
    prodrome_plugin::run(prodrome_plugin_mount::plugin())
}
