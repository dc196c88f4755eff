//! The one pass over an object's bytes.

mod key;
mod scalar;
mod scope;
mod skip;

use super::effect::Effect;
use super::learned::Learned;
use super::memo::Memo;
use super::order::{Cursor, Order};
use super::program::Program;
use super::scratch::{Frame, Logged, Scratch, Within};
use super::table::NONE;
use super::trie::Node;
use crate::json::{DEPTH_MAX, JsonError, JsonFault};
use jiff::Timestamp;
use prodrome_scan::scanner::{Scanner, Work};

/// Why a walk ended before the object did.
#[derive(Debug, PartialEq, Eq)]
pub(super) enum Stop {
    /// It is no JSON.
    Broken(JsonError),
    /// It is written as no API server writes: a key stands twice, or something else than an object stands
    /// where the object's name is looked for. The tree has to be asked.
    Strange,
}

/// A walk before it begins.
pub(super) struct Walk<'w> {
    pub(super) program: &'w Program,
    pub(super) json: &'w str,
    pub(super) now: Timestamp,
    pub(super) scratch: &'w mut Scratch,
    pub(super) learned: &'w mut Learned,
}

/// What `Walk` becomes for one scanner.
struct Walker<'w, S> {
    scanner: S,
    program: &'w Program,
    text: &'w str,
    json: &'w [u8],
    now: Timestamp,
    scratch: &'w mut Scratch,
    memos: &'w mut [Memo],
}

/// Where a scalar's text stands, without quotes.
#[derive(Clone, Copy)]
struct Text {
    begin: usize,
    end: usize,
    is_escaped: bool,
}

/// What follows a value.
enum Next {
    /// Another element, its node.
    Element(u32),
    Key,
    Nothing,
}

/// What a value turned out to be.
enum Value {
    /// It ends here.
    Ended(usize),
    /// An object whose first key, an array whose first element begins here.
    Object(usize),
    Array(usize),
}

impl Work for Walk<'_> {
    type Output = Result<(), Stop>;

    #[inline(always)]
    #[expect(clippy::inline_always, reason = "it has to become part of code made for one instruction set")]
    fn run<S: Scanner>(self, scanner: S) -> Self::Output {
        let Self { program, json, now, scratch, learned } = self;
        let Learned { orders, memos } = learned;
        Walker { scanner, program, text: json, json: json.as_bytes(), now, scratch, memos }.run(orders)
    }
}

#[expect(clippy::inline_always, reason = "it has to become part of code made for one instruction set")]
impl<S: Scanner> Walker<'_, S> {
    #[inline(always)]
    fn run(mut self, orders: &mut [Order]) -> Result<(), Stop> {
        let mut at = self.skip_space(0);
        if self.byte(at).is_some_and(|byte| byte != b'{') {
            return Err(Stop::Strange);
        }
        // The node whose value comes next; none, where one has just ended.
        let mut coming = 0;
        loop {
            let mut is_opened = false;
            if coming != NONE {
                let Some(node) = self.program.nodes.get(coming as usize) else { return Err(Stop::Strange) };
                match self.value(orders, node, coming, at)? {
                    Value::Ended(end) => at = end,
                    // Its elements are of the same node.
                    Value::Array(inner) => {
                        at = inner;
                        continue;
                    }
                    Value::Object(inner) => {
                        at = inner;
                        is_opened = true;
                    }
                }
            }
            if !is_opened {
                match self.after(&mut at)? {
                    Next::Element(node) => {
                        coming = node;
                        continue;
                    }
                    Next::Key => {}
                    Next::Nothing => return Ok(()),
                }
            }
            coming = self.keys(orders, &mut at)?;
        }
    }

    /// What follows a value, with the end of all that ends there.
    #[inline(always)]
    fn after(&mut self, at: &mut usize) -> Result<Next, Stop> {
        loop {
            let byte = self.byte(*at);
            if let Some(b' ' | b'\n' | b'\r' | b'\t') = byte {
                *at = self.skip_spaces(*at);
                continue;
            }
            let Some(top) = self.scratch.frames.last() else {
                return if byte.is_none() { Ok(Next::Nothing) } else { fault(JsonFault::Trailing, *at) };
            };
            match (byte, top.within) {
                (Some(b','), Within::Object) => {
                    *at += 1;
                    return Ok(Next::Key);
                }
                (Some(b','), Within::Array) => {
                    *at += 1;
                    return Ok(Next::Element(top.node));
                }
                (Some(b'}'), Within::Object) => {
                    *at += 1;
                    self.object_end();
                }
                (Some(b']'), Within::Array) => {
                    *at += 1;
                    self.array_end();
                }
                _ => return self.unexpected(*at),
            }
        }
    }

    /// The value of a node: a scalar is seen to, a container opened.
    #[inline(always)]
    fn value(&mut self, orders: &mut [Order], node: &Node, index: u32, mut at: usize) -> Result<Value, Stop> {
        loop {
            return match self.byte(at) {
                Some(b'{') => self.object(orders, node, index, at),
                Some(b'[') => self.array(node, index, at),
                Some(b'"') => {
                    let text = self.string(at)?;
                    self.scalar(node, text)?;
                    Ok(Value::Ended(text.end + 1))
                }
                Some(b'n') => {
                    let end = self.word(at, b"null")?;
                    self.missing(node, false);
                    Ok(Value::Ended(end))
                }
                Some(first @ (b't' | b'f' | b'-' | b'0'..=b'9')) => {
                    let begin = at;
                    let end = match first {
                        b't' => self.word(begin, b"true")?,
                        b'f' => self.word(begin, b"false")?,
                        _ => self.number_end(begin)?,
                    };
                    self.scalar(node, Text { begin, end, is_escaped: false })?;
                    Ok(Value::Ended(end))
                }
                Some(b' ' | b'\n' | b'\r' | b'\t') => {
                    at = self.skip_spaces(at);
                    continue;
                }
                _ => self.unexpected(at),
            };
        }
    }

    #[inline(always)]
    fn object(&mut self, orders: &mut [Order], node: &Node, index: u32, begin: usize) -> Result<Value, Stop> {
        let inner = self.skip_space(begin + 1);
        self.check_depth(begin)?;
        if self.byte(inner) == Some(b'}') {
            self.missing(node, false);
            return Ok(Value::Ended(inner + 1));
        }
        let log_at = self.open(node);
        self.apply(node.map, begin);
        self.capture_map(node);
        if node.kids.is_empty() {
            let end = self.skip_container(begin)?;
            self.close(node, log_at);
            return Ok(Value::Ended(end));
        }
        let cursor = orders.get_mut(index as usize).map_or(Cursor::NONE, Order::begin);
        self.push(Within::Object, index, (node.kids.len() - 1) / 64, log_at, cursor);
        Ok(Value::Object(inner))
    }

    #[inline(always)]
    fn array(&mut self, node: &Node, index: u32, begin: usize) -> Result<Value, Stop> {
        if node.is_plain {
            return Err(Stop::Strange);
        }
        self.check_depth(begin)?;
        let inner = self.skip_space(begin + 1);
        if self.byte(inner) == Some(b']') {
            self.missing(node, true);
            return Ok(Value::Ended(inner + 1));
        }
        let words = self.scope(node).map_or(0, |scope| scope.words as usize);
        self.push(Within::Array, index, words, 0, Cursor::NONE);
        Ok(Value::Array(inner))
    }

    #[inline(always)]
    fn push(&mut self, within: Within, node: u32, words: usize, log_at: u32, cursor: Cursor) {
        let seen_at = self.scratch.seen.len();
        if words > 0 {
            self.scratch.seen.resize(seen_at + words, 0);
        }
        let seen_at = u32::try_from(seen_at).unwrap_or(u32::MAX);
        self.scratch.frames.push(Frame { node, seen_at, seen: 0, log_at, cursor, within });
    }

    #[inline(always)]
    fn check_depth(&self, at: usize) -> Result<(), Stop> {
        if self.scratch.frames.len() == DEPTH_MAX { fault(JsonFault::TooDeep, at) } else { Ok(()) }
    }

    #[inline(always)]
    fn apply(&mut self, effect: Effect, at: usize) {
        if effect.is_nothing() {
            return;
        }
        self.set(effect.word, effect.mask);
        if effect.has_rest() {
            let program = self.program;
            for (word, mask) in program.effects.changes(effect).iter().skip(1) {
                self.set(*word, *mask);
            }
        }
        let at = u32::try_from(at).unwrap_or(u32::MAX);
        self.scratch.log.push(Logged { effect, at });
    }

    #[inline(always)]
    fn log_length(&self) -> u32 {
        u32::try_from(self.scratch.log.len()).unwrap_or(u32::MAX)
    }

    #[inline(always)]
    fn byte(&self, at: usize) -> Option<u8> {
        self.json.get(at).copied()
    }

    #[cold]
    fn unexpected<T>(&self, at: usize) -> Result<T, Stop> {
        let what = if at >= self.json.len() { JsonFault::CutShort } else { JsonFault::Unexpected };
        fault(what, at.min(self.json.len()))
    }
}

#[cold]
fn fault<T>(fault: JsonFault, offset: usize) -> Result<T, Stop> {
    Err(Stop::Broken(JsonError { fault, offset }))
}
