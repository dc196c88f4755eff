//! `prodrome record`: what a cluster's API server sends, written down for `prodrome replay`.

mod given_up;
mod stream;

use crate::library::Library;
use crate::reach::Reached;
use crate::{Outcome, clock, render};
use anyhow::{Context, Result, bail};
use clap::Args;
use given_up::Untold;
use jiff::{SignedDuration, Timestamp};
use prodrome_cluster::{Cluster, ClusterError, KubeCluster};
use prodrome_model::{GroupKind, Resource};
use prodrome_recording::{RecordingError, RecordingWriter, WatchKind};
use std::collections::BTreeSet;
use std::io::{IsTerminal as _, Write as _};
use std::path::PathBuf;
use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;
use tokio::signal::unix::{SignalKind, signal};
use tokio::sync::Semaphore;
use tokio::task::JoinSet;
use tokio::time::{MissedTickBehavior, interval};

/// How often what was received is brought to the disk.
const FLUSH: Duration = Duration::from_secs(1);
/// Kinds that are listed at a time.
const LISTS: usize = 4;
/// Renewed every few seconds, and telling nothing: recorded where they are asked for only.
const LEASE: (&str, &str) = ("coordination.k8s.io", "Lease");

/// Arguments of `prodrome record`.
#[derive(Args)]
#[command(
    after_help = "Ctrl-C ends the recording. Of Secrets and ConfigMaps the metadata alone is written, without \
                        annotations. Exit code: 0 recorded, 2 it could not be done."
)]
pub(crate) struct Arguments {
    /// The kubeconfig to use; by default what kubectl would use
    #[arg(long, value_name = "FILE")]
    kubeconfig: Option<PathBuf>,
    /// The context of the kubeconfig
    #[arg(long)]
    context: Option<String>,
    /// The folder to write to; it must not hold a recording
    #[arg(long, value_name = "DIR")]
    out: PathBuf,
    /// How long to record, such as 10m; until Ctrl-C where absent
    #[arg(long = "for", value_name = "DURATION", value_parser = duration)]
    lasting: Option<SignedDuration>,
    /// Kinds to record (Pod, apps/Deployment), in place of those that the rules name and their Events
    #[arg(long, value_name = "KIND", value_delimiter = ',')]
    kinds: Vec<String>,
    #[command(flatten)]
    library: Library,
}

impl Arguments {
    /// To record the kinds of a library for so long.
    pub(crate) fn of(
        (kubeconfig, context): (Option<PathBuf>, Option<String>),
        out: PathBuf,
        lasting: SignedDuration,
        library: Library,
    ) -> Self {
        Self { kubeconfig, context, out, lasting: Some(lasting), kinds: Vec::new(), library }
    }
}

pub(crate) fn duration(text: &str) -> Result<SignedDuration, String> {
    prodrome_rules::parse_duration(text)
        .ok_or_else(|| "expected a duration such as 90s, 10m or 1h30m".to_owned())
}

/// Runs the command.
pub(crate) async fn run(arguments: Arguments) -> Result<Outcome> {
    say!("{}", record(arguments).await?);
    Ok(Outcome::Quiet)
}

/// Records; says what was recorded.
pub(crate) async fn record(arguments: Arguments) -> Result<String> {
    let reached = Reached::by(arguments.kubeconfig.as_deref(), arguments.context.as_deref()).await?;
    let resources =
        resources(&reached.cluster(), &arguments).await.map_err(|error| reached.place.blame(&error))?;
    let (client, place) = (reached.client, reached.place);
    let mut interrupt = signal(SignalKind::interrupt()).context("cannot listen for Ctrl-C")?;
    let mut terminate = signal(SignalKind::terminate()).context("cannot listen for SIGTERM")?;

    let begin = clock::now();
    let tape = Arc::new(Tape::create(arguments.out.clone(), begin)?);
    let turns = Arc::new(Semaphore::new(LISTS));
    let mut streams = JoinSet::new();
    for resource in &resources {
        streams.spawn(stream::record(client.clone(), resource.clone(), tape.clone(), turns.clone()));
    }
    eprintln!(
        "prodrome: recording {} to {}; Ctrl-C ends it",
        render::count(resources.len(), "kind"),
        arguments.out.display()
    );
    let lasting = arguments.lasting.and_then(|lasting| Duration::try_from(lasting).ok());
    let end = tokio::time::sleep(lasting.unwrap_or(Duration::from_secs(u64::from(u32::MAX))));
    tokio::pin!(end);
    let mut tick = interval(FLUSH);
    tick.set_missed_tick_behavior(MissedTickBehavior::Skip);
    let (mut given_up, mut untold) = (0, Untold::new(!arguments.kinds.is_empty()));
    let failure = loop {
        tokio::select! {
            _ = interrupt.recv() => break None,
            _ = terminate.recv() => break None,
            () = &mut end => break None,
            _ = tick.tick() => {
                if let Err(error) = tape.flush() {
                    break Some(error);
                }
                leave_out(&untold.settled());
                progress(&tape, begin);
            }
            Some(ended) = streams.join_next() => match ended {
                // A kind that cannot be recorded does not end the others.
                Ok(Ok(given)) => {
                    untold.add(given);
                    given_up += 1;
                    if given_up == resources.len() {
                        break None;
                    }
                }
                Ok(Err(error)) => break Some(error),
                Err(error) => std::panic::resume_unwind(error.into_panic()),
            },
        }
    };
    streams.shutdown().await;
    clear();
    leave_out(&untold.all());
    let lines = tape.finish()?;
    if let Some(error) = failure {
        return Err(anyhow::Error::new(error).context("the recording broke off"));
    }
    if lines == 0 && arguments.lasting.is_some() && given_up == 0 {
        bail!("nothing was recorded: {place} sent nothing");
    }
    if given_up == resources.len() {
        bail!("nothing could be recorded of the {} that were to be", render::count(resources.len(), "kind"));
    }
    Ok(format!(
        "recorded {} of {} in {}: {}",
        render::count(lines, "line"),
        render::count(resources.len() - given_up, "kind"),
        render::since(begin, clock::now()),
        arguments.out.display()
    ))
}

/// What to record, as the cluster serves it.
async fn resources(cluster: &KubeCluster, arguments: &Arguments) -> Result<Vec<Resource>> {
    let mut resources = Vec::new();
    if arguments.kinds.is_empty() {
        let patterns = arguments.library.load()?.kinds();
        let served = cluster.resources().await.context("the cluster cannot be read")?;
        let mut kinds: BTreeSet<GroupKind> =
            patterns.iter().filter_map(prodrome_rules::KindPattern::to_group_kind).collect();
        kinds.insert(GroupKind::core("Event"));
        let open = patterns.iter().filter(|pattern| pattern.to_group_kind().is_none());
        for pattern in open {
            let meant = served.iter().map(Resource::group_kind).filter(|kind| pattern.matches(kind));
            kinds.extend(meant.filter(|kind| (&*kind.group, &*kind.kind) != LEASE));
        }
        for kind in kinds {
            match cluster.resource(&kind).await {
                Ok(resource) => resources.push(resource),
                Err(ClusterError::UnknownKind { .. }) => {}
                Err(error) => return Err(error).context("the cluster cannot be read"),
            }
        }
        if resources.is_empty() {
            bail!("the cluster serves none of the kinds that the rules name; name some with --kinds");
        }
    } else {
        for text in &arguments.kinds {
            let kind = kind(text)
                .with_context(|| format!("--kinds: expected Kind or group/Kind, found {text:?}"))?;
            let resource = cluster.resource(&kind).await;
            resources.push(resource.with_context(|| format!("--kinds: {text} cannot be recorded"))?);
        }
    }
    resources.sort();
    resources.dedup();
    Ok(resources)
}

/// `Pod`, `apps/Deployment`, `apps/v1/Deployment`, `v1/Pod`.
fn kind(text: &str) -> Option<GroupKind> {
    let word = |text: &str| {
        !text.is_empty() && text.bytes().all(|b| b.is_ascii_alphanumeric() || b"-.".contains(&b))
    };
    let parts: Vec<&str> = text.split('/').collect();
    if !parts.iter().all(|part| word(part)) {
        return None;
    }
    match *parts.as_slice() {
        [place, kind] if place.contains('.') || !place.starts_with('v') => {
            Some(GroupKind::from_api_version(&format!("{place}/v1"), kind))
        }
        [kind] | [_, kind] => Some(GroupKind::core(kind)),
        [group, version, kind] => Some(GroupKind::from_api_version(&format!("{group}/{version}"), kind)),
        _ => None,
    }
}

fn progress(tape: &Tape, begin: Timestamp) {
    if std::io::stderr().is_terminal() {
        eprint!("\r\x1b[K{}, {}", render::count(tape.lines(), "line"), render::since(begin, clock::now()));
        // A progress that cannot be shown is no reason to stop.
        _ = std::io::stderr().flush();
    }
}

fn leave_out(lines: &[String]) {
    for line in lines {
        clear();
        eprintln!("prodrome: left out: {}", render::plain(line, 2_000));
    }
}

fn clear() {
    if std::io::stderr().is_terminal() {
        eprint!("\r\x1b[K");
    }
}

/// The recording that all streams write to. Time stands on each line, and never runs back.
struct Tape {
    inner: Mutex<Inner>,
}

struct Inner {
    /// Gone once the recording has ended.
    writer: Option<RecordingWriter>,
    last: Timestamp,
    flushed: u64,
}

impl Tape {
    fn create(dir: PathBuf, begin: Timestamp) -> Result<Self, RecordingError> {
        let writer = RecordingWriter::create(dir, begin)?;
        Ok(Self { inner: Mutex::new(Inner { writer: Some(writer), last: begin, flushed: 0 }) })
    }

    fn event(&self, resource: &Resource, kind: WatchKind, object: &str) -> Result<(), RecordingError> {
        self.write(|writer, now| writer.event(now, resource, kind, object))
    }

    fn answer(
        &self,
        resource: &Resource,
        query: &str,
        status: u16,
        body: &str,
    ) -> Result<(), RecordingError> {
        self.write(|writer, now| writer.answer(now, resource, query, status, body))
    }

    fn opened(&self, resource: &Resource, query: &str) -> Result<(), RecordingError> {
        self.write(|writer, now| writer.opened(now, resource, query, 200))
    }

    fn write(
        &self,
        write: impl FnOnce(&mut RecordingWriter, Timestamp) -> Result<(), RecordingError>,
    ) -> Result<(), RecordingError> {
        let mut inner = self.inner.lock().unwrap_or_else(PoisonError::into_inner);
        inner.last = inner.last.max(clock::now());
        let now = inner.last;
        inner.writer.as_mut().map_or(Ok(()), |writer| write(writer, now))
    }

    fn lines(&self) -> u64 {
        let inner = self.inner.lock().unwrap_or_else(PoisonError::into_inner);
        inner.writer.as_ref().map_or(0, RecordingWriter::lines)
    }

    fn flush(&self) -> Result<(), RecordingError> {
        let lines = self.lines();
        let mut inner = self.inner.lock().unwrap_or_else(PoisonError::into_inner);
        if std::mem::replace(&mut inner.flushed, lines) == lines {
            return Ok(());
        }
        let now = clock::now().max(inner.last);
        inner.writer.as_mut().map_or(Ok(()), |writer| writer.flush(now))
    }

    /// Ends the recording; gives the number of its lines.
    fn finish(&self) -> Result<u64, RecordingError> {
        let mut inner = self.inner.lock().unwrap_or_else(PoisonError::into_inner);
        let now = clock::now().max(inner.last);
        let Some(writer) = inner.writer.take() else { return Ok(0) };
        let lines = writer.lines();
        writer.finish(now)?;
        Ok(lines)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn kinds_are_read_as_people_write_them() {
        let read = |text| kind(text).map(|kind| (kind.group, kind.kind));
        let pair = |group: &str, kind: &str| Some((group.to_owned(), kind.to_owned()));
        for (text, want) in [
            ("Pod", pair("", "Pod")),
            ("v1/Pod", pair("", "Pod")),
            ("apps/Deployment", pair("apps", "Deployment")),
            ("apps/v1/Deployment", pair("apps", "Deployment")),
            ("velero.io/Backup", pair("velero.io", "Backup")),
            ("", None),
            ("apps/", None),
            ("Po d", None),
            ("a/b/c/d", None),
        ] {
            assert_eq!(read(text), want, "{text}");
        }
    }
}
