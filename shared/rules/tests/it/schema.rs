//! The JSON Schema is current, and accepts what the language accepts.

use crate::founding::FOUNDING;
use serde_json::Value;
use std::collections::{BTreeMap, BTreeSet, HashMap};
use std::path::PathBuf;
use std::sync::{LazyLock, Mutex};

pub(crate) fn repository() -> PathBuf {
    PathBuf::from(env!("CARGO_MANIFEST_DIR")).join("../..")
}

#[test]
fn the_published_schema_is_current() {
    let text = std::fs::read_to_string(repository().join("rules/schema.json")).unwrap();
    let published: Value = serde_json::from_str(&text).unwrap();
    assert!(
        published == prodrome_rules::schema(),
        "rules/schema.json is old; run: cargo run -p prodrome-rules --example schema > rules/schema.json"
    );
}

#[test]
fn the_founding_examples_validate() {
    let documents = serde_json::Deserializer::from_str(FOUNDING).into_iter::<Value>();
    for document in documents {
        assert_eq!(errors(&document.unwrap()), [""; 0]);
    }
}

#[test]
fn mistakes_do_not_validate() {
    let condition =
        |condition: &str| format!(r#"{{"R": {{"resource": "Pod", "checkField": [{condition}]}}}}"#);
    for text in [
        r#"{"r": {"resource": "Pod", "checkField": [{"field": ["a"], "nilValue": true}]}}"#.to_owned(),
        r#"{"R": {"resource": "Pod"}}"#.to_owned(),
        r#"{"R": {"checkField": [{"field": ["a"], "nilValue": true}]}}"#.to_owned(),
        r#"{"R": {"resource": "Pod", "sevirity": "P1", "checkField": [{"field": ["a"], "nilValue": true}]}}"#.to_owned(),
        r#"{"R": {"resource": "Pod", "severity": "p1", "checkField": [{"field": ["a"], "nilValue": true}]}}"#.to_owned(),
        r#"{"R": {"resource": "Pod", "duration": "5min", "checkField": [{"field": ["a"], "nilValue": true}]}}"#.to_owned(),
        r#"{"R": {"resource": "Pod", "duration": "1m", "reference": {"resource": "Node", "name": ["a"]}}}"#.to_owned(),
        r#"{"R": {"resource": "Pod", "duration": "1m", "reference": {"resource": "Node", "exists": false}}}"#.to_owned(),
        condition(r#"{"field": ["a"]}"#),
        condition(r#"{"field": ["a"], "nilValue": true, "equalValue": ["x"]}"#),
        condition(r#"{"field": [], "nilValue": true}"#),
        condition(r#"{"field": "a", "nilValue": true}"#),
        condition(r#"{"nilValue": true}"#),
        condition(r#"{"field": ["a"], "nilValue": "true"}"#),
        condition(r#"{"field": ["a"], "greaterThan": "5Gb"}"#),
        condition(r#"{"field": ["a"], "each": [{"field": ["b"], "nilValue": true}]}"#),
        condition(r#"{"anyOf": []}"#),
        condition(r#"{"anyOf": [[{"field": ["a"], "nilValue": true}]], "match": "all"}"#),
    ] {
        assert!(!errors(&serde_json::from_str(&text).unwrap()).is_empty(), "{text}");
    }
}

/// What is wrong with a rule file in JSON, by the schema.
pub(crate) fn errors(document: &Value) -> Vec<String> {
    static SCHEMA: LazyLock<Value> = LazyLock::new(prodrome_rules::schema);
    validate(&SCHEMA, &SCHEMA, document, "$")
}

fn pattern(text: &str) -> regex::Regex {
    static KNOWN: LazyLock<Mutex<HashMap<String, regex::Regex>>> = LazyLock::new(Mutex::default);
    let mut known = KNOWN.lock().unwrap();
    known.entry(text.to_owned()).or_insert_with(|| regex::Regex::new(text).unwrap()).clone()
}

/// The part of JSON Schema that the language's schema uses. A word that it does not know is a failure.
fn validate(root: &Value, schema: &Value, value: &Value, path: &str) -> Vec<String> {
    let count = |schemas: &Value| {
        schemas
            .as_array()
            .unwrap()
            .iter()
            .filter(|schema| validate(root, schema, value, path).is_empty())
            .count()
    };
    let unless = |fits: bool, what: String| if fits { vec![] } else { vec![format!("{path}: {what}")] };
    let check = |(word, argument): (&String, &Value)| match word.as_str() {
        "$schema" | "$defs" | "title" | "description" | "properties" => vec![],
        "$ref" => {
            let name = argument.as_str().unwrap().strip_prefix("#/$defs/").unwrap();
            validate(root, &root["$defs"][name], value, path)
        }
        "type" => {
            let types = argument.as_array().cloned().unwrap_or_else(|| vec![argument.clone()]);
            let fits = types.iter().any(|name| match name.as_str().unwrap() {
                "object" => value.is_object(),
                "array" => value.is_array(),
                "string" => value.is_string(),
                "number" => value.is_number(),
                "integer" => value.is_u64() || value.is_i64(),
                "boolean" => value.is_boolean(),
                other => panic!("unknown type {other}"),
            });
            unless(fits, format!("not of type {argument}"))
        }
        "const" => unless(value == argument, format!("not {argument}")),
        "enum" => unless(argument.as_array().unwrap().contains(value), format!("not among {argument}")),
        "oneOf" => {
            let fitting = count(argument);
            unless(fitting == 1, format!("fits {fitting} of the alternatives"))
        }
        "anyOf" => unless(count(argument) > 0, "fits none of the alternatives".to_owned()),
        "allOf" => {
            unless(count(argument) == argument.as_array().unwrap().len(), "does not fit all".to_owned())
        }
        "required" => {
            let keys = argument.as_array().unwrap().iter().map(|key| key.as_str().unwrap());
            let missing: Vec<&str> =
                keys.filter(|key| value.is_object() && value.get(key).is_none()).collect();
            unless(missing.is_empty(), format!("lacks {missing:?}"))
        }
        "propertyNames" => {
            let keys = value.as_object().into_iter().flat_map(|map| map.keys());
            keys.flat_map(|key| validate(root, argument, &Value::from(key.as_str()), path)).collect()
        }
        "additionalProperties" => {
            let entries = value.as_object().into_iter().flatten();
            let check = |(key, value): (&String, &Value)| {
                let at = format!("{path}.{key}");
                match schema.get("properties").and_then(|known| known.get(key)).unwrap_or(argument) {
                    Value::Bool(false) => vec![format!("{at}: unknown")],
                    schema => validate(root, schema, value, &at),
                }
            };
            entries.flat_map(check).collect()
        }
        "items" => {
            let items = value.as_array().into_iter().flatten().enumerate();
            items
                .flat_map(|(index, item)| validate(root, argument, item, &format!("{path}[{index}]")))
                .collect()
        }
        "minItems" => {
            let least = argument.as_u64().unwrap();
            unless(
                value.as_array().is_none_or(|items| items.len() as u64 >= least),
                "too few items".to_owned(),
            )
        }
        "minLength" => {
            let least = argument.as_u64().unwrap();
            unless(
                value.as_str().is_none_or(|text| text.chars().count() as u64 >= least),
                "too short".to_owned(),
            )
        }
        "minimum" => {
            let least = argument.as_i64().unwrap();
            unless(value.as_i64().is_none_or(|number| number >= least), "too small".to_owned())
        }
        "maximum" => {
            let most = argument.as_i64().unwrap();
            unless(value.as_i64().is_none_or(|number| number <= most), "too large".to_owned())
        }
        "pattern" => {
            let fits = |text| pattern(argument.as_str().unwrap()).is_match(text);
            unless(value.as_str().is_none_or(fits), format!("does not fit {argument}"))
        }
        other => panic!("the test does not know the schema's word {other}"),
    };
    schema.as_object().unwrap().iter().flat_map(check).collect()
}

/// What an editor offers to complete at a place: the keys there with what they mean, and the values. A step is a key, or
/// `[]` for an item of a list.
fn offered(steps: &[&str]) -> (BTreeMap<String, String>, BTreeSet<String>) {
    let root = prodrome_rules::schema();
    let mut at = vec![root.clone()];
    for step in steps {
        at = at
            .iter()
            .flat_map(|schema| alternatives(&root, schema))
            .filter_map(|schema| match *step {
                "[]" => schema.get("items").cloned(),
                key => schema["properties"].get(key).or(schema.get("additionalProperties")).cloned(),
            })
            .collect();
    }
    let (mut keys, mut values) = (BTreeMap::new(), BTreeSet::new());
    for schema in at.iter().flat_map(|schema| alternatives(&root, schema)) {
        for (key, property) in schema["properties"].as_object().into_iter().flatten() {
            keys.insert(key.clone(), property["description"].as_str().unwrap_or_default().to_owned());
        }
        let known = schema["enum"].as_array().into_iter().flatten();
        values.extend(known.filter_map(Value::as_str).map(str::to_owned));
    }
    (keys, values)
}

/// A schema with what its references and alternatives stand for.
fn alternatives(root: &Value, schema: &Value) -> Vec<Value> {
    let mut all = vec![schema.clone()];
    if let Some(name) = schema["$ref"].as_str().and_then(|name| name.strip_prefix("#/$defs/")) {
        all.extend(alternatives(root, &root["$defs"][name]));
    }
    for word in ["oneOf", "anyOf"] {
        let several = schema[word].as_array().into_iter().flatten();
        all.extend(several.flat_map(|schema| alternatives(root, schema)));
    }
    all
}

#[test]
fn editors_complete_what_the_language_has_and_say_what_it_means() {
    let manual = std::fs::read_to_string(repository().join("rules/README.md")).unwrap();
    let table = |head: &str| -> BTreeSet<String> {
        let rows =
            manual.split(head).nth(1).unwrap().lines().skip(2).take_while(|line| line.starts_with('|'));
        let firsts = rows.map(|row| row.split('|').nth(1).unwrap().to_owned());
        let keys =
            firsts.flat_map(|cell| cell.split('`').skip(1).step_by(2).map(str::to_owned).collect::<Vec<_>>());
        keys.collect()
    };
    let keys = |steps: &[&str]| offered(steps).0.into_keys().collect::<BTreeSet<_>>();
    assert_eq!(keys(&["R"]), table("| key | value | where absent | meaning |"), "of a rule");
    let operators = table("| operator | value | holds of a value that | fine print |");
    let mut condition = operators.clone();
    condition.extend(table("| key | value | meaning |"));
    condition.extend(["anyOf", "use"].map(str::to_owned));
    for list in ["filterField", "checkField"] {
        assert_eq!(keys(&["R", list, "[]"]), condition, "of a condition");
        assert_eq!(keys(&["R", list, "[]", "anyOf", "[]", "[]"]), condition, "of an alternative");
    }
    assert_eq!(keys(&["let", "alive", "[]"]), condition, "of what `let` names");
    let part = keys(&["R", "checkField", "[]", "each", "[]"]);
    assert!(part.is_superset(&operators) && !part.contains("field"), "{part:?}");
    assert!(keys(&["R", "reference"]).is_superset(&["exists", "selector", "name"].map(str::to_owned).into()));
    assert!(keys(&[]).is_superset(&["defaults", "let"].map(str::to_owned).into()));
    let values = |steps: &[&str]| offered(steps).1.into_iter().collect::<Vec<_>>().join(" ");
    for (steps, want) in [
        (&["R", "severity"][..], "P1 P2 P3 P4"),
        (&["R", "owner"], "cloud platform user"),
        (&["R", "checkField", "[]", "match"], "all any"),
        (&["R", "reference", "direction"], "incoming outgoing"),
        (&["R", "frequency", "by"], "namespace object owner"),
        (&["defaults", "severity"], "P1 P2 P3 P4"),
    ] {
        assert_eq!(values(steps), want, "{steps:?}");
    }
    for (name, schema) in prodrome_rules::schema()["$defs"].as_object().unwrap() {
        for (key, property) in schema["properties"].as_object().into_iter().flatten() {
            assert!(property["description"].as_str().is_some_and(|text| text.len() > 10), "{name}.{key}");
        }
    }
}

#[test]
fn every_shipped_rule_file_names_the_schema() {
    let first = "# yaml-language-server: $schema=schema.json\n";
    for file in crate::review::shipped() {
        assert!(file.text.starts_with(first), "{}: expected {first:?} as its first line", file.name);
    }
}
