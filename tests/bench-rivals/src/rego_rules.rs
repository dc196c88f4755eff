//! A rule of the library in Rego: one member of the set `matches`, with helpers for what has to be negated.

use crate::cel_rules::strings;
use serde_json::Value;

const LISTS: [&str; 4] = ["containers", "containerStatuses", "conditions", "finalizers"];

pub(crate) struct Translator {
    helpers: Vec<String>,
    count: usize,
    name: String,
}

/// The rule and its helpers.
pub(crate) fn rule(name: &str, rule: &Value) -> String {
    let mut translator = Translator { helpers: Vec::new(), count: 0, name: name.to_lowercase() };
    let mut lines = Vec::new();
    if let Some(namespaces) = rule.get("namespaces") {
        lines.push(format!("input.metadata.namespace in {}", set(namespaces)));
    }
    for key in ["filterField", "checkField"] {
        for condition in rule[key].as_array().into_iter().flatten() {
            translator.condition("input", condition, "field", &mut lines);
        }
    }
    format!(
        "{}\nmatches contains {name:?} if {{\n  {}\n}}\n",
        translator.helpers.join("\n"),
        lines.join("\n  ")
    )
}

impl Translator {
    fn fresh(&mut self, what: &str) -> String {
        self.count += 1;
        format!("{what}_{}_{}", self.name, self.count)
    }

    fn condition(&mut self, root: &str, condition: &Value, key: &str, out: &mut Vec<String>) {
        if let Some(lists) = condition["anyOf"].as_array() {
            let helper = self.fresh("any");
            for list in lists {
                let mut lines = Vec::new();
                for condition in list.as_array().into_iter().flatten() {
                    self.condition(root, condition, key, &mut lines);
                }
                self.helpers.push(format!("{helper} if {{\n  {}\n}}", lines.join("\n  ")));
            }
            out.push(helper);
            return;
        }
        let path = strings(&condition[key]);
        if let Some(parts) = condition["each"].as_array() {
            let element = self.fresh("e");
            out.push(format!("some {element} in {}", place(root, &path, false)));
            for part in parts {
                self.condition(&element, part, "subField", out);
            }
            return;
        }
        if let Some(name) = condition["subIdentifierName"].as_str() {
            let element = self.fresh("e");
            out.push(format!("some {element} in {}", place(root, &path, false)));
            out.push(format!("{element}[{name:?}] in {}", set(&condition["subIdentifierValue"])));
            let value = self.fresh("v");
            out.push(format!("{value} := {}", place(&element, &strings(&condition["subField"]), true)));
            out.push(test(condition, &value));
            return;
        }
        if condition["nilValue"] == true {
            let helper = self.fresh("there");
            self.helpers.push(format!("{helper} if {} != null", place("input", &path, true)));
            out.push(format!("not {helper}"));
            return;
        }
        if let Some(other) = condition.get("lessThanField") {
            let keys = &condition[key];
            out.push(format!("object.get({root}, {keys}, 0) < {}", place(root, &strings(other), true)));
            return;
        }
        let value = self.fresh("v");
        out.push(format!("{value} := {}", place(root, &path, true)));
        out.push(test(condition, &value));
        if condition["match"] == "all" {
            let helper = self.fresh("fails");
            let line = test(condition, "value");
            self.helpers.push(format!(
                "{helper} if {{\n  value := {}\n  not {line}\n}}",
                place("input", &path, true)
            ));
            out.push(format!("not {helper}"));
        }
    }
}

fn place(root: &str, path: &[&str], into_lists: bool) -> String {
    let mut place = root.to_owned();
    for (index, key) in path.iter().enumerate() {
        place.push_str(&format!("[{key:?}]"));
        if LISTS.contains(key) && (into_lists || index + 1 < path.len()) {
            place.push_str("[_]");
        }
    }
    place
}

fn set(texts: &Value) -> String {
    let literals = crate::cel_rules::literals(texts.as_array().map_or(&[][..], Vec::as_slice));
    format!("{{{}}}", literals.trim_matches(['[', ']']))
}

fn test(condition: &Value, value: &str) -> String {
    if let Some(texts) = condition.get("equalValue") {
        return format!("{value} in {}", set(texts));
    }
    if let Some(texts) = condition.get("notEqualValue") {
        return format!("not {value} in {}", set(texts));
    }
    if condition["nilValue"] == false {
        return format!("{value} != null");
    }
    if let Some(globs) = condition.get("likeValue") {
        let glob = globs.as_str().or_else(|| globs[0].as_str()).unwrap_or_default();
        return match (glob.strip_prefix('*'), glob.strip_suffix('*')) {
            (Some(end), None) => format!("endswith({value}, {end:?})"),
            (_, Some(begin)) => format!("startswith({value}, {begin:?})"),
            _ => format!("{value} == {glob:?}"),
        };
    }
    if let Some(regex) = condition["regexValue"].as_str() {
        return format!("regex.match({regex:?}, {value})");
    }
    match &condition["greaterThan"] {
        Value::Number(number) => return format!("{value} > {number}"),
        Value::String(text) => return format!("count({value}) > {}", text.len() + 4),
        _ => {}
    }
    let order = if condition.get("olderThan").is_some() { "<" } else { ">" };
    format!("{value} {order} \"2026-06-30T00:00:00Z\"")
}
