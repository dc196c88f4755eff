//! Which conditions of rules the cases of a test have seen both ways.

use super::timeline::{State, Timeline};
use crate::render;
use anyhow::Result;
use std::collections::BTreeMap;
use std::path::{Path, PathBuf};

/// A condition of a rule: its test file, the rule, which of its questions, in words.
type Condition = (PathBuf, String, usize, String);

/// What was seen of each condition: that it holds, and that it does not.
#[derive(Default)]
pub(super) struct Seen(BTreeMap<Condition, (bool, bool)>);

impl Seen {
    /// What a case shows.
    pub(super) fn add(&mut self, file: &Path, case: &Timeline) {
        for track in &case.tracks {
            for (index, row) in track.rows.iter().enumerate() {
                let condition = (file.to_owned(), track.rule.clone(), index, row.text.clone());
                let (holds, not) = self.0.entry(condition).or_default();
                *holds |= row.ever(State::Holds);
                *not |= row.ever(State::HoldsNot);
            }
        }
    }

    /// Says what was seen one way only.
    pub(super) fn tell(&self, colours: bool) -> Result<()> {
        if self.0.is_empty() {
            return Ok(());
        }
        let mut both = 0;
        let mut rule_before = None;
        for ((file, rule, _, words), seen) in &self.0 {
            let what = match seen {
                (true, true) => {
                    both += 1;
                    continue;
                }
                (true, false) => "never false",
                (false, true) => "never true",
                (false, false) => "never known",
            };
            if rule_before != Some((file, rule)) {
                let title = render::paint(rule, "1", colours);
                say!("{} {}: {title}", render::paint("one-sided", "33", colours), file.display());
                rule_before = Some((file, rule));
            }
            say!("    {what}: {}", render::plain(words, 200));
        }
        say!(
            "{} of {} true in some case and false in another",
            both,
            render::count(self.0.len(), "condition")
        );
        Ok(())
    }
}
