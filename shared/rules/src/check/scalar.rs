use super::Checker;
use crate::diagnostic::{Code, Level};
use crate::glob::Glob;
use crate::kind::{KindName, builtin};
use crate::operator::{Bound, Pattern};
use crate::quantity::{Factor, Quantity};
use crate::source::{Span, Tree, TreeValue};
use crate::time::{DURATION_MAX, near_duration, parse_duration, print_duration};
use crate::value::Path;
use jiff::SignedDuration;

/// The longest text a rule may hold in one place, in bytes.
const TEXT_MAX: usize = 16 * 1024;
/// How large a regular expression may become, in bytes.
const REGEX_SIZE_MAX: usize = 256 * 1024;

/// What other tools call a severity or an owner.
const OTHER_CHOICES: &[(&str, &str)] = &[
    ("page", "P1"),
    ("critical", "P1"),
    ("crit", "P1"),
    ("error", "P2"),
    ("high", "P2"),
    ("major", "P2"),
    ("medium", "P3"),
    ("warn", "P3"),
    ("warning", "P3"),
    ("info", "P4"),
    ("low", "P4"),
    ("minor", "P4"),
    ("app", "user"),
    ("developer", "user"),
    ("tenant", "user"),
    ("infra", "platform"),
    ("ops", "platform"),
    ("sre", "platform"),
    ("provider", "cloud"),
];

/// What every object has in its metadata, and next to none beside it.
const IN_METADATA: [&str; 11] = [
    "annotations",
    "creationTimestamp",
    "deletionTimestamp",
    "finalizers",
    "generateName",
    "generation",
    "labels",
    "name",
    "namespace",
    "ownerReferences",
    "uid",
];

impl Checker<'_> {
    /// A text, a number or a boolean, by its text.
    pub(super) fn scalar<'t>(&mut self, tree: &'t Tree, path: &str, what: &str) -> Option<&'t str> {
        match &tree.value {
            TreeValue::Scalar(text, _) if text.len() <= TEXT_MAX => Some(text),
            TreeValue::Scalar(text, _) => {
                let found = format!("{} bytes", text.len());
                let expected = format!("{what} of at most {TEXT_MAX} bytes");
                self.error(Code::WrongType, tree.span, path, &expected, &found, None);
                None
            }
            _ => {
                self.error(Code::WrongType, tree.span, path, what, &tree.describe(), None);
                None
            }
        }
    }

    /// A list of texts, numbers or booleans.
    pub(super) fn scalars(&mut self, tree: &Tree, path: &str, what: &str) -> Option<Vec<String>> {
        let items = self.items(tree, path, what)?;
        let texts: Vec<Option<String>> = items
            .iter()
            .enumerate()
            .map(|(index, item)| {
                let at = format!("{path}[{index}]");
                self.scalar(item, &at, "a text, a number or a boolean").map(str::to_owned)
            })
            .collect();
        texts.into_iter().collect()
    }

    /// Keys, one after another.
    pub(super) fn path(&mut self, tree: &Tree, path: &str) -> Option<Path> {
        let what = "a list of keys";
        match &tree.value {
            TreeValue::List(items) if items.is_empty() => {
                self.error(Code::EmptyPath, tree.span, path, what, "an empty list", None);
                return None;
            }
            TreeValue::Scalar(text, _) => {
                let keys: Vec<&str> = text.split('.').filter(|key| !key.is_empty()).collect();
                let help = format!("write [{}]", quote_all(&keys));
                self.error(Code::WrongType, tree.span, path, what, &tree.describe(), Some(help));
                return None;
            }
            _ => {}
        }
        let keys = self.scalars(tree, path, what)?;
        if let Some(index) = keys.iter().position(String::is_empty) {
            let at = format!("{path}[{index}]");
            self.error(Code::EmptyPath, tree.span, &at, "a key", "an empty text", None);
            return None;
        }
        Some(keys)
    }

    /// A doubt about a path of a whole object that begins with what stands in its metadata.
    pub(super) fn doubt_metadata(&mut self, span: Span, path: &str, first: Option<&str>) {
        let Some(key) = first.filter(|key| IN_METADATA.contains(key)) else { return };
        let found = format!("`{key}`, which objects have in their metadata");
        let help = Some(format!("write `metadata` before it, if that is meant: metadata.{key}"));
        let expected = "a path from the top of the object";
        self.report(Level::Warning, Code::MetadataField, span, path, expected, &found, help);
    }

    pub(super) fn boolean(&mut self, tree: &Tree, path: &str) -> Option<bool> {
        match &tree.value {
            TreeValue::Scalar(text, true) if text == "true" => return Some(true),
            TreeValue::Scalar(text, true) if text == "false" => return Some(false),
            _ => {}
        }
        let help = match &tree.value {
            TreeValue::Scalar(text, _) if text.eq_ignore_ascii_case("true") => Some("write true".to_owned()),
            TreeValue::Scalar(text, _) if text.eq_ignore_ascii_case("false") => {
                Some("write false".to_owned())
            }
            TreeValue::Scalar(text, _) if ["yes", "on"].contains(&&*text.to_ascii_lowercase()) => {
                Some("write true".to_owned())
            }
            TreeValue::Scalar(text, _) if ["no", "off"].contains(&&*text.to_ascii_lowercase()) => {
                Some("write false".to_owned())
            }
            _ => None,
        };
        self.error(Code::WrongType, tree.span, path, "true or false", &tree.describe(), help);
        None
    }

    pub(super) fn duration(&mut self, tree: &Tree, path: &str) -> Option<SignedDuration> {
        let what = "seconds as a number, or a duration such as \"5m\" or \"1h30m\"";
        let TreeValue::Scalar(text, plain) = &tree.value else {
            self.error(Code::WrongType, tree.span, path, what, &tree.describe(), None);
            return None;
        };
        let is_number = text.bytes().all(|b| b.is_ascii_digit());
        let parsed = parse_duration(text).filter(|_| *plain || !is_number);
        if parsed.is_none() {
            let help = if is_number && !*plain {
                format!("write {text} or \"{text}s\"")
            } else if is_number {
                format!("at most {} are possible", print_duration(DURATION_MAX))
            } else if let Some(near) = near_duration(text) {
                format!("did you mean \"{}\"?", print_duration(near))
            } else {
                "whole numbers with the units w, d, h, m, s, the greater first".to_owned()
            };
            self.error(Code::BadDuration, tree.span, path, what, &tree.describe(), Some(help));
        }
        parsed
    }

    pub(super) fn quantity(&mut self, tree: &Tree, path: &str) -> Option<Bound> {
        let text = self.scalar(tree, path, "a number or a quantity")?;
        let Some(quantity) = Quantity::parse(text) else {
            let help = "write for example 3, 0.5, \"100m\" or \"1.5Gi\"".to_owned();
            let expected = "a number or a Kubernetes quantity";
            self.error(Code::BadQuantity, tree.span, path, expected, &tree.describe(), Some(help));
            return None;
        };
        Some(Bound { text: text.to_owned(), quantity })
    }

    pub(super) fn factor(&mut self, tree: &Tree, path: &str) -> Option<Factor> {
        let what = "a factor: a decimal number of at most three decimals, up to 1000000";
        let factor = Factor::parse(self.scalar(tree, path, what)?);
        if factor.is_none() {
            let help = "write for example 0.9 for 90 %".to_owned();
            self.error(Code::BadQuantity, tree.span, path, what, &tree.describe(), Some(help));
        }
        factor
    }

    /// One glob, or a list of them.
    pub(super) fn globs(&mut self, tree: &Tree, path: &str) -> Option<Vec<Glob>> {
        let texts = self.one_or_more(tree, path, "a glob or a list of globs")?;
        Some(texts.iter().map(|text| Glob::new(text)).collect())
    }

    /// A list of globs.
    pub(super) fn glob_list(&mut self, tree: &Tree, path: &str) -> Option<Vec<Glob>> {
        let texts = self.scalars(tree, path, "a list of globs")?;
        Some(texts.iter().map(|text| Glob::new(text)).collect())
    }

    /// One regular expression, or a list of them.
    pub(super) fn regexes(&mut self, tree: &Tree, path: &str) -> Option<Vec<Pattern>> {
        let what = "a regular expression or a list of them";
        let texts = self.one_or_more(tree, path, what)?;
        let mut patterns = Vec::new();
        for text in &texts {
            if let Some(regex) = self.regexes.get(text) {
                patterns.push(Pattern(regex.clone()));
                continue;
            }
            match regex::RegexBuilder::new(text).size_limit(REGEX_SIZE_MAX).build() {
                Ok(regex) => {
                    self.regexes.insert(text.clone(), regex.clone());
                    patterns.push(Pattern(regex));
                }
                Err(error) => {
                    let found = format!("`{}`", crate::text::one_line(&crate::text::cut(text, 60)));
                    let reason = match &error {
                        regex::Error::CompiledTooBig(_) => "it becomes too large; make it simpler".to_owned(),
                        _ => last_line(&error.to_string()),
                    };
                    self.error(Code::BadRegex, tree.span, path, "a regular expression", &found, Some(reason));
                }
            }
        }
        (patterns.len() == texts.len()).then_some(patterns)
    }

    fn one_or_more(&mut self, tree: &Tree, path: &str, what: &str) -> Option<Vec<String>> {
        match &tree.value {
            TreeValue::List(_) => self.scalars(tree, path, what),
            _ => Some(vec![self.scalar(tree, path, what)?.to_owned()]),
        }
    }

    /// One of a few words.
    pub(super) fn choice<T: Copy>(&mut self, tree: &Tree, path: &str, words: &[(&str, T)]) -> Option<T> {
        let names: Vec<&str> = words.iter().map(|(word, _)| *word).collect();
        let mut expected = names.iter().map(|word| format!("`{word}`")).collect::<Vec<_>>().join(", ");
        if let Some(last) = expected.rfind(", ") {
            expected.replace_range(last..last + 2, " or ");
        }
        let text = self.scalar(tree, path, &expected)?;
        let found = words.iter().find(|(word, _)| *word == text).map(|(_, value)| *value);
        if found.is_none() {
            let lower = text.to_ascii_lowercase();
            let other = OTHER_CHOICES.iter().find(|(other, word)| *other == lower && names.contains(word));
            let near = other.map(|(_, word)| *word).or_else(|| super::fields::nearest(text, &names));
            let help = near.map(|near| format!("did you mean `{near}`?"));
            self.error(Code::BadChoice, tree.span, path, &expected, &tree.describe(), help);
        }
        found
    }

    /// A kind. One that Kubernetes' own group does not have is a mistake, one that is nearly a kind of
    /// Kubernetes is doubted.
    pub(super) fn kind(&mut self, tree: &Tree, path: &str) -> Option<KindName> {
        let what = "a kind such as `Pod`, `apps/Deployment` or `argoproj.io/v1alpha1/Rollout`";
        let text = self.scalar(tree, path, what)?;
        let same = builtin::all().map(|builtin| builtin.kind).find(|kind| is_name_of(text, kind));
        let Some(name) = KindName::parse(text) else {
            let help = same.map(|near| format!("did you mean `{near}`?"));
            self.error(Code::BadKind, tree.span, path, what, &tree.describe(), help);
            return None;
        };
        match &name.group {
            Some(group) => self.kind_of_group(&name, group, tree, path).then_some(name),
            None if builtin::find(&name.kind).is_some() => Some(name),
            None if same.is_some() => {
                let help = same.map(|near| format!("did you mean `{near}`?"));
                self.error(Code::BadKind, tree.span, path, what, &tree.describe(), help);
                None
            }
            None => {
                if let Some(near) = nearest_builtin(&name.kind) {
                    let expected = "a kind that Kubernetes or a CRD has";
                    let help = format!("did you mean `{near}`? Write `group/{}` if it is a CRD's", name.kind);
                    let (level, code, found) = (Level::Warning, Code::UnknownKind, tree.describe());
                    self.report(level, code, tree.span, path, expected, &found, Some(help));
                }
                Some(name)
            }
        }
    }

    /// Whether the kind may be one of the group: what Kubernetes' own groups have is known.
    fn kind_of_group(&mut self, name: &KindName, group: &str, tree: &Tree, path: &str) -> bool {
        let Some(kinds) = builtin::of_group(group) else { return true };
        if kinds.contains(&&*name.kind) {
            return true;
        }
        let shown = if group.is_empty() { "core" } else { group };
        let expected = format!("a kind that Kubernetes has in its group `{shown}`");
        let within = |kind: &str| if group.is_empty() { kind.to_owned() } else { format!("{group}/{kind}") };
        let same = kinds.iter().copied().find(|kind| is_name_of(&name.kind, kind));
        let near = same.or_else(|| nearest_kind(&name.kind, &kinds)).map(within);
        let near = near.or_else(|| {
            let other = builtin::find(&name.kind)?;
            Some(if other.group.is_empty() {
                other.kind.to_owned()
            } else {
                format!("{}/{}", other.group, other.kind)
            })
        });
        let sure = near.is_some() || !builtin::grows(group);
        let level = if sure { Level::Error } else { Level::Warning };
        let help = match near {
            Some(near) => format!("did you mean `{near}`?"),
            None if sure => format!("it has {}", kinds.join(", ")),
            None => "it is right only where a newer version of Kubernetes has it".to_owned(),
        };
        self.report(level, Code::UnknownKind, tree.span, path, &expected, &tree.describe(), Some(help));
        !sure
    }
}

/// Whether a text is the name of a kind, but for upper and lower case, or in the plural that URLs have.
fn is_name_of(text: &str, kind: &str) -> bool {
    let (lower, kind) = (text.to_lowercase(), kind.to_lowercase());
    lower == kind
        || lower == format!("{kind}s")
        || lower == format!("{kind}es")
        || kind.strip_suffix('y').is_some_and(|stem| lower == format!("{stem}ies"))
}

/// The kind of Kubernetes that was probably meant.
pub(crate) fn nearest_builtin(kind: &str) -> Option<&'static str> {
    let kinds: Vec<&str> = builtin::all().map(|builtin| builtin.kind).collect();
    nearest_kind(kind, &kinds)
}

/// The kind that was probably meant: all but a slip or two.
fn nearest_kind(text: &str, kinds: &[&'static str]) -> Option<&'static str> {
    let lower = text.to_lowercase();
    let distance = |kind: &&str| strsim::damerau_levenshtein(&kind.to_lowercase(), &lower);
    let near = kinds.iter().copied().filter(|kind| kind.chars().next() == text.chars().next());
    let near = near.min_by_key(distance)?;
    (distance(&near) <= if near.len() > 6 || lower.starts_with(&near.to_lowercase()) { 2 } else { 1 })
        .then_some(near)
}

fn quote_all(keys: &[&str]) -> String {
    keys.iter().map(|key| serde_json::Value::from(*key).to_string()).collect::<Vec<_>>().join(", ")
}

fn last_line(text: &str) -> String {
    let line = text.lines().rev().find(|line| !line.trim().is_empty()).unwrap_or_default();
    line.trim().trim_start_matches("error: ").to_owned()
}
