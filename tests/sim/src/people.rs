//! What people were told of it: each alert once, in time, and its end after it.

use crate::clock::{Clock, MINUTE, Millis, SECOND};
use crate::complaint::Complaint;
use crate::fault::What;
use crate::law::{NEVER, Ruled};
use crate::oracle::{Judge, Story};
use crate::silence::SILENCE;
use crate::system::{System, Told};
use jiff::{SignedDuration, Timestamp};
use prodrome_alerting::MemoryState::{Ended, Open};
use prodrome_alerting::keys::{HEAD, log_partition};
use prodrome_alerting::log::{Entry, Event};
use prodrome_alerting::{Head, Memory};
use prodrome_model::{EndReason, Fingerprint, NoticeKind};
use prodrome_store::Record;
use std::collections::{BTreeMap, BTreeSet};

/// An alert is over so long after all that it tells of, at the latest.
const SETTLED: Millis = 30 * MINUTE;

/// What each of these rules sees is told by phone too.
const BY_PHONE: [&str; 2] = ["Failed", SILENCE];

/// So many begins and ends within [`FLAPS_QUIET`] are an alert that comes and goes,
const FLAPS: usize = 4;
/// and that is over only when there was none for so long.
const FLAPS_QUIET: Millis = 30 * MINUTE;

/// That people were told: when, what, and which notice of the alert it was.
type Notified = (Millis, NoticeKind, u32);

/// What was told by which channel of which alert.
type ByAlert<'t> = BTreeMap<(&'t str, &'t Fingerprint), Vec<Notified>>;

impl Judge<'_> {
    /// Each alert came to people once, in time, and its end after it.
    pub(crate) fn everybody_was_told(&mut self, system: &System, laws: &[Ruled], stories: &[Story]) {
        let told = system.channels.told();
        let memories: Memories = system.episodes.records().iter().filter_map(memory).collect();
        let mut by_alert: ByAlert<'_> = BTreeMap::new();
        for told in &told {
            let key = (told.channel.as_str(), &told.notice.fingerprint);
            by_alert.entry(key).or_default().push((told.at, told.notice.kind, told.notice.sequence));
        }
        for story in stories {
            let fingerprint = &story.finding.fingerprint;
            if !memories.contains_key(&fingerprint.to_string()) {
                self.find("alert forgot a finding", story);
            }
            let Some(alert) = alert_of(story, &memories) else { continue };
            // Whether it opens an alert or joins one that others have not heard of.
            let in_time = story.at + self.in_time(story.at, story.at);
            let is_calm = self.calm.over(story.at - MINUTE, in_time).is_none();
            for channel in channels_of(story) {
                let Some(notices) = by_alert.get(&(channel, alert)) else {
                    self.find("nobody was told", (channel, story));
                    continue;
                };
                let first = notices.iter().map(|(at, ..)| *at).min().unwrap_or(NEVER);
                if is_calm && first > in_time {
                    self.find("people were told late", (channel, first, story));
                }
            }
        }
        for ((channel, alert), notices) in &by_alert {
            let is_of = |story: &&Story| alert_of(story, &memories) == Some(*alert);
            if !stories.iter().filter(is_of).any(|story| channels_of(story).iter().any(|of| of == channel)) {
                self.find("a channel was told what no route names it for", (channel, alert, notices));
            }
            let log = log_of(system, alert);
            let distinct: BTreeSet<_> =
                notices.iter().map(|(_, kind, sequence)| (*kind, *sequence)).collect();
            let of = |kind| distinct.iter().filter(|(k, _)| *k == kind).count();
            let first = |kind| notices.iter().filter(|(_, k, _)| *k == kind).map(|(at, ..)| *at).min();
            let (begun, resolved) = (first(NoticeKind::Alert), first(NoticeKind::Resolved));
            // What was sent, and not known to have been, is sent once more; to who may not have heard of the alert the
            // news of it are its begin.
            let unsure = log.iter().filter(|entry| is_unsure(&entry.event, channel)).count();
            // What a channel is owed is the last word: one that was not reached may hear no more than the end.
            let was_down =
                self.faults.iter().any(|f| matches!(f.what, What::Channel(name, _) if name == *channel));
            let opened = log.iter().map(|entry| Clock::since_begin(entry.at)).min().unwrap_or(0);
            let was_late = resolved.is_some_and(|at| self.calm.over(opened, at).is_some());
            let is_sound = of(NoticeKind::Alert) <= 1 + unsure
                && of(NoticeKind::Resolved) <= 1
                && (begun.is_some() || was_down || was_late)
                && resolved.is_none_or(|at| begun.is_none_or(|begun| begun < at))
                && notices.len() <= distinct.len() + unsure;
            if !is_sound {
                let about = format!("{channel} of {alert}: {notices:#?}, {unsure} in doubt");
                self.complaints
                    .push(Complaint::new("a channel was not told each thing once, in order", about));
            }
        }
        self.one_place_has_one_alert(&told, &memories, stories);
        self.ends_are_told_in_time(&by_alert, &memories, laws, stories);
        // In the end an alert is open where a finding of it has not ended, and nowhere else.
        let heads = system.episodes.records().into_iter().filter(|record| record.key.sort == HEAD);
        let open: BTreeSet<Fingerprint> = heads
            .filter_map(|record| serde_json::from_str::<Head>(&record.data).ok()?.alert)
            .map(|alert| alert.opening.fingerprint)
            .collect();
        let is_settled = |story: &&Story| story.end().is_some_and(|(told, ..)| told + SETTLED < self.end);
        let unsettled = stories.iter().filter(|story| !is_settled(story));
        let lasting: BTreeSet<_> = unsettled.filter_map(|story| alert_of(story, &memories)).collect();
        for alert in open.iter().filter(|alert| !lasting.contains(alert)) {
            self.find("an alert is open though all that it tells of has ended", alert);
        }
        for ((channel, alert), notices) in &by_alert {
            let is_over = notices.iter().any(|(_, kind, _)| *kind == NoticeKind::Resolved);
            if is_over == open.contains(*alert) {
                let about = format!("{channel}: over {is_over}: {alert}: {notices:#?}");
                self.complaints.push(Complaint::new("a channel takes an alert for what it is not", about));
            }
        }
    }

    /// Whoever was told of an alert is told that it is over, in time after all that it tells of.
    fn ends_are_told_in_time(
        &mut self,
        by_alert: &ByAlert<'_>,
        memories: &Memories,
        laws: &[Ruled],
        stories: &[Story],
    ) {
        let mut of_alert: BTreeMap<&Fingerprint, Vec<&Story>> = BTreeMap::new();
        let mut turns: BTreeMap<(&str, &str), Vec<Millis>> = BTreeMap::new();
        for story in stories {
            let Some(alert) = alert_of(story, memories) else { continue };
            of_alert.entry(alert).or_default().push(story);
            let ended = story.end().map(|(told, ..)| told);
            turns.entry(place_of(story)).or_default().extend([story.at].into_iter().chain(ended));
        }
        for turns in turns.values_mut() {
            turns.sort_unstable();
        }
        for ((channel, alert), notices) in by_alert {
            let Some(own) = of_alert.get(alert) else { continue };
            let ends: Option<Vec<_>> = own
                .iter()
                .map(|story| story.end().map(|(told, _, reason)| (told, reason, story.finding.rule.as_str())))
                .collect();
            let Some(ends) = ends else { continue };
            let over = ends.iter().map(|(told, ..)| *told).max().unwrap_or(NEVER);
            // What was deleted may have a successor, which belongs to the same alert.
            let held = ends.iter().filter(|(_, reason, _)| *reason == EndReason::Deleted);
            let held =
                held.map(|(told, _, rule)| told + held_for(laws, rule)).max().unwrap_or(over).max(over);
            let is_restless = turns.get(&place_of(own[0])).is_some_and(|turns| is_restless(turns, over));
            let due = held + if is_restless { FLAPS_QUIET } else { 0 };
            let after = due - over + self.in_time(over, due) + self.skew();
            let mut latest = over + after;
            let mut storm = self.calm.over(over - MINUTE, latest);
            while let Some(ends) = storm {
                latest = latest.max(ends + after);
                storm = self.calm.over(ends, latest).filter(|next| *next > ends);
            }
            let told = notices.iter().filter(|(_, kind, _)| *kind == NoticeKind::Resolved);
            let told = told.map(|(at, ..)| *at).min().unwrap_or(NEVER);
            if told > latest && latest < self.end {
                self.find(
                    "people were told late of an end",
                    (channel, ("over", over, "told", told, "at the latest", latest), own),
                );
            }
        }
    }

    /// What rules see of one cause at one place is one alert at a time, as is what a rule sees of one owner's objects. It is
    /// over when all of them are.
    fn one_place_has_one_alert(&mut self, told: &[Told], memories: &Memories, stories: &[Story]) {
        let mut spans: BTreeMap<&Fingerprint, (Timestamp, Option<Timestamp>)> = BTreeMap::new();
        let mut over: BTreeMap<&Fingerprint, Millis> = BTreeMap::new();
        for Told { at, notice, .. } in told {
            let (begin, end) = spans.entry(&notice.fingerprint).or_insert((notice.at, None));
            *begin = (*begin).min(notice.at);
            if notice.kind == NoticeKind::Resolved {
                *end = Some(notice.at);
                let first = over.entry(&notice.fingerprint).or_insert(*at);
                *first = (*first).min(*at);
            }
        }
        let mut places: BTreeMap<(&str, &str), BTreeSet<&Fingerprint>> = BTreeMap::new();
        for story in stories {
            let Some(alert) = alert_of(story, memories) else { continue };
            let over = over.get(alert).copied();
            if over.is_some_and(|over| story.ended.as_ref().is_none_or(|(told, _)| *told > over)) {
                self.find("an alert was over before what it tells of", (alert, over, story));
            }
            places.entry(place_of(story)).or_default().insert(alert);
        }
        // By the clocks of those who decided, each of which read it as it began.
        let skew = SignedDuration::from_millis(self.skew() + SECOND);
        for (place, alerts) in places {
            let mut alerts: Vec<_> = alerts.iter().filter_map(|alert| spans.get(*alert)).collect();
            alerts.sort();
            for pair in alerts.windows(2) {
                if pair[0].1.is_none_or(|end| end > pair[1].0 + skew) {
                    self.find("two alerts of one place at a time", (place, pair));
                }
            }
        }
    }
}

/// By which channels an alert is told that tells of it.
fn channels_of(story: &Story) -> &'static [&'static str] {
    if BY_PHONE.contains(&story.finding.rule.as_str()) { &["phone", "chat"] } else { &["chat"] }
}

/// Where there is one alert at a time: what rules see of one cause, or a rule of one owner's objects.
fn place_of(story: &Story) -> (&str, &str) {
    let finding = &story.finding;
    let teller = if finding.group.is_of_cause() { finding.owner.as_str() } else { &finding.rule };
    (teller, &finding.group.key)
}

/// For how long the end of what was deleted is held back: until a rule would have told of a successor.
fn held_for(laws: &[Ruled], rule: &str) -> Millis {
    let held = |law: &Ruled| law.longest() + law.resolve_after;
    // What is none of the laws takes no longer than the longest of them.
    let known = laws.iter().find(|law| law.name == rule).map(held);
    known.or_else(|| laws.iter().map(held).max()).unwrap_or(0)
}

/// Whether what begins and ends at these instants, in order, may count as coming and going when it ends at one of them: from
/// so many within a while on, until there was none for as long.
fn is_restless(turns: &[Millis], over: Millis) -> bool {
    // They are counted when they are handled, and what is held back later than it came.
    let long = FLAPS_QUIET + FLAPS_QUIET / 2;
    let mut until = None;
    for (n, turn) in turns.iter().enumerate().filter(|(_, turn)| **turn <= over) {
        let is_often = n + 1 >= FLAPS && turn - turns[n + 1 - FLAPS] <= long;
        until = (is_often || until.is_some_and(|until| *turn <= until)).then_some(turn + long);
    }
    until.is_some_and(|until| over <= until)
}

/// What the alert side knows of each finding.
type Memories = BTreeMap<String, Memory>;

/// What it knows of one, by its fingerprint, if that is what a record says.
fn memory(record: &Record) -> Option<(String, Memory)> {
    let fingerprint = record.key.partition.strip_prefix("fingerprint#")?;
    Some((fingerprint.to_owned(), serde_json::from_str(&record.data).ok()?))
}

/// The alert that told of it; `None` where its end came first, or it was forgotten.
fn alert_of<'m>(story: &Story, memories: &'m Memories) -> Option<&'m Fingerprint> {
    match &memories.get(&story.finding.fingerprint.to_string())?.state {
        Open { alert } | Ended { alert: Some(alert), .. } => Some(alert),
        Ended { alert: None, .. } => None,
    }
}

/// What was written down of an alert.
fn log_of(system: &System, alert: &Fingerprint) -> Vec<Entry> {
    let partition = log_partition(alert);
    let lines = system.episodes.records().into_iter().filter(|record| record.key.partition == partition);
    lines.filter_map(|record| serde_json::from_str(&record.data).ok()).collect()
}

/// Whether a channel may have been told and nobody knows.
fn is_unsure(event: &Event, of: &str) -> bool {
    matches!(event, Event::Lost { channel, .. } | Event::Failed { channel, .. } if channel == of)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_comes_and_goes_does_so_until_it_was_quiet_for_long() {
        for (turns, over, want) in [
            (&[0, 10, 20, 30][..], 30, true),
            (&[0, 10, 20, 30], 20, false),
            (&[0, 40, 80, 120], 120, false),
            (&[0, 10, 20, 30, 70], 70, true),
            (&[0, 10, 20, 30, 80], 80, false),
        ] {
            let turns: Vec<Millis> = turns.iter().map(|turn| turn * MINUTE).collect();
            assert_eq!(is_restless(&turns, over * MINUTE), want, "{turns:?} {over}");
        }
    }
}
