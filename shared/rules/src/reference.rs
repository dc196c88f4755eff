mod incoming;

use crate::condition::{Clause, Context, all_hold};
use crate::evaluation::{Evaluation, Evidence, earliest_turn};
use crate::json::Node;
use crate::kind::{KindName, KindPattern, builtin};
use crate::value::{self, Path, Trail};
use jiff::Timestamp;
use prodrome_model::{GroupKind, LabelSelector};
use std::collections::BTreeMap;
use std::fmt;

/// Another object that a rule needs: named or selected by a field of the object that the rule is about.
#[derive(Debug, Clone, PartialEq)]
pub struct Reference {
    pub(crate) resource: PartnerKind,
    pub(crate) way: Way,
    pub(crate) namespace: Option<NamespaceFrom>,
    /// It is the other object that names or selects this one.
    pub(crate) incoming: bool,
    /// Of the other objects only these count.
    pub(crate) filter: Vec<Clause>,
    /// And of which this holds as well, where a path in an operator begins at the object that refers. Never timed.
    pub(crate) compare: Vec<Clause>,
    pub(crate) want: Want,
    /// Most objects of the kind are as it asks: that one more comes to be so is no news.
    pub(crate) usual: bool,
}

/// At least one of its references has to hold. A rule's groups must all hold.
#[derive(Debug, Clone, PartialEq)]
pub struct ReferenceGroup {
    pub(crate) any_of: Vec<Reference>,
}

impl ReferenceGroup {
    /// Its references.
    pub fn references(&self) -> &[Reference] {
        &self.any_of
    }
}

/// Of which kind the other object is.
#[derive(Debug, Clone, PartialEq)]
pub(crate) enum PartnerKind {
    Fixed(KindName),
    /// The kind stands in a field; only these kinds count, or any where there are none.
    FromField {
        field: Path,
        only: Vec<KindName>,
        /// The kind where the field is missing.
        default: Option<KindName>,
    },
}

/// How the other object is found.
#[derive(Debug, Clone, PartialEq)]
pub(crate) enum Way {
    /// By the names under these paths, but not where `unless` holds of the map that has the name in it.
    Named { paths: Vec<Path>, unless: Vec<Clause> },
    /// By the label selector under this path.
    Selected(Path),
}

#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) enum NamespaceFrom {
    Same,
    None,
    Field(Path),
}

#[derive(Debug, Clone, PartialEq)]
pub(crate) enum Want {
    Missing,
    Check(Vec<Clause>),
    /// All of this, and what it refers to in turn.
    Then(Vec<Clause>, Box<Reference>),
}

/// What a reference points at, in the words of the object that refers to it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Target {
    /// One object, by its name.
    Named {
        /// Its kind; where the group is empty, the core group's or, where that has no such kind, any group's.
        kind: GroupKind,
        /// Where it is looked for.
        namespace: Namespace,
        /// Its name.
        name: String,
    },
    /// The objects that a label selector selects.
    Selected {
        /// Their kind; for the group see `Named`.
        kind: GroupKind,
        /// Where they are looked for.
        namespace: Namespace,
        /// Never empty: an empty selector yields no target.
        selector: LabelSelector,
    },
    /// All objects of a kind that may refer to this one; whether one does is for [`Reference::refers_to`] to say.
    Referrers {
        /// Their kind; for the group see `Named`.
        kind: GroupKind,
        /// Where they are; `None` means everywhere.
        namespace: Namespace,
        /// What is written in each that does, if it refers by name: what lacks this text need not be looked at.
        name: Option<String>,
    },
}

/// Where a target is looked for.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum Namespace {
    /// In the referring object's own namespace.
    Same,
    /// It is in no namespace.
    None,
    /// In this one.
    Named(String),
}

impl Target {
    /// The kind of what is pointed at.
    pub fn kind(&self) -> &GroupKind {
        match self {
            Self::Named { kind, .. } | Self::Selected { kind, .. } | Self::Referrers { kind, .. } => kind,
        }
    }

    /// Where to look for it, seen from an object in `own` namespace.
    pub fn namespace<'a>(&'a self, own: Option<&'a str>) -> Option<&'a str> {
        match self {
            Self::Named { namespace, .. }
            | Self::Selected { namespace, .. }
            | Self::Referrers { namespace, .. } => match namespace {
                Namespace::Same => own,
                Namespace::None => None,
                Namespace::Named(name) => Some(name),
            },
        }
    }
}

impl Target {
    /// The same, seen from an object elsewhere: in `own` namespace.
    pub(crate) fn seen_from(mut self, own: Option<&str>) -> Self {
        let (Self::Named { namespace, .. }
        | Self::Selected { namespace, .. }
        | Self::Referrers { namespace, .. }) = &mut self;
        if *namespace == Namespace::Same {
            *namespace = own.map_or(Namespace::None, |own| Namespace::Named(own.to_owned()));
        }
        self
    }
}

impl fmt::Display for Target {
    /// `ConfigMap settings`, `ConfigMap shop/settings`, `Pod app=web`.
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let (Self::Named { kind, namespace, .. }
        | Self::Selected { kind, namespace, .. }
        | Self::Referrers { kind, namespace, .. }) = self;
        write!(f, "{} ", kind.kind)?;
        if let Namespace::Named(name) = namespace {
            write!(f, "{name}/")?;
        }
        match self {
            Self::Named { name, .. } => f.write_str(name),
            Self::Selected { selector, .. } => f.write_str(&selector.to_query()),
            Self::Referrers { .. } => f.write_str("that refers to it"),
        }
    }
}

impl Reference {
    /// What the object points at. Nothing where the field is missing, where the name is empty, where `unless`
    /// holds, or where the selector is empty.
    pub fn targets(&self, referrer: &Node<'_>) -> Vec<Target> {
        let mut targets: Vec<Target> = Vec::new();
        for (target, _) in self.traced_targets(referrer) {
            if !targets.contains(&target) {
                targets.push(target);
            }
        }
        targets
    }

    /// Whether it holds when a target is *not* there. Otherwise when [`Reference::partner`] matches one that
    /// is.
    pub fn wants_missing(&self) -> bool {
        self.want == Want::Missing
    }

    /// Whether an object that comes to be as it asks makes those that may refer to it be looked at again.
    pub fn wakes(&self) -> bool {
        matches!(self.want, Want::Check(_)) && !self.usual
    }

    /// Whether what it points at lies in the referring object's own namespace, or in none.
    pub fn is_same_namespace(&self) -> bool {
        matches!(self.namespace, None | Some(NamespaceFrom::Same | NamespaceFrom::None))
    }

    /// Whether it is the other object that refers to the one that the rule is about.
    pub fn is_incoming(&self) -> bool {
        self.incoming
    }

    /// What is asked of the other object.
    pub(crate) fn wanted(&self) -> &[Clause] {
        match &self.want {
            Want::Check(clauses) | Want::Then(clauses, _) => clauses,
            Want::Missing => &[],
        }
    }

    /// What the other objects refer to in turn.
    pub fn next(&self) -> Option<&Self> {
        match &self.want {
            Want::Then(_, next) => Some(next),
            Want::Missing | Want::Check(_) => None,
        }
    }

    /// What the reference's `checkField` says of a target that is there.
    pub fn partner(&self, target: &Node<'_>, now: Timestamp) -> Evaluation {
        let Want::Check(clauses) = &self.want else { return Evaluation::default() };
        let holds = |now| {
            let context = Context { root: target, now };
            all_hold(&self.filter, Some(target), context) && all_hold(clauses, Some(target), context)
        };
        let matches = holds(now);
        let turns_at = earliest_turn(self.partner_instants(target), now, matches, &holds);
        let mut evidence = Evidence::default();
        if matches {
            evidence.of_clauses(clauses, Some(target), &Trail::Root, Context { root: target, now });
        }
        Evaluation { matches, turns_at, since: None, evidence: evidence.into_lines() }
    }

    /// The kinds that it points at; none where any kind may stand in the field.
    pub fn kinds(&self) -> Vec<KindPattern> {
        match &self.resource {
            PartnerKind::Fixed(name) => vec![name.pattern.clone()],
            PartnerKind::FromField { only, .. } => only.iter().map(|name| name.pattern.clone()).collect(),
        }
    }

    /// Whether it may point at objects of this kind.
    pub fn concerns(&self, kind: &GroupKind) -> bool {
        let kinds = self.kinds();
        kinds.is_empty() || kinds.iter().any(|pattern| pattern.matches(kind))
    }

    pub(crate) fn partner_instants(&self, target: &Node<'_>) -> Vec<Timestamp> {
        let mut instants = Vec::new();
        let (Want::Check(clauses) | Want::Then(clauses, _)) = &self.want else {
            for clause in &self.filter {
                clause.turning_instants(Some(target), &mut |instant| instants.push(instant));
            }
            return instants;
        };
        for clause in self.filter.iter().chain(clauses) {
            clause.turning_instants(Some(target), &mut |instant| instants.push(instant));
        }
        instants
    }

    /// Each target, with the path and value that point at it.
    pub(crate) fn traced_targets(&self, referrer: &Node<'_>) -> Vec<(Target, String)> {
        let mut found = Vec::new();
        if self.incoming {
            found.extend(self.referrers(referrer));
            return found;
        }
        match &self.way {
            Way::Named { paths, unless } => {
                for path in paths {
                    self.named(referrer, path, unless, &mut found);
                }
            }
            Way::Selected(path) => value::places(Some(referrer), path, &Trail::Root, &mut |node, trail| {
                let Some(selector) = node.and_then(read_selector) else { return };
                let Some(kind) = self.kind_at(&[Some(referrer)], &[]) else { return };
                let namespace = self.namespace_at(&kind, &[Some(referrer)], &[]);
                let line = format!("{trail} = {}", selector.to_query());
                found.push((Target::Selected { kind, namespace, selector }, line));
            }),
        }
        found
    }

    fn named(
        &self,
        referrer: &Node<'_>,
        path: &[String],
        unless: &[Clause],
        found: &mut Vec<(Target, String)>,
    ) {
        descend(&mut vec![Some(referrer)], path, &Trail::Root, &mut |way, trail| {
            let [.., holder, name] = way else { return };
            let Some(name) = name.and_then(Node::text).filter(|name| !name.is_empty()) else { return };
            let exempt = !unless.is_empty()
                && all_hold(unless, *holder, Context { root: referrer, now: Timestamp::UNIX_EPOCH });
            if exempt {
                return;
            }
            let Some(kind) = self.kind_at(way, path) else { return };
            let namespace = self.namespace_at(&kind, way, path);
            let line = format!("{trail} = {}", value::print_value_text(name));
            found.push((Target::Named { kind, namespace, name: name.to_owned() }, line));
        });
    }

    /// The kind pointed at, seen from the nodes on the way down a name's path.
    fn kind_at(&self, way: &[Option<&Node<'_>>], path: &[String]) -> Option<GroupKind> {
        match &self.resource {
            PartnerKind::Fixed(name) => name.pattern.to_group_kind(),
            PartnerKind::FromField { field, only, default } => {
                let kind = match (beside(way, path, field), default) {
                    (Some(kind), _) => GroupKind::new(Self::group_at(way, path, field, kind), kind),
                    (None, default) => default.as_ref()?.pattern.to_group_kind()?,
                };
                let counts = only.is_empty() || only.iter().any(|name| name.pattern.matches(&kind));
                counts.then_some(kind)
            }
        }
    }

    /// The group of a kind that stands in a field: what stands beside it, else that of Kubernetes' own kind.
    fn group_at(way: &[Option<&Node<'_>>], path: &[String], field: &[String], kind: &str) -> String {
        let holder = field.split_last().map_or(&[][..], |(_, holder)| holder);
        let stated = ["apiVersion", "apiGroup", "group"].iter().find_map(|key| {
            let text = beside(way, path, &[holder, &[(*key).to_owned()]].concat())?;
            Some(match (*key, text.split_once('/')) {
                ("apiVersion", split) => split.map_or("", |(group, _)| group).to_owned(),
                _ => text.to_owned(),
            })
        });
        stated.unwrap_or_else(|| builtin::find(kind).map_or("", |known| known.group).to_owned())
    }

    fn namespace_at(&self, kind: &GroupKind, way: &[Option<&Node<'_>>], path: &[String]) -> Namespace {
        match &self.namespace {
            Some(NamespaceFrom::None) => Namespace::None,
            Some(NamespaceFrom::Field(field)) => match beside(way, path, field) {
                Some(name) => Namespace::Named(name.to_owned()),
                None => Namespace::Same,
            },
            None if is_cluster_scoped(kind) => Namespace::None,
            None | Some(NamespaceFrom::Same) => Namespace::Same,
        }
    }
}

/// Whether Kubernetes itself has such a kind, and keeps it in no namespace.
fn is_cluster_scoped(kind: &GroupKind) -> bool {
    builtin::find(&kind.kind).is_some_and(|known| known.group == kind.group && !known.namespaced)
}

/// Walks down a path and hands over the nodes passed on the way, one for each key and the root: elements
/// rather than the arrays they are in.
fn descend<'n>(
    way: &mut Vec<Option<&'n Node<'n>>>,
    path: &[String],
    trail: &Trail<'_>,
    visit: &mut dyn FnMut(&[Option<&'n Node<'n>>], &Trail<'_>),
) {
    let node = way.last().copied().flatten();
    if let Some(Node::List(elements)) = node {
        for (index, element) in elements.iter().enumerate() {
            let depth = way.len() - 1;
            way[depth] = Some(element);
            descend(way, path, &Trail::Element(trail, index, element, None), visit);
            way[depth] = node;
        }
        return;
    }
    let Some((key, rest)) = path.split_first() else { return visit(way, trail) };
    if let Some(child) = node.and_then(|node| node.child(key)) {
        way.push(Some(child));
        descend(way, rest, &Trail::Key(trail, key), visit);
        way.pop();
    }
}

/// The first text under `field` that lies beside the end of `path`: where the two paths have keys in common
/// they go through the same elements.
fn beside<'n>(way: &[Option<&'n Node<'n>>], path: &[String], field: &[String]) -> Option<&'n str> {
    let common = field.iter().zip(path).take_while(|(a, b)| a == b).count();
    let common = common.min(path.len().saturating_sub(1)).min(way.len() - 1);
    let mut found = None;
    value::values(way[common], &field[common..], &Trail::Root, &mut |value, _| {
        found = found.or(value.text().filter(|text| !text.is_empty()));
    });
    found
}

/// A label selector, or the plain map of labels that a Service has. `None` where it is empty.
fn read_selector(node: &Node<'_>) -> Option<LabelSelector> {
    let labels = |node: &Node<'_>| -> BTreeMap<String, String> {
        let pairs = node.entries().iter();
        pairs.filter_map(|(key, node)| Some((key.clone().into_owned(), node.text()?.to_owned()))).collect()
    };
    let is_selector = node.entries().iter().any(|(key, node)| {
        matches!(&**key, "matchLabels" | "matchExpressions") && !matches!(node, Node::Scalar(_))
    });
    let selector = if is_selector {
        let text = |node: &Node<'_>, key| node.child(key).and_then(Node::text).unwrap_or_default().to_owned();
        LabelSelector {
            match_labels: node.child("matchLabels").map(labels).unwrap_or_default(),
            match_expressions: node
                .child("matchExpressions")
                .map(Node::elements)
                .unwrap_or_default()
                .iter()
                .map(|requirement| prodrome_model::LabelSelectorRequirement {
                    key: text(requirement, "key"),
                    operator: text(requirement, "operator"),
                    values: requirement
                        .child("values")
                        .map(Node::elements)
                        .unwrap_or_default()
                        .iter()
                        .filter_map(|value| value.text().map(str::to_owned))
                        .collect(),
                })
                .collect(),
        }
    } else {
        LabelSelector::of_labels(labels(node))
    };
    (selector != LabelSelector::default()).then_some(selector)
}
