//! The shipped rules on the recorded objects.

use super::{difference, program};
use crate::recorded::{kind, library, objects};
use prodrome_rules::engine::{Level, Program, Scratch};
use std::sync::Arc;

#[test]
fn the_shipped_rules_say_of_recorded_objects_what_the_tree_says() {
    let rules = Arc::new(library());
    let mut scratch = Scratch::default();
    let (mut asked, mut silent, mut matched) = (0, 0, 0);
    for (path, objects) in objects() {
        let Some(kind) = kind(&path) else { continue };
        let program: Program = program(&rules, &kind, Level::Best);
        for (index, json) in objects.iter().enumerate() {
            // Recorded in 2026; some are looked at soon, some long after.
            for now in ["2026-10-01T00:00:00Z", "2027-06-01T00:00:00Z"] {
                if index % 7 == 0 || now.starts_with("2026") {
                    let now = now.parse().unwrap();
                    let difference = difference(&rules, &program, &mut scratch, &kind, json, now);
                    assert_eq!(difference, None, "{kind}");
                    let verdicts = program.run(json, now, &mut scratch).unwrap();
                    asked += 1;
                    silent += usize::from(verdicts.is_silent());
                    matched += verdicts.iter().filter(|(_, verdict)| verdict.matches).count();
                }
            }
        }
    }
    println!("{asked} objects, {silent} silent, {matched} matches");
    assert!(
        asked > 3000 && silent * 3 > asked && matched > 200,
        "{asked} objects, {silent} silent, {matched} matches"
    );
}
