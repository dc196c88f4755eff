use crate::changes::{Change, Changes};
use crate::tenants::FILE_PREFIX;
use crate::text::RAW_BYTES_MAX;
use prodrome_rules::{Diagnostic, Loaded, RuleSet, SourceFile, load};
use std::collections::{BTreeMap, BTreeSet};

/// How long a name or a reason may be, in characters.
const WHO_MAX: usize = 100;
const WHY_MAX: usize = 1000;
/// How long the name of a file may be.
const FILE_NAME_MAX: usize = 100;
/// How many files a version may have.
const FILES_MAX: usize = 1000;

/// What somebody wants to push.
#[derive(Debug, Clone, PartialEq)]
pub struct Draft {
    /// Who.
    pub who: String,
    /// Why.
    pub why: String,
    /// The files. One replaces the file of the same name (folders do not count); others are added.
    pub files: Vec<SourceFile>,
    /// Whether the files that are not among these are to go.
    pub prune: bool,
    /// The names of files that are to go, if they are there.
    pub without: Vec<String>,
    /// The version that it was made from: where another holds, the push is refused. `Some(0)`: none.
    pub on: Option<u64>,
    /// The version whose text this is, if it is a rollback.
    pub back_to: Option<u64>,
    /// Whether these are the files of all namespaces, made of Kubernetes objects: they replace those that are there, and
    /// touch no others. Any other draft leaves the files of namespaces as they are.
    pub of_namespaces: bool,
}

impl Draft {
    /// These files, and those that are there already.
    pub fn new(
        who: impl Into<String>,
        why: impl Into<String>,
        files: impl IntoIterator<Item = SourceFile>,
    ) -> Self {
        let files = files.into_iter().collect();
        Self {
            who: who.into(),
            why: why.into(),
            files,
            prune: false,
            without: Vec::new(),
            on: None,
            back_to: None,
            of_namespaces: false,
        }
    }
}

/// What a push would come to.
#[derive(Debug, Clone, PartialEq)]
pub struct Plan {
    /// All files of the new version, by their names.
    pub files: Vec<SourceFile>,
    /// The rules before.
    pub old: RuleSet,
    /// All of its rules.
    pub rules: RuleSet,
    /// What becomes of the rules.
    pub changes: Changes,
    /// The files that it does not touch.
    pub kept: Vec<String>,
}

/// Why a draft is no version.
#[derive(Debug, Clone, PartialEq, thiserror::Error)]
pub enum DraftError {
    /// Nobody says who or why.
    #[error("{what} is missing: a version says who made it and why")]
    Unsigned {
        /// Which.
        what: &'static str,
    },
    /// A text is too long.
    #[error("{what} has {chars} characters, at most {max} go")]
    TooLong {
        /// Which.
        what: &'static str,
        /// How long it is.
        chars: usize,
        /// How long it may be.
        max: usize,
    },
    /// A name that no rule file has.
    #[error(
        "{name:?} is no name for a rule file: expected letters, digits, dots, dashes and underscores, and .yaml, .yml or .json at its end (tests and the schema are none)"
    )]
    FileName {
        /// The name.
        name: String,
    },
    /// Two files that would be one.
    #[error("two files are named {name}: folders do not count, so rename one")]
    SameName {
        /// The name.
        name: String,
    },
    /// More files than there may be.
    #[error("{files} files, at most {max} go", max = FILES_MAX)]
    TooManyFiles {
        /// How many there are.
        files: usize,
    },
    /// More text than there may be.
    #[error("{bytes} bytes of rules{compressed}, at most {max} go")]
    TooLarge {
        /// How many.
        bytes: usize,
        /// Whether they are counted compressed: ` compressed`, or nothing.
        compressed: &'static str,
        /// How many may be.
        max: usize,
    },
    /// Rules that do not compile. All is refused.
    #[error("{} in the rules", mistakes(.diagnostics))]
    Mistakes {
        /// What is wrong, warnings too.
        diagnostics: Vec<Diagnostic>,
        /// All files of the version.
        files: Vec<SourceFile>,
    },
    /// No rule would be left.
    #[error("there is no rule in it; to silence a rule write `enabled: false`, or `mode: shadow`")]
    NoRules,
    /// The version that holds says the same already.
    #[error("the version that holds says the same already")]
    Nothing,
}

fn mistakes(diagnostics: &[Diagnostic]) -> String {
    match diagnostics.iter().filter(|d| d.is_error()).count() {
        1 => "1 mistake".to_owned(),
        n => format!("{n} mistakes"),
    }
}

impl Draft {
    /// What the push would come to after the version that holds, which has these files. Compiles all rules.
    pub fn plan(&self, holding: &[SourceFile]) -> Result<Plan, DraftError> {
        signed("who", &self.who, WHO_MAX)?;
        signed("why", &self.why, WHY_MAX)?;
        let mut files: BTreeMap<String, SourceFile> = BTreeMap::new();
        for file in &self.files {
            let name = file_name(file)?;
            if name.starts_with(FILE_PREFIX) != self.of_namespaces {
                // Those of a version that was pulled are the namespaces' still.
                continue;
            }
            if files.insert(name.clone(), SourceFile::new(&*name, &*file.text)).is_some() {
                return Err(DraftError::SameName { name });
            }
        }
        let mut kept = BTreeSet::new();
        for file in holding {
            let name = file_name(file)?;
            let is_a_namespaces = name.starts_with(FILE_PREFIX);
            let goes = self.prune || self.without.contains(&name);
            if if self.of_namespaces { is_a_namespaces } else { goes && !is_a_namespaces } {
                continue;
            }
            files.entry(name.clone()).or_insert_with(|| {
                kept.insert(name.clone());
                SourceFile::new(name, &*file.text)
            });
        }
        let mut files: Vec<SourceFile> = files.into_values().collect();
        if files.len() > FILES_MAX {
            return Err(DraftError::TooManyFiles { files: files.len() });
        }
        let bytes: usize = files.iter().map(|file| file.text.len()).sum();
        if bytes > RAW_BYTES_MAX {
            return Err(DraftError::TooLarge { bytes, compressed: "", max: RAW_BYTES_MAX });
        }
        let mut loaded = load(&files);
        let is_wrong = |file: &SourceFile, loaded: &Loaded| {
            loaded.diagnostics.iter().any(|d| d.is_error() && d.file == file.name)
        };
        if files.iter().any(|file| file.name.starts_with(FILE_PREFIX) && is_wrong(file, &loaded)) {
            // A namespace's rules must not keep anybody from pushing.
            files.retain(|file| !(file.name.starts_with(FILE_PREFIX) && is_wrong(file, &loaded)));
            loaded = load(&files);
        }
        if loaded.diagnostics.iter().any(Diagnostic::is_error) {
            return Err(DraftError::Mistakes { diagnostics: loaded.diagnostics, files });
        }
        if loaded.rules.rules().is_empty() {
            return Err(DraftError::NoRules);
        }
        let same = |old: &SourceFile| {
            let name = file_name(old).unwrap_or_default();
            files.iter().any(|new| new.name == name && new.text == old.text)
        };
        if holding.len() == files.len() && holding.iter().all(same) {
            return Err(DraftError::Nothing);
        }
        // What holds may have been pushed by an older command, and not compile any more.
        let old = load(holding).rules;
        let changes = Changes::between(&old, &loaded.rules);
        let kept = kept.into_iter().collect();
        Ok(Plan { files, old, rules: loaded.rules, changes, kept })
    }
}

impl Plan {
    /// How many rules are new, say something else, and are gone.
    pub fn counts(&self) -> [usize; 3] {
        let count = |of: &[Change]| self.changes.names(of).count();
        [
            count(&[Change::Added]),
            count(&[Change::OtherMeaning, Change::OtherWords]),
            count(&[Change::Removed]),
        ]
    }
}

fn signed(what: &'static str, text: &str, max: usize) -> Result<(), DraftError> {
    let chars = text.chars().count();
    if text.trim().is_empty() {
        return Err(DraftError::Unsigned { what });
    }
    if chars > max {
        return Err(DraftError::TooLong { what, chars, max });
    }
    Ok(())
}

/// A file's short name, if a rule file may be called so: it becomes a file again where the version is pulled.
fn file_name(file: &SourceFile) -> Result<String, DraftError> {
    let name = file.short_name();
    let sound = name.chars().all(|c| c.is_ascii_alphanumeric() || "._-".contains(c))
        && name.starts_with(|c: char| c.is_ascii_alphanumeric())
        && name.len() <= FILE_NAME_MAX
        && SourceFile::is_rule_file(name);
    if sound { Ok(name.to_owned()) } else { Err(DraftError::FileName { name: name.to_owned() }) }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn file(name: &str, rules: &[(&str, u8)]) -> SourceFile {
        let rule = |(name, value): &(&str, u8)| {
            format!("{name}: {{ resource: Pod, checkField: [{{ field: [a], equalValue: [{value}] }}] }}\n")
        };
        SourceFile::new(name, rules.iter().map(rule).collect::<String>())
    }

    fn names(plan: &Plan) -> Vec<&str> {
        plan.files.iter().map(|file| file.name.as_str()).collect()
    }

    #[test]
    fn files_replace_those_of_their_name_and_others_stay() {
        let holding = [file("rules/a.yaml", &[("A", 1), ("B", 1)]), file("rules/b.yaml", &[("C", 1)])];
        let draft =
            Draft::new("ann", "why", [file("/tmp/x/a.yaml", &[("A", 2)]), file("c.yaml", &[("D", 1)])]);
        let plan = draft.plan(&holding).unwrap();
        assert_eq!(
            (names(&plan), &*plan.kept),
            (vec!["a.yaml", "b.yaml", "c.yaml"], &["b.yaml".to_owned()][..])
        );
        let want = [("A", Change::OtherMeaning), ("B", Change::Removed), ("D", Change::Added)];
        let got: Vec<_> = plan.changes.rules.iter().map(|(name, change)| (name.as_str(), *change)).collect();
        assert_eq!(got, want);
        let pruned = Draft { prune: true, ..draft }.plan(&holding).unwrap();
        assert_eq!(names(&pruned), ["a.yaml", "c.yaml"]);
        assert_eq!(pruned.counts(), [1, 1, 2]);
    }

    #[test]
    fn files_of_namespaces_are_theirs_alone() {
        let ours = || file("a.yaml", &[("A", 1)]);
        let holding = [ours(), file("ns.old.yaml", &[("OldN1", 1)]), file("ns.shop.yaml", &[("ShopN1", 1)])];
        let push = |files, of_namespaces, prune| {
            let draft = Draft { prune, of_namespaces, ..Draft::new("ann", "why", files) };
            let plan = draft.plan(&holding).unwrap();
            names(&plan).into_iter().map(str::to_owned).collect::<Vec<_>>()
        };
        let all = ["a.yaml", "ns.old.yaml", "ns.shop.yaml"];
        // Who pushes, prunes or goes back leaves them as they are.
        assert_eq!(push(vec![file("b.yaml", &[("B", 1)])], false, true), ["b.yaml", all[1], all[2]]);
        assert_eq!(
            push(vec![file("a.yaml", &[("A", 2)]), file("ns.shop.yaml", &[("ShopN1", 2)])], false, false),
            all
        );
        // The namespaces' own replace all of theirs, and nothing else.
        assert_eq!(
            push(vec![file("ns.shop.yaml", &[("ShopN1", 2)])], true, false),
            ["a.yaml", "ns.shop.yaml"]
        );
        assert_eq!(push(vec![file("a.yaml", &[("Mine", 1)])], true, false), ["a.yaml"]);
        // One that does not compile any more keeps nobody from pushing.
        let broken = [ours(), SourceFile::new("ns.shop.yaml", "ShopN1: { resource: Pod }")];
        let draft = Draft::new("ann", "why", [file("b.yaml", &[("B", 1)])]);
        assert_eq!(names(&draft.plan(&broken).unwrap()), ["a.yaml", "b.yaml"]);
        // A name that somebody has already is not taken from them.
        let twice =
            Draft { of_namespaces: true, ..Draft::new("ann", "why", [file("ns.shop.yaml", &[("A", 5)])]) };
        assert_eq!(twice.plan(&[ours()]).unwrap_err(), DraftError::Nothing);
    }

    #[test]
    fn what_is_no_version_is_refused_as_a_whole() {
        let sound = || file("a.yaml", &[("A", 1)]);
        let mut broken = file("b.yaml", &[("B", 1)]);
        broken.text += "C: { resource: Pod }\n";
        let draft = |files: Vec<SourceFile>| Draft::new("ann", "why", files);
        for (draft, want) in [
            (
                Draft { why: " ".to_owned(), ..draft(vec![sound()]) },
                "why is missing: a version says who made it and why",
            ),
            (
                Draft { who: String::new(), ..draft(vec![sound()]) },
                "who is missing: a version says who made it and why",
            ),
            (
                Draft { why: "x".repeat(1001), ..draft(vec![sound()]) },
                "why has 1001 characters, at most 1000 go",
            ),
            (draft(vec![sound(), broken.clone()]), "1 mistake in the rules"),
            (draft(vec![sound(), file("c.yaml", &[("A", 1)])]), "1 mistake in the rules"),
            (
                draft(vec![SourceFile::new("a.yaml", "# nothing\n")]),
                "there is no rule in it; to silence a rule write `enabled: false`, or `mode: shadow`",
            ),
            (
                draft(vec![file("a/x.yaml", &[("A", 1)]), file("b/x.yaml", &[("B", 1)])]),
                "two files are named x.yaml: folders do not count, so rename one",
            ),
            (
                draft(vec![SourceFile::new("a.yaml", "#".repeat(RAW_BYTES_MAX + 1))]),
                "16777217 bytes of rules, at most 16777216 go",
            ),
        ] {
            assert_eq!(draft.plan(&[]).unwrap_err().to_string(), want);
        }
        for name in ["..", "a.test.yaml", "schema.json", "a b.yaml", "../../etc/passwd", "-x.yaml", ".yaml"] {
            let error = draft(vec![file(name, &[("A", 1)])]).plan(&[]).unwrap_err();
            assert!(matches!(error, DraftError::FileName { .. }), "{name}: {error}");
        }
        let same = draft(vec![sound()]).plan(&[sound()]).unwrap_err();
        assert_eq!(same, DraftError::Nothing);
    }
}
