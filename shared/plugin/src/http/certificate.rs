//! Until when a certificate is valid: the one thing of it that is read, and with no parser of all the rest.

use jiff::Timestamp;
use jiff::civil::DateTime;
use jiff::tz::TimeZone;

const SEQUENCE: u8 = 0x30;
const VERSION: u8 = 0xa0;
const UTC_TIME: u8 = 0x17;
const GENERALIZED_TIME: u8 = 0x18;

/// The end of a certificate's time, from its DER (RFC 5280); `None` where that cannot be read.
pub fn not_after(der: &[u8]) -> Option<Timestamp> {
    let (certificate, _) = expect(der, SEQUENCE)?;
    let (mut to_be_signed, _) = expect(certificate, SEQUENCE)?;
    if to_be_signed.first() == Some(&VERSION) {
        to_be_signed = take(to_be_signed)?.2;
    }
    // The serial number, the algorithm, and who issued it.
    for _ in 0..3 {
        to_be_signed = take(to_be_signed)?.2;
    }
    let (validity, _) = expect(to_be_signed, SEQUENCE)?;
    let (tag, time, _) = take(take(validity)?.2)?;
    time_of(tag, std::str::from_utf8(time).ok()?)
}

/// A value's tag, its contents, and what follows it.
fn take(der: &[u8]) -> Option<(u8, &[u8], &[u8])> {
    let (&tag, rest) = der.split_first()?;
    let (&first, rest) = rest.split_first()?;
    let (length, rest) = match first {
        0..=0x7f => (usize::from(first), rest),
        // Four bytes of length are more than any certificate has.
        0x81..=0x84 => {
            let (length, rest) = rest.split_at_checked(usize::from(first & 0x7f))?;
            (length.iter().fold(0_usize, |length, byte| (length << 8) | usize::from(*byte)), rest)
        }
        _ => return None,
    };
    let (contents, rest) = rest.split_at_checked(length)?;
    Some((tag, contents, rest))
}

fn expect(der: &[u8], tag: u8) -> Option<(&[u8], &[u8])> {
    take(der).filter(|(found, ..)| *found == tag).map(|(_, contents, rest)| (contents, rest))
}

/// `YYMMDDHHMMSSZ`, or with a year of four digits.
fn time_of(tag: u8, text: &str) -> Option<Timestamp> {
    let digits = text.strip_suffix('Z').filter(|digits| digits.bytes().all(|b| b.is_ascii_digit()))?;
    let (year, rest) = match tag {
        UTC_TIME => {
            let (year, rest) = digits.split_at_checked(2)?;
            let year: i16 = year.parse().ok()?;
            (if year >= 50 { 1900 + year } else { 2000 + year }, rest)
        }
        GENERALIZED_TIME => {
            let (year, rest) = digits.split_at_checked(4)?;
            (year.parse().ok()?, rest)
        }
        _ => return None,
    };
    let pair = |at: usize| rest.get(at..at + 2)?.parse::<i8>().ok();
    let at = DateTime::new(year, pair(0)?, pair(2)?, pair(4)?, pair(6)?, pair(8)?, 0).ok()?;
    at.to_zoned(TimeZone::UTC).ok().map(|zoned| zoned.timestamp())
}

#[cfg(test)]
mod tests {
    use super::*;

    /// A value of DER: its tag, its length and its contents.
    fn value(tag: u8, contents: &[u8]) -> Vec<u8> {
        let length = match u8::try_from(contents.len()).unwrap() {
            length @ 0..0x80 => vec![length],
            length => vec![0x81, length],
        };
        [vec![tag], length, contents.to_vec()].concat()
    }

    fn certificate(version: bool, not_after: &[u8]) -> Vec<u8> {
        let validity = [value(UTC_TIME, b"250101000000Z"), not_after.to_vec()].concat();
        let version = if version { value(VERSION, &value(2, &[2])) } else { Vec::new() };
        let names = value(SEQUENCE, &[0x31; 150]);
        let fields =
            [version, value(2, &[1, 2, 3]), value(SEQUENCE, &[]), names, value(SEQUENCE, &validity)].concat();
        value(SEQUENCE, &value(SEQUENCE, &fields))
    }

    #[test]
    fn the_end_of_a_certificates_time_is_read() {
        for (version, tag, text, want) in [
            (true, UTC_TIME, "260315120000Z", Some("2026-03-15T12:00:00Z")),
            (false, UTC_TIME, "991231235959Z", Some("1999-12-31T23:59:59Z")),
            (true, GENERALIZED_TIME, "20500101000000Z", Some("2050-01-01T00:00:00Z")),
            (true, GENERALIZED_TIME, "99991231235959Z", None),
            (true, UTC_TIME, "2603151200Z", None),
            (true, UTC_TIME, "260315120000+0100", None),
            (true, UTC_TIME, "261315120000Z", None),
            (true, 0x0c, "260315120000Z", None),
        ] {
            let found = not_after(&certificate(version, &value(tag, text.as_bytes())));
            let want = want.map(|want| want.parse().unwrap());
            assert_eq!(found.filter(|_| want.is_some()), want, "{text}");
        }
    }

    #[test]
    fn what_is_cut_off_anywhere_has_no_end() {
        let whole = certificate(true, &value(UTC_TIME, b"260315120000Z"));
        for length in 0..whole.len() {
            assert_eq!(not_after(&whole[..length]), None, "{length}");
        }
        assert_eq!(not_after(&[0x30, 0x85, 1, 1, 1, 1, 1]), None);
    }
}
