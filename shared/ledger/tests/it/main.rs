//! The ledger over memory and over DynamoDB.
#![expect(clippy::unwrap_used, reason = "a test fails by panicking")]

mod contract;
mod dynamo;
mod memory;
#[path = "../../../store/tests/it/table.rs"]
mod table;
