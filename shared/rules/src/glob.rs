/// A pattern in which `*` stands for any characters and `?` for one. The whole text has to match. A backslash
/// takes the special meaning from the character after it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Glob {
    text: String,
    parts: Vec<Part>,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Part {
    Any,
    One,
    Char(char),
}

impl Glob {
    pub(crate) fn new(text: &str) -> Self {
        let mut parts = Vec::new();
        let mut chars = text.chars();
        while let Some(c) = chars.next() {
            parts.push(match c {
                '*' => Part::Any,
                '?' => Part::One,
                '\\' => Part::Char(chars.next().unwrap_or('\\')),
                c => Part::Char(c),
            });
        }
        Self { text: text.to_owned(), parts }
    }

    pub(crate) fn as_str(&self) -> &str {
        &self.text
    }

    pub(crate) fn matches(&self, text: &str) -> bool {
        let mut part = 0;
        let mut rest = text.chars();
        // Where the last star stands, and the text it has not swallowed yet: a later star makes any choice of
        // an earlier one as good, so one is enough to go back to.
        let mut star: Option<(usize, std::str::Chars<'_>)> = None;
        loop {
            let mut ahead = rest.clone();
            match (self.parts.get(part), ahead.next()) {
                (Some(Part::Any), _) => {
                    star = Some((part, rest.clone()));
                    part += 1;
                }
                (None, None) => return true,
                (Some(Part::One), Some(_)) => {
                    part += 1;
                    rest = ahead;
                }
                (Some(Part::Char(want)), Some(c)) if *want == c => {
                    part += 1;
                    rest = ahead;
                }
                _ => {
                    let Some((at, mut swallowed)) = star.take() else { return false };
                    if swallowed.next().is_none() {
                        return false;
                    }
                    rest = swallowed.clone();
                    part = at + 1;
                    star = Some((at, swallowed));
                }
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn globs_match_whole_texts_by_characters() {
        for (glob, text, want) in [
            ("", "", true),
            ("", "a", false),
            ("*", "", true),
            ("*", "anything", true),
            ("?", "ü", true),
            ("?", "", false),
            ("??", "ü", false),
            ("web-*", "web-0", true),
            ("web-*", "a web-0", false),
            ("*-0", "web-0", true),
            ("*a*b", "xaxxbxab", true),
            ("*a*b", "xaxxbxa", false),
            ("a*a", "a", false),
            (r"\*", "*", true),
            (r"\*", "x", false),
            ("A", "a", false),
            ("[ab]", "a", false),
            ("[ab]", "[ab]", true),
        ] {
            assert_eq!(Glob::new(glob).matches(text), want, "{glob} {text}");
        }
    }

    #[test]
    fn many_stars_take_no_exponential_time() {
        assert!(!Glob::new(&format!("{}b", "*a".repeat(50))).matches(&"a".repeat(20_000)));
    }
}
