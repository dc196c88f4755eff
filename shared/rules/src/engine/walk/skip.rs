use super::{Stop, Text, Walker, fault};
use crate::json::{DEPTH_MAX, JsonFault};
use prodrome_scan::scanner::{self, Scanner, SkipError};

#[expect(clippy::inline_always, reason = "it has to become part of code made for one instruction set")]
impl<S: Scanner> Walker<'_, S> {
    /// The place of the closing quote, from the first quote or backslash on.
    #[inline(always)]
    pub(super) fn string_end(&self, mut stop: usize) -> Result<usize, Stop> {
        loop {
            match self.byte(stop) {
                Some(b'"') => return Ok(stop),
                Some(_) => {
                    stop = scanner::string_stop(self.scanner, self.json, (stop + 2).min(self.json.len()));
                }
                None => return fault(JsonFault::CutShort, self.json.len()),
            }
        }
    }

    /// The string that begins at `at`, where its quote is.
    #[inline(always)]
    pub(super) fn string(&self, at: usize) -> Result<Text, Stop> {
        let begin = at + 1;
        let stop = scanner::string_stop(self.scanner, self.json, begin);
        if self.byte(stop) == Some(b'"') {
            return Ok(Text { begin, end: stop, is_escaped: false });
        }
        Ok(Text { begin, end: self.string_end(stop)?, is_escaped: true })
    }

    #[inline(always)]
    pub(super) fn skip_value(&self, mut at: usize) -> Result<usize, Stop> {
        loop {
            // Mostly it is one.
            if self.byte(at) == Some(b'"') {
                return Ok(self.string(at)?.end + 1);
            }
            return match self.byte(at) {
                Some(b'{' | b'[') => self.skip_container(at),
                Some(b't') => self.word(at, b"true"),
                Some(b'f') => self.word(at, b"false"),
                Some(b'n') => self.word(at, b"null"),
                Some(b'-' | b'0'..=b'9') => self.number_end(at),
                Some(b' ' | b'\n' | b'\r' | b'\t') => {
                    at = self.skip_spaces(at);
                    continue;
                }
                _ => self.unexpected(at),
            };
        }
    }

    #[inline(always)]
    pub(super) fn skip_container(&self, at: usize) -> Result<usize, Stop> {
        // Defaults are mostly such.
        if let Some(b"{}" | b"[]") = scanner::window::<2>(self.json, at) {
            return self.check_depth(at).map(|()| at + 2);
        }
        let depth = u32::try_from(DEPTH_MAX - self.scratch.frames.len()).unwrap_or(0);
        match self.scanner.container_end(self.json, at, depth) {
            Ok(end) => Ok(end),
            Err(SkipError::Truncated) => fault(JsonFault::CutShort, self.json.len()),
            Err(SkipError::TooDeep(offset)) => fault(JsonFault::TooDeep, offset),
        }
    }

    #[inline(always)]
    pub(super) fn number_end(&self, at: usize) -> Result<usize, Stop> {
        let rest = self.json.get(at..).unwrap_or_default();
        let is_part = |b: &u8| matches!(b, b'0'..=b'9' | b'-' | b'+' | b'.' | b'e' | b'E');
        match rest.iter().position(|byte| !is_part(byte)) {
            Some(length) => Ok(at + length),
            None => fault(JsonFault::CutShort, self.json.len()),
        }
    }

    #[inline(always)]
    pub(super) fn word(&self, at: usize, word: &[u8]) -> Result<usize, Stop> {
        if self.json.get(at..at + word.len()) == Some(word) {
            return Ok(at + word.len());
        }
        self.not_a_word(at, word)
    }

    #[cold]
    fn not_a_word(&self, at: usize, word: &[u8]) -> Result<usize, Stop> {
        let rest = self.json.get(at..).unwrap_or_default();
        let what = if word.starts_with(rest) { JsonFault::CutShort } else { JsonFault::Unexpected };
        fault(what, at)
    }

    #[inline(always)]
    pub(super) fn skip_space(&self, at: usize) -> usize {
        // Mostly there is none.
        if self.byte(at).is_some_and(|byte| byte <= b' ') { self.skip_spaces(at) } else { at }
    }

    #[cold]
    pub(super) fn skip_spaces(&self, mut at: usize) -> usize {
        while let Some(b' ' | b'\n' | b'\r' | b'\t') = self.byte(at) {
            at += 1;
        }
        at
    }
}
