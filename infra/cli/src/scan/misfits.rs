//! Fields of a file's objects that hold something else than rules look for. No API server lets such an object in, so
//! only files are looked through; and only kinds of Kubernetes' own, as those of others differ in shape from one version
//! to the next.

use prodrome_model::{ObjectHead, Resource};
use prodrome_recording::builtin_of_kind;
use prodrome_rules::{RuleSet, json};
use std::collections::BTreeSet;

/// How many are told of one file; the others are counted.
const TOLD_MAX: usize = 10;

/// What is told of one file.
#[derive(Default)]
pub(super) struct Misfits {
    lines: Vec<String>,
    more: usize,
}

impl Misfits {
    /// Looks through an object.
    pub(super) fn look_at(&mut self, rules: &RuleSet, resource: &Resource, bytes: &[u8]) {
        let kind = resource.group_kind();
        if builtin_of_kind(&kind).is_none() {
            return;
        }
        let Ok(object) = json::parse(bytes) else { return };
        let about_it = rules.rules().iter().filter(|rule| rule.enabled() && rule.applies_to(&kind));
        let found: BTreeSet<String> = about_it.flat_map(|rule| rule.misfits(&object)).collect();
        if found.is_empty() {
            return;
        }
        let metadata = serde_json::from_slice::<ObjectHead>(bytes).unwrap_or_default().metadata;
        let place = metadata.namespace.map(|namespace| format!("{namespace}/")).unwrap_or_default();
        let room = TOLD_MAX - self.lines.len();
        self.more += found.len().saturating_sub(room);
        let line = |misfit: &String| format!("{} {place}{}: {misfit}", resource.kind, metadata.name);
        self.lines.extend(found.iter().take(room).map(line));
    }

    /// A line each.
    pub(super) fn told(mut self) -> Vec<String> {
        if self.more > 0 {
            self.lines
                .push(format!("and {} more fields that hold something else than is expected", self.more));
        }
        self.lines
    }
}
