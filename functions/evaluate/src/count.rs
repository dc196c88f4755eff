//! Rules with a frequency: what a check is decided on is not that its object matches, but how often matches began.

use crate::evaluate::{Kept, contended, store_failure};
use crate::observed::{Matter, Observed, Sight};
use crate::sitting::Sitting;
use jiff::{SignedDuration, Timestamp};
use prodrome_cluster::{Clusters, owner};
use prodrome_lambda::Failure;
use prodrome_lifecycle::{
    Begin, Check, Counted, Counter, Quota, Seen, Sighting, Terms, Verdict, began, keys, said_ahead, spread,
};
use prodrome_model::{Metadata, ObjectRef, Scope, later};
use prodrome_queue::Queue;
use prodrome_rules::{CountBy, Frequency, Rule, json::Node, print_duration};
use prodrome_store::{Expect, Record, Store, StoreError, Write};

/// How often a begin is counted again because somebody else counted in between.
const ATTEMPTS: usize = 8;
/// How long a counter is kept after its last begin has left the window.
const KEPT: SignedDuration = SignedDuration::from_hours(24);

/// What a rule asks of its counters.
pub(crate) fn quota(frequency: &Frequency) -> Quota {
    Quota { count: frequency.count(), within: frequency.within(), distinct: frequency.is_distinct() }
}

/// What of an object is counted, and with what.
#[derive(Debug, Clone, Default)]
pub(crate) struct Values {
    /// Under the path by which begins are counted together.
    group: Option<String>,
    /// Under the path of `distinct`.
    distinct: Option<String>,
}

impl Values {
    pub(crate) fn of(rule: &Rule, object: &Node<'_>) -> Self {
        let Some(frequency) = rule.frequency() else { return Self::default() };
        Self { group: frequency.group_value(object), distinct: frequency.distinct_value(object) }
    }
}

impl<S: Store, Q: Queue, C: Clusters> Sitting<'_, S, Q, C> {
    /// Counts what began, and gives the sight that the check is decided on: there have been enough begins. Where the check
    /// has just `ended` and another may take its place, what has matched all the while has not begun.
    pub(crate) async fn counted(
        &self,
        matter: Matter<'_>,
        frequency: &Frequency,
        sight: &Sight,
        kept: Option<&Kept>,
        ended: Option<&Kept>,
        now: Timestamp,
    ) -> Result<Sight, Failure> {
        let sighting = &sight.sighting;
        let Seen::Present { verdict, since, .. } = &sighting.seen else { return Ok(sight.clone()) };
        let check = kept.map(|kept| &kept.check).filter(|check| same(&check.uid, &sighting.uid));
        let stale = |check: &Check| {
            !sighting.look && sighting.version != 0 && sighting.version <= check.resource_version
        };
        if check.is_some_and(stale) {
            return Ok(sight.clone());
        }
        let quota = quota(frequency);
        let matches = *verdict != Verdict::Not;
        // When it is said to have begun.
        let said = sight.event.as_ref().map(|event| event.last_seen).or(*since);
        let began = began(sighting, said);
        let ended =
            ended.map(|ended| &ended.check).filter(|ended| matches && same(&ended.uid, &sighting.uid));
        let before = check.or(ended).and_then(|check| check.counted.as_ref());
        let is_new = match (&sight.event, before) {
            (Some(event), _) => check.and_then(|check| check.event.as_ref()) != Some(event),
            (None, None) => matches && !matter.rule.is_about_events(),
            (None, Some(before)) => {
                matches
                    && !matter.rule.is_about_events()
                    && (!before.matching || since.is_some_and(|since| before.began_anew(since)))
            }
        };
        let mut counted = match before {
            Some(before) if !is_new => before.clone(),
            _ if is_new => {
                let Some((group, owner)) = self.group(matter, frequency, sight).await else {
                    return Ok(Self::not_counted(sight));
                };
                Counted { group, owner, matching: true, began, said: said_ahead(sighting, said) }
            }
            _ => return Ok(sight.clone()),
        };
        counted.matching = matches;
        let counter = self.count(matter, sight, &counted, &quota, is_new, began, now).await?;
        let standing = counter.standing(&quota, now);
        let own_until = later(counted.began, quota.within);
        let full_until = standing.full_until.map(|until| until.min(own_until)).filter(|until| *until > now);
        let asleep = if matter.rule.is_about_events() || !matches {
            Some(own_until).filter(|until| *until > now)
        } else if kept.is_none() {
            // Queues reorder: the match may be over already. Then it is what begins next that counts.
            Some(later(now, Terms::LOOK_FIRST))
        } else {
            Some(Timestamp::MAX)
        };
        // What was told before it was counted like this goes on until those that it is counted with have been counted too.
        let is_regrouped = is_new && check.is_some_and(|c| c.phase.is_told() && c.counted.is_none());
        let holds_until = full_until.or_else(|| is_regrouped.then(|| later(now, Terms::LOOK_FIRST)));
        let held = check.filter(|check| {
            check.phase.is_told() || matches!(check.phase, prodrome_lifecycle::Phase::Pending { .. })
        });
        let seen = Seen::Present {
            verdict: if holds_until.is_some() { Verdict::Holds } else { Verdict::Not },
            since: holds_until.map(|_| held.map_or(counted.began, |check| check.since)),
            turns_at: holds_until.or(asleep),
        };
        let mut sight = Sight { sighting: Sighting { seen, ..sighting.clone() }, ..sight.clone() };
        if full_until.is_some() {
            let what = if quota.distinct { "different values" } else { "times" };
            let together = match frequency.by() {
                CountBy::Object => String::new(),
                _ => format!(", by {} = {}", frequency.by_words(), shown(&counted.group)),
            };
            let line = format!("{} {what} within {}{together}", standing.count, print_duration(quota.within));
            sight.evidence.insert(0, line);
            sight.evidence.truncate(prodrome_rules::EVIDENCE_MAX);
        }
        sight.counted = Some(counted);
        Ok(sight)
    }

    fn not_counted(sight: &Sight) -> Sight {
        let seen = Seen::Present { verdict: Verdict::Not, since: None, turns_at: None };
        Sight { sighting: Sighting { seen, ..sight.sighting.clone() }, ..sight.clone() }
    }

    /// Adds what is new to the counter, and gives it as it is then.
    #[expect(clippy::too_many_arguments, reason = "each is a thing of its own, and this is called once")]
    async fn count(
        &self,
        matter: Matter<'_>,
        sight: &Sight,
        counted: &Counted,
        quota: &Quota,
        is_new: bool,
        began: Timestamp,
        now: Timestamp,
    ) -> Result<Counter, Failure> {
        let key = keys::counter(matter.scope, matter.rule.name(), matter.rule.meaning(), &counted.group);
        for _ in 0..ATTEMPTS {
            let record = self.store.get(&key).await.map_err(store_failure)?;
            let mut counter = match &record {
                Some(record) => serde_json::from_str(&record.data)
                    .map_err(|error| Failure::fatal("counter_malformed", error))?,
                None => Counter::new(&*counted.group),
            };
            let begins =
                if is_new { begins(matter.object, sight, &counter, quota, began) } else { Vec::new() };
            let mut changed = false;
            for begin in begins {
                changed |= counter.add(begin, quota, now);
            }
            if !changed {
                return Ok(counter);
            }
            let data = serde_json::to_string(&counter).expect("plain data is always written as JSON");
            let expires = Some(later(later(now, quota.within), KEPT));
            let expect = record.map_or(Expect::Absent, |record| Expect::Version(record.version));
            let write = Write::Put(Record { expires, ..Record::new(key.clone(), data) }, expect);
            match self.store.commit(vec![write]).await {
                Ok(()) => return Ok(counter),
                Err(StoreError::Conflict { .. }) => {}
                Err(error) => return Err(store_failure(error)),
            }
        }
        Err(contended("counter_contended", &key))
    }

    /// By what the object's begins are counted, and whom a finding is told together with; `None` where the value is
    /// missing.
    async fn group(
        &self,
        matter: Matter<'_>,
        frequency: &Frequency,
        sight: &Sight,
    ) -> Option<(String, ObjectRef)> {
        let object = matter.object;
        let named = |api_version: &str, kind: &str, name: &str| ObjectRef {
            api_version: api_version.to_owned(),
            kind: kind.to_owned(),
            namespace: None,
            name: name.to_owned(),
        };
        Some(match frequency.by() {
            // The same name again is another object, unless nobody knows its identity.
            CountBy::Object => (format!("{} {}", object.key().path(), sight.sighting.uid), object.clone()),
            CountBy::Owner => {
                let metadata = self.metadata_of(object, sight).await;
                let top = owner::topmost_owner(&self.cluster, object, &metadata).await;
                (top.key().path(), top)
            }
            CountBy::Namespace => {
                let namespace = object.namespace.as_deref().unwrap_or_default();
                (namespace.to_owned(), named("v1", "Namespace", namespace))
            }
            CountBy::Value(path) => {
                let value = sight.values.group.clone()?;
                let last = path.last().map_or("", String::as_str);
                let owner = if matches!(last, "nodeName" | "host") {
                    named("v1", "Node", &value)
                } else {
                    named("", last, &value)
                };
                (value, owner)
            }
        })
    }

    /// An event does not tell its object's owners.
    async fn metadata_of(&self, object: &ObjectRef, sight: &Sight) -> Metadata {
        if sight.event.is_some() && sight.metadata.name.is_empty() {
            return self.subject_metadata(&object.key()).await.ok().flatten().unwrap_or_default();
        }
        sight.metadata.clone()
    }

    /// One look, no history: the begins that the object itself tells of, with what they are counted by.
    pub(crate) async fn told_begins(
        &self,
        rule: &Rule,
        observed: &Observed<'_>,
        sight: &Sight,
        object: &ObjectRef,
        now: Timestamp,
    ) -> Option<(String, ObjectRef, Vec<Begin>)> {
        let frequency = rule.frequency()?;
        let scope = Scope::new("", "", "");
        let matter = Matter { scope: &scope, rule, resource: observed.resource, object };
        let (group, owner) = self.group(matter, frequency, sight).await?;
        let Seen::Present { since, .. } = sight.sighting.seen else { return None };
        let began = since.map_or(now, |since| since.min(now));
        let quota = quota(frequency);
        let mut begins = begins(object, sight, &Counter::new(&*group), &quota, began);
        if sight.event.is_none() && rule.asks_containers() {
            begins.extend(observed.restarts(sight, quota.count, now));
        }
        Some((group, owner, begins))
    }
}

/// What begins with this sight. Of an event each repetition that is not counted yet; else one.
fn begins(
    object: &ObjectRef,
    sight: &Sight,
    counter: &Counter,
    quota: &Quota,
    began: Timestamp,
) -> Vec<Begin> {
    let value = || sight.values.distinct.clone();
    let Some(event) = &sight.event else {
        let path = object.key().path();
        // The same begin has the same identity however often it is told, so no clock of ours may be in it.
        let what = match sight.sighting.seen {
            Seen::Present { since: Some(since), .. } => since.to_string(),
            _ => sight.sighting.version.to_string(),
        };
        let id = prodrome_model::stable_hash(&[&path, &sight.sighting.uid, &what]);
        return vec![Begin { id, at: began, value: value() }];
    };
    let id = if event.uid.is_empty() { event.object.path() } else { event.uid.clone() };
    let (known, first) = match counter.latest_of(&id) {
        Some((known, at)) => (known, at),
        None => (0, event.first_seen),
    };
    let repetitions =
        spread(event.count.saturating_sub(known) + u32::from(known > 0), first, event.last_seen, quota.count);
    let offset = known.saturating_sub(1);
    repetitions
        .into_iter()
        .map(|(k, at)| Begin { id: format!("{id}#{}", k + offset), at, value: value() })
        .collect()
}

impl Observed<'_> {
    /// The restarts that a Pod's containers count themselves, as begins.
    fn restarts(&self, sight: &Sight, most: usize, now: Timestamp) -> Vec<Begin> {
        let text = |node: &Node<'_>, path: &[&str]| node.get(path).and_then(Node::text).map(str::to_owned);
        let time = |text: Option<String>| text.and_then(|text| text.parse::<Timestamp>().ok());
        let mut restarts = Vec::new();
        for list in ["containerStatuses", "initContainerStatuses"] {
            for container in self.node.get(&["status", list]).map(Node::elements).unwrap_or_default() {
                let count: u32 = text(container, &["restartCount"]).and_then(|t| t.parse().ok()).unwrap_or(0);
                let Some(last) = time(text(container, &["lastState", "terminated", "finishedAt"])) else {
                    continue;
                };
                let first =
                    time(text(&self.node, &["status", "startTime"])).or(self.metadata.creation_timestamp);
                let name = text(container, &["name"]).unwrap_or_default();
                let last = last.min(now);
                // The last one is the match that is seen now.
                for (k, at) in spread(count, first.unwrap_or(last).min(last), last, most + 1) {
                    if k < count {
                        restarts.push(Begin {
                            id: format!("{name}#{k}"),
                            at,
                            value: sight.values.distinct.clone(),
                        });
                    }
                }
            }
        }
        restarts
    }
}

/// Whether two identities may be one: not every source tells them.
pub(crate) fn same(one: &str, other: &str) -> bool {
    one.is_empty() || other.is_empty() || one == other
}

/// What a tenant may have written, on one line and not endless.
fn shown(group: &str) -> String {
    group.chars().map(|c| if c.is_control() { ' ' } else { c }).take(200).collect()
}

#[cfg(test)]
mod tests {
    use super::*;
    use prodrome_lifecycle::SeenEvent;
    use prodrome_model::{GroupKind, ObjectKey};

    const QUOTA: Quota = Quota { count: 3, within: SignedDuration::from_mins(10), distinct: false };

    fn at(second: i64) -> Timestamp {
        Timestamp::from_second(second).unwrap()
    }

    fn event_sight(count: u32, first: i64, last: i64) -> Sight {
        let seen = Seen::Present { verdict: Verdict::Holds, since: None, turns_at: None };
        let sighting = Sighting {
            uid: "pod".into(),
            version: 1,
            at: at(last),
            seen_at: None,
            look: false,
            list: None,
            epoch: 0,
            seen,
        };
        let object = ObjectKey::new(GroupKind::core("Event"), Some("shop"), "web-0.1");
        let event = SeenEvent { object, uid: "e".into(), count, first_seen: at(first), last_seen: at(last) };
        Sight { event: Some(event), ..Sight::bare(sighting) }
    }

    #[test]
    fn only_repetitions_that_are_new_are_counted() {
        let object =
            ObjectRef { api_version: "v1".into(), kind: "Pod".into(), namespace: None, name: "web-0".into() };
        let mut counter = Counter::new("g");
        let mut tell = |count, last| {
            let begins = begins(&object, &event_sight(count, 0, last), &counter, &QUOTA, at(last));
            let mut added = 0;
            for begin in begins {
                added += u32::from(counter.add(begin, &QUOTA, at(last)));
            }
            added
        };
        assert_eq!(tell(1, 0), 1);
        assert_eq!(tell(1, 0), 0, "a redelivery");
        assert_eq!(tell(2, 10), 1);
        assert_eq!(tell(4, 30), 2, "one update for two repetitions");
        let times: Vec<_> = counter.begins.iter().map(|begin| begin.at).collect();
        assert_eq!(times, [at(10), at(20), at(30)]);
    }
}
