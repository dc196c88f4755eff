use crate::ObjectRef;
use serde::{Deserialize, Serialize};
use std::fmt;

/// Which cluster something is about. Part of every key, so that one deployment serves many clusters.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct Scope {
    /// The tenant of Prodrome itself (not of the cluster); `default` where there is one only.
    pub tenant: String,
    /// The cloud region, or `local`.
    pub region: String,
    /// The cluster's name.
    pub cluster: String,
}

impl Scope {
    /// A scope from its three parts.
    pub fn new(tenant: impl Into<String>, region: impl Into<String>, cluster: impl Into<String>) -> Self {
        Self { tenant: tenant.into(), region: region.into(), cluster: cluster.into() }
    }

    /// The inverse of its text; `None` where that has another shape.
    pub fn parse(text: &str) -> Option<Self> {
        let mut parts = text.splitn(3, '/');
        Some(Self::new(parts.next()?, parts.next()?, parts.next()?))
    }

    /// Whether each part is [sound](Self::is_sound_part), so that no other scope has its text.
    pub fn is_sound(&self) -> bool {
        [&self.tenant, &self.region, &self.cluster].into_iter().all(|part| Self::is_sound_part(part))
    }

    /// Whether it may be a part of a scope: one to a hundred letters, digits, dots, dashes and underscores. They stand in keys
    /// and in the names of SSM parameters.
    pub fn is_sound_part(part: &str) -> bool {
        (1..=Self::PART_MAX).contains(&part.len()) && part.chars().all(Self::may_hold)
    }

    /// Whether a part of a scope may hold this character.
    pub fn may_hold(c: char) -> bool {
        c.is_ascii_alphanumeric() || matches!(c, '.' | '_' | '-')
    }

    /// How long a part may be.
    pub const PART_MAX: usize = 100;

    /// The cluster itself, as what a finding is about.
    pub fn object(&self) -> ObjectRef {
        ObjectRef {
            api_version: "prodrome.dev/v1alpha1".to_owned(),
            kind: "Cluster".to_owned(),
            namespace: None,
            name: self.cluster.clone(),
        }
    }
}

impl fmt::Display for Scope {
    /// `tenant/region/cluster`: the form that stands in keys.
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}/{}/{}", self.tenant, self.region, self.cluster)
    }
}
