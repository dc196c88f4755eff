//! A rule on events: it fires where the event of a pod is seen again and again for long enough, whether the event itself is
//! still there or not.

use crate::clock::{MINUTE, Millis, SECOND};
use crate::complaint::Complaint;
use crate::fault::What;
use crate::model::{NAMESPACE, Past};
use crate::oracle::{CUT_OFF, Judge, Story};
use serde_json::{Value, json};
use std::collections::BTreeMap;

/// Its name.
pub(crate) const NOTED: &str = "Noted";
/// It as the functions have it.
pub(crate) const RULE: &str = "Noted:
  { resource: Event, duration: 5m, gapTolerance: 2m, resolveAfter: 1m,
    checkField: [ { field: [reason], equalValue: [BackOff] } ] }
";
const DURATION: Millis = 5 * MINUTE;
/// So long after it was seen last an event goes on.
pub(crate) const WINDOW: Millis = 2 * MINUTE;
/// So long a silence after that does not count.
const GAP: Millis = 2 * MINUTE;
const RESOLVE_AFTER: Millis = MINUTE;

/// An event as its writer keeps it.
#[derive(Debug, Clone)]
pub(crate) struct Event {
    /// Which one it is in the run.
    pub(crate) number: u32,
    /// The identity of the pod that it is about.
    pub(crate) pod: String,
    /// When it was first seen.
    pub(crate) first: Millis,
    /// When it was last seen.
    pub(crate) last: Millis,
    /// How often.
    pub(crate) count: u32,
}

impl Event {
    /// Its name in the cluster.
    pub(crate) fn name(&self, pod: &str) -> String {
        format!("{pod}.{}", self.number)
    }

    /// The object, in one of the two forms of events, with its times to the second, cut off.
    pub(crate) fn json(&self, pod: &str) -> Value {
        let second = |at: Millis| crate::clock::timestamp(at - at.rem_euclid(SECOND)).to_string();
        let mut object = json!({
            "metadata": {
                "namespace": NAMESPACE,
                "name": self.name(pod),
                "uid": format!("event-{}", self.number),
                "creationTimestamp": second(self.first),
            },
            "involvedObject": {
                "apiVersion": "v1", "kind": "Pod", "namespace": NAMESPACE, "name": pod, "uid": self.pod,
            },
            "type": "Warning",
            "reason": "BackOff",
            "message": "Back-off restarting failed container",
        });
        if self.number.is_multiple_of(2) {
            object["eventTime"] = second(self.first).into();
            if self.count > 1 {
                object["series"] = json!({ "count": self.count, "lastObservedTime": second(self.last) });
            }
        } else {
            object["count"] = self.count.into();
            object["firstTimestamp"] = second(self.first).into();
            object["lastTimestamp"] = second(self.last).into();
        }
        object
    }
}

impl Judge<'_> {
    /// What was seen again and again for long enough was told, once, and in time, and was over when it had not been seen
    /// for a while, or its pod had gone. That the event expires takes nothing back.
    pub(crate) fn what_events_tell_is_told(&mut self, past: &Past, stories: &[Story]) {
        let gone = gone(past);
        let nothing = Vec::new();
        for (uid, seen) in &past.seen {
            let own: Vec<&Story> = of(stories).filter(|story| story.uid() == uid).collect();
            self.what_was_seen_for_long_is_told(uid, seen, gone.get(uid).copied(), &own);
        }
        let mut by_pod: BTreeMap<&str, Vec<&Story>> = BTreeMap::new();
        for story in of(stories) {
            let (uid, seen) = (story.uid(), past.seen.get(story.uid()).unwrap_or(&nothing));
            self.an_event_was_seen(uid, seen, gone.get(uid).copied(), story);
            by_pod.entry(uid).or_default().push(story);
        }
        for (uid, mut own) in by_pod {
            own.sort_by_key(|story| story.fired());
            for pair in own.windows(2) {
                let is_over =
                    pair[0].end().is_some_and(|(_, quiet, _)| quiet <= pair[1].fired() + self.skew());
                if !is_over {
                    self.say(NOTED, "two findings at a time", format!("{uid}: {pair:#?}"));
                }
            }
        }
    }

    fn what_was_seen_for_long_is_told(
        &mut self,
        uid: &str,
        seen: &[Millis],
        gone: Option<Millis>,
        own: &[&Story],
    ) {
        for first in seen {
            let due = first + DURATION;
            let slack = self.in_time(*first, due) + self.skew() + CUT_OFF;
            let told_by = due + slack;
            // It goes on, with no break that comes near to what is forgiven.
            let goes_on = goes_on_until(seen, *first, WINDOW - 2 * slack);
            let lasts = goes_on > told_by && gone.is_none_or(|gone| gone > told_by);
            if !lasts || told_by >= self.end || self.calm.over(first - MINUTE, told_by).is_some() {
                continue;
            }
            let is_told = |story: &&Story| {
                story.at <= told_by && story.end().is_none_or(|(told, ..)| told + slack > *first)
            };
            if !own.iter().any(is_told) {
                self.say(NOTED, "missed", format!("{uid}: from {first} on: {seen:?}, {gone:?}: {own:?}"));
            }
        }
    }

    fn an_event_was_seen(&mut self, uid: &str, seen: &[Millis], gone: Option<Millis>, story: &Story) {
        let (since, fired) = (story.since(), story.fired());
        let slack = self.in_time(fired, fired) + self.skew() + CUT_OFF;
        let mut complain = |what: &str| {
            let about = format!("{uid}: {story:?}: seen {seen:?}, gone {gone:?}");
            self.complaints.push(Complaint::new(format!("{NOTED}: {what}"), about));
        };
        if fired - since < DURATION {
            complain("too early by its own account");
        }
        // An event says itself when it was seen, however late that is heard.
        let is_put_back = self.faults.iter().any(|fault| fault.what == What::EtcdRestored);
        if !is_put_back && !seen.iter().any(|at| at - slack <= since && since <= at + slack) {
            complain("it was not seen then");
        }
        let of_before = seen.iter().rev().find(|at| **at <= fired + slack);
        let is_recent = of_before.is_some_and(|at| fired <= at + WINDOW + slack);
        if story.finding.stale.is_none() && !is_recent {
            complain("it had not been seen for long");
        }
        if !is_put_back && goes_on_until(seen, since - slack, WINDOW + GAP + slack) + slack < fired {
            complain("told over a break");
        }
        let Some((told, quiet, _)) = story.end() else { return complain("never ended") };
        // When it is over, if what comes soon enough after that counts.
        let over = goes_on_until(seen, since - slack, WINDOW + GAP.max(RESOLVE_AFTER) + slack)
            .min(gone.unwrap_or(Millis::MAX));
        let told_by = over.max(fired) + RESOLVE_AFTER + slack;
        let is_calm = self.calm.over(over.min(fired) - MINUTE, told_by).is_none();
        if is_calm && told > told_by && told_by < self.end {
            complain("its end was late");
        }
        let goes_on = seen.iter().any(|at| at + slack < quiet && quiet + slack < at + WINDOW);
        let is_there = gone.is_none_or(|gone| quiet + slack < gone);
        if goes_on && is_there && self.calm.over(quiet - WINDOW - MINUTE, told).is_none() {
            complain("ended while it went on");
        }
    }
}

fn of(stories: &[Story]) -> impl Iterator<Item = &Story> {
    stories.iter().filter(|story| story.finding.rule == NOTED)
}

/// Until when what was first seen at an instant goes on, over breaks no longer than this.
fn goes_on_until(seen: &[Millis], first: Millis, longest: Millis) -> Millis {
    let mut last = None;
    for at in seen.iter().filter(|at| **at >= first) {
        if last.is_some_and(|last| at - last > longest) {
            break;
        }
        last = Some(*at);
    }
    last.map_or(first, |last| last + WINDOW)
}

/// When pods went.
fn gone(past: &Past) -> BTreeMap<String, Millis> {
    let mut gone = BTreeMap::new();
    for history in past.pods.values() {
        for pair in history.windows(2) {
            let (Some(was), next) = (&pair[0].1, &pair[1]) else { continue };
            if next.1.as_ref().is_none_or(|next| next.uid != was.uid) {
                gone.insert(was.uid.clone(), next.0);
            }
        }
    }
    gone
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn it_goes_on_for_a_window_after_it_was_seen_last_without_a_break() {
        for (seen, want) in [(&[0, 100, 200][..], 200), (&[0, 100, 250], 100), (&[0], 0)] {
            let seen: Vec<Millis> = seen.iter().map(|at| at * SECOND).collect();
            assert_eq!(goes_on_until(&seen, 0, WINDOW), want * SECOND + WINDOW, "{seen:?}");
        }
    }
}
