//! `prodrome plugin deploy`: the new code of one function, and nothing else of the stack.

use super::create::FUNCTION_NAME_MAX;
use crate::running::Running;
use anyhow::{Context, Result, bail};
use aws_config::BehaviorVersion;
use clap::Args;
use prodrome_emulator::Code;
use prodrome_lambda::{FunctionState, Functions, InvokeError, environment};
use std::os::unix::fs::PermissionsExt as _;
use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};
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
    #[arg(long, value_name = "STACK", required_unless_present = "local")]
    stack: Option<String>,
    /// What `prodrome up` runs on this machine, in place of a stack: cargo builds it unoptimised, and where it has no
    /// such function yet one is made
    #[arg(long, conflicts_with_all = ["stack", "arch"])]
    local: bool,
    /// A program that is built already, in whatever language; by default `make build-function` builds it
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
    let Arguments { name, .. } = arguments;
    let running = if arguments.local { Some(Running::find()?) } else { None };
    let stack = running.as_ref().map(|running| running.stack.as_str()).or(arguments.stack.as_deref());
    let stack = stack.context("expected --stack or --local")?;
    let function = function_name(stack, name)?;
    let program = match (&arguments.program, &running) {
        (Some(program), _) => program.clone(),
        (None, Some(_)) => build_here(&super::root(&arguments.dir)?, name)?,
        (None, None) => build(&super::root(&arguments.dir)?, name, &arguments.arch)?,
    };
    let code = if running.is_some() {
        // It is started where it lies.
        executable(&program)?;
        Code::launching(&program)
    } else {
        Code::copying(&program)
    };
    let archive = code?.to_zip()?;
    let aws = match &running {
        Some(running) => running.sdk_config().await,
        None => aws_config::load_defaults(BehaviorVersion::latest()).await,
    };
    let functions = Functions::new(&aws).context("TLS cannot be set up")?;
    match (functions.update_code(&function, &archive).await, &running) {
        (Ok(()), _) => {}
        (Err(InvokeError::Missing { .. }), Some(running)) => {
            let environment = [
                ("PRODROME_FUNCTION", format!("plugin-{name}")),
                ("CLUSTER_SCOPE", running.scope.clone()),
                ("CLUSTER_KUBECONFIG", running.kubeconfig.display().to_string()),
            ];
            let made = functions.create(&function, &archive, &environment).await;
            made.with_context(|| format!("{function} could not be made"))?;
        }
        (Err(InvokeError::Missing { .. }), None) => bail!(
            "there is no function {function}; deploy template.yaml once, which has an entry for {name}, then this updates it"
        ),
        (Err(error), _) => return Err(error).with_context(|| format!("{function} could not be updated")),
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
    let what = match running {
        Some(_) => program.display().to_string(),
        None => format!("{} MiB", archive.len() / (1 << 20)),
    };
    say!("{function} runs the new code ({what}); the next call answers with it");
    Ok(())
}

/// What its function is called, where there can be one of such a name.
fn function_name(stack: &str, name: &str) -> Result<String> {
    let function = format!("{stack}-plugin-{name}");
    if function.len() > FUNCTION_NAME_MAX {
        bail!(
            "there can be no function {function}: that has {} characters, and Lambda takes at most {FUNCTION_NAME_MAX}; \
             give the stack or the plugin a shorter name",
            function.len()
        );
    }
    Ok(function)
}

/// That it can be started.
fn executable(program: &Path) -> Result<()> {
    let about =
        std::fs::metadata(program).with_context(|| format!("{} cannot be read", program.display()))?;
    if !about.is_file() || about.permissions().mode() & 0o111 == 0 {
        bail!(
            "{0} is no program that can be started; a script begins with #!, and chmod +x {0}",
            program.display()
        );
    }
    Ok(())
}

/// Builds it for this machine, unoptimised.
fn build_here(root: &Path, name: &str) -> Result<PathBuf> {
    is_crate(root, name)?;
    let bin = format!("plugin-{name}");
    // Of the cargo that runs this command, if one does.
    let cargo = environment("CARGO").unwrap_or_else(|| "cargo".to_owned());
    let done = Command::new(&cargo)
        .args(["build", "-p", &format!("prodrome-{bin}"), "--message-format=json-render-diagnostics"])
        .current_dir(root)
        .stdin(Stdio::null())
        .stderr(Stdio::inherit())
        .output()
        .with_context(|| format!("{cargo} cannot be run; it builds the plugin"))?;
    if !done.status.success() {
        bail!("{bin} does not build; see above");
    }
    let messages = String::from_utf8_lossy(&done.stdout);
    let messages = messages.lines().filter_map(|line| serde_json::from_str::<serde_json::Value>(line).ok());
    let mut made = messages.filter(|message| message["target"]["name"] == bin.as_str());
    let program = made.find_map(|message| message["executable"].as_str().map(PathBuf::from));
    program.with_context(|| format!("{cargo} does not say where {bin} is"))
}

fn is_crate(root: &Path, name: &str) -> Result<()> {
    let plugins = root.join("functions/plugins");
    if !plugins.join(name).join("Cargo.toml").is_file() {
        bail!("there is no plugin {name} in {}; `prodrome plugin new {name}` makes it", plugins.display());
    }
    Ok(())
}

fn build(root: &Path, name: &str, arch: &str) -> Result<PathBuf> {
    is_crate(root, name)?;
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
