//! What really happened to each object, and what each rule should have made of it: told apart from the rules'
//! own code, so that one can be held against the other.

use serde_json::{Value, json};
use std::collections::BTreeMap;

pub(crate) const RULES: &str = "
Failed:
  { resource: Pod, duration: 0s, resolveAfter: 1m, checkField: [ { field: [status, phase], equalValue: [Failed] } ] }
Unready:
  { resource: Pod, duration: 5m, resolveAfter: 2m, checkField: [ { field: [status, ready], equalValue: ['false'] } ] }
Flapping:
  { resource: Pod, duration: 5m, gapTolerance: 1m, resolveAfter: 2m,
    checkField: [ { field: [status, ready], equalValue: ['false'] } ] }
Slow:
  { resource: Pod, duration: 1m, resolveAfter: 1m, checkField: [
    { field: [status, phase], equalValue: [Pending] }, { field: [metadata, creationTimestamp], olderThan: 10m } ] }
Unconfigured:
  { resource: Pod, duration: 2m, resolveAfter: 1m, reference:
    { resource: ConfigMap, name: [spec, config], exists: false } }
Misconfigured:
  { resource: Pod, duration: 2m, resolveAfter: 1m, reference:
    { resource: ConfigMap, name: [spec, config], checkField: [ { field: [data, bad], equalValue: ['true'] } ] } }
";

/// A rule as the test understands it.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Law {
    pub(crate) name: &'static str,
    pub(crate) duration: i64,
    pub(crate) gap: i64,
    /// Whether it asks for another object: a relist gathers for 10 s, and a check settles for 10 s.
    pub(crate) refers: bool,
}

pub(crate) const LAWS: [Law; 6] = [
    Law { name: "Failed", duration: 0, gap: 0, refers: false },
    Law { name: "Unready", duration: 300, gap: 0, refers: false },
    Law { name: "Flapping", duration: 300, gap: 60, refers: false },
    Law { name: "Slow", duration: 60, gap: 0, refers: false },
    Law { name: "Unconfigured", duration: 120, gap: 0, refers: true },
    Law { name: "Misconfigured", duration: 120, gap: 0, refers: true },
];

#[derive(Debug, Clone, PartialEq)]
pub(crate) struct Pod {
    pub(crate) uid: String,
    pub(crate) created: i64,
    pub(crate) phase: &'static str,
    pub(crate) ready: bool,
    pub(crate) config: &'static str,
}

impl Pod {
    pub(crate) fn json(&self, name: &str, version: u64) -> Value {
        let created = crate::world::at(self.created).to_string();
        json!({
            "metadata": { "namespace": "shop", "name": name, "uid": self.uid, "creationTimestamp": created,
                "resourceVersion": version.to_string() },
            "spec": { "config": self.config },
            "status": { "phase": self.phase, "ready": self.ready },
        })
    }
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Config {
    Good,
    Bad,
}

impl Config {
    pub(crate) fn json(self, name: &str, version: u64) -> Value {
        json!({
            "metadata": { "namespace": "shop", "name": name, "uid": format!("uid-of-{name}"),
                "resourceVersion": version.to_string() },
            "data": { "bad": (self == Self::Bad).to_string() },
        })
    }
}

/// How something was, from each of these instants on.
pub(crate) type History<T> = Vec<(i64, Option<T>)>;

#[derive(Debug, Default)]
pub(crate) struct Truth {
    pub(crate) pods: BTreeMap<String, History<Pod>>,
    pub(crate) configs: BTreeMap<String, History<Config>>,
}

/// A time through which a rule matched one pod.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Spell {
    pub(crate) uid: String,
    pub(crate) from: i64,
    /// `i64::MAX` where it goes on.
    pub(crate) to: i64,
}

impl Truth {
    pub(crate) fn pod(&self, name: &str) -> Option<&Pod> {
        self.pods.get(name)?.last()?.1.as_ref()
    }

    pub(crate) fn config(&self, name: &str) -> Option<Config> {
        self.configs.get(name)?.last()?.1
    }

    /// When a rule matched, pod by pod, in order.
    pub(crate) fn spells(&self, law: &Law) -> Vec<Spell> {
        let mut spells: Vec<Spell> = Vec::new();
        for history in self.pods.values() {
            let mut instants: Vec<i64> = history.iter().map(|(t, _)| *t).collect();
            instants.extend(self.configs.values().flatten().map(|(t, _)| *t));
            instants.extend(history.iter().filter_map(|(_, pod)| Some(pod.as_ref()?.created + 600)));
            instants.sort_unstable();
            instants.dedup();
            let mut open: Option<Spell> = None;
            for t in instants {
                let pod = at(history, t);
                let holds = pod.filter(|pod| self.matches(law, pod, t));
                if let Some(spell) = open.take_if(|open| holds.is_none_or(|pod| pod.uid != open.uid)) {
                    spells.push(Spell { to: t, ..spell });
                }
                if let (None, Some(pod)) = (&open, holds) {
                    open = Some(Spell { uid: pod.uid.clone(), from: t, to: i64::MAX });
                }
            }
            spells.extend(open);
        }
        spells
    }

    fn matches(&self, law: &Law, pod: &Pod, t: i64) -> bool {
        let config = self.configs.get(pod.config).and_then(|history| at(history, t));
        match law.name {
            "Failed" => pod.phase == "Failed",
            "Unready" | "Flapping" => !pod.ready,
            "Slow" => pod.phase == "Pending" && t >= pod.created + 600,
            "Unconfigured" => config.is_none(),
            "Misconfigured" => config == Some(&Config::Bad),
            other => unreachable!("{other}"),
        }
    }
}

/// How it was at an instant.
fn at<T>(history: &History<T>, t: i64) -> Option<&T> {
    history.iter().rfind(|(from, _)| *from <= t)?.1.as_ref()
}
