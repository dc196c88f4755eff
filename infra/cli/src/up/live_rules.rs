//! Rule files that are edited while the system runs: they are pushed as `prodrome rules push` would.

use crate::library::{Library, own};
use crate::render;
use jiff::Timestamp;
use prodrome_lifecycle::Terms;
use prodrome_rulebook::{Draft, DraftError, Named, PushError, Rulebook};
use prodrome_rules::{Diagnostic, Loaded, Rule, RuleSet, SourceFile};
use prodrome_store::Store;
use std::collections::{BTreeMap, BTreeSet};
use std::sync::Arc;
use std::time::Duration;

/// Who has pushed what was edited here.
const WHO: &str = "prodrome up";
/// So many rules are named of what a version changed.
const NAMED_MAX: usize = 3;

/// Watches rule files on the disk, and pushes those that have changed: what others push stays.
pub(super) struct LiveRules<S> {
    library: Library,
    book: Rulebook<S>,
    /// What the functions were deployed with.
    base: Vec<SourceFile>,
    /// The files as they were pushed last.
    pushed: Vec<SourceFile>,
    /// Those that were refused last.
    refused: Option<Vec<SourceFile>>,
    /// The version that holds; 0 where it is what the functions were deployed with.
    version: u64,
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
        let (own, terms, pushed) = (own(&rules), terms(&rules), base.clone());
        let (refused, version, news) = (None, 0, None);
        let mut live = Self { library, book, base, pushed, refused, version, settles_in, news, own, terms };
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
        // Others push too.
        if let Ok(Some(head)) = self.book.head().await
            && head.version != self.version
        {
            self.follow(head.version).await;
        }
        match self.library.sources() {
            Ok(files) if files == self.pushed => {
                if self.refused.take().is_some() {
                    self.news = None;
                }
            }
            Ok(files) if self.refused.as_ref() == Some(&files) => {}
            Ok(files) => {
                tokio::time::sleep(self.settles_in).await;
                if self.library.sources().is_ok_and(|again| again == files) {
                    self.push(files, now).await;
                }
            }
            Err(error) => self.say(format!("{error:#}; the rules stay"), true),
        }
    }

    /// Takes a version for the one that holds, and says so.
    async fn follow(&mut self, version: u64) {
        let Ok(held) = self.book.version(version).await else { return };
        let rules = prodrome_rules::load(&held.files).rules;
        (self.own, self.terms, self.version) = (own(&rules), terms(&rules), version);
        let entry = held.entry;
        let changes = [("new", &entry.added), ("changed", &entry.changed), ("removed", &entry.removed)];
        let said: Vec<String> = changes.into_iter().filter_map(|(what, rules)| some(what, rules)).collect();
        let said = if said.is_empty() { "no rule says anything else".to_owned() } else { said.join(", ") };
        let who = if entry.who == WHO { String::new() } else { format!(", by {}", entry.who) };
        let at = entry.at.strftime("%H:%M:%S");
        self.say(format!("version {version} since {at} UTC{who}: {said}"), false);
    }

    async fn push(&mut self, files: Vec<SourceFile>, now: Timestamp) {
        let edited: Vec<SourceFile> =
            files.iter().filter(|file| !self.pushed.contains(file)).cloned().collect();
        let name = |file: &SourceFile| file.short_name().to_owned();
        let names = |files: &[SourceFile]| files.iter().map(name).collect::<BTreeSet<String>>();
        let without: Vec<String> = names(&self.pushed).difference(&names(&files)).cloned().collect();
        let mut why: Vec<String> = edited.iter().map(name).chain(without.iter().cloned()).collect();
        why.sort();
        let why = format!("edited: {}", why.join(", ")).chars().take(200).collect::<String>();
        let draft = Draft { without, ..Draft::new(WHO, why, edited) };
        match self.book.push(&draft, &self.base, now).await {
            Ok(entry) => self.follow(entry.version).await,
            Err(PushError::Draft(DraftError::Nothing)) => self.news = None,
            Err(PushError::Draft(error)) => {
                let why = match &error {
                    DraftError::Mistakes { diagnostics, .. } => mistakes(diagnostics).unwrap_or_default(),
                    error => error.to_string(),
                };
                self.say(format!("not taken up: {why}"), true);
                self.refused = Some(files);
                return;
            }
            // It is not the files that are wrong: they are tried again at the next look.
            Err(error) => return self.say(format!("not taken up yet: {error}"), true),
        }
        self.pushed = files;
        self.refused = None;
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

/// How many rules something became of, and the first of them; `None` where it became of none.
fn some(what: &str, rules: &Named) -> Option<String> {
    let shown = rules.names.iter().take(NAMED_MAX).cloned().collect::<Vec<_>>().join(", ");
    match rules.count {
        0 => None,
        count if count > NAMED_MAX => Some(format!("{count} {what} ({shown}, …)")),
        count => Some(format!("{count} {what} ({shown})")),
    }
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
        let text = "version 1 since 00:00:00 UTC: 1 changed (A)".to_owned();
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

    #[tokio::test]
    async fn what_others_push_stays_and_is_said() {
        let folder = tempfile::tempdir().unwrap();
        write(folder.path(), "a.yaml", &rule(1));
        write(
            folder.path(),
            "c.yaml",
            "C: { resource: Pod, checkField: [{ field: [c], nilValue: true }] }\n",
        );
        let library = Library { rules: vec![folder.path().to_owned()], only: None };
        let base = library.sources().unwrap();
        let book = Rulebook::new(MemoryStore::new());
        let mut live = LiveRules::new(library, book.clone(), base.clone(), Duration::ZERO);
        let now = Timestamp::from_second(0).unwrap();
        let b =
            SourceFile::new("b.yaml", "B: { resource: Pod, checkField: [{ field: [b], nilValue: true }] }\n");
        book.push(&Draft::new("ann", "why", [b]), &base, now).await.unwrap();
        live.look(now).await;
        assert_eq!(live.news().unwrap().text, "version 1 since 00:00:00 UTC, by ann: 1 new (B)");
        assert!(live.terms().contains_key("B"));

        write(folder.path(), "a.yaml", &rule(2));
        std::fs::remove_file(folder.path().join("c.yaml")).unwrap();
        live.look(now).await;
        assert_eq!(book.entry(2).await.unwrap().why, "edited: a.yaml, c.yaml");
        let text = "version 2 since 00:00:00 UTC: 1 changed (A), 1 removed (C)";
        assert_eq!(live.news().unwrap().text, text);
        assert_eq!(book.version(2).await.unwrap().entry.files, ["a.yaml", "b.yaml"]);
        assert!(live.terms().contains_key("B"));
    }

    #[tokio::test]
    async fn what_was_refused_is_still_to_be_pushed() {
        let folder = tempfile::tempdir().unwrap();
        write(folder.path(), "a.yaml", &rule(1));
        write(
            folder.path(),
            "b.yaml",
            "B: { resource: Pod, checkField: [{ field: [b], nilValue: true }] }\n",
        );
        let library = Library { rules: vec![folder.path().to_owned()], only: None };
        let base = library.sources().unwrap();
        let book = Rulebook::new(MemoryStore::new());
        let mut live = LiveRules::new(library, book.clone(), base, Duration::ZERO);
        let now = Timestamp::from_second(0).unwrap();
        write(folder.path(), "a.yaml", &rule(2));
        write(folder.path(), "b.yaml", "B: { resource: Pod }\n");
        live.look(now).await;
        assert!(live.news().unwrap().is_bad);
        write(
            folder.path(),
            "b.yaml",
            "B: { resource: Pod, checkField: [{ field: [b], nilValue: true }] }\n",
        );
        live.look(now).await;
        assert_eq!(book.entry(1).await.unwrap().why, "edited: a.yaml");
    }
}
