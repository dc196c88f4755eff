//! What is printed for whoever has to look at a seed that failed.

use serde_json::Value;
use std::process::Command;

/// It is `cargo run -p prodrome-sim -- …`, and the package has more than one program.
#[test]
fn the_command_that_is_printed_runs_the_simulation() {
    let manifest = concat!(env!("CARGO_MANIFEST_DIR"), "/Cargo.toml");
    let mut cargo = Command::new(env!("CARGO"));
    cargo.args(["metadata", "--no-deps", "--offline", "--format-version", "1", "--manifest-path", manifest]);
    let said: Value = serde_json::from_slice(&cargo.output().unwrap().stdout).unwrap();
    let packages = said["packages"].as_array().unwrap();
    let sim = packages.iter().find(|package| package["name"] == env!("CARGO_PKG_NAME")).unwrap();
    assert_eq!(sim["default_run"], "sim");
}

/// What is printed of some seeds on so many threads, but for how long it took.
fn printed(threads: &str) -> String {
    let mut sim = Command::new(env!("CARGO_BIN_EXE_sim"));
    let done = sim.args(["--seeds", "5", "--threads", threads]).output().unwrap();
    let text = String::from_utf8(done.stdout).unwrap();
    text.rsplit_once("; ").unwrap().0.to_owned()
}

#[test]
fn on_several_threads_seeds_come_to_the_same_as_on_one() {
    let one = printed("1");
    assert!(one.starts_with("5 seeds, 0 failed; "), "{one}");
    assert_eq!(printed("3"), one);
}
