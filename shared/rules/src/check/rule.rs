use super::condition::Scope;
use super::fields::Fields;
use super::{Checker, Reported};
use crate::clusters::{self, Clusters};
use crate::diagnostic::Code;
use crate::frequency::{CountBy, Frequency};
use crate::glob::Glob;
use crate::globs::Globs;
use crate::kind::{KindName, KindPattern, is_event};
use crate::language;
use crate::mode::Mode;
use crate::namespaces::Namespaces;
use crate::print;
use crate::rule::{REFERENCE_DURATION_MIN, Rule, Subjects};
use crate::since::{Since, SincePlace, Take};
use crate::source::{Key, Tree, TreeValue};
use crate::template::Template;
use crate::time::print_duration;
use jiff::SignedDuration;
use prodrome_model::{Owner, Severity};
use std::collections::BTreeMap;

/// What does not go with a frequency, and why.
const NOT_WITH_FREQUENCY: [(&str, &str); 2] = [
    ("gapTolerance", "each begin counts, and a begin is what ends a break; ask for a greater `count`"),
    (
        "reference",
        "other objects are looked at when a check is due and not at each change, so begins between would be missed; make \
         it two rules, or ask the object's own fields",
    ),
];

/// How long a rule's name may be.
const NAME_MAX: usize = 63;

impl Checker<'_> {
    pub(super) fn rule(&mut self, key: &Key, tree: &Tree) -> Option<Rule> {
        self.rule_name(key);
        let fields = self.fields(tree, "", "a rule: a map", &language::RULE)?;
        let subjects = self.subjects(&fields);
        let namespaces = self.optional(&fields, "namespaces", Self::namespaces);
        let clusters = self.optional(&fields, "clusters", Self::clusters);
        let clauses = |checker: &mut Self, key| {
            checker.optional(&fields, key, |checker, tree, at| checker.clauses(tree, at, Scope::Object, 0))
        };
        let filter = clauses(self, "filterField");
        let check = clauses(self, "checkField");
        let references = self.optional(&fields, "reference", Self::references);
        let is_asked = fields.means("plugin") || fields.means("period");
        if !fields.means("checkField") && !fields.means("reference") && !is_asked {
            let expected = "`checkField`, `reference` or `plugin`";
            self.error(Code::NothingToCheck, key.span, "", expected, "neither", None);
        }
        let duration = self.optional(&fields, "duration", Self::duration);
        self.check_reference_duration(key, &fields, &duration);
        let gap_tolerance = self.optional(&fields, "gapTolerance", Self::duration);
        let about_events = subjects
            .as_ref()
            .is_some_and(|subjects| matches!(subjects, Subjects::Kinds(names) if is_events(names)));
        let frequency = self.optional(&fields, "frequency", Self::frequency);
        if fields.has("frequency") {
            for (key, why) in NOT_WITH_FREQUENCY {
                if let Some((found, _)) = fields.entry(key) {
                    let expected = format!("no `{key}` beside `frequency`");
                    let (at, help) = (fields.at(key), Some(why.to_owned()));
                    self.error(Code::Conflict, found.span, &at, &expected, "both", help);
                }
            }
        }
        let periodic = self.periodic(key, &fields, about_events);
        let is_at_once =
            !about_events && duration.as_ref().is_ok_and(|duration| duration.unwrap_or_default().is_zero());
        if is_at_once && matches!(gap_tolerance, Ok(Some(gap)) if !gap.is_zero()) {
            let help = "a rule without a duration fires at once; take it out, or add a duration";
            self.no_effect(&fields, "gapTolerance", "a `duration` beside it", help);
        }
        let resolve_after = self.optional(&fields, "resolveAfter", Self::duration);
        let since = self.optional(&fields, "since", Self::since_list);
        let severity = self.optional(&fields, "severity", Self::severity);
        let owner = self.optional(&fields, "owner", Self::owner);
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
        let words = Mode::ALL.map(|mode| (mode.as_str(), mode));
        let mode = self.optional(&fields, "mode", |checker, tree, at| checker.choice(tree, at, &words));
        let mut rule = Rule {
            name: key.text.clone(),
            subjects: subjects?,
            namespaces: namespaces.ok()?.unwrap_or_default(),
            clusters: clusters.ok()?.unwrap_or_default(),
            filter: filter.ok()?.unwrap_or_default(),
            implied: 0,
            check: check.ok()?.unwrap_or_default(),
            references: references.ok()?.unwrap_or_default(),
            duration: duration.ok()?.unwrap_or_default(),
            gap_tolerance: gap_tolerance.ok()?.unwrap_or_default(),
            resolve_after: resolve_after.ok()?,
            since: since.ok()?.unwrap_or_default(),
            frequency: frequency.ok()?,
            periodic: periodic.ok()?,
            severity: severity.ok()?.unwrap_or(Rule::SEVERITY_DEFAULT),
            owner: owner.ok()?.unwrap_or(Rule::OWNER_DEFAULT),
            summary: summary.ok()?,
            runbook: runbook.ok()?,
            flow: flow.ok()?,
            labels: labels.ok()?.unwrap_or_default(),
            enabled: enabled.ok()?.unwrap_or(true),
            mode: mode.ok()?.unwrap_or_default(),
            hash: String::new(),
            meaning: String::new(),
        };
        rule.hash = print::hash(&rule);
        rule.meaning = print::meaning(&rule);
        if about_events {
            rule.imply_event_window();
        }
        Some(rule)
    }

    /// The values of `defaults`, each by itself.
    pub(super) fn check_defaults(&mut self, fields: &Fields<'_>) {
        self.optional(fields, "namespaces", Self::namespaces).ok();
        self.optional(fields, "clusters", Self::clusters).ok();
        for key in ["duration", "gapTolerance", "resolveAfter"] {
            self.optional(fields, key, Self::duration).ok();
        }
        self.optional(fields, "severity", Self::severity).ok();
        self.optional(fields, "owner", Self::owner).ok();
        for key in ["runbook", "flow"] {
            self.optional(fields, key, |checker, tree, at| checker.scalar(tree, at, "a text").map(drop)).ok();
        }
        self.optional(fields, "labels", Self::labels).ok();
        self.optional(fields, "enabled", Self::boolean).ok();
        let words = Mode::ALL.map(|mode| (mode.as_str(), mode));
        self.optional(fields, "mode", |checker, tree, at| checker.choice(tree, at, &words)).ok();
    }

    fn severity(&mut self, tree: &Tree, path: &str) -> Option<Severity> {
        self.choice(tree, path, &Severity::ALL.map(|severity| (severity.as_str(), severity)))
    }

    fn owner(&mut self, tree: &Tree, path: &str) -> Option<Owner> {
        let words = [Owner::User, Owner::Platform, Owner::Cloud].map(|owner| (owner.as_str(), owner));
        self.choice(tree, path, &words)
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
            self.error(Code::BadName, key.span, "", &expected, &found, meant(&key.text));
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
        let is_event = |name: &KindName| matches!(&name.pattern, KindPattern::Exact(kind) if is_event(kind));
        if kinds.iter().any(is_event) && !is_events(&kinds) {
            let expected = "`Event` alone: such a rule is about what events tell of";
            let help =
                "make rules of their own for the others; events.k8s.io/Event is the same as Event".to_owned();
            self.error(Code::Conflict, tree.span, &at, expected, &tree.describe(), Some(help));
            return None;
        }
        Some(Subjects::Kinds(kinds))
    }

    fn namespaces(&mut self, tree: &Tree, path: &str) -> Option<Namespaces> {
        self.include_and_exclude(tree, path, &language::NAMESPACES, Self::glob_list).map(Namespaces)
    }

    fn clusters(&mut self, tree: &Tree, path: &str) -> Option<Clusters> {
        self.include_and_exclude(tree, path, &language::CLUSTERS, Self::cluster_list).map(Clusters)
    }

    /// A list of what to include, or a map with that and what to exclude.
    fn include_and_exclude(
        &mut self,
        tree: &Tree,
        path: &str,
        keys: &language::Keys,
        list: impl Fn(&mut Self, &Tree, &str) -> Option<Vec<Glob>>,
    ) -> Option<Globs> {
        if !matches!(tree.value, TreeValue::Map(_)) {
            let include = list(self, tree, path)?;
            return Some(Globs { include, exclude: Vec::new() });
        }
        let expected = "a list of globs, or a map with `include` and `exclude`";
        let fields = self.fields(tree, path, expected, keys)?;
        let include = self.optional(&fields, "include", &list);
        let exclude = self.optional(&fields, "exclude", &list);
        let (include, exclude) = (include.ok()?.unwrap_or_default(), exclude.ok()?.unwrap_or_default());
        Some(Globs { include, exclude })
    }

    /// Globs of which each may match some cluster.
    fn cluster_list(&mut self, tree: &Tree, path: &str) -> Option<Vec<Glob>> {
        let globs = self.glob_list(tree, path)?;
        let Some(idle) = globs.iter().find(|glob| !clusters::may_match(glob)) else { return Some(globs) };
        let found = format!("`{}`", crate::text::one_line(&crate::text::cut(idle.as_str(), 60)));
        let expected = "globs of a cluster's name, or of tenant/region/cluster";
        let help = "write the name alone, or all three parts; `*/prod-1` is prod-1 of any tenant and region";
        self.error(Code::BadCluster, tree.span, path, expected, &found, Some(help.to_owned()));
        None
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
            let help = "objects are created in any order: for a moment the other may not be there yet; write `duration: 1m`";
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
        if tree.get("earliest").is_some() || tree.get("latest").is_some() {
            return self.since_several(tree, path);
        }
        let place = self.since_place(tree, path, &language::SINCE)?;
        let take = tree.get("take").map(|tree| {
            let words = [("earliest", Take::Earliest), ("latest", Take::Latest)];
            self.choice(tree, &super::fields::child(path, "take"), &words)
        });
        Some(Since { places: vec![place], take: take.unwrap_or(Some(Take::Earliest))? })
    }

    /// `{ earliest: […] }` or `{ latest: […] }`.
    fn since_several(&mut self, tree: &Tree, path: &str) -> Option<Since> {
        let fields = self.fields(tree, path, "a path", &language::SINCE_SEVERAL)?;
        if fields.has("earliest") && fields.has("latest") {
            self.excluded(&fields, "latest", "earliest");
            return None;
        }
        let (key, take) =
            if fields.has("latest") { ("latest", Take::Latest) } else { ("earliest", Take::Earliest) };
        let at = fields.at(key);
        let items = self.items(fields.get(key)?, &at, "a list of paths")?;
        let places: Vec<_> = items
            .iter()
            .enumerate()
            .map(|(index, item)| self.since_place(item, &format!("{at}[{index}]"), &language::SINCE_PLACE))
            .collect();
        Some(Since { places: places.into_iter().collect::<Option<_>>()?, take })
    }

    fn since_place(&mut self, tree: &Tree, path: &str, keys: &language::Keys) -> Option<SincePlace> {
        if !matches!(tree.value, TreeValue::Map(_)) {
            let field = self.path(tree, path)?;
            return Some(SincePlace { field, select: None, each: Vec::new(), sub_field: Vec::new() });
        }
        let fields = self.fields(tree, path, "a path", keys)?;
        let field = self.required(&fields, "field", "the path of the timestamp");
        let field = field.and_then(|tree| self.path(tree, &fields.at("field")));
        let select = self.select(&fields);
        let each =
            self.optional(&fields, "each", |checker, tree, at| checker.clauses(tree, at, Scope::Element, 0));
        let sub_field = self.optional(&fields, "subField", Self::path);
        Some(SincePlace {
            field: field?,
            select: select.ok()?,
            each: each.ok()?.unwrap_or_default(),
            sub_field: sub_field.ok()?.unwrap_or_default(),
        })
    }

    fn frequency(&mut self, tree: &Tree, path: &str) -> Option<Frequency> {
        if !matches!(tree.value, TreeValue::Map(_)) {
            let help = "write { count: 3, within: 1h }".to_owned();
            self.error(Code::WrongType, tree.span, path, "a frequency: a map", &tree.describe(), Some(help));
            return None;
        }
        let fields = self.fields(tree, path, "a frequency: a map", &language::FREQUENCY)?;
        let count = self.required(&fields, "count", "how often the match has to begin");
        let count = count.and_then(|tree| {
            let most = Frequency::COUNT_MAX;
            let expected = format!("a whole number from 2 to {most}");
            let text = self.scalar(tree, &fields.at("count"), &expected)?;
            let count = text.parse().ok().filter(|count| (2..=most).contains(count));
            if count.is_none() {
                self.error(
                    Code::BadChoice,
                    tree.span,
                    &fields.at("count"),
                    &expected,
                    &tree.describe(),
                    None,
                );
            }
            count
        });
        let within = self.required(&fields, "within", "the window");
        let within = within.and_then(|tree| {
            let within = self.duration(tree, &fields.at("within"))?;
            if within.is_zero() {
                let at = fields.at("within");
                self.error(
                    Code::BadDuration,
                    tree.span,
                    &at,
                    "a window of some length",
                    &tree.describe(),
                    None,
                );
            }
            Some(within)
        });
        let by = fields.get("by").map(|tree| self.count_by(tree, &fields.at("by")));
        let distinct = self.optional(&fields, "distinct", Self::path);
        Some(Frequency {
            count: count?,
            within: within?,
            by: by.unwrap_or(Some(CountBy::Object))?,
            distinct: distinct.ok()?,
        })
    }

    fn count_by(&mut self, tree: &Tree, path: &str) -> Option<CountBy> {
        if matches!(tree.value, TreeValue::List(_)) {
            return self.path(tree, path).map(CountBy::Value);
        }
        let words = [("object", 0), ("owner", 1), ("namespace", 2)];
        Some(match self.choice(tree, path, &words)? {
            0 => CountBy::Object,
            1 => CountBy::Owner,
            _ => CountBy::Namespace,
        })
    }

    fn template(&mut self, tree: &Tree, path: &str) -> Option<Template> {
        let text = self.scalar(tree, path, "a text with fields in braces: `{metadata.name}`")?;
        match Template::parse(text) {
            Ok(template) => {
                for first in template.first_keys() {
                    self.doubt_metadata(tree.span, path, Some(first));
                }
                Some(template)
            }
            Err(error) => {
                let before: String = text.chars().take(error.offset).collect();
                let near: String =
                    before.chars().rev().take(20).collect::<Vec<_>>().into_iter().rev().collect();
                let Some(reason) = error.reason.strip_prefix("expected ") else {
                    let found = format!("{}, after `{near}`", error.reason);
                    self.error(
                        Code::BadTemplate,
                        tree.span,
                        path,
                        "a text with fields in braces",
                        &found,
                        None,
                    );
                    return None;
                };
                let (expected, help) = match reason.split_once("; ") {
                    Some((expected, help)) => (expected, Some(help.to_owned())),
                    None => (reason, None),
                };
                let there: String = text.chars().skip(error.offset).take(20).collect();
                let expected = format!("{expected} after `{near}`");
                let found = if there.is_empty() { "its end".to_owned() } else { format!("`{there}`") };
                let help =
                    if there.starts_with('.') { Some("leave the first dot out".to_owned()) } else { help };
                self.error(Code::BadTemplate, tree.span, path, &expected, &found, help);
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

/// Whether the kinds are the core group's `Event` alone.
fn is_events(kinds: &[KindName]) -> bool {
    let event = KindPattern::Exact(prodrome_model::GroupKind::core("Event"));
    matches!(kinds, [name] if name.pattern == event)
}

/// What a name was probably meant to be.
fn meant(name: &str) -> Option<String> {
    let camel = crate::text::camel_case(name);
    let sound = camel.starts_with(|c: char| c.is_ascii_uppercase()) && camel.len() <= NAME_MAX;
    sound.then(|| format!("write `{camel}`"))
}
