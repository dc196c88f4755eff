/// A stretch of a file, in bytes.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub struct Span {
    /// Its first byte.
    pub start: usize,
    /// Behind its last byte.
    pub end: usize,
}

/// A value of a rule file and where it stands.
#[derive(Debug, Clone)]
pub struct Tree {
    /// What it is.
    pub value: TreeValue,
    /// Where.
    pub span: Span,
}

/// What a value is.
#[derive(Debug, Clone)]
pub enum TreeValue {
    /// Nothing, `~` or `null`.
    Null,
    /// Its text, and whether it stood without quotes (and so may be a number or a boolean).
    Scalar(String, bool),
    /// Values in order.
    List(Vec<Tree>),
    /// Keys and values as they stand, also where a key stands twice.
    Map(Vec<(Key, Tree)>),
}

/// A key of a map.
#[derive(Debug, Clone)]
pub struct Key {
    /// As it is written.
    pub text: String,
    /// Where.
    pub span: Span,
}

impl Tree {
    /// What lies under a key; the last one where it stands twice.
    pub fn get(&self, key: &str) -> Option<&Tree> {
        match &self.value {
            TreeValue::Map(entries) => entries.iter().rev().find(|(k, _)| k.text == key).map(|(_, t)| t),
            _ => None,
        }
    }

    /// What it is, in words.
    pub fn describe(&self) -> String {
        match &self.value {
            TreeValue::Null => "nothing".to_owned(),
            TreeValue::Scalar(text, plain) => {
                let text = crate::text::one_line(&crate::text::cut(text, 60));
                if *plain { format!("`{text}`") } else { format!("the text \"{text}\"") }
            }
            TreeValue::List(items) if items.is_empty() => "an empty list".to_owned(),
            TreeValue::List(_) => "a list".to_owned(),
            TreeValue::Map(entries) if entries.is_empty() => "an empty map".to_owned(),
            TreeValue::Map(_) => "a map".to_owned(),
        }
    }
}
