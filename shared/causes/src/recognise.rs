//! What texts say, a file for each area: rules as data, and by hand what templates cannot say.

mod image;

use crate::classify::Candidate;
use crate::context::Input;
use crate::rule::{Reason, Rule};
use crate::{Fact, Facts};

const RULES: &[&[Rule]] = &[image::RULES];
const REASONS: &[&[Reason]] = &[image::REASONS];

/// Every rule.
pub(crate) fn rules() -> impl Iterator<Item = &'static Rule> {
    RULES.iter().flat_map(|area| area.iter())
}

/// What reasons say by themselves, and what templates cannot say.
pub(crate) fn beyond_templates(input: &Input, candidates: &mut Vec<Candidate>) {
    for (reason, cause, percent) in REASONS.iter().flat_map(|area| area.iter()) {
        if input.reason == *reason {
            candidates.push(Candidate::new(*cause, *percent, 0..0));
        }
    }
}

/// Facts that do not hang on the cause.
pub(crate) fn facts(input: &Input, facts: &mut Facts) {
    image::facts(input, facts);
}
