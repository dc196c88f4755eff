//! The contract over DynamoDB, or an emulator of it.

use crate::contract::contract;
use crate::table::{client, on_a_table};
use jiff::Timestamp;
use prodrome_store::{Due, DynamoStore, Expect, Key, MemoryStore, Record, Store, StoreError, Write};

contract!(run);

async fn run(name: &str, test: impl AsyncFn(DynamoStore)) {
    on_a_table("store", name, test).await;
}

#[tokio::test]
async fn any_run_of_operations_ends_as_over_memory() {
    run("any_run_of_operations_ends_as_over_memory", async |dynamo| {
        let seed = fastrand::u64(..);
        let mut random = fastrand::Rng::with_seed(seed);
        let memory = MemoryStore::new();
        for step in 0..400 {
            let mut keys: Vec<usize> = (0..6).collect();
            random.shuffle(&mut keys);
            keys.truncate(random.usize(1..4));
            let writes: Vec<_> = keys.iter().map(|key| random_write(&mut random, *key, &memory)).collect();
            let want = conflicts(&memory.commit(writes.clone()).await);
            let got = conflicts(&dynamo.commit(writes.clone()).await);
            // Where several expectations fail, any of their keys may be named.
            assert_eq!(got, want, "seed {seed}, step {step}: {writes:?}");
            assert_eq!(
                dynamo.query("p", "", None).await.unwrap(),
                memory.query("p", "", None).await.unwrap(),
                "seed {seed}, step {step}: {writes:?}"
            );
        }
    })
    .await;
}

fn random_write(random: &mut fastrand::Rng, key: usize, memory: &MemoryStore) -> Write {
    let key = Key::new("p", key.to_string());
    let found = memory.records().into_iter().find(|record| record.key == key);
    let expect = match (random.u8(0..8), found) {
        (0, _) => Expect::Absent,
        (1, _) => Expect::Version(random.u64(0..5)),
        (2..5, _) => Expect::Anything,
        (_, Some(found)) => Expect::Version(found.version),
        (_, None) => Expect::Absent,
    };
    match random.u8(0..5) {
        0 => Write::Delete(key, expect),
        1 => Write::Require(key, expect),
        _ => {
            let mut record = Record::new(key, format!("{}", random.u8(..)));
            let second = random.i64(4_000_000_000..4_000_000_100);
            let instant = Timestamp::from_second(second).unwrap();
            record.due = random.bool().then(|| Due::new("b", instant));
            record.expires = random.bool().then_some(instant);
            Write::Put(record, expect)
        }
    }
}

fn conflicts(result: &Result<(), StoreError>) -> bool {
    match result {
        Ok(()) => false,
        Err(StoreError::Conflict { .. }) => true,
        Err(other) => panic!("{other}"),
    }
}

#[tokio::test]
async fn a_table_that_does_not_exist_is_named() {
    let Some(client) = client() else { return };
    let store = DynamoStore::new(client, "prodrome-no-such-table");
    let error = store.get(&Key::new("p", "s")).await.unwrap_err();
    assert!(
        matches!(&error, StoreError::Refused { reason } if reason.contains("ResourceNotFound")),
        "{error}"
    );
}
