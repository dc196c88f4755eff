//! The reference for rule writers says what is so: its examples load, its tables hold, and nothing is left out.

use crate::schema;
use crate::support::{at, check, load_one, object};
use prodrome_rules::Code;
use std::collections::BTreeSet;
use std::path::PathBuf;

fn repository() -> PathBuf {
    PathBuf::from(env!("CARGO_MANIFEST_DIR")).join("../..")
}

fn manual() -> String {
    std::fs::read_to_string(repository().join("rules/README.md")).unwrap()
}

/// The fenced blocks: the word after the fence, and the text.
fn blocks(manual: &str) -> Vec<(String, String)> {
    let mut blocks = Vec::new();
    let mut lines = manual.lines();
    while let Some(line) = lines.next() {
        if let Some(info) = line.strip_prefix("```") {
            let text: Vec<&str> = lines.by_ref().take_while(|line| *line != "```").collect();
            blocks.push((info.to_owned(), text.join("\n") + "\n"));
        }
    }
    blocks
}

/// The cells of all rows of the tables with this head, without the marks of code.
fn rows(manual: &str, head: &str) -> Vec<Vec<String>> {
    let mut rows = Vec::new();
    let mut lines = manual.lines();
    while let Some(line) = lines.next() {
        if line == head {
            lines.next();
            for row in lines.by_ref().take_while(|line| line.starts_with('|')) {
                let row = row.replace("\\|", "\u{1}");
                let cells = row.trim_matches('|').split('|');
                rows.push(cells.map(|cell| cell.trim().trim_matches('`').replace('\u{1}', "|")).collect());
            }
        }
    }
    rows
}

#[test]
fn every_example_is_a_sound_rule_file() {
    let manual = manual();
    let mut counted = 0;
    for (info, text) in blocks(&manual) {
        match info.as_str() {
            "yaml" => {
                load_one(&text);
                let document: serde_json::Value = serde_saphyr::from_str(&text).unwrap();
                assert_eq!(schema::errors(&document), [""; 0], "{text}");
            }
            "json" => {
                load_one(&text);
            }
            "yaml condition" => {
                let indented = text.replace('\n', "\n    ");
                load_one(&format!("R:\n  resource: Pod\n  checkField:\n    {indented}"));
            }
            // What the command says: one of its own tests.
            "sh" | "text" => continue,
            other => panic!("a block of {other}"),
        }
        counted += 1;
    }
    assert!(counted > 8, "{counted}");
}

#[test]
fn the_tables_of_conditions_hold() {
    let manual = manual();
    let rows = rows(&manual, "| condition | of | holds |");
    assert!(rows.len() > 25, "{}", rows.len());
    for row in rows {
        let [condition, text, want] = row.as_slice() else { panic!("{row:?}") };
        let holds = check(condition).evaluate(&object(text), at(0)).matches;
        assert_eq!(if holds { "yes" } else { "no" }, want, "{condition} of {text}");
    }
}

#[test]
fn the_table_of_summaries_holds() {
    let manual = manual();
    let rows = rows(&manual, "| template | of | gives |");
    assert!(rows.len() > 7, "{}", rows.len());
    for row in rows {
        let [template, text, want] = row.as_slice() else { panic!("{row:?}") };
        let template = serde_json::Value::from(&**template);
        let rule = crate::support::rule(&format!(
            "summary: {template}\ncheckField: [{{ field: [a], nilValue: true }}]"
        ));
        assert_eq!(&rule.summary(&object(text)), want, "{template}");
    }
}

#[test]
fn every_key_is_explained() {
    let manual = manual();
    let schema = prodrome_rules::schema();
    let mut keys = BTreeSet::new();
    collect_keys(&schema, &mut keys);
    assert!(keys.len() > 40, "{keys:?}");
    let missing: Vec<_> = keys.iter().filter(|key| !manual.contains(&format!("`{key}`"))).collect();
    // The parts of a kind taken from a field stand in one piece of code.
    let missing: Vec<_> = missing.into_iter().filter(|key| *key != "kinds").collect();
    assert!(missing.is_empty(), "{missing:?}");
}

fn collect_keys(schema: &serde_json::Value, keys: &mut BTreeSet<String>) {
    match schema {
        serde_json::Value::Object(map) => {
            if let Some(properties) = map.get("properties").and_then(serde_json::Value::as_object) {
                keys.extend(properties.keys().cloned());
            }
            map.values().for_each(|value| collect_keys(value, keys));
        }
        serde_json::Value::Array(items) => items.iter().for_each(|value| collect_keys(value, keys)),
        _ => {}
    }
}

#[test]
fn every_code_is_explained_as_the_checker_explains_it() {
    let manual = manual();
    let documented: Vec<(String, String)> =
        rows(&manual, "| code | meaning |").into_iter().map(|row| (row[0].clone(), row[1].clone())).collect();
    let codes: Vec<(String, String)> = Code::ALL
        .iter()
        .filter(|c| !c.is_of_flows())
        .map(|c| (c.to_string(), c.about().to_owned()))
        .collect();
    assert_eq!(documented, codes);
}

#[test]
fn every_operator_has_its_line_of_fine_print() {
    let manual = manual();
    let head = "| operator | value | holds of a value that | fine print |";
    let documented: BTreeSet<String> = rows(&manual, head).into_iter().map(|row| row[0].clone()).collect();
    let schema = prodrome_rules::schema();
    let alternatives = schema["$defs"]["condition"]["oneOf"].as_array().unwrap();
    let operators: BTreeSet<String> = alternatives
        .iter()
        .map(|one| one["required"][0].as_str().unwrap().to_owned())
        .filter(|name| name != "each")
        .collect();
    assert_eq!(documented, operators);
}

#[test]
fn the_shipped_rules_load_and_validate() {
    let mut files: Vec<PathBuf> = std::fs::read_dir(repository().join("rules"))
        .unwrap()
        .map(|entry| entry.unwrap().path())
        .filter(|path| path.extension().is_some_and(|extension| extension == "yaml"))
        .filter(|path| !path.to_string_lossy().ends_with(".test.yaml"))
        .collect();
    files.sort();
    for path in files {
        let text = std::fs::read_to_string(&path).unwrap();
        let loaded =
            prodrome_rules::load(&[prodrome_rules::SourceFile::new(path.display().to_string(), &*text)]);
        let diagnostics: Vec<String> = loaded.diagnostics.iter().map(ToString::to_string).collect();
        assert_eq!(diagnostics, [""; 0]);
        // Its files are ours: they may repeat by alias as often as they like.
        let trusting = serde_saphyr::options! { budget: None };
        let document: serde_json::Value = serde_saphyr::from_str_with_options(&text, trusting).unwrap();
        assert_eq!(schema::errors(&document), [""; 0], "{}", path.display());
    }
}
