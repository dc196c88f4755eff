use super::*;

fn east() -> Scope {
    Scope::new("default", "eu", "east")
}

fn west() -> Scope {
    Scope::new("default", "eu", "west")
}

fn object(namespace: &str, name: &str, created: &str, spec: &Value) -> Vec<u8> {
    json!({ "apiVersion": "prodrome.dev/v1alpha1", "kind": KIND,
        "metadata": { "namespace": namespace, "name": name, "generation": 3, "creationTimestamp": created },
        "spec": spec })
    .to_string()
    .into_bytes()
}

fn judged(spec: &Value) -> Result<Rule, String> {
    let bytes = object("shop", "checkout-stuck", "2026-01-01T00:00:00Z", spec);
    judge(&east(), [bytes.as_slice()].into_iter()).remove(0).outcome
}

#[test]
fn what_is_doubtful_of_a_rule_that_holds_is_said() {
    let spec = json!({ "resource": "ConfigMap", "summary": "{name} is ill",
        "checkField": [{ "field": ["data", "currency"], "nilValue": true }] });
    let bytes = object("shop", "carts", "2026-01-01T00:00:00Z", &spec);
    let judged = judge(&east(), [bytes.as_slice()].into_iter()).remove(0);
    assert!(judged.outcome.is_ok());
    let [cut, name] = judged.doubts.as_slice() else { panic!("{:?}", judged.doubts) };
    assert!(name.starts_with("spec.summary: ") && name.contains("metadata.name"), "{name}");
    assert!(cut.starts_with("spec.checkField[0].field: ") && cut.contains("data.currency"), "{cut}");
}

fn sound() -> Value {
    json!({ "resource": "Deployment", "checkField": [{ "field": ["status", "readyReplicas"], "nilValue": true }] })
}

fn with(key: &str, value: Value) -> Value {
    let mut spec = sound();
    spec[key] = value;
    spec
}

#[test]
fn a_rule_of_a_namespace_is_about_it_alone_and_says_whose_it_is() {
    let rule = judged(&with("duration", json!("5m"))).unwrap();
    assert!(rule.name().starts_with("CheckoutStuckN") && rule.name().len() == 26, "{}", rule.name());
    assert!(rule.namespaces().admit(Some("shop")));
    assert!(!rule.namespaces().admit(Some("shop-2")) && !rule.namespaces().admit(None));
    assert_eq!(rule.labels().get("ruleOf").map(String::as_str), Some("shop"));
    assert_eq!(rule.owner(), Owner::User);
    let names: BTreeSet<_> = [("shop", "a-b"), ("shop", "ab"), ("shop2", "a-b"), ("sho", "pa-b")]
        .map(|(ns, name)| rule_name(&east(), ns, name))
        .into();
    assert_eq!(names.len(), 4);
    let longest = rule_name(&east(), &"n".repeat(63), &"long".repeat(60));
    assert!(longest.len() == 63, "as long as the name of a rule may be: {longest}");
    // Its file is read as it was meant.
    let bytes = object("shop", "checkout-stuck", "", &sound());
    let files = files(&east(), &judge(&east(), [bytes.as_slice()].into_iter()));
    assert_eq!(files[0].name, "ns.east-ade2f42b07ec.shop.yaml");
    assert_eq!(prodrome_rules::load(&files).rules.rules()[0].hash(), judged(&sound()).unwrap().hash());
}

#[test]
fn a_rule_of_a_namespace_holds_in_its_own_cluster_alone() {
    let bytes = object("shop", "checkout-stuck", "", &sound());
    let of = |scope: &Scope| judge(scope, [bytes.as_slice()].into_iter());
    let (one, other) = (of(&east()), of(&west()));
    let rule = |judged: &[TenantRule]| judged[0].outcome.clone().unwrap();
    assert!(rule(&one).clusters().admit(&east()) && !rule(&one).clusters().admit(&west()));
    let like_it = ["eastern", "north-east", "EAST"].map(|cluster| Scope::new("default", "eu", cluster));
    let elsewhere = [Scope::new("acme", "eu", "east"), Scope::new("default", "us", "east")];
    for scope in like_it.iter().chain(&elsewhere) {
        assert!(!rule(&one).clusters().admit(scope), "{scope}");
        assert_ne!(rule(&of(scope)).name(), rule(&one).name(), "{scope}");
        assert_ne!(file_prefix(scope), file_prefix(&east()), "{scope}");
    }
    // The same object in both is two rules in two files, which hold together.
    let files = [files(&east(), &one), files(&west(), &other)].concat();
    let loaded = prodrome_rules::load(&files);
    assert!(loaded.is_sound() && loaded.rules.rules().len() == 2, "{:?}", loaded.diagnostics);
    // No cluster's name means others too, nor makes a name that no file has.
    let odd = Scope::new("*", "?", "a*\\.b");
    let rule = rule(&of(&odd));
    assert!(rule.clusters().admit(&odd) && !rule.clusters().admit(&Scope::new("x", "y", "aa\\.b")));
    let longest = file_prefix(&Scope::new("t", "r", "A.b_c-".repeat(16)));
    assert!(longest.len() + 63 + ".yaml".len() <= 100, "{longest}");
}

#[test]
fn files_that_are_of_no_cluster_are_told_from_those_that_are() {
    for (file, of_namespaces, of_no_cluster) in [
        ("ns.shop.yaml", true, true),
        (&*format!("{}shop.yaml", file_prefix(&east())), true, false),
        ("pods.yaml", false, false),
        ("nsx.yaml", false, false),
    ] {
        assert_eq!((is_a_namespaces(file), is_of_no_cluster(file)), (of_namespaces, of_no_cluster), "{file}");
    }
}

#[test]
fn what_reaches_beyond_the_namespace_or_costs_too_much_is_refused_with_the_reason() {
    let referring = |reference: Value| {
        let mut spec = with("duration", json!("5m"));
        spec["reference"] = reference;
        spec
    };
    for (spec, want) in [
        (with("namespaces", json!(["*"])), "spec.namespaces: expected none"),
        (
            with("clusters", json!(["*"])),
            "spec.clusters: expected none, as the rule holds in its own cluster",
        ),
        (with("labels", json!({ "team": "other" })), "spec.labels: expected none"),
        (with("plugin", json!("endpoint-probe")), "spec.plugin: expected none"),
        (with("severity", json!("P1")), "spec.severity: expected P2, P3 or P4"),
        (with("owner", json!("platform")), "spec.owner: expected `user`"),
        (with("resource", json!("*")), "spec.resource: expected kinds by name"),
        (with("resource", json!("Secret")), "found Secret"),
        (with("resource", json!("Event")), "found Event"),
        (with("resource", json!("Node")), "found Node"),
        (with("resource", json!(["Pod", "Namespace"])), "found Namespace"),
        (
            referring(json!({ "resource": "Node", "name": ["spec", "nodeName"], "exists": false })),
            "found Node",
        ),
        (referring(json!({ "resource": "Secret", "name": ["a"], "exists": false })), "found Secret"),
        (
            referring(json!({ "resource": "ConfigMap", "name": ["a"], "namespace": ["b"], "exists": false })),
            "looks into no other",
        ),
        (
            referring(
                json!({ "resource": "ConfigMap", "name": ["a"], "namespace": "none", "exists": false }),
            ),
            "looks into no other",
        ),
        (
            referring(
                json!([{ "anyOf": [{ "resource": { "field": ["kind"] }, "name": ["a"], "exists": false }] }]),
            ),
            "expected a kind, found a field",
        ),
        (with("summary", json!("x".repeat(9000))), "at most 8192 bytes"),
        (
            with(
                "filterField",
                json!([{ "field": ["a"], "regexValue": ["a", "b", "c", "d", "e", "f", "g", "h", "i"] }]),
            ),
            "at most 8 regular expressions",
        ),
        (
            with("filterField", json!([{ "field": ["a"], "regexValue": "(a{1000}){1000}" }])),
            "spec.filterField[0].regexValue",
        ),
        (json!({ "resource": "Pod" }), "spec: expected `checkField`"),
        (with("durtion", json!("5m")), "did you mean `duration`"),
        (Value::Null, "spec: expected a rule"),
    ] {
        let refused = judged(&spec).unwrap_err();
        assert!(refused.contains(want), "{spec}: {refused}");
    }
}

#[test]
fn of_too_many_the_oldest_hold_and_no_other_namespace_pays_for_it() {
    let mut objects: Vec<_> = (0..30)
        .map(|n| object("shop", &format!("r{n}"), &format!("2026-01-01T00:00:{:02}Z", 59 - n), &sound()))
        .collect();
    objects.push(object("other", "r", "2026-02-01T00:00:00Z", &sound()));
    objects.push(b"no object".to_vec());
    let judged = judge(&east(), objects.iter().map(Vec::as_slice));
    let holds = |ns: &str| judged.iter().filter(|rule| rule.namespace == ns && rule.outcome.is_ok()).count();
    assert_eq!((holds("shop"), holds("other"), judged.len()), (RULES_MAX, 1, 31));
    let newest = judged.iter().find(|rule| rule.name == "r0").unwrap();
    assert!(newest.outcome.as_ref().unwrap_err().contains("20 older rules"));
    assert_eq!(names(&judged).len(), 21);
}
