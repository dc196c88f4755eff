use crate::glob::Glob;
use crate::globs::Globs;
use prodrome_model::Scope;

/// In which clusters a rule holds: in those of `include` (all where it is empty), less those of `exclude`.
///
/// A glob without a slash is matched against a cluster's name alone, one with a slash against the whole
/// `tenant/region/cluster`, of which its `*` may take in slashes.
#[derive(Debug, Clone, Default, PartialEq, Eq, PartialOrd, Ord)]
pub struct Clusters(pub(crate) Globs);

/// A scope's text has so many.
const SLASHES: usize = 2;

impl Clusters {
    /// Those that the globs of `include` match (all where there are none), less those that the globs of `exclude` match.
    pub fn new(include: &[String], exclude: &[String]) -> Self {
        let globs = |texts: &[String]| texts.iter().map(|text| Glob::new(text)).collect();
        Self(Globs { include: globs(include), exclude: globs(exclude) })
    }

    /// The globs of those that it is about.
    pub fn include(&self) -> impl Iterator<Item = &str> {
        self.0.include.iter().map(Glob::as_str)
    }

    /// The globs of those that are left out.
    pub fn exclude(&self) -> impl Iterator<Item = &str> {
        self.0.exclude.iter().map(Glob::as_str)
    }

    /// Whether the rule holds in this cluster.
    pub fn admit(&self, scope: &Scope) -> bool {
        if self.is_all() {
            return true;
        }
        let whole = scope.to_string();
        self.0.admit(|glob| glob.matches(if is_of_whole(glob) { &whole } else { &scope.cluster }))
    }

    /// Whether it holds in every cluster.
    pub fn is_all(&self) -> bool {
        self.0.is_all()
    }

    /// Whether there may be a cluster in which it holds, and did not with those others.
    pub fn add_to(&self, others: &Self) -> bool {
        self != others && !others.is_all()
    }

    /// Whether there can be no cluster for it. It says so only where it is sure.
    pub(crate) fn is_none(&self) -> bool {
        // What is matched against a name, and what against the whole, is not compared.
        self.0.is_none(|glob, other| is_of_whole(glob) == is_of_whole(other) && glob.is_within(other))
    }
}

/// Whether a glob is about the whole of a scope, and not about the name alone.
fn is_of_whole(glob: &Glob) -> bool {
    glob.literals().any(|c| c == '/')
}

/// Whether a glob may match some cluster.
pub(crate) fn may_match(glob: &Glob) -> bool {
    let slashes = glob.literals().filter(|c| *c == '/').count();
    !glob.as_str().is_empty()
        && (slashes == 0 || slashes == SLASHES || (slashes < SLASHES && glob.has_wildcard()))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn clusters(include: &[&str], exclude: &[&str]) -> Clusters {
        let texts = |texts: &[&str]| texts.iter().map(|text| (*text).to_owned()).collect::<Vec<_>>();
        Clusters::new(&texts(include), &texts(exclude))
    }

    #[test]
    fn a_glob_is_of_the_name_or_with_a_slash_of_the_whole() {
        for (include, exclude, scope, want) in [
            (&[][..], &[][..], "default/eu/prod-1", true),
            (&["prod-1"], &[], "default/eu/prod-1", true),
            (&["prod-*"], &[], "default/eu/prod-1", true),
            (&["prod-*"], &[], "default/prod-eu/test", false),
            (&["eu"], &[], "default/eu/prod-1", false),
            (&["*/prod-*"], &[], "default/eu/prod-1", true),
            (&["*/prod-*"], &[], "default/eu/test-1", false),
            (&["*/eu/*"], &[], "default/eu/test-1", true),
            (&["*/eu/*"], &[], "default/us/test-1", false),
            (&["default/eu/prod-1"], &[], "default/eu/prod-1", true),
            (&["default/eu/prod-1"], &[], "default/eu/prod-11", false),
            (&["default/eu/prod-1"], &[], "other/eu/prod-1", false),
            // A star of the whole takes in slashes.
            (&["acme/*"], &[], "acme/eu/prod-1", true),
            (&["prod-*", "*/us/*"], &[], "acme/us/test-1", true),
            (&[], &["prod-*"], "default/eu/prod-1", false),
            (&[], &["prod-*"], "default/eu/test-1", true),
            (&["prod-*"], &["*/eu/*"], "default/eu/prod-1", false),
            (&["prod-*"], &["*/eu/*"], "default/us/prod-1", true),
        ] {
            let scope = Scope::parse(scope).unwrap();
            assert_eq!(clusters(include, exclude).admit(&scope), want, "{include:?} {exclude:?} {scope}");
        }
    }

    #[test]
    fn what_may_hold_where_others_do_not_is_known() {
        let (all, one, other) = (clusters(&[], &[]), clusters(&["a"], &[]), clusters(&["b"], &[]));
        for (new, old, want) in [
            (&all, &all, false),
            (&one, &one, false),
            (&one, &all, false),
            (&all, &one, true),
            (&other, &one, true),
        ] {
            assert_eq!(new.add_to(old), want, "{new:?} {old:?}");
        }
    }
}
