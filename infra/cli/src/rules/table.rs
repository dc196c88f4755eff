//! The tables of a deployed system, as the command reaches them.

use anyhow::{Result, bail};
use clap::Args;
use prodrome_rulebook::{PushError, Rulebook};
use prodrome_rules::SourceFile;
use prodrome_store::DynamoStore;

/// Which table of rules.
#[derive(Debug, Clone, Args)]
pub(super) struct Table {
    /// The table of rules: the stack's output `RulesTableName`
    #[arg(long = "table", value_name = "NAME", env = "PRODROME_RULES_TABLE")]
    name: String,
}

impl Table {
    /// The rulebook in it.
    pub(super) async fn book(&self) -> Rulebook<DynamoStore> {
        Rulebook::new(store(&self.name).await)
    }
}

/// Who does it, and why.
#[derive(Debug, Clone, Args)]
pub(super) struct Signature {
    /// Why: kept with the version
    #[arg(long, value_name = "TEXT")]
    pub(super) why: String,
    /// Who: kept with the version
    #[arg(long, value_name = "NAME", env = "USER", hide_env_values = true)]
    pub(super) who: String,
}

/// A table by its name, with the credentials and the region of the environment.
pub(super) async fn store(table: &str) -> DynamoStore {
    let aws = aws_config::load_defaults(aws_config::BehaviorVersion::latest()).await;
    DynamoStore::new(aws_sdk_dynamodb::Client::new(&aws), table)
}

/// Says why a push was refused; what is wrong with the rules stands on standard error, with its lines.
pub(super) fn refused<T>(error: PushError, files: &[SourceFile]) -> Result<T> {
    use prodrome_rulebook::DraftError;
    match &error {
        PushError::Draft(DraftError::Mistakes { diagnostics, files: all }) => {
            // As whoever pushes knows their files, and not as the version would call them.
            let name_of = |name: &str| {
                let same = |file: &&SourceFile| file.name.rsplit(['/', '\\']).next() == Some(name);
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
