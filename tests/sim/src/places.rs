//! What a watcher owes to bookmarks.

use crate::calm::Calm;
use crate::clock::{MINUTE, Millis};
use crate::complaint::Complaint;
use crate::fault::{Fault, What};
use crate::model::{Cluster, Expired};
use crate::plan::Plan;

/// Whoever has heard by bookmarks how far the cluster is goes on from there, after a break and in another process: no watch
/// is told that its version is too old where only that was forgotten which bookmarks had left behind.
pub(crate) fn go_on(plan: &Plan, cluster: &Cluster) -> Vec<Complaint> {
    let expired = cluster.lock().expired.clone();
    let quiet = plan.faults.iter().filter(|fault| fault.what == What::OnlyBookmarks);
    let of_it = |quiet: &Fault| {
        let until = back_from(plan, quiet);
        if is_excused(plan, quiet, until) {
            return Vec::new();
        }
        let told = expired.iter().filter(|expired| (quiet.to..=until).contains(&expired.at));
        told.map(|Expired { at, kind, from }| {
            let about = format!(
                "nothing but bookmarks came from {} to {}, and at {at} a watch of {} goes on from {from}, which is too old",
                quiet.from,
                quiet.to,
                kind.as_str()
            );
            Complaint::new("a watch goes on from before the bookmarks", about)
        })
        .collect()
    };
    quiet.flat_map(of_it).collect()
}

/// Until when a watch that goes on after a fault goes on from what it left.
fn back_from(plan: &Plan, quiet: &Fault) -> Millis {
    let kills = plan.faults.iter().filter(|fault| is_kill_after(fault, quiet));
    kills.map(|kill| kill.to).max().unwrap_or(quiet.to) + MINUTE
}

/// Whether the watcher is killed after the bookmarks, and nothing is forgotten while it is away.
fn is_kill_after(fault: &Fault, quiet: &Fault) -> bool {
    fault.what == What::WatcherKilled
        && !fault.forgets()
        && (quiet.to..quiet.to + MINUTE).contains(&fault.from)
}

/// Whether the watcher may not have heard them, or more than that was forgotten.
fn is_excused(plan: &Plan, quiet: &Fault, until: Millis) -> bool {
    let others = plan.faults.iter().filter(|fault| *fault != quiet && !is_kill_after(fault, quiet));
    let excuses: Vec<Fault> = others.filter(|fault| fault.what.blinds_the_watcher()).copied().collect();
    Calm::of_all(&excuses).over(quiet.from, until).is_some()
}
