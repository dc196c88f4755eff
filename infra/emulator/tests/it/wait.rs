//! Waiting for what happens in other processes, by looking again; each wait has an end.

use prodrome_emulator::{Emulator, Options};
use std::fs;
use std::path::PathBuf;
use std::thread;
use std::time::{Duration, Instant};

/// Looks until there is something to be seen.
pub(crate) fn until<T>(what: &str, mut look: impl FnMut() -> Option<T>) -> T {
    let begun = Instant::now();
    loop {
        if let Some(found) = look() {
            return found;
        }
        assert!(begun.elapsed() < Duration::from_mins(1), "waited a minute in vain: {what}");
        thread::sleep(Duration::from_millis(20));
    }
}

pub(crate) fn start() -> Emulator {
    Emulator::start(&Options::default(), &|_| ()).expect("the emulator starts")
}

/// A process that belongs to an emulator.
#[derive(Debug, PartialEq, Eq)]
pub(crate) struct Process {
    pub(crate) command: String,
    /// Where the emulator keeps its files.
    pub(crate) state: PathBuf,
}

/// The processes that belong to the emulator at this address: the guard, the emulator itself and the functions,
/// all of which have its address in their environment.
pub(crate) fn processes_of(endpoint: &str) -> Vec<Process> {
    let entries = fs::read_dir("/proc").expect("Linux").map_while(Result::ok);
    let processes = entries.filter(|entry| entry.file_name().to_string_lossy().parse::<u32>().is_ok());
    processes
        .filter_map(|entry| {
            // One that has just ended has no files to read.
            let read =
                |name| Some(String::from_utf8_lossy(&fs::read(entry.path().join(name)).ok()?).into_owned());
            let (environment, command) = (read("environ")?, read("cmdline")?);
            let variable = |name| environment.split('\0').find_map(|setting| setting.strip_prefix(name));
            (variable("AWS_ENDPOINT_URL=") == Some(endpoint)).then(|| Process {
                command: command.replace('\0', " "),
                state: variable("TMPDIR=").unwrap_or_default().into(),
            })
        })
        .collect()
}
