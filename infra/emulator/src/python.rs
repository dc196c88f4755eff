use sha2::{Digest, Sha256};
use std::ffi::OsStr;
use std::fs::{self, File};
use std::io::{self, BufRead, BufReader, Read};
use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};
use std::thread;

/// The packages of the emulator, pinned with hashes. Part of the program, so that it needs no checkout.
pub(crate) const REQUIREMENTS: &str = include_str!("../../python/requirements.txt");

/// The oldest Python that `MiniStack` runs on.
const OLDEST: (u32, u32) = (3, 10);

/// Under these names Python is looked for. The plain one first: it is the one its user means.
const NAMES: [&str; 6] = ["python3", "python3.14", "python3.13", "python3.12", "python3.11", "python3.10"];

/// The variable that says which Python to use, as for the scripts beside this.
pub(crate) const VARIABLE: &str = "PYTHON";

/// The emulator's Python environment could not be made.
#[derive(Debug, thiserror::Error)]
pub enum PythonError {
    /// There is none.
    #[error("found no {}; the emulator needs Python {}.{} or newer: install it (Debian: apt-get install \
        python3-venv), or set {VARIABLE} to the path of one",
        program.as_deref().unwrap_or(Path::new(NAMES[0])).display(), OLDEST.0, OLDEST.1)]
    Missing {
        /// The one that was named.
        program: Option<PathBuf>,
    },
    /// There are only old ones.
    #[error("{program} is Python {found}; the emulator needs {}.{} or newer: install one, or set {VARIABLE} to its path",
        OLDEST.0, OLDEST.1)]
    TooOld {
        /// The newest one found.
        program: String,
        /// Its version.
        found: String,
    },
    /// Debian and its like ship `venv` apart.
    #[error(
        "{program} cannot make virtual environments; install its venv module (Debian: apt-get install python3-venv)"
    )]
    NoVenv {
        /// The Python.
        program: String,
    },
    /// A program could not be started, or a file not be written.
    #[error("cannot prepare {}", path.display())]
    Prepare {
        /// The file or program.
        path: PathBuf,
        /// Why not.
        #[source]
        source: io::Error,
    },
    /// `python -m venv` failed.
    #[error("cannot make a virtual environment:\n{output}")]
    Venv {
        /// What it said.
        output: String,
    },
    /// `pip install` failed.
    #[error(
        "cannot install the emulator's packages; the first start needs the Python package index \
        (pip's own settings apply: PIP_INDEX_URL, PIP_FIND_LINKS, a proxy):\n{output}"
    )]
    Install {
        /// What pip said last.
        output: String,
    },
}

/// The Python of a virtual environment below `cache` that has all of `requirements`; made on the first call
/// (and when the requirements change), which takes half a minute and the network.
pub(crate) fn environment(
    cache: &Path,
    requirements: &str,
    program: Option<&Path>,
    progress: &dyn Fn(&str),
) -> Result<PathBuf, PythonError> {
    let base = find(program)?;
    let mut digest = Sha256::new();
    digest.update(&base.version);
    digest.update(requirements);
    let key = hex::encode(&digest.finalize()[..6]);
    let dir = cache.join(format!("venv-{key}"));
    let python = dir.join("bin/python");
    if python.exists() {
        return Ok(python);
    }

    let prepare = |path: &Path| {
        let path = path.to_owned();
        move |source| PythonError::Prepare { path, source }
    };
    fs::create_dir_all(cache).map_err(prepare(cache))?;
    let lock_path = cache.join(format!("venv-{key}.lock"));
    let lock = File::create(&lock_path).map_err(prepare(&lock_path))?;
    if lock.try_lock().is_err() {
        progress("waiting for another process that makes the emulator's Python environment");
        lock.lock().map_err(prepare(&lock_path))?;
    } // held until this returns; a crash lets go of it
    if python.exists() {
        return Ok(python); // another process made it while this one waited
    }
    if dir.symlink_metadata().is_ok() {
        fs::remove_dir_all(&dir).map_err(prepare(&dir))?; // its base Python is gone
    }
    let half_made = format!("venv-{key}.part-");
    for entry in fs::read_dir(cache).map_err(prepare(cache))?.map_while(Result::ok) {
        if entry.file_name().to_string_lossy().starts_with(&half_made) {
            drop(fs::remove_dir_all(entry.path())); // what cannot go now goes the next time
        }
    }
    // Made under another name, so that what bears the name is whole; and under one of our own, as the pip of a
    // process that was killed may go on for a while.
    let part = cache.join(format!("{half_made}{}", std::process::id()));
    progress("making a Python environment for the emulator (once)");
    let made = make(&base, &part)
        .and_then(|()| install(&part, requirements, progress))
        .and_then(|()| fs::rename(&part, &dir).map_err(prepare(&dir)));
    if made.is_err() {
        drop(fs::remove_dir_all(&part)); // why it failed matters more than that it cannot go
    }
    made.map(|()| python)
}

/// A Python that is new enough.
#[derive(Debug)]
struct Base {
    program: PathBuf,
    version: String,
}

fn find(program: Option<&Path>) -> Result<Base, PythonError> {
    let names: Vec<&OsStr> = match program {
        Some(program) => vec![program.as_os_str()],
        None => NAMES.iter().map(OsStr::new).collect(),
    };
    let mut too_old = None;
    for name in names {
        let Some(base) = ask(name) else { continue };
        let mut parts = base.version.split('.').filter_map(|part| part.parse::<u32>().ok());
        if (parts.next().unwrap_or(0), parts.next().unwrap_or(0)) >= OLDEST {
            return Ok(base);
        }
        let program = base.program.display().to_string();
        too_old.get_or_insert(PythonError::TooOld { program, found: base.version });
    }
    Err(too_old.unwrap_or_else(|| PythonError::Missing { program: program.map(Path::to_owned) }))
}

/// Asks a Python who it is; `None` where the program is missing or does not answer as Python does.
fn ask(name: &OsStr) -> Option<Base> {
    let script = "import sys; print(sys.executable); print('%d.%d.%d' % sys.version_info[:3])";
    let output = Command::new(name).args(["-I", "-c", script]).stdin(Stdio::null()).output().ok()?;
    let text = String::from_utf8(output.stdout).ok()?;
    let mut lines = text.lines();
    let (program, version) = (lines.next()?, lines.next()?);
    Some(Base { program: program.into(), version: version.to_owned() })
}

fn make(base: &Base, dir: &Path) -> Result<(), PythonError> {
    let output = Command::new(&base.program)
        .args(["-I", "-m", "venv"])
        .arg(dir)
        .stdin(Stdio::null())
        .output()
        .map_err(|source| PythonError::Prepare { path: base.program.clone(), source })?;
    if output.status.success() {
        return Ok(());
    }
    let output = [output.stdout, output.stderr].concat();
    let output = String::from_utf8_lossy(&output).into_owned();
    if output.contains("ensurepip") || output.contains("No module named venv") {
        return Err(PythonError::NoVenv { program: base.program.display().to_string() });
    }
    Err(PythonError::Venv { output: tail(&output, 20) })
}

fn install(dir: &Path, requirements: &str, progress: &dyn Fn(&str)) -> Result<(), PythonError> {
    let list = dir.join("requirements.txt");
    let python = dir.join("bin/python");
    fs::write(&list, requirements).map_err(|source| PythonError::Prepare { path: list.clone(), source })?;
    let mut pip = Command::new(&python)
        .args(["-m", "pip", "install", "--require-hashes", "--no-input", "--disable-pip-version-check"])
        .args(["--progress-bar", "off", "-r"])
        .arg(&list)
        .stdin(Stdio::null())
        .stdout(Stdio::piped())
        .stderr(Stdio::piped())
        .spawn()
        .map_err(|source| PythonError::Prepare { path: python.clone(), source })?;
    let (stdout, stderr) = (pip.stdout.take(), pip.stderr.take());
    let errors = thread::spawn(move || {
        let mut text = Vec::new();
        let read = stderr.map(|mut stderr| stderr.read_to_end(&mut text));
        (text, read)
    });
    let mut last = Vec::new();
    let mut collected = 0_u32;
    for line in stdout.into_iter().flat_map(|stdout| BufReader::new(stdout).lines()).map_while(Result::ok) {
        if let Some(package) = line.strip_prefix("Collecting ") {
            collected += 1;
            let package = package.split([' ', '=', ';']).next().unwrap_or(package);
            progress(&format!("fetching the emulator's packages: {collected} {package}"));
        } else if line.starts_with("Installing collected packages") {
            progress("installing the emulator's packages");
        }
        last.push(line);
    }
    let status = pip.wait().map_err(|source| PythonError::Prepare { path: python, source })?;
    if status.success() {
        return Ok(());
    }
    let (errors, _) = errors.join().unwrap_or_default();
    last.extend(String::from_utf8_lossy(&errors).lines().map(str::to_owned));
    Err(PythonError::Install { output: tail(&last.join("\n"), 20) })
}

/// The last lines of a text.
pub(crate) fn tail(text: &str, lines: usize) -> String {
    let all: Vec<&str> = text.lines().collect();
    all[all.len().saturating_sub(lines)..].join("\n")
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::os::unix::fs::PermissionsExt;

    /// A program that answers as a Python of this version does, and then runs the script.
    fn fake(dir: &Path, version: &str, script: &str) -> PathBuf {
        let path = dir.join("python3");
        let script = format!(
            "#!/bin/sh\nif [ \"$2\" = -c ]; then echo \"$0\"; echo {version}; exit 0; fi\n{script}\n"
        );
        let text = dir.join("python3.sh");
        fs::write(&text, script).unwrap();
        fs::set_permissions(&text, fs::Permissions::from_mode(0o755)).unwrap();
        // Copied by another process: a file that this one has open for writing, be it in a child that another
        // thread has just forked, cannot be run ("text file busy").
        assert!(Command::new("cp").arg("-p").args([&text, &path]).status().unwrap().success());
        path
    }

    fn fails(dir: &Path, program: &Path) -> String {
        environment(&dir.join("cache"), "a==1", Some(program), &|_| ()).unwrap_err().to_string()
    }

    #[test]
    fn each_python_that_will_not_do_gets_its_own_message() {
        let dir = tempfile::tempdir().unwrap();
        let cases = [
            ("3.9.2", "", "is Python 3.9.2; the emulator needs 3.10 or newer"),
            ("2.7.18", "", "is Python 2.7.18; the emulator needs 3.10 or newer"),
            ("3.12.1", "echo 'ensurepip is not available' ; exit 1", "apt-get install python3-venv"),
            ("3.12.1", "echo 'disk full' >&2; exit 1", "cannot make a virtual environment:\ndisk full"),
        ];
        for (version, script, want) in cases {
            let error = fails(dir.path(), &fake(dir.path(), version, script));
            assert!(error.contains(want), "{version} {script}: {error}");
        }
        let nowhere = fails(dir.path(), Path::new("/nowhere/python3"));
        assert!(
            nowhere.contains("found no /nowhere/python3; ") && nowhere.contains("set PYTHON to"),
            "{nowhere}"
        );
    }

    /// `-m venv DIR` makes a `bin/python` that fails or succeeds as pip.
    fn with_pip(pip: &str) -> String {
        format!(
            "mkdir -p \"$4/bin\"; printf '#!/bin/sh\\n{pip}\\n' > \"$4/bin/python\"; chmod +x \"$4/bin/python\""
        )
    }

    #[test]
    fn a_failed_installation_leaves_nothing_that_looks_whole() {
        let dir = tempfile::tempdir().unwrap();
        let cache = dir.path().join("cache");
        let broken = fake(dir.path(), "3.12.1", &with_pip("echo no route to host >&2; exit 1"));
        let error = fails(dir.path(), &broken);
        assert!(
            error.contains("needs the Python package index") && error.contains("no route to host"),
            "{error}"
        );
        let left: Vec<_> = fs::read_dir(&cache).unwrap().map(|entry| entry.unwrap().file_name()).collect();
        assert!(left.iter().all(|name| name.to_string_lossy().ends_with(".lock")), "{left:?}");

        let works = fake(dir.path(), "3.12.1", &with_pip("echo Collecting a==1 \\\\(from x\\\\)"));
        let steps = std::cell::RefCell::new(Vec::new());
        let note = |step: &str| steps.borrow_mut().push(step.to_owned());
        let python = environment(&cache, "a==1", Some(&works), &note).unwrap();
        assert!(python.exists());
        assert_eq!(steps.borrow().last().map(String::as_str), Some("fetching the emulator's packages: 1 a"));

        // Once made it is only looked for; other requirements are another environment.
        assert_eq!(environment(&cache, "a==1", Some(&works), &|_| panic!("made anew")).unwrap(), python);
        assert_ne!(environment(&cache, "a==2", Some(&works), &|_| ()).unwrap(), python);
    }

    #[test]
    fn an_environment_whose_python_is_gone_is_made_anew() {
        let dir = tempfile::tempdir().unwrap();
        let cache = dir.path().join("cache");
        let works = fake(dir.path(), "3.12.1", &with_pip("true"));
        let python = environment(&cache, "a==1", Some(&works), &|_| ()).unwrap();
        fs::remove_file(&python).unwrap();
        std::os::unix::fs::symlink("/nowhere/python3", &python).unwrap();
        assert_eq!(environment(&cache, "a==1", Some(&works), &|_| ()).unwrap(), python);
        assert!(python.exists());
    }
}
