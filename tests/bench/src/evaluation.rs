//! The evaluation on packs that a watcher made: time on one processor, and what it asks of the services.

use crate::counting::{Bill, CountingStore};
use crate::mix::Mix;
use crate::watching::Run;
use crate::{price, process};
use anyhow::{Context, Result, ensure};
use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use prodrome_cluster::ObjectsCluster;
use prodrome_evaluate::Evaluate;
use prodrome_lambda::{Delivery, Handler, Tally, metric};
use prodrome_model::SHARDS_DEFAULT;
use prodrome_queue::{Body, MemoryQueue};
use prodrome_rules::RuleSet;
use prodrome_store::Record;
use std::sync::Arc;
use std::time::Duration;

/// The memory that `template.yaml` gives the function, in MB.
const MEMORY_MB: f64 = 512.0;
/// What a strongly consistent query, or a write, takes within a region, about.
const REQUEST: Duration = Duration::from_millis(5);

/// What it came to.
pub struct Evaluated {
    /// Packs.
    pub packs: u64,
    /// Changes in them.
    pub changes: u64,
    /// Bytes that they inflate to.
    pub raw_bytes: u64,
    /// Processor time.
    pub cpu: Duration,
    /// What the table would be billed.
    pub bill: Bill,
}

/// Evaluates the packs of a run, which match nothing.
pub async fn evaluate(rules: &Arc<RuleSet>, mix: &Mix, run: &Run) -> Result<Evaluated> {
    let packs = run.taken.packs.iter().map(|pack| STANDARD.decode(pack)).collect::<Result<Vec<_>, _>>()?;
    let (store, queue) = (CountingStore::default(), MemoryQueue::new(mix.now));
    let cluster = ObjectsCluster::new();
    let evaluate = Evaluate::new(store.clone(), queue.clone(), cluster, rules.clone(), SHARDS_DEFAULT)
        .counting_in(store.clone());
    let mut raw_bytes = 0;
    for pack in &packs {
        raw_bytes +=
            prodrome_queue::pack::decode(pack, prodrome_queue::pack::UNCOMPRESSED_MAX)?.raw_bytes as u64;
    }
    let deliveries = packs.into_iter().map(|pack| Delivery {
        id: String::new(),
        body: Body::Pack(pack),
        attempt: 1,
        sent_at: None,
    });
    let deliveries: Vec<_> = deliveries.collect();
    let mut tally = Tally::default();
    let begun = process::cpu_of_this_thread()?;
    for delivery in &deliveries {
        evaluate.handle(delivery, mix.now, &mut tally).await.context("a pack was not evaluated")?;
    }
    let cpu = process::cpu_of_this_thread()?.saturating_sub(begun);
    let ledger = |record: &Record| record.key.partition.starts_with("ledger");
    ensure!(
        store.records().iter().all(ledger) && queue.sent() == 0,
        "{}: something was found in what is well: {} messages, records {:?}",
        mix.name,
        queue.sent(),
        store.records().iter().filter(|record| !ledger(record)).take(3).collect::<Vec<_>>()
    );
    let (packs, changes) = (deliveries.len() as u64, tally.count(metric::CHANGES_RECEIVED));
    Ok(Evaluated { packs, changes, raw_bytes, cpu, bill: store.bill() })
}

/// What a million changes cost, service by service, in USD.
pub struct Cost {
    /// Billed SQS requests a million changes: sent, received, deleted.
    pub sqs_requests: f64,
    /// Bytes to the queue a million changes.
    pub sqs_bytes: f64,
    /// Calls of the function a million changes.
    pub calls: f64,
    /// Read units of the table a million changes.
    pub read_units: f64,
    /// Write units of the table a million changes, which are the ledger's.
    pub write_units: f64,
    /// Bytes of logs a million changes.
    pub log_bytes: f64,
    /// For requests to the queue.
    pub sqs_usd: f64,
    /// For calls and for their time.
    pub lambda_usd: f64,
    /// For reads and writes.
    pub dynamo_usd: f64,
    /// For logs.
    pub logs_usd: f64,
}

impl Cost {
    /// All of it.
    pub fn usd(&self) -> f64 {
        self.sqs_usd + self.lambda_usd + self.dynamo_usd + self.logs_usd
    }
}

/// The bill for a million changes. Each pack is taken to be received, handled and deleted by itself, which is the
/// dear case; a call writes so many bytes of logs.
#[expect(clippy::cast_precision_loss, reason = "counts of a benchmark are far below 2^52")]
pub fn cost(run: &Run, evaluated: &Evaluated, log_bytes_per_call: u64) -> Cost {
    let million = 1e6 / run.fed.changes.max(1) as f64;
    let messages = run.taken.messages as f64;
    // The packs that were kept stand for all.
    let of_kept = messages / evaluated.packs.max(1) as f64;
    let sqs_requests = (run.taken.billed_calls + run.taken.billed_messages) as f64 + messages;
    let requests = (evaluated.bill.reads + evaluated.bill.writes) as f64 / evaluated.packs.max(1) as f64;
    let requests_ms = REQUEST.as_secs_f64() * 1e3 * requests;
    let cpu_ms = evaluated.cpu.as_secs_f64() * 1e3 / evaluated.packs.max(1) as f64;
    let call_ms = (cpu_ms / (MEMORY_MB / price::LAMBDA_MB_PER_CPU) + requests_ms).ceil();
    let gb_seconds = messages * call_ms / 1e3 * MEMORY_MB / 1024.0;
    let log_bytes = messages * (log_bytes_per_call + price::LOG_EVENT_BYTES) as f64;
    Cost {
        sqs_requests: sqs_requests * million,
        sqs_bytes: run.taken.bytes as f64 * million,
        calls: messages * million,
        read_units: evaluated.bill.read_units as f64 * of_kept * million,
        write_units: evaluated.bill.write_units as f64 * of_kept * million,
        log_bytes: log_bytes * million,
        sqs_usd: sqs_requests * price::SQS_REQUEST_USD * million,
        lambda_usd: (messages * price::LAMBDA_CALL_USD + gb_seconds * price::LAMBDA_GB_SECOND_USD) * million,
        dynamo_usd: evaluated.bill.usd() * of_kept * million,
        logs_usd: log_bytes * price::LOG_BYTE_USD * million,
    }
}
