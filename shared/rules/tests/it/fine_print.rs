//! The lines of the language's fine print, each with its cases.

use crate::support::{at, check, object, rule};
use prodrome_model::Scope;

#[track_caller]
fn table(condition: &str, rows: &[(&str, bool)]) {
    let rule = check(condition);
    for (text, want) in rows {
        assert_eq!(rule.evaluate(&object(text), at(0)).matches, *want, "{condition} of {text}");
    }
}

#[test]
fn a_missing_field_satisfies_only_nil_value_true() {
    for (operator, want) in [
        ("equalValue: ['']", false),
        ("notEqualValue: [x]", false),
        ("nilValue: true", true),
        ("nilValue: false", false),
        ("likeValue: '*'", false),
        ("notLikeValue: 'x'", false),
        ("regexValue: '.*'", false),
        ("notRegexValue: 'x'", false),
        ("greaterThan: -1", false),
        ("lessThan: 1", false),
        ("olderThan: 0", false),
        ("newerThan: 1d", false),
        ("expiresWithin: 1d", false),
        ("equalField: [b]", false),
        ("notEqualField: [c]", false),
        ("lessThanField: [c]", false),
        ("greaterThanField: [c]", false),
    ] {
        for missing in ["", r#""a":null,"#, r#""a":[],"#, r#""a":{},"#] {
            let text = format!(r#"{{{missing}"c":1}}"#);
            table(&format!("field: [a], {operator}"), &[(&text, want)]);
        }
    }
}

#[test]
fn a_scalar_where_the_path_goes_on_is_missing() {
    table("field: [a, b], nilValue: true", &[(r#"{"a":"x"}"#, true), (r#"{"a":0}"#, true)]);
    table("field: [a, b], notEqualValue: [x]", &[(r#"{"a":"y"}"#, false)]);
}

#[test]
fn the_empty_text_is_a_value() {
    table("field: [a], notEqualValue: [x]", &[(r#"{"a":""}"#, true)]);
    table("field: [a], equalValue: ['']", &[(r#"{"a":""}"#, true), ("{}", false)]);
}

#[test]
fn a_path_goes_into_every_element_of_an_array() {
    let pod =
        r#"{"spec":{"containers":[{"ports":[{"port":1},{"port":2}]},{"ports":[]},{"ports":[{"port":3}]}]}}"#;
    for (port, want) in [(1, true), (2, true), (3, true), (4, false)] {
        table(&format!("field: [spec, containers, ports, port], equalValue: [{port}]"), &[(pod, want)]);
    }
    table(
        "field: [args], equalValue: [b]",
        &[(r#"{"args":["a","b"]}"#, true), (r#"{"args":[["a"],["b"]]}"#, true)],
    );
}

#[test]
fn nil_value_is_asked_of_each_element() {
    let no_limit = "field: [containers], subField: [limits, memory], nilValue: true";
    let limited = r#"{"limits":{"memory":"1Gi"}}"#;
    table(
        no_limit,
        &[
            (&format!(r#"{{"containers":[{limited},{limited}]}}"#), false),
            (&format!(r#"{{"containers":[{limited},{{"limits":{{}}}}]}}"#), true),
            (&format!(r#"{{"containers":[{limited},{{}}]}}"#), true),
            (&format!(r#"{{"containers":[{limited},null]}}"#), true),
            // Absent or empty: one missing value.
            (r#"{"containers":[]}"#, true),
            ("{}", true),
        ],
    );
}

#[test]
fn no_element_selected_counts_as_one_missing_value() {
    let sidecar = "field: [c], subIdentifierName: name, subIdentifierValue: [sidecar]";
    let other = r#"{"c":[{"name":"app","ready":true}]}"#;
    table(
        &format!("{sidecar}, subField: [ready], nilValue: true"),
        &[(other, true), (r#"{"c":[]}"#, true), ("{}", true)],
    );
    table(&format!("{sidecar}, subField: [ready], nilValue: false"), &[(other, false)]);
    table(&format!("{sidecar}, subField: [ready], notEqualValue: ['true']"), &[(other, false)]);
    table(
        &format!("{sidecar}, subField: [ready], default: 'false', equalValue: ['false']"),
        &[(other, true)],
    );
    // Without a subField the element itself is the value: is there such an element?
    table(&format!("{sidecar}, nilValue: false"), &[(other, false), (r#"{"c":[{"name":"sidecar"}]}"#, true)]);
}

#[test]
fn sub_identifiers_select_by_any_of_their_values() {
    let condition =
        "field: [c], subIdentifierName: name, subIdentifierValue: [a, 1], subField: [ok], equalValue: [true]";
    table(
        condition,
        &[
            (r#"{"c":[{"name":"a","ok":true}]}"#, true),
            (r#"{"c":[{"ok":true,"name":1}]}"#, true),
            (r#"{"c":[{"name":"b","ok":true},{"name":"a","ok":false}]}"#, false),
            (r#"{"c":[{"ok":true}]}"#, false),
            (r#"{"c":["a"]}"#, false),
        ],
    );
}

#[test]
fn a_map_where_a_sub_identifier_expects_a_list_counts_as_one_element() {
    let condition =
        "field: [c], subIdentifierName: name, subIdentifierValue: [a], subField: [ok], equalValue: [true]";
    table(
        condition,
        &[(r#"{"c":{"name":"a","ok":true}}"#, true), (r#"{"c":{"name":"b","ok":true}}"#, false)],
    );
}

#[test]
fn an_array_on_the_way_to_a_sub_identifier_selects_in_each_place() {
    // A container without ports is one place where none is selected.
    let condition = "field: [c, ports], subIdentifierName: name, subIdentifierValue: [http], subField: [port], nilValue: true";
    table(
        condition,
        &[
            (r#"{"c":[{"ports":[{"name":"http","port":1}]}]}"#, false),
            (r#"{"c":[{"ports":[{"name":"http","port":1}]},{"ports":[]}]}"#, true),
            (r#"{"c":[{"ports":[{"name":"http","port":1}]},{"ports":[{"name":"dns","port":1}]}]}"#, true),
        ],
    );
}

#[test]
fn any_value_is_enough_unless_all_are_asked_for() {
    let any = "field: [c, ready], equalValue: ['true']";
    let all = "field: [c, ready], equalValue: ['true'], match: all";
    for (text, want_any, want_all) in [
        (r#"{"c":[{"ready":true},{"ready":true}]}"#, true, true),
        (r#"{"c":[{"ready":true},{"ready":false}]}"#, true, false),
        (r#"{"c":[{"ready":false}]}"#, false, false),
        // Missing values are not among those found; but one has to be found.
        (r#"{"c":[{"ready":true},{}]}"#, true, true),
        (r#"{"c":[{}]}"#, false, false),
        ("{}", false, false),
        // A non-empty object is a value, and not this one.
        (r#"{"c":[{"ready":true},{"ready":{"a":1}}]}"#, true, false),
    ] {
        table(any, &[(text, want_any)]);
        table(all, &[(text, want_all)]);
    }
}

#[test]
fn nil_value_under_all_counts_what_is_missing() {
    let none_has = "field: [c, limit], nilValue: true, match: all";
    let every_has = "field: [c, limit], nilValue: false, match: all";
    for (text, want_none, want_every) in [
        (r#"{"c":[{"limit":1},{"limit":2}]}"#, false, true),
        (r#"{"c":[{"limit":1},{}]}"#, false, false),
        (r#"{"c":[{},{"limit":""}]}"#, true, false),
        ("{}", true, false),
    ] {
        table(none_has, &[(text, want_none)]);
        table(every_has, &[(text, want_every)]);
    }
}

#[test]
fn what_is_no_quantity_or_timestamp_is_false_and_under_all_a_failure() {
    table("field: [a], lessThan: 5, match: all", &[(r#"{"a":[1,2]}"#, true), (r#"{"a":[1,"50%"]}"#, false)]);
    table(
        "field: [a], olderThan: 0, match: all",
        &[(r#"{"a":["2025-01-01T00:00:00Z"]}"#, true), (r#"{"a":["2025-01-01T00:00:00Z","x"]}"#, false)],
    );
}

#[test]
fn a_non_empty_object_satisfies_only_not_equal_value_and_nil_value_false() {
    for (operator, want) in [
        ("notEqualValue: [x]", true),
        ("nilValue: false", true),
        ("nilValue: true", false),
        ("equalValue: ['']", false),
        ("likeValue: '*'", false),
        ("notLikeValue: 'x'", false),
        ("regexValue: ''", false),
        ("notRegexValue: 'x'", false),
        ("lessThan: 1", false),
        ("newerThan: 1d", false),
        ("notEqualField: [b]", false),
    ] {
        table(&format!("field: [a], {operator}"), &[(r#"{"a":{"k":1},"b":"x"}"#, want)]);
    }
}

#[test]
fn a_default_stands_for_what_is_missing() {
    table(
        "field: [status, readyReplicas], default: 0, lessThan: 1",
        &[
            ("{}", true),
            (r#"{"status":{"readyReplicas":null}}"#, true),
            (r#"{"status":{"readyReplicas":1}}"#, false),
            (r#"{"status":{"readyReplicas":""}}"#, false),
        ],
    );
    table(
        "field: [c, n], default: 0, equalValue: [0], match: all",
        &[(r#"{"c":[{},{"n":0}]}"#, true), (r#"{"c":[{},{"n":1}]}"#, false)],
    );
}

#[test]
fn each_asks_of_the_same_element() {
    let condition = "field: [conditions], each: [{ subField: [type], equalValue: [Ready] }, \
                     { subField: [status], notEqualValue: ['True'] }]";
    table(
        condition,
        &[
            (r#"{"conditions":[{"type":"Ready","status":"False"}]}"#, true),
            (r#"{"conditions":[{"type":"Ready","status":"True"},{"type":"Other","status":"False"}]}"#, false),
            (r#"{"conditions":[]}"#, false),
            ("{}", false),
            // A map counts as one element.
            (r#"{"conditions":{"type":"Ready","status":"False"}}"#, true),
        ],
    );
}

#[test]
fn each_takes_sub_identifiers_any_of_and_the_element_itself() {
    table(
        "field: [c], subIdentifierName: kind, subIdentifierValue: [x], \
         each: [{ subField: [a], equalValue: [1] }, { anyOf: [[{ subField: [b], nilValue: true }], [{ subField: [b], equalValue: [2] }]] }]",
        &[
            (r#"{"c":[{"kind":"x","a":1}]}"#, true),
            (r#"{"c":[{"kind":"x","a":1,"b":2}]}"#, true),
            (r#"{"c":[{"kind":"x","a":1,"b":3}]}"#, false),
            (r#"{"c":[{"kind":"y","a":1}]}"#, false),
        ],
    );
    table(
        "field: [list], each: [{ likeValue: 'a/*' }, { notEqualValue: [a/b] }]",
        &[(r#"{"list":["a/b","c"]}"#, false), (r#"{"list":["a/b","a/c"]}"#, true)],
    );
}

#[test]
fn each_under_all_asks_it_of_every_element() {
    table(
        "field: [c], match: all, each: [{ subField: [a], equalValue: [1] }, { subField: [b], nilValue: true }]",
        &[
            (r#"{"c":[{"a":1},{"a":1}]}"#, true),
            (r#"{"c":[{"a":1},{"a":1,"b":2}]}"#, false),
            (r#"{"c":[{"a":1},{}]}"#, false),
            (r#"{"c":[]}"#, false),
            ("{}", false),
        ],
    );
}

#[test]
fn each_over_nothing_is_asked_of_one_missing_element() {
    table(
        "field: [c], each: [{ subField: [a], nilValue: true }]",
        &[
            ("{}", true),
            (r#"{"c":[]}"#, true),
            (r#"{"c":[{"a":1}]}"#, false),
            (r#"{"c":[{"a":1},{}]}"#, true),
        ],
    );
}

#[test]
fn any_of_stands_in_filter_and_check_and_in_itself() {
    let rule = rule(
        "
filterField:
  - anyOf:
      - [{ field: [kind], equalValue: [a] }]
      - { field: [kind], equalValue: [b] }
checkField:
  - anyOf:
      - - { field: [x], equalValue: [1] }
        - anyOf:
            - [{ field: [y], equalValue: [1] }]
            - [{ field: [z], equalValue: [1] }]
      - [{ field: [x], equalValue: [2] }]",
    );
    for (text, want) in [
        (r#"{"kind":"a","x":1,"y":1}"#, true),
        (r#"{"kind":"b","x":1,"z":1}"#, true),
        (r#"{"kind":"b","x":2}"#, true),
        (r#"{"kind":"c","x":2}"#, false),
        (r#"{"kind":"a","x":1}"#, false),
    ] {
        assert_eq!(rule.evaluate(&object(text), at(0)).matches, want, "{text}");
    }
}

#[test]
fn keys_are_literal() {
    table(
        "field: [a.b, c/d], equalValue: [x]",
        &[(r#"{"a.b":{"c/d":"x"}}"#, true), (r#"{"a":{"b":{"c/d":"x"}}}"#, false)],
    );
    table("field: ['*'], equalValue: [x]", &[(r#"{"a":"x"}"#, false), (r#"{"*":"x"}"#, true)]);
}

#[test]
fn of_a_key_that_stands_twice_the_last_one_counts() {
    table("field: [a], equalValue: [2]", &[(r#"{"a":1,"a":2}"#, true), (r#"{"a":2,"a":1}"#, false)]);
}

#[test]
fn namespaces_are_globs_to_include_and_exclude() {
    let metadata = |namespace: &str| match namespace {
        "" => object(r#"{"metadata":{"name":"n"},"a":1}"#),
        namespace => object(&format!(r#"{{"metadata":{{"name":"n","namespace":"{namespace}"}},"a":1}}"#)),
    };
    for (namespaces, namespace, want) in [
        ("[shop]", "shop", true),
        ("[shop]", "shop-2", false),
        ("[shop*, test]", "shop-2", true),
        ("{ exclude: [kube-*] }", "kube-system", false),
        ("{ exclude: [kube-*] }", "shop", true),
        ("{ include: ['*'], exclude: [shop] }", "shop", false),
        // What is in no namespace is looked at unless namespaces are asked for.
        ("{ exclude: [kube-*] }", "", true),
        ("['*']", "", false),
    ] {
        let rule =
            rule(&format!("namespaces: {namespaces}\ncheckField: [{{ field: [a], equalValue: [1] }}]"));
        assert_eq!(rule.evaluate(&metadata(namespace), at(0)).matches, want, "{namespaces} {namespace}");
    }
}

#[test]
fn where_a_rule_does_not_hold_it_is_as_if_it_did_not_exist() {
    let rules = crate::support::load_one(
        "
defaults: { clusters: [prod-*] }
A: { resource: Pod, checkField: [{ field: [a], nilValue: true }] }
B: { resource: Node, clusters: { exclude: ['*/eu/*'] }, checkField: [{ field: [a], nilValue: true }] }
C: { resource: Service, clusters: {}, checkField: [{ field: [a], nilValue: true }] }
D: { resource: Job, clusters: [default/eu/test], checkField: [{ field: [a], nilValue: true }] }
E: { resource: Secret, clusters: { include: [prod-*] }, checkField: [{ field: [a], nilValue: true }] }
",
    );
    for (tenant_region_cluster, want) in [
        ("default/eu/prod-1", "A C E"),
        ("default/us/prod-1", "A B C E"),
        ("default/eu/test", "C D"),
        ("acme/eu/test", "C"),
    ] {
        let scope = Scope::parse(tenant_region_cluster).unwrap();
        let held = rules.of_cluster(&scope);
        let names: Vec<&str> = held.rules().iter().map(prodrome_rules::Rule::name).collect();
        assert_eq!(names.join(" "), want, "{scope}");
        assert_eq!(held.kinds().len(), names.len(), "kinds of rules that hold elsewhere are none");
    }
    assert_eq!(rules.clusters().len(), 3, "what A and E say is the same");
    assert!(rules.everywhere().clusters().is_empty());
    // What a rule says of an object is the same wherever it holds.
    assert!(rules.rules()[0].evaluate(&object("{}"), at(0)).matches);
}

#[test]
fn of_a_namespace_its_own_name_counts() {
    let rules = crate::support::load_one(
        "Stuck: { resource: Namespace, namespaces: { exclude: [kube-*] }, checkField: [{ field: [metadata, name], nilValue: false }] }",
    );
    let rule = &rules.rules()[0];
    assert!(rule.evaluate(&object(r#"{"metadata":{"name":"shop"}}"#), at(0)).matches);
    assert!(!rule.evaluate(&object(r#"{"metadata":{"name":"kube-system"}}"#), at(0)).matches);
}

#[test]
fn the_kind_never_comes_from_the_body() {
    // Items of a list carry none; a body that claims another is judged all the same.
    table("field: [a], equalValue: [1]", &[(r#"{"a":1}"#, true), (r#"{"kind":"Node","a":1}"#, true)]);
}
