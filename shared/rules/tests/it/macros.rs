//! What saves repetition in a file: `defaults`, `let` and `use`.

use prodrome_model::{Owner, Severity};
use prodrome_rules::{Loaded, SourceFile, format, load};

const FILE: &str = "\
# What all of them share.
defaults:
  severity: P2
  owner: user
  duration: 5m
let:
  alive:
    - { field: [metadata, deletionTimestamp], nilValue: true }
    - { field: [status, phase], equalValue: [Running] }
  # Nested.
  appAlive:
    - { use: alive }
    - { field: [metadata, labels, tier], equalValue: [app] }
  notReady:
    - { subField: [ready], equalValue: [\"false\"] }
A:
  resource: Pod
  # It has to be there.
  filterField: [{ use: appAlive }, { field: [spec, nodeName], nilValue: false }]
  checkField:
    - field: [status, containerStatuses]
      each: [{ use: notReady }, { subField: [name], equalValue: [app] }]
B:
  resource: Pod
  severity: P3
  duration: 0
  checkField:
    - anyOf: [{ use: alive }, [{ field: [status, reason], nilValue: false }, { use: [alive] }]]
";

fn read(text: &str) -> Loaded {
    load(&[SourceFile::new("r.yaml", text)])
}

#[test]
fn they_mean_what_they_stand_for() {
    let plain = "\
A:
  resource: Pod
  severity: P2
  owner: user
  duration: 5m
  filterField:
    - { field: [metadata, deletionTimestamp], nilValue: true }
    - { field: [status, phase], equalValue: [Running] }
    - { field: [metadata, labels, tier], equalValue: [app] }
    - { field: [spec, nodeName], nilValue: false }
  checkField:
    - field: [status, containerStatuses]
      each: [{ subField: [ready], equalValue: [\"false\"] }, { subField: [name], equalValue: [app] }]
B:
  resource: Pod
  owner: user
  checkField:
    - anyOf:
        - - { field: [metadata, deletionTimestamp], nilValue: true }
          - { field: [status, phase], equalValue: [Running] }
        - - { field: [status, reason], nilValue: false }
          - { field: [metadata, deletionTimestamp], nilValue: true }
          - { field: [status, phase], equalValue: [Running] }
";
    let (short, long) = (read(FILE), read(plain));
    assert_eq!(short.diagnostics, []);
    assert_eq!(short.rules, long.rules);
    let a = short.rules.get("A").unwrap();
    assert_eq!((a.severity(), a.owner()), (Severity::P2, Owner::User));
}

#[test]
fn printing_keeps_them() {
    let file = SourceFile::new("r.yaml", FILE);
    let printed = format(&file).unwrap();
    insta::assert_snapshot!(printed, @r##"
    # What all of them share.
    defaults:
      severity: P2
      owner: user
      duration: 5m

    let:
      alive:
        - { field: [metadata, deletionTimestamp], nilValue: true }
        - { field: [status, phase], equalValue: [Running] }
      # Nested.
      appAlive:
        - { use: alive }
        - { field: [metadata, labels, tier], equalValue: [app] }
      notReady:
        - { subField: [ready], equalValue: ["false"] }

    A:
      resource: Pod
      # It has to be there.
      filterField:
        - { use: appAlive }
        - { field: [spec, nodeName], nilValue: false }
      checkField:
        - field: [status, containerStatuses]
          each:
            - { use: notReady }
            - { subField: [name], equalValue: [app] }

    B:
      resource: Pod
      checkField:
        - anyOf:
            - { use: alive }
            - - { field: [status, reason], nilValue: false }
              - { use: alive }
      duration: 0s
      severity: P3
    "##);
    assert_eq!(read(&printed).rules, read(FILE).rules);
    assert_eq!(format(&SourceFile::new("r.yaml", &*printed)).unwrap(), printed);
}

#[test]
fn printing_leaves_out_what_the_file_says_already() {
    let text = "\
defaults: { duration: 1m, gapTolerance: 30s, severity: P2, labels: { a: x }, runbook: look there }
A:
  resource: Pod
  checkField: [{ field: [a], nilValue: true }]
  duration: 60s
  # As all are.
  severity: P2
  gapTolerance: 30
  labels: { a: x }
  runbook: look there
B:
  resource: Pod
  checkField: [{ field: [a], nilValue: true }]
  duration: 2m
  severity: P3
  labels: { a: x, b: y }
  runbook: look here
";
    let file = SourceFile::new("r.yaml", text);
    let printed = format(&file).unwrap();
    let (_, rules) = printed.split_once("\nA:\n").unwrap();
    insta::assert_snapshot!(rules, @r#"
      resource: Pod
      checkField:
        - { field: [a], nilValue: true }

    B:
      resource: Pod
      checkField:
        - { field: [a], nilValue: true }
      duration: 2m
      severity: P3
      runbook: look here
      labels: { a: x, b: "y" }
    "#);
    assert!(printed.contains("\n# As all are.\nA:\n"), "{printed}");
    assert_eq!(read(&printed).rules, read(text).rules);
    assert_eq!(format(&SourceFile::new("r.yaml", &*printed)).unwrap(), printed);
}

/// Values of every sort, in every place that takes one.
const VALUES: &str = r#"
let:
  bad: '(?i)fail|"no"'
  words: [Failed, Lost]
  kinds: [Pod, Node]
  theirs: [Job, CronJob]
  path: [status, startedAt]
  since:
    field: [status, conditions]
    each: { use: failing }
    subField: [lastTransitionTime]
  failing:
    - { subField: [status], equalValue: ["False"] }
    - { subField: [reason], regexValue: { use: bad } }
  either:
    - - { field: [status, phase], equalValue: { use: words } }
    - { use: broken }
  broken: [{ field: [status, error], nilValue: false }]
  one: { field: [spec, replicas], default: 1, greaterThan: 0 }
  noService: { resource: Service, direction: incoming, selector: [spec, selector], exists: false }
  advice: |
    Look at it.
Any:
  resource: "*"
  notResource: [{ use: kinds }, Secret, { use: theirs }]
  filterField: [{ use: one }, { field: [status, phase], default: "", notRegexValue: [{ use: bad }, gone] }]
  checkField:
    - anyOf: { use: either }
    - { field: [status, conditions], each: { use: failing } }
  since: { use: since }
  runbook: { use: advice }
Two:
  resource: { use: kinds }
  checkField:
    - { field: [status, conditions], subIdentifierName: type, subIdentifierValue: { use: [words, theirs] }, subField: [reason], regexValue: { use: bad } }
    - { field: [status, endedAt], lessThanField: { use: path } }
  reference: { use: noService }
  duration: 1m
  labels: { use: none of ours }
"#;

#[test]
fn a_let_names_any_value_and_a_use_stands_for_it() {
    let plain = r#"
Any:
  resource: "*"
  notResource: [Pod, Node, Secret, Job, CronJob]
  filterField:
    - { field: [spec, replicas], default: 1, greaterThan: 0 }
    - { field: [status, phase], default: "", notRegexValue: ['(?i)fail|"no"', gone] }
  checkField:
    - anyOf:
        - - { field: [status, phase], equalValue: [Failed, Lost] }
        - - { field: [status, error], nilValue: false }
    - field: [status, conditions]
      each:
        - { subField: [status], equalValue: ["False"] }
        - { subField: [reason], regexValue: '(?i)fail|"no"' }
  since:
    field: [status, conditions]
    each:
      - { subField: [status], equalValue: ["False"] }
      - { subField: [reason], regexValue: '(?i)fail|"no"' }
    subField: [lastTransitionTime]
  runbook: |
    Look at it.
Two:
  resource: [Pod, Node]
  checkField:
    - { field: [status, conditions], subIdentifierName: type, subIdentifierValue: [Failed, Lost, Job, CronJob], subField: [reason], regexValue: '(?i)fail|"no"' }
    - { field: [status, endedAt], lessThanField: [status, startedAt] }
  reference: { resource: Service, direction: incoming, selector: [spec, selector], exists: false }
  duration: 1m
  labels: { use: none of ours }
"#;
    let (short, long) = (read(VALUES), read(plain));
    assert_eq!(short.diagnostics, []);
    assert_eq!(short.rules, long.rules);
    let printed = format(&SourceFile::new("r.yaml", VALUES)).unwrap();
    let again = read(&printed);
    assert_eq!((again.diagnostics, again.rules), (Vec::new(), long.rules), "{printed}");
    assert_eq!(format(&SourceFile::new("r.yaml", &*printed)).unwrap(), printed);
    let (_, rules) = printed.split_once("\n\n").unwrap();
    insta::assert_snapshot!(rules, @r#"
    Any:
      resource: "*"
      notResource:
        - { use: kinds }
        - Secret
        - { use: theirs }
      filterField:
        - { use: one }
        - field: [status, phase]
          default: ""
          notRegexValue:
            - { use: bad }
            - gone
      checkField:
        - { anyOf: { use: either } }
        - { field: [status, conditions], each: { use: failing } }
      since: { use: since }
      runbook: { use: advice }

    Two:
      resource: { use: kinds }
      checkField:
        - field: [status, conditions]
          subIdentifierName: type
          subIdentifierValue: { use: [words, theirs] }
          subField: [reason]
          regexValue: { use: bad }
        - { field: [status, endedAt], lessThanField: { use: path } }
      reference: { use: noService }
      duration: 1m
      labels: { use: none of ours }
    "#);
}

/// Files with one mistake each.
const MISTAKES: &[&str] = &[
    "let: { a: [{ field: [x], nilValue: true }] }\nR: { resource: Pod, checkField: [{ use: b }] }",
    "R: { resource: Pod, checkField: [{ use: b }] }",
    "let: { a: [{ field: [x], nilValue: maybe }] }\nR: { resource: Pod, checkField: [{ field: [y], nilValue: true }, { use: a }] }",
    "let: { a: [{ field: [x], nilValue: true }] }\nR: { resource: Pod, checkField: [{ use: a }, { field: [y], nilValue: 1 }] }",
    "let: { a: [{ use: b }], b: [{ use: a }] }\nR: { resource: Pod, checkField: [{ use: a }] }",
    "let: { a: [{ field: [x], nilValue: true }] }\nR: { resource: Pod, checkField: [{ use: a, field: [x] }] }",
    "let: { a: [{ field: [x], nilValue: true }] }\nR: { resource: Pod, checkField: [{ field: [y], nilValue: true }] }",
    "let: { a-b: [{ field: [x], nilValue: true }] }",
    "let: [a]",
    "let: { a: null }",
    "let: { a: \"(\" }\nR: { resource: Pod, checkField: [{ field: [x], regexValue: { use: a } }] }",
    "let: { a: [Pod, 1x] }\nR: { resource: { use: a }, checkField: [{ field: [x], nilValue: true }] }",
    "let: { a: [x] }\nR: { resource: Pod, checkField: [{ field: [x], nilValue: true }, { use: a }] }",
    "defaults: { sevirity: P1 }\nR: { resource: Pod, checkField: [{ field: [y], nilValue: true }] }",
    "defaults: { duration: soon }\nR: { resource: Pod, checkField: [{ field: [y], nilValue: true }] }",
    "defaults: { duration: 5s }\nR: { resource: Pod, reference: { resource: Node, name: [a], exists: false } }",
    "defaults: { owner: user }\n---\ndefaults: { owner: user }",
];

#[test]
fn mistakes_are_told_where_they_stand_and_where_they_are_used() {
    let mut told = String::new();
    for text in MISTAKES {
        for diagnostic in read(text).diagnostics {
            told.push_str(&diagnostic.to_string());
            told.push('\n');
        }
    }
    insta::assert_snapshot!(told, @r##"
    r.yaml:1:8 let.a: warning: expected a name that some rule uses, found one that none does; use it, or take it out; what is in it has not been checked
    r.yaml:2:41 R.checkField[0].use: expected a name that `let` gives, found `b`; did you mean `a`?
    r.yaml:1:41 R.checkField[0].use: expected a name that `let` gives, found `b`; give it one, at the top of the file: `let: { name: [conditions] }`
    r.yaml:1:36 R.let.a[0].nilValue: expected true or false, found `maybe`; used at r.yaml:2:66
    r.yaml:2:70 R.checkField[1].nilValue: expected true or false, found `1`
    r.yaml:1:36 R.let.b[0].use: expected what does not use itself, found `a` in `b` in itself; used at r.yaml:1:12
    r.yaml:1:8 let.a: warning: expected a name that some rule uses, found one that none does; use it, or take it out; what is in it has not been checked
    r.yaml:2:44 R.checkField[0].field: expected `use` by itself, found `field`; make each a condition of its own
    r.yaml:1:8 let.a: warning: expected a name that some rule uses, found one that none does; use it, or take it out; what is in it has not been checked
    r.yaml:1:8 let.a-b: expected a name of letters and digits: `podIsAlive`, found `a-b`
    r.yaml:1:8 let.a-b: warning: expected a name that some rule uses, found one that none does; use it, or take it out; what is in it has not been checked
    r.yaml:1:6 let: expected a map from names to lists of conditions, or to values, found a list
    r.yaml:1:11 let.a: expected a list of conditions, or a value, found nothing
    r.yaml:1:11 R.let.a: expected a regular expression, found `(`; unclosed group; used at r.yaml:2:60
    r.yaml:1:17 R.let.a[1]: expected a kind such as `Pod`, `apps/Deployment` or `argoproj.io/v1alpha1/Rollout`, found `1x`; used at r.yaml:2:16
    r.yaml:1:12 R.let.a[0]: expected a condition: a map, found `x`; used at r.yaml:2:66
    r.yaml:1:13 defaults.sevirity: expected a key of `defaults`, found unknown key `sevirity`; did you mean `severity`?
    r.yaml:1:23 defaults.duration: expected seconds as a number, or a duration such as "5m" or "1h30m", found `soon`; whole numbers with the units w, d, h, m, s, the greater first
    r.yaml:1:23 R.defaults.duration: expected at least 10s, as the rule has a reference, found `5s`; objects are created in any order: for a moment the other may not be there yet; write `duration: 1m`
    r.yaml:3:1 defaults: expected `defaults` once in a file, found it a second time; put them together
    "##);
}
