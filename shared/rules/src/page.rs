//! A page for people that lists the rules of some files, by theme: what each says, to whom, and what to do then.

use crate::check::load;
use crate::explain::subjects_in_words;
use crate::rule::Rule;
use crate::source::SourceFile;
use crate::time::print_duration;
use std::fmt::Write as _;

/// What is written above the page that is kept beside the library.
const HEAD: &str = "\
<!-- Written by `make rules-page`. -->
# The rules

What Prodrome notices, by theme. *Slanted words* of what a rule says are filled in from the object. P1 wakes someone, P4
goes into a digest; the owner is who has to act; after is how long it must last. How rules are written is told in
[rules/README.md](../rules/README.md), which of its conditions hold of an object by `prodrome rules explain`.
";

/// The page (`docs/rules.md`) of these rule files. Rules with mistakes are left out.
pub fn page(files: &[SourceFile]) -> String {
    let mut text = HEAD.to_owned();
    let themes: Vec<Theme> = files.iter().map(Theme::of).filter(|theme| !theme.rules.is_empty()).collect();
    let count: usize = themes.iter().map(|theme| theme.rules.len()).sum();
    let links: Vec<String> = themes
        .iter()
        .map(|theme| format!("[{}](#{}) ({})", theme.title, anchor(&theme.title), theme.rules.len()))
        .collect();
    line(&mut text, &format!("\n{count} rules: {}.", links.join(" · ")));
    for theme in &themes {
        theme.write(&mut text);
    }
    text
}

/// The rules of one file.
struct Theme {
    title: String,
    /// The comment at the file's head.
    about: String,
    rules: Vec<Rule>,
}

impl Theme {
    fn of(file: &SourceFile) -> Self {
        let stem = file.short_name().split('.').next().unwrap_or_default().replace('-', " ");
        let mut letters = stem.chars();
        let title = letters.next().map(|c| c.to_uppercase().chain(letters).collect()).unwrap_or_default();
        Self { title, about: head_comment(&file.text), rules: load(std::slice::from_ref(file)).rules.rules }
    }

    fn write(&self, text: &mut String) {
        line(text, &format!("\n## {}\n", self.title));
        if !self.about.is_empty() {
            line(text, &format!("{}\n", self.about));
        }
        line(text, "| rule | says | | owner | after | of |");
        line(text, "|---|---|---|---|---|---|");
        for rule in &self.rules {
            let name = match rule.runbook() {
                Some(_) => format!("[{}](#{})", rule.name(), rule.name().to_lowercase()),
                None => rule.name().to_owned(),
            };
            let off = if rule.enabled() { "" } else { " (off)" };
            let cells = [
                name + off,
                says(rule),
                rule.severity().to_string(),
                rule.owner().to_string(),
                after(rule),
                cell(&subjects_in_words(rule)),
            ];
            line(text, &format!("| {} |", cells.join(" | ")));
        }
        for rule in &self.rules {
            let Some(runbook) = rule.runbook() else { continue };
            let name = rule.name();
            line(
                text,
                &format!("\n<details id=\"{}\"><summary>{name}: what to do</summary>\n", name.to_lowercase()),
            );
            line(text, &fenced(runbook));
            line(text, "</details>");
        }
    }
}

/// The first comment of a file, if it stands at its head by itself; editors' directions left out.
fn head_comment(text: &str) -> String {
    let mut words = Vec::new();
    let mut lines = text.lines().skip_while(|line| line.starts_with("# yaml-language-server:"));
    for line in lines.by_ref() {
        match line.strip_prefix('#') {
            Some(comment) => words.push(comment.trim()),
            // What stands directly above a rule is the rule's.
            None if !line.trim().is_empty() => return String::new(),
            None => break,
        }
    }
    let paragraphs: Vec<String> = words.split(|word| word.is_empty()).map(|lines| lines.join(" ")).collect();
    paragraphs.join("\n\n")
}

/// The summary, with the names of fields slanted.
fn says(rule: &Rule) -> String {
    let parts = rule.summary_words().into_iter().map(|part| match part {
        Ok(text) => cell(&text),
        Err(field) => format!("*{}*", cell(&field)),
    });
    parts.collect::<String>().trim().to_owned()
}

fn after(rule: &Rule) -> String {
    match &rule.frequency {
        Some(frequency) => format!("{} in {}", frequency.count, print_duration(frequency.within)),
        None if rule.duration().is_zero() => "at once".to_owned(),
        None => print_duration(rule.duration()),
    }
}

/// A text within a table: what Markdown would read otherwise is taken from it.
fn cell(text: &str) -> String {
    let mut safe = String::new();
    for c in text.chars() {
        match c {
            '\n' | '\r' => safe.push(' '),
            '|' | '*' | '_' | '`' | '<' | '[' | ']' | '\\' => safe.extend(['\\', c]),
            c => safe.push(c),
        }
    }
    safe
}

/// A text as it is, whatever fences are in it.
fn fenced(text: &str) -> String {
    let mut fence = "```".to_owned();
    while text.contains(&fence) {
        fence.push('`');
    }
    format!("{fence}text\n{}\n{fence}", text.trim_end())
}

fn anchor(title: &str) -> String {
    title.to_lowercase().replace(' ', "-")
}

fn line(text: &mut String, line: &str) {
    // Writing to a String cannot fail.
    _ = writeln!(text, "{line}");
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_theme_is_its_file() {
        let files = [
            SourceFile::new(
                "a/load-balancers.yaml",
                "# yaml-language-server: $schema=x\n# What is lost.\n# Or late.\n\n# Of A.\nA:\n  resource: [Pod, Node]\n  checkField: [{ field: [x], nilValue: true }]\n  summary: \"{metadata.name} has | {c[type=Ready].message|x}\"\n  runbook: |\n    ```\n    do\n",
            ),
            SourceFile::new(
                "b.yaml",
                "# Of B.\nBadThing: { resource: Pod, duration: 5m, checkField: [{ field: [x], nilValue: true }] }\n",
            ),
            SourceFile::new("bad.yaml", "C: 1\n"),
        ];
        let page = page(&files);
        let body = page.split_once("\n2 rules: ").map(|(_, body)| body).unwrap_or_default();
        assert_eq!(
            body,
            "[Load balancers](#load-balancers) (1) · [B](#b) (1).

## Load balancers

What is lost. Or late.

| rule | says | | owner | after | of |
|---|---|---|---|---|---|
| [A](#a) | *name* has \\| *message* | P3 | platform | at once | Pod or Node |

<details id=\"a\"><summary>A: what to do</summary>

````text
```
do
````
</details>

## B

| rule | says | | owner | after | of |
|---|---|---|---|---|---|
| BadThing | Bad thing | P3 | platform | 5m | Pod |
"
        );
    }
}
