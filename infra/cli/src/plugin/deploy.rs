//! `prodrome plugin deploy`: the new code of one function, and nothing else of the stack.

use anyhow::{Context, Result, bail};
use aws_config::BehaviorVersion;
use clap::Args;
use prodrome_emulator::Code;
use prodrome_lambda::{FunctionState, Functions};
use std::path::{Path, PathBuf};
use std::process::Command;
use std::time::Duration;

/// How long a function may take to have its new code.
const WAIT: Duration = Duration::from_mins(2);
const AGAIN_AFTER: Duration = Duration::from_millis(500);

/// Arguments of `prodrome plugin deploy`.
#[derive(Args)]
pub(crate) struct Arguments {
    /// Its name
    name: String,
    /// The stack that it is part of
    #[arg(long, value_name = "STACK")]
    stack: String,
    /// A program that is built already; by default `make build-function` builds it
    #[arg(long, value_name = "FILE")]
    program: Option<PathBuf>,
    /// For which processor it is built: the stack's parameter Architecture
    #[arg(long, default_value = "x86_64", value_parser = ["x86_64", "arm64"])]
    arch: String,
    /// A folder of the project
    #[arg(long, value_name = "DIR", default_value = ".")]
    dir: PathBuf,
}

/// Runs the command.
pub(super) async fn run(arguments: &Arguments) -> Result<()> {
    let Arguments { name, stack, .. } = arguments;
    let program = match &arguments.program {
        Some(program) => program.clone(),
        None => build(&super::root(&arguments.dir)?, name, &arguments.arch)?,
    };
    let archive = Code::copying(&program)?.to_zip()?;
    let aws = aws_config::load_defaults(BehaviorVersion::latest()).await;
    let functions = Functions::new(&aws).context("TLS cannot be set up")?;
    let function = format!("{stack}-plugin-{name}");
    let mib = archive.len() / (1 << 20);
    if let Err(error) = functions.update_code(&function, &archive).await {
        if matches!(error, prodrome_lambda::InvokeError::Missing { .. }) {
            bail!(
                "there is no function {function}; deploy template.yaml once, which has an entry for {name}, then this updates it"
            );
        }
        return Err(error).with_context(|| format!("{function} could not be updated"));
    }
    let begun = tokio::time::Instant::now();
    loop {
        match functions
            .state(&function)
            .await
            .with_context(|| format!("{function} does not say how it stands"))?
        {
            FunctionState::Ready => break,
            FunctionState::Failed { reason } => bail!("{function} could not take its new code: {reason}"),
            FunctionState::Busy if begun.elapsed() > WAIT => {
                bail!(
                    "{function} has not taken its new code within {} s; see what Lambda says of it",
                    WAIT.as_secs()
                )
            }
            FunctionState::Busy => tokio::time::sleep(AGAIN_AFTER).await,
        }
    }
    say!("{function} runs the new code ({mib} MiB); the next call answers with it");
    Ok(())
}

fn build(root: &Path, name: &str, arch: &str) -> Result<PathBuf> {
    if !root.join("functions/plugins").join(name).join("Cargo.toml").is_file() {
        bail!("there is no plugin {name} in {}", root.join("functions/plugins").display());
    }
    let done = Command::new("make")
        .args(["build-function", &format!("FUNCTION=plugin-{name}"), &format!("ARCH={arch}")])
        .current_dir(root)
        .status()
        .context("make cannot be run; it builds the function")?;
    if !done.success() {
        bail!("plugin-{name} does not build; see above");
    }
    Ok(root.join("target/lambda").join(format!("plugin-{name}")).join("bootstrap"))
}
