use super::*;
use crate::fixture::{self, t};
use crate::{Counted, Decision, Seen, SeenEvent, Sighting, Terms, Verdict, decide};
use jiff::SignedDuration;
use prodrome_model::{GroupKind, ObjectKey};

fn check(phase: Phase) -> Check {
    Check {
        rules: 3,
        rule_hash: "says this".into(),
        meaning: "looks for this".into(),
        resource_version: 7,
        phase,
        opened_at: t(1),
        due: t(300),
        look_again_at: t(300),
        ..fixture::check()
    }
}

fn rule(version: u64, hash: &str, meaning: &str) -> RuleMark {
    RuleMark { version, hash: hash.into(), meaning: meaning.into(), shadow: false }
}

fn waiting() -> Phase {
    Phase::Pending { turns_at: None }
}

fn firing() -> Phase {
    Phase::Firing { turns_at: None }
}

fn fired() -> Phase {
    Phase::Fired { turns_at: None }
}

fn changed(turnover: Turnover) -> Check {
    match turnover {
        Turnover::Changed(check) => *check,
        other => panic!("{other:?}"),
    }
}

#[test]
fn a_rule_that_says_the_same_in_a_newer_version_is_the_same() {
    for phase in [waiting(), fired(), firing()] {
        let turned = turn_over(&check(phase), &rule(4, "says this", "looks for this"), t(10));
        assert_eq!(turned, Turnover::Same);
    }
}

#[test]
fn what_newer_rules_decided_on_is_left_alone() {
    for phase in [waiting(), fired(), firing(), Phase::Recovering { from: t(5) }] {
        // Also where this rule is the same: what it was made of may be due to others.
        for hash in ["says this", "says that"] {
            assert_eq!(turn_over(&check(phase.clone()), &rule(2, hash, "x"), t(10)), Turnover::Newer);
        }
    }
}

#[test]
fn what_waits_keeps_its_beginning_where_the_meaning_is_the_same() {
    for phase in [waiting(), Phase::Gap { from: t(5) }, Phase::Watching { turns_at: t(50) }] {
        let before = check(phase.clone());
        let after = changed(turn_over(&before, &rule(4, "says it louder", "looks for this"), t(10)));
        assert_eq!((after.rules, &*after.rule_hash, after.due), (4, "says it louder", t(10)));
        assert_eq!((after.phase, after.since, after.opened_at), (phase, t(0), t(1)));
    }
}

/// What a change of it tells is no look: what the rule says of the objects that it refers to may be what changed.
#[test]
fn what_is_changed_stays_due_whatever_is_told_of_the_object_before_somebody_looks() {
    let time = SignedDuration::from_mins;
    let (duration, gap_tolerance, resolve_after) = (time(5), time(0), time(2));
    let terms = Terms { duration, gap_tolerance, resolve_after, references: true };
    let seen = Seen::Present { verdict: Verdict::HoldsIfReferenced, since: None, turns_at: None };
    let told = Sighting {
        uid: "u1".into(),
        version: 8,
        at: t(9),
        seen_at: None,
        look: false,
        list: None,
        epoch: 0,
        seen,
    };
    for phase in [waiting(), fired()] {
        let turned = changed(turn_over(&check(phase), &rule(4, "says it louder", "looks for this"), t(10)));
        let Decision::Keep(kept) = decide(Some(&turned), &terms, &told, t(10), fixture::check) else {
            panic!("{:?} is decided on otherwise", turned.phase);
        };
        assert_eq!(kept.due, t(10), "{:?}", turned.phase);
    }
}

#[test]
fn what_waits_under_another_meaning_waits_anew() {
    for phase in [waiting(), Phase::Gap { from: t(5) }, Phase::Watching { turns_at: t(50) }] {
        let after = changed(turn_over(&check(phase), &rule(4, "says that", "looks for that"), t(10)));
        assert_eq!((after.phase, after.since, after.opened_at, after.due), (waiting(), t(10), t(10), t(10)));
        assert_eq!(&*after.meaning, "looks for that");
    }
}

#[test]
fn what_was_told_stays_told_whatever_the_rule_says_now() {
    for phase in [fired(), firing(), Phase::Recovering { from: t(5) }] {
        for meaning in ["looks for this", "looks for that"] {
            let after = changed(turn_over(&check(phase.clone()), &rule(4, "says that", meaning), t(10)));
            assert_eq!((after.phase, after.since, after.due), (phase.clone(), t(0), t(10)));
        }
    }
    let ending = Phase::Ending { at: t(5), reason: EndReason::Recovered };
    let after = changed(turn_over(&check(ending.clone()), &rule(4, "says that", "looks for that"), t(10)));
    assert_eq!((after.phase, after.due), (ending, t(300)), "it is on its way out");
}

#[test]
fn what_was_counted_by_another_rule_is_counted_anew() {
    let counted = Counted {
        group: "shop".into(),
        owner: check(waiting()).object,
        matching: true,
        began: t(0),
        said: None,
    };
    for (phase, meaning, stays) in [
        (waiting(), "looks for this", true),
        (waiting(), "looks for that", false),
        (fired(), "looks for this", true),
        (fired(), "looks for that", false),
    ] {
        let before = Check { counted: Some(counted.clone()), ..check(phase) };
        let after = changed(turn_over(&before, &rule(4, "says that", meaning), t(10)));
        assert_eq!(after.counted.is_some(), stays, "{:?} {meaning}", before.phase);
    }
}

#[test]
fn a_rule_that_is_staged_ends_what_it_told() {
    let staged = RuleMark { shadow: true, ..rule(4, "says it to nobody", "looks for this") };
    for phase in [fired(), firing(), Phase::Recovering { from: t(5) }] {
        let Turnover::Ends(after) = turn_over(&check(phase), &staged, t(10)) else { panic!("it ends") };
        assert_eq!(after.phase, Phase::Ending { at: t(10), reason: EndReason::RuleGone });
        assert!(!after.shadow, "whoever was told hears of the end");
    }
    let after = changed(turn_over(&check(waiting()), &staged, t(10)));
    assert_eq!((after.shadow, after.phase, after.since), (true, waiting(), t(0)));
    // Once it is on its way out it goes as it came.
    let ending = check(Phase::Ending { at: t(5), reason: EndReason::Recovered });
    assert!(!changed(turn_over(&ending, &staged, t(10))).shadow);
}

#[test]
fn a_rule_that_is_staged_no_more_tells_what_nobody_heard() {
    let live = rule(4, "says it aloud", "looks for this");
    for phase in [fired(), firing(), Phase::Recovering { from: t(5) }] {
        let silent = Check { shadow: true, ..check(phase) };
        let after = changed(turn_over(&silent, &live, t(10)));
        assert_eq!((after.shadow, after.phase, after.since, after.due), (false, waiting(), t(0), t(10)));
    }
}

#[test]
fn a_check_from_before_there_was_a_meaning_keeps_its_beginning() {
    let old = Check { rules: 0, meaning: String::new(), ..check(waiting()) };
    let after = changed(turn_over(&old, &rule(1, "says that", "looks for that"), t(10)));
    assert_eq!((after.since, &*after.meaning), (t(0), "looks for that"));
}

#[test]
fn an_event_that_told_another_rule_something_tells_this_one_nothing() {
    let object = ObjectKey::new(GroupKind::core("Event"), Some("a"), "b.1");
    let event = SeenEvent { object, uid: "e1".into(), count: 3, first_seen: t(0), last_seen: t(9) };
    let before = Check { event: Some(event.clone()), ..check(waiting()) };
    let after = changed(turn_over(&before, &rule(4, "says that", "looks for that"), t(10)));
    let told = after.event.unwrap();
    assert_eq!(told.object, event.object, "it can be looked at again");
    assert!(told.began(SignedDuration::from_hours(1)) < t(-1_000_000));
    let after = changed(turn_over(&before, &rule(4, "says that", "looks for this"), t(10)));
    assert_eq!(after.event, Some(event));
}
