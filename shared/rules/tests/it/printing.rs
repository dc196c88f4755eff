//! The canonical form, and what becomes of comments.

use crate::founding::FOUNDING;
use prodrome_rules::{SourceFile, format, load};

fn print(text: &str) -> String {
    format(&SourceFile::new("r.yaml", text)).unwrap_or_else(|diagnostics| {
        panic!("{:#?}", diagnostics.iter().map(ToString::to_string).collect::<Vec<_>>())
    })
}

/// It means the same, and is printed the same again.
#[track_caller]
fn check(text: &str) -> String {
    let printed = print(text);
    let rules = |text: &str| load(&[SourceFile::new("r.yaml", text)]).rules;
    assert_eq!(rules(text), rules(&printed), "{printed}");
    assert_eq!(print(&printed), printed);
    printed
}

#[test]
fn json_in_a_row_becomes_one_yaml_file() {
    insta::assert_snapshot!(check(FOUNDING), @r#"
    PodSidecarNotReady:
      resource: Pod
      filterField:
        - { field: [status, phase], equalValue: [Running] }
        - { field: [metadata, labels, sae.component], equalValue: [app] }
        - { field: [metadata, deletionTimestamp], nilValue: true }
      checkField:
        - field: [status, containerStatuses]
          subIdentifierName: name
          subIdentifierValue: [sidecar]
          subField: [ready]
          equalValue: ["false"]
      duration: 5m

    ServiceDeleting:
      resource: Service
      filterField:
        - { field: [metadata, labels, sae-domain], equalValue: [sae-domain] }
      checkField:
        - { field: [metadata, deletionTimestamp], notEqualValue: [""] }
      duration: 5m
    "#);
}

#[test]
fn everything_the_language_has_is_printed() {
    let text = r#"
Everything:
  mode: shadow
  enabled: false
  labels: { team: "1", b: x y }
  flow: crash-loop
  runbook: |
    First this.

      then: that
  summary: "{metadata.name}: \"{status.message}\""
  owner: user
  severity: P1
  since:
    - [status, startTime]
    - field: [status, conditions]
      each: [{ subField: [status], equalValue: ["False"] }]
      subField: [lastTransitionTime]
  resolveAfter: 10m
  gapTolerance: 30
  duration: 3600
  reference:
    - { resource: Node, name: [spec, nodeName], exists: false }
    - anyOf:
        - { resource: { field: [spec, ref, kind], kinds: [Deployment], default: Deployment }, name: [spec, ref, name], namespace: [spec, ref, namespace], exists: false }
        - resource: ConfigMap
          name: [[spec, a], [spec, b]]
          namespace: same
          unless: { field: [optional], equalValue: [true] }
          checkField: [{ field: [data], nilValue: true }]
        - { resource: Pod, selector: [spec, selector], namespace: none, exists: false }
  checkField:
    - anyOf:
        - - { field: [a], likeValue: ["x*"] }
          - { field: [a], regexValue: [a, b] }
        - { field: [a], greaterThan: 1.50, default: 0 }
    - { field: [a], lessThan: "1Gi", match: all }
    - field: [conditions]
      match: any
      each:
        - { subField: [type], notEqualValue: [Ready, "", yes, "3", -1, "a: b", "é", " x"] }
        - { olderThan: 90 }
        - anyOf: [[{ subField: [x], newerThan: 0 }], [{ expiresWithin: 14d }]]
    - { field: [a], lessThanField: [b], times: 0.9 }
    - { field: [a], equalField: [b] }
    - { field: [a], notEqualField: [b] }
    - { field: [a], greaterThanField: [b.c, "d/e"] }
  filterField: [{ field: [a], nilValue: false }]
  namespaces: { include: [shop-*], exclude: ["kube-*"] }
  clusters: { exclude: ["*/eu/*"], include: [prod-*] }
  resource: [apps/v1/Deployment, v1/Pod]
Generic: { resource: "*", notResource: [Node], namespaces: [shop], clusters: [default/eu/prod], checkField: [{ field: [a], nilValue: true }] }
"#;
    insta::assert_snapshot!(check(text), @r##"
    Everything:
      resource: [apps/v1/Deployment, v1/Pod]
      namespaces: { include: ["shop-*"], exclude: ["kube-*"] }
      clusters: { include: ["prod-*"], exclude: ["*/eu/*"] }
      filterField:
        - { field: [a], nilValue: false }
      checkField:
        - anyOf:
            - - { field: [a], likeValue: "x*" }
              - { field: [a], regexValue: [a, b] }
            - - { field: [a], default: "0", greaterThan: 1.50 }
        - { field: [a], match: all, lessThan: 1Gi }
        - field: [conditions]
          each:
            - { subField: [type], notEqualValue: [Ready, "", "yes", "3", "-1", "a: b", "é", " x"] }
            - { olderThan: 1m30s }
            - anyOf:
                - - { subField: [x], newerThan: 0s }
                - - { expiresWithin: 14d }
        - { field: [a], lessThanField: [b], times: 0.9 }
        - { field: [a], equalField: [b] }
        - { field: [a], notEqualField: [b] }
        - { field: [a], greaterThanField: [b.c, d/e] }
      reference:
        - { resource: Node, name: [spec, nodeName], exists: false }
        - anyOf:
            - resource: { field: [spec, ref, kind], kinds: [Deployment], default: Deployment }
              name: [spec, ref, name]
              namespace: [spec, ref, namespace]
              exists: false
            - resource: ConfigMap
              name:
                - [spec, a]
                - [spec, b]
              unless: { field: [optional], equalValue: ["true"] }
              namespace: same
              checkField:
                - { field: [data], nilValue: true }
            - { resource: Pod, selector: [spec, selector], namespace: none, exists: false }
      duration: 1h
      gapTolerance: 30s
      resolveAfter: 10m
      since:
        - [status, startTime]
        - field: [status, conditions]
          each:
            - { subField: [status], equalValue: ["False"] }
          subField: [lastTransitionTime]
      severity: P1
      owner: user
      summary: '{metadata.name}: "{status.message}"'
      runbook: |
        First this.

          then: that
      flow: crash-loop
      labels: { b: x y, team: "1" }
      enabled: false
      mode: shadow

    Generic:
      resource: "*"
      notResource: [Node]
      namespaces: { include: [shop] }
      clusters: { include: [default/eu/prod] }
      checkField:
        - { field: [a], nilValue: true }
    "##);
}

#[test]
fn comments_stay_with_what_they_are_about() {
    let text = r"# Rules about Pods.
# All of them.

# The first rule.
First: # behind its name
  # above the kind
  resource: Pod   # behind the kind
  severity: P3    # the default, which is not printed
  checkField:
    # above a condition
    - field: [status, phase] # behind a field
      # above an operator
      equalValue: [Failed]
    - { field: [a], # in a flow
        nilValue: true }
    - anyOf:
        # an alternative
        - - { field: [b], nilValue: true }
          # its second condition
          - { field: [c], nilValue: true }
  # at the end of the rule

# Between rules.

# The second rule.
Second:
  resource: Node
  checkField: [{ field: [a], nilValue: true }]
# The end.

# Really.
";
    insta::assert_snapshot!(check(text), @r##"
    # Rules about Pods.
    # All of them.

    # The first rule.
    # behind its name
    # the default, which is not printed
    First:
      # above the kind
      # behind the kind
      resource: Pod
      checkField:
        # above a condition
        # behind a field
        # above an operator
        - { field: [status, phase], equalValue: [Failed] }
        # in a flow
        - { field: [a], nilValue: true }
        - anyOf:
            # an alternative
            - - { field: [b], nilValue: true }
              # its second condition
              # at the end of the rule
              - { field: [c], nilValue: true }

    # Between rules.

    # The second rule.
    Second:
      resource: Node
      checkField:
        - { field: [a], nilValue: true }

    # The end.

    # Really.
    "##);
}

#[test]
fn comments_of_many_documents_stay_in_order() {
    let text = "# one\n---\n# two\nA: { resource: Pod, checkField: [{ field: [a], nilValue: true }] } # three\n---\n# four\n{\"B\": {\"resource\": \"Pod\", # five\n \"checkField\": [{\"field\": [\"a\"], \"nilValue\": true}]}}\n# six\n";
    insta::assert_snapshot!(check(text), @r##"
    # one
    # two
    # three
    A:
      resource: Pod
      checkField:
        - { field: [a], nilValue: true }

    # four
    # five
    B:
      resource: Pod
      checkField:
        - { field: [a], nilValue: true }

    # six
    "##);
}

#[test]
fn aliases_are_written_out() {
    let text = "
A: { resource: Pod, filterField: &running [{ field: [status, phase], equalValue: [Running] }], checkField: [{ field: [a], nilValue: true }] }
B: { resource: Pod, filterField: *running, checkField: [{ field: [b], nilValue: true }] }
";
    assert_eq!(check(text).matches("Running").count(), 2);
}

#[test]
fn a_file_with_mistakes_is_not_printed() {
    let bad = "A: { resource: Pod, checkField: [{ field: [a], nilValue: true }] }\nB: { resource: Pod }\n";
    let diagnostics = format(&SourceFile::new("r.yaml", bad)).unwrap_err();
    assert_eq!(diagnostics.len(), 1);
    let twice = "A: { resource: Pod, checkField: [{ field: [a], nilValue: true }] }\n---\nA: { resource: Pod, checkField: [{ field: [a], nilValue: true }] }\n";
    assert_eq!(format(&SourceFile::new("r.yaml", twice)).unwrap_err().len(), 1);
}

#[test]
fn a_hash_is_of_the_meaning() {
    let hash = |text: &str| load(&[SourceFile::new("r.yaml", text)]).rules.rules()[0].hash().to_owned();
    let one = hash("A: { resource: Pod, duration: 300, checkField: [{ field: [a], equalValue: [1] }] }");
    assert_eq!(one.len(), 32);
    for same in [
        "# note\nA:\n  checkField:\n    - { equalValue: ['1'], field: [a], match: any }\n  duration: 5m\n  resource: Pod\n  severity: P3\n",
        r#"{"A": {"resource": "Pod", "duration": "300s", "checkField": [{"field": ["a"], "equalValue": [1]}], "enabled": true}}"#,
    ] {
        assert_eq!(hash(same), one, "{same}");
    }
    for other in [
        "B: { resource: Pod, duration: 300, checkField: [{ field: [a], equalValue: [1] }] }",
        "A: { resource: Pod, duration: 301, checkField: [{ field: [a], equalValue: [1] }] }",
        "A: { resource: Pod, duration: 300, filterField: [{ field: [a], equalValue: [1] }], checkField: [{ field: [a], equalValue: [1] }] }",
        "A: { resource: Pod, duration: 300, checkField: [{ field: [a], equalValue: ['1', '2'] }] }",
    ] {
        assert_ne!(hash(other), one, "{other}");
    }
}

#[test]
fn what_a_rule_looks_for_is_apart_from_what_it_says() {
    let load_one = |text: &str| load(&[SourceFile::new("r.yaml", text)]).rules.rules()[0].clone();
    let one = load_one("A: { resource: Pod, checkField: [{ field: [a], equalValue: [1] }] }");
    for same in [
        "B: { resource: Pod, checkField: [{ field: [a], equalValue: [1] }] }",
        "A: { resource: Pod, checkField: [{ field: [a], equalValue: [1] }], duration: 5m, gapTolerance: 1m, resolveAfter: 9m }",
        "A: { resource: Pod, checkField: [{ field: [a], equalValue: [1] }], severity: P1, owner: user, summary: x, runbook: y, flow: z, labels: { a: b } }",
        "A: { resource: Pod, checkField: [{ field: [a], equalValue: [1] }], enabled: false, mode: shadow }",
        // In a cluster in which it holds as before nothing begins anew.
        "A: { resource: Pod, clusters: [prod], checkField: [{ field: [a], equalValue: [1] }] }",
    ] {
        let same = load_one(same);
        assert_eq!(same.meaning(), one.meaning(), "{same:?}");
        assert_ne!(same.hash(), one.hash());
    }
    for other in [
        "A: { resource: Node, checkField: [{ field: [a], equalValue: [1] }] }",
        "A: { resource: Pod, checkField: [{ field: [a], equalValue: [2] }] }",
        "A: { resource: Pod, namespaces: [a], checkField: [{ field: [a], equalValue: [1] }] }",
        "A: { resource: Pod, checkField: [{ field: [a], equalValue: [1] }], since: [status, startTime] }",
        "A: { resource: Pod, checkField: [{ field: [a], equalValue: [1] }], frequency: { count: 3, within: 1h } }",
        "A: { resource: Pod, duration: 1m, checkField: [{ field: [a], equalValue: [1] }], reference: { resource: Node, name: [b], exists: false } }",
    ] {
        assert_ne!(load_one(other).meaning(), one.meaning(), "{other}");
    }
    let staged = one.in_mode(prodrome_rules::Mode::Shadow);
    assert_eq!(staged.in_mode(prodrome_rules::Mode::Live), one);
    assert_eq!(load_one(&staged.to_yaml()), staged);
    let narrow =
        load_one("A: { resource: Pod, clusters: [prod], checkField: [{ field: [a], equalValue: [1] }] }");
    assert_eq!(narrow.everywhere(), one);
    assert_eq!(load_one(&narrow.to_yaml()), narrow);
}

#[test]
fn the_hash_of_the_founding_example_never_changes() {
    // Checks in flight carry it: a new version of the language must not orphan them.
    let rules = load(&[SourceFile::new("r.json", FOUNDING)]).rules;
    let hashes: Vec<_> = rules.rules().iter().map(prodrome_rules::Rule::hash).collect();
    insta::assert_snapshot!(hashes.join("\n"), @r##"
    2e98b05ff1a7cc4831d94a14a0051924
    9253ebd8ce43b135212f14eedfdbb30e
    "##);
}

#[test]
fn a_long_list_of_words_fills_its_lines_unless_a_comment_stands_in_it() {
    let words = "AbsolutelyFirst, AbsolutelySecond, AbsolutelyThird, AbsolutelyFourth, AbsolutelyFifth, AbsolutelySixth, AbsolutelySeventh";
    let rule = |words: &str| {
        format!(
            "R:\n  resource: Pod\n  checkField:\n    - field: [status, reason]\n      equalValue: [{words}]\n"
        )
    };
    insta::assert_snapshot!(check(&rule(words)), @"
    R:
      resource: Pod
      checkField:
        - field: [status, reason]
          equalValue:
            [
              AbsolutelyFirst, AbsolutelySecond, AbsolutelyThird, AbsolutelyFourth, AbsolutelyFifth,
              AbsolutelySixth, AbsolutelySeventh,
            ]
    ");
    let commented = words.replace("AbsolutelyFourth", "\n        # the rest\n        AbsolutelyFourth");
    let printed = check(&rule(&commented));
    assert!(
        printed.contains("- AbsolutelyThird\n        # the rest\n        - AbsolutelyFourth\n"),
        "{printed}"
    );
    let spoken = check(&rule(&words.replace("First", "first of all")));
    assert!(spoken.contains("\n        - Absolutelyfirst of all\n        - AbsolutelySecond\n"), "{spoken}");
}

#[test]
fn what_would_need_escapes_stands_in_single_quotes() {
    let text = |pattern: &str| {
        let rule =
            format!("R:\n  resource: Pod\n  checkField:\n    - {{ field: [a], regexValue: {pattern} }}\n");
        let printed = check(&rule);
        printed.rsplit_once("regexValue: ").unwrap().1.replace(" }\n", "")
    };
    let table = [
        (r#"'\d+ "x"'"#, r#"'\d+ "x"'"#),
        (r#""it's \\d""#, r#""it's \\d""#),
        (r"'a|b'", r#""a|b""#),
        (r#""\\d\u0001""#, r#""\\d\u0001""#),
    ];
    for (written, want) in table {
        assert_eq!(text(written), want, "{written}");
    }
}

#[test]
fn the_shipped_files_are_in_the_canonical_form() {
    for file in crate::review::shipped() {
        let printed = format(&file).unwrap();
        assert!(printed == file.text, "{}: run `prodrome rules fmt --write rules`", file.name);
    }
}
