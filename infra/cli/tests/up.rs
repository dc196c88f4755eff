//! The whole path: a recorded cluster, the watcher, `template.yaml` on the emulator, a signed webhook.

use jiff::{SignedDuration, Timestamp};
use prodrome_recording::play::{PlayOptions, PlayServer, Verb};
use prodrome_recording::{Recording, Timeline};
use std::collections::BTreeMap;
use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};
use tokio::io::{AsyncBufReadExt as _, BufReader};

/// Begins to tell of its fault some seconds after `FROM`.
const RECORDING: &str = "events/recordings/image-tag-missing";
const FROM: i64 = 290;
const TOLD: &str = "PodImagePullFailing Deployment image-tag-missing/app";

fn root() -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("../..")
}

#[test]
fn a_recorded_fault_reaches_the_screen_through_the_deployed_functions() {
    let run = Command::new(env!("CARGO_BIN_EXE_prodrome"))
        .current_dir(root())
        .args(["up", "--exit", "--from", &FROM.to_string(), "--recording", RECORDING])
        .output()
        .unwrap();
    let (out, err) = (String::from_utf8_lossy(&run.stdout), String::from_utf8_lossy(&run.stderr));
    assert_eq!(run.status.code(), Some(0), "{out}\n{err}");
    assert!(out.contains(TOLD), "{out}\n{err}");
    assert!(out.contains("why: image-not-found, 9"), "{out}\n{err}");
    assert!(out.contains("1 alert,"), "told once: {out}\n{err}");
}

#[tokio::test]
#[expect(
    clippy::disallowed_methods,
    reason = "the recording is played as of now, for a program with a clock of its own"
)]
async fn a_cluster_of_a_kubeconfig_is_read_and_nothing_is_written_into_it() {
    let timeline = Timeline::merge([Recording::open(root().join(RECORDING)).unwrap()]);
    let options = PlayOptions { from: SignedDuration::from_secs(FROM), ..PlayOptions::default() };
    let cluster = PlayServer::start(&timeline, Timestamp::now(), options).await.unwrap();
    let folder = tempfile::tempdir().unwrap();
    let kubeconfig = folder.path().join("kubeconfig");
    std::fs::write(&kubeconfig, cluster.kubeconfig()).unwrap();

    let mut run = tokio::process::Command::new(env!("CARGO_BIN_EXE_prodrome"))
        .current_dir(root())
        .args(["up", "--kubeconfig"])
        .arg(&kubeconfig)
        .stdout(Stdio::piped())
        .kill_on_drop(true)
        .spawn()
        .unwrap();
    let mut lines = BufReader::new(run.stdout.take().unwrap()).lines();
    let mut seen = String::new();
    while !seen.contains("why: image-not-found, 9") {
        seen += &(lines.next_line().await.unwrap().unwrap_or_else(|| panic!("it ended: {seen}")) + "\n");
    }
    assert!(seen.contains(TOLD), "{seen}");
    let id = run.id().unwrap().to_string();
    assert!(Command::new("kill").args(["-INT", &id]).status().unwrap().success());
    // What it still says must be read, or it could not say it.
    while lines.next_line().await.unwrap().is_some() {}
    assert!(run.wait().await.unwrap().success());

    let mut asked = BTreeMap::new();
    for request in cluster.requests() {
        *asked.entry(request.verb).or_insert(0) += 1;
    }
    let reads = [Verb::Get, Verb::List, Verb::Watch];
    assert!(asked.contains_key(&Verb::Watch) && asked.contains_key(&Verb::Get), "{asked:?}");
    assert!(asked.keys().all(|verb| reads.contains(verb)), "{asked:?}");
}
