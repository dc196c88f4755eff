use crate::count::{Counted, count};
use crate::feed::{Broken, Fed, now};
use crate::objects::{Pods, pods, rule_of};
use crate::plan::BREAKS_ONE_IN;
use crate::run::until;
use anyhow::Result;
use prodrome_e2e::System;
use std::time::{Duration, Instant};

/// As many as a watcher puts into a pack at 1,000 changes a second.
const IN_A_PACK: u64 = 500;

/// How fast a full queue was emptied.
#[derive(Debug)]
pub(crate) struct Drained {
    /// What was in it.
    pub(crate) fed: Fed,
    /// In so many packs, beside those of the watcher.
    pub(crate) packs: u64,
    /// Took so long.
    pub(crate) took: Duration,
    /// What was told of it,
    pub(crate) counted: Counted,
    /// so long after it was empty.
    pub(crate) caught_up: Duration,
}

/// Fills the queue of changes while nothing is taken from it, and then lets it be emptied. What breaks is in the cluster as
/// well, and comes by the watcher.
pub(crate) fn drain(system: &System, changes: u64, patience: Duration) -> Result<Drained> {
    let changes_queue = system.stack().output("ChangesQueueUrl")?;
    let client = system.emulator().client();
    system.hand_over(false)?;
    let (objects, resource) = (Pods::new(), pods());
    let packs = system.packs(system.scope().clone());
    let (mut fed, mut sent) = (Fed::default(), 0);
    while fed.changes < changes {
        let mut of_pack = Vec::new();
        let until = changes.min(fed.changes + IN_A_PACK);
        for number in fed.changes..until {
            if number % BREAKS_ONE_IN == 7 {
                let fault = fed.broken.len() as u64;
                let (rule, label) = rule_of(fault);
                let name = format!("late-broken-{fault:06}");
                system.api().apply(&resource, &objects.pod(&name, label, number));
                fed.broken.insert(name, Broken { rule, at: now() });
            } else {
                let well = objects.with_version(&format!("late-{number:07}"), number + 1);
                of_pack.push((resource.clone(), well.into_bytes()));
            }
        }
        packs.send(packs.pack_raw(&of_pack)?)?;
        (fed.changes, sent) = (until, sent + 1);
    }
    let begun = Instant::now();
    system.hand_over(true)?;
    until("the backlog to be handled", patience, || {
        let depth = client.queue_depth(changes_queue)?.total();
        Ok((depth == 0, depth))
    })?;
    let took = begun.elapsed();
    let mut counted = Counted::default();
    let told = until("the faults of the backlog to be told", patience, || {
        counted = count(&fed, &system.webhook.told());
        Ok((counted.lost.is_empty(), counted.told))
    });
    // Who judges it says by name what is lost.
    drop(told);
    let caught_up = begun.elapsed().saturating_sub(took);
    Ok(Drained { fed, packs: sent, took, counted, caught_up })
}
