//! What a finding claims of its object: that it matched when it fired, since when, and that it had been seen to.

use crate::clock::{MINUTE, Millis, SECOND, millis_of};
use crate::fault::Fault;
use crate::forms::LOOKED_AT;
use crate::law::{NEVER, Ruled, Spell};
use crate::model::Past;
use crate::oracle::{CUT_OFF, IN_TIME, Judge, REFERENCES, Story};
use crate::system::TIMEOUT;

/// What happens within this may be heard of in any order: packs are handled side by side.
const MOMENT: Millis = 2 * SECOND;

impl Judge<'_> {
    /// Whatever was told was so.
    pub(crate) fn what_is_told_was_so(&mut self, law: &Ruled, story: &Story, past: &Past) {
        let (since, fired, skew) = (story.since(), story.fired(), self.skew());
        let duration = self.shortest_at(law, fired);
        if fired - since < duration {
            self.complain("too early by its own account", law, (story, law.forms()));
        }
        let of_pod = |spells: Vec<Spell>| -> Vec<Spell> {
            spells.into_iter().filter(|spell| spell.uid == story.uid()).collect()
        };
        let seen = of_pod(self.spells_at(law, past, fired));
        if story.finding.stale.is_some() {
            self.what_is_unread_was_known(law, story, &seen);
        } else if !holds_at(&seen, fired, skew + 2 * SECOND) {
            // A look takes its time: what it saw may be over when it is told.
            self.complain("fired though it did not match", law, (story, &seen, law.forms()));
        }
        self.what_it_names_matched(law, story, &seen);
        let untold = of_pod(law.spells_untold(past));
        self.its_time_is_true(law, story, seen.iter().chain(&untold));
        // What the object says itself holds whoever asks.
        let of_it = if law.tells_since { seen } else { untold };
        self.it_lasted(law, story, &of_it, duration);
    }

    /// What fires unread does so while the cluster cannot be read; by a rule that goes by what can be known without; and of
    /// a match whose end nobody had heard of.
    fn what_is_unread_was_known(&mut self, law: &Ruled, story: &Story, seen: &[Spell]) {
        let (fired, skew) = (story.fired(), self.skew());
        // By the clock of whoever decides, and read when it begins with that.
        let is_hidden = |fault: &&Fault| {
            fault.from - skew - millis_of(TIMEOUT) <= fired && fired <= fault.to + skew + SECOND
        };
        let mut hiding = self.faults.iter().filter(|fault| fault.what.hides_the_cluster());
        if !hiding.any(|fault| is_hidden(&fault)) {
            self.complain("it could not be read, on a good day", law, story);
        }
        if law.refers {
            self.complain("it is told unread what another object is like", law, story);
        }
        let Some(last) = seen.iter().rfind(|spell| spell.from <= fired + skew) else {
            return self.complain("fired unread though it never matched", law, (story, seen));
        };
        if last.to == NEVER {
            return;
        }
        // When the news of its end were handled at the latest.
        let known = last.to + self.in_time(last.to, last.to);
        let known = self.news.over(last.to - MINUTE, known).map_or(known, |over| known.max(over + IN_TIME));
        if known + skew < fired {
            self.complain("fired unread though its end was known", law, (story, "known", known, seen));
        }
    }

    /// The state that it names is one that matched.
    fn what_it_names_matched(&mut self, law: &Ruled, story: &Story, seen: &[Spell]) {
        if law.refers {
            return;
        }
        let writes = self.writes.get(story.uid()).cloned().unwrap_or_default();
        let named = story.finding.resource_version.parse::<u64>().unwrap_or_default();
        let mut states = writes.iter().enumerate().filter(|(_, write)| write.version == named);
        let matched = states.any(|(n, write)| {
            let until = writes.get(n + 1).map_or(NEVER, |next| next.at);
            seen.iter().any(|spell| spell.from < until && write.at < spell.to)
        });
        if !matched {
            self.complain("the state that it names did not match", law, (story, writes, seen));
        }
    }

    /// It had lasted for long enough, as far as anybody can have known: of the spells that it can be about, which are those
    /// that were not over when it says that it began.
    fn it_lasted(&mut self, law: &Ruled, story: &Story, of_it: &[Spell], duration: Millis) {
        let (since, fired, skew) = (story.since(), story.fired(), self.skew());
        if law.refers && self.calm.over(since - MINUTE, fired).is_some() {
            return; // what it refers to is read when it is due, and that may be late
        }
        // News that were long under way are judged by a version of the rule that came meanwhile.
        let came = law.changes().any(|at| since - self.skew() <= at && at <= fired + self.skew());
        if came && self.news.over(since - MINUTE, since + IN_TIME).is_some() {
            return;
        }
        let early = if law.refers { REFERENCES + 10 * SECOND } else { CUT_OFF };
        let can_be =
            |spell: &&Spell| spell.from <= fired + skew && since <= spell.to.saturating_add(early + skew);
        let mut of_it = of_it.iter().filter(can_be).rev();
        let mut begins = of_it.next().map_or(fired, |spell| spell.from);
        for spell in of_it {
            // Of what happens within a moment the later may be heard of first; then nobody knows of the end until the first
            // look.
            let ends = if spell.to - spell.from < MOMENT { spell.to + LOOKED_AT } else { spell.to };
            if ends <= begins && self.is_break(law, (since, fired), ends, begins) {
                break;
            }
            begins = begins.min(spell.from);
        }
        if fired + early + skew < begins + duration {
            self.complain("fired sooner than it can have lasted", law, (story, "it began", begins));
        }
    }

    /// Whether a break counts: it was long enough, and nothing hid it.
    fn is_break(&self, law: &Ruled, (since, fired): (Millis, Millis), from: Millis, to: Millis) -> bool {
        // For some seconds a version that is none is nowhere heard of.
        let unheard = law.changes().filter(|at| *at == from).map(|at| self.known_everywhere(at) - at);
        if to - from <= unheard.max().unwrap_or(0).max(law.gap + SECOND) {
            return false;
        }
        // What the object says itself holds whatever goes wrong, unless it was put back to what it said before the break.
        if law.tells_since {
            return !self.is_put_back(since, fired);
        }
        let days = if law.refers { &self.calm } else { &self.news };
        days.over(from - MINUTE, to + IN_TIME).is_none()
    }

    /// It began when something happened, and not when the news of it came.
    fn its_time_is_true<'s>(
        &mut self,
        law: &Ruled,
        story: &Story,
        of_it: impl Iterator<Item = &'s Spell> + Clone,
    ) {
        let since = story.since();
        // News that came late may have been doubted, or come when it had fired: then it begins when somebody looks at it.
        if law.refers || self.news.over(since - MINUTE, since).is_some() {
            return;
        }
        let happened = self.writes.get(story.uid()).into_iter().flatten().map(|write| write.at);
        let mut begins = happened.chain(of_it.clone().map(|spell| spell.from));
        // The watcher reads its clock a moment later. What the object says of a time that has not come yet by the clock of
        // whoever reads it counts from then: with a clock that is behind, earlier by as much.
        let early = CUT_OFF + self.skew();
        // Read when that time has come it is believed.
        let ahead = if law.tells_since { self.nodes_ahead() } else { 0 };
        // Or when a version of its rule came that had not looked for it before.
        let mut heard = law.changes().map(|at| (at, self.known_everywhere(at)));
        let is_looked_at =
            of_it.clone().any(|spell| spell.from <= since && self.may_be_first_looked_at(law, spell, since));
        if !begins.any(|at| at - early <= since && since <= at + CUT_OFF + ahead)
            && !heard.any(|(at, known)| at - early <= since && since <= known)
            && !is_looked_at
        {
            let of_it: Vec<_> = of_it.collect();
            self.complain("it did not begin then", law, (story, of_it, law.forms()));
        }
    }
}

/// Whether a rule matched at an instant, or not long before or after.
fn holds_at(spells: &[Spell], t: Millis, slack: Millis) -> bool {
    spells.iter().any(|spell| spell.from - slack <= t && (spell.to == NEVER || t <= spell.to + slack))
}
