//! What the rules of a kind ask, each question once: the first half of compiling.

use super::ask::{Ask, Clock, Home, Question, write_text};
use super::table::small;
use crate::condition::{Clause, Condition, Quantifier, Test};
use crate::namespaces::Namespaces;
use crate::operator::{Operator, Relation};
use crate::quantity::Factor;
use crate::value::{Path, Select};
use std::collections::HashMap;
use std::fmt::Write as _;

/// All of it.
#[derive(Debug, Default)]
pub(super) struct Plan {
    pub(super) asks: Vec<Ask>,
    pub(super) scopes: Vec<ScopePlan>,
    pub(super) clocks: Vec<Clock>,
    pub(super) comparisons: Vec<Comparison>,
    pub(super) captures: Vec<Capture>,
    pub(super) entries: Vec<EntryPlan>,
    known: HashMap<String, usize>,
}

/// A list whose elements are asked one by one.
#[derive(Debug)]
pub(super) struct ScopePlan {
    pub(super) path: Path,
    pub(super) groups: Vec<GroupPlan>,
}

/// One condition of the elements of a scope.
#[derive(Debug)]
pub(super) struct GroupPlan {
    /// Which elements count; all, where there is none.
    pub(super) select: Option<Select>,
    pub(super) test: GroupTest,
    pub(super) all: bool,
}

#[derive(Debug)]
pub(super) enum GroupTest {
    /// An ask of the plan.
    Ask(usize),
    /// All of these hold of one element.
    Each(Vec<Term>),
    /// Nothing: the values of a capture are taken where the element is selected.
    Capture,
}

/// What holds or not.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) enum Term {
    Ask(usize),
    Group {
        scope: usize,
        group: usize,
    },
    Clock(usize),
    Comparison(usize),
    /// One of these lists holds.
    Any(Vec<Vec<Term>>),
}

/// Texts of the object that are kept until its end.
#[derive(Debug)]
pub(super) struct Capture {
    pub(super) path: Path,
    /// Only those of elements that this group selects.
    pub(super) group: Option<(usize, usize)>,
}

/// Two fields compared, at the object's end.
#[derive(Debug)]
pub(super) struct Comparison {
    pub(super) left: Left,
    /// A capture.
    pub(super) right: usize,
    pub(super) relation: Relation,
    pub(super) factor: Option<Factor>,
    pub(super) all: bool,
}

#[derive(Debug)]
pub(super) enum Left {
    Capture(usize),
    Text(String),
}

/// A rule, or a rule's part about an object that is referred to.
#[derive(Debug)]
pub(super) struct EntryPlan {
    /// It does not match, now or later, unless these hold.
    pub(super) upper: Vec<Term>,
    /// It matches now if these hold; where there are none, if the upper ones do.
    pub(super) actual: Option<Vec<Term>>,
    /// Whether the terms are the whole truth. Otherwise the tree has to be asked where they hold.
    pub(super) is_certain: bool,
    /// How many of its conditions turn with time.
    pub(super) timed: u32,
}

/// Turns one list of conditions into terms.
struct Reader<'p> {
    plan: &'p mut Plan,
    hopefully: bool,
    is_certain: bool,
}

/// Which values a condition looks at.
struct Place<'c> {
    home: Home,
    path: Path,
    select: Option<&'c Select>,
}

impl Plan {
    /// Adds what a list of conditions asks, and where it is asked.
    pub(super) fn add(&mut self, clauses: &[&[Clause]], namespaces: Option<(&Namespaces, [&str; 2])>) {
        let timed = clauses.iter().flat_map(|list| list.iter()).map(timed).sum();
        let (mut upper, is_certain) = self.terms(clauses, timed > 0);
        let mut actual = (timed > 0 && is_certain).then(|| self.terms(clauses, false).0);
        if let Some((namespaces, path)) = namespaces.filter(|(namespaces, _)| !namespaces.is_all()) {
            let path = path.map(str::to_owned).to_vec();
            let ask = Ask {
                home: Home::Object,
                path,
                question: Question::Admit(namespaces.clone()),
                default: None,
                all: false,
            };
            let term = Term::Ask(self.ask(ask, None));
            upper.push(term.clone());
            if let Some(actual) = &mut actual {
                actual.push(term);
            }
        }
        self.entries.push(EntryPlan { upper, actual, is_certain, timed });
    }

    fn terms(&mut self, clauses: &[&[Clause]], hopefully: bool) -> (Vec<Term>, bool) {
        let mut reader = Reader { plan: self, hopefully, is_certain: true };
        let mut terms = Vec::new();
        for list in clauses {
            reader.clauses(list, Home::Object, &mut terms);
        }
        (terms, reader.is_certain)
    }

    fn ask(&mut self, ask: Ask, select: Option<&Select>) -> usize {
        let mut key = format!("{:?}{}", ask.home, u8::from(ask.all));
        write_path(&mut key, &ask.path);
        ask.question.write_key(&mut key);
        if let Some(default) = &ask.default {
            key.push('d');
            write_text(&mut key, default);
        }
        if let Some(select) = select {
            write_select(&mut key, select);
        }
        if let Some(known) = self.known.get(&key) {
            return *known;
        }
        self.asks.push(ask);
        self.known.insert(key, self.asks.len() - 1);
        self.asks.len() - 1
    }

    fn scope(&mut self, path: &Path) -> usize {
        let mut key = String::from("scope");
        write_path(&mut key, path);
        let next = self.scopes.len();
        let scope = *self.known.entry(key).or_insert(next);
        if scope == next {
            self.scopes.push(ScopePlan { path: path.clone(), groups: Vec::new() });
        }
        scope
    }

    fn group(&mut self, scope: usize, plan: GroupPlan) -> usize {
        let mut key = format!("group{scope}{}{:?}", u8::from(plan.all), plan.test);
        if let Some(select) = &plan.select {
            write_select(&mut key, select);
        }
        let groups = &mut self.scopes[scope].groups;
        let group = *self.known.entry(key).or_insert(groups.len());
        if group == groups.len() {
            groups.push(plan);
        }
        group
    }

    fn capture(&mut self, path: &Path, group: Option<(usize, usize)>) -> usize {
        let mut key = format!("capture{group:?}");
        write_path(&mut key, path);
        let next = self.captures.len();
        let capture = *self.known.entry(key).or_insert(next);
        if capture == next {
            self.captures.push(Capture { path: path.clone(), group });
        }
        capture
    }

    fn clock(&mut self, clock: Clock) -> usize {
        self.clocks.iter().position(|known| *known == clock).unwrap_or_else(|| {
            self.clocks.push(clock);
            self.clocks.len() - 1
        })
    }

    fn comparison(&mut self, comparison: Comparison) -> usize {
        let mut key = String::from("compare");
        // Writing to a String cannot fail.
        let _infallible = write!(key, "{comparison:?}");
        let next = self.comparisons.len();
        let known = *self.known.entry(key).or_insert(next);
        if known == next {
            self.comparisons.push(comparison);
        }
        known
    }
}

impl Reader<'_> {
    fn clauses(&mut self, clauses: &[Clause], home: Home, out: &mut Vec<Term>) {
        for clause in clauses {
            match clause {
                Clause::Condition(condition) => self.condition(condition, home, out),
                Clause::AnyOf(lists) => {
                    let lists = lists.iter().map(|list| {
                        let mut terms = Vec::new();
                        self.clauses(list, home, &mut terms);
                        terms
                    });
                    out.push(Term::Any(lists.collect()));
                }
            }
        }
    }

    fn condition(&mut self, condition: &Condition, home: Home, out: &mut Vec<Term>) {
        let all = condition.quantifier == Quantifier::All;
        match (&condition.test, home) {
            (Test::Each(_), Home::Part(_) | Home::Group(_)) => {
                // The language has no such thing; if it had, the tree would be asked.
                self.is_certain = false;
            }
            (Test::Each(parts), Home::Object) => {
                let scope = self.plan.scope(&condition.field);
                let mut terms = Vec::new();
                self.clauses(parts, Home::Part(scope), &mut terms);
                let select = condition.select.clone();
                let group = self.plan.group(scope, GroupPlan { select, test: GroupTest::Each(terms), all });
                out.push(Term::Group { scope, group });
            }
            (Test::Operator(operator, default), _) => {
                let mut path = match home {
                    Home::Part(scope) => self.plan.scopes[scope].path.clone(),
                    _ => Vec::new(),
                };
                path.extend(condition.field.iter().cloned());
                let mut home = home;
                if condition.select.is_some() {
                    if home != Home::Object {
                        self.is_certain = false;
                        return;
                    }
                    home = Home::Group(self.plan.scope(&path));
                }
                path.extend(condition.sub_field.iter().cloned());
                let place = Place { home, path, select: condition.select.as_ref() };
                self.operator(&place, operator, default.as_ref(), all, out);
            }
        }
    }

    fn operator(
        &mut self,
        place: &Place<'_>,
        operator: &Operator,
        default: Option<&String>,
        all: bool,
        out: &mut Vec<Term>,
    ) {
        let in_part = matches!(place.home, Home::Part(_));
        if let Operator::Field(relation, other, factor) = operator {
            if in_part {
                // The other field may come later: where there is a text, it may hold.
                self.is_certain = false;
                let term = self.term(place, Question::Text, default.cloned(), false);
                return out.push(term);
            }
            if all && default.is_some() {
                self.is_certain = false;
                return;
            }
            let group = match (place.home, place.select) {
                (Home::Group(scope), Some(select)) => {
                    let plan =
                        GroupPlan { select: Some(select.clone()), test: GroupTest::Capture, all: false };
                    Some((scope, self.plan.group(scope, plan)))
                }
                _ => None,
            };
            let left = Left::Capture(self.plan.capture(&place.path, group));
            let right = self.plan.capture(other, None);
            let mut compare = |left| {
                let comparison = Comparison { left, right, relation: *relation, factor: *factor, all };
                Term::Comparison(self.plan.comparison(comparison))
            };
            let term = compare(left);
            let of_default = default.map(|text| compare(Left::Text(text.clone())));
            return out.push(self.or_where_absent(place, term, of_default));
        }
        let question = Question::of(operator, self.hopefully).expect("the others compare no fields");
        if !operator.is_timed() {
            let term = self.term(place, question, default.cloned(), all);
            return out.push(term);
        }
        if default.is_some() && (all || in_part) {
            self.is_certain = false;
            return;
        }
        let term = self.term(place, question, None, all);
        let clock = default.map(|text| Clock::of(operator, text, self.hopefully));
        let clock = clock.map(|clock| Term::Clock(self.plan.clock(clock)));
        out.push(self.or_where_absent(place, term, clock));
    }

    /// What a default that is not answered beforehand comes to: the values satisfy it, or one is missing and
    /// what stands for it does.
    fn or_where_absent(&mut self, place: &Place<'_>, term: Term, of_default: Option<Term>) -> Term {
        let Some(of_default) = of_default else { return term };
        let absent = self.term(place, Question::Absent, None, false);
        Term::Any(vec![vec![term], vec![absent, of_default]])
    }

    fn term(&mut self, place: &Place<'_>, question: Question, default: Option<String>, all: bool) -> Term {
        let ask = Ask { home: place.home, path: place.path.clone(), question, default, all };
        let ask = self.plan.ask(ask, place.select);
        match place.home {
            Home::Group(scope) => {
                let plan = GroupPlan { select: place.select.cloned(), test: GroupTest::Ask(ask), all };
                Term::Group { scope, group: self.plan.group(scope, plan) }
            }
            Home::Object | Home::Part(_) => Term::Ask(ask),
        }
    }
}

fn write_path(out: &mut String, path: &[String]) {
    for key in path {
        write_text(out, key);
    }
}

fn write_select(out: &mut String, select: &Select) {
    out.push('[');
    write_text(out, &select.name);
    for value in &select.values {
        write_text(out, value);
    }
}

/// How many conditions turn with time.
fn timed(clause: &Clause) -> u32 {
    match clause {
        Clause::AnyOf(lists) => lists.iter().flatten().map(timed).sum(),
        Clause::Condition(condition) => match &condition.test {
            Test::Operator(operator, _) => small(usize::from(operator.is_timed())),
            Test::Each(parts) => parts.iter().map(timed).sum(),
        },
    }
}
