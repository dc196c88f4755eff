//! Whether a series leapt: its highest around the fault against the median of its past, in units of its usual spread.

use jiff::{SignedDuration, Timestamp};
use std::fmt;

/// With fewer points of the past nothing can be said.
const PAST_MIN: usize = 20;
/// So many spreads above the median is a leap.
const SCORE_MIN: f64 = 6.0;
const RATIO_MIN: f64 = 1.5;
/// From a median deviation to a standard one.
const OF_NORMAL: f64 = 1.4826;
/// Around the fault.
const NEAR: i64 = 5 * 60;
/// CUSUM: what is forgiven at each point, and the sum at which a change has begun.
const FORGIVEN: f64 = 0.5;
const CHANGED: f64 = 5.0;

/// A window of time that is compared.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Window {
    /// The hour before the fault, and a little after.
    Now,
    /// The same hour a day before.
    Yesterday,
    /// The same hour a week before.
    LastWeek,
}

impl Window {
    pub(crate) const ALL: [Self; 3] = [Self::Now, Self::Yesterday, Self::LastWeek];

    pub(crate) fn around(self, broke: Timestamp) -> (Timestamp, Timestamp) {
        let days = match self {
            Self::Now => 0,
            Self::Yesterday => 1,
            Self::LastWeek => 7,
        };
        let shift = |minutes: i64| {
            let by = SignedDuration::from_mins(minutes - days * 24 * 60);
            broke.checked_add(by).unwrap_or(broke)
        };
        (shift(-60), shift(10))
    }
}

/// The points of a series, sorted by what they are for.
#[derive(Debug, Clone, Default, PartialEq)]
pub(crate) struct Points {
    past: Vec<f64>,
    /// Seconds from the fault, and the value: the hour before and a little after.
    recent: Vec<(i64, f64)>,
}

impl Points {
    pub(crate) fn new(windows: &[(Window, Vec<(i64, f64)>)], broke: Timestamp) -> Self {
        let mut points = Self::default();
        for (window, values) in windows {
            for (at, value) in values {
                let from_fault = at - broke.as_second();
                if *window == Window::Now {
                    points.recent.push((from_fault, *value));
                    if from_fault < -4 * NEAR {
                        points.past.push(*value);
                    }
                } else {
                    points.past.push(*value);
                }
            }
        }
        points
    }
}

/// A leap.
#[derive(Debug, Clone, Copy, PartialEq)]
pub(crate) struct Spike {
    pub(crate) score: f64,
    pub(crate) ratio: f64,
    pub(crate) lead_seconds: i64,
    usual: f64,
    highest: f64,
}

impl fmt::Display for Spike {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Self { score, ratio, lead_seconds, usual, highest } = self;
        write!(
            f,
            "rose from usually {usual:.3} to {highest:.3} ({ratio:.1} times, {score:.0} times its usual spread), beginning "
        )?;
        match lead_seconds {
            1.. => write!(f, "{lead_seconds} s before it broke"),
            _ => write!(f, "{} s after it broke", -lead_seconds),
        }
    }
}

/// The leap of a series, if it has one; an error where its past is not known well enough.
pub(crate) fn find(points: &Points, floor: f64) -> Result<Option<Spike>, String> {
    if points.past.len() < PAST_MIN {
        return Err(format!(
            "it has {} points of the past, of {PAST_MIN} that are needed",
            points.past.len()
        ));
    }
    let near: Vec<f64> =
        points.recent.iter().filter(|(at, _)| at.abs() <= NEAR).map(|(_, value)| *value).collect();
    let Some(highest) = near.iter().copied().reduce(f64::max) else {
        return Err("it has no points at the time of the fault".to_owned());
    };
    let usual = median(&points.past);
    let deviations: Vec<f64> = points.past.iter().map(|value| (value - usual).abs()).collect();
    // A series that never moves has no spread; a hair's breadth would be a leap.
    let spread = (OF_NORMAL * median(&deviations)).max(usual.abs() * 0.05).max(floor).max(f64::MIN_POSITIVE);
    let score = (highest - usual) / spread;
    let ratio = if usual.abs() < f64::EPSILON { f64::from(u32::MAX) } else { highest / usual };
    if score <= SCORE_MIN || ratio <= RATIO_MIN {
        return Ok(None);
    }
    let mut sum: f64 = 0.0;
    let mut begun = None;
    let mut lead_seconds = 0;
    for (at, value) in &points.recent {
        sum = (sum + (value - usual) / spread - FORGIVEN).max(0.0);
        begun = if sum > 0.0 { begun.or(Some(*at)) } else { None };
        if sum > CHANGED {
            lead_seconds = -begun.unwrap_or(*at);
            break;
        }
    }
    Ok(Some(Spike { score, ratio: ratio.min(1e6), lead_seconds, usual, highest }))
}

fn median(values: &[f64]) -> f64 {
    let mut sorted = values.to_vec();
    sorted.sort_by(f64::total_cmp);
    let middle = sorted.len() / 2;
    match (sorted.get(middle.wrapping_sub(1)), sorted.get(middle)) {
        (Some(below), Some(above)) if sorted.len().is_multiple_of(2) => f64::midpoint(*below, *above),
        (_, Some(value)) => *value,
        _ => 0.0,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn series(of: impl Fn(i64) -> f64) -> Points {
        let recent: Vec<(i64, f64)> = (-120..=20).map(|n| (n * 30, of(n * 30))).collect();
        let past = recent.iter().filter(|(at, _)| *at < -1200).map(|(_, value)| *value).collect();
        Points { past, recent }
    }

    /// A little up and down, the same each time.
    fn noise(at: i64) -> f64 {
        f64::from(i32::try_from(at.rem_euclid(7)).unwrap()) / 10.0
    }

    #[test]
    fn a_leap_is_told_from_noise_a_slow_rise_and_a_fall() {
        let leap = series(|at| if at >= -180 { 50.0 } else { 10.0 + noise(at) });
        let spike = find(&leap, 0.0).unwrap().unwrap();
        assert!((spike.lead_seconds - 180).abs() <= 30, "{spike:?}");
        assert!(spike.ratio > 4.0 && spike.score > 6.0, "{spike:?}");
        for (what, points) in [
            ("noise", series(|at| 10.0 + noise(at))),
            ("a fall", series(|at| if at >= -180 { 1.0 } else { 10.0 + noise(at) })),
            ("a hair's breadth", series(|at| if at >= -180 { 10.9 } else { 10.0 })),
            ("below the floor", series(|at| if at >= -180 { 0.04 } else { 0.001 })),
        ] {
            assert_eq!(find(&points, 0.05), Ok(None), "{what}");
        }
    }

    #[test]
    fn what_leaps_after_the_fault_follows_it() {
        let spike =
            find(&series(|at| if at >= 120 { 50.0 } else { 10.0 + noise(at) }), 0.0).unwrap().unwrap();
        assert!(spike.lead_seconds <= 0, "{spike:?}");
        assert!(spike.to_string().contains("after it broke"), "{spike}");
    }

    #[test]
    fn without_a_past_nothing_is_said() {
        let short = Points { past: vec![1.0; 19], recent: vec![(0, 100.0)] };
        assert!(find(&short, 0.0).unwrap_err().contains("19 points"));
    }
}
