use crate::skip::{skip_space, skip_value, string_end};
use crate::text::{key_is, text};
use crate::{ScanError, skip};
use std::borrow::Cow;
use std::ops::Range;

/// Keys from the outermost object inwards. Keys are literal: a label may hold dots and slashes.
pub type Path<'a> = &'a [&'a str];

/// What is to be found and what is to be cut, compiled so that one pass over the bytes does it all.
///
/// Paths lead through objects only; one that meets an array or a scalar finds nothing.
#[derive(Debug, Clone)]
pub struct Plan {
    nodes: Vec<Node>,
    captures: usize,
}

#[derive(Debug, Clone, Default)]
struct Node {
    children: Vec<(Box<str>, usize)>,
    /// Into which of the plan's captures the value's range goes.
    capture: Option<usize>,
    cut: bool,
}

/// What a [`Plan`] found. Reusable: the next run clears it.
#[derive(Debug, Clone, Default)]
pub struct Found {
    captures: Vec<Option<Range<usize>>>,
    cuts: Vec<Range<usize>>,
    seen: Vec<bool>,
}

impl Plan {
    /// A plan that captures the values at some paths and cuts the members at others. What is cut is not
    /// looked into.
    ///
    /// # Panics
    /// When a path to cut is empty: the whole is not a member of anything.
    pub fn new(captures: &[Path<'_>], cuts: &[Path<'_>]) -> Self {
        let mut plan = Self { nodes: vec![Node::default()], captures: captures.len() };
        for (i, path) in captures.iter().enumerate() {
            let node = plan.node(path);
            plan.nodes[node].capture = Some(i);
        }
        for path in cuts {
            assert!(!path.is_empty(), "only a member of an object can be cut");
            let node = plan.node(path);
            plan.nodes[node].cut = true;
        }
        plan
    }

    fn node(&mut self, path: Path<'_>) -> usize {
        path.iter().fold(0, |node, key| {
            if let Some(child) = self.child(node, key.as_bytes()) {
                return child;
            }
            self.nodes.push(Node::default());
            let child = self.nodes.len() - 1;
            self.nodes[node].children.push(((*key).into(), child));
            child
        })
    }

    fn child(&self, node: usize, raw_key: &[u8]) -> Option<usize> {
        self.nodes[node].children.iter().find(|(key, _)| key_is(raw_key, key)).map(|&(_, child)| child)
    }

    /// Reads one value, which may have white space around it, to its end; the place after it.
    ///
    /// Text that is cut short is an error, wherever the cut is. What follows the value is not looked at.
    pub fn run(&self, json: &[u8], found: &mut Found) -> Result<usize, ScanError> {
        found.captures.clear();
        found.captures.resize(self.captures, None);
        found.cuts.clear();
        found.seen.clear();
        found.seen.resize(self.nodes.len(), false);
        self.value(0, json, skip_space(json, 0), found)
    }

    /// Recursion goes as deep as the longest path, never as deep as the text.
    fn value(&self, node: usize, json: &[u8], at: usize, found: &mut Found) -> Result<usize, ScanError> {
        if found.seen[node] {
            self.forget(node, found);
        }
        found.seen[node] = true;
        let inner =
            json.get(at) == Some(&b'{') && !self.nodes[node].children.is_empty() && !self.nodes[node].cut;
        let end = if inner { self.object(node, json, at, found)? } else { skip_value(json, at)? };
        if let Some(capture) = self.nodes[node].capture {
            found.captures[capture] = Some(at..end);
        }
        Ok(end)
    }

    fn object(&self, node: usize, json: &[u8], at: usize, found: &mut Found) -> Result<usize, ScanError> {
        let mut gap = Gap { kept_before: false, comma: at, open: None };
        let mut at = skip_space(json, at + 1);
        if json.get(at) == Some(&b'}') {
            return Ok(at + 1);
        }
        loop {
            if json.get(at) != Some(&b'"') {
                return Err(ScanError::expected(json, at, "a key"));
            }
            let key_at = at;
            let key_end = string_end(json, key_at)?;
            at = skip::skip_space(json, key_end);
            if json.get(at) != Some(&b':') {
                return Err(ScanError::expected(json, at, "a colon"));
            }
            at = skip_space(json, at + 1);
            let child = self.child(node, &json[key_at + 1..key_end - 1]);
            at = match child {
                Some(child) => self.value(child, json, at, found)?,
                None => skip_value(json, at)?,
            };
            if child.is_some_and(|child| self.nodes[child].cut) {
                gap.cut(key_at, at, found);
            } else {
                gap.kept_before = true;
            }
            at = skip_space(json, at);
            match json.get(at) {
                Some(b',') => {
                    gap.comma = at;
                    at = skip_space(json, at + 1);
                    gap.close(at, found);
                }
                Some(b'}') => return Ok(at + 1),
                _ => return Err(ScanError::expected(json, at, "a comma or the object's end")),
            }
        }
    }

    /// A key came twice: what the first held does not count.
    fn forget(&self, node: usize, found: &mut Found) {
        if let Some(capture) = self.nodes[node].capture {
            found.captures[capture] = None;
        }
        for &(_, child) in &self.nodes[node].children {
            self.forget(child, found);
        }
    }
}

/// Which bytes go with a member that is cut: one comma, so that what stays is JSON.
struct Gap {
    kept_before: bool,
    /// The comma before the present member, if any.
    comma: usize,
    /// A cut before which nothing was kept: it goes on to the next key, whose index in `cuts` this is.
    open: Option<usize>,
}

impl Gap {
    fn cut(&mut self, key_at: usize, value_end: usize, found: &mut Found) {
        if self.kept_before {
            found.cuts.push(self.comma..value_end);
        } else {
            self.open = Some(found.cuts.len());
            found.cuts.push(key_at..value_end);
        }
    }

    fn close(&mut self, next_key_at: usize, found: &mut Found) {
        if let Some(open) = self.open.take() {
            found.cuts[open].end = next_key_at;
        }
    }
}

impl Found {
    /// Where the value of the plan's `capture`-th path stands.
    pub fn range(&self, capture: usize) -> Option<Range<usize>> {
        self.captures.get(capture).cloned().flatten()
    }

    /// The raw bytes of that value.
    pub fn raw<'j>(&self, json: &'j [u8], capture: usize) -> Option<&'j [u8]> {
        json.get(self.range(capture)?)
    }

    /// That value as text, if it is a string.
    pub fn text<'j>(&self, json: &'j [u8], capture: usize) -> Option<Cow<'j, str>> {
        text(self.raw(json, capture)?)
    }

    /// How many bytes the plan's cuts take out of `part`.
    pub fn cut_bytes(&self, part: Range<usize>) -> usize {
        self.cuts_in(part).map(ExactSizeIterator::len).sum()
    }

    /// Appends the bytes of `part` (a captured value, or the whole) to `out`, less what the plan cuts.
    pub fn copy_rest(&self, json: &[u8], part: Range<usize>, out: &mut Vec<u8>) {
        let mut from = part.start;
        for cut in self.cuts_in(part.clone()) {
            out.extend_from_slice(&json[from..cut.start]);
            from = cut.end;
        }
        out.extend_from_slice(&json[from..part.end]);
    }

    fn cuts_in(&self, part: Range<usize>) -> impl Iterator<Item = &Range<usize>> {
        self.cuts.iter().filter(move |cut| part.start <= cut.start && cut.end <= part.end)
    }
}
