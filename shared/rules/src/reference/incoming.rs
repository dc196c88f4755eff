//! References the other way round: who refers to this object.

use super::{NamespaceFrom, Reference, Target, Way, beside, descend, read_selector};
use crate::condition::{Context, all_hold};
use crate::json::Node;
use crate::reference::Namespace;
use crate::value::{self, Path, Trail, print_path};
use jiff::Timestamp;
use prodrome_model::LabelSelector;
use std::collections::BTreeMap;

impl Reference {
    /// Where those are looked for that may refer to this object, and what they would have to say.
    pub(super) fn referrers(&self, object: &Node<'_>) -> Option<(Target, String)> {
        let name = metadata(object, "name")?;
        let kind = self.kind_at(&[Some(object)], &[])?;
        let namespace = match self.namespace {
            None | Some(NamespaceFrom::Same) => Namespace::Same,
            Some(NamespaceFrom::None | NamespaceFrom::Field(_)) => Namespace::None,
        };
        let (named, how) = match &self.way {
            Way::Named { paths, .. } => {
                let paths: Vec<_> = paths.iter().map(|path| print_path(path)).collect();
                (Some(name.to_owned()), format!("names it in {}", paths.join(" or ")))
            }
            Way::Selected(path) => (None, format!("selects it by {}", print_path(path))),
        };
        let line = format!("{} {how}", kind.kind);
        Some((Target::Referrers { kind, namespace, name: named }, line))
    }

    /// Whether the one object refers to the other, by an incoming reference of the other's rule.
    pub fn refers_to(&self, referrer: &Node<'_>, object: &Node<'_>) -> bool {
        let Some(name) = metadata(object, "name") else { return false };
        let namespace = metadata(object, "namespace");
        match &self.way {
            Way::Named { .. } => self.named_by(referrer).iter().any(|(named, place)| {
                named == name && (namespace.is_none() || place.as_deref() == namespace)
            }),
            Way::Selected(path) => {
                let labels = labels(object);
                let here = namespace.is_none() || metadata(referrer, "namespace") == namespace;
                let mut selects = false;
                value::places(Some(referrer), path, &Trail::Root, &mut |node, trail| {
                    value::elements(node, None, trail, &mut |element, _| {
                        let selector: Option<LabelSelector> = element.and_then(read_selector);
                        selects |= here && selector.is_some_and(|selector| selector.selects(&labels));
                    });
                });
                selects
            }
        }
    }

    /// The names that an object has under the paths of an incoming reference, each with its namespace.
    pub fn named_by(&self, referrer: &Node<'_>) -> Vec<(String, Option<String>)> {
        let Way::Named { paths, unless } = &self.way else { return Vec::new() };
        let mut names = Vec::new();
        let context = Context { root: referrer, now: Timestamp::UNIX_EPOCH };
        for path in paths {
            descend(&mut vec![Some(referrer)], path, &Trail::Root, &mut |way, _| {
                let [.., holder, name] = way else { return };
                let Some(name) = name.and_then(Node::text).filter(|name| !name.is_empty()) else { return };
                if !unless.is_empty() && all_hold(unless, *holder, context) {
                    return;
                }
                names.push((name.to_owned(), self.place_of(way, path, referrer)));
            });
        }
        names
    }

    fn place_of(&self, way: &[Option<&Node<'_>>], path: &Path, referrer: &Node<'_>) -> Option<String> {
        let own = || metadata(referrer, "namespace").map(str::to_owned);
        match &self.namespace {
            Some(NamespaceFrom::Field(field)) => beside(way, path, field).map(str::to_owned).or_else(own),
            Some(NamespaceFrom::None) => None,
            None | Some(NamespaceFrom::Same) => own(),
        }
    }
}

fn metadata<'n>(object: &'n Node<'_>, key: &str) -> Option<&'n str> {
    object.get(&["metadata", key]).and_then(Node::text).filter(|text| !text.is_empty())
}

fn labels(object: &Node<'_>) -> BTreeMap<String, String> {
    let entries = object.get(&["metadata", "labels"]).map(Node::entries).unwrap_or_default();
    entries
        .iter()
        .filter_map(|(key, node)| Some((key.clone().into_owned(), node.text()?.to_owned())))
        .collect()
}
