use prodrome_model::GroupKind;
use std::fmt;

pub(crate) mod builtin;

/// Which kinds a rule is about, or a reference points at.
///
/// A kind written alone means Kubernetes' own kind of that name, and where there is none, the kind of that
/// name in whatever group has it: custom resources are known by their kind, but `Service` must not mean
/// Knative's.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum KindPattern {
    /// This kind of this group.
    Exact(GroupKind),
    /// The kind of this name in any group.
    AnyGroup(String),
    /// Every kind but these, and but `Event`: what an event tells is about another object.
    Every {
        /// Those left out.
        except: Vec<KindPattern>,
    },
}

impl KindPattern {
    /// Whether it means this kind.
    pub fn matches(&self, kind: &GroupKind) -> bool {
        match self {
            Self::Exact(exact) => exact == kind,
            Self::AnyGroup(name) => *name == kind.kind,
            Self::Every { except } => !is_event(kind) && !except.iter().any(|pattern| pattern.matches(kind)),
        }
    }

    /// The kind it stands for, to ask a cluster by; the group is empty where any will do. `None` for every
    /// kind.
    pub fn to_group_kind(&self) -> Option<GroupKind> {
        match self {
            Self::Exact(exact) => Some(exact.clone()),
            Self::AnyGroup(name) => Some(GroupKind::core(name)),
            Self::Every { .. } => None,
        }
    }
}

impl fmt::Display for KindPattern {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Exact(exact) => exact.fmt(f),
            Self::AnyGroup(name) => f.write_str(name),
            Self::Every { except } if except.is_empty() => f.write_str("any kind"),
            Self::Every { except } => {
                f.write_str("any kind but ")?;
                for (index, pattern) in except.iter().enumerate() {
                    write!(f, "{}{pattern}", if index == 0 { "" } else { ", " })?;
                }
                Ok(())
            }
        }
    }
}

/// A kind as a rule writes it: `Pod`, `apps/Deployment`, `apps/v1/Deployment`, `v1/Pod`.
///
/// A version may stand there and is kept, but does not count: an object is the same in every version that
/// its API server serves.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct KindName {
    pub(crate) group: Option<String>,
    pub(crate) version: Option<String>,
    pub(crate) kind: String,
    /// What it means.
    pub(crate) pattern: KindPattern,
}

impl KindName {
    /// `None` where the text has another shape.
    pub(crate) fn parse(text: &str) -> Option<Self> {
        let parts: Vec<&str> = text.split('/').collect();
        let (group, version, kind) = match *parts.as_slice() {
            [kind] => (None, None, kind),
            [version, kind] if is_version(version) => (Some(""), Some(version), kind),
            [group, kind] => (Some(group), None, kind),
            [group, version, kind] if is_version(version) => (Some(group), Some(version), kind),
            _ => return None,
        };
        let kind_is_sound = kind.starts_with(|c: char| c.is_ascii_alphabetic())
            && kind.chars().all(|c| c.is_ascii_alphanumeric());
        let group_is_sound = group.is_none_or(|group| {
            (!group.is_empty() || version.is_some())
                && group.chars().all(|c| c.is_ascii_lowercase() || c.is_ascii_digit() || "-.".contains(c))
        });
        if !kind_is_sound || !group_is_sound || kind.len() > 63 {
            return None;
        }
        let pattern = match (group, builtin::find(kind)) {
            (Some(group), _) => KindPattern::Exact(GroupKind::new(group, kind)),
            (None, Some(known)) => KindPattern::Exact(GroupKind::new(known.group, known.kind)),
            (None, None) => KindPattern::AnyGroup(kind.to_owned()),
        };
        Some(Self {
            group: group.map(str::to_owned),
            version: version.map(str::to_owned),
            kind: kind.to_owned(),
            pattern,
        })
    }
}

/// Whether it is one of Kubernetes' own kinds that lie in no namespace.
pub fn is_cluster_scoped(kind: &GroupKind) -> bool {
    builtin::all().any(|known| !known.namespaced && known.kind == kind.kind && known.group == kind.group)
}

/// Whether it is one of the two kinds of events.
pub(crate) fn is_event(kind: &GroupKind) -> bool {
    kind.kind == "Event" && matches!(&*kind.group, "" | "events.k8s.io")
}

impl fmt::Display for KindName {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        for part in [&self.group, &self.version].into_iter().flatten().filter(|part| !part.is_empty()) {
            write!(f, "{part}/")?;
        }
        f.write_str(&self.kind)
    }
}

/// `v1`, `v2beta3`.
fn is_version(text: &str) -> bool {
    let Some(rest) = text.strip_prefix('v') else { return false };
    let after_digits = rest.trim_start_matches(|c: char| c.is_ascii_digit());
    if after_digits.len() == rest.len() {
        return false;
    }
    let number = after_digits.strip_prefix("alpha").or_else(|| after_digits.strip_prefix("beta"));
    after_digits.is_empty()
        || number.is_some_and(|number| !number.is_empty() && number.chars().all(|c| c.is_ascii_digit()))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn pattern(text: &str) -> KindPattern {
        KindName::parse(text).unwrap().pattern
    }

    #[test]
    fn a_kind_alone_means_kubernetes_own_and_else_any_group() {
        for (text, kind, want) in [
            ("Service", GroupKind::core("Service"), true),
            ("Service", GroupKind::new("serving.knative.dev", "Service"), false),
            ("serving.knative.dev/Service", GroupKind::new("serving.knative.dev", "Service"), true),
            ("Deployment", GroupKind::new("apps", "Deployment"), true),
            ("apps/Deployment", GroupKind::new("apps", "Deployment"), true),
            ("apps/v1/Deployment", GroupKind::new("apps", "Deployment"), true),
            ("v1/Pod", GroupKind::core("Pod"), true),
            ("Rollout", GroupKind::new("argoproj.io", "Rollout"), true),
            ("Rollout", GroupKind::new("elsewhere.io", "Rollout"), true),
            ("argoproj.io/Rollout", GroupKind::new("elsewhere.io", "Rollout"), false),
        ] {
            assert_eq!(pattern(text).matches(&kind), want, "{text} {kind}");
        }
    }

    #[test]
    fn every_kind_is_every_kind_but_those_left_out_and_events() {
        let every = KindPattern::Every { except: vec![pattern("Pod"), pattern("Rollout")] };
        for (kind, want) in [
            (GroupKind::core("Node"), true),
            (GroupKind::core("Pod"), false),
            (GroupKind::new("argoproj.io", "Rollout"), false),
            (GroupKind::core("Event"), false),
            (GroupKind::new("events.k8s.io", "Event"), false),
            (GroupKind::new("elsewhere.io", "Event"), true),
        ] {
            assert_eq!(every.matches(&kind), want, "{kind}");
        }
        assert_eq!(every.to_string(), "any kind but Pod, Rollout");
    }

    #[test]
    fn a_kind_prints_as_it_was_written() {
        for text in ["Pod", "v1/Pod", "apps/Deployment", "apps/v1/Deployment", "argoproj.io/v1alpha1/Rollout"]
        {
            assert_eq!(KindName::parse(text).unwrap().to_string(), text);
        }
        for text in ["", "/Pod", "a/b/Pod", "Po d", "apps/", "a/v1/x/Pod", "Apps/Deployment"] {
            assert_eq!(KindName::parse(text), None, "{text}");
        }
    }
}
