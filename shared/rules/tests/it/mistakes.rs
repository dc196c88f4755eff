//! Every mistake is found, all at once, and says where it is and what to do.

use prodrome_rules::{Code, Diagnostic, Level, SourceFile, Style, load, render};
use std::collections::BTreeSet;

fn diagnostics(text: &str) -> Vec<Diagnostic> {
    load(&[SourceFile::new("r.yaml", text)]).diagnostics
}

/// One rule with one mistake each: its keys after `resource: Pod` and a sound `checkField`, and what is said.
const MISTAKES: &[(&str, Code, &str)] = &[
    // Keys.
    (
        "durations: 5m",
        Code::UnknownKey,
        "3:1 R.durations: expected a key of a rule, found unknown key `durations`; did you mean `duration`?",
    ),
    (
        "Duration: 5m",
        Code::UnknownKey,
        "3:1 R.Duration: expected a key of a rule, found unknown key `Duration`; did you mean `duration`?",
    ),
    (
        "zzz: 1",
        Code::UnknownKey,
        "3:1 R.zzz: expected a key of a rule, found unknown key `zzz`; known are `resource`, `notResource`, `namespaces`, `clusters`, `filterField`, `checkField`, `reference`, `duration`, `gapTolerance`, `resolveAfter`, `since`, `frequency`, `period`, `plugin`, `severity`, `owner`, `summary`, `runbook`, `flow`, `labels`, `enabled`, `mode`",
    ),
    (
        "severity: P1\nseverity: P2",
        Code::DuplicateKey,
        "4:1 R.severity: expected each key once, found it a second time",
    ),
    (
        "labels: { a: 1, a: 2 }",
        Code::DuplicateKey,
        "3:17 R.labels.a: expected each key once, found it a second time",
    ),
    ("filterField: [{ field: [a], matchRegex: x }]", Code::UnknownKey, ""),
    (
        "filterField: x",
        Code::WrongType,
        "3:14 R.filterField: expected a list of conditions, found `x`; write [{ field: [status, phase], equalValue: [Failed] }]",
    ),
    (
        "filterField: [{ field: [a], each: x }]",
        Code::WrongType,
        "3:35 R.filterField[0].each: expected a list of conditions, found `x`; write [{ subField: [type], equalValue: [Ready] }]",
    ),
    (
        "filterField: [{ field: [labels, app], equalValue: [x] }]",
        Code::MetadataField,
        "3:24 R.filterField[0].field: warning: expected a path from the top of the object, found `labels`, which objects have in their metadata; write `metadata` before it, if that is meant: metadata.labels",
    ),
    (
        "summary: '{name} is ill'",
        Code::MetadataField,
        "3:10 R.summary: warning: expected a path from the top of the object, found `name`, which objects have in their metadata; write `metadata` before it, if that is meant: metadata.name",
    ),
    (
        "filterField: [{ equalValue: [x] }]",
        Code::MissingKey,
        "3:15 R.filterField[0]: expected `field`: the path to look at, found none",
    ),
    (
        "filterField: [{ field: [a], subIdentifierName: n, nilValue: true }]",
        Code::MissingKey,
        "3:15 R.filterField[0]: expected `subIdentifierValue`: the values that select an element, found none",
    ),
    (
        "filterField: [{ field: [a], subIdentifierValue: [n], nilValue: true }]",
        Code::MissingKey,
        "3:15 R.filterField[0]: expected `subIdentifierName`: the key by which elements are selected, found none",
    ),
    (
        "duration: 1m\nreference: { resource: Node, exists: false }",
        Code::MissingKey,
        "4:12 R.reference: expected `name`: the path of the other object's name, or `selector`, found none",
    ),
    (
        "duration: 1m\nreference: { resource: Node, name: [a] }",
        Code::MissingKey,
        "4:12 R.reference: expected `exists`: `false`, or `checkField` with what is wrong with the other, found none",
    ),
    // Types.
    ("enabled: 1", Code::WrongType, "3:10 R.enabled: expected true or false, found `1`"),
    (
        "enabled: 'true'",
        Code::WrongType,
        "3:10 R.enabled: expected true or false, found the text \"true\"; write true",
    ),
    ("mode: staged", Code::BadChoice, "3:7 R.mode: expected `live` or `shadow`, found `staged`"),
    (
        "filterField: { field: [a], nilValue: true }",
        Code::WrongType,
        "3:14 R.filterField: expected a list of conditions, found a map; put it into brackets, or a dash before it",
    ),
    ("filterField: [x]", Code::WrongType, "3:15 R.filterField[0]: expected a condition: a map, found `x`"),
    (
        "filterField: [{ field: status.phase, nilValue: true }]",
        Code::WrongType,
        "3:24 R.filterField[0].field: expected a list of keys, found `status.phase`; write [\"status\", \"phase\"]",
    ),
    (
        "filterField: [{ field: [a], subField: ready, nilValue: true }]",
        Code::WrongType,
        "3:39 R.filterField[0].subField: expected a list of keys, found `ready`; write [\"ready\"]",
    ),
    (
        "filterField: [{ field: [a], equalValue: x }]",
        Code::WrongType,
        "3:41 R.filterField[0].equalValue: expected a list of values, found `x`; write [\"x\"]",
    ),
    (
        "filterField: [{ field: [a], equalValue: [x, null] }]",
        Code::WrongType,
        "3:45 R.filterField[0].equalValue[1]: expected a text, a number or a boolean, found nothing",
    ),
    (
        "filterField: [{ field: [a, [b]], nilValue: true }]",
        Code::WrongType,
        "3:28 R.filterField[0].field[1]: expected a text, a number or a boolean, found a list",
    ),
    ("labels: [a]", Code::WrongType, "3:9 R.labels: expected a map of texts, found a list"),
    (
        "summary:",
        Code::WrongType,
        "3:8 R.summary: expected a text with fields in braces: `{metadata.name}`, found nothing",
    ),
    (
        "duration: [5]",
        Code::WrongType,
        "3:11 R.duration: expected seconds as a number, or a duration such as \"5m\" or \"1h30m\", found a list",
    ),
    (
        "namespaces: shop",
        Code::WrongType,
        "3:13 R.namespaces: expected a list of globs, found `shop`; write [\"shop\"]",
    ),
    (
        "clusters: prod",
        Code::WrongType,
        "3:11 R.clusters: expected a list of globs, found `prod`; write [\"prod\"]",
    ),
    (
        "clusters: { includes: [prod] }",
        Code::UnknownKey,
        "3:13 R.clusters.includes: expected a key of `clusters`, found unknown key `includes`; did you mean `include`?",
    ),
    (
        "clusters: { exclude: [prod-*, eu/prod] }",
        Code::BadCluster,
        "3:22 R.clusters.exclude: expected globs of a cluster's name, or of tenant/region/cluster, found `eu/prod`; write the name alone, or all three parts; `*/prod-1` is prod-1 of any tenant and region",
    ),
    (
        "clusters: [a/b/c/*]",
        Code::BadCluster,
        "3:11 R.clusters: expected globs of a cluster's name, or of tenant/region/cluster, found `a/b/c/*`; write the name alone, or all three parts; `*/prod-1` is prod-1 of any tenant and region",
    ),
    // Lists and paths.
    (
        "filterField: []",
        Code::EmptyList,
        "3:14 R.filterField: expected a list of conditions, found an empty list",
    ),
    (
        "filterField: [{ field: [a], equalValue: [] }]",
        Code::EmptyList,
        "3:41 R.filterField[0].equalValue: expected a list of values, found an empty list",
    ),
    (
        "filterField: [{ anyOf: [[]] }]",
        Code::EmptyList,
        "3:25 R.filterField[0].anyOf[0]: expected a list of conditions, found an empty list",
    ),
    (
        "filterField: [{ field: [], nilValue: true }]",
        Code::EmptyPath,
        "3:24 R.filterField[0].field: expected a list of keys, found an empty list",
    ),
    ("since: [a, '']", Code::EmptyPath, "3:8 R.since[1]: expected a key, found an empty text"),
    // Operators.
    (
        "filterField: [{ field: [a] }]",
        Code::NoOperator,
        "3:15 R.filterField[0]: expected exactly one operator, found none; ask one of `equalValue`, `notEqualValue`, `nilValue`, `likeValue`, `notLikeValue`, `regexValue`, `notRegexValue`, `greaterThan`, `lessThan`, `olderThan`, `newerThan`, `expiresWithin`, `equalField`, `notEqualField`, `lessThanField`, `greaterThanField`, `each`",
    ),
    (
        "filterField: [{ field: [a], nilValue: true, likeValue: x }]",
        Code::ManyOperators,
        "3:45 R.filterField[0]: expected exactly one operator, found `nilValue` and `likeValue`; make each a condition of its own",
    ),
    (
        "filterField: [{ field: [a], nilValue: true, each: [{ nilValue: true }] }]",
        Code::ManyOperators,
        "3:45 R.filterField[0]: expected exactly one operator, found `nilValue` and `each`; make each a condition of its own",
    ),
    // Keys that exclude each other.
    (
        "filterField: [{ field: [a], nilValue: true, default: x }]",
        Code::Conflict,
        "3:45 R.filterField[0].default: expected no `default` beside `nilValue`, found both",
    ),
    (
        "filterField: [{ field: [a], lessThan: 3, times: 2 }]",
        Code::Conflict,
        "3:42 R.filterField[0].times: expected no `times` beside `lessThan`, found both",
    ),
    (
        "filterField: [{ field: [a], subField: [b], each: [{ nilValue: true }] }]",
        Code::Conflict,
        "3:29 R.filterField[0].subField: expected no `subField` beside `each`, found both",
    ),
    (
        "notResource: [Node]",
        Code::Conflict,
        "3:1 R.notResource: expected `resource: \"*\"` beside it, found `Pod`",
    ),
    (
        "duration: 1m\nreference: { resource: Node, name: [a], selector: [b], exists: false }",
        Code::Conflict,
        "4:41 R.reference.selector: expected no `selector` beside `name`, found both",
    ),
    (
        "duration: 1m\nreference: { resource: Node, name: [a], exists: false, checkField: [{ field: [a], nilValue: true }] }",
        Code::Conflict,
        "4:56 R.reference.checkField: expected no `checkField` beside `exists`, found both",
    ),
    (
        "duration: 1m\nreference: { resource: Node, name: [a], exists: false, unless: { field: [a], olderThan: 5m } }",
        Code::Conflict,
        "4:64 R.reference.unless: expected conditions that do not hang on the time, found `olderThan`, `newerThan` or `expiresWithin`",
    ),
    (
        "duration: 1m\nreference: { resource: Node, name: [a], exists: false, compareField: [{ field: [a], olderThan: 5m }] }",
        Code::Conflict,
        "4:70 R.reference.compareField: expected conditions that do not hang on the time, found `olderThan`, `newerThan` or `expiresWithin`",
    ),
    (
        "duration: 1m\nreference: { resource: Node, name: [a], exists: false, usual: true }",
        Code::Conflict,
        "4:56 R.reference.usual: expected no `usual` beside `exists`, found both",
    ),
    // Values.
    (
        "duration: 5min",
        Code::BadDuration,
        "3:11 R.duration: expected seconds as a number, or a duration such as \"5m\" or \"1h30m\", found `5min`; did you mean \"5m\"?",
    ),
    (
        "duration: '300'",
        Code::BadDuration,
        "3:11 R.duration: expected seconds as a number, or a duration such as \"5m\" or \"1h30m\", found the text \"300\"; write 300 or \"300s\"",
    ),
    (
        "duration: -5",
        Code::BadDuration,
        "3:11 R.duration: expected seconds as a number, or a duration such as \"5m\" or \"1h30m\", found `-5`; did you mean \"5s\"?",
    ),
    (
        "duration: 99999999999",
        Code::BadDuration,
        "3:11 R.duration: expected seconds as a number, or a duration such as \"5m\" or \"1h30m\", found `99999999999`; at most 3650d are possible",
    ),
    (
        "duration: 9s\nreference: { resource: Node, name: [a], exists: false }",
        Code::ShortDuration,
        "3:11 R.duration: expected at least 10s, as the rule has a reference, found `9s`; objects are created in any order: for a moment the other may not be there yet; write `duration: 1m`",
    ),
    (
        "reference: { resource: Node, name: [a], exists: false }",
        Code::ShortDuration,
        "1:1 R.duration: expected at least 10s, as the rule has a reference, found none; objects are created in any order: for a moment the other may not be there yet; write `duration: 1m`",
    ),
    (
        "filterField: [{ field: [a], greaterThan: 5Gb }]",
        Code::BadQuantity,
        "3:42 R.filterField[0].greaterThan: expected a number or a Kubernetes quantity, found `5Gb`; write for example 3, 0.5, \"100m\" or \"1.5Gi\"",
    ),
    (
        "filterField: [{ field: [a], lessThan: 5, default: x }]",
        Code::BadQuantity,
        "3:51 R.filterField[0].default: expected a number or a Kubernetes quantity, found `x`",
    ),
    (
        "filterField: [{ field: [a], equalField: [b], times: -1 }]",
        Code::BadQuantity,
        "3:53 R.filterField[0].times: expected a factor: a decimal number of at most three decimals, up to 1000000, found `-1`; write for example 0.9 for 90 %",
    ),
    (
        "filterField: [{ field: [a], olderThan: 5m, default: x }]",
        Code::BadTimestamp,
        "3:53 R.filterField[0].default: expected an RFC 3339 timestamp, found `x`",
    ),
    (
        "filterField: [{ field: [a], regexValue: '(a' }]",
        Code::BadRegex,
        "3:41 R.filterField[0].regexValue: expected a regular expression, found `(a`; unclosed group",
    ),
    (
        "filterField: [{ field: [a], regexValue: 'a{999}{999}' }]",
        Code::BadRegex,
        "3:41 R.filterField[0].regexValue: expected a regular expression, found `a{999}{999}`; it becomes too large; make it simpler",
    ),
    (
        "summary: '{metadata.name'",
        Code::BadTemplate,
        "3:10 R.summary: expected a text with fields in braces, found a `{` that nothing closes; write `{{` for the character itself, after `{metadata.name`",
    ),
    (
        "summary: 'a } b'",
        Code::BadTemplate,
        "3:10 R.summary: expected a text with fields in braces, found a `}` that closes nothing; write `}}`, after `a `",
    ),
    (
        "severity: p1",
        Code::BadChoice,
        "3:11 R.severity: expected `P1`, `P2`, `P3` or `P4`, found `p1`; did you mean `P1`?",
    ),
    ("owner: me", Code::BadChoice, "3:8 R.owner: expected `user`, `platform` or `cloud`, found `me`"),
    (
        "filterField: [{ field: [a], nilValue: true, match: every }]",
        Code::BadChoice,
        "3:52 R.filterField[0].match: expected `any` or `all`, found `every`",
    ),
    (
        "duration: 1m\nreference: { resource: Node, name: [a], exists: true }",
        Code::BadChoice,
        "4:49 R.reference.exists: expected `false`, found `true`; to ask something of it, write a `checkField`",
    ),
    (
        "duration: 1m\nreference: { resource: node, name: [a], exists: false }",
        Code::BadKind,
        "4:24 R.reference.resource: expected a kind such as `Pod`, `apps/Deployment` or `argoproj.io/v1alpha1/Rollout`, found `node`; did you mean `Node`?",
    ),
    (
        "duration: 1m\nreference: { resource: a/b/c/D, name: [a], exists: false }",
        Code::BadKind,
        "4:24 R.reference.resource: expected a kind such as `Pod`, `apps/Deployment` or `argoproj.io/v1alpha1/Rollout`, found `a/b/c/D`",
    ),
    // Of later versions.
    (
        "frequency: { count: 1, within: 10m }",
        Code::BadChoice,
        "3:21 R.frequency.count: expected a whole number from 2 to 100, found `1`",
    ),
    (
        "frequency: { count: 2, within: 0 }",
        Code::BadDuration,
        "3:32 R.frequency.within: expected a window of some length, found `0`",
    ),
    (
        "frequency: 3 in 1h",
        Code::WrongType,
        "3:12 R.frequency: expected a frequency: a map, found `3 in 1h`; write { count: 3, within: 1h }",
    ),
    (
        "frequency: { count: 2 }",
        Code::MissingKey,
        "3:12 R.frequency: expected `within`: the window, found none",
    ),
    (
        "frequency: { count: 2, within: 5m, by: node }",
        Code::BadChoice,
        "3:40 R.frequency.by: expected `object`, `owner` or `namespace`, found `node`",
    ),
    (
        "duration: 1m\nfrequency: { count: 2, within: 5m }\ngapTolerance: 1m",
        Code::Conflict,
        "5:1 R.gapTolerance: expected no `gapTolerance` beside `frequency`, found both; each begin counts, and a begin is what ends a break; ask for a greater `count`",
    ),
    (
        "duration: 1m\nfrequency: { count: 2, within: 5m }\nreference: { resource: Node, name: [a], exists: false }",
        Code::Conflict,
        "5:1 R.reference: expected no `reference` beside `frequency`, found both; other objects are looked at when a check is due and not at each change, so begins between would be missed; make it two rules, or ask the object's own fields",
    ),
    (
        "since: { latest: [[a]], earliest: [[b]] }",
        Code::Conflict,
        "3:10 R.since.latest: expected no `latest` beside `earliest`, found both",
    ),
    (
        "since: { field: [a], take: newest }",
        Code::BadChoice,
        "3:28 R.since.take: expected `earliest` or `latest`, found `newest`",
    ),
    (
        "duration: 1m\nreference: { resource: Node, name: [a], exists: false, direction: in }",
        Code::BadChoice,
        "4:67 R.reference.direction: expected `outgoing` or `incoming`, found `in`",
    ),
    (
        "duration: 1m\nreference: { resource: { field: [k] }, direction: incoming, name: [a], exists: false }",
        Code::Conflict,
        "4:24 R.reference.resource: expected a kind: nobody can be asked who may refer to it otherwise, found a field",
    ),
    (
        "duration: 1m\nreference: { resource: Node, name: [a], exists: false, reference: { resource: Node, name: [b], exists: false } }",
        Code::Conflict,
        "4:41 R.reference.exists: expected no `exists` beside `reference`, found both",
    ),
    (
        "duration: 1m\nreference: { resource: Node, name: [a], reference: { resource: Node, name: [b], reference: { resource: Node, name: [c], exists: false } } }",
        Code::TooDeep,
        "4:92 R.reference.reference.reference: expected two references in a row at most, found a third one",
    ),
    // Warnings.
    (
        "gapTolerance: 1m",
        Code::NoEffect,
        "3:1 R.gapTolerance: warning: expected a `duration` beside it, found `1m`; a rule without a duration fires at once; take it out, or add a duration",
    ),
    (
        "duration: 1m\nreference: { resource: Noed, name: [a], exists: false }",
        Code::UnknownKind,
        "4:24 R.reference.resource: warning: expected a kind that Kubernetes or a CRD has, found `Noed`; did you mean `Node`? Write `group/Noed` if it is a CRD's",
    ),
    (
        "duration: 1m\nreference: { resource: apps/Deploymentt, name: [a], exists: false }",
        Code::UnknownKind,
        "4:24 R.reference.resource: expected a kind that Kubernetes has in its group `apps`, found `apps/Deploymentt`; did you mean `apps/Deployment`?",
    ),
    (
        "duration: 1m\nreference: { resource: policy/v1/Budget, name: [a], exists: false }",
        Code::UnknownKind,
        "4:24 R.reference.resource: expected a kind that Kubernetes has in its group `policy`, found `policy/v1/Budget`; it has PodDisruptionBudget, Eviction, PodSecurityPolicy",
    ),
    (
        "duration: 1m\nreference: { resource: resource.k8s.io/Pool, name: [a], exists: false }",
        Code::UnknownKind,
        "4:24 R.reference.resource: warning: expected a kind that Kubernetes has in its group `resource.k8s.io`, found `resource.k8s.io/Pool`; it is right only where a newer version of Kubernetes has it",
    ),
];

/// Whole files with one mistake each.
const FILES: &[(&str, Code, &str)] = &[
    (
        "[1]",
        Code::WrongType,
        "1:1: expected a map from rule names to rules, found a list; write `RuleName:` and the rule's keys under it",
    ),
    ("a: [", Code::Syntax, ""),
    ("{\"A\": {", Code::Syntax, ""),
    ("a: *b", Code::Syntax, ""),
    ("A: !tag {}", Code::Syntax, "1:9: expected YAML or JSON, found a tag, which rule files have no use for"),
    (
        "podNotReady: { resource: Pod, checkField: [{ field: [a], nilValue: true }] }",
        Code::BadName,
        "1:1 podNotReady: expected a name in CamelCase of letters and digits, at most 63: `PodNotReady`, found `podNotReady`; write `PodNotReady`",
    ),
    (
        "pod-not.ready: { resource: Pod, checkField: [{ field: [a], nilValue: true }] }",
        Code::BadName,
        "1:1 pod-not.ready: expected a name in CamelCase of letters and digits, at most 63: `PodNotReady`, found `pod-not.ready`; write `PodNotReady`",
    ),
    ("R: 5", Code::WrongType, "1:4 R: expected a rule: a map, found `5`"),
    (
        "R: { checkField: [{ field: [a], nilValue: true }] }",
        Code::MissingKey,
        "1:4 R: expected `resource`: the kind that the rule is about, found none",
    ),
    (
        "R: { resource: Pod }",
        Code::NothingToCheck,
        "1:1 R: expected `checkField`, `reference` or `plugin`, found neither",
    ),
    (
        "R: { resource: Pod, period: 5m }",
        Code::MissingKey,
        "1:1 R: expected `plugin`: who is asked so often, found none",
    ),
    (
        "R: { resource: Pod, plugin: dns }",
        Code::MissingKey,
        "1:1 R: expected `period`: how often the plugin is asked, found none",
    ),
    (
        "R: { resource: Pod, period: 5s, plugin: dns }",
        Code::BadDuration,
        "1:29 R.period: expected 30s to 7d, found `5s`",
    ),
    (
        "R: { resource: Pod, period: 5m, plugin: Dns }",
        Code::BadChoice,
        "1:41 R.plugin: expected a plugin's name: small letters, digits and dashes, found `Dns`; `prodrome plugin list` names those there are",
    ),
    (
        "R: { resource: Pod, period: 5m, plugin: { params: { a: 1 } } }",
        Code::MissingKey,
        "1:41 R.plugin: expected `name`: the plugin's name, found none",
    ),
    (
        "R: { resource: Pod, period: 5m, plugin: { name: dns, params: [1] } }",
        Code::WrongType,
        "1:62 R.plugin.params: expected a map of params, found a list",
    ),
    (
        "R: { resource: Pod, period: 5m, plugin: dns, checkField: [{ field: [a], nilValue: true }] }",
        Code::Conflict,
        "1:46 R.checkField: expected no `checkField` beside `plugin`, found both; the plugin says what is wrong; whom it is asked about stands in filterField",
    ),
    (
        "R: { resource: Pod, period: 5m, plugin: dns, duration: 1m, reference: { resource: Node, name: [a], exists: false } }",
        Code::Conflict,
        "1:60 R.reference: expected no `reference` beside `plugin`, found both; the plugin says what is wrong, and may look at whatever the object refers to",
    ),
    (
        "R: { resource: Pod, period: 5m, plugin: dns, since: [a] }",
        Code::Conflict,
        "1:46 R.since: expected no `since` beside `plugin`, found both; what a plugin finds is not in the object: it began when it was found first",
    ),
    (
        "R: { resource: Pod, period: 5m, plugin: dns, frequency: { count: 2, within: 5m } }",
        Code::Conflict,
        "1:46 R.frequency: expected no `frequency` beside `plugin`, found both; a plugin is asked now and then, so what begins between is not seen; use gapTolerance",
    ),
    (
        "R: { resource: Event, period: 5m, plugin: dns }",
        Code::Conflict,
        "1:35 R.plugin: expected a rule on objects, not on events, found `Event`; an event is a moment; a plugin is asked about what lasts",
    ),
    (
        "R: { resource: Pod, period: 5m, plugin: { name: dns, params: { a: [[[[[[[[1]]]]]]]] } } }",
        Code::TooDeep,
        "1:62 R.plugin.params: expected params at most 8 levels deep, found more",
    ),
    (
        "R: { resource: pods, checkField: [{ field: [a], nilValue: true }] }",
        Code::BadKind,
        "1:16 R.resource: expected a kind such as `Pod`, `apps/Deployment` or `argoproj.io/v1alpha1/Rollout`, found `pods`; did you mean `Pod`?",
    ),
    (
        "let: { a: [{ field: [x], nilValue: true }] }\nR: { resource: Pod, checkField: [{ use: a }, { use: b }] }",
        Code::UnknownName,
        "2:53 R.checkField[1].use: expected a name that `let` gives, found `b`; did you mean `a`?",
    ),
    (
        "R: { resource: [Event, Pod], checkField: [{ field: [a], nilValue: true }] }",
        Code::Conflict,
        "1:16 R.resource: expected `Event` alone: such a rule is about what events tell of, found a list; make rules of their own for the others; events.k8s.io/Event is the same as Event",
    ),
    (
        "R: { resource: events.k8s.io/Event, checkField: [{ field: [a], nilValue: true }] }",
        Code::Conflict,
        "1:16 R.resource: expected `Event` alone: such a rule is about what events tell of, found `events.k8s.io/Event`; make rules of their own for the others; events.k8s.io/Event is the same as Event",
    ),
    (
        "R: { resource: Pod, checkField: [{ field: [a], nilValue: true }] }\n---\nR: { resource: Pod, checkField: [{ field: [a], nilValue: true }] }",
        Code::DuplicateRule,
        "3:1 R: expected each rule's name once, found it a second time; the first one stands at r.yaml:1:1",
    ),
];

#[test]
fn each_mistake_says_where_it_is_and_what_to_do() {
    let rules = MISTAKES.iter().map(|(keys, code, want)| {
        let check = if keys.contains("checkField") || keys.contains("reference") {
            ""
        } else {
            "checkField: [{ field: [a], nilValue: true }]"
        };
        let body = format!("resource: Pod\n{keys}\n{check}").replace('\n', "\n  ");
        (format!("R:\n  {body}"), *code, *want)
    });
    let files = FILES.iter().map(|(text, code, want)| ((*text).to_owned(), *code, *want));
    for (text, code, want) in rules.chain(files) {
        let found = diagnostics(&text);
        let lines: Vec<String> = found.iter().map(ToString::to_string).collect();
        assert_eq!(found.len(), 1, "{text}\n{lines:#?}");
        assert_eq!(found[0].code, code, "{text}\n{lines:#?}");
        // Columns are given as within the rule's own keys, which stand two further in.
        if !want.is_empty() {
            let (place, rest) = want.split_once([' ', ':']).map_or((want, ""), |_| split_place(want));
            let indent = if text.starts_with("R:\n") && !place.starts_with("1:") { 2 } else { 0 };
            let (line, column) = place.split_once(':').unwrap();
            let column = column.parse::<usize>().unwrap() + indent;
            assert_eq!(lines[0], format!("r.yaml:{line}:{column}{rest}"), "{text}");
        }
    }
}

/// `3:15 R.x: …` into `3:15` and ` R.x: …`.
fn split_place(text: &str) -> (&str, &str) {
    let end = text.char_indices().skip(2).find(|(_, c)| !c.is_ascii_digit()).map_or(text.len(), |(at, _)| at);
    text.split_at(end)
}

#[test]
fn every_code_has_a_case() {
    let cases: BTreeSet<Code> = MISTAKES.iter().chain(FILES).map(|(_, code, _)| *code).collect();
    // Told by other tests: below, and in `review`.
    let elsewhere = [Code::TooDeep, Code::NeverTrue, Code::Overlap, Code::UnknownGroup, Code::CutField];
    let missing: Vec<_> = Code::ALL
        .iter()
        .filter(|c| !cases.contains(c) && !c.is_of_flows() && !elsewhere.contains(c))
        .collect();
    assert!(missing.is_empty(), "{missing:?}");
}

#[test]
fn any_of_is_nested_no_deeper_than_eight() {
    let nested = |depth: usize| {
        let open = "{ anyOf: [[".repeat(depth);
        let close = "]] }".repeat(depth);
        format!("R: {{ resource: Pod, checkField: [{open} {{ field: [a], nilValue: true }} {close}] }}")
    };
    assert_eq!(diagnostics(&nested(8)), []);
    let found = diagnostics(&nested(9));
    assert_eq!((found.len(), found[0].code), (1, Code::TooDeep));
}

const BAD: &str = r#"Good: { resource: Pod, checkField: [{ field: [a], nilValue: true }] }
PodNotReady:
  resource: Pod
  duration: 5min
  checkField:
    - field: [status, phase]
      equalsValue: [Running]
    - { field: [status, x], subField: ready, regexValue: "(a" }
  severity: high
AlsoGood: { resource: Node, checkField: [{ field: [b], nilValue: true }] }
"#;

#[test]
fn all_mistakes_of_a_file_are_found_and_the_good_rules_kept() {
    let loaded = load(&[SourceFile::new("rules/pods.yaml", BAD)]);
    assert!(!loaded.is_sound());
    let names: Vec<_> = loaded.rules.rules().iter().map(prodrome_rules::Rule::name).collect();
    assert_eq!(names, ["Good", "AlsoGood"]);
    let lines: Vec<String> = loaded.diagnostics.iter().map(ToString::to_string).collect();
    insta::assert_snapshot!(lines.join("\n"), @r#"
    rules/pods.yaml:4:13 PodNotReady.duration: expected seconds as a number, or a duration such as "5m" or "1h30m", found `5min`; did you mean "5m"?
    rules/pods.yaml:7:7 PodNotReady.checkField[0].equalsValue: expected a key of a condition, found unknown key `equalsValue`; did you mean `equalValue`?
    rules/pods.yaml:8:39 PodNotReady.checkField[1].subField: expected a list of keys, found `ready`; write ["ready"]
    rules/pods.yaml:8:58 PodNotReady.checkField[1].regexValue: expected a regular expression, found `(a`; unclosed group
    rules/pods.yaml:9:13 PodNotReady.severity: expected `P1`, `P2`, `P3` or `P4`, found `high`; did you mean `P2`?
    "#);
}

#[test]
fn diagnostics_are_drawn_with_their_lines() {
    let file = SourceFile::new("rules/pods.yaml", BAD);
    let diagnostics = load(std::slice::from_ref(&file)).diagnostics;
    insta::assert_snapshot!(render(&diagnostics[1..3], &[file], Style::default()), @r#"
    error[unknown-key]: PodNotReady.checkField[0].equalsValue: expected a key of a condition, found unknown key `equalsValue`
     --> rules/pods.yaml:7:7
      |
    7 |       equalsValue: [Running]
      |       ^^^^^^^^^^^ unknown key `equalsValue`
      |
      = help: did you mean `equalValue`?

    error[wrong-type]: PodNotReady.checkField[1].subField: expected a list of keys, found `ready`
     --> rules/pods.yaml:8:39
      |
    8 |     - { field: [status, x], subField: ready, regexValue: "(a" }
      |                                       ^^^^^ `ready`
      |
      = help: write ["ready"]
    "#);
    let unnamed = render(&diagnostics[..1], &[], Style::default());
    assert!(unnamed.contains("rules/pods.yaml:4:13"), "{unnamed}");
    assert!(render(&diagnostics[..1], &[], Style { colour: true, width: 80 }).contains("\u{1b}["));
}

#[test]
fn json_and_yaml_get_the_same_diagnostics() {
    let yaml =
        "R:\n  resource: Pod\n  checkField:\n    - field: [a]\n      equalsValue: [x]\n  duration: 5x\n";
    let json = r#"{"R": {"resource": "Pod", "checkField": [{"field": ["a"], "equalsValue": ["x"]}], "duration": "5x"}}"#;
    let plain = |text: &str| -> Vec<(Code, String, Option<String>)> {
        diagnostics(text).into_iter().map(|d| (d.code, d.field(), d.help)).collect()
    };
    assert_eq!(plain(yaml), plain(json));
    assert_eq!(plain(yaml).len(), 2);
}

#[test]
fn a_document_that_cannot_be_read_does_not_take_others_down() {
    let good =
        |name: &str| format!("{name}: {{ resource: Pod, checkField: [{{ field: [a], nilValue: true }}] }}");
    let text = format!("{}\n---\n: [\n---\n{}\n", good("A"), good("B"));
    let loaded = load(&[SourceFile::new("r.yaml", text)]);
    let names: Vec<_> = loaded.rules.rules().iter().map(prodrome_rules::Rule::name).collect();
    assert_eq!(names, ["A", "B"]);
    assert_eq!(loaded.diagnostics.len(), 1);
    assert_eq!((loaded.diagnostics[0].code, loaded.diagnostics[0].place.start.line), (Code::Syntax, 3));
}

#[test]
fn a_name_is_taken_across_files_by_the_first() {
    let rule = "Same: { resource: Pod, checkField: [{ field: [a], nilValue: true }] }";
    let other = "Same: { resource: Node, checkField: [{ field: [a], nilValue: true }] }";
    let loaded =
        load(&[SourceFile::new("a.yaml", rule), SourceFile::new("b.yaml", format!("# {rule}\n{other}"))]);
    assert_eq!(loaded.rules.rules().len(), 1);
    let lines: Vec<String> = loaded.diagnostics.iter().map(ToString::to_string).collect();
    assert_eq!(
        lines,
        [
            "b.yaml:2:1 Same: expected each rule's name once, found it a second time; the first one stands at a.yaml:1:1"
        ]
    );
}

#[test]
fn a_misspelt_key_is_not_also_missed() {
    let found = diagnostics("R: { resuorce: Pod, checkFields: [{ field: [a], nilValue: true }] }");
    let codes: Vec<_> = found.iter().map(|d| d.code).collect();
    assert_eq!(codes, [Code::UnknownKey, Code::UnknownKey], "{found:#?}");
}

#[test]
fn diagnostics_serialize_for_logs() {
    let found = diagnostics("R: { resource: Pod, checkField: [{ field: [a], nilValue: yes }] }");
    insta::assert_snapshot!(serde_json::to_string(&found[0]).unwrap(), @r#"{"code":"wrong-type","level":"error","file":"r.yaml","place":{"start":{"line":1,"column":58,"offset":57},"end":{"line":1,"column":61,"offset":60}},"rule":"R","path":"checkField[0].nilValue","expected":"true or false","found":"`yes`","help":"write true"}"#);
}

#[test]
fn columns_count_characters() {
    let found =
        diagnostics("R: { resource: Pod, labels: { ü: ü }, checkField: [{ field: [a], nilValue: 'ü' }] }");
    assert_eq!((found[0].place.start.column, found[0].place.start.offset), (76, 77));
    assert_eq!(found[0].level, Level::Error);
}

#[test]
fn hostile_files_are_refused_not_followed() {
    let bomb = "A: &a [x,x,x,x,x,x,x,x,x,x]\nB: &b [*a,*a,*a,*a,*a,*a,*a,*a,*a,*a]\nC: &c [*b,*b,*b,*b,*b,*b,*b,*b,*b,*b]\nD: &d [*c,*c,*c,*c,*c,*c,*c,*c,*c,*c]\nE: &e [*d,*d,*d,*d,*d,*d,*d,*d,*d,*d]\nF: [*e,*e,*e,*e,*e,*e,*e,*e,*e,*e]\n";
    let deep = format!("A: {}{}", "[".repeat(5000), "]".repeat(5000));
    let deep_json = format!("{{\"A\": {}", "{\"a\":".repeat(5000));
    for text in
        [bomb, &deep, &deep_json, "A: &a [*a]", "\0", "\u{feff}", "%YAML 9.9\n---\nx", "? [a]\n: b", "- - -"]
    {
        let found = load(&[SourceFile::new("r.yaml", text)]);
        assert_eq!(found.rules.rules().len(), 0);
        assert!(text == "\u{feff}" || !found.diagnostics.is_empty(), "{text}");
    }
}

#[test]
fn files_without_rules_are_sound() {
    for text in ["", "\n", "# nothing yet\n", "---\n", "{}", "null", "---\n# a\n---\n# b\n"] {
        let loaded = load(&[SourceFile::new("r.yaml", text)]);
        assert!(
            loaded.diagnostics.is_empty() && loaded.rules.rules().is_empty(),
            "{text}: {:?}",
            loaded.diagnostics
        );
    }
}

#[test]
fn long_files_are_read() {
    let comments = "# a line of a long preface\n".repeat(3000);
    let good = "A: { resource: Pod, checkField: [{ field: [a], nilValue: true }] }\n";
    let values = (0..2000).map(|n| format!("\"value-{n}\"")).collect::<Vec<_>>().join(",");
    let one_line = format!(
        r#"{{"B":{{"resource":"Pod","checkField":[{{"field":["a"],"equalValue":[{values}]}}]}}}}{{"C":{{"resource":"Pod","checkField":[{{"field":["a"],"nilValue":true}}]}}}}"#
    );
    for (text, want) in [
        (format!("{comments}{good}{comments}"), 1),
        (format!("{good}---\n{one_line}\n"), 3),
        (one_line, 2),
        (
            format!(
                "A:\n  resource: Pod\n{comments}  checkField:\n    - field: [a]\n{comments}      nilValue: true\n"
            ),
            1,
        ),
    ] {
        let loaded = load(&[SourceFile::new("r.yaml", text)]);
        let lines: Vec<String> = loaded.diagnostics.iter().map(ToString::to_string).collect();
        assert_eq!((loaded.rules.rules().len(), lines), (want, vec![]));
    }
}

#[test]
fn hostile_keys_stay_on_one_line() {
    for text in [
        "\"a\\nb\": 1",
        "R: { resource: Pod, \"x\\ny\\u001b\": 1, checkField: [{ field: [a], nilValue: true }] }",
    ] {
        let found = diagnostics(text);
        assert!(!found.is_empty());
        assert!(found.iter().all(|d| !d.to_string().contains(char::is_control)), "{found:?}");
    }
}

#[test]
fn words_of_other_languages_are_understood() {
    for (rule, want) in [
        ("R: { kind: Pod, checkField: [{ field: [a], nilValue: true }] }", "resource"),
        ("R: { resource: Pod, for: 5m, checkField: [{ field: [a], nilValue: true }] }", "duration"),
        ("R: { resource: Pod, check: [{ field: [a], nilValue: true }] }", "checkField"),
        ("R: { resource: Pod, checkField: [{ path: [a], nilValue: true }] }", "field"),
        ("R: { resource: Pod, checkField: [{ field: [a], regex: x }] }", "regexValue"),
        ("R: { resource: Pod, checkField: [{ field: [a], in: [x] }] }", "equalValue"),
        (
            "R: { resource: Pod, checkField: [{ field: [a], each: [{ field: [b], nilValue: true }] }] }",
            "subField",
        ),
    ] {
        let found = diagnostics(rule);
        let codes: Vec<_> = found.iter().map(|d| (d.code, d.help.as_deref())).collect();
        let help = format!("did you mean `{want}`?");
        assert_eq!(codes, [(Code::UnknownKey, Some(help.as_str()))], "{rule}");
    }
}

#[test]
fn kinds_that_cannot_be_are_told_with_the_one_that_was_meant() {
    for (kind, level, help) in [
        ("v1/Poddd", Level::Error, "did you mean `Pod`?"),
        ("v1/Deployment", Level::Error, "did you mean `apps/Deployment`?"),
        ("apps/v1/deployments", Level::Error, "did you mean `apps/Deployment`?"),
        ("apps/Pod", Level::Error, "did you mean `Pod`?"),
        ("resource.k8s.io/ResourceClam", Level::Error, "did you mean `resource.k8s.io/ResourceClaim`?"),
        ("Podd", Level::Warning, "did you mean `Pod`? Write `group/Podd` if it is a CRD's"),
        ("Ndoe", Level::Warning, "did you mean `Node`? Write `group/Ndoe` if it is a CRD's"),
        (
            "StatefullSett",
            Level::Warning,
            "did you mean `StatefulSet`? Write `group/StatefullSett` if it is a CRD's",
        ),
    ] {
        let found = diagnostics(&format!(
            "R: {{ resource: {kind}, checkField: [{{ field: [a], nilValue: true }}] }}"
        ));
        let found: Vec<_> = found.iter().map(|d| (d.code, d.level, d.help.as_deref())).collect();
        assert_eq!(found, [(Code::UnknownKind, level, Some(help))], "{kind}");
    }
    for kind in ["scheduling.k8s.io/Workload", "argoproj.io/Podd", "policy/v1/PodDisruptionBudget"] {
        let found = diagnostics(&format!(
            "R: {{ resource: {kind}, checkField: [{{ field: [a], nilValue: true }}] }}"
        ));
        assert!(found.is_empty(), "{kind}: {found:?}");
    }
}

#[test]
fn an_api_version_goes_before_the_kind() {
    for (keys, help) in [
        ("apiVersion: example.com/v1, resource: Thing", "write `resource: example.com/Thing`"),
        ("apiVersion: example.com/v1, kind: Thing", "write `resource: example.com/Thing`"),
        ("apiVersion: v1, kind: Pod", "write `resource: Pod`"),
        ("apiVersion: example.com/v1, resource: example.com/Thing", "the kind has its group; take this out"),
    ] {
        let found = diagnostics(&format!("R: {{ {keys}, checkField: [{{ field: [a], nilValue: true }}] }}"));
        let helps: Vec<_> =
            found.iter().filter(|d| d.path == "apiVersion").map(|d| d.help.as_deref()).collect();
        assert_eq!(helps, [Some(help)], "{keys}: {found:?}");
    }
}

#[test]
fn a_warning_keeps_the_rule() {
    let text = "R: { resource: Deploymnt, gapTolerance: 1m, checkField: [{ field: [a], nilValue: true }] }";
    let loaded = load(&[SourceFile::new("r.yaml", text)]);
    let levels: Vec<_> = loaded.diagnostics.iter().map(|d| (d.code, d.level)).collect();
    assert_eq!(levels, [(Code::UnknownKind, Level::Warning), (Code::NoEffect, Level::Warning)]);
    assert!(loaded.is_sound() && loaded.rules.get("R").is_some());
}

#[test]
fn a_document_that_is_too_large_is_told_how_to_be_divided() {
    let rules = |count: usize, divide: usize| {
        let rule = |n: usize| {
            let divider = if n.is_multiple_of(divide) { "---\n" } else { "" };
            format!("{divider}R{n}: {{ resource: Pod, checkField: [{{ field: [a], equalValue: [b] }}] }}\n")
        };
        load(&[SourceFile::new("r.yaml", (0..count).map(rule).collect::<String>())])
    };
    let whole = rules(25_000, 100_000);
    let [told] = &whole.diagnostics[..] else { panic!("{:?}", whole.diagnostics) };
    let help = "a document may hold 200000; divide it, by lines of `---` or into several files";
    assert!(told.to_string().ends_with(&format!("found too many values in one document; {help}")), "{told}");
    assert_eq!(rules(25_000, 10_000).rules.rules().len(), 25_000);
}
