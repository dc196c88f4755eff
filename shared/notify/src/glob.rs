use serde::{Deserialize, Deserializer};
use std::fmt;

/// A pattern over a whole text: `*` stands for any characters, `?` for one. Nothing else is special.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Glob(String);

impl Glob {
    /// A pattern. Every text is one.
    pub fn new(pattern: impl Into<String>) -> Self {
        Self(pattern.into())
    }

    /// Whether the whole text is of this pattern. Takes at most pattern × text steps, whoever wrote them.
    pub fn matches(&self, text: &str) -> bool {
        let (mut pattern, mut rest) = (self.0.as_str(), text);
        // After the last `*`: the pattern behind it, and the text that it has not swallowed yet.
        let mut star: Option<(&str, &str)> = None;
        loop {
            let mut ahead = pattern.chars();
            let mut left = rest.chars();
            match (ahead.next(), left.next()) {
                (Some('*'), _) => {
                    pattern = ahead.as_str();
                    star = Some((pattern, rest));
                }
                (None, None) => return true,
                (Some(p), Some(t)) if p == '?' || p == t => {
                    pattern = ahead.as_str();
                    rest = left.as_str();
                }
                _ => {
                    let Some((behind, unswallowed)) = star else { return false };
                    let mut unswallowed = unswallowed.chars();
                    if unswallowed.next().is_none() {
                        return false;
                    }
                    pattern = behind;
                    rest = unswallowed.as_str();
                    star = Some((behind, rest));
                }
            }
        }
    }
}

impl fmt::Display for Glob {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.0)
    }
}

impl<'de> Deserialize<'de> for Glob {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        String::deserialize(deserializer).map(Self)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_pattern_is_about_the_whole_text() {
        for (pattern, text, want) in [
            ("shop", "shop", true),
            ("shop", "shop-a", false),
            ("shop-*", "shop-a", true),
            ("shop-*", "shop-", true),
            ("*", "", true),
            ("", "", true),
            ("", "a", false),
            ("?", "", false),
            ("?", "é", true),
            ("*-prod", "a-prod-prod", true),
            ("*-prod", "a-prod-dev", false),
            ("a*b*c", "a-b-b-c", true),
            ("a*b*c", "a-c-b", false),
            ("**", "x", true),
            ("[a]", "a", false),
            ("[a]", "[a]", true),
        ] {
            assert_eq!(Glob::new(pattern).matches(text), want, "{pattern} on {text}");
        }
    }

    #[test]
    fn a_hostile_pair_ends_soon() {
        let pattern = Glob::new("a*".repeat(50) + "b");
        assert!(!pattern.matches(&"a".repeat(5_000)));
    }
}
