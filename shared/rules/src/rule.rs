use crate::clusters::Clusters;
use crate::condition::{Clause, Context, all_hold};
use crate::evaluation::{Evaluation, Evidence, earliest_turn};
use crate::frequency::Frequency;
use crate::json::Node;
use crate::kind::{KindName, KindPattern};
use crate::mode::Mode;
use crate::namespaces::Namespaces;
use crate::periodic::Periodic;
use crate::print::{self, Above};
use crate::reference::{Reference, ReferenceGroup};
use crate::since::Since;
use crate::template::Template;
use crate::value::Trail;
use jiff::{SignedDuration, Timestamp};
use prodrome_model::{GroupKind, Owner, Severity};
use std::collections::BTreeMap;

/// The least duration of a rule with a reference: objects are made in any order, and for a moment one that is
/// referred to may not be there yet.
pub const REFERENCE_DURATION_MIN: SignedDuration = SignedDuration::from_secs(10);

/// A rule: whom it is about, what is wrong, for how long, and whom it is told.
///
/// Made by [`load`](crate::load), so that every rule there is has been checked.
#[derive(Debug, Clone, PartialEq)]
pub struct Rule {
    pub(crate) name: String,
    pub(crate) subjects: Subjects,
    pub(crate) namespaces: Namespaces,
    pub(crate) clusters: Clusters,
    pub(crate) filter: Vec<Clause>,
    /// How many clauses at the end of `filter` nobody wrote: see [`Rule::imply_event_window`].
    pub(crate) implied: usize,
    pub(crate) check: Vec<Clause>,
    pub(crate) references: Vec<ReferenceGroup>,
    pub(crate) duration: SignedDuration,
    pub(crate) gap_tolerance: SignedDuration,
    pub(crate) resolve_after: Option<SignedDuration>,
    /// The first that yields a timestamp.
    pub(crate) since: Vec<Since>,
    pub(crate) frequency: Option<Frequency>,
    pub(crate) periodic: Option<Periodic>,
    pub(crate) severity: Severity,
    pub(crate) owner: Owner,
    pub(crate) summary: Option<Template>,
    pub(crate) runbook: Option<String>,
    pub(crate) flow: Option<String>,
    pub(crate) labels: BTreeMap<String, String>,
    pub(crate) enabled: bool,
    pub(crate) mode: Mode,
    pub(crate) hash: String,
    pub(crate) meaning: String,
}

/// What an object has since it was deleted.
const DELETED: [&str; 2] = ["metadata", "deletionTimestamp"];

/// The kinds a rule is about, as it writes them.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) enum Subjects {
    Kinds(Vec<KindName>),
    /// `"*"`, less `notResource`.
    Every {
        except: Vec<KindName>,
    },
}

impl Rule {
    /// Severity where a rule does not say.
    pub const SEVERITY_DEFAULT: Severity = Severity::P3;
    /// Owner where a rule does not say.
    pub const OWNER_DEFAULT: Owner = Owner::Platform;

    /// Its name, unique in a rule set.
    pub fn name(&self) -> &str {
        &self.name
    }

    /// The identity of what it says: 32 hexadecimal digits over the canonical form, so that comments, the
    /// order of keys and spelled-out defaults do not change it.
    pub fn hash(&self) -> &str {
        &self.hash
    }

    /// The identity of what it looks for, whatever it is called: of all that decides whether an object matches, and
    /// of nothing else. Times, severity and words may change, and what has matched has matched all the same.
    pub fn meaning(&self) -> &str {
        &self.meaning
    }

    /// How long it must match without a break before it fires. Zero fires at once.
    pub fn duration(&self) -> SignedDuration {
        self.duration
    }

    /// Before it fires, a break shorter than this does not count.
    pub fn gap_tolerance(&self) -> SignedDuration {
        self.gap_tolerance
    }

    /// Once fired, it resolves when the match has been gone this long. Where the rule does not say: half of
    /// its duration, at least 2 and at most 15 minutes.
    pub fn resolve_after(&self) -> SignedDuration {
        self.resolve_after.unwrap_or_else(|| {
            (self.duration / 2).clamp(SignedDuration::from_mins(2), SignedDuration::from_mins(15))
        })
    }

    /// Whether it matches nothing but what is on its way out: that such an object is gone at last is its recovery, and
    /// whatever takes its name is another matter.
    pub fn is_about_deletions(&self) -> bool {
        self.filter.iter().chain(&self.check).any(|clause| clause.demands(&DELETED))
    }

    /// For how long the word of the end is held where an object that it told of is deleted: what takes its place may be
    /// as ill, and fires only after the rule's duration.
    pub fn hold_down(&self) -> SignedDuration {
        if self.is_about_deletions() { SignedDuration::ZERO } else { self.resolve_after() + self.duration }
    }

    /// How bad it is.
    pub fn severity(&self) -> Severity {
        self.severity
    }

    /// Who has to act.
    pub fn owner(&self) -> Owner {
        self.owner
    }

    /// What to do about it.
    pub fn runbook(&self) -> Option<&str> {
        self.runbook.as_deref()
    }

    /// Which root-cause flow to run.
    pub fn flow(&self) -> Option<&str> {
        self.flow.as_deref()
    }

    /// Labels that alerts carry, for routing.
    pub fn labels(&self) -> &BTreeMap<String, String> {
        &self.labels
    }

    /// Whether it is switched on.
    pub fn enabled(&self) -> bool {
        self.enabled
    }

    /// Whether it tells anybody.
    pub fn mode(&self) -> Mode {
        self.mode
    }

    /// The same rule, told to people or staged.
    #[must_use]
    pub fn in_mode(&self, mode: Mode) -> Self {
        let mut rule = Self { mode, ..self.clone() };
        rule.hash = crate::print::hash(&rule);
        rule
    }

    /// The rule in its canonical form, as YAML.
    pub fn to_yaml(&self) -> String {
        let above = Above { take: &mut |_| Vec::new(), within: &|_| false };
        print::write_rule(&self.name, &print::rule_body(self), above)
    }

    /// In which namespaces it looks.
    pub fn namespaces(&self) -> &Namespaces {
        &self.namespaces
    }

    /// In which clusters it holds. What it says of an object does not hang on them: whoever judges for a cluster takes
    /// the rules that [hold there](crate::RuleSet::of_cluster).
    pub fn clusters(&self) -> &Clusters {
        &self.clusters
    }

    /// The same rule, in all clusters.
    #[must_use]
    pub fn everywhere(&self) -> Self {
        if self.clusters.is_all() {
            return self.clone();
        }
        let mut rule = Self { clusters: Clusters::default(), ..self.clone() };
        rule.hash = crate::print::hash(&rule);
        rule
    }

    /// The kinds that it is about.
    pub fn kinds(&self) -> Vec<KindPattern> {
        match &self.subjects {
            Subjects::Kinds(names) => names.iter().map(|name| name.pattern.clone()).collect(),
            Subjects::Every { except } => {
                vec![KindPattern::Every { except: except.iter().map(|name| name.pattern.clone()).collect() }]
            }
        }
    }

    /// Whether it is about objects of this kind.
    pub fn applies_to(&self, kind: &GroupKind) -> bool {
        match &self.subjects {
            Subjects::Kinds(names) => names.iter().any(|name| name.pattern.matches(kind)),
            Subjects::Every { .. } => self.kinds().iter().any(|pattern| pattern.matches(kind)),
        }
    }

    /// What else it needs: of each group at least one reference must hold.
    pub fn reference_groups(&self) -> &[ReferenceGroup] {
        &self.references
    }

    /// All references, of all groups, and those that follow them.
    pub fn references(&self) -> impl Iterator<Item = &Reference> {
        self.first_references().flat_map(|reference| std::iter::once(reference).chain(reference.next()))
    }

    /// Those of the object itself.
    pub(crate) fn first_references(&self) -> impl Iterator<Item = &Reference> {
        self.references.iter().flat_map(ReferenceGroup::references)
    }

    /// What it says of an object by itself: namespace, filter and check. References are not looked at; see
    /// [`Rule::judge`].
    pub fn evaluate(&self, object: &Node<'_>, now: Timestamp) -> Evaluation {
        if !self.looks_at(object) {
            return Evaluation::default();
        }
        let matches = self.holds(object, now);
        let turns_at = earliest_turn(self.instants(object), now, matches, &|at| self.holds(object, at));
        if !matches {
            return Evaluation { turns_at, ..Evaluation::default() };
        }
        let since = self.since.iter().find_map(|since| since.begin(object, now));
        let evidence = self.evidence(object, now).into_lines();
        Evaluation { matches, turns_at, since, evidence }
    }

    /// One line for a person: the rule's `summary` filled from the object, or the rule's name in words.
    pub fn summary(&self, object: &Node<'_>) -> String {
        if let Some(template) = &self.summary {
            return template.fill(object);
        }
        let holder = if self.is_about_events() { "involvedObject" } else { "metadata" };
        let text = |key| object.get(&[holder, key]).and_then(Node::text).unwrap_or_default();
        let words = words(&self.name);
        let line = match (text("namespace"), text("name")) {
            (_, "") => words,
            ("", name) => format!("{words}: {name}"),
            (namespace, name) => format!("{words}: {namespace}/{name}"),
        };
        crate::text::cut(&crate::text::one_line(&line), crate::template::SUMMARY_MAX)
    }

    /// Whether it says itself what is told.
    pub fn has_summary(&self) -> bool {
        self.summary.is_some()
    }

    /// What it tells, for a reader who has no object: texts, and as errors the names of what an object fills in.
    pub(crate) fn summary_words(&self) -> Vec<Result<String, String>> {
        match &self.summary {
            Some(template) => template.words(),
            None => vec![Ok(words(&self.name))],
        }
    }

    /// Whether the object lies in a namespace that the rule looks at.
    pub(crate) fn looks_at(&self, object: &Node<'_>) -> bool {
        let namespace = object.get(&self.namespace_path()).and_then(Node::text);
        self.namespaces.admit(namespace.filter(|name| !name.is_empty()))
    }

    /// Where an object tells the namespace that is meant.
    pub(crate) fn namespace_path(&self) -> [&'static str; 2] {
        // An event about a Node lies in some namespace, and the Node in none: the Node is meant.
        let holder = if self.is_about_events() { "involvedObject" } else { "metadata" };
        // A Namespace is in none: its own name is meant.
        let is_namespace = match &self.subjects {
            Subjects::Kinds(names) => {
                let namespace = KindPattern::Exact(GroupKind::core("Namespace"));
                names.iter().all(|name| name.pattern == namespace)
            }
            Subjects::Every { .. } => false,
        };
        [holder, if is_namespace { "name" } else { "namespace" }]
    }

    pub(crate) fn holds(&self, object: &Node<'_>, now: Timestamp) -> bool {
        let context = Context { root: object, now };
        all_hold(&self.filter, Some(object), context) && all_hold(&self.check, Some(object), context)
    }

    /// Every instant at which time could turn the verdict on an object, or on one of the rule's conditions.
    pub fn instants(&self, object: &Node<'_>) -> Vec<Timestamp> {
        let mut instants = Vec::new();
        for clause in self.filter.iter().chain(&self.check) {
            clause.turning_instants(Some(object), &mut |instant| instants.push(instant));
        }
        instants
    }

    /// What is wrong first, then whom it is about.
    fn evidence(&self, object: &Node<'_>, now: Timestamp) -> Evidence {
        let context = Context { root: object, now };
        let mut evidence = Evidence::default();
        for clauses in [&self.check, &self.filter] {
            evidence.of_clauses(clauses, Some(object), &Trail::Root, context);
        }
        evidence
    }
}

/// `PodSidecarNotReady` as `Pod sidecar not ready`; runs of capitals stay.
fn words(name: &str) -> String {
    let chars: Vec<char> = name.chars().collect();
    let mut words = String::new();
    for (index, c) in chars.iter().enumerate() {
        let next_is_lower = chars.get(index + 1).is_some_and(char::is_ascii_lowercase);
        let previous_is_lower = index > 0 && !chars[index - 1].is_ascii_uppercase();
        let begins = index > 0 && c.is_ascii_uppercase() && (next_is_lower || previous_is_lower);
        if begins {
            words.push(' ');
        }
        words.push(if begins && next_is_lower { c.to_ascii_lowercase() } else { *c });
    }
    words
}

#[cfg(test)]
mod tests {
    use super::words;

    #[test]
    fn a_name_in_words() {
        for (name, want) in [
            ("PodSidecarNotReady", "Pod sidecar not ready"),
            ("PVCPending", "PVC pending"),
            ("PodOOMKilled", "Pod OOM killed"),
            ("DeploymentReplicaFailure", "Deployment replica failure"),
            ("X", "X"),
        ] {
            assert_eq!(words(name), want);
        }
    }
}
