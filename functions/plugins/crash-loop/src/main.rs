//! The Lambda function `plugin-crash-loop`.

fn main() -> Result<(), prodrome_plugin::Error> {
    prodrome_plugin::run(prodrome_plugin_crash_loop::plugin())
}
