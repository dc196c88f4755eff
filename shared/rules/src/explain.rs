//! What a rule means, in words; and of an object, which of it holds.

mod words;

use crate::condition::{Clause, Condition, Context, Test, all_hold, counts, operator_holds};
use crate::evaluation::describe;
use crate::json::Node;
use crate::judge::Partner;
use crate::mode::Mode;
use crate::reference::{Reference, ReferenceGroup, Target, Want};
use crate::rule::{Rule, Subjects};
use crate::since::Since;
use crate::time::print_duration;
use crate::value::Trail;
use jiff::Timestamp;
use serde::Serialize;
use std::fmt;
use words::{
    clause_words, clusters, condition_words, frequency_words, namespaces, periodic_words, question_words,
    reference_words, since_words, subjects, timing,
};

/// How many values or elements are shown of one condition.
const SHOWN_MAX: usize = 5;

/// The titles of what is made of other statements, and says nothing by itself.
const FILTER: &str = "it is about objects where";
const CHECK: &str = "what is wrong";
const ALL: &str = "all of";
const ANY: &str = "at least one of";

/// A statement of a rule in words, and what came of it.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize)]
#[serde(rename_all = "camelCase")]
pub struct Explanation {
    /// What the rule says here.
    pub text: String,
    /// Whether it holds of the object; absent where no object was given, or where it cannot be said.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub holds: Option<bool>,
    /// What was found in the object, as `path = value`. What stands there may be a tenant's.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub found: Vec<String>,
    /// What it is made of.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub parts: Vec<Explanation>,
    /// The whole question, where it is one: a condition with those of its elements, a reference.
    #[serde(skip)]
    asks: Option<String>,
}

/// One of the questions of a rule: a condition, an `each`, or a reference.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Question {
    /// In words.
    pub text: String,
    /// What came of it; absent where no object was given, or where it cannot be said.
    pub holds: Option<bool>,
}

/// Whom a rule is about, short: the kinds, but not those that it leaves out.
pub(crate) fn subjects_in_words(rule: &Rule) -> String {
    match &rule.subjects {
        Subjects::Every { .. } => "any kind".to_owned(),
        kinds @ Subjects::Kinds(_) => subjects(kinds),
    }
}

/// What a condition asks, on one line.
pub(crate) fn condition_in_words(condition: &Condition) -> String {
    condition_words(condition)
}

impl Rule {
    /// What the rule means.
    pub fn describe(&self) -> Explanation {
        Explainer { object: None, look_up: None }.rule(self)
    }

    /// What the rule means, and which of it holds of an object. References are described, not looked up; where
    /// there are some and all else holds, whether the rule matches is not said.
    pub fn explain(&self, object: &Node<'_>, now: Timestamp) -> Explanation {
        Explainer { object: Some(Context { root: object, now }), look_up: None }.rule(self)
    }

    /// [`Rule::explain`], with the references.
    pub fn explain_with<'n>(
        &self,
        object: &Node<'_>,
        now: Timestamp,
        look_up: &dyn Fn(&Target) -> Partner<'n>,
    ) -> Explanation {
        Explainer { object: Some(Context { root: object, now }), look_up: Some(look_up) }.rule(self)
    }
}

impl fmt::Display for Explanation {
    /// Indented lines: `✓` where it holds, `✗` where it does not, `?` where it cannot be said.
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.write(f, 0)
    }
}

impl Explanation {
    /// The single questions that the statement is made of, each with what came of it, in the rule's order: the same
    /// ones whatever the object. What a rule says of time is none.
    pub fn questions(&self) -> Vec<Question> {
        let mut questions = Vec::new();
        for part in &self.parts {
            part.ask(&mut questions);
        }
        questions
    }

    fn ask(&self, questions: &mut Vec<Question>) {
        if matches!(&*self.text, FILTER | CHECK | ALL | ANY) {
            self.parts.iter().for_each(|part| part.ask(questions));
        } else if let Some(text) = &self.asks {
            questions.push(Question { text: text.clone(), holds: self.holds });
        }
    }

    fn new(text: impl Into<String>) -> Self {
        Self { text: text.into(), ..Self::default() }
    }

    fn write(&self, f: &mut fmt::Formatter<'_>, depth: usize) -> fmt::Result {
        let indent = "  ".repeat(depth);
        let mark = match self.holds {
            Some(true) => "✓ ",
            Some(false) => "✗ ",
            None => "",
        };
        writeln!(f, "{indent}{mark}{}", self.text)?;
        for found in &self.found {
            writeln!(f, "{indent}    {found}")?;
        }
        self.parts.iter().try_for_each(|part| part.write(f, depth + 1))
    }
}

struct Explainer<'e, 'n> {
    object: Option<Context<'e>>,
    look_up: Option<&'e dyn Fn(&Target) -> Partner<'n>>,
}

impl Explainer<'_, '_> {
    fn rule(&self, rule: &Rule) -> Explanation {
        let mut parts = Vec::new();
        if !rule.namespaces.is_all() {
            let holds = self.object.map(|context| rule.looks_at(context.root));
            parts.push(Explanation { holds, ..Explanation::new(namespaces(rule)) });
        }
        for (clauses, title) in [(rule.written_filter(), FILTER), (&rule.check[..], CHECK)] {
            if !clauses.is_empty() {
                parts.push(self.all(clauses, title));
            }
        }
        if rule.is_about_events() {
            let holds = self.object.map(|context| all_hold(rule.implied(), Some(context.root), context));
            let text =
                format!("the event was last seen less than {} ago", print_duration(rule.event_window()));
            parts.push(Explanation { holds, ..Explanation::new(text) });
        }
        for group in &rule.references {
            parts.push(self.group(group));
        }
        if let Some(periodic) = &rule.periodic {
            parts.push(Explanation::new(periodic_words(periodic)));
        }
        let holds = self.object.and_then(|_| conjunction(parts.iter().map(|part| part.holds)));
        let verdict = match holds {
            Some(true) => " matches",
            Some(false) => " does not match",
            None if self.object.is_some() => " may match",
            None => "",
        };
        let text = format!(
            "{}{verdict}: {}, {}, owner {}",
            rule.name,
            subjects(&rule.subjects),
            rule.severity,
            rule.owner
        );
        if !rule.clusters.is_all() {
            parts.push(Explanation::new(clusters(rule)));
        }
        if let Some(frequency) = &rule.frequency {
            parts.push(Explanation::new(frequency_words(frequency)));
        }
        parts.push(Explanation::new(timing(rule)));
        for since in &rule.since {
            parts.push(self.since(since));
        }
        if !rule.enabled {
            parts.push(Explanation::new("it is switched off"));
        }
        if rule.mode == Mode::Shadow {
            parts.push(Explanation::new("it is staged: it runs and counts, and tells nobody"));
        }
        Explanation { text, holds, parts, ..Explanation::default() }
    }

    fn all(&self, clauses: &[Clause], title: &str) -> Explanation {
        let root = self.object.map(|context| context.root);
        let parts: Vec<_> = clauses.iter().map(|clause| self.clause(clause, root, &Trail::Root)).collect();
        let holds = conjunction(parts.iter().map(|part| part.holds));
        Explanation { text: title.to_owned(), holds, parts, ..Explanation::default() }
    }

    fn clause(&self, clause: &Clause, element: Option<&Node<'_>>, trail: &Trail<'_>) -> Explanation {
        match clause {
            Clause::Condition(condition) => self.condition(condition, element, trail),
            Clause::AnyOf(lists) => {
                let parts: Vec<_> = lists
                    .iter()
                    .map(|list| {
                        let mut parts: Vec<_> =
                            list.iter().map(|clause| self.clause(clause, element, trail)).collect();
                        if parts.len() == 1 {
                            return parts.remove(0);
                        }
                        let holds = conjunction(parts.iter().map(|part| part.holds));
                        Explanation { text: ALL.to_owned(), holds, parts, ..Explanation::default() }
                    })
                    .collect();
                let holds = disjunction(parts.iter().map(|part| part.holds));
                Explanation { text: ANY.to_owned(), holds, parts, ..Explanation::default() }
            }
        }
    }

    fn condition(&self, condition: &Condition, element: Option<&Node<'_>>, trail: &Trail<'_>) -> Explanation {
        let asks = Some(question_words(condition));
        let mut explanation = Explanation { asks, ..Explanation::new(condition_words(condition)) };
        let Some(context) = self.object else {
            if let Test::Each(parts) = &condition.test {
                explanation.parts = parts.iter().map(|part| self.clause(part, None, trail)).collect();
            }
            return explanation;
        };
        explanation.holds = Some(condition.holds(element, context));
        match &condition.test {
            Test::Operator(operator, default) => {
                let mut found = Shown::default();
                condition.values(element, trail, &mut |value, trail| {
                    let counts = counts(operator, value, condition.quantifier);
                    let holds = counts && operator_holds(operator, value, context);
                    found.add(holds, || {
                        let line = describe(operator, value, default.as_deref(), trail, context);
                        match (counts, holds) {
                            (_, true) => line,
                            (true, false) => format!("{line} — no"),
                            (false, false) => format!("{line} — does not count"),
                        }
                    });
                });
                explanation.found = found.lines(|left_out| format!("… and {left_out} more"));
            }
            Test::Each(parts) => {
                let mut elements = Shown::default();
                condition.elements(element, trail, &mut |element, trail| {
                    elements.add(all_hold(parts, element, context), || {
                        let parts: Vec<_> =
                            parts.iter().map(|part| self.clause(part, element, trail)).collect();
                        let holds = conjunction(parts.iter().map(|part| part.holds));
                        let text = if element.is_some() {
                            trail.to_string()
                        } else {
                            format!("{trail}: no element")
                        };
                        Explanation { text, holds, parts, ..Explanation::default() }
                    });
                });
                explanation.parts =
                    elements.lines(|left_out| Explanation::new(format!("… and {left_out} more")));
            }
        }
        explanation
    }

    fn group(&self, group: &ReferenceGroup) -> Explanation {
        let mut parts: Vec<_> = group.any_of.iter().map(|reference| self.reference(reference)).collect();
        if parts.len() == 1 {
            return parts.remove(0);
        }
        let holds = disjunction(parts.iter().map(|part| part.holds));
        Explanation { text: ANY.to_owned(), holds, parts, ..Explanation::default() }
    }

    fn reference(&self, reference: &Reference) -> Explanation {
        let words = reference_words(reference);
        let asks = match &reference.want {
            Want::Missing => words.clone(),
            Want::Check(clauses) | Want::Then(clauses, _) => {
                let mut asked: Vec<String> = clauses.iter().map(clause_words).collect();
                asked.extend(reference.next().map(reference_words));
                format!("{words} {}", asked.join(" and "))
            }
        };
        let mut explanation = Explanation { asks: Some(asks), ..Explanation::new(words) };
        let Some(context) = self.object else {
            if let Want::Check(clauses) | Want::Then(clauses, _) = &reference.want {
                explanation.parts =
                    clauses.iter().map(|clause| self.clause(clause, None, &Trail::Root)).collect();
            }
            explanation.parts.extend(reference.next().map(|next| self.reference(next)));
            return explanation;
        };
        let targets = reference.traced_targets(context.root);
        if targets.is_empty() {
            explanation.holds = Some(false);
            explanation.found.push("it points at nothing".to_owned());
            return explanation;
        }
        let mut answers = Vec::new();
        for (target, line) in &targets {
            let partner = self.look_up.map_or(Partner::Unknown, |look_up| look_up(target));
            let partner = match reference.counting(partner, context) {
                Partner::Found(mut objects) => {
                    objects.retain(|object| {
                        all_hold(&reference.filter, Some(object), Context { root: object, now: context.now })
                    });
                    Partner::Found(objects)
                }
                Partner::Unknown => Partner::Unknown,
            };
            let (holds, what) = match &partner {
                Partner::Unknown => (None, "not looked up"),
                Partner::Found(objects) if objects.is_empty() => (Some(reference.wants_missing()), "missing"),
                Partner::Found(objects) => match &reference.want {
                    Want::Missing => (Some(false), "there"),
                    Want::Then(..) => {
                        let look_up = self.look_up.unwrap_or(&|_| Partner::Unknown);
                        (reference.chain_answer(objects, context.now, look_up), "there")
                    }
                    Want::Check(_) => {
                        let any = objects.iter().any(|object| reference.partner(object, context.now).matches);
                        (Some(any), "there")
                    }
                },
            };
            answers.push(holds);
            if explanation.found.len() < SHOWN_MAX {
                explanation.found.push(format!("{line}: {what}"));
            }
            let (Want::Check(clauses) | Want::Then(clauses, _), Partner::Found(objects)) =
                (&reference.want, &partner)
            else {
                continue;
            };
            for object in objects.iter().take(SHOWN_MAX.saturating_sub(explanation.parts.len())) {
                let name = object.get(&["metadata", "name"]).and_then(Node::text).unwrap_or("?");
                let title = format!("{} {}", target.kind().kind, crate::value::print_value_text(name));
                let there =
                    Explainer { object: Some(Context { root: object, now: context.now }), look_up: None };
                let mut part = there.all(clauses, &title);
                if let Some(next) = reference.next() {
                    let own = object.get(&["metadata", "namespace"]).and_then(Node::text);
                    let look_up = |target: &Target| match self.look_up {
                        Some(look_up) => look_up(&target.clone().seen_from(own)),
                        None => Partner::Unknown,
                    };
                    let beyond = Explainer { object: there.object, look_up: Some(&look_up) };
                    part.parts.push(beyond.reference(next));
                    part.holds = conjunction(part.parts.iter().map(|part| part.holds));
                }
                explanation.parts.push(part);
            }
        }
        explanation.holds = disjunction(answers.into_iter());
        explanation
    }

    fn since(&self, since: &Since) -> Explanation {
        let words = Explainer { object: None, look_up: None };
        let mut explanation = Explanation::new(since_words(since));
        let each = since.places.iter().flat_map(|place| &place.each);
        explanation.parts = each.map(|part| words.clause(part, None, &Trail::Root)).collect();
        if !explanation.parts.is_empty() {
            explanation.text.push_str(", of the elements where");
        }
        if let Some(context) = self.object {
            let begin = since.begin(context.root, context.now);
            explanation.found.push(begin.map_or("no timestamp".to_owned(), |begin| begin.to_string()));
        }
        explanation
    }
}

/// The first few of many, those that hold before those that do not.
struct Shown<T> {
    holding: Vec<T>,
    others: Vec<T>,
    left_out: usize,
}

impl<T> Default for Shown<T> {
    fn default() -> Self {
        Self { holding: Vec::new(), others: Vec::new(), left_out: 0 }
    }
}

impl<T> Shown<T> {
    fn add(&mut self, holds: bool, show: impl FnOnce() -> T) {
        let list = if holds { &mut self.holding } else { &mut self.others };
        if list.len() < SHOWN_MAX {
            list.push(show());
        } else {
            self.left_out += 1;
        }
    }

    fn lines(mut self, more: impl FnOnce(usize) -> T) -> Vec<T> {
        let room = SHOWN_MAX - self.holding.len();
        self.left_out += self.others.len().saturating_sub(room);
        self.others.truncate(room);
        self.holding.append(&mut self.others);
        if self.left_out > 0 {
            self.holding.push(more(self.left_out));
        }
        self.holding
    }
}

/// No where one is no, else unknown where one is unknown.
fn conjunction(answers: impl Iterator<Item = Option<bool>>) -> Option<bool> {
    let mut all = Some(true);
    for answer in answers {
        match answer {
            Some(true) => {}
            Some(false) => return Some(false),
            None => all = None,
        }
    }
    all
}

fn disjunction(answers: impl Iterator<Item = Option<bool>>) -> Option<bool> {
    conjunction(answers.map(|answer| answer.map(|holds| !holds))).map(|none| !none)
}
