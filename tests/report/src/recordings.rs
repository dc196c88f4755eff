use crate::confusion::confusion;
use crate::markdown::{Table, median, share};
use crate::{Command, FaultTold, Judgement, Truth, judge};
use anyhow::{Context, Result};
use std::collections::{BTreeMap, BTreeSet};
use std::path::{Path, PathBuf};
use std::sync::Mutex;
use std::sync::atomic::{AtomicUsize, Ordering};

/// A recording, replayed and judged.
#[derive(Debug, Clone)]
pub struct Judged {
    /// Its truth.
    pub truth: Truth,
    /// What the alerts were worth.
    pub judgement: Judgement,
}

/// Replays every recording in a folder that has a truth, several at a time, and judges it. In order of their names.
pub fn replay_all(command: &Command, folder: &Path) -> Result<Vec<Judged>> {
    let entries = std::fs::read_dir(folder).with_context(|| format!("cannot read {}", folder.display()))?;
    let dirs = entries.map(|entry| Ok(entry?.path())).collect::<Result<Vec<PathBuf>>>()?;
    let mut dirs: Vec<_> = dirs.into_iter().filter(|dir| dir.join("truth.yaml").is_file()).collect();
    dirs.sort();
    let (next, judged) = (AtomicUsize::new(0), Mutex::new(BTreeMap::new()));
    let work = || -> Result<()> {
        while let Some(dir) = dirs.get(next.fetch_add(1, Ordering::Relaxed)) {
            let truth = Truth::read(dir)?;
            let told = command.replay(dir)?;
            let judgement = judge(&truth, &told);
            judged.lock().expect("nobody panics while holding it").insert(dir, Judged { truth, judgement });
        }
        Ok(())
    };
    std::thread::scope(|scope| {
        let workers = std::thread::available_parallelism().map_or(1, std::num::NonZero::get);
        let workers: Vec<_> = (0..workers).map(|_| scope.spawn(work)).collect();
        workers.into_iter().try_for_each(|worker| worker.join().expect("a replay does not panic"))
    })?;
    Ok(judged.into_inner().expect("nobody panics while holding it").into_values().collect())
}

/// What one rule did over all recordings.
#[derive(Default)]
struct ByRule {
    right: usize,
    wrong: usize,
    digest: usize,
    delays: Vec<f64>,
    recordings: BTreeSet<String>,
}

/// The section of the report: totals, recording by recording, rule by rule.
pub fn section(judged: &[Judged]) -> String {
    let text = [
        "## Recordings\n\nEvery recording in `events/recordings`, replayed by `prodrome replay` and held against its \
`truth.yaml`, which the command does not see. A fault counts as told if, before the recording ends, there is an alert \
on its object, on the object's owner or on its pods. A false alarm is an alert on what no fault names, and any where \
nothing ought to be told; alerts of P4 only go into a digest and are counted apart. Seconds are those from the \
instant at which the stream first shows the fault to the first alert: most rules wait 300 s before they fire, by \
design.\n"
            .to_owned(),
        totals(judged),
        "### What was taken for what\n\nFaults that were told and whose truth states a cause.\n".to_owned(),
        confusion(faults(judged)),
        "### Recording by recording\n".to_owned(),
        by_recording(judged),
        "### Rule by rule\n\nAn alert is right where it is on a fault that ought to be told. A fault is often told by \
several rules, each at its own time.\n"
            .to_owned(),
        by_rule(judged),
    ];
    text.join("\n")
}

fn faults(judged: &[Judged]) -> impl Iterator<Item = &FaultTold> {
    judged.iter().flat_map(|one| &one.judgement.faults)
}

fn totals(judged: &[Judged]) -> String {
    let expected = faults(judged).count();
    let told = faults(judged).filter(|fault| fault.is_told()).count();
    let right: usize = faults(judged).map(|fault| fault.alerts.len()).sum();
    let count = |f: fn(&Judgement) -> usize| judged.iter().map(|one| f(&one.judgement)).sum::<usize>();
    let wrong = count(|judgement| judgement.false_alarms.len());
    let quiet: Vec<_> = judged.iter().filter(|one| one.truth.alert_expected == Some(false)).collect();
    let silent = quiet.iter().filter(|one| one.judgement.false_alarms.is_empty()).count();
    let yes = |answers: Vec<bool>| share(answers.iter().filter(|yes| **yes).count(), answers.len());
    let delays: Vec<f64> = faults(judged).filter_map(FaultTold::delay_s).collect();
    let latest = delays.iter().copied().fold(0.0, f64::max);
    let per_fault =
        (right * 10).checked_div(told).map_or("–".to_owned(), |n| format!("{}.{}", n / 10, n % 10));
    let mut table = Table::new(&["what", ">figure"]);
    table.row(&[&"recordings", &judged.len()]);
    table.row(&[&"recall: faults that were told", &share(told, expected)]);
    table.row(&[&"precision: alerts on faults, of all alerts", &share(right, right + wrong)]);
    table.row(&[&"quiet recordings that stayed quiet", &share(silent, quiet.len())]);
    table.row(&[&"false alarms", &wrong]);
    table.row(&[&"the same of P4, in the digest", &count(|judgement| judgement.digest.len())]);
    table.row(&[&"alerts that the truth excludes by name", &count(|judgement| judgement.forbidden.len())]);
    table.row(&[&"repeated fingerprints", &count(|judgement| judgement.repeated)]);
    table.row(&[&"right owner", &yes(faults(judged).filter_map(FaultTold::is_owner_right).collect())]);
    table.row(&[&"right cause", &yes(faults(judged).filter_map(FaultTold::is_cause_right).collect())]);
    table.row(&[
        &"resolved, where the fault ended 60 s before the recording",
        &yes(faults(judged).filter_map(|fault| fault.resolved).collect()),
    ]);
    table.row(&[&"seconds from the fault's beginning to the alert, median", &median(delays)]);
    table.row(&[&"the same, longest", &format!("{latest:.0}")]);
    table.row(&[&"alerts a told fault", &per_fault]);
    table.finish()
}

fn by_recording(judged: &[Judged]) -> String {
    let mut table = Table::new(&[
        "recording",
        "expected",
        "told by",
        ">seconds",
        "owner",
        "cause",
        "resolved",
        "false alarms",
    ]);
    for Judged { truth, judgement } in judged {
        let wrong: Vec<_> = judgement.false_alarms.iter().chain(&judgement.digest).collect();
        let wrong =
            wrong.iter().map(|alert| format!("{} on {} ({})", alert.rule, alert.object, alert.severity));
        let mut wrong = wrong.collect::<Vec<_>>().join(", ");
        if judgement.faults.is_empty() {
            let expected = if truth.alert_expected.is_some() { "silence" } else { "(not about alerts)" };
            table.row(&[&truth.name, &expected, &"", &"", &"", &"", &"", &wrong]);
        }
        for fault in &judgement.faults {
            let expected = fault.fault.cause.as_deref().unwrap_or("an alert");
            let mut rules = BTreeMap::new();
            for alert in &fault.alerts {
                *rules.entry(&*alert.rule).or_insert(0_usize) += 1;
            }
            let times = |(rule, n): (&&str, &usize)| {
                if *n > 1 { format!("{rule} ×{n}") } else { (*rule).to_owned() }
            };
            let rules: Vec<_> = rules.iter().map(times).collect();
            let rules = if rules.is_empty() { "**not told**".to_owned() } else { rules.join(", ") };
            let delay = fault.delay_s().map(|s| format!("{s:.0}")).unwrap_or_default();
            let owner = match (fault.is_owner_right(), &fault.fault.owner) {
                (Some(true), Some(owner)) => owner.clone(),
                (Some(false), Some(owner)) => format!("**not {owner}**"),
                _ => String::new(),
            };
            let cause = match fault.is_cause_right() {
                Some(true) => "right".to_owned(),
                Some(false) if fault.causes.is_empty() => "none".to_owned(),
                Some(false) => format!("**{}**", fault.causes.iter().cloned().collect::<Vec<_>>().join(", ")),
                None => String::new(),
            };
            let resolved = fault.resolved.map_or("", |resolved| if resolved { "yes" } else { "**no**" });
            table.row(&[
                &truth.name,
                &expected,
                &rules,
                &delay,
                &owner,
                &cause,
                &resolved,
                &std::mem::take(&mut wrong),
            ]);
        }
    }
    table.finish()
}

fn by_rule(judged: &[Judged]) -> String {
    let mut rules: BTreeMap<&str, ByRule> = BTreeMap::new();
    for Judged { truth, judgement } in judged {
        for fault in &judgement.faults {
            for alert in &fault.alerts {
                let rule = rules.entry(&alert.rule).or_default();
                rule.right += 1;
                rule.delays.extend(fault.fault.began_t.map(|began| alert.t - began));
                rule.recordings.insert(truth.name.clone());
            }
        }
        for alert in &judgement.false_alarms {
            rules.entry(&alert.rule).or_default().wrong += 1;
        }
        for alert in &judgement.digest {
            rules.entry(&alert.rule).or_default().digest += 1;
        }
    }
    let mut table = Table::new(&[
        "rule",
        ">right",
        ">false",
        ">in the digest",
        "precision",
        ">seconds, median",
        ">recordings",
    ]);
    for (name, rule) in rules {
        let precision = share(rule.right, rule.right + rule.wrong);
        let (right, wrong, digest) = (rule.right, rule.wrong, rule.digest);
        table.row(&[
            &name,
            &right,
            &wrong,
            &digest,
            &precision,
            &median(rule.delays),
            &rule.recordings.len(),
        ]);
    }
    table.finish()
}
