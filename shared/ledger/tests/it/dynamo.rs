//! The contract over DynamoDB, or an emulator of it.

use crate::contract::contract;
use aws_sdk_dynamodb::Client;
use aws_sdk_dynamodb::config::{BehaviorVersion, Credentials, Region};
use aws_sdk_dynamodb::types::{
    AttributeDefinition, BillingMode, KeySchemaElement, KeyType, ScalarAttributeType,
};
use prodrome_store::{DynamoStore, schema};
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
    let table = format!("prodrome-ledger-{:016x}", fastrand::u64(..));
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
    let attribute = |name: &str| {
        AttributeDefinition::builder().attribute_name(name).attribute_type(ScalarAttributeType::S).build()
    };
    let key = |name: &str, sort: KeyType| {
        KeySchemaElement::builder().attribute_name(name).key_type(sort).build().unwrap()
    };
    let request = client
        .create_table()
        .table_name(table)
        .billing_mode(BillingMode::PayPerRequest)
        .attribute_definitions(attribute(schema::PARTITION).unwrap())
        .attribute_definitions(attribute(schema::SORT).unwrap())
        .key_schema(key(schema::PARTITION, KeyType::Hash))
        .key_schema(key(schema::SORT, KeyType::Range));
    request.send().await.unwrap();
    loop {
        let described = client.describe_table().table_name(table).send().await.unwrap();
        if described.table.unwrap().table_status.unwrap().as_str() == "ACTIVE" {
            break;
        }
        tokio::time::sleep(std::time::Duration::from_millis(100)).await;
    }
}
