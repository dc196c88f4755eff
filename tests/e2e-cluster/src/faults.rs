//! What goes wrong.

mod containers;
mod images;
mod scheduling;
mod settings;
mod storage;
mod traffic;
mod webhooks;
mod workloads;

use crate::scenario::Scenario;

/// All of it, but for what befalls whole nodes.
pub(crate) fn faults() -> Vec<Scenario> {
    let themes = [
        containers::crashes(),
        containers::probes(),
        images::pulls(),
        settings::missing(),
        scheduling::unscheduled(),
        storage::volumes(),
        traffic::unanswered(),
        webhooks::refusals(),
        workloads::workloads(),
    ];
    themes.into_iter().flatten().collect()
}
