//! Objects as they may be kept: without what nobody reads, and without secrets.

use prodrome_plugin::Object;
use serde_json::{Map, Value};

/// Longer texts are cut.
const TEXT_MAX: usize = 400;
/// More items of a list are left out.
const ITEMS_MAX: usize = 32;
/// Fields that hold values which may be secrets, whatever kind they stand in.
const SECRET_MAPS: [&str; 3] = ["data", "binaryData", "stringData"];
/// Metadata that says nothing about how it was.
const LEFT_OUT: [&str; 4] = ["managedFields", "selfLink", "uid", "generateName"];

/// An object's spec, status and metadata.
pub(crate) fn object(object: &Object) -> Value {
    let Value::Object(mut map) = object.json().clone() else { return Value::Null };
    if let Some(metadata) = map.get_mut("metadata").and_then(Value::as_object_mut) {
        metadata.retain(|key, _| !LEFT_OUT.contains(&key.as_str()));
        if let Some(annotations) = metadata.get_mut("annotations").and_then(Value::as_object_mut) {
            // The whole object once more, values of variables included.
            annotations.retain(|key, _| !key.ends_with("last-applied-configuration"));
        }
    }
    for key in SECRET_MAPS {
        if let Some(values) = map.get_mut(key) {
            *values = keys(values);
        }
    }
    plain(Value::Object(map))
}

/// The keys of a map, without its values.
pub(crate) fn keys(map: &Value) -> Value {
    map.as_object().map(|map| map.keys().take(ITEMS_MAX).cloned().collect()).unwrap_or_default()
}

/// Cut and masked. The value of an environment variable may be a secret, and is not kept.
pub(crate) fn plain(value: Value) -> Value {
    match value {
        Value::String(text) => Value::String(cut(prodrome_redact::redact_string(text))),
        Value::Array(items) => items.into_iter().take(ITEMS_MAX).map(plain).collect(),
        Value::Object(map) => Value::Object(map.into_iter().map(field).collect::<Map<_, _>>()),
        other => other,
    }
}

fn field((key, value): (String, Value)) -> (String, Value) {
    if key != "env" {
        return (key, plain(value));
    }
    let mut variables = value;
    for variable in variables.as_array_mut().into_iter().flatten() {
        if let Some(value) = variable.get_mut("value") {
            *value = Value::from("…");
        }
    }
    (key, plain(variables))
}

pub(crate) fn cut(text: String) -> String {
    if text.chars().nth(TEXT_MAX).is_none() {
        return text;
    }
    text.chars().take(TEXT_MAX - 1).chain(['…']).collect()
}
