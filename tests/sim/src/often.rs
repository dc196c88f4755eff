//! A rule that fires where something began often, and how often it did.

use crate::calm::Calm;
use crate::clock::{MINUTE, Millis, SECOND};
use crate::fault::{Fault, What};
use crate::model::{History, Past, Pod};
use crate::oracle::{Judge, Story};
use std::collections::BTreeMap;

/// Its name.
pub(crate) const OFTEN: &str = "Often";
/// It as the functions have it.
pub(crate) const RULE: &str = "Often:
  { resource: Pod, frequency: { count: 3, within: 10m }, resolveAfter: 1m,
    checkField: [ { field: [status, ready], equalValue: ['false'] } ] }
";
const COUNT: usize = 3;
const WITHIN: Millis = 10 * MINUTE;
const RESOLVE_AFTER: Millis = MINUTE;
/// What lasts no longer than this may be seen by nobody: of an object the latest state is told.
const SEEN: Millis = 2 * SECOND;

/// When a pod became unready, and when it went.
#[derive(Debug, Default)]
struct Life {
    begins: Vec<Millis>,
    /// When it changed from one to the other so soon that it may not have been seen.
    unseen: Vec<Millis>,
    gone: Option<Millis>,
}

impl Judge<'_> {
    /// What began often enough was told, once, and in time, and was over when it no longer had. Nobody can count what
    /// nobody saw: this is held against days, or parts of them, on which nothing hid or reordered anything.
    pub(crate) fn what_begins_often_is_told(&mut self, past: &Past, stories: &[Story]) {
        let unkind: Vec<Fault> = self.faults.iter().filter(|fault| !is_kind(fault.what)).copied().collect();
        let calm = Calm::of_all(&unkind);
        let lives = lives(past);
        let skew = self.skew();
        for (uid, life) in &lives {
            let own: Vec<&Story> =
                stories.iter().filter(|story| story.finding.rule == OFTEN && story.uid() == uid).collect();
            let can_be_counted = |from: Millis, to: Millis| {
                let from = from - WITHIN - 2 * MINUTE;
                let is_unseen = life.unseen.iter().any(|at| (from..=to).contains(at));
                !is_unseen && calm.over(from, to).is_none()
            };
            for enough in life.begins.windows(COUNT) {
                let (first, last) = (enough[0], enough[COUNT - 1]);
                let slack = self.in_time(last, last) + skew;
                let told_by = last + slack;
                let lasts = first + WITHIN > told_by && life.gone.is_none_or(|gone| gone > told_by);
                let is_told = |story: &&Story| {
                    let goes_on = story.end().is_none_or(|(told, ..)| told + slack > last);
                    story.at <= told_by && goes_on
                };
                if lasts && told_by < self.end && can_be_counted(last, told_by) && !own.iter().any(is_told) {
                    self.say(OFTEN, "missed", format!("{uid}: {enough:?} of {life:?}: {own:?}"));
                }
            }
            for story in &own {
                let fired = story.fired();
                let slack = self.in_time(fired, fired) + skew;
                let begun = |at: Millis| {
                    let window = at - WITHIN - slack..=at + slack;
                    life.begins.iter().filter(|begin| window.contains(begin)).count()
                };
                if can_be_counted(fired, fired) && begun(fired) < COUNT {
                    self.say(OFTEN, "not often", format!("{uid}: {story:?} of {life:?}"));
                }
                let over = over(life, fired);
                let slack = self.in_time(over, over + RESOLVE_AFTER) + skew;
                let told_by = over.saturating_add(RESOLVE_AFTER + slack);
                if told_by >= self.end || !can_be_counted(fired, told_by) {
                    continue;
                }
                match story.end() {
                    Some((told, quiet, _)) if told <= told_by && quiet >= over - slack => {}
                    end => {
                        let end = format!("over at {over}, told {end:?}");
                        let about = format!("{uid}: {end}: {story:?} of {life:?}");
                        self.say(OFTEN, "its end was not told in time", about);
                    }
                }
            }
        }
    }
}

/// Whether everything is seen in spite of it, and in its order.
fn is_kind(what: What) -> bool {
    matches!(
        what,
        What::Repeats(_)
            | What::Skew(..)
            | What::WatchClock(_)
            | What::NodeClocks(_)
            | What::TwoSweeps
            | What::StoreConflicts(_)
    )
}

/// When there are no longer enough begins, from when there were; a few more in time, and it goes on.
fn over(life: &Life, fired: Millis) -> Millis {
    let mut over = fired;
    for enough in life.begins.windows(COUNT) {
        let (from, to) = (enough[COUNT - 1], enough[0] + WITHIN);
        if from < to && from <= over + RESOLVE_AFTER && to > over {
            over = to;
        }
    }
    life.gone.map_or(over, |gone| over.min(gone))
}

fn lives(past: &Past) -> BTreeMap<String, Life> {
    let mut lives = BTreeMap::new();
    for history in past.pods.values() {
        life_of(history, &mut lives);
    }
    lives
}

fn life_of(history: &History<Pod>, lives: &mut BTreeMap<String, Life>) {
    let mut before: Option<(Millis, &Pod)> = None;
    for (at, pod) in history {
        if let Some((_, was)) = before
            && pod.as_ref().is_none_or(|pod| pod.uid != was.uid)
        {
            lives.entry(was.uid.clone()).or_default().gone = Some(*at);
            before = None;
        }
        let Some(pod) = pod else { continue };
        let life = lives.entry(pod.uid.clone()).or_default();
        let turned = before.is_none_or(|(_, was)| was.ready != pod.ready);
        if !turned {
            continue;
        }
        if before.is_some_and(|(since, _)| at - since <= SEEN) {
            life.unseen.push(*at);
        }
        if !pod.ready {
            life.begins.push(*at);
        }
        before = Some((*at, pod));
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn it_is_over_when_too_few_are_left() {
        let life = |begins: &[Millis]| Life { begins: begins.to_vec(), ..Life::default() };
        let minutes = |at: &[Millis]| at.iter().map(|at| at * MINUTE).collect::<Vec<_>>();
        for (begins, fired, want) in
            [(&[0, 4, 8][..], 8, 10), (&[0, 4, 8, 9], 8, 14), (&[0, 4, 8, 20], 8, 10)]
        {
            assert_eq!(over(&life(&minutes(begins)), fired * MINUTE), want * MINUTE, "{begins:?}");
        }
    }
}
