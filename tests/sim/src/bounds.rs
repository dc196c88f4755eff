//! How much is kept and how much waits at any time: no more than there is reason for.

use crate::complaint::Complaint;
use crate::law::LAWS;
use crate::plan::PODS;
use crate::system::{SHARDS, System, scope};
use prodrome_local::audit;
use prodrome_queue::QueueName;
use prodrome_store::Record;
use std::collections::BTreeSet;

/// Pods, and the rules that may be about each.
const PAIRS: usize = PODS.len() * (LAWS.len() + 2);
/// Records of the checks that there may be for each pod and rule: the check, its marker, its edge, a partner.
const RECORDS_PER_PAIR: usize = 4;
/// Findings of which the cause may be looked for before anybody is told: of two rules, of each pod.
const LOOKED_INTO: usize = 2 * PODS.len();
/// Records of an alert: its group's head, a member, and what each of two channels is owed.
const RECORDS_PER_ALERT: usize = 4;
/// Lines of the log for each finding: that it comes and goes, that each is to be told, that each channel is told of it; and
/// that one that is down was tried, ever more seldom.
const LINES_PER_FINDING: usize = 24;
/// Rows of the ledger: of the packs of a quarter of an hour, should nothing be settled for so long.
const LEDGER_ROWS: usize = 500;
/// Messages that wait in a queue: for each pod and rule, that it is due; and that again, as a sweep says it again at what
/// nobody looks at.
const WAITING: usize = 5 * PAIRS;

/// What does not hold of it.
pub(crate) fn broken(system: &System) -> Vec<Complaint> {
    let told = {
        let heard = system.heard();
        heard.fired.keys().chain(heard.ended.keys()).collect::<BTreeSet<_>>().len()
    };
    let (mut checks, runs, episodes) =
        (system.checks.records(), system.runs.records(), system.episodes.records());
    let of = |table: &[Record], kind: &str| {
        table.iter().filter(|record| record.key.partition.starts_with(kind)).count()
    };
    let pods = system.cluster.writes().len();
    let tries = of(&checks, "tries#") + of(&runs, "tries#") + of(&episodes, "tries#");
    let mut kept = vec![
        ("what is known of findings", of(&episodes, "fingerprint#"), told),
        ("what is known of alerts", of(&episodes, "alert#"), told * RECORDS_PER_ALERT),
        ("lines of the log", of(&episodes, "log#"), told * LINES_PER_FINDING),
        ("runs that look for a cause", of(&runs, "run#"), 2 * (told + LOOKED_INTO)),
        ("what runs stand for", of(&runs, "diagnosed#"), LOOKED_INTO),
        ("counters", of(&checks, "count#"), pods),
        ("rows of the ledger", of(&checks, "ledger"), LEDGER_ROWS),
        ("tries", tries, WAITING),
    ];
    // Tries, what was told to nobody, and what was counted are no checks.
    checks.retain(|record| {
        !["ledger", "tries#", "shadow#", "count#"].iter().any(|of| record.key.partition.starts_with(of))
    });
    kept.push(("records of checks", checks.len(), PAIRS * RECORDS_PER_PAIR + 16));
    for queue in QueueName::ALL {
        kept.push((queue.as_str(), system.queue.memory.waiting(queue), WAITING));
        kept.push(("dead letters", system.queue.memory.dead_letters(queue).len(), WAITING));
    }
    let unmarked = audit::markers(&checks, &scope(), SHARDS).err();
    let unmarked = unmarked.map(|about| Complaint::new("markers are not as checks are", about));
    let too_many = kept.into_iter().filter(|(_, there, most)| there > most).map(|(what, there, most)| {
        Complaint::new(format!("too much is kept: {what}"), format!("{there}, more than {most}"))
    });
    unmarked.into_iter().chain(too_many).collect()
}
