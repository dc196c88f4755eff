//! What references point at, and what comes of it.

use crate::support::{at, object, rule};
use prodrome_model::{GroupKind, LabelSelector};
use prodrome_rules::json::Node;
use prodrome_rules::{Namespace, Partner, Rule, Target};

fn refers(reference: &str) -> Rule {
    rule(&format!("duration: 1m\nreference: {reference}"))
}

/// The targets as `group/Kind namespace/name`; `.` is the object's own namespace, `-` none.
fn targets(rule: &Rule, text: &str) -> Vec<String> {
    let print = |target: Target| {
        let namespace = match &target {
            Target::Named { namespace, .. }
            | Target::Selected { namespace, .. }
            | Target::Referrers { namespace, .. } => match namespace {
                Namespace::Same => ".".to_owned(),
                Namespace::None => "-".to_owned(),
                Namespace::Named(name) => name.clone(),
            },
        };
        let what = match &target {
            Target::Named { name, .. } => name.clone(),
            Target::Referrers { .. } => "?".to_owned(),
            Target::Selected { selector, .. } => selector.to_query(),
        };
        format!("{} {namespace}/{what}", target.kind())
    };
    let object = object(text);
    rule.references().flat_map(|reference| reference.targets(&object)).map(print).collect()
}

const POD: &str = r#"{
    "metadata": {"name": "web-0", "namespace": "shop", "ownerReferences": [
        {"apiVersion": "apps/v1", "kind": "ReplicaSet", "name": "web-abc"},
        {"apiVersion": "argoproj.io/v1alpha1", "kind": "Rollout", "name": "web"}]},
    "spec": {
        "nodeName": "node-a",
        "priorityClassName": "high",
        "containers": [
            {"name": "web",
             "env": [
                {"name": "A", "value": "1"},
                {"name": "B", "valueFrom": {"configMapKeyRef": {"name": "env-map", "key": "b"}}},
                {"name": "C", "valueFrom": {"configMapKeyRef": {"name": "maybe-map", "key": "c", "optional": true}}}],
             "envFrom": [{"configMapRef": {"name": "all-map"}}, {"configMapRef": {"name": "free-map", "optional": true}}]},
            {"name": "side", "envFrom": [{"configMapRef": {"name": "all-map"}}, {"secretRef": {"name": "s"}}]}],
        "volumes": [
            {"name": "v1", "configMap": {"name": "volume-map"}},
            {"name": "v2", "projected": {"sources": [
                {"configMap": {"name": "projected-map"}},
                {"configMap": {"name": "optional-map", "optional": true}},
                {"serviceAccountToken": {"path": "token"}}]}},
            {"name": "v3", "emptyDir": {}}]}}"#;

#[test]
fn several_names_and_optional_ones_are_found_where_pods_keep_them() {
    let rule = refers(
        "
  resource: ConfigMap
  name:
    - [spec, containers, env, valueFrom, configMapKeyRef, name]
    - [spec, containers, envFrom, configMapRef, name]
    - [spec, volumes, configMap, name]
    - [spec, volumes, projected, sources, configMap, name]
  unless: { field: [optional], equalValue: ['true'] }
  exists: false",
    );
    assert_eq!(
        targets(&rule, POD),
        ["ConfigMap ./env-map", "ConfigMap ./all-map", "ConfigMap ./volume-map", "ConfigMap ./projected-map"]
    );
}

#[test]
fn unless_may_be_several_conditions_and_look_deeper() {
    let rule = refers(
        "
  resource: Service
  name: [spec, rules, http, paths, backend, service, name]
  unless:
    - { field: [port, name], equalValue: [use-annotation] }
    - { field: [name], likeValue: '*' }
  exists: false",
    );
    let ingress = r#"{"spec":{"rules":[{"http":{"paths":[
        {"backend":{"service":{"name":"ssl-redirect","port":{"name":"use-annotation"}}}},
        {"backend":{"service":{"name":"web","port":{"number":80}}}}]}}]}}"#;
    assert_eq!(targets(&rule, ingress), ["Service ./web"]);
}

#[test]
fn a_kind_may_be_taken_from_a_field_beside_the_name() {
    let owners = |extra: &str| {
        refers(&format!(
            "
  resource: {{ field: [metadata, ownerReferences, kind]{extra} }}
  name: [metadata, ownerReferences, name]
  exists: false"
        ))
    };
    assert_eq!(targets(&owners(""), POD), ["apps/ReplicaSet ./web-abc", "argoproj.io/Rollout ./web"]);
    assert_eq!(targets(&owners(", kinds: [ReplicaSet]"), POD), ["apps/ReplicaSet ./web-abc"]);
    assert_eq!(targets(&owners(", kinds: [example.com/Rollout]"), POD), [""; 0]);

    let target = refers(
        "{ resource: { field: [spec, ref, kind], default: cert-manager.io/Issuer }, name: [spec, ref, name], exists: false }",
    );
    for (text, want) in [
        (r#"{"spec":{"ref":{"kind":"Deployment","name":"a"}}}"#, "apps/Deployment ./a"),
        (
            r#"{"spec":{"ref":{"kind":"Role","apiGroup":"rbac.authorization.k8s.io","name":"a"}}}"#,
            "rbac.authorization.k8s.io/Role ./a",
        ),
        (
            r#"{"spec":{"ref":{"kind":"ClusterRole","apiGroup":"rbac.authorization.k8s.io","name":"a"}}}"#,
            "rbac.authorization.k8s.io/ClusterRole -/a",
        ),
        (r#"{"spec":{"ref":{"kind":"Service","group":"","name":"a"}}}"#, "Service ./a"),
        (r#"{"spec":{"ref":{"kind":"Pod","apiVersion":"v1","name":"a"}}}"#, "Pod ./a"),
        (r#"{"spec":{"ref":{"kind":"Unheard","name":"a"}}}"#, "Unheard ./a"),
        (r#"{"spec":{"ref":{"name":"a"}}}"#, "cert-manager.io/Issuer ./a"),
    ] {
        assert_eq!(targets(&target, text), [want], "{text}");
    }
}

#[test]
fn the_namespace_is_the_same_or_none_or_in_a_field() {
    for (reference, want) in [
        ("{ resource: Node, name: [spec, nodeName], exists: false }", "Node -/node-a"),
        ("{ resource: v1/Node, name: [spec, nodeName], exists: false }", "Node -/node-a"),
        (
            "{ resource: PriorityClass, name: [spec, priorityClassName], exists: false }",
            "scheduling.k8s.io/PriorityClass -/high",
        ),
        ("{ resource: Widget, name: [spec, nodeName], exists: false }", "Widget ./node-a"),
        ("{ resource: Widget, name: [spec, nodeName], namespace: none, exists: false }", "Widget -/node-a"),
        ("{ resource: Widget, name: [spec, nodeName], namespace: same, exists: false }", "Widget ./node-a"),
        (
            "{ resource: Widget, name: [spec, nodeName], namespace: [spec, priorityClassName], exists: false }",
            "Widget high/node-a",
        ),
        (
            "{ resource: Widget, name: [spec, nodeName], namespace: [spec, nothing], exists: false }",
            "Widget ./node-a",
        ),
    ] {
        assert_eq!(targets(&refers(reference), POD), [want], "{reference}");
    }
}

#[test]
fn a_namespace_goes_with_the_name_beside_it() {
    let subjects = refers(
        "
  resource: ServiceAccount
  name: [subjects, name]
  namespace: [subjects, namespace]
  unless: { field: [kind], notEqualValue: [ServiceAccount] }
  exists: false",
    );
    let binding = r#"{"subjects":[{"kind":"ServiceAccount","name":"a","namespace":"x"},
        {"kind":"User","name":"u"},{"kind":"ServiceAccount","name":"b","namespace":"y"}]}"#;
    assert_eq!(targets(&subjects, binding), ["ServiceAccount x/a", "ServiceAccount y/b"]);
}

#[test]
fn a_missing_or_empty_name_points_at_nothing() {
    let rule = refers("{ resource: Widget, name: [spec, ref, name], exists: false }");
    for text in [
        "{}",
        r#"{"spec":{"ref":null}}"#,
        r#"{"spec":{"ref":{"name":""}}}"#,
        r#"{"spec":{"ref":[]}}"#,
        r#"{"spec":{"ref":{"name":{"a":1}}}}"#,
    ] {
        assert_eq!(targets(&rule, text), [""; 0], "{text}");
        let judgement = rule.judge(&object(text), at(0), &|_| Partner::Found(Vec::new()));
        assert!(!judgement.evaluation.matches, "{text}");
    }
    assert_eq!(targets(&rule, r#"{"spec":{"ref":{"name":["a","b","a"]}}}"#), ["Widget ./a", "Widget ./b"]);
}

#[test]
fn selectors_are_plain_labels_or_label_selectors() {
    let rule = refers("{ resource: Pod, selector: [spec, selector], exists: false }");
    for (selector, want) in [
        (r#"{"app":"web","tier":"a"}"#, vec!["Pod ./app=web,tier=a"]),
        (r#"{"matchLabels":{"app":"web"}}"#, vec!["Pod ./app=web"]),
        (
            r#"{"matchExpressions":[{"key":"a","operator":"In","values":["x","y"]},{"key":"b","operator":"Exists"}]}"#,
            vec!["Pod ./a in (x,y),b"],
        ),
        // Odd, but a label: its value is a text.
        (r#"{"matchLabels":"x"}"#, vec!["Pod ./matchLabels=x"]),
        ("{}", vec![]),
        ("null", vec![]),
        (r#"{"matchLabels":{}}"#, vec![]),
        (r#"{"matchLabels":{},"matchExpressions":[]}"#, vec![]),
    ] {
        assert_eq!(targets(&rule, &format!(r#"{{"spec":{{"selector":{selector}}}}}"#)), want, "{selector}");
    }
    let service = object(r#"{"spec":{"selector":{"app":"web"}}}"#);
    let Target::Selected { selector, .. } = &rule.references().next().unwrap().targets(&service)[0] else {
        panic!("a selection was expected")
    };
    assert_eq!(*selector, LabelSelector::of_labels([("app".to_owned(), "web".to_owned())].into()));
}

#[test]
fn targets_are_only_asked_for_where_the_object_itself_matches() {
    let rule = rule(
        "
duration: 1m
filterField: [{ field: [status, phase], equalValue: [Pending] }]
reference: { resource: Node, name: [spec, nodeName], exists: false }",
    );
    assert_eq!(rule.targets(&object(r#"{"spec":{"nodeName":"a"},"status":{"phase":"Running"}}"#), at(0)), []);
    assert_eq!(
        rule.targets(&object(r#"{"spec":{"nodeName":"a"},"status":{"phase":"Pending"}}"#), at(0)).len(),
        1
    );
}

/// Looks up by name: `null` in the table is what cannot be said, absence is what is missing.
fn judge(rule: &Rule, text: &str, cluster: &[(&str, Option<Node<'static>>)]) -> (bool, bool, Vec<String>) {
    let look_up = |target: &Target| {
        let Target::Named { name, .. } = target else { panic!("only names here") };
        let found: Vec<_> =
            cluster.iter().filter(|(n, _)| n == name).map(|(_, node)| node.as_ref()).collect();
        found.into_iter().collect::<Option<Vec<_>>>().map_or(Partner::Unknown, Partner::Found)
    };
    let judgement = rule.judge(&object(text), at(0), &look_up);
    (judgement.evaluation.matches, judgement.unknown, judgement.evaluation.evidence)
}

#[test]
fn of_several_targets_one_that_is_missing_is_enough() {
    let rule = refers("{ resource: ConfigMap, name: [maps], exists: false }");
    let there = || Some(object("{}"));
    let two = r#"{"maps":["a","b"]}"#;
    for (cluster, want) in [
        (vec![], (true, false)),
        (vec![("a", there())], (true, false)),
        (vec![("a", there()), ("b", there())], (false, false)),
        // What is unknown does not hold, but might.
        (vec![("a", there()), ("b", None)], (false, true)),
        (vec![("b", None)], (true, false)),
    ] {
        let (matches, unknown, _) = judge(&rule, two, &cluster);
        assert_eq!((matches, unknown), want, "{cluster:?}");
    }
    let (_, _, evidence) = judge(&rule, two, &[("a", there())]);
    assert_eq!(evidence, ["maps[1] = b: this ConfigMap does not exist"]);
}

#[test]
fn of_several_references_one_of_any_of_and_all_others_must_hold() {
    let rule = refers(
        "
  - { resource: ConfigMap, name: [map], exists: false }
  - anyOf:
      - { resource: Service, name: [service], exists: false }
      - { resource: Node, name: [node], checkField: [{ field: [status, phase], equalValue: [Down] }] }",
    );
    assert_eq!(rule.reference_groups().len(), 2);
    let text = r#"{"map":"m","service":"s","node":"n"}"#;
    let there = || Some(object("{}"));
    let down = || Some(object(r#"{"metadata":{"name":"n"},"status":{"phase":"Down"}}"#));
    for (cluster, want) in [
        (vec![], (true, false)),
        (vec![("m", there())], (false, false)),
        (vec![("s", there())], (false, false)),
        (vec![("s", there()), ("n", down())], (true, false)),
        (vec![("m", None), ("s", there()), ("n", down())], (false, true)),
        (vec![("m", None), ("s", there())], (false, false)),
        (vec![("s", None)], (false, true)),
        (vec![("s", None), ("n", down())], (true, false)),
    ] {
        let (matches, unknown, _) = judge(&rule, text, &cluster);
        assert_eq!((matches, unknown), want, "{cluster:?}");
    }
    let (_, _, evidence) = judge(&rule, text, &[("s", there()), ("n", down())]);
    assert_eq!(
        evidence,
        ["map = m: this ConfigMap does not exist", "Node n: status.phase = Down", "node = n"]
    );
}

#[test]
fn time_turns_a_judgement_through_the_partner_too() {
    let rule = rule(
        "
duration: 1m
checkField: [{ field: [seen], newerThan: 1h }]
reference: { resource: Secret, name: [secret], checkField: [{ field: [notAfter], expiresWithin: 10m }] }",
    );
    let text = r#"{"secret":"s","seen":"2026-01-01T00:00:00Z"}"#;
    let secret = object(r#"{"notAfter":"2026-01-01T00:30:00Z"}"#);
    let judge = |now| rule.judge(&object(text), now, &|_| Partner::Found(vec![&secret])).evaluation;
    assert_eq!((judge(at(0)).matches, judge(at(0)).turns_at), (false, Some(at(20 * 60))));
    assert_eq!((judge(at(1200)).matches, judge(at(1200)).turns_at), (true, Some(at(3600))));
    assert_eq!((judge(at(3600)).matches, judge(at(3600)).turns_at), (false, None));
    let partner = rule.references().next().unwrap().partner(&secret, at(0));
    assert_eq!((partner.matches, partner.turns_at), (false, Some(at(20 * 60))));
}

#[test]
fn rules_are_found_by_the_kinds_they_refer_to() {
    let rules = crate::support::load_one(
        "
A: { resource: Pod, duration: 1m, reference: { resource: ConfigMap, name: [a], exists: false } }
B: { resource: '*', notResource: [Node], checkField: [{ field: [a], nilValue: true }] }
C: { resource: [HorizontalPodAutoscaler, Rollout], duration: 1m, reference: {
     resource: { field: [spec, scaleTargetRef, kind], kinds: [Deployment] }, name: [spec, scaleTargetRef, name], exists: false } }
D: { resource: Pod, duration: 1m, reference: {
     resource: { field: [metadata, ownerReferences, kind] }, name: [metadata, ownerReferences, name], exists: false } }
E: { resource: Secret, enabled: false, checkField: [{ field: [a], nilValue: true }] }
",
    );
    let about =
        |kind: &GroupKind| rules.for_kind(kind).map(|r| r.name().to_owned()).collect::<Vec<_>>().join(" ");
    let refer =
        |kind: &GroupKind| rules.referring_to(kind).map(|(r, _)| r.name()).collect::<Vec<_>>().join(" ");
    for (kind, want_about, want_refer) in [
        (GroupKind::core("Pod"), "A B D", "D"),
        (GroupKind::core("ConfigMap"), "B", "A D"),
        (GroupKind::core("Node"), "", "D"),
        (GroupKind::core("Secret"), "B", "D"),
        (GroupKind::new("apps", "Deployment"), "B", "C D"),
        (GroupKind::new("argoproj.io", "Rollout"), "B C", "D"),
        (GroupKind::new("autoscaling", "HorizontalPodAutoscaler"), "B C", "D"),
    ] {
        assert_eq!((about(&kind).as_str(), refer(&kind).as_str()), (want_about, want_refer), "{kind}");
    }
    let kinds: Vec<String> = rules.kinds().iter().map(ToString::to_string).collect();
    assert_eq!(
        kinds,
        [
            "ConfigMap",
            "Pod",
            "apps/Deployment",
            "autoscaling/HorizontalPodAutoscaler",
            "Rollout",
            "any kind but Node"
        ]
    );
}

/// The names of what is found is what counts: all objects of a kind are offered.
fn judge_among(rule: &prodrome_rules::Rule, text: &str, others: &[&str]) -> prodrome_rules::Judgement {
    let nodes: Vec<Node<'static>> = others.iter().map(|text| object(text)).collect();
    rule.judge(&object(text), at(0), &|target| {
        let kind = target.kind().kind.clone();
        let of_kind = nodes.iter().filter(|node| node.child("kind").and_then(Node::text) == Some(&kind));
        Partner::Found(of_kind.collect())
    })
}

#[test]
fn an_incoming_reference_asks_who_refers() {
    let rule = rule(
        "duration: 1m\nreference: { resource: Service, direction: incoming, name: [spec, pod], unless: { field: [off], equalValue: [true] }, exists: false }",
    );
    let pod = r#"{"metadata":{"name":"a","namespace":"n"}}"#;
    for (others, want) in [
        (&[][..], true),
        (&[r#"{"kind":"Service","metadata":{"namespace":"n"},"spec":{"pod":"a"}}"#], false),
        (&[r#"{"kind":"Service","metadata":{"namespace":"other"},"spec":{"pod":"a"}}"#], true),
        (&[r#"{"kind":"Service","metadata":{"namespace":"n"},"spec":{"pod":"b"}}"#], true),
        (&[r#"{"kind":"Service","metadata":{"namespace":"n"},"spec":{"pod":"a","off":true}}"#], true),
        (&[r#"{"kind":"Service","metadata":{"namespace":"n"},"spec":[{"pod":"b"},{"pod":"a"}]}"#], false),
    ] {
        let judgement = judge_among(&rule, pod, others);
        assert_eq!(judgement.evaluation.matches, want, "{others:?}");
        if want {
            assert_eq!(judgement.evaluation.evidence, ["no Service names it in spec.pod"]);
        }
    }
}

#[test]
fn an_incoming_reference_may_come_from_another_namespace_or_by_a_selector() {
    let named = rule(
        "duration: 1m\nreference: { resource: Service, direction: incoming, name: [subjects, name], namespace: [subjects, namespace], exists: false }",
    );
    let pod = r#"{"metadata":{"name":"a","namespace":"n","labels":{"app":"web"}}}"#;
    let service = r#"{"kind":"Service","metadata":{"namespace":"other"},"subjects":[{"name":"a","namespace":"x"},{"name":"a","namespace":"n"}]}"#;
    assert!(!judge_among(&named, pod, &[service]).evaluation.matches);
    let elsewhere =
        r#"{"kind":"Service","metadata":{"namespace":"n"},"subjects":[{"name":"a","namespace":"x"}]}"#;
    assert!(judge_among(&named, pod, &[elsewhere]).evaluation.matches);

    let selected = rule(
        "duration: 1m\nreference: { resource: Service, direction: incoming, selector: [spec, selector], exists: false }",
    );
    for (selector, namespace, want) in [
        (r#"{"app":"web"}"#, "n", false),
        (r#"{"app":"db"}"#, "n", true),
        (r#"{"app":"web"}"#, "m", true),
        ("{}", "n", true),
    ] {
        let service = format!(
            r#"{{"kind":"Service","metadata":{{"namespace":"{namespace}"}},"spec":{{"selector":{selector}}}}}"#
        );
        assert_eq!(judge_among(&selected, pod, &[&service]).evaluation.matches, want, "{service}");
    }
}

#[test]
fn only_those_count_of_which_the_filter_holds() {
    let rule = rule(
        "duration: 1m\nreference: { resource: Node, name: [spec, nodeName], filterField: [{ field: [ready], equalValue: [true] }], exists: false }",
    );
    let pod = r#"{"metadata":{"name":"a"},"spec":{"nodeName":"x"}}"#;
    for (node, want) in
        [(r#"{"kind":"Node","ready":true}"#, false), (r#"{"kind":"Node","ready":false}"#, true)]
    {
        assert_eq!(judge_among(&rule, pod, &[node]).evaluation.matches, want, "{node}");
    }
}

#[test]
fn only_those_count_that_compare_with_the_referring_object() {
    let rule = rule(
        "duration: 1m\nreference: { resource: Node, name: [spec, nodeName], compareField: [{ field: [ports, n], equalField: [spec, want] }], exists: false }",
    );
    let pod = r#"{"metadata":{"name":"a"},"spec":{"nodeName":"x","want":[8080,"http"]},"ports":[{"n":1}]}"#;
    for (node, want) in [
        (r#"{"kind":"Node","ports":[{"n":1},{"n":8080}]}"#, false),
        (r#"{"kind":"Node","ports":[{"n":"http"}]}"#, false),
        // The path begins at the referring object, never at the other.
        (r#"{"kind":"Node","ports":[{"n":1}],"spec":{"want":1}}"#, true),
        (r#"{"kind":"Node"}"#, true),
    ] {
        assert_eq!(judge_among(&rule, pod, &[node]).evaluation.matches, want, "{node}");
    }
}

#[test]
fn a_reference_may_follow_another() {
    let rule = rule(
        "duration: 1m\nreference: { resource: Service, name: [spec, service], checkField: [{ field: [on], equalValue: [true] }], reference: { resource: Node, name: [spec, node], exists: false } }",
    );
    let pod = r#"{"metadata":{"name":"a","namespace":"n"},"spec":{"service":"s"}}"#;
    let service =
        r#"{"kind":"Service","metadata":{"name":"s","namespace":"n"},"on":true,"spec":{"node":"x"}}"#;
    let off = r#"{"kind":"Service","metadata":{"name":"s","namespace":"n"},"on":false,"spec":{"node":"x"}}"#;
    for (others, want) in [
        (&[service][..], true),
        (&[service, r#"{"kind":"Node","metadata":{"name":"x"}}"#], false),
        (&[off], false),
        (&[], false),
    ] {
        let judgement = judge_among(&rule, pod, others);
        assert_eq!(judgement.evaluation.matches, want, "{others:?}");
        if want {
            let evidence = judgement.evaluation.evidence;
            assert_eq!(evidence[0], "Service s: spec.node = x: this Node does not exist", "{evidence:?}");
        }
    }
    let kinds: Vec<String> =
        rule.references().flat_map(prodrome_rules::Reference::kinds).map(|kind| kind.to_string()).collect();
    assert_eq!(kinds, ["Service", "Node"]);
}

#[test]
fn what_lacks_only_an_object_in_its_usual_state_says_so() {
    let rule = rule(
        "duration: 1m\nreference:\n  - { resource: Service, selector: [spec, to], usual: true, checkField: [{ field: [up], equalValue: [true] }] }\n  - { resource: ConfigMap, name: [spec, config], exists: false }",
    );
    assert!(rule.references().all(|reference| !reference.wakes()));
    let pod = r#"{"metadata":{"name":"a","namespace":"n"},"spec":{"to":{"app":"b"},"config":"c"}}"#;
    let (up, down) = (r#"{"kind":"Service","up":true}"#, r#"{"kind":"Service","up":false}"#);
    let config = r#"{"kind":"ConfigMap"}"#;
    for (others, matches, lacks) in [
        (&[up][..], true, false),
        (&[down], false, true),
        (&[], false, true),
        (&[down, up], true, false),
        (&[up, config], false, false),
        (&[down, config], false, false),
    ] {
        let judgement = judge_among(&rule, pod, others);
        assert_eq!((judgement.evaluation.matches, judgement.lacks_usual), (matches, lacks), "{others:?}");
    }
    let alone = r#"{"metadata":{"name":"a","namespace":"n"},"spec":{"config":"c"}}"#;
    assert!(!judge_among(&rule, alone, &[]).lacks_usual, "it points at nothing, and nothing can come");
}
