use crate::cgroups;
use anyhow::{Context, Result, bail};
use std::fs::{File, TryLockError};
use std::io::ErrorKind;
use std::os::unix::fs::MetadataExt as _;
use std::path::{Path, PathBuf};
use std::process::ExitCode;
use std::time::{Duration, Instant};
use tokio::process::Command;
use tokio::signal::unix::{SignalKind, signal};

/// The kernel ends the processes of a namespace by and by.
const END_WAIT: Duration = Duration::from_secs(30);

/// A run whose processes, mounts and networks end with it, however it ends: they are in namespaces of their own, whose
/// first process is killed with whoever started it. There is no way out of its network: it has no other interface than
/// its own bridge.
///
/// Two things live outside, as they have to: the cgroups of the nodes, and the files. They are removed at the end, and
/// at the next beginning where even that was not to be.
pub struct Enclosure {
    folder: PathBuf,
    _lock: File,
}

impl Enclosure {
    /// In this folder, once nobody else is in it.
    pub fn new(folder: &Path) -> Result<Self> {
        if std::fs::metadata("/proc/self")?.uid() != 0 {
            bail!("only root may make the namespaces and cgroups that nodes need");
        }
        let parent = folder.parent().context("the folder is the root")?;
        std::fs::create_dir_all(parent)?;
        let lock = folder.with_extension("lock");
        let lock = File::options().create(true).append(true).open(&lock)?;
        match lock.try_lock() {
            Ok(()) => {}
            Err(TryLockError::WouldBlock) => {
                bail!("another run is in {}; wait for its end", folder.display())
            }
            Err(TryLockError::Error(error)) => return Err(error.into()),
        }
        let enclosure = Self { folder: folder.to_owned(), _lock: lock };
        enclosure.clean()?;
        std::fs::create_dir_all(folder.join("tmp"))?;
        Ok(enclosure)
    }

    /// Runs this program again, inside, with these arguments; its exit code, or 130 where it was interrupted.
    pub async fn run(self, arguments: &[String]) -> Result<ExitCode> {
        let (mut interrupt, mut terminate) =
            (signal(SignalKind::interrupt())?, signal(SignalKind::terminate())?);
        let mut command = Command::new("setpriv");
        command.args(["--pdeathsig", "KILL", "unshare", "--net", "--mount", "--pid", "--fork"]);
        command.args(["--kill-child", "--mount-proc"]).arg(std::env::current_exe()?).args(arguments);
        // Of a terminal's Ctrl-C this process hears alone, and knows what to do.
        let mut inside = command.env("TMPDIR", self.folder.join("tmp")).process_group(0).spawn()?;
        let ended = tokio::select! {
            ended = inside.wait() => ended.map(|status| status.code().unwrap_or(2)),
            _ = interrupt.recv() => Ok(130),
            _ = terminate.recv() => Ok(143),
        };
        // Gone already, where it has ended by itself.
        drop(inside.kill().await);
        self.clean()?;
        Ok(ExitCode::from(u8::try_from(ended?).unwrap_or(2)))
    }

    /// Removes what is outside. What was inside may still be ending.
    fn clean(&self) -> Result<()> {
        let begun = Instant::now();
        loop {
            match cgroups::remove_all().and_then(|()| remove_folder(&self.folder)) {
                Ok(()) => return Ok(()),
                Err(_) if begun.elapsed() < END_WAIT => std::thread::sleep(Duration::from_millis(200)),
                Err(error) => return Err(error),
            }
        }
    }
}

fn remove_folder(folder: &Path) -> Result<()> {
    match std::fs::remove_dir_all(folder) {
        Err(error) if error.kind() != ErrorKind::NotFound => {
            Err(error).with_context(|| format!("cannot remove {}", folder.display()))
        }
        _ => Ok(()),
    }
}
