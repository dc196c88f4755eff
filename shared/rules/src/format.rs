use crate::check::{CheckedRule, DEFAULTS, check_file};
use crate::diagnostic::Diagnostic;
use crate::print::{Above, Out, rule_body_with, tree_out, write_rule, written_body};
use crate::source::{Comment, Key, SourceFile, Tree, TreeValue};
use std::collections::{BTreeMap, BTreeSet, HashMap};

/// The canonical form of a rule file, as YAML: keys in the language's order, defaults left out, short
/// conditions on one line, a blank line between rules. Rules keep their order; a file of several documents
/// becomes one.
///
/// Comments stay: one on a line of its own above what it stood above, one behind something above the line that
/// it stood in. Where the canonical form has no such line, above the nearest thing around it.
///
/// # Errors
/// A file with mistakes is not printed: what is wrong is returned instead.
pub fn format(file: &SourceFile) -> Result<String, Vec<Diagnostic>> {
    let checked = check_file(file);
    let mut diagnostics = checked.diagnostics;
    diagnostics.extend(crate::check::duplicates(file, &checked.rules));
    if diagnostics.iter().any(Diagnostic::is_error) {
        return Err(diagnostics);
    }
    let parts: Vec<Part<'_>> = checked
        .heads
        .iter()
        .map(|(key, tree)| Part { name: &key.text, offset: key.span.start, tree, rule: None })
        .chain(checked.rules.iter().map(|rule| Part {
            name: &rule.name,
            offset: rule.name_span.start,
            tree: &rule.tree,
            rule: Some(rule),
        }))
        .collect();
    let defaults = Defaults::of(&checked.heads);
    let mut comments = Comments::place(file, &parts, checked.comments);
    let mut text = String::new();
    for (index, part) in parts.iter().enumerate() {
        if index > 0 {
            text.push('\n');
        }
        let body = match part.rule {
            None => tree_out(part.tree),
            Some(checked) => match &checked.rule {
                Some(rule) => written_body(rule, checked, &defaults),
                None => continue,
            },
        };
        let places = comments.places(index);
        let within = |list: &str| {
            places.iter().any(|path| path.strip_prefix(list).is_some_and(|rest| rest.starts_with('[')))
        };
        // Which lines there will be: only above those can a comment stand.
        let mut lines = BTreeSet::new();
        let mut noted = |path: &str| {
            lines.insert(path.to_owned());
            Vec::new()
        };
        write_rule(part.name, &body, Above { take: &mut noted, within: &within });
        let mut above = comments.of_rule(index, &lines);
        for comment in above.remove("").unwrap_or_default() {
            text.push_str(&comment);
            text.push('\n');
        }
        let mut taken = |path: &str| above.remove(path).unwrap_or_default();
        text.push_str(&write_rule(part.name, &body, Above { take: &mut taken, within: &within }));
    }
    if !comments.at_end.is_empty() && !text.is_empty() {
        text.push('\n');
    }
    for comment in comments.at_end {
        text.push_str(&comment);
        text.push('\n');
    }
    Ok(text)
}

/// What stands at the top of a file: a rule, its `defaults` or its `let`.
struct Part<'c> {
    name: &'c str,
    offset: usize,
    tree: &'c Tree,
    rule: Option<&'c CheckedRule>,
}

/// A file's defaults.
pub(crate) struct Defaults<'h> {
    pub(crate) keys: Vec<&'h str>,
    /// What they say, as it is printed of a rule that has them; empty where no rule could have them all.
    said: Vec<(String, Out)>,
}

impl<'h> Defaults<'h> {
    fn of(heads: &'h [(Key, Tree)]) -> Self {
        let defaults = heads.iter().find(|(key, _)| key.text == DEFAULTS);
        let keys: Vec<&str> = match defaults.map(|(_, tree)| &tree.value) {
            Some(TreeValue::Map(entries)) => entries.iter().map(|(key, _)| key.text.as_str()).collect(),
            _ => Vec::new(),
        };
        let said = if keys.is_empty() { Vec::new() } else { said(heads, &keys) };
        Self { keys, said }
    }

    /// Whether the file says this of each rule that says nothing else.
    pub(crate) fn say(&self, key: &str, value: &Out) -> bool {
        self.said.iter().any(|(other, said)| other == key && said == value)
    }
}

/// What defaults say, seen at a rule that has nothing of its own: `60s` and `1m` are the same then.
fn said(heads: &[(Key, Tree)], keys: &[&str]) -> Vec<(String, Out)> {
    let mut text = String::new();
    for (key, tree) in heads {
        let mut none = |_: &str| Vec::new();
        text.push_str(&write_rule(&key.text, &tree_out(tree), Above { take: &mut none, within: &|_| false }));
    }
    // A tolerance is nobody's who has no duration.
    let duration = if keys.contains(&"duration") { "" } else { ", duration: 1d" };
    let bare = format!(
        "Bare: {{ resource: Pod, checkField: [{{ field: [status, phase], nilValue: true }}]{duration} }}\n"
    );
    text.push_str(&bare);
    let checked = check_file(&SourceFile::new("defaults", text));
    let rule = checked.rules.into_iter().find(|rule| rule.name == "Bare").and_then(|rule| rule.rule);
    match rule.map(|rule| rule_body_with(&rule, keys)) {
        Some(Out::Map(entries)) => entries.into_iter().filter(|(key, _)| keys.contains(&&**key)).collect(),
        _ => Vec::new(),
    }
}

/// The comments of a file, by rule and by the path of what they are about.
struct Comments {
    by_rule: HashMap<usize, Vec<(String, String)>>,
    at_end: Vec<String>,
}

/// Where a node of a rule begins.
struct Anchor {
    offset: usize,
    rule: usize,
    path: String,
}

impl Comments {
    fn place(file: &SourceFile, parts: &[Part<'_>], comments: Vec<Comment>) -> Self {
        let mut anchors = Vec::new();
        for (index, part) in parts.iter().enumerate() {
            anchors.push(Anchor { offset: part.offset, rule: index, path: String::new() });
            collect(part.tree, index, "", &mut anchors);
        }
        // Stable, so that of those that begin together the outermost stays first. Aliases repeat what stands
        // elsewhere, so the order is not a matter of course.
        anchors.sort_by_key(|anchor| anchor.offset);
        let mut placed = Self { by_rule: HashMap::new(), at_end: Vec::new() };
        for comment in comments {
            let text = comment.text.trim_end().to_owned();
            let at = comment.span.start;
            let line_start =
                file.text.get(..at).and_then(|text| text.rfind('\n')).map_or(0, |found| found + 1);
            let own_line = !comment.trailing;
            let next = anchors.partition_point(|anchor| anchor.offset < at);
            let begins_line = |anchor: &&Anchor| (line_start..at).contains(&anchor.offset);
            let about = if own_line {
                let indented = at > line_start;
                // At the end of a rule it belongs to the rule, if it is indented like it.
                let following = anchors.get(next).filter(|anchor| !(indented && anchor.path.is_empty()));
                following.or_else(|| anchors[..next].last().filter(|_| indented))
            } else {
                anchors[..next].iter().find(begins_line).or_else(|| anchors[..next].last())
            };
            match about {
                None => {
                    placed.at_end.push(text);
                    if ends_group(file, comment.span.end) {
                        placed.at_end.push(String::new());
                    }
                }
                Some(anchor) => {
                    let list = placed.by_rule.entry(anchor.rule).or_default();
                    list.push((anchor.path.clone(), text));
                    if anchor.path.is_empty() && own_line && ends_group(file, comment.span.end) {
                        list.push((String::new(), String::new()));
                    }
                }
            }
        }
        while placed.at_end.last().is_some_and(String::is_empty) {
            placed.at_end.pop();
        }
        placed
    }

    /// The paths of a rule that comments are about.
    fn places(&self, rule: usize) -> Vec<String> {
        self.by_rule.get(&rule).into_iter().flatten().map(|(path, _)| path.clone()).collect()
    }

    /// What stands above each line of a rule.
    fn of_rule(&mut self, rule: usize, lines: &BTreeSet<String>) -> BTreeMap<String, Vec<String>> {
        let mut above: BTreeMap<String, Vec<String>> = BTreeMap::new();
        for (path, comment) in self.by_rule.remove(&rule).unwrap_or_default() {
            let mut path = path.as_str();
            while !path.is_empty() && !lines.contains(path) {
                path = path.rfind(['.', '[']).and_then(|end| path.get(..end)).unwrap_or_default();
            }
            above.entry(path.to_owned()).or_default().push(comment);
        }
        above
    }
}

/// Whether a blank line follows.
fn ends_group(file: &SourceFile, end: usize) -> bool {
    let after = file.text.get(end..).unwrap_or_default();
    after.lines().nth(1).is_some_and(|line| line.trim().is_empty())
}

fn collect(tree: &Tree, rule: usize, path: &str, anchors: &mut Vec<Anchor>) {
    match &tree.value {
        TreeValue::Map(entries) => {
            for (key, value) in entries {
                let at = if path.is_empty() { key.text.clone() } else { format!("{path}.{}", key.text) };
                anchors.push(Anchor { offset: key.span.start, rule, path: at.clone() });
                collect(value, rule, &at, anchors);
            }
        }
        TreeValue::List(items) => {
            for (index, item) in items.iter().enumerate() {
                let at = format!("{path}[{index}]");
                anchors.push(Anchor { offset: item.span.start, rule, path: at.clone() });
                collect(item, rule, &at, anchors);
            }
        }
        TreeValue::Null | TreeValue::Scalar(..) => {}
    }
}
