//! Message templates: literals with holes, as programs compose their messages.
//!
//! `exceeded quota: <quota>, requested: <requested>` finds its literals in order. A hole ends at the next literal;
//! it is short and stays on its line, `<~>` may cross lines. A hole's name is a fact's key, `<*>` keeps nothing.
//! Literals are in lower case, as is the text that they are looked for in.

use crate::facts::Fact;
use std::ops::Range;

/// The longest hole.
const HOLE_BYTES: usize = 700;
/// How many places of a text are tried; a text that repeats a literal without end costs no more than that.
const PLACES: usize = 48;

/// A parsed template.
#[derive(Debug)]
pub(crate) struct Pattern {
    before: Option<Hole>,
    pieces: Vec<Piece>,
}

#[derive(Debug)]
struct Piece {
    literal: &'static str,
    after: Option<Hole>,
}

#[derive(Debug, Clone, Copy)]
struct Hole {
    fact: Option<Fact>,
    lines: bool,
}

/// Where a template was found, and what stood in its holes.
#[derive(Debug, Default)]
pub(crate) struct Found {
    pub(crate) at: Range<usize>,
    pub(crate) holes: Vec<(Fact, Range<usize>)>,
}

impl Pattern {
    /// Parses a template of ours; `None` where it is none: no literal, or a hole that no fact names.
    pub(crate) fn parse(template: &'static str) -> Option<Self> {
        let mut pattern = Self { before: None, pieces: Vec::new() };
        for (n, part) in template.split('<').enumerate() {
            let (hole, literal) = if n == 0 {
                (None, part)
            } else {
                let (name, literal) = part.split_once('>')?;
                (Some(Hole::parse(name)?), literal)
            };
            match (hole, pattern.pieces.last_mut()) {
                (Some(hole), Some(last)) => last.after = Some(hole),
                (Some(hole), None) => pattern.before = Some(hole),
                (None, _) => {}
            }
            if !literal.is_empty() {
                pattern.pieces.push(Piece { literal, after: None });
            }
        }
        (!pattern.pieces.is_empty()).then_some(pattern)
    }

    /// The longest literal: a text without it has no match.
    pub(crate) fn anchor(&self) -> &'static str {
        self.pieces.iter().map(|piece| piece.literal).max_by_key(|literal| literal.len()).unwrap_or_default()
    }

    /// The last place where the template stands.
    pub(crate) fn find(&self, lower: &str) -> Option<Found> {
        let first = self.pieces.first()?;
        memchr::memmem::rfind_iter(lower.as_bytes(), first.literal.as_bytes())
            .filter(|&at| begins_word(lower, at, first.literal))
            .take(PLACES)
            .find_map(|at| self.at(lower, at))
    }

    fn at(&self, lower: &str, at: usize) -> Option<Found> {
        let bytes = lower.as_bytes();
        let mut found = Found { at: at..at, holes: Vec::new() };
        if let Some(Hole { fact: Some(fact), .. }) = self.before {
            found.holes.push((fact, word_before(bytes, at)));
        }
        let mut from = at;
        let mut hole: Option<Hole> = None;
        for piece in &self.pieces {
            let begin = match hole {
                None => from,
                Some(hole) => {
                    let mut window =
                        bytes.get(from..(from + HOLE_BYTES + piece.literal.len()).min(bytes.len()))?;
                    if !hole.lines {
                        let line = memchr::memchr(b'\n', window).unwrap_or(window.len());
                        window = window.get(..line)?;
                    }
                    let begin = from + memchr::memmem::find(window, piece.literal.as_bytes())?;
                    if let Some(fact) = hole.fact {
                        found.holes.push((fact, from..begin));
                    }
                    begin
                }
            };
            from = begin + piece.literal.len();
            hole = piece.after;
        }
        if let Some(Hole { fact: Some(fact), .. }) = hole {
            let rest = if fact == Fact::Detail { line_after(bytes, from) } else { word_after(bytes, from) };
            found.holes.push((fact, rest));
        }
        found.at = at..from;
        Some(found)
    }
}

impl Hole {
    fn parse(name: &str) -> Option<Self> {
        match name {
            "*" => Some(Self { fact: None, lines: false }),
            "~" => Some(Self { fact: None, lines: true }),
            _ => {
                let fact = Fact::ALL.iter().copied().find(|fact| fact.key() == name)?;
                Some(Self { fact: Some(fact), lines: false })
            }
        }
    }
}

/// A literal that begins with a letter or digit begins a word: `eof` is not in `typeof`.
pub(crate) fn begins_word(lower: &str, at: usize, literal: &str) -> bool {
    let letter = |byte: &u8| byte.is_ascii_alphanumeric();
    !(literal.as_bytes().first().is_some_and(letter)
        && at.checked_sub(1).and_then(|n| lower.as_bytes().get(n)).is_some_and(letter))
}

fn ends_hole(byte: u8) -> bool {
    byte.is_ascii_whitespace()
        || matches!(byte, b'"' | b'\'' | b',' | b';' | b'(' | b')' | b'[' | b']' | b'`' | b'<')
}

/// What a last hole takes: a quoted string, or a word.
fn word_after(bytes: &[u8], mut from: usize) -> Range<usize> {
    while bytes.get(from).is_some_and(|&b| b == b' ') {
        from += 1;
    }
    let rest = bytes.get(from..bytes.len().min(from + HOLE_BYTES)).unwrap_or_default();
    if let Some(&quote @ (b'"' | b'\'' | b'`')) = rest.first() {
        let inner = rest.get(1..).unwrap_or_default();
        if let Some(end) = memchr::memchr2(quote, b'\n', inner) {
            return from + 1..from + 1 + end;
        }
    }
    let end = rest.iter().position(|&b| ends_hole(b)).unwrap_or(rest.len());
    from..from + end
}

/// What a last hole for an error's own words takes: a quoted string, or all that follows on the line.
fn line_after(bytes: &[u8], from: usize) -> Range<usize> {
    let quoted = word_after(bytes, from);
    if bytes
        .get(from..quoted.start)
        .is_some_and(|before| before.iter().any(|b| matches!(b, b'"' | b'\'' | b'`')))
    {
        return quoted;
    }
    let rest = bytes.get(from..).unwrap_or_default();
    let end = memchr::memchr(b'\n', rest).unwrap_or(rest.len());
    from..from + end
}

/// What a first hole takes: the word before.
fn word_before(bytes: &[u8], at: usize) -> Range<usize> {
    let mut start = at;
    let floor = at.saturating_sub(HOLE_BYTES);
    while start > floor && !ends_hole(bytes[start - 1]) {
        start -= 1;
    }
    start..at
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn holes_are_what_stands_between_the_literals() {
        let pattern =
            Pattern::parse("exceeded quota: <quota>, requested: <requested>, used: <used>").unwrap();
        let text = "forbidden: exceeded quota: team, requested: cpu=2,memory=1gi, used: cpu=9 now";
        let found = pattern.find(text).unwrap();
        let holes: Vec<_> =
            found.holes.iter().map(|(fact, range)| (*fact, text.get(range.clone()).unwrap())).collect();
        assert_eq!(
            holes,
            [(Fact::Quota, "team"), (Fact::Requested, "cpu=2,memory=1gi"), (Fact::Used, "cpu=9")]
        );
    }

    #[test]
    fn a_hole_stays_on_its_line_and_a_literal_begins_a_word() {
        assert!(Pattern::parse("a<*>b").unwrap().find("a\nb").is_none());
        assert!(Pattern::parse("a<~>b").unwrap().find("a\nb").is_some());
        assert!(Pattern::parse("eof").unwrap().find("typeof").is_none());
    }

    #[test]
    fn holes_at_the_ends_take_a_word() {
        let pattern = Pattern::parse("<binary>: not found in <path>").unwrap();
        let text = "sh: 1: foo: not found in \"/usr/my bin\"";
        let found = pattern.find(text).unwrap();
        let holes: Vec<_> = found.holes.iter().map(|(_, range)| text.get(range.clone()).unwrap()).collect();
        assert_eq!(holes, ["foo", "/usr/my bin"]);
    }

    #[test]
    fn an_errors_own_words_are_the_rest_of_its_line() {
        let pattern = Pattern::parse("probe failed: <detail>").unwrap();
        let text = "probe failed: get \"http://10.0.0.1/\": dial tcp: connection refused\nnext";
        let holes = pattern.find(text).unwrap().holes;
        assert_eq!(
            text.get(holes[0].1.clone()),
            Some("get \"http://10.0.0.1/\": dial tcp: connection refused")
        );
        let text = "probe failed: \"no\" more";
        assert_eq!(text.get(pattern.find(text).unwrap().holes[0].1.clone()), Some("no"));
    }

    #[test]
    fn the_last_place_counts() {
        let found =
            Pattern::parse("code = <key>").unwrap().find("code = unknown x code = notfound y").unwrap();
        assert_eq!(found.at.start, 17);
    }
}
