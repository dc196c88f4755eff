use crate::assets::Assets;
use crate::cluster::Cluster;
use std::io::Write as _;
use std::ops::Deref;
use tempfile::TempDir;
use tokio::sync::{RwLock, RwLockReadGuard, RwLockWriteGuard};

/// Held shared by tests that leave the server alone, and alone by those that stop it.
static TURN: RwLock<()> = RwLock::const_new(());

/// The cluster, beside other tests: keep to a namespace or a kind of your own.
pub struct Together {
    cluster: Cluster,
    _turn: RwLockReadGuard<'static, ()>,
}

/// The cluster, without any other test: it may be stopped and changed.
pub struct Alone {
    cluster: Cluster,
    _turn: RwLockWriteGuard<'static, ()>,
}

/// The store as it was at some time.
pub struct Snapshot {
    folder: TempDir,
}

/// The cluster, beside other tests; `None`, and a word of it, where there is no API server.
pub async fn together(test: &str) -> Option<Together> {
    let assets = assets(test)?;
    let turn = TURN.read().await;
    Some(Together { cluster: Cluster::of_this_process(assets).await, _turn: turn })
}

/// The cluster, once no other test is at it; `None`, and a word of it, where there is no API server.
pub async fn alone(test: &str) -> Option<Alone> {
    let assets = assets(test)?;
    let turn = TURN.write().await;
    Some(Alone { cluster: Cluster::of_this_process(assets).await, _turn: turn })
}

fn assets(test: &str) -> Option<Assets> {
    match Assets::from_env() {
        Ok(assets) => Some(assets),
        Err(why) => {
            // Not by eprintln!, which the test harness would keep to itself.
            std::io::stderr().write_all(format!("SKIPPED {test}: {why}\n").as_bytes()).expect("it is open");
            None
        }
    }
}

impl Deref for Together {
    type Target = Cluster;

    fn deref(&self) -> &Cluster {
        &self.cluster
    }
}

impl Deref for Alone {
    type Target = Cluster;

    fn deref(&self) -> &Cluster {
        &self.cluster
    }
}

impl Alone {
    /// Kills the API server, as a crash would; the store stays.
    pub async fn kill(&self) {
        self.server().kill().await;
    }

    /// Asks the API server to end, as an upgrade does, and waits until it has.
    pub async fn end_in_order(&self) {
        self.server().end_in_order().await;
    }

    /// Starts it, and waits until it is ready.
    pub async fn start(&self) {
        self.server().start().await;
    }

    /// Makes the store forget everything but the present, and the API server, which remembers by itself, too.
    pub async fn compact(&self) {
        self.compact_store().await;
        self.kill().await;
        self.start().await;
    }

    /// Makes the store forget everything but the present, where it runs; the API server goes on, and remembers by itself.
    pub async fn compact_store(&self) {
        let processes = self.server().processes.lock().await;
        if processes.etcd.runs() {
            processes.etcd.compact().await;
        }
    }

    /// Moves the version along by so much, without any change.
    pub async fn pass_versions(&self, count: usize) {
        self.server().processes.lock().await.etcd.put(count).await;
    }

    /// Keeps a copy of the store as it is now. The API server is killed and started for it.
    pub async fn snapshot(&self) -> Snapshot {
        self.kill().await;
        let folder = tempfile::tempdir().expect("there is room for a copy");
        let mut processes = self.server().processes.lock().await;
        processes.etcd.stop();
        processes.etcd.copy_to(&folder.path().join("etcd"));
        drop(processes);
        self.start().await;
        Snapshot { folder }
    }

    /// Makes the store what it was, its version included. The API server is killed and started.
    pub async fn restore(&self, snapshot: &Snapshot) {
        self.kill().await;
        let mut processes = self.server().processes.lock().await;
        processes.etcd.stop();
        processes.etcd.replace_by(&snapshot.folder.path().join("etcd"));
        drop(processes);
        self.start().await;
    }

    /// Begins anew with nothing, at an earlier version: as where another store took the place of this one.
    pub async fn wipe(&self) {
        self.kill().await;
        let mut processes = self.server().processes.lock().await;
        processes.etcd.stop();
        processes.etcd.wipe();
        drop(processes);
        self.start().await;
    }
}
