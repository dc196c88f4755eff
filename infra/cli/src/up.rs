//! `prodrome up`: the whole system on this machine, deployed from `template.yaml` to an emulator.

mod receiver;
mod screen;
mod system;

use crate::library::Library;
use crate::{Outcome, clock, render, replay};
use anyhow::{Context, Result, bail};
use clap::Args;
use jiff::SignedDuration;
use prodrome_recording::play::{PlayOptions, PlayServer};
use prodrome_recording::{Recording, Timeline};
use std::io::IsTerminal as _;
use std::path::{Path, PathBuf};
use std::time::Duration;
use system::{Cluster, System};

/// The demo: several faults and a healthy rollout side by side.
const DEMO: [&str; 8] = [
    "image-tag-missing",
    "crash-loop-long",
    "config-missing-secret-key",
    "readiness-never",
    "unschedulable-cpu",
    "job-backoff-limit",
    "pvc-class-missing",
    "healthy-rollout",
];
/// Where the demo begins: in the midst, so that there is something to see within seconds.
const DEMO_FROM: i64 = 270;
/// What is still on its way when a recording ends gets so long to arrive.
const AFTER_END: Duration = Duration::from_secs(8);

/// Arguments of `prodrome up`.
#[derive(Args)]
#[command(
    after_help = "Without a kubeconfig it plays recordings through a small API server, their timestamps moved so that \
the recording's time is the present. Ctrl-C ends it and leaves nothing behind."
)]
pub(crate) struct Arguments {
    /// Watch the cluster of this kubeconfig in place of a recording
    #[arg(long, value_name = "FILE", conflicts_with = "recording")]
    kubeconfig: Option<PathBuf>,
    /// The context of the kubeconfig
    #[arg(long, requires = "kubeconfig")]
    context: Option<String>,
    /// Recordings to play side by side in place of the demo
    #[arg(long, value_name = "DIR", num_args = 1..)]
    recording: Vec<PathBuf>,
    /// Begin the recording at this second
    #[arg(long, value_name = "SECONDS", conflicts_with = "kubeconfig")]
    from: Option<u32>,
    /// End when the recording does, with a summary
    #[arg(long, conflicts_with = "kubeconfig")]
    exit: bool,
    /// A routing file: who is told, beside this screen
    #[arg(long, value_name = "FILE")]
    routing: Option<PathBuf>,
    #[command(flatten)]
    library: Library,
}

/// Runs the command.
pub(crate) async fn run(arguments: Arguments) -> Result<Outcome> {
    let root = repository()?;
    let rules = arguments.library.load()?;
    let stop = stopped()?;
    tokio::pin!(stop);
    let scratch = tempfile::tempdir().context("cannot make a temporary folder")?;
    let play = match &arguments.kubeconfig {
        Some(_) => None,
        None => Some(play(&arguments, &root).await?),
    };
    let cluster = match (&arguments.kubeconfig, &play) {
        (Some(path), _) => Cluster { kubeconfig: path.clone(), context: arguments.context.clone() },
        (None, Some(play)) => {
            let path = scratch.path().join("kubeconfig");
            std::fs::write(&path, play.kubeconfig()).context("cannot write a kubeconfig")?;
            Cluster { kubeconfig: path, context: None }
        }
        (None, None) => bail!("there is neither a cluster nor a recording to watch"),
    };
    let starting = System::start(
        &root,
        scratch.path(),
        &cluster,
        &arguments.library,
        arguments.routing.as_deref(),
        &rules,
    );
    let mut system = tokio::select! {
        started = starting => started?,
        () = &mut stop => return Ok(Outcome::Quiet),
    };
    let mut screen = screen::Screen::new(std::io::stdout().is_terminal(), title(&arguments));
    let ended = async {
        match &play {
            Some(play) if arguments.exit => {
                play.ended().await;
                tokio::time::sleep(AFTER_END).await;
            }
            _ => std::future::pending().await,
        }
    };
    tokio::pin!(ended);
    let mut tick = tokio::time::interval(Duration::from_secs(1));
    let failed = loop {
        tokio::select! {
            () = &mut stop => break None,
            () = &mut ended => break None,
            notice = system.notice() => match notice {
                Ok(notice) => screen.told(notice, clock::now())?,
                Err(error) => break Some(error),
            },
            _ = tick.tick() => screen.draw(&system.look(clock::now()).await, clock::now())?,
        }
    };
    screen.finish(&system.look(clock::now()).await)?;
    system.stop().await;
    failed.map_or(Ok(Outcome::Quiet), Err)
}

/// The folder that holds `template.yaml`: this one or one above, or above the program's.
fn repository() -> Result<PathBuf> {
    let starts = [std::env::current_dir().ok(), std::env::current_exe().ok()];
    let mut above = starts.iter().flatten().flat_map(|start| start.ancestors());
    let found = above.find(|dir| dir.join("template.yaml").is_file() && dir.join("rules").is_dir());
    found.map(Path::to_owned).context("template.yaml is not found: run `prodrome up` inside the repository")
}

async fn play(arguments: &Arguments, root: &Path) -> Result<PlayServer> {
    let demo = || DEMO.iter().map(|name| root.join("events/recordings").join(name)).collect();
    let (dirs, from): (Vec<PathBuf>, u32) = if arguments.recording.is_empty() {
        (demo(), arguments.from.unwrap_or(u32::try_from(DEMO_FROM).unwrap_or(0)))
    } else {
        (arguments.recording.clone(), arguments.from.unwrap_or(0))
    };
    let recordings: Vec<Recording> = dirs.iter().map(|dir| replay::open(dir)).collect::<Result<_>>()?;
    let timeline = Timeline::merge(recordings);
    let from = SignedDuration::from_secs(i64::from(from));
    if from >= timeline.length() {
        bail!("--from {}: the recording has only {} seconds", from.as_secs(), timeline.length().as_secs());
    }
    let options = PlayOptions { from, ..PlayOptions::default() };
    PlayServer::start(&timeline, clock::now(), options).await.context("the recording cannot be played")
}

fn title(arguments: &Arguments) -> String {
    match &arguments.kubeconfig {
        Some(path) => format!("the cluster of {}", render::plain(&path.display().to_string(), 80)),
        None if arguments.recording.is_empty() => "the demo: recorded clusters side by side".to_owned(),
        None => format!("{} recordings", arguments.recording.len()),
    }
}

/// Ctrl-C, or SIGTERM.
fn stopped() -> Result<impl Future<Output = ()>> {
    use tokio::signal::unix::{SignalKind, signal};
    let mut interrupt = signal(SignalKind::interrupt()).context("cannot listen for Ctrl-C")?;
    let mut terminate = signal(SignalKind::terminate()).context("cannot listen for SIGTERM")?;
    Ok(async move {
        tokio::select! {
            _ = interrupt.recv() => {}
            _ = terminate.recv() => {}
        }
    })
}
