//! What the ledger promises over any store.

use jiff::Timestamp;
use prodrome_ledger::{Dead, Forgotten, Ledger, Silence, Silent, Span};
use prodrome_model::{EndReason, Scope, Waybill};
use prodrome_store::Store;

/// A test for each promise, run by a function that hands it an empty store.
macro_rules! contract {
    ($run:ident) => {
        $crate::contract::contract!($run: packs_count_once_in_any_order);
        $crate::contract::contract!($run: what_dies_is_named_and_what_is_lost_is_seen);
        $crate::contract::contract!($run: what_a_watcher_has_dropped_is_told_and_does_not_add_up);
        $crate::contract::contract!($run: what_is_tried_again_is_on_its_way_until_it_is_handled_given_up_or_expired);
        $crate::contract::contract!($run: a_later_run_has_an_account_of_its_own);
        $crate::contract::contract!($run: settlements_at_once_count_once);
        $crate::contract::contract!($run: a_run_that_was_killed_comes_to_rest);
        $crate::contract::contract!($run: a_watcher_that_does_not_count_is_named);
        $crate::contract::contract!($run: it_knows_when_each_watcher_was_heard);
        $crate::contract::contract!($run: of_two_that_keep_a_silence_one_does);
        $crate::contract::contract!($run: a_cluster_that_is_no_more_is_forgotten_and_one_that_is_heard_is_not);
    };
    ($run:ident: $name:ident) => {
        #[tokio::test]
        async fn $name() {
            $run(stringify!($name), $crate::contract::$name).await;
        }
    };
}
pub(crate) use contract;

pub(crate) fn at(minute: i64) -> Timestamp {
    Timestamp::from_second(1_800_000_000 + minute * 60).unwrap()
}

pub(crate) fn scope() -> Scope {
    Scope::new("default", "eu", "prod")
}

pub(crate) fn span(first: u64, last: u64) -> Span {
    Span { first, last }
}

fn accepted(epoch: u64, accepted: u64) -> Waybill {
    Waybill { epoch, accepted, ..Waybill::default() }
}

async fn line(ledger: &Ledger<impl Store>) -> Vec<String> {
    let clusters = ledger.summary().await.unwrap().clusters.into_iter();
    clusters.flat_map(|cluster| cluster.runs).map(|run| run.counts.to_string()).collect()
}

pub(crate) async fn packs_count_once_in_any_order(store: impl Store) {
    let ledger = Ledger::new(store);
    for packs in [[(901, 1_204), (1, 300), (301, 600)], [(301, 600), (301, 600), (1, 300)]] {
        for (first, last) in packs {
            ledger.done(&scope(), 7, span(first, last), &[], at(0)).await.unwrap();
        }
        ledger.state(&scope(), accepted(7, 1_204), at(0)).await.unwrap();
        ledger.state(&scope(), accepted(7, 300), at(0)).await.unwrap();
        assert_eq!(line(&ledger).await, ["in 1,204, out 904, waiting 300, dead 0"]);
        assert_eq!(ledger.settle(at(0)).await.unwrap().lost, 0);
        assert_eq!(line(&ledger).await, ["in 1,204, out 904, waiting 300, dead 0"]);
    }
    ledger.done(&scope(), 7, span(601, 900), &[], at(0)).await.unwrap();
    ledger.settle(at(0)).await.unwrap();
    ledger.settle(at(1)).await.unwrap();
    assert_eq!(line(&ledger).await, ["in 1,204, out 1,204, waiting 0, dead 0"]);
}

pub(crate) async fn what_dies_is_named_and_what_is_lost_is_seen(store: impl Store) {
    let ledger = Ledger::new(store);
    ledger.state(&scope(), accepted(7, 40), at(0)).await.unwrap();
    let dead = Dead { span: span(3, 3), code: "change_malformed".to_owned() };
    ledger.done(&scope(), 7, span(1, 10), &[dead], at(0)).await.unwrap();
    ledger.given_up(&scope(), 7, span(11, 20), "last_try", at(0)).await.unwrap();
    ledger.done(&scope(), 7, span(31, 40), &[], at(0)).await.unwrap();
    ledger.settle(at(0)).await.unwrap();
    ledger.given_up(&scope(), 7, span(11, 20), "store_refused", at(0)).await.unwrap();
    let dead = "dead 11 (change_malformed 1, store_refused 10)";
    assert_eq!(line(&ledger).await, [format!("in 40, out 19, waiting 10, {dead}")]);
    ledger.state(&scope(), accepted(7, 40), at(31)).await.unwrap();
    for (minute, lost) in [(31, 10), (32, 10), (45, 10), (46, 0)] {
        assert_eq!(ledger.settle(at(minute)).await.unwrap().lost, lost, "said for a while, at {minute}");
    }
    assert_eq!(line(&ledger).await, [format!("in 40, out 19, waiting 0, {dead}, LOST 10")]);
    assert!(!ledger.summary().await.unwrap().adds_up());
    // Somebody sends the dead letters again, and what was lost turns up.
    for (first, last) in [(3, 3), (11, 20), (21, 30)] {
        ledger.done(&scope(), 7, span(first, last), &[], at(47)).await.unwrap();
    }
    assert_eq!(line(&ledger).await, ["in 40, out 40, waiting 0, dead 0"]);
    ledger.settle(at(47)).await.unwrap();
    assert_eq!(line(&ledger).await, ["in 40, out 40, waiting 0, dead 0"]);
}

pub(crate) async fn what_a_watcher_has_dropped_is_told_and_does_not_add_up(store: impl Store) {
    let ledger = Ledger::new(store);
    let said = async |epoch, dropped, minute| {
        let waybill = Waybill { first: 6, read: 5 + dropped, dropped, ..accepted(epoch, 5) };
        ledger.state(&scope(), waybill, at(minute)).await.unwrap();
    };
    ledger.done(&scope(), 7, span(1, 5), &[], at(0)).await.unwrap();
    said(7, 0, 0).await;
    assert_eq!(ledger.settle(at(0)).await.unwrap().dropped, 0);
    assert!(ledger.summary().await.unwrap().adds_up());
    said(7, 2, 1).await;
    for (minute, dropped) in [(1, 2), (15, 2), (16, 0)] {
        let settled = ledger.settle(at(minute)).await.unwrap();
        assert_eq!((settled.dropped, settled.lost), (dropped, 0), "said for a while, at {minute}");
    }
    // Another one, said by the last pack of a run that another has followed.
    said(8, 0, 50).await;
    ledger.done(&scope(), 8, span(1, 5), &[], at(50)).await.unwrap();
    ledger.settle(at(81)).await.unwrap();
    said(7, 3, 90).await;
    assert_eq!(ledger.settle(at(90)).await.unwrap().dropped, 3);
    let summary = ledger.summary().await.unwrap();
    assert_eq!((summary.clusters[0].dropped, summary.clusters[0].counts.lost), (3, 0));
    assert!(!summary.adds_up());
    assert_eq!(line(&ledger).await, ["in 5, out 5, waiting 0, dead 0"; 2]);
}

pub(crate) async fn what_is_tried_again_is_on_its_way_until_it_is_handled_given_up_or_expired(
    store: impl Store,
) {
    let ledger = Ledger::new(store);
    ledger.state(&scope(), accepted(7, 40), at(0)).await.unwrap();
    ledger.done(&scope(), 7, span(1, 10), &[], at(0)).await.unwrap();
    for (first, last) in [(11, 20), (21, 30), (31, 40)] {
        ledger.tried(&scope(), 7, span(first, last), "tried_again", at(10)).await.unwrap();
    }
    let waits = "in 40, out 10, waiting 30 (30 tried in vain so far), dead 0";
    assert_eq!(line(&ledger).await, [waits], "before it is settled");
    for minute in [10, 41, 90] {
        ledger.state(&scope(), accepted(7, 40), at(minute)).await.unwrap();
        assert_eq!(ledger.settle(at(minute)).await.unwrap().lost, 0, "at {minute}");
        assert_eq!(line(&ledger).await, [waits], "at {minute}");
    }
    ledger.tried(&scope(), 7, span(31, 40), "tried_again", at(91)).await.unwrap();
    ledger.done(&scope(), 7, span(11, 20), &[], at(91)).await.unwrap();
    ledger.given_up(&scope(), 7, span(21, 30), "store_refused", at(91)).await.unwrap();
    let known = "in 40, out 20, waiting 10 (10 tried in vain so far), dead 10 (store_refused 10)";
    assert_eq!(line(&ledger).await, [known]);
    // Four days after the last try.
    for (minute, want) in
        [(5_850, known), (5_851, "in 40, out 20, waiting 0, dead 20 (expired 10, store_refused 10)")]
    {
        ledger.settle(at(minute)).await.unwrap();
        assert_eq!(line(&ledger).await, [want], "at {minute}");
    }
    assert!(ledger.summary().await.unwrap().adds_up());
}

pub(crate) async fn a_later_run_has_an_account_of_its_own(store: impl Store) {
    let ledger = Ledger::new(store);
    ledger.state(&scope(), accepted(7, 5), at(0)).await.unwrap();
    ledger.settle(at(0)).await.unwrap();
    ledger.done(&scope(), 8, span(1, 2), &[], at(1)).await.unwrap();
    ledger.state(&scope(), accepted(8, 2), at(31)).await.unwrap();
    ledger.state(&Scope::new("default", "eu", "test"), accepted(3, 9), at(90)).await.unwrap();
    let lost = ledger.settle(at(91)).await.unwrap().lost;
    assert_eq!(lost, 5, "the next run's news tell of what the one before left");
    let want = [
        "in 5, out 0, waiting 0, dead 0, LOST 5",
        "in 2, out 2, waiting 0, dead 0",
        "in 9, out 0, waiting 9, dead 0",
    ];
    assert_eq!(line(&ledger).await, want, "and none of another cluster's");
    let clusters = ledger.summary().await.unwrap().clusters;
    let totals: Vec<_> = clusters.iter().map(|cluster| cluster.counts.to_string()).collect();
    assert_eq!(totals, ["in 7, out 2, waiting 0, dead 0, LOST 5", "in 9, out 0, waiting 9, dead 0"]);
}

pub(crate) async fn settlements_at_once_count_once(store: impl Store) {
    let ledger = Ledger::new(store);
    ledger.state(&scope(), accepted(7, 30), at(0)).await.unwrap();
    ledger.done(&scope(), 7, span(1, 10), &[], at(0)).await.unwrap();
    ledger.settle(at(0)).await.unwrap();
    ledger.done(&scope(), 7, span(21, 30), &[], at(0)).await.unwrap();
    ledger.state(&scope(), accepted(7, 30), at(31)).await.unwrap();
    let (one, other) = tokio::join!(ledger.settle(at(31)), ledger.settle(at(31)));
    assert_eq!((one.unwrap().lost, other.unwrap().lost), (10, 10));
    assert_eq!(line(&ledger).await, ["in 30, out 20, waiting 0, dead 0, LOST 10"]);
}

pub(crate) async fn a_run_that_was_killed_comes_to_rest(store: impl Store) {
    let ledger = Ledger::new(store);
    ledger.state(&scope(), accepted(7, 10), at(0)).await.unwrap();
    // Whether the queue had 11 to 15 it did not live to know.
    for (first, last) in [(1, 10), (16, 20)] {
        ledger.done(&scope(), 7, span(first, last), &[], at(0)).await.unwrap();
    }
    ledger.settle(at(0)).await.unwrap();
    assert_eq!(line(&ledger).await, ["in 20, out 15, waiting 5, dead 0"]);
    ledger.state(&scope(), accepted(8, 0), at(30)).await.unwrap();
    assert_eq!(ledger.settle(at(31)).await.unwrap().runs, 2);
    let want = ["in 15, out 15, waiting 0, dead 0", "in 0, out 0, waiting 0, dead 0"];
    assert_eq!(line(&ledger).await, want);
    assert_eq!(ledger.settle(at(32)).await.unwrap().runs, 1, "a run that is closed costs nothing");
}

pub(crate) async fn a_watcher_that_does_not_count_is_named(store: impl Store) {
    let ledger = Ledger::new(store);
    ledger.state(&scope(), accepted(7, 0), at(0)).await.unwrap();
    let other = Scope::new("default", "eu", "test");
    for (scope, minute) in [(scope(), 5), (other, 6)] {
        ledger.uncounted(&scope, at(minute)).await.unwrap();
    }
    let uncounted = async || {
        let clusters = ledger.summary().await.unwrap().clusters.into_iter();
        clusters.map(|cluster| cluster.uncounted_at).collect::<Vec<_>>()
    };
    assert_eq!(uncounted().await, [Some(at(5)), Some(at(6))]);
    ledger.state(&scope(), accepted(8, 0), at(7)).await.unwrap();
    assert_eq!(uncounted().await, [None, Some(at(6))], "one that counts has followed");
}

pub(crate) async fn it_knows_when_each_watcher_was_heard(store: impl Store) {
    let ledger = Ledger::new(store);
    let other = Scope::new("default", "eu", "test");
    for (epoch, minute) in [(7, 3), (8, 5), (7, 4)] {
        ledger.state(&scope(), accepted(epoch, 0), at(minute)).await.unwrap();
    }
    ledger.uncounted(&scope(), at(2)).await.unwrap();
    ledger.uncounted(&other, at(6)).await.unwrap();
    let heard = ledger.settle(at(9)).await.unwrap().heard;
    assert_eq!(heard.into_iter().collect::<Vec<_>>(), [(scope(), at(5)), (other, at(6))]);
}

fn silence() -> Silence {
    let (since, fired_at) = (at(0), at(10));
    Silence { scope: scope(), how: Silent::Unheard, since, fired_at, ended: None, told: false }
}

pub(crate) async fn of_two_that_keep_a_silence_one_does(store: impl Store) {
    let ledger = Ledger::new(store);
    let (begun, told) = (silence(), Silence { told: true, ..silence() });
    let version = ledger.keep_silence(&begun, None, at(10)).await.unwrap();
    assert!(version.is_some());
    assert_eq!(ledger.keep_silence(&begun, None, at(10)).await.unwrap(), None, "it has begun");
    let next = ledger.keep_silence(&told, version, at(10)).await.unwrap();
    assert_eq!(ledger.keep_silence(&told, version, at(10)).await.unwrap(), None, "it was told");
    let kept = ledger.silences().await.unwrap();
    assert_eq!(kept.get(&scope()), Some(&(told, next.unwrap())));
    assert_eq!(ledger.summary().await.unwrap().clusters[0].silent_since, Some(at(0)));
}

pub(crate) async fn a_cluster_that_is_no_more_is_forgotten_and_one_that_is_heard_is_not(store: impl Store) {
    let ledger = Ledger::new(store);
    let near = Scope::new("default", "eu", "prod-2");
    for scope in [&scope(), &near] {
        ledger.state(scope, accepted(7, 0), at(0)).await.unwrap();
        ledger.uncounted(scope, at(1)).await.unwrap();
    }
    ledger.settle(at(1)).await.unwrap();
    ledger.keep_silence(&silence(), None, at(10)).await.unwrap();
    assert_eq!(ledger.forget(&scope(), at(10)).await.unwrap(), Forgotten::StillHeard { at: at(1) });
    assert_eq!(ledger.forget(&scope(), at(11)).await.unwrap(), Forgotten::Done { runs: 1, was_silent: true });
    assert_eq!(ledger.forget(&scope(), at(11)).await.unwrap(), Forgotten::Unknown);
    let heard = ledger.settle(at(11)).await.unwrap().heard;
    assert_eq!(heard.into_keys().collect::<Vec<_>>(), [near]);
    let (kept, _) = ledger.silences().await.unwrap().remove(&scope()).unwrap();
    assert_eq!((kept.ended.unwrap().reason, kept.told), (EndReason::Deleted, false));
}
