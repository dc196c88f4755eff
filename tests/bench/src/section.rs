//! The section of the report.

use crate::evaluation::{Cost, Evaluated, cost};
use crate::summary::{grouped, ms, per_second, percentile};
use crate::watching::{OBJECTS, Run, Watched};
use crate::{end_to_end, replays};
use prodrome_report::Table;
use prodrome_rules::RuleSet;
use std::time::Duration;

/// A load, and what came of it.
pub struct Load {
    /// The mix's name.
    pub name: String,
    /// The watcher.
    pub watched: Watched,
    /// The evaluation of what came at 1,000 changes a second.
    pub thousand: Evaluated,
    /// The same of 10.
    pub ten: Evaluated,
}

fn mib(bytes: u64) -> String {
    let tenths = bytes * 10 / (1 << 20);
    format!("{}.{} MiB", tenths / 10, tenths % 10)
}

/// From a change to a notice.
pub fn of_the_whole(seen: &end_to_end::Seen) -> String {
    let (fast, late) = (&seen.at_once, &seen.lateness);
    let in_time = late.iter().filter(|late| **late <= Duration::from_secs(2)).count();
    format!(
        "
### From a change at the API to a notice at the webhook, on the emulator

| what | n | median | p90 | p99 | longest |
| --- | ---: | ---: | ---: | ---: | ---: |
| a rule without a duration: from the change to the notice | {} | {} | {} | {} | {} |
| a rule of 10 s: how much later than 10 s after the change | {} | {} | {} | {} | {} |

Within 2 s of due: {in_time} of {}. The emulator takes about 0.1 s to hand a message from a queue to a function; there are \
two such steps on the way of the first rule, three on that of the second. A queue's delay counts in whole seconds.
",
        fast.len(),
        ms(percentile(fast, 50)),
        ms(percentile(fast, 90)),
        ms(percentile(fast, 99)),
        ms(percentile(fast, 100)),
        late.len(),
        ms(percentile(late, 50)),
        ms(percentile(late, 90)),
        ms(percentile(late, 99)),
        ms(percentile(late, 100)),
        late.len(),
    )
}

/// The watcher's memory and speed.
pub fn of_the_watcher(loads: &[Load]) -> String {
    let mut table = Table::new(&[
        "load",
        ">resident, idle",
        ">most while listing",
        ">resident at 1 000 changes/s",
        ">processor at 1 000 changes/s",
        ">changes/s on one core",
    ]);
    for Load { name, watched, .. } in loads {
        let busy = watched.busy_cpu_per_second.as_micros() / 1_000;
        let most = grouped(per_second(watched.most.0, watched.most.1));
        let (idle, peak, at) =
            (mib(watched.idle_bytes), mib(watched.list_peak_bytes), mib(watched.busy_bytes));
        let busy = format!("{}.{} % of a core", busy / 10, busy % 10);
        table.row(&[name, &idle, &peak, &at, &busy, &most]);
    }
    let objects = grouped(OBJECTS as u64);
    format!(
        "\n### The watcher, over {objects} objects\n\nA process of its own, before an API server and a queue in another \
process, over plain HTTP.\n\n{}",
        table.finish()
    )
}

/// The evaluation's speed.
pub fn of_the_evaluation(loads: &[Load], rules: &RuleSet) -> String {
    let mut table = Table::new(&["load", ">changes a pack", ">packs/s", ">objects/s", ">MB/s inflated"]);
    for load in loads {
        for (rate, evaluated) in [("1 000", &load.thousand), ("10", &load.ten)] {
            let a_pack = evaluated.changes * 10 / evaluated.packs.max(1);
            table.row(&[
                &format!("{}, {rate} changes/s", load.name),
                &format!("{}.{}", a_pack / 10, a_pack % 10),
                &grouped(per_second(evaluated.packs, evaluated.cpu)),
                &grouped(per_second(evaluated.changes, evaluated.cpu)),
                &grouped(per_second(evaluated.raw_bytes, evaluated.cpu) / 1_000_000),
            ]);
        }
    }
    format!(
        "\n### The evaluation, on one core (processor)\n\nPacks as this watcher made them, {} rules, nothing matches: \
inflate, parse, judge, ask for the markers of the pack's shards, \
count it into the ledger.\n\n{}\n",
        rules.rules().len(),
        table.finish()
    )
}

/// What a million quiet changes cost.
pub fn of_the_cost(loads: &[Load], log_bytes_per_call: u64) -> String {
    let mut text = format!(
        "### What a million changes that match nothing ask of the services

List prices of us-east-1 (`tests/bench/src/price.rs`). Each pack is taken to be received, handled and deleted by itself, \
which is the dear case; a call lasts its processor time at 512 MB and 5 ms a query or write, and logs one line of {log_bytes_per_call} bytes. \
Wanted at 1 000 changes/s: at most 0.05 USD with 14 KiB objects, 0.02 USD with the recorded mix.

| load | SQS requests | MB sent | calls | read units | write units | MB logged | SQS | Lambda | DynamoDB | logs | USD |
| --- | ---: | ---: | ---: | ---: | ---: | ---: | ---: | ---: | ---: | ---: | ---: |
"
    );
    for load in loads {
        let row = |rate: &str, run: &Run, evaluated: &Evaluated| {
            let Cost {
                sqs_requests,
                sqs_bytes,
                calls,
                read_units,
                write_units,
                log_bytes,
                sqs_usd,
                lambda_usd,
                dynamo_usd,
                logs_usd,
            } = &cost(run, evaluated, log_bytes_per_call);
            let usd = sqs_usd + lambda_usd + dynamo_usd + logs_usd;
            format!(
                "| {}, {rate} changes/s | {sqs_requests:.0} | {:.1} | {calls:.0} | {read_units:.0} | {write_units:.0} | {:.1} | {sqs_usd:.4} | {lambda_usd:.4} | {dynamo_usd:.4} | {logs_usd:.4} | **{usd:.4}** |\n",
                load.name,
                sqs_bytes / 1e6,
                log_bytes / 1e6,
            )
        };
        text += &row("1 000", &load.watched.thousand, &load.thousand);
        text += &row("10", &load.watched.ten, &load.ten);
    }
    text += "\nBeside it, whatever happens: a queue with a function at its end is polled while idle, about 0.26 USD a month each.\n";
    text
}

/// Sizes and cold starts.
pub fn of_programs(sizes: &[(&str, u64)], seen: &end_to_end::Seen) -> String {
    let mut table = Table::new(&["program", ">size", ">cold start, median", ">longest", ">resident at most"]);
    for (name, size) in sizes {
        let cold = seen.cold_starts.get(name).map(Vec::as_slice).unwrap_or_default();
        let resident = seen.resident.get(name).map_or("–".to_owned(), |bytes| mib(*bytes));
        let of = |percent| if cold.is_empty() { "–".to_owned() } else { ms(percentile(cold, percent)) };
        let (median, longest) = (of(50), of(100));
        table.row(&[name, &mib(*size), &median, &longest, &resident]);
    }
    format!(
        "\n### Programs\n\nCold start: from the start of the process to its answer to a first event that gives it nothing to \
do (settings, rules, clients), on this machine, without the time that Lambda takes for a new sandbox.\n\n{}",
        table.finish()
    )
}

/// The speed of replays.
pub fn of_replays(replayed: &replays::Replayed) -> String {
    let seconds = u64::try_from(replayed.recorded.as_secs()).unwrap_or_default();
    format!(
        "
### Replays

`prodrome replay` on {} recordings in one call (processor): {} events/s; {} events, {}.{} hours of recording, in {:.2} s.
",
        replayed.recordings,
        grouped(per_second(replayed.events, replayed.cpu)),
        grouped(replayed.events),
        seconds / 3600,
        seconds % 3600 / 360,
        replayed.cpu.as_secs_f64(),
    )
}
