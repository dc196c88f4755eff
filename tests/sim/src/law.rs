//! The rules of a run, and what they mean: told apart from the rules' own code, so that one can be held against the
//! other.

use crate::clock::{MINUTE, Millis, SECOND};
use crate::model::{History, Past, Pod};
use crate::plan::Phase;

/// The rules as the functions have them.
pub(crate) const RULES: &str = "
Failed:
  { resource: Pod, duration: 0s, resolveAfter: 1m, flow: status, severity: P2,
    checkField: [ { field: [status, phase], equalValue: [Failed] } ] }
Broken:
  { resource: Pod, duration: 1m, resolveAfter: 3m, flow: status, severity: P3,
    checkField: [ { field: [status, phase], equalValue: [Failed] } ] }
Unready:
  { resource: Pod, duration: 5m, resolveAfter: 2m,
    checkField: [ { field: [status, ready], equalValue: ['false'] } ] }
Flapping:
  { resource: Pod, duration: 5m, gapTolerance: 1m, resolveAfter: 2m,
    checkField: [ { field: [status, ready], equalValue: ['false'] } ] }
NotReady:
  { resource: Pod, duration: 3m, resolveAfter: 1m,
    since: { field: [status, conditions], subIdentifierName: type, subIdentifierValue: [Ready],
      subField: [lastTransitionTime] },
    checkField: [ { field: [status, conditions], subIdentifierName: type, subIdentifierValue: [Ready],
      subField: [status], equalValue: ['False'] } ] }
Slow:
  { resource: Pod, duration: 1m, resolveAfter: 1m, checkField: [
    { field: [status, phase], equalValue: [Pending] }, { field: [metadata, creationTimestamp], olderThan: 10m } ] }
Unconfigured:
  { resource: Pod, duration: 2m, resolveAfter: 1m, reference:
    { resource: ConfigMap, name: [spec, config], exists: false } }
Misconfigured:
  { resource: Pod, duration: 2m, resolveAfter: 1m, reference:
    { resource: ConfigMap, name: [spec, config], checkField: [ { field: [metadata, labels, bad], equalValue: ['true'] } ] } }
";

/// How `Failed` and `Broken` find their cause, which is one.
pub(crate) const FLOW: &str =
    "summary: what an object itself says\nnodes:\n  text: { plugin: status-text }\n";

/// The rule that an instance with rules of before lacks.
pub(crate) const NEWEST: &str = "Unready";

/// What it has in its place.
pub(crate) const OLDER: &str = "Unknown";

/// A rule as the oracle understands it.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Law {
    /// Its name.
    pub(crate) name: &'static str,
    /// How long it must match.
    pub(crate) duration: Millis,
    /// A break shorter than this does not count.
    pub(crate) gap: Millis,
    /// How long the match must have been gone.
    pub(crate) resolve_after: Millis,
    /// Whether it asks for another object.
    pub(crate) refers: bool,
    /// Whether the object says itself when the match began.
    pub(crate) tells_since: bool,
}

const PLAIN: Law =
    Law { name: "", duration: 0, gap: 0, resolve_after: MINUTE, refers: false, tells_since: false };

/// All of them.
pub(crate) const LAWS: [Law; 8] = [
    Law { name: "Failed", ..PLAIN },
    Law { name: "Broken", duration: MINUTE, resolve_after: 3 * MINUTE, ..PLAIN },
    Law { name: "Unready", duration: 5 * MINUTE, resolve_after: 2 * MINUTE, ..PLAIN },
    Law { name: "Flapping", duration: 5 * MINUTE, gap: MINUTE, resolve_after: 2 * MINUTE, ..PLAIN },
    Law { name: "NotReady", duration: 3 * MINUTE, tells_since: true, ..PLAIN },
    Law { name: "Slow", duration: MINUTE, ..PLAIN },
    Law { name: "Unconfigured", duration: 2 * MINUTE, refers: true, ..PLAIN },
    Law { name: "Misconfigured", duration: 2 * MINUTE, refers: true, ..PLAIN },
];

/// How old a pod must be to be slow.
const OLD: Millis = 10 * MINUTE;

/// The end of time.
pub(crate) const NEVER: Millis = Millis::MAX;

/// A time through which a rule matched one pod.
#[derive(Clone, PartialEq, Eq)]
pub(crate) struct Spell {
    /// Which pod.
    pub(crate) uid: String,
    /// From when.
    pub(crate) from: Millis,
    /// Until when; [`NEVER`] where it goes on.
    pub(crate) to: Millis,
}

impl Law {
    /// When it matched, pod by pod, in order.
    pub(crate) fn spells(&self, past: &Past) -> Vec<Spell> {
        let mut spells = Vec::new();
        for history in past.pods.values() {
            let mut instants: Vec<Millis> = history.iter().map(|(t, _)| *t).collect();
            instants.extend(past.configs.values().flatten().map(|(t, _)| *t));
            instants.extend(history.iter().filter_map(|(_, pod)| Some(old_at(pod.as_ref()?))));
            instants.sort_unstable();
            instants.dedup();
            let mut open: Option<Spell> = None;
            for t in instants {
                let holds = at(history, t).filter(|pod| self.matches(pod, past, t));
                if let Some(spell) = open.take_if(|open| holds.is_none_or(|pod| pod.uid != open.uid)) {
                    spells.push(Spell { to: t, ..spell });
                }
                if let (None, Some(pod)) = (&open, holds) {
                    open = Some(Spell { uid: pod.uid.clone(), from: t, to: NEVER });
                }
            }
            spells.extend(open);
        }
        spells.retain(|spell| spell.from < spell.to);
        spells
    }

    fn matches(&self, pod: &Pod, past: &Past, t: Millis) -> bool {
        let config = past.configs.get(pod.config).and_then(|history| at(history, t));
        match self.name {
            "Failed" | "Broken" => pod.phase == Phase::Failed,
            "Unready" | "Flapping" | "NotReady" => !pod.ready,
            "Slow" => pod.phase == Phase::Pending && t >= old_at(pod),
            "Unconfigured" => config.is_none(),
            "Misconfigured" => config == Some(&true),
            other => unreachable!("{other}"),
        }
    }
}

/// When a pod is old: its creation is written to the second, cut off.
fn old_at(pod: &Pod) -> Millis {
    pod.created - pod.created.rem_euclid(SECOND) + OLD
}

/// How it was at an instant.
fn at<T>(history: &History<T>, t: Millis) -> Option<&T> {
    history.iter().rfind(|(from, _)| *from <= t)?.1.as_ref()
}
