//! What a started container dies of, as the cluster tells it: kills, probes, ends.

use crate::Cause::*;
use crate::context::Domain;
use crate::rule::{Reason, Rule};

pub(super) const REASONS: &[Reason] = &[
    ("OOMKilled", OomKilled, 95),
    ("Unhealthy", ProbeFailed, 85),
    ("ProbeError", ProbeFailed, 80),
    ("ExceededGracePeriod", AppForcedKill, 94),
    ("Completed", AppCompleted, 72),
];

pub(super) const RULES: &[Rule] = &[
    Rule::new(
        ProbeFailed,
        94,
        &[
            "container <container> failed liveness probe, will be restarted",
            "container <container> failed startup probe, will be restarted",
            "failed liveness probe",
            "failed startup probe",
            "liveness probe failed: <detail>",
            "readiness probe failed: <detail>",
            "startup probe failed: <detail>",
            "liveness probe errored",
            "liveness probe failed",
            "readiness probe failed",
            "startup probe failed",
            "readiness probe errored",
            "startup probe errored",
            "http probe failed with statuscode: <httpStatus>",
        ],
    )
    .rank(4),
    Rule::new(
        AppForcedKill,
        95,
        &[
            "did not kill the pod within specified grace period",
            "did not stop within the grace period",
            "exceeded grace period",
            "container did not terminate gracefully",
        ],
    )
    .rank(1),
    Rule::new(
        OomKilled,
        94,
        &[
            "oomkilled",
            "memory cgroup out of memory: killed process <*> (<binary>)",
            "memory cgroup out of memory",
            "constraint_memcg",
            "out of memory (oom) killed",
            "exceeded its memory limit",
            "cgroup out of memory",
        ],
    )
    .on(&[Domain::Start, Domain::Other, Domain::App, Domain::Node])
    .rank(1),
    Rule::new(
        AppCompleted,
        70,
        &[
            "exited with code 0",
            "back-off restarting <*>exit code 0",
            "completed successfully but is restarted",
        ],
    )
    .on(&[Domain::Start, Domain::Other]),
];
