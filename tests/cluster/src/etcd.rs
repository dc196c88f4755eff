use crate::cluster::{free_port, request};
use crate::guarded::Guarded;
use kube::Client;
use serde_json::{Value, json};
use std::path::{Path, PathBuf};
use std::process::Command;

/// A store that forgets nothing by itself.
#[derive(Debug)]
pub(crate) struct Etcd {
    program: PathBuf,
    folder: PathBuf,
    ports: [u16; 2],
    /// Absent while it is down.
    process: Option<Guarded>,
}

impl Etcd {
    pub(crate) fn new(program: PathBuf, folder: &Path) -> Self {
        let ports = [free_port(), free_port()];
        Self { program, folder: folder.to_owned(), ports, process: None }
    }

    pub(crate) fn url(&self) -> String {
        format!("http://127.0.0.1:{}", self.ports[0])
    }

    pub(crate) fn start(&mut self) {
        let (data, peers) = (self.data(), format!("http://127.0.0.1:{}", self.ports[1]));
        let arguments = [
            "--name=default".to_owned(),
            format!("--data-dir={}", data.display()),
            format!("--listen-client-urls={}", self.url()),
            format!("--advertise-client-urls={}", self.url()),
            format!("--listen-peer-urls={peers}"),
            format!("--initial-advertise-peer-urls={peers}"),
            format!("--initial-cluster=default={peers}"),
            "--unsafe-no-fsync".to_owned(),
            // As kubeadm has it, only more often: from it bookmarks of a quiet kind learn that time goes on.
            "--watch-progress-notify-interval=1s".to_owned(),
        ];
        let process = Guarded::start(&self.program, &arguments, &self.folder.join("etcd.log"));
        self.process = Some(process.expect("etcd can be started"));
    }

    pub(crate) fn runs(&self) -> bool {
        self.process.is_some()
    }

    pub(crate) fn stop(&mut self) {
        self.process = None;
    }

    /// Forgets everything. It must be stopped.
    pub(crate) fn wipe(&self) {
        std::fs::remove_dir_all(self.data()).expect("the data can be removed");
    }

    /// Keeps a copy of what it holds in a folder that is not there yet. It must be stopped.
    pub(crate) fn copy_to(&self, folder: &Path) {
        copy(&self.data(), folder);
    }

    /// Holds what was copied to a folder. It must be stopped.
    pub(crate) fn replace_by(&self, folder: &Path) {
        self.wipe();
        copy(folder, &self.data());
    }

    /// Forgets everything but the present.
    pub(crate) async fn compact(&self) {
        // What is forgotten already cannot be forgotten again.
        self.put(1).await;
        let client = self.client();
        let present = call(&client, "/v3/kv/range", &json!({ "key": "dGVzdA==" })).await;
        let revision = present["header"]["revision"].as_str().expect("an answer names the revision");
        call(&client, "/v3/kv/compaction", &json!({ "revision": revision, "physical": true })).await;
    }

    /// Moves its version along, without any object having changed.
    pub(crate) async fn put(&self, times: usize) {
        let client = self.client();
        for _ in 0..times {
            // "test" and "1" in base64.
            call(&client, "/v3/kv/put", &json!({ "key": "dGVzdA==", "value": "MQ==" })).await;
        }
    }

    fn client(&self) -> Client {
        let config = kube::Config::new(self.url().parse().expect("it is a URL"));
        Client::try_from(config).expect("a client without credentials")
    }

    fn data(&self) -> PathBuf {
        self.folder.join("etcd")
    }
}

fn copy(from: &Path, to: &Path) {
    let copied = Command::new("cp").arg("-a").args([from, to]).status().expect("there is a cp");
    assert!(copied.success(), "{} cannot be copied to {}", from.display(), to.display());
}

async fn call(client: &Client, path: &str, body: &Value) -> Value {
    request(client, "POST", path, "application/json", Some(body)).await.expect("etcd answers")
}
