use super::{FINALIZER, LabelSelector};
use jiff::Timestamp;
use serde::Deserialize;
use std::collections::BTreeMap;

/// What of an object's metadata decides whether its deletion is held.
#[derive(Debug, Clone, Default, Deserialize)]
#[serde(rename_all = "camelCase", default)]
pub(crate) struct Meta {
    pub(crate) name: String,
    pub(crate) namespace: Option<String>,
    pub(crate) uid: String,
    pub(crate) resource_version: String,
    labels: Option<BTreeMap<String, String>>,
    pub(crate) finalizers: Option<Vec<String>>,
    deletion_timestamp: Option<String>,
    deletion_grace_period_seconds: Option<u64>,
}

/// What is to be done about an object.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Wish {
    /// Nothing.
    None,
    /// It is to have the finalizer.
    Add,
    /// It has it and need not.
    Remove,
    /// It is being deleted, and only finalizers hold it: this one is to be removed once its state is on its way.
    Release,
}

impl Meta {
    pub(crate) fn wish(&self, selector: &LabelSelector) -> Wish {
        let has = self.is_held();
        if self.deletion_timestamp.is_some() {
            // A pod has its grace first: what becomes of its containers is still to come.
            let is_over = self.deletion_grace_period_seconds.unwrap_or(0) == 0;
            return if has && is_over { Wish::Release } else { Wish::None };
        }
        let wanted = match &self.labels {
            Some(labels) => selector.selects(labels),
            None => selector.selects(&BTreeMap::new()),
        };
        match (wanted, has) {
            (true, false) => Wish::Add,
            (false, true) => Wish::Remove,
            _ => Wish::None,
        }
    }

    /// When its deletion began: of a pod the end of its grace, where that was ended before its time too.
    pub(crate) fn deleted_at(&self) -> Option<Timestamp> {
        self.deletion_timestamp.as_ref()?.parse().ok()
    }

    /// Whether it has the finalizer.
    pub(crate) fn is_held(&self) -> bool {
        self.finalizers.iter().flatten().any(|finalizer| finalizer == FINALIZER)
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use serde_json::json;

    #[test]
    fn a_deletion_is_held_until_its_grace_is_over_and_never_begun_to_be() {
        let deleted = |grace: u64| json!({ "deletionTimestamp": "2026-03-01T10:00:00Z", "deletionGracePeriodSeconds": grace });
        let merged = |mut object: serde_json::Value, more: serde_json::Value| {
            object.as_object_mut().unwrap().extend(more.as_object().unwrap().clone());
            object
        };
        let held = json!({ "finalizers": ["example.com/other", FINALIZER], "labels": { "team": "shop" } });
        let free = json!({ "labels": { "team": "shop" } });
        for (what, meta, want) in [
            ("not yet held", free.clone(), Wish::Add),
            ("held", held.clone(), Wish::None),
            ("of others, held", json!({ "finalizers": [FINALIZER] }), Wish::Remove),
            ("of others", json!({}), Wish::None),
            ("in its grace", merged(held.clone(), deleted(30)), Wish::None),
            ("its grace over", merged(held, deleted(0)), Wish::Release),
            ("deleted, and not held", merged(free, deleted(0)), Wish::None),
        ] {
            let meta: Meta = serde_json::from_value(meta).unwrap();
            assert_eq!(meta.wish(&"team=shop".parse().unwrap()), want, "{what}");
        }
    }
}
