//! The whole system on the emulator: from a change at the API server to a verified notice at a webhook.

use crate::process;
use anyhow::{Context, Result};
use jiff::Timestamp;
use prodrome_e2e::{Setup, System, shipped_rules_and};
use prodrome_lambda::metric;
use serde_json::{Value, json};
use std::collections::BTreeMap;
use std::path::Path;
use std::thread::sleep;
use std::time::Duration;

/// Changes that a rule without a duration fires on, and the pause between two.
const AT_ONCE: usize = 150;
const PAUSE: Duration = Duration::from_millis(120);
/// Changes that a rule of ten seconds fires on.
const AFTER_TEN: usize = 60;
const TEN: Duration = Duration::from_secs(10);
/// Cold starts of each function.
const COLD_STARTS: usize = 5;

/// The rules that are measured, beside the shipped ones.
const RULES: &str = "
BenchAtOnce:
  resource: Service
  checkField: [ { field: [metadata, labels, bench], equalValue: [at-once] } ]
  duration: 0s
  severity: P3
  owner: platform
  summary: \"{metadata.name} was changed\"
BenchAfterTen:
  resource: Service
  checkField: [ { field: [metadata, labels, bench], equalValue: [after-ten] } ]
  duration: 10s
  severity: P3
  owner: platform
  summary: \"{metadata.name} was changed ten seconds ago\"
";

/// What was seen.
pub struct Seen {
    /// From the change to the notice, of the rule without a duration.
    pub at_once: Vec<Duration>,
    /// How much later than ten seconds after the change the notice came, of the rule of ten seconds.
    pub lateness: Vec<Duration>,
    /// Of each function: how much longer its first call takes than the next.
    pub cold_starts: BTreeMap<&'static str, Vec<Duration>>,
    /// Resident memory of each function after its work, in bytes.
    pub resident: BTreeMap<&'static str, u64>,
    /// What a call of evaluate writes to the log.
    pub log_bytes_per_call: u64,
}

/// Runs it, with the functions of a folder as processes.
pub fn run(programs: &Path) -> Result<Seen> {
    let scratch = tempfile::tempdir()?;
    let rules = shipped_rules_and(scratch.path(), "bench.yaml", RULES)?;
    let system = System::start(&Setup::new(&launcher(scratch.path(), programs)?).rules(&rules))?;

    // Before there is anything to do: a start is not measured beside other work.
    let mut cold_starts: BTreeMap<_, Vec<_>> = BTreeMap::new();
    for function in FUNCTIONS {
        for _ in 0..COLD_STARTS {
            cold_starts.entry(function).or_default().push(system.cold_start(function)?);
        }
    }
    change(&system, "warm-up", "at-once");
    system.webhook.until("the first notice", |told| (!told.is_empty()).then_some(()));
    let at_once = measure(&system, "at-once", AT_ONCE, PAUSE, Duration::ZERO);
    let lateness = measure(&system, "after-ten", AFTER_TEN, PAUSE, TEN);

    let mut resident = BTreeMap::new();
    for function in FUNCTIONS {
        let of = system.processes_of(function).into_iter().filter_map(|p| process::resident(p.id).ok());
        resident.extend(of.map(|(_, most)| most).max().map(|most| (function, most)));
    }
    let log_bytes_per_call = log_bytes_per_call(&system)?;
    Ok(Seen { at_once, lateness, cold_starts, resident, log_bytes_per_call })
}

/// The functions that are measured by themselves.
const FUNCTIONS: [&str; 5] = ["evaluate", "sweep", "diagnose", "alert", "plugin-crash-loop"];

/// A program that is each function, as the emulator starts one for all: the function's own where it was built, else
/// the command, which is all of them.
pub(crate) fn launcher(scratch: &Path, programs: &Path) -> Result<std::path::PathBuf> {
    use std::os::unix::fs::PermissionsExt as _;
    let path = scratch.join("launcher");
    let programs = programs.canonicalize()?;
    let script = format!(
        "#!/bin/sh\nown='{programs}'/\"$PRODROME_FUNCTION\"\n[ -x \"$own\" ] && exec \"$own\"\nexec '{programs}'/prodrome\n",
        programs = programs.display()
    );
    std::fs::write(&path, script)?;
    std::fs::set_permissions(&path, std::fs::Permissions::from_mode(0o755))?;
    Ok(path)
}

/// Makes objects one after another; how much later than `due` after it each was told.
fn measure(system: &System, label: &str, count: usize, pause: Duration, due: Duration) -> Vec<Duration> {
    let mut changed: BTreeMap<String, Timestamp> = BTreeMap::new();
    for number in 0..count {
        let name = format!("{label}-{number:03}");
        changed.insert(name.clone(), now());
        change(system, &name, label);
        sleep(pause);
    }
    let told = system.webhook.until("all notices", |told| {
        let told: BTreeMap<_, _> = told.iter().map(|one| (one.notice.object.name.clone(), one.at)).collect();
        changed.keys().all(|name| told.contains_key(name)).then_some(told)
    });
    let since = |(name, at): (&String, &Timestamp)| {
        Duration::try_from(told[name].duration_since(*at)).unwrap_or_default().saturating_sub(due)
    };
    changed.iter().map(since).collect()
}

fn change(system: &System, name: &str, label: &str) {
    let service: Value = json!({
        "apiVersion": "v1", "kind": "Service",
        "metadata": { "namespace": "bench", "name": name, "uid": format!("uid-of-{name}"), "labels": { "bench": label } },
        "spec": { "type": "ExternalName", "externalName": "example.com" },
    });
    system.apply(&service);
}

/// The emulator keeps the lines of each call. One that found nothing leaves its metrics alone.
fn log_bytes_per_call(system: &System) -> Result<u64> {
    let group = format!("/prodrome/{}/evaluate", system.stack().name);
    let lines = system.emulator().client().logs(&group, 0)?;
    let metrics = lines.iter().filter(|line| line.text.contains(metric::CHANGES_RECEIVED));
    let mut bytes: Vec<u64> = metrics.map(|line| line.text.len() as u64).collect();
    bytes.sort_unstable();
    bytes.get(bytes.len() / 2).copied().with_context(|| format!("{group} has no metrics"))
}

fn now() -> Timestamp {
    #[expect(clippy::disallowed_methods, reason = "a real system runs by the real time")]
    Timestamp::now()
}
