use super::*;

fn at(minute: i64) -> Timestamp {
    Timestamp::from_second(minute * 60).unwrap()
}

fn row(first: u64, last: u64) -> Row {
    Row { span: Span { first, last }, dead: Vec::new(), tried: None }
}

fn tried(first: u64, last: u64, minute: i64) -> Row {
    Row { tried: Some(at(minute)), ..row(first, last) }
}

fn dead(first: u64, last: u64, code: &str) -> Dead {
    Dead { span: Span { first, last }, code: code.to_owned() }
}

/// What is heard at once, in a minute.
fn heard(accepted: u64, minute: i64) -> Tidings {
    let (at, read_up_to) = (at(minute), u64::MAX);
    Tidings { accepted, at, news: at, read_up_to, is_succeeded: false, now: at }
}

#[test]
fn the_mark_stops_at_a_gap_until_it_is_filled() {
    let mut account = Account::default();
    account.advance(vec![row(8, 9), row(1, 3)], &heard(9, 0));
    assert_eq!((account.up_to, account.done), (3, 3));
    let beyond = account.with_beyond(vec![row(8, 9)]);
    assert_eq!((beyond.up_to, beyond.done), (9, 5));
    account.advance(vec![row(8, 9), row(4, 7)], &heard(9, 1));
    assert_eq!((account.up_to, account.done, account.lost), (9, 9, 0));
}

#[test]
fn what_was_accepted_half_an_hour_before_the_news_and_has_no_account_is_lost() {
    let mut account = Account::default();
    account.advance(vec![row(1, 3)], &heard(9, 0));
    account.advance(vec![row(6, 7)], &heard(20, 29));
    assert_eq!(account.lost, 0, "it may be on its way");
    account.advance(vec![row(6, 7)], &heard(20, 30));
    assert_eq!((account.lost, account.lost_at), (4, Some(at(30))));
    assert_eq!(account.lost_spans, [Span { first: 4, last: 5 }, Span { first: 8, last: 9 }]);
    assert_eq!(account.up_to, 9, "of what was accepted later nothing is known yet");
    account.advance(Vec::new(), &Tidings { news: at(31), ..heard(20, 90) });
    assert_eq!(account.lost, 4, "without news nothing is judged");
    account.revive(&row(4, 5));
    assert_eq!((account.lost, account.done), (2, 7), "it was found after all");
}

#[test]
fn a_backlog_that_is_worked_off_within_minutes_is_not_lost_for_the_hours_between_its_packs() {
    let mut account = Account::default();
    account.advance(vec![row(1, 3)], &Tidings { now: at(300), ..heard(9, 0) });
    account.advance(Vec::new(), &Tidings { now: at(301), ..heard(900, 240) });
    assert_eq!(account.lost, 0);
    account.advance(Vec::new(), &Tidings { now: at(330), ..heard(900, 330) });
    assert_eq!(account.lost, 6);
}

#[test]
fn of_rows_that_were_not_all_read_nothing_is_lost() {
    let mut account = Account::default();
    account.advance(Vec::new(), &heard(1_000, 0));
    account.advance(vec![row(1, 40), row(51, 60)], &Tidings { read_up_to: 60, ..heard(1_000, 40) });
    assert_eq!((account.up_to, account.done, account.lost), (60, 50, 10));
}

#[test]
fn a_run_that_was_killed_is_closed_once_another_has_followed() {
    let mut account = Account::default();
    let rows = vec![row(1, 3), row(8, 9)];
    account.advance(rows.clone(), &heard(5, 0));
    let later = Tidings { news: at(30), now: at(30), ..heard(5, 0) };
    account.advance(vec![row(8, 9)], &later);
    assert_eq!((account.lost, account.up_to, account.is_closed), (2, 5, false));
    account.advance(vec![row(8, 9)], &Tidings { is_succeeded: true, ..later });
    // Whether the queue had 6 and 7 it did not live to know; its successor has read them again.
    assert_eq!((account.lost, account.read_again, account.done, account.is_closed), (2, 2, 5, true));
    assert_eq!(account.lost_spans, [Span { first: 4, last: 5 }]);
    account.advance(Vec::new(), &Tidings { is_succeeded: true, ..heard(12, 31) });
    assert!(!account.is_closed, "one that was only suspended goes on");
}

#[test]
fn what_was_given_up_is_named_and_counts_as_handled_once_it_is() {
    let mut account = Account::default();
    let pack = Row { dead: vec![dead(2, 2, "object_malformed")], ..row(1, 3) };
    account.advance(vec![pack.clone()], &heard(3, 0));
    account.revive(&pack);
    assert_eq!((account.done, account.dead.get("object_malformed")), (2, Some(&1)));
    account.revive(&row(2, 2));
    account.revive(&row(2, 2));
    assert_eq!((account.done, account.dead.len()), (3, 0));
}

#[test]
fn a_pack_that_was_given_up_and_sent_again_leaves_what_is_wrong_in_it_behind() {
    let mut account = Account::default();
    let given_up = Row { dead: vec![dead(1, 9, "last_try")], ..row(1, 9) };
    account.advance(vec![given_up], &heard(9, 0));
    assert_eq!((account.done, account.dead_count()), (0, 9));
    account.revive(&Row { dead: vec![dead(1, 9, "store_refused")], ..row(1, 9) });
    assert_eq!(account.dead, BTreeMap::from([("store_refused".to_owned(), 9)]), "the reason became known");
    account.revive(&tried(1, 9, 5));
    assert_eq!((account.dead_count(), account.tried_count()), (0, 9), "somebody has sent it again");
    account.revive(&Row { dead: vec![dead(4, 4, "object_malformed")], ..row(1, 9) });
    assert_eq!((account.done, account.dead), (8, BTreeMap::from([("object_malformed".to_owned(), 1)])));
}

#[test]
fn a_change_that_fails_alone_before_its_pack_is_counted_counts_once() {
    let alone = || Row { dead: vec![dead(1, 1, "object_malformed")], ..row(1, 1) };
    let pack = || Row { dead: vec![dead(1, 1, "object_malformed")], ..row(1, 5) };
    for rows in [vec![alone(), pack()], vec![pack(), alone()]] {
        let mut account = Account::default();
        for row in rows {
            account.advance(vec![row], &heard(5, 0));
        }
        assert_eq!((account.done, account.dead_count(), account.up_to), (4, 1, 5));
    }
}

#[test]
fn what_is_tried_again_and_again_is_neither_dead_nor_lost_nor_does_it_hold_up_the_mark() {
    let mut account = Account::default();
    account.advance(vec![row(1, 3), tried(4, 6, 0), tried(7, 9, 2), row(10, 12)], &heard(20, 0));
    assert_eq!((account.up_to, account.done, account.tried_count(), account.dead_count()), (12, 6, 6, 0));
    let tried_spans = [Tried { span: Span { first: 4, last: 9 }, at: at(2) }];
    assert_eq!(account.tried_spans, tried_spans, "what fails together is one");
    account.advance(vec![row(13, 20)], &heard(20, 90));
    assert_eq!((account.lost, account.tried_count()), (0, 6));
    account.revive(&row(7, 9));
    assert_eq!((account.done, account.tried_count()), (17, 3));
    account.revive(&Row { dead: vec![dead(4, 6, "kills")], ..row(4, 6) });
    assert_eq!((account.done, account.dead_count(), account.tried_count()), (17, 3, 0));
}

#[test]
fn what_was_tried_until_its_queue_has_dropped_it_has_expired() {
    let mut account = Account::default();
    account.advance(vec![row(1, 3), tried(4, 6, 0), row(7, 8), tried(9, 9, 60)], &heard(9, 0));
    let days = |days: i64| at(days * 24 * 60);
    account.expire(days(4).checked_sub(SignedDuration::from_secs(1)).unwrap());
    assert_eq!(account.dead_count(), 0);
    account.expire(days(4));
    assert_eq!((account.dead.get(EXPIRED), account.tried_count(), account.lost), (Some(&3), 1, 0));
    account.revive(&tried(4, 6, 0));
    assert_eq!(account.dead_count(), 3, "its row says no more than that");
    account.revive(&row(4, 6));
    assert_eq!((account.done, account.dead_count()), (8, 0), "it was there after all");
}

/// Whatever the order, and however often: the same account.
#[test]
fn repeats_and_disorder_change_nothing() {
    for seed in 0..500 {
        let mut random = fastrand::Rng::with_seed(seed);
        let mut packs = Vec::new();
        let mut next = 1;
        while next < 200 {
            let last = next + random.u64(0..12);
            let one = random.u64(next..=last);
            packs.push(Row {
                dead: if random.u8(..4) == 0 { vec![dead(one, one, "object_malformed")] } else { Vec::new() },
                ..row(next, last)
            });
            next = last + 1;
        }
        let mut account = Account::default();
        let mut here: Vec<Row> = Vec::new();
        let mut coming: Vec<Row> = packs.iter().chain(&packs).cloned().collect();
        random.shuffle(&mut coming);
        let behind = |here: &[Row], mark| here.iter().filter(|row| row.span.first > mark).cloned().collect();
        for row in coming {
            // A row has one key; and whoever has handled a pack is not outdone by whoever tries it.
            let known =
                here.iter().position(|known| known.span == row.span).map(|known| here.swap_remove(known));
            let is_handled = known.is_some_and(|known| known.tried.is_none());
            let tried = (!is_handled && random.u8(..3) == 0).then(|| at(random.i64(0..30)));
            here.push(Row {
                tried,
                dead: if tried.is_some() { Vec::new() } else { row.dead },
                span: row.span,
            });
            for Tried { span, .. } in account.tried_spans.clone() {
                here.iter().filter(|row| span.holds(row.span)).for_each(|row| account.revive(row));
            }
            if random.bool() {
                let rows = behind(&here, account.up_to);
                account.advance(rows, &heard(next - 1, 0));
            }
        }
        for row in &mut here {
            *row = packs.iter().find(|pack| pack.span == row.span).unwrap().clone();
            account.revive(row);
        }
        account.advance(behind(&here, account.up_to), &heard(next - 1, 0));
        assert_eq!(account.tried_spans, [], "seed {seed}");
        let given_up: u64 = packs.iter().map(|row| row.dead.len() as u64).sum();
        assert_eq!(
            (account.up_to, account.done, account.dead_count(), account.lost),
            (next - 1, next - 1 - given_up, given_up, 0),
            "seed {seed}"
        );
    }
}
