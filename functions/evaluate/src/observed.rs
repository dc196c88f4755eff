use crate::count::Values;
use crate::event;
use jiff::Timestamp;
use prodrome_cluster::event::AboutObject;
use prodrome_lifecycle::{Check, Counted, Phase, RuleMark, Seen, SeenEvent, Sighting, Terms, Verdict};
use prodrome_model::{
    GroupKind, Metadata, ObjectHead, ObjectKey, ObjectRef, PluginResponse, Resource, Scope,
};
use prodrome_redact::redact_named;
use prodrome_rules::{EVIDENCE_MAX, Evaluation, Rule, json};

/// Labels kept with a check: what a tenant writes is bounded.
const LABELS_MAX: usize = 32;

/// How often time may turn a verdict while the news are on their way, and be followed.
const TURNS_MAX: usize = 8;

/// An object that was parsed, as the rules see it.
pub(crate) struct Observed<'a> {
    pub(crate) resource: &'a Resource,
    pub(crate) metadata: Metadata,
    pub(crate) node: json::Node<'a>,
    /// Of an event: what it is about.
    pub(crate) about: Option<AboutObject>,
}

/// Why an object could not be read.
#[derive(Debug, thiserror::Error)]
pub(crate) enum ObserveError {
    #[error("the object's metadata cannot be read: {0}")]
    Metadata(#[from] serde_json::Error),
    #[error("the object is not JSON: {0}")]
    Json(#[from] json::JsonError),
    #[error("the object has no name")]
    Nameless,
}

impl<'a> Observed<'a> {
    pub(crate) fn parse(resource: &'a Resource, bytes: &'a [u8]) -> Result<Self, ObserveError> {
        let head: ObjectHead = serde_json::from_slice(bytes)?;
        if head.metadata.name.is_empty() {
            return Err(ObserveError::Nameless);
        }
        let about =
            event::is_event(&resource.group_kind()).then(|| AboutObject::from_json(bytes)).transpose()?;
        let about = about.filter(event::is_about_something);
        Ok(Self { resource, metadata: head.metadata, node: json::parse(bytes)?, about })
    }

    pub(crate) fn kind(&self) -> GroupKind {
        self.resource.group_kind()
    }

    pub(crate) fn key(&self) -> ObjectKey {
        ObjectKey::new(self.kind(), self.metadata.namespace.as_deref(), &*self.metadata.name)
    }

    pub(crate) fn object(&self) -> ObjectRef {
        ObjectRef {
            api_version: self.resource.api_version(),
            kind: self.resource.kind.clone(),
            namespace: self.metadata.namespace.clone(),
            name: self.metadata.name.clone(),
        }
    }

    /// The object through the eyes of one rule, without its references.
    pub(crate) fn sight(&self, rule: &Rule, at: Timestamp, now: Timestamp) -> Sight {
        let evaluation = rule.evaluate(&self.node, now);
        let verdict = match (evaluation.matches, rule.reference_groups().is_empty()) {
            (false, _) => Verdict::Not,
            (true, true) => Verdict::Holds,
            (true, false) => Verdict::HoldsIfReferenced,
        };
        let seen_at = Some(at);
        let at = if evaluation.matches { matches_since(rule, &self.node, at, now) } else { at };
        let seen = Seen::Present { verdict, since: evaluation.since, turns_at: evaluation.turns_at };
        Sight {
            summary: if evaluation.matches { rule.summary(&self.node) } else { String::new() },
            evidence: evaluation.evidence,
            metadata: kept(self.metadata.clone()),
            values: Values::of(rule, &self.node),
            ..Sight::bare(Sighting { seen_at, ..self.sighting(at, seen) })
        }
    }

    /// The object's end.
    pub(crate) fn gone(&self, at: Timestamp) -> Sight {
        Sight { metadata: kept(self.metadata.clone()), ..Sight::bare(self.sighting(at, Seen::Gone)) }
    }

    /// The object of events, of which its own news tell no more than whether it is there.
    pub(crate) fn subject(&self, gone: bool, at: Timestamp) -> Sight {
        let seen = if gone { Seen::Gone } else { Seen::There };
        Sight::bare(Sighting { version: 0, ..self.sighting(at, seen) })
    }

    fn sighting(&self, at: Timestamp, seen: Seen) -> Sighting {
        let (uid, version) = (self.metadata.uid.clone(), self.metadata.version());
        Sighting { uid, version, at, seen_at: None, look: false, list: None, epoch: 0, seen }
    }
}

/// What is kept of an object's metadata: some labels, and those without secrets.
pub(crate) fn kept(mut metadata: Metadata) -> Metadata {
    let some = metadata.labels.into_iter().take(LABELS_MAX);
    metadata.labels =
        some.map(|(name, value)| (name.clone(), redact_named(&name, &value).into_owned())).collect();
    metadata
}

/// Since when an object matches that was seen at one instant and is judged at a later one: time alone may have begun it in
/// between.
fn matches_since(rule: &Rule, node: &json::Node<'_>, seen: Timestamp, now: Timestamp) -> Timestamp {
    if seen == now {
        return now; // as it was judged already
    }
    let mut from = seen;
    for _ in 0..TURNS_MAX {
        match rule.evaluate(node, from) {
            Evaluation { turns_at: Some(turns_at), .. } if turns_at <= now => from = turns_at,
            Evaluation { matches: true, .. } => return from,
            Evaluation { .. } => break,
        }
    }
    now
}

/// A sighting with what a check or a finding says of it.
#[derive(Debug, Clone)]
pub(crate) struct Sight {
    pub(crate) sighting: Sighting,
    pub(crate) summary: String,
    pub(crate) evidence: Vec<String>,
    pub(crate) metadata: Metadata,
    /// What is counted of it, where something is.
    pub(crate) values: Values,
    /// The paths of the objects referred to; `None` where they were not asked.
    pub(crate) edges: Option<Vec<String>>,
    /// It would hold, were there an object that it refers to in the state that is usual.
    pub(crate) lacks_usual: bool,
    /// Why the live object could not be read.
    pub(crate) stale: Option<String>,
    /// The event that was seen, if it was one.
    pub(crate) event: Option<SeenEvent>,
    /// What was counted.
    pub(crate) counted: Option<Counted>,
    /// What a plugin answered, if this is its answer.
    pub(crate) answer: Option<Box<PluginResponse>>,
}

impl Sight {
    pub(crate) fn bare(sighting: Sighting) -> Self {
        Self {
            sighting,
            summary: String::new(),
            evidence: Vec::new(),
            metadata: Metadata::default(),
            values: Values::default(),
            edges: None,
            lacks_usual: false,
            stale: None,
            event: None,
            counted: None,
            answer: None,
        }
    }

    /// What a check keeps of it.
    pub(crate) fn note_in(&self, check: &mut Check, rule: &RuleMark) {
        check.rules = check.rules.max(rule.version);
        check.rule_hash.clone_from(&rule.hash);
        check.meaning.clone_from(&rule.meaning);
        check.orphan_since = None;
        if let Seen::Present { verdict, .. } = self.sighting.seen
            && verdict != Verdict::Not
        {
            let is_written = check.asking.is_none() || check.summary.is_empty() || self.answer.is_some();
            if is_written {
                check.summary.clone_from(&self.summary);
                check.evidence.clone_from(&self.evidence);
            }
            if let Some(lines) = self.found_lines() {
                check.evidence =
                    lines.into_iter().chain(self.evidence.iter().cloned()).take(EVIDENCE_MAX).collect();
            }
        }
        if !self.metadata.name.is_empty() {
            check.metadata.clone_from(&self.metadata);
        }
        if let Some(edges) = &self.edges {
            check.edges.clone_from(edges);
        }
        if self.event.is_some() {
            check.event.clone_from(&self.event);
        }
        if self.counted.is_some() {
            check.counted.clone_from(&self.counted);
        }
    }
}

/// Which check is spoken of: a rule and an object in a cluster.
#[derive(Clone, Copy)]
pub(crate) struct Matter<'a> {
    pub(crate) scope: &'a Scope,
    pub(crate) rule: &'a Rule,
    pub(crate) resource: &'a Resource,
    pub(crate) object: &'a ObjectRef,
}

impl Matter<'_> {
    /// The check that would be opened; its times and phase are the decision's.
    pub(crate) fn blank(&self) -> Check {
        Check {
            layout: 1,
            scope: self.scope.clone(),
            rule: self.rule.name().to_owned(),
            rules: 0,
            rule_hash: self.rule.hash().to_owned(),
            meaning: self.rule.meaning().to_owned(),
            shadow: false,
            resource: self.resource.clone(),
            object: self.object.clone(),
            uid: String::new(),
            resource_version: 0,
            seen_at: None,
            epoch: 0,
            phase: Phase::Pending { turns_at: None },
            since: Timestamp::UNIX_EPOCH,
            said: None,
            opened_at: Timestamp::UNIX_EPOCH,
            due: Timestamp::UNIX_EPOCH,
            look_again_at: Timestamp::UNIX_EPOCH,
            woken: None,
            list: None,
            summary: String::new(),
            metadata: Metadata::default(),
            evidence: Vec::new(),
            edges: Vec::new(),
            finding: None,
            event: None,
            counted: None,
            asking: None,
            doubted: false,
            rumour: None,
            orphan_since: None,
        }
    }

    pub(crate) fn terms(&self) -> Terms {
        terms(self.rule)
    }
}

/// How long a rule's checks wait, and what for.
pub fn terms(rule: &Rule) -> Terms {
    Terms {
        duration: rule.duration(),
        gap_tolerance: rule.gap_tolerance(),
        resolve_after: rule.resolve_after(),
        references: !rule.reference_groups().is_empty(),
    }
}
