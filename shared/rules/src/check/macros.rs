//! What saves repetition in a file: `defaults` for its rules, and what `let` names (conditions, or a value) and `use`
//! puts in place. Both are gone once a rule is read: they change how a rule is written, not what it says.

use super::Checker;
use super::fields::{child, nearest};
use crate::diagnostic::{Code, Level};
use crate::language;
use crate::source::{Key, Span, Tree, TreeValue};
use std::collections::BTreeMap;

/// How many conditions and values `use` may put into one rule.
const USED_MAX: usize = 1000;

/// The keys of a rule whose maps are anybody's, so that a `use` among their keys is none of ours.
const FREE_MAPS: [&str; 2] = ["labels", "plugin"];

/// The keys at the top of a file that are no rules.
pub(crate) const DEFAULTS: &str = "defaults";
pub(crate) const LET: &str = "let";

/// The `defaults` and `let` of a file.
#[derive(Default)]
pub(super) struct Macros {
    defaults: Vec<(Key, Tree)>,
    lets: BTreeMap<String, Named>,
}

struct Named {
    name: Span,
    /// Conditions mostly; or a text, a list of texts, a map such as a `since`.
    what: Tree,
    used: bool,
}

/// Where a `use` stood: what a printer has to put back.
#[derive(Debug, Clone)]
pub(crate) struct UseSite {
    /// The way to the list (or the value) in the rule as it was read.
    pub(crate) path: Vec<Step>,
    /// Which of the list's items came from it; `None` where the value itself did.
    pub(crate) items: Option<(usize, usize)>,
    /// What was used.
    pub(crate) names: Vec<String>,
}

#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) enum Step {
    Key(String),
    Item(usize),
}

/// A rule with everything in place.
pub(super) struct Expanded {
    pub(super) tree: Tree,
    pub(super) uses: Vec<UseSite>,
    /// The keys that it has from the defaults.
    pub(super) defaulted: Vec<String>,
}

impl Checker<'_> {
    /// Takes `defaults` and `let` out of the documents of a file; gives those of them that were there, with their
    /// keys.
    pub(super) fn take_macros(&mut self, documents: &mut [Tree]) -> Vec<(Key, Tree)> {
        let mut heads: Vec<(Key, Tree)> = Vec::new();
        for document in documents {
            let TreeValue::Map(entries) = &mut document.value else { continue };
            let is_head = |(key, _): &mut (Key, Tree)| key.text == DEFAULTS || key.text == LET;
            for (key, tree) in entries.extract_if(.., is_head).collect::<Vec<_>>() {
                if heads.iter().any(|(other, _)| other.text == key.text) {
                    let help = "put them together".to_owned();
                    let expected = format!("`{}` once in a file", key.text);
                    self.error(
                        Code::DuplicateKey,
                        key.span,
                        &key.text,
                        &expected,
                        "it a second time",
                        Some(help),
                    );
                } else {
                    heads.push((key, tree));
                }
            }
        }
        heads.sort_by(|(a, _), (b, _)| a.text.cmp(&b.text));
        for (key, tree) in &heads {
            if key.text == DEFAULTS { self.read_defaults(tree) } else { self.read_lets(tree) }
        }
        heads
    }

    fn read_defaults(&mut self, tree: &Tree) {
        let errors_before = self.error_count();
        let Some(fields) = self.fields(tree, DEFAULTS, "the rules' defaults: a map", &language::DEFAULTS)
        else {
            return;
        };
        let TreeValue::Map(entries) = &tree.value else { return };
        self.check_defaults(&fields);
        if self.error_count() == errors_before {
            self.macros.defaults.clone_from(entries);
        }
    }

    fn read_lets(&mut self, tree: &Tree) {
        let TreeValue::Map(entries) = &tree.value else {
            let expected = "a map from names to lists of conditions, or to values";
            self.error(Code::WrongType, tree.span, LET, expected, &tree.describe(), None);
            return;
        };
        for (key, what) in entries {
            let at = child(LET, &key.text);
            let is_name = key.text.starts_with(|c: char| c.is_ascii_alphabetic())
                && key.text.chars().all(|c| c.is_ascii_alphanumeric());
            if !is_name {
                let expected = "a name of letters and digits: `podIsAlive`";
                let found = format!("`{}`", super::shown(&key.text));
                self.error(Code::BadName, key.span, &at, expected, &found, None);
            }
            match &what.value {
                TreeValue::Null => {
                    let expected = "a list of conditions, or a value";
                    self.error(Code::WrongType, what.span, &at, expected, &what.describe(), None);
                    continue;
                }
                TreeValue::List(_)
                    if self.items(what, &at, "a list of conditions, or of values").is_none() =>
                {
                    continue;
                }
                TreeValue::Scalar(..) | TreeValue::Map(_) | TreeValue::List(_) => {}
            }
            let named = Named { name: key.span, what: what.clone(), used: false };
            if self.macros.lets.insert(key.text.clone(), named).is_some() {
                self.error(Code::DuplicateKey, key.span, &at, "each name once", "it a second time", None);
            }
        }
    }

    /// Says which names nothing uses.
    pub(super) fn unused_lets(&mut self) {
        let unused: Vec<_> = self
            .macros
            .lets
            .iter()
            .filter(|(_, named)| !named.used)
            .map(|(n, d)| (n.clone(), d.name))
            .collect();
        for (name, span) in unused {
            let help = Some("use it, or take it out; what is in it has not been checked".to_owned());
            let expected = "a name that some rule uses";
            self.report(
                Level::Warning,
                Code::NoEffect,
                span,
                &child(LET, &name),
                expected,
                "one that none does",
                help,
            );
        }
    }

    /// Puts defaults and what is used in place. `None` where something that is used cannot be.
    pub(super) fn expand(&mut self, rule: &Tree) -> Option<Expanded> {
        let mut expanded = Expanded { tree: rule.clone(), uses: Vec::new(), defaulted: Vec::new() };
        let errors_before = self.error_count();
        if let TreeValue::Map(entries) = &mut expanded.tree.value {
            let has = |entries: &[(Key, Tree)], name: &str| entries.iter().any(|(key, _)| key.text == name);
            for (key, tree) in &self.macros.defaults {
                // A tolerance has no meaning for a rule that fires at once, or that counts.
                let tolerates = has(entries, "duration") || has(&self.macros.defaults, "duration");
                let is_idle = key.text == "gapTolerance" && (has(entries, "frequency") || !tolerates);
                if !has(entries, &key.text) && !is_idle {
                    entries.push((key.clone(), tree.clone()));
                    expanded.defaulted.push(key.text.clone());
                }
            }
        }
        if !self.macros.lets.is_empty() || mentions_use(&expanded.tree) {
            let mut walk = Walk { path: Vec::new(), names: Vec::new(), used: 0, sites: Vec::new() };
            if let TreeValue::Map(entries) = &mut expanded.tree.value {
                for (key, tree) in entries.iter_mut() {
                    if !FREE_MAPS.contains(&&*key.text) {
                        walk.path.push(Step::Key(key.text.clone()));
                        self.expand_in(tree, &mut walk, false);
                        walk.path.pop();
                    }
                }
            }
            expanded.uses = walk.sites;
        }
        (self.error_count() == errors_before).then_some(expanded)
    }

    /// `any_of`: the items of this list are alternatives, so that what is used becomes one of them.
    fn expand_in(&mut self, tree: &mut Tree, walk: &mut Walk, any_of: bool) {
        let span = tree.span;
        match &mut tree.value {
            TreeValue::Map(entries) if entries.iter().any(|(key, _)| key.text == "use") => {
                if let Some((names, used)) = self.used(entries, span, walk, any_of) {
                    walk.note(names, None);
                    match used {
                        Used::Items(items) => tree.value = TreeValue::List(items),
                        // It keeps its own place, where a mistake in it stands.
                        Used::Value(value) => *tree = value,
                    }
                }
            }
            TreeValue::Map(entries) => {
                for (key, value) in entries.iter_mut() {
                    walk.path.push(Step::Key(key.text.clone()));
                    self.expand_in(value, walk, key.text == "anyOf");
                    walk.path.pop();
                }
            }
            TreeValue::List(items) => {
                let mut expanded = Vec::new();
                for mut item in std::mem::take(items) {
                    let place = expanded.len();
                    match &item.value {
                        TreeValue::Map(entries)
                            if !any_of && entries.iter().any(|(key, _)| key.text == "use") =>
                        {
                            if let Some((names, used)) = self.used(entries, item.span, walk, false) {
                                let items = used.into_items();
                                walk.note(names, Some((place, items.len())));
                                expanded.extend(items);
                            }
                        }
                        _ => {
                            walk.path.push(Step::Item(place));
                            self.expand_in(&mut item, walk, false);
                            walk.path.pop();
                            expanded.push(item);
                        }
                    }
                }
                *items = expanded;
            }
            TreeValue::Null | TreeValue::Scalar(..) => {}
        }
    }

    /// What a `use` names, with what that uses itself in place.
    fn used(
        &mut self,
        entries: &[(Key, Tree)],
        span: Span,
        walk: &mut Walk,
        any_of: bool,
    ) -> Option<(Vec<String>, Used)> {
        if let Some((other, _)) = entries.iter().find(|(key, _)| key.text != "use") {
            let found = format!("`{}`", super::shown(&other.text));
            self.error(
                Code::Conflict,
                other.span,
                "use",
                "`use` by itself",
                &found,
                Some("make each a condition of its own".to_owned()),
            );
            return None;
        }
        let (_, value) = entries.first()?;
        let names = match &value.value {
            TreeValue::List(_) => self.items(value, "use", "a name that `let` gives, or a list of names")?,
            _ => std::slice::from_ref(value),
        };
        let mut texts = Vec::new();
        let mut parts = Vec::new();
        for tree in names {
            let name = self.scalar(tree, "use", "a name that `let` gives")?.to_owned();
            let Some(named) = self.macros.lets.get_mut(&name) else {
                let known: Vec<&str> = self.macros.lets.keys().map(String::as_str).collect();
                let help = match nearest(&name, &known) {
                    Some(near) => format!("did you mean `{near}`?"),
                    None if known.is_empty() => {
                        "give it one, at the top of the file: `let: { name: [conditions] }`".to_owned()
                    }
                    None => format!(
                        "known are {}",
                        known.iter().map(|k| format!("`{k}`")).collect::<Vec<_>>().join(", ")
                    ),
                };
                self.error(
                    Code::UnknownName,
                    tree.span,
                    "use",
                    "a name that `let` gives",
                    &tree.describe(),
                    Some(help),
                );
                return None;
            };
            named.used = true;
            self.uses.push((name.clone(), span));
            if walk.names.contains(&name) {
                let found = format!("`{}` in itself", walk.names.join("` in `"));
                self.error(Code::Conflict, tree.span, "use", "what does not use itself", &found, None);
                return None;
            }
            let mut what = named.what.clone();
            walk.names.push(name.clone());
            let sites = walk.sites.len();
            self.expand_in(&mut what, walk, any_of);
            walk.sites.truncate(sites); // what is within a `let` is printed there
            walk.names.pop();
            let part = match what.value {
                TreeValue::List(items) => Used::Items(items),
                _ => Used::Value(what),
            };
            walk.used += part.len();
            parts.push(part);
            if walk.used > USED_MAX {
                let expected = format!("at most {USED_MAX} conditions and values by way of `use`");
                self.error(Code::TooDeep, tree.span, "use", &expected, "more", None);
                return None;
            }
            texts.push(name);
        }
        let used = match parts.pop() {
            Some(one) if parts.is_empty() => one,
            last => Used::Items(parts.into_iter().chain(last).flat_map(Used::into_items).collect()),
        };
        Some((texts, used))
    }

    /// Where something really stands that was put in place: its path there, and by which name it is used.
    pub(super) fn origin(&self, span: Span) -> Option<(String, Option<String>)> {
        let within = |outer: Span| outer.start <= span.start && span.end <= outer.end;
        if let Some((name, named)) = self.macros.lets.iter().find(|(_, named)| within(named.what.span)) {
            return Some((path_to(&named.what, span, &child(LET, name)), Some(name.clone())));
        }
        let default = self.macros.defaults.iter().find(|(key, tree)| within(key.span) || within(tree.span));
        if let Some((key, tree)) = default {
            return Some((path_to(tree, span, &child(DEFAULTS, &key.text)), None));
        }
        let rule = self.written.as_ref().filter(|tree| within(tree.span))?;
        Some((path_to(rule, span, ""), None))
    }
}

/// What stands behind a name, or behind several.
enum Used {
    Items(Vec<Tree>),
    Value(Tree),
}

impl Used {
    fn len(&self) -> usize {
        match self {
            Self::Items(items) => items.len(),
            Self::Value(_) => 1,
        }
    }

    fn into_items(self) -> Vec<Tree> {
        match self {
            Self::Items(items) => items,
            Self::Value(value) => vec![value],
        }
    }
}

struct Walk {
    path: Vec<Step>,
    /// The names that are being put in place, the outermost first.
    names: Vec<String>,
    used: usize,
    sites: Vec<UseSite>,
}

impl Walk {
    fn note(&mut self, names: Vec<String>, items: Option<(usize, usize)>) {
        if self.names.is_empty() {
            self.sites.push(UseSite { path: self.path.clone(), items, names });
        }
    }
}

fn mentions_use(tree: &Tree) -> bool {
    match &tree.value {
        TreeValue::Map(entries) => entries.iter().any(|(key, tree)| key.text == "use" || mentions_use(tree)),
        TreeValue::List(items) => items.iter().any(mentions_use),
        TreeValue::Null | TreeValue::Scalar(..) => false,
    }
}

/// The path of what stands there.
fn path_to(tree: &Tree, span: Span, path: &str) -> String {
    let within = |outer: Span| outer.start <= span.start && span.end <= outer.end;
    if tree.span == span {
        return path.to_owned();
    }
    match &tree.value {
        TreeValue::Map(entries) => {
            for (key, value) in entries {
                if within(value.span) {
                    return path_to(value, span, &child(path, &key.text));
                }
                if within(key.span) {
                    return child(path, &key.text);
                }
            }
        }
        TreeValue::List(items) => {
            for (index, item) in items.iter().enumerate() {
                if within(item.span) {
                    return path_to(item, span, &format!("{path}[{index}]"));
                }
            }
        }
        TreeValue::Null | TreeValue::Scalar(..) => {}
    }
    path.to_owned()
}
