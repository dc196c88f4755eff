use crate::glob::Glob;

/// In which namespaces a rule looks: in those of `include` (all where it is empty), less those of `exclude`.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Namespaces {
    pub(crate) include: Vec<Glob>,
    pub(crate) exclude: Vec<Glob>,
}

impl Namespaces {
    /// Whether an object of this namespace is looked at. One that is in no namespace is, unless namespaces
    /// are asked for by name.
    pub fn admit(&self, namespace: Option<&str>) -> bool {
        match namespace {
            None => self.include.is_empty(),
            Some(name) => {
                let any = |globs: &[Glob]| globs.iter().any(|glob| glob.matches(name));
                (self.include.is_empty() || any(&self.include)) && !any(&self.exclude)
            }
        }
    }

    /// Whether every namespace is looked at.
    pub fn is_all(&self) -> bool {
        self.include.is_empty() && self.exclude.is_empty()
    }
}
