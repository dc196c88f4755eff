//! Texts from objects are written by tenants: before a person sees them they are one line, and short.

pub(crate) use prodrome_model::shown::{cut, harmless as one_line};
use prodrome_redact::redact;

/// A text as part of a rule's name: its ASCII letters and digits, each word with a capital.
pub fn camel_case(text: &str) -> String {
    let words = text.split(|c: char| !c.is_ascii_alphanumeric()).filter(|word| !word.is_empty());
    let capital = |word: &str| {
        let mut chars = word.chars();
        chars.next().map_or_else(String::new, |c| c.to_ascii_uppercase().to_string() + chars.as_str())
    };
    words.map(capital).collect()
}

/// Without secrets, and cut. More than is kept is read, so that a secret at the end is not cut to a piece that is known
/// as none; not all is, as a tenant's text may be long.
pub(crate) fn clean(text: &str, max: usize) -> String {
    let end = text.char_indices().nth(8 * max).map_or(text.len(), |(end, _)| end);
    cut(&redact(text.get(..end).unwrap_or_default()), max)
}

/// A word with its article: `a Pod`, `an Ingress`, `an HTTPRoute`. It goes by how a kind's name begins.
pub fn with_article(word: &str) -> String {
    let mut letters = word.chars();
    let (first, second, third) = (letters.next(), letters.next(), letters.next());
    let is_upper = |letter: Option<char>| letter.is_some_and(char::is_uppercase);
    let lower = |letter: Option<char>| letter.map_or(' ', |letter| letter.to_ascii_lowercase());
    // Spelled letter by letter: HPA, NFSServer.
    let is_spelled = is_upper(first) && is_upper(second);
    let an = match lower(first) {
        letter if is_spelled => "aefhilmnorsx".contains(letter),
        // As in user, unit, European.
        'u' => !(lower(second) == 's' || (lower(second) == 'n' && lower(third) == 'i')),
        'e' => lower(second) != 'u',
        letter => "aio".contains(letter),
    };
    format!("{} {word}", if an { "an" } else { "a" })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_kind_has_the_article_it_is_spoken_with() {
        for (word, want) in [
            ("Pod", "a Pod"),
            ("Ingress", "an Ingress"),
            ("Event", "an Event"),
            ("object (of the kind in x)", "an object (of the kind in x)"),
            ("HTTPRoute", "an HTTPRoute"),
            ("TCPRoute", "a TCPRoute"),
            ("APIService", "an APIService"),
            ("UDPRoute", "a UDPRoute"),
            ("HorizontalPodAutoscaler", "a HorizontalPodAutoscaler"),
            ("User", "a User"),
            ("UnitTest", "a UnitTest"),
            ("Upgrade", "an Upgrade"),
            ("Undo", "an Undo"),
            ("", "a "),
        ] {
            assert_eq!(with_article(word), want);
        }
    }

    #[test]
    fn a_text_is_cut_between_characters_and_says_so() {
        assert_eq!(cut("über", 4), "über");
        assert_eq!(cut("über", 3), "üb…");
        assert_eq!(cut("", 0), "");
    }

    #[test]
    fn a_secret_is_masked_before_the_text_is_cut() {
        let text = format!("{} ghp_{}", "x".repeat(15), "a1B2".repeat(9));
        assert_eq!(clean(&text, 40), "xxxxxxxxxxxxxxx ***");
        assert_eq!(clean("über", 3), "üb…");
    }

    #[test]
    fn hostile_text_becomes_one_plain_line() {
        assert_eq!(one_line("a\nb\u{1b}[31m\u{202e}c"), "a b [31mc");
    }
}
