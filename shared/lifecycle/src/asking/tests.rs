use super::*;
use crate::fixture::{check, t};
use prodrome_model::EndReason;

/// The plugin is asked every so many seconds.
const PERIOD: i64 = 300;
const TERMS: Terms = Terms {
    duration: SignedDuration::from_secs(600),
    gap_tolerance: SignedDuration::ZERO,
    resolve_after: SignedDuration::from_secs(120),
    references: false,
};

fn blank() -> Check {
    Check { rule_hash: "h".into(), meaning: "m".into(), uid: String::new(), ..check() }
}

fn seen(at: i64, look: bool, is_asked_about: bool) -> Sighting {
    let verdict = if is_asked_about { Verdict::Holds } else { Verdict::Not };
    Sighting {
        uid: "u".into(),
        version: 1,
        at: t(at),
        seen_at: None,
        look,
        list: None,
        epoch: 0,
        seen: Seen::Present { verdict, since: None, turns_at: None },
    }
}

/// The slot after an instant, as all slots lie at 100 s in the period.
fn next(at: i64) -> Timestamp {
    t((at - 100).div_euclid(PERIOD) * PERIOD + 100 + PERIOD)
}

fn decided(check: Option<&Check>, sighting: &Sighting, answer: Option<Answer>, at: i64) -> Decision {
    decide_asked(check, &TERMS, sighting, answer, next(at), t(at), blank)
}

#[track_caller]
fn kept(decision: Decision) -> Check {
    match decision {
        Decision::Open(check)
        | Decision::Keep(check)
        | Decision::Look(check)
        | Decision::Fire(check)
        | Decision::End(check) => *check,
        other => panic!("{other:?}"),
    }
}

/// Opened at 0; asked and answered so at these times.
fn after_answers(answers: &[(i64, Answer)]) -> Check {
    let mut check = kept(decided(None, &seen(0, false, true), None, 0));
    for (at, answer) in answers {
        check = kept(decided(Some(&check), &seen(*at, true, true), Some(*answer), *at));
        if matches!(check.phase, Phase::Firing) {
            check.sent(&TERMS, t(*at));
        }
    }
    check
}

#[test]
fn an_object_of_the_filter_waits_for_its_slot_and_any_other_has_no_check() {
    let check = kept(decided(None, &seen(0, false, true), None, 0));
    assert_eq!((check.phase.name(), check.due), ("watching", t(30)), "looked at once more, as any");
    assert!(!check.is_to_be_asked(&TERMS, t(30)));
    let check = kept(decided(Some(&check), &seen(30, true, true), None, 30));
    assert_eq!(check.due, t(100));
    assert!(check.is_to_be_asked(&TERMS, t(100)));
    assert_eq!(decided(None, &seen(0, false, false), None, 0), Decision::Nothing);
}

#[test]
fn a_question_is_waited_for_and_then_put_again() {
    let mut check = after_answers(&[]);
    check.ask(&TERMS, next(100), t(100));
    assert_eq!(check.due, t(100) + Asking::PATIENCE);
    assert!(!check.is_to_be_asked(&TERMS, t(200)));
    // News of the object meanwhile change nothing of it.
    let news = Sighting { version: 2, ..seen(150, false, true) };
    let check = kept(decided(Some(&check), &news, None, 150));
    assert_eq!((check.resource_version, check.due), (2, t(280)));
    assert!(check.is_to_be_asked(&TERMS, t(280)));
}

/// Its rule has changed, or a list did not name it.
#[test]
fn what_is_woken_while_an_answer_is_waited_for_is_looked_at() {
    let mut check = after_answers(&[]);
    check.ask(&TERMS, next(100), t(100));
    check.wake(t(120));
    let news = Sighting { version: 2, ..seen(130, false, true) };
    let check = kept(decided(Some(&check), &news, None, 130));
    assert_eq!(check.due, t(130));
    let looked = kept(decided(Some(&check), &seen(131, true, true), None, 131));
    assert_eq!(looked.due, t(280), "and the answer is waited for still");
}

#[test]
fn what_lasts_fires_by_an_answer_of_that_moment_and_not_before() {
    let check = after_answers(&[(100, Answer::Holds)]);
    assert_eq!((check.phase.name(), check.since), ("pending", t(100)));
    assert_eq!(check.due, t(400), "the next slot");
    let check = after_answers(&[(100, Answer::Holds), (400, Answer::Holds)]);
    assert_eq!(check.due, t(700), "the slot, and the end of the duration");
    assert!(check.is_to_be_asked(&TERMS, t(700)));
    // Looked at, and not answered: it does not fire.
    let looked = kept(decided(Some(&check), &seen(700, true, true), None, 700));
    assert_eq!(looked.phase.name(), "pending");
    let fired = decided(Some(&check), &seen(701, true, true), Some(Answer::Holds), 701);
    assert!(matches!(fired, Decision::Fire(_)), "{fired:?}");
}

#[test]
fn the_duration_ends_between_two_slots_and_the_plugin_is_asked_then() {
    let terms = Terms { duration: SignedDuration::from_secs(90), ..TERMS };
    let check = after_answers(&[]);
    let check = kept(decide_asked(
        Some(&check),
        &terms,
        &seen(100, true, true),
        Some(Answer::Holds),
        next(100),
        t(100),
        blank,
    ));
    assert_eq!(check.due, t(190));
    assert!(check.is_to_be_asked(&terms, t(190)) && !check.is_to_be_asked(&terms, t(189)));
}

#[test]
fn unknown_neither_begins_nor_ends() {
    for (answers, want) in [
        (vec![], "watching"),
        (vec![(100, Answer::Holds)], "pending"),
        (vec![(100, Answer::Holds), (400, Answer::Holds), (700, Answer::Holds)], "fired"),
        (vec![(100, Answer::Holds), (700, Answer::Holds), (1000, Answer::Cleared)], "recovering"),
    ] {
        let at = answers.last().map_or(0, |(at, _)| *at) + PERIOD;
        let check = after_answers(&answers);
        let still = kept(decided(Some(&check), &seen(at, true, true), Some(Answer::Unknown), at));
        assert_eq!(still.phase.name(), want, "{answers:?}");
        assert_eq!(still.since, check.since, "{answers:?}");
        // It comes again in its slot, and not at once.
        assert!(still.due > t(at) && still.due <= next(at), "{answers:?}");
    }
}

#[test]
fn it_resolves_by_two_answers_the_hold_down_apart() {
    let check = after_answers(&[(100, Answer::Holds), (700, Answer::Holds), (1000, Answer::Cleared)]);
    assert_eq!((check.phase.clone(), check.due), (Phase::Recovering { from: t(1000) }, t(1120)));
    let back = kept(decided(Some(&check), &seen(1120, true, true), Some(Answer::Holds), 1120));
    assert_eq!(back.phase.name(), "fired");
    let over = decided(Some(&check), &seen(1120, true, true), Some(Answer::Cleared), 1120);
    let over = match over {
        Decision::End(check) => check.phase,
        other => panic!("{other:?}"),
    };
    assert_eq!(over, Phase::Ending { at: t(1000), reason: EndReason::Recovered });
}

#[test]
fn who_is_no_longer_asked_about_or_gone_has_no_check() {
    let waiting = after_answers(&[(100, Answer::Holds)]);
    let other = |version, asked| Sighting { version, ..seen(200, false, asked) };
    assert_eq!(decided(Some(&waiting), &other(2, false), None, 200), Decision::Close);
    let gone = Sighting { seen: Seen::Gone, ..other(2, true) };
    assert_eq!(decided(Some(&waiting), &gone, None, 200), Decision::Close);
    let told = after_answers(&[(100, Answer::Holds), (700, Answer::Holds)]);
    let recovering = kept(decided(Some(&told), &Sighting { at: t(800), ..other(2, false) }, None, 800));
    assert_eq!((recovering.phase.name(), &recovering.asking), ("recovering", &None));
    assert_eq!(recovering.due, t(920));
    assert!(matches!(decided(Some(&recovering), &seen(920, true, false), None, 920), Decision::End(_)));
    let gone = Sighting { at: t(800), ..gone };
    assert!(matches!(decided(Some(&told), &gone, None, 800), Decision::End(_)));
}

#[test]
fn a_new_uid_under_the_name_begins_anew_once_it_was_looked_at() {
    let told = after_answers(&[(100, Answer::Holds), (700, Answer::Holds)]);
    let waiting = after_answers(&[(100, Answer::Holds)]);
    let other = Sighting { uid: "v".into(), version: 9, ..seen(800, true, true) };
    for check in [&told, &waiting] {
        for asked in [true, false] {
            let news = Sighting { uid: "v".into(), version: 9, ..seen(800, false, asked) };
            let Decision::Look(woken) = decided(Some(check), &news, None, 800) else { panic!("{asked}") };
            assert_eq!((&woken.phase, &woken.asking), (&check.phase, &check.asking));
            assert!(woken.due <= t(800));
        }
    }
    assert!(matches!(decided(Some(&told), &other, None, 800), Decision::End(_)));
    let begun = kept(decided(Some(&waiting), &other, None, 800));
    assert_eq!((begun.phase.name(), begun.uid.as_str()), ("watching", "v"));
    // What was answered of the old one is nobody's.
    assert_eq!(begun.asking, Some(Asking::from(next(800))));
}

/// In a cluster that was set back it may be that the news are of the one before: somebody has to look.
#[test]
fn news_of_another_object_that_is_not_asked_about_end_no_question() {
    let mut check = after_answers(&[(100, Answer::Holds)]);
    check.ask(&TERMS, next(400), t(400));
    let other = Sighting { uid: "v".into(), version: 9, ..seen(450, false, false) };
    let doubted = kept(decided(Some(&check), &other, None, 450));
    assert_eq!((doubted.due, doubted.uid.as_str(), &doubted.asking), (t(450), "u", &check.asking));
    let there = kept(decided(Some(&doubted), &seen(450, true, true), None, 450));
    assert_eq!((&there.phase, there.since, &there.asking), (&check.phase, t(100), &check.asking));
    assert!(matches!(
        decided(Some(&there), &seen(700, true, true), Some(Answer::Holds), 700),
        Decision::Fire(_)
    ));
    // It is there, and another: that one is not asked about.
    let look = Sighting { look: true, ..other };
    assert_eq!(decided(Some(&doubted), &look, None, 450), Decision::Close);
}

#[test]
fn a_list_that_names_what_is_known_ends_no_question() {
    let check = after_answers(&[(100, Answer::Holds)]);
    let named = Sighting { list: Some("1/pods/7".into()), ..seen(200, false, false) };
    let named = kept(decided(Some(&check), &named, None, 200));
    assert_eq!(named.list.as_deref(), Some("1/pods/7"));
    assert_eq!(named.asking, check.asking);
}

#[test]
fn a_turn_that_was_given_is_waited_for() {
    let mut check = after_answers(&[(100, Answer::Holds), (400, Answer::Holds)]);
    check.wait_for_turn(&TERMS, t(720), t(700));
    assert_eq!(check.due, t(720));
    assert!(!check.is_to_be_asked(&TERMS, t(710)) && check.is_to_be_asked(&TERMS, t(720)));
}

#[test]
fn another_meaning_asks_anew_and_keeps_what_was_told() {
    let mark = crate::RuleMark { version: 1, hash: "h2".into(), meaning: "m2".into(), shadow: false };
    let turned = |check: &Check, at| match crate::turn_over(check, &mark, t(at)) {
        crate::Turnover::Changed(check) => *check,
        other => panic!("{other:?}"),
    };
    let waiting = turned(&after_answers(&[(100, Answer::Holds)]), 200);
    let waiting = kept(decided(Some(&waiting), &seen(200, true, true), None, 200));
    assert_eq!((waiting.phase.name(), waiting.due), ("watching", t(400)));
    let told = turned(&after_answers(&[(100, Answer::Holds), (700, Answer::Holds)]), 800);
    let told = kept(decided(Some(&told), &seen(800, true, true), None, 800));
    assert_eq!(told.phase.name(), "fired");
    assert!(told.is_to_be_asked(&TERMS, t(800)), "it is looked at with the new rule's eyes");
}
