use crate::wait::{processes_of, start, until};
use prodrome_emulator::{Client, Emulator, Options, StartError};
use std::io::{BufRead, BufReader};
use std::net::TcpListener;
use std::path::Path;
use std::process::{Command, Stdio};

const RUN: &str = env!("CARGO_BIN_EXE_emulator");

#[test]
fn stopping_leaves_no_process_and_no_file() {
    let mut emulator = start();
    assert!(emulator.is_running() && emulator.client().is_ready());
    let (endpoint, log) = (emulator.endpoint().to_owned(), emulator.log_path().to_owned());
    let state = log.parent().map(Path::to_owned).unwrap();
    assert!(state.is_dir() && processes_of(&endpoint).len() >= 2, "{:?}", processes_of(&endpoint));
    emulator.stop();
    assert_eq!(processes_of(&endpoint), []);
    assert!(!state.exists());
}

#[test]
fn killing_the_parent_ends_the_emulator() {
    // `cat` holds on until this test lets go of its input, also when the one in between is dead.
    let mut parent = Command::new(RUN)
        .args(["run", "--", "sh", "-c", "echo $PRODROME_TEST_ENDPOINT; exec env -i cat"])
        .stdin(Stdio::piped())
        .stdout(Stdio::piped())
        .stderr(Stdio::null())
        .spawn()
        .unwrap();
    let mut endpoint = String::new();
    BufReader::new(parent.stdout.take().unwrap()).read_line(&mut endpoint).unwrap();
    let endpoint = endpoint.trim();
    assert!(Client::new(endpoint).is_ready());
    let state = processes_of(endpoint)[0].state.clone();
    assert!(state.is_dir());
    parent.kill().unwrap(); // SIGKILL: it cannot clean up
    until("the emulator to end", || processes_of(endpoint).is_empty().then_some(()));
    assert!(!Client::new(endpoint).is_ready());
    assert!(!state.exists());
    parent.wait().unwrap();
}

#[test]
fn run_answers_with_the_exit_code_of_its_command() {
    let cases: [(&[&str], i32); 4] = [
        (&["run", "--", "sh", "-c", "exit 7"], 7),
        (&["run", "sh", "-c", "test -n \"$PRODROME_TEST_ENDPOINT\""], 0),
        (&["run", "--", "/nowhere/command"], 2),
        (&["walk"], 2),
    ];
    for (arguments, want) in cases {
        let status = Command::new(RUN).args(arguments).stderr(Stdio::null()).status().unwrap();
        assert_eq!(status.code(), Some(want), "{arguments:?}");
    }
}

#[test]
fn a_port_in_use_is_reported() {
    let taken = TcpListener::bind("127.0.0.1:0").unwrap();
    let port = taken.local_addr().unwrap().port();
    let error = Emulator::start(&Options { port: Some(port), ..Options::default() }, &|_| ()).unwrap_err();
    assert!(matches!(error, StartError::PortInUse { port: told } if told == port), "{error}");
}

#[test]
fn an_emulator_that_ends_at_once_shows_its_log() {
    let environment = vec![("GATEWAY_PORT".to_owned(), "none".to_owned())];
    let error = Emulator::start(&Options { environment, ..Options::default() }, &|_| ()).unwrap_err();
    assert!(matches!(&error, StartError::Ended { log } if log.contains("'none'")), "{error}");
}

#[test]
fn the_log_is_kept_where_it_is_wanted_and_may_be_anywhere_writable() {
    let dir = tempfile::tempdir().unwrap();
    let log = dir.path().join("emulator.log");
    let options = Options { log: Some(log.clone()), ..Options::default() };
    Emulator::start(&options, &|_| ()).unwrap().stop();
    assert!(std::fs::read_to_string(log).unwrap().contains("Local AWS Service Emulator"));

    let options = Options { log: Some("/nowhere/emulator.log".into()), ..Options::default() };
    let error = Emulator::start(&options, &|_| ()).unwrap_err().to_string();
    assert!(error.contains("its log cannot be written"), "{error}");
}
