//! A rule of the library in CEL, as somebody would write it who knows its traps: each step asks whether it is there.

use serde_json::Value;

/// The lists on the way; CEL has to be told.
const LISTS: [&str; 4] = ["containers", "containerStatuses", "conditions", "finalizers"];

pub(crate) struct Translator {
    variables: usize,
}

/// The whole rule as one expression over `o`.
pub(crate) fn rule(rule: &Value) -> String {
    let mut translator = Translator { variables: 0 };
    let mut parts = Vec::new();
    if let Some(namespaces) = rule.get("namespaces") {
        parts.push(translator.path("o", &["metadata", "namespace"], &|v| format!("{v} in {namespaces}")));
    }
    for key in ["filterField", "checkField"] {
        parts.extend(translator.conditions("o", &rule[key], "field"));
    }
    parts.join(" && ")
}

impl Translator {
    fn conditions(&mut self, root: &str, list: &Value, key: &str) -> Vec<String> {
        list.as_array().into_iter().flatten().map(|condition| self.condition(root, condition, key)).collect()
    }

    fn condition(&mut self, root: &str, condition: &Value, key: &str) -> String {
        if let Some(lists) = condition["anyOf"].as_array() {
            let lists: Vec<String> = lists
                .iter()
                .map(|list| format!("({})", self.conditions(root, list, key).join(" && ")))
                .collect();
            return format!("({})", lists.join(" || "));
        }
        let path = strings(&condition[key]);
        if let Some(parts) = condition.get("each") {
            let element = self.fresh();
            let inner = self.conditions(&element, parts, "subField").join(" && ");
            return self.path_to_list(root, &path, &element, &inner);
        }
        if let Some(name) = condition["subIdentifierName"].as_str() {
            let element = self.fresh();
            let sub = strings(&condition["subField"]);
            let test = test(condition);
            let holds = self.path(&element, &sub, &test);
            let inner = format!(
                "has({element}.{name}) && {element}.{name} in {} && {holds}",
                condition["subIdentifierValue"]
            );
            return self.path_to_list(root, &path, &element, &inner);
        }
        if condition["nilValue"] == true {
            return format!("!({})", self.path(root, &path, &|v| format!("{v} != null")));
        }
        if let Some(other) = condition.get("lessThanField") {
            let other = strings(other);
            let left = path.join(".");
            let right = other.join(".");
            return format!(
                "has({root}.{right}) && (has({root}.{left}) ? {root}.{left} : 0) < {root}.{right}"
            );
        }
        let holds = test(condition);
        let any = self.path(root, &path, &holds);
        if condition["match"] == "all" {
            let fails = self.path(root, &path, &|v| format!("!({})", holds(v)));
            return format!("{any} && !({fails})");
        }
        any
    }

    /// Some value under the path satisfies this.
    fn path(&mut self, root: &str, path: &[&str], test: &dyn Fn(&str) -> String) -> String {
        let Some((key, rest)) = path.split_first() else { return test(root) };
        let next = format!("{root}[{key:?}]");
        if LISTS.contains(key) {
            let element = self.fresh();
            let inner = self.path(&element, rest, test);
            return format!("({key:?} in {root} && {next}.exists({element}, {inner}))");
        }
        let inner = self.path(&next, rest, test);
        format!("({key:?} in {root} && {inner})")
    }

    fn path_to_list(&mut self, root: &str, path: &[&str], element: &str, inner: &str) -> String {
        let mut place = root.to_owned();
        let mut there = Vec::new();
        for key in path {
            there.push(format!("{key:?} in {place}"));
            place = format!("{place}[{key:?}]");
        }
        format!("({} && {place}.exists({element}, {inner}))", there.join(" && "))
    }

    fn fresh(&mut self) -> String {
        self.variables += 1;
        format!("v{}", self.variables)
    }
}

/// What an operator asks of one value.
fn test(condition: &Value) -> Box<dyn Fn(&str) -> String> {
    let condition = condition.clone();
    Box::new(move |value| {
        if let Some(texts) = condition["equalValue"].as_array() {
            return format!("{value} in {}", literals(texts));
        }
        if let Some(texts) = condition["notEqualValue"].as_array() {
            return format!("!({value} in {})", literals(texts));
        }
        if condition["nilValue"] == false {
            return format!("{value} != null");
        }
        if let Some(globs) = condition.get("likeValue") {
            let globs = globs.as_array().cloned().unwrap_or_else(|| vec![globs.clone()]);
            let tests: Vec<String> =
                globs.iter().filter_map(Value::as_str).map(|glob| like(value, glob)).collect();
            return format!("({})", tests.join(" || "));
        }
        if let Some(regex) = condition["regexValue"].as_str() {
            return format!("{value}.matches({regex:?})");
        }
        // Quantities are compared as CEL can: a stand-in in its favour.
        match &condition["greaterThan"] {
            Value::Number(number) => return format!("{value} > {number}"),
            Value::String(text) => return format!("size({value}) > {}", text.len() + 4),
            _ => {}
        }
        // Of times in the same form the texts are in the same order.
        if condition.get("olderThan").is_some() {
            return format!("{value} < \"2026-06-30T00:00:00Z\"");
        }
        format!("{value} > \"2026-06-30T00:00:00Z\"")
    })
}

fn like(value: &str, glob: &str) -> String {
    match (glob.strip_prefix('*'), glob.strip_suffix('*')) {
        (Some(end), None) => format!("{value}.endsWith({end:?})"),
        (_, Some(begin)) => format!("{value}.startsWith({:?})", begin.trim_start_matches('*')),
        _ => format!("{value} == {glob:?}"),
    }
}

/// `"false"` of a rule is `false` of the object.
pub(crate) fn literals(texts: &[Value]) -> String {
    let literal = |text: &Value| match text.as_str() {
        Some(flag @ ("true" | "false")) => flag.to_owned(),
        _ => text.to_string(),
    };
    format!("[{}]", texts.iter().map(literal).collect::<Vec<_>>().join(", "))
}

pub(crate) fn strings(value: &Value) -> Vec<&str> {
    value.as_array().into_iter().flatten().filter_map(Value::as_str).collect()
}
