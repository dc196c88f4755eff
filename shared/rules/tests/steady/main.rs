//! From the second object on a run allocates nothing, where no rule has anything to say.
#![expect(clippy::unwrap_used, reason = "a test fails by panicking")]

#[path = "../recorded/mod.rs"]
mod recorded;

use prodrome_rules::engine::{Program, Scratch};
use recorded::{kind, library, objects};
use std::sync::Arc;

#[test]
fn an_object_that_no_rule_speaks_of_costs_no_allocation() {
    let rules = Arc::new(library());
    let now = "2026-10-01T00:00:00Z".parse().unwrap();
    let mut scratch = Scratch::default();
    let mut programs = Vec::new();
    for (path, objects) in objects() {
        if let Some(kind) = kind(&path) {
            programs.push((Program::new(&rules, &kind), objects));
        }
    }
    // Once over all of them: the room is made, and the regular expressions have built what they need.
    for (program, objects) in &programs {
        for json in objects {
            program.run(json, now, &mut scratch).unwrap();
        }
    }
    let (mut silent, mut asked) = (0, 0);
    for (program, objects) in &programs {
        for json in objects {
            let mut is_silent = false;
            let allocated = allocation_counter::measure(|| {
                is_silent = program.run(json, now, &mut scratch).unwrap().is_silent();
            });
            asked += 1;
            if is_silent {
                silent += 1;
                assert_eq!(allocated.count_total, 0, "{}", String::from_utf8_lossy(json));
            }
        }
    }
    assert!(asked > 3000 && silent * 3 > asked, "{silent} of {asked} objects are silent");
}
