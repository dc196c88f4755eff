//! The contract over DynamoDB, or an emulator of it.

use crate::contract::contract;
use aws_sdk_dynamodb::Client;
use aws_sdk_dynamodb::config::{BehaviorVersion, Credentials, Region};
use aws_sdk_dynamodb::types::{
    AttributeDefinition, BillingMode, GlobalSecondaryIndex, KeySchemaElement, KeyType, Projection,
    ProjectionType, ScalarAttributeType, TimeToLiveSpecification,
};
use jiff::Timestamp;
use prodrome_store::{Due, DynamoStore, Expect, Key, MemoryStore, Record, Store, StoreError, Write, schema};
use std::io::Write as _;

contract!(run);

/// Runs a test on a table of its own, which is removed if the test passes.
async fn run(name: &str, test: impl AsyncFn(DynamoStore)) {
    let Some(client) = client() else {
        // Not by a macro: the test harness would keep it to itself.
        let line = format!("skipped: dynamo::{name}: PRODROME_TEST_ENDPOINT is not set\n");
        std::io::stderr().write_all(line.as_bytes()).unwrap();
        return;
    };
    let table = format!("prodrome-store-{:016x}", fastrand::u64(..));
    create(&client, &table).await;
    test(DynamoStore::new(client.clone(), &table)).await;
    client.delete_table().table_name(&table).send().await.unwrap();
}

fn client() -> Option<Client> {
    #[expect(clippy::disallowed_methods, reason = "where the emulator listens is said by the environment")]
    let endpoint = std::env::var("PRODROME_TEST_ENDPOINT").ok().filter(|endpoint| !endpoint.is_empty())?;
    let config = aws_sdk_dynamodb::Config::builder()
        .behavior_version(BehaviorVersion::latest())
        .region(Region::new("us-east-1"))
        .credentials_provider(Credentials::new("test", "test", None, None, "test"))
        .endpoint_url(endpoint);
    Some(Client::from_conf(config.build()))
}

async fn create(client: &Client, table: &str) {
    let attribute = |name: &str, sort: ScalarAttributeType| {
        AttributeDefinition::builder().attribute_name(name).attribute_type(sort).build().unwrap()
    };
    let key = |name: &str, sort: KeyType| {
        KeySchemaElement::builder().attribute_name(name).key_type(sort).build().unwrap()
    };
    let due = GlobalSecondaryIndex::builder()
        .index_name(schema::DUE_INDEX)
        .key_schema(key(schema::DUE_BUCKET, KeyType::Hash))
        .key_schema(key(schema::DUE_AT, KeyType::Range))
        .projection(Projection::builder().projection_type(ProjectionType::All).build());
    let request = client
        .create_table()
        .table_name(table)
        .billing_mode(BillingMode::PayPerRequest)
        .attribute_definitions(attribute(schema::PARTITION, ScalarAttributeType::S))
        .attribute_definitions(attribute(schema::SORT, ScalarAttributeType::S))
        .attribute_definitions(attribute(schema::DUE_BUCKET, ScalarAttributeType::S))
        .attribute_definitions(attribute(schema::DUE_AT, ScalarAttributeType::N))
        .key_schema(key(schema::PARTITION, KeyType::Hash))
        .key_schema(key(schema::SORT, KeyType::Range))
        .global_secondary_indexes(due.build().unwrap());
    request.send().await.unwrap();
    loop {
        let described = client.describe_table().table_name(table).send().await.unwrap();
        if described.table.unwrap().table_status.unwrap().as_str() == "ACTIVE" {
            break;
        }
        tokio::time::sleep(std::time::Duration::from_millis(100)).await;
    }
    let expires = TimeToLiveSpecification::builder().attribute_name(schema::EXPIRES).enabled(true);
    let request = client.update_time_to_live().table_name(table);
    request.time_to_live_specification(expires.build().unwrap()).send().await.unwrap();
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
