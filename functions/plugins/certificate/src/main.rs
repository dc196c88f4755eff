//! The Lambda function `plugin-certificate`.

fn main() -> Result<(), prodrome_plugin::Error> {
    prodrome_plugin::run(prodrome_plugin_certificate::plugin())
}
