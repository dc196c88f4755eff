//! Rule files as text: split into documents, read into trees whose every node knows where it stands.

mod json;
mod read;
mod split;
mod tree;

pub use read::{Comment, Document, SyntaxError, read};
pub(crate) use read::{NODES_MAX, TOO_MANY};
pub use tree::{Key, Span, Tree, TreeValue};

/// A rule file: its name, for messages, and its text, YAML or JSON.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct SourceFile {
    /// As messages shall name it.
    pub name: String,
    /// What it holds.
    pub text: String,
}

impl SourceFile {
    /// A file from its name and text.
    pub fn new(name: impl Into<String>, text: impl Into<String>) -> Self {
        Self { name: name.into(), text: text.into() }
    }

    /// The last part of its name: folders do not count, on whichever system it was read.
    pub fn short_name(&self) -> &str {
        self.name.rsplit(['/', '\\']).next().unwrap_or_default()
    }

    /// Whether a file of this name in a folder of rules is a rule file: YAML or JSON, and neither a test
    /// (`*.test.yaml`) nor the schema.
    pub fn is_rule_file(name: &str) -> bool {
        let extension = name.rsplit_once('.').map_or("", |(_, extension)| extension);
        ["yaml", "yml", "json"].contains(&extension) && !name.contains(".test.") && name != "schema.json"
    }
}
