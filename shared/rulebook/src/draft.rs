use crate::changes::{Change, Changes};
use crate::tenants::{file_prefix, is_a_namespaces, is_of_no_cluster};
use crate::text::RAW_BYTES_MAX;
use prodrome_model::Scope;
use prodrome_rules::{Diagnostic, Loaded, RuleSet, SourceFile, load};
use std::collections::{BTreeMap, BTreeSet};

/// How long a name or a reason may be, in characters.
const WHO_MAX: usize = 100;
const WHY_MAX: usize = 1000;
/// How long the name of a file may be.
const FILE_NAME_MAX: usize = 100;
/// How many files a version may have.
const FILES_MAX: usize = 1000;
/// How many of them may be those of namespaces, of all clusters together, so that there is always room for people's.
const NAMESPACE_FILES_MAX: usize = 800;

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
    /// The cluster whose namespaces' files these are, all of them, made of Kubernetes objects: they replace those of that
    /// cluster which are there, and touch no others. Any other draft leaves the files of namespaces as they are.
    pub of_namespaces: Option<Scope>,
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
            of_namespaces: None,
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
    #[error("{files} files, {of_namespaces} of them of namespaces of all clusters: at most {max} go", max = FILES_MAX)]
    TooManyFiles {
        /// How many there are.
        files: usize,
        /// How many of them are of namespaces.
        of_namespaces: usize,
    },
    /// More namespaces than may have rules.
    #[error(
        "{files} namespaces of all clusters with rules, {own} of them of this cluster: at most {max} go",
        max = NAMESPACE_FILES_MAX
    )]
    TooManyNamespaces {
        /// How many there are.
        files: usize,
        /// How many of them are of the cluster that is pushed for.
        own: usize,
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
            if !self.is_about(&name) {
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
            let goes = match &self.of_namespaces {
                // Those of no cluster are from before files were their cluster's.
                Some(_) => self.is_about(&name) || is_of_no_cluster(&name),
                None => (self.prune || self.without.contains(&name)) && self.is_about(&name),
            };
            if goes {
                continue;
            }
            files.entry(name.clone()).or_insert_with(|| {
                kept.insert(name.clone());
                SourceFile::new(name, &*file.text)
            });
        }
        let mut files: Vec<SourceFile> = files.into_values().collect();
        let of_namespaces = files.iter().filter(|file| is_a_namespaces(&file.name)).count();
        if self.of_namespaces.is_some() && of_namespaces > NAMESPACE_FILES_MAX {
            let own = files.iter().filter(|file| self.is_about(&file.name)).count();
            return Err(DraftError::TooManyNamespaces { files: of_namespaces, own });
        }
        if files.len() > FILES_MAX {
            return Err(DraftError::TooManyFiles { files: files.len(), of_namespaces });
        }
        let bytes: usize = files.iter().map(|file| file.text.len()).sum();
        if bytes > RAW_BYTES_MAX {
            return Err(DraftError::TooLarge { bytes, compressed: "", max: RAW_BYTES_MAX });
        }
        let mut loaded = load(&files);
        let is_wrong = |file: &SourceFile, loaded: &Loaded| {
            loaded.diagnostics.iter().any(|d| d.is_error() && d.file == file.name)
        };
        if files.iter().any(|file| is_a_namespaces(&file.name) && is_wrong(file, &loaded)) {
            // A namespace's rules must not keep anybody from pushing.
            files.retain(|file| !(is_a_namespaces(&file.name) && is_wrong(file, &loaded)));
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

    /// Whether a file of that name is such as it pushes: of its cluster's namespaces, or else of people.
    fn is_about(&self, name: &str) -> bool {
        match &self.of_namespaces {
            Some(scope) => name.starts_with(&file_prefix(scope)),
            None => !is_a_namespaces(name),
        }
    }
}

impl Plan {
    /// How many rules are new, say something else, and are gone.
    pub fn counts(&self) -> [usize; 3] {
        let count = |of: &[Change]| self.changes.names(of).count();
        [count(&[Change::Added]), count(&Change::OTHERS), count(&[Change::Removed])]
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
    fn a_rule_that_only_holds_elsewhere_is_told_as_that() {
        let rule = |clusters: &str, value: u8, duration: u8| {
            let text = format!(
                "A: {{ resource: Pod, clusters: {clusters}, duration: {duration}, checkField: [{{ field: [a], equalValue: [{value}] }}] }}"
            );
            SourceFile::new("a.yaml", text)
        };
        for (clusters, value, duration, want) in [
            ("[prod]", 1, 0, Change::OtherWords),
            ("[prod]", 2, 60, Change::OtherMeaning),
            ("[test]", 1, 0, Change::OtherClusters),
            ("{}", 1, 60, Change::OtherClusters),
            ("[test]", 2, 60, Change::OtherMeaning),
        ] {
            let plan =
                Draft::new("ann", "why", [rule(clusters, value, duration)]).plan(&[rule("[prod]", 1, 60)]);
            assert_eq!(
                plan.unwrap().changes.rules,
                [("A".to_owned(), want)],
                "{clusters} {value} {duration}"
            );
        }
    }

    fn scope(cluster: &str) -> Scope {
        Scope::new("default", "eu", cluster)
    }

    /// The name of a file of a namespace.
    fn of(cluster: &str, namespace: &str) -> String {
        format!("{}{namespace}.yaml", file_prefix(&scope(cluster)))
    }

    #[test]
    fn files_of_namespaces_are_theirs_alone() {
        let ours = || file("a.yaml", &[("A", 1)]);
        let (old, shop) = (of("east", "old"), of("east", "shop"));
        let holding = [ours(), file(&old, &[("OldN1", 1)]), file(&shop, &[("ShopN1", 1)])];
        let push = |files, of_namespaces: Option<&str>, prune| {
            let of_namespaces = of_namespaces.map(scope);
            let draft = Draft { prune, of_namespaces, ..Draft::new("ann", "why", files) };
            let plan = draft.plan(&holding).unwrap();
            names(&plan).into_iter().map(str::to_owned).collect::<Vec<_>>()
        };
        let all = ["a.yaml", &*old, &*shop];
        // Who pushes, prunes or goes back leaves them as they are.
        assert_eq!(push(vec![file("b.yaml", &[("B", 1)])], None, true), ["b.yaml", all[1], all[2]]);
        assert_eq!(push(vec![file("a.yaml", &[("A", 2)]), file(&shop, &[("ShopN1", 2)])], None, false), all);
        // The namespaces' own replace all of theirs, and nothing else.
        assert_eq!(push(vec![file(&shop, &[("ShopN1", 2)])], Some("east"), false), ["a.yaml", &*shop]);
        assert_eq!(push(vec![file("a.yaml", &[("Mine", 1)])], Some("east"), false), ["a.yaml"]);
        // One that does not compile any more keeps nobody from pushing.
        let broken = [ours(), SourceFile::new(&*shop, "ShopN1: { resource: Pod }")];
        let draft = Draft::new("ann", "why", [file("b.yaml", &[("B", 1)])]);
        assert_eq!(names(&draft.plan(&broken).unwrap()), ["a.yaml", "b.yaml"]);
        // A name that somebody has already is not taken from them.
        let of_namespaces = Some(scope("east"));
        let twice = Draft { of_namespaces, ..Draft::new("ann", "why", [file(&shop, &[("A", 5)])]) };
        assert_eq!(twice.plan(&[ours()]).unwrap_err(), DraftError::Nothing);
    }

    #[test]
    fn files_of_a_clusters_namespaces_touch_no_others() {
        let (east, west) = (of("east", "shop"), of("west", "shop"));
        let holding = [
            file("a.yaml", &[("A", 1)]),
            file(&east, &[("EastN1", 1)]),
            file(&west, &[("WestN1", 1)]),
            // From before files were their cluster's.
            file("ns.shop.yaml", &[("ShopN1", 1)]),
        ];
        let push = |cluster: &str, files: Vec<SourceFile>| {
            let draft = Draft { of_namespaces: Some(scope(cluster)), ..Draft::new("objects", "why", files) };
            let plan = draft.plan(&holding).unwrap();
            (names(&plan).join(" "), plan.changes.names(&[Change::Removed]).collect::<Vec<_>>().join(" "))
        };
        let changed = || file(&east, &[("EastN1", 2)]);
        assert_eq!(push("east", vec![changed()]), (format!("a.yaml {east} {west}"), "ShopN1".to_owned()));
        assert_eq!(push("east", vec![]), (format!("a.yaml {west}"), "EastN1 ShopN1".to_owned()));
        // What is another cluster's is not its to write, whatever the file says.
        assert_eq!(
            push("west", vec![changed(), file(&west, &[("WestN1", 1)])]),
            (format!("a.yaml {east} {west}"), "ShopN1".to_owned())
        );
        // Nor do people take away what is of no cluster: its objects say what holds.
        let draft = Draft { prune: true, ..Draft::new("ann", "why", [file("b.yaml", &[("B", 1)])]) };
        assert_eq!(names(&draft.plan(&holding).unwrap()), ["b.yaml", &*east, "ns.shop.yaml", &*west]);
    }

    #[test]
    fn clusters_that_have_too_many_files_together_are_told_and_people_have_room() {
        let some = |cluster: &str, count: usize| {
            let file = |n: usize| file(&of(cluster, &format!("n{n}")), &[(&format!("{cluster}{n}"), 1)]);
            (0..count).map(file).collect::<Vec<_>>()
        };
        let people = |count: usize| {
            (0..count).map(|n| file(&format!("{n}.yaml"), &[(&format!("P{n}"), 1)])).collect::<Vec<_>>()
        };
        let of_cluster =
            |files| Draft { of_namespaces: Some(scope("West")), ..Draft::new("objects", "why", files) };
        let holding = [people(1), some("East", 500)].concat();
        let refused = of_cluster(some("West", 301)).plan(&holding).unwrap_err();
        assert_eq!(
            refused.to_string(),
            "801 namespaces of all clusters with rules, 301 of them of this cluster: at most 800 go"
        );
        let plan = of_cluster(some("West", 300)).plan(&holding).unwrap();
        assert_eq!((plan.files.len(), plan.rules.rules().len()), (801, 801));
        // People may push all the same.
        let draft = |files| Draft::new("ann", "why", files);
        assert_eq!(draft(people(200)).plan(&plan.files).unwrap().files.len(), 1000);
        let refused = draft(people(201)).plan(&plan.files).unwrap_err();
        assert_eq!(
            refused.to_string(),
            "1001 files, 800 of them of namespaces of all clusters: at most 1000 go"
        );
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
