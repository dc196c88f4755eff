//! What must have been told: from the cluster's own past, and from nothing that the pipeline says of it.

use crate::calm::Calm;
use crate::clock::{Clock, MINUTE, Millis, SECOND};
use crate::complaint::Complaint;
use crate::fault::{FUNCTIONS, Fault, Function, What};
use crate::law::{LAWS, Law, NEVER, NEWEST, Ruled, Spell};
use crate::model::Write;
use crate::plan::Plan;
use crate::press::Press;
use crate::system::System;
use prodrome_model::{EndReason, Finding, FindingState};
use std::collections::BTreeMap;

/// How much later than it is due something may be told on a good day: where several faults of one owner begin at once, the
/// flow that looks into one of them meets another at it, and comes again after two seconds.
pub(crate) const IN_TIME: Millis = 4 * SECOND;
/// And where writes conflict with nobody.
const CONFLICTS: Millis = 10 * SECOND;
/// What a rule that asks for another object may take besides: ten seconds gather, ten settle.
pub(crate) const REFERENCES: Millis = 21 * SECOND;
/// How far behind a watcher's clock may be without that being told from how long a pack is on its way.
const UNTOLD: Millis = 5 * SECOND;
/// What times that are written to the second, cut off, may be early.
pub(crate) const CUT_OFF: Millis = SECOND;
/// An open check is looked at again this often, and a little time for it.
pub(crate) const LOOKED_AT_AGAIN: Millis = 11 * MINUTE;
/// What has lasted for so long is known, however bad the day.
const LONG: Millis = 40 * MINUTE;

/// Holds what was told against what happened.
pub(crate) fn judge(plan: &Plan, system: &System, end: Millis) -> Vec<Complaint> {
    let past = system.cluster.past();
    let heard = system.heard().clone();
    let writes = system.cluster.writes();
    // An instance that lacks a rule knows all others.
    let known: Vec<Fault> =
        plan.faults.iter().filter(|fault| fault.what != What::OldRules).copied().collect();
    let whole = (Calm::of(&plan.faults), Calm::of_news(&plan.faults));
    let without_old = (Calm::of(&known), Calm::of_news(&known));
    let (calm, news) = whole.clone();
    let contradictions = heard.contradictions.into_iter();
    let complaints =
        contradictions.map(|about| Complaint::new("one episode tells two things", about)).collect();
    let mut judge = Judge { calm, news, faults: &plan.faults, end, writes, complaints };
    let stories: Vec<Story> = heard
        .fired
        .into_iter()
        .map(|(fingerprint, (at, finding))| {
            let ended = heard.ended.get(&fingerprint).cloned();
            Story { at, finding, ended }
        })
        .collect();
    let pushed = system.press.as_ref().map(Press::pushed).unwrap_or_default();
    let of_it = |law: &Law| {
        let pushed = pushed.iter().filter(|(_, rule, _)| *rule == law.name);
        Ruled::new(*law, pushed.map(|(at, _, edit)| (*at, *edit)))
    };
    let laws = LAWS.each_ref().map(of_it);
    for law in &laws {
        (judge.calm, judge.news) = if law.name == NEWEST { whole.clone() } else { without_old.clone() };
        let spells = law.spells(&past);
        let own: Vec<&Story> = stories.iter().filter(|story| story.finding.rule == law.name).collect();
        judge.nothing_that_lasted_is_missed(law, &spells, &own);
        judge.one_fault_is_one_finding(law, &spells, &own);
        for story in &own {
            judge.what_is_told_was_so(law, story, &past);
            judge.what_is_over_is_told(law, story, &spells);
        }
    }
    (judge.calm, judge.news) = whole;
    if plan.counts {
        judge.what_begins_often_is_told(&past, &stories);
    }
    if plan.events {
        judge.what_events_tell_is_told(&past, &stories);
    }
    judge.no_silence_is_made_up_or_left(&stories);
    judge.every_silence_is_told(plan, &stories);
    judge.everybody_was_told(system, &laws, &stories);
    judge.nothing_is_left(system, &laws, &past);
    judge.nothing_is_owed(system);
    judge.complaints
}

/// What was told of one episode.
#[derive(Clone)]
pub(crate) struct Story {
    pub(crate) at: Millis,
    pub(crate) finding: Finding,
    pub(crate) ended: Option<(Millis, Finding)>,
}

impl std::fmt::Debug for Story {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        let Finding { rule, fingerprint, stale, .. } = &self.finding;
        let (uid, since, fired, told) = (self.uid(), self.since(), self.fired(), self.at);
        write!(f, "{rule} of {uid} ({fingerprint}) since {since}, fired at {fired}, told at {told}")?;
        if let Some(stale) = stale {
            write!(f, ", unread ({stale})")?;
        }
        match self.end() {
            Some((told, quiet, reason)) => write!(f, ", quiet at {quiet}, {reason:?}, told at {told}"),
            None => write!(f, ", goes on"),
        }
    }
}

impl std::fmt::Debug for Spell {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        let Self { uid, from, to } = self;
        if *to == NEVER { write!(f, "{uid}: from {from} on") } else { write!(f, "{uid}: {from} to {to}") }
    }
}

impl Story {
    pub(crate) fn uid(&self) -> &str {
        self.finding.subject.uid()
    }

    pub(crate) fn since(&self) -> Millis {
        Clock::since_begin(self.finding.since)
    }

    pub(crate) fn fired(&self) -> Millis {
        Clock::since_begin(self.finding.fired_at)
    }

    /// When it was told that it is over, since when, and why.
    pub(crate) fn end(&self) -> Option<(Millis, Millis, EndReason)> {
        let (told, finding) = self.ended.as_ref()?;
        let FindingState::Ended(ended) = &finding.state else { return None };
        Some((*told, Clock::since_begin(ended.at), ended.reason))
    }
}

pub(crate) struct Judge<'a> {
    pub(crate) calm: Calm,
    /// When what happens is handled in time and in order, whatever else goes wrong.
    pub(crate) news: Calm,
    pub(crate) faults: &'a [Fault],
    pub(crate) end: Millis,
    /// What each pod was written, by its uid.
    pub(crate) writes: BTreeMap<String, Vec<Write>>,
    pub(crate) complaints: Vec<Complaint>,
}

impl Judge<'_> {
    pub(crate) fn complain(&mut self, what: &str, law: &Ruled, about: impl std::fmt::Debug) {
        self.say(law.name, what, format!("{about:#?}"));
    }

    /// The same of any rule.
    pub(crate) fn say(&mut self, rule: &str, what: &str, about: String) {
        self.complaints.push(Complaint::new(format!("{rule}: {what}"), about));
    }

    /// The same of what no single rule has to do with.
    pub(crate) fn find(&mut self, what: &str, about: impl std::fmt::Debug) {
        self.complaints.push(Complaint::new(what, format!("{about:#?}")));
    }

    /// How much later than it is due something may be told that is decided between two instants, where nothing is wrong
    /// that makes it late. Who meets conflicts tries again, each time a little later.
    pub(crate) fn in_time(&self, from: Millis, to: Millis) -> Millis {
        let meets = |fault: &Fault| fault.from <= to.saturating_add(CONFLICTS) && from <= fault.to;
        let mut conflicts = self.faults.iter().filter(|fault| matches!(fault.what, What::StoreConflicts(_)));
        if conflicts.any(meets) { CONFLICTS } else { IN_TIME }
    }

    /// Whether what there was was put back between two instants to what it had been before.
    pub(crate) fn is_put_back(&self, from: Millis, to: Millis) -> bool {
        let mut restored = self.faults.iter().filter(|fault| fault.what == What::EtcdRestored);
        restored.any(|fault| from < fault.to && fault.to <= to + self.skew())
    }

    /// By how much the clocks of nodes may be ahead, which write since when a pod is unready.
    pub(crate) fn nodes_ahead(&self) -> Millis {
        let ahead = self.faults.iter().filter_map(|fault| match fault.what {
            What::NodeClocks(by) => Some(Millis::from(by)),
            _ => None,
        });
        ahead.max().unwrap_or(0)
    }

    /// By how much clocks may differ: those of two functions, and that of a watcher as far as its packs do not tell. That it
    /// is behind by a few seconds looks like a slow way to the queue; all else that it is wrong by is known, as is how long
    /// anything has waited, however often it is set.
    pub(crate) fn skew(&self) -> Millis {
        let mut watching = self.faults.iter().filter(|fault| matches!(fault.what, What::WatchClock(_)));
        let watching = if watching.next().is_some() { UNTOLD } else { 0 };
        let skews = self.faults.iter().filter_map(|fault| match fault.what {
            What::Skew(_, by) => Some(Millis::from(by).abs()),
            _ => None,
        });
        skews.max().unwrap_or(0) * i64::try_from(FUNCTIONS.len().min(2)).unwrap_or(2) + watching
    }

    /// Whatever matched for long enough was told, and in time.
    fn nothing_that_lasted_is_missed(&mut self, law: &Ruled, spells: &[Spell], own: &[&Story]) {
        for spell in &law.pieces(spells) {
            let refers = if law.refers { REFERENCES } else { 0 };
            let due_with = |slack| self.due(law, self.known_from(law, spell), slack).max(spell.from);
            let most = CONFLICTS + self.skew() + refers;
            let slack = self.in_time(spell.from, due_with(most)) + self.skew() + refers;
            let due = due_with(slack);
            let in_time = due.saturating_add(slack);
            let latest = match self.calm.over(spell.from - MINUTE, in_time) {
                None => in_time,
                Some(over) => in_time.max(over + slack + self.counts_anew(law, spell.from, over)),
            };
            if spell.to <= latest || latest >= self.end {
                continue;
            }
            let told = own.iter().any(|story| {
                let is_in_time = story.at <= latest;
                let is_of_it = story.at >= spell.from - self.skew();
                // Or it goes on from what was told before.
                let goes_on = story.end().is_none_or(|(told, ..)| told > spell.from);
                story.uid() == spell.uid && is_in_time && (is_of_it || goes_on)
            });
            if !told {
                let of_pod: Vec<_> = own.iter().filter(|story| story.uid() == spell.uid).collect();
                self.complain("missed", law, (spell, ("due", due, "at the latest", latest), of_pod));
            }
        }
    }

    /// Since when a match is known to an instance that has the rule; [`NEVER`] where none has heard of it. An instance that
    /// lacks the rule takes the news for handled, and nothing is listed anew for a rule that comes with the program (as
    /// it is for one that is pushed): then the object's next change tells.
    pub(crate) fn known_from(&self, law: &Ruled, spell: &Spell) -> Millis {
        let writes = self.writes.get(&spell.uid).into_iter().flatten().map(|write| write.at);
        let news = writes.filter(|at| spell.from <= *at && *at < spell.to);
        std::iter::once(spell.from).chain(news).find(|at| !self.may_be_missed(law, *at)).unwrap_or(NEVER)
    }

    /// Whether the news of an instant may have come to an instance that lacks the rule.
    fn may_be_missed(&self, law: &Ruled, at: Millis) -> bool {
        let old = self.faults.iter().filter(|fault| fault.what == What::OldRules);
        let mut old = old.filter(|_| law.name == NEWEST && at != NEVER).peekable();
        if old.peek().is_none() {
            return false;
        }
        let heard = self.calm.over(at - MINUTE, at + self.in_time(at, at)).unwrap_or(at);
        old.any(|old| old.from <= heard && at <= old.to + MINUTE)
    }

    /// Whether a match may have been found at an instant by whoever looked again at what was open under its object's name:
    /// all news of it until then may have come to an instance that lacks the rule. Nobody can say since when it was so.
    pub(crate) fn may_be_first_looked_at(&self, law: &Ruled, spell: &Spell, at: Millis) -> bool {
        let looked_at = spell.from + LOOKED_AT_AGAIN;
        let over = self.calm.over(spell.from - MINUTE, looked_at);
        let latest = over.map_or(looked_at, |over| looked_at.max(over + LOOKED_AT_AGAIN));
        at < self.known_from(law, spell) && at < spell.to && at <= latest
    }

    /// How long a match may have to last from when it is seen, in a storm that is over at an instant: nobody knows how long
    /// it was there before.
    fn counts_anew(&self, law: &Ruled, from: Millis, over: Millis) -> Millis {
        // Of what has waited together the newest may be handled first, and what is older tells nothing then.
        let hides = |what: What| what.blinds_the_watcher() || what == What::NotInvoked(Function::Evaluate);
        let hiding: Vec<Fault> = self.faults.iter().filter(|fault| hides(fault.what)).copied().collect();
        let is_hidden = Calm::of_all(&hiding).over(from - MINUTE, over).is_some();
        let is_pushed = law.changes().next().is_some();
        let known = if is_pushed { MINUTE } else { 0 };
        // What an object says of a time to come counts from when it was seen.
        let may_be_ahead = self.nodes_ahead() > 0;
        let tells_since = law.tells_since && !may_be_ahead;
        if law.refers || is_pushed || (is_hidden && !tells_since) { law.longest() + known } else { 0 }
    }

    /// One fault is one finding: of one object and rule the next begins only after the last has ended, and none is
    /// told twice of one spell.
    fn one_fault_is_one_finding(&mut self, law: &Ruled, spells: &[Spell], own: &[&Story]) {
        let mut by_pod: BTreeMap<&str, Vec<&Story>> = BTreeMap::new();
        for story in own {
            by_pod.entry(story.uid()).or_default().push(story);
        }
        for (uid, mut stories) in by_pod {
            stories.sort_by_key(|story| story.fired());
            for pair in stories.windows(2) {
                let is_over = pair[0].end().is_some_and(|(_, quiet, reason)| {
                    // Put back, it says again since when it was so before its end, as do news that have waited.
                    let says_so = self.is_put_back(quiet, pair[1].fired());
                    // It was not its own end, but that of whoever told of it.
                    let is_not_its_end =
                        reason == EndReason::RuleGone && quiet <= pair[1].fired() + self.skew();
                    quiet <= pair[1].since() + CUT_OFF || says_so || is_not_its_end
                });
                if !is_over {
                    self.complain("two identities of one episode", law, pair);
                }
                let of_one = spells.iter().find(|spell| {
                    let holds = |t: Millis| spell.from - self.skew() <= t && t < spell.to;
                    spell.uid == uid && holds(pair[0].fired()) && holds(pair[1].fired())
                });
                let is_of_before = |spell: &&Spell| {
                    let quiet = pair[0].end().map_or(NEVER, |(_, quiet, _)| quiet);
                    quiet <= spell.from && self.is_put_back(quiet, pair[1].fired())
                };
                if let Some(spell) = of_one.filter(|spell| !is_of_before(spell)) {
                    self.complain("one fault, two findings", law, (spell, pair));
                }
            }
        }
    }

    /// Whoever was told is told of its end, in time, and not before.
    fn what_is_over_is_told(&mut self, law: &Ruled, story: &Story, spells: &[Spell]) {
        let skew = self.skew();
        let of_it: Vec<&Spell> = spells.iter().filter(|spell| spell.uid == story.uid()).collect();
        let last = of_it.iter().rfind(|spell| spell.from <= story.fired() + skew);
        let Some(last) = last else { return };
        // It goes on over breaks shorter than the hold-down.
        let mut over = last.to;
        for spell in of_it.iter().filter(|spell| spell.from >= last.to) {
            if over != NEVER && spell.from - over <= law.resolve_after + REFERENCES + 2 * SECOND {
                over = spell.to;
            }
        }
        let refers = if law.refers { REFERENCES } else { 0 };
        let slack = |from: Millis, to: Millis| self.in_time(from, to) + skew + refers;
        // The news of its end may come to an instance that lacks the rule.
        let missed = if self.may_be_missed(law, over) { LOOKED_AT_AGAIN } else { 0 };
        // When its end must have been told, and whether that is in a storm.
        let told_by = |over: Millis| {
            let due = self.end_due(law, story, over);
            let slack = slack(over, due);
            let due = due.saturating_add(slack);
            match self.calm.over(over.saturating_sub(MINUTE), due) {
                None => (due, false),
                Some(storm) => {
                    let late = self.end_due(law, story, over).saturating_sub(over.max(story.fired()));
                    let after = |storm: Millis| due.max(storm + late.max(law.resolve_after) + slack + missed);
                    // The next storm may rage by then.
                    let (mut storm, mut latest) = (storm, after(storm));
                    while let Some(next) = self.calm.over(storm, latest).filter(|next| *next > storm) {
                        (storm, latest) = (next, after(next));
                    }
                    (latest, true)
                }
            }
        };
        let (mut latest, mut in_storm) = told_by(over);
        // In a storm the news of its end may come after those of its coming back, which are newer: then nobody has seen
        // that it was gone.
        while in_storm && let Some(back) = of_it.iter().find(|s| over <= s.from && s.from <= latest) {
            over = back.to;
            (latest, in_storm) = told_by(over);
        }
        let Some((told, quiet, _)) = story.end() else {
            if latest < self.end {
                self.complain("never ended", law, (story, "it was over", over, &of_it));
            }
            return;
        };
        if told < story.at {
            return; // the alert side knows: it is not told then
        }
        if over != NEVER && told > latest {
            self.complain("its end was late", law, (story, "it was over", over, "at the latest", latest));
        }
        let matched = |from_slack: Millis, until: Millis| {
            let mut of_it = of_it.iter();
            of_it
                .find(|s| s.from + from_slack < quiet && (s.to == NEVER || until < s.to))
                .map(|s| Spell::clone(s))
        };
        if self.ends_with_its_rule(law, story) {
            return;
        }
        let is_calm = self.calm.over(quiet - MINUTE, told).is_none();
        let slack = self.in_time(quiet, told) + skew + refers;
        if let Some(spell) = matched(slack, quiet + slack).filter(|_| is_calm) {
            self.complain("ended while it matched", law, (spell, story));
        }
        if let Some(spell) = matched(LONG, told) {
            self.complain("ended in the midst of it", law, (spell, story));
        }
    }
}
