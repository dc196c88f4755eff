//! What a rule means in words, and which of it holds of an object.

use crate::founding::FOUNDING;
use crate::support::{at, load_one, object};
use prodrome_rules::Partner;

#[test]
fn a_rule_in_words() {
    let rules = load_one(FOUNDING);
    insta::assert_snapshot!(rules.rules()[0].describe().to_string(), @r##"
    PodSidecarNotReady: Pod, P3, owner platform
      it is about objects where
        status.phase is "Running"
        metadata.labels['sae.component'] is "app"
        metadata.deletionTimestamp is absent or empty
      what is wrong
        status.containerStatuses[name=sidecar].ready is "false"
      it fires when all of this has held for 5m; it resolves when it has not held for 2m30s
    "##);
}

#[test]
fn which_condition_holds_with_the_values_found() {
    let rules = load_one(FOUNDING);
    let pod = object(
        r#"{"metadata":{"name":"a","labels":{"sae.component":"app"}},
            "status":{"phase":"Pending","containerStatuses":[{"name":"app","ready":true},{"name":"sidecar","ready":false}]}}"#,
    );
    let explanation = rules.rules()[0].explain(&pod, at(0));
    assert_eq!(explanation.holds, Some(false));
    insta::assert_snapshot!(explanation.to_string(), @r##"
    ✗ PodSidecarNotReady does not match: Pod, P3, owner platform
      ✗ it is about objects where
        ✗ status.phase is "Running"
            status.phase = Pending — no
        ✓ metadata.labels['sae.component'] is "app"
            metadata.labels['sae.component'] = app
        ✓ metadata.deletionTimestamp is absent or empty
            metadata.deletionTimestamp = (not set)
      ✓ what is wrong
        ✓ status.containerStatuses[name=sidecar].ready is "false"
            status.containerStatuses[name=sidecar].ready = false
      it fires when all of this has held for 5m; it resolves when it has not held for 2m30s
    "##);
    insta::assert_snapshot!(serde_json::to_string(&explanation.parts[1]).unwrap(), @r#"{"text":"what is wrong","holds":true,"parts":[{"text":"status.containerStatuses[name=sidecar].ready is \"false\"","holds":true,"found":["status.containerStatuses[name=sidecar].ready = false"]}]}"#);
}

const EVERYTHING: &str = r#"
Everything:
  resource: "*"
  notResource: [Node, Rollout]
  namespaces: { include: [shop-*, test], exclude: [shop-dev] }
  clusters: { include: [prod-*], exclude: ["*/us/*"] }
  filterField:
    - { field: [metadata, labels, "app.io/name"], likeValue: ["web-*", "api-*"] }
    - { field: [spec, replicas], greaterThan: 0, default: 1 }
  checkField:
    - field: [status, conditions]
      each:
        - { subField: [type], equalValue: [Ready] }
        - { subField: [status], notEqualValue: ["True"] }
        - { subField: [lastTransitionTime], olderThan: 5m }
    - anyOf:
        - [{ field: [status, readyReplicas], default: 0, lessThanField: [spec, replicas], times: 0.5 }]
        - - { field: [status, reason], regexValue: "^Err" }
          - { field: [spec, containers, image], notEqualValue: [""], match: all }
  duration: 10m
  gapTolerance: 1m
  since: { field: [status, conditions], each: [{ subField: [type], equalValue: [Ready] }], subField: [lastTransitionTime] }
  reference:
    - { resource: ConfigMap, name: [[spec, map], [spec, other]], unless: { field: [optional], equalValue: [true] }, exists: false }
    - anyOf:
        - { resource: { field: [spec, ref, kind], kinds: [Deployment] }, name: [spec, ref, name], namespace: [spec, ref, namespace], exists: false }
        - { resource: Pod, selector: [spec, selector], checkField: [{ field: [status, phase], equalValue: [Failed] }] }
  enabled: false
  mode: shadow
"#;

#[test]
fn everything_the_language_has_in_words() {
    insta::assert_snapshot!(load_one(EVERYTHING).rules()[0].describe().to_string(), @r##"
    Everything: objects of any kind but Node and Rollout, P3, owner platform
      in the namespaces shop-* and test, but not in shop-dev
      it is about objects where
        metadata.labels['app.io/name'] is like "web-*" or "api-*"
        spec.replicas is greater than 0 (where it is missing, "1" counts)
      what is wrong
        some status.conditions with all of
          type is "Ready"
          status is there, and is not "True"
          lastTransitionTime is 5m ago or longer
        at least one of
          status.readyReplicas is less than 0.5 × spec.replicas (where it is missing, "0" counts)
          all of
            status.reason has /^Err/ in it
            every spec.containers.image is there, and is not ""
      a ConfigMap that spec.map or spec.other names (unless beside it optional is "true") does not exist
      at least one of
        a Deployment (as spec.ref.kind says) that spec.ref.name names, in the namespace in spec.ref.namespace does not exist
        a Pod that spec.selector selects has
          status.phase is "Failed"
      it holds in the clusters prod-*, but not in */us/*
      it fires when all of this has held for 10m, breaks shorter than 1m aside; it resolves when it has not held for 5m
      the match began at status.conditions.lastTransitionTime, where that is earlier, of the elements where
        type is "Ready"
      it is switched off
      it is staged: it runs and counts, and tells nobody
    "##);
}

#[test]
fn everything_the_language_has_of_an_object() {
    let rules = load_one(EVERYTHING);
    let thing = object(
        r#"{"metadata":{"name":"x","namespace":"shop-1","labels":{"app.io/name":"web-1"}},
            "spec":{"replicas":4,"map":"settings","ref":{"kind":"Deployment","name":"d","namespace":"n"},"selector":{"app":"x"},
                "containers":[{"image":"a"},{"image":"b"},{}]},
            "status":{"readyReplicas":3,"reason":"ErrX","conditions":[
                {"type":"Synced","status":"True","lastTransitionTime":"2025-12-31T00:00:00Z"},
                {"type":"Ready","status":"False","lastTransitionTime":"2025-12-31T23:00:00Z"}]}}"#,
    );
    let failed = object(r#"{"metadata":{"name":"x-1"},"status":{"phase":"Failed"}}"#);
    let explanation =
        rules.rules()[0].explain_with(&thing, at(0), &|target| match target.kind().kind.as_str() {
            "ConfigMap" => Partner::Found(vec![]),
            "Pod" => Partner::Found(vec![&failed]),
            _ => Partner::Unknown,
        });
    insta::assert_snapshot!(explanation.to_string(), @r##"
    ✓ Everything matches: objects of any kind but Node and Rollout, P3, owner platform
      ✓ in the namespaces shop-* and test, but not in shop-dev
      ✓ it is about objects where
        ✓ metadata.labels['app.io/name'] is like "web-*" or "api-*"
            metadata.labels['app.io/name'] = web-1
        ✓ spec.replicas is greater than 0 (where it is missing, "1" counts)
            spec.replicas = 4
      ✓ what is wrong
        ✓ some status.conditions with all of
          ✓ status.conditions[type=Ready]
            ✓ type is "Ready"
                status.conditions[type=Ready].type = Ready
            ✓ status is there, and is not "True"
                status.conditions[type=Ready].status = False
            ✓ lastTransitionTime is 5m ago or longer
                status.conditions[type=Ready].lastTransitionTime = 2025-12-31T23:00:00Z
          ✗ status.conditions[type=Synced]
            ✗ type is "Ready"
                status.conditions[type=Synced].type = Synced — no
            ✗ status is there, and is not "True"
                status.conditions[type=Synced].status = True — no
            ✓ lastTransitionTime is 5m ago or longer
                status.conditions[type=Synced].lastTransitionTime = 2025-12-31T00:00:00Z
        ✓ at least one of
          ✗ status.readyReplicas is less than 0.5 × spec.replicas (where it is missing, "0" counts)
              status.readyReplicas = 3 (0.5 × spec.replicas = 4) — no
          ✓ all of
            ✓ status.reason has /^Err/ in it
                status.reason = ErrX
            ✓ every spec.containers.image is there, and is not ""
                spec.containers[0].image = a
                spec.containers[1].image = b
                spec.containers[2].image = (not set) — does not count
      ✓ a ConfigMap that spec.map or spec.other names (unless beside it optional is "true") does not exist
          spec.map = settings: missing
      ✓ at least one of
        a Deployment (as spec.ref.kind says) that spec.ref.name names, in the namespace in spec.ref.namespace does not exist
            spec.ref.name = d: not looked up
        ✓ a Pod that spec.selector selects has
            spec.selector = app=x: there
          ✓ Pod x-1
            ✓ status.phase is "Failed"
                status.phase = Failed
      it holds in the clusters prod-*, but not in */us/*
      it fires when all of this has held for 10m, breaks shorter than 1m aside; it resolves when it has not held for 5m
      the match began at status.conditions.lastTransitionTime, where that is earlier, of the elements where
          2025-12-31T23:00:00Z
        type is "Ready"
      it is switched off
      it is staged: it runs and counts, and tells nobody
    "##);
    // Without a look at the cluster it cannot be said.
    assert_eq!(rules.rules()[0].explain(&thing, at(0)).holds, None);
}

#[test]
fn an_explanation_stays_short() {
    let rules = load_one(
        "R: { resource: Pod, checkField: [{ field: [a], equalValue: [x] }, { field: [b], each: [{ equalValue: [x] }] }] }",
    );
    let many = vec!["\"y\""; 100].join(",");
    let text =
        rules.rules()[0].explain(&object(&format!(r#"{{"a":[{many}],"b":[{many}]}}"#)), at(0)).to_string();
    assert!(text.contains("… and 95 more"), "{text}");
    assert!(text.lines().count() < 30, "{text}");
}

#[test]
fn the_questions_of_a_rule_are_the_same_ones_with_and_without_an_object() {
    let text = "
R:
  resource: Pod
  filterField: [{ field: [metadata, deletionTimestamp], nilValue: true }]
  checkField:
    - anyOf:
        - - { field: [status, phase], equalValue: [Failed] }
          - { field: [status, reason], nilValue: false }
        - { field: [c], each: [{ subField: [n], equalValue: [a] }, { subField: [at], olderThan: 5m }] }
  reference: { resource: Node, name: [spec, nodeName], checkField: [{ field: [spec, unschedulable], equalValue: [\"true\"] }] }
  duration: 5m
  since: [metadata, creationTimestamp]
";
    let loaded = prodrome_rules::load(&[prodrome_rules::SourceFile::new("r.yaml", text)]);
    let rule = loaded.rules.get("R").unwrap();
    let object = prodrome_rules::json::parse(
        br#"{"spec":{"nodeName":"n"},"status":{"phase":"Failed"},"c":[{"n":"a"},{"n":"b"}]}"#,
    )
    .unwrap();
    let now = "2026-01-01T00:00:00Z".parse().unwrap();
    let asked = |explanation: prodrome_rules::Explanation| {
        explanation.questions().into_iter().map(|q| (q.text, q.holds)).collect::<Vec<_>>()
    };
    let texts = [
        "metadata.deletionTimestamp is absent or empty",
        "status.phase is \"Failed\"",
        "status.reason is there, and not empty",
        "some c: n is \"a\" and at is 5m ago or longer",
        "a Node that spec.nodeName names has spec.unschedulable is \"true\"",
    ];
    let without: Vec<_> = texts.iter().map(|text| ((*text).to_owned(), None)).collect();
    assert_eq!(asked(rule.describe()), without);
    let holds = [Some(true), Some(true), Some(false), Some(false), None];
    let with: Vec<_> = texts.iter().zip(holds).map(|(text, holds)| ((*text).to_owned(), holds)).collect();
    assert_eq!(asked(rule.explain(&object, now)), with);
}
