use std::str::FromStr;

type Getter<'a> = Box<dyn Fn(&str) -> Option<String> + 'a>;

/// Reads settings and gathers every mistake, so that one error names them all.
pub struct Settings<'a> {
    get: Getter<'a>,
    mistakes: Vec<String>,
}

/// All that is wrong with the settings.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("{} wrong: {}", if mistakes.len() == 1 { "a setting is".to_owned() } else { format!("{} settings are", mistakes.len()) }, mistakes.join("; "))]
pub struct SettingsError {
    /// Each mistake, with what was expected.
    pub mistakes: Vec<String>,
}

/// One variable of the process's environment. For `Settings::new` in a `from_env`, and nowhere else.
pub fn environment(name: &str) -> Option<String> {
    #[expect(clippy::disallowed_methods, reason = "the one place where settings are read")]
    std::env::var(name).ok()
}

impl<'a> Settings<'a> {
    /// Reads by `get`. An empty value counts as not set: a template cannot leave a variable out.
    pub fn new(get: impl Fn(&str) -> Option<String> + 'a) -> Self {
        Self { get: Box::new(move |name| get(name).filter(|value| !value.is_empty())), mistakes: Vec::new() }
    }

    /// A text that must be there; `what` says what it is.
    pub fn required(&mut self, name: &str, what: &str) -> String {
        self.optional(name).unwrap_or_else(|| {
            self.mistakes.push(format!("{name} is not set: {what}"));
            String::new()
        })
    }

    /// A text that may be there.
    pub fn optional(&self, name: &str) -> Option<String> {
        (self.get)(name)
    }

    /// A value that is parsed, or its default; `what` says what is expected.
    pub fn parsed<T: FromStr>(&mut self, name: &str, what: &str, default: T) -> T {
        match self.optional(name) {
            None => default,
            Some(text) => text.parse().unwrap_or_else(|_| {
                self.mistakes.push(format!("{name} is {text:?}: expected {what}"));
                default
            }),
        }
    }

    /// Notes a mistake that the caller found itself.
    pub fn mistake(&mut self, text: impl Into<String>) {
        self.mistakes.push(text.into());
    }

    /// The end: an error if there was any mistake.
    pub fn finish(self) -> Result<(), SettingsError> {
        if self.mistakes.is_empty() { Ok(()) } else { Err(SettingsError { mistakes: self.mistakes }) }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_empty_value_is_not_set() {
        let mut settings = Settings::new(|_| Some(String::new()));
        assert_eq!(settings.optional("A"), None);
        assert_eq!(settings.parsed("B", "a number", 7), 7);
        settings.required("C", "the table");
        assert_eq!(settings.finish().unwrap_err().to_string(), "a setting is wrong: C is not set: the table");
    }
}
