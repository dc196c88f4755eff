use crate::condition::{Context, all_hold};
use crate::evaluation::{Evaluation, Evidence, earliest_turn};
use crate::json::Node;
use crate::reference::{Reference, Target, Want};
use crate::rule::Rule;
use jiff::Timestamp;

/// What the cluster holds where a reference points.
#[derive(Debug, Clone)]
pub enum Partner<'n> {
    /// The objects found; none: it is missing.
    Found(Vec<&'n Node<'n>>),
    /// It cannot be said: the cluster did not answer, or must not be asked.
    Unknown,
}

/// What a rule says of an object with its references looked up.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Judgement {
    /// The verdict. Where a reference is unknown it counts as not holding.
    pub evaluation: Evaluation,
    /// Whether what is unknown could turn the verdict: it does not match, but with an answer it might.
    pub unknown: bool,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
enum Answer {
    No,
    Unknown,
    Yes,
}

impl From<bool> for Answer {
    fn from(holds: bool) -> Self {
        if holds { Self::Yes } else { Self::No }
    }
}

/// A reference, one of its targets with what points at it, and what was found there.
struct Looked<'r, 'n> {
    reference: &'r Reference,
    target: Target,
    line: String,
    partner: Partner<'n>,
}

impl Rule {
    /// What must be looked up to judge this object. Nothing where it does not match by itself.
    pub fn targets(&self, object: &Node<'_>, now: Timestamp) -> Vec<Target> {
        if self.references.is_empty() || !self.looks_at(object) || !self.holds(object, now) {
            return Vec::new();
        }
        let mut targets: Vec<Target> = Vec::new();
        for target in self.references().flat_map(|reference| reference.targets(object)) {
            if !targets.contains(&target) {
                targets.push(target);
            }
        }
        targets
    }

    /// [`Rule::evaluate`], with the references: `look_up` says what is found at each target.
    ///
    /// A reference that asks for what is missing holds where one of its targets is; one with a `checkField`
    /// holds where one of the objects found satisfies it. A reference that points at nothing does not hold.
    pub fn judge<'n>(
        &self,
        object: &Node<'_>,
        now: Timestamp,
        look_up: &dyn Fn(&Target) -> Partner<'n>,
    ) -> Judgement {
        let mut evaluation = self.evaluate(object, now);
        if self.references.is_empty() || !evaluation.matches {
            return Judgement { evaluation, unknown: false };
        }
        let groups: Vec<Vec<Looked<'_, 'n>>> = self
            .references
            .iter()
            .map(|group| {
                let targets = group.references().iter().flat_map(|reference| {
                    let traced = reference.traced_targets(object).into_iter();
                    traced.map(move |(target, line)| (reference, target, line))
                });
                targets
                    .map(|(reference, target, line)| {
                        let partner = look_up(&target);
                        Looked { reference, target, line, partner }
                    })
                    .collect()
            })
            .collect();

        let answer_at = |at| groups.iter().map(|group| group_answer(group, at)).min().unwrap_or(Answer::Yes);
        let answer = answer_at(now);
        let mut instants = self.instants(object);
        for looked in groups.iter().flatten() {
            if let Partner::Found(objects) = &looked.partner {
                instants.extend(objects.iter().flat_map(|object| looked.reference.partner_instants(object)));
            }
        }
        let matches = answer == Answer::Yes;
        evaluation.turns_at = earliest_turn(instants, now, matches, &|at| {
            self.holds(object, at) && answer_at(at) == Answer::Yes
        });
        evaluation.matches = matches;
        if matches {
            evaluation.evidence = evidence(&groups, now, std::mem::take(&mut evaluation.evidence));
        } else {
            evaluation.since = None;
            evaluation.evidence.clear();
        }
        Judgement { evaluation, unknown: answer == Answer::Unknown }
    }
}

fn group_answer(group: &[Looked<'_, '_>], at: Timestamp) -> Answer {
    group.iter().map(|looked| looked.answer(at)).max().unwrap_or(Answer::No)
}

impl Looked<'_, '_> {
    fn answer(&self, at: Timestamp) -> Answer {
        match &self.partner {
            Partner::Unknown => Answer::Unknown,
            Partner::Found(objects) => match &self.reference.want {
                Want::Missing => objects.is_empty().into(),
                Want::Check(clauses) => objects
                    .iter()
                    .any(|object| all_hold(clauses, Some(object), Context { root: object, now: at }))
                    .into(),
            },
        }
    }
}

/// What the references found first: it is what the object itself does not show.
fn evidence(groups: &[Vec<Looked<'_, '_>>], now: Timestamp, own: Vec<String>) -> Vec<String> {
    let mut evidence = Evidence::default();
    for group in groups {
        for looked in group.iter().filter(|looked| looked.answer(now) == Answer::Yes).take(3) {
            let Partner::Found(objects) = &looked.partner else { continue };
            if looked.reference.wants_missing() {
                let what = match &looked.target {
                    Target::Named { .. } => "does not exist",
                    Target::Selected { .. } => "selects nothing",
                };
                evidence.push(format!("{}: this {} {what}", looked.line, looked.target.kind().kind));
                continue;
            }
            let matching = objects.iter().map(|object| (object, looked.reference.partner(object, now)));
            for (object, partner) in matching.filter(|(_, partner)| partner.matches).take(2) {
                let name = object.get(&["metadata", "name"]).and_then(Node::text).unwrap_or("?");
                let name = crate::value::print_value_text(name);
                for line in partner.evidence.iter().take(3) {
                    evidence.push(format!("{} {name}: {line}", looked.target.kind().kind));
                }
            }
            evidence.push(looked.line.clone());
        }
    }
    for line in own {
        evidence.push(line);
    }
    evidence.into_lines()
}
