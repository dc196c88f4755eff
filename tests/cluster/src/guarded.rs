use std::fs::File;
use std::io::{Result, Write as _};
use std::os::unix::process::CommandExt as _;
use std::path::Path;
use std::process::{Child, Command, Stdio};

/// A program that does not outlive this process, however that ends: a shell waits for the pipe to it to close,
/// and kills the program then.
#[derive(Debug)]
pub(crate) struct Guarded {
    shell: Child,
}

/// A line asks the program to end. The pipe's end kills it, as a crash would.
const GUARD: &str =
    r#""$@" & child=$!; if read -r asked; then kill $child; else kill -9 $child; fi; wait $child"#;

impl Guarded {
    /// Starts a program, whose output goes to the end of a file.
    pub(crate) fn start(program: &Path, arguments: &[String], log: &Path) -> Result<Self> {
        let log = File::options().create(true).append(true).open(log)?;
        let mut command = Command::new("sh");
        command.args(["-c", GUARD, "guard"]).arg(program).args(arguments);
        Self::spawn(command.stdout(log.try_clone()?).stderr(log))
    }

    /// Removes a folder at the end.
    pub(crate) fn folder(folder: &Path) -> Result<Self> {
        let mut command = Command::new("sh");
        // What still writes there is being killed at the same time.
        command.args(["-c", r#"cat >/dev/null; sleep 1; rm -rf "$1""#, "guard"]).arg(folder);
        Self::spawn(command.stdout(Stdio::null()).stderr(Stdio::null()))
    }

    fn spawn(command: &mut Command) -> Result<Self> {
        // In a group of its own, so that Ctrl-C reaches this process and not the guard.
        let shell = command.stdin(Stdio::piped()).process_group(0).spawn()?;
        Ok(Self { shell })
    }
}

impl Guarded {
    /// Asks it to end, and waits until it has.
    pub(crate) fn end_in_order(mut self) -> Result<()> {
        let asked = self.shell.stdin.as_mut().map(|pipe| pipe.write_all(b"end\n"));
        asked.transpose()?;
        self.shell.wait()?;
        Ok(())
    }
}

impl Drop for Guarded {
    /// Kills it, and waits until it is gone.
    fn drop(&mut self) {
        drop(self.shell.stdin.take());
        drop(self.shell.wait());
    }
}
