/// A stretch of a file, in bytes.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub(crate) struct Span {
    pub(crate) start: usize,
    pub(crate) end: usize,
}

/// A value of a rule file and where it stands.
#[derive(Debug, Clone)]
pub(crate) struct Tree {
    pub(crate) value: TreeValue,
    pub(crate) span: Span,
}

#[derive(Debug, Clone)]
pub(crate) enum TreeValue {
    /// Nothing, `~` or `null`.
    Null,
    /// Its text, and whether it stood without quotes (and so may be a number or a boolean).
    Scalar(String, bool),
    List(Vec<Tree>),
    Map(Vec<(Key, Tree)>),
}

/// A key of a map.
#[derive(Debug, Clone)]
pub(crate) struct Key {
    pub(crate) text: String,
    pub(crate) span: Span,
}

impl Tree {
    /// What lies under a key; the last one where it stands twice.
    pub(crate) fn get(&self, key: &str) -> Option<&Tree> {
        match &self.value {
            TreeValue::Map(entries) => entries.iter().rev().find(|(k, _)| k.text == key).map(|(_, t)| t),
            _ => None,
        }
    }

    /// What it is, in words.
    pub(crate) fn describe(&self) -> String {
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
