//! `prodrome ledger`: what became of each change that the watchers handed over, and of the findings that came of them.

use crate::output::Output;
use crate::running::Running;
use crate::{Outcome, clock, render, write};
use anyhow::{Context as _, Result, bail};
use clap::Args;
use jiff::Timestamp;
use prodrome_ledger::{
    ClusterSummary, Findings, Forgotten, HEARD_LATELY, Ledger, MissingFinding, RunSummary, Span, Summary,
};
use prodrome_model::{Scope, Waybill};
use prodrome_store::{DynamoStore, Store};
use serde::Serialize;
use std::fmt::Write as _;

/// Arguments of `prodrome ledger`.
#[derive(Args)]
#[command(
    after_help = "The table is reached with the credentials and the region of the environment; AWS_ENDPOINT_URL \
                        names an emulator.\n\nExit code: 0 it adds up; 1 changes are lost, a watcher dropped some, or \
                        findings are missing; 2 it could not be read."
)]
pub(crate) struct Arguments {
    /// The table of checks: the stack's output `ChecksTableName`
    #[arg(long = "table", value_name = "NAME", env = "PRODROME_CHECKS_TABLE")]
    table: Option<String>,
    /// The table of episodes, the stack's output `EpisodesTableName`: tells as well which of the findings that last are known
    /// to alert
    #[arg(long = "episodes", value_name = "NAME", env = "PRODROME_EPISODES_TABLE")]
    episodes: Option<String>,
    /// Of the system that `prodrome up` runs on this machine
    #[arg(long)]
    local: bool,
    /// Take a cluster off the ledger that is no more, as the ledger names it (TENANT/REGION/CLUSTER): its alert of silence
    /// ends
    #[arg(long, value_name = "SCOPE", value_parser = scope)]
    forget: Option<Scope>,
    /// The form of the output
    #[arg(long, value_enum, default_value = "text")]
    output: Output,
}

fn scope(text: &str) -> Result<Scope, String> {
    Scope::parse(text)
        .ok_or_else(|| "expected TENANT/REGION/CLUSTER, such as default/eu-central-1/prod".to_owned())
}

/// Runs the command.
pub(crate) async fn run(arguments: Arguments) -> Result<Outcome> {
    let (aws, table, episodes) = if arguments.local {
        let running = Running::find()?;
        (running.sdk_config().await, running.checks_table, running.episodes_table)
    } else {
        let Some(table) = arguments.table else {
            bail!(
                "which system? name its table of checks with --table or PRODROME_CHECKS_TABLE (the stack's output \
                 ChecksTableName), or say --local for the one that `prodrome up` runs on this machine"
            );
        };
        (aws_config::load_defaults(aws_config::BehaviorVersion::latest()).await, table, arguments.episodes)
    };
    let dynamo = aws_sdk_dynamodb::Client::new(&aws);
    let checks = DynamoStore::new(dynamo.clone(), &*table);
    let ledger = Ledger::new(checks.clone());
    if let Some(scope) = &arguments.forget {
        return forget(&ledger, scope, clock::now()).await;
    }
    let summary = ledger.summary().await;
    let changes = summary.with_context(|| format!("cannot read the ledger in the table {table}"))?;
    let findings = match &episodes {
        Some(name) => {
            let findings = Findings::read(&checks, &DynamoStore::new(dynamo, &**name), clock::now()).await;
            Some(findings.with_context(|| format!("cannot hold the table {table} against {name}"))?)
        }
        None => None,
    };
    let statement = Statement { changes, findings };
    write(&written(&statement, arguments.output)?)?;
    let adds_up = statement.changes.adds_up()
        && statement.findings.as_ref().is_none_or(|findings| findings.missing == 0);
    Ok(if adds_up { Outcome::Quiet } else { Outcome::Found })
}

/// All that is said.
#[derive(Serialize)]
struct Statement {
    #[serde(flatten)]
    changes: Summary,
    /// Where they were asked for.
    #[serde(skip_serializing_if = "Option::is_none")]
    findings: Option<Findings>,
}

async fn forget(ledger: &Ledger<impl Store>, scope: &Scope, now: Timestamp) -> Result<Outcome> {
    let forgotten = ledger.forget(scope, now).await;
    match forgotten.with_context(|| format!("cannot take {scope} off the ledger"))? {
        Forgotten::Done { runs, was_silent } => {
            let silence = if was_silent { "; its alert of silence ends within a minute" } else { "" };
            write(&format!("{scope} is off the ledger, with {runs} runs of its watcher{silence}\n"))?;
            Ok(Outcome::Quiet)
        }
        Forgotten::StillHeard { at } => bail!(
            "{scope} was heard at {at}, and would be there again: stop its watcher, and forget it {} minutes later",
            HEARD_LATELY.as_mins()
        ),
        Forgotten::Unknown => {
            bail!("the ledger knows no cluster {scope}: `prodrome ledger` names those that it knows")
        }
    }
}

fn written(statement: &Statement, output: Output) -> Result<String> {
    Ok(match output {
        Output::Text => text(statement),
        Output::Json => render::json(statement)? + "\n",
    })
}

fn text(Statement { changes, findings }: &Statement) -> String {
    let mut text = String::new();
    if changes.clusters.is_empty() {
        text.push_str("no watcher has been heard\n");
    }
    // Writing to a String does not fail.
    for ClusterSummary { scope, counts, dropped, uncounted_at, silent_since, runs } in &changes.clusters {
        _ = writeln!(text, "{scope}: {counts}");
        if let Some(since) = silent_since {
            _ = writeln!(
                text,
                "  SILENT since {since}: nobody looks after it; if it is no more, `--forget {scope}` ends its alert"
            );
        }
        if *dropped > 0 {
            _ = writeln!(
                text,
                "  DROPPED {dropped} changes, which its watchers could not read, or no message can carry: their logs say why"
            );
        }
        if let Some(at) = uncounted_at {
            _ = writeln!(
                text,
                "  not counted: a watcher, heard at {at}, does not number its changes, as it is older than this command"
            );
        }
        let last = runs.len().saturating_sub(1);
        for (n, run) in runs.iter().enumerate() {
            let RunSummary { epoch, watcher, held, counts, lost_spans } = run;
            // Of what is over the total says enough.
            if n < last && counts.came == counts.out && watcher.waybill.dropped == 0 {
                continue;
            }
            let Waybill { read, ignored, overtaken, dropped, .. } = watcher.waybill;
            _ = writeln!(text, "  run {epoch}, heard at {}: {counts}", watcher.at);
            _ = writeln!(
                text,
                "    its watcher read {read}: of no interest {ignored}, overtaken by newer versions {overtaken}, dropped \
                 {dropped}, held {held}, handed over {} with {} marks of lists",
                watcher.waybill.numbered(),
                watcher.waybill.marks
            );
            for Span { first, last } in lost_spans {
                _ = writeln!(text, "    lost: {first} to {last}");
            }
        }
    }
    if let Some(findings) = findings {
        _ = writeln!(text, "findings that last: {findings}");
        for MissingFinding { fired_at, scope, rule, object, fingerprint } in &findings.missing_findings {
            _ = writeln!(
                text,
                "  MISSING {rule} {} of {scope}, fired at {fired_at} ({fingerprint}): tried in vain so far (the logs \
                 of diagnose and alert say why), among the dead letters of diagnoses and findings, or lost",
                render::plain(object, 200)
            );
        }
    }
    text
}

#[cfg(test)]
mod tests {
    use super::*;
    use prodrome_ledger::{Dead, Silence, Silent};
    use prodrome_store::MemoryStore;

    fn missing(object: &str) -> MissingFinding {
        MissingFinding {
            fired_at: Timestamp::from_second(1_800_000_000).unwrap(),
            scope: "default/eu/prod".to_owned(),
            rule: "PodFailed".to_owned(),
            object: object.to_owned(),
            fingerprint: serde_json::from_str("\"00ff\"").unwrap(),
        }
    }

    #[test]
    fn what_a_tenant_wrote_into_a_name_reaches_no_terminal_as_it_is() {
        let missing_findings = vec![missing("Role shop/a\u{202e}\u{9b}b")];
        let findings = Some(Findings { missing: 1, missing_findings, ..Findings::default() });
        let statement = Statement { changes: Summary::default(), findings };
        for output in [Output::Text, Output::Json] {
            let written = written(&statement, output).unwrap();
            assert!(written.contains("Role shop/a"), "{written}");
            assert!(!written.contains(['\u{202e}', '\u{9b}']), "{written:?}");
        }
    }

    #[tokio::test]
    async fn it_says_what_became_of_each_change() {
        let ledger = Ledger::new(MemoryStore::new());
        let (scope, at) =
            (Scope::new("default", "eu", "prod"), Timestamp::from_second(1_800_000_000).unwrap());
        let span = |first, last| Span { first, last };
        let waybill = Waybill {
            epoch: 7,
            first: 1_205,
            accepted: 1_204,
            marks: 4,
            read: 1_300,
            ignored: 96,
            ..Waybill::default()
        };
        // One run is over, one has dropped something, one has left something, one goes on.
        for (epoch, up_to, dropped) in [(4, 9, 0), (5, 9, 2), (6, 8, 0)] {
            let read = 9 + dropped;
            let waybill = Waybill { epoch, first: 10, accepted: 9, read, dropped, ..Waybill::default() };
            ledger.state(&scope, waybill, at).await.unwrap();
            ledger.done(&scope, epoch, span(1, up_to), &[], at).await.unwrap();
        }
        ledger.state(&scope, waybill, at).await.unwrap();
        let dead = Dead { span: span(3, 3), code: "change_malformed".to_owned() };
        ledger.done(&scope, 7, span(1, 1_000), &[dead], at).await.unwrap();
        ledger.uncounted(&Scope::new("default", "eu", "test"), at).await.unwrap();
        let silence = Silence {
            scope: Scope::new("default", "eu", "gone"),
            how: Silent::Unheard,
            since: at,
            fired_at: at,
            ended: None,
            told: true,
        };
        ledger.keep_silence(&silence, None, at).await.unwrap();
        let missing_findings = vec![missing("Pod shop/web-0")];
        let findings = Findings { came: 2, out: 1, missing: 1, missing_findings, ..Findings::default() };
        let statement = Statement { changes: ledger.summary().await.unwrap(), findings: Some(findings) };
        assert_eq!(
            text(&statement),
            "default/eu/gone: in 0, out 0, waiting 0, dead 0\n  \
             SILENT since 2027-01-15T08:00:00Z: nobody looks after it; if it is no more, `--forget default/eu/gone` ends its \
             alert\n\
             default/eu/prod: in 1,231, out 1,025, waiting 205, dead 1 (change_malformed 1)\n  \
             DROPPED 2 changes, which its watchers could not read, or no message can carry: their logs say why\n  \
             run 5, heard at 2027-01-15T08:00:00Z: in 9, out 9, waiting 0, dead 0\n    \
             its watcher read 11: of no interest 0, overtaken by newer versions 0, dropped 2, held 0, handed over 9 with 0 \
             marks of lists\n  \
             run 6, heard at 2027-01-15T08:00:00Z: in 9, out 8, waiting 1, dead 0\n    \
             its watcher read 9: of no interest 0, overtaken by newer versions 0, dropped 0, held 0, handed over 9 with 0 \
             marks of lists\n  \
             run 7, heard at 2027-01-15T08:00:00Z: in 1,204, out 999, waiting 204, dead 1 (change_malformed 1)\n    \
             its watcher read 1300: of no interest 96, overtaken by newer versions 0, dropped 0, held 4, handed over 1204 \
             with 4 marks of lists\n\
             default/eu/test: in 0, out 0, waiting 0, dead 0\n  \
             not counted: a watcher, heard at 2027-01-15T08:00:00Z, does not number its changes, as it is older than this \
             command\n\
             findings that last: in 2, out 1, waiting 0, MISSING 1; alerts open 0, notices owed 0\n  \
             MISSING PodFailed Pod shop/web-0 of default/eu/prod, fired at 2027-01-15T08:00:00Z (00ff): tried in vain so far \
             (the logs of diagnose and alert say why), among the dead letters of diagnoses and findings, or lost\n"
        );
        let json: serde_json::Value = serde_json::to_value(&statement).unwrap();
        let cluster = &json["clusters"][1];
        assert_eq!(
            (&cluster["in"], &cluster["runs"][3]["in"], &cluster["runs"][3]["watcher"]["read"]),
            (&1_231.into(), &1_204.into(), &1_300.into())
        );
        assert_eq!(
            (&json["findings"]["in"], &json["findings"]["missingFindings"][0]["rule"]),
            (&2.into(), &"PodFailed".into())
        );
    }
}
