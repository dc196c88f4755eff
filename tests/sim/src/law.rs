//! The rules of a run, and what they mean: told apart from the rules' own code, so that one can be held against the
//! other.

use crate::clock::{MINUTE, Millis, SECOND};
use crate::edition::{Edit, Edition};
use crate::model::{History, Past, Pod};
use crate::plan::Phase;
use crate::{noted, often};
use std::ops::Deref;

/// What each rule looks for, where it is not told who is asked for what: `TIME` stands for how long it has to match.
const RULES: [(&str, &str); 8] = [
    (
        "Failed",
        "resource: Pod, duration: TIME, resolveAfter: 1m, flow: status, severity: P2,
    checkField: [ { field: [status, phase], equalValue: [Failed] } ]",
    ),
    (
        "Broken",
        "resource: Pod, duration: TIME, resolveAfter: 3m, flow: status, severity: P3,
    checkField: [ { field: [status, phase], equalValue: [Failed] } ]",
    ),
    (
        "Unready",
        "resource: Pod, duration: TIME, resolveAfter: 2m,
    checkField: [ { field: [status, ready], equalValue: ['false'] } ]",
    ),
    (
        "Flapping",
        "resource: Pod, duration: TIME, gapTolerance: 1m, resolveAfter: 2m,
    checkField: [ { field: [status, ready], equalValue: ['false'] } ]",
    ),
    (
        "NotReady",
        "resource: Pod, duration: TIME, resolveAfter: 1m,
    since: { field: [status, conditions], subIdentifierName: type, subIdentifierValue: [Ready],
      subField: [lastTransitionTime] },
    checkField: [ { field: [status, conditions], subIdentifierName: type, subIdentifierValue: [Ready],
      subField: [status], equalValue: ['False'] } ]",
    ),
    (
        "Slow",
        "resource: Pod, duration: TIME, resolveAfter: 1m, checkField: [
    { field: [status, phase], equalValue: [Pending] }, { field: [metadata, creationTimestamp], olderThan: 10m } ]",
    ),
    (
        "Unconfigured",
        "resource: Pod, duration: TIME, resolveAfter: 1m, reference:
    { resource: ConfigMap, name: [spec, config], exists: false }",
    ),
    (
        "Misconfigured",
        "resource: Pod, duration: TIME, resolveAfter: 1m, reference:
    { resource: ConfigMap, name: [spec, config], checkField: [ { field: [metadata, labels, bad], equalValue: ['true'] } ] }",
    ),
];

/// Which rules there are besides the laws.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Besides {
    /// One that counts.
    pub(crate) counts: bool,
    /// One on events.
    pub(crate) events: bool,
}

/// The rules of an edition as the functions have them, each under the name that `named` gives it.
pub(crate) fn rules_text(
    edition: &Edition,
    besides: Besides,
    named: impl Fn(&'static str) -> &'static str,
) -> String {
    let rule = |law: &Law| {
        let edit = edition.get(law.name).copied();
        let (_, text) = RULES.iter().find(|(name, _)| *name == law.name)?;
        let time = format!("{}s", law.duration_as(edit) / SECOND);
        let text = text.replace("TIME", &time);
        let text = match edit {
            None | Some(Edit::Longer) => text,
            Some(Edit::Deleted) => return None,
            Some(Edit::Staged) => format!("mode: shadow, {text}"),
            Some(Edit::OtherMeaning) => {
                let of_the_phase = text.replace("[Failed]", "[Pending]");
                of_the_phase.replace(
                    "[status, ready], equalValue: ['false']",
                    "[status, phase], equalValue: [Failed]",
                )
            }
        };
        Some(format!("{}:\n  {{ {text} }}\n", named(law.name)))
    };
    let often = besides.counts.then(|| often::RULE.to_owned());
    let noted = besides.events.then(|| noted::RULE.to_owned());
    LAWS.iter().filter_map(rule).chain(often).chain(noted).collect()
}

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

/// The one that forgives a break.
pub(crate) const FLAPPING: Law =
    Law { name: "Flapping", duration: 5 * MINUTE, gap: MINUTE, resolve_after: 2 * MINUTE, ..PLAIN };

/// All of them.
pub(crate) const LAWS: [Law; 8] = [
    Law { name: "Failed", ..PLAIN },
    Law { name: "Broken", duration: MINUTE, resolve_after: 3 * MINUTE, ..PLAIN },
    Law { name: "Unready", duration: 5 * MINUTE, resolve_after: 2 * MINUTE, ..PLAIN },
    FLAPPING,
    Law { name: "NotReady", duration: 3 * MINUTE, tells_since: true, ..PLAIN },
    Law { name: "Slow", duration: MINUTE, ..PLAIN },
    Law { name: "Unconfigured", duration: 2 * MINUTE, refers: true, ..PLAIN },
    Law { name: "Misconfigured", duration: 2 * MINUTE, refers: true, ..PLAIN },
];

/// How old a pod must be to be slow.
pub(crate) const OLD: Millis = 10 * MINUTE;

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
    /// How long it must match in that form.
    pub(crate) fn duration_as(&self, edit: Option<Edit>) -> Millis {
        if edit == Some(Edit::Longer) { 2 * self.duration + MINUTE } else { self.duration }
    }

    fn matches(&self, edit: Option<Edit>, pod: &Pod, past: &Past, t: Millis) -> bool {
        let config = past.configs.get(pod.config).and_then(|history| at(history, t));
        let is_other = edit == Some(Edit::OtherMeaning);
        match self.name {
            "Broken" if is_other => pod.phase == Phase::Pending,
            "Unready" | "Flapping" if is_other => pod.phase == Phase::Failed,
            "Failed" | "Broken" => pod.phase == Phase::Failed,
            "Unready" | "Flapping" | "NotReady" => !pod.ready,
            "Slow" => pod.phase == Phase::Pending && t >= old_at(pod),
            "Unconfigured" => config.is_none(),
            "Misconfigured" => config == Some(&true),
            other => unreachable!("{other}"),
        }
    }
}

/// A rule through a run: what the versions that were pushed made of it, each from when on.
#[derive(Debug, Clone)]
pub(crate) struct Ruled {
    law: Law,
    forms: Vec<(Millis, Option<Edit>)>,
}

impl Deref for Ruled {
    type Target = Law;

    fn deref(&self) -> &Law {
        &self.law
    }
}

impl Ruled {
    /// A rule, of which there were these forms besides its first.
    pub(crate) fn new(law: Law, pushed: impl Iterator<Item = (Millis, Option<Edit>)>) -> Self {
        Self { law, forms: std::iter::once((Millis::MIN, None)).chain(pushed).collect() }
    }

    /// Its forms, each from an instant on.
    pub(crate) fn forms(&self) -> &[(Millis, Option<Edit>)] {
        &self.forms
    }

    /// The instants at which it was changed.
    pub(crate) fn changes(&self) -> impl Iterator<Item = Millis> {
        self.forms.iter().skip(1).map(|(at, _)| *at)
    }

    /// The form that holds at an instant.
    pub(crate) fn form(&self, t: Millis) -> Option<Edit> {
        self.forms.iter().rfind(|(from, _)| *from <= t).and_then(|(_, edit)| *edit)
    }

    /// How long it must match, at most.
    pub(crate) fn longest(&self) -> Millis {
        self.forms.iter().map(|(_, edit)| self.duration_as(*edit)).max().unwrap_or(self.duration)
    }

    /// When somebody had to be told of it, pod by pod, in order.
    pub(crate) fn spells(&self, past: &Past) -> Vec<Spell> {
        let is_told = |form| !matches!(form, Some(Edit::Deleted | Edit::Staged));
        self.spells_where(past, |pod, t| is_told(self.form(t)) && self.matches(self.form(t), pod, past, t))
    }

    /// When it matched, whether anybody was told or not.
    pub(crate) fn spells_untold(&self, past: &Past) -> Vec<Spell> {
        let is_there = |form| form != Some(Edit::Deleted);
        self.spells_where(past, |pod, t| is_there(self.form(t)) && self.matches(self.form(t), pod, past, t))
    }

    /// When it would have matched in one form.
    pub(crate) fn spells_as(&self, edit: Option<Edit>, past: &Past) -> Vec<Spell> {
        self.spells_where(past, |pod, t| self.matches(edit, pod, past, t))
    }

    fn spells_where(&self, past: &Past, matches: impl Fn(&Pod, Millis) -> bool) -> Vec<Spell> {
        let mut spells = Vec::new();
        for history in past.pods.values() {
            let mut instants: Vec<Millis> = history.iter().map(|(t, _)| *t).chain(self.changes()).collect();
            instants.extend(past.configs.values().flatten().map(|(t, _)| *t));
            instants.extend(history.iter().filter_map(|(_, pod)| Some(old_at(pod.as_ref()?))));
            instants.sort_unstable();
            instants.dedup();
            let mut open: Option<Spell> = None;
            for t in instants {
                let holds = at(history, t).filter(|pod| matches(pod, t));
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
}

/// When a pod is old: its creation is written to the second, cut off.
fn old_at(pod: &Pod) -> Millis {
    pod.created - pod.created.rem_euclid(SECOND) + OLD
}

/// How it was at an instant.
fn at<T>(history: &History<T>, t: Millis) -> Option<&T> {
    history.iter().rfind(|(from, _)| *from <= t)?.1.as_ref()
}
