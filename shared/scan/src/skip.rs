use crate::ScanError;
use crate::scanner::{self, DEPTH_ANY, Level, Scanner, SkipError, Work};
use memchr::memchr2;

/// Where the value that begins at `at` ends (exclusive). `at` must be at the value's first byte.
///
/// Containers are skipped by a counter, without recursion, to any depth.
pub fn skip_value(json: &[u8], at: usize) -> Result<usize, ScanError> {
    match json.get(at) {
        Some(b'"') => string_end(json, at),
        Some(b'{' | b'[') => {
            let end = scanner::with(Level::Best, ContainerEnd { json, at });
            end.map_err(|_| ScanError::Truncated { at: json.len() })
        }
        Some(b'-' | b'0'..=b'9' | b't' | b'f' | b'n') => Ok(scalar_end(json, at)),
        _ => Err(ScanError::expected(json, at, "a value")),
    }
}

struct ContainerEnd<'j> {
    json: &'j [u8],
    at: usize,
}

impl Work for ContainerEnd<'_> {
    type Output = Result<usize, SkipError>;

    #[inline(always)]
    #[expect(clippy::inline_always, reason = "it has to become part of code made for one instruction set")]
    fn run<S: Scanner>(self, scanner: S) -> Self::Output {
        scanner.container_end(self.json, self.at, DEPTH_ANY)
    }
}

/// The first byte at or after `at` that is no white space.
pub(crate) fn skip_space(json: &[u8], mut at: usize) -> usize {
    while let Some(b' ' | b'\n' | b'\r' | b'\t') = json.get(at) {
        at += 1;
    }
    at
}

/// The end of a string (exclusive), given the place of its opening quote.
pub(crate) fn string_end(json: &[u8], at: usize) -> Result<usize, ScanError> {
    let mut from = at + 1;
    while let Some(step) = json.get(from..).and_then(|rest| memchr2(b'"', b'\\', rest)) {
        let hit = from + step;
        if json[hit] == b'"' {
            return Ok(hit + 1);
        }
        from = hit + 2;
    }
    Err(ScanError::Truncated { at: json.len() })
}

/// The end of a number or literal: the next delimiter or the end of the text.
pub(crate) fn scalar_end(json: &[u8], at: usize) -> usize {
    let rest = json.get(at..).unwrap_or_default();
    let delimiter = |b: &u8| matches!(b, b',' | b']' | b'}' | b' ' | b'\n' | b'\r' | b'\t' | b':');
    at + rest.iter().position(delimiter).unwrap_or(rest.len())
}

/// Skips an object or array that may arrive in pieces.
#[derive(Debug, Default, Clone, Copy)]
pub(crate) struct Container {
    depth: usize,
    in_string: bool,
    /// The byte before was a backslash inside a string.
    escaped: bool,
}

impl Container {
    /// Takes the next piece; the place after the closing bracket once it has come. The first piece begins with
    /// the opening bracket.
    pub(crate) fn feed(&mut self, piece: &[u8]) -> Option<usize> {
        let mut at = 0;
        loop {
            if self.in_string {
                if self.escaped {
                    piece.get(at)?;
                    self.escaped = false;
                    at += 1;
                }
                let hit = at + memchr2(b'"', b'\\', piece.get(at..)?)?;
                at = hit + 1;
                if piece[hit] == b'"' {
                    self.in_string = false;
                } else {
                    self.escaped = true;
                    continue;
                }
            }
            let (step, class) =
                piece.get(at..)?.iter().enumerate().find_map(|(i, &b)| match CLASS[usize::from(b)] {
                    Class::Other => None,
                    class => Some((i, class)),
                })?;
            at += step + 1;
            match class {
                Class::Open => self.depth += 1,
                Class::Close => {
                    self.depth = self.depth.saturating_sub(1);
                    if self.depth == 0 {
                        return Some(at);
                    }
                }
                Class::Quote => self.in_string = true,
                Class::Other => {}
            }
        }
    }
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Class {
    Other,
    Quote,
    Open,
    Close,
}

/// What a byte outside of strings means to the skip.
static CLASS: [Class; 256] = {
    let mut table = [Class::Other; 256];
    table[b'"' as usize] = Class::Quote;
    table[b'{' as usize] = Class::Open;
    table[b'[' as usize] = Class::Open;
    table[b'}' as usize] = Class::Close;
    table[b']' as usize] = Class::Close;
    table
};
