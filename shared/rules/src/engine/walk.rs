//! The one pass over an object's bytes.

use super::effect::Effect;
use super::leaf::Leaf;
use super::learned::Learned;
use super::memo::Memo;
use super::order::Order;
use super::program::Program;
use super::scope::Scope;
use super::scratch::{CapturedValue, Frame, Logged, LoggedElement, Scratch};
use super::table::NONE;
use super::trie::Node;
use super::unescape::unescape;
use crate::json::{DEPTH_MAX, JsonError, JsonFault};
use jiff::Timestamp;
use prodrome_scan::scanner::{self, Scanner, SkipError, Work};

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

/// What comes next.
enum Next {
    /// A value of a node; whether it is an element of an array.
    Value { node: u32, in_list: bool },
    /// A key of the innermost object.
    Key,
    /// What follows a value.
    After,
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
impl<'w, S: Scanner> Walker<'w, S> {
    #[inline(always)]
    fn run(mut self) -> Result<(), Stop> {
        let mut at = self.skip_space(0);
        if self.byte(at).is_some_and(|byte| byte != b'{') {
            return Err(Stop::Strange);
        }
        let mut next = Next::Value { node: 0, in_list: false };
        loop {
            next = match next {
                Next::Value { node, in_list } => self.value(node, in_list, &mut at)?,
                Next::Key => self.key(&mut at)?,
                Next::After => {
                    at = self.skip_space(at);
                    let Some(frame) = self.scratch.frames.last() else {
                        return if at == self.json.len() { Ok(()) } else { fault(JsonFault::Trailing, at) };
                    };
                    let frame = *frame;
                    match (self.byte(at), frame.is_array) {
                        (Some(b','), true) => {
                            at = self.skip_space(at + 1);
                            Next::Value { node: frame.node, in_list: true }
                        }
                        (Some(b','), false) => {
                            at = self.skip_space(at + 1);
                            Next::Key
                        }
                        (Some(b'}'), false) => {
                            at += 1;
                            self.object_end();
                            Next::After
                        }
                        (Some(b']'), true) => {
                            at += 1;
                            self.array_end();
                            Next::After
                        }
                        _ => return self.unexpected(at),
                    }
                }
            };
        }
    }

    #[inline(always)]
    fn value(&mut self, index: u32, in_list: bool, at: &mut usize) -> Result<Next, Stop> {
        let Some(node) = self.program.nodes.get(index as usize) else { return Ok(Next::After) };
        match self.byte(*at) {
            Some(b'"') => {
                let begin = *at + 1;
                let stop = scanner::string_stop(self.scanner, self.json, begin);
                let (end, is_escaped) = if self.byte(stop) == Some(b'"') {
                    (stop, false)
                } else {
                    (self.string_end(stop)?, true)
                };
                *at = end + 1;
                self.scalar(node, in_list, Text { begin, end, is_escaped })?;
                Ok(Next::After)
            }
            Some(b'{') => {
                let begin = *at;
                let inner = self.skip_space(begin + 1);
                if self.scratch.frames.len() == DEPTH_MAX {
                    return fault(JsonFault::TooDeep, begin);
                }
                if self.byte(inner) == Some(b'}') {
                    *at = inner + 1;
                    self.missing(node, in_list, false);
                    return Ok(Next::After);
                }
                let log_at = self.log_length();
                self.open(node);
                self.apply(node.map, begin);
                self.capture_map(node);
                if node.kids.is_empty() {
                    *at = self.skip_container(begin)?;
                    self.close(node, in_list, log_at);
                    return Ok(Next::After);
                }
                self.push(index, node.kids.len().div_ceil(64) - 1, false, in_list, log_at);
                if let Some(order) = self.orders.get_mut(index as usize) {
                    order.begin();
                }
                *at = inner;
                Ok(Next::Key)
            }
            Some(b'[') => {
                if node.is_plain {
                    return Err(Stop::Strange);
                }
                if self.scratch.frames.len() == DEPTH_MAX {
                    return fault(JsonFault::TooDeep, *at);
                }
                let inner = self.skip_space(*at + 1);
                if self.byte(inner) == Some(b']') {
                    *at = inner + 1;
                    self.missing(node, in_list, true);
                    return Ok(Next::After);
                }
                let words = self.scope(node).map_or(0, |scope| scope.words as usize);
                let log_at = self.log_length();
                self.push(index, words, true, in_list, log_at);
                *at = inner;
                Ok(Next::Value { node: index, in_list: true })
            }
            Some(b'n') => {
                *at = self.word(*at, b"null")?;
                self.missing(node, in_list, false);
                Ok(Next::After)
            }
            Some(first @ (b't' | b'f' | b'-' | b'0'..=b'9')) => {
                let begin = *at;
                *at = match first {
                    b't' => self.word(begin, b"true")?,
                    b'f' => self.word(begin, b"false")?,
                    _ => self.number_end(begin)?,
                };
                self.scalar(node, in_list, Text { begin, end: *at, is_escaped: false })?;
                Ok(Next::After)
            }
            _ => self.unexpected(*at),
        }
    }

    /// Keys of the innermost object, up to the first that leads to a node.
    #[inline(always)]
    fn key(&mut self, at: &mut usize) -> Result<Next, Stop> {
        let Some(frame) = self.scratch.frames.last() else { return Ok(Next::After) };
        let (index, mut seen, mut cursor) = (frame.node, frame.seen, frame.cursor as usize);
        let Some(node) = self.program.nodes.get(index as usize) else { return Ok(Next::After) };
        loop {
            if self.byte(*at) != Some(b'"') {
                return self.unexpected(*at);
            }
            let begin = *at + 1;
            let expected =
                self.orders.get(index as usize).and_then(|order| order.expect(self.json, begin, &mut cursor));
            let place;
            (*at, place) = match expected {
                Some(found) => found,
                None => self.any_key(node, index, begin, &mut cursor)?,
            };
            *at = self.skip_space(*at);
            if place != NONE {
                if place < 64 {
                    let bit = 1 << place;
                    if seen & bit != 0 {
                        return Err(Stop::Strange);
                    }
                    seen |= bit;
                } else if self.see(place) {
                    return Err(Stop::Strange);
                }
                if let Some(frame) = self.scratch.frames.last_mut() {
                    frame.seen = seen;
                    frame.cursor = u32::try_from(cursor).unwrap_or(0);
                }
                let Some(kid) = node.kids.get(place as usize) else { return Ok(Next::After) };
                return Ok(Next::Value { node: *kid, in_list: false });
            }
            *at = self.skip_value(*at)?;
            if self.byte(*at) != Some(b',') {
                return Ok(Next::After);
            }
            *at = self.skip_space(*at + 1);
        }
    }

    /// A key that was not expected, whichever it is: the place behind its colon, and its own among the node's
    /// keys.
    #[inline(always)]
    fn any_key(
        &mut self,
        node: &Node,
        index: u32,
        begin: usize,
        cursor: &mut usize,
    ) -> Result<(usize, u32), Stop> {
        let stop = scanner::string_stop(self.scanner, self.json, begin);
        let (end, place) = if self.byte(stop) == Some(b'"') {
            (stop, node.keys.get(self.json, begin, stop))
        } else {
            self.escaped_key(node, begin, stop)?
        };
        if let Some(order) = self.orders.get_mut(index as usize) {
            order.learn(self.json, begin, end, place, cursor);
        }
        let colon = self.skip_space(end + 1);
        if self.byte(colon) != Some(b':') {
            return self.unexpected(colon);
        }
        Ok((colon + 1, place))
    }

    /// A scalar that a node has.
    #[inline(always)]
    fn scalar(&mut self, node: &Node, in_list: bool, text: Text) -> Result<(), Stop> {
        let log_at = self.log_length();
        self.open(node);
        if let Some(leaf) = node.leaf.and_then(|leaf| self.program.leaves.get(leaf as usize)) {
            self.leaf(leaf, node.leaf.unwrap_or(0), in_list, text)?;
        }
        self.apply(node.below, text.begin);
        self.close(node, in_list, log_at);
        Ok(())
    }

    #[inline(always)]
    fn leaf(&mut self, leaf: &Leaf, index: u32, in_list: bool, text: Text) -> Result<(), Stop> {
        let Text { begin, end, is_escaped } = text;
        let literal = if is_escaped {
            let mut plain = std::mem::take(&mut self.scratch.text);
            unescape(self.text, begin, end, &mut plain).map_err(Stop::Broken)?;
            let literal = leaf.literals.get(plain.as_bytes(), 0, plain.len());
            self.scratch.text = plain;
            literal
        } else if leaf.names_texts || begin == end {
            leaf.literals.get(self.json, begin, end)
        } else {
            NONE
        };
        let effect = match literal {
            NONE => leaf.other,
            literal => leaf.literal_effects.get(literal as usize).copied().unwrap_or_default(),
        };
        self.apply(if in_list { effect.in_list } else { effect.direct }, begin);
        let is_open = literal == NONE
            && !(leaf.tests.is_empty() && leaf.bounds.is_empty() && (in_list || leaf.namespaces.is_empty()));
        if is_open || leaf.asks_times {
            self.open_questions(leaf, index, in_list, text, literal == NONE);
        }
        for capture in &leaf.captures {
            self.capture(*capture, CapturedValue::Text { begin, end, is_escaped });
        }
        Ok(())
    }

    /// What no dictionary knows.
    #[inline(never)]
    fn open_questions(&mut self, leaf: &Leaf, index: u32, in_list: bool, text: Text, is_other: bool) {
        let Text { begin, end, is_escaped } = text;
        let unescaped = std::mem::take(&mut self.scratch.text);
        let text = if is_escaped { &unescaped } else { self.text.get(begin..end).unwrap_or_default() };
        if is_other {
            if !leaf.tests.is_empty() {
                self.tests(leaf, index, text, begin);
            }
            if !leaf.bounds.is_empty() {
                self.apply(leaf.of_quantity(text), begin);
            }
            if !in_list {
                for (namespaces, effect) in &leaf.namespaces {
                    if namespaces.admit(Some(text)) {
                        self.apply(*effect, begin);
                    }
                }
            }
        }
        if leaf.asks_times {
            let (effect, later) = leaf.of_time(text, self.now);
            self.apply(effect, begin);
            if let Some(stamp) = later {
                self.scratch.stamps.push((index, stamp));
            }
        }
        self.scratch.text = unescaped;
    }

    fn tests(&mut self, leaf: &Leaf, index: u32, text: &str, at: usize) {
        let Some(memo) = self.memos.get_mut(index as usize) else { return };
        let mut memo = std::mem::take(memo);
        for (word, yes) in memo.outcomes(leaf, text).iter().enumerate() {
            let mut left = yes | leaf.tests_with_no.get(word).copied().unwrap_or(0);
            while left != 0 {
                let place = left.trailing_zeros();
                left &= left - 1;
                if let Some(test) = leaf.tests.get(word * 64 + place as usize) {
                    self.apply(if yes >> place & 1 == 1 { test.yes } else { test.no }, at);
                }
            }
        }
        if let Some(place) = self.memos.get_mut(index as usize) {
            *place = memo;
        }
    }

    /// Nothing is here: null, or an empty array or object.
    #[inline(always)]
    fn missing(&mut self, node: &Node, in_list: bool, is_array: bool) {
        if !in_list {
            return self.apply(node.missing, 0);
        }
        // An empty array in an array is asked as an array is, anything else as an element.
        self.apply(if is_array { node.missing } else { node.missing_element }, 0);
        if let Some(scope) = self.scope(node) {
            self.take(if is_array { &scope.every } else { &scope.always });
        }
    }

    #[inline(always)]
    fn object_end(&mut self) {
        let Some(frame) = self.scratch.frames.pop() else { return };
        let Some(node) = self.program.nodes.get(frame.node as usize) else { return };
        for (word, absent) in node.absent.iter().enumerate() {
            let seen = match word {
                0 => frame.seen,
                word => self.scratch.seen.get(frame.seen_at as usize + word - 1).copied().unwrap_or(0),
            };
            let mut absent = absent & !seen;
            while absent != 0 {
                let place = word * 64 + absent.trailing_zeros() as usize;
                absent &= absent - 1;
                let kid = node.kids.get(place).and_then(|kid| self.program.nodes.get(*kid as usize));
                if let Some(kid) = kid {
                    self.apply(kid.missing, 0);
                }
            }
        }
        self.scratch.seen.truncate(frame.seen_at as usize);
        self.close(node, frame.in_list, frame.log_at);
    }

    #[inline(always)]
    fn array_end(&mut self) {
        let Some(frame) = self.scratch.frames.pop() else { return };
        let node = self.program.nodes.get(frame.node as usize);
        if let Some(scope) = node.and_then(|node| self.scope(node)) {
            for word in 0..scope.words as usize {
                let taken = self.scratch.seen.get(frame.seen_at as usize + word).copied().unwrap_or(0);
                self.none(scope, word, taken);
            }
            self.scratch.seen.truncate(frame.seen_at as usize);
            if frame.in_list {
                self.take(&scope.every);
            }
        }
    }

    /// An element begins, or the one value in place of an array.
    #[inline(always)]
    fn open(&mut self, node: &Node) {
        if let Some(scope) = self.scope(node) {
            if let Some(words) = self.scratch.words.get_mut(scope.local_words()) {
                words.fill(0);
            }
            for capture in &scope.captures {
                if let Some(captured) = self.scratch.captures.get_mut(capture.capture as usize) {
                    captured.pending.clear();
                }
            }
        }
    }

    /// It ends: what it satisfies counts for the groups that it is selected for.
    #[inline(always)]
    fn close(&mut self, node: &Node, in_list: bool, log_at: u32) {
        if let Some(scope_index) = node.scope {
            self.close_scope(scope_index, in_list, log_at);
        }
    }

    #[inline(never)]
    fn close_scope(&mut self, scope_index: u32, in_list: bool, log_at: u32) {
        let Some(scope) = self.program.scopes.get(scope_index as usize) else { return };
        self.try_each(scope);
        let log_end = self.log_length();
        for word in 0..scope.words {
            let index = word as usize;
            let [satisfied, failed, selected] =
                [scope.local, scope.local_failed(), scope.selected()].map(|begin| self.bits(begin + word));
            let selected = selected | scope.always.get(index).copied().unwrap_or(0);
            let news = selected & satisfied & !self.bits(scope.satisfied + word);
            if news != 0 {
                self.set(scope.satisfied + word, news);
                let element =
                    LoggedElement { scope: scope_index, word, groups: news, begin: log_at, end: log_end };
                self.scratch.elements.push(element);
            }
            self.set(scope.failed + word, selected & failed);
            if in_list {
                self.take_word(index, selected);
            } else {
                self.none(scope, index, selected);
            }
        }
        for capture in &scope.captures {
            let (word, mask) = (capture.group / 64, 1 << (capture.group % 64));
            if self.bits(scope.selected() + word) & mask != 0
                && let Some(captured) = self.scratch.captures.get_mut(capture.capture as usize)
            {
                captured.taken.append(&mut captured.pending);
            }
        }
    }

    /// Tries the groups of several parts on the present element.
    #[inline(always)]
    fn try_each(&mut self, scope: &Scope) {
        for part in 0..scope.parts {
            let failed = self.bits(scope.parts_failed() + part);
            if failed != 0 {
                let word = (scope.parts_satisfied() + part) as usize;
                if let Some(word) = self.scratch.words.get_mut(word) {
                    *word &= !failed;
                }
            }
        }
        for index in &scope.wake.always {
            self.try_one(scope, *index);
        }
        for word in 0..scope.wake.len() {
            let mut bits = scope.wake.bits(word, &self.scratch.words);
            while bits != 0 {
                for index in scope.wake.woken(word, bits) {
                    self.try_one(scope, *index);
                }
                bits &= bits - 1;
            }
        }
    }

    fn try_one(&mut self, scope: &Scope, index: u32) {
        let Some(each) = scope.each.get(index as usize) else { return };
        let holds = self.program.formulas.holds(each.list, &self.scratch.words, &mut |_| false);
        if holds || each.all {
            let begin = if holds { scope.local } else { scope.local_failed() };
            self.set(begin + each.group / 64, 1 << (each.group % 64));
        }
    }

    /// Where no element was taken, the groups are asked about what is missing.
    #[inline(always)]
    fn none(&mut self, scope: &Scope, word: usize, taken: u64) {
        let left = |words: &[u64]| words.get(word).copied().unwrap_or(0) & !taken;
        let (satisfied, failed) = (left(&scope.none_satisfies), left(&scope.none_fails));
        if let Ok(word) = u32::try_from(word) {
            self.set(scope.satisfied + word, satisfied);
            self.set(scope.failed + word, failed);
        }
    }

    /// These groups have taken an element of the innermost array.
    fn take(&mut self, groups: &[u64]) {
        for (word, groups) in groups.iter().enumerate() {
            self.take_word(word, *groups);
        }
    }

    #[inline(always)]
    fn take_word(&mut self, word: usize, groups: u64) {
        if let Some(frame) = self.scratch.frames.last()
            && let Some(taken) = self.scratch.seen.get_mut(frame.seen_at as usize + word)
        {
            *taken |= groups;
        }
    }

    fn capture(&mut self, capture: super::leaf::LeafCapture, value: CapturedValue) {
        if let Some(captured) = self.scratch.captures.get_mut(capture.capture as usize) {
            if capture.is_pending { &mut captured.pending } else { &mut captured.taken }.push(value);
        }
    }

    #[inline(always)]
    fn capture_map(&mut self, node: &Node) {
        if let Some(leaf) = node.leaf.and_then(|leaf| self.program.leaves.get(leaf as usize)) {
            for capture in &leaf.captures {
                self.capture(*capture, CapturedValue::Map);
            }
        }
    }

    #[inline(always)]
    fn apply(&mut self, effect: Effect, at: usize) {
        if effect == Effect::NOTHING {
            return;
        }
        for (word, mask) in self.program.effects.changes(effect) {
            self.set(*word, *mask);
        }
        let at = u32::try_from(at).unwrap_or(u32::MAX);
        self.scratch.log.push(Logged { effect: effect.index(), at });
    }

    #[inline(always)]
    fn set(&mut self, word: u32, mask: u64) {
        if let Some(word) = self.scratch.words.get_mut(word as usize) {
            *word |= mask;
        }
    }

    #[inline(always)]
    fn bits(&self, word: u32) -> u64 {
        self.scratch.words.get(word as usize).copied().unwrap_or(0)
    }

    #[inline(always)]
    fn scope(&self, node: &Node) -> Option<&'w Scope> {
        self.program.scopes.get(node.scope? as usize)
    }

    #[inline(always)]
    fn log_length(&self) -> u32 {
        u32::try_from(self.scratch.log.len()).unwrap_or(u32::MAX)
    }

    #[inline(always)]
    fn push(&mut self, node: u32, words: usize, is_array: bool, in_list: bool, log_at: u32) {
        let seen_at = self.scratch.seen.len();
        if words > 0 {
            self.scratch.seen.resize(seen_at + words, 0);
        }
        let seen_at = u32::try_from(seen_at).unwrap_or(u32::MAX);
        self.scratch.frames.push(Frame { node, seen_at, seen: 0, log_at, cursor: 0, is_array, in_list });
    }

    /// Notes a key beyond the first 64; whether it was there before.
    fn see(&mut self, place: u32) -> bool {
        let Some(frame) = self.scratch.frames.last() else { return false };
        let index = frame.seen_at as usize + place as usize / 64 - 1;
        let Some(word) = self.scratch.seen.get_mut(index) else { return false };
        let bit = 1 << (place % 64);
        let before = *word & bit != 0;
        *word |= bit;
        before
    }

    #[inline(never)]
    fn escaped_key(&mut self, node: &Node, begin: usize, stop: usize) -> Result<(usize, u32), Stop> {
        let end = self.string_end(stop)?;
        let mut key = std::mem::take(&mut self.scratch.text);
        unescape(self.text, begin, end, &mut key).map_err(Stop::Broken)?;
        let place = node.keys.get(key.as_bytes(), 0, key.len());
        self.scratch.text = key;
        Ok((end, place))
    }

    /// The place of the closing quote, from the first quote or backslash on.
    #[inline(always)]
    fn string_end(&self, mut stop: usize) -> Result<usize, Stop> {
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

    #[inline(always)]
    fn skip_value(&mut self, at: usize) -> Result<usize, Stop> {
        match self.byte(at) {
            Some(b'"') => {
                let stop = scanner::string_stop(self.scanner, self.json, at + 1);
                Ok(self.string_end(stop)? + 1)
            }
            Some(b'{' | b'[') => self.skip_container(at),
            Some(b't') => self.word(at, b"true"),
            Some(b'f') => self.word(at, b"false"),
            Some(b'n') => self.word(at, b"null"),
            Some(b'-' | b'0'..=b'9') => self.number_end(at),
            _ => self.unexpected(at),
        }
    }

    #[inline(always)]
    fn skip_container(&self, at: usize) -> Result<usize, Stop> {
        let depth = u32::try_from(DEPTH_MAX - self.scratch.frames.len()).unwrap_or(0);
        match scanner::container_end(self.scanner, self.json, at, depth) {
            Ok(end) => Ok(end),
            Err(SkipError::Truncated) => fault(JsonFault::CutShort, self.json.len()),
            Err(SkipError::TooDeep(offset)) => fault(JsonFault::TooDeep, offset),
        }
    }

    #[inline(always)]
    fn number_end(&self, at: usize) -> Result<usize, Stop> {
        let rest = self.json.get(at..).unwrap_or_default();
        let is_part = |b: &u8| matches!(b, b'0'..=b'9' | b'-' | b'+' | b'.' | b'e' | b'E');
        match rest.iter().position(|byte| !is_part(byte)) {
            Some(length) => Ok(at + length),
            None => fault(JsonFault::CutShort, self.json.len()),
        }
    }

    #[inline(always)]
    fn word(&self, at: usize, word: &[u8]) -> Result<usize, Stop> {
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
    fn skip_space(&self, at: usize) -> usize {
        // Mostly there is none.
        if self.byte(at).is_some_and(|byte| byte <= b' ') { self.skip_spaces(at) } else { at }
    }

    #[cold]
    fn skip_spaces(&self, mut at: usize) -> usize {
        while let Some(b' ' | b'\n' | b'\r' | b'\t') = self.byte(at) {
            at += 1;
        }
        at
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
