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
