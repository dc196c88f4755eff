use crate::condition::{Clause, Context, all_hold};
use crate::json::Node;
use crate::time::parse_timestamp;
use crate::value::{self, Path, Select, Trail};
use jiff::Timestamp;

/// Where an object says when its present state began: of all timestamps found there, one.
#[derive(Debug, Clone, PartialEq)]
pub(crate) struct Since {
    pub(crate) places: Vec<SincePlace>,
    pub(crate) take: Take,
}

/// Which of several timestamps counts.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub(crate) enum Take {
    #[default]
    Earliest,
    Latest,
}

/// A path to timestamps.
#[derive(Debug, Clone, PartialEq)]
pub(crate) struct SincePlace {
    pub(crate) field: Path,
    pub(crate) select: Option<Select>,
    /// Of the elements, only those of which all of this holds.
    pub(crate) each: Vec<Clause>,
    pub(crate) sub_field: Path,
}

impl Since {
    /// The one of the timestamps found that counts, be it yet to come: to say now instead would be another time at each look.
    pub(crate) fn begin(&self, object: &Node<'_>, now: Timestamp) -> Option<Timestamp> {
        let mut taken: Option<Timestamp> = None;
        for place in &self.places {
            place.stamps(object, now, &mut |stamp| {
                taken = Some(match (taken, self.take) {
                    (None, _) => stamp,
                    (Some(taken), Take::Earliest) => taken.min(stamp),
                    (Some(taken), Take::Latest) => taken.max(stamp),
                });
            });
        }
        taken
    }
}

impl SincePlace {
    fn stamps(&self, object: &Node<'_>, now: Timestamp, visit: &mut dyn FnMut(Timestamp)) {
        let context = Context { root: object, now };
        value::places(Some(object), &self.field, &Trail::Root, &mut |node, trail| {
            value::elements(node, self.select.as_ref(), trail, &mut |element, trail| {
                if all_hold(&self.each, element, context) {
                    value::values(element, &self.sub_field, trail, &mut |value, _| {
                        if let Some(stamp) = value.text().and_then(parse_timestamp) {
                            visit(stamp);
                        }
                    });
                }
            });
        });
    }
}
