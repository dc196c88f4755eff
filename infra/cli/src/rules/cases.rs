//! Rule tests as they are written: `NAME.test.yaml` beside `NAME.yaml`. Reading finds all mistakes of a file.

mod object;

use super::located::{Node, Tree, parse};
use jiff::{SignedDuration, Timestamp};
use object::{Moment, moment, versioned};
use prodrome_model::{ChangeKind, PluginResponse, Resource};
use prodrome_rules::{RuleSet, parse_duration};
use serde_json::{Map, Value};
use std::collections::BTreeMap;
use std::fmt;
use std::path::{Path, PathBuf};

/// `0s` of a case that does not say when it begins.
const START: Timestamp = Timestamp::constant(1_767_225_600, 0); // 2026-01-01T00:00:00Z
/// How long the clock runs on after the last that is said to happen.
const AFTER: SignedDuration = SignedDuration::from_mins(1);

/// One case: what happens, and what has to come of it.
#[derive(Debug)]
pub(super) struct Case {
    pub(super) name: String,
    pub(super) line: u64,
    pub(super) start: Timestamp,
    /// In the order of their time.
    pub(super) happenings: Vec<Happening>,
    /// In the order of their time.
    pub(super) answers: Vec<Says>,
    pub(super) expect: Vec<Expect>,
    pub(super) quiet: Vec<String>,
    pub(super) until: SignedDuration,
}

/// An object that comes, changes or goes.
#[derive(Debug)]
pub(super) struct Happening {
    pub(super) at: SignedDuration,
    pub(super) kind: ChangeKind,
    pub(super) resource: Resource,
    pub(super) object: Vec<u8>,
}

/// What a plugin answers from an instant on.
#[derive(Debug)]
pub(super) struct Says {
    pub(super) at: SignedDuration,
    pub(super) plugin: String,
    /// Kind and name; all objects where it is absent.
    pub(super) object: Option<(String, String)>,
    pub(super) response: PluginResponse,
}

/// What has to come.
#[derive(Debug)]
pub(super) struct Expect {
    pub(super) line: u64,
    pub(super) at: SignedDuration,
    /// By how much it may come later: a plugin is asked now and then.
    pub(super) slack: SignedDuration,
    pub(super) what: What,
    pub(super) rule: String,
    /// Kind and name, where it matters.
    pub(super) object: Option<(String, String)>,
    /// When the fault must be said to have begun, where it matters.
    pub(super) since: Option<Timestamp>,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum What {
    Fires,
    Resolves,
}

/// What is wrong with a test file, or with an object file that it uses.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord)]
pub(super) struct Mistake {
    file: PathBuf,
    line: u64,
    column: u64,
    text: String,
}

impl fmt::Display for Mistake {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}:{}:{}: {}", self.file.display(), self.line, self.column, self.text)
    }
}

/// The object files of the folders `testdata`, each read once.
#[derive(Default)]
pub(super) struct TestData(BTreeMap<PathBuf, Result<Node, Mistake>>);

impl TestData {
    /// Has a file as if it had been read.
    pub(super) fn put(&mut self, path: PathBuf, text: &str) -> Result<(), serde_saphyr::Error> {
        self.0.insert(path, Ok(parse(text)?));
        Ok(())
    }

    fn get(&mut self, path: &Path) -> Result<Option<Node>, Mistake> {
        if let Some(read) = self.0.get(path) {
            return read.clone().map(Some);
        }
        let Ok(text) = std::fs::read_to_string(path) else { return Ok(None) };
        let read = parse(&text).map_err(|error| syntax(path, &error));
        self.0.insert(path.to_owned(), read.clone());
        read.map(Some)
    }
}

fn syntax(file: &Path, error: &serde_saphyr::Error) -> Mistake {
    let (line, column) = error.location().map_or((1, 1), |at| (at.line(), at.column()));
    let said = error.without_snippet().to_string();
    let said = said.lines().next().unwrap_or_default();
    Mistake { file: file.to_owned(), line, column, text: format!("expected YAML: {said}") }
}

/// Reads a test file, whose text is `text`, for these rules.
pub(super) fn read(
    file: &Path,
    text: &str,
    rules: &RuleSet,
    data: &mut TestData,
) -> Result<Vec<Case>, Vec<Mistake>> {
    let empty = || {
        vec![Mistake {
            file: file.to_owned(),
            line: 1,
            column: 1,
            text: "expected a list of cases, found nothing".to_owned(),
        }]
    };
    if text.trim().is_empty() {
        return Err(empty());
    }
    let node = parse(text).map_err(|error| vec![syntax(file, &error)])?;
    let mut reader = Reader { file, rules, data, mistakes: Vec::new() };
    let cases: Vec<Case> = match &node.value {
        Tree::List(cases) if !cases.is_empty() => cases.iter().filter_map(|case| reader.case(case)).collect(),
        Tree::List(_) | Tree::Null => return Err(empty()),
        _ => {
            let _: Option<()> = reader.wrong(&node, "a list of cases");
            Vec::new()
        }
    };
    let mut mistakes = reader.mistakes;
    mistakes.sort();
    mistakes.dedup();
    if mistakes.is_empty() { Ok(cases) } else { Err(mistakes) }
}

/// Its methods give `None` where they have told a mistake.
struct Reader<'r> {
    file: &'r Path,
    rules: &'r RuleSet,
    data: &'r mut TestData,
    mistakes: Vec<Mistake>,
}

/// The objects that a case has applied so far.
type Applied = Vec<(Resource, Map<String, Value>)>;

impl Reader<'_> {
    fn case(&mut self, node: &Node) -> Option<Case> {
        self.keys(node, &["name", "objects", "steps", "answers", "expect", "quiet", "until", "start"])?;
        let name = match node.get("name") {
            Some(name) => self.text(name),
            None => self.tell(node, "a case has no name: say in words what happens"),
        };
        let start = match node.get("start") {
            Some(start) => self.timestamp(start)?,
            None => START,
        };
        let mut happenings = Vec::new();
        let mut applied = Applied::new();
        for object in self.list(node.get("objects")) {
            happenings.extend(self.apply(object, SignedDuration::ZERO, start, &mut applied));
        }
        let mut before = SignedDuration::ZERO;
        for step in self.list(node.get("steps")) {
            let Some(happening) = self.step(step, start, &mut applied) else { continue };
            if happening.at < before {
                let _: Option<()> = self.tell(step, "steps stand in the order of `at`, found an earlier one");
            }
            before = happening.at;
            happenings.push(happening);
        }
        let mut answers: Vec<Says> =
            self.list(node.get("answers")).iter().filter_map(|one| self.says(one)).collect();
        answers.sort_by_key(|says| says.at);
        let expect: Vec<Expect> =
            self.list(node.get("expect")).iter().filter_map(|one| self.expect(one, start)).collect();
        let quiet: Vec<String> =
            self.list(node.get("quiet")).iter().filter_map(|one| self.rule(one)).collect();
        if happenings.is_empty() && node.get("objects").is_none() && node.get("steps").is_none() {
            return self.tell(node, "nothing happens: expected `objects`, `steps` or both");
        }
        if node.get("expect").is_none() && node.get("quiet").is_none() {
            return self.tell(node, "expected `expect`, or `quiet` with the rules that must not fire");
        }
        let moments = happenings.iter().map(|h| h.at).chain(answers.iter().map(|says| says.at));
        let last = moments.chain(expect.iter().map(|e| e.at + e.slack)).max();
        let until = match node.get("until") {
            Some(until) => self.duration(until)?,
            None => last.unwrap_or_default() + AFTER,
        };
        if last.is_some_and(|last| last > until) {
            return self.tell(node, "`until` is before the last `at`");
        }
        Some(Case { name: name?, line: node.line, start, happenings, answers, expect, quiet, until })
    }

    fn step(&mut self, node: &Node, start: Timestamp, applied: &mut Applied) -> Option<Happening> {
        self.keys(node, &["at", "apply", "delete"])?;
        let at = match node.get("at") {
            Some(at) => self.duration(at),
            None => self.tell(node, "a step has no `at`: expected a duration since the start, such as 5m"),
        };
        match (node.get("apply"), node.get("delete")) {
            (Some(object), None) => self.apply(object, at?, start, applied),
            (None, Some(what)) => self.delete(what, at?, start, applied),
            _ => self.tell(node, "a step takes exactly one of `apply` and `delete`"),
        }
    }

    fn apply(
        &mut self,
        node: &Node,
        at: SignedDuration,
        start: Timestamp,
        applied: &mut Applied,
    ) -> Option<Happening> {
        let (resource, object) = self.object(node, start)?;
        let bytes = versioned(&object, applied.len());
        applied.push((resource.clone(), object));
        Some(Happening { at, kind: ChangeKind::Applied, resource, object: bytes })
    }

    fn delete(
        &mut self,
        node: &Node,
        at: SignedDuration,
        start: Timestamp,
        applied: &mut Applied,
    ) -> Option<Happening> {
        let (resource, object) = match &node.value {
            Tree::Text(text) if text.contains('/') => {
                let (kind, name) = text.split_once('/').unwrap_or_default();
                let is_it = |entry: &&(Resource, Map<String, Value>)| {
                    entry.0.kind == kind && entry.1["metadata"]["name"] == name
                };
                match applied.iter().rev().find(is_it) {
                    Some(last) => last.clone(),
                    None => return self.tell(node, &format!("{text} was not applied before")),
                }
            }
            Tree::Map(_) => self.object(node, start)?,
            _ => return self.wrong(node, "Kind/name of an object that was applied before, or an object"),
        };
        let bytes = versioned(&object, applied.len());
        // What is deleted counts as a version too.
        applied.push((resource.clone(), object));
        Some(Happening { at, kind: ChangeKind::Deleted, resource, object: bytes })
    }

    fn expect(&mut self, node: &Node, start: Timestamp) -> Option<Expect> {
        self.keys(node, &["at", "fires", "resolves", "object", "since"])?;
        let at = match node.get("at") {
            Some(at) => self.duration(at),
            None => {
                self.tell(node, "an expectation has no `at`: expected a duration since the start, such as 5m")
            }
        };
        let (what, rule) = match (node.get("fires"), node.get("resolves")) {
            (Some(rule), None) => (What::Fires, self.rule(rule)),
            (None, Some(rule)) => (What::Resolves, self.rule(rule)),
            _ => return self.tell(node, "an expectation takes exactly one of `fires` and `resolves`"),
        };
        let object = self.kind_and_name(node.get("object")).ok()?;
        let since = match node.get("since") {
            Some(since) if what == What::Resolves => {
                return self.tell(since, "`since` goes with `fires`: it says when the fault began");
            }
            Some(since) => {
                let text = self.text(since)?;
                let Moment::At(at) = moment(&text, start) else {
                    let wrong = format!("expected a time such as \"@5m\" or \"@-1h30m\", found {text:?}");
                    return self.tell(since, &wrong);
                };
                Some(at)
            }
            None => None,
        };
        let rule = rule?;
        let periodic = self.rules.get(&rule).and_then(prodrome_rules::Rule::periodic);
        let slack = periodic.map_or(SignedDuration::ZERO, prodrome_rules::Periodic::every);
        Some(Expect { line: node.line, at: at?, slack, what, rule, object, since })
    }

    /// `{at, plugin, says, object, confidence, summary}`: `says` is a cause's id, `cleared` or `unknown`.
    fn says(&mut self, node: &Node) -> Option<Says> {
        self.keys(node, &["at", "plugin", "says", "object", "confidence", "summary"])?;
        let at = node.get("at").map_or(Some(SignedDuration::ZERO), |at| self.duration(at));
        let (Some(plugin), Some(says)) = (node.get("plugin"), node.get("says")) else {
            return self
                .tell(node, "an answer takes `plugin`, and `says`: a cause's id, `cleared` or `unknown`");
        };
        let (plugin_name, says) = (self.text(plugin)?, self.text(says)?);
        let is_asked =
            |rule: &prodrome_rules::Rule| rule.periodic().is_some_and(|p| p.plugin() == plugin_name);
        if !self.rules.rules().iter().any(is_asked) {
            return self.tell(plugin, &format!("no rule of the rule file asks a plugin {plugin_name:?}"));
        }
        let summary = node.get("summary").map_or(Some(String::new()), |summary| self.text(summary))?;
        let confidence = match node.get("confidence").map(|node| (node, &node.value)) {
            None => 0.9,
            Some((_, Tree::Number(number))) => number.as_f64().unwrap_or_default(),
            Some((node, _)) => return self.wrong(node, "a number from 0 to 1"),
        };
        let response = match &*says {
            "cleared" => PluginResponse::cleared(summary),
            "unknown" => PluginResponse::unknown(summary),
            cause => PluginResponse::cause(cause, confidence, summary),
        };
        let object = self.kind_and_name(node.get("object")).ok()?;
        Some(Says { at: at?, plugin: plugin_name, object, response })
    }

    /// Kind and name, where they are said. Fails where a mistake was told.
    fn kind_and_name(&mut self, node: Option<&Node>) -> Result<Option<(String, String)>, ()> {
        let Some(node) = node else { return Ok(None) };
        let text = self.text(node).ok_or(())?;
        if let Some((kind, name)) = text.split_once('/') {
            return Ok(Some((kind.to_owned(), name.to_owned())));
        }
        self.wrong(node, "Kind/name").ok_or(())
    }

    fn rule(&mut self, node: &Node) -> Option<String> {
        let name = self.text(node)?;
        if self.rules.get(&name).is_none() {
            let names = self.rules.rules().iter().map(prodrome_rules::Rule::name);
            let near = near(&name, names).map(|near| format!("; did you mean {near}?")).unwrap_or_default();
            return self.tell(node, &format!("there is no rule {name:?} in the rule file{near}"));
        }
        Some(name)
    }

    /// That it is a map, of these keys.
    fn keys(&mut self, node: &Node, known: &[&str]) -> Option<()> {
        let Tree::Map(entries) = &node.value else { return self.wrong(node, "a map") };
        let mut sound = Some(());
        for (key, value) in entries {
            if !known.contains(&&**key) {
                let near = near(key, known.iter().copied()).map(|near| format!("did you mean `{near}`?"));
                let help = near.unwrap_or_else(|| format!("it takes {}", known.join(", ")));
                sound = self.tell(value, &format!("unknown key `{key}`; {help}"));
            }
        }
        sound
    }

    fn list<'n>(&mut self, node: Option<&'n Node>) -> &'n [Node] {
        match node.map(|node| (node, &node.value)) {
            Some((_, Tree::List(nodes))) => nodes,
            Some((node, _)) => {
                let _: Option<()> = self.wrong(node, "a list");
                &[]
            }
            None => &[],
        }
    }

    fn text(&mut self, node: &Node) -> Option<String> {
        match &node.value {
            Tree::Text(text) => Some(text.clone()),
            _ => self.wrong(node, "a text"),
        }
    }

    fn duration(&mut self, node: &Node) -> Option<SignedDuration> {
        let duration = match &node.value {
            Tree::Text(text) => parse_duration(text),
            Tree::Number(number) => parse_duration(&number.to_string()),
            _ => None,
        };
        duration.or_else(|| self.wrong(node, "a duration such as 90s, 5m or 1h30m"))
    }

    fn timestamp(&mut self, node: &Node) -> Option<Timestamp> {
        let Tree::Text(text) = &node.value else { return self.wrong(node, "an RFC 3339 time") };
        text.parse().ok().or_else(|| self.wrong(node, "an RFC 3339 time"))
    }

    fn wrong<T>(&mut self, node: &Node, expected: &str) -> Option<T> {
        self.tell(node, &format!("expected {expected}, found {}", node.describe()))
    }

    fn tell<T>(&mut self, node: &Node, text: &str) -> Option<T> {
        self.mistakes.push(Mistake {
            file: self.file.to_owned(),
            line: node.line,
            column: node.column,
            text: text.to_owned(),
        });
        None
    }
}

/// The one of some words that was probably meant.
fn near<'w>(word: &str, words: impl Iterator<Item = &'w str>) -> Option<&'w str> {
    let (distance, near) = words.map(|w| (strsim::osa_distance(word, w), w)).min()?;
    (distance <= 2.max(word.len() / 4)).then_some(near)
}

#[cfg(test)]
mod tests {
    use super::*;
    use prodrome_recording::play::merge_patch;
    use prodrome_rules::{SourceFile, load};
    use serde_json::json;

    fn rules() -> RuleSet {
        let text =
            "PodFailed:\n  resource: Pod\n  checkField: [{ field: [status, phase], equalValue: [Failed] }]\n";
        load(&[SourceFile::new("pods.yaml", text)]).rules
    }

    #[test]
    fn all_mistakes_of_a_file_are_told_with_their_place() {
        let text = "\
- name: one
  step: []
- name: two
  steps:
    - { at: soon, apply: { apiVersion: v1, kind: Pod, metadata: { name: a } } }
    - { at: 1m, apply: { apiVersion: v1, kind: Pod, metadata: { nam: a } } }
    - { at: 2m, delete: Pod/b }
    - { at: 1m, apply: { apiVersion: v1, kind: Pod, metadata: { name: a, creationTimestamp: \"@5min\" } } }
    - { at: 3m, apply: nowhere.yaml }
    - { at: 4m, apply: { apiVersion: v1, kind: Pod, metadata: { name: a, namespace: [n] } } }
  expect:
    - { at: 1m, fires: PodFaild }
    - { at: 1m }
";
        let mistakes =
            read(Path::new("pods.test.yaml"), text, &rules(), &mut TestData::default()).unwrap_err();
        let told: Vec<String> = mistakes.iter().map(ToString::to_string).collect();
        assert_eq!(
            told,
            [
                "pods.test.yaml:2:9: unknown key `step`; did you mean `steps`?",
                "pods.test.yaml:5:13: expected a duration such as 90s, 5m or 1h30m, found \"soon\"",
                "pods.test.yaml:6:24: an object needs apiVersion, kind and metadata.name",
                "pods.test.yaml:7:25: Pod/b was not applied before",
                "pods.test.yaml:8:93: expected a time such as \"@5m\" or \"@-1h30m\", found \"@5min\"",
                "pods.test.yaml:9:24: there is no object file testdata/nowhere.yaml",
                "pods.test.yaml:10:24: this is no Kubernetes object: invalid type: sequence, expected a string",
                "pods.test.yaml:12:24: there is no rule \"PodFaild\" in the rule file; did you mean PodFailed?",
                "pods.test.yaml:13:7: an expectation takes exactly one of `fires` and `resolves`",
            ]
        );
        for (text, want) in [
            ("", "pods.test.yaml:1:1: expected a list of cases, found nothing"),
            ("# none\n", "pods.test.yaml:1:1: expected a list of cases, found nothing"),
            ("a: b\n", "pods.test.yaml:1:1: expected a list of cases, found a map"),
        ] {
            let mistakes =
                read(Path::new("pods.test.yaml"), text, &rules(), &mut TestData::default()).unwrap_err();
            assert_eq!(mistakes.iter().map(ToString::to_string).collect::<Vec<_>>(), [want], "{text:?}");
        }
        let mistakes =
            read(Path::new("pods.test.yaml"), "- name: [\n", &rules(), &mut TestData::default()).unwrap_err();
        assert!(mistakes[0].to_string().contains("expected YAML"), "{}", mistakes[0]);
    }

    #[test]
    fn a_patch_merges_maps_replaces_lists_and_removes_what_is_null() {
        let mut value = json!({ "a": { "b": 1, "c": [1, 2] }, "d": 1 });
        merge_patch(&mut value, &json!({ "a": { "c": [3], "b": null, "e": { "f": null } }, "g": 2 }));
        assert_eq!(value, json!({ "a": { "c": [3], "e": {} }, "d": 1, "g": 2 }));
    }

    #[test]
    fn texts_that_begin_with_an_at_sign_are_times_or_left_alone() {
        let at = |text| match moment(text, START) {
            Moment::At(at) => at.to_string(),
            Moment::None => "none".to_owned(),
            Moment::Bad => "bad".to_owned(),
        };
        assert_eq!(
            ["@0s", "@-1d", "@1h30m", "@home", "5m", "@5x"].map(at),
            ["2026-01-01T00:00:00Z", "2025-12-31T00:00:00Z", "2026-01-01T01:30:00Z", "none", "none", "bad"]
        );
    }
}
