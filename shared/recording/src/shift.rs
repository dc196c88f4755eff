use jiff::civil::DateTime;
use jiff::{SignedDuration, Timestamp};
use std::borrow::Cow;

/// Moves the timestamps inside objects, so that what was recorded then happens now.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Shift {
    seconds: i64,
}

impl Shift {
    /// From an instant of the recording to the instant at which it is to happen. Whole seconds, rounded towards
    /// the past, as most timestamps of Kubernetes have no more.
    pub fn between(recorded: Timestamp, played: Timestamp) -> Self {
        let by = played.duration_since(recorded);
        let seconds =
            if by.is_negative() && by.subsec_nanos() != 0 { by.as_secs() - 1 } else { by.as_secs() };
        Self { seconds }
    }

    /// How far.
    pub fn duration(self) -> SignedDuration {
        SignedDuration::from_secs(self.seconds)
    }

    /// Moves every RFC 3339 timestamp that is a whole string value of the JSON. Its precision and its zone stay,
    /// and so does every other byte; timestamps within longer texts stay too.
    pub fn apply(self, json: &str) -> Cow<'_, str> {
        if self.seconds == 0 {
            return json.into();
        }
        let bytes = json.as_bytes();
        let mut moved = String::new();
        let mut copied = 0;
        let mut at = 0;
        while let Some(open) = find(bytes, at, b'"') {
            let Some(close) = string_end(bytes, open + 1) else { break };
            at = close + 1;
            if !looks_like_a_time(&bytes[open + 1..close]) || is_key(bytes, at) {
                continue;
            }
            let Some(text) = json.get(open + 1..close) else { continue };
            if let Some(new) = self.moved(text) {
                moved.push_str(json.get(copied..=open).unwrap_or_default());
                moved.push_str(&new);
                copied = close;
            }
        }
        if copied == 0 {
            return json.into();
        }
        moved.push_str(json.get(copied..).unwrap_or_default());
        moved.into()
    }

    /// `None` where the text is no RFC 3339 timestamp, or where it would leave the calendar.
    fn moved(self, text: &str) -> Option<String> {
        let (civil, rest) = text.split_at_checked(19)?;
        let fraction = match rest.strip_prefix('.') {
            Some(tail) => 1 + tail.bytes().take_while(u8::is_ascii_digit).count(),
            None => 0,
        };
        let (fraction, zone) = rest.split_at_checked(fraction)?;
        let zone_is_known = zone == "Z" || (zone.len() == 6 && zone.starts_with(['+', '-']));
        if fraction == "." || !zone_is_known {
            return None;
        }
        let civil: DateTime = civil.parse().ok()?;
        let civil = civil.checked_add(self.duration()).ok()?;
        Some(format!("{civil}{fraction}{zone}"))
    }
}

fn find(bytes: &[u8], from: usize, wanted: u8) -> Option<usize> {
    bytes.get(from..)?.iter().position(|&b| b == wanted).map(|i| from + i)
}

/// The place of the quote that ends the string whose text begins at `from`.
fn string_end(bytes: &[u8], from: usize) -> Option<usize> {
    let mut at = from;
    loop {
        match bytes.get(at)? {
            b'"' => return Some(at),
            b'\\' => at += 2,
            _ => at += 1,
        }
    }
}

fn looks_like_a_time(text: &[u8]) -> bool {
    (20..=35).contains(&text.len())
        && text.iter().zip(b"0000-00-00T00:00:00").all(|(&found, &want)| match want {
            b'0' => found.is_ascii_digit(),
            mark => found == mark,
        })
}

fn is_key(bytes: &[u8], after: usize) -> bool {
    bytes.get(after..).and_then(|rest| rest.iter().find(|b| !b.is_ascii_whitespace())) == Some(&b':')
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn whole_string_values_move_and_nothing_else_does() {
        let shift = Shift { seconds: 86_400 };
        let rows = [
            (r#"{"a":"2026-11-23T20:16:10Z"}"#, r#"{"a":"2026-11-24T20:16:10Z"}"#),
            (r#"{"a":"2026-11-30T23:59:59.123456Z"}"#, r#"{"a":"2026-12-01T23:59:59.123456Z"}"#),
            (r#"["2026-12-31T00:00:00+08:00"]"#, r#"["2027-01-01T00:00:00+08:00"]"#),
            (r#"{"2026-11-23T20:16:10Z" :1}"#, r#"{"2026-11-23T20:16:10Z" :1}"#),
            (r#"{"a":"at 2026-11-23T20:16:10Z"}"#, r#"{"a":"at 2026-11-23T20:16:10Z"}"#),
            (r#"{"a":"2026-11-23T20:16:10Z it fell"}"#, r#"{"a":"2026-11-23T20:16:10Z it fell"}"#),
            (r#"{"a":"2026-13-23T20:16:10Z"}"#, r#"{"a":"2026-13-23T20:16:10Z"}"#),
            (r#"{"a":"2026-11-23T20:16:10.Z"}"#, r#"{"a":"2026-11-23T20:16:10.Z"}"#),
            (r#"{"a":"\"2026-11-23T20:16:10Z"}"#, r#"{"a":"\"2026-11-23T20:16:10Z"}"#),
            (r#"{"a":"9999-12-31T20:16:10Z"}"#, r#"{"a":"9999-12-31T20:16:10Z"}"#),
            (r#"{"é":"2026-11-23T20:16:10Z","b":"ü"}"#, r#"{"é":"2026-11-24T20:16:10Z","b":"ü"}"#),
            (r#"{"a":"unfinished"#, r#"{"a":"unfinished"#),
            ("", ""),
        ];
        for (given, want) in rows {
            assert_eq!(shift.apply(given), want);
        }
    }

    #[test]
    fn a_shift_there_and_back_is_none_at_all() {
        let (then, now): (Timestamp, Timestamp) =
            ("2026-11-23T20:06:32.492Z".parse().unwrap(), "2027-01-02T03:04:05.1Z".parse().unwrap());
        let there = Shift::between(then, now);
        assert!(then + there.duration() <= now && now.duration_since(then + there.duration()).as_secs() == 0);
        let back = Shift { seconds: -there.seconds };
        let json =
            r#"{"metadata":{"creationTimestamp":"2026-11-23T20:06:32Z"},"t":["2026-02-28T00:00:00.5Z"]}"#;
        assert_eq!(back.apply(&there.apply(json)), json);
        assert_eq!(Shift::between(now, then).seconds, -there.seconds - 1);
    }
}
