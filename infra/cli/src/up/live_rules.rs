//! Rule files that are edited while the system runs: they are pushed as `prodrome rules push` would.

use crate::library::{Library, own};
use crate::render;
use jiff::Timestamp;
use prodrome_lifecycle::Terms;
use prodrome_rulebook::{Draft, DraftError, PushError, Rulebook};
use prodrome_rules::{Diagnostic, Loaded, Rule, RuleSet, SourceFile};
use prodrome_store::Store;
use std::collections::BTreeMap;
use std::sync::Arc;
use std::time::Duration;

/// Watches rule files on the disk, and pushes them when they have changed.
pub(super) struct LiveRules<S> {
    library: Library,
    book: Rulebook<S>,
    /// What the functions were deployed with.
    base: Vec<SourceFile>,
    /// What was pushed last, or found to be bad.
    settled: Vec<SourceFile>,
    /// How long what has changed must stay so: an editor may be writing.
    settles_in: Duration,
    news: Option<RulesNews>,
    /// Those that hold now and are not shipped.
    own: RuleSet,
    /// How long those that hold now wait.
    terms: Arc<BTreeMap<String, Terms>>,
}

/// What there is to say of the rules.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct RulesNews {
    pub(super) text: String,
    /// Whether something is wrong with them.
    pub(super) is_bad: bool,
}

impl<S: Store> LiveRules<S> {
    /// Of a system that was deployed with these files.
    pub(super) fn new(
        library: Library,
        book: Rulebook<S>,
        base: Vec<SourceFile>,
        settles_in: Duration,
    ) -> Self {
        let Loaded { rules, diagnostics } = prodrome_rules::load(&base);
        let (own, terms, settled) = (own(&rules), terms(&rules), base.clone());
        let mut live = Self { library, book, settled, base, settles_in, news: None, own, terms };
        if let Some(mistakes) = mistakes(&diagnostics) {
            live.say(format!("left out: {mistakes}"), true);
        }
        live
    }

    /// What is to be said of them now.
    pub(super) fn news(&self) -> Option<RulesNews> {
        self.news.clone()
    }

    /// Those of them that are not shipped.
    pub(super) fn own(&self) -> &RuleSet {
        &self.own
    }

    /// How long each of them waits before it fires, and what for, by its name.
    pub(super) fn terms(&self) -> Arc<BTreeMap<String, Terms>> {
        Arc::clone(&self.terms)
    }

    /// Looks at the files. What has changed is pushed if it stays so for a moment, and else at a later look.
    pub(super) async fn look(&mut self, now: Timestamp) {
        match self.library.sources() {
            Ok(files) if files == self.settled => {}
            Ok(files) => {
                tokio::time::sleep(self.settles_in).await;
                if self.library.sources().is_ok_and(|again| again == files) {
                    self.push(&files, now).await;
                }
            }
            Err(error) => self.say(format!("{error:#}; the rules stay"), true),
        }
    }

    async fn push(&mut self, files: &[SourceFile], now: Timestamp) {
        let why = format!("edited: {}", edited(&self.settled, files).join(", "));
        let why = why.chars().take(200).collect::<String>();
        let draft = Draft { prune: true, ..Draft::new("prodrome up", why, files.iter().cloned()) };
        match self.book.push(&draft, &self.base, now).await {
            Ok(entry) => {
                let rules = prodrome_rules::load(files).rules;
                (self.own, self.terms) = (own(&rules), terms(&rules));
                let [added, changed, removed] = [&entry.added, &entry.changed, &entry.removed];
                let what = match (added.count, changed.count, removed.count) {
                    (0, 0, 0) => "no rule says anything else".to_owned(),
                    (new, other, gone) => format!("{new} new, {other} changed, {gone} removed"),
                };
                let at = now.strftime("%H:%M:%S");
                self.say(format!("version {} since {at} UTC: {what}", entry.version), false);
            }
            Err(PushError::Draft(DraftError::Nothing)) => self.news = None,
            Err(PushError::Draft(DraftError::Mistakes { diagnostics, .. })) => {
                self.say(format!("not taken up: {}", mistakes(&diagnostics).unwrap_or_default()), true);
            }
            // Nothing has changed; it is tried again at the next look.
            Err(PushError::Book(error)) => return self.say(format!("not taken up: {error}"), true),
            Err(error) => self.say(format!("not taken up: {error}"), true),
        }
        self.settled = files.to_vec();
    }

    fn say(&mut self, text: String, is_bad: bool) {
        self.news = Some(RulesNews { text, is_bad });
    }
}

fn terms(rules: &RuleSet) -> Arc<BTreeMap<String, Terms>> {
    let of = |rule: &Rule| (rule.name().to_owned(), prodrome_evaluate::terms(rule));
    Arc::new(rules.rules().iter().map(of).collect())
}

/// The first mistake, and how many there are beside it; `None` where there is none.
fn mistakes(diagnostics: &[Diagnostic]) -> Option<String> {
    let mut mistakes = diagnostics.iter().filter(|d| d.is_error());
    let first = mistakes.next()?;
    Some(match mistakes.count() {
        0 => first.to_string(),
        more => format!("{first} (and {} more)", render::count(more, "mistake")),
    })
}

/// The names of the files that differ.
fn edited(old: &[SourceFile], new: &[SourceFile]) -> Vec<String> {
    let differs = |file: &&SourceFile, others: &[SourceFile]| !others.contains(file);
    let of_new = new.iter().filter(|file| differs(file, old));
    let of_old = old.iter().filter(|file| differs(file, new));
    let name = |file: &SourceFile| file.name.rsplit('/').next().unwrap_or_default().to_owned();
    let mut names: Vec<_> = of_new.chain(of_old).map(name).collect();
    names.sort();
    names.dedup();
    names
}

#[cfg(test)]
mod tests {
    use super::*;
    use jiff::SignedDuration;
    use prodrome_store::MemoryStore;
    use std::path::Path;

    fn write(folder: &Path, name: &str, text: &str) {
        std::fs::write(folder.join(name), text).unwrap();
    }

    fn rule(value: u8) -> String {
        format!(
            "A: {{ resource: Pod, duration: {value}m, checkField: [{{ field: [a], equalValue: [{value}] }}] }}\n"
        )
    }

    #[tokio::test]
    async fn an_edited_file_is_pushed_and_a_bad_one_changes_nothing() {
        let folder = tempfile::tempdir().unwrap();
        write(folder.path(), "a.yaml", &rule(1));
        let library = Library { rules: vec![folder.path().to_owned()], only: None };
        let base = library.sources().unwrap();
        let book = Rulebook::new(MemoryStore::new());
        let mut live = LiveRules::new(library, book.clone(), base, Duration::ZERO);
        let now = Timestamp::from_second(0).unwrap();
        live.look(now).await;
        assert_eq!((live.news(), book.head().await.unwrap()), (None, None), "nothing was edited");

        write(folder.path(), "a.yaml", &rule(2));
        live.look(now).await;
        let entry = book.entry(1).await.unwrap();
        assert_eq!((&*entry.who, &*entry.why), ("prodrome up", "edited: a.yaml"));
        let text = "version 1 since 00:00:00 UTC: 0 new, 1 changed, 0 removed".to_owned();
        assert_eq!(live.news(), Some(RulesNews { text, is_bad: false }));
        let own: Vec<&str> = live.own().rules().iter().map(prodrome_rules::Rule::name).collect();
        assert_eq!(own, ["A"]);
        assert_eq!(live.terms()["A"].duration, SignedDuration::from_mins(2), "as it is now");

        write(folder.path(), "b.yaml", "B: { resource: Pod, checkField: [{ field: a, nilValue: true }] }\n");
        for _ in 0..2 {
            live.look(now).await;
        }
        let news = live.news().unwrap();
        assert!(news.is_bad && news.text.contains("b.yaml:1:43 B.checkField[0].field: expected"), "{news:?}");
        assert_eq!(book.history().await.unwrap().len(), 1);

        std::fs::remove_file(folder.path().join("b.yaml")).unwrap();
        for _ in 0..2 {
            live.look(now).await;
        }
        assert_eq!((live.news(), book.history().await.unwrap().len()), (None, 1), "as it was");
    }
}
