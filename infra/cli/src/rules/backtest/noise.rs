//! How loud rules are: what was told, and what that comes to a day.

use jiff::SignedDuration;
use prodrome_model::{Notice, NoticeKind};
use serde::Serialize;
use std::collections::BTreeSet;

const DAY: f64 = 86_400.0;

/// What rules told on some recordings.
#[derive(Debug, Clone, Default)]
pub(super) struct Noise {
    played: SignedDuration,
    alerts: u32,
    notifications: u32,
    objects: BTreeSet<(usize, String)>,
    recordings: usize,
}

/// A count, and what it comes to a day.
#[derive(Debug, Clone, Copy, PartialEq, Serialize)]
#[serde(rename_all = "camelCase")]
pub(super) struct Rate {
    pub(super) count: u32,
    pub(super) a_day: f64,
    /// Between these the true number a day lies, with 95 %: a short recording tells little.
    pub(super) at_least: f64,
    pub(super) at_most: f64,
}

impl Noise {
    /// What was told on a recording of this length.
    pub(super) fn add(&mut self, length: SignedDuration, notices: &[Notice]) {
        self.played += length.max(SignedDuration::from_secs(1));
        self.recordings += 1;
        for notice in notices {
            self.notifications += 1;
            self.alerts += u32::from(notice.kind == NoticeKind::Alert);
            let of_alert =
                std::iter::once(&notice.object).chain(notice.joined.iter().map(|joiner| &joiner.object));
            self.objects.extend(of_alert.map(|object| (self.recordings, object.to_string())));
        }
    }

    /// How long all recordings are.
    pub(super) fn played(&self) -> SignedDuration {
        self.played
    }

    pub(super) fn alerts(&self) -> Rate {
        self.rate(self.alerts)
    }

    /// Alerts, news of them and their ends.
    pub(super) fn notifications(&self) -> Rate {
        self.rate(self.notifications)
    }

    /// Different objects of which something was told.
    pub(super) fn objects(&self) -> usize {
        self.objects.len()
    }

    fn rate(&self, count: u32) -> Rate {
        let days = self.played.as_secs_f64() / DAY;
        let (low, high) = bounds(count);
        Rate { count, a_day: f64::from(count) / days, at_least: low / days, at_most: high / days }
    }
}

/// The mean of a Poisson distribution that gave this count lies between these, with 95 %: by Byar's approximation of the
/// exact limits, and 3 where nothing was counted (the rule of three).
fn bounds(count: u32) -> (f64, f64) {
    let limit = |n: f64, z: f64| n * (1.0 - 1.0 / (9.0 * n) + z / (3.0 * n.sqrt())).powi(3);
    let n = f64::from(count);
    if count == 0 {
        return (0.0, 3.0);
    }
    (limit(n, -1.96).max(0.0), limit(n + 1.0, 1.96))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn limits_are_those_of_the_tables() {
        // Exact limits: Garwood 1936.
        for (count, low, high) in
            [(0, 0.0, 3.0), (1, 0.025, 5.572), (5, 1.623, 11.668), (10, 4.795, 18.390), (100, 81.36, 121.63)]
        {
            let (l, h) = bounds(count);
            assert!((l - low).abs() < 0.1 && (h - high).abs() < 0.1, "{count}: {l} {h}");
        }
    }

    #[test]
    fn a_short_recording_says_little_of_a_day() {
        let noise = Noise { played: SignedDuration::from_mins(36), alerts: 1, ..Noise::default() };
        let rate = noise.alerts();
        assert!((rate.a_day - 40.0).abs() < 1e-9 && rate.at_least < 2.0 && rate.at_most > 200.0, "{rate:?}");
        let long = Noise { played: SignedDuration::from_hours(2400), alerts: 4000, ..Noise::default() };
        let rate = long.alerts();
        assert!(rate.at_least > 38.0 && rate.at_most < 42.0, "{rate:?}");
    }
}
