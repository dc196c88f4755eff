use super::Walker;
use crate::engine::effect::Effect;
use crate::engine::order::{Cursor, ExpectedValue, WINDOW};
use crate::engine::scratch::Frame;
use crate::engine::table::NONE;
use crate::engine::usual::{DEPTH, Hit};
use prodrome_scan::scanner::Scanner;
use std::ops::Range;

#[expect(clippy::inline_always, reason = "it has to become part of code made for one instruction set")]
impl<S: Scanner> Walker<'_, S> {
    /// A value that the key which came last had before, if such a one stands at `at`, with those behind it that
    /// are of one run with it: all that comes of them is done. Gives where they end.
    #[inline(always)]
    pub(super) fn usual(
        &mut self,
        top: &mut Frame,
        cursor: &mut Cursor,
        at: usize,
        expected: ExpectedValue,
    ) -> Option<usize> {
        if self.scratch.frames.len() > DEPTH {
            return None;
        }
        let mut value = expected.value;
        let (usual, follows) = match self.usuals.expect(self.scanner, self.json, at, value) {
            Some(usual) => (usual, true),
            None => {
                let (other, follows) = self.other_usual(top.node, *cursor, at, expected)?;
                value = other;
                (self.usuals.expect(self.scanner, self.json, at, value)?, follows)
            }
        };
        if usual.seen & top.seen != 0 {
            return None;
        }
        top.seen |= usual.seen;
        let (end, next, last_key, effects) = (usual.end(at), usual.next(), usual.last_key, usual.effects());
        if follows && (next != expected.value || value != expected.last) {
            if let Some(order) = self.orders.get_mut(top.node as usize) {
                order.expect_value(*cursor, next, value);
            }
        }
        if self.usuals.is_joining {
            self.note_hit(top.node, *cursor, value, at..end);
        }
        if last_key != u8::MAX
            && let Some(order) = self.orders.get(top.node as usize)
        {
            *cursor = order.pass(last_key);
        }
        for index in effects {
            let (effect, at) = self.usuals.effect(index, at);
            self.apply(effect, at);
        }
        Some(end)
    }

    /// Another value of the key than the expected one; and whether it is one to be expected where it came now.
    #[inline(always)]
    fn other_usual(
        &mut self,
        node: u32,
        cursor: Cursor,
        at: usize,
        expected: ExpectedValue,
    ) -> Option<(u32, bool)> {
        let (past, next, objects) = self.orders.get_mut(node as usize)?.values(cursor)?;
        let Some(value) = self.usuals.find(self.scanner, self.json, at, past, expected.value) else {
            past.miss(objects, self.usuals, next);
            return None;
        };
        // What begins a run stands wherever the run does: it says nothing against it.
        if self.usuals.is_run(expected.value) && !self.usuals.is_run(value) {
            past.miss(objects, self.usuals, next);
            return Some((value, false));
        }
        self.usuals.follows(expected.last, value);
        Some((value, true))
    }

    /// The innermost object's latest value has ended, and nothing is to be noted before the next one's key.
    #[inline(always)]
    pub(super) fn note_value(&mut self, top: &mut Frame, end: usize) {
        if top.value_at != 0 {
            self.learn_value(top.node, top.cursor, top.value_at as usize..end, top.value_log);
            top.value_at = 0;
        }
    }

    /// Notes a value that was not expected, with what it set, so that it may be expected.
    #[cold]
    pub(super) fn learn_value(&mut self, node: u32, cursor: Cursor, value: Range<usize>, log_at: u32) {
        let Self { program, json, orders, usuals, scratch, .. } = self;
        // What ends the value belongs to it: otherwise `1` would be found in `10`.
        let Some(text) = json.get(value.start..=value.end) else { return };
        if !usuals.learns || json.len() < value.start + WINDOW {
            return;
        }
        let log = scratch.log.get(log_at as usize..).unwrap_or_default();
        let effect = |number| Effect::of(&program.effects, number);
        if let Some((past, expected, _)) =
            orders.get_mut(node as usize).and_then(|order| order.values(cursor))
        {
            past.learn(usuals, text, (log, value.start), effect, expected);
        }
    }

    #[cold]
    fn note_hit(&mut self, node: u32, cursor: Cursor, value: u32, place: Range<usize>) {
        if let (Ok(begin), Ok(end)) = (u32::try_from(place.start), u32::try_from(place.end)) {
            self.usuals.note(Hit { node, key: cursor.key(), value, begin, end });
        }
    }

    /// Joins the values that came as expected one right after the other.
    #[cold]
    pub(super) fn join(&mut self) {
        let Self { json, orders, usuals, .. } = self;
        let hits = std::mem::take(&mut usuals.hits);
        let key = |orders: &[_], hit: &Hit| {
            let order: Option<&crate::engine::order::Order> = orders.get(hit.node as usize);
            order.and_then(|order| order.key(hit.key))
        };
        let mut rest = &hits[..];
        while let [first, after @ ..] = rest {
            let (mut count, mut seen) = (1, 0);
            let mut last = first;
            for hit in after {
                let Some((length, place)) = key(orders, hit) else { break };
                // Between them stand a comma and the key, and nothing else.
                let is_next = hit.node == first.node && hit.begin == last.end + 1 + length;
                let has_bit = place == NONE || place < 64;
                if !is_next || !has_bit || !Hit::fits(first, hit) {
                    break;
                }
                if place != NONE {
                    seen |= 1 << place;
                }
                last = hit;
                count += 1;
            }
            let (run, after) = rest.split_at(count);
            rest = after;
            if count > 1
                && let Some(order) = orders.get_mut(first.node as usize)
                && let Some((past, expected, _)) = order.values_of(first.key)
            {
                usuals.join(json, run, seen, past, expected);
            }
        }
        usuals.hits = hits;
    }
}
