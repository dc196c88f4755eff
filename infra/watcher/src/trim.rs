use prodrome_model::Resource;
use prodrome_scan::{MANAGED_FIELDS, Path, private_parts};

/// What of a kind's objects is left out on the way.
#[derive(Debug, Clone)]
pub(crate) struct Trim {
    cuts: Vec<Path<'static>>,
    /// An object that is never forwarded: the one that the watcher writes itself.
    own: Option<OwnObject>,
    drops_leaders: bool,
}

/// An object that the watcher writes itself. Forwarded, each change of it would make the next.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct OwnObject {
    /// Its kind, of the core group.
    pub kind: &'static str,
    /// Its namespace.
    pub namespace: String,
    /// Its name.
    pub name: String,
}

impl Trim {
    pub(crate) fn of(resource: &Resource, keep_managed_fields: bool, own: Option<&OwnObject>) -> Self {
        let mut cuts = private_parts(&resource.group, &resource.kind).to_vec();
        if !keep_managed_fields {
            cuts.push(MANAGED_FIELDS);
        }
        let is_own_kind = |own: &&OwnObject| resource.group.is_empty() && own.kind == resource.kind;
        // Elections were held on these before there were leases; some still are.
        let drops_leaders = resource.group.is_empty() && matches!(&*resource.kind, "Endpoints" | "ConfigMap");
        Self { cuts, own: own.filter(is_own_kind).cloned(), drops_leaders }
    }

    pub(crate) fn cuts(&self) -> &[Path<'static>] {
        &self.cuts
    }

    /// Whether an object is of no interest: the watcher's own, or one that is updated every two seconds to
    /// elect a leader on.
    pub(crate) fn drops(&self, namespace: Option<&str>, name: &str, is_leader: bool) -> bool {
        (is_leader && self.drops_leaders)
            || self.own.as_ref().is_some_and(|own| Some(&*own.namespace) == namespace && own.name == name)
    }
}
