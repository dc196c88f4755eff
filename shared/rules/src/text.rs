//! Texts from objects are written by tenants: before a person sees them they are one line, and short.

/// Without line breaks and other control characters (each becomes a space), and without the marks that
/// reorder text.
pub(crate) fn one_line(text: &str) -> String {
    text.chars().map(|c| if c.is_control() || is_reordering(c) { ' ' } else { c }).collect()
}

/// At most `max` characters; the last one is an ellipsis where something was cut.
pub(crate) fn cut(text: &str, max: usize) -> String {
    match text.char_indices().nth(max) {
        None => text.to_owned(),
        Some(_) => text.chars().take(max.saturating_sub(1)).chain(['…']).collect(),
    }
}

/// Line and paragraph separators, and the marks by which a text can be shown in another order than it has.
fn is_reordering(c: char) -> bool {
    matches!(c, '\u{2028}'..='\u{202e}' | '\u{2066}'..='\u{2069}' | '\u{200e}' | '\u{200f}' | '\u{feff}')
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_text_is_cut_between_characters_and_says_so() {
        assert_eq!(cut("über", 4), "über");
        assert_eq!(cut("über", 3), "üb…");
        assert_eq!(cut("", 0), "");
    }

    #[test]
    fn hostile_text_becomes_one_plain_line() {
        assert_eq!(one_line("a\nb\u{1b}[31m\u{202e}c"), "a b [31m c");
    }
}
