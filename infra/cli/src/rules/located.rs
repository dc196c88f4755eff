//! YAML whose every value knows where it stands, so that all mistakes of a file can be told, each with its line.

use crate::objects;
use serde::Deserialize;
use serde::de::{Deserializer, MapAccess, SeqAccess, Visitor};
use serde_saphyr::Spanned;
use std::fmt;

/// A value and its place.
#[derive(Debug, Clone, PartialEq)]
pub(super) struct Node {
    /// From 1.
    pub(super) line: u64,
    /// From 1.
    pub(super) column: u64,
    pub(super) value: Tree,
}

/// A value.
#[derive(Debug, Clone, PartialEq)]
pub(super) enum Tree {
    Null,
    Bool(bool),
    Number(serde_json::Number),
    Text(String),
    List(Vec<Node>),
    Map(Vec<(String, Node)>),
}

/// Reads one document.
pub(super) fn parse(text: &str) -> Result<Node, serde_saphyr::Error> {
    serde_saphyr::from_str_with_options(text, objects::yaml_options())
}

impl Node {
    /// What it is, for messages.
    pub(super) fn describe(&self) -> String {
        match &self.value {
            Tree::Null => "nothing".to_owned(),
            Tree::Bool(value) => value.to_string(),
            Tree::Number(value) => value.to_string(),
            Tree::Text(text) => format!("{text:?}"),
            Tree::List(_) => "a list".to_owned(),
            Tree::Map(_) => "a map".to_owned(),
        }
    }

    /// The value of a key, of a map.
    pub(super) fn get(&self, key: &str) -> Option<&Self> {
        match &self.value {
            Tree::Map(entries) => entries.iter().find(|(name, _)| name == key).map(|(_, node)| node),
            _ => None,
        }
    }
}

impl<'de> Deserialize<'de> for Node {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        let Spanned { value, referenced, .. } = Spanned::<Tree>::deserialize(deserializer)?;
        Ok(Self { line: referenced.line(), column: referenced.column(), value })
    }
}

impl<'de> Deserialize<'de> for Tree {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        struct TreeVisitor;

        impl<'de> Visitor<'de> for TreeVisitor {
            type Value = Tree;

            fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                f.write_str("a YAML value")
            }

            fn visit_bool<E>(self, value: bool) -> Result<Tree, E> {
                Ok(Tree::Bool(value))
            }

            fn visit_i64<E>(self, value: i64) -> Result<Tree, E> {
                Ok(Tree::Number(value.into()))
            }

            fn visit_u64<E>(self, value: u64) -> Result<Tree, E> {
                Ok(Tree::Number(value.into()))
            }

            fn visit_f64<E>(self, value: f64) -> Result<Tree, E> {
                // What JSON has no number for stays a text.
                Ok(serde_json::Number::from_f64(value)
                    .map_or_else(|| Tree::Text(value.to_string()), Tree::Number))
            }

            fn visit_str<E>(self, text: &str) -> Result<Tree, E> {
                Ok(Tree::Text(text.to_owned()))
            }

            fn visit_unit<E>(self) -> Result<Tree, E> {
                Ok(Tree::Null)
            }

            fn visit_none<E>(self) -> Result<Tree, E> {
                Ok(Tree::Null)
            }

            fn visit_some<D: Deserializer<'de>>(self, deserializer: D) -> Result<Tree, D::Error> {
                Tree::deserialize(deserializer)
            }

            fn visit_seq<A: SeqAccess<'de>>(self, mut list: A) -> Result<Tree, A::Error> {
                let mut nodes = Vec::new();
                while let Some(node) = list.next_element()? {
                    nodes.push(node);
                }
                Ok(Tree::List(nodes))
            }

            fn visit_map<A: MapAccess<'de>>(self, mut map: A) -> Result<Tree, A::Error> {
                let mut entries = Vec::new();
                while let Some(entry) = map.next_entry()? {
                    entries.push(entry);
                }
                Ok(Tree::Map(entries))
            }
        }

        deserializer.deserialize_any(TreeVisitor)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_value_knows_its_place() {
        let node = parse(
            "- name: a\n  steps: [ { at: 5s, n: 3 } ]\n- { x: \"@0s\",\n    y: [true, 1.5, null], n: y }\n",
        )
        .unwrap();
        let Tree::List(items) = &node.value else { panic!("{node:?}") };
        let at = |node: &Node| (node.line, node.column);
        assert_eq!(at(items[0].get("name").unwrap()), (1, 9));
        let Tree::List(steps) = &items[0].get("steps").unwrap().value else { panic!() };
        assert_eq!((at(&steps[0]), at(steps[0].get("at").unwrap())), ((2, 12), (2, 18)));
        assert_eq!(steps[0].get("n").unwrap().value, Tree::Number(3.into()));
        assert_eq!(items[1].get("x").unwrap().value, Tree::Text("@0s".into()));
        assert_eq!(at(items[1].get("y").unwrap()), (4, 8));
        assert_eq!(items[1].get("n").unwrap().value, Tree::Text("y".into()));
    }
}
