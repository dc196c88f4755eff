//! What every rulebook does. Each test is given an empty table.

use base64::Engine as _;
use jiff::Timestamp;
use prodrome_rulebook::{BookError, Draft, DraftError, Head, PushError, Refused, Rulebook, keys};
use prodrome_rules::{RuleSet, SourceFile, load};
use prodrome_store::{Expect, Record, Store, Write};

/// A store that tasks can share.
pub(crate) trait Shared: Store + Clone + 'static {}
impl<S: Store + Clone + 'static> Shared for S {}

/// Makes a test of each function of the contract. `$run` is called with its name and the function.
macro_rules! contract {
    ($run:ident) => {
        contract!(
            $run,
            a_version_reads_back_as_it_was_pushed,
            files_are_pushed_onto_those_that_hold,
            of_many_pushes_at_once_one_is_done_and_the_others_are_told_whose,
            a_push_that_was_made_from_an_older_version_is_refused,
            what_does_not_compile_is_not_written,
            a_rollback_is_a_new_version_with_the_old_text,
            a_rollback_to_what_no_longer_compiles_is_refused,
            a_rule_is_another_where_it_comes_back,
            of_a_rule_that_is_refused_the_last_good_one_runs,
            ten_thousand_rules_are_a_version,
        );
    };
    ($run:ident, $($name:ident,)*) => {
        $(
            #[tokio::test]
            async fn $name() {
                $run(stringify!($name), async |store| $crate::contract::$name(store).await).await;
            }
        )*
    };
}
pub(crate) use contract;

pub(crate) fn at(second: i64) -> Timestamp {
    Timestamp::from_second(second).unwrap()
}

/// A file with one rule, which looks for a value.
pub(crate) fn file(rule: &str, value: usize) -> SourceFile {
    let text =
        format!("{rule}: {{ resource: Pod, checkField: [{{ field: [a], equalValue: [{value}] }}] }}\n");
    SourceFile::new(format!("{rule}.yaml"), text)
}

fn draft(who: &str, files: impl IntoIterator<Item = SourceFile>) -> Draft {
    Draft::new(who, format!("{who} knows why"), files)
}

/// Writes another text into a version, as a program might that knows another language.
pub(crate) async fn rewrite(store: &impl Store, version: u64, files: &[(&str, &str)], rules: &[&str]) {
    let files: Vec<_> =
        files.iter().map(|(name, text)| serde_json::json!({ "name": name, "text": text })).collect();
    let identity = serde_json::json!({ "hash": "of another", "meaning": "of another" });
    let rules: serde_json::Map<_, _> =
        rules.iter().map(|rule| ((*rule).to_owned(), identity.clone())).collect();
    let text = serde_json::json!({ "files": files, "rules": rules }).to_string();
    let zstd = zstd::bulk::compress(text.as_bytes(), 1).unwrap();
    let zstd = base64::engine::general_purpose::STANDARD.encode(zstd);
    let data = serde_json::json!({ "layout": 1, "zstd": zstd }).to_string();
    let write = Write::Put(Record::new(keys::part(version, 0), data), Expect::Anything);
    store.commit(vec![write]).await.unwrap();
}

pub(crate) async fn a_version_reads_back_as_it_was_pushed(store: impl Shared) {
    let book = Rulebook::new(store);
    assert_eq!(book.head().await.unwrap(), None);
    assert_eq!(book.history().await.unwrap(), []);
    let entry = book.push(&draft("ann", [file("A", 1), file("B", 1)]), &[], at(7)).await.unwrap();
    assert_eq!(book.head().await.unwrap(), Some(Head { layout: 1, version: 1, at: at(7) }));
    let version = book.version(1).await.unwrap();
    assert_eq!(version.entry, entry);
    assert_eq!(version.files, [file("A", 1), file("B", 1)]);
    assert_eq!((&*entry.who, &*entry.why, entry.at, entry.rules), ("ann", "ann knows why", at(7), 2));
    assert_eq!(entry.kinds.iter().map(|(k, v)| (k.as_str(), *v)).collect::<Vec<_>>(), [("core/Pod", 1)]);
    let compiled = book.compiled(1, &RuleSet::default()).await.unwrap();
    assert_eq!(compiled.rules, load(&version.files).rules);
    assert_eq!((compiled.version, compiled.refused), (1, vec![]));
    let error = book.version(2).await.unwrap_err();
    assert_eq!(error.to_string(), "there is no version 2: the latest is 1");
}

pub(crate) async fn files_are_pushed_onto_those_that_hold(store: impl Shared) {
    let book = Rulebook::new(store);
    // What came with the programs holds at first.
    let base = [file("A", 1), file("B", 1)];
    let entry = book.push(&draft("ann", [file("C", 1)]), &base, at(1)).await.unwrap();
    assert_eq!((entry.files.len(), entry.added.names), (3, vec!["C".to_owned()]));
    let entry = book.push(&draft("bob", [file("A", 2)]), &[], at(2)).await.unwrap();
    assert_eq!((entry.changed.names, entry.removed.count), (vec!["A".to_owned()], 0));
    let nothing = book.push(&draft("bob", [file("A", 2)]), &[], at(3)).await.unwrap_err();
    assert!(matches!(nothing, PushError::Draft(DraftError::Nothing)), "{nothing}");
    let prune = Draft { prune: true, ..draft("cy", [file("A", 2)]) };
    let (plan, on) = book.plan(&prune, &base).await.unwrap();
    assert_eq!((plan.counts(), on), ([0, 0, 2], 2));
    let entry = book.push(&prune, &[], at(4)).await.unwrap();
    assert_eq!(
        (entry.removed.names, entry.files),
        (vec!["B".to_owned(), "C".to_owned()], vec!["A.yaml".to_owned()])
    );
    let history = book.history().await.unwrap();
    let told: Vec<_> = history.iter().map(|entry| (entry.version, entry.who.as_str())).collect();
    assert_eq!(told, [(3, "cy"), (2, "bob"), (1, "ann")]);
    assert_eq!(history[0].kinds["core/Pod"], 2, "a rule less finds nothing more");
}

pub(crate) async fn of_many_pushes_at_once_one_is_done_and_the_others_are_told_whose(store: impl Shared) {
    let book = Rulebook::new(store);
    book.push(&draft("ann", [file("A", 0)]), &[], at(1)).await.unwrap();
    let mut pushes = tokio::task::JoinSet::new();
    for number in 1..=8 {
        let book = book.clone();
        // All of them have seen version 1.
        let draft = Draft { on: Some(1), ..draft(&format!("number {number}"), [file("A", number)]) };
        pushes.spawn(async move { (number, book.push(&draft, &[], at(2)).await) });
    }
    let (mut done, mut overtaken) = (Vec::new(), Vec::new());
    while let Some(joined) = pushes.join_next().await {
        match joined.unwrap() {
            (number, Ok(_)) => done.push(number),
            (_, Err(PushError::Overtaken { by })) => overtaken.push(by.who),
            (number, Err(error)) => panic!("number {number}: {error}"),
        }
    }
    let [winner] = done[..] else { panic!("{done:?}") };
    assert_eq!(overtaken, vec![format!("number {winner}"); 7]);
    let version = book.version(2).await.unwrap();
    assert_eq!(version.files, [file("A", winner)], "what one wrote is mixed with nobody's");
}

pub(crate) async fn a_push_that_was_made_from_an_older_version_is_refused(store: impl Shared) {
    let book = Rulebook::new(store);
    let on = |on, value| Draft { on: Some(on), ..draft("ann", [file("A", value)]) };
    let early = book.push(&on(3, 1), &[], at(1)).await.unwrap_err();
    assert_eq!(early.to_string(), "it was made from version 3, and nothing was pushed yet");
    book.push(&on(0, 1), &[], at(1)).await.unwrap();
    book.push(&on(1, 2), &[], at(2)).await.unwrap();
    let late = book.push(&on(1, 3), &[], at(3)).await.unwrap_err();
    let want = "version 2 was pushed meanwhile, by ann at 1970-01-01 00:00:02Z (ann knows why)";
    assert_eq!(late.to_string(), want);
    assert_eq!(book.version(2).await.unwrap().files, [file("A", 2)]);
}

pub(crate) async fn what_does_not_compile_is_not_written(store: impl Shared) {
    let book = Rulebook::new(store);
    book.push(&draft("ann", [file("A", 1)]), &[], at(1)).await.unwrap();
    let bad = SourceFile::new("b.yaml", "B: { resource: Pod, checkField: [{ field: [a] }] }");
    let error = book.push(&draft("ann", [file("A", 2), bad]), &[], at(2)).await.unwrap_err();
    let PushError::Draft(DraftError::Mistakes { diagnostics, .. }) = error else { panic!("{error}") };
    assert_eq!(diagnostics[0].field(), "B.checkField[0]");
    assert_eq!(book.version(1).await.unwrap().files, [file("A", 1)]);
    assert!(matches!(book.version(2).await, Err(BookError::NoVersion { .. })));
}

pub(crate) async fn a_rollback_is_a_new_version_with_the_old_text(store: impl Shared) {
    let book = Rulebook::new(store);
    book.push(&draft("ann", [file("A", 1)]), &[], at(1)).await.unwrap();
    book.push(&draft("ann", [file("A", 2), file("B", 1)]), &[], at(2)).await.unwrap();
    let entry = book.roll_back(1, "bob", "B is noisy", at(3)).await.unwrap();
    assert_eq!((entry.version, entry.back_to, &*entry.who), (3, Some(1), "bob"));
    assert_eq!((entry.changed.names, entry.removed.names), (vec!["A".to_owned()], vec!["B".to_owned()]));
    assert_eq!(entry.kinds["core/Pod"], 3, "A looks for something else again");
    assert_eq!(book.version(3).await.unwrap().files, [file("A", 1)]);
    let error = book.roll_back(9, "bob", "x", at(4)).await.unwrap_err();
    assert_eq!(error.to_string(), "there is no version 9: the latest is 3");
    let error = book.roll_back(3, "bob", "x", at(4)).await.unwrap_err();
    assert!(matches!(error, PushError::Draft(DraftError::Nothing)), "{error}");
}

pub(crate) async fn a_rollback_to_what_no_longer_compiles_is_refused(store: impl Shared) {
    let book = Rulebook::new(store.clone());
    for value in 1..=2 {
        book.push(&draft("ann", [file("A", value)]), &[], at(1)).await.unwrap();
    }
    rewrite(
        &store,
        1,
        &[("a.yaml", "A: { resource: Pod, checkField: [{ field: [a], nilValue: true, oldWord: 1 }] }")],
        &["A"],
    )
    .await;
    let error = book.roll_back(1, "bob", "why not", at(3)).await.unwrap_err();
    assert_eq!(error.to_string(), "version 1 no longer compiles, so it cannot be gone back to");
    let PushError::Outdated { diagnostics, .. } = error else { panic!("{error}") };
    assert!(diagnostics[0].to_string().contains("oldWord"), "{}", diagnostics[0]);
    assert_eq!(book.head().await.unwrap().unwrap().version, 2);
}

pub(crate) async fn a_rule_is_another_where_it_comes_back(store: impl Shared) {
    let book = Rulebook::new(store);
    let (base, push) =
        ([file("A", 1), file("B", 1)], |files: Vec<SourceFile>| Draft { prune: true, ..draft("ann", files) });
    let mut staged = file("B", 1);
    staged.text = staged.text.replace("resource:", "mode: shadow, resource:");
    let mut louder = file("A", 1);
    louder.text = louder.text.replace("resource:", "severity: P1, resource:");
    let mut narrow = file("B", 1);
    narrow.text = narrow.text.replace("resource:", "clusters: [prod], resource:");
    // (what is pushed, since when A and B are what they are)
    for (version, files, want) in [
        (1, vec![louder.clone(), file("B", 1)], [Some(0), Some(0)]),
        (2, vec![louder.clone()], [Some(0), None]),
        (3, vec![file("A", 1), file("B", 1)], [Some(0), Some(3)]),
        (4, vec![file("A", 2), staged], [Some(4), Some(4)]),
        (5, vec![file("A", 1), file("B", 1)], [Some(5), Some(5)]),
        (6, vec![louder, file("B", 1)], [Some(5), Some(5)]),
        // Where it stays it is what it was; where it comes back it is another.
        (7, vec![file("A", 1), narrow], [Some(5), Some(5)]),
        (8, vec![file("A", 1), file("B", 1)], [Some(5), Some(8)]),
    ] {
        book.push(&push(files), &base, at(1)).await.unwrap();
        let since = book.compiled(version, &RuleSet::default()).await.unwrap().since;
        assert_eq!(["A", "B"].map(|rule| since.get(rule).copied()), want, "version {version}");
    }
}

pub(crate) async fn of_a_rule_that_is_refused_the_last_good_one_runs(store: impl Shared) {
    let book = Rulebook::new(store.clone());
    for value in 1..=3 {
        let files = [file("A", value), file("B", value), file("C", value)];
        book.push(&draft("ann", files), &[], at(1)).await.unwrap();
    }
    // A newer language: A and C are refused here; C was so in the version before, too. D came with the program.
    let bad = |name: &str| {
        format!("{name}: {{ resource: Pod, checkField: [{{ field: [a], nilValue: true, newWord: 1 }}] }}\n")
    };
    let (a, b, c, d) = (bad("A"), file("B", 4).text, bad("C"), bad("D"));
    let good = file("A", 2).text;
    rewrite(&store, 2, &[("x.yaml", &(good + &c))], &["A", "C"]).await;
    rewrite(&store, 3, &[("x.yaml", &(a + &b + &c + &d + &bad("E")))], &["A", "B", "C", "D", "E"]).await;
    let base = load(&[file("C", 9), file("D", 9), file("Z", 9)]).rules;
    let compiled = book.compiled(3, &base).await.unwrap();
    let runs: Vec<_> = compiled.refused.iter().map(|refused| (refused.rule.as_str(), refused.runs)).collect();
    assert_eq!(runs, [("A", Some(2)), ("C", Some(1)), ("D", Some(0)), ("E", None)]);
    let Refused { reason, .. } = &compiled.refused[0];
    assert!(reason.contains("A.checkField[0]") && reason.contains("newWord"), "{reason}");
    let want = load(&[file("A", 2), file("B", 4), file("C", 1), file("D", 9)]).rules;
    for rule in want.rules() {
        assert_eq!(compiled.rules.get(rule.name()), Some(rule));
    }
    assert_eq!(compiled.rules.rules().len(), 4);
}

pub(crate) async fn ten_thousand_rules_are_a_version(store: impl Shared) {
    let book = Rulebook::new(store);
    let files = (0..100).map(|number| {
        let rules = (0..100).map(|rule| file(&format!("Rule{number}Of{rule}"), number * rule).text);
        SourceFile::new(format!("f{number}.yaml"), rules.collect::<String>())
    });
    let files: Vec<SourceFile> = files.collect();
    let entry = book.push(&draft("ann", files.clone()), &[], at(1)).await.unwrap();
    assert_eq!((entry.rules, entry.added.count, entry.added.names.len()), (10_000, 10_000, 50));
    let compiled = book.compiled(1, &RuleSet::default()).await.unwrap();
    assert_eq!((compiled.rules.rules().len(), compiled.refused.len()), (10_000, 0));
}
