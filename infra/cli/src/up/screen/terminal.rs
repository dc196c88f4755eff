use super::{Lines, Size};
use std::io::{self, Write as _};

/// Where a terminal does not tell its size.
const SIZE_DEFAULT: Size = (80, 24);

/// The terminal's other screen, without a cursor. What stood on the first comes back when this is dropped.
pub(super) struct Terminal {
    out: io::Stdout,
}

impl Terminal {
    pub(super) fn take() -> io::Result<Self> {
        let mut out = io::stdout();
        out.write_all(b"\x1b[?1049h\x1b[?25l\x1b[2J")?;
        out.flush()?;
        Ok(Self { out })
    }

    pub(super) fn size(&self) -> Size {
        let size = terminal_size::terminal_size_of(&self.out);
        size.map_or(SIZE_DEFAULT, |(width, height)| (width.0.into(), height.0.into()))
    }

    /// Draws over what is there, line by line, so that nothing flickers.
    pub(super) fn draw(&mut self, lines: &Lines, colours: bool) -> io::Result<()> {
        let mut text = String::from("\x1b[?2026h\x1b[H");
        for (i, line) in lines.iter().enumerate() {
            if i > 0 {
                text.push_str("\r\n");
            }
            text.push_str(&line.paint(colours));
            text.push_str("\x1b[K");
        }
        text.push_str("\x1b[J\x1b[?2026l");
        self.out.write_all(text.as_bytes())?;
        self.out.flush()
    }
}

impl Drop for Terminal {
    fn drop(&mut self) {
        // The terminal may be gone, and then nothing is to be put back.
        drop(self.out.write_all(b"\x1b[?25h\x1b[?1049l").and_then(|()| self.out.flush()));
    }
}
