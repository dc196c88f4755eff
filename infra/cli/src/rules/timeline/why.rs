//! Why what matches was told to nobody, as far as a case shows it.

use super::{Case, ObjectId, Row, State, identity, is_answer};
use crate::render::plain;
use crate::rules::trial::Played;
use jiff::SignedDuration;
use prodrome_cluster::event::AboutObject;
use prodrome_model::{GroupKind, ObjectKey};
use prodrome_rules::json::{self, Node};
use prodrome_rules::{CountBy, Frequency, Rule, print_duration};

/// The object that a finding on this one is about: itself, or what the event was told of.
pub(super) fn subject(case: &Case, rule: &Rule, id: &ObjectId) -> Option<AboutObject> {
    let last = case.happenings.iter().rev().find(|h| identity(h).as_ref() == Some(id))?;
    AboutObject::from_json(&last.object).ok().filter(|_| rule.is_about_events())
}

/// In words; `None` where it does not match either, and where nobody can say.
pub(super) fn nothing(
    case: &Case,
    rule: &Rule,
    id: &ObjectId,
    matches: &Row,
    about: Option<&AboutObject>,
    played: &Played,
) -> Option<String> {
    if let Some(periodic) = rule.periodic() {
        let answers = case.answers.iter().any(|says| is_answer(says, periodic.plugin(), id));
        let words = format!("the plugin {} answers nothing in this case (`answers`)", periodic.plugin());
        if !answers && !rule_fails(matches) {
            return Some(words);
        }
    }
    if !matches.ever(State::Holds) {
        return None;
    }
    if !rule.enabled() {
        return Some("the rule is off (`enabled: false`)".to_owned());
    }
    if let Some(about) = about {
        let absent = absent_subject(case, about);
        if absent.is_some() {
            return absent;
        }
    }
    if let Some(frequency) = rule.frequency() {
        let key = ObjectKey::new(id.0.group_kind(), id.1.as_deref(), &*id.2);
        let path = about.map_or_else(|| key.path(), |about| about.object.path());
        return short_of(rule, frequency, &path, played);
    }
    let longest = longest(matches, case.until);
    let is_short = about.is_none() && longest < rule.duration() && !has_since(case, rule, id);
    is_short.then(|| {
        let (held, duration) = (print_duration(longest), print_duration(rule.duration()));
        format!("it matches for {held} at most, and the rule's duration is {duration}")
    })
}

/// Whether it is something else that does not hold.
fn rule_fails(matches: &Row) -> bool {
    matches.turns.iter().all(|(_, state)| matches!(state, State::HoldsNot | State::Absent))
}

/// That an event's object is not there: what nobody has is not ill.
fn absent_subject(case: &Case, about: &AboutObject) -> Option<String> {
    let object = &about.object;
    let kind = &object.kind;
    if object.name.is_empty() {
        return Some("the event names no object that it is about (`involvedObject`)".to_owned());
    }
    let is_it =
        |other: &GroupKind| other.kind == kind.kind && (other.group == kind.group || kind.group.is_empty());
    let there: Vec<_> = case
        .happenings
        .iter()
        .filter(|happening| is_it(&happening.resource.group_kind()))
        .filter_map(|happening| Some((identity(happening)?, happening)))
        .filter(|((_, namespace, name), _)| *namespace == object.namespace && *name == object.name)
        .collect();
    let place = object.namespace.as_deref().map(|namespace| format!("{namespace}/")).unwrap_or_default();
    let named = plain(&format!("{} {place}{}", kind.kind, object.name), 120);
    if there.is_empty() {
        return Some(format!("the {named}, which the event is about, is not in this case"));
    }
    let uid = |bytes: &[u8]| {
        let node = json::parse(bytes).ok()?;
        node.get(&["metadata", "uid"]).and_then(Node::text).map(str::to_owned)
    };
    let mut uids = there.iter().filter_map(|(_, happening)| uid(&happening.object));
    let other = uids.find(|uid| !about.is_about_uid(uid))?;
    let is_there = there.iter().any(|(_, h)| uid(&h.object).is_none_or(|uid| about.is_about_uid(&uid)));
    (!is_there).then(|| {
        let (other, wanted) = (plain(&other, 60), plain(&about.uid, 60));
        format!("the event is about a {named} of the uid {wanted}, and that of this case has {other}")
    })
}

/// How many of how many, where there never were enough.
fn short_of(rule: &Rule, frequency: &Frequency, path: &str, played: &Played) -> Option<String> {
    let own = format!("{path} ");
    let is_own = |group: &str| *frequency.by() != CountBy::Object || group.starts_with(&own);
    let counted = played.counted.iter().filter(|((name, group), _)| name == rule.name() && is_own(group));
    let most = counted.map(|(_, count)| *count).max().unwrap_or(0);
    let what = if frequency.is_distinct() { " different values" } else { "" };
    (most < frequency.count())
        .then(|| format!("{most} of {}{what} in {}", frequency.count(), print_duration(frequency.within())))
}

fn longest(matches: &Row, until: SignedDuration) -> SignedDuration {
    let turns = &matches.turns;
    let runs = turns.iter().enumerate().filter(|(_, (_, state))| *state == State::Holds);
    let lengths = runs.map(|(at, (from, _))| turns.get(at + 1).map_or(until, |(to, _)| *to) - *from);
    lengths.max().unwrap_or_default()
}

/// Whether the object itself tells since when: then its match may have begun before the case.
fn has_since(case: &Case, rule: &Rule, id: &ObjectId) -> bool {
    let own = case.happenings.iter().filter(|happening| identity(happening).as_ref() == Some(id));
    let mut tells = own.filter_map(|happening| {
        let node = json::parse(&happening.object).ok()?;
        rule.evaluate(&node, case.start + happening.at).since
    });
    tells.next().is_some()
}
