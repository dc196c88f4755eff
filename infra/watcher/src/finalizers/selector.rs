use std::collections::BTreeMap;
use std::fmt;
use std::str::FromStr;

/// A selector of labels as kubectl takes it: `team=shop,tier!=test,app in (a, b),!canary`. Empty, it selects all.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct LabelSelector {
    text: String,
    terms: Vec<Term>,
}

#[derive(Debug, Clone, PartialEq, Eq)]
struct Term {
    key: String,
    test: Test,
}

#[derive(Debug, Clone, PartialEq, Eq)]
enum Test {
    In(Vec<String>),
    NotIn(Vec<String>),
    Exists,
    Absent,
}

/// A selector is written in a way that is not understood.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("expected labels such as team=shop,tier!=test,app in (a, b),!canary, found \"{0}\"")]
pub struct LabelSelectorError(String);

impl LabelSelector {
    /// Whether an object with these labels is meant.
    pub(crate) fn selects(&self, labels: &BTreeMap<String, String>) -> bool {
        self.terms.iter().all(|Term { key, test }| {
            let value = labels.get(key);
            match test {
                Test::In(values) => value.is_some_and(|value| values.contains(value)),
                Test::NotIn(values) => value.is_none_or(|value| !values.contains(value)),
                Test::Exists => value.is_some(),
                Test::Absent => value.is_none(),
            }
        })
    }
}

impl FromStr for LabelSelector {
    type Err = LabelSelectorError;

    fn from_str(text: &str) -> Result<Self, Self::Err> {
        let terms: Option<Vec<Term>> = split(text.trim()).into_iter().map(term).collect();
        let terms = terms.ok_or_else(|| LabelSelectorError(text.to_owned()))?;
        Ok(Self { text: text.trim().to_owned(), terms })
    }
}

impl fmt::Display for LabelSelector {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.text)
    }
}

/// At the commas that stand in no brackets.
fn split(text: &str) -> Vec<&str> {
    let mut depth = 0_u32;
    let parts = text.split(|c| {
        match c {
            '(' => depth += 1,
            ')' => depth = depth.saturating_sub(1),
            _ => {}
        }
        c == ',' && depth == 0
    });
    if text.is_empty() { Vec::new() } else { parts.collect() }
}

fn term(text: &str) -> Option<Term> {
    let text = text.trim();
    let (key, test) = if let Some(key) = text.strip_prefix('!') {
        (key, Test::Absent)
    } else if let Some((head, values)) = text.split_once('(') {
        let values = values.strip_suffix(')')?.split(',').map(|value| value.trim().to_owned()).collect();
        match head.trim().split_once(char::is_whitespace)? {
            (key, word) if word.trim() == "in" => (key, Test::In(values)),
            (key, word) if word.trim() == "notin" => (key, Test::NotIn(values)),
            _ => return None,
        }
    } else if let Some((key, value)) = text.split_once("!=") {
        (key, Test::NotIn(vec![value.trim().to_owned()]))
    } else if let Some((key, value)) = text.split_once('=') {
        let value = value.strip_prefix('=').unwrap_or(value);
        (key, Test::In(vec![value.trim().to_owned()]))
    } else {
        (text, Test::Exists)
    };
    let is_label = |text: &str| text.bytes().all(|b| b.is_ascii_alphanumeric() || b"-._/".contains(&b));
    let values = match &test {
        Test::In(values) | Test::NotIn(values) => values.as_slice(),
        Test::Exists | Test::Absent => &[],
    };
    let (key, sound) = (key.trim(), values.iter().all(|value| is_label(value)));
    (!key.is_empty() && is_label(key) && sound).then(|| Term { key: key.to_owned(), test })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_selector_selects_what_kubectl_would() {
        let labels: BTreeMap<String, String> =
            [("team", "shop"), ("example.com/tier", "prod")].map(|(k, v)| (k.into(), v.into())).into();
        for (selector, want) in [
            ("", true),
            ("team", true),
            ("canary", false),
            ("!canary", true),
            ("!team", false),
            ("team=shop", true),
            ("team == shop", true),
            ("team=other", false),
            ("team!=other,example.com/tier=prod", true),
            ("team!=shop", false),
            ("other!=shop", true),
            ("team in (a, shop),!canary", true),
            ("team in (a,b)", false),
            ("team notin (a,b)", true),
            ("other notin (a)", true),
        ] {
            assert_eq!(selector.parse::<LabelSelector>().unwrap().selects(&labels), want, "{selector}");
        }
    }

    #[test]
    fn what_is_no_selector_is_refused() {
        for text in ["team in a", "=shop", "team>3", "team in (a", "a,,b", "team=a b", "team near (a)"] {
            assert!(text.parse::<LabelSelector>().is_err(), "{text}");
        }
    }
}
