//! The tables of a deployed system, as the command reaches them.

use crate::running::Running;
use anyhow::{Result, bail};
use aws_config::SdkConfig;
use clap::Args;
use prodrome_rulebook::{PushError, Rulebook};
use prodrome_rules::SourceFile;
use prodrome_store::DynamoStore;

/// Which table of rules.
#[derive(Debug, Clone, Args)]
pub(super) struct Table {
    /// The table of rules: the stack's output `RulesTableName`
    #[arg(long = "table", value_name = "NAME", env = "PRODROME_RULES_TABLE")]
    name: Option<String>,
    /// The system that `prodrome up` runs on this machine
    #[arg(long)]
    pub(super) local: bool,
}

impl Table {
    /// The rulebook in it.
    pub(super) async fn book(&self) -> Result<Rulebook<DynamoStore>> {
        if self.local {
            let running = Running::find()?;
            return Ok(Rulebook::new(store(&running.sdk_config().await, &running.rules_table)));
        }
        let Some(name) = &self.name else {
            bail!(
                "which system? name its table of rules with --table or PRODROME_RULES_TABLE (the stack's output \
                 RulesTableName), or say --local for the one that `prodrome up` runs on this machine"
            );
        };
        Ok(Rulebook::new(store(&of_environment().await, name)))
    }

    /// Whether a system was named.
    pub(super) fn is_named(&self) -> bool {
        self.local || self.name.is_some()
    }

    /// The table of checks of the same system, by its name where it is no local one.
    pub(super) async fn checks(&self, name: Option<&str>) -> Result<DynamoStore> {
        if self.local {
            let running = Running::find()?;
            return Ok(store(&running.sdk_config().await, &running.checks_table));
        }
        let Some(name) = name else {
            bail!(
                "name the table of checks with --checks-table or PRODROME_CHECKS_TABLE (the stack's output \
                 ChecksTableName), or say --local for what `prodrome up` runs on this machine"
            );
        };
        Ok(store(&of_environment().await, name))
    }
}

/// Who does it, and why.
#[derive(Debug, Clone, Args)]
pub(super) struct Signature {
    /// Why: kept with the version
    #[arg(long, value_name = "TEXT")]
    pub(super) why: String,
    /// Who: kept with the version; your login name where absent
    #[arg(long, value_name = "NAME", default_value_t = login(), hide_default_value = true)]
    pub(super) who: String,
}

/// The login name, as the shell says it, or the system where the shell does not.
fn login() -> String {
    let said = |name: &&str| prodrome_lambda::environment(name).filter(|value| !value.trim().is_empty());
    let by_system = || {
        let asked = std::process::Command::new("id").arg("-un").output().ok()?;
        let name = String::from_utf8(asked.stdout).ok()?.trim().to_owned();
        (!name.is_empty()).then_some(name)
    };
    ["USER", "LOGNAME", "USERNAME"]
        .iter()
        .find_map(said)
        .or_else(by_system)
        .unwrap_or_else(|| "unknown".to_owned())
}

/// The credentials and the region of the environment.
async fn of_environment() -> SdkConfig {
    aws_config::load_defaults(aws_config::BehaviorVersion::latest()).await
}

fn store(aws: &SdkConfig, table: &str) -> DynamoStore {
    DynamoStore::new(aws_sdk_dynamodb::Client::new(aws), table)
}

/// Says why a push was refused; what is wrong with the rules stands on standard error, with its lines.
pub(super) fn refused<T>(error: PushError, files: &[SourceFile]) -> Result<T> {
    use prodrome_rulebook::DraftError;
    match &error {
        PushError::Draft(DraftError::Mistakes { diagnostics, files: all }) => {
            // As whoever pushes knows their files, and not as the version would call them.
            let name_of = |name: &str| {
                let same = |file: &&SourceFile| file.short_name() == name;
                files.iter().find(same).map_or_else(|| name.to_owned(), |file| file.name.clone())
            };
            let renamed = |d: &prodrome_rules::Diagnostic| prodrome_rules::Diagnostic {
                file: name_of(&d.file),
                ..d.clone()
            };
            let all: Vec<_> = all.iter().map(|f| SourceFile::new(name_of(&f.name), &*f.text)).collect();
            super::report(&all, &diagnostics.iter().map(renamed).collect::<Vec<_>>());
        }
        PushError::Outdated { diagnostics, files, .. } => super::report(files, diagnostics),
        PushError::Overtaken { by } => bail!(
            "refused: {error}; see what it changed with `prodrome rules diff {} {}`, then push again",
            by.version.saturating_sub(1),
            by.version
        ),
        _ => {}
    }
    Err(anyhow::Error::new(error).context("refused"))
}
