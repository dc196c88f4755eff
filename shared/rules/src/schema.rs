//! The language as a JSON Schema, for editors to complete and check rule files with.

use crate::language::{self, Keys, Word, list, reference};
use serde_json::{Map, Value, json};

/// The JSON Schema (draft 2020-12) of a rule file: what `rules/schema.json` holds.
///
/// A little laxer than [`load`](crate::load), which also looks into regular expressions, templates, numbers
/// and the keys that exclude each other.
pub fn schema() -> Value {
    let key = "^([A-Z][A-Za-z0-9]{0,62}|defaults|let)$";
    let mut schema = json!({
        "$schema": "https://json-schema.org/draft/2020-12/schema",
        "title": "Prodrome rules",
        "description": "A map from rule names to rules.",
        "type": "object",
        "propertyNames": {"pattern": key},
        "properties": {
            "defaults": reference("defaults"),
            "let": {
                "description": "Named lists of conditions, and named values; `use` puts them in place.",
                "type": "object",
                "propertyNames": {"pattern": "^[A-Za-z][A-Za-z0-9]*$"},
                "additionalProperties": reference("named"),
            },
        },
        "additionalProperties": reference("rule"),
        "$defs": {
            "rule": {
                "description": "Whom it is about, what is wrong, for how long, and whom it is told.",
                "anyOf": [{"required": ["checkField"]}, {"required": ["reference"]}, {"required": ["period", "plugin"]}],
                "type": "object",
                "required": ["resource"],
                "properties": properties(&language::RULE),
                "additionalProperties": false,
            },
            "defaults": map(&language::DEFAULTS, &[]),
            "named": named(),
            "use": map(&language::USE, &["use"]),
            "namespaces": globs(&language::NAMESPACES),
            "clauses": list(&reference("clause")),
            "clause": {"oneOf": [reference("condition"), map(&language::ANY_OF_CLAUSE, &["anyOf"]), reference("use")]},
            "condition": one_operator(map(&language::CONDITION, &["field"])),
            "parts": list(&reference("part")),
            "part": {"oneOf": [reference("elementCondition"), map(&language::ANY_OF_PART, &["anyOf"]), reference("use")]},
            "elementCondition": one_operator(map(&language::PART, &[])),
            "since": map(&language::SINCE, &["field"]),
            "sincePlace": map(&language::SINCE_PLACE, &["field"]),
            "sinceSeveral": with(map(&language::SINCE_SEVERAL, &[]), "oneOf", json!([
                {"required": ["earliest"]}, {"required": ["latest"]},
            ])),
            "frequency": map(&language::FREQUENCY, &["count", "within"]),
            "pluginName": {"type": "string", "pattern": "^[a-z][a-z0-9-]{0,39}$"},
            "plugin": map(&language::PLUGIN, &["name"]),
            "reference": with(map(&language::REFERENCE, &["resource"]), "allOf", json!([
                {"oneOf": [{"required": ["name"]}, {"required": ["selector"]}]},
                {"oneOf": [{"required": ["exists"]}, {"anyOf": [{"required": ["checkField"]}, {"required": ["reference"]}]}]},
            ])),
            "referenceGroup": map(&language::REFERENCE_GROUP, &["anyOf"]),
            "kindField": map(&language::KIND_FIELD, &["field"]),
            "kind": {
                "description": "A kind: `Pod`, `apps/Deployment`, `argoproj.io/v1alpha1/Rollout`. One written \
                    alone means Kubernetes' own kind of that name, else that of any group.",
                "type": "string",
                "pattern": "^([a-z0-9.-]+/){0,2}[A-Za-z][A-Za-z0-9]*$",
            },
            "path": {
                "description": "Keys, one after another. A key is literal and may hold dots and slashes; where \
                    the path meets a list it goes into every element.",
                "type": "array",
                "minItems": 1,
                "items": {"type": ["string", "number", "boolean"], "minLength": 1},
            },
            "scalar": {
                "description": "Compared by its text: false is the same as \"false\".",
                "type": ["string", "number", "boolean"],
            },
            "quantity": {
                "description": "A number, or a Kubernetes quantity such as \"100m\" or \"1.5Gi\".",
                "oneOf": [{"type": "number"}, {"type": "string", "pattern": "^[+-]?[0-9.]+([eE][+-]?[0-9]+|[numkMGTPE]|[KMGTPE]i)?$"}],
            },
            "duration": {
                "description": "Seconds as a number, or a duration such as \"5m\", \"1h30m\", \"2d\".",
                "oneOf": [
                    {"type": "integer", "minimum": 0},
                    {"type": "string", "pattern": "^([0-9]+w)?([0-9]+d)?([0-9]+h)?([0-9]+m)?([0-9]+s)?$", "minLength": 2},
                ],
            },
        },
    });
    // The macro takes no more at once.
    schema["$defs"]["clusters"] = clusters();
    schema
}

/// What to include, or that and what to exclude.
fn globs(keys: &Keys) -> Value {
    json!({"oneOf": [list(&reference("scalar")), map(keys, &[])]})
}

fn clusters() -> Value {
    let about = "A glob is matched against a cluster's name; one with a slash against the whole tenant/region/cluster.";
    with(globs(&language::CLUSTERS), "description", json!(about))
}

/// What a `let` may name: conditions, alternatives, a text or several, a `since`, a reference. Editors offer in a list
/// what conditions have.
fn named() -> Value {
    let conditions = json!({"anyOf": [reference("clause"), reference("part")]});
    let scalars = list(&json!({"oneOf": [reference("scalar"), reference("use")]}));
    json!({"anyOf": [
        list(&conditions),
        list(&json!({"anyOf": [list(&conditions), conditions]})),
        conditions,
        reference("scalar"),
        scalars,
        reference("since"),
        reference("sinceSeveral"),
        reference("reference"),
        reference("referenceGroup"),
        // Several paths of a `since`.
        list(&json!({"anyOf": [reference("path"), reference("sincePlace")]})),
    ]})
}

fn map(keys: &Keys, required: &[&str]) -> Value {
    let mut map = json!({
        "type": "object",
        "properties": properties(keys),
        "additionalProperties": false,
    });
    if !required.is_empty() {
        map["required"] = json!(required);
    }
    map
}

fn properties(keys: &Keys) -> Value {
    let property = |word: &Word| {
        let mut schema = (word.schema)();
        // Beside a `$ref` a description is allowed since draft 2019-09.
        schema["description"] = json!(word.about);
        (word.name.to_owned(), schema)
    };
    Value::Object(keys.known.iter().map(property).collect::<Map<_, _>>())
}

/// A condition with exactly one of the operators, or `each`.
fn one_operator(condition: Value) -> Value {
    let has_each = condition["properties"].get("each").is_some();
    let operators = language::OPERATORS.iter().map(|word| word.name).chain(has_each.then_some("each"));
    let one_of: Vec<Value> = operators.map(|name| json!({"required": [name]})).collect();
    with(condition, "oneOf", json!(one_of))
}

fn with(mut map: Value, key: &str, value: Value) -> Value {
    map[key] = value;
    map
}
