//! What every store does. Each test is given an empty store.

use prodrome_store::{Due, Expect, Key, Page, Record, Store, StoreError, Write};
use std::time::Duration;
use tokio::task::JoinSet;

/// A store that tasks can share.
pub(crate) trait Shared: Store + Clone + 'static {}
impl<S: Store + Clone + 'static> Shared for S {}

/// Makes a test of each function of the contract. `$run` is called with its name and the function.
macro_rules! contract {
    ($run:ident) => {
        contract!(
            $run,
            a_record_reads_back_as_written,
            instants_are_kept_coarsely_and_never_early,
            keys_may_hold_any_characters,
            many_records_are_read_in_the_order_of_their_keys,
            versions_rise_by_one,
            every_expectation_holds_or_conflicts,
            a_version_from_before_a_removal_conflicts,
            a_commit_is_all_or_nothing,
            a_requirement_writes_nothing,
            of_two_writers_one_wins,
            no_increment_is_lost_under_contention,
            transactions_of_many_writers_never_mix,
            a_query_reads_one_partition_by_prefix_in_byte_order,
            a_large_partition_comes_in_pages,
            a_page_goes_on_after_a_record_that_was_removed,
            the_due_index_is_read_in_order_up_to_an_instant,
            the_due_index_follows_what_is_written,
            the_due_index_comes_in_pages,
            what_is_too_large_is_named,
            the_largest_record_is_accepted,
            what_no_store_takes_is_refused,
            a_commit_takes_a_hundred_writes,
        );
    };
    ($run:ident, $($name:ident,)*) => {
        $(
            #[tokio::test]
            async fn $name() {
                $run(stringify!($name), async |store| $crate::contract::$name(&store).await).await;
            }
        )*
    };
}
pub(crate) use contract;

fn key(sort: &str) -> Key {
    Key::new("default/local/prod", sort)
}

fn record(sort: &str, data: &str) -> Record {
    Record::new(key(sort), data)
}

async fn put(store: &impl Store, record: &Record, expect: Expect) -> Result<(), StoreError> {
    store.commit(vec![Write::Put(record.clone(), expect)]).await
}

async fn version_of(store: &impl Store, sort: &str) -> Option<u64> {
    store.get(&key(sort)).await.unwrap().map(|record| record.version)
}

/// The outcome in short: what tests compare.
fn outcome<T>(result: &Result<T, StoreError>) -> &'static str {
    match result {
        Ok(_) => "done",
        Err(StoreError::Conflict { .. }) => "conflict",
        Err(StoreError::TooLarge { .. }) => "too large",
        Err(StoreError::Refused { .. }) => "refused",
        Err(StoreError::Unavailable { .. }) => "unavailable",
    }
}

pub(crate) async fn a_record_reads_back_as_written(store: &impl Shared) {
    let mut given = record("a", r#"{"name":"ä 😀 \u0000","empty":""}"#);
    given.due = Some(Due::new("bucket-0", "2026-02-03T04:05:06.789Z".parse().unwrap()));
    given.expires = Some("2126-02-03T04:05:06Z".parse().unwrap());
    assert_eq!(store.get(&given.key).await.unwrap(), None);
    put(store, &given, Expect::Absent).await.unwrap();
    let want = Record { version: given.first_version(), ..given };
    assert_eq!(store.get(&want.key).await.unwrap(), Some(want));

    let empty = record("b", "");
    put(store, &empty, Expect::Anything).await.unwrap();
    let want = Record { version: empty.first_version(), ..empty };
    assert_eq!(store.get(&want.key).await.unwrap(), Some(want));
}

pub(crate) async fn instants_are_kept_coarsely_and_never_early(store: &impl Shared) {
    let mut given = record("a", "{}");
    given.due = Some(Due { bucket: "b".into(), at: "2126-01-01T00:00:00.000000001Z".parse().unwrap() });
    given.expires = Some("2126-01-01T00:00:00.000000001Z".parse().unwrap());
    for expect in [Expect::Absent, Expect::Anything] {
        put(store, &given, expect).await.unwrap();
        let got = store.get(&given.key).await.unwrap().unwrap();
        assert_eq!(got.due.unwrap().at.to_string(), "2126-01-01T00:00:00.001Z", "{expect:?}");
        assert_eq!(got.expires.unwrap().to_string(), "2126-01-01T00:00:01Z", "{expect:?}");
    }
    // What is never due is read back all the same.
    given.due = Some(Due { bucket: "b".into(), at: jiff::Timestamp::MAX });
    put(store, &given, Expect::Anything).await.unwrap();
    let got = store.get(&given.key).await.unwrap().unwrap();
    assert_eq!(got.due.unwrap().at.as_second(), jiff::Timestamp::MAX.as_second());
}

pub(crate) async fn keys_may_hold_any_characters(store: &impl Shared) {
    let names =
        ["a b", "ä", "日本語/😀", "%_*?#[]{}()", "\"'\\", "line\nbreak", "\u{0}", "\u{ffff}", "#pk", ":p"];
    let mut want = Vec::new();
    for partition in names {
        for sort in names {
            let record = Record::new(Key::new(partition, sort), format!("{partition}/{sort}"));
            put(store, &record, Expect::Absent).await.unwrap();
            want.push(Record { version: record.first_version(), ..record });
        }
    }
    let keys: Vec<_> = want.iter().map(|record| record.key.clone()).collect();
    assert_eq!(store.get_many(&keys).await.unwrap(), want);
    for partition in names {
        for prefix in names {
            let page = store.query(partition, prefix, None).await.unwrap();
            let got: Vec<_> = page.records.iter().map(|record| record.data.clone()).collect();
            assert_eq!(got, [format!("{partition}/{prefix}")], "{partition:?} {prefix:?}");
        }
    }
}

pub(crate) async fn many_records_are_read_in_the_order_of_their_keys(store: &impl Shared) {
    let names: Vec<String> = (0..250).map(|i| format!("{:03}", i * 7 % 250)).collect();
    for some in names.chunks(100) {
        let writes = some.iter().filter(|name| !name.ends_with('3'));
        let writes = writes.map(|name| Write::Put(record(name, name), Expect::Absent));
        store.commit(writes.collect()).await.unwrap();
    }
    // Each is asked for twice, some are not there.
    let keys: Vec<Key> = names.iter().chain(&names).map(|name| key(name)).collect();
    let got: Vec<_> = store.get_many(&keys).await.unwrap().into_iter().map(|record| record.data).collect();
    let want: Vec<_> = names.into_iter().filter(|name| !name.ends_with('3')).collect();
    assert_eq!(got, want);
    assert!(store.get_many(&[]).await.unwrap().is_empty());
}

pub(crate) async fn versions_rise_by_one(store: &impl Shared) {
    let first = record("a", "1");
    put(store, &first, Expect::Absent).await.unwrap();
    let mut want = first.version_after(Expect::Absent).unwrap();
    assert!(want > 0 && want == first.first_version());
    for (data, expect) in [("2", Expect::Anything), ("3", Expect::Version(want + 1)), ("4", Expect::Anything)]
    {
        let other = record("b", data);
        // Alone and in a transaction.
        if data == "4" {
            let writes = vec![Write::Put(record("a", data), expect), Write::Put(other, Expect::Anything)];
            store.commit(writes).await.unwrap();
        } else {
            put(store, &record("a", data), expect).await.unwrap();
        }
        want += 1;
        let got = store.get(&key("a")).await.unwrap().unwrap();
        assert_eq!((got.version, got.data.as_str()), (want, data), "{expect:?}");
    }
    // What a caller puts into the field means nothing.
    let lying = Record { version: 99, ..record("c", "{}") };
    put(store, &lying, Expect::Absent).await.unwrap();
    assert_eq!(version_of(store, "c").await, Some(lying.first_version()));
}

pub(crate) async fn every_expectation_holds_or_conflicts(store: &impl Shared) {
    let found = record("found", "{}");
    let version = found.first_version();
    let right = Expect::Version(version);
    let wrong = Expect::Version(version + 1);
    for (sort, expect, want) in [
        ("found", Expect::Anything, "done"),
        ("found", Expect::Absent, "conflict"),
        ("found", right, "done"),
        ("found", wrong, "conflict"),
        ("none", Expect::Anything, "done"),
        ("none", Expect::Absent, "done"),
        ("none", right, "conflict"),
        ("none", Expect::Version(0), "conflict"),
    ] {
        for write in [
            Write::Put(record(sort, "{}"), expect),
            Write::Delete(key(sort), expect),
            Write::Require(key(sort), expect),
        ] {
            for writes in
                [vec![write.clone()], vec![Write::Put(record("other", ""), Expect::Anything), write]]
            {
                let reset = [key("found"), key("none"), key("other")];
                let reset = reset.into_iter().map(|key| Write::Delete(key, Expect::Anything)).collect();
                store.commit(reset).await.unwrap();
                put(store, &found, Expect::Absent).await.unwrap();
                let shown = format!("{writes:?}");
                let got = store.commit(writes.clone()).await;
                assert_eq!(outcome(&got), want, "{shown}: {got:?}");
                if let Err(StoreError::Conflict { key: named }) = got {
                    assert_eq!(named, key(sort), "{shown}");
                }
                let wrote = store.get(&key(sort)).await.unwrap().map(|record| record.version);
                let before = (sort == "found").then_some(version);
                let after = match writes.last() {
                    _ if want == "conflict" => before,
                    Some(Write::Put(..)) => {
                        Some(before.map_or(record(sort, "{}").first_version(), |v| v + 1))
                    }
                    Some(Write::Delete(..)) => None,
                    _ => before,
                };
                assert_eq!(wrote, after, "{shown}");
            }
        }
    }
}

pub(crate) async fn a_version_from_before_a_removal_conflicts(store: &impl Shared) {
    for expect in [Expect::Absent, Expect::Anything] {
        put(store, &record("a", "the first episode"), expect).await.unwrap();
        let old = store.get(&key("a")).await.unwrap().unwrap();
        store.commit(vec![Write::Delete(old.key.clone(), Expect::Version(old.version))]).await.unwrap();
        put(store, &record("a", "the second episode"), expect).await.unwrap();
        let late = put(store, &record("a", "the first fires"), Expect::Version(old.version)).await;
        assert_eq!(outcome(&late), "conflict", "{expect:?}");
        store.commit(vec![Write::Delete(key("a"), Expect::Anything)]).await.unwrap();
    }
}

pub(crate) async fn a_commit_is_all_or_nothing(store: &impl Shared) {
    put(store, &record("there", "old"), Expect::Absent).await.unwrap();
    let got = store
        .commit(vec![
            Write::Put(record("new", "{}"), Expect::Absent),
            Write::Put(record("there", "new"), Expect::Anything),
            Write::Delete(key("gone"), Expect::Anything),
            Write::Require(key("missing"), Expect::Version(1)),
        ])
        .await;
    assert!(matches!(&got, Err(StoreError::Conflict { key: named }) if *named == key("missing")), "{got:?}");
    assert_eq!(store.get(&key("new")).await.unwrap(), None);
    assert_eq!(store.get(&key("there")).await.unwrap().unwrap().data, "old");

    let version = version_of(store, "there").await.unwrap();
    let writes = vec![
        Write::Put(record("new", "{}"), Expect::Absent),
        Write::Delete(key("there"), Expect::Version(version)),
        Write::Require(key("missing"), Expect::Absent),
    ];
    store.commit(writes).await.unwrap();
    assert!(store.get(&key("new")).await.unwrap().is_some());
    assert_eq!(store.get(&key("there")).await.unwrap(), None);
}

pub(crate) async fn a_requirement_writes_nothing(store: &impl Shared) {
    put(store, &record("a", "{}"), Expect::Absent).await.unwrap();
    let before = store.get(&key("a")).await.unwrap();
    for expect in [Expect::Anything, Expect::Version(before.as_ref().unwrap().version)] {
        store.commit(vec![Write::Require(key("a"), expect)]).await.unwrap();
        let writes = vec![Write::Require(key("a"), expect), Write::Put(record("b", "{}"), Expect::Anything)];
        store.commit(writes).await.unwrap();
    }
    store.commit(vec![Write::Require(key("c"), Expect::Absent)]).await.unwrap();
    store.commit(Vec::new()).await.unwrap();
    assert_eq!(store.get(&key("a")).await.unwrap(), before);
    assert_eq!(store.get(&key("c")).await.unwrap(), None);
}

pub(crate) async fn of_two_writers_one_wins(store: &impl Shared) {
    put(store, &record("a", "0"), Expect::Absent).await.unwrap();
    for round in 0..10 {
        let version = version_of(store, "a").await.unwrap();
        let mut writers = JoinSet::new();
        for writer in 0..4 {
            let store = store.clone();
            writers.spawn(async move {
                let mine = record("a", &format!("{round}/{writer}"));
                let mut writes = vec![Write::Put(mine.clone(), Expect::Version(version))];
                if writer % 2 == 1 {
                    writes.push(Write::Put(record(&format!("marker/{round}"), &mine.data), Expect::Absent));
                }
                (mine.data, store.commit(writes).await)
            });
        }
        let ended = writers.join_all().await;
        let winners: Vec<_> = ended.iter().filter(|(_, result)| result.is_ok()).collect();
        assert_eq!(winners.len(), 1, "{ended:?}");
        assert!(ended.iter().all(|(_, result)| matches!(outcome(result), "done" | "conflict")), "{ended:?}");
        let now = store.get(&key("a")).await.unwrap().unwrap();
        assert_eq!((now.data, now.version), (winners[0].0.clone(), version + 1));
    }
}

pub(crate) async fn no_increment_is_lost_under_contention(store: &impl Shared) {
    put(store, &record("a", "0"), Expect::Absent).await.unwrap();
    let mut writers = JoinSet::new();
    for _ in 0..5 {
        let store = store.clone();
        writers.spawn(async move {
            for _ in 0..10 {
                loop {
                    let now = store.get(&key("a")).await.unwrap().unwrap();
                    let next = record("a", &(now.data.parse::<u32>().unwrap() + 1).to_string());
                    match put(&store, &next, Expect::Version(now.version)).await {
                        Ok(()) => break,
                        Err(error) => assert!(error.is_retryable(), "{error}"),
                    }
                }
            }
        });
    }
    writers.join_all().await;
    assert_eq!(store.get(&key("a")).await.unwrap().unwrap().data, "50");
}

pub(crate) async fn transactions_of_many_writers_never_mix(store: &impl Shared) {
    let mut writers = JoinSet::new();
    for writer in 0..8 {
        let store = store.clone();
        writers.spawn(async move {
            for round in 0..5 {
                let data = format!("{writer}/{round}");
                // In opposite orders, so that a store that locks one after another would deadlock or mix.
                let mut writes: Vec<_> =
                    ["a", "b", "c"].map(|sort| Write::Put(record(sort, &data), Expect::Anything)).into();
                if writer % 2 == 0 {
                    writes.reverse();
                }
                match store.commit(writes).await {
                    Ok(()) => {}
                    Err(error) => assert!(error.is_retryable(), "{error}"),
                }
            }
        });
    }
    writers.join_all().await;
    let records = store.query(&key("").partition, "", None).await.unwrap().records;
    assert_eq!(records.len(), 3);
    assert!(records.iter().all(|record| record.data == records[0].data), "{records:?}");
}

pub(crate) async fn a_query_reads_one_partition_by_prefix_in_byte_order(store: &impl Shared) {
    let sorts = ["b", "B", "a/2", "a/10", "a", "a0", "ä", "\u{ffff}", "😀", "ab"];
    for partition in ["p", "p/", "q"] {
        let writes =
            sorts.map(|sort| Write::Put(Record::new(Key::new(partition, sort), sort), Expect::Absent));
        store.commit(writes.into()).await.unwrap();
    }
    for (prefix, want) in [
        ("", vec!["B", "a", "a/10", "a/2", "a0", "ab", "b", "ä", "\u{ffff}", "😀"]),
        ("a", vec!["a", "a/10", "a/2", "a0", "ab"]),
        ("a/", vec!["a/10", "a/2"]),
        ("ä", vec!["ä"]),
        ("c", vec![]),
    ] {
        let page = store.query("p", prefix, None).await.unwrap();
        let got: Vec<_> = page.records.iter().map(|record| record.data.as_str()).collect();
        assert_eq!((got, page.next), (want, None), "{prefix:?}");
        assert!(page.records.iter().all(|record| record.key.partition == "p"));
    }
    let page = store.query("p", "a", Some("a/10")).await.unwrap();
    let got: Vec<_> = page.records.iter().map(|record| record.data.as_str()).collect();
    assert_eq!(got, ["a/2", "a0", "ab"]);
    assert_eq!(outcome(&store.query("p", "a", Some("b")).await), "refused");
}

/// Fills the partition with 30 records of 100 KB.
async fn fill(store: &impl Store) -> Vec<String> {
    let sorts: Vec<_> = (0..30).map(|i| format!("row/{i:02}")).collect();
    for sort in &sorts {
        put(store, &record(sort, &"x".repeat(100_000)), Expect::Absent).await.unwrap();
    }
    sorts
}

pub(crate) async fn a_large_partition_comes_in_pages(store: &impl Shared) {
    let want = fill(store).await;
    let (mut got, mut pages, mut after) = (Vec::new(), 0, None);
    loop {
        let page = store.query(&key("").partition, "row/", after.as_deref()).await.unwrap();
        let bytes: usize = page.records.iter().map(|record| record.data.len()).sum();
        assert!(bytes <= 1_300_000, "a page of {bytes} bytes");
        got.extend(page.records.into_iter().map(|record| record.key.sort));
        pages += 1;
        match page.next {
            Some(next) => after = Some(next),
            None => break,
        }
    }
    assert_eq!(got, want);
    assert!((3..=5).contains(&pages), "{pages} pages");
}

pub(crate) async fn a_page_goes_on_after_a_record_that_was_removed(store: &impl Shared) {
    let want = fill(store).await;
    let first = store.query(&key("").partition, "row/", None).await.unwrap();
    let next = first.next.unwrap();
    store.commit(vec![Write::Delete(key(&next), Expect::Anything)]).await.unwrap();
    let second = store.query(&key("").partition, "row/", Some(&next)).await.unwrap();
    assert_eq!(second.records[0].key.sort, want[first.records.len()]);
}

fn due_record(sort: &str, bucket: &str, at: &str) -> Record {
    Record { due: Some(Due::new(bucket, at.parse().unwrap())), ..record(sort, sort) }
}

/// The index is eventually consistent: asks until it shows what is wanted.
async fn due_shows(store: &impl Store, bucket: &str, until: &str, want: &[&str]) {
    let mut got = Vec::new();
    for _ in 0..200 {
        let page = store.due(bucket, until.parse().unwrap(), 100, None).await.unwrap();
        got = page.records.into_iter().map(|record| record.key.sort).collect();
        if got == want {
            return;
        }
        tokio::time::sleep(Duration::from_millis(50)).await;
    }
    panic!("{bucket} until {until}: wanted {want:?}, got {got:?}");
}

pub(crate) async fn the_due_index_is_read_in_order_up_to_an_instant(store: &impl Shared) {
    for (sort, bucket, at) in [
        ("c", "one", "2026-01-01T00:00:10Z"),
        ("a", "one", "2026-01-01T00:00:20Z"),
        ("b", "one", "2026-01-01T00:00:05.5Z"),
        ("old", "one", "1969-12-31T23:59:59Z"),
        ("other", "two", "2026-01-01T00:00:01Z"),
    ] {
        put(store, &due_record(sort, bucket, at), Expect::Absent).await.unwrap();
    }
    put(store, &record("never", "{}"), Expect::Absent).await.unwrap();
    due_shows(store, "one", "2026-01-01T00:00:20Z", &["old", "b", "c", "a"]).await;
    due_shows(store, "one", "2026-01-01T00:00:19.9999Z", &["old", "b", "c"]).await;
    due_shows(store, "one", "2026-01-01T00:00:05.5Z", &["old", "b"]).await;
    due_shows(store, "one", "2026-01-01T00:00:05.499999999Z", &["old"]).await;
    due_shows(store, "two", "2026-01-01T01:00:00Z", &["other"]).await;
    due_shows(store, "three", "2026-01-01T01:00:00Z", &[]).await;
    // The whole record is in the index.
    let page = store.due("two", "2026-01-01T01:00:00Z".parse().unwrap(), 1, None).await.unwrap();
    let want = due_record("other", "two", "2026-01-01T00:00:01Z");
    assert_eq!(page.records, [Record { version: want.first_version(), ..want }]);
}

pub(crate) async fn the_due_index_follows_what_is_written(store: &impl Shared) {
    let until = "2026-01-02T00:00:00Z";
    put(store, &due_record("a", "one", "2026-01-01T00:00:00Z"), Expect::Absent).await.unwrap();
    put(store, &due_record("b", "one", "2026-01-01T00:00:01Z"), Expect::Absent).await.unwrap();
    due_shows(store, "one", until, &["a", "b"]).await;
    put(store, &due_record("a", "one", "2026-01-01T00:00:02Z"), Expect::Anything).await.unwrap();
    due_shows(store, "one", until, &["b", "a"]).await;
    let version = version_of(store, "b").await.unwrap();
    put(store, &due_record("b", "two", "2026-01-01T00:00:01Z"), Expect::Version(version)).await.unwrap();
    due_shows(store, "one", until, &["a"]).await;
    due_shows(store, "two", until, &["b"]).await;
    put(store, &record("a", "no longer due"), Expect::Anything).await.unwrap();
    store.commit(vec![Write::Delete(key("b"), Expect::Anything)]).await.unwrap();
    due_shows(store, "one", until, &[]).await;
    due_shows(store, "two", until, &[]).await;
    assert_eq!(store.get(&key("a")).await.unwrap().unwrap().due, None);
}

pub(crate) async fn the_due_index_comes_in_pages(store: &impl Shared) {
    // Many at the same instant: their order is open, but each must come once.
    let mut want: Vec<_> = (0..25).map(|i| format!("{i:02}")).collect();
    for sort in &want {
        put(store, &due_record(sort, "one", "2026-01-01T00:00:00Z"), Expect::Absent).await.unwrap();
    }
    let until = "2026-01-01T00:00:00Z".parse().unwrap();
    let (mut got, mut after) = (Vec::new(), None);
    loop {
        let Page { records, next } = store.due("one", until, 10, after.as_deref()).await.unwrap();
        assert!(records.len() <= 10);
        got.extend(records.into_iter().map(|record| record.key.sort));
        match next {
            Some(next) => after = Some(next),
            None => break,
        }
    }
    got.sort();
    want.sort();
    assert_eq!(got, want);
    assert_eq!(outcome(&store.due("one", until, 10, Some("nonsense")).await), "refused");
}

pub(crate) async fn what_is_too_large_is_named(store: &impl Shared) {
    let huge = record("huge", &"x".repeat(400 * 1024));
    for writes in [
        vec![Write::Put(huge.clone(), Expect::Absent)],
        vec![Write::Put(huge.clone(), Expect::Anything)],
        vec![Write::Put(record("small", "{}"), Expect::Absent), Write::Put(huge.clone(), Expect::Absent)],
    ] {
        match store.commit(writes).await {
            Err(StoreError::TooLarge { key, bytes, max }) => {
                assert_eq!((key, max), (huge.key.clone(), 409_600));
                assert!(bytes > max);
            }
            other => panic!("{other:?}"),
        }
    }
    assert_eq!(store.get(&key("small")).await.unwrap(), None);
}

pub(crate) async fn the_largest_record_is_accepted(store: &impl Shared) {
    let mut largest = due_record("largest", "bucket", "2026-01-01T00:00:00Z");
    largest.expires = Some("2126-01-01T00:00:00Z".parse().unwrap());
    let mut too_large = 0;
    for bytes in (409_000..409_600).rev() {
        largest.data = "x".repeat(bytes);
        match put(store, &largest, Expect::Absent).await {
            Ok(()) => break,
            Err(error) => assert_eq!(outcome(&Err::<(), _>(error)), "too large"),
        }
        too_large += 1;
    }
    assert!((50..300).contains(&too_large), "{too_large}");
    assert_eq!(store.get(&largest.key).await.unwrap().unwrap().data.len(), largest.data.len());
}

pub(crate) async fn what_no_store_takes_is_refused(store: &impl Shared) {
    let twice =
        vec![Write::Put(record("a", "{}"), Expect::Absent), Write::Delete(key("a"), Expect::Anything)];
    let many = (0..101).map(|i| Write::Put(record(&i.to_string(), "{}"), Expect::Absent)).collect();
    let large = (0..11).map(|i| Write::Put(record(&i.to_string(), &"x".repeat(400_000)), Expect::Absent));
    let put = |key: Key| vec![Write::Put(Record::new(key, "{}"), Expect::Anything)];
    for (name, writes) in [
        ("one key twice", twice),
        ("101 writes", many),
        ("4.4 MB", large.collect()),
        ("an empty partition key", put(Key::new("", "a"))),
        ("an empty sort key", put(Key::new("a", ""))),
        ("a long partition key", put(Key::new("x".repeat(2049), "a"))),
        ("a long sort key", put(Key::new("a", "x".repeat(1025)))),
        ("an empty bucket", vec![Write::Put(due_record("a", "", "2026-01-01T00:00:00Z"), Expect::Anything)]),
    ] {
        assert_eq!(outcome(&store.commit(writes).await), "refused", "{name}");
    }
    let empty = Key::new("", "a");
    assert_eq!(outcome(&store.get(&empty).await), "refused");
    assert_eq!(outcome(&store.get_many(&[key("a"), empty]).await), "refused");
    assert_eq!(outcome(&store.query("", "", None).await), "refused");
    assert_eq!(outcome(&store.due("", jiff::Timestamp::UNIX_EPOCH, 1, None).await), "refused");
    assert_eq!(outcome(&store.due("one", jiff::Timestamp::UNIX_EPOCH, 0, None).await), "refused");
    let longest = Key::new("ä".repeat(1024), "x".repeat(1024));
    store.commit(put(longest.clone())).await.unwrap();
    assert!(store.get(&longest).await.unwrap().is_some());
}

pub(crate) async fn a_commit_takes_a_hundred_writes(store: &impl Shared) {
    let writes =
        |expect| (0..100).map(move |i| Write::Put(record(&format!("{i:02}"), "{}"), expect)).collect();
    store.commit(writes(Expect::Absent)).await.unwrap();
    assert_eq!(outcome(&store.commit(writes(Expect::Absent)).await), "conflict");
    store.commit(writes(Expect::Anything)).await.unwrap();
    assert_eq!(store.query(&key("").partition, "", None).await.unwrap().records.len(), 100);
}
