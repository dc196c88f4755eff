use super::{Stop, Walker};
use crate::engine::order::{Cursor, Found, Order, expected};
use crate::engine::table::NONE;
use crate::engine::trie::Node;
use crate::engine::unescape::unescape;
use prodrome_scan::scanner::{self, Scanner};

#[expect(clippy::inline_always, reason = "it has to become part of code made for one instruction set")]
impl<S: Scanner> Walker<'_, S> {
    /// Members of the innermost object, up to the first that leads to a node and is no string: the node, whose value
    /// begins at `at` then; [`NONE`], where a member ended that no comma follows.
    #[inline(always)]
    pub(super) fn keys(&mut self, orders: &mut [Order], at: &mut usize) -> Result<u32, Stop> {
        let program = self.program;
        let Some(top) = self.scratch.frames.last() else { return Err(Stop::Strange) };
        let (mut cursor, mut seen, index) = (top.cursor, top.seen, top.node as usize);
        let (Some(node), Some(order)) = (program.nodes.get(index), orders.get_mut(index)) else {
            return Err(Stop::Strange);
        };
        let mut known = order.keys();
        let coming = loop {
            // Nearly always keys are the expected ones, and mostly such that nobody asks for.
            let found = if let Some(found) = expected(self.scanner, known, self.json, *at, cursor) {
                found
            } else {
                let found = self.any_key(node, order, *at, cursor)?;
                known = order.keys();
                found
            };
            cursor = found.cursor;
            *at = found.behind;
            if found.place == NONE {
                *at = self.skip_value(*at)?;
            } else {
                let Some(kid) = node.kids.get(found.place as usize) else { return Err(Stop::Strange) };
                let bit = 1_u64 << (found.place % 64);
                let before = if found.place < 64 { seen } else { self.see(found.place, bit) };
                if found.place < 64 {
                    seen |= bit;
                }
                if before & bit != 0 {
                    return Err(Stop::Strange);
                }
                if self.byte(*at) != Some(b'"') {
                    break *kid;
                }
                let Some(kid) = program.nodes.get(*kid as usize) else { return Err(Stop::Strange) };
                let text = self.string(*at)?;
                *at = text.end + 1;
                if kid.is_simple && !text.is_escaped {
                    self.literal(kid, text.begin, text.end);
                } else {
                    self.scalar(kid, text)?;
                }
            }
            if self.byte(*at) != Some(b',') {
                break NONE;
            }
            *at += 1;
        };
        if let Some(top) = self.scratch.frames.last_mut() {
            top.cursor = cursor;
            top.seen = seen;
        }
        Ok(coming)
    }

    /// A key that was not expected, whichever it is.
    #[inline(always)]
    fn any_key(&mut self, node: &Node, order: &mut Order, at: usize, cursor: Cursor) -> Result<Found, Stop> {
        let at = self.skip_space(at);
        if self.byte(at) != Some(b'"') {
            return self.unexpected(at);
        }
        if let Some(found) = order.find(self.json, at, cursor) {
            return Ok(found);
        }
        let stop = scanner::string_stop(self.scanner, self.json, at + 1);
        let (end, place) = if self.byte(stop) == Some(b'"') {
            (stop, node.keys.get(self.json, at + 1, stop))
        } else {
            self.escaped_key(node, at + 1, stop)?
        };
        let cursor = order.learn(self.json, at, end, place, cursor);
        let colon = self.skip_space(end + 1);
        if self.byte(colon) != Some(b':') {
            return self.unexpected(colon);
        }
        Ok(Found { behind: colon + 1, place, cursor })
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

    /// Notes a key beyond the first 64; the word of what was seen before.
    #[inline(never)]
    fn see(&mut self, place: u32, bit: u64) -> u64 {
        let Some(top) = self.scratch.frames.last() else { return 0 };
        let index = top.seen_at as usize + place as usize / 64 - 1;
        let Some(word) = self.scratch.seen.get_mut(index) else { return 0 };
        std::mem::replace(word, *word | bit)
    }
}
