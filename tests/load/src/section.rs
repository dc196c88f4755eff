use crate::plan::{BREAKS_ONE_IN, MALFORMED_ONE_IN};
use crate::{Outcome, Plan};
use prodrome_e2e::{Met, Service};
use prodrome_report::Table;
use std::fmt::Write as _;
use std::time::Duration;

/// The section of the report.
pub fn section(plan: &Plan, outcome: &Outcome, profile: &str, machine: &str) -> String {
    let mut text = format!(
        "## Load and faults

Made by `make load`: `template.yaml` on the emulator with {profile} functions as real processes, the watcher before an \
API server of pods of 3 KB, the shipped rules beside three of its own. One change in {BREAKS_ONE_IN} breaks a pod, \
four of five of those are mended once they were told, one change in {MALFORMED_ONE_IN} is malformed. All of it (the emulator, \
the API server and whoever changes its objects too) shares one machine: {machine}

"
    );
    let mut table = Table::new(&[
        "load",
        ">changes",
        ">a second",
        ">faults",
        ">told",
        ">ends",
        ">told",
        ">lost",
        ">false",
        ">the same message again",
        ">notice after, median",
        ">longest",
        ">caught up after",
    ]);
    for phase in &outcome.phases {
        let (fed, counted) = (&phase.fed, &phase.counted);
        let mut delays = counted.delays.clone();
        delays.sort_unstable();
        let seconds = |delay: Option<&Duration>| {
            delay.map_or("–".to_owned(), |delay| format!("{:.1} s", delay.as_secs_f64()))
        };
        let rate = u128::from(fed.changes) * 1_000 / fed.took.as_millis().max(1);
        table.row(&[
            &phase.name,
            &fed.changes,
            &rate,
            &fed.broken.len(),
            &counted.told,
            &fed.mended.len(),
            &counted.ended,
            &counted.lost.len(),
            &counted.false_news.len(),
            &counted.repeated,
            &seconds(delays.get(delays.len() / 2)),
            &seconds(delays.last()),
            &seconds(Some(&phase.caught_up)),
        ]);
    }
    text += &table.finish();
    let planted: usize = outcome.phases.iter().map(|phase| phase.fed.malformed.len()).sum();
    let dead = &outcome.dead;
    write!(
        text,
        "\nMalformed changes: {planted}; of these among the dead letters: {}, in {} letters; dead letters that were not \
planted: {}. After it all each check in the table is of a pod that is broken, and has its marker.\n",
        dead.planted.len(),
        dead.letters,
        dead.strange.len()
    )
    .expect("a text takes what is written");
    for weathered in outcome.phases.iter().filter_map(|phase| phase.weathered.as_ref()) {
        let met = |service, what| outcome.met.get(&(service, what)).copied().unwrap_or_default();
        let killed = weathered.killed.iter().filter(|(_, count)| **count > 0);
        let killed: Vec<_> = killed.map(|(name, count)| format!("{name} {count}")).collect();
        write!(
            text,
            "\nIn the storm: processes killed at their work: {}; queues paused {} times for 1 to 4 s; the API server slow, \
refusing or silent {} times for 0.5 to 2.5 s, all watches cut and its history forgotten {} times. ",
            killed.join(", "),
            weathered.pauses,
            weathered.slow,
            weathered.cuts
        )
        .expect("a text takes what is written");
        for (name, service) in [("tables", Service::Tables), ("queues", Service::Queues)] {
            write!(
                text,
                "Requests to {name}: {} went well, {} were refused as too many, {} reset before and {} after they took \
effect, {} took effect and were never answered. ",
                met(service, Met::Nothing),
                met(service, Met::Refused),
                met(service, Met::Reset),
                met(service, Met::Lost),
                met(service, Met::Hung)
            )
            .expect("a text takes what is written");
        }
        text = text.trim_end().to_owned() + "\n";
    }
    if let Some(drained) = &outcome.drained {
        let rate = u128::from(drained.changes) * 1_000 / drained.took.as_millis().max(1);
        write!(
            text,
            "\nA queue of {} changes in {} packs was emptied in {:.0} s: **{rate} changes a second**.\n",
            drained.changes,
            drained.packs,
            drained.took.as_secs_f64()
        )
        .expect("a text takes what is written");
    }
    write!(text, "\nSeed {}, {} s each.\n", plan.seed, plan.seconds).expect("a text takes what is written");
    text
}
