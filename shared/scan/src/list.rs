use crate::skip::{Container, scalar_end, skip_space, string_end};
use crate::text::key_is;
use crate::{ScanError, skip_value};

/// Takes the items out of a list (`{"kind": "PodList", "metadata": …, "items": […]}`) while it arrives, so that
/// no more than one item and one piece of the transfer need be in memory.
///
/// ```
/// let mut list = prodrome_scan::ListSplitter::default();
/// let mut items = Vec::new();
/// for piece in [&br#"{"items":[{"a":1},{"b""#[..], br#":2}],"metadata":{"resourceVersion":"7"}}"#] {
///     list.push(piece);
///     while let Some(item) = list.next_item()? {
///         items.push(item.to_vec());
///     }
/// }
/// assert_eq!(items, [&br#"{"a":1}"#[..], br#"{"b":2}"#]);
/// assert_eq!(list.finish()?, br#"{"resourceVersion":"7"}"#);
/// # Ok::<(), prodrome_scan::ScanError>(())
/// ```
#[derive(Debug, Default)]
pub struct ListSplitter {
    buffer: Vec<u8>,
    /// How much of the buffer is done with.
    at: usize,
    /// How many bytes went by before the buffer's first.
    before: usize,
    state: State,
    metadata: Vec<u8>,
}

#[derive(Debug, Default, Clone, Copy)]
enum State {
    /// Before the outermost bracket.
    #[default]
    Start,
    /// Before a key of the list, or its end.
    Key { first: bool },
    /// Before an item, or the end of the items.
    Item { first: bool },
    /// In an item; so many of its bytes were looked at.
    InItem { container: Container, looked_at: usize },
    /// After the outermost bracket.
    End,
}

/// What one step yields.
enum Step {
    /// An item of so many bytes stands before `at`.
    Item(usize),
    Goon,
    /// More bytes are needed, or there is nothing more to come.
    Wait,
}

impl ListSplitter {
    /// Adds what has arrived. Take the items out before adding more.
    pub fn push(&mut self, piece: &[u8]) {
        self.buffer.drain(..self.at);
        self.before += self.at;
        self.at = 0;
        self.buffer.extend_from_slice(piece);
    }

    /// How many bytes are held: what has arrived of an item that is not yet complete.
    pub fn held(&self) -> usize {
        self.buffer.len() - self.at
    }

    /// The next item that has arrived as a whole.
    pub fn next_item(&mut self) -> Result<Option<&[u8]>, ScanError> {
        loop {
            match self.step() {
                Ok(Step::Item(length)) => return Ok(Some(&self.buffer[self.at - length..self.at])),
                Ok(Step::Goon) => {}
                // Cut short so far, but more may come.
                Ok(Step::Wait) | Err(ScanError::Truncated { .. }) => return Ok(None),
                Err(ScanError::Malformed { at, expected }) => {
                    return Err(ScanError::Malformed { at: self.before + at, expected });
                }
            }
        }
    }

    /// The list's `metadata` (empty where it has none), once all has arrived.
    pub fn finish(self) -> Result<Vec<u8>, ScanError> {
        match self.state {
            State::End => Ok(self.metadata),
            _ => Err(ScanError::Truncated { at: self.before + self.buffer.len() }),
        }
    }

    fn step(&mut self) -> Result<Step, ScanError> {
        let at = skip_space(&self.buffer, self.at);
        match self.state {
            State::Start => {
                if self.byte(at, "an object")? != b'{' {
                    return Err(ScanError::Malformed { at, expected: "an object" });
                }
                self.advance(at + 1, State::Key { first: true });
            }
            State::Key { first } => match self.byte(at, "a key")? {
                b'}' => self.advance(at + 1, State::End),
                b',' if !first => self.member(skip_space(&self.buffer, at + 1))?,
                b'"' if first => self.member(at)?,
                _ => return Err(ScanError::Malformed { at, expected: "a key or the list's end" }),
            },
            State::Item { first } => match self.byte(at, "an item")? {
                b']' => self.advance(at + 1, State::Key { first: false }),
                b',' if !first => {
                    let next = skip_space(&self.buffer, at + 1);
                    self.item(next)?;
                }
                b'{' if first => self.item(at)?,
                _ => return Err(ScanError::Malformed { at, expected: "an item or the end of the items" }),
            },
            State::InItem { mut container, looked_at } => {
                let Some(more) = container.feed(&self.buffer[self.at + looked_at..]) else {
                    let looked_at = self.buffer.len() - self.at;
                    self.state = State::InItem { container, looked_at };
                    return Ok(Step::Wait);
                };
                let length = looked_at + more;
                self.advance(self.at + length, State::Item { first: false });
                return Ok(Step::Item(length));
            }
            State::End => return Ok(Step::Wait),
        }
        Ok(Step::Goon)
    }

    fn item(&mut self, at: usize) -> Result<(), ScanError> {
        if self.byte(at, "an item")? != b'{' {
            return Err(ScanError::Malformed { at, expected: "an item, which is an object" });
        }
        self.advance(at, State::InItem { container: Container::default(), looked_at: 0 });
        Ok(())
    }

    /// A member of the list that begins at `key_at`: steps into `items`, over all else once it has arrived.
    fn member(&mut self, key_at: usize) -> Result<(), ScanError> {
        if self.byte(key_at, "a key")? != b'"' {
            return Err(ScanError::Malformed { at: key_at, expected: "a key" });
        }
        let key_end = string_end(&self.buffer, key_at)?;
        let colon = skip_space(&self.buffer, key_end);
        if self.byte(colon, "a colon")? != b':' {
            return Err(ScanError::Malformed { at: colon, expected: "a colon" });
        }
        let value_at = skip_space(&self.buffer, colon + 1);
        let first_byte = self.byte(value_at, "a value")?;
        let key = &self.buffer[key_at + 1..key_end - 1];
        if key_is(key, "items") && first_byte == b'[' {
            self.advance(value_at + 1, State::Item { first: true });
            return Ok(());
        }
        let is_metadata = key_is(key, "metadata");
        let value_end = skip_value(&self.buffer, value_at)?;
        if scalar_end(&self.buffer, value_at) == self.buffer.len()
            && !matches!(first_byte, b'"' | b'{' | b'[')
        {
            // A number or literal that ends with the buffer may go on in the next piece.
            return Err(ScanError::Truncated { at: self.buffer.len() });
        }
        if is_metadata {
            self.metadata.clear();
            self.metadata.extend_from_slice(&self.buffer[value_at..value_end]);
        }
        self.advance(value_end, State::Key { first: false });
        Ok(())
    }

    fn advance(&mut self, at: usize, state: State) {
        self.at = at;
        self.state = state;
    }

    fn byte(&self, at: usize, expected: &'static str) -> Result<u8, ScanError> {
        self.buffer.get(at).copied().ok_or_else(|| ScanError::expected(&self.buffer, at, expected))
    }
}
