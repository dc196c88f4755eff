//! The Lambda function `plugin-dns`.

fn main() -> Result<(), prodrome_plugin::Error> {
    prodrome_plugin::run(prodrome_plugin_dns::plugin())
}
