use bytes::{Bytes, BytesMut};
use memchr::memchr;

/// Takes the lines out of a stream while it arrives.
#[derive(Debug, Default)]
pub(crate) struct Lines {
    buffer: BytesMut,
    /// So much of the buffer holds no line break.
    searched: usize,
}

impl Lines {
    /// Adds what has arrived. Take the lines out before adding more.
    pub(crate) fn push(&mut self, piece: &[u8]) {
        self.buffer.extend_from_slice(piece);
    }

    /// The next whole line, without its line break; empty ones are left out.
    pub(crate) fn next_line(&mut self) -> Option<Bytes> {
        while let Some(step) = self.buffer.get(self.searched..).and_then(|rest| memchr(b'\n', rest)) {
            let end = self.searched + step;
            self.searched = 0;
            let mut line = self.buffer.split_to(end + 1);
            line.truncate(end);
            if !line.is_empty() {
                return Some(line.freeze());
            }
        }
        self.searched = self.buffer.len();
        None
    }

    /// How many bytes of an unfinished line are held.
    pub(crate) fn held(&self) -> usize {
        self.buffer.len()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn lines_come_out_whole_however_they_arrive() {
        let text = b"{\"a\":1}\n\n{\"b\":2}\nrest";
        for size in 1..text.len() {
            let mut lines = Lines::default();
            let mut got = Vec::new();
            for piece in text.chunks(size) {
                lines.push(piece);
                got.extend(std::iter::from_fn(|| lines.next_line()));
            }
            assert_eq!(got, [&b"{\"a\":1}"[..], b"{\"b\":2}"], "in pieces of {size}");
            assert_eq!(lines.held(), 4);
        }
    }
}
