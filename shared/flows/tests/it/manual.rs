//! The reference is a test.

use prodrome_flows::{Catalogue, Code, SourceFile, load};

fn manual() -> String {
    let path = concat!(env!("CARGO_MANIFEST_DIR"), "/../../rules/flows/README.md");
    std::fs::read_to_string(path).unwrap()
}

#[test]
fn the_example_is_sound() {
    let manual = manual();
    let example = manual.split("```yaml\n").nth(1).and_then(|rest| rest.split("```").next()).unwrap();
    let loaded = load(&[SourceFile::new("example.yaml", example)], &Catalogue::any());
    assert_eq!(loaded.diagnostics, []);
}

#[test]
fn every_code_is_explained_as_the_checker_explains_it() {
    let manual = manual();
    let rows = manual.lines().skip_while(|line| *line != "| code | meaning |").skip(2);
    let rows: Vec<String> = rows.take_while(|line| line.starts_with('|')).map(str::to_owned).collect();
    let codes = Code::ALL.iter().filter(|code| code.is_of_flows());
    let want: Vec<String> = codes.map(|code| format!("| `{code}` | {} |", code.about())).collect();
    assert_eq!(rows, want);
}
