use std::fmt;

/// That something was wrong with a run.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Complaint {
    /// What must not be: the same words whatever it is that was so.
    pub what: String,
    /// What was so.
    pub about: String,
}

impl Complaint {
    pub(crate) fn new(what: impl Into<String>, about: impl Into<String>) -> Self {
        Self { what: what.into(), about: about.into() }
    }
}

impl fmt::Display for Complaint {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}: {}", self.what, self.about)
    }
}
