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
use super::trie::Node;
use crate::json::{DEPTH_MAX, JsonError, JsonFault};
use jiff::Timestamp;
use prodrome_scan::scanner::{self, Scanner, Work};

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
    orders: &'w mut [Order],
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
    /// A container whose inside begins here.
    Opened(Frame, usize),
}

impl Work for Walk<'_> {
    type Output = Result<(), Stop>;

    #[inline(always)]
    #[expect(clippy::inline_always, reason = "it has to become part of code made for one instruction set")]
    fn run<S: Scanner>(self, scanner: S) -> Self::Output {
        let Self { program, json, now, scratch, learned } = self;
        let Learned { orders, memos } = learned;
        Walker { scanner, program, text: json, json: json.as_bytes(), now, scratch, orders, memos }.run()
    }
}

#[expect(clippy::inline_always, reason = "it has to become part of code made for one instruction set")]
impl<S: Scanner> Walker<'_, S> {
    #[inline(always)]
    fn run(mut self) -> Result<(), Stop> {
        let mut at = self.skip_space(0);
        if self.byte(at).is_some_and(|byte| byte != b'{') {
            return Err(Stop::Strange);
        }
        // The innermost container; those around it are in `frames`.
        let mut top = Frame::OUTSIDE;
        // The node whose value comes next; none, where one has just ended.
        let mut coming = Some(0);
        loop {
            let mut is_opened = false;
            if let Some(index) = coming {
                let Some(node) = self.program.nodes.get(index as usize) else { return Err(Stop::Strange) };
                match self.value(node, index, &top, at)? {
                    Value::Ended(end) => at = end,
                    Value::Opened(frame, inner) => {
                        at = inner;
                        self.scratch.frames.push(top);
                        top = frame;
                        if top.within == Within::Array {
                            continue;
                        }
                        is_opened = true;
                    }
                }
            }
            if !is_opened {
                match self.after(&mut top, &mut at)? {
                    Next::Element(node) => {
                        coming = Some(node);
                        continue;
                    }
                    Next::Key => {}
                    Next::Nothing => return Ok(()),
                }
            }
            coming = self.keys(&mut top, &mut at)?;
        }
    }

    /// What follows a value, with the end of all that ends there.
    #[inline(always)]
    fn after(&mut self, top: &mut Frame, at: &mut usize) -> Result<Next, Stop> {
        loop {
            match (self.byte(*at), top.within) {
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
                    let ended = self.pop(top);
                    self.object_end(&ended, top);
                }
                (Some(b']'), Within::Array) => {
                    *at += 1;
                    let ended = self.pop(top);
                    self.array_end(&ended, top);
                }
                (Some(b' ' | b'\n' | b'\r' | b'\t'), _) => *at = self.skip_spaces(*at),
                (None, Within::Nothing) => return Ok(Next::Nothing),
                (Some(_), Within::Nothing) => return fault(JsonFault::Trailing, *at),
                _ => return self.unexpected(*at),
            }
        }
    }

    /// Leaves the innermost container, and gives it.
    #[inline(always)]
    fn pop(&mut self, top: &mut Frame) -> Frame {
        std::mem::replace(top, self.scratch.frames.pop().unwrap_or(Frame::OUTSIDE))
    }

    /// The value of a node: a scalar is seen to, a container opened.
    #[inline(always)]
    fn value(&mut self, node: &Node, index: u32, top: &Frame, mut at: usize) -> Result<Value, Stop> {
        loop {
            return match self.byte(at) {
                Some(b'"') => {
                    let begin = at + 1;
                    let stop = scanner::string_stop(self.scanner, self.json, begin);
                    let (end, is_escaped) = if self.byte(stop) == Some(b'"') {
                        (stop, false)
                    } else {
                        (self.string_end(stop)?, true)
                    };
                    self.scalar(node, top, Text { begin, end, is_escaped })?;
                    Ok(Value::Ended(end + 1))
                }
                Some(b'{') => self.object(node, index, top, at),
                Some(b'[') => self.array(node, index, top, at),
                Some(b'n') => {
                    let end = self.word(at, b"null")?;
                    self.missing(node, top, false);
                    Ok(Value::Ended(end))
                }
                Some(first @ (b't' | b'f' | b'-' | b'0'..=b'9')) => {
                    let begin = at;
                    let end = match first {
                        b't' => self.word(begin, b"true")?,
                        b'f' => self.word(begin, b"false")?,
                        _ => self.number_end(begin)?,
                    };
                    self.scalar(node, top, Text { begin, end, is_escaped: false })?;
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
    fn object(&mut self, node: &Node, index: u32, top: &Frame, begin: usize) -> Result<Value, Stop> {
        let inner = self.skip_space(begin + 1);
        self.check_depth(begin)?;
        if self.byte(inner) == Some(b'}') {
            self.missing(node, top, false);
            return Ok(Value::Ended(inner + 1));
        }
        let log_at = self.log_length();
        self.open(node);
        self.apply(node.map, begin);
        self.capture_map(node);
        if node.kids.is_empty() {
            let end = self.skip_container(begin)?;
            self.close(node, top, log_at);
            return Ok(Value::Ended(end));
        }
        let cursor = self.orders.get_mut(index as usize).map_or(Cursor::NONE, Order::begin);
        let words = node.kids.len().div_ceil(64) - 1;
        Ok(Value::Opened(self.frame(Within::Object, index, words, log_at, cursor), inner))
    }

    #[inline(always)]
    fn array(&mut self, node: &Node, index: u32, top: &Frame, begin: usize) -> Result<Value, Stop> {
        if node.is_plain {
            return Err(Stop::Strange);
        }
        self.check_depth(begin)?;
        let inner = self.skip_space(begin + 1);
        if self.byte(inner) == Some(b']') {
            self.missing(node, top, true);
            return Ok(Value::Ended(inner + 1));
        }
        let words = self.scope(node).map_or(0, |scope| scope.words as usize);
        let log_at = self.log_length();
        Ok(Value::Opened(self.frame(Within::Array, index, words, log_at, Cursor::NONE), inner))
    }

    #[inline(always)]
    fn frame(&mut self, within: Within, node: u32, words: usize, log_at: u32, cursor: Cursor) -> Frame {
        let seen_at = self.scratch.seen.len();
        if words > 0 {
            self.scratch.seen.resize(seen_at + words, 0);
        }
        let seen_at = u32::try_from(seen_at).unwrap_or(u32::MAX);
        Frame { node, seen_at, seen: 0, log_at, cursor, within }
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
        self.set(effect.first.word, effect.first.mask);
        if effect.has_rest() {
            let program = self.program;
            for (word, mask) in program.effects.changes(effect.number()).iter().skip(1) {
                self.set(*word, *mask);
            }
        }
        let at = u32::try_from(at).unwrap_or(u32::MAX);
        self.scratch.log.push(Logged { effect: effect.number(), at });
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
