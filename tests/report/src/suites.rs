//! Suites: cases of other projects, each object with a verdict. They stay where they are; the figures are kept.

mod case;
mod generic;
mod judgement;
mod look;

use crate::Command;
use crate::markdown::{Table, percent};
use anyhow::{Context, Result, bail};
use case::{Case, Judged, Unit, Verdict};
use jiff::SignedDuration;
use std::collections::{BTreeMap, BTreeSet};
use std::path::{Path, PathBuf};

/// The second look comes so much later: what is degraded should fire by then.
const LATER: SignedDuration = SignedDuration::from_hours(24);

const HEAD: &str = "## Suites

Made by `make report SUITES=DIR`, with a folder of suites that are no part of the repository. What `prodrome scan --from` says of the objects in the test suites of four other projects (Argo CD's health checks, \
K8sGPT's analyzers, Popeye's linters, the alerts of kubernetes-mixin), object by object; the streams of mixin go \
through `prodrome replay` as a whole. Degraded: right is any finding on that very object, firing or pending. Healthy \
and suspended: any finding is false. Progressing: a firing one is wrong, a pending one is right. The look is at the \
instant of the case's last change; *fires later* is the share of the degraded that fires at a second look, a day \
later. *Core* leaves out what is debatable and what needs to count or to know the kind.
";

const GENERIC: &str = "### Generic rules alone

Of custom resources, what the rules on any kind say with all others off, kinds included that have rules of their own: so
much carries a kind that nobody wrote a rule for. Popeye's custom resources are broken by what they refer to (an endpoint
whose pod is gone, an identity that nobody has), while their statuses are well: that takes a rule that knows the kind.
";

const JUDGEMENT: &str = "### Where a suite and an SRE differ

Each of the mistakes above, by class: what the suite says, and what was decided for the rules. A rule is not bent for a
case.
";

/// Looks at every suite in a folder and writes the section; `rules` is the folder of the shipped rules.
pub fn section(command: &Command, folder: &Path, rules: &Path) -> Result<String> {
    let cases = read_all(folder)?;
    let now = look(command, &cases, SignedDuration::ZERO)?;
    let later = look(command, &cases, LATER)?;
    let scratch = tempfile::tempdir().context("cannot make a temporary folder")?;
    let file = scratch.path().join("generic.json");
    std::fs::write(&file, generic::rules(rules)?)
        .with_context(|| format!("cannot write {}", file.display()))?;
    let alone = command.with_rules(file);
    let (alone_now, alone_later) =
        (look(&alone, &cases, SignedDuration::ZERO)?, look(&alone, &cases, LATER)?);
    let custom = |judged: &&Judged| !generic::is_built_in(&judged.kind);
    let core = |judged: &&Judged| judged.core;
    let text = [
        HEAD.to_owned(),
        format!("{} cases, {} objects judged.\n", cases.len(), now.len()),
        "### All\n".to_owned(),
        by_suite(&now.iter().collect::<Vec<_>>(), &later.iter().collect::<Vec<_>>()),
        "### Core\n".to_owned(),
        by_suite(
            &now.iter().filter(core).collect::<Vec<_>>(),
            &later.iter().filter(core).collect::<Vec<_>>(),
        ),
        GENERIC.to_owned(),
        by_suite(
            &alone_now.iter().filter(custom).collect::<Vec<_>>(),
            &alone_later.iter().filter(custom).collect::<Vec<_>>(),
        ),
        "Core:\n".to_owned(),
        by_suite(
            &alone_now.iter().filter(custom).filter(core).collect::<Vec<_>>(),
            &alone_later.iter().filter(custom).filter(core).collect::<Vec<_>>(),
        ),
        "### Kinds with mistakes\n\nOf all objects; the core ones are counted in the last column.\n"
            .to_owned(),
        by_kind(&now),
        JUDGEMENT.to_owned(),
        judgement::by_class(&now),
    ];
    Ok(text.join("\n"))
}

fn read_all(folder: &Path) -> Result<Vec<Case>> {
    let entries = std::fs::read_dir(folder).with_context(|| format!("cannot read {}", folder.display()))?;
    let files = entries.map(|entry| Ok(entry?.path())).collect::<Result<Vec<_>>>()?;
    let is_suite = |file: &PathBuf| {
        let name = file.to_string_lossy();
        Path::new(name.trim_end_matches(".zst")).extension().is_some_and(|extension| extension == "jsonl")
    };
    let mut files: Vec<_> = files.into_iter().filter(is_suite).collect();
    files.sort();
    if files.is_empty() {
        bail!("{}: expected files of cases (.jsonl, .jsonl.zst), found none", folder.display());
    }
    Ok(files.iter().map(|file| case::read(file)).collect::<Result<Vec<_>>>()?.into_iter().flatten().collect())
}

/// Looks at all cases, so much after each one's own instant. A stream is replayed as a whole at the first look,
/// and looked at as it stands at each of its instants later.
fn look(command: &Command, cases: &[Case], late: SignedDuration) -> Result<Vec<Judged>> {
    let (mut units, mut judged): (Vec<Unit>, Vec<Judged>) = (Vec::new(), Vec::new());
    let mut streams = Vec::new();
    for case in cases {
        let (its_units, its_judged) = case.expand(late)?;
        judged.extend(its_judged);
        if case.stream.is_some() && late.is_zero() {
            streams.push(case);
        } else {
            units.extend(its_units);
        }
    }
    look::scan(command, &units, &mut judged)?;
    streams.into_iter().try_for_each(|case| look::replay(command, case, &mut judged))?;
    Ok(judged)
}

impl Judged {
    /// Missed, false or too early.
    fn mistake(&self) -> Option<Mistake> {
        match self.verdict {
            Verdict::Degraded => (!self.found).then_some(Mistake::Missed),
            Verdict::Healthy | Verdict::Suspended => self.found.then_some(Mistake::False),
            Verdict::Progressing => self.firing.then_some(Mistake::TooEarly),
            Verdict::Unknown => None,
        }
    }
}

#[derive(Clone, Copy, PartialEq, Eq)]
enum Mistake {
    Missed,
    False,
    TooEarly,
}

fn by_suite(now: &[&Judged], later: &[&Judged]) -> String {
    let mut table = Table::new(&[
        "suite",
        ">degraded",
        ">recall %",
        ">firing %",
        ">fires later %",
        ">healthy",
        ">false %",
        ">suspended",
        ">false %",
        ">progressing",
        ">too early %",
        ">precision %",
    ]);
    let suites: BTreeSet<&str> = now.iter().map(|judged| &*judged.suite).collect();
    for suite in suites.into_iter().map(Some).chain([None]) {
        let of = |judged: &[&Judged], verdict: Verdict, counts: fn(&Judged) -> bool| {
            let of_suite = judged.iter().filter(|one| suite.is_none_or(|suite| one.suite == suite));
            of_suite.filter(|one| one.verdict == verdict && counts(one)).count()
        };
        let n = |verdict| of(now, verdict, |_| true);
        let found = |verdict| of(now, verdict, |one| one.found);
        let firing = |judged: &[&Judged], verdict| of(judged, verdict, |one| one.firing);
        let (degraded, healthy) = (n(Verdict::Degraded), n(Verdict::Healthy));
        let (suspended, progressing) = (n(Verdict::Suspended), n(Verdict::Progressing));
        let right = found(Verdict::Degraded);
        let too_early = firing(now, Verdict::Progressing);
        let wrong = found(Verdict::Healthy) + found(Verdict::Suspended) + too_early;
        table.row(&[
            &suite.unwrap_or("all"),
            &degraded,
            &percent(right, degraded),
            &percent(firing(now, Verdict::Degraded), degraded),
            &percent(firing(later, Verdict::Degraded), degraded),
            &healthy,
            &percent(found(Verdict::Healthy), healthy),
            &suspended,
            &percent(found(Verdict::Suspended), suspended),
            &progressing,
            &percent(too_early, progressing),
            &percent(right, right + wrong),
        ]);
    }
    table.finish()
}

fn by_kind(judged: &[Judged]) -> String {
    let mut kinds: BTreeMap<(&str, &str), Vec<&Judged>> = BTreeMap::new();
    for one in judged.iter().filter(|one| one.verdict != Verdict::Unknown) {
        kinds.entry((&one.suite, &one.kind)).or_default().push(one);
    }
    let mut table =
        Table::new(&["suite", "kind", ">judged", ">missed", ">false", ">too early", ">of them core"]);
    let mut flawless = 0;
    for ((suite, kind), objects) in kinds {
        let count = |mistake| objects.iter().filter(|one| one.mistake() == Some(mistake)).count();
        let (missed, wrong, early) =
            (count(Mistake::Missed), count(Mistake::False), count(Mistake::TooEarly));
        let core = objects.iter().filter(|one| one.core && one.mistake().is_some()).count();
        if missed + wrong + early == 0 {
            flawless += 1;
            continue;
        }
        table.row(&[&suite, &kind, &objects.len(), &missed, &wrong, &early, &core]);
    }
    format!("{}\nWithout any mistake: {flawless} more.\n", table.finish())
}
