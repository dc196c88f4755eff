//! Scenarios: faults of public benchmarks of root-cause analysis, recorded, each with its true cause and the object
//! whose repair ends it. They stay where they are; the figures are kept.

use crate::markdown::Table;
use crate::{Command, Told, ToldKind};
use anyhow::{Context, Result};
use prodrome_model::{ObjectRef, Severity};
use serde::Deserialize;
use std::collections::{BTreeMap, BTreeSet};
use std::fmt::Write as _;
use std::path::Path;

const HEAD: &str = "## Faults of other projects

Made by `make report SCENARIOS=DIR`, with a folder of scenarios that are no part of the repository: faults and look-alikes \
from public benchmarks of root-cause analysis, recorded on a real API server, with the true cause and the object whose \
repair ends the fault. Each was replayed by `prodrome replay DIR --output json`, and what its alerts (in their last \
update) name was compared with the truth. *Lenient*: a cause counts too that the truth takes for as right, mostly a wider \
one (`app-error` for a more special one). What needs logs was replayed with a `logs.json`.
";

/// `truth.yaml` of a scenario.
#[derive(Deserialize)]
struct Truth {
    id: String,
    /// Absent in controls, where nothing is wrong.
    #[serde(default)]
    faulty: Option<Named>,
    #[serde(default)]
    accept: Vec<Named>,
    #[serde(default)]
    cause: Option<String>,
    #[serde(default)]
    accept_causes: Vec<String>,
    #[serde(default)]
    owner: Option<String>,
    #[serde(default)]
    accept_owners: Vec<String>,
    #[serde(default)]
    must_not_blame: Vec<Named>,
    /// What must be readable for the cause to be seen.
    #[serde(default)]
    needs: Vec<String>,
}

/// An object as a truth names it: `name: "*"` is whichever one it is.
#[derive(Deserialize)]
struct Named {
    kind: String,
    #[serde(default)]
    namespace: Option<String>,
    name: String,
}

/// What was told of some scenarios.
#[derive(Default)]
struct Counts {
    faults: usize,
    told: usize,
    alerts: usize,
    object: usize,
    cause: usize,
    lenient: usize,
    owner: usize,
    innocent: usize,
}

/// Replays every scenario in a folder and writes the section.
pub fn section(command: &Command, folder: &Path) -> Result<String> {
    let entries = std::fs::read_dir(folder).with_context(|| format!("cannot read {}", folder.display()))?;
    let dirs = entries.map(|entry| Ok(entry?.path())).collect::<Result<BTreeSet<_>>>()?;
    let mut rows: BTreeMap<&str, Counts> = BTreeMap::new();
    let (mut controls, mut alerted, mut missed) = (0, Vec::new(), Vec::new());
    for dir in dirs.iter().filter(|dir| dir.join("truth.yaml").is_file()) {
        let file = dir.join("truth.yaml");
        let text =
            std::fs::read_to_string(&file).with_context(|| format!("cannot read {}", file.display()))?;
        let truth: Truth =
            serde_saphyr::from_str(&text).with_context(|| format!("{} is no truth", file.display()))?;
        let answers = answers(command.replay(dir)?);
        let Some(faulty) = &truth.faulty else {
            controls += 1;
            alerted.extend(answers.iter().map(|told| format!("`{}` ({})", truth.id, told.rule)));
            continue;
        };
        let needs = |what: &str| truth.needs.iter().any(|need| need == what);
        let row = if needs("logs") {
            "logs"
        } else if needs("metrics") {
            "metrics"
        } else {
            "objects"
        };
        if !rows.entry(row).or_default().count(&truth, faulty, &answers) {
            missed.push(format!("`{}`", truth.id));
        }
    }
    let mut table = Table::new(&[
        "what it takes to see",
        ">faults",
        ">told",
        ">alerts a fault",
        ">right object",
        ">right cause",
        ">lenient",
        ">right owner",
        ">innocent blamed",
    ]);
    for (needs, c) in &rows {
        let of = |n: usize| {
            let hundredths = (n * 100 + c.faults / 2) / c.faults;
            format!("{}.{:02}", hundredths / 100, hundredths % 100)
        };
        let shares = [c.alerts, c.object, c.cause, c.lenient, c.owner].map(of);
        let [alerts, object, cause, lenient, owner] = &shares;
        table.row(&[needs, &c.faults, &c.told, alerts, object, cause, lenient, owner, &c.innocent]);
    }
    let alarms = format!("{} alerted", alerted.len());
    table.row(&[&"nothing: controls", &controls, &alarms, &"", &"", &"", &"", &"", &""]);
    let mut text = format!("{HEAD}\n{}", table.finish());
    for (what, which) in [("Not right, leniently", missed), ("False alarms", alerted)] {
        if !which.is_empty() {
            writeln!(text, "\n{what}: {}.", which.join(", ")).expect("a text takes what is written");
        }
    }
    Ok(text)
}

/// Each alert by the last that was told of it; the digest's are left out.
fn answers(told: Vec<Told>) -> Vec<Told> {
    let mut answers: BTreeMap<String, Told> = BTreeMap::new();
    for mut line in told {
        if line.kind == ToldKind::Resolved || line.severity == Severity::P4 {
            continue;
        }
        if let Some(earlier) = answers.remove(&line.fingerprint) {
            line.cause = line.cause.or(earlier.cause);
            line.faulty = line.faulty.or(earlier.faulty);
        }
        answers.insert(line.fingerprint.clone(), line);
    }
    answers.into_values().collect()
}

impl Counts {
    /// Counts what was told of a fault; whether one alert names both the object and, leniently, the cause.
    fn count(&mut self, truth: &Truth, faulty: &Named, answers: &[Told]) -> bool {
        let is_object = |told: &&Told| {
            let said: &[&ObjectRef] = match &told.faulty {
                Some(faulty) => &[faulty],
                None => &[&told.object, &told.group.owner],
            };
            let wanted = || std::iter::once(faulty).chain(&truth.accept);
            said.iter().any(|object| wanted().any(|named| named.is(object)))
        };
        let strict = |told: &&Told| told.cause.is_some() && told.cause == truth.cause;
        let lenient = |told: &&Told| {
            strict(told) || told.cause.as_ref().is_some_and(|cause| truth.accept_causes.contains(cause))
        };
        let is_owner = |told: &&Told| {
            let mut owners = truth.owner.iter().chain(&truth.accept_owners);
            owners.any(|owner| owner == told.owner.as_str())
        };
        let blames = |told: &&Told| {
            let named = told.cause.as_deref().is_some_and(|cause| cause != "unknown");
            let faulty = told.faulty.as_ref().filter(|_| named);
            faulty.is_some_and(|object| truth.must_not_blame.iter().any(|innocent| innocent.is(object)))
        };
        let any = |is: &dyn Fn(&&Told) -> bool| answers.iter().any(|told| is(&told));
        self.faults += 1;
        self.told += usize::from(!answers.is_empty());
        self.alerts += answers.len();
        self.object += usize::from(any(&is_object));
        self.cause += usize::from(any(&strict));
        self.lenient += usize::from(any(&lenient));
        self.owner += usize::from(any(&is_owner));
        self.innocent += usize::from(any(&blames));
        any(&|told| is_object(told) && lenient(told))
    }
}

impl Named {
    /// Whether it is this object. A pod, a `ReplicaSet` and a job stand for the workload that their names come from, too.
    fn is(&self, object: &ObjectRef) -> bool {
        let blank = |namespace: &Option<String>| namespace.as_deref().is_none_or(str::is_empty);
        let (mine, its) = (&self.namespace, &object.namespace);
        let is_named = |name: &str| self.name == "*" || self.name == name;
        (blank(mine) || blank(its) || mine == its)
            && ((self.kind == object.kind && is_named(&object.name))
                || workload(object).is_some_and(is_named))
    }
}

/// The name of the workload that an object's name is made of.
fn workload(object: &ObjectRef) -> Option<&str> {
    let (base, last) = object.name.rsplit_once('-').unwrap_or((&object.name, ""));
    match object.kind.as_str() {
        "ReplicaSet" | "Job" => Some(base),
        "Pod" if !last.is_empty() && last.bytes().all(|byte| byte.is_ascii_digit()) => Some(base),
        "Pod" if last.len() == 5 => {
            let is_hash = |part: &str| {
                (6..=10).contains(&part.len()) && part.bytes().all(|byte| byte.is_ascii_alphanumeric())
            };
            Some(base.rsplit_once('-').filter(|(_, hash)| is_hash(hash)).map_or(base, |(name, _)| name))
        }
        "Pod" => Some(&object.name),
        _ => None,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn object(kind: &str, name: &str) -> ObjectRef {
        let (api_version, namespace) = ("v1".to_owned(), Some("shop".to_owned()));
        ObjectRef { api_version, kind: kind.to_owned(), namespace, name: name.to_owned() }
    }

    fn told(line: &str) -> Told {
        serde_json::from_str(line).unwrap()
    }

    const LINE: &str = r#"{"t": 1, "type": "alert", "rule": "R", "severity": "P3", "owner": "user", "fingerprint": "f",
        "object": {"apiVersion": "v1", "kind": "Pod", "namespace": "shop", "name": "web-5d8f9c7b6d-x2x4z"},
        "group": {"key": "k", "owner": {"apiVersion": "apps/v1", "kind": "Deployment", "namespace": "shop", "name": "web"}}}"#;

    #[test]
    fn a_pod_stands_for_the_workload_that_its_name_comes_from() {
        let named = Named {
            kind: "Deployment".to_owned(),
            namespace: Some("shop".to_owned()),
            name: "web".to_owned(),
        };
        for (kind, name, is) in [
            ("Deployment", "web", true),
            ("Pod", "web-5d8f9c7b6d-x2x4z", true),
            ("Pod", "web-0", true),
            ("ReplicaSet", "web-5d8f9c7b6d", true),
            ("Pod", "web-api-5d8f9c7b6d-x2x4z", false),
            ("Service", "web", false),
        ] {
            assert_eq!(named.is(&object(kind, name)), is, "{kind} {name}");
        }
    }

    #[test]
    fn the_last_that_is_told_of_an_alert_counts_and_each_column_by_itself() {
        let later =
            LINE.replace("alert\"", "update\"").replace("\"user\"", "\"platform\", \"cause\": \"app-error\"");
        let answers = answers(vec![told(LINE), told(&later)]);
        assert_eq!((answers.len(), answers[0].cause.as_deref()), (1, Some("app-error")));
        let mut truth: Truth = serde_saphyr::from_str(
            "{id: a, faulty: {kind: Deployment, namespace: shop, name: web}, cause: app-oom, owner: platform}",
        )
        .unwrap();
        let faulty = truth.faulty.take().unwrap();
        let mut counts = Counts::default();
        assert!(!counts.count(&truth, &faulty, &answers), "another cause");
        truth.accept_causes = vec!["app-error".to_owned()];
        assert!(counts.count(&truth, &faulty, &answers));
        assert!(!counts.count(&truth, &faulty, &[]), "silence");
        let Counts { faults, told, alerts, object, cause, lenient, owner, innocent } = counts;
        assert_eq!((faults, told, alerts, object, cause, lenient, owner, innocent), (3, 2, 2, 2, 0, 1, 2, 0));
    }
}
