//! What tells a broken object from a healthy one of its kind, where no convention does.

use super::symptom::Symptom;
use super::vocabulary::camel;
use prodrome_model::Resource;
use serde_json::{Map, Value, json};
use std::collections::BTreeMap;

/// How many differences are of use to a reader.
const FOUND_MAX: usize = 8;
/// A longer text is a message, and another each time.
const WORD_MAX: usize = 40;

/// A value's place: the keys to it, and the element of a list that it is in.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord)]
struct Place {
    field: Vec<String>,
    /// By which key and value the element is known, and the keys from it on.
    element: Option<(String, String, Vec<String>)>,
}

/// What differs in status and spec, of what is not another in every object.
pub(super) fn find(resource: &Resource, bad: &Map<String, Value>, well: &Map<String, Value>) -> Vec<Symptom> {
    let mut found = Vec::new();
    for (part, rank) in [("status", 30), ("spec", 10)] {
        let leaves = |object: &Map<String, Value>| {
            let mut leaves = BTreeMap::new();
            if let Some(value) = object.get(part) {
                let place = Place { field: vec![part.to_owned()], element: None };
                collect(value, &place, &mut leaves);
            }
            leaves
        };
        let (bad_leaves, well_leaves) = (leaves(bad), leaves(well));
        let places: std::collections::BTreeSet<&Place> =
            bad_leaves.keys().chain(well_leaves.keys()).collect();
        for place in places {
            let (have, good) = (bad_leaves.get(place), well_leaves.get(place));
            if let Some((more, check, words)) = ask(place, have, good) {
                let turned = Map::from_iter([
                    ("apiVersion".to_owned(), bad.get("apiVersion").cloned().unwrap_or_default()),
                    ("kind".to_owned(), bad.get("kind").cloned().unwrap_or_default()),
                    ("metadata".to_owned(), bad.get("metadata").cloned().unwrap_or_default()),
                    ("spec".to_owned(), well.get("spec").cloned().unwrap_or_default()),
                    ("status".to_owned(), well.get("status").cloned().unwrap_or_default()),
                ]);
                found.push(symptom(resource, rank + more, place, check, words, turned));
            }
        }
    }
    found.sort_by_key(|symptom| std::cmp::Reverse(symptom.rank));
    found.truncate(FOUND_MAX);
    found
}

fn symptom(
    resource: &Resource,
    rank: u8,
    place: &Place,
    check: Value,
    words: String,
    turned: Map<String, Value>,
) -> Symptom {
    let last = place.element.as_ref().and_then(|(_, _, keys)| keys.last()).or(place.field.last());
    let name = format!("{}Differs", camel(last.map_or("", String::as_str)));
    Symptom {
        rank,
        words,
        name,
        check: vec![check],
        filter: vec![json!({ "field": ["metadata", "deletionTimestamp"], "nilValue": true })],
        since: None,
        duration: "10m",
        gap_tolerance: None,
        summary: format!(
            "{{metadata.name}}: {} is not as it ought to be in a {}",
            place.words(),
            resource.kind
        ),
        began: None,
        turned,
        another: None,
    }
}

/// The condition that holds of the one and not of the other, how telling it is, and the difference in words.
fn ask(place: &Place, have: Option<&Value>, good: Option<&Value>) -> Option<(u8, Value, String)> {
    let mut check = place.condition();
    let mut add = |operator: &str, value: Value| {
        check[operator] = value;
        check.clone()
    };
    let at = place.words();
    let shown = |value: &Value| value.as_str().map_or_else(|| value.to_string(), str::to_owned);
    Some(match (have, good) {
        (Some(have), Some(good)) if have == good => return None,
        (Some(Value::Bool(have)), Some(_)) => {
            (9, add("equalValue", json!([have])), format!("its {at} is {have}"))
        }
        (Some(Value::String(have)), Some(good)) if is_word(have) => {
            (8, add("equalValue", json!([have])), format!("its {at} is {have}, not {}", shown(good)))
        }
        (Some(Value::Number(have)), Some(Value::Number(good))) => {
            let (have_value, good_value) = (have.as_f64()?, good.as_f64()?);
            let operator = if have_value < good_value { "lessThan" } else { "greaterThan" };
            (4, add(operator, json!(good)), format!("its {at} is {have}, not {good}"))
        }
        (Some(have), None) => (6, add("nilValue", json!(false)), format!("its {at} is set: {}", shown(have))),
        (None, Some(good)) => {
            (5, add("nilValue", json!(true)), format!("its {at} is not set, as is {}", shown(good)))
        }
        _ => return None,
    })
}

/// A word of a closed set, rather than a name, an address, a time or a message.
fn is_word(text: &str) -> bool {
    !text.is_empty()
        && text.len() <= WORD_MAX
        && text.chars().all(|c| c.is_ascii_alphabetic() || " -_".contains(c))
}

/// Keys under which each object has a value of its own.
fn is_own(key: &str) -> bool {
    let lower = key.to_ascii_lowercase();
    [
        "uid",
        "resourceversion",
        "generation",
        "hash",
        "name",
        "revision",
        "token",
        "id",
        "ip",
        "address",
        "hostname",
    ]
    .iter()
    .any(|own| lower.ends_with(own))
        || ["time", "timestamp", "at", "date", "ips"].iter().any(|own| lower.ends_with(own))
        || matches!(&*lower, "message" | "node" | "image" | "imageid" | "url" | "host")
}

fn collect(value: &Value, place: &Place, leaves: &mut BTreeMap<Place, Value>) {
    match value {
        Value::Object(entries) => {
            for (key, value) in entries.iter().filter(|(key, _)| !is_own(key)) {
                let mut place = place.clone();
                match &mut place.element {
                    Some((_, _, keys)) => keys.push(key.clone()),
                    None => place.field.push(key.clone()),
                }
                collect(value, &place, leaves);
            }
        }
        // Of lists in lists no single element can be asked for.
        Value::Array(items) if place.element.is_none() => {
            for item in items {
                let label =
                    ["type", "name"].into_iter().find_map(|key| Some((key, item.get(key)?.as_str()?)));
                if let Some((key, text)) = label {
                    let element = Some((key.to_owned(), text.to_owned(), Vec::new()));
                    collect(item, &Place { element, ..place.clone() }, leaves);
                }
            }
        }
        Value::Array(_) | Value::Null => {}
        scalar => {
            let is_label = place
                .element
                .as_ref()
                .is_some_and(|(label, _, keys)| *keys == [label.clone()] || keys.is_empty());
            if !is_label {
                leaves.insert(place.clone(), scalar.clone());
            }
        }
    }
}

impl Place {
    fn condition(&self) -> Value {
        let mut condition = json!({ "field": self.field });
        if let Some((key, text, keys)) = &self.element {
            condition["subIdentifierName"] = json!(key);
            condition["subIdentifierValue"] = json!([text]);
            condition["subField"] = json!(keys);
        }
        condition
    }

    fn words(&self) -> String {
        match &self.element {
            None => self.field.join("."),
            Some((_, text, keys)) => format!("{}[{text}].{}", self.field.join("."), keys.join(".")),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_is_another_in_every_object_is_no_difference() {
        let object = |status: Value| match json!({ "kind": "Thing", "metadata": { "name": "a" }, "status": status })
        {
            Value::Object(object) => object,
            _ => unreachable!("it is a map"),
        };
        let resource = Resource {
            group: "x.example".to_owned(),
            version: "v1".to_owned(),
            kind: "Thing".to_owned(),
            plural: "things".to_owned(),
            namespaced: true,
        };
        let bad = object(
            json!({ "podIP": "10.0.0.1", "mode": "Follower", "lag": 900, "startedAt": "2026-01-01T00:00:00Z", "alarm": "x", "members": [{ "name": "m", "up": false }], "message": "bad" }),
        );
        let well = object(
            json!({ "podIP": "10.0.0.2", "mode": "Leader", "lag": 3, "startedAt": "2026-01-02T00:00:00Z", "members": [{ "name": "m", "up": true }], "quorum": true, "message": "good" }),
        );
        let found: Vec<(String, String)> = find(&resource, &bad, &well)
            .into_iter()
            .map(|symptom| (symptom.words, symptom.check[0].to_string()))
            .collect();
        let told = |words: &str, check: Value| (words.to_owned(), check.to_string());
        assert_eq!(
            found,
            [
                told(
                    "its status.members[m].up is false",
                    json!({ "field": ["status", "members"], "subIdentifierName": "name", "subIdentifierValue": ["m"], "subField": ["up"], "equalValue": [false] })
                ),
                told(
                    "its status.mode is Follower, not Leader",
                    json!({ "field": ["status", "mode"], "equalValue": ["Follower"] })
                ),
                told(
                    "its status.alarm is set: x",
                    json!({ "field": ["status", "alarm"], "nilValue": false })
                ),
                told(
                    "its status.quorum is not set, as is true",
                    json!({ "field": ["status", "quorum"], "nilValue": true })
                ),
                told("its status.lag is 900, not 3", json!({ "field": ["status", "lag"], "greaterThan": 3 })),
            ]
        );
    }
}
