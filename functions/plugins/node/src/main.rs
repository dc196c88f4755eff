//! The Lambda function `plugin-node`.

fn main() -> Result<(), prodrome_plugin::Error> {
    prodrome_plugin::run(prodrome_plugin_node::plugin())
}
