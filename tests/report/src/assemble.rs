use anyhow::{Context, Result};
use std::path::Path;

/// Sections that come first, in this order; others follow by their names.
const FIRST: [&str; 2] = ["recordings.md", "suites.md"];
const LAST: &str = "bench.md";

const HEAD: &str = "# What was measured

Put together by `make report`, which replays every recording anew; each other section says what renews it, and its \
figures are of the machine and the commit that it names. Edit the sections in `tests/report`, not this file.
";

/// The report, of the sections in a folder.
pub fn assemble(folder: &Path) -> Result<String> {
    let entries = std::fs::read_dir(folder).with_context(|| format!("cannot read {}", folder.display()))?;
    let names = entries.map(|entry| Ok(entry?.file_name().to_string_lossy().into_owned()));
    let mut names: Vec<String> = names.collect::<Result<_>>()?;
    names.retain(|name| Path::new(name).extension().is_some_and(|e| e == "md") && name != "README.md");
    let place = |name: &String| FIRST.iter().position(|first| first == name).unwrap_or(FIRST.len());
    names.sort_by_key(|name| (name == LAST, place(name), name.clone()));
    let mut report = HEAD.to_owned();
    for name in names {
        let file = folder.join(name);
        let text =
            std::fs::read_to_string(&file).with_context(|| format!("cannot read {}", file.display()))?;
        report.push('\n');
        report.push_str(text.trim());
        report.push('\n');
    }
    Ok(report)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_report_is_made_of_the_sections_as_they_are() {
        let sections = Path::new(env!("CARGO_MANIFEST_DIR"));
        let report = std::fs::read_to_string(sections.join("../REPORT.md")).unwrap();
        assert!(report == assemble(sections).unwrap(), "a section has changed since: make report");
    }

    #[test]
    fn sections_come_in_an_order_that_does_not_change() {
        let dir = tempfile::tempdir().unwrap();
        for name in ["bench", "engine", "recordings", "suites", "messages"] {
            std::fs::write(dir.path().join(format!("{name}.md")), format!("## {name}\n")).unwrap();
        }
        std::fs::write(dir.path().join("Cargo.toml"), "no section").unwrap();
        let report = assemble(dir.path()).unwrap();
        let heads: Vec<_> = report.lines().filter_map(|line| line.strip_prefix("## ")).collect();
        assert_eq!(heads, ["recordings", "suites", "engine", "messages", "bench"]);
    }
}
