use super::{Stop, Text, Walker};
use crate::engine::leaf::{Leaf, LeafCapture};
use crate::engine::scratch::CapturedValue;
use crate::engine::table::NONE;
use crate::engine::trie::Node;
use crate::engine::unescape::unescape;
use prodrome_scan::scanner::Scanner;

#[expect(clippy::inline_always, reason = "it has to become part of code made for one instruction set")]
impl<S: Scanner> Walker<'_, S> {
    /// A text of which a node asks nothing but which it is.
    ///
    /// A function of its own, as most of what it needs is no use to the rest of the walk.
    #[inline(never)]
    pub(super) fn literal(&mut self, node: &Node, begin: usize, end: usize) {
        let leaf = node.leaf.and_then(|leaf| self.program.leaves.get(leaf as usize));
        if let Some(leaf) = leaf {
            let literal = leaf.literal(self.json, begin, end);
            self.apply(leaf.of_literal(literal).direct, begin);
        }
    }

    /// A scalar that a node has.
    #[inline(never)]
    pub(super) fn scalar(&mut self, node: &Node, text: Text) -> Result<(), Stop> {
        let log_at = self.open(node);
        if let Some(index) = node.leaf
            && let Some(leaf) = self.program.leaves.get(index as usize)
        {
            self.leaf(leaf, index, text)?;
        }
        self.apply(node.below, text.begin);
        self.close(node, log_at);
        Ok(())
    }

    #[inline(always)]
    fn leaf(&mut self, leaf: &Leaf, index: u32, text: Text) -> Result<(), Stop> {
        let Text { begin, end, is_escaped } = text;
        let in_list = self.array_here().is_some();
        let literal = if is_escaped {
            let mut plain = std::mem::take(&mut self.scratch.text);
            unescape(self.text, begin, end, &mut plain).map_err(Stop::Broken)?;
            let literal = leaf.literals.get(plain.as_bytes(), 0, plain.len());
            self.scratch.text = plain;
            literal
        } else {
            leaf.literal(self.json, begin, end)
        };
        let effect = leaf.of_literal(literal);
        self.apply(if in_list { effect.in_list } else { effect.direct }, begin);
        let is_open = leaf.is_open[usize::from(in_list)];
        if leaf.asks_times || (is_open && literal == NONE) {
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
        let unescaped = if is_escaped { std::mem::take(&mut self.scratch.text) } else { String::new() };
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
        if is_escaped {
            self.scratch.text = unescaped;
        }
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

    fn capture(&mut self, capture: LeafCapture, value: CapturedValue) {
        if let Some(captured) = self.scratch.captures.get_mut(capture.capture as usize) {
            if capture.is_pending { &mut captured.pending } else { &mut captured.taken }.push(value);
        }
    }

    #[inline(always)]
    pub(super) fn capture_map(&mut self, node: &Node) {
        if let Some(leaf) = node.leaf.and_then(|leaf| self.program.leaves.get(leaf as usize)) {
            for capture in &leaf.captures {
                self.capture(*capture, CapturedValue::Map);
            }
        }
    }
}
