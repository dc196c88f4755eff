use crate::assets::Assets;
use crate::cluster::Cluster;
use std::io::Write as _;
use std::ops::Deref;
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
        self.server().processes.lock().await.etcd.compact().await;
        self.kill().await;
        self.start().await;
    }

    /// Moves the version along by so much, without any change.
    pub async fn pass_versions(&self, count: usize) {
        self.server().processes.lock().await.etcd.put(count).await;
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
