use crate::decide::{SKEW, began};
use crate::{Check, Phase, Seen, SeenEvent, Sighting, Verdict};
use jiff::Timestamp;
use prodrome_model::later;
use serde::{Deserialize, Serialize};

/// What was told and is not decided on before somebody has looked: that the object's name is another's, or something that
/// was seen before what the check was decided on by, in a higher version. In a cluster that was set back that may be of
/// before, and versions do not tell; so it ends nothing and begins nothing. Where the look finds another object, that began
/// when it was seen, and not only when somebody could look.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct Rumour {
    /// The identity of the object that was told of.
    pub uid: String,
    /// The newest version of it.
    pub resource_version: u64,
    /// Since when it matches, if it does.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub since: Option<Timestamp>,
    /// Of a rule on events: the event that told of it.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub event: Option<SeenEvent>,
}

impl Rumour {
    /// Since when an object that somebody has looked at matches, if it is the one that was told of and does.
    pub fn began(&self, uid: &str, version: u64) -> Option<Timestamp> {
        self.since.filter(|_| self.uid == uid && self.resource_version <= version)
    }

    /// What is known after more of the same object was told.
    fn and(self, next: Self) -> Self {
        if next.resource_version <= self.resource_version {
            return self;
        }
        let since = next.since.map(|since| self.since.unwrap_or(since));
        Self { since, event: next.event.or(self.event), ..next }
    }
}

impl Check {
    /// Whether the sighting is of another object under the same name.
    pub(crate) fn is_of_another(&self, sighting: &Sighting) -> bool {
        self.is_not(&sighting.uid)
    }

    /// Whether this identity is another's. Not every source tells them.
    fn is_not(&self, uid: &str) -> bool {
        self.uid != uid && !self.uid.is_empty() && !uid.is_empty()
    }

    /// What was told of another object under the same name.
    pub fn rumour_of_another(&self) -> Option<&Rumour> {
        self.rumour.as_ref().filter(|rumour| self.is_not(&rumour.uid))
    }

    /// Whether the stream tells of what was decided on already, or of what was before.
    pub(crate) fn knows(&self, sighting: &Sighting) -> bool {
        !sighting.look && sighting.version <= self.resource_version && sighting.version != 0
    }

    /// Whether news must not be decided on before somebody has looked: they are of another object, or contradict what is
    /// known, or it is not known any more whose the name is.
    pub fn doubts(&self, sighting: &Sighting) -> bool {
        if sighting.look {
            return false;
        }
        if self.is_of_another(sighting) {
            // What is older, or gone, had the name before.
            return match sighting.seen {
                Seen::Gone => false,
                Seen::There => !self.knew_later(sighting),
                Seen::Present { .. } => {
                    sighting.version >= self.resource_version || self.is_set_back(sighting)
                }
            };
        }
        if self.is_set_back(sighting) {
            return true;
        }
        let may_be_anothers = self.rumour_of_another().is_some();
        let may_be_news = sighting.version > self.resource_version || self.is_end_of_subject(sighting);
        may_be_news && (may_be_anothers || self.knew_later(sighting))
    }

    /// Whether the object of events went: its version and theirs do not compare.
    fn is_end_of_subject(&self, sighting: &Sighting) -> bool {
        self.event.is_some() && sighting.seen == Seen::Gone && sighting.version == 0
    }

    /// Whether the object of events tells of itself.
    fn is_of_subject(&self, sighting: &Sighting) -> bool {
        sighting.seen == Seen::There || self.is_end_of_subject(sighting)
    }

    /// Whether an older version was seen later than what the check was decided on by, or by a later run of the source: it may
    /// be what holds, as the cluster was set back. Of two events the older may well be told last.
    fn is_set_back(&self, sighting: &Sighting) -> bool {
        let is_older = sighting.version != 0 && sighting.version < self.resource_version;
        let seen_later = self.seen_at.is_some_and(|seen_at| later(seen_at, SKEW) < sighting.seen_at());
        let is_later = sighting.epoch > self.epoch || (sighting.epoch == self.epoch && seen_later);
        is_older && is_later && self.event.is_none()
    }

    /// Whether the stream tells again of the end that is on its way.
    pub(crate) fn carries_on_by(&self, sighting: &Sighting) -> bool {
        matches!(self.phase, Phase::Ending { .. }) && sighting.seen == Seen::Gone
    }

    /// Whether what was told was seen, or may have been, before what the check was decided on by. Of what other events tell
    /// that knows nothing.
    fn knew_later(&self, sighting: &Sighting) -> bool {
        let compares = self.event.is_none() || self.is_of_subject(sighting);
        compares && sighting.is_before(self.seen_at, self.epoch)
    }

    /// Notes what was told and [doubted](Self::doubts), and the event that told it, if one did.
    pub fn heard(&mut self, sighting: &Sighting, event: Option<SeenEvent>) {
        let since = match sighting.seen {
            Seen::Present { verdict, since, .. } if verdict != Verdict::Not => Some(began(sighting, since)),
            _ => None,
        };
        let next = Rumour { uid: sighting.uid.clone(), resource_version: sighting.version, since, event };
        // That the name is another's is what has to be known, whatever version is told of its own.
        let was_of_another = self.rumour_of_another().is_some();
        let is_of_another = self.is_of_another(sighting);
        self.rumour = Some(match self.rumour.take() {
            Some(before) if before.uid == next.uid => before.and(next),
            Some(before)
                if (was_of_another, before.resource_version) > (is_of_another, next.resource_version) =>
            {
                before
            }
            _ => next,
        });
    }

    /// This check, to be looked at now because of what was told.
    pub(crate) fn to_be_looked_at(&self, sighting: &Sighting, now: Timestamp) -> Self {
        let mut next = self.clone();
        next.wake(now);
        next.epoch = next.epoch.max(sighting.epoch);
        // What was seen before the object was is no sign that it went since.
        let may_have_gone = self.is_of_another(sighting) && !self.knew_later(sighting);
        next.doubted |= may_have_gone && !self.phase.is_told();
        next
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::fixture::{check, t};

    fn told(uid: &str, version: u64, at: i64, verdict: Verdict) -> Sighting {
        Sighting {
            uid: uid.into(),
            version,
            at: t(at),
            seen_at: None,
            look: false,
            list: None,
            epoch: 0,
            seen: Seen::Present { verdict, since: None, turns_at: None },
        }
    }

    #[test]
    fn it_began_when_it_was_first_seen_without_a_break() {
        let (holds, not) = (Verdict::Holds, Verdict::Not);
        for (what, heard, want) in [
            ("once", vec![("u2", 5, 10, holds)], Some(10)),
            ("again", vec![("u2", 5, 10, holds), ("u2", 6, 20, holds)], Some(10)),
            ("a break", vec![("u2", 5, 10, holds), ("u2", 6, 20, not)], None),
            ("and back", vec![("u2", 5, 10, holds), ("u2", 6, 20, not), ("u2", 7, 30, holds)], Some(30)),
            ("older news after a break", vec![("u2", 6, 20, not), ("u2", 5, 10, holds)], None),
            ("of one before", vec![("u2", 5, 10, holds), ("u0", 4, 1, holds)], Some(10)),
            ("of the check's own", vec![("u2", 5, 10, holds), ("u1", 6, 20, not)], Some(10)),
            (
                "after its own, of before the cluster was set back",
                vec![("u1", 90, 1, not), ("u2", 5, 10, holds)],
                Some(10),
            ),
            ("of yet another", vec![("u0", 4, 1, holds), ("u2", 5, 10, holds)], Some(10)),
        ] {
            let mut check = check();
            for (uid, version, at, verdict) in heard {
                check.heard(&told(uid, version, at, verdict), None);
            }
            let rumour = check.rumour.unwrap();
            assert_eq!(rumour.began("u2", 7), want.map(t), "{what}");
            assert_eq!((rumour.began("u1", 7), rumour.began("u2", 3)), (None, None), "{what}");
        }
    }
}
