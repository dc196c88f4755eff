use crate::client::Client;
use crate::deploy::{DeployError, Deployment, Stack};
use crate::python::{self, PythonError};
use std::ffi::OsString;
use std::fs::{self, File};
use std::io::{self, Read, Seek, SeekFrom};
use std::net::TcpListener;
use std::os::unix::process::CommandExt;
use std::path::{Path, PathBuf};
use std::process::{Child, ChildStdin, Command, Stdio};
use std::thread;
use std::time::{Duration, Instant};

const GUARD: &str = include_str!("guard.py");

/// Half of what the log may grow to.
const LOG_LIMIT_BYTES: u64 = 16 << 20;

/// How much of the log an error shows.
const LOG_TAIL_LINES: usize = 20;

/// A cold start reads some 60 MB of Python; a busy machine may need a while for it.
const READY_TIMEOUT: Duration = Duration::from_mins(2);
const READY_POLL: Duration = Duration::from_millis(50);

/// How often another port is tried when somebody takes the chosen one first.
const PORT_ATTEMPTS: u32 = 3;

/// How to start an [`Emulator`].
#[derive(Debug, Clone, Default)]
pub struct Options {
    /// Where its Python environment is kept; [`cache_dir_default`] if unset.
    pub cache_dir: Option<PathBuf>,
    /// The Python to use; that of `PYTHON`, else the `python3` on the path, if unset.
    pub python: Option<PathBuf>,
    /// The port to listen on; any free one if unset.
    pub port: Option<u16>,
    /// Where its log goes, to stay; if unset it is kept while the emulator runs.
    pub log: Option<PathBuf>,
    /// Settings for the functions, besides what the template gives them. The emulator's environment is otherwise
    /// empty but for the path and what makes it talk to itself: no profile, no proxy, no credentials.
    pub environment: Vec<(String, String)>,
}

/// A running emulator. Dropping it ends it.
#[derive(Debug)]
pub struct Emulator {
    client: Client,
    log: PathBuf,
    guard: Guard,
}

/// The emulator could not be started.
#[derive(Debug, thiserror::Error)]
pub enum StartError {
    /// No Python environment.
    #[error(transparent)]
    Python(#[from] PythonError),
    /// The port that was asked for is taken.
    #[error("port {port} is in use; choose another, or none to get a free one")]
    PortInUse {
        /// The port.
        port: u16,
    },
    /// A file, a process or a port could not be had.
    #[error("cannot start the emulator: {what}")]
    Io {
        /// What was tried.
        what: &'static str,
        /// Why it failed.
        #[source]
        source: io::Error,
    },
    /// It ended before it answered.
    #[error("the emulator ended as it started; its log ends:\n{log}")]
    Ended {
        /// The last lines of its log.
        log: String,
    },
    /// It runs but does not answer.
    #[error("the emulator did not answer within {} s; its log ends:\n{log}", READY_TIMEOUT.as_secs())]
    Silent {
        /// The last lines of its log.
        log: String,
    },
}

impl Emulator {
    /// Starts an emulator and waits until it answers. `progress` hears what takes longer than a moment.
    pub fn start(options: &Options, progress: &dyn Fn(&str)) -> Result<Self, StartError> {
        let cache = options.cache_dir.clone().unwrap_or_else(cache_dir_default);
        let base = options.python.clone().or_else(|| set(python::VARIABLE));
        let python = python::environment(&cache, python::REQUIREMENTS, base.as_deref(), progress)?;
        progress("starting the emulator");
        let mut attempts = 0;
        loop {
            attempts += 1;
            let port = choose_port(options.port)?;
            match launch(&python, port, options) {
                // Between our look and its bind somebody else took the port.
                Err(StartError::Ended { log }) if log.contains("in use") => match options.port {
                    Some(port) => return Err(StartError::PortInUse { port }),
                    None if attempts < PORT_ATTEMPTS => {}
                    None => return Err(StartError::Ended { log }),
                },
                other => return other,
            }
        }
    }

    /// Where it answers: `http://127.0.0.1:PORT`.
    pub fn endpoint(&self) -> &str {
        self.client.endpoint()
    }

    /// Speaks to its services.
    pub fn client(&self) -> &Client {
        &self.client
    }

    /// What a program needs in its environment so that the AWS SDK in it speaks to this emulator, and to nothing
    /// else.
    pub fn sdk_environment(&self) -> Vec<(&'static str, String)> {
        sdk_environment(self.endpoint())
    }

    /// Its log, the output of the functions included. It goes with the emulator unless [`Options::log`] is set.
    pub fn log_path(&self) -> &Path {
        &self.log
    }

    /// A folder for what goes with it, readable by its user alone. Whatever ends us, it is removed.
    pub fn folder(&self) -> &Path {
        &self.guard.state
    }

    /// The last lines of its log.
    pub fn log_tail(&self, lines: usize) -> String {
        log_tail(&self.log, lines)
    }

    /// Whether it still runs.
    pub fn is_running(&mut self) -> bool {
        matches!(self.guard.process.try_wait(), Ok(None))
    }

    /// Deploys a template, or the same one once more with other code or parameters under another name.
    pub fn deploy(&self, deployment: &Deployment<'_>) -> Result<Stack, DeployError> {
        crate::deploy::deploy(&self.client, deployment)
    }

    /// Ends it, with every process it started. Returns when they are gone.
    pub fn stop(self) {
        drop(self);
    }
}

/// Where the Python environment is kept unless said otherwise: `prodrome` in the user's cache folder.
pub fn cache_dir_default() -> PathBuf {
    set("XDG_CACHE_HOME")
        .or_else(|| set("HOME").map(|home| home.join(".cache")))
        .unwrap_or_else(std::env::temp_dir)
        .join("prodrome")
}

/// A path that the environment names.
fn set(name: &str) -> Option<PathBuf> {
    std::env::var_os(name).filter(|value| !value.is_empty()).map(PathBuf::from)
}

/// The process that outlives us by a moment, and its standard input, whose end tells it to.
#[derive(Debug)]
struct Guard {
    process: Child,
    lifeline: Option<ChildStdin>,
    state: PathBuf,
}

impl Drop for Guard {
    fn drop(&mut self) {
        drop(self.lifeline.take());
        // Nothing can be done about a failure here: it means that the process is gone.
        drop(self.process.wait());
        drop(fs::remove_dir_all(&self.state));
    }
}

fn choose_port(wanted: Option<u16>) -> Result<u16, StartError> {
    let listener = TcpListener::bind(("127.0.0.1", wanted.unwrap_or(0))).map_err(|source| match wanted {
        Some(port) if source.kind() == io::ErrorKind::AddrInUse => StartError::PortInUse { port },
        _ => StartError::Io { what: "no port to listen on", source },
    })?;
    let address =
        listener.local_addr().map_err(|source| StartError::Io { what: "no port to listen on", source })?;
    Ok(address.port())
}

fn launch(python: &Path, port: u16, options: &Options) -> Result<Emulator, StartError> {
    let state = tempfile::Builder::new().prefix("prodrome-emulator-").tempdir();
    let state = state.map_err(|source| StartError::Io { what: "no folder for its files", source })?.keep();
    let log = options.log.clone().unwrap_or_else(|| state.join("emulator.log"));
    if let Err(source) = File::create(&log) {
        drop(fs::remove_dir_all(&state));
        return Err(StartError::Io { what: "its log cannot be written", source });
    }
    let endpoint = format!("http://127.0.0.1:{port}");
    let process = Command::new(python)
        .args(["-I", "-c", GUARD])
        .arg(&state)
        .arg(&log)
        .arg(LOG_LIMIT_BYTES.to_string())
        .env_clear()
        .envs(environment(&state, port))
        .envs(sdk_environment(&endpoint))
        .envs(options.environment.iter().map(|(name, value)| (name, value)))
        .stdin(Stdio::piped())
        .stdout(Stdio::null())
        .stderr(Stdio::null())
        .process_group(0) // Ctrl-C is for us; the guard follows
        .spawn();
    let mut process = match process {
        Ok(process) => process,
        Err(source) => {
            drop(fs::remove_dir_all(&state));
            return Err(StartError::Io { what: "its Python does not run", source });
        }
    };
    let lifeline = process.stdin.take();
    let guard = Guard { process, lifeline, state };
    let mut emulator = Emulator { client: Client::new(endpoint), log, guard };
    let begun = Instant::now();
    while !emulator.client.is_ready() {
        if !emulator.is_running() {
            return Err(StartError::Ended { log: emulator.log_tail(LOG_TAIL_LINES) });
        }
        if begun.elapsed() > READY_TIMEOUT {
            return Err(StartError::Silent { log: emulator.log_tail(LOG_TAIL_LINES) });
        }
        thread::sleep(READY_POLL);
    }
    Ok(emulator)
}

/// The emulator's own environment: as little as possible of ours.
fn environment(state: &Path, port: u16) -> Vec<(&'static str, OsString)> {
    let mut environment: Vec<(&str, OsString)> = vec![
        ("HOME", state.into()),
        ("TMPDIR", state.into()), // the functions' code and whatever else it unpacks
        ("GATEWAY_PORT", port.to_string().into()),
        ("BIND_HOST", "127.0.0.1".into()),
        ("MINISTACK_HOST", "127.0.0.1".into()), // in queue URLs; "localhost" may be ::1 first
        ("IOT_MTLS_ENABLED", "0".into()),       // would take port 8883
        ("SFTP_ENABLED", "0".into()),
        ("PYTHONUNBUFFERED", "1".into()),
    ];
    for name in ["PATH", "LANG", "LC_ALL", "TZ", "SSL_CERT_FILE", "SSL_CERT_DIR"] {
        if let Some(value) = std::env::var_os(name) {
            environment.push((name, value));
        }
    }
    environment
}

/// The functions inherit these, and without them would call the real AWS.
pub(crate) fn sdk_environment(endpoint: &str) -> Vec<(&'static str, String)> {
    [
        ("AWS_ENDPOINT_URL", endpoint),
        ("AWS_ACCESS_KEY_ID", "test"),
        ("AWS_SECRET_ACCESS_KEY", "test"),
        ("AWS_REGION", "us-east-1"),
        ("AWS_DEFAULT_REGION", "us-east-1"),
        ("AWS_CONFIG_FILE", "/dev/null"),
        ("AWS_SHARED_CREDENTIALS_FILE", "/dev/null"),
        ("AWS_EC2_METADATA_DISABLED", "true"),
    ]
    .map(|(name, value)| (name, value.to_owned()))
    .into()
}

/// Reads the last part of a log only: it may be large.
fn log_tail(log: &Path, lines: usize) -> String {
    let read = || -> io::Result<String> {
        let mut file = File::open(log)?;
        let length = file.metadata()?.len();
        file.seek(SeekFrom::Start(length.saturating_sub(64 << 10)))?;
        let mut text = Vec::new();
        file.take(64 << 10).read_to_end(&mut text)?;
        Ok(String::from_utf8_lossy(&text).into_owned())
    };
    read().map_or_else(|error| format!("(no log: {error})"), |text| python::tail(&text, lines))
}
