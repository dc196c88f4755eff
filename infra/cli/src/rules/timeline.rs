//! What held when in a case: of each rule that it is about, and each object, its questions over time, and what was told.

pub(super) mod svg;
pub(super) mod text;
mod why;

use super::cases::{Case, Happening, Says};
use super::explain::look_up;
use super::trial::Played;
use jiff::{SignedDuration, Timestamp};
use prodrome_model::{ChangeKind, Notice, NoticeKind, ObjectRef, Resource, Verdict};
use prodrome_rules::json::{self, Node};
use prodrome_rules::{Periodic, Rule, RuleSet};
use std::collections::{BTreeMap, BTreeSet};

/// How often one object is looked at for the time alone.
const TURNS_MAX: usize = 200;

/// A case over time.
pub(super) struct Timeline {
    pub(super) name: String,
    pub(super) until: SignedDuration,
    /// When something happened to an object.
    pub(super) happenings: Vec<SignedDuration>,
    pub(super) tracks: Vec<Track>,
}

/// A rule on an object.
pub(super) struct Track {
    pub(super) rule: String,
    /// `Pod shop/web-1`.
    pub(super) object: String,
    pub(super) rows: Vec<Row>,
    /// All of it together.
    pub(super) matches: Row,
    pub(super) told: Vec<Mark>,
    /// Why nothing was told though it matches, where that can be said.
    pub(super) why: Option<String>,
}

/// A question and what came of it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Row {
    pub(super) text: String,
    /// From when on, in the order of time.
    pub(super) turns: Vec<(SignedDuration, State)>,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum State {
    /// The object is not there.
    Absent,
    Holds,
    HoldsNot,
    /// It cannot be said.
    Unknown,
}

/// Something that was told.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct Mark {
    pub(super) at: SignedDuration,
    pub(super) is_end: bool,
}

impl Row {
    fn new(text: impl Into<String>) -> Self {
        Self { text: text.into(), turns: Vec::new() }
    }

    fn turn(&mut self, at: SignedDuration, state: State) {
        if self.turns.last().is_none_or(|(_, last)| *last != state) {
            self.turns.push((at, state));
        }
    }

    /// What it is at a time.
    pub(super) fn at(&self, at: SignedDuration) -> State {
        let passed = self.turns.partition_point(|(from, _)| *from <= at);
        passed.checked_sub(1).map_or(State::Absent, |last| self.turns[last].1)
    }

    /// Whether it ever was so.
    pub(super) fn ever(&self, state: State) -> bool {
        self.turns.iter().any(|(_, turned)| *turned == state)
    }
}

type ObjectId = (Resource, Option<String>, String);

/// What is there at an instant.
type Objects<'c> = BTreeMap<ObjectId, &'c [u8]>;

/// What held when, of the rules that `wanted` takes and the objects that they are about.
pub(super) fn of_case(
    case: &Case,
    rules: &RuleSet,
    played: &Played,
    wanted: &dyn Fn(&Rule) -> bool,
) -> Timeline {
    let objects: BTreeSet<ObjectId> = case.happenings.iter().filter_map(identity).collect();
    let mut tracks = Vec::new();
    for rule in rules.rules().iter().filter(|rule| wanted(rule)) {
        for id in objects.iter().filter(|(resource, ..)| rule.applies_to(&resource.group_kind())) {
            tracks.push(track(case, rule, id, played));
        }
    }
    let mut happenings: Vec<SignedDuration> = case.happenings.iter().map(|h| h.at).collect();
    happenings.dedup();
    Timeline { name: case.name.clone(), until: case.until, happenings, tracks }
}

/// The rules that a case speaks of, or that told something in it.
pub(super) fn concerned(case: &Case, told: &[Notice], rule: &Rule) -> bool {
    let name = rule.name();
    case.expect.iter().any(|expect| expect.rule == name)
        || case.quiet.iter().any(|quiet| quiet == name)
        || told.iter().any(|notice| notice.rule == name)
}

fn identity(happening: &Happening) -> Option<ObjectId> {
    let node = json::parse(&happening.object).ok()?;
    let text = |key| node.get(&["metadata", key]).and_then(Node::text).map(str::to_owned);
    Some((happening.resource.clone(), text("namespace"), text("name")?))
}

fn track(case: &Case, rule: &Rule, id: &ObjectId, played: &Played) -> Track {
    let mut rows: Vec<Row> = rule.describe().questions().into_iter().map(|q| Row::new(q.text)).collect();
    let mut matches = Row::new("matches");
    for at in instants(case, rule, id) {
        let there = objects(case, at);
        let Some(bytes) = there.get(id) else {
            rows.iter_mut().chain([&mut matches]).for_each(|row| row.turn(at, State::Absent));
            continue;
        };
        let others = there.iter().filter(|_| rule.references().next().is_some());
        let all: Vec<(&Resource, Node<'_>)> =
            others.filter_map(|((resource, ..), bytes)| Some((resource, json::parse(bytes).ok()?))).collect();
        let Ok(object) = json::parse(bytes) else { continue };
        let own = id.1.as_deref();
        let explained =
            rule.explain_with(&object, case.start + at, &|target| look_up(target, own, &all, true));
        for (row, question) in rows.iter_mut().zip(explained.questions()) {
            row.turn(at, state(question.holds));
        }
        let holds = match rule.periodic() {
            // All else holds: it is for the plugin to say.
            Some(periodic) if explained.holds != Some(false) => answered(case, periodic, id, at),
            _ => explained.holds,
        };
        matches.turn(at, state(holds));
    }
    // What an event tells is the matter of the object that it is about.
    let about = why::subject(case, rule, id);
    let (kind, namespace, name) = match &about {
        Some(about) => (&about.object.kind.kind, &about.object.namespace, &about.object.name),
        None => (&id.0.kind, &id.1, &id.2),
    };
    let is_it =
        |object: &ObjectRef| object.kind == *kind && object.name == *name && object.namespace == *namespace;
    let mut marks = Vec::new();
    let mut own = BTreeSet::new();
    for notice in played.told.iter().filter(|notice| notice.rule == rule.name()) {
        match notice.kind {
            NoticeKind::Alert if is_it(&notice.object) => {
                own.insert(&notice.fingerprint);
                marks.push(Mark { at: notice.at.duration_since(case.start), is_end: false });
            }
            NoticeKind::Update if notice.joined.iter().any(|joiner| is_it(&joiner.object)) => {
                own.insert(&notice.fingerprint);
                marks.push(Mark { at: notice.at.duration_since(case.start), is_end: false });
            }
            NoticeKind::Resolved if own.contains(&notice.fingerprint) => {
                let ended = notice.ended.unwrap_or(notice.at);
                marks.push(Mark { at: ended.duration_since(case.start), is_end: true });
            }
            _ => {}
        }
    }
    let is_silent = marks.is_empty();
    let why = if is_silent { why::nothing(case, rule, id, &matches, about.as_ref(), played) } else { None };
    let place = id.1.as_deref().map(|namespace| format!("{namespace}/")).unwrap_or_default();
    Track {
        rule: rule.name().to_owned(),
        object: crate::render::plain(&format!("{} {place}{}", id.0.kind, id.2), 120),
        rows,
        matches,
        told: marks,
        why,
    }
}

/// What the case has a plugin answer of an object at a time: that it finds a cause, or none; `None` where it does not
/// know.
fn answered(case: &Case, periodic: &Periodic, id: &ObjectId, at: SignedDuration) -> Option<bool> {
    let mut said = case.answers.iter().rev().filter(|says| says.at <= at);
    let says = said.find(|says| is_answer(says, periodic.plugin(), id))?;
    match says.response.verdict {
        Verdict::Cause if says.response.confidence >= Periodic::CONFIDENCE_MIN => Some(true),
        Verdict::Cleared => Some(false),
        Verdict::Cause | Verdict::Unknown => None,
    }
}

/// Whether a plugin says it, and of this object.
fn is_answer(says: &Says, plugin: &str, id: &ObjectId) -> bool {
    let is_it = says.object.as_ref().is_none_or(|(kind, name)| *kind == id.0.kind && *name == id.2);
    is_it && says.plugin == plugin
}

fn state(holds: Option<bool>) -> State {
    match holds {
        Some(true) => State::Holds,
        Some(false) => State::HoldsNot,
        None => State::Unknown,
    }
}

/// When something may turn: something happens to any object, or time passes an instant of this one.
fn instants(case: &Case, rule: &Rule, id: &ObjectId) -> BTreeSet<SignedDuration> {
    let mut instants: BTreeSet<SignedDuration> = case.happenings.iter().map(|h| h.at).collect();
    instants.insert(SignedDuration::ZERO);
    if rule.periodic().is_some() {
        instants.extend(case.answers.iter().map(|says| says.at));
    }
    let mut turns = BTreeSet::new();
    for happening in case.happenings.iter().filter(|h| identity(h).as_ref() == Some(id)) {
        let Ok(node) = json::parse(&happening.object) else { continue };
        let of_object = rule.instants(&node);
        turns.extend(of_object.into_iter().map(|at: Timestamp| at.duration_since(case.start)));
    }
    let inside = |at: &SignedDuration| *at > SignedDuration::ZERO && *at < case.until;
    instants.extend(turns.into_iter().filter(inside).take(TURNS_MAX));
    instants
}

/// The objects that are there once all has happened that happens at a time.
fn objects(case: &Case, at: SignedDuration) -> Objects<'_> {
    let mut objects = Objects::new();
    for happening in case.happenings.iter().take_while(|happening| happening.at <= at) {
        let Some(id) = identity(happening) else { continue };
        match happening.kind {
            ChangeKind::Deleted => drop(objects.remove(&id)),
            _ => drop(objects.insert(id, &happening.object)),
        }
    }
    objects
}
