use prodrome_load::{Plan, run, section};
use std::path::Path;

#[test]
fn in_a_storm_each_fault_is_told_once_and_only_what_was_planted_is_dead() {
    let plan = Plan {
        seconds: 20,
        rate: 100,
        objects: 500,
        calm: false,
        backlog: 4_000,
        to_the_death: false,
        seed: 7,
    };
    let outcome = run(&plan, Path::new(env!("CARGO_BIN_EXE_load")), &|what| println!("{what}")).unwrap();
    println!("{}", section(&plan, &outcome, "these", "this one."));
    assert_eq!(outcome.wrong(), [""; 0]);
}
