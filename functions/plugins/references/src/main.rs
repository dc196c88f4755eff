//! The Lambda function `plugin-references`.

fn main() -> Result<(), prodrome_plugin::Error> {
    prodrome_plugin::run(prodrome_plugin_references::plugin())
}
