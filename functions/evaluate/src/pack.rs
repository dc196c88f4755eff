use crate::counted::span_of;
use crate::evaluate::{Kept, store_failure};
use crate::event;
use crate::identity::{Identity, IdentityReader};
use crate::observed::{Matter, ObserveError, Observed, Sight};
use crate::poison::Poison;
use crate::sitting::Sitting;
use crate::tenants;
use jiff::{SignedDuration, Timestamp};
use prodrome_cluster::event::AboutObject;
use prodrome_cluster::{Cluster, ClusterError, Clusters};
use prodrome_lambda::{Failure, Tally, metric};
use prodrome_ledger::{Dead, Span};
use prodrome_lifecycle::{Seen, keys};
use prodrome_model::{Change, ChangeKind, GroupKind, ObjectKey, Resource, Scope, Waybill, shard_of};
use prodrome_queue::pack::{DecodedPack, PackError};
use prodrome_queue::{DeadLetters, Queue};
use prodrome_rules::engine::{Scratch, Subject, Verdicts};
use prodrome_rules::{KindPattern, Rule};
use prodrome_store::{Expect, Key, Record, Store, Write};
use std::collections::{BTreeMap, BTreeSet};
use std::panic::{AssertUnwindSafe, catch_unwind};

/// Objects that are looked at because the one that referred to them went.
const RELEASED_MAX: usize = 20;

/// A pack that was handled.
pub(crate) struct Taken {
    pub(crate) scope: Scope,
    /// The version of the rules that its watcher had heard of: of what it listed for them nothing else tells.
    pub(crate) rules: u64,
    /// How far behind the watcher is that made it, where one did.
    pub(crate) lag_seconds: Option<u32>,
    pub(crate) waybill: Option<Waybill>,
    /// The numbers of its changes, and which of them were given up.
    pub(crate) span: Option<Span>,
    pub(crate) dead: Vec<Dead>,
}

/// What the markers of the pack's shards tell.
#[derive(Default)]
pub(crate) struct Markers {
    /// By object path: the rules with an open check (or, with a leading `~`, the rules whose part about a
    /// referred object holds).
    pub(crate) checks: BTreeMap<String, BTreeSet<String>>,
    /// By object path: the checks that wait for a change of it.
    pub(crate) edges: BTreeMap<String, Vec<Key>>,
}

/// Which rules have something to say of an object, by their names.
#[derive(Default)]
struct Said<'r> {
    /// It matches, or will by time alone.
    rules: BTreeSet<&'r str>,
    /// What they say of an object that they refer to holds of it.
    partner_of: BTreeSet<&'r str>,
}

impl<'r> Said<'r> {
    fn of(verdicts: &Verdicts<'r>) -> Self {
        let mut said = Self::default();
        for (subject, verdict) in verdicts.iter() {
            match subject {
                Subject::Rule(rule) => {
                    said.rules.insert(rule.name());
                }
                // What events told is not listed again: nothing has to be remembered for it.
                Subject::Partner(rule, _) if verdict.matches && !rule.is_about_events() => {
                    said.partner_of.insert(rule.name());
                }
                Subject::Partner(..) => {}
            }
        }
        said
    }

    fn is_nothing(&self) -> bool {
        self.rules.is_empty() && self.partner_of.is_empty()
    }
}

/// One object of a pack, judged by all rules that concern it.
struct Judged {
    resource: Resource,
    object: prodrome_model::ObjectRef,
    key: ObjectKey,
    /// By rule: what it sees.
    sights: Vec<(String, Sight)>,
    /// The rules whose part about a referred object holds of this one.
    partner_of: BTreeSet<String>,
    gone: bool,
    /// What it referred to when it went, by the rules that ask who refers to something.
    released: Vec<(String, ObjectKey)>,
    /// Told by an event, rather than seen itself.
    is_event: bool,
    list: Option<String>,
    version: u64,
}

impl<S: Store, Q: DeadLetters, C: Clusters> Sitting<'_, S, Q, C> {
    /// Judges a pack that was on its way for so long, and whose changes may have been seen so much earlier than they say. A
    /// change that fails alone is set apart, so that it holds nothing else back.
    pub(crate) async fn pack(
        &self,
        decoded: DecodedPack,
        waited: SignedDuration,
        earlier: SignedDuration,
        now: Timestamp,
        tally: &mut Tally,
    ) -> Result<Taken, Failure> {
        if !self.insists() {
            self.knows(decoded.rules)?;
        }
        let (head, rules) = (decoded.head, decoded.rules);
        let (lag_seconds, waybill) = (decoded.lag_seconds, decoded.waybill);
        let scope = head.scope.clone();
        let alone = decoded.changes.len() == 1;
        tally.add(metric::CHANGES_RECEIVED, decoded.changes.len() as u64);
        let mut poison = Vec::new();
        let mut changes = Vec::new();
        let count = decoded.changes.len();
        for (n, change) in (1..).zip(decoded.changes) {
            match change {
                Ok(change) => changes.push(change),
                Err(bad) => {
                    let number = waybill.and_then(|waybill| Some((waybill.epoch, waybill.last(n)?)));
                    poison.push(Poison::line(bad, number));
                }
            }
        }
        let list_ends: Vec<_> = changes.iter().filter(|c| c.kind == ChangeKind::ListEnd).cloned().collect();
        if changes.iter().any(tenants::is_rule) {
            self.request_objects(&scope, now).await?;
        }
        let relevant: Vec<_> = changes.iter().filter(|change| self.concerns(change)).collect();
        let latest = by_subject(latest_of_each(&relevant, &mut poison));
        let markers = self.markers(&scope, latest.iter().map(|(_, path)| path.as_str())).await?;
        let mut scratch = Scratch::default();
        let mut all = Vec::new();
        for (change, path) in latest {
            let judged =
                catch_unwind(AssertUnwindSafe(|| self.judge(change, &path, &markers, &mut scratch, now)));
            let panicked = || Failure::fatal("evaluation_panicked", "judging the object panicked");
            match judged.map_err(|_| panicked()).flatten() {
                Ok(mut judged) => {
                    let seen_at = change.observed_at.saturating_sub(earlier).unwrap_or(Timestamp::MIN);
                    for (_, sight) in judged.iter_mut().flat_map(|judged| &mut judged.sights) {
                        sight.sighting.seen_at = Some(seen_at);
                    }
                    all.push((change, path, judged));
                }
                Err(failure) if !failure.retryable => poison.push(Poison::change(change, &failure)),
                Err(failure) => return Err(failure),
            }
        }
        let open =
            self.open_checks(&scope, all.iter().filter_map(|(.., judged)| judged.as_ref()), &markers).await?;
        for (change, path, judged) in all {
            let done = match &judged {
                Some(judged) => self.take(&scope, judged, &markers, &open, now, tally).await,
                None if event::is_event(&change.resource.group_kind()) => Ok(()),
                None => self.wake_edges(&path, &markers, now).await,
            };
            match done {
                Err(failure) if !failure.retryable => poison.push(Poison::change(change, &failure)),
                other => other?,
            }
        }
        for end in list_ends {
            self.list_ended(&scope, &end, waited, now).await?;
        }
        let dead = poison.iter().filter_map(Poison::dead).collect();
        self.isolate(&head, poison, alone, tally).await?;
        let span = waybill.and_then(|waybill| span_of(waybill, count));
        Ok(Taken { scope, rules, lag_seconds, waybill, span, dead })
    }
}

impl<S: Store, Q: Queue, C: Clusters> Sitting<'_, S, Q, C> {
    /// Whether any rule speaks of the change's kind.
    fn concerns(&self, change: &Change) -> bool {
        let kind = change.resource.group_kind();
        let is_news = matches!(change.kind, ChangeKind::Applied | ChangeKind::Deleted);
        is_news && !event::is_expiry(&kind, change.kind) && {
            let program = self.loaded.programs.of(&kind);
            !program.is_empty() || program.is_missed()
        }
    }

    /// The markers of all shards that the paths fall into, by one strongly consistent query each.
    async fn markers<'p>(
        &self,
        scope: &Scope,
        paths: impl Iterator<Item = &'p str>,
    ) -> Result<Markers, Failure> {
        let shards: BTreeSet<u16> = paths.map(|path| shard_of(path, self.shards)).collect();
        let mut markers = Markers::default();
        for shard in shards {
            self.query_markers(scope, shard, "", &mut markers).await?;
        }
        Ok(markers)
    }

    pub(crate) async fn query_markers(
        &self,
        scope: &Scope,
        shard: u16,
        prefix: &str,
        markers: &mut Markers,
    ) -> Result<(), Failure> {
        let partition = keys::shard_partition(scope, shard);
        let mut after: Option<String> = None;
        loop {
            let page = self.store.query(&partition, prefix, after.as_deref()).await.map_err(store_failure)?;
            for record in page.records {
                let sort = &record.key.sort;
                if let Some((path, rule)) = keys::parse_marker(sort) {
                    markers.checks.entry(path.to_owned()).or_default().insert(rule.to_owned());
                } else if let (Some(path), Some(key)) = (keys::parse_edge(sort), edge_target(&record)) {
                    markers.edges.entry(path.to_owned()).or_default().push(key);
                }
            }
            after = page.next;
            if after.is_none() {
                return Ok(());
            }
        }
    }

    /// Judges one object by all rules: pure, and caught where it panics. `None` where no rule has anything to
    /// say of it, as of most: that costs one pass over its bytes.
    fn judge(
        &self,
        change: &Change,
        path: &str,
        markers: &Markers,
        scratch: &mut Scratch,
        now: Timestamp,
    ) -> Result<Option<Judged>, Failure> {
        let bytes = change.object.as_ref().map(|raw| raw.get().as_bytes()).unwrap_or_default();
        let gone = change.kind == ChangeKind::Deleted;
        let none = BTreeSet::new();
        let tracked = markers.checks.get(path).unwrap_or(&none);
        let program = self.loaded.programs.of(&change.resource.group_kind());
        let mut said = Said::default();
        if !gone {
            let verdicts = program
                .run(bytes, now, scratch)
                .map_err(|error| Failure::malformed("object_malformed", ObserveError::from(error)))?;
            said = Said::of(&verdicts);
        }
        let is_missed = gone && program.is_missed();
        let is_event = event::is_event(&change.resource.group_kind());
        if said.is_nothing() && !is_missed && (is_event || tracked.is_empty()) {
            return Ok(None);
        }
        let observed = Observed::parse(&change.resource, bytes)
            .map_err(|error| Failure::malformed("object_malformed", error))?;
        if let Some(about) = &observed.about {
            return Ok(Some(self.judge_event(change, &observed, about, now)));
        }
        let mut sights = Vec::new();
        for rule in self.rules.for_kind(&observed.kind()).filter(|rule| rule.enabled()) {
            let open = tracked.contains(rule.name());
            if !open && !said.rules.contains(rule.name()) {
                continue;
            }
            let mut sight = if gone {
                observed.gone(change.observed_at)
            } else {
                observed.sight(rule, change.observed_at, now)
            };
            sight.sighting.list.clone_from(&change.list);
            sight.sighting.epoch = change.epoch;
            if open || says_something(&sight) {
                sights.push((rule.name().to_owned(), sight));
            }
        }
        // What events told of it is over too where it is gone, or another has its name. Their versions and its own do not
        // compare.
        let told = tracked.iter().filter(|name| self.rules.get(name).is_some_and(Rule::is_about_events));
        for rule in told {
            let mut sight = observed.subject(gone, change.observed_at);
            sight.sighting.epoch = change.epoch;
            sights.push((rule.clone(), sight));
        }
        Ok(Some(Judged {
            object: observed.object(),
            key: observed.key(),
            version: observed.metadata.version(),
            resource: change.resource.clone(),
            list: change.list.clone(),
            sights,
            partner_of: self.partner_of(&said, &observed),
            gone,
            released: if gone { self.released(&observed, &observed.kind()) } else { Vec::new() },
            is_event: false,
        }))
    }

    /// The rules whose part about a referred object holds of this one, as far as they look into its namespace.
    fn partner_of(&self, said: &Said<'_>, observed: &Observed<'_>) -> BTreeSet<String> {
        let namespace = observed.metadata.namespace.as_deref();
        let is_about = |name: &&str| self.rules.get(name).is_some_and(|rule| looks_into(rule, namespace));
        said.partner_of.iter().copied().filter(is_about).map(str::to_owned).collect()
    }

    /// What an event tells of the object that it is about.
    fn judge_event(
        &self,
        change: &Change,
        observed: &Observed<'_>,
        about: &AboutObject,
        now: Timestamp,
    ) -> Judged {
        let kind = observed.kind();
        let rules = self.rules.for_kind(&kind).filter(|rule| rule.is_about_events());
        let sights = rules.filter_map(|rule| {
            let mut sight = observed.event_sight(rule, about, change.observed_at, now)?;
            sight.sighting.epoch = change.epoch;
            Some((rule.name().to_owned(), sight))
        });
        Judged {
            object: event::subject(about),
            key: about.object.clone(),
            version: observed.metadata.version(),
            resource: event::subject_resource(about),
            list: None,
            sights: sights.collect(),
            partner_of: BTreeSet::new(),
            gone: false,
            released: Vec::new(),
            is_event: true,
        }
    }

    /// What an object that goes away referred to: nothing may refer to it any more.
    fn released(&self, observed: &Observed<'_>, kind: &GroupKind) -> Vec<(String, ObjectKey)> {
        let mut released = Vec::new();
        for (rule, reference) in self.rules.referring_to(kind) {
            if !reference.is_incoming() || !reference.wants_missing() {
                continue;
            }
            for pattern in rule.kinds().iter().filter_map(KindPattern::to_group_kind) {
                for (name, namespace) in reference.named_by(&observed.node) {
                    let key = ObjectKey::new(pattern.clone(), namespace.as_deref(), name);
                    if !released.iter().any(|(other, known)| other == rule.name() && *known == key) {
                        released.push((rule.name().to_owned(), key));
                    }
                }
            }
        }
        released.truncate(RELEASED_MAX);
        released
    }

    /// The checks that are open of what was judged, read together: of a list, most of what is broken is known.
    async fn open_checks<'j>(
        &self,
        scope: &Scope,
        judged: impl Iterator<Item = &'j Judged>,
        markers: &Markers,
    ) -> Result<BTreeMap<Key, Record>, Failure> {
        let mut wanted = BTreeSet::new();
        for judged in judged {
            let Some(tracked) = markers.checks.get(&judged.key.path()) else { continue };
            let open = judged.sights.iter().map(|(rule, _)| rule).filter(|rule| tracked.contains(*rule));
            wanted.extend(open.map(|rule| keys::check(scope, &judged.key, rule)));
        }
        let wanted: Vec<Key> = wanted.into_iter().collect();
        let open = self.store.get_many(&wanted).await.map_err(store_failure)?;
        Ok(open.into_iter().map(|record| (record.key.clone(), record)).collect())
    }

    /// Acts on what the rules see of one object. `open`: its open checks, and those of others.
    async fn take(
        &self,
        scope: &Scope,
        judged: &Judged,
        markers: &Markers,
        open: &BTreeMap<Key, Record>,
        now: Timestamp,
        tally: &mut Tally,
    ) -> Result<(), Failure> {
        let path = judged.key.path();
        let none = BTreeSet::new();
        let tracked = markers.checks.get(&path).unwrap_or(&none);
        for (name, sight) in &judged.sights {
            let Some(rule) = self.rules.get(name) else { continue };
            let matter = Matter { scope, rule, resource: &judged.resource, object: &judged.object };
            let known =
                open.get(&keys::check(scope, &judged.key, name)).map(Kept::read).transpose()?.flatten();
            if let Some(record) = self.settle(matter, sight, known, now, tally).await? {
                self.look(record, now, tally).await?;
            }
        }
        if judged.is_event {
            return Ok(());
        }
        self.partners(scope, judged, tracked, now, tally).await?;
        self.wake_edges(&path, markers, now).await
    }

    /// Where this object went away, or begins to satisfy what a rule says of the objects it refers to, the
    /// objects that may refer to it are listed.
    async fn partners(
        &self,
        scope: &Scope,
        judged: &Judged,
        tracked: &BTreeSet<String>,
        now: Timestamp,
        tally: &mut Tally,
    ) -> Result<(), Failure> {
        if judged.gone {
            self.relist_who_may_miss(scope, &judged.key, now).await?;
        }
        for (rule, key) in &judged.released {
            self.check_released(scope, rule, key, now, tally).await?;
        }
        for rule in &judged.partner_of {
            let name = format!("~{rule}");
            let key = keys::check(scope, &judged.key, &name);
            let known = tracked.contains(&name);
            if known && judged.list.is_none() {
                continue;
            }
            // Late news of a state that is over would be noted for good, and hide the next time.
            if !known && !self.is_partner_now(&judged.key, rule, &judged.resource, now).await {
                continue;
            }
            let meaning = self.rules.get(rule).map(Rule::meaning);
            let data =
                serde_json::json!({ "version": judged.version, "list": judged.list, "meaning": meaning });
            let data = data.to_string();
            let marker = keys::marker(scope, self.shards, &judged.key, &name);
            let writes = vec![
                Write::Put(Record::new(key, data), Expect::Anything),
                Write::Put(Record::new(marker, ""), Expect::Anything),
            ];
            // The relist is asked for first: a crash in between asks once more, and does not forget.
            if !known && let Some(rule) = self.rules.get(rule) {
                self.request_relist(scope, rule, namespace_of(rule, &judged.key), now).await?;
            }
            self.write_anyway(writes).await?;
        }
        for name in tracked
            .iter()
            .filter(|name| name.strip_prefix('~').is_some_and(|r| !judged.partner_of.contains(r)))
        {
            let marker = keys::marker(scope, self.shards, &judged.key, name);
            let check = keys::check(scope, &judged.key, name);
            self.forget(check, marker).await?;
        }
        Ok(())
    }

    /// An object went away: lists the objects of the rules that ask for one that is missing.
    pub(crate) async fn relist_who_may_miss(
        &self,
        scope: &Scope,
        gone: &ObjectKey,
        now: Timestamp,
    ) -> Result<(), Failure> {
        for (rule, reference) in self.rules.referring_to(&gone.kind) {
            let looks = !rule.is_about_events() && looks_into(rule, gone.namespace.as_deref());
            if looks && reference.wants_missing() && !reference.is_incoming() {
                self.request_relist(scope, rule, namespace_of(rule, gone), now).await?;
            }
        }
        Ok(())
    }

    /// Whether the live object satisfies what a rule says of the objects it refers to. Where it cannot be read,
    /// the news are believed.
    async fn is_partner_now(&self, key: &ObjectKey, rule: &str, resource: &Resource, now: Timestamp) -> bool {
        let live = match self.cluster.get(key).await {
            Err(ClusterError::UnknownKind { .. }) => None,
            Err(_) => return true,
            Ok(live) => live,
        };
        let Some(observed) = live.as_deref().and_then(|bytes| Observed::parse(resource, bytes).ok()) else {
            return false;
        };
        let mut referring = self.rules.referring_to(&key.kind).filter(|(r, _)| r.name() == rule);
        referring.any(|(_, reference)| reference.wakes() && reference.partner(&observed.node, now).matches)
    }

    /// A look at an object found that none of the objects it refers to is in the state that a rule names: what
    /// was noted of them is over.
    pub(crate) async fn forget_partners(
        &self,
        scope: &Scope,
        rule: &Rule,
        paths: &[String],
    ) -> Result<(), Failure> {
        if !rule.references().any(prodrome_rules::Reference::wakes) {
            return Ok(());
        }
        let name = format!("~{}", rule.name());
        let objects: Vec<ObjectKey> = paths.iter().filter_map(|path| ObjectKey::from_path(path)).collect();
        let notes: Vec<Key> = objects.iter().map(|object| keys::check(scope, object, &name)).collect();
        for note in self.store.get_many(&notes).await.map_err(store_failure)? {
            let Some(at) = notes.iter().position(|key| *key == note.key) else { continue };
            let marker = keys::marker(scope, self.shards, &objects[at], &name);
            self.forget(note.key, marker).await?;
        }
        Ok(())
    }
}

/// Why a pack cannot be read. A newer program's is no worse for that: whoever follows may read it.
pub(crate) fn unreadable(error: &PackError) -> Failure {
    match error {
        PackError::Version { .. } => Failure::fatal(error.code(), error),
        _ => Failure::malformed(error.code(), error),
    }
}

/// The latest change of each object: what a pack holds of one object is one state. A new uid under an old
/// name is another object. In the pack's order, each with its object's path.
fn latest_of_each<'c>(changes: &[&'c Change], poison: &mut Vec<Poison>) -> Vec<(&'c Change, String)> {
    let mut latest: BTreeMap<(String, String), (u64, usize)> = BTreeMap::new();
    let mut paths = Vec::with_capacity(changes.len());
    let mut reader = IdentityReader::default();
    for (index, change) in changes.iter().enumerate() {
        let bytes = change.object.as_ref().map(|raw| raw.get().as_bytes()).unwrap_or_default();
        match reader.read(&change.resource, bytes) {
            Err(error) => {
                poison.push(Poison::change(change, &Failure::malformed("object_malformed", error)));
                paths.push(String::new());
            }
            Ok(Identity { path, uid, version }) => {
                let entry = latest.entry((path.clone(), uid)).or_insert((version, index));
                if version >= entry.0 {
                    *entry = (version, index);
                }
                paths.push(path);
            }
        }
    }
    let mut indices: Vec<_> = latest.into_values().map(|(_, index)| index).collect();
    indices.sort_unstable();
    indices.into_iter().map(|index| (changes[index], std::mem::take(&mut paths[index]))).collect()
}

/// An event's path becomes that of the object that it is about: there its checks are.
fn by_subject(changes: Vec<(&Change, String)>) -> Vec<(&Change, String)> {
    let subject = |(change, path): (&'_ Change, String)| {
        if !event::is_event(&change.resource.group_kind()) {
            return path;
        }
        let bytes = change.object.as_ref().map(|raw| raw.get().as_bytes()).unwrap_or_default();
        event::subject_path(bytes).unwrap_or(path)
    };
    changes.into_iter().map(|(change, path)| (change, subject((change, path)))).collect()
}

fn says_something(sight: &Sight) -> bool {
    match sight.sighting.seen {
        Seen::Present { verdict, turns_at, .. } => {
            verdict != prodrome_lifecycle::Verdict::Not || turns_at.is_some()
        }
        Seen::Gone | Seen::There => false,
    }
}

/// Where the objects that refer to this one may be: its own namespace, or anywhere where the rule looks into
/// another one.
fn namespace_of<'o>(rule: &Rule, referred: &'o ObjectKey) -> &'o str {
    let same = rule.references().all(prodrome_rules::Reference::is_same_namespace);
    referred.namespace.as_deref().filter(|_| same).unwrap_or_default()
}

/// Whether objects that a rule is about may refer to one of this namespace.
fn looks_into(rule: &Rule, namespace: Option<&str>) -> bool {
    let same = rule.references().all(prodrome_rules::Reference::is_same_namespace);
    namespace.is_none() || !same || rule.namespaces().admit(namespace)
}

fn edge_target(record: &Record) -> Option<Key> {
    #[derive(serde::Deserialize)]
    struct Target {
        partition: String,
        sort: String,
    }
    let target: Target = serde_json::from_str(&record.data).ok()?;
    Some(Key::new(target.partition, target.sort))
}
