use crate::json::Node;
use crate::operator::Operator;
use crate::value::{self, Path, Select, Trail, Value};
use jiff::Timestamp;

/// What must hold: all of a list of these.
#[derive(Debug, Clone, PartialEq)]
pub(crate) enum Clause {
    Condition(Condition),
    /// At least one of these lists must hold.
    AnyOf(Vec<Vec<Clause>>),
}

/// One question to an object, or to an element of it.
#[derive(Debug, Clone, PartialEq)]
pub(crate) struct Condition {
    /// Where to look; from the object's root, or from the element within `each`. Empty: the element itself.
    pub(crate) field: Path,
    /// Which of the elements found there.
    pub(crate) select: Option<Select>,
    /// From each such element on.
    pub(crate) sub_field: Path,
    pub(crate) test: Test,
    pub(crate) quantifier: Quantifier,
}

#[derive(Debug, Clone, PartialEq)]
pub(crate) enum Test {
    /// Of the values found; the text that a missing one stands for.
    Operator(Operator, Option<String>),
    /// Of the elements found: all of these hold of the same one.
    Each(Vec<Clause>),
}

/// How many of the values found have to satisfy a condition.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Quantifier {
    Any,
    /// All, and at least one.
    All,
}

/// What a condition may look at besides the element it is asked of.
#[derive(Clone, Copy)]
pub(crate) struct Context<'n> {
    pub(crate) root: &'n Node<'n>,
    pub(crate) now: Timestamp,
}

/// Whether all clauses hold of an element, or of the object itself.
pub(crate) fn all_hold(clauses: &[Clause], element: Option<&Node<'_>>, context: Context<'_>) -> bool {
    clauses.iter().all(|clause| clause.holds(element, context))
}

impl Clause {
    pub(crate) fn holds(&self, element: Option<&Node<'_>>, context: Context<'_>) -> bool {
        match self {
            Self::Condition(condition) => condition.holds(element, context),
            Self::AnyOf(lists) => lists.iter().any(|list| all_hold(list, element, context)),
        }
    }

    /// Whether time alone can turn it.
    pub(crate) fn is_timed(&self) -> bool {
        match self {
            Self::Condition(condition) => match &condition.test {
                Test::Operator(operator, _) => operator.is_timed(),
                Test::Each(parts) => parts.iter().any(Self::is_timed),
            },
            Self::AnyOf(lists) => lists.iter().flatten().any(Self::is_timed),
        }
    }

    /// Whether one of the paths that it looks at is such a one.
    pub(crate) fn any_path(&self, is: &dyn Fn(&[String]) -> bool) -> bool {
        match self {
            Self::Condition(condition) => {
                let parts = match &condition.test {
                    Test::Operator(..) => &[][..],
                    Test::Each(parts) => parts,
                };
                is(&condition.field) || is(&condition.sub_field) || parts.iter().any(|part| part.any_path(is))
            }
            Self::AnyOf(lists) => lists.iter().flatten().any(|clause| clause.any_path(is)),
        }
    }

    /// Whether it holds of no object that has nothing at a path.
    pub(crate) fn demands(&self, path: &[&str]) -> bool {
        match self {
            Self::Condition(Condition { field, select: None, sub_field, test, .. }) => {
                let is_there =
                    matches!(test, Test::Operator(operator, None) if *operator != Operator::Nil(true));
                sub_field.is_empty() && field.iter().map(String::as_str).eq(path.iter().copied()) && is_there
            }
            Self::Condition(_) => false,
            Self::AnyOf(lists) => lists.iter().all(|list| list.iter().any(|clause| clause.demands(path))),
        }
    }

    /// Every instant at which time turns the verdict on one value that it looks at.
    pub(crate) fn turning_instants(&self, element: Option<&Node<'_>>, visit: &mut dyn FnMut(Timestamp)) {
        match self {
            Self::AnyOf(lists) => lists.iter().flatten().for_each(|c| c.turning_instants(element, visit)),
            Self::Condition(_) if !self.is_timed() => {}
            Self::Condition(condition) => match &condition.test {
                Test::Operator(operator, _) => condition.values(element, &Trail::Root, &mut |value, _| {
                    if let Some(instant) = operator.turning_instant(value) {
                        visit(instant);
                    }
                }),
                Test::Each(parts) => condition.elements(element, &Trail::Root, &mut |element, _| {
                    for part in parts {
                        part.turning_instants(element, visit);
                    }
                }),
            },
        }
    }
}

impl Condition {
    pub(crate) fn holds(&self, element: Option<&Node<'_>>, context: Context<'_>) -> bool {
        let mut tally = Tally::default();
        match &self.test {
            Test::Operator(operator, _) => self.values(element, &Trail::Root, &mut |value, _| {
                if counts(operator, value, self.quantifier) {
                    tally.add(operator_holds(operator, value, context));
                }
            }),
            Test::Each(parts) => self.elements(element, &Trail::Root, &mut |element, _| {
                tally.add(all_hold(parts, element, context));
            }),
        }
        tally.verdict(self.quantifier)
    }

    /// The values that the operator is asked of; a missing one already replaced by the default.
    pub(crate) fn values<'v>(
        &'v self,
        element: Option<&'v Node<'v>>,
        trail: &Trail<'_>,
        visit: &mut dyn FnMut(Value<'v>, &Trail<'_>),
    ) {
        let default = match &self.test {
            Test::Operator(_, default) => default.as_deref(),
            Test::Each(_) => None,
        };
        let mut visit = |value, trail: &Trail<'_>| match (value, default) {
            (Value::Missing, Some(text)) => visit(Value::Text(text), trail),
            _ => visit(value, trail),
        };
        if self.select.is_none() && self.sub_field.is_empty() {
            return value::values(element, &self.field, trail, &mut visit);
        }
        self.elements(element, trail, &mut |element, trail| {
            value::values(element, &self.sub_field, trail, &mut visit);
        });
    }

    /// The elements that the sub-identifiers select.
    pub(crate) fn elements<'n>(
        &self,
        element: Option<&'n Node<'n>>,
        trail: &Trail<'_>,
        visit: &mut dyn FnMut(Option<&'n Node<'n>>, &Trail<'_>),
    ) {
        value::places(element, &self.field, trail, &mut |node, trail| {
            value::elements(node, self.select.as_ref(), trail, visit);
        });
    }
}

/// Whether a value is among those found. Only `nilValue` asks about what is missing.
pub(crate) fn counts(operator: &Operator, value: Value<'_>, quantifier: Quantifier) -> bool {
    quantifier == Quantifier::Any || value != Value::Missing || matches!(operator, Operator::Nil(_))
}

pub(crate) fn operator_holds(operator: &Operator, value: Value<'_>, context: Context<'_>) -> bool {
    let others = |path: &Path| {
        let mut texts = Vec::new();
        value::values(Some(context.root), path, &Trail::Root, &mut |value, _| {
            texts.extend(value.text().map(str::to_owned));
        });
        texts
    };
    operator.holds(value, &others, context.now)
}

#[derive(Default)]
struct Tally {
    satisfied: bool,
    failed: bool,
}

impl Tally {
    fn add(&mut self, holds: bool) {
        self.satisfied |= holds;
        self.failed |= !holds;
    }

    fn verdict(&self, quantifier: Quantifier) -> bool {
        self.satisfied && (quantifier == Quantifier::Any || !self.failed)
    }
}
