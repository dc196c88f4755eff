use crate::count::Counted;
use crate::plan::{BREAKS_ONE_IN, MALFORMED_ONE_IN};
use crate::{Outcome, Plan};
use prodrome_e2e::{Met, Service};
use prodrome_report::Table;
use std::fmt::Write as _;
use std::time::Duration;

/// The section of the report.
pub fn section(plan: &Plan, outcome: &Outcome, profile: &str, machine: &str) -> String {
    let command = command(plan, profile);
    let mut text = format!(
        "## Load and faults

Made by `{command}`: `template.yaml` on the emulator with {profile} functions as real processes, the watcher before an \
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
    text += &summary(outcome);
    let planted: usize = outcome.phases.iter().map(|phase| phase.fed.malformed.len()).sum();
    let dead = &outcome.dead;
    write!(
        text,
        "\nMalformed changes: {planted}; of these among the dead letters: {}, in {} letters; dead letters that were not \
planted: {}. After it all each check in the table is of a pod that is broken, and has its marker; alert knows each \
finding that lasts.\n",
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
            "\nIn the storm: processes killed at their work: {}; queues paused {} times for 1 to 4 s; the API server slow \
by 0.1 to 1 s, refusing or silent {} times for 0.5 to 2.5 s, all watches cut and its history forgotten {} times. ",
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
        let rate = u128::from(drained.fed.changes) * 1_000 / drained.took.as_millis().max(1);
        write!(
            text,
            "\nA queue of {} changes in {} packs and what the watcher sent meanwhile was emptied in {:.0} s: **{rate} changes a \
second**. One in {BREAKS_ONE_IN} broke a pod: of {} faults {} were told, the last of them {:.0} s after the queue was empty.\n",
            drained.fed.changes,
            drained.packs,
            drained.took.as_secs_f64(),
            drained.fed.broken.len(),
            drained.counted.told,
            drained.caught_up.as_secs_f64()
        )
        .expect("a text takes what is written");
    }
    if let Some(asked) = &outcome.asked {
        let requests = asked.watches + asked.others;
        let hourly = u128::try_from(requests).unwrap_or_default() * 3_600_000 / asked.took.as_millis().max(1);
        write!(
            text,
            "\nOf the API server the watcher asked {} watches and {} other things in the {:.0} s of the calm, of {} kinds: \
**{hourly} requests an hour**, {} a kind. A watch lasts five to ten minutes.\n",
            asked.watches,
            asked.others,
            asked.took.as_secs_f64(),
            asked.kinds,
            hourly / u128::try_from(asked.kinds.max(1)).unwrap_or(1)
        )
        .expect("a text takes what is written");
    }
    write!(text, "\nSeed {}, {} s each.\n", plan.seed, plan.seconds).expect("a text takes what is written");
    text
}

/// What makes it again.
fn command(plan: &Plan, profile: &str) -> String {
    let Plan { seconds, rate, backlog, seed, .. } = plan;
    let profile = if profile == "optimised" { " LOAD_PROFILE=release" } else { "" };
    format!(
        "make load LOAD_SECONDS={seconds} LOAD_RATE={rate} LOAD_BACKLOG={backlog} LOAD_SEED={seed}{profile}"
    )
}

/// What it is all about, in a line.
fn summary(outcome: &Outcome) -> String {
    let fed = outcome
        .phases
        .iter()
        .map(|phase| &phase.fed)
        .chain(outcome.drained.iter().map(|drained| &drained.fed));
    let changes = fed.map(|fed| fed.changes).sum::<u64>();
    let counted = || {
        let drained = outcome.drained.iter().map(|drained| &drained.counted);
        outcome.phases.iter().map(|phase| &phase.counted).chain(drained)
    };
    let sum = |count: fn(&Counted) -> usize| counted().map(count).sum::<usize>();
    format!(
        "\n**{changes} changes: {} alerts or ends lost, {} told twice or of what was well.** The same message came to the \
channel again {} times, under its id: where nobody knows whether it arrived.\n",
        sum(|counted| counted.lost.len()),
        sum(|counted| counted.false_news.len()),
        sum(|counted| counted.repeated)
    )
}
