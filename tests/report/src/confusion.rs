use crate::FaultTold;
use crate::markdown::Table;
use std::collections::BTreeMap;

/// What became of the faults of one cause.
#[derive(Default)]
struct Row<'a> {
    told: usize,
    right: usize,
    unnamed: usize,
    /// What else was named, and how often.
    taken_for: BTreeMap<&'a str, usize>,
}

/// What was taken for what: the confusion matrix, a line a cause, with the columns that are not zero. A cause that the
/// truth accepts beside its own is right.
pub(crate) fn confusion<'a>(faults: impl Iterator<Item = &'a FaultTold>) -> String {
    let mut rows: BTreeMap<&str, Row<'_>> = BTreeMap::new();
    for fault in faults {
        let (Some(cause), Some(right)) = (fault.fault.cause.as_deref(), fault.is_cause_right()) else {
            continue;
        };
        let row = rows.entry(cause).or_default();
        row.told += 1;
        row.right += usize::from(right);
        let others = fault.causes.iter().filter(|found| !fault.fault.is_cause(found));
        row.unnamed += usize::from(!right && fault.causes.is_empty());
        for other in others {
            *row.taken_for.entry(other).or_default() += 1;
        }
    }
    let mut table =
        Table::new(&["cause", ">told", ">right", ">none named", "named as well, or in its place"]);
    for (cause, row) in rows {
        let others: Vec<_> = row.taken_for.iter().map(|(other, times)| format!("{other} ×{times}")).collect();
        table.row(&[&cause, &row.told, &row.right, &row.unnamed, &others.join(", ")]);
    }
    table.finish()
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::{Truth, judge};

    #[test]
    fn what_is_named_beside_or_in_place_of_the_cause_is_counted() {
        let truth = |cause: &str| -> Truth {
            serde_saphyr::from_str(&format!(
                "{{name: a, kind: fault, duration_s: 400, alert_expected: true, cause: {cause}, accept_causes: [near], owner: user, objects: [Deployment w], began_t: 10}}"
            ))
            .unwrap()
        };
        let told = |cause: Option<&str>| {
            let object = serde_json::json!({ "apiVersion": "apps/v1", "kind": "Deployment", "namespace": "n", "name": "w" });
            let line = serde_json::json!({
                "t": 60.0, "type": "alert", "rule": "R", "severity": "P3", "owner": "user", "cause": cause, "fingerprint": "f",
                "object": object, "group": { "owner": object, "key": "k" },
            });
            vec![serde_json::from_value(line).unwrap()]
        };
        let judged: Vec<_> =
            [("oom", Some("oom")), ("oom", Some("near")), ("oom", Some("far")), ("oom", None)]
                .into_iter()
                .map(|(cause, found)| judge(&truth(cause), &told(found)))
                .collect();
        let text = confusion(judged.iter().flat_map(|judgement| &judgement.faults));
        assert_eq!(text.lines().last(), Some("| oom | 4 | 2 | 1 | far ×1 |"));
    }
}
