use crate::glob::Glob;
use memchr::memmem::Finder;
use regex::Regex;

/// A glob or a regular expression, as what it takes to try it on a text.
#[derive(Debug)]
pub(super) enum Matcher {
    /// Text, then anything, then text.
    Ends(Box<str>, Box<str>),
    /// Text within anything.
    Infix(Box<Finder<'static>>),
    /// Any other glob.
    Glob(Glob),
    Regex(Regex),
}

/// What a glob is, without its syntax.
pub(super) enum Shape {
    /// This text and no other.
    Exact(String),
    Other(Matcher),
}

impl Shape {
    pub(super) fn of(glob: &Glob) -> Self {
        // The texts between the stars.
        let mut texts = vec![String::new()];
        let mut chars = glob.as_str().chars();
        while let Some(c) = chars.next() {
            match c {
                '?' => return Self::Other(Matcher::Glob(glob.clone())),
                '*' => texts.push(String::new()),
                '\\' => texts.last_mut().expect("there is one").push(chars.next().unwrap_or('\\')),
                c => texts.last_mut().expect("there is one").push(c),
            }
        }
        texts.dedup_by(|after, before| after.is_empty() && before.is_empty());
        match texts.as_mut_slice() {
            [text] if !glob.as_str().contains('*') || !text.is_empty() => Self::Exact(std::mem::take(text)),
            [_] => Self::Other(Matcher::Ends("".into(), "".into())),
            [begin, end] => Self::Other(Matcher::Ends(begin.as_str().into(), end.as_str().into())),
            [begin, infix, end] if begin.is_empty() && end.is_empty() => {
                Self::Other(Matcher::Infix(Box::new(Finder::new(infix.as_bytes()).into_owned())))
            }
            _ => Self::Other(Matcher::Glob(glob.clone())),
        }
    }
}

impl Matcher {
    /// Tells it from any other.
    pub(super) fn write_key(&self, out: &mut String) {
        match self {
            Self::Ends(begin, end) => out.extend(["<", begin, "*", end]),
            Self::Infix(finder) => out.extend(["*", &String::from_utf8_lossy(finder.needle())]),
            Self::Glob(glob) => out.extend(["?", glob.as_str()]),
            Self::Regex(regex) => out.extend(["/", regex.as_str()]),
        }
    }

    /// The same once more; what a regular expression needs is shared.
    pub(super) fn again(&self) -> Self {
        match self {
            Self::Ends(begin, end) => Self::Ends(begin.clone(), end.clone()),
            Self::Infix(finder) => Self::Infix(finder.clone()),
            Self::Glob(glob) => Self::Glob(glob.clone()),
            Self::Regex(regex) => Self::Regex(regex.clone()),
        }
    }

    pub(super) fn matches(&self, text: &str) -> bool {
        match self {
            Self::Ends(begin, end) => {
                text.len() >= begin.len() + end.len() && text.starts_with(&**begin) && text.ends_with(&**end)
            }
            Self::Infix(finder) => finder.find(text.as_bytes()).is_some(),
            Self::Glob(glob) => glob.matches(text),
            Self::Regex(regex) => regex.is_match(text),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    proptest! {
        #[test]
        fn a_shape_matches_what_its_glob_matches(pattern in r"[ab*?\\é]{0,7}", text in "[ab*?é]{0,9}") {
            let glob = Glob::new(&pattern);
            let got = match Shape::of(&glob) {
                Shape::Exact(exact) => exact == text,
                Shape::Other(matcher) => matcher.matches(&text),
            };
            prop_assert_eq!(got, glob.matches(&text), "{} {}", pattern, text);
        }
    }
}
