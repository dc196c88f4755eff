use crate::redact;
use std::io::{self, Write};

/// Writes on what is written, a text at a time, without its secrets: for logs, whose lines come whole.
///
/// ```
/// use std::io::Write;
///
/// let mut log = prodrome_redact::Redacting::new(Vec::new());
/// writeln!(log, r#"{{"error":"password=hunter2 refused"}}"#).unwrap();
/// assert_eq!(log.into_inner(), b"{\"error\":\"password=*** refused\"}\n");
/// ```
#[derive(Debug)]
pub struct Redacting<W>(W);

impl<W> Redacting<W> {
    /// Onto another writer.
    pub const fn new(to: W) -> Self {
        Self(to)
    }

    /// The other writer.
    pub fn into_inner(self) -> W {
        self.0
    }
}

impl<W: Write> Write for Redacting<W> {
    fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
        self.write_all(bytes).map(|()| bytes.len())
    }

    fn write_all(&mut self, bytes: &[u8]) -> io::Result<()> {
        self.0.write_all(redact(&String::from_utf8_lossy(bytes)).as_bytes())
    }

    /// What is written in pieces is put together first, as a secret may lie across them.
    fn write_fmt(&mut self, text: std::fmt::Arguments<'_>) -> io::Result<()> {
        self.write_all(text.to_string().as_bytes())
    }

    fn flush(&mut self) -> io::Result<()> {
        self.0.flush()
    }
}
