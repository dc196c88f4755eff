use crate::Cluster;
use prodrome_model::Scope;

/// The live clusters, each by its scope.
pub trait Clusters: Send + Sync {
    /// The way to one of them.
    type One: Cluster;

    /// The cluster of a scope. Nothing is asked yet: one to which there is no way says so when it is asked.
    fn of(&self, scope: &Scope) -> Self::One;
}

/// One alone, in which everything is looked for: where all there is comes from it.
impl<C: Cluster + Clone> Clusters for C {
    type One = C;

    fn of(&self, _: &Scope) -> C {
        self.clone()
    }
}
