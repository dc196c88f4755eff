use crate::rule::Rule;
use jiff::{SignedDuration, Timestamp};
use prodrome_model::stable_hash;
use serde_json::{Map, Value};

/// Who says what is wrong, where no condition can: a plugin that is asked again and again.
#[derive(Debug, Clone, PartialEq)]
pub struct Periodic {
    pub(crate) every: SignedDuration,
    pub(crate) plugin: String,
    pub(crate) params: Map<String, Value>,
}

impl Periodic {
    /// The least period: who is asked more often is a burden to somebody else.
    pub const EVERY_MIN: SignedDuration = SignedDuration::from_secs(30);
    /// The greatest.
    pub const EVERY_MAX: SignedDuration = SignedDuration::from_hours(7 * 24);
    /// How sure a plugin must be of a cause for the rule to match.
    pub const CONFIDENCE_MIN: f64 = 0.5;

    /// How often each object is asked about.
    pub fn every(&self) -> SignedDuration {
        self.every
    }

    /// The plugin's name.
    pub fn plugin(&self) -> &str {
        &self.plugin
    }

    /// What it is asked with.
    pub fn params(&self) -> &Map<String, Value> {
        &self.params
    }

    /// When an object is asked about next, after an instant: at the same offset in each period, and at another one
    /// for each object, so that many do not come at once.
    pub fn next_after(&self, object: &str, rule: &str, now: Timestamp) -> Timestamp {
        let every = i128::from(self.every.as_secs().max(1)) * 1000;
        let hash = stable_hash(&["period", object, rule]);
        let hash = i128::from(u64::from_str_radix(hash.get(..15).unwrap_or("0"), 16).unwrap_or(0));
        let (offset, now) = (hash % every, i128::from(now.as_millisecond()));
        let next = now + every - (now - offset).rem_euclid(every);
        i64::try_from(next).ok().and_then(|ms| Timestamp::from_millisecond(ms).ok()).unwrap_or(Timestamp::MAX)
    }
}

impl Rule {
    /// Which plugin says what is wrong, and how often it is asked; `None` where the object itself says it. Of such a
    /// rule [`Rule::evaluate`] says whether an object is asked about.
    pub fn periodic(&self) -> Option<&Periodic> {
        self.periodic.as_ref()
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::collections::BTreeSet;

    #[test]
    fn each_object_has_its_own_place_in_the_period_and_keeps_it() {
        let periodic = Periodic {
            every: SignedDuration::from_mins(5),
            plugin: "dns".to_owned(),
            params: Map::default(),
        };
        let begin = Timestamp::from_second(1_767_225_600).unwrap();
        let mut places = BTreeSet::new();
        for name in 0..100 {
            let object = format!("core/Service/shop/{name}");
            let first = periodic.next_after(&object, "R", begin);
            let wait = first.duration_since(begin);
            assert!(wait > SignedDuration::ZERO && wait <= periodic.every, "{wait}");
            assert_eq!(periodic.next_after(&object, "R", first), first + periodic.every);
            let just_before = first - SignedDuration::from_millis(1);
            assert_eq!(periodic.next_after(&object, "R", just_before), first);
            places.insert(wait.as_secs() / 30);
        }
        assert!(places.len() > 5, "a hundred objects lie in {places:?}");
    }
}
