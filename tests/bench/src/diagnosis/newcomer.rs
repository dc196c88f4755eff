//! A new plugin, from `plugin new` to an answer of its function: the commands, and how long each takes.

use anyhow::{Context, Result, ensure};
use prodrome_emulator::{Code, Deployment, Emulator, Options, Template};
use serde_json::json;
use std::fmt;
use std::path::{Path, PathBuf};
use std::process::Command;
use std::time::{Duration, Instant};

const NAME: &str = "bench-newcomer";

/// What was seen.
pub struct Newcomer {
    steps: Vec<(String, Duration)>,
    verdict: String,
}

/// Runs it in a copy of the project, which is built once before: an author has a checkout that is.
///
/// # Errors
/// Where a command fails, or the function gives no answer.
pub fn measure(root: &Path, programs: &Path) -> Result<Newcomer> {
    let scratch = tempfile::tempdir()?;
    let copy = scratch.path().join("project");
    copy_of(root, &copy)?;
    let programs = programs.canonicalize()?;
    let prodrome = programs.join("prodrome");
    // What is not of the project is built there already.
    let target = programs.parent().context("programs lie in a target folder")?.to_owned();
    let cargo = |arguments: &[&str]| {
        let mut command = Command::new("cargo");
        command.args(arguments).arg("--quiet").current_dir(&copy).env("CARGO_TARGET_DIR", &target);
        command
    };
    finished(&mut cargo(&["test", "-p", "prodrome-plugin-node", "--no-run"]))?;
    finished(&mut cargo(&["build", "-p", "prodrome-plugin-node"]))?;

    let mut steps = Vec::new();
    let mut timed = |what: String, command: &mut Command| -> Result<()> {
        let begun = Instant::now();
        finished(command)?;
        steps.push((what, begun.elapsed()));
        Ok(())
    };
    timed(
        format!("prodrome plugin new {NAME}"),
        Command::new(&prodrome).args(["plugin", "new", NAME]).current_dir(&copy),
    )?;
    let package = format!("prodrome-plugin-{NAME}");
    timed(format!("cargo test -p {package}"), &mut cargo(&["test", "-p", &package]))?;
    timed(format!("cargo build -p {package}"), &mut cargo(&["build", "-p", &package]))?;

    let emulator = Emulator::start(&Options::default(), &|_| ())?;
    let template = Template::read(&copy.join("template.yaml"))?;
    // The rest of the stack is there before; what is to come is not.
    let code = Code::launching(Path::new("/bin/false"))?;
    let kubeconfig = scratch.path().join("kubeconfig");
    std::fs::write(&kubeconfig, KUBECONFIG)?;
    let deployment = Deployment::new("newcomer", &template)
        .code(&code)
        .parameter("ClusterScope", "default/local/bench")
        .parameter("ClusterKubeconfig", kubeconfig.display().to_string());
    let begun = Instant::now();
    emulator.deploy(&deployment)?;
    let deployed = ("(template.yaml deployed, with its entry)".to_owned(), begun.elapsed());
    let program: PathBuf = target.join("debug").join(format!("plugin-{NAME}"));
    timed(
        format!("prodrome plugin deploy {NAME} --stack newcomer --program …"),
        Command::new(&prodrome)
            .args(["plugin", "deploy", NAME, "--stack", "newcomer", "--program"])
            .arg(&program)
            .current_dir(&copy)
            .envs(emulator.sdk_environment()),
    )?;
    let begun = Instant::now();
    let answer = emulator.client().invoke(&format!("newcomer-plugin-{NAME}"), &question())?;
    steps.push(("its first answer".to_owned(), begun.elapsed()));
    steps.insert(3, deployed);
    ensure!(answer.error.is_none(), "{answer:?}");
    let verdict = answer.payload["verdict"].as_str().with_context(|| format!("{answer:?}"))?.to_owned();
    Ok(Newcomer { steps, verdict })
}

/// Leads to nobody: the answer is that it could not look, which is one.
const KUBECONFIG: &str = "
apiVersion: v1
kind: Config
clusters: [{ name: c, cluster: { server: 'http://127.0.0.1:9' } }]
users: [{ name: u, user: { token: none } }]
contexts: [{ name: x, context: { cluster: c, user: u } }]
current-context: x
";

fn question() -> serde_json::Value {
    let object = json!({ "apiVersion": "v1", "kind": "Pod", "namespace": "shop", "name": "web-0" });
    json!({
        "version": 1, "run": "bench", "node": "x",
        "cluster": { "tenant": "default", "region": "local", "cluster": "bench" },
        "object": object, "workload": object,
        "rule": { "name": "Bench", "severity": "P3", "owner": "user", "since": "2026-01-01T12:00:00Z" },
        "now": "2026-01-01T12:05:00Z", "deadline": "2100-01-01T00:00:00Z",
    })
}

/// The files that the project keeps, elsewhere.
fn copy_of(root: &Path, to: &Path) -> Result<()> {
    let listed = Command::new("git")
        .args(["ls-files", "-z"])
        .current_dir(root)
        .output()
        .context("git cannot be run")?;
    ensure!(listed.status.success(), "{} is no checkout", root.display());
    let names = String::from_utf8(listed.stdout)?;
    for name in names.split('\0').filter(|name| !name.is_empty() && !name.starts_with("events/recordings/")) {
        let place = to.join(name);
        if let Some(folder) = place.parent() {
            std::fs::create_dir_all(folder)?;
        }
        std::fs::copy(root.join(name), &place).with_context(|| name.to_owned())?;
    }
    Ok(())
}

fn finished(command: &mut Command) -> Result<()> {
    let output = command.output().with_context(|| format!("{command:?}"))?;
    let said = String::from_utf8_lossy(&output.stderr).into_owned();
    ensure!(output.status.success(), "{command:?}: {said}");
    Ok(())
}

impl fmt::Display for Newcomer {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let all: Duration = self.steps.iter().map(|(_, time)| *time).sum();
        writeln!(
            f,
            "\nA new plugin in a project that is built, from nothing to an answer ({:.0} s in all):\n",
            all.as_secs_f64()
        )?;
        writeln!(f, "| step | seconds |\n| --- | ---: |")?;
        for (what, time) in &self.steps {
            writeln!(f, "| `{what}` | {:.1} |", time.as_secs_f64())?;
        }
        writeln!(f, "\nIt answered `{}`.", self.verdict)
    }
}
