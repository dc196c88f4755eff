//! `prodrome uninstall`: takes away what the watcher has put into a cluster.

use crate::Outcome;
use crate::reach::Reached;
use anyhow::{Result, anyhow};
use clap::Args;
use prodrome_watcher::{FINALIZER, Removal, remove_finalizers};
use std::path::PathBuf;

/// Arguments of `prodrome uninstall`.
#[derive(Args)]
#[command(
    after_help = "The watcher must not hold deletions any more: take FINALIZER_KINDS from its settings first. Needs list \
                  of every kind and patch of those that are held.\n\nIt takes out finalizers, and changes and deletes \
                  nothing else. Once none is left, the watcher goes as it came: kubectl delete -k YOUR_OVERLAY. Nothing of \
                  it is in the cluster then, but rules that people made there (`kubectl get diagnosisrules -A`), which go \
                  with their definition.\n\nExit code: 0 none is left; 2 that cannot be said, or some are kept."
)]
pub(crate) struct Arguments {
    /// The kubeconfig to use; by default what kubectl would use
    #[arg(long, value_name = "FILE")]
    kubeconfig: Option<PathBuf>,
    /// The context of the kubeconfig
    #[arg(long)]
    context: Option<String>,
    /// Remove every finalizer of the watcher, and look through all kinds until there is none
    #[arg(long, required = true)]
    finalizers: bool,
}

/// Runs the command.
pub(crate) async fn run(arguments: Arguments) -> Result<Outcome> {
    let Arguments { kubeconfig, context, finalizers: _ } = arguments;
    let reached = Reached::by(kubeconfig.as_deref(), context.as_deref()).await?;
    let removal = remove_finalizers(reached.client.clone()).await;
    let removal = removal.map_err(|error| anyhow!("{}: {error}", reached.place))?;
    say!("{}", told(&removal));
    Ok(Outcome::Quiet)
}

fn told(Removal { removed, kinds, objects }: &Removal) -> String {
    let width = removed.keys().map(String::len).max().unwrap_or_default();
    let lines = removed.iter().map(|(kind, count)| format!("{kind:width$}  {count} removed\n"));
    let lines: String = lines.collect();
    format!(
        "{lines}No object has the finalizer {FINALIZER}: looked at {objects} of {kinds} kinds.\n\
         Nothing else was changed. The watcher goes as it came: kubectl delete -k YOUR_OVERLAY"
    )
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_was_removed_is_told_by_kind_and_the_proof_last() {
        let removed = [("Pod".to_owned(), 12), ("apps/Deployment".to_owned(), 3)].into();
        let text = told(&Removal { removed, kinds: 61, objects: 1204 });
        let want = "Pod              12 removed\napps/Deployment  3 removed\n\
                    No object has the finalizer prodrome.watcher/last-state: looked at 1204 of 61 kinds.\n\
                    Nothing else was changed. The watcher goes as it came: kubectl delete -k YOUR_OVERLAY";
        assert_eq!(text, want);
    }
}
