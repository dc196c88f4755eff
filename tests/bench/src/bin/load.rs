//! `bench-load MIX OBJECTS [stream-lists]`: an API server and a queue for the watcher that is measured.

#![expect(clippy::print_stderr, reason = "a command speaks to its user")]

use anyhow::{Context, Result};
use prodrome_bench::feed;
use std::process::ExitCode;

#[tokio::main(flavor = "current_thread")]
async fn main() -> ExitCode {
    match run().await {
        Ok(()) => ExitCode::SUCCESS,
        Err(error) => {
            eprintln!("bench-load: {error:#}");
            ExitCode::from(2)
        }
    }
}

async fn run() -> Result<()> {
    let mut arguments = std::env::args_os().skip(1);
    let (mix, objects) =
        arguments.next().zip(arguments.next()).context("usage: bench-load MIX OBJECTS [stream-lists]")?;
    let stream_lists = arguments.next().is_some_and(|word| word == "stream-lists");
    let mix = serde_json::from_slice(&std::fs::read(mix)?).context("MIX is no mix")?;
    let objects = objects.to_string_lossy().parse().context("OBJECTS is no number")?;
    feed::serve(mix, objects, stream_lists).await
}
