//! What a node, or a rule, gives its plugin, against the JSON Schema of what that takes: as much of it as describes a
//! configuration (types, keys, choices, bounds, parts that are defined once). What else a schema says is not held against
//! anybody.

use crate::check::{child, json, shown};
use prodrome_rules::source::{Span, Tree, TreeValue};
use prodrome_rules::{Code, Level, nearest, suggest};
use serde_json::{Map, Value};

/// Definitions that refer to one another are followed so far.
const DEPTH_MAX: usize = 32;

/// Something that does not fit.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Misfit {
    /// Whether the plugin refuses it, or only does not read it.
    pub level: Level,
    /// What sort of mistake it is.
    pub code: Code,
    /// Where in the file.
    pub span: Span,
    /// The path of the value: `nodes.more.params.bytes`.
    pub path: String,
    /// What should stand there.
    pub expected: String,
    /// What stands there.
    pub found: String,
    /// What to do.
    pub help: Option<String>,
}

/// Everything that does not fit. `given` is nothing where nothing is given; `at` is where it would stand.
pub fn misfits(plugin: &str, schema: &Value, given: Option<&Tree>, at: Span, path: &str) -> Vec<Misfit> {
    let mut checker = Checker { plugin, root: schema, misfits: Vec::new() };
    match given {
        Some(tree) if !matches!(tree.value, TreeValue::Null) => checker.value(schema, tree, path, 0),
        _ => checker.missing(&checker.resolved(schema), &[], at, path),
    }
    checker.misfits
}

struct Checker<'s> {
    plugin: &'s str,
    root: &'s Value,
    misfits: Vec<Misfit>,
}

impl<'s> Checker<'s> {
    fn value(&mut self, schema: &'s Value, tree: &Tree, path: &str, depth: usize) {
        if depth > DEPTH_MAX {
            return;
        }
        match schema {
            Value::Bool(false) => {
                let found = tree.describe();
                self.report(Code::UnknownKey, tree.span, path, "nothing here", &found, None);
                return;
            }
            Value::Object(_) => {}
            _ => return,
        }
        let resolved = self.resolved(schema);
        for all in resolved.iter().copied() {
            for part in list(all, "allOf") {
                self.value(part, tree, path, depth + 1);
            }
            for key in ["anyOf", "oneOf"] {
                if all.contains_key(key) {
                    self.one_of(list(all, key), tree, path, depth);
                }
            }
            if !self.is_a_choice(all, tree, path) || !self.is_of_the_type(all, tree, path) {
                return;
            }
            self.is_within_bounds(all, tree, path);
            if let TreeValue::List(items) = &tree.value
                && let Some(of) = all.get("items")
            {
                for (index, item) in items.iter().enumerate() {
                    self.value(of, item, &format!("{path}[{index}]"), depth + 1);
                }
            }
        }
        if let TreeValue::Map(entries) = &tree.value {
            self.map(&resolved, entries, tree.span, path, depth);
        }
    }

    /// A schema, and what it refers to.
    fn resolved(&self, schema: &'s Value) -> Vec<&'s Map<String, Value>> {
        let mut found = Vec::new();
        let mut next = schema.as_object();
        while let Some(map) = next.filter(|_| found.len() < DEPTH_MAX) {
            found.push(map);
            let place = map.get("$ref").and_then(Value::as_str).and_then(|place| place.strip_prefix('#'));
            next = place.and_then(|place| self.root.pointer(place)).and_then(Value::as_object);
        }
        found
    }

    /// One of several forms: it is enough that one fits. Where none does, what is told is of the one that was meant.
    fn one_of(&mut self, forms: &'s [Value], tree: &Tree, path: &str, depth: usize) {
        let before = self.misfits.len();
        let mut attempts: Vec<Vec<Misfit>> = Vec::new();
        for form in forms {
            self.value(form, tree, path, depth + 1);
            let own = self.misfits.split_off(before);
            if !own.iter().any(|misfit| misfit.level == Level::Error) {
                self.misfits.extend(own);
                return;
            }
            attempts.push(own);
        }
        let words: Vec<&str> = forms.iter().flat_map(choices).filter_map(Value::as_str).collect();
        if let (TreeValue::Scalar(text, _), false) = (&tree.value, words.is_empty()) {
            let (found, help) = (tree.describe(), among(text, &words));
            self.report(
                Code::BadChoice,
                tree.span,
                path,
                "one of the words that it takes",
                &found,
                Some(help),
            );
            return;
        }
        // What is wrong deeper within it is of a form that fits further.
        let is_deep = |own: &Vec<Misfit>| own.iter().all(|misfit| misfit.path != path);
        let meant = attempts.iter().position(is_deep).or((attempts.len() == 1).then_some(0));
        if let Some(meant) = meant {
            self.misfits.append(&mut attempts[meant]);
            return;
        }
        let mut kinds: Vec<String> = Vec::new();
        for form in forms {
            let resolved = self.resolved(form);
            let words = resolved.iter().find_map(|map| map.get("type")).map(type_words);
            kinds.extend(words.filter(|words| words != "nothing" && !kinds.contains(words)));
        }
        let expected = if kinds.is_empty() { "another value".to_owned() } else { kinds.join(" or ") };
        self.report(Code::WrongType, tree.span, path, &expected, &tree.describe(), None);
    }

    fn is_a_choice(&mut self, schema: &Map<String, Value>, tree: &Tree, path: &str) -> bool {
        let choices: Vec<&Value> = schema.get("const").into_iter().chain(list(schema, "enum")).collect();
        if choices.is_empty() || choices.contains(&&json(tree)) {
            return true;
        }
        let words: Vec<String> = choices
            .iter()
            .filter(|choice| !choice.is_null())
            .map(|choice| choice.as_str().map_or_else(|| choice.to_string(), str::to_owned))
            .collect();
        let known: Vec<&str> = words.iter().map(String::as_str).collect();
        let text = if let TreeValue::Scalar(text, _) = &tree.value { text } else { "" };
        let help = among(text, &known);
        let found = tree.describe();
        self.report(Code::BadChoice, tree.span, path, "one of the words that it takes", &found, Some(help));
        false
    }

    fn is_of_the_type(&mut self, schema: &Map<String, Value>, tree: &Tree, path: &str) -> bool {
        let Some(wanted) = schema.get("type") else { return true };
        let given = json(tree);
        if types(wanted).any(|kind| is_a(&given, kind)) {
            return true;
        }
        let help = match &tree.value {
            TreeValue::Scalar(text, true) if types(wanted).any(|kind| kind == "string") => {
                Some(format!("write it in quotes: \"{text}\""))
            }
            TreeValue::Scalar(text, false) => {
                let bare = Tree { value: TreeValue::Scalar(text.clone(), true), span: tree.span };
                let bare = json(&bare);
                types(wanted)
                    .any(|kind| is_a(&bare, kind))
                    .then(|| format!("write it without quotes: {text}"))
            }
            _ if types(wanted).any(|kind| kind == "array") => Some("write it in brackets".to_owned()),
            _ => None,
        };
        self.report(Code::WrongType, tree.span, path, &type_words(wanted), &tree.describe(), help);
        false
    }

    fn is_within_bounds(&mut self, schema: &Map<String, Value>, tree: &Tree, path: &str) {
        let bound = |key: &str| schema.get(key).and_then(Value::as_f64);
        let (size, what) = match (&tree.value, json(tree)) {
            (_, Value::Number(number)) => (number.as_f64().unwrap_or_default(), ["minimum", "maximum"]),
            #[expect(clippy::cast_precision_loss, reason = "no text of a file is that long")]
            (TreeValue::Scalar(text, _), _) => (text.chars().count() as f64, ["minLength", "maxLength"]),
            #[expect(clippy::cast_precision_loss, reason = "no list of a file is that long")]
            (TreeValue::List(items), _) => (items.len() as f64, ["minItems", "maxItems"]),
            _ => return,
        };
        let [least, most] = what.map(bound);
        let (above, below) = (bound("exclusiveMinimum"), bound("exclusiveMaximum"));
        let is_number = what[0] == "minimum";
        let fits = least.is_none_or(|least| size >= least)
            && most.is_none_or(|most| size <= most)
            && !(is_number && above.is_some_and(|above| size <= above))
            && !(is_number && below.is_some_and(|below| size >= below));
        if fits {
            return;
        }
        let of = match what[0] {
            "minimum" => "a number",
            "minLength" => "a text whose length is",
            _ => "a list whose length is",
        };
        let bounds: Vec<String> =
            [("at least", least), ("at most", most), ("above", above), ("below", below)]
                .into_iter()
                .filter_map(|(word, bound)| Some(format!("{word} {}", bound?)))
                .collect();
        let expected = match (least, most) {
            (Some(least), Some(most)) => format!("{of} from {least} to {most}"),
            _ => format!("{of} {}", bounds.join(" and ")),
        };
        self.report(Code::BadNumber, tree.span, path, &expected, &tree.describe(), None);
    }

    /// The keys of a map: those that are known, those that must be there.
    fn map(
        &mut self,
        schemas: &[&'s Map<String, Value>],
        entries: &[(prodrome_rules::source::Key, Tree)],
        span: Span,
        path: &str,
        depth: usize,
    ) {
        let properties =
            |key: &str| schemas.iter().find_map(|schema| schema.get("properties")?.as_object()?.get(key));
        let known: Vec<&str> = schemas
            .iter()
            .filter_map(|schema| schema.get("properties")?.as_object())
            .flat_map(|properties| properties.keys().map(String::as_str))
            .collect();
        let others = schemas.iter().find_map(|schema| schema.get("additionalProperties"));
        let by_pattern = schemas.iter().any(|schema| schema.contains_key("patternProperties"));
        for (index, (key, tree)) in entries.iter().enumerate() {
            let at = child(path, &key.text);
            if entries[..index].iter().any(|(earlier, _)| earlier.text == key.text) {
                self.report(Code::DuplicateKey, key.span, &at, "each key once", "it a second time", None);
                continue;
            }
            if let Some(schema) = properties(&key.text) {
                self.value(schema, tree, &at, depth + 1);
                continue;
            }
            let found = format!("unknown key `{}`", shown(&key.text));
            let expected = format!("what the plugin {} takes", self.plugin);
            match others {
                Some(Value::Bool(false)) if !by_pattern => {
                    let help = if known.is_empty() {
                        "it takes none here".to_owned()
                    } else {
                        suggest(&key.text, &known)
                    };
                    self.report(Code::UnknownKey, key.span, &at, &expected, &found, Some(help));
                }
                Some(schema @ Value::Object(_)) => self.value(schema, tree, &at, depth + 1),
                // It takes anything, and yet says what it reads.
                _ => {
                    if let Some(near) = nearest(&key.text, &known) {
                        let help = Some(format!("did you mean `{near}`?"));
                        self.report(Code::UnknownKey, key.span, &at, &expected, &found, help);
                        self.misfits.last_mut().expect("it was just reported").level = Level::Warning;
                    }
                }
            }
        }
        let given: Vec<&str> = entries.iter().map(|(key, _)| key.text.as_str()).collect();
        self.missing(schemas, &given, span, path);
    }

    fn missing(&mut self, schemas: &[&'s Map<String, Value>], given: &[&str], span: Span, path: &str) {
        let required = schemas.iter().flat_map(|schema| list(schema, "required")).filter_map(Value::as_str);
        let missing: Vec<&str> = required.filter(|key| !given.contains(key)).collect();
        for key in missing {
            let about = schemas
                .iter()
                .find_map(|schema| schema.get("properties")?.get(key)?.get("description")?.as_str())
                .map(|about| format!("{key}: {}", about.replace('\n', " ")));
            let expected = format!("`{key}`, which the plugin {} must be given", self.plugin);
            self.report(Code::MissingKey, span, path, &expected, "none", about);
        }
    }

    fn report(
        &mut self,
        code: Code,
        span: Span,
        path: &str,
        expected: &str,
        found: &str,
        help: Option<String>,
    ) {
        self.misfits.push(Misfit {
            level: Level::Error,
            code,
            span,
            path: path.to_owned(),
            expected: expected.to_owned(),
            found: found.to_owned(),
            help,
        });
    }
}

/// Which of these may be meant; the first of them where there are many.
fn among(found: &str, known: &[&str]) -> String {
    const NAMED_MAX: usize = 20;
    match known.get(..NAMED_MAX) {
        Some(some) if known.len() > NAMED_MAX && nearest(found, known).is_none() => {
            format!("{} and {} more", suggest(found, some), known.len() - NAMED_MAX)
        }
        _ => suggest(found, known),
    }
}

/// The words among which one has to be chosen, of a form that is nothing else.
fn choices(form: &Value) -> Vec<&Value> {
    let Some(form) = form.as_object() else { return Vec::new() };
    form.get("const").into_iter().chain(list(form, "enum")).collect()
}

fn list<'v>(map: &'v Map<String, Value>, key: &str) -> &'v [Value] {
    map.get(key).and_then(Value::as_array).map(Vec::as_slice).unwrap_or_default()
}

/// `type` is a word, or a list of them.
fn types(wanted: &Value) -> impl Iterator<Item = &str> {
    let several = wanted.as_array().map(Vec::as_slice).unwrap_or_default();
    wanted.as_str().into_iter().chain(several.iter().filter_map(Value::as_str))
}

fn type_words(wanted: &Value) -> String {
    let words: Vec<&str> = types(wanted)
        .map(|kind| match kind {
            "string" => "a text",
            "integer" => "a whole number",
            "number" => "a number",
            "boolean" => "true or false",
            "array" => "a list",
            "object" => "a map",
            _ => "nothing",
        })
        .collect();
    let some: Vec<&str> = words.iter().copied().filter(|word| *word != "nothing").collect();
    if some.is_empty() { "nothing".to_owned() } else { some.join(" or ") }
}

fn is_a(value: &Value, kind: &str) -> bool {
    match kind {
        "string" => value.is_string(),
        "integer" => value.is_i64() || value.is_u64() || value.as_f64().is_some_and(|n| n.fract() == 0.0),
        "number" => value.is_number(),
        "boolean" => value.is_boolean(),
        "array" => value.is_array(),
        "object" => value.is_object(),
        "null" => value.is_null(),
        _ => true,
    }
}
