use crate::SILENT_AFTER;
use jiff::SignedDuration;
use prodrome_lambda::{Settings, SettingsError, environment};

const SILENT_MINUTES: &str = "minutes, 3 to 1440";

/// The settings of the sweep.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Config {
    /// `LOG_LEVEL`: a level or tracing directives; `info` unless set.
    pub log_level: String,
    /// `CHECKS_TABLE`: the table of checks.
    pub checks_table: String,
    /// `EPISODES_TABLE`: the table of alerts and episodes.
    pub episodes_table: String,
    /// `CHECKS_QUEUE_URL`: where checks that fall due go.
    pub checks_queue_url: String,
    /// `FINDINGS_QUEUE_URL`: where alerts that fall due go.
    pub findings_queue_url: String,
    /// `SILENT_AFTER_MINUTES`: a cluster of which nothing was heard for so long is silent; 10 unless set, at least 3, as a
    /// watcher sends a pack each minute.
    pub silent_after: SignedDuration,
}

impl Config {
    /// From the process's environment.
    pub fn from_env() -> Result<Self, SettingsError> {
        Self::from_vars(environment)
    }

    /// From any source of variables; the error names every mistake.
    pub fn from_vars(get: impl Fn(&str) -> Option<String>) -> Result<Self, SettingsError> {
        let mut settings = Settings::new(get);
        let minutes = settings.parsed("SILENT_AFTER_MINUTES", SILENT_MINUTES, SILENT_AFTER.as_mins());
        if !(3..=1440).contains(&minutes) {
            settings.mistake(format!("SILENT_AFTER_MINUTES is {minutes}: expected {SILENT_MINUTES}"));
        }
        let config = Self {
            log_level: settings.optional("LOG_LEVEL").unwrap_or_default(),
            checks_table: settings.required("CHECKS_TABLE", "the name of the table of checks"),
            episodes_table: settings.required("EPISODES_TABLE", "the name of the table of episodes"),
            checks_queue_url: settings.required("CHECKS_QUEUE_URL", "the URL of the queue of due checks"),
            findings_queue_url: settings.required("FINDINGS_QUEUE_URL", "the URL of the queue of findings"),
            silent_after: SignedDuration::from_mins(minutes),
        };
        settings.finish()?;
        Ok(config)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_silence_that_a_heartbeat_cannot_break_in_time_is_refused() {
        let config = |minutes: &'static str| {
            Config::from_vars(move |name| {
                Some(if name == "SILENT_AFTER_MINUTES" { minutes } else { "x" }.to_owned())
            })
        };
        for (minutes, want) in
            [("", Some(10)), ("3", Some(3)), ("2", None), ("-5", None), ("1441", None), ("ten", None)]
        {
            let found = config(minutes).ok().map(|config| config.silent_after.as_mins());
            assert_eq!(found, want, "{minutes:?}");
        }
    }
}
