//! What two versions of rules told, side by side.

use jiff::{SignedDuration, Timestamp};
use prodrome_model::{ObjectRef, Severity};
use serde::Serialize;
use std::collections::BTreeMap;

/// Closer than this is at the same time.
const SAME: SignedDuration = SignedDuration::from_secs(2);

/// One object of which a rule told.
#[derive(Debug, Clone, PartialEq, Serialize)]
#[serde(rename_all = "camelCase")]
pub(super) struct Alerted {
    #[serde(skip)]
    pub(super) rule: String,
    #[serde(skip)]
    pub(super) object: ObjectRef,
    pub(super) severity: Severity,
    /// When the fault began.
    pub(super) since: Timestamp,
    /// When it was told.
    pub(super) fired: Timestamp,
    /// When it was over, if it was within the recording.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(super) ended: Option<Timestamp>,
    /// Empty for an object that joined the alert of another.
    #[serde(skip_serializing_if = "String::is_empty")]
    pub(super) summary: String,
}

/// How two versions differ on one fault of one object.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize)]
#[serde(rename_all = "camelCase")]
pub(super) enum Verdict {
    /// Only the new version tells of it.
    New,
    /// The new version no longer tells of it.
    Gone,
    /// The new version tells of it so much earlier.
    Earlier,
    Later,
    Same,
}

impl Verdict {
    pub(super) const ALL: [Self; 5] = [Self::New, Self::Gone, Self::Earlier, Self::Later, Self::Same];

    pub(super) const fn as_str(self) -> &'static str {
        match self {
            Self::New => "new",
            Self::Gone => "gone",
            Self::Earlier => "earlier",
            Self::Later => "later",
            Self::Same => "same",
        }
    }

    pub(super) fn is_different(self) -> bool {
        self != Self::Same
    }
}

/// A fault as both versions see it; one of them may not.
#[derive(Debug, Clone, PartialEq)]
pub(super) struct Compared {
    pub(super) verdict: Verdict,
    pub(super) now: Option<Alerted>,
    pub(super) new: Option<Alerted>,
}

impl Compared {
    /// What is known of it: as it would be, else as it is.
    pub(super) fn shown(&self) -> &Alerted {
        self.new.as_ref().or(self.now.as_ref()).expect("one of the two is there")
    }

    /// When it is or was told first.
    fn at(&self) -> Timestamp {
        let times = self.now.iter().chain(&self.new).map(|alerted| alerted.fired);
        times.min().unwrap_or(Timestamp::MAX)
    }
}

/// Pairs what both told: of the same rule and object, those that were going on at the same time. In the order of time.
pub(super) fn compare(now: Vec<Alerted>, new: Vec<Alerted>) -> Vec<Compared> {
    let mut of_object: BTreeMap<(String, String), (Vec<Alerted>, Vec<Alerted>)> = BTreeMap::new();
    let key = |alerted: &Alerted| (alerted.rule.clone(), alerted.object.to_string());
    for alerted in now {
        of_object.entry(key(&alerted)).or_default().0.push(alerted);
    }
    for alerted in new {
        of_object.entry(key(&alerted)).or_default().1.push(alerted);
    }
    let mut rows = Vec::new();
    for (now, mut new) in of_object.into_values() {
        for now in now {
            let pair = new.iter().position(|new| overlap(&now, new)).map(|index| new.remove(index));
            rows.push(match pair {
                None => Compared { verdict: Verdict::Gone, now: Some(now), new: None },
                Some(new) => {
                    let later = new.fired.duration_since(now.fired);
                    let verdict = if later.abs() <= SAME {
                        Verdict::Same
                    } else if later.is_negative() {
                        Verdict::Earlier
                    } else {
                        Verdict::Later
                    };
                    Compared { verdict, now: Some(now), new: Some(new) }
                }
            });
        }
        rows.extend(new.into_iter().map(|new| Compared { verdict: Verdict::New, now: None, new: Some(new) }));
    }
    rows.sort_by(|one, other| {
        let names = |row: &Compared| (row.shown().rule.clone(), row.shown().object.to_string());
        one.at().cmp(&other.at()).then_with(|| names(one).cmp(&names(other)))
    });
    rows
}

/// Whether both are of one time: from the fault's begin to its end.
fn overlap(one: &Alerted, other: &Alerted) -> bool {
    let end = |alerted: &Alerted| alerted.ended.unwrap_or(Timestamp::MAX);
    let begin = |alerted: &Alerted| alerted.since.min(alerted.fired);
    begin(one) <= end(other) && begin(other) <= end(one)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn told(object: &str, since: i64, fired: i64, ended: Option<i64>) -> Alerted {
        let at = |minute: i64| Timestamp::from_second(minute * 60).unwrap();
        let object = ObjectRef {
            api_version: "v1".to_owned(),
            kind: "Pod".to_owned(),
            namespace: Some("n".to_owned()),
            name: object.to_owned(),
        };
        Alerted {
            rule: "R".to_owned(),
            object,
            severity: Severity::P3,
            since: at(since),
            fired: at(fired),
            ended: ended.map(at),
            summary: String::new(),
        }
    }

    #[test]
    fn each_fault_has_its_row_in_the_order_of_time() {
        let now = vec![
            told("a", 0, 5, Some(9)),
            told("a", 20, 25, None),
            told("b", 0, 10, None),
            told("c", 1, 6, Some(7)),
            told("d", 0, 3, None),
        ];
        let new = vec![
            told("a", 0, 5, Some(9)),
            // Before the second fault of the same object.
            told("a", 12, 13, Some(14)),
            told("b", 0, 2, None),
            told("d", 1, 8, None),
            told("e", 3, 4, None),
            told("a", 20, 25, None),
        ];
        let rows: Vec<(Verdict, String)> =
            compare(now, new).into_iter().map(|row| (row.verdict, row.shown().object.name.clone())).collect();
        let want = [
            (Verdict::Earlier, "b"),
            (Verdict::Later, "d"),
            (Verdict::New, "e"),
            (Verdict::Same, "a"),
            (Verdict::Gone, "c"),
            (Verdict::New, "a"),
            (Verdict::Same, "a"),
        ];
        assert_eq!(rows, want.map(|(verdict, name)| (verdict, name.to_owned())));
    }
}
