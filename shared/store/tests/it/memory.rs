//! The contract over memory, and what memory does besides.

use crate::contract::contract;
use jiff::Timestamp;
use prodrome_store::{
    Due, Expect, Fault, Key, MemoryStore, OperationKind, Record, Store, StoreError, Unkindness, Write,
};
use std::collections::BTreeSet;

async fn run(_name: &str, test: impl AsyncFn(MemoryStore)) {
    test(MemoryStore::new()).await;
}

contract!(run);

fn at(second: i64) -> Timestamp {
    Timestamp::from_second(second).unwrap()
}

fn due_record(sort: &str, second: i64) -> Record {
    Record { due: Some(Due::new("b", at(second))), ..Record::new(Key::new("p", sort), sort) }
}

fn put(record: Record) -> Vec<Write> {
    vec![Write::Put(record, Expect::Anything)]
}

async fn due(store: &MemoryStore) -> Vec<String> {
    let page = store.due("b", at(100), 100, None).await.unwrap();
    page.records.into_iter().map(|record| record.key.sort).collect()
}

#[tokio::test]
async fn a_held_index_lacks_what_is_new_and_names_what_is_gone() {
    let store = MemoryStore::new();
    store.commit(put(due_record("moved", 1))).await.unwrap();
    store.commit(put(due_record("gone", 2))).await.unwrap();
    store.hold_index();
    store.commit(put(due_record("moved", 50))).await.unwrap();
    store.commit(put(due_record("moved", 3))).await.unwrap();
    store.commit(vec![Write::Delete(Key::new("p", "gone"), Expect::Anything)]).await.unwrap();
    store.commit(put(due_record("new", 4))).await.unwrap();
    assert_eq!(due(&store).await, ["moved", "gone"]);
    let shown = store.due("b", at(1), 1, None).await.unwrap().records.remove(0);
    assert_eq!(shown.due.unwrap().at, at(1), "as it was");
    assert_eq!(store.get(&Key::new("p", "gone")).await.unwrap(), None, "reads of a record are never stale");
    store.release_index();
    assert_eq!(due(&store).await, ["moved", "new"]);
}

#[tokio::test]
async fn a_lagging_index_shows_each_record_as_it_was_at_most_so_many_commits_ago() {
    let store =
        MemoryStore::with_unkindness(Unkindness { seed: 5, index_lag_commits_max: 3, ..Unkindness::NONE });
    let mut seen = BTreeSet::new();
    for commit in 0..200 {
        store.commit(put(due_record("a", commit % 90))).await.unwrap();
        let page = store.due("b", at(100), 10, None).await.unwrap();
        let shown = page.records.first().map(|record| record.due.clone().unwrap().at.as_second());
        let lag = shown.map(|shown| (commit % 90 - shown).rem_euclid(90));
        assert!(lag.is_none_or(|lag| lag <= 3) && (lag.is_some() || commit < 3), "{commit}: {shown:?}");
        seen.insert(lag);
    }
    assert!([Some(0), Some(1), Some(2), Some(3)].iter().all(|lag| seen.contains(lag)), "{seen:?}");
}

#[tokio::test]
async fn a_lagging_index_pages_over_old_and_new_alike() {
    let store = MemoryStore::new();
    for i in 0..10 {
        store.commit(put(due_record(&format!("old/{i}"), i))).await.unwrap();
    }
    store.hold_index();
    for i in 0..10 {
        store.commit(put(due_record(&format!("new/{i}"), i))).await.unwrap();
        store.commit(put(due_record(&format!("old/{i}"), 10 - i))).await.unwrap();
    }
    let (mut got, mut after) = (Vec::new(), None);
    loop {
        let page = store.due("b", at(100), 3, after.as_deref()).await.unwrap();
        got.extend(page.records.into_iter().map(|record| record.key.sort));
        match page.next {
            Some(next) => after = Some(next),
            None => break,
        }
    }
    assert_eq!(got, (0..10).map(|i| format!("old/{i}")).collect::<Vec<_>>());
}

#[tokio::test]
async fn a_script_says_which_operation_fails_and_how() {
    let store = MemoryStore::new();
    let key = Key::new("p", "a");
    store.set_script(move |operation| match operation.number {
        0 => Some(Fault::Unavailable),
        1 => Some(Fault::Conflict),
        2 => Some(Fault::AnswerLost),
        4 if operation.kind == OperationKind::Get && operation.keys == [&Key::new("p", "a")] => {
            Some(Fault::Unavailable)
        }
        5 => Some(Fault::ConflictAfterCommit),
        _ => None,
    });
    let write = || put(Record::new(key.clone(), "{}"));
    assert!(matches!(store.commit(write()).await, Err(StoreError::Unavailable { .. })));
    assert!(matches!(store.commit(write()).await, Err(StoreError::Conflict { key: named }) if named == key));
    assert!(store.is_empty());
    assert!(matches!(store.commit(write()).await, Err(StoreError::Unavailable { .. })));
    let done = store.get(&key).await.unwrap().unwrap();
    assert!(matches!(store.get(&key).await, Err(StoreError::Unavailable { .. })));
    assert!(matches!(store.commit(write()).await, Err(StoreError::Conflict { .. })));
    store.clear_script();
    assert_eq!(store.get(&key).await.unwrap().unwrap().version, done.version + 1);
    assert_eq!(store.operations(), 7);
}

#[tokio::test]
async fn the_same_seed_brings_the_same_faults() {
    let outcomes = async |seed| {
        let store = MemoryStore::with_unkindness(Unkindness::of_seed(seed));
        let mut outcomes = String::new();
        for i in 0..300 {
            let record = due_record(&format!("{}", i % 7), i % 50);
            outcomes += match store.commit(put(record)).await {
                Ok(()) => ".",
                Err(StoreError::Conflict { .. }) => "c",
                Err(StoreError::Unavailable { .. }) => "u",
                Err(other) => panic!("{other}"),
            };
            let shown = store.due("b", at(100), 3, None).await;
            outcomes += &shown.map_or("u".to_owned(), |page| format!("{:?}", page.records));
        }
        (outcomes, store.records())
    };
    let first = outcomes(1).await;
    assert_eq!(first, outcomes(1).await);
    assert_ne!(first, outcomes(2).await);
    assert!(["c", "u", "."].iter().all(|outcome| first.0.contains(outcome)));
}

#[tokio::test]
async fn tasks_take_turns_where_the_seed_says_so() {
    let unkindness = Unkindness { seed: 3, yields_max: 3, ..Unkindness::NONE };
    let store = MemoryStore::with_unkindness(unkindness);
    let mut conflicts = 0;
    for round in 0..50 {
        store.commit(put(Record::new(Key::new("p", "a"), format!("{round}")))).await.unwrap();
        let write = async || {
            let read = store.get(&Key::new("p", "a")).await.unwrap().unwrap();
            store.commit(vec![Write::Put(read.clone(), Expect::Version(read.version))]).await
        };
        let (one, two) = tokio::join!(write(), write());
        assert!(one.is_ok() || two.is_ok());
        conflicts += u32::from(one.is_err()) + u32::from(two.is_err());
    }
    assert!((5..=50).contains(&conflicts), "{conflicts} of 50 rounds");
}

#[tokio::test]
async fn what_expired_stays_until_it_is_forgotten() {
    let store = MemoryStore::new();
    let old = Record { expires: Some(at(10)), ..due_record("old", 1) };
    let young = Record { expires: Some(at(20)), ..due_record("young", 2) };
    store.commit(put(old.clone())).await.unwrap();
    store.commit(put(young)).await.unwrap();
    assert!(store.get(&old.key).await.unwrap().is_some());
    assert_eq!(store.forget_expired(at(10)), 0);
    assert_eq!(store.forget_expired(at(11)), 1);
    assert_eq!(store.get(&old.key).await.unwrap(), None);
    assert_eq!(due(&store).await, ["young"]);
}

#[tokio::test]
async fn a_clone_is_a_handle_to_the_same_records() {
    let store = MemoryStore::new();
    store.clone().commit(put(Record::new(Key::new("p", "b"), "{}"))).await.unwrap();
    store.clone().commit(put(Record::new(Key::new("p", "a"), "{}"))).await.unwrap();
    let sorts: Vec<_> = store.records().into_iter().map(|record| record.key.sort).collect();
    assert_eq!((sorts, store.len()), (vec!["a".to_owned(), "b".to_owned()], 2));
}
