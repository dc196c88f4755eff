//! `prodrome plugin`: a new root-cause plugin, and what the shipped ones declare.

mod create;
mod deploy;
mod entry;
mod rbac;

use crate::Outcome;
use anyhow::{Context, Result};
use clap::{Args, Subcommand};
use prodrome_causes::{Area, Cause};
use std::collections::BTreeSet;
use std::path::{Path, PathBuf};

/// Arguments of `prodrome plugin`.
#[derive(Args)]
pub(crate) struct Arguments {
    #[command(subcommand)]
    command: Command,
}

#[derive(Subcommand)]
enum Command {
    /// Make a working plugin: a crate with a test, its place in the command and in template.yaml
    New {
        /// Its name, such as disk-usage
        name: String,
        /// A folder of the project
        #[arg(long, value_name = "DIR", default_value = ".")]
        dir: PathBuf,
    },
    /// Say what the shipped plugins find out, take, give and read
    List,
    /// Print the roles of the cluster by which each plugin may read what it declares
    Rbac {
        /// Print what an operator adds knowingly, such as pull secrets, and nothing else
        #[arg(long)]
        overlay: bool,
        /// Bind all of it to a service account, such as prodrome/plugins, where a token is used and not EKS
        #[arg(long, value_name = "NAMESPACE/NAME")]
        service_account: Option<String>,
    },
    /// Build one plugin and update its function in a deployed stack, and nothing else
    Deploy(deploy::Arguments),
}

/// Runs the command.
pub(crate) async fn run(arguments: &Arguments) -> Result<Outcome> {
    match &arguments.command {
        Command::New { name, dir } => {
            let root = root(dir)?;
            create::create(&root, name)?;
            say!("made functions/plugins/{name}, and its entries in template.yaml and in this command");
            say!("  1. its question:       functions/plugins/{name}/src/lib.rs");
            say!("  2. its test:           cargo test -p prodrome-plugin-{name}");
            say!("  3. who asks it:        a node of a flow in rules/flows: `why: {{ plugin: {name} }}`");
            say!(
                "  4. try it:             prodrome flows check; prodrome diagnose KIND/NAME --from objects.yaml"
            );
            say!("  5. what it may read:   prodrome plugin rbac > infra/plugins/rbac.yaml");
            say!(
                "  6. on this machine:    prodrome up, which reads the flows, and beside it prodrome plugin deploy {name} --local"
            );
            say!(
                "  7. in the cloud:       template.yaml once, then prodrome plugin deploy {name} --stack STACK"
            );
            say!("CONTRIBUTING.md says more of each.");
        }
        Command::List => list()?,
        Command::Rbac { overlay, service_account } => {
            say!("{}", rbac::manifest(&prodrome_local::plugins(), *overlay, service_account.as_deref())?);
        }
        Command::Deploy(arguments) => deploy::run(arguments).await?,
    }
    Ok(Outcome::Quiet)
}

fn list() -> Result<()> {
    for plugin in prodrome_local::plugins().iter() {
        say!("{}: {}", plugin.name(), plugin.describe());
        for (name, kind) in plugin.facts() {
            say!("  gives {name}: {}", kind.as_str());
        }
        say!("  names {}", causes(plugin.causes()));
        let params = plugin.params().as_value();
        for (name, schema) in params["properties"].as_object().into_iter().flatten() {
            let about = schema["description"].as_str().unwrap_or_default();
            say!("  takes {name}: {about}");
        }
        for reads in plugin.rights() {
            let group = if reads.group.is_empty() { String::new() } else { format!("{}/", reads.group) };
            let granted = if reads.overlay { ", where an operator grants it" } else { "" };
            let named = if reads.names.is_empty() {
                String::new()
            } else {
                format!(" of the names {} alone", reads.names.join(", "))
            };
            say!("  reads {group}{}{named} ({}{granted})", reads.resource, reads.verbs.join(", "));
        }
        if let Some(outside) = plugin.outside() {
            say!("  asks {outside}");
        }
        for (name, what) in plugin.settings() {
            say!("  is told {name}: {what}");
        }
    }
    Ok(())
}

/// In words. Most of the vocabulary is told by how much it is.
fn causes(named: Option<&BTreeSet<Cause>>) -> String {
    const TOLD_MAX: usize = 24;
    match named {
        None => "causes that it does not declare".to_owned(),
        Some(named) if named.is_empty() => "no cause".to_owned(),
        Some(named) if named.len() == Cause::ALL.len() => "any cause".to_owned(),
        Some(named) if named.len() > TOLD_MAX => {
            let areas: BTreeSet<_> = named.iter().map(|cause| cause.area()).collect();
            let areas: Vec<String> = areas.iter().map(|area| words(*area)).collect();
            format!("{} causes, of the areas {}", named.len(), areas.join(", "))
        }
        Some(named) => named.iter().map(|cause| cause.id()).collect::<Vec<_>>().join(", "),
    }
}

/// As it is written: `control-plane`.
fn words(area: Area) -> String {
    serde_json::to_value(area).ok().and_then(|word| word.as_str().map(str::to_owned)).unwrap_or_default()
}

/// The project's folder: that of `template.yaml`, here or above.
fn root(dir: &Path) -> Result<PathBuf> {
    let here = dir.canonicalize().with_context(|| format!("there is no folder {}", dir.display()))?;
    let found = here
        .ancestors()
        .find(|dir| dir.join("template.yaml").is_file() && dir.join("functions/plugins").is_dir());
    let found = found.map(Path::to_owned);
    found.with_context(|| {
        format!(
            "{} is no folder of the project: template.yaml and functions/plugins are not there",
            here.display()
        )
    })
}
