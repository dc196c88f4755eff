use jiff::{SignedDuration, Timestamp};
use serde::{Deserialize, Serialize};
use std::collections::BTreeMap;

/// What the queue had accepted is handled, given up, or known to be tried, within this time: five tries of three minutes,
/// twice over.
pub const SETTLED_AFTER: SignedDuration = SignedDuration::from_mins(30);
/// So long after its last try at the latest a queue has dropped what it keeps.
pub const EXPIRES_AFTER: SignedDuration = SignedDuration::from_hours(4 * 24);
/// The reason for what was tried until its queue dropped it.
pub const EXPIRED: &str = "expired";
/// So many spans of dead and of lost changes are kept by their numbers, the newest; the others stay counted.
const SPANS_MAX: usize = 500;

/// Changes with successive numbers.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
pub struct Span {
    /// The lowest number.
    pub first: u64,
    /// The highest one.
    pub last: u64,
}

impl Span {
    /// How many there are.
    pub fn count(self) -> u64 {
        (self.last + 1).saturating_sub(self.first)
    }

    fn holds(self, other: Self) -> bool {
        self.first <= other.first && other.last <= self.last
    }

    /// What both have.
    fn and(self, other: Self) -> Option<Self> {
        let both = Self { first: self.first.max(other.first), last: self.last.min(other.last) };
        (both.first <= both.last).then_some(both)
    }

    /// What it has before and behind a part of it.
    fn around(self, part: Self) -> impl Iterator<Item = Self> {
        let (before, behind) = (Self { last: part.first - 1, ..self }, Self { first: part.last + 1, ..self });
        [before, behind].into_iter().filter(|span| span.first <= span.last)
    }
}

/// Changes that were given up, and why.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Dead {
    /// Which.
    #[serde(flatten)]
    pub span: Span,
    /// The stable code of the reason.
    pub code: String,
}

/// What became of a pack.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Row {
    /// Its changes.
    pub span: Span,
    /// Those of them that were given up: all, or one by one.
    pub dead: Vec<Dead>,
    /// It is neither handled nor given up: it was tried then, in vain so far, and comes again.
    pub tried: Option<Timestamp>,
}

/// Changes that are on their way, and were tried in vain so far.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
pub struct Tried {
    /// Which.
    #[serde(flatten)]
    pub span: Span,
    /// When, last.
    pub at: Timestamp,
}

/// What is known of a run at a moment.
#[derive(Debug, Clone, Copy)]
pub struct Tidings {
    /// Up to which number the queue had accepted everything.
    pub accepted: u64,
    /// When the watcher said that, as far as is known: when the newest of its packs was sent.
    pub at: Timestamp,
    /// When the newest pack of the cluster was sent that was handled.
    pub news: Timestamp,
    /// Up to which number all rows were read that there are.
    pub read_up_to: u64,
    /// Whether a later run of the cluster's watcher was heard of.
    pub is_succeeded: bool,
    /// Now.
    pub now: Timestamp,
}

/// That the queue had accepted everything up to a number.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
struct Claim {
    accepted: u64,
    /// When that was sent,
    sent: Timestamp,
    /// and when it was first known here.
    known: Timestamp,
}

impl Claim {
    /// Whether packs were sent, and time has gone by, so that all up to the number should have an account. Either alone
    /// says little: where a backlog is worked off, packs that were sent hours apart are handled within seconds.
    fn is_due(&self, tidings: &Tidings) -> bool {
        tidings.news.duration_since(self.sent) >= SETTLED_AFTER
            && tidings.now.duration_since(self.known) >= SETTLED_AFTER
    }
}

/// What became of the changes of one run of a watcher, up to a mark.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase", default)]
pub struct Account {
    /// Every change up to this number has an account.
    pub up_to: u64,
    /// Of them, how many were handled.
    pub done: u64,
    /// Of them, how many were given up, by the codes of the reasons.
    pub dead: BTreeMap<String, u64>,
    /// Of them, how many have no account though they had to.
    pub lost: u64,
    /// When some were found to be lost, last.
    pub lost_at: Option<Timestamp>,
    /// How many its watcher could not read, or send: they had no number that stayed.
    pub dropped: u64,
    /// When it was heard of some of them, last.
    pub dropped_at: Option<Timestamp>,
    /// Of the numbers up to the mark, how many the watcher gave and died before it knew them to be accepted: its next
    /// run has read those changes again.
    pub read_again: u64,
    /// Which of them were given up last.
    pub dead_spans: Vec<Dead>,
    /// Which of them are tried again and again, in their order.
    pub tried_spans: Vec<Tried>,
    /// Which of them were lost last.
    pub lost_spans: Vec<Span>,
    /// Whether nothing more is awaited: a later run has followed, and all that the queue had accepted has an account.
    pub is_closed: bool,
    /// What the queue had accepted: of the last half hour, and one before.
    claims: Vec<Claim>,
}

impl Account {
    /// Goes on with what has become known: rows from the mark on, in any order.
    pub fn advance(&mut self, mut rows: Vec<Row>, tidings: &Tidings) {
        rows.sort_by_key(|row| row.span);
        if self.claims.last().is_none_or(|claim| claim.accepted < tidings.accepted) {
            let Tidings { accepted, at, now, .. } = *tidings;
            self.claims.push(Claim { accepted, sent: at, known: now });
        }
        let settled = self.claims.iter().rposition(|claim| claim.is_due(tidings));
        let overdue = settled.map_or(0, |settled| self.claims[settled].accepted).min(tidings.read_up_to);
        let is_final = tidings.is_succeeded
            && tidings.read_up_to == u64::MAX
            && tidings.news.duration_since(tidings.at) >= SETTLED_AFTER
            && settled.is_some_and(|settled| settled + 1 == self.claims.len());
        self.claims.drain(..settled.unwrap_or(0));
        for row in rows {
            if row.span.first > self.up_to + 1 {
                let gap = Span { first: self.up_to + 1, last: row.span.first - 1 };
                if gap.last > overdue && !is_final {
                    break;
                }
                self.pass(gap, overdue, tidings.now);
            }
            self.take(&row);
        }
        if self.up_to < overdue {
            self.pass(Span { first: self.up_to + 1, last: overdue }, overdue, tidings.now);
        }
        self.is_closed = is_final;
    }

    /// Takes in how many changes the watcher says that it has dropped, which only rises.
    pub(crate) fn drops(&mut self, dropped: u64, now: Timestamp) {
        if dropped > self.dropped {
            (self.dropped, self.dropped_at) = (dropped, Some(now));
        }
    }

    /// Goes over a gap: what the queue is known to have accepted is lost.
    fn pass(&mut self, gap: Span, overdue: u64, now: Timestamp) {
        self.up_to = gap.last;
        let Some(lost) = gap.and(Span { first: 1, last: overdue }) else {
            self.read_again += gap.count();
            return;
        };
        self.read_again += gap.count() - lost.count();
        self.lost += lost.count();
        self.lost_at = Some(now);
        self.lost_spans.push(lost);
        let excess = self.lost_spans.len().saturating_sub(SPANS_MAX);
        self.lost_spans.drain(..excess);
    }

    /// Takes a row in at the mark, or of what has an account already.
    pub(crate) fn take(&mut self, row: &Row) {
        if row.span.first <= self.up_to {
            self.revive(row);
        }
        let Some(new) = row.span.and(Span { first: self.up_to + 1, last: u64::MAX }) else { return };
        self.up_to = new.last;
        self.enter(new, row);
    }

    /// Counts changes that had no account, by what a row says of them.
    fn enter(&mut self, span: Span, row: &Row) {
        if let Some(at) = row.tried {
            return self.awaits(Tried { span, at });
        }
        let mut given_up = 0;
        for one in &row.dead {
            let Some(both) = one.span.and(span) else { continue };
            given_up += both.count();
            *self.dead.entry(one.code.clone()).or_default() += both.count();
            self.dead_spans.push(Dead { span: both, code: one.code.clone() });
        }
        self.done += span.count().saturating_sub(given_up);
        let excess = self.dead_spans.len().saturating_sub(SPANS_MAX);
        self.dead_spans.drain(..excess);
    }

    /// They are on their way still. What fails together has successive numbers, and is one.
    fn awaits(&mut self, tried: Tried) {
        let place = self.tried_spans.partition_point(|other| other.span < tried.span);
        self.tried_spans.insert(place, tried);
        self.tried_spans.dedup_by(|next, before| {
            let is_one = next.span.first <= before.span.last + 1;
            if is_one {
                before.span.last = before.span.last.max(next.span.last);
                before.at = before.at.max(next.at);
            }
            is_one
        });
        // What there is no room for stays on its way.
        self.tried_spans.truncate(SPANS_MAX);
    }

    /// What was tried until its queue has dropped it is given up.
    pub(crate) fn expire(&mut self, now: Timestamp) {
        let is_over = |tried: &mut Tried| now.duration_since(tried.at) >= EXPIRES_AFTER;
        let over: Vec<Span> = self.tried_spans.extract_if(.., is_over).map(|tried| tried.span).collect();
        for span in over {
            let dead = vec![Dead { span, code: EXPIRED.to_owned() }];
            self.enter(span, &Row { span, dead, tried: None });
        }
    }

    /// What was given up, tried or lost has an account after all: somebody has sent it again, or it was slow.
    pub(crate) fn revive(&mut self, row: &Row) {
        // What has expired has a row that says when it was tried last.
        let is_old = |one: &Dead| row.tried.is_some() && one.code == EXPIRED;
        let is_freed = |one: &mut Dead| row.span.holds(one.span) && !row.dead.contains(one) && !is_old(one);
        let mut freed = Vec::new();
        for Dead { span, code } in self.dead_spans.extract_if(.., is_freed) {
            if let Some(count) = self.dead.get_mut(&code) {
                *count = count.saturating_sub(span.count());
            }
            freed.push(span);
        }
        self.dead.retain(|_, count| *count > 0);
        for span in std::mem::take(&mut self.lost_spans) {
            let Some(both) = span.and(row.span) else {
                self.lost_spans.push(span);
                continue;
            };
            self.lost = self.lost.saturating_sub(both.count());
            freed.push(both);
            self.lost_spans.extend(span.around(both));
        }
        for Tried { span, at } in std::mem::take(&mut self.tried_spans) {
            let Some(both) = span.and(row.span) else {
                self.tried_spans.push(Tried { span, at });
                continue;
            };
            freed.push(both);
            self.tried_spans.extend(span.around(both).map(|span| Tried { span, at }));
        }
        for span in freed {
            self.enter(span, row);
        }
    }

    /// The same with what lies beyond the mark, gaps left out: what is known at this moment.
    #[must_use]
    pub(crate) fn with_beyond(&self, mut rows: Vec<Row>) -> Self {
        rows.sort_by_key(|row| row.span);
        let mut all = self.clone();
        for row in rows {
            let gap = row.span.first.saturating_sub(all.up_to + 1);
            all.up_to += gap;
            all.take(&row);
        }
        all
    }

    /// How many were given up.
    pub fn dead_count(&self) -> u64 {
        self.dead.values().sum()
    }

    /// How many were tried in vain so far, and are on their way.
    pub fn tried_count(&self) -> u64 {
        self.tried_spans.iter().map(|tried| tried.span.count()).sum()
    }
}

#[cfg(test)]
mod tests;
