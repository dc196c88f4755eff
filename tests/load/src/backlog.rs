use crate::objects::{Pods, pods};
use crate::run::until;
use anyhow::Result;
use prodrome_e2e::System;
use std::time::{Duration, Instant};

/// As many as a watcher puts into a pack at 1,000 changes a second.
const IN_A_PACK: u64 = 500;

/// How fast a full queue was emptied.
#[derive(Debug)]
pub(crate) struct Drained {
    /// Changes.
    pub(crate) changes: u64,
    /// In so many packs.
    pub(crate) packs: u64,
    /// Took so long.
    pub(crate) took: Duration,
}

/// Fills the queue of changes while nothing is taken from it, and then lets it be emptied.
pub(crate) fn drain(system: &System, changes: u64, patience: Duration) -> Result<Drained> {
    let changes_queue = system.stack().output("ChangesQueueUrl")?;
    let client = system.emulator().client();
    system.hand_over(false)?;
    let (objects, resource) = (Pods::new(), pods());
    let packs = system.packs(system.scope().clone());
    let (mut made, mut sent) = (0, 0);
    while made < changes {
        let until = changes.min(made + IN_A_PACK);
        let of_pack: Vec<_> = (made..until)
            .map(|number| {
                (
                    resource.clone(),
                    objects.with_version(&format!("late-{number:07}"), number + 1).into_bytes(),
                )
            })
            .collect();
        packs.send(packs.pack_raw(&of_pack)?)?;
        (made, sent) = (until, sent + 1);
    }
    let begun = Instant::now();
    system.hand_over(true)?;
    until("the backlog to be handled", patience, || {
        let depth = client.queue_depth(changes_queue)?.total();
        Ok((depth == 0, depth))
    })?;
    Ok(Drained { changes, packs: sent, took: begun.elapsed() })
}
