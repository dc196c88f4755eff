use crate::System;
use std::fs;
use std::process::Command;

/// A process of a function, as the emulator runs it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct FunctionProcess {
    /// Its process id.
    pub id: u32,
    /// Which function it is: `evaluate`, `sweep` or `alert`.
    pub function: String,
}

impl System {
    /// The warm processes of a function. They are told by their environment, which names the emulator and the
    /// function.
    pub fn processes_of(&self, function: &str) -> Vec<FunctionProcess> {
        let Ok(entries) = fs::read_dir("/proc") else { return Vec::new() };
        let ids = entries.filter_map(|entry| entry.ok()?.file_name().to_str()?.parse::<u32>().ok());
        let running = ids.filter_map(|id| {
            // One that has just ended has no files to read.
            let environment = fs::read(format!("/proc/{id}/environ")).ok()?;
            let environment = String::from_utf8_lossy(&environment).into_owned();
            let has = |name: &str, value: &str| {
                environment.split('\0').any(|set| set.split_once('=') == Some((name, value)))
            };
            let ours = has("AWS_ENDPOINT_URL", self.emulator().endpoint());
            (ours && has("PRODROME_FUNCTION", function))
                .then(|| FunctionProcess { id, function: function.to_owned() })
        });
        running.collect()
    }

    /// Kills all processes of a function where they stand (SIGKILL). Returns how many there were.
    pub fn kill(&self, function: &str) -> usize {
        let processes = self.processes_of(function);
        let killed = processes.iter().filter(|process| {
            // One that is gone already was not killed by us.
            let kill = Command::new("kill").args(["-KILL", &process.id.to_string()]).output();
            kill.is_ok_and(|output| output.status.success())
        });
        killed.count()
    }
}
