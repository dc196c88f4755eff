//! Objects whose writers' clocks are ahead.

use super::*;
use crate::fixture::{check, t};

const TERMS: Terms = Terms {
    duration: SignedDuration::from_secs(180),
    gap_tolerance: SignedDuration::ZERO,
    resolve_after: SignedDuration::from_secs(60),
    references: false,
};

/// It matches, and says since when.
fn sighting(version: u64, at: i64, since: i64, look: bool) -> Sighting {
    let seen = Seen::Present { verdict: Verdict::Holds, since: Some(t(since)), turns_at: None };
    Sighting { uid: "u1".into(), version, at: t(at), seen_at: None, look, list: None, epoch: 0, seen }
}

/// When it fires that is seen at 0 in the second and says since when, looked at whenever it is due; and since when it says
/// that it matches. `anew`: from an instant on it is another version, which says another time.
fn fires(since: i64, anew: Option<(i64, i64)>) -> (i64, i64) {
    let mut known = None;
    let mut now = 0;
    loop {
        let (version, since) =
            anew.filter(|(from, _)| *from <= now).map_or((1, since), |(_, since)| (2, since));
        let seen = sighting(version, now, since, known.is_some());
        match decide(known.as_ref(), &TERMS, &seen, t(now), check) {
            Decision::Open(next) | Decision::Keep(next) => known = Some(*next),
            Decision::Fire(fired) => return (now, fired.since.duration_since(t(0)).as_secs()),
            Decision::Nothing => {}
            other => panic!("{other:?}"),
        }
        let due = known.as_ref().unwrap().due.duration_since(t(0)).as_secs();
        assert!(due > now && due < 10_000, "{now} {due}");
        now = due;
    }
}

#[test]
fn what_an_object_says_of_a_time_to_come_delays_nothing() {
    for (what, since, anew, want) in [
        ("a clock that is right", 0, None, (180, 0)),
        ("one that is ahead by less than the duration", 100, None, (180, 0)),
        ("by more", 300, None, (180, 0)),
        ("by an hour", 3_600, None, (180, 0)),
        ("and it began anew meanwhile", 300, Some((25, 320)), (210, 30)),
        ("and another version says the same", 300, Some((25, 300)), (180, 0)),
        ("and it began anew by a clock that is right by now", 300, Some((25, 20)), (200, 20)),
    ] {
        assert_eq!(fires(since, anew), want, "{what}");
    }
}

#[test]
fn what_was_said_ahead_is_no_new_begin_when_its_time_has_come() {
    let terms = Terms { duration: SignedDuration::from_secs(900), ..TERMS };
    let Decision::Open(opened) = decide(None, &terms, &sighting(1, 0, 300, false), t(0), check) else {
        panic!()
    };
    let looked = decide(Some(&*opened), &terms, &sighting(1, 400, 300, true), t(400), check);
    let Decision::Keep(kept) = looked else { panic!("{looked:?}") };
    assert_eq!((kept.since, kept.due), (t(0), t(900)));
}
