//! `prodrome rules shadow`: what staged rules would have told.

use super::Output;
use super::table::Table;
use crate::{Outcome, clock, library, render};
use anyhow::Result;
use clap::Args;
use prodrome_lifecycle::keys;
use prodrome_model::{Finding, FindingState};
use prodrome_rules::{Mode, Rule, RuleSet, load};
use prodrome_store::Store;

/// Arguments of `prodrome rules shadow`.
#[derive(Args)]
#[command(
    after_help = "A rule with `mode: shadow` runs and counts and tells nobody; what it would have told is kept for 14 days.\
\n\nExit code: 0 nothing would have been told, 1 something would."
)]
pub(super) struct Arguments {
    /// The rule; all that are staged now unless named
    rule: Option<String>,
    /// How many of each rule, the newest first
    #[arg(short = 'n', long, default_value_t = 20)]
    limit: usize,
    /// The form of the output: text, or a JSON line for each finding
    #[arg(long, value_enum, default_value = "text")]
    output: Output,
    #[command(flatten)]
    table: Table,
    /// The table of checks: the stack's output `ChecksTableName`
    #[arg(long, value_name = "NAME", env = "PRODROME_CHECKS_TABLE")]
    checks_table: Option<String>,
}

/// Runs the command.
pub(super) async fn run(arguments: Arguments) -> Result<Outcome> {
    let checks = arguments.table.checks(arguments.checks_table.as_deref()).await?;
    let rules = match &arguments.rule {
        Some(rule) => vec![rule.clone()],
        None => staged(&arguments.table).await?,
    };
    if rules.is_empty() {
        say!("no rule is staged; `mode: shadow` stages one");
    }
    let mut outcome = Outcome::Quiet;
    for rule in rules {
        let mut findings = findings(&checks, &rule).await?;
        findings.reverse();
        if !findings.is_empty() {
            outcome = Outcome::Found;
        }
        if arguments.output == Output::Json {
            for finding in findings.iter().take(arguments.limit) {
                say!("{}", serde_json::to_string(finding)?);
            }
            continue;
        }
        say!("{rule}: {}", sum(&findings));
        for finding in findings.iter().take(arguments.limit) {
            say!("  {}", line(finding));
            say!("      {}", render::plain(&finding.summary, 300));
        }
        if findings.len() > arguments.limit {
            say!("  and {} more", findings.len() - arguments.limit);
        }
    }
    Ok(outcome)
}

/// What they come to.
pub(super) fn sum(findings: &[Finding]) -> String {
    let open = findings.iter().filter(|finding| finding.state == FindingState::Firing).count();
    match (findings.len(), open) {
        (0, _) => "would have told nothing so far".to_owned(),
        (1, 0) => "would have told of 1 object, which is well again".to_owned(),
        (1, _) => "would have told of 1 object, which is so still".to_owned(),
        (all, 0) => format!("would have told {all} times, all of it over"),
        (all, open) if all == open => format!("would have told {all} times, all of it open"),
        (all, open) => format!("would have told {all} times, {open} of them open"),
    }
}

fn line(finding: &Finding) -> String {
    let lasted = match &finding.state {
        FindingState::Firing => format!("for {}", render::since(finding.since, clock::now())),
        FindingState::Ended(ended) => format!("over after {}", render::since(finding.since, ended.at)),
    };
    let object = render::plain(&finding.subject.object().to_string(), 200);
    format!("{} {} {object}, {lasted}", finding.fired_at.strftime("%Y-%m-%d %H:%M:%SZ"), finding.severity)
}

/// The rules that are staged in the version that holds, or among those that came with the functions.
async fn staged(table: &Table) -> Result<Vec<String>> {
    let book = table.book().await?;
    let files = match book.head().await? {
        Some(head) => book.version(head.version).await?.files,
        None => library::shipped(),
    };
    let rules: RuleSet = load(&files).rules;
    let staged = rules.rules().iter().filter(|rule| rule.mode() == Mode::Shadow);
    Ok(staged.map(Rule::name).map(str::to_owned).collect())
}

/// What a staged rule would have told, the oldest first.
pub(super) async fn findings(checks: &impl Store, rule: &str) -> Result<Vec<Finding>> {
    let (mut findings, mut after) = (Vec::new(), None);
    loop {
        let page = checks.query(&keys::shadow_partition(rule), "", after.as_deref()).await?;
        for record in &page.records {
            findings.push(serde_json::from_str(&record.data)?);
        }
        after = page.next;
        if after.is_none() {
            return Ok(findings);
        }
    }
}
