/// A pattern in which `*` stands for any characters and `?` for one. The whole text has to match. A backslash
/// takes the special meaning from the character after it.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord)]
pub(crate) struct Glob {
    text: String,
    parts: Vec<Part>,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
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

    /// The characters that stand for themselves.
    pub(crate) fn literals(&self) -> impl Iterator<Item = char> {
        self.parts.iter().filter_map(|part| if let Part::Char(c) = part { Some(*c) } else { None })
    }

    /// Whether anything stands for others than itself.
    pub(crate) fn has_wildcard(&self) -> bool {
        self.parts.iter().any(|part| !matches!(part, Part::Char(_)))
    }

    /// Whether the other one matches whatever this one does. It says so only where it is sure.
    pub(crate) fn is_within(&self, wide: &Self) -> bool {
        // Of the wide one's parts so far, whether they match all of this one's parts so far.
        let mut reached: Vec<bool> = vec![false; self.parts.len() + 1];
        reached[0] = true;
        for part in &wide.parts {
            let mut next = vec![false; reached.len()];
            next[0] = reached[0] && *part == Part::Any;
            for (at, own) in self.parts.iter().enumerate() {
                next[at + 1] = match part {
                    Part::Any => reached[at + 1] || next[at],
                    Part::One => reached[at] && *own != Part::Any,
                    Part::Char(_) => reached[at] && own == part,
                };
            }
            reached = next;
        }
        reached[self.parts.len()]
    }

    /// Whether no text is matched by both: they begin or end differently. It says so only where it is sure.
    pub(crate) fn excludes(&self, other: &Self) -> bool {
        fn differ<'p>(one: impl Iterator<Item = &'p Part>, other: impl Iterator<Item = &'p Part>) -> bool {
            let pairs = one.zip(other).take_while(|(one, other)| **one != Part::Any && **other != Part::Any);
            pairs.into_iter().any(|pair| matches!(pair, (Part::Char(one), Part::Char(other)) if one != other))
        }
        let literal = |glob: &Self| {
            let chars = glob.parts.iter().map(|part| if let Part::Char(c) = part { Some(*c) } else { None });
            chars.collect::<Option<String>>()
        };
        differ(self.parts.iter(), other.parts.iter())
            || differ(self.parts.iter().rev(), other.parts.iter().rev())
            || literal(self).is_some_and(|text| !other.matches(&text))
            || literal(other).is_some_and(|text| !self.matches(&text))
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
    fn globs_lie_within_others_or_exclude_them() {
        let globs = ["", "a", "*", "?", "a*", "ab*", "*a", "a?", "?*", "*b*", "*ab", r"\*", "a*a", "b*"];
        let texts = ["", "a", "b", "*", "aa", "ab", "ba", "aba", "abb", "bab", "aab", "a*", "ax", "xab"];
        for (one, other) in globs.iter().flat_map(|one| globs.iter().map(move |other| (one, other))) {
            let (a, b) = (Glob::new(one), Glob::new(other));
            for text in texts {
                assert!(!(a.is_within(&b) && a.matches(text) && !b.matches(text)), "{one} {other} {text}");
                assert!(!(a.excludes(&b) && a.matches(text) && b.matches(text)), "{one} {other} {text}");
            }
            assert_eq!(a.excludes(&b), b.excludes(&a), "{one} {other}");
        }
        let (is_within, excludes) = (
            [("a*", "a*"), ("ab*", "a*"), ("a", "?"), ("a?", "?*"), ("*ab", "*b*"), ("", "*")],
            [("a*", "b*"), ("*ab", "*a"), ("a", "b*"), ("a?", "a"), ("", "?*")],
        );
        for (one, other) in is_within {
            assert!(Glob::new(one).is_within(&Glob::new(other)), "{one} {other}");
        }
        for (one, other) in excludes {
            assert!(Glob::new(one).excludes(&Glob::new(other)), "{one} {other}");
        }
        for (one, other) in [("a*", "*a"), ("a?", "*a"), ("a*", "*")] {
            assert!(!Glob::new(one).excludes(&Glob::new(other)), "{one} {other}");
        }
        assert!(!Glob::new("a*").is_within(&Glob::new("a?")));
    }

    #[test]
    fn many_stars_take_no_exponential_time() {
        assert!(!Glob::new(&format!("{}b", "*a".repeat(50))).matches(&"a".repeat(20_000)));
    }
}
