//! `prodrome rules mutate`: whether the tests of a rule notice when it is changed.

use super::cases::{Case, What};
use super::test::{self, Suite};
use super::trial;
use crate::progress::Progress;
use crate::{Outcome, render};
use anyhow::{Result, bail};
use clap::Args;
use prodrome_rules::{Change, Mutant, Rule, RuleSet, mutants};
use serde::Serialize;
use std::collections::BTreeSet;
use std::path::PathBuf;
use std::sync::Arc;
use tokio::runtime::Handle;
use tokio::task::JoinSet;

/// Arguments of `prodrome rules mutate`.
#[derive(Args)]
#[command(
    after_help = "Each rule is changed in one place at a time (an operator, a value, a duration; a condition, an \
                        alternative dropped) and tried on its cases. A change that no case notices survives: the test \
                        does not say what that place is for. Exit code: 0 none survived, 1 some did, 2 a file is bad \
                        or a test fails as it is."
)]
pub(super) struct Arguments {
    /// Rules by their names (`Pod*` for several), rule files, their tests, or folders; rules/ where none are named
    #[arg(value_name = "RULE|FILE|DIR")]
    named: Vec<String>,
    /// The folder or file in which rules are looked up by their names
    #[arg(long, value_name = "DIR|FILE")]
    rules: Vec<PathBuf>,
    /// The form of the output: text, or a JSON line for each mutant
    #[arg(long, value_enum, default_value = "text")]
    output: super::Output,
}

/// A mutant that was tried.
#[derive(Serialize)]
#[serde(rename_all = "camelCase")]
struct Tried {
    file: String,
    line: usize,
    rule: String,
    path: String,
    change: &'static str,
    text: String,
    survived: bool,
    /// The line of the case that noticed.
    #[serde(skip_serializing_if = "Option::is_none")]
    killed_by_line: Option<u64>,
}

/// Runs the command.
pub(super) async fn run(arguments: Arguments) -> Result<Outcome> {
    let (paths, names): (Vec<String>, Vec<String>) =
        arguments.named.into_iter().partition(|text| !is_name(text));
    let mut files: Vec<PathBuf> = paths.into_iter().map(PathBuf::from).collect();
    files.extend(arguments.rules);
    let suites = test::read(&test::files(&files)?)?;
    let wanted = wanted(&suites, &names)?;
    let (mut tried, mut untested) = (Vec::new(), Vec::new());
    let (mut progress, mut done) = (Progress::new(), 0);
    for suite in suites {
        let cases: Vec<Arc<Case>> = suite.cases.into_iter().map(Arc::new).collect();
        for rule in suite.rules.rules().iter().filter(|rule| wanted.contains(rule.name())) {
            done += 1;
            let about = Arc::new(about(rule, &cases));
            for source in &suite.sources {
                let made = mutants(source, rule.name());
                if made.is_empty() {
                    continue;
                }
                if about.is_empty() {
                    untested.push(format!("{} {}", source.name, rule.name()));
                }
                sound(rule, &about, &source.name).await?;
                tried.extend(attempt(made, &source.name, &about).await);
                progress.tell(|| format!("{done} of {} rules, {} mutants", wanted.len(), tried.len()));
            }
        }
    }
    progress.clear();
    tell(&tried, &untested, arguments.output)
}

/// `PodNotReady`, `Pod*`: what is there as a file is none.
fn is_name(text: &str) -> bool {
    let shape = text.starts_with(|c: char| c.is_ascii_uppercase() || c == '*')
        && text.chars().all(|c| c.is_ascii_alphanumeric() || c == '*' || c == '?');
    shape && !std::path::Path::new(text).exists()
}

/// The names of the rules that are meant.
fn wanted(suites: &[Suite], names: &[String]) -> Result<BTreeSet<String>> {
    if names.is_empty() {
        let all = suites.iter().flat_map(|suite| suite.rules.rules());
        return Ok(all.map(|rule| rule.name().to_owned()).collect());
    }
    let mut wanted = BTreeSet::new();
    for name in names {
        let named: Vec<RuleSet> = suites.iter().map(|suite| suite.rules.only(name)).collect();
        let mut rules = named.iter().flat_map(RuleSet::rules).peekable();
        if rules.peek().is_none() {
            bail!("no rule that has tests is named like {name:?}");
        }
        wanted.extend(rules.map(|rule| rule.name().to_owned()));
    }
    Ok(wanted)
}

/// The cases that have an object which the rule is about, those first that expect it, then those that it must be quiet
/// in: nothing else can tell a rule from a changed one.
fn about(rule: &Rule, cases: &[Arc<Case>]) -> Vec<Arc<Case>> {
    let rank = |case: &Case| {
        let expects = case.expect.iter().any(|e| e.rule == rule.name() && e.what == What::Fires);
        match (expects, case.quiet.iter().any(|name| name == rule.name())) {
            (true, _) => 0,
            (false, true) => 1,
            (false, false) => 2,
        }
    };
    let is_about = |case: &&Arc<Case>| {
        case.happenings.iter().any(|happening| rule.applies_to(&happening.resource.group_kind()))
    };
    let mut about: Vec<Arc<Case>> = cases.iter().filter(is_about).cloned().collect();
    about.sort_by_key(|case| rank(case));
    about
}

/// That the cases hold of the rule as it is, by itself.
async fn sound(rule: &Rule, cases: &[Arc<Case>], file: &str) -> Result<()> {
    let alone = Arc::new(RuleSet::from(rule.clone()));
    for case in cases {
        let told = trial::notices(case, alone.clone()).await;
        if let Some(line) = trial::judge(case, &told, Some(rule.name())).first() {
            bail!(
                "{file}: the case in line {} of its test does not hold as it is, so nothing can be tried: {line}",
                case.line
            );
        }
    }
    Ok(())
}

/// Tries the mutants of a rule, as many at a time as there are processors.
async fn attempt(mutants: Vec<Mutant>, file: &str, cases: &Arc<Vec<Arc<Case>>>) -> Vec<Tried> {
    let at_a_time = std::thread::available_parallelism().map_or(1, usize::from);
    let mut tried: Vec<(usize, Tried)> = Vec::with_capacity(mutants.len());
    let mut running = JoinSet::new();
    let mut left = mutants.into_iter().enumerate();
    loop {
        while running.len() < at_a_time {
            let Some((index, mutant)) = left.next() else { break };
            let (file, cases) = (file.to_owned(), cases.clone());
            let runtime = Handle::current();
            // It waits for nothing but the processor.
            running.spawn_blocking(move || {
                let rule = mutant.rule()?;
                let killed_by_line = runtime.block_on(killer(&rule, &cases));
                let tried = Tried {
                    file,
                    line: mutant.line(),
                    rule: rule.name().to_owned(),
                    path: mutant.path(),
                    change: mutant.change().as_str(),
                    text: mutant.text().to_owned(),
                    survived: killed_by_line.is_none(),
                    killed_by_line,
                };
                Some((index, tried))
            });
        }
        match running.join_next().await {
            None => break,
            Some(Ok(done)) => tried.extend(done),
            Some(Err(error)) => std::panic::resume_unwind(error.into_panic()),
        }
    }
    tried.sort_by_key(|(index, _)| *index);
    tried.into_iter().map(|(_, tried)| tried).collect()
}

/// The first case that notices.
async fn killer(rule: &Rule, cases: &[Arc<Case>]) -> Option<u64> {
    let alone = Arc::new(RuleSet::from(rule.clone()));
    for case in cases {
        let told = trial::notices(case, alone.clone()).await;
        if !trial::judge(case, &told, Some(rule.name())).is_empty() {
            return Some(case.line);
        }
    }
    None
}

fn tell(tried: &[Tried], untested: &[String], output: super::Output) -> Result<Outcome> {
    let colours = render::colours();
    let survivors = || tried.iter().filter(|tried| tried.survived);
    let outcome = if survivors().next().is_some() { Outcome::Found } else { Outcome::Quiet };
    if output == super::Output::Json {
        for tried in tried {
            say!("{}", serde_json::to_string(tried)?);
        }
        return Ok(outcome);
    }
    for Tried { file, line, rule, path, text, .. } in survivors() {
        let (what, rule) = (render::paint("survived", "33", colours), render::paint(rule, "1", colours));
        say!("{what} {file}:{line} {rule}.{path}: {}", render::plain(text, 200));
    }
    for rule in untested {
        say!("{} {rule}: no case has an object that it is about", render::paint("untested", "33", colours));
    }
    if tried.is_empty() {
        say!("there is nothing to change");
        return Ok(outcome);
    }
    let of = |change: Change| {
        let of_sort = || tried.iter().filter(|tried| tried.change == change.as_str());
        let killed = of_sort().filter(|tried| !tried.survived).count();
        (of_sort().count() > 0).then(|| format!("{} {killed} of {}", change.as_str(), of_sort().count()))
    };
    let sorts: Vec<String> = Change::ALL.into_iter().filter_map(of).collect();
    let killed = tried.len() - survivors().count();
    say!(
        "{}: {killed} killed ({} %), {} survived; killed by sort: {}",
        render::count(tried.len(), "mutant"),
        killed * 100 / tried.len(),
        survivors().count(),
        sorts.join(", ")
    );
    Ok(outcome)
}
