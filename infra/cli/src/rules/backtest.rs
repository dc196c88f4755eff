//! `prodrome rules backtest`: what rules would have alerted on recordings, beside what they say now.

mod compare;
mod noise;
mod show;

use super::table::Table;
use crate::library::{self, Library};
use crate::progress::Progress;
use crate::replay::{self, Listener};
use crate::running::Running;
use crate::{Outcome, clock, record};
use anyhow::{Context, Result, bail};
use clap::{ArgGroup, Args};
use compare::{Alerted, Compared, compare};
use jiff::SignedDuration;
use noise::Noise;
use prodrome_flows::FlowSet;
use prodrome_model::{Joiner, Notice, NoticeKind};
use prodrome_plugin::Registry;
use prodrome_rules::{RuleSet, SourceFile};
use std::collections::BTreeMap;
use std::path::{Path, PathBuf};
use std::sync::Arc;

/// Arguments of `prodrome rules backtest`.
#[derive(Args)]
#[command(
    group = ArgGroup::new("what").args(["on", "against_live"]).required(true).multiple(true),
    after_help = "Each rule is played as it is now and as it would be: what is told by both, by one alone, or \
                        earlier or later. Exit code: 0 both tell the same, 1 they differ, 2 it could not be done."
)]
pub(super) struct Arguments {
    /// Rules: a file or folder with their new text, or the name of a rule of --rules (`Pod*` for several)
    #[arg(required = true, value_name = "RULE")]
    rules: Vec<String>,
    /// Recordings (`prodrome record`), or folders of recordings
    #[arg(long, value_name = "DIR", num_args = 1..)]
    on: Vec<PathBuf>,
    /// Record the cluster now, for so long, and play that
    #[arg(long, value_name = "DURATION", num_args = 0..=1, default_missing_value = "1h", value_parser = record::duration)]
    against_live: Option<SignedDuration>,
    /// Where to keep what --against-live records; it must not hold a recording
    #[arg(long, value_name = "DIR", requires = "against_live")]
    keep: Option<PathBuf>,
    /// The kubeconfig for --against-live; by default what kubectl would use
    #[arg(long, value_name = "FILE", requires = "against_live")]
    kubeconfig: Option<PathBuf>,
    /// The context of the kubeconfig
    #[arg(long, requires = "against_live")]
    context: Option<String>,
    /// The folder or file with the new text of the rules that are given by name; may be repeated
    #[arg(long = "rules", id = "library", value_name = "DIR|FILE")]
    library: Vec<PathBuf>,
    /// The rules as they are now: a folder or a file; the shipped rules where absent; may be repeated
    #[arg(long, value_name = "DIR|FILE")]
    current: Vec<PathBuf>,
    /// The form of the output
    #[arg(long, value_enum, default_value = "text")]
    output: super::Output,
    /// With --against-live: compare with the rules that this system runs now
    #[command(flatten)]
    system: Table,
}

/// What is played: rules as they are now, and as they would be.
struct Trial {
    now: Arc<RuleSet>,
    new: Arc<RuleSet>,
    changes: Vec<(String, Change)>,
    /// The files and flows that rules may name.
    causes: (Arc<FlowSet>, Arc<Registry>),
}

/// What has become of a rule.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Change {
    /// There is none of this name now.
    New,
    Changed,
    /// The same as now.
    Same,
}

/// What one recording showed.
struct Played {
    name: String,
    length: SignedDuration,
    start: jiff::Timestamp,
    rows: Vec<Compared>,
}

/// Runs the command.
pub(super) async fn run(arguments: Arguments) -> Result<Outcome> {
    let now = match arguments.against_live {
        Some(_) if arguments.system.is_named() && arguments.current.is_empty() => {
            let book = arguments.system.book().await?;
            match book.head().await? {
                Some(head) => Some(book.version(head.version).await?.files),
                None => None,
            }
        }
        _ => None,
    };
    let trial = trial(&arguments, now)?;
    let mut dirs = replay::recordings(&arguments.on)?;
    let scratch; // deleted when it is dropped
    if let Some(lasting) = arguments.against_live {
        let dir = if let Some(dir) = &arguments.keep {
            dir.clone()
        } else {
            scratch = tempfile::tempdir().context("cannot make a folder for the recording")?;
            scratch.path().join("live")
        };
        live(&arguments, lasting, &dir).await?;
        dirs.push(dir);
    }
    let (mut noise_now, mut noise_new) = (Noise::default(), Noise::default());
    let mut played = Vec::new();
    let mut progress = Progress::new();
    let mut unread = 0;
    for (index, dir) in dirs.iter().enumerate() {
        let recording = replay::open(dir)?;
        let (length, start) = (recording.length(), recording.start());
        let mut heard = Vec::new();
        // Both versions read the same lines: those that are bad are told, and counted, of one.
        let mut lines = 0;
        for rules in [&trial.new, &trial.now] {
            let of = (index, dirs.len());
            let tells = heard.is_empty();
            let mut ear = Ear { notices: Vec::new(), progress: &mut progress, of, tells };
            if !rules.rules().is_empty() {
                let causes = trial.causes.clone();
                let played =
                    Box::pin(replay::play(replay::open(dir)?, rules.clone(), causes, &mut ear)).await?;
                lines = lines.max(played.left_out);
            }
            heard.push(ear.notices);
        }
        heard.reverse();
        unread += lines;
        progress.clear();
        let [now, new] = [&heard[0], &heard[1]];
        noise_now.add(length, now);
        noise_new.add(length, new);
        let name = if arguments.against_live.is_some() && index + 1 == dirs.len() {
            "the cluster, live".to_owned()
        } else {
            dir.display().to_string()
        };
        played.push(Played { name, length, start, rows: compare(alerted(now), alerted(new)) });
    }
    let changes = &trial.changes;
    match arguments.output {
        super::Output::Json => show::json(changes, &played, &noise_now, &noise_new)?,
        super::Output::Text => show::text(changes, &played, &noise_now, &noise_new)?,
    }
    replay::all_read(unread)?; // what the other lines say was shown; the exit code says that it was not all
    let differs = played.iter().flat_map(|played| &played.rows).any(|row| row.verdict.is_different());
    Ok(if differs { Outcome::Found } else { Outcome::Quiet })
}

/// Reads both versions of the rules that are meant. A mistake in any of them ends it: it would be taken for quiet.
/// `running` are the files of the system that it is compared with.
fn trial(arguments: &Arguments, running: Option<Vec<SourceFile>>) -> Result<Trial> {
    let (names, paths): (Vec<&String>, Vec<&String>) =
        arguments.rules.iter().partition(|text| !Path::new(text).exists());
    let mut sources: Vec<SourceFile> = Vec::new();
    for path in &paths {
        sources.extend(library::read(Path::new(path))?);
    }
    let mut new = sound(&sources)?.rules().to_vec();
    if !names.is_empty() {
        let library = Library { rules: arguments.library.clone(), only: None };
        let all = sound(&library.sources()?)?;
        for name in names {
            let named = all.only(name);
            if named.rules().is_empty() {
                bail!("{name:?} is neither a file nor the name of a rule; `prodrome rules list` shows all");
            }
            new.extend(named.rules().iter().cloned());
        }
    }
    if new.is_empty() {
        bail!("no rules (*.yaml, *.yml, *.json) in {}", arguments.rules.join(", "));
    }
    let current = Library { rules: arguments.current.clone(), only: None };
    let all = match running {
        // A rule that the system cannot compile is no mistake of whoever tries another.
        Some(files) => prodrome_rules::load(&files).rules,
        None => sound(&current.sources()?)?,
    };
    let mut changes = Vec::new();
    let mut now = Vec::new();
    for rule in &new {
        let old = all.get(rule.name());
        let change = match old {
            None => Change::New,
            Some(old) if old.hash() == rule.hash() => Change::Same,
            Some(_) => Change::Changed,
        };
        changes.push((rule.name().to_owned(), change));
        now.extend(old.cloned());
    }
    // Of a whole file only what differs is of interest.
    if !paths.is_empty() && changes.iter().any(|(_, change)| *change != Change::Same) {
        let is_same = |name: &str| changes.iter().any(|(n, change)| n == name && *change == Change::Same);
        new.retain(|rule| !is_same(rule.name()));
        now.retain(|rule| !is_same(rule.name()));
    }
    let causes = (Arc::new(current.flows()?), Arc::new(prodrome_local::plugins()));
    Ok(Trial { now: Arc::new(now.into()), new: Arc::new(new.into()), changes, causes })
}

fn sound(sources: &[SourceFile]) -> Result<RuleSet> {
    let loaded = prodrome_rules::load(sources);
    super::report(sources, &loaded.diagnostics);
    if !loaded.is_sound() {
        bail!("nothing was played: there are mistakes in the rules");
    }
    Ok(loaded.rules)
}

/// Records the kinds that the rules name.
async fn live(arguments: &Arguments, lasting: SignedDuration, dir: &Path) -> Result<()> {
    let mut rules: Vec<PathBuf> =
        arguments.rules.iter().map(PathBuf::from).filter(|path| path.exists()).collect();
    if rules.is_empty() {
        rules.clone_from(&arguments.library);
    }
    let only = match arguments.rules.as_slice() {
        [name] if !Path::new(name).exists() => Some(name.clone()),
        _ => None,
    };
    let kubeconfig = match &arguments.kubeconfig {
        None if arguments.system.local => Some(Running::find()?.kubeconfig),
        named => named.clone(),
    };
    let cluster = (kubeconfig, arguments.context.clone());
    let library = Library { rules, only };
    eprintln!("prodrome: it plays at {} UTC, or after Ctrl-C", (clock::now() + lasting).strftime("%H:%M:%S"));
    record::record(record::Arguments::of(cluster, dir.to_owned(), lasting, library)).await?;
    Ok(())
}

/// Keeps all that is told.
struct Ear<'p> {
    notices: Vec<Notice>,
    progress: &'p mut Progress,
    of: (usize, usize),
    /// Whether it tells of what cannot be read.
    tells: bool,
}

impl Listener for Ear<'_> {
    fn pass(&mut self, played: SignedDuration, whole: SignedDuration) {
        let (index, count) = self.of;
        self.progress.tell(|| {
            format!("recording {} of {count}: {} of {} seconds", index + 1, played.as_secs(), whole.as_secs())
        });
    }

    fn hear(&mut self, notices: Vec<Notice>) -> Result<()> {
        self.notices.extend(notices);
        Ok(())
    }

    fn miss(&mut self, what: &dyn std::fmt::Display) {
        if self.tells {
            self.progress.clear();
            eprintln!("prodrome: left out: {what}");
        }
    }
}

/// What was told of each object.
fn alerted(notices: &[Notice]) -> Vec<Alerted> {
    let mut alerted: Vec<Alerted> = Vec::new();
    let mut open: BTreeMap<String, Vec<usize>> = BTreeMap::new();
    for notice in notices {
        let of_alert = open.entry(notice.fingerprint.to_string()).or_default();
        let own = [Joiner::from(notice.object.clone())];
        let joiners = match notice.kind {
            NoticeKind::Alert => &own[..],
            NoticeKind::Update => &notice.joined[..],
            NoticeKind::Resolved => {
                for index in std::mem::take(of_alert) {
                    alerted[index].ended = Some(notice.ended.unwrap_or(notice.at));
                }
                continue;
            }
        };
        for Joiner { object, rule } in joiners {
            of_alert.push(alerted.len());
            alerted.push(Alerted {
                rule: rule.as_ref().unwrap_or(&notice.rule).clone(),
                object: object.clone(),
                severity: notice.severity,
                since: notice.since,
                fired: notice.at,
                ended: None,
                // It speaks of the object that opened the alert.
                summary: if *object == notice.object { notice.summary.clone() } else { String::new() },
            });
        }
    }
    alerted
}
