//! One contract, kept over memory and over DynamoDB alike.
//!
//! Where `PRODROME_TEST_ENDPOINT` names an AWS endpoint (an emulator's), the contract is run there too, each
//! test on a table of its own; where it is not set, those tests say so and are skipped.

#![expect(clippy::unwrap_used, reason = "a test stops where something is not as it must be")]

mod contract;
mod dynamo;
mod memory;
mod table;
