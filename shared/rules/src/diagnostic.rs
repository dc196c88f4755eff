use crate::source::Span;
use serde::Serialize;
use std::fmt;

mod code;

pub use code::Code;

/// What is wrong in a rule file, and where. Data; [`render`](crate::render) makes it a picture.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
#[serde(rename_all = "camelCase")]
pub struct Diagnostic {
    /// What sort of mistake it is.
    pub code: Code,
    /// Whether the rule is refused.
    pub level: Level,
    /// The file's name.
    pub file: String,
    /// Where in it.
    pub place: Place,
    /// The rule, if it is in one.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub rule: Option<String>,
    /// The field's path within the rule: `checkField[0].subField`. Empty for the rule as a whole.
    #[serde(skip_serializing_if = "String::is_empty")]
    pub path: String,
    /// What should stand there.
    pub expected: String,
    /// What stands there.
    pub found: String,
    /// What to do.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub help: Option<String>,
}

/// How bad a mistake is.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize)]
#[serde(rename_all = "camelCase")]
pub enum Level {
    /// The rule works, though probably not as it is meant.
    Warning,
    /// The rule is refused.
    Error,
}

/// A stretch of a file.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default, Serialize)]
#[serde(rename_all = "camelCase")]
pub struct Place {
    /// Its beginning.
    pub start: Position,
    /// Its end, exclusive.
    pub end: Position,
}

/// A place in a file.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Default, Serialize)]
#[serde(rename_all = "camelCase")]
pub struct Position {
    /// From 1.
    pub line: usize,
    /// In characters, from 1.
    pub column: usize,
    /// In bytes, from 0.
    pub offset: usize,
}

impl Diagnostic {
    /// Whether the rule is refused.
    pub fn is_error(&self) -> bool {
        self.level == Level::Error
    }

    /// Where it is, as a reader of rules says it: `PodNotReady.checkField[0].subField`.
    pub fn field(&self) -> String {
        match (&self.rule, self.path.as_str()) {
            (None, path) => path.to_owned(),
            (Some(rule), "") => rule.clone(),
            (Some(rule), path) if path.starts_with('[') => format!("{rule}{path}"),
            (Some(rule), path) => format!("{rule}.{path}"),
        }
    }
}

impl fmt::Display for Diagnostic {
    /// One line: `rules/pods.yaml:14:7 PodNotReady.checkField[0].subField: expected a list of keys, found the
    /// text "ready"; write ["ready"]`.
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}:{}:{}", self.file, self.place.start.line, self.place.start.column)?;
        let field = self.field();
        if !field.is_empty() {
            write!(f, " {field}")?;
        }
        let warning = if self.is_error() { "" } else { "warning: " };
        write!(f, ": {warning}expected {}, found {}", self.expected, self.found)?;
        match &self.help {
            Some(help) => write!(f, "; {help}"),
            None => Ok(()),
        }
    }
}

/// Turns bytes of a text into lines and columns.
pub struct LineIndex<'t> {
    text: &'t str,
    line_starts: Vec<usize>,
}

impl<'t> LineIndex<'t> {
    /// Of a text.
    pub fn new(text: &'t str) -> Self {
        let breaks = text.bytes().enumerate().filter(|(_, byte)| *byte == b'\n').map(|(at, _)| at + 1);
        Self { text, line_starts: std::iter::once(0).chain(breaks).collect() }
    }

    /// Where a stretch begins and ends.
    pub fn place(&self, span: Span) -> Place {
        Place { start: self.position(span.start), end: self.position(span.end.max(span.start)) }
    }

    /// The line and column of a byte.
    pub fn position(&self, offset: usize) -> Position {
        let mut offset = offset.min(self.text.len());
        while !self.text.is_char_boundary(offset) {
            offset -= 1;
        }
        let line = self.line_starts.partition_point(|start| *start <= offset);
        let line_start = self.line_starts[line - 1];
        let column = self.text.get(line_start..offset).map_or(0, |text| text.chars().count()) + 1;
        Position { line, column, offset }
    }
}
