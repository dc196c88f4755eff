//! Rules and objects by chance, from few words, so that they meet.

use jiff::Timestamp;
use proptest::prelude::*;
use proptest::sample::select;
use serde_json::{Map, Value, json};

use crate::support::at;

/// How far from the beginning of time a generated timestamp lies, in seconds.
pub(crate) const STAMP_MAX: i64 = 20;

pub(crate) fn key() -> impl Strategy<Value = String> {
    select(&["a", "b", "c", "d.e/f"][..]).prop_map(str::to_owned)
}

fn path() -> impl Strategy<Value = Value> {
    prop::collection::vec(key(), 1..4).prop_map(|keys| json!(keys))
}

fn stamp() -> impl Strategy<Value = Timestamp> {
    (0..=STAMP_MAX).prop_map(at)
}

/// A scalar that operators have something to say about.
pub(crate) fn scalar() -> impl Strategy<Value = Value> {
    prop_oneof![
        4 => select(&["x", "y", "", "true", "3", "1Gi", "100m", "x y\n", "ünï"][..]).prop_map(Value::from),
        2 => select(&[0_i64, 1, 3, -1, 1000][..]).prop_map(Value::from),
        1 => any::<bool>().prop_map(Value::from),
        3 => stamp().prop_map(|stamp| Value::from(stamp.to_string())),
    ]
}

/// Any small object.
pub(crate) fn object() -> impl Strategy<Value = Value> {
    let leaf = prop_oneof![5 => scalar(), 1 => Just(Value::Null)];
    leaf.prop_recursive(4, 40, 4, |inner| {
        prop_oneof![
            2 => prop::collection::vec(inner.clone(), 0..4).prop_map(Value::from),
            3 => prop::collection::btree_map(key(), inner, 0..4)
                .prop_map(|map| Value::Object(map.into_iter().collect::<Map<_, _>>())),
        ]
    })
}

/// The same without arrays.
pub(crate) fn object_without_arrays() -> impl Strategy<Value = Value> {
    fn plain(value: Value) -> Value {
        match value {
            Value::Array(items) => items.into_iter().next().map_or(Value::Null, plain),
            Value::Object(map) => {
                Value::Object(map.into_iter().map(|(key, value)| (key, plain(value))).collect())
            }
            scalar => scalar,
        }
    }
    object().prop_map(plain)
}

fn duration() -> impl Strategy<Value = Value> {
    prop_oneof![(0..12_i64).prop_map(Value::from), (0..12_i64).prop_map(|s| Value::from(format!("{s}s")))]
}

/// An operator with its value, and what goes with it.
pub(crate) fn operator() -> impl Strategy<Value = Map<String, Value>> {
    let values = || prop::collection::vec(scalar(), 1..4).prop_map(Value::from);
    let one = |key: &'static str| move |value: Value| Map::from_iter([(key.to_owned(), value)]);
    let with_default = |key: &'static str, value: BoxedStrategy<Value>, default: BoxedStrategy<Value>| {
        (value, prop::option::weighted(0.3, default)).prop_map(move |(value, default)| {
            let default = default.map(|default| ("default".to_owned(), default));
            default.into_iter().chain([(key.to_owned(), value)]).collect::<Map<_, _>>()
        })
    };
    let quantity =
        || select(&["0", "3", "1Gi", "50m", "-1", "1e3", "2.50"][..]).prop_map(Value::from).boxed();
    let stamps = || stamp().prop_map(|stamp| Value::from(stamp.to_string())).boxed();
    let relation = select(&["equalField", "notEqualField", "lessThanField", "greaterThanField"][..]);
    let times = prop::option::of(select(&["0.9", "1", "2", "0.125"][..]));
    prop_oneof![
        2 => with_default("equalValue", values().boxed(), scalar().boxed()),
        2 => with_default("notEqualValue", values().boxed(), scalar().boxed()),
        2 => any::<bool>().prop_map(Value::from).prop_map(one("nilValue")),
        1 => with_default("likeValue", select(&["*", "x*", "?", "*-*-*T*"][..]).prop_map(Value::from).boxed(), scalar().boxed()),
        1 => with_default("notLikeValue", select(&["*", "x*", "?"][..]).prop_map(Value::from).boxed(), scalar().boxed()),
        1 => with_default("notRegexValue", select(&["x", "^$", "(?i)TRUE"][..]).prop_map(Value::from).boxed(), scalar().boxed()),
        1 => with_default("regexValue", select(&["x", "^$", "^[0-9]+", "(?i)TRUE"][..]).prop_map(Value::from).boxed(), scalar().boxed()),
        1 => with_default("greaterThan", quantity(), quantity()),
        1 => with_default("lessThan", quantity(), quantity()),
        2 => with_default("olderThan", duration().boxed(), stamps()),
        2 => with_default("newerThan", duration().boxed(), stamps()),
        2 => with_default("expiresWithin", duration().boxed(), stamps()),
        1 => (relation, path(), times).prop_map(|(relation, path, times)| {
            let times = times.map(|times| ("times".to_owned(), Value::from(times)));
            times.into_iter().chain([(relation.to_owned(), path)]).collect()
        }),
    ]
}

fn quantifier() -> impl Strategy<Value = Option<Value>> {
    select(vec![None, None, Some(json!("any")), Some(json!("all"))])
}

fn selection() -> impl Strategy<Value = Option<(String, Vec<Value>)>> {
    prop::option::weighted(0.4, (key(), prop::collection::vec(scalar(), 1..3)))
}

fn insert(map: &mut Map<String, Value>, key: &str, value: Option<impl Into<Value>>) {
    if let Some(value) = value {
        map.insert(key.to_owned(), value.into());
    }
}

/// A condition of an element.
fn part() -> impl Strategy<Value = Value> {
    let plain = (prop::option::weighted(0.8, path()), quantifier(), operator()).prop_map(
        |(path, quantifier, operator)| {
            let mut map = operator;
            insert(&mut map, "subField", path);
            insert(&mut map, "match", quantifier);
            Value::Object(map)
        },
    );
    plain.prop_recursive(1, 4, 2, |inner| any_of(inner.boxed()))
}

fn any_of(inner: BoxedStrategy<Value>) -> impl Strategy<Value = Value> {
    let list = prop::collection::vec(inner.clone(), 1..3).prop_map(Value::from);
    prop::collection::vec(prop_oneof![3 => list, 1 => inner], 1..3).prop_map(|lists| json!({"anyOf": lists}))
}

/// A condition of an object.
pub(crate) fn clause() -> impl Strategy<Value = Value> {
    let on_values = (path(), selection(), prop::option::of(path()), quantifier(), operator()).prop_map(
        |(field, selection, sub_field, quantifier, operator)| {
            let mut map = operator;
            map.insert("field".to_owned(), field);
            insert(&mut map, "subIdentifierName", selection.as_ref().map(|(name, _)| name.clone()));
            insert(&mut map, "subIdentifierValue", selection.map(|(_, values)| values));
            insert(&mut map, "subField", sub_field);
            insert(&mut map, "match", quantifier);
            Value::Object(map)
        },
    );
    let on_elements = (path(), selection(), quantifier(), prop::collection::vec(part(), 1..3)).prop_map(
        |(field, selection, quantifier, parts)| {
            let mut map = Map::from_iter([("field".to_owned(), field), ("each".to_owned(), parts.into())]);
            insert(&mut map, "subIdentifierName", selection.as_ref().map(|(name, _)| name.clone()));
            insert(&mut map, "subIdentifierValue", selection.map(|(_, values)| values));
            insert(&mut map, "match", quantifier);
            Value::Object(map)
        },
    );
    let plain = prop_oneof![3 => on_values, 1 => on_elements];
    plain.prop_recursive(2, 8, 3, |inner| any_of(inner.boxed()))
}

pub(crate) fn clauses() -> impl Strategy<Value = Value> {
    prop::collection::vec(clause(), 1..4).prop_map(Value::from)
}

fn kind() -> impl Strategy<Value = Value> {
    select(
        &[
            "Pod",
            "apps/Deployment",
            "apps/v1/Deployment",
            "v1/Service",
            "Rollout",
            "argoproj.io/v1alpha1/Rollout",
        ][..],
    )
    .prop_map(Value::from)
}

fn reference() -> impl Strategy<Value = Value> {
    let kind_field =
        (path(), prop::option::of(prop::collection::vec(kind(), 1..3)), prop::option::of(kind())).prop_map(
            |(field, kinds, default)| {
                let mut map = Map::from_iter([("field".to_owned(), field)]);
                insert(&mut map, "kinds", kinds);
                insert(&mut map, "default", default);
                Value::Object(map)
            },
        );
    let resource = prop_oneof![kind(), kind_field];
    let unless = prop_oneof![
        Just(None),
        Just(Some(json!({"field": ["b"], "equalValue": ["x"]}))),
        Just(Some(
            json!([{"field": ["b"], "nilValue": true}, {"anyOf": [[{"field": ["c"], "nilValue": false}]]}])
        )),
    ];
    let way = prop_oneof![
        3 => (prop_oneof![path(), prop::collection::vec(path(), 1..3).prop_map(Value::from)], unless)
            .prop_map(|(name, unless)| {
                let mut map = Map::from_iter([("name".to_owned(), name)]);
                insert(&mut map, "unless", unless);
                map
            }),
        1 => path().prop_map(|path| Map::from_iter([("selector".to_owned(), path)])),
    ];
    let namespace =
        prop_oneof![Just(None), Just(Some(json!("same"))), Just(Some(json!("none"))), path().prop_map(Some)];
    let simple = |kind: &'static str| json!({"resource": kind, "name": ["a"], "exists": false});
    let want = prop_oneof![
        4 => Just(("exists".to_owned(), json!(false))),
        4 => clauses().prop_map(|clauses| ("checkField".to_owned(), clauses)),
        1 => Just(("reference".to_owned(), simple("Pod"))),
    ];
    let filter = prop::option::weighted(0.2, clauses());
    (resource, way, namespace, want, filter, prop::bool::weighted(0.2)).prop_map(
        |(resource, mut map, namespace, (key, want), filter, incoming)| {
            let incoming = incoming && resource.is_string();
            insert(&mut map, "direction", incoming.then_some("incoming"));
            map.insert("resource".to_owned(), resource);
            insert(&mut map, "namespace", namespace);
            insert(&mut map, "filterField", filter);
            map.insert(key, want);
            Value::Object(map)
        },
    )
}

fn references() -> impl Strategy<Value = Value> {
    let group = prop_oneof![
        3 => reference(),
        1 => prop::collection::vec(reference(), 1..3).prop_map(|list| json!({"anyOf": list})),
    ];
    prop_oneof![3 => group.clone(), 1 => prop::collection::vec(group, 1..3).prop_map(Value::from)]
}

fn since() -> impl Strategy<Value = Value> {
    let map = (
        path(),
        selection(),
        prop::option::of(prop::collection::vec(part(), 1..3)),
        prop::option::of(path()),
    )
        .prop_map(|(field, selection, each, sub_field)| {
            let mut map = Map::from_iter([("field".to_owned(), field)]);
            insert(&mut map, "subIdentifierName", selection.as_ref().map(|(name, _)| name.clone()));
            insert(&mut map, "subIdentifierValue", selection.map(|(_, values)| values));
            insert(&mut map, "each", each);
            insert(&mut map, "subField", sub_field);
            Value::Object(map)
        });
    let place = prop_oneof![path(), map];
    let take = (place.clone(), select(&["earliest", "latest"][..])).prop_map(|(place, take)| match place {
        Value::Object(mut map) => {
            map.insert("take".to_owned(), take.into());
            Value::Object(map)
        }
        path => json!({"field": path, "take": take}),
    });
    let several = (prop::collection::vec(place.clone(), 1..3), select(&["earliest", "latest"][..]))
        .prop_map(|(places, key)| json!({key: places}));
    let one = prop_oneof![3 => place, 1 => take, 1 => several];
    prop_oneof![3 => one.clone(), 1 => prop::collection::vec(one, 1..3).prop_map(Value::from)]
}

fn plugin() -> impl Strategy<Value = Value> {
    select(vec![
        json!("endpoint-probe"),
        json!({"name": "dns"}),
        json!({"name": "dns", "params": {"port": 53, "names": ["a.example", "true"], "x": {"y": [false, null, 1.5, "5"]}}}),
    ])
}

fn frequency() -> impl Strategy<Value = Value> {
    let by = prop_oneof![
        Just(None),
        select(&["object", "owner", "namespace"][..]).prop_map(|word| Some(word.into())),
        path().prop_map(Some)
    ];
    (2..100_u32, 1..1000_i64, by, prop::option::of(path())).prop_map(|(count, within, by, distinct)| {
        let mut map =
            Map::from_iter([("count".to_owned(), json!(count)), ("within".to_owned(), json!(within))]);
        insert(&mut map, "by", by);
        insert(&mut map, "distinct", distinct);
        Value::Object(map)
    })
}

/// The keys of a rule that only asks about its own object.
pub(crate) fn rule() -> impl Strategy<Value = Value> {
    (prop::option::of(clauses()), clauses(), prop::option::of(since())).prop_map(|(filter, check, since)| {
        let mut map =
            Map::from_iter([("resource".to_owned(), json!("Pod")), ("checkField".to_owned(), check)]);
        insert(&mut map, "filterField", filter);
        insert(&mut map, "since", since);
        Value::Object(map)
    })
}

/// The keys of a rule with anything that the language has.
pub(crate) fn full_rule() -> impl Strategy<Value = Value> {
    let resource = prop_oneof![
        kind(),
        prop::collection::vec(kind(), 1..3).prop_map(Value::from),
        Just(json!("*")),
        Just(json!("Event"))
    ];
    let globs =
        || prop::collection::vec(select(&["shop-*", "*", "a?"][..]), 1..3).prop_map(|globs| json!(globs));
    let namespaces = prop_oneof![
        Just(None),
        globs().prop_map(Some),
        globs().prop_map(|globs| Some(json!({"exclude": globs}))),
        (globs(), globs()).prop_map(|(a, b)| Some(json!({"include": a, "exclude": b}))),
    ];
    let cluster_globs = || {
        prop::collection::vec(select(&["prod-*", "*/eu/*", "a/b/c", "?"][..]), 1..3).prop_map(|g| json!(g))
    };
    let clusters = prop_oneof![
        Just(None),
        cluster_globs().prop_map(Some),
        (cluster_globs(), cluster_globs()).prop_map(|(a, b)| Some(json!({"include": a, "exclude": b}))),
    ];
    let summary = select(&["{a.b}", "{{x}} {c['d.e/f'][a=x|y].b|a}", "plain: text", "a\nb"][..]);
    let text = prop_oneof![
        any::<String>(),
        select(&["one\ntwo\n", "  a\nb", "a\n\nb\n\n", "- x: y #", "null", "é\u{85}\u{2028}"][..])
            .prop_map(str::to_owned)
    ];
    let words = (
        prop::option::of(select(&["P1", "P2", "P3", "P4"][..])),
        prop::option::of(select(&["user", "platform", "cloud"][..])),
        prop::option::of(summary),
        prop::option::of(text.clone()),
        prop::option::of(prop::collection::btree_map(any::<String>(), text, 0..3)),
        prop::option::of(any::<bool>()),
        prop::option::of(select(&["live", "shadow"][..])),
    );
    let times =
        (prop::option::of(10..100_000_i64), prop::option::of(duration()), prop::option::of(duration()));
    let parts = (
        prop::option::of(clauses()),
        prop::option::of(clauses()),
        prop::option::of(references()),
        prop::option::of(since()),
        prop::option::weighted(0.2, frequency()),
        prop::option::weighted(0.1, plugin()),
    );
    (resource, namespaces, clusters, parts, times, words).prop_map(
        |(
            resource,
            namespaces,
            clusters,
            (filter, check, reference, since, frequency, plugin),
            (duration, gap, resolve),
            words,
        )| {
            let (severity, owner, summary, runbook, labels, enabled, mode) = words;
            let mut map = Map::from_iter([("resource".to_owned(), resource.clone())]);
            insert(&mut map, "notResource", (resource == "*").then(|| json!(["Node"])));
            insert(&mut map, "namespaces", namespaces);
            insert(&mut map, "clusters", clusters);
            insert(&mut map, "filterField", filter);
            let plugin = plugin.filter(|_| resource != "Event");
            let is_asked = plugin.is_some();
            insert(&mut map, "period", is_asked.then_some("5m"));
            insert(&mut map, "plugin", plugin);
            let says = |said: Option<Value>| said.filter(|_| !is_asked);
            let (check, reference) = (says(check), says(reference));
            let (since, frequency) = (says(since), says(frequency));
            let check = check.or_else(|| {
                (reference.is_none() && !is_asked).then(|| json!([{"field": ["a"], "nilValue": true}]))
            });
            insert(&mut map, "checkField", check);
            let duration = duration.or_else(|| reference.is_some().then_some(60));
            let frequency = frequency.filter(|_| reference.is_none());
            insert(&mut map, "gapTolerance", gap.filter(|_| duration.is_some() && frequency.is_none()));
            insert(&mut map, "frequency", frequency);
            insert(&mut map, "duration", duration);
            insert(&mut map, "reference", reference);
            insert(&mut map, "resolveAfter", resolve);
            insert(&mut map, "since", since);
            insert(&mut map, "severity", severity);
            insert(&mut map, "owner", owner);
            insert(&mut map, "summary", summary);
            insert(&mut map, "runbook", runbook);
            insert(&mut map, "labels", labels.map(|labels| json!(labels)));
            insert(&mut map, "enabled", enabled);
            insert(&mut map, "mode", mode);
            Value::Object(map)
        },
    )
}
