//! The contract over DynamoDB, or an emulator of it.

use crate::contract::contract;
use crate::table::on_a_table;
use prodrome_store::DynamoStore;

contract!(run);

async fn run(name: &str, test: impl AsyncFn(DynamoStore)) {
    on_a_table("ledger", name, test).await;
}
