//! So many seeds that a change which breaks something is seen at once; `make sim SEEDS=100000` runs more.

use prodrome_sim::{Plan, run};
use std::thread;

/// How many seeds, shared out among so many threads.
const SEEDS: u64 = 300;
const THREADS: u64 = 2;
/// Seeds that failed once.
const FAILED_ONCE: [u64; 19] = [
    116, 1_068, 1_138, 2_111, 2_313, 2_433, 2_598, 2_814, 10_477, 20_159, 20_738, 32_004, 40_013, 40_096,
    40_139, 60_594, 70_143, 900_018, 910_025,
];

#[test]
fn whatever_goes_wrong_what_lasted_is_told_once_and_in_time() {
    let failed: Vec<String> = thread::scope(|scope| {
        let threads: Vec<_> = (0..THREADS).map(|first| scope.spawn(move || failures(first))).collect();
        threads.into_iter().flat_map(|thread| thread.join().unwrap()).collect()
    });
    assert!(failed.is_empty(), "{}", failed.join("\n"));
}

fn failures(first: u64) -> Vec<String> {
    let seeds = (0..SEEDS).chain(FAILED_ONCE).enumerate().filter(|(n, _)| *n as u64 % THREADS == first);
    let outcomes = seeds.map(|(_, seed)| seed).map(|seed| (seed, run(&Plan::of(seed))));
    let failed = outcomes.filter(|(_, outcome)| !outcome.complaints.is_empty());
    let told = |(seed, outcome): (u64, prodrome_sim::Outcome)| {
        let complaints: Vec<_> = outcome.complaints.iter().map(ToString::to_string).collect();
        format!("cargo run -p prodrome-sim -- --from {seed} --seeds 1\n{}", complaints.join("\n"))
    };
    failed.map(told).collect()
}

#[test]
fn the_same_plan_comes_to_the_same() {
    for seed in [3, 4] {
        let plan = Plan::of(seed);
        let once = run(&plan);
        assert_eq!((once.digest, once.complaints), (run(&plan).digest, Vec::new()));
    }
}
