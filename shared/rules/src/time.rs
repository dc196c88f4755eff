//! Durations as rules write them, and timestamps as objects carry them.

use jiff::{SignedDuration, Timestamp};

/// The longest duration a rule may name: ten years.
pub(crate) const DURATION_MAX: SignedDuration = SignedDuration::from_hours(24 * 3650);

const UNITS: [(char, i64); 5] = [('w', 604_800), ('d', 86_400), ('h', 3600), ('m', 60), ('s', 1)];

/// `300`, `5m`, `1h30m`, `2d`: whole numbers with units that fall, or seconds alone. `None` for anything else
/// and for what is longer than ten years.
pub fn parse_duration(text: &str) -> Option<SignedDuration> {
    let mut seconds: i64 = 0;
    if let Ok(plain) = parse_digits(text) {
        seconds = plain;
    } else {
        let mut rest = text;
        let mut units = UNITS.iter();
        while !rest.is_empty() {
            let end = rest.find(|c: char| !c.is_ascii_digit())?;
            let (number, after) = rest.split_at(end);
            let unit = after.chars().next()?;
            let (_, worth) = units.find(|(name, _)| *name == unit)?;
            seconds = seconds.checked_add(parse_digits(number).ok()?.checked_mul(*worth)?)?;
            rest = after.get(1..)?;
        }
        if text.is_empty() {
            return None;
        }
    }
    let duration = SignedDuration::from_secs(seconds);
    (duration <= DURATION_MAX).then_some(duration)
}

fn parse_digits(text: &str) -> Result<i64, ()> {
    if text.is_empty() || !text.bytes().all(|b| b.is_ascii_digit()) {
        return Err(());
    }
    text.parse().map_err(|_| ())
}

/// `5m`, `1h30m`, `0s`: as [`parse_duration`] reads it back.
pub fn print_duration(duration: SignedDuration) -> String {
    let mut rest = duration.as_secs();
    let mut text = String::new();
    for (unit, worth) in &UNITS[1..] {
        if rest >= *worth {
            text = format!("{text}{}{unit}", rest / worth);
            rest %= worth;
        }
    }
    if text.is_empty() { "0s".to_owned() } else { text }
}

/// An RFC 3339 timestamp, with fractions and offsets or without; `None` for anything else.
pub(crate) fn parse_timestamp(text: &str) -> Option<Timestamp> {
    // jiff reads more than RFC 3339; what counts as a timestamp is not to hang on its version.
    let bytes = text.as_bytes();
    let shape = b"dddd-dd-ddTdd:dd:dd";
    let fits = bytes.len() > shape.len()
        && shape.iter().zip(bytes).all(|(want, byte)| match want {
            b'd' => byte.is_ascii_digit(),
            b'T' => matches!(byte, b'T' | b't'),
            want => want == byte,
        });
    if !fits {
        return None;
    }
    let mut rest = text.get(shape.len()..)?;
    if let Some(fraction) = rest.strip_prefix('.') {
        let digits = fraction.bytes().take_while(u8::is_ascii_digit).count();
        if digits == 0 || digits > 9 {
            return None;
        }
        rest = fraction.get(digits..)?;
    }
    let zone_fits = match rest.as_bytes() {
        [b'Z' | b'z'] => true,
        [b'+' | b'-', a, b, b':', c, d] => [a, b, c, d].into_iter().all(u8::is_ascii_digit),
        _ => false,
    };
    if zone_fits { text.parse().ok() } else { None }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn durations_are_whole_numbers_with_falling_units() {
        for (text, want) in [
            ("300", Some("5m")),
            ("0", Some("0s")),
            ("0s", Some("0s")),
            ("5m", Some("5m")),
            ("90s", Some("1m30s")),
            ("1h30m", Some("1h30m")),
            ("2w", Some("14d")),
            ("1d12h", Some("1d12h")),
            ("3650d", Some("3650d")),
            ("3651d", None),
            ("5", Some("5s")),
            ("", None),
            ("m", None),
            ("5x", None),
            ("5m5", None),
            ("5m1h", None),
            ("1m1m", None),
            ("-5m", None),
            ("1.5h", None),
            ("5 m", None),
            ("5µ", None),
            ("99999999999999999999s", None),
            ("9223372036854775807w", None),
        ] {
            assert_eq!(parse_duration(text).map(print_duration).as_deref(), want, "{text}");
        }
    }

    #[test]
    fn timestamps_are_rfc_3339() {
        for (text, want) in [
            ("2026-01-02T03:04:05Z", Some("2026-01-02T03:04:05Z")),
            ("2026-01-02T03:04:05.123456Z", Some("2026-01-02T03:04:05.123456Z")),
            ("2026-01-02T03:04:05+01:00", Some("2026-01-02T02:04:05Z")),
            ("2026-01-02t03:04:05z", Some("2026-01-02T03:04:05Z")),
            ("2026-01-02 03:04:05Z", None),
            ("2026-01-02T03:04:05", None),
            ("2026-01-02", None),
            ("2026-13-02T03:04:05Z", None),
            ("2026-01-02T03:04:05.Z", None),
            ("2026-01-02T03:04:05Z[UTC]", None),
            ("1767323045", None),
            ("", None),
        ] {
            assert_eq!(parse_timestamp(text).map(|t| t.to_string()).as_deref(), want, "{text}");
        }
    }
}
