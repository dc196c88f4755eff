//! JSON by chance as text: white space, escapes, spellings of numbers, keys that stand twice.

use serde_json::Value;
use std::fmt::Write as _;

/// Bytes that decide how something is written.
pub(crate) struct Dice<'d> {
    bytes: &'d [u8],
    at: usize,
}

impl<'d> Dice<'d> {
    pub(crate) fn new(bytes: &'d [u8]) -> Self {
        Self { bytes, at: 0 }
    }

    /// Below `sides`.
    pub(crate) fn roll(&mut self, sides: usize) -> usize {
        let byte = self.bytes.get(self.at % self.bytes.len().max(1)).copied().unwrap_or(0);
        self.at += 1;
        // The same bytes come again, but not as the same numbers.
        (usize::from(byte) + self.at / self.bytes.len().max(1) * 7) % sides
    }
}

/// How strangely it is written.
#[derive(Clone, Copy)]
pub(crate) struct Style {
    pub(crate) spaces: bool,
    pub(crate) escapes: bool,
    pub(crate) duplicates: bool,
}

pub(crate) fn print(value: &Value, style: Style, dice: &mut Dice<'_>) -> String {
    let mut out = String::new();
    space(style, dice, &mut out);
    write_value(value, style, dice, &mut out);
    space(style, dice, &mut out);
    out
}

fn space(style: Style, dice: &mut Dice<'_>, out: &mut String) {
    if style.spaces {
        out.push_str(["", "", "", " ", "\n\t", "\r\n  "][dice.roll(6)]);
    }
}

fn write_value(value: &Value, style: Style, dice: &mut Dice<'_>, out: &mut String) {
    match value {
        Value::String(text) => write_text(text, style, dice, out),
        Value::Number(number) => {
            let spelled = match dice.roll(12) {
                0 => "1e3",
                1 => "-0",
                2 => "1.50",
                3 => "123456789012345678901234567890",
                _ => "",
            };
            if spelled.is_empty() {
                write!(out, "{number}").unwrap();
            } else {
                out.push_str(spelled);
            }
        }
        Value::Array(items) => {
            out.push('[');
            for (index, item) in items.iter().enumerate() {
                out.push_str(if index == 0 { "" } else { "," });
                space(style, dice, out);
                write_value(item, style, dice, out);
                space(style, dice, out);
            }
            space(style, dice, out);
            out.push(']');
        }
        Value::Object(members) => {
            out.push('{');
            let mut first = true;
            for (key, item) in members {
                if style.duplicates && dice.roll(12) == 0 {
                    write_member(
                        key,
                        &Value::from(["x", "", "3"][dice.roll(3)]),
                        &mut first,
                        style,
                        dice,
                        out,
                    );
                }
                write_member(key, item, &mut first, style, dice, out);
                if dice.roll(8) == 0 {
                    // What nobody asks for, and a skip has to come through.
                    let noise = [r#"{"\\":"}\"]","a":[[{}],"\\\""]}"#, r#""\"{""#, "[[],{}]", "-1.5e-7"]
                        [dice.roll(4)];
                    let key = ["managedFields", "f:\\\"x", "status"][dice.roll(3)];
                    write!(out, ",\"{key}{}\":{noise}", out.len()).unwrap();
                }
            }
            space(style, dice, out);
            out.push('}');
        }
        other => write!(out, "{other}").unwrap(),
    }
}

fn write_member(
    key: &str,
    item: &Value,
    first: &mut bool,
    style: Style,
    dice: &mut Dice<'_>,
    out: &mut String,
) {
    out.push_str(if std::mem::take(first) { "" } else { "," });
    space(style, dice, out);
    write_text(key, style, dice, out);
    space(style, dice, out);
    out.push(':');
    space(style, dice, out);
    write_value(item, style, dice, out);
    space(style, dice, out);
}

fn write_text(text: &str, style: Style, dice: &mut Dice<'_>, out: &mut String) {
    out.push('"');
    for c in text.chars() {
        if matches!(c, '"' | '\\') || c.is_control() || (style.escapes && dice.roll(6) == 0) {
            for unit in c.encode_utf16(&mut [0; 2]) {
                write!(out, "\\u{unit:04x}").unwrap();
            }
        } else {
            out.push(c);
        }
    }
    if style.escapes && dice.roll(20) == 0 {
        out.push_str([r"\ud800", r"\n", r"\ud83d\ude00"][dice.roll(3)]);
    }
    out.push('"');
}
