//! The section of the report.

use super::{BUSY, Figures, GOAL_BYTES, OBJECT_BYTES, Other, RATE, Round, most};
use crate::summary::grouped;
use prodrome_report::Table;
use std::fmt::Write as _;

/// The section of some rounds on a machine, those of a size one after another.
pub fn section(rounds: &[Round], machine: &str) -> String {
    let mut text = format!(
        "## Memory: the watcher beside others on the same stream

Made by `make bench-memory`. Two processes at a time, the watcher and another, before one API server and on one stream: \
so many pods of {} bytes of JSON each, of which {} a second change for {} s, one after another. The server streams lists to \
who asks for that, over plain HTTP. Resident memory as the kernel has it, which is to 0.1 MB or so, MB of a million bytes: 15 s after the list; the most \
up to then; as the last change has come; the most of all. The watcher's own row is the most of any pairing. The stream waits \
for the slower of the two, so that changes/s say how fast it was read. Memory hardly depends on what else the machine does; \
processor shares and changes/s do. Machine: {machine}\n",
        grouped(OBJECT_BYTES as u64),
        grouped(RATE),
        BUSY.as_secs(),
    );
    for of_size in rounds.chunk_by(|a, b| a.objects == b.objects) {
        let objects = grouped(of_size[0].objects as u64);
        write!(text, "\n### {objects} pods\n\n{}", table(of_size)).expect("a text takes what is written");
    }
    text += &notes(rounds);
    text
}

/// The most of each figure that the watcher had, beside whatever.
fn most_of(rounds: &[Round]) -> Figures {
    let most = |of: fn(&Figures) -> u64| rounds.iter().map(|round| of(&round.ours)).max().unwrap_or(0);
    Figures {
        idle: most(|f| f.idle),
        listing: most(|f| f.listing),
        busy: most(|f| f.busy),
        most: most(|f| f.most),
        processor: rounds.iter().map(|round| round.ours.processor).fold(0.0, f64::max),
        requests: most(|f| f.requests),
    }
}

fn table(rounds: &[Round]) -> String {
    let mut table = Table::new(&[
        "program",
        ">idle",
        ">most while listing",
        ">after the changes",
        ">most of all",
        ">÷ the watcher",
        ">processor",
        ">requests",
        ">changes/s",
    ]);
    let mut row = |name: &str, figures: &Figures, ours: &Figures, rate: &str| {
        let tenths = (figures.most * 10 + ours.most / 2) / ours.most.max(1);
        let ratio = format!("{}.{}", grouped(tenths / 10), tenths % 10);
        let processor = format!("{:.1} % of a core", figures.processor);
        let [idle, listing, busy, most] =
            [figures.idle, figures.listing, figures.busy, figures.most].map(megabytes);
        table.row(&[&name, &idle, &listing, &busy, &most, &ratio, &processor, &figures.requests, &rate]);
    };
    let ours = most_of(rounds);
    row("**the watcher**", &ours, &ours, "as below");
    for round in rounds {
        let rate = grouped((round.fed.changes * 1_000).checked_div(round.fed.ms).unwrap_or(0));
        row(name(round.other), &round.others, &round.ours, &rate);
    }
    table.finish()
}

fn name(other: Other) -> &'static str {
    match other {
        Other::Pages => "the watcher with `STREAM_LISTS=false`",
        Other::Typed => "kube-rs, reflector of `Pod`",
        Other::Dynamic => "kube-rs, reflector of `DynamicObject`",
        Other::Informer => "client-go, shared informer of pods",
    }
}

fn megabytes(bytes: u64) -> String {
    let tenths = bytes.div_ceil(100_000);
    format!("{}.{} MB", grouped(tenths / 10), tenths % 10)
}

fn notes(rounds: &[Round]) -> String {
    let most = most(rounds);
    let held = if most <= GOAL_BYTES { "held" } else { "**not held**" };
    let version = |other| rounds.iter().find(|round| round.other == other).map(|round| &*round.version);
    let informer = version(Other::Informer).map_or_else(
        || "- client-go: left out, as its informer could not be built (`tests/bench-memory/tools` says why).".to_owned(),
        |version| {
            format!(
                "- client-go: {version}, `tests/bench-memory/informer`: `NewSharedInformerFactory` with no resync and a \
handler of updates; all else as it comes, so that lists are streamed."
            )
        },
    );
    format!(
        "
The goal, at most {} for the watcher whatever the number of objects, is {held}: {} at most, however it lists.

- The watcher: the optimised program, `KINDS=core/Pod`; each change goes on to a queue, in packs. It keeps no objects.
- kube-rs: {}, `tests/bench-memory/src/main.rs`: `reflector(writer, watcher(api, Config::default()))`, which lists pages of \
500; nothing is dropped from the objects, and nothing is done with them.
{informer}
- kube-state-metrics and kubernetes-event-exporter are not measured: their Go modules could not be had where this was made. \
Both follow the cluster by client-go. The exporter keeps an informer of events, whole objects as here; kube-state-metrics keeps \
the text of its metrics in place of the objects, of which nothing here says how much it is.
",
        megabytes(GOAL_BYTES),
        megabytes(most),
        version(Other::Typed).unwrap_or("?"),
    )
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::feed::Fed;

    #[test]
    fn the_watchers_row_is_the_worst_of_its_rounds() {
        let figures = |most| Figures { idle: 1, listing: 2, busy: 3, most, processor: 1.0, requests: 4 };
        let round = |other, ours, others| Round {
            other,
            version: "kube-runtime 5.0.0".to_owned(),
            objects: 20_000,
            fed: Fed { changes: 1_999, ms: 2_000 },
            ours: figures(ours),
            others: figures(others),
        };
        let rounds =
            [round(Other::Typed, 20_000_000, 90_000_000), round(Other::Pages, 30_000_000, 31_000_000)];
        let text = section(&rounds, "one");
        assert!(text.contains("| **the watcher** | 0.1 MB | 0.1 MB | 0.1 MB | 30.0 MB | 1.0 |"), "{text}");
        assert!(text.contains("reflector of `Pod` | 0.1 MB | 0.1 MB | 0.1 MB | 90.0 MB | 4.5 |"), "{text}");
        assert!(text.contains("is **not held**: 31.0 MB"), "{text}");
        assert!(text.contains("| 999 |") && text.contains("client-go: left out"), "{text}");
    }
}
