//! Distributions in few words.

use std::time::Duration;

/// The value below which so many percent lie; nothing of nothing.
pub fn percentile(values: &[Duration], percent: usize) -> Option<Duration> {
    let mut sorted = values.to_vec();
    sorted.sort();
    let last = sorted.len().checked_sub(1)?;
    Some(sorted[(last * percent).div_ceil(100)])
}

/// Milliseconds, for people.
pub fn ms(duration: Option<Duration>) -> String {
    duration.map_or("–".to_owned(), |duration| format!("{} ms", duration.as_millis()))
}

/// Whole numbers with thin groups of three: `1 234 567`.
pub fn grouped(n: u64) -> String {
    let digits = n.to_string();
    let first = (digits.len() - 1) % 3 + 1;
    let mut groups = vec![digits.get(..first).unwrap_or_default()];
    let mut rest = digits.get(first..).unwrap_or_default();
    while let Some((group, after)) = rest.split_at_checked(3) {
        groups.push(group);
        rest = after;
        if rest.is_empty() {
            break;
        }
    }
    groups.join(" ")
}

/// A rate per second, rounded.
pub fn per_second(count: u64, time: Duration) -> u64 {
    let micros = time.as_micros().max(1);
    u64::try_from(u128::from(count) * 1_000_000 / micros).unwrap_or(u64::MAX)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn percentiles_are_values_that_occurred() {
        let values: Vec<_> = (1..=100).map(Duration::from_millis).collect();
        assert_eq!(percentile(&values, 50), Some(Duration::from_millis(51)));
        assert_eq!(percentile(&values, 99), Some(Duration::from_millis(100)));
        assert_eq!(percentile(&[], 50), None);
    }

    #[test]
    fn numbers_are_grouped_from_the_right() {
        let texts: Vec<_> = [0, 999, 1_000, 12_345, 1_234_567].into_iter().map(grouped).collect();
        assert_eq!(texts, ["0", "999", "1 000", "12 345", "1 234 567"]);
        assert_eq!(per_second(3, Duration::from_millis(1_500)), 2);
    }
}
