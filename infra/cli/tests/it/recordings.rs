use crate::run::root;
use prodrome_report::{Command, Judged, replay_all};

/// What falls short, a line each.
fn shortcomings(judged: &[Judged], find: impl Fn(&Judged) -> Vec<String>) -> Vec<String> {
    let of = |one: &Judged| {
        let name = one.truth.name.clone();
        find(one).into_iter().map(move |what| format!("{name}: {what}")).collect::<Vec<_>>()
    };
    judged.iter().flat_map(of).collect()
}

/// Every recording, by the very command, against its truth. What it comes to in figures is in `tests/REPORT.md`.
#[test]
fn every_recording_is_told_as_its_truth_wants() {
    let command = Command::new(env!("CARGO_BIN_EXE_prodrome"));
    let judged = replay_all(&command, &root().join("events/recordings")).unwrap();
    let expected: usize = judged.iter().map(|one| one.judgement.faults.len()).sum();
    assert!(judged.len() > 80 && expected > 70, "{} recordings, {expected} faults", judged.len());

    let untold = shortcomings(&judged, |one| {
        let untold = one.judgement.faults.iter().filter(|fault| !fault.is_told());
        untold
            .map(|fault| format!("not told: {}", fault.fault.root_cause.clone().unwrap_or_default()))
            .collect()
    });
    assert!(untold.is_empty(), "{untold:#?}");

    let loud = shortcomings(&judged, |one| {
        let quiet = one.truth.alert_expected == Some(false);
        let alarms = one.judgement.false_alarms.iter().filter(|_| quiet);
        alarms.map(|alert| format!("{} on {} at {} s", alert.rule, alert.object, alert.t)).collect()
    });
    assert!(loud.is_empty(), "where nothing ought to be told: {loud:#?}");

    let forbidden = shortcomings(&judged, |one| {
        let forbidden = one.judgement.forbidden.iter();
        forbidden.map(|alert| format!("{} on {} at {} s", alert.rule, alert.object, alert.t)).collect()
    });
    assert!(forbidden.is_empty(), "what the truth excludes: {forbidden:#?}");

    let repeated = shortcomings(&judged, |one| {
        let repeated = Some(one.judgement.repeated).filter(|n| *n > 0);
        repeated.map(|n| format!("{n} fingerprints told again")).into_iter().collect()
    });
    assert!(repeated.is_empty(), "{repeated:#?}");

    let open = shortcomings(&judged, |one| {
        let open = one.judgement.faults.iter().filter(|fault| fault.resolved == Some(false));
        open.map(|fault| format!("never resolved: {}", fault.alerts[0].rule)).collect()
    });
    assert!(open.is_empty(), "{open:#?}");

    // Of the alerts on real faults, nearly all go to the right people, and few are beside the fault.
    let owners: Vec<bool> = judged
        .iter()
        .flat_map(|one| &one.judgement.faults)
        .filter_map(prodrome_report::FaultTold::is_owner_right)
        .collect();
    let right = owners.iter().filter(|right| **right).count();
    assert!(right * 20 >= owners.len() * 19, "owner right in {right} of {}", owners.len());
    let wrong: usize = judged.iter().map(|one| one.judgement.false_alarms.len()).sum();
    assert!(wrong * 50 <= expected, "{wrong} alerts beside the faults");
}
