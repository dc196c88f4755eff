use super::Checker;
use crate::diagnostic::Code;
use crate::language::Keys;
use crate::source::{Key, Span, Tree, TreeValue};

/// The entries of a map whose keys have been checked.
pub(super) struct Fields<'t> {
    entries: &'t [(Key, Tree)],
    pub(super) span: Span,
    pub(super) path: String,
    /// The keys that were probably meant by unknown ones: they are not missed as well.
    meant: Vec<&'static str>,
    /// Whether any key is unknown.
    pub(super) has_unknown: bool,
}

impl<'t> Fields<'t> {
    pub(super) fn get(&self, key: &str) -> Option<&'t Tree> {
        self.entries.iter().find(|(k, _)| k.text == key).map(|(_, tree)| tree)
    }

    /// The key and its value, for messages about the key itself.
    pub(super) fn entry(&self, key: &str) -> Option<(&'t Key, &'t Tree)> {
        self.entries.iter().find(|(k, _)| k.text == key).map(|(key, tree)| (key, tree))
    }

    pub(super) fn has(&self, key: &str) -> bool {
        self.get(key).is_some()
    }

    /// Whether a key is there, or an unknown one that probably means it.
    pub(super) fn means(&self, key: &str) -> bool {
        self.has(key) || self.meant.contains(&key)
    }

    /// The path of what lies under a key.
    pub(super) fn at(&self, key: &str) -> String {
        child(&self.path, key)
    }
}

/// `checkField[0]` and `subField` to `checkField[0].subField`.
pub(super) fn child(path: &str, key: &str) -> String {
    if path.is_empty() { key.to_owned() } else { format!("{path}.{key}") }
}

impl Checker<'_> {
    /// The entries of a map. Keys that the language does not have, or that stand twice, are reported.
    pub(super) fn fields<'t>(
        &mut self,
        tree: &'t Tree,
        path: &str,
        what: &str,
        keys: &Keys,
    ) -> Option<Fields<'t>> {
        let TreeValue::Map(entries) = &tree.value else {
            self.error(Code::WrongType, tree.span, path, what, &tree.describe(), None);
            return None;
        };
        let (mut meant, mut has_unknown) = (Vec::new(), false);
        for (index, (key, _)) in entries.iter().enumerate() {
            let at = child(path, &key.text);
            if entries[..index].iter().any(|(earlier, _)| earlier.text == key.text) {
                self.error(Code::DuplicateKey, key.span, &at, "each key once", "it a second time", None);
            } else if !keys.known.iter().any(|known| known.name == key.text) {
                has_unknown = true;
                let found =
                    format!("unknown key `{}`", crate::text::one_line(&crate::text::cut(&key.text, 60)));
                let expected = format!("a key of {}", keys.of);
                let names: Vec<&'static str> = keys.known.iter().map(|known| known.name).collect();
                meant.extend(nearest(&key.text, &names));
                let help = match group_with_kind(&key.text, &names, entries) {
                    Some(help) => help,
                    None => suggest(&key.text, &names),
                };
                self.error(Code::UnknownKey, key.span, &at, &expected, &found, Some(help));
            }
        }
        Some(Fields { entries, span: tree.span, path: path.to_owned(), meant, has_unknown })
    }

    /// The value of a key that has to be there.
    pub(super) fn required<'t>(&mut self, fields: &Fields<'t>, key: &str, what: &str) -> Option<&'t Tree> {
        let found = fields.get(key);
        if !fields.means(key) {
            let expected = format!("`{key}`: {what}");
            self.error(Code::MissingKey, fields.span, &fields.path, &expected, "none", None);
        }
        found
    }

    /// The items of a list that has to have some.
    pub(super) fn items<'t>(&mut self, tree: &'t Tree, path: &str, what: &str) -> Option<&'t [Tree]> {
        self.items_like(tree, path, what, None)
    }

    /// The same, of items that no text can be: with an example of what to write in its place.
    pub(super) fn items_like<'t>(
        &mut self,
        tree: &'t Tree,
        path: &str,
        what: &str,
        example: Option<&str>,
    ) -> Option<&'t [Tree]> {
        match &tree.value {
            TreeValue::List(items) if items.is_empty() => {
                self.error(Code::EmptyList, tree.span, path, what, "an empty list", None);
                None
            }
            TreeValue::List(items) => Some(items),
            _ => {
                let help = match &tree.value {
                    TreeValue::Scalar(text, _) => Some(match example {
                        Some(example) => format!("write {example}"),
                        None => format!("write [{}]", serde_json::Value::from(&**text)),
                    }),
                    TreeValue::Map(_) => Some("put it into brackets, or a dash before it".to_owned()),
                    TreeValue::Null | TreeValue::List(_) => None,
                };
                self.error(Code::WrongType, tree.span, path, what, &tree.describe(), help);
                None
            }
        }
    }
}

/// `did you mean …?`, or all there are.
pub fn suggest(found: &str, known: &[&str]) -> String {
    match nearest(found, known) {
        Some(near) => format!("did you mean `{near}`?"),
        None if known.is_empty() => "there is none to choose from".to_owned(),
        None => {
            format!("known are {}", known.iter().map(|k| format!("`{k}`")).collect::<Vec<_>>().join(", "))
        }
    }
}

/// Of an `apiVersion` as objects have it: a rule writes the group before the kind.
fn group_with_kind(key: &str, known: &[&str], entries: &[(Key, Tree)]) -> Option<String> {
    let scalar = |name: &str| {
        entries.iter().find(|(key, _)| key.text == name).and_then(|(_, tree)| match &tree.value {
            TreeValue::Scalar(text, _) => Some(&**text),
            _ => None,
        })
    };
    if key != "apiVersion" || !known.contains(&"resource") {
        return None;
    }
    let kind = scalar("resource").or_else(|| scalar("kind")).unwrap_or("Widget");
    if kind.contains('/') {
        return Some("the kind has its group; take this out".to_owned());
    }
    Some(match scalar(key).map(|version| version.split_once('/').map_or("", |(group, _)| group)) {
        Some("") => format!("write `resource: {kind}`"),
        group => format!("write `resource: {}/{kind}`", group.unwrap_or("example.com")),
    })
}

/// What other languages call it.
const OTHER_WORDS: &[(&str, &str)] = &[
    ("equals", "equalValue"),
    ("exists", "nilValue"),
    ("field", "subField"),
    ("for", "duration"),
    ("gt", "greaterThan"),
    ("in", "equalValue"),
    ("kind", "resource"),
    ("level", "severity"),
    ("lt", "lessThan"),
    ("message", "summary"),
    ("path", "field"),
    ("value", "equalValue"),
];

/// The word most like another, if it is like enough to be what was meant: but for a slip, its beginning, or
/// what other languages call it.
pub fn nearest<'k>(found: &str, known: &[&'k str]) -> Option<&'k str> {
    let plain = |text: &str| text.to_lowercase().replace(['-', '_', ' '], "");
    let found = plain(found);
    let slip = known
        .iter()
        .map(|known| (strsim::damerau_levenshtein(&found, &plain(known)), *known))
        .min_by_key(|(distance, _)| *distance)
        .filter(|(distance, known)| *distance <= (known.chars().count() / 3).clamp(1, 4))
        .map(|(_, known)| known);
    let other = || {
        let meant = OTHER_WORDS.iter().find(|(other, _)| *other == found).map(|(_, meant)| *meant);
        known.iter().copied().find(|known| Some(*known) == meant)
    };
    let beginning =
        || known.iter().copied().find(|known| found.len() > 2 && plain(known).starts_with(&found));
    slip.or_else(other).or_else(beginning)
}
