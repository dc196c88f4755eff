use crate::{Check, Phase, Terms};
use jiff::Timestamp;
use prodrome_model::{EndReason, later};

/// The rule that a check is met by, as far as a check remembers the one that it was decided on last.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct RuleMark {
    /// The version of the rules: 0 for those that came with the program.
    pub version: u64,
    /// The identity of what the rule says.
    pub hash: String,
    /// The identity of what it looks for.
    pub meaning: String,
    /// Whether it is staged: nobody is told.
    pub shadow: bool,
}

/// What becomes of a check whose rule is not the one that it was decided on last.
#[derive(Debug, Clone, PartialEq)]
pub enum Turnover {
    /// It is the same rule.
    Same,
    /// It was decided on by newer rules than those at hand, which must leave it alone.
    Newer,
    /// It goes on like this, and is due: the object has to be looked at with the new rule's eyes.
    Changed(Box<Check>),
    /// The rule tells nobody any more, so what was told is ended: write it, send the end, then remove it.
    Ends(Box<Check>),
}

/// Decides what a rule makes of a check that an earlier form of it was decided on.
///
/// What was told stays told, and is told again only where nobody heard of it as the rule was staged. What waited
/// under another meaning has not matched this one: it waits anew, from where the object itself says that it began.
pub fn turn_over(check: &Check, rule: &RuleMark, now: Timestamp) -> Turnover {
    if check.rules > rule.version {
        return Turnover::Newer;
    }
    if check.rule_hash == rule.hash {
        return Turnover::Same;
    }
    let mut next = check.clone();
    next.rules = rule.version;
    next.rule_hash.clone_from(&rule.hash);
    let other_meaning = !check.is_meant_by(&rule.meaning);
    next.meaning.clone_from(&rule.meaning);
    if matches!(check.phase, Phase::Ending { .. }) {
        return Turnover::Changed(Box::new(next)); // it is on its way out, as it began
    }
    if check.phase.is_told() && rule.shadow && !check.shadow {
        next.phase = Phase::Ending { at: now, reason: EndReason::RuleGone };
        next.due = later(now, Terms::CARRY_ON);
        return Turnover::Ends(Box::new(next));
    }
    if check.phase.is_told() && check.shadow && !rule.shadow {
        // Nobody has heard of it.
        next.phase = Phase::Pending { turns_at: None };
        next.finding = None;
    }
    next.shadow = rule.shadow;
    if other_meaning {
        next.asking = None;
        forget(&mut next, now);
    }
    next.wake(now);
    Turnover::Changed(Box::new(next))
}

/// What was seen was seen by another rule.
fn forget(check: &mut Check, now: Timestamp) {
    if !check.phase.is_told() {
        check.phase = Phase::Pending { turns_at: None };
        (check.since, check.said) = (now, None);
        check.opened_at = now;
    }
    check.counted = None; // nor is it counted with the same ones
    if let Some(event) = &mut check.event {
        // The event itself may match the new rule; the memory of it does not.
        (event.first_seen, event.last_seen, event.count) = (Timestamp::UNIX_EPOCH, Timestamp::UNIX_EPOCH, 0);
    }
}

#[cfg(test)]
mod tests;
