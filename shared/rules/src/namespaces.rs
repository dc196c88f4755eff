use crate::globs::Globs;

/// In which namespaces a rule looks: in those of `include` (all where it is empty), less those of `exclude`.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Namespaces(pub(crate) Globs);

impl Namespaces {
    /// Whether an object of this namespace is looked at. One that is in no namespace is, unless namespaces
    /// are asked for by name.
    pub fn admit(&self, namespace: Option<&str>) -> bool {
        match namespace {
            None => self.0.include.is_empty(),
            Some(name) => self.0.admit(|glob| glob.matches(name)),
        }
    }

    /// Whether every namespace is looked at.
    pub fn is_all(&self) -> bool {
        self.0.is_all()
    }
}
