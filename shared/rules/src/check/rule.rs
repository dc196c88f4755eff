use super::condition::Scope;
use super::fields::Fields;
use super::{Checker, Reported};
use crate::diagnostic::Code;
use crate::kind::{KindPattern, is_event};
use crate::language;
use crate::namespaces::Namespaces;
use crate::print;
use crate::rule::{REFERENCE_DURATION_MIN, Rule, Subjects};
use crate::since::Since;
use crate::source::{Key, Tree, TreeValue};
use crate::template::Template;
use crate::time::print_duration;
use jiff::SignedDuration;
use prodrome_model::{Owner, Severity};
use std::collections::BTreeMap;

/// How long a rule's name may be.
const NAME_MAX: usize = 63;

impl Checker<'_> {
    pub(super) fn rule(&mut self, key: &Key, tree: &Tree) -> Option<Rule> {
        self.rule_name(key);
        let fields = self.fields(tree, "", "a rule: a map", &language::RULE)?;
        let subjects = self.subjects(&fields);
        let namespaces = self.optional(&fields, "namespaces", Self::namespaces);
        let clauses = |checker: &mut Self, key| {
            checker.optional(&fields, key, |checker, tree, at| checker.clauses(tree, at, Scope::Object, 0))
        };
        let filter = clauses(self, "filterField");
        let check = clauses(self, "checkField");
        let references = self.optional(&fields, "reference", Self::references);
        if !fields.means("checkField") && !fields.means("reference") {
            let expected = "`checkField` or `reference`";
            self.error(Code::NothingToCheck, key.span, "", expected, "neither", None);
        }
        let duration = self.optional(&fields, "duration", Self::duration);
        self.check_reference_duration(key, &fields, &duration);
        let gap_tolerance = self.optional(&fields, "gapTolerance", Self::duration);
        let is_at_once = duration.as_ref().is_ok_and(|duration| duration.unwrap_or_default().is_zero());
        if is_at_once && matches!(gap_tolerance, Ok(Some(gap)) if !gap.is_zero()) {
            let help = "a rule without a duration fires at once; take it out, or add a duration";
            self.no_effect(&fields, "gapTolerance", "a `duration` beside it", help);
        }
        let resolve_after = self.optional(&fields, "resolveAfter", Self::duration);
        let since = self.optional(&fields, "since", Self::since_list);
        let severity = self.optional(&fields, "severity", |checker, tree, at| {
            let words = Severity::ALL.map(|severity| (severity.as_str(), severity));
            checker.choice(tree, at, &words)
        });
        let owner = self.optional(&fields, "owner", |checker, tree, at| {
            let words = [Owner::User, Owner::Platform, Owner::Cloud].map(|owner| (owner.as_str(), owner));
            checker.choice(tree, at, &words)
        });
        let summary = self.optional(&fields, "summary", Self::template);
        let text = |checker: &mut Self, key| {
            checker.optional(&fields, key, |checker, tree, at| {
                checker.scalar(tree, at, "a text").map(str::to_owned)
            })
        };
        let runbook = text(self, "runbook");
        let flow = text(self, "flow");
        let labels = self.optional(&fields, "labels", Self::labels);
        let enabled = self.optional(&fields, "enabled", Self::boolean);
        let mut rule = Rule {
            name: key.text.clone(),
            subjects: subjects?,
            namespaces: namespaces.ok()?.unwrap_or_default(),
            filter: filter.ok()?.unwrap_or_default(),
            check: check.ok()?.unwrap_or_default(),
            references: references.ok()?.unwrap_or_default(),
            duration: duration.ok()?.unwrap_or_default(),
            gap_tolerance: gap_tolerance.ok()?.unwrap_or_default(),
            resolve_after: resolve_after.ok()?,
            since: since.ok()?.unwrap_or_default(),
            severity: severity.ok()?.unwrap_or(Rule::SEVERITY_DEFAULT),
            owner: owner.ok()?.unwrap_or(Rule::OWNER_DEFAULT),
            summary: summary.ok()?,
            runbook: runbook.ok()?,
            flow: flow.ok()?,
            labels: labels.ok()?.unwrap_or_default(),
            enabled: enabled.ok()?.unwrap_or(true),
            hash: String::new(),
        };
        rule.hash = print::hash(&rule);
        Some(rule)
    }

    /// The value of a key that may be absent.
    fn optional<T>(
        &mut self,
        fields: &Fields<'_>,
        key: &str,
        read: impl FnOnce(&mut Self, &Tree, &str) -> Option<T>,
    ) -> Result<Option<T>, Reported> {
        match fields.get(key) {
            None => Ok(None),
            Some(tree) => read(self, tree, &fields.at(key)).map(Some).ok_or(Reported),
        }
    }

    fn rule_name(&mut self, key: &Key) {
        let sound = key.text.starts_with(|c: char| c.is_ascii_uppercase())
            && key.text.chars().all(|c| c.is_ascii_alphanumeric())
            && key.text.len() <= NAME_MAX;
        if !sound {
            let found = format!("`{}`", crate::text::one_line(&crate::text::cut(&key.text, 80)));
            let expected =
                format!("a name in CamelCase of letters and digits, at most {NAME_MAX}: `PodNotReady`");
            self.error(Code::BadName, key.span, "", &expected, &found, camel_case(&key.text));
        }
    }

    fn subjects(&mut self, fields: &Fields<'_>) -> Option<Subjects> {
        let tree = self.required(fields, "resource", "the kind that the rule is about")?;
        let at = fields.at("resource");
        let is_every = matches!(&tree.value, TreeValue::Scalar(text, _) if text == "*");
        let except = self.optional(fields, "notResource", Self::kind_list);
        if is_every {
            return Some(Subjects::Every { except: except.ok()?.unwrap_or_default() });
        }
        if let Some((key, _)) = fields.entry("notResource") {
            let expected = "`resource: \"*\"` beside it";
            let found = tree.describe();
            self.error(Code::Conflict, key.span, &fields.at("notResource"), expected, &found, None);
        }
        let kinds = match &tree.value {
            TreeValue::List(_) => self.kind_list(tree, &at)?,
            _ => vec![self.kind(tree, &at)?],
        };
        let is_event = |pattern: &KindPattern| matches!(pattern, KindPattern::Exact(kind) if is_event(kind));
        if kinds.iter().any(|name| is_event(&name.pattern)) {
            self.later(tree, &at, "a rule on `Event`");
            return None;
        }
        Some(Subjects::Kinds(kinds))
    }

    fn namespaces(&mut self, tree: &Tree, path: &str) -> Option<Namespaces> {
        if !matches!(tree.value, TreeValue::Map(_)) {
            let include = self.glob_list(tree, path)?;
            return Some(Namespaces { include, exclude: Vec::new() });
        }
        let expected = "a list of globs, or a map with `include` and `exclude`";
        let fields = self.fields(tree, path, expected, &language::NAMESPACES)?;
        let include = self.optional(&fields, "include", Self::glob_list);
        let exclude = self.optional(&fields, "exclude", Self::glob_list);
        let (include, exclude) = (include.ok()?.unwrap_or_default(), exclude.ok()?.unwrap_or_default());
        Some(Namespaces { include, exclude })
    }

    fn check_reference_duration(
        &mut self,
        key: &Key,
        fields: &Fields<'_>,
        duration: &Result<Option<SignedDuration>, Reported>,
    ) {
        let (true, Ok(duration)) = (fields.has("reference"), duration) else { return };
        if duration.unwrap_or_default() < REFERENCE_DURATION_MIN {
            let (span, found) = match fields.get("duration") {
                Some(tree) => (tree.span, tree.describe()),
                None => (key.span, "none".to_owned()),
            };
            let least = print_duration(REFERENCE_DURATION_MIN);
            let expected = format!("at least {least}, as the rule has a reference");
            let help = "objects are created in any order: for a moment the other may not be there yet";
            self.error(
                Code::ShortDuration,
                span,
                &fields.at("duration"),
                &expected,
                &found,
                Some(help.to_owned()),
            );
        }
    }

    /// A path, a map, or a list of either.
    fn since_list(&mut self, tree: &Tree, path: &str) -> Option<Vec<Since>> {
        match &tree.value {
            TreeValue::List(items)
                if !items.iter().any(|item| matches!(item.value, TreeValue::Scalar(..))) =>
            {
                let items = if items.is_empty() { self.items(tree, path, "a path")? } else { items };
                let list: Vec<_> = items
                    .iter()
                    .enumerate()
                    .map(|(index, item)| self.since(item, &format!("{path}[{index}]")))
                    .collect();
                list.into_iter().collect()
            }
            _ => Some(vec![self.since(tree, path)?]),
        }
    }

    fn since(&mut self, tree: &Tree, path: &str) -> Option<Since> {
        if !matches!(tree.value, TreeValue::Map(_)) {
            let field = self.path(tree, path)?;
            return Some(Since { field, select: None, each: Vec::new(), sub_field: Vec::new() });
        }
        let fields = self.fields(tree, path, "a path", &language::SINCE)?;
        let field = self.required(&fields, "field", "the path of the timestamp");
        let field = field.and_then(|tree| self.path(tree, &fields.at("field")));
        let select = self.select(&fields);
        let each =
            self.optional(&fields, "each", |checker, tree, at| checker.clauses(tree, at, Scope::Element, 0));
        let sub_field = self.optional(&fields, "subField", Self::path);
        Some(Since {
            field: field?,
            select: select.ok()?,
            each: each.ok()?.unwrap_or_default(),
            sub_field: sub_field.ok()?.unwrap_or_default(),
        })
    }

    fn template(&mut self, tree: &Tree, path: &str) -> Option<Template> {
        let text = self.scalar(tree, path, "a text with fields in braces: `{metadata.name}`")?;
        match Template::parse(text) {
            Ok(template) => Some(template),
            Err(error) => {
                let before: String = text.chars().take(error.offset).collect();
                let near: String =
                    before.chars().rev().take(20).collect::<Vec<_>>().into_iter().rev().collect();
                let found = format!("{}, after `{near}`", error.reason);
                self.error(Code::BadTemplate, tree.span, path, "a text with fields in braces", &found, None);
                None
            }
        }
    }

    fn labels(&mut self, tree: &Tree, path: &str) -> Option<BTreeMap<String, String>> {
        let TreeValue::Map(entries) = &tree.value else {
            self.error(Code::WrongType, tree.span, path, "a map of texts", &tree.describe(), None);
            return None;
        };
        let mut labels = BTreeMap::new();
        let mut sound = true;
        for (key, tree) in entries {
            let at = super::fields::child(path, &key.text);
            let text = self.scalar(tree, &at, "a text").map(str::to_owned);
            sound &= text.is_some();
            if labels.insert(key.text.clone(), text.unwrap_or_default()).is_some() {
                self.error(Code::DuplicateKey, key.span, &at, "each key once", "it a second time", None);
            }
        }
        sound.then_some(labels)
    }
}

/// What a name was probably meant to be.
fn camel_case(name: &str) -> Option<String> {
    let words = name.split(|c: char| !c.is_ascii_alphanumeric()).filter(|word| !word.is_empty());
    let camel: String = words
        .map(|word| {
            let mut chars = word.chars();
            chars.next().map_or_else(String::new, |c| c.to_ascii_uppercase().to_string() + chars.as_str())
        })
        .collect();
    let sound = camel.starts_with(|c: char| c.is_ascii_uppercase()) && camel.len() <= NAME_MAX;
    sound.then(|| format!("write `{camel}`"))
}
