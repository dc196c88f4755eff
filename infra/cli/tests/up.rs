//! The whole path: a recorded cluster, the watcher, `template.yaml` on the emulator, a signed webhook.

use std::path::Path;
use std::process::Command;

#[test]
fn a_recorded_fault_reaches_the_screen_through_the_deployed_functions() {
    let root = Path::new(env!("CARGO_MANIFEST_DIR")).join("../..");
    let recording = root.join("events/recordings/image-tag-missing");
    let run = Command::new(env!("CARGO_BIN_EXE_prodrome"))
        .current_dir(&root)
        .args(["up", "--exit", "--from", "290", "--recording"])
        .arg(recording)
        .output()
        .unwrap();
    let (out, err) = (String::from_utf8_lossy(&run.stdout), String::from_utf8_lossy(&run.stderr));
    assert_eq!(run.status.code(), Some(0), "{out}\n{err}");
    assert!(out.contains("PodImagePullFailing Deployment image-tag-missing/app"), "{out}\n{err}");
    assert!(out.contains("why: image-not-found, 9"), "{out}\n{err}");
    assert!(out.contains("1 alert,"), "told once: {out}\n{err}");
}
