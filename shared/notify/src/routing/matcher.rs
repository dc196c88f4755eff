use crate::Facts;
use crate::glob::Glob;
use prodrome_model::{Owner, Severity};
use serde::de::{IntoDeserializer, SeqAccess, Visitor, value::StrDeserializer};
use serde::{Deserialize, Deserializer};
use std::collections::BTreeMap;
use std::fmt;
use std::marker::PhantomData;

/// Which findings an entry is about: all of its fields must hold, an absent one always does.
#[derive(Debug, Clone, Default, PartialEq, Eq, Deserialize)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
pub struct Matcher {
    /// At least this bad: `P2` is P2 or P1.
    pub severity: Option<Severity>,
    /// One of these has to act.
    pub owner: Option<OneOrMany<Owner>>,
    /// The rule's name is of one of these patterns.
    pub rule: Option<OneOrMany<Glob>>,
    /// The cluster's name is of one of these patterns.
    pub cluster: Option<OneOrMany<Glob>>,
    /// The namespace is of one of these patterns. What has no namespace is of none.
    pub namespace: Option<OneOrMany<Glob>>,
    /// The rule has each of these labels, with a value of one of the patterns.
    #[serde(default)]
    pub labels: BTreeMap<String, OneOrMany<Glob>>,
    /// The object has each of these labels, with a value of one of the patterns.
    #[serde(default)]
    pub object_labels: BTreeMap<String, OneOrMany<Glob>>,
}

impl Matcher {
    /// Whether all of it holds.
    pub fn matches(&self, facts: &Facts<'_>) -> bool {
        let Self { severity, owner, rule, cluster, namespace, labels, object_labels } = self;
        severity.is_none_or(|least| facts.severity >= least)
            && owner.as_ref().is_none_or(|owners| owners.0.contains(&facts.owner))
            && rule.as_ref().is_none_or(|globs| globs.match_one(facts.rule))
            && cluster.as_ref().is_none_or(|globs| globs.match_one(facts.cluster))
            && namespace.as_ref().is_none_or(|globs| facts.namespace.is_some_and(|n| globs.match_one(n)))
            && all_labels(labels, facts.labels)
            && all_labels(object_labels, facts.object_labels)
    }

    /// Whether it has no field, and so matches everything.
    pub fn is_empty(&self) -> bool {
        *self == Self::default()
    }
}

fn all_labels(wanted: &BTreeMap<String, OneOrMany<Glob>>, found: &BTreeMap<String, String>) -> bool {
    wanted.iter().all(|(key, globs)| found.get(key).is_some_and(|value| globs.match_one(value)))
}

/// One value, or a list of them that is not empty.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct OneOrMany<T>(Vec<T>);

impl<T> OneOrMany<T> {
    /// The values.
    pub fn values(&self) -> &[T] {
        &self.0
    }
}

impl OneOrMany<Glob> {
    fn match_one(&self, text: &str) -> bool {
        self.0.iter().any(|glob| glob.matches(text))
    }
}

impl<'de, T: Deserialize<'de>> Deserialize<'de> for OneOrMany<T> {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        deserializer.deserialize_any(OneOrManyVisitor(PhantomData))
    }
}

struct OneOrManyVisitor<T>(PhantomData<T>);

impl<'de, T: Deserialize<'de>> Visitor<'de> for OneOrManyVisitor<T> {
    type Value = OneOrMany<T>;

    fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("a text or a list of texts")
    }

    fn visit_str<E: serde::de::Error>(self, text: &str) -> Result<Self::Value, E> {
        let one: StrDeserializer<'_, E> = text.into_deserializer();
        T::deserialize(one).map(|value| OneOrMany(vec![value]))
    }

    fn visit_seq<A: SeqAccess<'de>>(self, mut list: A) -> Result<Self::Value, A::Error> {
        let mut values = Vec::new();
        while let Some(value) = list.next_element()? {
            values.push(value);
        }
        if values.is_empty() {
            return Err(serde::de::Error::custom("expected at least one value, found an empty list"));
        }
        Ok(OneOrMany(values))
    }
}
