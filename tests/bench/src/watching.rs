//! The watcher, as a process of its own.

use crate::feed::{Fed, Taken};
use crate::mix::Mix;
use crate::process;
use anyhow::{Context, Result, bail};
use serde::de::DeserializeOwned;
use std::collections::BTreeSet;
use std::io::{BufRead as _, BufReader};
use std::net::TcpListener;
use std::path::{Path, PathBuf};
use std::process::{Child, Command, Stdio};
use std::thread::sleep;
use std::time::{Duration, Instant};

/// Objects in the cluster.
pub const OBJECTS: usize = 20_000;
/// How long changes are fed at each rate, and as fast as they are read.
const AT_RATE: Duration = Duration::from_secs(15);
const AT_MOST: Duration = Duration::from_secs(5);
/// What waits in the watcher leaves within half a second.
const SETTLES: Duration = Duration::from_secs(2);
const PATIENCE: Duration = Duration::from_mins(3);

/// What was seen of a watcher under one load.
pub struct Watched {
    /// Resident after the first list, with nothing to do; in bytes.
    pub idle_bytes: u64,
    /// The most that was resident up to then, the list of all objects included.
    pub list_peak_bytes: u64,
    /// Resident while 1,000 changes a second come in, at most.
    pub busy_bytes: u64,
    /// Processor time for that, per second.
    pub busy_cpu_per_second: Duration,
    /// At 1,000 changes a second.
    pub thousand: Run,
    /// At 10 changes a second.
    pub ten: Run,
    /// Changes, and the processor time that they took, as fast as the watcher reads them.
    pub most: (u64, Duration),
}

/// Changes fed, and what arrived at the queue of them.
pub struct Run {
    /// What was fed.
    pub fed: Fed,
    /// What the queue took.
    pub taken: Taken,
}

/// A child that is killed when dropped.
pub(crate) struct Running(pub(crate) Child);

impl Drop for Running {
    fn drop(&mut self) {
        // It may have ended by itself, which is as well.
        drop(self.0.kill());
        drop(self.0.wait());
    }
}

/// Runs the watcher in `programs` under a load.
pub fn watch(programs: &Path, mix: &Mix) -> Result<Watched> {
    let scratch = tempfile::tempdir()?;
    let (_load, url) = serve(&programs.join("bench-load"), scratch.path(), mix, OBJECTS, false)?;
    let watcher = start(&programs.join("watcher"), scratch.path(), (&url, &url), mix, &[])?;
    let id = watcher.0.id();

    let kinds = mix.templates.iter().map(|template| template.resource.collection_path(None));
    let kinds = kinds.collect::<BTreeSet<_>>().len();
    let begun = Instant::now();
    while ask::<usize>(&url, "watches")? < kinds {
        if begun.elapsed() > PATIENCE {
            bail!("the watcher does not watch all of {kinds} kinds");
        }
        sleep(Duration::from_millis(200));
    }
    settle(&url)?;
    let (idle_bytes, list_peak_bytes) = process::resident(id)?;

    let before = process::cpu(id)?;
    let (thousand, busy_bytes) = run(&url, id, 1_000, AT_RATE)?;
    let busy = process::cpu(id)?.saturating_sub(before);
    let (ten, _) = run(&url, id, 10, AT_RATE)?;
    let before = process::cpu(id)?;
    let (most, _) = run(&url, id, 0, AT_MOST)?;
    let most = (most.fed.changes, process::cpu(id)?.saturating_sub(before));
    let busy_cpu_per_second = busy / u32::try_from(AT_RATE.as_secs())?;
    Ok(Watched { idle_bytes, list_peak_bytes, busy_bytes, busy_cpu_per_second, thousand, ten, most })
}

/// Starts an API server and a queue, both at the URL that is returned.
pub(crate) fn serve(
    program: &Path,
    scratch: &Path,
    mix: &Mix,
    objects: usize,
    stream_lists: bool,
) -> Result<(Running, String)> {
    let file = scratch.join("mix.json");
    std::fs::write(&file, serde_json::to_vec(mix)?)?;
    let mut load = Command::new(program);
    load.arg(&file).arg(objects.to_string()).args(stream_lists.then_some("stream-lists"));
    let load = load.stdout(Stdio::piped()).spawn();
    let mut load = Running(load.context("bench-load cannot be started")?);
    let mut port = String::new();
    BufReader::new(load.0.stdout.take().context("it has an output")?).read_line(&mut port)?;
    Ok((load, format!("http://127.0.0.1:{}", port.trim())))
}

/// Writes a kubeconfig for an API server into a folder.
pub(crate) fn kubeconfig(scratch: &Path, server: &str) -> Result<PathBuf> {
    let kubeconfig = scratch.join("kubeconfig");
    let config = serde_json::json!({
        "apiVersion": "v1", "kind": "Config", "current-context": "bench",
        "clusters": [{ "name": "bench", "cluster": { "server": server } }],
        "users": [{ "name": "bench", "user": {} }],
        "contexts": [{ "name": "bench", "context": { "cluster": "bench", "user": "bench" } }],
    });
    std::fs::write(&kubeconfig, config.to_string())?;
    Ok(kubeconfig)
}

/// Starts a watcher of a mix, with more settings than it needs.
pub(crate) fn start(
    program: &Path,
    scratch: &Path,
    (server, queue): (&str, &str),
    mix: &Mix,
    settings: &[(&str, &str)],
) -> Result<Running> {
    let kinds: BTreeSet<_> = mix
        .templates
        .iter()
        .map(|template| match &*template.resource.group {
            "" => format!("core/{}", template.resource.kind),
            group => format!("{group}/{}", template.resource.kind),
        })
        .collect();
    let free_port = TcpListener::bind(("127.0.0.1", 0))?.local_addr()?.port();
    let child = Command::new(program)
        .env("KUBECONFIG", kubeconfig(scratch, server)?)
        .env("CLUSTER", "bench")
        .env("KINDS", kinds.into_iter().collect::<Vec<_>>().join(","))
        .env("CHANGES_QUEUE_URL", format!("{queue}/000000000000/changes"))
        .env("PLACE_FILE", scratch.join("place.json"))
        .env("LISTEN", format!("127.0.0.1:{free_port}"))
        .env("LOG_LEVEL", "error")
        .envs([("AWS_ENDPOINT_URL", queue), ("AWS_REGION", "us-east-1")])
        .envs([("AWS_ACCESS_KEY_ID", "test"), ("AWS_SECRET_ACCESS_KEY", "test")])
        .envs(settings.iter().copied())
        .stdout(Stdio::null())
        .spawn();
    Ok(Running(child.context("the watcher cannot be started")?))
}

/// Feeds changes at a rate; what the queue took of them, and the most that was resident meanwhile.
fn run(url: &str, watcher: u32, rate: u64, time: Duration) -> Result<(Run, u64)> {
    settle(url)?;
    let path = format!("feed?rate={rate}&ms={}", time.as_millis());
    std::thread::scope(|scope| {
        let fed = scope.spawn(|| ask::<Fed>(url, &path));
        let mut most = 0;
        while !fed.is_finished() {
            most = most.max(process::resident(watcher)?.0);
            sleep(Duration::from_millis(100));
        }
        let fed = fed.join().expect("asking does not panic")?;
        sleep(SETTLES);
        Ok((Run { fed, taken: ask(url, "taken")? }, most))
    })
}

/// Waits until nothing more arrives at the queue, and forgets what did.
pub(crate) fn settle(url: &str) -> Result<()> {
    loop {
        sleep(SETTLES);
        if ask::<Taken>(url, "taken")?.messages == 0 {
            return Ok(());
        }
    }
}

pub(crate) fn ask<T: DeserializeOwned>(url: &str, what: &str) -> Result<T> {
    let mut answer = ureq::get(format!("{url}/control/{what}")).call().context("the load does not answer")?;
    let text = answer.body_mut().with_config().limit(1 << 30).read_to_string()?;
    serde_json::from_str(&text).context("unexpected answer of the load")
}
