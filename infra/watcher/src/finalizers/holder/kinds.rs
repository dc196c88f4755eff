use super::super::apply::Target;
use crate::collection::Collection;
use crate::waiting::StreamId;
use std::collections::{BTreeMap, VecDeque};
use std::time::Duration;

/// So many objects of a kind wait for theirs by name; where it would be more, the kind is gone through again.
const NAMED_MAX: usize = 2_000;
/// A page that cannot be had is asked for again so often, after so long.
const PAGE_TRIES: u32 = 5;
const PAGE_WAIT: Duration = Duration::from_secs(5);

/// Which objects are to have the finalizer. Bounded: a few of them by name, else where in the kind's pages it is.
#[derive(Debug, Default)]
pub(super) struct Kinds {
    kinds: BTreeMap<StreamId, Kind>,
    /// Which kind had its turn last.
    last: StreamId,
}

#[derive(Debug)]
struct Kind {
    collection: Collection,
    named: VecDeque<(Target, bool)>,
    pages: Pages,
    page_failures: u32,
    refusals: u32,
    given_up: bool,
    /// Whether deletions cannot be let go, and none could since.
    keeps: bool,
}

/// How far a kind has been gone through.
#[derive(Debug, PartialEq, Eq)]
enum Pages {
    /// Nothing is to be done, or a page is under way.
    Rest,
    /// From the beginning, once what is named is done.
    Begin,
    /// Further.
    Next(String),
}

/// What is to be done next.
#[derive(Debug, PartialEq, Eq)]
pub(super) enum Task {
    Apply { stream: StreamId, collection: Collection, target: Target, holds: bool },
    Page { stream: StreamId, collection: Collection, next: Option<String> },
}

impl Kinds {
    pub(super) fn begin(&mut self, stream: StreamId, collection: Collection) {
        let (named, pages) = (VecDeque::new(), Pages::Begin);
        let kind =
            Kind { collection, named, pages, page_failures: 0, refusals: 0, given_up: false, keeps: false };
        self.kinds.insert(stream, kind);
    }

    pub(super) fn collection(&self, stream: StreamId) -> Option<Collection> {
        self.kinds.get(&stream).map(|kind| kind.collection.clone())
    }

    fn alive(&mut self, stream: StreamId) -> Option<&mut Kind> {
        self.kinds.get_mut(&stream).filter(|kind| !kind.given_up)
    }

    /// All of a kind is to be gone through, from the beginning.
    pub(super) fn sweep(&mut self, stream: StreamId) {
        if let Some(kind) = self.alive(stream) {
            kind.pages = Pages::Begin;
        }
    }

    /// An object was seen that should (not) have the finalizer.
    pub(super) fn push(&mut self, stream: StreamId, target: Target, holds: bool) {
        let Some(kind) = self.alive(stream) else { return };
        if kind.named.len() < NAMED_MAX {
            kind.named.push_back((target, holds));
        } else {
            kind.pages = Pages::Begin;
        }
    }

    /// A page was read; there is another.
    pub(super) fn paged(&mut self, stream: StreamId, targets: Vec<(Target, bool)>, next: Option<String>) {
        let Some(kind) = self.alive(stream) else { return };
        kind.page_failures = 0;
        kind.named.extend(targets);
        if kind.pages == Pages::Rest
            && let Some(next) = next
        {
            kind.pages = Pages::Next(next);
        }
    }

    /// A page could not be read; how long to wait before it is asked for again, unless that was often enough.
    pub(super) fn page_failed(&mut self, stream: StreamId, next: Option<String>) -> Option<Duration> {
        let kind = self.alive(stream)?;
        kind.page_failures += 1;
        if kind.page_failures >= PAGE_TRIES {
            kind.page_failures = 0;
            return None;
        }
        kind.pages = next.map_or(Pages::Begin, Pages::Next);
        Some(PAGE_WAIT)
    }

    /// What comes next: the kinds in turn, what is named before more is looked for.
    pub(super) fn next(&mut self) -> Option<Task> {
        let last = self.last;
        let order: Vec<StreamId> = {
            let after = self.kinds.range(last + 1..).map(|(id, _)| *id);
            after.chain(self.kinds.range(..=last).map(|(id, _)| *id)).collect()
        };
        for stream in order {
            let Some(kind) = self.alive(stream) else { continue };
            let collection = kind.collection.clone();
            let task = if let Some((target, holds)) = kind.named.pop_front() {
                Task::Apply { stream, collection, target, holds }
            } else {
                match std::mem::replace(&mut kind.pages, Pages::Rest) {
                    Pages::Rest => continue,
                    Pages::Begin => Task::Page { stream, collection, next: None },
                    Pages::Next(next) => Task::Page { stream, collection, next: Some(next) },
                }
            };
            self.last = stream;
            return Some(task);
        }
        None
    }

    /// The API server has taken one.
    pub(super) fn agreed(&mut self, stream: StreamId) {
        if let Some(kind) = self.alive(stream) {
            kind.refusals = 0;
        }
    }

    /// It has not; how often in a row.
    pub(super) fn refused(&mut self, stream: StreamId) -> u32 {
        let Some(kind) = self.alive(stream) else { return 0 };
        kind.refusals += 1;
        kind.refusals
    }

    /// A deletion could not be let go, or could; whether that is news of its kind.
    pub(super) fn keeps(&mut self, stream: StreamId, keeps: bool) -> bool {
        self.kinds.get_mut(&stream).is_some_and(|kind| std::mem::replace(&mut kind.keeps, keeps) != keeps)
    }

    /// Nothing more of a kind is tried.
    pub(super) fn give_up(&mut self, stream: StreamId) {
        if let Some(kind) = self.kinds.get_mut(&stream) {
            kind.given_up = true;
            kind.named = VecDeque::new();
            kind.pages = Pages::Rest;
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use prodrome_model::Resource;

    fn collection(plural: &str) -> Collection {
        let (group, version, kind) = (String::new(), "v1".into(), plural.to_owned());
        let resource = Resource { group, version, kind, plural: plural.into(), namespaced: true };
        Collection { resource, namespace: None }
    }

    fn target(name: &str) -> Target {
        Target { namespace: None, name: name.into(), uid: "u".into() }
    }

    /// The next task in short.
    fn next(kinds: &mut Kinds) -> String {
        match kinds.next() {
            None => "nothing".into(),
            Some(Task::Apply { stream, target, .. }) => format!("{stream} {}", target.name),
            Some(Task::Page { stream, next, .. }) => {
                format!("{stream} page {}", next.as_deref().unwrap_or("1"))
            }
        }
    }

    #[test]
    fn kinds_have_their_turns_and_what_is_named_comes_before_the_next_page() {
        let mut kinds = Kinds::default();
        kinds.begin(0, collection("pods"));
        kinds.begin(1, collection("jobs"));
        assert_eq!([next(&mut kinds), next(&mut kinds)], ["1 page 1", "0 page 1"]);
        kinds.paged(0, vec![(target("a"), true), (target("b"), true)], Some("2".into()));
        kinds.paged(1, vec![(target("c"), true)], None);
        kinds.push(1, target("d"), true);
        let all: Vec<_> =
            std::iter::from_fn(|| Some(next(&mut kinds)).filter(|task| task != "nothing")).collect();
        assert_eq!(all, ["1 c", "0 a", "1 d", "0 b", "0 page 2"]);
        kinds.paged(0, Vec::new(), None);
        assert_eq!(next(&mut kinds), "nothing");
    }

    #[test]
    fn what_would_be_too_many_names_is_gone_through_again() {
        let mut kinds = Kinds::default();
        kinds.begin(0, collection("pods"));
        assert_eq!(next(&mut kinds), "0 page 1");
        for i in 0..NAMED_MAX + 5 {
            kinds.push(0, target(&i.to_string()), true);
        }
        // The page that was under way does not hide that it has to be done again.
        kinds.paged(0, Vec::new(), Some("2".into()));
        for i in 0..NAMED_MAX {
            assert_eq!(next(&mut kinds), format!("0 {i}"));
        }
        assert_eq!([next(&mut kinds), next(&mut kinds)], ["0 page 1", "nothing"]);
    }

    #[test]
    fn a_kind_that_is_given_up_stays_so_and_a_page_is_not_asked_for_for_ever() {
        let mut kinds = Kinds::default();
        kinds.begin(0, collection("pods"));
        for _ in 1..PAGE_TRIES {
            assert_eq!(next(&mut kinds), "0 page 1");
            assert_eq!(kinds.page_failed(0, None), Some(PAGE_WAIT));
        }
        assert_eq!(next(&mut kinds), "0 page 1");
        assert_eq!((kinds.page_failed(0, None), next(&mut kinds).as_str()), (None, "nothing"));
        assert_eq!((kinds.refused(0), kinds.refused(0)), (1, 2));
        kinds.agreed(0);
        assert_eq!(kinds.refused(0), 1, "in a row");
        kinds.give_up(0);
        kinds.push(0, target("a"), true);
        kinds.sweep(0);
        assert_eq!(next(&mut kinds), "nothing");
        let told = [true, true, false, false, true].map(|keeps| kinds.keeps(0, keeps));
        assert_eq!(told, [true, false, true, false, true], "what cannot be let go is told once");
    }
}
