//! The canary: an object of ours that is broken on schedule, so that an alert must arrive.

use crate::{Finding, GroupKind, Notice, ObjectRef};

/// The rule that notices it.
pub const CANARY_RULE: &str = "CanaryBroken";
/// The group and the kind of the object.
pub const CANARY_KIND: (&str, &str) = ("prodrome.dev", "Canary");

fn is_canary(rule: &str, object: &ObjectRef) -> bool {
    let (group, kind) = CANARY_KIND;
    rule == CANARY_RULE && object.key().kind == GroupKind::new(group, kind)
}

impl Finding {
    /// Whether it is about the canary: nobody has to act, it only has to arrive.
    pub fn is_canary(&self) -> bool {
        is_canary(&self.rule, self.subject.object())
    }
}

impl Notice {
    /// Whether it is about the canary.
    pub fn is_canary(&self) -> bool {
        is_canary(&self.rule, &self.object)
    }
}
