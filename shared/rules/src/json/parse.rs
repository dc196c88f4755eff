use super::{Node, Scalar, ScalarKind};
use std::borrow::Cow;
use std::fmt;

/// How deep arrays and objects may be nested.
pub const DEPTH_MAX: usize = 128;

/// Why bytes are not JSON, and where.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("{fault} at byte {offset}")]
pub struct JsonError {
    /// What is wrong.
    pub fault: JsonFault,
    /// Bytes before it.
    pub offset: usize,
}

/// What can be wrong with JSON.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum JsonFault {
    /// Bytes that are not UTF-8.
    NotUtf8,
    /// The end came too early.
    CutShort,
    /// A character that cannot stand there.
    Unexpected,
    /// A number that is none, such as `01` or `1.`.
    BadNumber,
    /// An escape that is none, such as `\x`.
    BadEscape,
    /// A control character within a string.
    ControlCharacter,
    /// Nested deeper than [`DEPTH_MAX`].
    TooDeep,
    /// Something after the end of the value.
    Trailing,
}

impl fmt::Display for JsonFault {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::NotUtf8 => "not UTF-8",
            Self::CutShort => "the JSON is cut short",
            Self::Unexpected => "a character that cannot stand here",
            Self::BadNumber => "not a JSON number",
            Self::BadEscape => "not a JSON escape",
            Self::ControlCharacter => "an unescaped control character in a string",
            Self::TooDeep => "nested too deeply",
            Self::Trailing => "something after the end of the value",
        })
    }
}

/// Reads one JSON value, all of the input.
///
/// Strict but for two things: where a key stands twice the last one counts, and a lone surrogate
/// (`\ud800`) is read as U+FFFD, as no Rust text can hold it.
pub fn parse(bytes: &[u8]) -> Result<Node<'_>, JsonError> {
    let text = std::str::from_utf8(bytes)
        .map_err(|error| JsonError { fault: JsonFault::NotUtf8, offset: error.valid_up_to() })?;
    let mut parser = Parser { text, at: 0 };
    parser.skip_white_space();
    let node = parser.value(0)?;
    parser.skip_white_space();
    if parser.at < text.len() { Err(parser.fault(JsonFault::Trailing)) } else { Ok(node) }
}

struct Parser<'a> {
    text: &'a str,
    /// Always at a character's beginning: only ASCII is stepped over one byte at a time.
    at: usize,
}

impl<'a> Parser<'a> {
    fn value(&mut self, depth: usize) -> Result<Node<'a>, JsonError> {
        match self.peek() {
            None => Err(self.fault(JsonFault::CutShort)),
            Some(b'{' | b'[') if depth == DEPTH_MAX => Err(self.fault(JsonFault::TooDeep)),
            Some(b'{') => self.map(depth + 1),
            Some(b'[') => self.list(depth + 1),
            Some(b'"') => Ok(Node::Scalar(Scalar { text: self.string()?, kind: ScalarKind::String })),
            Some(b'-' | b'0'..=b'9') => self.number(),
            Some(b't') => self.word("true", ScalarKind::Boolean),
            Some(b'f') => self.word("false", ScalarKind::Boolean),
            Some(b'n') => self.word("null", ScalarKind::Boolean).map(|_| Node::Null),
            Some(_) => Err(self.fault(JsonFault::Unexpected)),
        }
    }

    fn map(&mut self, depth: usize) -> Result<Node<'a>, JsonError> {
        let mut entries = Vec::new();
        self.at += 1;
        self.skip_white_space();
        if self.take(b'}') {
            return Ok(Node::Map(entries));
        }
        loop {
            if self.peek().is_some_and(|byte| byte != b'"') {
                return Err(self.fault(JsonFault::Unexpected));
            }
            let key = self.string()?;
            self.skip_white_space();
            self.expect(b':')?;
            self.skip_white_space();
            entries.push((key, self.value(depth)?));
            self.skip_white_space();
            if self.take(b'}') {
                return Ok(Node::Map(entries));
            }
            self.expect(b',')?;
            self.skip_white_space();
        }
    }

    fn list(&mut self, depth: usize) -> Result<Node<'a>, JsonError> {
        let mut elements = Vec::new();
        self.at += 1;
        self.skip_white_space();
        if self.take(b']') {
            return Ok(Node::List(elements));
        }
        loop {
            elements.push(self.value(depth)?);
            self.skip_white_space();
            if self.take(b']') {
                return Ok(Node::List(elements));
            }
            self.expect(b',')?;
            self.skip_white_space();
        }
    }

    /// At the opening quote.
    fn string(&mut self) -> Result<Cow<'a, str>, JsonError> {
        self.expect(b'"')?;
        let mut unescaped = String::new();
        let mut begin = self.at;
        loop {
            match self.peek() {
                None => return Err(self.fault(JsonFault::CutShort)),
                Some(b'"') => {
                    let rest = self.slice(begin);
                    self.at += 1;
                    if unescaped.is_empty() {
                        return Ok(Cow::Borrowed(rest));
                    }
                    unescaped.push_str(rest);
                    return Ok(Cow::Owned(unescaped));
                }
                Some(b'\\') => {
                    unescaped.push_str(self.slice(begin));
                    self.at += 1;
                    unescaped.push(self.escape()?);
                    begin = self.at;
                }
                Some(0..=0x1f) => return Err(self.fault(JsonFault::ControlCharacter)),
                Some(_) => self.at += 1,
            }
        }
    }

    /// After the backslash.
    fn escape(&mut self) -> Result<char, JsonError> {
        let byte = self.peek().ok_or_else(|| self.fault(JsonFault::CutShort))?;
        let plain = match byte {
            b'"' | b'\\' | b'/' => char::from(byte),
            b'b' => '\u{8}',
            b'f' => '\u{c}',
            b'n' => '\n',
            b'r' => '\r',
            b't' => '\t',
            b'u' => {
                self.at += 1;
                return self.unicode_escape();
            }
            _ => return Err(self.fault(JsonFault::BadEscape)),
        };
        self.at += 1;
        Ok(plain)
    }

    /// After `\u`. Takes the second half of a surrogate pair too, if there is one.
    fn unicode_escape(&mut self) -> Result<char, JsonError> {
        let high = self.four_digits()?;
        if (0xd800..0xdc00).contains(&high) && self.text.as_bytes()[self.at..].starts_with(b"\\u") {
            let back = self.at;
            self.at += 2;
            let low = self.four_digits()?;
            if (0xdc00..0xe000).contains(&low) {
                let code = 0x10000 + ((high - 0xd800) << 10) + (low - 0xdc00);
                return Ok(char::from_u32(code).unwrap_or(char::REPLACEMENT_CHARACTER));
            }
            // Not its other half: that escape stands for itself.
            self.at = back;
        }
        Ok(char::from_u32(high).unwrap_or(char::REPLACEMENT_CHARACTER))
    }

    fn four_digits(&mut self) -> Result<u32, JsonError> {
        let mut code = 0;
        for _ in 0..4 {
            let byte = self.peek().ok_or_else(|| self.fault(JsonFault::CutShort))?;
            let digit = char::from(byte).to_digit(16).ok_or_else(|| self.fault(JsonFault::BadEscape))?;
            code = code * 16 + digit;
            self.at += 1;
        }
        Ok(code)
    }

    fn number(&mut self) -> Result<Node<'a>, JsonError> {
        let begin = self.at;
        self.take(b'-');
        if !self.take(b'0') {
            self.digits()?;
        }
        if self.take(b'.') {
            self.digits()?;
        }
        if matches!(self.peek(), Some(b'e' | b'E')) {
            self.at += 1;
            if !self.take(b'-') {
                self.take(b'+');
            }
            self.digits()?;
        }
        if self.peek().is_some_and(|byte| byte.is_ascii_digit()) {
            return Err(self.fault(JsonFault::BadNumber));
        }
        Ok(Node::Scalar(Scalar { text: Cow::Borrowed(self.slice(begin)), kind: ScalarKind::Number }))
    }

    fn digits(&mut self) -> Result<(), JsonError> {
        let begin = self.at;
        while self.peek().is_some_and(|byte| byte.is_ascii_digit()) {
            self.at += 1;
        }
        if self.at > begin {
            return Ok(());
        }
        Err(self.fault(if self.at == self.text.len() { JsonFault::CutShort } else { JsonFault::BadNumber }))
    }

    fn word(&mut self, word: &'static str, kind: ScalarKind) -> Result<Node<'a>, JsonError> {
        let rest = &self.text.as_bytes()[self.at..];
        if rest.starts_with(word.as_bytes()) {
            self.at += word.len();
            return Ok(Node::Scalar(Scalar { text: Cow::Borrowed(word), kind }));
        }
        let cut = word.as_bytes().starts_with(rest);
        Err(self.fault(if cut { JsonFault::CutShort } else { JsonFault::Unexpected }))
    }

    fn skip_white_space(&mut self) {
        while matches!(self.peek(), Some(b' ' | b'\t' | b'\n' | b'\r')) {
            self.at += 1;
        }
    }

    fn expect(&mut self, byte: u8) -> Result<(), JsonError> {
        if self.take(byte) {
            return Ok(());
        }
        let end = self.at == self.text.len();
        Err(self.fault(if end { JsonFault::CutShort } else { JsonFault::Unexpected }))
    }

    fn take(&mut self, byte: u8) -> bool {
        let taken = self.peek() == Some(byte);
        self.at += usize::from(taken);
        taken
    }

    fn peek(&self) -> Option<u8> {
        self.text.as_bytes().get(self.at).copied()
    }

    fn slice(&self, begin: usize) -> &'a str {
        self.text.get(begin..self.at).unwrap_or_default()
    }

    fn fault(&self, fault: JsonFault) -> JsonError {
        JsonError { fault, offset: self.at }
    }
}

#[cfg(test)]
mod tests;
