//! What lies under a path: the values that a condition looks at.

use crate::json::Node;
use std::fmt;

/// Keys, one after another. A key is literal: it may hold dots and slashes.
pub(crate) type Path = Vec<String>;

/// One value found under a path. Arrays are never values: a path goes into every element.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Value<'n> {
    /// Absent, null, `[]` or `{}`, or a scalar where the path goes on.
    Missing,
    /// A scalar, by its text.
    Text(&'n str),
    /// An object that is not empty.
    Map,
}

impl<'n> Value<'n> {
    pub(crate) fn text(self) -> Option<&'n str> {
        match self {
            Self::Text(text) => Some(text),
            Self::Missing | Self::Map => None,
        }
    }

    /// What `nilValue: true` asks for: missing, or the empty string.
    pub(crate) fn is_nil(self) -> bool {
        matches!(self, Self::Missing | Self::Text(""))
    }
}

/// How a value was reached, to be written only when somebody asks.
#[derive(Clone, Copy)]
pub(crate) enum Trail<'t> {
    Root,
    Key(&'t Trail<'t>, &'t str),
    /// An element of an array; the key by which it was selected, if it was.
    Element(&'t Trail<'t>, usize, &'t Node<'t>, Option<&'t str>),
}

impl Trail<'_> {
    /// Whether it leads to the value of an environment variable: such a value is nobody's business.
    pub(crate) fn is_private(&self) -> bool {
        matches!(self, Self::Key(parent, VALUE) if parent.is_list_of(ENV))
    }

    /// The text before this one in its list.
    pub(crate) fn before<'n>(&self, root: &'n Node<'n>) -> Option<&'n str> {
        let Self::Element(list, index, ..) = self else { return None };
        let Node::List(items) = list.node(root)? else { return None };
        items.get(index.checked_sub(1)?)?.text()
    }

    /// What it leads to.
    fn node<'n>(&self, root: &'n Node<'n>) -> Option<&'n Node<'n>> {
        match self {
            Self::Root => Some(root),
            Self::Key(parent, key) => parent.node(root)?.child(key),
            Self::Element(parent, index, ..) => match parent.node(root)? {
                Node::List(items) => items.get(*index),
                _ => None,
            },
        }
    }

    fn is_list_of(&self, name: &str) -> bool {
        match self {
            Self::Root => false,
            Self::Key(_, key) => *key == name,
            Self::Element(parent, ..) => parent.is_list_of(name),
        }
    }
}

/// Where containers have their environment: in Pods, in templates of them, in what operators make of both.
const ENV: &str = "env";
const VALUE: &str = "value";

/// The same of a path.
pub(crate) fn is_private(path: &[String]) -> bool {
    path.ends_with(&[ENV.to_owned(), VALUE.to_owned()])
}

impl fmt::Display for Trail<'_> {
    /// `status.containerStatuses[name=sidecar].ready`, `metadata.labels['sae.component']`.
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Root => Ok(()),
            Self::Key(parent, key) => {
                parent.fmt(f)?;
                write_key(f, key, matches!(parent, Trail::Root))
            }
            Self::Element(parent, index, element, selected_by) => {
                parent.fmt(f)?;
                let label = |key: &str| element.child(key).and_then(Node::text).filter(|text| is_label(text));
                let is_shown = |key: &&str| *key != VALUE || !parent.is_list_of(ENV);
                let keys = selected_by.iter().copied().filter(is_shown).chain(["name", "type"]);
                match keys.into_iter().find_map(|key| Some((key, label(key)?))) {
                    Some((key, text)) => write!(f, "[{key}={text}]"),
                    None => write!(f, "[{index}]"),
                }
            }
        }
    }
}

/// A key of a printed path: plain where that is clear, else quoted in brackets.
pub(crate) fn write_key(f: &mut impl fmt::Write, key: &str, first: bool) -> fmt::Result {
    let plain = !key.is_empty() && key.chars().all(|c| c.is_ascii_alphanumeric() || c == '_' || c == '-');
    match (plain, first) {
        (true, true) => f.write_str(key),
        (true, false) => write!(f, ".{key}"),
        (false, _) => {
            write!(f, "['{}']", crate::text::one_line(&key.replace('\\', r"\\").replace('\'', r"\'")))
        }
    }
}

/// `status.phase`, `metadata.labels['sae.component']`.
pub(crate) fn print_path(path: &[String]) -> String {
    let mut text = String::new();
    for (index, key) in path.iter().enumerate() {
        // Writing to a String cannot fail.
        let _infallible = write_key(&mut text, key, index == 0);
    }
    text
}

/// Short and plain enough to name an element by.
fn is_label(text: &str) -> bool {
    !text.is_empty()
        && text.len() <= 63
        && text.chars().all(|c| c.is_ascii_alphanumeric() || "-._/:".contains(c))
}

/// Calls `visit` with each value under the path; at least once.
pub(crate) fn values<'n>(
    node: Option<&'n Node<'n>>,
    path: &[String],
    trail: &Trail<'_>,
    visit: &mut dyn FnMut(Value<'n>, &Trail<'_>),
) {
    places(node, path, trail, &mut |node, trail| leaf(node, trail, visit));
}

/// Calls `visit` with each node that the path leads to, or `None` where it leads nowhere; at least once.
/// Arrays on the way are gone into; one at the end is handed over whole.
pub(crate) fn places<'n>(
    node: Option<&'n Node<'n>>,
    path: &[String],
    trail: &Trail<'_>,
    visit: &mut dyn FnMut(Option<&'n Node<'n>>, &Trail<'_>),
) {
    let Some((key, rest)) = path.split_first() else { return visit(node, trail) };
    match node {
        Some(Node::List(elements)) if !elements.is_empty() => {
            for (index, element) in elements.iter().enumerate() {
                places(Some(element), path, &Trail::Element(trail, index, element, None), visit);
            }
        }
        _ => places(node.and_then(|node| node.child(key)), rest, &Trail::Key(trail, key), visit),
    }
}

/// The values that a node at a path's end stands for: itself, or each element of an array.
fn leaf<'n>(node: Option<&'n Node<'n>>, trail: &Trail<'_>, visit: &mut dyn FnMut(Value<'n>, &Trail<'_>)) {
    match node {
        None => visit(Value::Missing, trail),
        Some(node) if node.is_empty() => visit(Value::Missing, trail),
        Some(Node::Scalar(scalar)) => visit(Value::Text(&scalar.text), trail),
        Some(Node::List(elements)) => {
            for (index, element) in elements.iter().enumerate() {
                leaf(Some(element), &Trail::Element(trail, index, element, None), visit);
            }
        }
        Some(Node::Map(_) | Node::Null) => visit(Value::Map, trail),
    }
}

/// Which elements a sub-identifier selects: those whose field `name` has one of `values`.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Select {
    pub(crate) name: String,
    pub(crate) values: Vec<String>,
}

impl Select {
    fn takes(&self, element: &Node<'_>) -> bool {
        let text = element.child(&self.name).and_then(Node::text);
        text.is_some_and(|text| self.values.iter().any(|value| value == text))
    }
}

/// Calls `visit` with each element of what a path leads to: the elements of an array, or the one thing that is
/// no array; with `None` where there is none, or where `select` takes none.
pub(crate) fn elements<'n>(
    node: Option<&'n Node<'n>>,
    select: Option<&Select>,
    trail: &Trail<'_>,
    visit: &mut dyn FnMut(Option<&'n Node<'n>>, &Trail<'_>),
) {
    let takes = |element: &Node<'_>| select.is_none_or(|select| select.takes(element));
    match node.filter(|node| !node.is_empty()) {
        Some(Node::List(list)) => {
            let mut visited = false;
            for (index, element) in list.iter().enumerate() {
                let selected_by = select.map(|select| select.name.as_str());
                let trail = Trail::Element(trail, index, element, selected_by);
                if matches!(element, Node::List(_)) {
                    elements(Some(element), select, &trail, visit);
                    visited = true;
                } else if takes(element) {
                    visit(Some(element).filter(|element| !element.is_empty()), &trail);
                    visited = true;
                }
            }
            if !visited {
                visit(None, trail);
            }
        }
        node => visit(node.filter(|node| takes(node)), trail),
    }
}

/// A text as evidence shows it: one line, and not long.
pub(crate) fn print_value_text(text: &str) -> String {
    crate::evaluation::print_value(Value::Text(text))
}
