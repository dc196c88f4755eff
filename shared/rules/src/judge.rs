use crate::condition::{Clause, Context, all_hold};
use crate::evaluation::{Evaluation, Evidence, earliest_turn};
use crate::json::Node;
use crate::reference::{Reference, ReferenceGroup, Target, Want};
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
    /// Whether it would match, were there an object in its [usual](Reference::wakes) state: one may yet come to be.
    pub lacks_usual: bool,
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
    /// By the objects found: what they refer to in turn, and what was found there.
    beyond: Vec<Vec<Looked<'r, 'n>>>,
}

/// What the objects found refer to in turn.
fn beyond<'r, 'n>(
    reference: &'r Reference,
    partner: &Partner<'n>,
    look_up: &dyn Fn(&Target) -> Partner<'n>,
) -> Vec<Vec<Looked<'r, 'n>>> {
    let (Some(next), Partner::Found(objects)) = (reference.next(), partner) else { return Vec::new() };
    let of_object = |object: &&'n Node<'n>| {
        let targets = reference.beyond(object).into_iter();
        let looked = targets.map(|(line, target)| {
            let context = Context { root: object, now: Timestamp::UNIX_EPOCH };
            let partner = next.counting(look_up(&target), context);
            Looked { reference: next, target, line, partner, beyond: Vec::new() }
        });
        looked.collect()
    };
    objects.iter().map(of_object).collect()
}

impl Reference {
    /// Of what was found only what counts: what refers to this object, where that is asked,
    /// and what compares with it as asked.
    ///
    /// The `filterField` is asked when the verdict is, as it may hang on the time.
    pub(crate) fn counting<'n>(&self, partner: Partner<'n>, context: Context<'_>) -> Partner<'n> {
        let counts = |object: &Node<'_>| {
            (!self.incoming || self.refers_to(object, context.root))
                && all_hold(&self.compare, Some(object), context)
        };
        match partner {
            Partner::Found(objects) => {
                Partner::Found(objects.into_iter().filter(|object| counts(object)).collect())
            }
            Partner::Unknown => Partner::Unknown,
        }
    }

    /// What an object that was found refers to in turn, each with the path and value that point at it.
    fn beyond(&self, object: &Node<'_>) -> Vec<(String, Target)> {
        let own = object.get(&["metadata", "namespace"]).and_then(Node::text);
        let targets = self.next().map(|next| next.traced_targets(object)).unwrap_or_default();
        targets.into_iter().map(|(target, line)| (line, target.seen_from(own))).collect()
    }

    /// Of a chain: whether one of these objects holds with what it refers to; `None` where that cannot be said.
    pub(crate) fn chain_answer<'n>(
        &self,
        objects: &[&'n Node<'n>],
        now: Timestamp,
        look_up: &dyn Fn(&Target) -> Partner<'n>,
    ) -> Option<bool> {
        let partner = Partner::Found(objects.to_vec());
        let beyond = beyond(self, &partner, look_up);
        let target = Target::Referrers {
            kind: prodrome_model::GroupKind::core(""),
            namespace: crate::Namespace::Same,
            name: None,
        };
        match (Looked { reference: self, target, line: String::new(), partner, beyond }).answer(now) {
            Answer::Yes => Some(true),
            Answer::No => Some(false),
            Answer::Unknown => None,
        }
    }
}

impl Rule {
    /// What must be looked up to judge this object. Nothing where it does not match by itself.
    pub fn targets(&self, object: &Node<'_>, now: Timestamp) -> Vec<Target> {
        if self.references.is_empty() || !self.looks_at(object) || !self.holds(object, now) {
            return Vec::new();
        }
        let mut targets: Vec<Target> = Vec::new();
        for target in self.first_references().flat_map(|reference| reference.targets(object)) {
            if !targets.contains(&target) {
                targets.push(target);
            }
        }
        targets
    }

    /// What must be looked up in turn, given what was found first: what those objects refer to.
    pub fn next_targets<'n>(
        &self,
        object: &Node<'_>,
        now: Timestamp,
        look_up: &dyn Fn(&Target) -> Partner<'n>,
    ) -> Vec<Target> {
        let context = Context { root: object, now };
        let mut next = Vec::new();
        for reference in self.first_references().filter(|reference| reference.next().is_some()) {
            for target in reference.targets(object) {
                let Partner::Found(objects) = reference.counting(look_up(&target), context) else { continue };
                for (_, target) in objects.iter().flat_map(|object| reference.beyond(object)) {
                    if !next.contains(&target) {
                        next.push(target);
                    }
                }
            }
        }
        next
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
            return Judgement { evaluation, unknown: false, lacks_usual: false };
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
                        let partner = reference.counting(look_up(&target), Context { root: object, now });
                        let beyond = beyond(reference, &partner, look_up);
                        Looked { reference, target, line, partner, beyond }
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
            for next in looked.beyond.iter().flatten() {
                let Partner::Found(objects) = &next.partner else { continue };
                instants.extend(objects.iter().flat_map(|object| next.reference.partner_instants(object)));
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
        let usual = |group: &ReferenceGroup| group.references().iter().any(|reference| reference.usual);
        let lacks_usual = answer == Answer::No
            && self.references.iter().zip(&groups).all(|(group, looked)| match group_answer(looked, now) {
                Answer::Yes => true,
                Answer::No => usual(group) && !looked.is_empty(),
                Answer::Unknown => false,
            });
        Judgement { evaluation, unknown: answer == Answer::Unknown, lacks_usual }
    }
}

fn group_answer(group: &[Looked<'_, '_>], at: Timestamp) -> Answer {
    group.iter().map(|looked| looked.answer(at)).max().unwrap_or(Answer::No)
}

impl Looked<'_, '_> {
    fn answer(&self, at: Timestamp) -> Answer {
        match &self.partner {
            Partner::Unknown => Answer::Unknown,
            Partner::Found(objects) => {
                let holds = |clauses: &[Clause], object: &Node<'_>| {
                    all_hold(clauses, Some(object), Context { root: object, now: at })
                };
                let mut counting =
                    objects.iter().enumerate().filter(|(_, o)| holds(&self.reference.filter, o));
                match &self.reference.want {
                    Want::Missing => counting.next().is_none().into(),
                    Want::Check(clauses) => counting.any(|(_, object)| holds(clauses, object)).into(),
                    Want::Then(clauses, _) => counting
                        .filter(|(_, object)| holds(clauses, object))
                        .map(|(index, _)| {
                            self.beyond.get(index).map_or(Answer::No, |beyond| group_answer(beyond, at))
                        })
                        .max()
                        .unwrap_or(Answer::No),
                }
            }
        }
    }
}

impl Looked<'_, '_> {
    /// That it is missing, in words.
    fn missing(&self) -> String {
        let kind = &self.target.kind().kind;
        match &self.target {
            Target::Named { .. } => format!("{}: this {kind} does not exist", self.line),
            Target::Selected { .. } => format!("{} selects no {kind}", self.line),
            Target::Referrers { .. } => format!("no {}", self.line),
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
                evidence.push(looked.missing());
                continue;
            }
            for (object, beyond) in objects.iter().zip(&looked.beyond) {
                let name = object.get(&["metadata", "name"]).and_then(Node::text).unwrap_or("?");
                let name = crate::value::print_value_text(name);
                for next in beyond.iter().filter(|next| next.answer(now) == Answer::Yes).take(2) {
                    let what =
                        if next.reference.wants_missing() { next.missing() } else { next.line.clone() };
                    evidence.push(format!("{} {name}: {what}", looked.target.kind().kind));
                }
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
