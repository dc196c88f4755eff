//! How far something is that takes longer than a second: one line on standard error, where that is a terminal.

use std::io::{IsTerminal as _, Write as _};
use std::time::{Duration, Instant};

/// What takes less time than this needs no word.
const PATIENCE: Duration = Duration::from_secs(1);
/// How often the line changes.
const EVERY: Duration = Duration::from_millis(200);

/// A line that is gone when this is dropped.
pub(crate) struct Progress {
    is_terminal: bool,
    next: Instant,
    is_shown: bool,
}

impl Progress {
    pub(crate) fn new() -> Self {
        Self {
            is_terminal: std::io::stderr().is_terminal(),
            next: Instant::now() + PATIENCE,
            is_shown: false,
        }
    }

    /// Says how far it is, if it is time to.
    pub(crate) fn tell(&mut self, text: impl FnOnce() -> String) {
        if !self.is_terminal || Instant::now() < self.next {
            return;
        }
        self.next = Instant::now() + EVERY;
        let width =
            terminal_size::terminal_size_of(std::io::stderr()).map_or(80, |(width, _)| width.0.into());
        write(&format!("\r{}\x1b[K", crate::render::fit(&text(), width)));
        self.is_shown = true;
    }

    /// Makes room for a line on standard output.
    pub(crate) fn clear(&mut self) {
        if std::mem::take(&mut self.is_shown) {
            write("\r\x1b[K");
        }
    }
}

impl Drop for Progress {
    fn drop(&mut self) {
        self.clear();
    }
}

fn write(text: &str) {
    let mut err = std::io::stderr().lock();
    // Progress that cannot be shown is no reason to stop.
    drop(err.write_all(text.as_bytes()).and_then(|()| err.flush()));
}
