use std::borrow::Cow;
use std::fmt;

/// A JSON value. Texts are borrowed from the input where no escape had to be undone.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Node<'a> {
    /// `null`.
    Null,
    /// A string, a number, `true` or `false`.
    Scalar(Scalar<'a>),
    /// An array.
    List(Vec<Node<'a>>),
    /// An object, in the order it was written. Where a key stands twice, the last one counts.
    Map(Vec<(Cow<'a, str>, Node<'a>)>),
}

/// A scalar and the text it was written with.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Scalar<'a> {
    /// The text: of a string what its escapes stand for, of anything else the very characters.
    pub text: Cow<'a, str>,
    /// What it was.
    pub kind: ScalarKind,
}

/// What sort of scalar it is. Rules do not ask; printing does.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum ScalarKind {
    /// A string.
    String,
    /// A number.
    Number,
    /// `true` or `false`.
    Boolean,
}

impl<'a> Node<'a> {
    /// A string.
    pub fn string(text: impl Into<Cow<'a, str>>) -> Self {
        Self::Scalar(Scalar { text: text.into(), kind: ScalarKind::String })
    }

    /// What lies under these keys, one after another. Does not look into arrays.
    pub fn get(&self, keys: &[&str]) -> Option<&Node<'a>> {
        keys.iter().try_fold(self, |node, key| node.child(key))
    }

    /// What lies under one key of an object.
    pub fn child(&self, key: &str) -> Option<&Node<'a>> {
        match self {
            Self::Map(entries) => entries.iter().rev().find(|(k, _)| k == key).map(|(_, node)| node),
            _ => None,
        }
    }

    /// The text of a scalar.
    pub fn text(&self) -> Option<&str> {
        match self {
            Self::Scalar(scalar) => Some(&scalar.text),
            _ => None,
        }
    }

    /// The elements of an array; none for anything else.
    pub fn elements(&self) -> &[Node<'a>] {
        match self {
            Self::List(elements) => elements,
            _ => &[],
        }
    }

    /// The entries of an object; none for anything else.
    pub fn entries(&self) -> &[(Cow<'a, str>, Node<'a>)] {
        match self {
            Self::Map(entries) => entries,
            _ => &[],
        }
    }

    /// Null, `[]` or `{}`: what every operator but `nilValue` takes for missing.
    pub fn is_empty(&self) -> bool {
        match self {
            Self::Null => true,
            Self::Scalar(_) => false,
            Self::List(elements) => elements.is_empty(),
            Self::Map(entries) => entries.is_empty(),
        }
    }

    /// The same value with texts of its own.
    pub fn into_owned(self) -> Node<'static> {
        match self {
            Self::Null => Node::Null,
            Self::Scalar(Scalar { text, kind }) => {
                Node::Scalar(Scalar { text: Cow::Owned(text.into_owned()), kind })
            }
            Self::List(elements) => Node::List(elements.into_iter().map(Node::into_owned).collect()),
            Self::Map(entries) => Node::Map(
                entries
                    .into_iter()
                    .map(|(key, node)| (Cow::Owned(key.into_owned()), node.into_owned()))
                    .collect(),
            ),
        }
    }
}

impl From<&serde_json::Value> for Node<'static> {
    /// For what did not come as JSON text, such as a YAML file. Numbers are written as `serde_json` writes
    /// them.
    fn from(value: &serde_json::Value) -> Self {
        use serde_json::Value;
        let scalar = |text: String, kind| Self::Scalar(Scalar { text: Cow::Owned(text), kind });
        match value {
            Value::Null => Self::Null,
            Value::Bool(flag) => scalar(flag.to_string(), ScalarKind::Boolean),
            Value::Number(number) => scalar(number.to_string(), ScalarKind::Number),
            Value::String(text) => scalar(text.clone(), ScalarKind::String),
            Value::Array(elements) => Self::List(elements.iter().map(Self::from).collect()),
            Value::Object(entries) => Self::Map(
                entries.iter().map(|(key, value)| (Cow::Owned(key.clone()), Self::from(value))).collect(),
            ),
        }
    }
}

impl fmt::Display for Node<'_> {
    /// As JSON without white space.
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Null => f.write_str("null"),
            Self::Scalar(Scalar { text, kind: ScalarKind::String }) => write_string(f, text),
            Self::Scalar(scalar) => f.write_str(&scalar.text),
            Self::List(elements) => {
                f.write_str("[")?;
                for (index, element) in elements.iter().enumerate() {
                    write!(f, "{}{element}", if index == 0 { "" } else { "," })?;
                }
                f.write_str("]")
            }
            Self::Map(entries) => {
                f.write_str("{")?;
                for (index, (key, node)) in entries.iter().enumerate() {
                    f.write_str(if index == 0 { "" } else { "," })?;
                    write_string(f, key)?;
                    write!(f, ":{node}")?;
                }
                f.write_str("}")
            }
        }
    }
}

fn write_string(f: &mut fmt::Formatter<'_>, text: &str) -> fmt::Result {
    f.write_str(&serde_json::Value::from(text).to_string())
}
