//! What holds of every rule and every object.

use crate::generate;
use crate::schema;
use crate::support::at;
use jiff::Timestamp;
use prodrome_rules::json::{self, Node};
use prodrome_rules::{
    EVIDENCE_MAX, Partner, Rule, SUMMARY_MAX, SourceFile, Style, Target, format, load, render,
};
use proptest::prelude::*;
use serde_json::{Value, json};

/// A rule from its keys, as JSON, and the text that it was read from.
fn read(keys: &Value) -> (Rule, String) {
    let text = json!({ "TestRule": keys }).to_string();
    let loaded = load(&[SourceFile::new("r.json", &*text)]);
    let diagnostics: Vec<String> =
        loaded.diagnostics.iter().filter(|d| d.is_error()).map(ToString::to_string).collect();
    assert!(diagnostics.is_empty(), "{diagnostics:#?}\n{text}");
    (loaded.rules.rules()[0].clone(), text)
}

fn object(value: &Value) -> Node<'static> {
    Node::from(value)
}

/// With the entries of every map the other way round.
fn reversed(node: Node<'static>) -> Node<'static> {
    match node {
        Node::List(elements) => Node::List(elements.into_iter().map(reversed).collect()),
        Node::Map(entries) => {
            Node::Map(entries.into_iter().rev().map(|(key, node)| (key, reversed(node))).collect())
        }
        node => node,
    }
}

/// A condition on `field`, by itself.
fn condition_rule(field: &Value, operator: serde_json::Map<String, Value>) -> Rule {
    let mut condition = operator;
    condition.insert("field".to_owned(), field.clone());
    read(&json!({"resource": "Pod", "checkField": [condition]})).0
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(200))]

    #[test]
    fn evaluation_is_total_and_bounded(
        keys in generate::full_rule(),
        value in generate::object(),
        bytes in prop::collection::vec(any::<u8>(), 0..40),
        now in -5..40_i64,
    ) {
        let (rule, _) = read(&keys);
        let wrapped = json!({"metadata": {"namespace": "shop-1", "name": value.clone()}, "a": value.clone()});
        let nodes = [object(&value), object(&wrapped), json::parse(&bytes).map_or(Node::Null, Node::into_owned)];
        for node in &nodes {
            let evaluation = rule.evaluate(node, at(now));
            prop_assert!(evaluation.matches || (evaluation.evidence.is_empty() && evaluation.since.is_none()));
            prop_assert!(evaluation.evidence.len() <= EVIDENCE_MAX);
            prop_assert!(evaluation.turns_at.is_none_or(|turns_at| turns_at > at(now)));
            let summary = rule.summary(node);
            prop_assert!(summary.chars().count() <= SUMMARY_MAX && !summary.contains('\n'));
            for target in rule.references().flat_map(|reference| reference.targets(node)) {
                let selected = matches!(&target, Target::Selected { selector, .. } if selector.to_query().is_empty());
                prop_assert!(!selected);
            }
            for partner in [Partner::Unknown, Partner::Found(vec![]), Partner::Found(vec![&nodes[0], &nodes[1]])] {
                let judgement = rule.judge(node, at(now), &|_| partner.clone());
                prop_assert!(!judgement.unknown || !judgement.evaluation.matches);
                prop_assert!(judgement.evaluation.evidence.len() <= EVIDENCE_MAX);
                // What is explained is what is judged.
                let explained = rule.explain_with(node, at(now), &|_| partner.clone());
                let is_asked = rule.periodic().is_some() && judgement.evaluation.matches;
                let want = if judgement.unknown || is_asked { None } else { Some(judgement.evaluation.matches) };
                prop_assert_eq!(explained.holds, want, "{}", explained);
            }
        }
    }

    #[test]
    fn nil_value_true_and_false_part_all_objects_without_arrays(
        value in generate::object_without_arrays(),
        field in prop::collection::vec(generate::key(), 1..4),
    ) {
        let node = object(&value);
        let asks = |nil: bool| {
            let operator = serde_json::Map::from_iter([("nilValue".to_owned(), json!(nil))]);
            condition_rule(&json!(field), operator).evaluate(&node, at(0)).matches
        };
        prop_assert_ne!(asks(true), asks(false));
    }

    #[test]
    fn time_turns_the_verdict_exactly_when_it_is_said_to(
        keys in generate::rule(),
        value in generate::object(),
        now in -2..30_i64,
    ) {
        let (rule, _) = read(&keys);
        let node = object(&value);
        let evaluation = rule.evaluate(&node, at(now));
        // Every instant lies on a whole second, and none later than the last timestamp and the longest duration.
        let last = generate::STAMP_MAX + 15;
        let turn = (now + 1..=last).map(at).find(|t| rule.evaluate(&node, *t).matches != evaluation.matches);
        prop_assert_eq!(evaluation.turns_at, turn, "{}\n{}", keys, value);
        if let Some(turn) = turn {
            let before: Timestamp = turn - jiff::SignedDuration::from_nanos(1);
            prop_assert_eq!(rule.evaluate(&node, before).matches, evaluation.matches);
        }
    }

    #[test]
    fn time_turns_a_judgement_exactly_when_it_is_said_to(
        keys in generate::full_rule(),
        value in generate::object(),
        partners in prop::collection::vec(generate::object(), 0..3),
        now in -2..30_i64,
    ) {
        let (rule, _) = read(&keys);
        let node = object(&value);
        let partners: Vec<Node<'_>> = partners.iter().map(object).collect();
        let judge = |now| rule.judge(&node, now, &|_| Partner::Found(partners.iter().collect())).evaluation;
        let evaluation = judge(at(now));
        let last = generate::STAMP_MAX + 15;
        let turn = (now + 1..=last).map(at).find(|t| judge(*t).matches != evaluation.matches);
        // Where the object itself does not match, its references were not looked at: early, never late.
        if rule.evaluate(&node, at(now)).matches {
            prop_assert_eq!(evaluation.turns_at, turn);
        } else if let Some(turn) = turn {
            prop_assert!(evaluation.turns_at.is_some_and(|turns_at| turns_at <= turn));
        }
    }

    #[test]
    fn reading_printing_and_reading_again_is_the_identity(keys in generate::full_rule()) {
        let (rule, text) = read(&keys);
        let printed = format(&SourceFile::new("r.json", &*text)).unwrap();
        let again = load(&[SourceFile::new("r.yaml", &*printed)]);
        prop_assert!(again.is_sound(), "{printed}\n{:?}", again.diagnostics);
        prop_assert_eq!(&again.rules.rules()[0], &rule, "{}", printed);
        prop_assert_eq!(again.rules.rules()[0].hash(), rule.hash());
        prop_assert_eq!(format(&SourceFile::new("r.yaml", &*printed)).unwrap(), printed);
    }

    #[test]
    fn what_is_accepted_validates(keys in generate::full_rule()) {
        let (_, text) = read(&keys);
        let errors = schema::errors(&serde_json::from_str(&text).unwrap());
        prop_assert!(errors.is_empty(), "{errors:#?}");
    }

    #[test]
    fn the_order_of_keys_in_an_object_does_not_matter(keys in generate::rule(), value in generate::object()) {
        let (rule, _) = read(&keys);
        let (one, other) = (object(&value), reversed(object(&value)));
        let verdict = |node: &Node<'_>| {
            let evaluation = rule.evaluate(node, at(7));
            (evaluation.matches, evaluation.turns_at, evaluation.since)
        };
        prop_assert_eq!(verdict(&one), verdict(&other));
    }

    #[test]
    fn a_condition_and_an_each_of_it_alone_are_the_same(
        value in generate::object(),
        field in prop::collection::vec(generate::key(), 1..3),
        sub_field in prop::collection::vec(generate::key(), 1..3),
        operator in generate::operator(),
        selected in any::<bool>(),
    ) {
        let node = object(&value);
        let select = |map: &mut serde_json::Map<String, Value>| {
            if selected {
                map.insert("subIdentifierName".to_owned(), json!("a"));
                map.insert("subIdentifierValue".to_owned(), json!(["x", "y", 1]));
            }
        };
        let mut plain = operator.clone();
        plain.insert("subField".to_owned(), json!(sub_field));
        select(&mut plain);
        let mut part = operator;
        part.insert("subField".to_owned(), json!(sub_field));
        let mut each = serde_json::Map::from_iter([("each".to_owned(), json!([part]))]);
        select(&mut each);
        let verdict = |map| condition_rule(&json!(field), map).evaluate(&node, at(5)).matches;
        prop_assert_eq!(verdict(plain), verdict(each));
    }

    #[test]
    fn equal_and_not_equal_part_what_is_there(
        value in generate::scalar(),
        values in prop::collection::vec(generate::scalar(), 1..4),
    ) {
        let node = object(&json!({"a": value}));
        let verdict = |operator: &str| {
            let map = serde_json::Map::from_iter([(operator.to_owned(), json!(values))]);
            condition_rule(&json!(["a"]), map).evaluate(&node, at(0)).matches
        };
        prop_assert_ne!(verdict("equalValue"), verdict("notEqualValue"));
    }

    #[test]
    fn any_text_is_read_or_refused(text in "[ -~\n]{0,80}|\\PC{0,60}|([a-zA-Z{}\\[\\]:,\"'#&*|>!%@-]| |\n){0,80}") {
        total(&text)?;
    }

    #[test]
    fn a_rule_file_with_slips_is_read_or_refused(
        keys in generate::full_rule(),
        printed in any::<bool>(),
        slips in prop::collection::vec((any::<prop::sample::Index>(), "[ -~\n]|é|\t", any::<bool>()), 1..5),
    ) {
        let (_, json) = read(&keys);
        let mut text = if printed { format(&SourceFile::new("r.json", &*json)).unwrap() } else { json };
        for (at, with, replace) in slips {
            let chars: Vec<(usize, char)> = text.char_indices().collect();
            let Some((begin, c)) = chars.get(at.index(chars.len().max(1))) else { continue };
            let end = begin + if replace { c.len_utf8() } else { 0 };
            text.replace_range(*begin..end, &with);
        }
        total(&text)?;
    }
}

/// Whatever the text is: it is read, or refused with a place that lies in it; never a panic.
fn total(text: &str) -> Result<(), TestCaseError> {
    let file = SourceFile::new("r.yaml", text);
    let loaded = load(std::slice::from_ref(&file));
    for diagnostic in &loaded.diagnostics {
        prop_assert!(diagnostic.place.start.offset <= diagnostic.place.end.offset, "{diagnostic:?}");
        prop_assert!(diagnostic.place.end.offset <= text.len());
        prop_assert!(text.get(diagnostic.place.start.offset..diagnostic.place.end.offset).is_some());
        prop_assert!(!diagnostic.to_string().contains('\n'), "{diagnostic}");
    }
    render(&loaded.diagnostics, std::slice::from_ref(&file), Style::default());
    if let Ok(printed) = format(&file) {
        let again = load(&[SourceFile::new("r.yaml", &*printed)]);
        prop_assert_eq!(&again.rules, &loaded.rules, "{}", printed);
        prop_assert_eq!(format(&SourceFile::new("r.yaml", &*printed)).unwrap(), printed);
    } else {
        prop_assert!(!loaded.is_sound());
    }
    Ok(())
}
