//! `prodrome up`: the whole system on this machine, deployed from `template.yaml` to an emulator.

mod live_rules;
mod proxy;
mod receiver;
mod screen;
mod sight;
mod stop;
mod system;

use crate::library::Library;
use crate::{Outcome, clock, render, replay};
use anyhow::{Context, Result, bail};
use clap::Args;
use jiff::SignedDuration;
use prodrome_recording::play::{PlayOptions, PlayServer};
use prodrome_recording::{Recording, Timeline};
use screen::Screen;
use std::path::{Path, PathBuf};
use std::time::Duration;
use stop::Stop;
use system::{Cluster, System};
use tokio::signal::unix::{SignalKind, signal};
use tokio::time::MissedTickBehavior;

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
    after_help = "A rule file that is edited while it runs takes effect within ten seconds; a bad one is told of, and \
changes nothing. Without a kubeconfig it plays recordings through a small API server, their timestamps moved so that \
the recording's time is the present. Ctrl-C ends it and leaves nothing behind."
)]
pub(crate) struct Arguments {
    /// Watch the cluster of this kubeconfig in place of a recording
    #[arg(long, value_name = "FILE", conflicts_with = "recording")]
    kubeconfig: Option<PathBuf>,
    /// The context of the kubeconfig
    #[arg(long, requires = "kubeconfig")]
    context: Option<String>,
    /// Take up the rules that stand in the cluster's namespaces as objects too, and write into their
    /// statuses whether they compile: all that is ever written to the cluster
    #[arg(long, requires = "kubeconfig")]
    namespace_rules: bool,
    /// Recordings to play side by side in place of the demo
    #[arg(long, value_name = "DIR", num_args = 1..)]
    recording: Vec<PathBuf>,
    /// Begin the recordings at this second of theirs; the demo begins at 270, others at 0
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
pub(crate) async fn run(mut arguments: Arguments) -> Result<Outcome> {
    let root = repository()?;
    if arguments.library.rules.is_empty() {
        // As they lie there, so that they can be edited.
        arguments.library.rules.push(root.join("rules"));
    }
    let rules = arguments.library.load()?;
    let mut stop = Stop::on_signals()?;
    let (play, cluster) = if let Some(path) = &arguments.kubeconfig {
        let (path, context) = (path.clone(), arguments.context.clone());
        (None, Cluster::Kubeconfig { path, context, namespace_rules: arguments.namespace_rules })
    } else {
        let play = play(&arguments, &root).await?;
        let url = play.url();
        (Some(play), Cluster::Recording(url))
    };
    let starting = System::start(&root, &cluster, &arguments.library, arguments.routing.as_deref(), &rules);
    let mut system = tokio::select! {
        started = starting => started?,
        () = stop.asked() => return Ok(Outcome::Quiet),
    };
    let mut screen = Screen::new(title(&arguments))?;
    let ended = async {
        match &play {
            Some(play) if arguments.exit => {
                play.ended().await;
                tokio::time::sleep(AFTER_END).await;
            }
            _ => std::future::pending().await,
        }
    };
    let shown = show(&mut system, &mut screen, ended, &mut stop).await;
    let told = if shown.is_ok() {
        let look = system.look().await;
        screen.finish(&look, clock::now())
    } else {
        Ok(()) // who reads is gone, or the watcher is: nothing is new
    };
    tokio::select! {
        () = system.stop() => {}
        () = stop.insisted() => {}
    }
    shown.and(told).map(|()| Outcome::Quiet)
}

/// Shows how it goes, until it ends or is ended.
async fn show(
    system: &mut System,
    screen: &mut Screen,
    ended: impl Future<Output = ()>,
    stop: &mut Stop,
) -> Result<()> {
    tokio::pin!(ended);
    let mut tick = tokio::time::interval(Duration::from_secs(1));
    tick.set_missed_tick_behavior(MissedTickBehavior::Delay);
    let mut resized = signal(SignalKind::window_change()).context("cannot follow the window's size")?;
    loop {
        tokio::select! {
            () = stop.asked() => return Ok(()),
            () = &mut ended => return Ok(()),
            notice = system.notice() => {
                screen.told(notice?, clock::now())?;
                continue;
            }
            _ = tick.tick() => {}
            _ = resized.recv() => {}
        }
        tokio::select! {
            look = system.look_and_follow_rules(clock::now()) => screen.draw(&look, clock::now())?,
            () = stop.asked() => return Ok(()),
        }
    }
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
        let length = render::count(timeline.length().as_secs().unsigned_abs(), "second");
        bail!("--from {}: the recording lasts only {length}; name an earlier one", from.as_secs());
    }
    let options = PlayOptions { from, ..PlayOptions::default() };
    PlayServer::start(&timeline, clock::now(), options).await.context("the recording cannot be played")
}

fn title(arguments: &Arguments) -> String {
    match &arguments.kubeconfig {
        Some(path) => format!("the cluster of {}", render::plain(&path.display().to_string(), 80)),
        None if arguments.recording.is_empty() => "the demo: recorded clusters side by side".to_owned(),
        None => render::count(arguments.recording.len(), "recording"),
    }
}
