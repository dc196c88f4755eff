use crate::json::Node;
use crate::rule::Rule;
use crate::value::{self, Path, Trail, print_path};
use jiff::SignedDuration;

/// How often a match must begin within a window before the rule fires.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Frequency {
    pub(crate) count: u32,
    pub(crate) within: SignedDuration,
    pub(crate) by: CountBy,
    pub(crate) distinct: Option<Path>,
}

/// Whose begins are counted together.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub enum CountBy {
    /// Those of one object.
    #[default]
    Object,
    /// Those of all objects with the same topmost controller, also of such as are gone by now.
    Owner,
    /// Those of a namespace.
    Namespace,
    /// Those of all objects with the same value under this path.
    Value(Vec<String>),
}

impl Frequency {
    /// The most begins that may be asked for: they are all kept.
    pub const COUNT_MAX: u32 = 100;

    /// So many begins, or with `distinct` so many different values.
    pub fn count(&self) -> usize {
        self.count as usize
    }

    /// The window.
    pub fn within(&self) -> SignedDuration {
        self.within
    }

    /// Whose begins are counted together.
    pub fn by(&self) -> &CountBy {
        &self.by
    }

    /// Whether different values are counted, rather than begins.
    pub fn is_distinct(&self) -> bool {
        self.distinct.is_some()
    }

    /// The value that counts, if different values do: the first under the path of `distinct`.
    pub fn distinct_value(&self, object: &Node<'_>) -> Option<String> {
        first_text(object, self.distinct.as_deref()?)
    }

    /// The value under the path by which begins are counted together.
    pub fn group_value(&self, object: &Node<'_>) -> Option<String> {
        match &self.by {
            CountBy::Value(path) => first_text(object, path),
            CountBy::Object | CountBy::Owner | CountBy::Namespace => None,
        }
    }

    /// What is counted together, in words: `namespace`, `spec.nodeName`.
    pub fn by_words(&self) -> String {
        match &self.by {
            CountBy::Object => "object".to_owned(),
            CountBy::Owner => "owner".to_owned(),
            CountBy::Namespace => "namespace".to_owned(),
            CountBy::Value(path) => print_path(path),
        }
    }
}

impl Rule {
    /// How often the match must begin before it fires; `None` where once is enough.
    pub fn frequency(&self) -> Option<&Frequency> {
        self.frequency.as_ref()
    }

    /// Whether what is wrong is asked of the states of containers, whose restarts an object counts itself.
    pub fn asks_containers(&self) -> bool {
        let statuses = |key: &String| key == "containerStatuses" || key == "initContainerStatuses";
        self.check.iter().any(|clause| clause.any_path(&|path| path.iter().any(statuses)))
    }
}

fn first_text(object: &Node<'_>, path: &[String]) -> Option<String> {
    let mut found = None;
    value::values(Some(object), path, &Trail::Root, &mut |value, _| {
        if found.is_none() {
            found = value.text().filter(|text| !text.is_empty()).map(str::to_owned);
        }
    });
    found
}
