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

/// What was meant by a duration that is none: `5 min`, `PT5M`, `1.5h`, `1h30`, `P9`.
pub(crate) fn near_duration(text: &str) -> Option<SignedDuration> {
    let lower = text.trim().trim_start_matches(['-', '+']).to_ascii_lowercase();
    let (lower, is_iso) = match lower.strip_prefix('p') {
        Some(rest) => (rest.replace('t', ""), true),
        None => (lower, false),
    };
    let mut seconds = 0.0;
    let mut unit_before = None;
    let mut rest = lower.trim_start();
    while !rest.is_empty() {
        let (number, after) =
            rest.split_at(rest.find(|c: char| !(c.is_ascii_digit() || c == '.')).unwrap_or(rest.len()));
        let after = after.trim_start();
        let (word, next) =
            after.split_at(after.find(|c: char| !c.is_ascii_alphabetic()).unwrap_or(after.len()));
        let letter = word.chars().next().filter(|_| UNIT_WORDS.contains(&word));
        let worth = match (letter, unit_before) {
            (Some(letter), _) => UNITS.iter().find(|(unit, _)| *unit == letter).map(|(_, worth)| *worth)?,
            (None, _) if !word.is_empty() => return None,
            // A number without a unit is of the next smaller one; alone, with the sign of ISO 8601, of minutes.
            (None, Some(before)) => {
                UNITS.iter().find(|(_, worth)| *worth < before).map(|(_, worth)| *worth)?
            }
            (None, None) if is_iso => 60,
            (None, None) => 1,
        };
        #[expect(clippy::cast_precision_loss, reason = "a week has few seconds")]
        let add = number.parse::<f64>().ok()? * worth as f64;
        seconds += add;
        unit_before = Some(worth);
        rest = next.trim_start_matches([' ', ',']);
    }
    let duration = SignedDuration::try_from_secs_f64(seconds.round()).ok()?;
    (duration > SignedDuration::ZERO && duration <= DURATION_MAX).then_some(duration)
}

/// How people write the units.
const UNIT_WORDS: [&str; 22] = [
    "w", "week", "weeks", "d", "day", "days", "h", "hr", "hrs", "hour", "hours", "m", "min", "mins",
    "minute", "minutes", "s", "sec", "secs", "second", "seconds", "wk",
];

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
    short_timestamp(text.as_bytes()).or_else(|| parse_any_timestamp(text))
}

/// `2026-01-02T03:04:05Z`, as objects mostly write it; `None` for what takes more care.
fn short_timestamp(text: &[u8]) -> Option<Timestamp> {
    let bytes: &[u8; 20] = text.try_into().ok()?;
    let [date, time] = [0, 8].map(|at| std::array::from_fn(|place| bytes[at + place]));
    let seconds = [bytes[16], bytes[17], bytes[18], bytes[19], 0, 0, 0, 0];
    let date = pairs(date, *b"0000-00-", *b"dddd-dd-")?;
    let time = pairs(time, *b"00T00:00", *b"ddTdd:dd")?;
    let seconds = pairs(seconds, *b":00Z\0\0\0\0", *b":ddZ\0\0\0\0")?;
    let [year, month, day] = [date[0] * 100 + date[2], date[5], time[0]];
    let [hour, minute, second] = [time[3], time[6], seconds[1]];
    let is_leap = year % 4 == 0 && (year % 100 != 0 || year % 400 == 0);
    let days = match month {
        2 => 28 + i64::from(is_leap),
        4 | 6 | 9 | 11 => 30,
        1..=12 => 31,
        _ => return None,
    };
    // The ends of time, leap seconds and days that are none take more care.
    let is_plain =
        (1..9999).contains(&year) && (1..=days).contains(&day) && hour < 24 && minute < 60 && second < 60;
    if !is_plain {
        return None;
    }
    // Days since 1970, in years that begin with March.
    let (year, month) = if month > 2 { (year, month - 3) } else { (year - 1, month + 9) };
    let days = year * 365 + year / 4 - year / 100 + year / 400 + (month * 153 + 2) / 5 + day - 1 - 719_468;
    Timestamp::from_second(days * 86_400 + hour * 3600 + minute * 60 + second).ok()
}

/// Eight bytes at once: at each place the number that the digit there and the one behind it are; `None` where a digit
/// (`d` in the shape) or a mark is another. `zero` is the shape with noughts for digits.
fn pairs(bytes: [u8; 8], zero: [u8; 8], shape: [u8; 8]) -> Option<[i64; 8]> {
    // What brings a byte above 127 that is too great: a digit above 9, and anything else than the mark.
    let room = shape.map(|byte| if byte == b'd' { 127 - 9 } else { 127 });
    let digits = u64::from_le_bytes(bytes) ^ u64::from_le_bytes(zero);
    let beyond = digits | digits.wrapping_add(u64::from_le_bytes(room));
    if beyond & 0x8080_8080_8080_8080 != 0 {
        return None;
    }
    Some((digits * 10 + (digits >> 8)).to_le_bytes().map(i64::from))
}

fn parse_any_timestamp(text: &str) -> Option<Timestamp> {
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
    fn what_is_nearly_a_duration_is_understood() {
        for (text, want) in [
            ("P9", Some("9m")),
            ("PT5M", Some("5m")),
            ("P1DT2H", Some("1d2h")),
            ("5 min", Some("5m")),
            ("5M", Some("5m")),
            ("-5m", Some("5m")),
            ("1.5h", Some("1h30m")),
            ("1h30", Some("1h30m")),
            ("30m1h", Some("1h30m")),
            ("1 hour, 5 minutes", Some("1h5m")),
            ("500ms", None),
            ("soon", None),
            ("", None),
            ("P", None),
            ("0.2s", None),
            ("9e9d", None),
            ("99999999999999999999d", None),
            ("1.2.3h", None),
            ("5µ", None),
        ] {
            let near = near_duration(text).map(print_duration);
            assert_eq!(near.as_deref(), want, "{text}");
        }
    }

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

    proptest::proptest! {
        #![proptest_config(proptest::prelude::ProptestConfig::with_cases(4000))]

        #[test]
        fn short_timestamps_are_what_the_careful_reader_reads(
            text in r"[0-9]{4}-[01][0-9]-[0-3][0-9]T[0-2][0-9]:[0-6][0-9]:[0-6][0-9](Z|\.5Z|z|[+]01:00)|[0-9]{4}-02-29T00:00:00Z",
        ) {
            proptest::prop_assert_eq!(parse_timestamp(&text), parse_any_timestamp(&text), "{}", text);
        }

        #[test]
        fn a_timestamp_with_another_byte_is_what_the_careful_reader_reads(at in 0..20_usize, byte in 0..128_u8) {
            let mut text = b"2026-10-19T03:14:05Z".to_vec();
            text[at] = byte;
            let text = String::from_utf8(text).unwrap();
            proptest::prop_assert_eq!(parse_timestamp(&text), parse_any_timestamp(&text), "{}", text);
        }

        #[test]
        fn any_second_is_read_back(second in -62_000_000_000_i64..253_000_000_000) {
            let stamp = Timestamp::from_second(second).unwrap();
            proptest::prop_assert_eq!(parse_timestamp(&stamp.to_string()), Some(stamp));
        }
    }
}
