//! Prints the page of the rules in a folder: `cargo run -p prodrome-rules --example page rules > docs/rules.md`.
#![expect(clippy::print_stdout, reason = "this is what it is for")]

use prodrome_rules::SourceFile;
use std::path::Path;

fn main() -> std::io::Result<()> {
    let folder = std::env::args().nth(1).unwrap_or_else(|| "rules".to_owned());
    let mut files = Vec::new();
    for entry in std::fs::read_dir(Path::new(&folder))? {
        let path = entry?.path();
        let name = path.file_name().unwrap_or_default().to_string_lossy().into_owned();
        if path.is_file() && SourceFile::is_rule_file(&name) {
            files.push(SourceFile::new(format!("{folder}/{name}"), std::fs::read_to_string(&path)?));
        }
    }
    files.sort_by(|a, b| a.name.cmp(&b.name));
    print!("{}", prodrome_rules::page(&files));
    Ok(())
}
