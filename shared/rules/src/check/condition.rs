use super::fields::{Fields, child};
use super::{Checker, Reported};
use crate::condition::{Clause, Condition, Quantifier, Test};
use crate::diagnostic::{Code, Level};
use crate::language;
use crate::operator::{Operator, Relation};
use crate::quantity::Quantity;
use crate::source::{Tree, TreeValue};
use crate::time::parse_timestamp;
use crate::value::Select;

/// How deep `anyOf` may stand in `anyOf`.
const ANY_OF_DEPTH_MAX: usize = 8;

/// What a list of conditions is asked of.
#[derive(Clone, Copy, PartialEq, Eq)]
pub(super) enum Scope {
    Object,
    /// What stands beside a name that a reference reads, which may be anything: `unless`.
    Around,
    /// An element, within `each`.
    Element,
}

impl Checker<'_> {
    /// A list of conditions that must all hold.
    pub(super) fn clauses(
        &mut self,
        tree: &Tree,
        path: &str,
        scope: Scope,
        depth: usize,
    ) -> Option<Vec<Clause>> {
        let example = match scope {
            Scope::Element => "[{ subField: [type], equalValue: [Ready] }]",
            Scope::Object | Scope::Around => "[{ field: [status, phase], equalValue: [Failed] }]",
        };
        let items = self.items_like(tree, path, "a list of conditions", Some(example))?;
        let clauses: Vec<Option<Clause>> = items
            .iter()
            .enumerate()
            .map(|(index, item)| self.clause(item, &format!("{path}[{index}]"), scope, depth))
            .collect();
        clauses.into_iter().collect()
    }

    /// One condition or a list of them.
    pub(super) fn clause_or_clauses(
        &mut self,
        tree: &Tree,
        path: &str,
        scope: Scope,
        depth: usize,
    ) -> Option<Vec<Clause>> {
        match &tree.value {
            TreeValue::Map(_) => Some(vec![self.clause(tree, path, scope, depth)?]),
            _ => self.clauses(tree, path, scope, depth),
        }
    }

    fn clause(&mut self, tree: &Tree, path: &str, scope: Scope, depth: usize) -> Option<Clause> {
        if tree.get("anyOf").is_none() {
            return self.condition(tree, path, scope, depth).map(Clause::Condition);
        }
        let keys = match scope {
            Scope::Object | Scope::Around => &language::ANY_OF_CLAUSE,
            Scope::Element => &language::ANY_OF_PART,
        };
        let fields = self.fields(tree, path, "a condition", keys)?;
        let tree = fields.get("anyOf")?;
        let path = fields.at("anyOf");
        if depth >= ANY_OF_DEPTH_MAX {
            let expected = format!("`anyOf` nested at most {ANY_OF_DEPTH_MAX} deep");
            self.error(Code::TooDeep, tree.span, &path, &expected, "another one", None);
            return None;
        }
        let lists: Vec<Option<Vec<Clause>>> = self
            .items(tree, &path, "a list of lists of conditions")?
            .iter()
            .enumerate()
            .map(|(index, item)| self.clause_or_clauses(item, &format!("{path}[{index}]"), scope, depth + 1))
            .collect();
        Some(Clause::AnyOf(lists.into_iter().collect::<Option<_>>()?))
    }

    fn condition(&mut self, tree: &Tree, path: &str, scope: Scope, depth: usize) -> Option<Condition> {
        let keys = match scope {
            Scope::Object | Scope::Around => &language::CONDITION,
            Scope::Element => &language::PART,
        };
        let fields = self.fields(tree, path, "a condition: a map", keys)?;
        // Each part is looked at though another has failed, so that all mistakes show at once.
        let (field, select, sub_field) = match scope {
            Scope::Object | Scope::Around => {
                let field = self.required(&fields, "field", "the path to look at");
                let field = field.map(|tree| {
                    let at = fields.at("field");
                    let keys = self.path(tree, &at);
                    if scope == Scope::Object {
                        self.doubt_metadata(tree.span, &at, keys.iter().flatten().next().map(String::as_str));
                    }
                    keys
                });
                let sub_field = fields.get("subField").map(|tree| self.path(tree, &fields.at("subField")));
                (field.flatten(), self.select(&fields), sub_field.unwrap_or(Some(Vec::new())))
            }
            Scope::Element => {
                let field = fields.get("subField").map(|tree| self.path(tree, &fields.at("subField")));
                (field.unwrap_or(Some(Vec::new())), Ok(None), Some(Vec::new()))
            }
        };
        let quantifier = fields.get("match").map(|tree| {
            let words = [("any", Quantifier::Any), ("all", Quantifier::All)];
            self.choice(tree, &fields.at("match"), &words)
        });
        let test = self.test(&fields, depth);
        Some(Condition {
            field: field?,
            select: select.ok()?,
            sub_field: sub_field?,
            test: test?,
            quantifier: quantifier.unwrap_or(Some(Quantifier::Any))?,
        })
    }

    /// `subIdentifierName` and `subIdentifierValue`, which go together.
    pub(super) fn select(&mut self, fields: &Fields<'_>) -> Result<Option<Select>, Reported> {
        let name = fields.get("subIdentifierName").map(|tree| {
            let at = fields.at("subIdentifierName");
            self.scalar(tree, &at, "a key").map(str::to_owned)
        });
        let values = fields.get("subIdentifierValue").map(|tree| {
            let at = fields.at("subIdentifierValue");
            self.scalars(tree, &at, "a list of values")
        });
        match (name, values) {
            (None, None) => Ok(None),
            (Some(Some(name)), Some(Some(values))) => Ok(Some(Select { name, values })),
            (Some(_), Some(_)) => Err(Reported),
            (Some(_), None) => {
                self.required(fields, "subIdentifierValue", "the values that select an element");
                Err(Reported)
            }
            (None, Some(_)) => {
                self.required(fields, "subIdentifierName", "the key by which elements are selected");
                Err(Reported)
            }
        }
    }

    fn test(&mut self, fields: &Fields<'_>, depth: usize) -> Option<Test> {
        let asked: Vec<&str> = operator_names().filter(|name| fields.has(name)).collect();
        let [name] = *asked.as_slice() else {
            self.not_one_operator(fields, &asked, depth);
            return None;
        };
        let tree = fields.get(name)?;
        let at = fields.at(name);
        let default = fields.get("default").map(|tree| {
            let at = fields.at("default");
            self.scalar(tree, &at, "a text, a number or a boolean").map(str::to_owned)
        });
        if name == "each" {
            let parts = self.clauses(tree, &at, Scope::Element, depth);
            for key in ["subField", "default", "times"] {
                self.excluded(fields, key, "each");
            }
            return Some(Test::Each(parts?));
        }
        let operator = self.operator(name, tree, &at, fields);
        if !name.ends_with("Field") {
            self.excluded(fields, "times", name);
        }
        let operator = operator?;
        let default = default.unwrap_or(None);
        self.check_default(fields, name, &operator, default.as_deref());
        Some(Test::Operator(operator, default))
    }

    fn not_one_operator(&mut self, fields: &Fields<'_>, asked: &[&str], depth: usize) {
        let expected = "exactly one operator";
        if let [_, second, ..] = asked {
            let found = asked.iter().map(|name| format!("`{name}`")).collect::<Vec<_>>().join(" and ");
            let help = "make each a condition of its own".to_owned();
            let span = fields.entry(second).map_or(fields.span, |(key, _)| key.span);
            self.error(Code::ManyOperators, span, &fields.path, expected, &found, Some(help));
        } else if asked.is_empty() && !fields.has_unknown {
            let known = operator_names().map(|name| format!("`{name}`")).collect::<Vec<_>>().join(", ");
            let help = format!("ask one of {known}");
            self.error(Code::NoOperator, fields.span, &fields.path, expected, "none", Some(help));
        }
        // What they ask may be wrong too.
        for name in asked {
            let Some(tree) = fields.get(name) else { continue };
            if *name == "each" {
                self.clauses(tree, &fields.at(name), Scope::Element, depth);
            } else {
                self.operator(name, tree, &fields.at(name), fields);
            }
        }
    }

    fn operator(&mut self, name: &str, tree: &Tree, at: &str, fields: &Fields<'_>) -> Option<Operator> {
        let values = "a list of values";
        Some(match name {
            "equalValue" => Operator::Equal(self.scalars(tree, at, values)?),
            "notEqualValue" => Operator::NotEqual(self.scalars(tree, at, values)?),
            "nilValue" => Operator::Nil(self.boolean(tree, at)?),
            "likeValue" => Operator::Like(self.globs(tree, at)?),
            "notLikeValue" => Operator::NotLike(self.globs(tree, at)?),
            "regexValue" => Operator::Regex(self.regexes(tree, at)?),
            "notRegexValue" => Operator::NotRegex(self.regexes(tree, at)?),
            "greaterThan" => Operator::GreaterThan(self.quantity(tree, at)?),
            "lessThan" => Operator::LessThan(self.quantity(tree, at)?),
            "olderThan" => Operator::OlderThan(self.duration(tree, at)?),
            "newerThan" => Operator::NewerThan(self.duration(tree, at)?),
            "expiresWithin" => Operator::ExpiresWithin(self.duration(tree, at)?),
            _ => {
                let relation = match name {
                    "equalField" => Relation::Equal,
                    "notEqualField" => Relation::NotEqual,
                    "lessThanField" => Relation::Less,
                    _ => Relation::Greater,
                };
                let path = self.path(tree, at);
                let factor = fields.get("times").map(|tree| self.factor(tree, &fields.at("times")));
                Operator::Field(relation, path?, factor.map_or(Some(None), |factor| factor.map(Some))?)
            }
        })
    }

    /// Whether a default is one that the operator can do something with.
    fn check_default(&mut self, fields: &Fields<'_>, name: &str, operator: &Operator, default: Option<&str>) {
        let (Some(text), Some(tree)) = (default, fields.get("default")) else { return };
        let at = fields.at("default");
        match operator {
            Operator::Nil(_) => self.excluded(fields, "default", name),
            Operator::GreaterThan(_) | Operator::LessThan(_) if Quantity::parse(text).is_none() => {
                let expected = "a number or a Kubernetes quantity";
                self.error(Code::BadQuantity, tree.span, &at, expected, &tree.describe(), None);
            }
            Operator::OlderThan(_) | Operator::NewerThan(_) | Operator::ExpiresWithin(_)
                if parse_timestamp(text).is_none() =>
            {
                let expected = "an RFC 3339 timestamp";
                self.error(Code::BadTimestamp, tree.span, &at, expected, &tree.describe(), None);
            }
            _ => {}
        }
    }

    /// Reports a key that has no meaning beside another.
    pub(super) fn excluded(&mut self, fields: &Fields<'_>, key: &str, beside: &str) {
        if let Some((found, _)) = fields.entry(key) {
            let expected = format!("no `{key}` beside `{beside}`");
            let at = child(&fields.path, key);
            self.error(Code::Conflict, found.span, &at, &expected, "both", None);
        }
    }

    /// Says that a key changes nothing.
    pub(super) fn no_effect(&mut self, fields: &Fields<'_>, key: &str, expected: &str, help: &str) {
        if let Some((found, tree)) = fields.entry(key) {
            let at = child(&fields.path, key);
            let help = Some(help.to_owned());
            self.report(Level::Warning, Code::NoEffect, found.span, &at, expected, &tree.describe(), help);
        }
    }
}

fn operator_names() -> impl Iterator<Item = &'static str> {
    language::OPERATORS.iter().map(|word| word.name).chain(["each"])
}
