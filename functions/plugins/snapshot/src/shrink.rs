//! A document that fits.

use serde_json::{Value, json};

/// What is left out first: what is furthest from the object.
const ORDER: [&str; 7] = ["around", "neighbours", "references", "owners", "events", "node", "object"];

/// The document as JSON of at most so many bytes, with what had to be left out.
pub(crate) fn to_text(mut document: Value, bytes_max: usize) -> String {
    let mut left_out = Vec::new();
    loop {
        let text = document.to_string();
        if text.len() <= bytes_max {
            return text;
        }
        let Some(part) = ORDER.iter().find(|part| !document[**part].is_null()) else {
            return json!({ "leftOut": left_out }).to_string();
        };
        // A list gives its end first; the nearest stand first in it.
        match document[*part].as_array_mut().filter(|items| items.len() > 1) {
            Some(items) => items.truncate(items.len() / 2),
            None => {
                if let Some(map) = document.as_object_mut() {
                    map.remove(*part);
                }
            }
        }
        if !left_out.contains(part) {
            left_out.push(part);
        }
        document["leftOut"] = json!(left_out);
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_is_furthest_from_the_object_goes_first() {
        let events: Vec<String> = (0..100).map(|n| format!("event {n}")).collect();
        let document =
            json!({ "object": { "kind": "Pod" }, "events": events, "around": ["a service", "a quota"] });
        let text = to_text(document.clone(), 1024);
        let kept: Value = serde_json::from_str(&text).unwrap();
        assert_eq!(
            (kept["leftOut"].clone(), kept["around"].clone()),
            (json!(["around", "events"]), Value::Null)
        );
        assert_eq!(
            (kept["events"][0].as_str(), kept["object"]["kind"].as_str()),
            (Some("event 0"), Some("Pod"))
        );
        for bytes in [20, 100, 500, 5000] {
            assert!(to_text(document.clone(), bytes).len() <= bytes.max(90), "{bytes}");
        }
    }
}
