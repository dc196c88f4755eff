use super::{Stop, Walker};
use crate::engine::order::{Cursor, Found};
use crate::engine::scratch::Frame;
use crate::engine::table::NONE;
use crate::engine::trie::Node;
use crate::engine::unescape::unescape;
use prodrome_scan::scanner::{self, Scanner};

#[expect(clippy::inline_always, reason = "it has to become part of code made for one instruction set")]
impl<S: Scanner> Walker<'_, S> {
    /// Keys of the innermost object, up to the first that leads to a node, whose value begins at `at` then; none,
    /// where a value was skipped that no comma follows.
    #[inline(always)]
    pub(super) fn keys(&mut self, top: &mut Frame, at: &mut usize) -> Result<Option<u32>, Stop> {
        let Some(node) = self.program.nodes.get(top.node as usize) else { return Err(Stop::Strange) };
        let mut cursor = top.cursor;
        loop {
            let Some(order) = self.orders.get(top.node as usize) else { return Err(Stop::Strange) };
            let mut expected = order.expect(self.json, *at, &mut cursor);
            // Nearly always keys are the expected ones, and mostly such that nobody asks for.
            while let Some(Found { behind, place: NONE }) = expected {
                *at = self.skip_value(behind)?;
                if self.byte(*at) != Some(b',') {
                    top.cursor = cursor;
                    return Ok(None);
                }
                *at += 1;
                expected = order.expect(self.json, *at, &mut cursor);
            }
            let Found { behind, place } = match expected {
                Some(found) => found,
                None => self.any_key(node, top.node, *at, &mut cursor)?,
            };
            if place != NONE {
                let Some(kid) = node.kids.get(place as usize) else { return Err(Stop::Strange) };
                let bit = 1_u64 << (place % 64);
                let before = if place < 64 { top.seen } else { self.see(top, place, bit) };
                if place < 64 {
                    top.seen |= bit;
                }
                if before & bit != 0 {
                    return Err(Stop::Strange);
                }
                *at = behind;
                top.cursor = cursor;
                return Ok(Some(*kid));
            }
            *at = self.skip_value(behind)?;
            if self.byte(*at) != Some(b',') {
                top.cursor = cursor;
                return Ok(None);
            }
            *at += 1;
        }
    }

    /// A key that was not expected, whichever it is.
    #[inline(always)]
    fn any_key(&mut self, node: &Node, index: u32, at: usize, cursor: &mut Cursor) -> Result<Found, Stop> {
        let at = self.skip_space(at);
        if self.byte(at) != Some(b'"') {
            return self.unexpected(at);
        }
        let known = self.orders.get_mut(index as usize).and_then(|order| order.find(self.json, at, cursor));
        if let Some(found) = known {
            return Ok(found);
        }
        let stop = scanner::string_stop(self.scanner, self.json, at + 1);
        let (end, place) = if self.byte(stop) == Some(b'"') {
            (stop, node.keys.get(self.json, at + 1, stop))
        } else {
            self.escaped_key(node, at + 1, stop)?
        };
        if let Some(order) = self.orders.get_mut(index as usize) {
            order.learn(self.json, at, end, place, cursor);
        }
        let colon = self.skip_space(end + 1);
        if self.byte(colon) != Some(b':') {
            return self.unexpected(colon);
        }
        Ok(Found { behind: colon + 1, place })
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
    fn see(&mut self, top: &Frame, place: u32, bit: u64) -> u64 {
        let index = top.seen_at as usize + place as usize / 64 - 1;
        let Some(word) = self.scratch.seen.get_mut(index) else { return 0 };
        std::mem::replace(word, *word | bit)
    }
}
