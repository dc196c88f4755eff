//! Who is counted: pods of one app, or apps of the whole cluster, by what they have in common.

use crate::exact;
use prodrome_plugin::image::Reference;
use prodrome_plugin::pod::{containers, is_well, waits_for_image};
use prodrome_plugin::{Object, counted};
use std::collections::{BTreeMap, BTreeSet};
use std::fmt;

/// How a broken pod shows it. Others with the same symptom may have the same fault.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Symptom {
    WithoutImage,
    Crashing,
    Unscheduled,
    NotStarted,
    NotReady,
}

impl Symptom {
    /// What so many pods do.
    const fn of(self, pods: usize) -> &'static str {
        match (self, pods) {
            (Self::WithoutImage, 1) => "waits for its image",
            (Self::WithoutImage, _) => "wait for their images",
            (Self::Crashing, 1) => "ends again and again",
            (Self::Crashing, _) => "end again and again",
            (Self::Unscheduled, 1) => "finds no node",
            (Self::Unscheduled, _) => "find no node",
            (Self::NotStarted, 1) => "does not start",
            (Self::NotStarted, _) => "do not start",
            (Self::NotReady, 1) => "is not ready",
            (Self::NotReady, _) => "are not ready",
        }
    }
}

/// The symptom of a pod; `None` where it is well, or on its way out.
pub(crate) fn symptom(pod: &Object) -> Option<Symptom> {
    if is_well(pod) || pod.is_being_deleted() || pod.text("/status/phase") == "Succeeded" {
        return None;
    }
    let containers = containers(pod);
    let crashing = |container: &prodrome_plugin::pod::Container| {
        container.waits() == "CrashLoopBackOff" || container.ended().is_some_and(|ended| ended.exit_code != 0)
    };
    Some(if waits_for_image(pod).is_some() {
        Symptom::WithoutImage
    } else if containers.iter().any(crashing) || pod.text("/status/phase") == "Failed" {
        Symptom::Crashing
    } else if pod.text("/spec/nodeName").is_empty() {
        Symptom::Unscheduled
    } else if containers.iter().any(|container| !container.waits().is_empty()) {
        Symptom::NotStarted
    } else {
        Symptom::NotReady
    })
}

/// The app of a pod: what controls it, without the version of a Deployment.
pub(crate) fn app(pod: &Object) -> String {
    let namespace = pod.namespace().unwrap_or_default();
    let Some(owner) = pod.metadata().controller() else { return format!("{namespace}/{}", pod.name()) };
    let version = pod.label("pod-template-hash").filter(|_| owner.kind == "ReplicaSet");
    let name =
        version.and_then(|version| owner.name.strip_suffix(version)).map(|name| name.trim_end_matches('-'));
    format!("{namespace}/{}", name.unwrap_or(&owner.name))
}

/// What pods may have in common, from the finest to the coarsest.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub(crate) enum Dimension {
    Node,
    Version,
    Image,
    Registry,
    Pool,
    Kubelet,
    Zone,
    Namespace,
}

impl Dimension {
    pub(crate) const fn as_str(self) -> &'static str {
        match self {
            Self::Node => "node",
            Self::Version => "version",
            Self::Image => "image",
            Self::Registry => "registry",
            Self::Pool => "node pool",
            Self::Kubelet => "kubelet version",
            Self::Zone => "zone",
            Self::Namespace => "namespace",
        }
    }

    pub(crate) const fn coarseness(self) -> u8 {
        self as u8
    }

    /// What has to be there several times for it to be this and nothing finer.
    const fn finer(self) -> Option<Self> {
        match self {
            Self::Pool | Self::Kubelet | Self::Zone => Some(Self::Node),
            Self::Registry => Some(Self::Image),
            Self::Node | Self::Version | Self::Image | Self::Namespace => None,
        }
    }
}

/// A table of four fields, and what it is about.
#[derive(Debug, Clone)]
pub(crate) struct Split {
    pub(crate) dimension: Dimension,
    pub(crate) value: String,
    pub(crate) failing_with: usize,
    pub(crate) failing_without: usize,
    pub(crate) well_with: usize,
    pub(crate) well_without: usize,
    /// Of what it is made up: nodes of a zone that fail.
    finer: usize,
    unit: &'static str,
}

impl Split {
    /// Whether most of those with it fail, and far more than of the others.
    pub(crate) fn is_marked(&self) -> bool {
        let with = self.failing_with + self.well_with;
        let without = self.failing_without + self.well_without;
        2 * self.failing_with > with && self.failing_with * without >= 3 * self.failing_without * with
    }

    /// Whether it accounts for nearly all that fail.
    pub(crate) const fn explains(&self) -> bool {
        5 * self.failing_with > 4 * (self.failing_with + self.failing_without)
    }

    pub(crate) fn is_of_several(&self) -> bool {
        self.dimension.finer().is_none() || self.finer >= 2
    }

    pub(crate) fn chance(&self) -> f64 {
        let (failing, with) = (self.failing_with + self.failing_without, self.failing_with + self.well_with);
        exact::chance(self.failing_with, failing, with, failing + self.well_with + self.well_without)
    }
}

impl fmt::Display for Split {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Self { dimension, value, failing_with, failing_without, well_with, well_without, unit, .. } =
            self;
        let (with, without) = (failing_with + well_with, failing_without + well_without);
        let dimension = dimension.as_str();
        write!(
            f,
            "with the {dimension} {value} {failing_with} of {with} {unit} fail, without it {failing_without} of {without}"
        )
    }
}

/// How far a fault reaches.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Reach {
    pub(crate) pods: usize,
    pub(crate) apps: usize,
    namespaces: usize,
    nodes: usize,
    all: usize,
    how: Symptom,
}

impl Reach {
    /// Why it is not told where they cluster, where too little is there to be compared.
    pub(crate) const fn incomparable(&self) -> &'static str {
        match (self.all, self.all - self.pods) {
            (1, _) => "there is one pod, and none to compare it with",
            (_, 0) => "all of the pods fail, and none that is well is there to compare them with",
            _ => "too few fail to tell where they cluster",
        }
    }
}

impl fmt::Display for Reach {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Self { pods, apps, namespaces, nodes, all, how } = self;
        let (pods_of, apps) = (counted(*pods, "pod"), counted(*apps, "app"));
        let namespaces = counted(*namespaces, "namespace");
        let on = if *nodes == 0 { String::new() } else { format!(" on {}", counted(*nodes, "node")) };
        write!(f, "{pods_of} of {apps} in {namespaces}{on} {}, ", how.of(*pods))?;
        match all - pods {
            0 if *pods == 1 => f.write_str("and there is no other pod"),
            0 => f.write_str("which are all that there are"),
            _ => write!(f, "of {} in all", counted(*all, "pod")),
        }
    }
}

struct Member<'a> {
    app: String,
    failing: bool,
    pod: &'a Object,
    traits: BTreeMap<Dimension, String>,
}

/// All pods that count.
pub(crate) struct Population<'a> {
    members: Vec<Member<'a>>,
    symptom: Symptom,
}

impl<'a> Population<'a> {
    /// Those that are well, and those with this symptom; who has another fault is neither.
    pub(crate) fn of(pods: &'a [Object], nodes: &[Object], which: Symptom) -> Self {
        let nodes: BTreeMap<&str, &Object> = nodes.iter().map(|node| (node.name(), node)).collect();
        let alive =
            pods.iter().filter(|pod| !pod.is_being_deleted() && pod.text("/status/phase") != "Succeeded");
        let members = alive.filter_map(|pod| {
            let failing = match symptom(pod) {
                None => false,
                Some(found) if found == which => true,
                Some(_) => return None,
            };
            let node = nodes.get(pod.text("/spec/nodeName")).copied();
            Some(Member { app: app(pod), failing, pod, traits: traits(pod, node) })
        });
        Self { members: members.collect(), symptom: which }
    }

    pub(crate) fn reach(&self) -> Reach {
        let failing: Vec<&Member<'_>> = self.members.iter().filter(|member| member.failing).collect();
        let distinct = |of: &dyn Fn(&Member<'_>) -> String| {
            failing
                .iter()
                .map(|member| of(member))
                .filter(|text| !text.is_empty())
                .collect::<BTreeSet<_>>()
                .len()
        };
        Reach {
            pods: failing.len(),
            apps: distinct(&|member| member.app.clone()),
            namespaces: distinct(&|member| member.pod.namespace().unwrap_or_default().to_owned()),
            nodes: distinct(&|member| member.pod.text("/spec/nodeName").to_owned()),
            all: self.members.len(),
            how: self.symptom,
        }
    }

    /// The pods of one app, by all that they may have in common.
    pub(crate) fn within(&self, app: &str) -> Vec<Split> {
        let own: Vec<&Member<'_>> = self.members.iter().filter(|member| member.app == app).collect();
        splits(&own, "pods", |member| (member.pod.metadata().uid.clone(), member.pod.name().to_owned()))
    }

    /// Apps: one with broken pods is one witness, however many they are.
    pub(crate) fn by_app(&self) -> Vec<Split> {
        let all: Vec<&Member<'_>> = self.members.iter().collect();
        splits(&all, "apps", |member| (member.app.clone(), String::new()))
    }
}

fn splits<K: Ord>(members: &[&Member<'_>], unit: &'static str, key: impl Fn(&Member<'_>) -> K) -> Vec<Split> {
    let values: BTreeSet<(Dimension, &String)> = members
        .iter()
        .flat_map(|member| member.traits.iter().map(|(dimension, value)| (*dimension, value)))
        // An app is of one version at a time, and of one namespace.
        .filter(|(dimension, _)| match dimension {
            Dimension::Version => unit == "pods",
            Dimension::Namespace => unit == "apps",
            _ => true,
        })
        .collect();
    let count = |of: &dyn Fn(&Member<'_>) -> bool| {
        let mut units: BTreeMap<K, bool> = BTreeMap::new();
        for member in members.iter().filter(|member| of(member)) {
            *units.entry(key(member)).or_default() |= member.failing;
        }
        let failing = units.values().filter(|failing| **failing).count();
        (failing, units.len() - failing)
    };
    let make = |(dimension, value): (Dimension, &String)| {
        let has = |member: &Member<'_>| member.traits.get(&dimension) == Some(value);
        let (failing_with, well_with) = count(&has);
        let (failing_without, well_without) =
            count(&|member| member.traits.contains_key(&dimension) && !has(member));
        let finer = dimension.finer().map_or(0, |finer| {
            let failing = members.iter().filter(|member| member.failing && has(member));
            failing.filter_map(|member| member.traits.get(&finer)).collect::<BTreeSet<_>>().len()
        });
        let value = value.clone();
        Split { dimension, value, failing_with, failing_without, well_with, well_without, finer, unit }
    };
    values.into_iter().map(make).collect()
}

fn traits(pod: &Object, node: Option<&Object>) -> BTreeMap<Dimension, String> {
    let label = |name: &str| node.and_then(|node| node.label(name)).unwrap_or_default().to_owned();
    let containers = containers(pod);
    // The container that is broken speaks for its pod, else the first.
    let broken = containers.iter().find(|container| !container.waits().is_empty());
    let image =
        broken.or_else(|| containers.iter().find(|container| !container.init)).map(|c| c.image.clone());
    let image = image.unwrap_or_default();
    let pools = [
        "eks.amazonaws.com/nodegroup",
        "karpenter.sh/nodepool",
        "cloud.google.com/gke-nodepool",
        "agentpool",
    ];
    let found = [
        (Dimension::Node, pod.text("/spec/nodeName").to_owned()),
        (Dimension::Version, revision(pod)),
        (Dimension::Registry, Reference::parse(&image).map(|image| image.registry).unwrap_or_default()),
        (Dimension::Image, image),
        (Dimension::Pool, pools.into_iter().map(label).find(|pool| !pool.is_empty()).unwrap_or_default()),
        (Dimension::Kubelet, node.map_or("", |node| node.text("/status/nodeInfo/kubeletVersion")).to_owned()),
        (Dimension::Zone, label("topology.kubernetes.io/zone")),
        (Dimension::Namespace, pod.namespace().unwrap_or_default().to_owned()),
    ];
    found.into_iter().filter(|(_, value)| !value.is_empty()).collect()
}

fn revision(pod: &Object) -> String {
    let labels = ["pod-template-hash", "controller-revision-hash"];
    labels.into_iter().find_map(|label| pod.label(label)).unwrap_or_default().to_owned()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_reach_is_told_in_the_singular_too() {
        let one = Reach { pods: 1, apps: 1, namespaces: 1, nodes: 1, all: 3, how: Symptom::Crashing };
        assert_eq!(
            one.to_string(),
            "1 pod of 1 app in 1 namespace on 1 node ends again and again, of 3 pods in all"
        );
        let none = Reach { pods: 2, apps: 1, namespaces: 1, nodes: 0, all: 4, how: Symptom::Unscheduled };
        assert_eq!(none.to_string(), "2 pods of 1 app in 1 namespace find no node, of 4 pods in all");
        assert_eq!(
            Reach { all: 1, ..one }.to_string(),
            "1 pod of 1 app in 1 namespace on 1 node ends again and again, and there is no other pod"
        );
        assert_eq!(
            Reach { all: 2, ..none }.to_string(),
            "2 pods of 1 app in 1 namespace find no node, which are all that there are"
        );
    }
}
