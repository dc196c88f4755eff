//! Writes the sample events of `events/` anew: `make sample-events`.

#![expect(clippy::print_stdout, reason = "a command speaks to its user")]
#![recursion_limit = "256"] // the futures of the AWS SDK are nested deeply

use anyhow::{Context, Result};
use std::path::Path;

fn main() -> Result<()> {
    let folder = Path::new(env!("CARGO_MANIFEST_DIR")).join("../../events");
    let runtime = tokio::runtime::Builder::new_current_thread().enable_time().build()?;
    for (name, event) in runtime.block_on(prodrome_e2e::samples())? {
        let path = folder.join(name);
        let text = format!("{}\n", serde_json::to_string_pretty(&event)?);
        std::fs::write(&path, text).with_context(|| path.display().to_string())?;
        println!("events/{name}");
    }
    Ok(())
}
