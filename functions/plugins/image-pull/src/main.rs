//! The Lambda function `plugin-image-pull`.

fn main() -> Result<(), prodrome_plugin::Error> {
    prodrome_plugin::run(prodrome_plugin_image_pull::plugin())
}
