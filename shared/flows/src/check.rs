//! From files to flows: everything that a flow file can get wrong is found here, all at once.

mod doubts;
mod link;

use crate::catalogue::{Catalogue, PluginFacts};
use crate::expression::is_identifier;
use crate::flow::{Flow, FlowSet, Node};
use crate::params::{self, Misfit};
use jiff::SignedDuration;
use prodrome_model::shown::{harmless, harmless_begin};
use prodrome_model::{FactType, stable_hash};
use prodrome_rules::source::{self, Key, Span, Tree, TreeValue};
use prodrome_rules::{Code, Diagnostic, Level, LineIndex, SourceFile, nearest, parse_duration, suggest};
use serde_json::{Map, Value};

const NODES_MAX: usize = 64;
const CALLS_MAX: u32 = 256;
const RETRIES_MAX: u32 = 3;
const DEADLINE: SignedDuration = SignedDuration::from_secs(20);
const DEADLINE_MAX: SignedDuration = SignedDuration::from_secs(120);
const TIMEOUT: SignedDuration = SignedDuration::from_secs(8);
const THRESHOLD: f64 = 0.5;
/// How much of what stands in a file a message repeats.
const SHOWN_MAX: usize = 120;

const FLOW_KEYS: [&str; 5] = ["summary", "deadline", "calls", "threshold", "nodes"];
const NODE_KEYS: [&str; 8] = ["plugin", "after", "when", "params", "timeout", "retries", "results", "causes"];

/// What [`load`] makes of flow files.
#[derive(Debug, Clone, Default)]
pub struct Loaded {
    /// The flows that are sound.
    pub flows: FlowSet,
    /// What is wrong with the others, and what is doubtful, in the order of the files.
    pub diagnostics: Vec<Diagnostic>,
}

/// Reads flow files, one flow each, named like its file. A flow with a mistake is left out and reported, with all
/// of its mistakes.
pub fn load(files: &[SourceFile], catalogue: &Catalogue) -> Loaded {
    let mut loaded = Loaded::default();
    for file in files {
        let name = flow_name(&file.name);
        let mut checker = Checker {
            file,
            flow: name.to_owned(),
            lines: LineIndex::new(&file.text),
            catalogue,
            diagnostics: Vec::new(),
        };
        let flow = checker.file();
        let sound = !checker.diagnostics.iter().any(Diagnostic::is_error);
        checker.diagnostics.sort_by_key(|diagnostic| diagnostic.place.start);
        loaded.diagnostics.append(&mut checker.diagnostics);
        if let Some(flow) = flow.filter(|_| sound) {
            if loaded.flows.flows.contains_key(name) {
                let span = Span { start: 0, end: 0 };
                let found = format!("a second one named {name}");
                checker.error(Code::DuplicateRule, span, "", "each flow's name once", &found, None);
                loaded.diagnostics.append(&mut checker.diagnostics);
            } else {
                loaded.flows.flows.insert(name.to_owned(), flow);
            }
        }
    }
    loaded
}

/// `rules/flows/image-pull.yaml` is the flow `image-pull`.
fn flow_name(file: &str) -> &str {
    let base = file.rsplit(['/', '\\']).next().unwrap_or(file);
    base.split('.').next().unwrap_or(base)
}

struct Checker<'f> {
    file: &'f SourceFile,
    flow: String,
    lines: LineIndex<'f>,
    catalogue: &'f Catalogue,
    diagnostics: Vec<Diagnostic>,
}

/// A node whose `after` and `when` are not looked at yet.
struct Draft<'t> {
    key: &'t Key,
    node: Node,
    /// Whether the results of its plugin are known.
    typed: bool,
    after: Vec<(&'t str, Span)>,
    when: Option<(&'t str, Span, bool)>,
}

impl Checker<'_> {
    fn file(&mut self) -> Option<Flow> {
        let documents = source::read(&self.file.text);
        let mut trees = Vec::new();
        for document in documents {
            match document.tree {
                Ok(tree) if matches!(tree.value, TreeValue::Null) => {}
                Ok(tree) => trees.push(tree),
                Err(error) => self.error(Code::Syntax, error.span, "", "YAML or JSON", &error.reason, None),
            }
        }
        if let Some(second) = trees.get(1) {
            self.error(Code::Syntax, second.span, "", "one flow a file", "a second document", None);
            return None;
        }
        let Some(tree) = trees.first() else {
            if self.diagnostics.is_empty() {
                let help = Some("write `nodes:` and the nodes under it".to_owned());
                self.error(Code::MissingKey, Span::default(), "", "a flow", "an empty file", help);
            }
            return None;
        };
        self.name(tree.span);
        self.flow(tree)
    }

    fn name(&mut self, span: Span) {
        if !is_kebab(&self.flow) {
            let found = format!("`{}`", self.flow);
            let help = Some("name the file like image-pull.yaml".to_owned());
            self.error(Code::BadName, span, "", "a name of small letters, digits and dashes", &found, help);
        }
    }

    fn flow(&mut self, tree: &Tree) -> Option<Flow> {
        let entries = self.map(tree, "", "a flow", &FLOW_KEYS)?;
        let summary = self.text(entries, "summary", "").unwrap_or_default().to_owned();
        let deadline = self.duration(entries, "deadline", "", DEADLINE, DEADLINE_MAX);
        let calls = self.number(entries, "calls", "", 1.0, f64::from(CALLS_MAX));
        let threshold = self.number(entries, "threshold", "", 0.0, 1.0).unwrap_or(THRESHOLD);
        let Some((_, nodes)) = entry(entries, "nodes") else {
            self.error(Code::MissingKey, tree.span, "", "`nodes`: names and what each asks", "none", None);
            return None;
        };
        let TreeValue::Map(nodes_map) = &nodes.value else {
            let found = nodes.describe();
            self.error(Code::WrongType, nodes.span, "nodes", "a map from names to nodes", &found, None);
            return None;
        };
        if nodes_map.is_empty() || nodes_map.len() > NODES_MAX {
            let found = format!("{} of them", nodes_map.len());
            let expected = format!("1 to {NODES_MAX} nodes");
            self.error(Code::EmptyList, nodes.span, "nodes", &expected, &found, None);
            return None;
        }
        let drafts: Vec<Draft<'_>> = nodes_map
            .iter()
            .enumerate()
            .filter_map(|(i, (key, tree))| self.draft(nodes_map, i, key, tree))
            .collect();
        let complete = drafts.len() == nodes_map.len();
        let nodes = self.link(&drafts)?;
        if !complete {
            return None;
        }
        let nodes_count = u32::try_from(nodes.len()).unwrap_or(u32::MAX);
        #[expect(clippy::cast_possible_truncation, clippy::cast_sign_loss, reason = "checked to be 1 to 256")]
        let calls_max = calls.map_or(nodes_count.saturating_mul(2), |calls| calls as u32);
        let flow = Flow {
            name: self.flow.clone(),
            summary,
            deadline,
            calls_max,
            threshold,
            nodes,
            hash: stable_hash(&[&self.flow, &self.file.text]),
        };
        self.doubts(&flow, entries, nodes_map);
        Some(flow)
    }

    fn draft<'t>(
        &mut self,
        all: &[(Key, Tree)],
        index: usize,
        key: &'t Key,
        tree: &'t Tree,
    ) -> Option<Draft<'t>> {
        let path = format!("nodes.{}", key.text);
        if all[..index].iter().any(|(earlier, _)| earlier.text == key.text) {
            self.error(
                Code::DuplicateKey,
                key.span,
                &path,
                "each node's name once",
                "it a second time",
                None,
            );
            return None;
        }
        if !is_identifier(&key.text) {
            let expected = "a name of letters, digits and underscores that no word of CEL is";
            let found = format!("`{}`", shown(&key.text));
            self.error(Code::BadName, key.span, &path, expected, &found, another_name(&key.text));
        }
        let entries = self.map(tree, &path, "a node", &NODE_KEYS)?;
        let Some(plugin) = self.text(entries, "plugin", &path).map(str::to_owned) else {
            if entry(entries, "plugin").is_none() {
                self.error(Code::MissingKey, tree.span, &path, "`plugin`: whom to ask", "none", None);
            }
            return None;
        };
        let declared = self.results(entries, &path);
        let (facts, typed) = self.plugin(entries, &path, &plugin, declared);
        let named = self.causes(entries, &path);
        self.not_heard(entries, &path, &plugin);
        let causes = self.catalogue.named_by(&plugin).map(<[String]>::to_vec).or(named);
        let after = self.after(entries, &path);
        let when = entry(entries, "when").and_then(|(_, tree)| {
            if let TreeValue::Scalar(text, plain) = &tree.value {
                return Some((text.as_str(), tree.span, *plain));
            }
            let help = Some("write it as a text in quotes".to_owned());
            let at = format!("{path}.when");
            self.error(Code::WrongType, tree.span, &at, "a CEL expression", &tree.describe(), help);
            None
        });
        let params = self.params(entries, &path, &plugin);
        let timeout = self.duration(entries, "timeout", &path, TIMEOUT, DEADLINE_MAX);
        let retries = self.number(entries, "retries", &path, 0.0, f64::from(RETRIES_MAX)).unwrap_or(0.0);
        #[expect(clippy::cast_possible_truncation, clippy::cast_sign_loss, reason = "checked to be 0 to 3")]
        let retries = retries as u32;
        let node = Node {
            name: key.text.clone(),
            plugin,
            after: Vec::new(),
            when: None,
            params,
            timeout,
            retries,
            facts,
            causes,
            depth: 0,
        };
        Some(Draft { key, node, typed, after, when })
    }

    /// The facts of a plugin: those that it declares, else those that the node says it has.
    fn plugin(
        &mut self,
        entries: &[(Key, Tree)],
        path: &str,
        plugin: &str,
        declared: Option<PluginFacts>,
    ) -> (PluginFacts, bool) {
        let span = entry(entries, "plugin").map_or_else(Span::default, |(_, tree)| tree.span);
        let at = format!("{path}.plugin");
        if !is_kebab(plugin) {
            let found = format!("`{}`", shown(plugin));
            let expected = "a plugin's name: small letters, digits and dashes, at most 40";
            self.error(Code::BadName, span, &at, expected, &found, None);
            return (PluginFacts::new(), false);
        }
        if let Some(known) = self.catalogue.get(plugin) {
            return (known.clone(), true);
        }
        if let Some(declared) = declared {
            return (declared, true);
        }
        if !self.catalogue.is_open() {
            let names: Vec<&str> = self.catalogue.names().collect();
            let (level, help) = match nearest(plugin, &names) {
                Some(near) => (
                    Level::Error,
                    format!("did you mean `{near}`? A plugin of your own that is named so needs `results`"),
                ),
                None => (
                    Level::Warning,
                    format!(
                        "the function <stack>-plugin-{plugin} has to be there; with `results: {{ name: text }}` its results are checked"
                    ),
                ),
            };
            let found = format!("`{plugin}`");
            self.report(level, Code::UnknownPlugin, span, &at, "a known plugin", &found, Some(help));
        }
        (PluginFacts::new(), false)
    }

    fn results(&mut self, entries: &[(Key, Tree)], path: &str) -> Option<PluginFacts> {
        let (_, tree) = entry(entries, "results")?;
        let at = format!("{path}.results");
        let TreeValue::Map(results) = &tree.value else {
            let found = tree.describe();
            self.error(Code::WrongType, tree.span, &at, "a map from names to types", &found, None);
            return None;
        };
        let mut facts = PluginFacts::new();
        for (key, tree) in results {
            let word = if let TreeValue::Scalar(word, _) = &tree.value { word.as_str() } else { "" };
            if let Some(kind) = FactType::from_word(word) {
                facts.insert(key.text.clone(), kind);
            } else {
                let words = FactType::ALL.map(FactType::as_str);
                let (found, help) = (tree.describe(), Some(suggest(word, &words)));
                let at = format!("{at}.{}", key.text);
                self.error(Code::BadChoice, tree.span, &at, "the type of a result", &found, help);
            }
        }
        Some(facts)
    }

    /// The causes that a node says its plugin may name.
    fn causes(&mut self, entries: &[(Key, Tree)], path: &str) -> Option<Vec<String>> {
        let (_, tree) = entry(entries, "causes")?;
        let TreeValue::List(items) = &tree.value else {
            let at = format!("{path}.causes");
            self.error(Code::WrongType, tree.span, &at, "a list of causes", &tree.describe(), None);
            return None;
        };
        let mut causes = Vec::new();
        for (index, item) in items.iter().enumerate() {
            let at = format!("{path}.causes[{index}]");
            let expected = "the id of a cause";
            match json(item) {
                Value::String(id) => {
                    self.nearly_a_cause(&id, item.span, &at, expected);
                    causes.push(id);
                }
                _ => self.error(Code::WrongType, item.span, &at, expected, &item.describe(), None),
            }
        }
        Some(causes)
    }

    fn after<'t>(&mut self, entries: &'t [(Key, Tree)], path: &str) -> Vec<(&'t str, Span)> {
        let Some((_, tree)) = entry(entries, "after") else { return Vec::new() };
        let items = match &tree.value {
            TreeValue::List(items) => items.as_slice(),
            TreeValue::Scalar(..) => std::slice::from_ref(tree),
            TreeValue::Null => &[],
            TreeValue::Map(_) => {
                let at = format!("{path}.after");
                self.error(Code::WrongType, tree.span, &at, "a list of nodes", &tree.describe(), None);
                &[]
            }
        };
        let mut names: Vec<(&str, Span)> = Vec::new();
        for (index, item) in items.iter().enumerate() {
            match &item.value {
                TreeValue::Scalar(name, _) if !names.iter().any(|(known, _)| known == name) => {
                    names.push((name, item.span));
                }
                TreeValue::Scalar(..) => {}
                _ => {
                    let at = format!("{path}.after[{index}]");
                    self.error(Code::WrongType, item.span, &at, "a node's name", &item.describe(), None);
                }
            }
        }
        names
    }

    /// What the plugin is given, which has to be what it takes.
    fn params(&mut self, entries: &[(Key, Tree)], path: &str, plugin: &str) -> Map<String, Value> {
        let at = format!("{path}.params");
        let given = entry(entries, "params").map(|(_, tree)| tree);
        let params = match given.map(|tree| (tree, json(tree))) {
            None | Some((_, Value::Null)) => Map::new(),
            Some((_, Value::Object(map))) => map,
            Some((tree, _)) => {
                self.error(Code::WrongType, tree.span, &at, "a map of parameters", &tree.describe(), None);
                return Map::new();
            }
        };
        if let Some(schema) = self.catalogue.params(plugin) {
            let span = entry(entries, "plugin").map_or_else(Span::default, |(_, tree)| tree.span);
            for misfit in params::misfits(plugin, schema, given, span, &at) {
                let Misfit { level, code, span, path, expected, found, help } = misfit;
                self.report(level, code, span, &path, &expected, &found, help);
            }
        }
        params
    }

    fn map<'t>(
        &mut self,
        tree: &'t Tree,
        path: &str,
        what: &str,
        keys: &[&str],
    ) -> Option<&'t [(Key, Tree)]> {
        let TreeValue::Map(entries) = &tree.value else {
            let help = (what == "a flow").then(|| "write `nodes:` and the nodes under it".to_owned());
            self.error(Code::WrongType, tree.span, path, what, &tree.describe(), help);
            return None;
        };
        for (index, (key, _)) in entries.iter().enumerate() {
            let at = child(path, &key.text);
            if entries[..index].iter().any(|(earlier, _)| earlier.text == key.text) {
                self.error(Code::DuplicateKey, key.span, &at, "each key once", "it a second time", None);
            } else if !keys.contains(&key.text.as_str()) {
                let found = format!("unknown key `{}`", shown(&key.text));
                let help = Some(suggest(&key.text, keys));
                self.error(Code::UnknownKey, key.span, &at, &format!("a key of {what}"), &found, help);
            }
        }
        Some(entries)
    }

    fn text<'t>(&mut self, entries: &'t [(Key, Tree)], key: &str, path: &str) -> Option<&'t str> {
        let (_, tree) = entry(entries, key)?;
        if let TreeValue::Scalar(text, _) = &tree.value {
            return Some(text);
        }
        self.error(Code::WrongType, tree.span, &child(path, key), "a text", &tree.describe(), None);
        None
    }

    fn duration(
        &mut self,
        entries: &[(Key, Tree)],
        key: &str,
        path: &str,
        default: SignedDuration,
        max: SignedDuration,
    ) -> SignedDuration {
        let Some((_, tree)) = entry(entries, key) else { return default };
        let parsed = match &tree.value {
            TreeValue::Scalar(text, _) => parse_duration(text),
            _ => None,
        };
        parsed.filter(|d| *d > SignedDuration::ZERO && *d <= max).unwrap_or_else(|| {
            let expected = format!("a duration of at most {} s", max.as_secs());
            let help = Some("such as 5s".to_owned());
            let at = child(path, key);
            self.error(Code::BadDuration, tree.span, &at, &expected, &tree.describe(), help);
            default
        })
    }

    fn number(&mut self, entries: &[(Key, Tree)], key: &str, path: &str, min: f64, max: f64) -> Option<f64> {
        let (_, tree) = entry(entries, key)?;
        let parsed = match &tree.value {
            TreeValue::Scalar(text, true) => text.parse::<f64>().ok(),
            _ => None,
        };
        let number = parsed.filter(|number| (min..=max).contains(number));
        if number.is_none() {
            let expected = format!("a number from {min} to {max}");
            self.error(Code::BadNumber, tree.span, &child(path, key), &expected, &tree.describe(), None);
        }
        number
    }

    fn error(
        &mut self,
        code: Code,
        span: Span,
        path: &str,
        expected: &str,
        found: &str,
        help: Option<String>,
    ) {
        self.report(Level::Error, code, span, path, expected, found, help);
    }

    #[expect(clippy::too_many_arguments, reason = "the parts of a diagnostic, each of another meaning")]
    fn report(
        &mut self,
        level: Level,
        code: Code,
        span: Span,
        path: &str,
        expected: &str,
        found: &str,
        help: Option<String>,
    ) {
        self.diagnostics.push(Diagnostic {
            code,
            level,
            file: self.file.name.clone(),
            place: self.lines.place(span),
            rule: Some(shown(&self.flow)),
            path: shown(path),
            expected: expected.to_owned(),
            found: shown(found),
            help: help.map(|help| harmless(&help)),
        });
    }
}

fn entry<'t>(entries: &'t [(Key, Tree)], key: &str) -> Option<(&'t Key, &'t Tree)> {
    entries.iter().find(|(known, _)| known.text == key).map(|(key, tree)| (key, tree))
}

pub(crate) fn child(path: &str, key: &str) -> String {
    if path.is_empty() { shown(key) } else { format!("{path}.{}", shown(key)) }
}

/// A value of the file as JSON: what stands without quotes is what YAML takes it for.
pub(crate) fn json(tree: &Tree) -> Value {
    match &tree.value {
        TreeValue::Null => Value::Null,
        TreeValue::Scalar(text, true) => match text.as_str() {
            "true" => Value::Bool(true),
            "false" => Value::Bool(false),
            text => text.parse().map_or_else(|_| Value::from(text), Value::Number),
        },
        TreeValue::Scalar(text, false) => Value::from(text.as_str()),
        TreeValue::List(items) => Value::Array(items.iter().map(json).collect()),
        TreeValue::Map(entries) => {
            Value::Object(entries.iter().map(|(key, tree)| (key.text.clone(), json(tree))).collect())
        }
    }
}

/// A name that is nearly that one and that CEL takes for a variable.
fn another_name(name: &str) -> Option<String> {
    let sound: String =
        name.chars().map(|c| if c.is_ascii_alphanumeric() { c } else { '_' }).take(30).collect();
    let candidates = [sound.clone(), format!("{sound}_node"), format!("node_{sound}")];
    let found = candidates.into_iter().find(|name| is_identifier(name))?;
    Some(format!("write `{found}`"))
}

/// A name that can be part of a function's name.
fn is_kebab(name: &str) -> bool {
    let sound = |c: char| c.is_ascii_lowercase() || c.is_ascii_digit() || c == '-';
    (1..=40).contains(&name.len())
        && name.chars().all(sound)
        && !name.starts_with('-')
        && !name.ends_with('-')
}

/// A text of the file as a message may hold it.
pub(crate) fn shown(text: &str) -> String {
    harmless_begin(text, SHOWN_MAX)
}
