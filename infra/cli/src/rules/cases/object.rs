//! The objects of a case: from files, patched, or written out, with times since its start.

use super::super::located::{Node, Tree};
use super::{Mistake, Reader};
use crate::objects;
use jiff::Timestamp;
use prodrome_model::{ObjectHead, Resource};
use prodrome_recording::play::merge_patch;
use prodrome_rules::parse_duration;
use serde_json::{Map, Value};
use std::path::Path;

impl Reader<'_> {
    /// A file by its name, `{use, with}`, or an object written out.
    pub(super) fn object(&mut self, node: &Node, start: Timestamp) -> Option<(Resource, Map<String, Value>)> {
        let value = match &node.value {
            Tree::Text(_) => self.used(node, start)?,
            Tree::Map(_) if node.get("use").is_some() => {
                self.keys(node, &["use", "with"])?;
                let mut value = self.used(node.get("use")?, start)?;
                if let Some(patch) = node.get("with") {
                    let Tree::Map(_) = patch.value else {
                        return self.wrong(patch, "a map: a JSON merge patch");
                    };
                    let file = self.file;
                    merge_patch(&mut value, &self.value(file, patch, start)?);
                }
                value
            }
            Tree::Map(_) => {
                let file = self.file;
                self.value(file, node, start)?
            }
            _ => return self.wrong(node, "a file of testdata/, {use: FILE, with: PATCH} or an object"),
        };
        let Value::Object(mut object) = value else { return self.wrong(node, "an object") };
        let text = |value: Option<&Value>| value.and_then(Value::as_str).unwrap_or_default().to_owned();
        let (api_version, kind) = (text(object.get("apiVersion")), text(object.get("kind")));
        let name = text(object.get("metadata").and_then(|m| m.get("name")));
        if api_version.is_empty() || kind.is_empty() || name.is_empty() {
            return self.tell(node, "an object needs apiVersion, kind and metadata.name");
        }
        let resource = objects::resource_of(&api_version, &kind, object.get("metadata"));
        if let Some(Value::Object(metadata)) = object.get_mut("metadata") {
            let namespace = text(metadata.get("namespace"));
            metadata.entry("uid").or_insert_with(|| format!("{kind}/{namespace}/{name}").into());
        }
        if let Err(error) = serde_json::from_value::<ObjectHead>(Value::Object(object.clone())) {
            return self.tell(node, &format!("this is no Kubernetes object: {error}"));
        }
        Some((resource, object))
    }

    /// The object of a file.
    fn used(&mut self, node: &Node, start: Timestamp) -> Option<Value> {
        let name = self.text(node)?;
        let plain = !name.is_empty() && !name.contains("..") && !name.starts_with('/');
        let path = self.file.with_file_name("testdata").join(&name);
        match self.data.get(&path) {
            Ok(Some(object)) if plain => self.value(&path, &object, start),
            Ok(_) => self.tell(node, &format!("there is no object file {}", path.display())),
            Err(mistake) => {
                self.mistakes.push(mistake);
                None
            }
        }
    }

    /// JSON, with every `@5m` turned into a time.
    fn value(&mut self, file: &Path, node: &Node, start: Timestamp) -> Option<Value> {
        Some(match &node.value {
            Tree::Null => Value::Null,
            Tree::Bool(value) => (*value).into(),
            Tree::Number(number) => Value::Number(number.clone()),
            Tree::Text(text) => match moment(text, start) {
                Moment::None => text.clone().into(),
                Moment::At(at) => at.to_string().into(),
                Moment::Bad => {
                    let text = format!("expected a time such as \"@5m\" or \"@-1h30m\", found {text:?}");
                    self.mistakes.push(Mistake {
                        file: file.to_owned(),
                        line: node.line,
                        column: node.column,
                        text,
                    });
                    return None;
                }
            },
            Tree::List(nodes) => {
                let values: Vec<_> = nodes.iter().map(|node| self.value(file, node, start)).collect();
                Value::Array(values.into_iter().collect::<Option<_>>()?)
            }
            Tree::Map(entries) => {
                let values: Vec<_> = entries
                    .iter()
                    .map(|(key, node)| Some((key.clone(), self.value(file, node, start)?)))
                    .collect();
                Value::Object(values.into_iter().collect::<Option<_>>()?)
            }
        })
    }
}

/// What a text says of a time.
pub(super) enum Moment {
    None,
    At(Timestamp),
    Bad,
}

/// `@5m`, `@-1d`: a time since the start.
pub(super) fn moment(text: &str, start: Timestamp) -> Moment {
    let Some(rest) = text.strip_prefix('@') else { return Moment::None };
    let (rest, sign) = match rest.strip_prefix('-') {
        Some(rest) => (rest, -1),
        None => (rest, 1),
    };
    if !rest.starts_with(|c: char| c.is_ascii_digit()) {
        return Moment::None;
    }
    let at = parse_duration(rest).and_then(|duration| start.checked_add(duration * sign).ok());
    at.map_or(Moment::Bad, Moment::At)
}

/// The bytes of an object, with a resourceVersion that counts.
pub(super) fn versioned(object: &Map<String, Value>, before: usize) -> Vec<u8> {
    let mut object = object.clone();
    if let Some(Value::Object(metadata)) = object.get_mut("metadata") {
        metadata.insert("resourceVersion".to_owned(), (before + 1).to_string().into());
    }
    Value::Object(object).to_string().into_bytes()
}
