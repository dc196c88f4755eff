use crate::condition::{Clause, Context, all_hold};
use crate::json::Node;
use crate::time::parse_timestamp;
use crate::value::{self, Path, Select, Trail};
use jiff::Timestamp;

/// Where an object says when its present state began.
#[derive(Debug, Clone, PartialEq)]
pub(crate) struct Since {
    pub(crate) field: Path,
    pub(crate) select: Option<Select>,
    /// Of the elements, only those of which all of this holds.
    pub(crate) each: Vec<Clause>,
    pub(crate) sub_field: Path,
}

impl Since {
    /// The earliest of the timestamps found, no later than now.
    pub(crate) fn begin(&self, object: &Node<'_>, now: Timestamp) -> Option<Timestamp> {
        let context = Context { root: object, now };
        let mut earliest: Option<Timestamp> = None;
        value::places(Some(object), &self.field, &Trail::Root, &mut |node, trail| {
            value::elements(node, self.select.as_ref(), trail, &mut |element, trail| {
                if all_hold(&self.each, element, context) {
                    value::values(element, &self.sub_field, trail, &mut |value, _| {
                        let stamp = value.text().and_then(parse_timestamp);
                        earliest = [earliest, stamp].into_iter().flatten().min();
                    });
                }
            });
        });
        earliest.map(|stamp| stamp.min(now))
    }
}
