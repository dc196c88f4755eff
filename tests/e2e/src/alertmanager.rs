use anyhow::{Context, Result, bail};
use serde_json::Value;
use std::io::{BufRead, BufReader, Write as _};
use std::path::PathBuf;
use std::process::{Child, Command, Stdio};
use tempfile::TempDir;

/// Nobody is told, whatever fires: it is asked what it knows.
const CONFIG: &str = "route: { receiver: nobody }\nreceivers: [ { name: nobody } ]\n";

/// A real Alertmanager, alone. It ends when it is dropped.
pub struct Alertmanager {
    base: String,
    process: Child,
    _folder: TempDir,
}

impl Alertmanager {
    /// Starts one, if there is a binary: `PRODROME_TEST_ALERTMANAGER` names it, or the distribution's
    /// `prometheus-alertmanager` is on the path. Says where there is none, in the name of the test.
    pub fn start(test: &str) -> Result<Option<Self>> {
        let Some(binary) = binary() else {
            // Straight to the terminal, in one piece: what a passed test prints is not shown.
            let why = "no Alertmanager; install prometheus-alertmanager or set PRODROME_TEST_ALERTMANAGER";
            std::io::stderr().write_all(format!("SKIPPED {test}: {why}\n").as_bytes())?;
            return Ok(None);
        };
        let folder = tempfile::tempdir()?;
        let config = folder.path().join("alertmanager.yml");
        std::fs::write(&config, CONFIG)?;
        let process = Command::new(&binary)
            .arg(format!("--config.file={}", config.display()))
            .arg(format!("--storage.path={}", folder.path().join("data").display()))
            .args(["--web.listen-address=127.0.0.1:0", "--cluster.listen-address="])
            .stderr(Stdio::piped())
            .stdout(Stdio::null())
            .spawn()
            .with_context(|| binary.display().to_string())?;
        let mut alertmanager = Self { base: String::new(), process, _folder: folder };
        let mut lines = BufReader::new(alertmanager.process.stderr.take().context("it is piped")?).lines();
        let mut said = Vec::new();
        let port = loop {
            let Some(line) = lines.next().transpose()? else { bail!("it ended: {}", said.join("\n")) };
            // `msg="Listening on" address=127.0.0.1:41023`, quoted or not.
            let unquoted = line.replace('"', "");
            if let Some((_, rest)) = unquoted.split_once("address=127.0.0.1:") {
                let port: String = rest.chars().take_while(char::is_ascii_digit).collect();
                if port != "0" {
                    break port;
                }
            }
            said.push(line);
        };
        // It must not block on a full pipe.
        std::thread::spawn(move || lines.map_while(Result::ok).for_each(drop));
        alertmanager.base = format!("http://127.0.0.1:{port}");
        Ok(Some(alertmanager))
    }

    /// Where it is.
    pub fn url(&self) -> &str {
        &self.base
    }

    /// The alerts that are active now.
    pub fn alerts(&self) -> Result<Vec<Value>> {
        let url = format!("{}/api/v2/alerts?active=true", self.base);
        let text = ureq::get(&url).call()?.body_mut().read_to_string()?;
        Ok(serde_json::from_str(&text)?)
    }
}

impl Drop for Alertmanager {
    fn drop(&mut self) {
        // An error means that it has ended by itself.
        drop(self.process.kill());
        drop(self.process.wait());
    }
}

fn binary() -> Option<PathBuf> {
    #[expect(clippy::disallowed_methods, reason = "a test's own setting, and the path to search")]
    let (named, path) = (std::env::var("PRODROME_TEST_ALERTMANAGER"), std::env::var("PATH"));
    if let Some(named) = named.ok().filter(|named| !named.is_empty()) {
        return Some(PathBuf::from(named));
    }
    let folders = path.unwrap_or_default();
    std::env::split_paths(&folders)
        .map(|folder| folder.join("prometheus-alertmanager"))
        .find(|file| file.is_file())
}
