//! What SECURITY.md says stops somebody is there.

use std::path::Path;

#[test]
fn every_test_that_the_threat_model_names_exists_where_it_says() {
    let root = Path::new(env!("CARGO_MANIFEST_DIR")).join("../..");
    let text = std::fs::read_to_string(root.join("SECURITY.md")).unwrap();
    let template = std::fs::read_to_string(root.join("template.yaml")).unwrap();
    let quoted: Vec<&str> = text.split('`').skip(1).step_by(2).collect();
    // Of several names before a file each is in that one, or in the last ("there").
    let (mut waiting, mut last, mut named) = (Vec::new(), String::new(), 0);
    let check = |waiting: &mut Vec<&str>, file: &str| {
        for test in waiting.drain(..) {
            assert!(file.contains(&format!("fn {test}(")), "SECURITY.md names {test}, which is not there");
        }
    };
    for word in quoted {
        if word.contains('/') && Path::new(word).extension().is_some_and(|end| end == "rs") {
            last = std::fs::read_to_string(root.join(word)).unwrap_or_else(|error| panic!("{word}: {error}"));
            check(&mut waiting, &last);
        } else if word.matches('_').count() >= 2
            && word.chars().all(|c| c.is_ascii_lowercase() || c == '_' || c.is_ascii_digit())
        {
            named += 1;
            if last.contains(&format!("fn {word}(")) {
                continue;
            }
            waiting.push(word);
        } else if word.starts_with(|c: char| c.is_ascii_uppercase()) && !word.contains([' ', '-', '=']) {
            assert!(
                template.contains(&format!("Sid: {word}")),
                "SECURITY.md names {word}, which the template lacks"
            );
        }
    }
    assert!(waiting.is_empty(), "no file goes with {waiting:?}");
    assert!(named > 40, "{named}");
}
