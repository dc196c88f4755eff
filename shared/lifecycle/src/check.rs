use crate::{Asking, Counted, Rumour, Sighting, Terms};
use jiff::{SignedDuration, Timestamp};
use prodrome_model::{
    EndReason, Finding, Metadata, ObjectKey, ObjectRef, Resource, Scope, later, stable_hash,
};
use serde::{Deserialize, Serialize};

/// A rule's open matter with one object. Small: a few fields, and the finding once it fired.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct Check {
    /// The version of this layout: 1.
    pub layout: u32,
    /// Which cluster.
    pub scope: Scope,
    /// The rule's name.
    pub rule: String,
    /// The version of the rules that it was last decided on by: 0 for those that came with the program.
    #[serde(default, skip_serializing_if = "is_zero")]
    pub rules: u64,
    /// The rule's content when the check was last decided on.
    pub rule_hash: String,
    /// What the rule looked for then; empty where nobody noted it.
    #[serde(default, skip_serializing_if = "String::is_empty")]
    pub meaning: String,
    /// Whether nobody is told of it: the rule is staged, or was when it fired.
    #[serde(default, skip_serializing_if = "std::ops::Not::not")]
    pub shadow: bool,
    /// How the cluster serves the object's kind.
    pub resource: Resource,
    /// The object.
    pub object: ObjectRef,
    /// Its identity.
    pub uid: String,
    /// The newest version that was decided on.
    pub resource_version: u64,
    /// When that was seen, by the clock of whoever saw it.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub seen_at: Option<Timestamp>,
    /// The latest run of its source that told of the object; 0 where none is known.
    #[serde(default, skip_serializing_if = "is_zero")]
    pub epoch: u64,
    /// Where the check is in its life.
    pub phase: Phase,
    /// When the match began; for [`Phase::Watching`], when it was opened.
    pub since: Timestamp,
    /// When the object itself said that it did, where that was yet to come by our clock: whoever wrote it has one that is
    /// ahead. That it says so still is no new begin, as it would seem to be at every look until then.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub said: Option<Timestamp>,
    /// When the check was opened.
    pub opened_at: Timestamp,
    /// When something has to be done next.
    pub due: Timestamp,
    /// When the object is looked at again, whatever else is due.
    pub look_again_at: Timestamp,
    /// By when somebody has to look at it, as it was [woken](Check::wake); until somebody has.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub woken: Option<Timestamp>,
    /// The last list that named the object.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub list: Option<String>,
    /// The one-line summary of the last sighting that matched, for when the cluster cannot be read.
    #[serde(default, skip_serializing_if = "String::is_empty")]
    pub summary: String,
    /// The metadata of the last sighting: its owners and labels, for when the cluster cannot be read.
    #[serde(default)]
    pub metadata: Metadata,
    /// The evidence of the last sighting that matched.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub evidence: Vec<String>,
    /// The objects that the rule's references named when last looked at (their [`prodrome_model::ObjectKey::path`]s):
    /// a change of one of them makes this check due.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub edges: Vec<String>,
    /// What was said when it fired; its end repeats it.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub finding: Option<Box<Finding>>,
    /// Of a rule on events: the event that was seen last.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub event: Option<SeenEvent>,
    /// Of a rule with a frequency: what is counted.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub counted: Option<Counted>,
    /// Of a rule with a plugin: when that is asked about the object.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub asking: Option<Asking>,
    /// Whether it is known, or said, that its match is over: opened by news of before an end, or its object's name is said to
    /// be another's. It fires only if somebody could look at the object; what matches then has begun then, unless the object
    /// or what is counted of it says otherwise.
    #[serde(default, skip_serializing_if = "std::ops::Not::not")]
    pub doubted: bool,
    /// What was told and has to be looked at before it is believed. Until then it does not fire unread, and nothing that is
    /// told is decided on.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub rumour: Option<Rumour>,
    /// Since when no rule of that name is known.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub orphan_since: Option<Timestamp>,
}

#[expect(clippy::trivially_copy_pass_by_ref, reason = "serde asks with a reference")]
pub(crate) fn is_zero(number: &u64) -> bool {
    *number == 0
}

/// An event as a check remembers it: the object that the check is about is the one that it tells of.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct SeenEvent {
    /// Where the event is.
    pub object: ObjectKey,
    /// The event's own identity.
    pub uid: String,
    /// How often it was seen.
    pub count: u32,
    /// When it was first seen.
    pub first_seen: Timestamp,
    /// When it was last seen.
    pub last_seen: Timestamp,
}

impl SeenEvent {
    /// Since when it goes on without a break longer than `window`, as far as its times tell.
    pub fn began(&self, window: SignedDuration) -> Timestamp {
        let gaps = i32::try_from(self.count.saturating_sub(1)).unwrap_or(i32::MAX);
        let length = self.last_seen.duration_since(self.first_seen);
        if gaps > 0 && length / gaps <= window { self.first_seen.min(self.last_seen) } else { self.last_seen }
    }
}

/// Where a [`Check`] is in its life.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(tag = "name", rename_all = "camelCase")]
pub enum Phase {
    /// It does not match, and will or may by time alone at `turns_at`.
    #[serde(rename_all = "camelCase")]
    Watching {
        /// When.
        turns_at: Timestamp,
    },
    /// It matches, and has not done so for long enough. `turns_at`: when time alone may end the match.
    #[serde(rename_all = "camelCase")]
    Pending {
        /// When, if ever.
        #[serde(default, skip_serializing_if = "Option::is_none")]
        turns_at: Option<Timestamp>,
    },
    /// It matched until `from`, and still may go on before the tolerance is over.
    Gap {
        /// When the break began.
        from: Timestamp,
    },
    /// It fires: the finding is decided and may or may not have been sent.
    #[serde(rename_all = "camelCase")]
    Firing {
        /// When time alone may end the match, if ever.
        #[serde(default, skip_serializing_if = "Option::is_none")]
        turns_at: Option<Timestamp>,
    },
    /// It fired, and the finding was sent.
    #[serde(rename_all = "camelCase")]
    Fired {
        /// When time alone may end the match, if ever.
        #[serde(default, skip_serializing_if = "Option::is_none")]
        turns_at: Option<Timestamp>,
    },
    /// It fired, and has not matched since `from`.
    Recovering {
        /// When the quiet began.
        from: Timestamp,
    },
    /// It is over: the end is decided and may or may not have been sent.
    Ending {
        /// When the quiet began.
        at: Timestamp,
        /// Why it is over.
        reason: EndReason,
    },
}

impl Phase {
    /// Whether people were or are about to be told.
    pub fn is_told(&self) -> bool {
        matches!(
            self,
            Self::Firing { .. } | Self::Fired { .. } | Self::Recovering { .. } | Self::Ending { .. }
        )
    }

    /// The phase's name, as in the record.
    pub fn name(&self) -> &'static str {
        match self {
            Self::Watching { .. } => "watching",
            Self::Pending { .. } => "pending",
            Self::Gap { .. } => "gap",
            Self::Firing { .. } => "firing",
            Self::Fired { .. } => "fired",
            Self::Recovering { .. } => "recovering",
            Self::Ending { .. } => "ending",
        }
    }
}

impl Check {
    /// When a match that goes on fires at the earliest: when it has held for as long as the rule says, and what the
    /// object refers to has had the time to appear.
    pub fn fires_at(&self, terms: &Terms) -> Timestamp {
        let settles = if terms.references { Terms::REFERENCES_SETTLE } else { SignedDuration::ZERO };
        later(self.since, terms.duration).max(later(self.opened_at, settles))
    }

    /// Whether nobody has looked yet at what the object refers to: its own part matches, and that may be all.
    pub fn awaits_references(&self, terms: &Terms) -> bool {
        let first = later(self.opened_at, Terms::LOOK_FIRST);
        terms.references && matches!(self.phase, Phase::Pending { .. }) && self.look_again_at <= first
    }

    /// The finding was sent: from now on the check waits for the match to end.
    pub fn sent(&mut self, terms: &Terms, now: Timestamp) {
        let turns_at = match self.phase {
            Phase::Firing { turns_at } => turns_at,
            _ => None,
        };
        self.phase = Phase::Fired { turns_at };
        self.look_again_at = later(now, Terms::LOOK_FIRST);
        self.reschedule(terms, now);
    }

    /// Has somebody look at the object at that instant at the latest, and not only should nothing else be told of it until
    /// then: what it is woken for the object's own news do not tell.
    pub fn wake(&mut self, at: Timestamp) {
        self.due = self.due.min(at);
        self.woken = Some(self.woken.map_or(at, |woken| woken.min(at)));
    }

    /// Whether a rule of this meaning looks for what the check was decided on by. Checks from before there was a meaning have
    /// none; theirs is taken to be this one.
    pub fn is_meant_by(&self, meaning: &str) -> bool {
        self.meaning.is_empty() || self.meaning == meaning
    }

    /// Puts off what is due, because it cannot be done now.
    pub fn postpone(&mut self, by: SignedDuration, now: Timestamp) {
        self.due = later(now, by);
        self.look_again_at = self.look_again_at.max(self.due);
        self.woken = self.woken.map(|woken| woken.max(self.due));
    }

    /// Sets `due` from the phase, the rule's terms and the next second look. Never before `now`.
    pub(crate) fn reschedule(&mut self, terms: &Terms, now: Timestamp) {
        let action = match &self.phase {
            Phase::Watching { turns_at } => *turns_at,
            Phase::Pending { turns_at } => {
                let fires = self.fires_at(terms);
                turns_at.map_or(fires, |t| t.min(fires)).min(self.look_again_at)
            }
            Phase::Gap { from } => later(*from, terms.gap_tolerance),
            Phase::Firing { .. } | Phase::Ending { .. } => later(now, Terms::CARRY_ON),
            Phase::Fired { turns_at } => turns_at.map_or(self.look_again_at, |t| t.min(self.look_again_at)),
            Phase::Recovering { from } => later(*from, terms.resolve_after),
        };
        let action = match &self.asking {
            Some(asking) if !matches!(self.phase, Phase::Firing { .. } | Phase::Ending { .. }) => {
                self.asked_due(asking, terms, now)
            }
            _ => action,
        };
        self.due = self.woken.map_or(action, |woken| woken.min(action)).max(now);
    }

    /// Notes which version it is decided on by.
    pub(crate) fn saw(&mut self, sighting: &Sighting) {
        if sighting.look || sighting.version > self.resource_version {
            (self.resource_version, self.seen_at) = (sighting.version, Some(sighting.seen_at()));
            self.epoch = self.epoch.max(sighting.epoch);
            // Later news of its own say more than what it heard of itself.
            self.rumour.take_if(|rumour| rumour.uid == sighting.uid);
        }
    }

    /// Notes that the object was looked at now: the next second look is due 10 minutes later, give or take a
    /// tenth by the check's own key, so that a storm's checks do not come back as a storm.
    pub(crate) fn looked(&mut self, now: Timestamp) {
        let key = stable_hash(&[&self.object.key().path(), &self.rule]);
        let spread = key.bytes().map(u32::from).sum::<u32>() % 120;
        let interval = Terms::LOOK_AGAIN + SignedDuration::from_secs(i64::from(spread) - 60);
        self.look_again_at = later(now, interval);
        (self.woken, self.rumour) = (None, None);
    }
}
