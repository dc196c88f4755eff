//! What texts say, a file for each area: rules as data, and by hand what templates cannot say.

mod certs;
mod control_plane;
mod death;
mod dependency;
mod files;
mod image;
mod killed;
mod network;
mod node;
mod run;
mod sandbox;
mod schedule;
mod settings;
mod start;
mod storage;
mod workload;

use crate::classify::Candidate;
use crate::context::{Domain, Input};
use crate::failure::{self, Failure};
use crate::rule::{Reason, Rule};
use crate::{Cause, Facts};
use std::ops::Range;

const RULES: &[&[Rule]] = &[
    image::RULES,
    sandbox::RULES,
    start::RULES,
    run::RULES,
    settings::RULES,
    dependency::RULES,
    files::RULES,
    death::RULES,
    schedule::RULES,
    storage::RULES,
    node::RULES,
    workload::RULES,
    network::RULES,
    certs::RULES,
    control_plane::RULES,
];

const REASONS: &[&[Reason]] = &[
    image::REASONS,
    sandbox::REASONS,
    start::REASONS,
    run::REASONS,
    schedule::REASONS,
    storage::REASONS,
    node::REASONS,
    workload::REASONS,
    network::REASONS,
    certs::REASONS,
];

/// Every rule.
pub(crate) fn rules() -> impl Iterator<Item = &'static Rule> {
    RULES.iter().flat_map(|area| area.iter())
}

/// What inner errors, reasons and several words at once say.
pub(crate) fn beyond_templates(input: &Input, candidates: &mut Vec<Candidate>) {
    for (failure, at) in failure::failures(input) {
        if let Some((cause, percent, rank)) = meaning(input, failure) {
            candidates.push(Candidate { rank, ..Candidate::new(cause, percent, at) });
        }
    }
    image::recognise(input, candidates);
    sandbox::recognise(input, candidates);
    schedule::recognise(input, candidates);
    workload::recognise(input, candidates);
    control_plane::recognise(input, candidates);
    death::recognise(input, candidates);
    killed::recognise(input, candidates);
    // A reason is the outermost wrapper: what the text itself says comes first, unless the reason has one meaning.
    let told = candidates.iter().any(|candidate| candidate.confidence >= 0.6);
    for (cause, percent) in reasons(input) {
        if !told || percent >= 88 {
            let rank = i8::from(percent >= 92);
            candidates.push(Candidate { rank, ..Candidate::new(cause, percent, 0..0) });
        }
    }
}

fn reasons(input: &Input) -> impl Iterator<Item = (Cause, u8)> {
    REASONS
        .iter()
        .flat_map(|area| area.iter())
        .filter(|(reason, _, _)| input.reason == *reason)
        .map(|(_, cause, percent)| (*cause, *percent))
}

/// What an inner error means where it happened, and how sure that is.
fn meaning(input: &Input, failure: Failure) -> Option<(Cause, u8, i8)> {
    match input.domain {
        Domain::Pull => image::failure(failure),
        Domain::Sandbox => sandbox::failure(input, failure),
        Domain::Start => node::failure_under_its_folders(input, failure).or_else(|| start::failure(failure)),
        Domain::Volume => storage::failure(input, failure),
        Domain::Node => node::failure(input, failure),
        Domain::Admit => workload::failure(input, failure),
        Domain::Scale => workload::scale_failure(failure),
        Domain::Balance => network::failure(input, failure),
        Domain::Certify => certs::certify_failure(input, failure),
        Domain::Secrets => certs::secrets_failure(failure),
        Domain::App | Domain::Other => node::failure_of_its_folders(input, failure)
            .or_else(|| node::failure_of_its_disk(input, failure))
            .or_else(|| dependency::failure(failure)),
        Domain::Probe | Domain::Stop | Domain::Schedule | Domain::Control => None,
    }
}

/// Facts that do not hang on the cause.
pub(crate) fn facts(input: &Input, near: Range<usize>, facts: &mut Facts) {
    if matches!(input.domain, Domain::Pull | Domain::Sandbox) {
        image::facts(input, facts);
    }
    failure::facts(input, near, facts);
}
