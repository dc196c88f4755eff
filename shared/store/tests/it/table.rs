//! Tables of DynamoDB, or of an emulator of it, for tests: also for those of the crates that keep their records in one.

use aws_sdk_dynamodb::Client;
use aws_sdk_dynamodb::config::{BehaviorVersion, Credentials, Region};
use aws_sdk_dynamodb::types::{
    AttributeDefinition, BillingMode, GlobalSecondaryIndex, KeySchemaElement, KeyType, Projection,
    ProjectionType, ScalarAttributeType, TimeToLiveSpecification,
};
use prodrome_store::{DynamoStore, schema};
use std::io::Write as _;

/// Runs a test of a crate on a table of its own, which is removed if the test passes.
pub(crate) async fn on_a_table(of: &str, name: &str, test: impl AsyncFn(DynamoStore)) {
    let Some(client) = client() else {
        // Not by a macro: the test harness would keep it to itself.
        let line = format!("skipped: dynamo::{name}: PRODROME_TEST_ENDPOINT is not set\n");
        std::io::stderr().write_all(line.as_bytes()).unwrap();
        return;
    };
    let table = format!("prodrome-{of}-{:016x}", fastrand::u64(..));
    create(&client, &table).await;
    test(DynamoStore::new(client.clone(), &table)).await;
    client.delete_table().table_name(&table).send().await.unwrap();
}

/// A client, where the environment says where one leads.
pub(crate) fn client() -> Option<Client> {
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
