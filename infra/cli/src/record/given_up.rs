//! Kinds that are not recorded, and how it is told of them: few by their reasons, many at once.

use crate::render;
use std::collections::BTreeMap;

/// How many of the same sort are told one by one.
const NAMED_MAX: usize = 3;
/// The API server does not offer what was asked for.
const NOT_OFFERED: u16 = 405;

/// Why a kind is not recorded (any more).
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("{kind}: {reason}")]
pub(super) struct GivenUp {
    pub(super) kind: String,
    /// The status of the answer.
    pub(super) code: u16,
    pub(super) reason: String,
}

/// Of which kinds it was not told yet.
#[derive(Debug)]
pub(super) struct Untold {
    kinds: Vec<GivenUp>,
    /// How many there were at the last look: others may follow.
    before: usize,
    /// Whether somebody named the kinds, and should hear of each.
    are_named: bool,
}

impl Untold {
    pub(super) fn new(are_named: bool) -> Self {
        Self { kinds: Vec::new(), before: 0, are_named }
    }

    /// One more. What no API server offers to watch (`ComponentStatus`) is no loss to whoever did not ask for it.
    pub(super) fn add(&mut self, given: GivenUp) {
        if self.are_named || given.code != NOT_OFFERED {
            self.kinds.push(given);
        }
    }

    /// What is to be told once no more have followed since the last look.
    pub(super) fn settled(&mut self) -> Vec<String> {
        let more = std::mem::replace(&mut self.before, self.kinds.len()) != self.kinds.len();
        if more { Vec::new() } else { self.all() }
    }

    /// All that is to be told.
    pub(super) fn all(&mut self) -> Vec<String> {
        self.before = 0;
        let mut sorts: BTreeMap<u16, Vec<GivenUp>> = BTreeMap::new();
        for given in std::mem::take(&mut self.kinds) {
            sorts.entry(given.code).or_default().push(given);
        }
        sorts.into_values().flat_map(folded).collect()
    }
}

fn folded(mut given: Vec<GivenUp>) -> Vec<String> {
    given.sort_by(|a, b| a.kind.cmp(&b.kind));
    let told: Vec<_> = given.into_iter().map(|given| (given.kind.clone(), given.to_string())).collect();
    render::folded(&told, NAMED_MAX)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn given(kind: &str, code: u16) -> GivenUp {
        GivenUp { kind: kind.to_owned(), code, reason: "no".to_owned() }
    }

    #[test]
    fn many_kinds_of_one_sort_are_one_line() {
        let mut untold = Untold::new(false);
        for i in (0..6).rev() {
            untold.add(given(&format!("K{i}"), 403));
            assert_eq!(untold.settled(), Vec::<String>::new(), "others may follow");
        }
        untold.add(given("Gone", 404));
        let lines = ["K0: no; so it is with 5 other kinds: K1, K2, K3, K4, K5", "Gone: no"];
        assert_eq!(untold.settled(), Vec::<String>::new());
        assert_eq!(untold.settled(), lines);
        assert_eq!((untold.settled(), untold.all()), (Vec::new(), Vec::new()), "told once");
    }

    #[test]
    fn what_no_server_offers_is_told_only_where_it_was_named() {
        for (are_named, told) in [(false, 0), (true, 1)] {
            let mut untold = Untold::new(are_named);
            untold.add(given("ComponentStatus", 405));
            assert_eq!(untold.all().len(), told, "named: {are_named}");
        }
    }
}
