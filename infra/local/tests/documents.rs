//! The tests that documents name as proofs are there.

use std::path::{Path, PathBuf};

fn root() -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("../..")
}

/// A file by its path from the root, or by its whole path.
fn read(file: impl AsRef<Path>) -> String {
    let file = root().join(file);
    std::fs::read_to_string(&file).unwrap_or_else(|error| panic!("{}: {error}", file.display()))
}

/// What stands between backticks.
fn quoted(text: &str) -> impl Iterator<Item = &str> {
    text.split('`').skip(1).step_by(2)
}

/// Whether a word looks like the name of a test.
fn is_test(word: &str) -> bool {
    word.matches('_').count() >= 2
        && word.chars().all(|c| c.is_ascii_lowercase() || c == '_' || c.is_ascii_digit())
}

/// Whether a source has a function of this name.
fn has(source: &str, test: &str) -> bool {
    source.contains(&format!("fn {test}("))
}

/// Every source there is.
fn sources(folder: &Path, into: &mut Vec<String>) {
    let entries = std::fs::read_dir(folder).unwrap_or_else(|error| panic!("{}: {error}", folder.display()));
    for path in entries.flatten().map(|entry| entry.path()) {
        if path.is_dir() && !path.ends_with("target") {
            sources(&path, into);
        } else if path.extension().is_some_and(|end| end == "rs") {
            into.push(read(&path));
        }
    }
}

#[test]
fn every_test_that_the_readme_promises_by_exists_where_it_says() {
    let text = read("README.md");
    let mut named = 0;
    for link in text.split("[`").skip(1) {
        let Some((test, rest)) = link.split_once("`](") else { continue };
        let (file, _) = rest.split_once(')').unwrap();
        if is_test(test) {
            named += 1;
            assert!(has(&read(file), test), "README.md names {test}, which is not in {file}");
        } else {
            assert!(root().join(file.split('#').next().unwrap()).exists(), "README.md links to {file}");
        }
    }
    assert!(named > 20, "{named}");
}

#[test]
fn every_test_that_the_invariants_name_exists() {
    let text = read("ARCHITECTURE.md");
    let mut all = Vec::new();
    for folder in ["functions", "shared", "infra", "tests"] {
        sources(&root().join(folder), &mut all);
    }
    let mut named = 0;
    for word in quoted(&text) {
        // A long name may be cut.
        let cut = word.trim_end_matches('…');
        if is_test(cut) {
            named += 1;
            let begin = if cut == word { format!("fn {word}(") } else { format!("fn {cut}") };
            assert!(all.iter().any(|source| source.contains(&begin)), "ARCHITECTURE.md names {word}");
        }
    }
    assert!(named > 40, "{named}");
}

#[test]
fn every_test_that_the_threat_model_names_exists_where_it_says() {
    let (text, template) = (read("SECURITY.md"), read("template.yaml"));
    // Of several names before a file each is in that one, or in the last ("there").
    let (mut waiting, mut last, mut named) = (Vec::new(), String::new(), 0);
    for word in quoted(&text) {
        if word.contains('/') && Path::new(word).extension().is_some_and(|end| end == "rs") {
            last = read(word);
            for test in waiting.drain(..) {
                assert!(has(&last, test), "SECURITY.md names {test}, which is not there");
            }
        } else if is_test(word) {
            named += 1;
            if !has(&last, word) {
                waiting.push(word);
            }
        } else if word.starts_with(|c: char| c.is_ascii_uppercase()) && !word.contains([' ', '-', '=']) {
            // A statement of a policy, or a parameter.
            let is_there = [format!("Sid: {word}"), format!("\n  {word}:\n    Type: String\n")];
            assert!(
                is_there.iter().any(|line| template.contains(line)),
                "SECURITY.md names {word}, which the template lacks"
            );
        }
    }
    assert!(waiting.is_empty(), "no file goes with {waiting:?}");
    assert!(named > 40, "{named}");
}
