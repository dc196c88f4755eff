//! Rules with a frequency, and rules on events, at one look: what one object tells is not the whole of it.

use jiff::Timestamp;
use prodrome_evaluate::Inspection;
use prodrome_lifecycle::{Counter, Quota};
use prodrome_rules::{Frequency, RuleSet, print_duration};
use std::collections::BTreeMap;

/// The inspections that stand when all objects have been seen: of a rule with a frequency those whose begins are
/// enough, together with those that are counted with them; of several events about one object the oldest.
pub(super) fn settle(inspections: Vec<Inspection>, rules: &RuleSet, now: Timestamp) -> Vec<Inspection> {
    let mut counters: BTreeMap<(String, String), Counter> = BTreeMap::new();
    for inspection in &inspections {
        let Some((quota, counts)) = counted(inspection, rules) else { continue };
        let key = (inspection.rule.clone(), counts.group.clone());
        let counter = counters.entry(key).or_insert_with(|| Counter::new(&*counts.group));
        for begin in &counts.begins {
            counter.add(begin.clone(), &quota, now);
        }
    }
    let mut standing: Vec<Inspection> = Vec::new();
    for mut inspection in inspections {
        if let Some((quota, counts)) = counted(&inspection, rules) {
            let counter = &counters[&(inspection.rule.clone(), counts.group.clone())];
            let own = counts.begins.iter().map(|begin| begin.at).max();
            let is_in = own.is_some_and(|at| now.duration_since(at) < quota.within);
            let found = counter.standing(&quota, now);
            if !is_in || found.full_until.is_none() {
                continue;
            }
            // It has been enough since the last one that was needed; this is when a watcher would have told.
            inspection.since = own.map(|at| at.min(now));
            let what = if quota.distinct { "different values" } else { "times" };
            let within = print_duration(quota.within);
            inspection.evidence.insert(0, format!("{} {what} within {within}", found.count));
        }
        let is_same = |other: &&mut Inspection| {
            other.rule == inspection.rule
                && other.object == inspection.object
                && other.metadata.uid == inspection.metadata.uid
        };
        match standing.iter_mut().find(is_same) {
            Some(other) if inspection.since < other.since => *other = inspection,
            Some(_) => {}
            None => standing.push(inspection),
        }
    }
    standing
}

fn counted<'i>(
    inspection: &'i Inspection,
    rules: &RuleSet,
) -> Option<(Quota, &'i prodrome_evaluate::Counts)> {
    let counts = inspection.counts.as_ref()?;
    let frequency = rules.get(&inspection.rule)?.frequency()?;
    Some((quota(frequency), counts))
}

fn quota(frequency: &Frequency) -> Quota {
    Quota { count: frequency.count(), within: frequency.within(), distinct: frequency.is_distinct() }
}
