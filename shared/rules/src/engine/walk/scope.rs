use super::Walker;
use crate::engine::scope::Scope;
use crate::engine::scratch::{LoggedElement, Scratch, Within};
use crate::engine::trie::Node;
use prodrome_scan::scanner::Scanner;

#[expect(clippy::inline_always, reason = "it has to become part of code made for one instruction set")]
impl<'w, S: Scanner> Walker<'w, S> {
    /// Nothing is here: null, or an empty array or object.
    #[inline(always)]
    pub(super) fn missing(&mut self, node: &Node, is_array: bool) {
        let Some(array) = self.array_here() else { return self.apply(node.missing, 0) };
        // An empty array in an array is asked as an array is, anything else as an element.
        self.apply(if is_array { node.missing } else { node.missing_element }, 0);
        if let Some(scope) = self.scope(node) {
            self.take(array, if is_array { &scope.every } else { &scope.always });
        }
    }

    /// The innermost object ends.
    #[inline(always)]
    pub(super) fn object_end(&mut self) {
        let Some(frame) = self.scratch.frames.pop() else { return };
        let Some(node) = self.program.nodes.get(frame.node as usize) else { return };
        if let Some(absent) = node.absent.first() {
            self.absent(node, 0, absent & !frame.seen);
            if node.absent.len() > 1 {
                self.absent_beyond(node, frame.seen_at);
            }
        }
        self.scratch.seen.truncate(frame.seen_at as usize);
        self.close(node, frame.log_at);
    }

    /// The same of keys beyond the first 64.
    #[inline(never)]
    fn absent_beyond(&mut self, node: &Node, seen_at: u32) {
        for (word, absent) in node.absent.iter().enumerate().skip(1) {
            let seen = self.scratch.seen.get(seen_at as usize + word - 1).copied().unwrap_or(0);
            self.absent(node, word, absent & !seen);
        }
    }

    /// What it sets that these of a node's keys are missing.
    #[inline(always)]
    fn absent(&mut self, node: &Node, word: usize, mut absent: u64) {
        while absent != 0 {
            let place = word * 64 + absent.trailing_zeros() as usize;
            absent &= absent - 1;
            self.apply(node.absent_effects.get(place).copied().unwrap_or_default(), 0);
        }
    }

    /// The innermost array ends.
    #[inline(always)]
    pub(super) fn array_end(&mut self) {
        let Some(frame) = self.scratch.frames.pop() else { return };
        let node = self.program.nodes.get(frame.node as usize);
        if let Some(scope) = node.and_then(|node| self.scope(node)) {
            for word in 0..scope.words {
                let taken = bits(&self.scratch.seen, frame.seen_at + word);
                none(&mut self.scratch.words, scope, word, taken);
            }
            self.scratch.seen.truncate(frame.seen_at as usize);
            if let Some(array) = self.array_here() {
                self.take(array, &scope.every);
            }
        }
    }

    /// If the innermost container is an array: where its words in `seen` begin, of the groups that took an element.
    #[inline(always)]
    pub(super) fn array_here(&self) -> Option<u32> {
        let top = self.scratch.frames.last().filter(|top| top.within == Within::Array);
        top.map(|top| top.seen_at)
    }

    /// An element begins, or the one value in place of an array; where its part of the log does.
    #[inline(always)]
    pub(super) fn open(&mut self, node: &Node) -> u32 {
        match self.scope(node) {
            Some(scope) => self.open_scope(scope),
            None => 0,
        }
    }

    #[inline(never)]
    fn open_scope(&mut self, scope: &Scope) -> u32 {
        if let Some(words) = self.scratch.words.get_mut(scope.local_words()) {
            words.fill(0);
        }
        for capture in &scope.captures {
            if let Some(captured) = self.scratch.captures.get_mut(capture.capture as usize) {
                captured.pending.clear();
            }
        }
        self.log_length()
    }

    /// It ends: what it satisfies counts for the groups that it is selected for.
    #[inline(always)]
    pub(super) fn close(&mut self, node: &Node, log_at: u32) {
        if let Some(scope_index) = node.scope {
            self.close_scope(scope_index, log_at);
        }
    }

    #[inline(never)]
    fn close_scope(&mut self, scope_index: u32, log_at: u32) {
        let Some(scope) = self.program.scopes.get(scope_index as usize) else { return };
        let array = self.array_here();
        self.try_each(scope);
        let log_end = self.log_length();
        let Scratch { words, seen, elements, .. } = &mut *self.scratch;
        for (word, always) in (0_u32..).zip(&scope.always) {
            let [satisfied, failed, selected] =
                [scope.local, scope.local_failed(), scope.selected()].map(|begin| bits(words, begin + word));
            let selected = selected | always;
            let news = selected & satisfied & !bits(words, scope.satisfied + word);
            if news != 0 {
                set(words, scope.satisfied + word, news);
                elements.push(LoggedElement {
                    scope: scope_index,
                    word,
                    groups: news,
                    begin: log_at,
                    end: log_end,
                });
            }
            set(words, scope.failed + word, selected & failed);
            match array {
                Some(array) => set(seen, array + word, selected),
                None => none(words, scope, word, selected),
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

    /// These groups have taken an element of an array.
    fn take(&mut self, array: u32, groups: &[u64]) {
        for (word, groups) in (array..).zip(groups) {
            set(&mut self.scratch.seen, word, *groups);
        }
    }

    #[inline(always)]
    pub(super) fn set(&mut self, word: u32, mask: u64) {
        set(&mut self.scratch.words, word, mask);
    }

    #[inline(always)]
    fn bits(&self, word: u32) -> u64 {
        bits(&self.scratch.words, word)
    }

    #[inline(always)]
    pub(super) fn scope(&self, node: &Node) -> Option<&'w Scope> {
        self.program.scopes.get(node.scope? as usize)
    }
}

/// Where no element was taken, the groups are asked about what is missing.
#[inline]
fn none(words: &mut [u64], scope: &Scope, word: u32, taken: u64) {
    let left = |groups: &[u64]| bits(groups, word) & !taken;
    set(words, scope.satisfied + word, left(&scope.none_satisfies));
    set(words, scope.failed + word, left(&scope.none_fails));
}

#[inline]
fn set(words: &mut [u64], word: u32, mask: u64) {
    if let Some(word) = words.get_mut(word as usize) {
        *word |= mask;
    }
}

#[inline]
fn bits(words: &[u64], word: u32) -> u64 {
    words.get(word as usize).copied().unwrap_or(0)
}
