//! The Lambda function `plugin-admission`.

fn main() -> Result<(), prodrome_plugin::Error> {
    prodrome_plugin::run(prodrome_plugin_admission::plugin())
}
