//! The function's program.

use std::process::Command;

#[test]
fn started_by_hand_it_says_what_it_is() {
    let output = Command::new(env!("CARGO_BIN_EXE_plugin-references")).env_clear().output().unwrap();
    let said = String::from_utf8(output.stderr).unwrap();
    assert!(
        said.starts_with("plugin-references is a Lambda function") && said.lines().count() == 1,
        "{said}"
    );
    assert_eq!((output.status.code(), output.stdout.len()), (Some(2), 0));
}
