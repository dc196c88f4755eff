use crate::{PATIENCE, System, until};
use anyhow::{Result, anyhow};
use prodrome_queue::SqsQueue;
use prodrome_watcher::{ASK_EVERY, Clock, FilePlaces, Settings, Watcher, connect, listen_to};
use std::path::Path;
use tokio::runtime::Runtime;
use tokio::sync::{oneshot, watch};
use tokio::task::JoinHandle;

/// A watcher that runs.
pub(crate) struct Watching {
    stop: oneshot::Sender<()>,
    running: JoinHandle<Result<()>>,
}

impl Watching {
    /// Watches every kind, as the shipped rules do, and waits until all are listed or watched.
    pub(crate) fn start(system: &System, queue: SqsQueue, scratch: &Path) -> Result<Self> {
        let kubeconfig = scratch.join("kubeconfig");
        let connection = system.runtime.block_on(connect(Some(&kubeconfig), None))?;
        let settings = Settings::new(system.scope().clone(), vec!["*".parse()?]);
        let places = FilePlaces::new(scratch.join("place.json"));
        let (tell, hearsay) = watch::channel(None);
        system.runtime.spawn(listen_to(system.rulebook()?, system.scope().clone(), tell, ASK_EVERY));
        let watcher =
            Watcher::new(connection.client, queue, places, settings, Clock::system()).hearing(hearsay);
        let status = watcher.status();
        let (stop, stopped) = oneshot::channel::<()>();
        let running = system.runtime.spawn(async move {
            // An error means that the sender is gone, and with it whoever wanted the watcher.
            let ended = watcher.run(async move { stopped.await.unwrap_or_default() }).await;
            ended.map_err(|error| anyhow!("the watcher ended: {error}"))
        });
        until("the watcher to be in step", || (status.is_ready() || running.is_finished()).then_some(()));
        Ok(Self { stop, running })
    }

    pub(crate) fn stop(self, runtime: &Runtime) -> Result<()> {
        let Self { stop, running } = self;
        drop(stop);
        runtime.block_on(async { tokio::time::timeout(PATIENCE, running).await })??
    }
}
