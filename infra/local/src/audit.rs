//! What must hold of the table of checks at any time, as each of its writes is one transaction.

use prodrome_lifecycle::{Check, Over, keys};
use prodrome_model::{ObjectKey, Scope};
use prodrome_store::Record;
use std::collections::BTreeSet;

/// Of one cluster: each check (and each note of a partner, `~`) has its marker, and each marker its check; each edge that a
/// check names is there, and each edge that is there is named; of a check that is over, neither. Says what is not so.
pub fn markers(records: &[Record], scope: &Scope, shards: u16) -> Result<(), String> {
    let (mut kept, mut named) = (BTreeSet::new(), BTreeSet::new());
    let (mut markers, mut edges) = (BTreeSet::new(), BTreeSet::new());
    let (of_check, of_marker) = (format!("check#{scope}#"), format!("marker#{scope}#"));
    for record in records {
        let key = &record.key;
        if Over::read(&record.data).is_some() {
            continue;
        }
        if let Some(path) = key.partition.strip_prefix(&of_check) {
            let object = ObjectKey::from_path(path).ok_or_else(|| format!("{path} is no object's path"))?;
            kept.insert(keys::marker(scope, shards, &object, &key.sort));
            if !key.sort.starts_with('~') {
                let check: Check = serde_json::from_str(&record.data)
                    .map_err(|error| format!("the check {key:?} cannot be read: {error}"))?;
                named.extend(check.edges.iter().map(|to| keys::edge(scope, shards, to, key)));
            }
        } else if key.partition.starts_with(&of_marker) {
            let is_edge = key.sort.starts_with("e:");
            (if is_edge { &mut edges } else { &mut markers }).insert(key.clone());
        }
    }
    for (what, want, have) in [("marker", kept, markers), ("edge", named, edges)] {
        let missing: Vec<_> = want.difference(&have).collect();
        let spare: Vec<_> = have.difference(&want).collect();
        if !missing.is_empty() || !spare.is_empty() {
            return Err(format!("each {what} stands for a check: missing {missing:?}, left over {spare:?}"));
        }
    }
    Ok(())
}
