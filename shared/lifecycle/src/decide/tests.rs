use super::*;
use crate::fixture::{check, t};
use proptest::prelude::*;

fn terms(duration: i64, gap: i64, resolve: i64) -> Terms {
    Terms {
        duration: SignedDuration::from_secs(duration),
        gap_tolerance: SignedDuration::from_secs(gap),
        resolve_after: SignedDuration::from_secs(resolve),
        references: false,
    }
}

fn blank() -> Check {
    check()
}

fn told(version: u64, at: i64, verdict: Verdict) -> Sighting {
    Sighting {
        uid: "u1".into(),
        version,
        at: t(at),
        seen_at: None,
        look: false,
        list: None,
        epoch: 0,
        seen: Seen::Present { verdict, since: None, turns_at: None },
    }
}

fn looked(version: u64, at: i64, verdict: Verdict) -> Sighting {
    Sighting { look: true, ..told(version, at, verdict) }
}

fn open_check(terms: &Terms) -> Check {
    match decide(None, terms, &told(1, 0, Verdict::Holds), t(0), blank) {
        Decision::Open(check) => *check,
        other => panic!("{other:?}"),
    }
}

fn kept(decision: Decision) -> Check {
    match decision {
        Decision::Keep(check) => *check,
        other => panic!("{other:?}"),
    }
}

fn fired(terms: &Terms) -> Check {
    Check { phase: Phase::Fired { turns_at: None }, ..open_check(terms) }
}

#[test]
fn what_does_not_match_leaves_no_trace() {
    assert_eq!(decide(None, &terms(60, 0, 120), &told(1, 0, Verdict::Not), t(0), blank), Decision::Nothing);
}

#[test]
fn a_match_is_due_after_its_duration_or_its_second_look_whichever_is_first() {
    assert_eq!(open_check(&terms(20, 0, 120)).due, t(20));
    assert_eq!(open_check(&terms(300, 0, 120)).due, t(30));
}

#[test]
fn the_stream_alone_never_fires() {
    let terms = terms(0, 0, 120);
    let check = open_check(&terms);
    assert_eq!(check.due, t(0));
    assert!(matches!(
        decide(Some(&check), &terms, &told(2, 9, Verdict::Holds), t(9), blank),
        Decision::Keep(_)
    ));
    assert!(matches!(
        decide(Some(&check), &terms, &looked(2, 9, Verdict::Holds), t(9), blank),
        Decision::Fire(_)
    ));
}

#[test]
fn a_look_before_the_duration_is_over_does_not_fire() {
    let terms = terms(300, 0, 120);
    let check = kept(decide(Some(&open_check(&terms)), &terms, &looked(1, 30, Verdict::Holds), t(30), blank));
    assert_eq!(check.due, t(300));
    assert!(matches!(
        decide(Some(&check), &terms, &looked(1, 300, Verdict::Holds), t(300), blank),
        Decision::Fire(_)
    ));
}

#[test]
fn since_in_the_object_counts_where_it_is_earlier() {
    let terms = terms(300, 0, 120);
    let mut sighting = told(1, 0, Verdict::Holds);
    sighting.seen = Seen::Present { verdict: Verdict::Holds, since: Some(t(-250)), turns_at: None };
    match decide(None, &terms, &sighting, t(0), blank) {
        Decision::Open(check) => assert_eq!((check.since, check.due), (t(-250), t(30))),
        other => panic!("{other:?}"),
    }
}

#[test]
fn an_older_version_changes_nothing() {
    let terms = terms(300, 0, 120);
    let check = Check { resource_version: 7, ..open_check(&terms) };
    for (version, seen) in [(3, 2), (7, 5)] {
        assert_eq!(
            decide(Some(&check), &terms, &told(version, seen, Verdict::Not), t(5), blank),
            Decision::Nothing
        );
    }
}

#[test]
fn a_recovery_before_it_fired_closes_it_silently() {
    let terms = terms(300, 0, 120);
    assert_eq!(
        decide(Some(&open_check(&terms)), &terms, &told(2, 5, Verdict::Not), t(5), blank),
        Decision::Close
    );
}

#[test]
fn a_short_break_is_tolerated_and_a_long_one_is_not() {
    let terms = terms(300, 20, 120);
    let gap = kept(decide(Some(&open_check(&terms)), &terms, &told(2, 100, Verdict::Not), t(100), blank));
    assert_eq!((gap.phase.clone(), gap.due), (Phase::Gap { from: t(100) }, t(120)));
    let back = kept(decide(Some(&gap), &terms, &told(3, 110, Verdict::Holds), t(110), blank));
    assert_eq!(back.since, t(0));
    let late = kept(decide(Some(&gap), &terms, &told(3, 150, Verdict::Holds), t(150), blank));
    assert_eq!(late.since, t(150));
    assert_eq!(decide(Some(&gap), &terms, &looked(3, 120, Verdict::Not), t(120), blank), Decision::Close);
}

/// Old news open what is known to be over: it has not matched since then, and what is seen now ends no break.
#[test]
fn what_is_doubted_begins_when_it_is_seen() {
    let terms = terms(300, 20, 120);
    let doubted = Check { doubted: true, resource_version: 7, ..open_check(&terms) };
    assert_eq!(decide(Some(&doubted), &terms, &looked(8, 400, Verdict::Not), t(400), blank), Decision::Close);
    assert_eq!(decide(Some(&doubted), &terms, &told(8, 400, Verdict::Not), t(400), blank), Decision::Close);
    let again = kept(decide(Some(&doubted), &terms, &looked(8, 400, Verdict::Holds), t(400), blank));
    assert_eq!((again.since, again.doubted), (t(400), false));
    let news = kept(decide(Some(&again), &terms, &told(8, 390, Verdict::Holds), t(410), blank));
    assert_eq!(news.since, t(390), "the news of what was seen come later");
}

fn of_other(sighting: Sighting) -> Sighting {
    Sighting { uid: "u2".into(), ..sighting }
}

/// After a cluster was set back the news of an object that had the name before may be of a higher version.
#[test]
fn news_of_another_under_the_name_decide_nothing_and_have_it_looked_at() {
    let terms = terms(300, 60, 120);
    let due = t(400);
    for phase in [
        Phase::Watching { turns_at: due },
        Phase::Pending { turns_at: None },
        Phase::Gap { from: t(10) },
        Phase::Fired { turns_at: None },
        Phase::Recovering { from: t(10) },
    ] {
        let check = Check { phase, due, look_again_at: due, ..open_check(&terms) };
        for verdict in [Verdict::Holds, Verdict::HoldsIfReferenced, Verdict::Not] {
            let Decision::Look(woken) =
                decide(Some(&check), &terms, &of_other(told(9, 20, verdict)), t(20), blank)
            else {
                panic!("{verdict:?} in {:?}", check.phase)
            };
            let doubted = !check.phase.is_told();
            assert_eq!(*woken, Check { due: t(20), woken: Some(t(20)), doubted, ..check.clone() });
        }
        let gone = Sighting { seen: Seen::Gone, ..told(9, 20, Verdict::Not) };
        for stray in [gone, told(0, 20, Verdict::Holds)] {
            assert_eq!(decide(Some(&check), &terms, &of_other(stray), t(20), blank), Decision::Nothing);
        }
    }
    let pending = open_check(&terms);
    let looked = of_other(looked(9, 20, Verdict::Not));
    assert_eq!(decide(Some(&pending), &terms, &looked, t(20), blank), Decision::Close);
}

/// A cluster that is set back counts its versions from an earlier one: what is of before has a higher one.
#[test]
fn news_of_a_newer_version_that_were_seen_before_what_is_known_have_it_looked_at() {
    let terms = terms(300, 60, 120);
    let before = Check { resource_version: 80, ..open_check(&terms) };
    let pending = kept(decide(Some(&before), &terms, &looked(5, 100, Verdict::Holds), t(100), blank));
    let fired = Check { phase: Phase::Fired { turns_at: None }, ..pending.clone() };
    let opened = kept(decide(Some(&pending), &terms, &told(6, 100, Verdict::Holds), t(101), blank));
    let gone = |at| Sighting { seen: Seen::Gone, ..told(90, at, Verdict::Not) };
    for check in [&pending, &fired, &opened] {
        for old in [told(90, 20, Verdict::Holds), told(90, 20, Verdict::Not), gone(20)] {
            for news in [old.clone(), of_other(old)] {
                let decided = decide(Some(check), &terms, &news, t(110), blank);
                if news.uid == "u2" && news.seen == Seen::Gone {
                    assert_eq!(decided, Decision::Nothing);
                    continue;
                }
                let want = Check { due: t(110), woken: Some(t(110)), ..check.clone() };
                assert_eq!(decided, Decision::Look(Box::new(want)), "{news:?}");
            }
        }
        // Clocks differ a little.
        for at in [98, 105] {
            let decided = decide(Some(check), &terms, &gone(at), t(110), blank);
            assert!(matches!(decided, Decision::Close | Decision::End(_)), "{at}: {decided:?}");
        }
    }
    // Who looks at one event knows nothing of others.
    let event = Some(crate::SeenEvent {
        object: pending.object.key(),
        uid: "e".into(),
        count: 1,
        first_seen: t(0),
        last_seen: t(0),
    });
    let of_events = Check { event, ..pending };
    let another = decide(Some(&of_events), &terms, &told(90, 20, Verdict::Holds), t(110), blank);
    assert!(matches!(another, Decision::Keep(_)), "{another:?}");
}

/// In a cluster that was set back what is older is what holds, be it another object's. Nobody else tells of it once what came
/// late has closed the check.
#[test]
fn an_older_version_that_was_seen_later_has_it_looked_at() {
    let terms = terms(300, 0, 120);
    let pending = kept(decide(Some(&open_check(&terms)), &terms, &told(80, 1, Verdict::Holds), t(1), blank));
    let fired = Check { phase: Phase::Fired { turns_at: None }, ..pending.clone() };
    for check in [&pending, &fired] {
        for news in
            [told(5, 90, Verdict::Holds), told(5, 90, Verdict::Not), of_other(told(5, 90, Verdict::Not))]
        {
            let decided = decide(Some(check), &terms, &news, t(91), blank);
            assert!(matches!(decided, Decision::Look(_)), "{news:?}: {decided:?}");
        }
        // Late news of before, and the end of what had the name before, are none.
        let gone = Sighting { seen: Seen::Gone, ..of_other(told(5, 90, Verdict::Not)) };
        for news in [told(5, 3, Verdict::Not), of_other(told(5, 0, Verdict::Holds)), gone] {
            assert_eq!(decide(Some(check), &terms, &news, t(91), blank), Decision::Nothing, "{news:?}");
        }
    }
}

/// The end was written and could not be sent, and its deletion comes again.
#[test]
fn a_deletion_that_comes_again_carries_its_end_on() {
    let terms = terms(300, 0, 120);
    let pending = kept(decide(Some(&open_check(&terms)), &terms, &told(10, 1, Verdict::Holds), t(1), blank));
    let fired = Check { phase: Phase::Fired { turns_at: None }, ..pending };
    let gone = Sighting { seen: Seen::Gone, ..told(20, 400, Verdict::Not) };
    let Decision::End(ending) = decide(Some(&fired), &terms, &gone, t(400), blank) else { panic!() };
    assert_eq!(decide(Some(&ending), &terms, &gone, t(405), blank), Decision::End(ending.clone()));
}

/// A watcher that was suspended reads what lay in its buffer when it wakes: its time says nothing.
#[test]
fn news_of_an_earlier_run_have_it_looked_at_whenever_they_were_seen() {
    let terms = terms(300, 0, 120);
    let by = |epoch, news| Sighting { epoch, ..news };
    let before =
        kept(decide(Some(&open_check(&terms)), &terms, &by(7, told(80, 1, Verdict::Holds)), t(1), blank));
    // A later run lists the cluster, which was set back.
    let noted = match decide(Some(&before), &terms, &by(8, told(5, 90, Verdict::Holds)), t(90), blank) {
        Decision::Look(noted) => *noted,
        other => panic!("{other:?}"),
    };
    assert_eq!(noted, Check { epoch: 8, due: before.due.min(t(90)), woken: Some(t(90)), ..before });
    let pending = kept(decide(Some(&noted), &terms, &looked(5, 100, Verdict::Holds), t(100), blank));
    let fired = Check { phase: Phase::Fired { turns_at: None }, ..pending.clone() };
    let gone = Sighting { seen: Seen::Gone, ..told(90, 110, Verdict::Not) };
    for check in [&pending, &fired] {
        for news in [told(90, 110, Verdict::Holds), told(90, 110, Verdict::Not), gone.clone()] {
            let decided = decide(Some(check), &terms, &by(7, news.clone()), t(110), blank);
            let want = Check { due: t(110), woken: Some(t(110)), ..check.clone() };
            assert_eq!(decided, Decision::Look(Box::new(want)), "{news:?}");
            // By the run itself, or by what has no runs, they are news.
            for epoch in [0, 8, 9] {
                let decided = decide(Some(check), &terms, &by(epoch, news.clone()), t(110), blank);
                assert!(!matches!(decided, Decision::Look(_)), "{epoch} {news:?}: {decided:?}");
            }
        }
        let of_other =
            decide(Some(check), &terms, &by(7, of_other(told(90, 110, Verdict::Holds))), t(110), blank);
        assert!(matches!(of_other, Decision::Look(next) if !next.doubted));
        // What is known already is no reason for anything.
        assert_eq!(
            decide(Some(check), &terms, &by(7, told(4, 110, Verdict::Not)), t(110), blank),
            Decision::Nothing
        );
    }
    let next = kept(decide(Some(&pending), &terms, &of_other(looked(9, 110, Verdict::Holds)), t(110), blank));
    assert_eq!((&*next.uid, next.epoch), ("u2", 8));
}

#[test]
fn until_somebody_has_looked_whose_the_name_is_nothing_that_is_told_is_decided_on() {
    let terms = terms(300, 0, 120);
    let gone = Sighting { seen: Seen::Gone, ..told(12, 30, Verdict::Not) };
    for phase in [Phase::Pending { turns_at: None }, Phase::Fired { turns_at: None }] {
        let mut check = Check { phase, ..open_check(&terms) };
        check.heard(&of_other(told(9, 20, Verdict::Holds)), None);
        for news in [told(12, 30, Verdict::Not), told(12, 30, Verdict::Holds), gone.clone()] {
            let decided = decide(Some(&check), &terms, &news, t(30), blank);
            assert!(matches!(decided, Decision::Look(_)), "{news:?}: {decided:?}");
        }
        let seen = kept(decide(Some(&check), &terms, &looked(12, 40, Verdict::Holds), t(40), blank));
        assert_eq!((seen.rumour, seen.resource_version), (None, 12));
    }
}

/// Not every source tells identities.
#[test]
fn what_is_told_without_an_identity_is_not_said_to_be_anothers() {
    let terms = terms(300, 0, 120);
    let nameless = |check: &Check| Check { uid: String::new(), ..check.clone() };
    let mut check =
        kept(decide(Some(&open_check(&terms)), &terms, &looked(5, 100, Verdict::Holds), t(100), blank));
    check.heard(&Sighting { uid: String::new(), ..told(90, 20, Verdict::Not) }, None);
    let mut other = nameless(&check);
    other.heard(&told(90, 20, Verdict::Not), None);
    for check in [check, other] {
        assert_eq!(check.rumour_of_another(), None);
        let seen = kept(decide(Some(&check), &terms, &told(6, 120, Verdict::Holds), t(120), blank));
        assert_eq!(seen.resource_version, 6);
    }
}

#[test]
fn a_comeback_within_the_hold_down_is_the_same_episode() {
    let terms = terms(60, 0, 120);
    let quiet = kept(decide(Some(&fired(&terms)), &terms, &told(2, 100, Verdict::Not), t(100), blank));
    assert_eq!((quiet.phase.clone(), quiet.due), (Phase::Recovering { from: t(100) }, t(220)));
    let back = kept(decide(Some(&quiet), &terms, &told(3, 150, Verdict::Holds), t(150), blank));
    assert_eq!(back.phase, Phase::Fired { turns_at: None });
    match decide(Some(&quiet), &terms, &looked(2, 220, Verdict::Not), t(220), blank) {
        Decision::End(check) => {
            assert_eq!(check.phase, Phase::Ending { at: t(100), reason: EndReason::Recovered });
        }
        other => panic!("{other:?}"),
    }
}

#[test]
fn a_deletion_ends_at_once() {
    let terms = terms(60, 0, 120);
    let gone = Sighting { seen: Seen::Gone, ..told(9, 70, Verdict::Not) };
    assert_eq!(decide(Some(&open_check(&terms)), &terms, &gone, t(70), blank), Decision::Close);
    match decide(Some(&fired(&terms)), &terms, &gone, t(70), blank) {
        Decision::End(check) => {
            assert_eq!(check.phase, Phase::Ending { at: t(70), reason: EndReason::Deleted });
        }
        other => panic!("{other:?}"),
    }
}

#[test]
fn a_new_uid_under_the_old_name_ends_the_old_episode_first() {
    let terms = terms(60, 0, 120);
    let other = of_other(looked(9, 70, Verdict::Holds));
    assert!(matches!(decide(Some(&fired(&terms)), &terms, &other, t(70), blank), Decision::End(_)));
    let fresh = kept(decide(Some(&open_check(&terms)), &terms, &other, t(70), blank));
    assert_eq!((fresh.uid.as_str(), fresh.since), ("u2", t(70)));
    let late = Sighting { uid: "u0".into(), seen: Seen::Gone, ..told(9, 70, Verdict::Holds) };
    assert_eq!(decide(Some(&fired(&terms)), &terms, &late, t(70), blank), Decision::Nothing);
}

#[test]
fn a_step_begun_is_carried_on_before_the_news_that_meet_it_are_decided_on() {
    let terms = terms(60, 0, 120);
    let firing = Check { phase: Phase::Firing { turns_at: None }, ..open_check(&terms) };
    let of_next = of_other(told(6, 70, Verdict::Holds));
    for news in [told(5, 70, Verdict::Not), looked(5, 70, Verdict::Not), of_next.clone()] {
        match decide(Some(&firing), &terms, &news, t(70), blank) {
            // So that the news are news still when it is done.
            Decision::Fire(check) => assert_eq!(check.resource_version, firing.resource_version),
            other => panic!("{other:?}"),
        }
    }
    let quiet = Phase::Ending { at: t(60), reason: EndReason::Recovered };
    let ending = Check { phase: quiet.clone(), ..open_check(&terms) };
    let gone = Sighting { seen: Seen::Gone, ..told(5, 70, Verdict::Not) };
    for news in [of_next, gone, told(5, 70, Verdict::Holds)] {
        match decide(Some(&ending), &terms, &news, t(70), blank) {
            Decision::End(check) => assert_eq!(check.phase, quiet),
            other => panic!("{other:?}"),
        }
    }
    let old = told(1, -3, Verdict::Holds);
    assert_eq!(decide(Some(&ending), &terms, &old, t(70), blank), Decision::Nothing);
}

#[test]
fn what_may_be_back_while_its_end_is_on_its_way_is_decided_on_after_it() {
    let terms = terms(60, 0, 120);
    let quiet = Phase::Ending { at: t(60), reason: EndReason::Deleted };
    let ending = Check { phase: quiet, resource_version: 9, epoch: 7, ..open_check(&terms) };
    let listed = Sighting { list: Some("7/pods/1".into()), epoch: 7, ..told(9, 70, Verdict::Holds) };
    let turns = Seen::Present { verdict: Verdict::Not, since: None, turns_at: Some(t(99)) };
    let is_over = Seen::Present { verdict: Verdict::Not, since: None, turns_at: None };
    for (what, news, carries_on) in [
        ("in the version that was known", listed.clone(), true),
        ("in an older one", Sighting { version: 4, ..listed.clone() }, true),
        ("of one before, in an older one", of_other(Sighting { version: 4, ..listed.clone() }), true),
        ("what time may turn", Sighting { seen: turns, ..listed.clone() }, true),
        ("what does not match", Sighting { seen: is_over, ..listed.clone() }, false),
        ("what was seen before", Sighting { at: t(-3), ..listed.clone() }, false),
        ("what an earlier run tells", Sighting { epoch: 6, ..listed }, false),
    ] {
        let plain = decide(Some(&ending), &terms, &news, t(70), blank);
        let asked = crate::decide_asked(Some(&ending), &terms, &news, None, t(300), t(70), blank);
        for decision in [plain, asked] {
            match decision {
                Decision::End(check) if carries_on => assert_eq!(*check, ending, "{what}"),
                Decision::Nothing if !carries_on => {}
                other => panic!("{what}: {other:?}"),
            }
        }
    }
}

#[test]
fn where_a_look_is_faster_than_the_news_it_began_when_the_watcher_saw_it() {
    let terms = terms(300, 0, 120);
    let looked_at = Check { since: t(30), resource_version: 5, ..open_check(&terms) };
    let check = kept(decide(Some(&looked_at), &terms, &told(5, 0, Verdict::Holds), t(180), blank));
    assert_eq!((check.since, check.fires_at(&terms)), (t(0), t(300)));
    // Unless something else may have begun it since.
    let with_references = Terms { references: true, ..terms };
    for (terms, version) in [(with_references, 5), (terms, 4)] {
        let news = told(version, 0, Verdict::Holds);
        assert_eq!(decide(Some(&looked_at), &terms, &news, t(180), blank), Decision::Nothing);
    }
}

#[test]
fn references_are_not_judged_in_the_first_seconds() {
    let terms = Terms { references: true, ..terms(0, 0, 120) };
    let check = open_check(&terms);
    assert_eq!(check.due, t(10));
    assert!(matches!(
        decide(Some(&check), &terms, &looked(1, 4, Verdict::Holds), t(4), blank),
        Decision::Keep(_)
    ));
    assert!(matches!(
        decide(Some(&check), &terms, &looked(1, 10, Verdict::Holds), t(10), blank),
        Decision::Fire(_)
    ));
}

/// What it refers to has changed: only a look tells what that means.
#[test]
fn what_was_woken_stays_due_whatever_is_told_of_the_object_before_somebody_looks() {
    let terms = Terms { references: true, ..terms(300, 60, 120) };
    for phase in [
        Phase::Watching { turns_at: t(900) },
        Phase::Pending { turns_at: None },
        Phase::Gap { from: t(95) },
        Phase::Fired { turns_at: None },
        Phase::Recovering { from: t(95) },
    ] {
        let mut woken = Check { phase, due: t(700), look_again_at: t(700), ..open_check(&terms) };
        woken.wake(t(100));
        assert_eq!(woken.due, t(100));
        // Whoever handles the news may have begun before.
        for (now, due) in [(99, 100), (101, 101)] {
            for verdict in [Verdict::HoldsIfReferenced, Verdict::Not] {
                let mut news = told(2, 98, verdict);
                news.seen = Seen::Present { verdict, since: None, turns_at: Some(t(900)) };
                let told = kept(decide(Some(&woken), &terms, &news, t(now), blank));
                assert!(told.due <= t(due), "{verdict:?} in {:?} at {now}: {}", woken.phase, told.due);
            }
        }
        let seen = kept(decide(Some(&woken), &terms, &looked(2, 101, Verdict::Holds), t(101), blank));
        assert!(seen.due > t(101), "{:?}", woken.phase);
    }
}

#[test]
fn what_fires_is_looked_at_when_time_alone_may_end_it() {
    let terms = terms(60, 0, 120);
    for (turns_at, due) in [(None, 91), (Some(70), 70), (Some(500), 91), (Some(61), 61), (Some(40), 61)] {
        let turns_at = turns_at.map(t);
        let seen = Seen::Present { verdict: Verdict::Holds, since: None, turns_at };
        let look = Sighting { seen, ..looked(2, 60, Verdict::Holds) };
        let Decision::Fire(mut check) = decide(Some(&open_check(&terms)), &terms, &look, t(60), blank) else {
            panic!("it has lasted")
        };
        check.sent(&terms, t(61));
        assert_eq!((&check.phase, check.due), (&Phase::Fired { turns_at }, t(due)));
    }
    let of_before: Phase = serde_json::from_str(r#"{"name":"firing"}"#).unwrap();
    assert_eq!(of_before, Phase::Firing { turns_at: None });
}

#[test]
fn that_the_object_of_events_is_there_tells_whose_the_name_is_and_nothing_else() {
    let terms = terms(60, 0, 120);
    let of =
        |uid: &str, seen: i64| Sighting { uid: uid.into(), seen: Seen::There, ..told(0, seen, Verdict::Not) };
    let event = crate::SeenEvent {
        object: prodrome_model::ObjectKey::new(prodrome_model::GroupKind::core("Event"), Some("shop"), "e"),
        uid: "e".into(),
        count: 1,
        first_seen: t(0),
        last_seen: t(0),
    };
    assert_eq!(decide(None, &terms, &of("u1", 20), t(20), blank), Decision::Nothing);
    for phase in [Phase::Pending { turns_at: None }, Phase::Fired { turns_at: None }] {
        let check = Check { phase, event: Some(event.clone()), ..open_check(&terms) };
        let decided = |sighting: Sighting| decide(Some(&check), &terms, &sighting, t(20), blank);
        // Itself, itself where nobody knows its identity, and one that had the name before.
        for nothing in [of("u1", 20), of("", 20), of("u0", -10)] {
            assert_eq!(decided(nothing.clone()), Decision::Nothing, "{nothing:?}");
        }
        let Decision::Look(next) = decided(of("u2", 20)) else { panic!("the name is another's") };
        assert_eq!((next.due, next.doubted), (t(20), !check.phase.is_told()));
        // What was begun is carried on first.
        let firing = Check { phase: Phase::Firing { turns_at: None }, ..check.clone() };
        let carried_on = decide(Some(&firing), &terms, &of("u2", 20), t(20), blank);
        assert!(matches!(carried_on, Decision::Fire(_)), "{carried_on:?}");
    }
}

#[test]
fn what_is_woken_while_it_fires_or_cannot_be_looked_at_is_looked_at_all_the_same() {
    let terms = terms(60, 0, 120);
    let mut firing = Check { phase: Phase::Firing { turns_at: None }, due: t(130), ..open_check(&terms) };
    firing.wake(t(100));
    let Decision::Fire(mut check) =
        decide(Some(&firing), &terms, &looked(2, 101, Verdict::Holds), t(101), blank)
    else {
        panic!("it is carried on")
    };
    check.sent(&terms, t(102));
    assert_eq!((check.phase.name(), check.due), ("fired", t(102)));
    check.postpone(SignedDuration::from_secs(60), t(103));
    let news = told(3, 104, Verdict::Holds);
    assert_eq!(kept(decide(Some(&check), &terms, &news, t(104), blank)).due, t(163), "and no sooner");
}

#[test]
fn time_alone_is_watched_for() {
    let terms = terms(0, 0, 120);
    let mut sighting = told(1, 0, Verdict::Not);
    sighting.seen = Seen::Present { verdict: Verdict::Not, since: None, turns_at: Some(t(500)) };
    match decide(None, &terms, &sighting, t(0), blank) {
        Decision::Open(check) => assert_eq!((check.phase.name(), check.due), ("watching", t(500))),
        other => panic!("{other:?}"),
    }
}

#[test]
fn a_list_that_names_an_unchanged_object_is_noted() {
    let terms = terms(60, 0, 120);
    let sighting = Sighting { list: Some("l1".into()), ..told(1, 5, Verdict::Holds) };
    assert_eq!(
        kept(decide(Some(&open_check(&terms)), &terms, &sighting, t(5), blank)).list.as_deref(),
        Some("l1")
    );
}

proptest! {
    /// Whatever the order, the check ends with the newest version that it was told of.
    #[test]
    fn the_order_of_news_does_not_matter_for_the_newest(order in Just((1_u64..=6).collect::<Vec<_>>()).prop_shuffle(), verdicts in proptest::collection::vec(any::<bool>(), 6)) {
        let terms = terms(300, 1000, 120);
        let mut check: Option<Check> = None;
        for version in order {
            let verdict = if verdicts[usize::try_from(version - 1).unwrap()] { Verdict::Holds } else { Verdict::Not };
            match decide(check.as_ref(), &terms, &told(version, 1, verdict), t(2), blank) {
                Decision::Open(next) | Decision::Keep(next) => check = Some(*next),
                Decision::Nothing => {}
                other => prop_assert!(false, "{other:?}"),
            }
        }
        // The newest says whether it matches, unless nothing that came before it opened a check.
        if let Some(check) = check && check.resource_version == 6 {
            prop_assert_eq!(matches!(check.phase, Phase::Pending { .. }), verdicts[5]);
        }
    }

    /// Nobody is told of something that never held.
    #[test]
    fn nothing_fires_that_never_held(steps in proptest::collection::vec((0_u64..50, 0_i64..900, any::<bool>()), 1..30)) {
        let terms = terms(30, 10, 60);
        let mut check: Option<Check> = None;
        for (version, at, look) in steps {
            let sighting = Sighting { look, ..told(version, at, Verdict::Not) };
            match decide(check.as_ref(), &terms, &sighting, t(at), blank) {
                Decision::Nothing => {}
                Decision::Open(next) | Decision::Keep(next) => check = Some(*next),
                Decision::Close => check = None,
                other => prop_assert!(false, "{other:?}"),
            }
        }
        prop_assert!(check.is_none());
    }
}
