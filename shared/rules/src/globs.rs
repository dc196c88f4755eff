use crate::glob::Glob;

/// What globs leave: what those of `include` match (all where there are none), less what those of `exclude` match.
#[derive(Debug, Clone, Default, PartialEq, Eq, PartialOrd, Ord)]
pub(crate) struct Globs {
    pub(crate) include: Vec<Glob>,
    pub(crate) exclude: Vec<Glob>,
}

impl Globs {
    /// Whether it is left, as its globs match.
    pub(crate) fn admit(&self, matches: impl Fn(&Glob) -> bool) -> bool {
        (self.include.is_empty() || self.include.iter().any(&matches)) && !self.exclude.iter().any(&matches)
    }

    /// Whether everything is left.
    pub(crate) fn is_all(&self) -> bool {
        self.include.is_empty() && self.exclude.is_empty()
    }

    /// Whether nothing is: each that is included is excluded again. It says so only where it is sure.
    pub(crate) fn is_none(&self, is_within: impl Fn(&Glob, &Glob) -> bool) -> bool {
        let gone = |glob: &Glob| self.exclude.iter().any(|other| is_within(glob, other));
        !self.include.is_empty() && self.include.iter().all(gone)
    }
}
