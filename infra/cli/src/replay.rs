//! `prodrome replay`: recordings on virtual time, hours in a second.

use crate::library::Library;
use crate::output::Output;
use crate::progress::Progress;
use crate::{Outcome, container_logs, render};
use anyhow::{Context, Result, bail};
use clap::Args;
use jiff::{SignedDuration, Timestamp};
use prodrome_flows::FlowSet;
use prodrome_local::{Change, Notices, World};
use prodrome_model::{
    ChangeKind, Diagnosis, Fingerprint, Group, Joiner, Notice, NoticeKind, ObjectRef, Owner, Severity,
};
use prodrome_plugin::Registry;
use prodrome_recording::{Recording, RecordingError, StepKind, Timeline};
use prodrome_rules::RuleSet;
use serde::Serialize;
use std::io::Write as _;
use std::path::{Path, PathBuf};
use std::sync::Arc;

/// Changes that come closer than this travel in one pack.
const BURST: SignedDuration = SignedDuration::from_millis(200);
/// How long hold-downs are followed after the end.
const AFTER_END_MAX: SignedDuration = SignedDuration::from_mins(60);

/// Arguments of `prodrome replay`.
#[derive(Args)]
#[command(
    after_help = "Exit code: 0 nothing was alerted, 1 something was, 2 it could not be done, or not for all lines."
)]
pub(crate) struct Arguments {
    /// Recordings (folders with watch.jsonl(.zst) and meta.json), or folders of recordings
    #[arg(required = true, value_name = "DIR")]
    recordings: Vec<PathBuf>,
    #[command(flatten)]
    library: Library,
    /// The form of the output
    #[arg(long, value_enum, default_value = "text")]
    output: Output,
}

/// A notice as replay prints it; an `update` for each object that joined, with the rule by which it did.
#[derive(Serialize)]
#[serde(rename_all = "camelCase")]
struct Line<'n> {
    t: f64,
    #[serde(rename = "type")]
    kind: NoticeKind,
    rule: &'n str,
    severity: Severity,
    owner: Owner,
    cause: Option<&'n str>,
    #[serde(skip_serializing_if = "Option::is_none")]
    confidence: Option<f64>,
    #[serde(skip_serializing_if = "Option::is_none")]
    faulty: Option<&'n ObjectRef>,
    object: &'n ObjectRef,
    group: &'n Group,
    count: u32,
    /// Other rules that see the same fault.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    also: Vec<&'n str>,
    since: Timestamp,
    #[serde(skip_serializing_if = "Option::is_none")]
    ended: Option<Timestamp>,
    summary: &'n str,
    /// What the rule saw, and what speaks for the cause.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    evidence: Vec<String>,
    /// What to do about the cause, in order.
    #[serde(skip_serializing_if = "<[_]>::is_empty")]
    remediation: &'n [String],
    fingerprint: &'n Fingerprint,
}

/// Runs the command.
pub(crate) async fn run(arguments: Arguments) -> Result<Outcome> {
    let (rules, left_out) = arguments.library.load_counting()?;
    let rules = Arc::new(rules);
    let flows = Arc::new(arguments.library.flows()?);
    let plugins = Arc::new(prodrome_local::plugins());
    let (mut alerted, mut unread) = (false, 0);
    let dirs = recordings(&arguments.recordings)?;
    for dir in &dirs {
        let recording = open(dir)?;
        let several = dirs.len() > 1;
        if several && arguments.output == Output::Text {
            say!("{}", render::paint(&dir.display().to_string(), "1", render::colours()));
        }
        let causes = (flows.clone(), plugins.clone());
        let (alerts, lines) = Box::pin(one(recording, rules.clone(), causes, arguments.output)).await?;
        alerted |= alerts > 0;
        unread += lines;
    }
    all_read(unread)?; // what the other lines say was told; the exit code says that it was not all
    if let Some(left_out) = left_out {
        return Err(left_out.into()); // what the other rules say was told; the exit code says that it was not all
    }
    Ok(if alerted { Outcome::Found } else { Outcome::Quiet })
}

/// The recordings that are meant: those of a folder of recordings in the order of their names. Files beside
/// recordings (`events/recordings/*`) are none.
pub(crate) fn recordings(named: &[PathBuf]) -> Result<Vec<PathBuf>> {
    let is_recording = |dir: &Path| dir.join("meta.json").is_file();
    let mut dirs = Vec::new();
    for path in named {
        if path.is_file() && named.len() > 1 {
            continue;
        }
        let mut inside: Vec<PathBuf> = if path.is_dir() && !is_recording(path) {
            let entries =
                std::fs::read_dir(path).with_context(|| format!("cannot read {}", path.display()))?;
            entries
                .filter_map(|entry| entry.ok().map(|entry| entry.path()))
                .filter(|dir| is_recording(dir))
                .collect()
        } else {
            Vec::new()
        };
        inside.sort();
        // What is no recording says so where it is opened.
        dirs.extend(if inside.is_empty() { vec![path.clone()] } else { inside });
    }
    Ok(dirs)
}

/// Opens a recording. What is none is told with where there are some.
pub(crate) fn open(dir: &Path) -> Result<Recording> {
    match Recording::open(dir) {
        Err(error @ RecordingError::NotARecording { .. }) => {
            bail!("{error}; `prodrome record --out DIR` makes one, and events/recordings holds some")
        }
        opened => Ok(opened?),
    }
}

async fn one(
    recording: Recording,
    rules: Arc<RuleSet>,
    causes: (Arc<FlowSet>, Arc<Registry>),
    output: Output,
) -> Result<(usize, usize)> {
    let (start, length, name) =
        (recording.start(), recording.length(), recording.dir().display().to_string());
    let mut printer = Printer { start, output, counts: [0; 3], progress: Progress::new() };
    let Played { changes, left_out } = Box::pin(play(recording, rules, causes, &mut printer)).await?;
    printer.finish(changes, length)?;
    if changes == 0 {
        // Nothing is wrong with nothing: whoever reads "no alert" should know.
        eprintln!("prodrome: warning: no object was read from {name}, so nothing is known of it");
    }
    Ok((printer.counts[NoticeKind::Alert as usize], left_out))
}

/// What was in a recording.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct Played {
    pub(crate) changes: usize,
    /// Lines, or the objects of them, that could not be read. Each was told of.
    pub(crate) left_out: usize,
}

/// Who hears of a recording that is played.
pub(crate) trait Listener {
    /// So much of it has been played.
    fn pass(&mut self, played: SignedDuration, whole: SignedDuration);
    /// This was told.
    fn hear(&mut self, notices: Vec<Notice>) -> Result<()>;

    /// This could not be read, and was left out.
    fn miss(&mut self, what: &dyn std::fmt::Display) {
        eprintln!("prodrome: left out: {what}");
    }
}

/// What of recordings could not be read, as an error that ends the command; nothing where all could.
pub(crate) fn all_read(left_out: usize) -> Result<()> {
    if left_out > 0 {
        let (lines, were) = (render::count(left_out, "line"), if left_out == 1 { "was" } else { "were" });
        bail!("{lines} could not be read and {were} left out");
    }
    Ok(())
}

/// Plays a recording to its end, and then on to the end of what was told. What cannot be read of it is left out. What there was.
pub(crate) async fn play(
    recording: Recording,
    rules: Arc<RuleSet>,
    (flows, plugins): (Arc<FlowSet>, Arc<Registry>),
    listener: &mut dyn Listener,
) -> Result<Played> {
    let (start, end) = (recording.start(), recording.end());
    let notices = Notices::default();
    let world = World::new(rules, start, |episodes, queue| notices.alerts(episodes, queue));
    let mut world = world.diagnosing(flows, plugins);
    if let Some(path) = container_logs::within(recording.dir()) {
        world.cluster.set_logs(container_logs::read(&path)?);
    }
    let mut burst: Vec<Change> = Vec::new();
    let (mut changes, mut left_out) = (0_usize, 0_usize);
    for step in Timeline::merge([recording]).steps(start)? {
        let step = match step {
            Ok(step) => step,
            Err(error) if error.is_one_line() => {
                left_out += 1;
                listener.miss(&error);
                continue;
            }
            Err(error) => return Err(error.into()),
        };
        let at = start + step.t;
        listener.pass(step.t, end.duration_since(start));
        if burst.first().is_some_and(|first| at.duration_since(first.at) > BURST) {
            left_out += happen(&mut world, &mut burst, listener).await;
            listener.hear(notices.take())?;
        }
        let kind = match step.kind {
            StepKind::Applied => ChangeKind::Applied,
            StepKind::Deleted | StepKind::Vanished => ChangeKind::Deleted,
        };
        changes += 1;
        burst.push(Change { at, resource: step.resource, kind, object: step.object.into_bytes() });
    }
    left_out += happen(&mut world, &mut burst, listener).await;
    world.run_until(end).await;
    listener.hear(notices.take())?;
    world.end();
    let mut until = end;
    while !(world.is_settled() && until > end) && until < end + AFTER_END_MAX {
        until += SignedDuration::from_mins(1);
        world.run_until(until).await;
        let ends = notices.take().into_iter().filter(|notice| notice.kind == NoticeKind::Resolved);
        listener.hear(ends.collect())?;
    }
    Ok(Played { changes, left_out })
}

/// Time passes up to a burst of changes, then they happen. How many of them could not be read.
async fn happen(
    world: &mut World<impl prodrome_lambda::Handler>,
    burst: &mut Vec<Change>,
    listener: &mut dyn Listener,
) -> usize {
    let changes = std::mem::take(burst);
    let Some(first) = changes.first() else { return 0 };
    world.run_until(first.at).await;
    let errors = world.apply(&changes).await;
    for error in &errors {
        listener.miss(error);
    }
    let now = world.now();
    world.run_until(now).await;
    errors.len()
}

/// The cause, `unknown` where it was looked for and not found, nothing where nobody looked.
fn cause(notice: &Notice) -> Option<&str> {
    notice.cause.as_deref().or_else(|| notice.diagnosis.as_ref().map(|_| "unknown"))
}

/// What the rule saw, and what speaks for the cause.
pub(crate) fn evidence(seen: &[String], diagnosis: Option<&Diagnosis>) -> Vec<String> {
    let found = diagnosis.into_iter().flat_map(|diagnosis| &diagnosis.evidence);
    let found = found.map(|evidence| match &evidence.object {
        Some(object) => format!("{object}: {}", evidence.text),
        None => evidence.text.clone(),
    });
    seen.iter().cloned().chain(found).collect()
}

struct Printer {
    start: Timestamp,
    output: Output,
    /// What was told, by its kind.
    counts: [usize; 3],
    progress: Progress,
}

impl Listener for Printer {
    fn pass(&mut self, played: SignedDuration, whole: SignedDuration) {
        let whole = render::count(whole.as_secs().unsigned_abs(), "second");
        self.progress.tell(|| format!("{} of {whole} played", played.as_secs()));
    }

    fn hear(&mut self, notices: Vec<Notice>) -> Result<()> {
        if !notices.is_empty() {
            self.progress.clear();
        }
        let mut out = std::io::stdout().lock();
        for notice in notices {
            self.counts[notice.kind as usize] += 1;
            match self.output {
                Output::Json => self.json(&mut out, &notice)?,
                Output::Text => self.text(&mut out, &notice)?,
            }
        }
        out.flush()?;
        Ok(())
    }
}

impl Printer {
    /// The last line, where people read: silence could also mean that nothing was played.
    fn finish(&mut self, changes: usize, length: SignedDuration) -> Result<()> {
        self.progress.clear();
        if self.output == Output::Json {
            return Ok(());
        }
        let [alerts, updates, resolved] = self.counts;
        let told = match alerts {
            0 => "no alert".to_owned(),
            _ => format!(
                "{}, {}, {resolved} resolved",
                render::count(alerts, "alert"),
                render::count(updates, "update")
            ),
        };
        say!("{} in {} played: {told}", render::count(changes, "change"), render::span(length));
        Ok(())
    }

    fn json(&self, out: &mut impl std::io::Write, notice: &Notice) -> Result<()> {
        let joined = match notice.kind {
            NoticeKind::Update => &notice.joined[..],
            NoticeKind::Alert | NoticeKind::Resolved => &[],
        };
        let own = [Joiner::from(notice.object.clone())];
        for Joiner { object, rule } in if joined.is_empty() { &own } else { joined } {
            let line = Line {
                t: (notice.at.duration_since(self.start).as_secs_f64() * 1000.0).round() / 1000.0,
                kind: notice.kind,
                rule: rule.as_ref().unwrap_or(&notice.rule),
                severity: notice.severity,
                owner: notice.owner,
                cause: cause(notice),
                confidence: notice.diagnosis.as_ref().map(|diagnosis| diagnosis.confidence),
                faulty: notice.diagnosis.as_ref().and_then(|diagnosis| diagnosis.faulty.as_ref()),
                object,
                group: &notice.group,
                count: notice.count,
                also: notice.also.iter().map(|symptom| symptom.rule.as_str()).collect(),
                since: notice.since,
                ended: notice.ended,
                summary: &notice.summary,
                evidence: evidence(&notice.evidence, notice.diagnosis.as_deref()),
                remediation: notice.diagnosis.as_ref().map_or(&[], |diagnosis| &diagnosis.remediation),
                fingerprint: &notice.fingerprint,
            };
            writeln!(out, "{}", render::json(&line)?)?;
        }
        Ok(())
    }

    fn text(&self, out: &mut impl std::io::Write, notice: &Notice) -> Result<()> {
        let colours = render::colours();
        let t = notice.at.duration_since(self.start).as_secs_f64();
        let what = match notice.kind {
            NoticeKind::Alert => render::severity(notice.severity, colours),
            NoticeKind::Update => render::paint("..", "2", colours),
            NoticeKind::Resolved => render::paint("ok", "32", colours),
        };
        let target = render::plain(&notice.target(), 240);
        let count = if notice.count > 1 { format!(" ({} objects)", notice.count) } else { String::new() };
        let when = match notice.ended {
            Some(ended) => format!("over after {}", render::since(notice.since, ended)),
            None => format!("for {}", render::since(notice.since, notice.at)),
        };
        writeln!(
            out,
            "{t:>8.1}s {what} {} {target}{count} {when} [{}]",
            render::paint(&notice.rule, "1", colours),
            notice.owner
        )?;
        if notice.kind == NoticeKind::Alert {
            writeln!(out, "{}", render::wrapped(&render::plain(&notice.summary, 300), 13))?;
            if let Some(diagnosis) = &notice.diagnosis {
                let known = notice.cause.as_deref().map_or("unknown".to_owned(), |cause| {
                    format!("{} ({:.0} %)", render::plain(cause, 100), diagnosis.confidence * 100.0)
                });
                let why = format!("why: {known}: {}", render::plain(&diagnosis.summary, 240));
                writeln!(out, "{}", render::wrapped(&why, 13))?;
            }
        }
        for Joiner { object, rule } in notice.joined.iter().filter(|joiner| joiner.rule.is_some()) {
            let rule = rule.as_deref().unwrap_or_default();
            let also = format!("also: {rule} on {}", render::plain(&object.to_string(), 240));
            writeln!(out, "{}", render::wrapped(&also, 13))?;
        }
        Ok(())
    }
}
