//! What a rule was when versions of it were pushed: whoever judges goes by one of them, and for some seconds by an
//! older one.

use crate::clock::{Millis, SECOND};
use crate::edition::Edit;
use crate::law::{NEVER, Ruled, Spell};
use crate::model::Past;
use crate::oracle::{Judge, Story};
use prodrome_model::EndReason;

/// A version is known everywhere so soon.
const KNOWN: Millis = 10 * SECOND;
/// What was begun by whoever did not know it is looked at by one who does.
pub(crate) const LOOKED_AT: Millis = 31 * SECOND;

impl Ruled {
    /// What has to be told anew of each match: it is cut where the rule begins to look for something else.
    pub(crate) fn pieces(&self, spells: &[Spell]) -> Vec<Spell> {
        let mut pieces = Vec::new();
        for spell in spells {
            let mut rest = spell.clone();
            for at in self.changes().filter(|at| spell.from < *at && *at < spell.to) {
                let is_other = |t| self.form(t) == Some(Edit::OtherMeaning);
                if is_other(at) != is_other(at - 1) {
                    pieces.push(Spell { to: at, ..rest.clone() });
                    rest.from = at;
                }
            }
            pieces.push(rest);
        }
        pieces
    }

    /// Whether the rule began to tell nobody at that instant.
    fn goes_silent(&self, at: Millis) -> bool {
        self.changes().any(|change| change == at)
            && matches!(self.form(at), Some(Edit::Deleted | Edit::Staged))
    }
}

impl Judge<'_> {
    /// When a version that was pushed is known everywhere.
    pub(crate) fn known_everywhere(&self, pushed: Millis) -> Millis {
        let known = pushed + KNOWN + self.skew();
        self.calm.over(pushed, known).map_or(known, |over| over + KNOWN + self.skew())
    }

    /// The forms of a rule by which it may be judged at an instant.
    pub(crate) fn forms_at(&self, law: &Ruled, t: Millis) -> Vec<Option<Edit>> {
        let forms = law.forms().iter().enumerate();
        let may_be = forms.filter(|(n, (from, _))| {
            let next = law.forms().get(n + 1).map_or(NEVER, |(next, _)| self.known_everywhere(*next));
            *from <= t.saturating_add(self.skew()) && t <= next
        });
        may_be.map(|(_, (_, edit))| *edit).collect()
    }

    /// How long it had to match at least, for what fired at an instant.
    pub(crate) fn shortest_at(&self, law: &Ruled, t: Millis) -> Millis {
        let forms = self.forms_at(law, t).into_iter();
        forms.map(|edit| law.duration_as(edit)).min().unwrap_or(law.duration)
    }

    /// When it matched for those who judged at an instant, and told people.
    pub(crate) fn spells_at(&self, law: &Ruled, past: &Past, t: Millis) -> Vec<Spell> {
        let forms = self.forms_at(law, t).into_iter();
        let telling = forms.filter(|form| !matches!(form, Some(Edit::Deleted | Edit::Staged)));
        telling.flat_map(|form| law.spells_as(form, past)).collect()
    }

    /// When a match that lasts is told of at the latest, on a good day. One that begins with a version begins when that
    /// is known; and a version that changes how long it has to last counts when that is.
    pub(crate) fn due(&self, law: &Ruled, begins: Millis, slack: Millis) -> Millis {
        let pushed = law.changes().any(|at| at == begins);
        let begins = if pushed { begins + KNOWN + self.skew() } else { begins };
        let mut due = begins.saturating_add(law.duration_as(law.form(begins)));
        for (at, form) in law.forms().iter().filter(|(at, _)| *at > begins) {
            if *at <= due.saturating_add(slack) {
                due = (begins.saturating_add(law.duration_as(*form))).max(at + KNOWN + self.skew());
            }
        }
        due
    }

    /// When the end of a story must have been told, were it over at an instant and all well.
    pub(crate) fn end_due(&self, law: &Ruled, story: &Story, over: Millis) -> Millis {
        if law.goes_silent(over) {
            return (over + KNOWN + self.skew()).max(story.fired().saturating_add(LOOKED_AT));
        }
        let late = if law.changes().any(|change| change == over) { KNOWN + LOOKED_AT } else { 0 };
        over.max(story.fired()).saturating_add(law.resolve_after + late)
    }

    /// Whether a story ended because its rule was gone; not, where it was not.
    pub(crate) fn ends_with_its_rule(&mut self, law: &Ruled, story: &Story) -> bool {
        let Some((told, quiet, EndReason::RuleGone)) = story.end() else { return false };
        let silent = law.changes().filter(|at| law.goes_silent(*at));
        let mut is_so = silent.map(|at| (at, self.known_everywhere(at).max(story.fired() + LOOKED_AT)));
        if !is_so.any(|(at, known)| at <= quiet + self.skew() && quiet <= known) {
            self.complain("ended as if its rule were gone", law, (story, told, law.forms()));
        }
        true
    }
}
