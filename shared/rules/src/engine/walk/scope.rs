use super::Walker;
use crate::engine::scope::Scope;
use crate::engine::scratch::{Frame, LoggedElement, Within};
use crate::engine::trie::Node;
use prodrome_scan::scanner::Scanner;

#[expect(clippy::inline_always, reason = "it has to become part of code made for one instruction set")]
impl<'w, S: Scanner> Walker<'w, S> {
    /// Nothing is here: null, or an empty array or object.
    #[inline(always)]
    pub(super) fn missing(&mut self, node: &Node, top: &Frame, is_array: bool) {
        if top.within != Within::Array {
            return self.apply(node.missing, 0);
        }
        // An empty array in an array is asked as an array is, anything else as an element.
        self.apply(if is_array { node.missing } else { node.missing_element }, 0);
        if let Some(scope) = self.scope(node) {
            self.take(top, if is_array { &scope.every } else { &scope.always });
        }
    }

    #[inline(always)]
    pub(super) fn object_end(&mut self, frame: &Frame, top: &Frame) {
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
                self.apply(node.absent_effects.get(place).copied().unwrap_or_default(), 0);
            }
        }
        self.scratch.seen.truncate(frame.seen_at as usize);
        self.close(node, top, frame.log_at);
    }

    #[inline(always)]
    pub(super) fn array_end(&mut self, frame: &Frame, top: &Frame) {
        let node = self.program.nodes.get(frame.node as usize);
        if let Some(scope) = node.and_then(|node| self.scope(node)) {
            for word in 0..scope.words as usize {
                let taken = self.scratch.seen.get(frame.seen_at as usize + word).copied().unwrap_or(0);
                self.none(scope, word, taken);
            }
            self.scratch.seen.truncate(frame.seen_at as usize);
            if top.within == Within::Array {
                self.take(top, &scope.every);
            }
        }
    }

    /// An element begins, or the one value in place of an array.
    #[inline(always)]
    pub(super) fn open(&mut self, node: &Node) {
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
    pub(super) fn close(&mut self, node: &Node, top: &Frame, log_at: u32) {
        if let Some(scope_index) = node.scope {
            self.close_scope(scope_index, top, log_at);
        }
    }

    #[inline(never)]
    fn close_scope(&mut self, scope_index: u32, top: &Frame, log_at: u32) {
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
            if top.within == Within::Array {
                self.take_word(top, index, selected);
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

    /// These groups have taken an element of an array.
    fn take(&mut self, array: &Frame, groups: &[u64]) {
        for (word, groups) in groups.iter().enumerate() {
            self.take_word(array, word, *groups);
        }
    }

    #[inline(always)]
    fn take_word(&mut self, array: &Frame, word: usize, groups: u64) {
        if let Some(taken) = self.scratch.seen.get_mut(array.seen_at as usize + word) {
            *taken |= groups;
        }
    }

    #[inline(always)]
    pub(super) fn set(&mut self, word: u32, mask: u64) {
        if let Some(word) = self.scratch.words.get_mut(word as usize) {
            *word |= mask;
        }
    }

    #[inline(always)]
    fn bits(&self, word: u32) -> u64 {
        self.scratch.words.get(word as usize).copied().unwrap_or(0)
    }

    #[inline(always)]
    pub(super) fn scope(&self, node: &Node) -> Option<&'w Scope> {
        self.program.scopes.get(node.scope? as usize)
    }
}
