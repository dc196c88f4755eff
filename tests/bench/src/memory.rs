//! The memory of the watcher beside what others need to follow the same objects: two processes at a time, side by side
//! on the same stream of the same API server.

mod section;

use crate::feed::Fed;
use crate::mix::Mix;
use crate::process;
use crate::watching::{Running, ask, kubeconfig, serve, settle, start};
use anyhow::{Context, Result, ensure};
pub use section::section;
use std::io::{BufRead as _, BufReader};
use std::path::PathBuf;
use std::process::{Command, Stdio};
use std::thread::sleep;
use std::time::{Duration, Instant};

/// How large an object is, at least.
pub const OBJECT_BYTES: usize = 15_000;
/// What the watcher may hold, over 100,000 objects at [`RATE`].
pub const GOAL_BYTES: u64 = 30_000_000;
/// Changes a second.
const RATE: u64 = 1_000;
const BUSY: Duration = Duration::from_mins(2);
/// How long all are left alone after their lists.
const IDLE: Duration = Duration::from_secs(15);
/// How long a list may take.
const PATIENCE: Duration = Duration::from_mins(15);

/// The programs.
pub struct Programs {
    /// `bench-load`.
    pub load: PathBuf,
    /// The watcher.
    pub watcher: PathBuf,
    /// `reflector`, of `tests/bench-memory`.
    pub reflector: PathBuf,
    /// `informer`, of `tests/bench-memory`, where it could be built.
    pub informer: Option<PathBuf>,
}

/// What is measured beside the watcher.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Other {
    /// The watcher itself, told to list by pages.
    Pages,
    /// kube's reflector of `Pod`.
    Typed,
    /// kube's reflector of `DynamicObject`.
    Dynamic,
    /// client-go's shared informer.
    Informer,
}

/// What was seen of a process.
#[derive(Debug, Clone, Copy)]
pub struct Figures {
    /// Resident after the list, with nothing to do; in bytes.
    pub idle: u64,
    /// The most that was resident up to then.
    pub listing: u64,
    /// Resident as the last change of the stream has come.
    pub busy: u64,
    /// The most that was ever resident.
    pub most: u64,
    /// The share of a core that it had during the stream, in percent.
    pub processor: f64,
    /// Requests to the API server.
    pub requests: u64,
}

/// The watcher and another, side by side.
pub struct Round {
    /// Beside what.
    pub other: Other,
    /// What the other says that it is.
    pub version: String,
    /// Objects in the cluster.
    pub objects: usize,
    /// The stream.
    pub fed: Fed,
    /// The watcher's figures.
    pub ours: Figures,
    /// The other's.
    pub others: Figures,
}

/// The most that the watcher held in any round, however it listed.
pub fn most(rounds: &[Round]) -> u64 {
    let of = |round: &Round| match round.other {
        Other::Pages => round.ours.most.max(round.others.most),
        _ => round.ours.most,
    };
    rounds.iter().map(of).max().unwrap_or_default()
}

/// Runs the watcher beside another, before so many objects of a mix.
pub fn measure(programs: &Programs, mix: &Mix, objects: usize, other: Other) -> Result<Round> {
    let scratch = tempfile::tempdir()?;
    let (_load, url) = serve(&programs.load, scratch.path(), mix, objects, true)?;
    let urls = ["watcher", "other"].map(|name| format!("{url}/as/{name}"));
    let folders = ["watcher", "other"].map(|name| scratch.path().join(name));
    folders.iter().try_for_each(std::fs::create_dir)?;
    let ours = start(&programs.watcher, &folders[0], (&urls[0], &url), mix, &[])?;
    let mut beside = match programs.of(other)? {
        None => start(&programs.watcher, &folders[1], (&urls[1], &url), mix, &[("STREAM_LISTS", "false")])?,
        Some(mut command) => {
            command.env("KUBECONFIG", kubeconfig(&folders[1], &urls[1])?).stdout(Stdio::piped());
            Running(command.spawn().with_context(|| format!("{other:?} cannot be started"))?)
        }
    };
    let ids = [ours.0.id(), beside.0.id()];
    // Where memory ends, it is not another's work that ends with it.
    std::fs::write(format!("/proc/{}/oom_score_adj", ids[1]), "1000")?;

    let begun = Instant::now();
    for url in &urls {
        while ask::<usize>(url, "watches")? == 0 {
            ensure!(begun.elapsed() < PATIENCE, "no watch beside {other:?} after {PATIENCE:?}");
            sleep(Duration::from_millis(200));
        }
    }
    let version = said(&mut beside, objects).with_context(|| format!("{other:?}"))?;
    settle(&url)?;
    sleep(IDLE);

    let idle = [Idle::of(ids[0])?, Idle::of(ids[1])?];
    let fed: Fed = ask(&url, &format!("feed?rate={RATE}&ms={}", BUSY.as_millis()))?;
    let time = Duration::from_millis(fed.ms);
    let [ours, others] = [idle[0].figures(time, &urls[0])?, idle[1].figures(time, &urls[1])?];
    Ok(Round { other, version, objects, fed, ours, others })
}

impl Programs {
    /// How another than the watcher is started.
    fn of(&self, other: Other) -> Result<Option<Command>> {
        let (program, argument) = match other {
            Other::Pages => return Ok(None),
            Other::Typed => (&self.reflector, Some("typed")),
            Other::Dynamic => (&self.reflector, Some("dynamic")),
            Other::Informer => (self.informer.as_ref().context("there is no informer")?, None),
        };
        let mut command = Command::new(program);
        command.args(argument);
        Ok(Some(command))
    }
}

/// What a program says that it is, once it holds as many objects as there are. The watcher says nothing.
fn said(program: &mut Running, objects: usize) -> Result<String> {
    let Some(output) = program.0.stdout.take() else { return Ok(String::new()) };
    let mut line = String::new();
    BufReader::new(output).read_line(&mut line)?;
    let said = line.trim().split_once(" pods in ").filter(|(held, _)| *held == objects.to_string());
    Ok(said.with_context(|| format!("it should hold {objects} pods, and says {line:?}"))?.1.to_owned())
}

/// A process before it is fed changes.
struct Idle {
    id: u32,
    resident: (u64, u64),
    cpu: Duration,
}

impl Idle {
    fn of(id: u32) -> Result<Self> {
        Ok(Self { id, resident: process::resident(id)?, cpu: process::cpu(id)? })
    }

    /// What has become of it after so long.
    fn figures(&self, time: Duration, url: &str) -> Result<Figures> {
        let cpu = process::cpu(self.id)?.saturating_sub(self.cpu);
        let (busy, most) = process::resident(self.id)?;
        let (idle, listing) = self.resident;
        let processor = 100.0 * cpu.as_secs_f64() / time.as_secs_f64();
        Ok(Figures { idle, listing, busy, most, processor, requests: ask(url, "requests")? })
    }
}
