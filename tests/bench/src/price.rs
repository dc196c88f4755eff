//! List prices in us-east-1, without free tiers. From the pages `aws.amazon.com/{sqs,lambda,dynamodb,cloudwatch}/pricing`,
//! as they stood in November 2026; a figure that has changed since is changed here alone.

/// SQS standard queues: a request, of which each started 64 KiB of payload counts as one.
pub const SQS_REQUEST_USD: f64 = 0.40e-6;
/// The payload that one SQS request covers.
pub const SQS_CHUNK_BYTES: u64 = 64 * 1024;
/// Lambda: a call.
pub const LAMBDA_CALL_USD: f64 = 0.20e-6;
/// Lambda on x86: a GB-second.
pub const LAMBDA_GB_SECOND_USD: f64 = 0.000_016_666_7;
/// Memory in MB at which a function has one processor; below it has that share of one.
pub const LAMBDA_MB_PER_CPU: f64 = 1769.0;
/// DynamoDB on demand: a read unit (4 KiB, strongly consistent).
pub const DYNAMO_READ_USD: f64 = 0.125e-6;
/// DynamoDB on demand: a write unit (1 KiB); in a transaction it counts twice.
pub const DYNAMO_WRITE_USD: f64 = 0.625e-6;
/// `CloudWatch` logs: a byte taken in.
pub const LOG_BYTE_USD: f64 = 0.50 / 1e9;
/// What each log event counts beside its text.
pub const LOG_EVENT_BYTES: u64 = 26;
