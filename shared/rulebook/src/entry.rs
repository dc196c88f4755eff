use jiff::Timestamp;
use serde::{Deserialize, Serialize};
use std::collections::BTreeMap;

/// Which version holds. Small: every instance reads it every few seconds.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct Head {
    /// The version of this layout: 1.
    pub layout: u32,
    /// The version of the rules, from 1 on.
    pub version: u64,
    /// Since when it holds.
    pub at: Timestamp,
}

/// What is to be known of a version without reading its text.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct Entry {
    /// The version of this layout: 1.
    pub layout: u32,
    /// Its number.
    pub version: u64,
    /// Made from who pushed what and when, so that a push finds itself again.
    pub id: String,
    /// When it was pushed.
    pub at: Timestamp,
    /// By whom, as they said.
    pub who: String,
    /// Why.
    pub why: String,
    /// The version whose text it has again, if it is a rollback.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub back_to: Option<u64>,
    /// The names of its files.
    pub files: Vec<String>,
    /// How many rules there are.
    pub rules: usize,
    /// The rules that are new.
    pub added: Named,
    /// The rules that say something else than before.
    pub changed: Named,
    /// The rules that are gone.
    pub removed: Named,
    /// The kinds that the rules name, each with the version that last added a rule about it or changed what one looks
    /// for: whoever has listed the kind under an older version has to list it anew.
    pub kinds: BTreeMap<String, u64>,
    /// In how many parts the text is kept.
    pub parts: usize,
}

/// Rules by their names: as many as fit on a screen, and how many there are.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct Named {
    /// How many.
    pub count: usize,
    /// The first of them.
    pub names: Vec<String>,
}

impl Named {
    const SHOWN_MAX: usize = 50;

    pub(crate) fn new<'n>(names: impl Iterator<Item = &'n str>) -> Self {
        let names: Vec<String> = names.map(str::to_owned).collect();
        Self { count: names.len(), names: names.into_iter().take(Self::SHOWN_MAX).collect() }
    }
}
