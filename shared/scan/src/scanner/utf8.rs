use super::{Level, Scanner, Work, is_ascii, with};
use std::str::Utf8Error;

/// [`std::str::from_utf8`], quicker where there is nothing but ASCII, as in most JSON.
pub fn utf8(level: Level, bytes: &[u8]) -> Result<&str, Utf8Error> {
    if with(level, IsAscii(bytes)) {
        // SAFETY: ASCII is UTF-8.
        return Ok(unsafe { std::str::from_utf8_unchecked(bytes) });
    }
    std::str::from_utf8(bytes)
}

struct IsAscii<'b>(&'b [u8]);

impl Work for IsAscii<'_> {
    type Output = bool;

    #[inline(always)]
    #[expect(clippy::inline_always, reason = "it has to become part of code made for one instruction set")]
    fn run<S: Scanner>(self, scanner: S) -> bool {
        is_ascii(scanner, self.0)
    }
}
