//! What is doubtful about rules that are sound one by one.

use crate::schema::repository;
use prodrome_model::GroupKind;
use prodrome_rules::{Code, Diagnostic, SourceFile, review};
use std::fmt::Write as _;
use std::time::Instant;

/// The shipped rule files, by name.
pub(crate) fn shipped() -> Vec<SourceFile> {
    let mut files = Vec::new();
    for entry in std::fs::read_dir(repository().join("rules")).unwrap() {
        let path = entry.unwrap().path();
        let name = path.file_name().unwrap().to_str().unwrap().to_owned();
        if path.is_file() && SourceFile::is_rule_file(&name) {
            files.push(SourceFile::new(format!("rules/{name}"), std::fs::read_to_string(&path).unwrap()));
        }
    }
    files.sort_by(|a, b| a.name.cmp(&b.name));
    files
}

#[test]
fn no_shipped_rule_is_doubtful() {
    let told: Vec<String> = review(&shipped(), None).diagnostics.iter().map(Diagnostic::to_string).collect();
    assert!(told.is_empty(), "{}", told.join("\n"));
}

#[test]
fn a_kind_that_a_cluster_does_not_serve_is_told_with_what_it_serves() {
    let rule = |name: &str, kind: &str| {
        format!("{name}: {{ resource: {kind}, checkField: [{{ field: [a], nilValue: true }}] }}\n")
    };
    let text = [
        rule("Served", "Pod"),
        rule("Any", "\"*\"").replace("[a]", "[b]"),
        rule("NoGroup", "example.org/Thing"),
        rule("OtherGroup", "example.com/Certificate"),
        rule("NoKind", "Gadget"),
        rule("Known", "Certificate").replace("[a]", "[c]"),
    ]
    .concat();
    let served = [
        GroupKind::core("Pod"),
        GroupKind::new("cert-manager.io", "Certificate"),
        GroupKind::new("example.com", "Widget"),
    ];
    let files = [SourceFile::new("r.yaml", text)];
    let alone = "which stands for every group's";
    let doubts: Vec<_> = review(&files, None).diagnostics.into_iter().map(|d| (d.code, d.found)).collect();
    let of = |kind| (Code::UnknownKind, format!("`{kind}`, {alone} {kind}"));
    assert_eq!(doubts, [of("Gadget"), of("Certificate")]);
    let told: Vec<String> =
        review(&files, Some(&served)).diagnostics.iter().map(Diagnostic::to_string).collect();
    let help = "mend its name, or install what defines it; until then the rule is idle";
    assert_eq!(
        told,
        [
            format!(
                "r.yaml:3:1 NoGroup.resource: warning: expected a kind of this cluster, found example.org/Thing; it serves no kind of the group example.org; {help}"
            ),
            format!(
                "r.yaml:4:1 OtherGroup.resource: warning: expected a kind of this cluster, found example.com/Certificate; it serves cert-manager.io/Certificate; {help}"
            ),
            format!(
                "r.yaml:5:1 NoKind.resource: warning: expected a kind of this cluster, found Gadget; {help}"
            ),
        ]
    );
}

#[test]
fn a_file_without_a_rule_is_doubted() {
    for text in ["", "# nothing yet\n", "{}", "---\n---\n"] {
        let found = review(&[SourceFile::new("r.yaml", text)], None).diagnostics;
        let lines: Vec<String> = found.iter().map(ToString::to_string).collect();
        let want = "r.yaml:1:1: warning: expected a rule, found a file without any; write `RuleName:` and the rule's keys under it";
        assert_eq!(lines, [want], "{text:?}");
    }
}

#[test]
fn warnings_stand_among_the_mistakes_in_the_order_of_the_files() {
    let never = "A: { resource: Pod, checkField: [{ field: [p], equalValue: [a] }, { field: [p], nilValue: true }] }\nB: 1\n";
    let files = [SourceFile::new("z.yaml", never), SourceFile::new("a.yaml", "C: 1\n")];
    let codes: Vec<(String, Code)> =
        review(&files, None).diagnostics.into_iter().map(|d| (d.file, d.code)).collect();
    let at = |file: &str, code| (file.to_owned(), code);
    assert_eq!(
        codes,
        [at("z.yaml", Code::NeverTrue), at("z.yaml", Code::WrongType), at("a.yaml", Code::WrongType)]
    );
}

#[test]
fn ten_thousand_rules_are_reviewed_in_a_moment() {
    // The worst case: all of one kind, all on the same two fields.
    let mut text = String::new();
    for n in 0..10_000 {
        writeln!(text, "R{n}:\n  resource: Pod\n  filterField: [{{ field: [metadata, deletionTimestamp], nilValue: true }}]\n  checkField: [{{ field: [status, phase], equalValue: [P{n}, Q{}] }}]\n  duration: 5m", n / 2).unwrap();
    }
    let files = [SourceFile::new("r.yaml", text)];
    let begin = Instant::now();
    let reviewed = review(&files, None);
    let took = begin.elapsed();
    assert_eq!(reviewed.rules.rules().len(), 10_000);
    assert!(reviewed.diagnostics.is_empty(), "{:?}", reviewed.diagnostics.first());
    // Far more than it takes: what grows with the square of the rules takes minutes.
    assert!(took.as_secs() < 60, "{took:?}");
}

#[test]
fn what_the_watcher_cuts_is_told_at_its_path_also_where_it_is_used_by_name() {
    let text = "\
let: { broken: [{ field: [data, Corefile], nilValue: true }] }
Direct:
  resource: [Pod, ConfigMap]
  checkField: [{ anyOf: [[{ use: broken }], [{ field: [data2], nilValue: true }]] }]
Owned: { resource: Pod, checkField: [{ field: [metadata, managedFields, manager], equalValue: [x] }] }
Names: { resource: Secret, checkField: [{ field: [metadata, name], equalField: [stringData, a] }] }
Referring:
  resource: Pod
  duration: 1m
  reference: { resource: Secret, name: [a], checkField: [{ field: [data, a], nilValue: true }] }
Patient:
  resource: Pod
  duration: 1m
  reference: { resource: Secret, name: [a], usual: true, checkField: [{ field: [data, a], nilValue: true }] }
Unlike: { resource: example.org/ConfigMap, checkField: [{ field: [data, a], nilValue: true }] }
";
    let told: Vec<String> = review(&[SourceFile::new("r.yaml", text)], None)
        .diagnostics
        .iter()
        .filter(|d| d.code == Code::CutField)
        .map(|d| {
            let (start, rule) = (d.place.start, d.rule.as_deref().unwrap());
            format!("{}:{} {rule} {} {}", start.line, start.column, d.path, d.found)
        })
        .collect();
    assert_eq!(
        told,
        [
            "1:26 Direct checkField[0].anyOf[0][0][0].field data.Corefile, which is cut from each ConfigMap (only `prodrome scan` sees it)",
            "5:47 Owned checkField[0].field metadata.managedFields.manager",
            "6:80 Names checkField[0].equalField stringData.a, which is cut from each Secret (only `prodrome scan` sees it)",
            "10:67 Referring reference.checkField[0].field data.a, which is cut from each Secret: a change of it makes nobody look",
        ]
    );
}

#[test]
fn a_rule_that_is_never_true_is_doubted_once() {
    let text = "\
Never: { resource: Pod, checkField: [{ field: [p], equalValue: [a] }, { field: [p], equalValue: [b] }] }
Wide: { resource: Pod, checkField: [{ field: [p], equalValue: [a, b] }] }
";
    let codes: Vec<Code> =
        review(&[SourceFile::new("r.yaml", text)], None).diagnostics.iter().map(|d| d.code).collect();
    assert_eq!(codes, [Code::NeverTrue]);
}
