use crate::backlog::{Drained, drain};
use crate::count::{Counted, count, strange};
use crate::dead::Dead;
use crate::feed::{Fed, feed};
use crate::objects::RULES;
use crate::plan::Plan;
use crate::weather::{Weathered, storm};
use anyhow::{Result, bail};
use prodrome_e2e::{Met, Proxy, Service, Setup, System, shipped_rules_and};
use prodrome_lifecycle::Over;
use prodrome_local::audit;
use prodrome_model::{ObjectKey, SHARDS_DEFAULT};
use prodrome_recording::play::{Request, Verb};
use std::collections::{BTreeMap, BTreeSet};
use std::path::Path;
use std::thread::sleep;
use std::time::{Duration, Instant};

const LOOK_EVERY: Duration = Duration::from_millis(500);
/// Of a long list of what is wrong, so much is told.
const TOLD_MAX: usize = 20;
/// The functions whose logs are of use where something is wrong.
const LOGGED: [&str; 4] = ["alert", "diagnose", "evaluate", "sweep"];

/// One load, from the first change until everything was told.
pub struct Phase {
    /// What it is called.
    pub(crate) name: &'static str,
    pub(crate) fed: Fed,
    pub(crate) counted: Counted,
    pub(crate) weathered: Option<Weathered>,
    /// How long after the last change everything was told and no change waited.
    pub(crate) caught_up: Duration,
}

/// What the watcher asked of the API server while all was well, once it was in step.
pub(crate) struct Asked {
    pub(crate) kinds: usize,
    pub(crate) watches: usize,
    pub(crate) others: usize,
    pub(crate) took: Duration,
}

/// What came of it.
pub struct Outcome {
    /// The loads.
    pub phases: Vec<Phase>,
    pub(crate) dead: Dead,
    pub(crate) met: BTreeMap<(Service, Met), u64>,
    pub(crate) drained: Option<Drained>,
    /// What the watcher asked of the API server in the calm.
    pub(crate) asked: Option<Asked>,
    wrong: Vec<String>,
}

impl Outcome {
    /// All that is not as it must be; nothing, where all is well.
    pub fn wrong(&self) -> &[String] {
        &self.wrong
    }
}

/// Runs all of it. `program` is all functions, by `PRODROME_FUNCTION`; `say` hears what is going on.
pub fn run(plan: &Plan, program: &Path, say: &dyn Fn(&str)) -> Result<Outcome> {
    let scratch = tempfile::tempdir()?;
    let rules = shipped_rules_and(scratch.path(), "load.yaml", RULES)?;
    let proxy = Proxy::start(plan.seed)?;
    let setup = Setup::new(program)
        .rules(rules)
        .through(&proxy)
        .gathering(1)
        .parameter("TimeoutSeconds", Plan::TIMEOUT_SECONDS.to_string())
        .parameter("VisibilitySeconds", Plan::VISIBILITY_SECONDS.to_string());
    let system = System::start(&setup)?;
    let (mut phases, mut asked) = (Vec::new(), None);
    if plan.calm {
        let (before, begun) = (asked_by_watcher(&system), Instant::now());
        phases.push(phase(&system, plan, "calm", None, say)?);
        asked = Some(asked_since(&before, &asked_by_watcher(&system), begun.elapsed()));
    }
    phases.push(phase(&system, plan, "stormy", Some(&proxy), say)?);

    say("waiting for the dead letters");
    let planted: BTreeSet<String> = phases.iter().flat_map(|phase| phase.fed.malformed.clone()).collect();
    let mut dead = Dead::default();
    let patience = plan.patience();
    let mut unsettled = Vec::new();
    let all_aside = until("what is malformed to be put aside", patience, || {
        dead.collect(&system)?;
        Ok((planted.iter().all(|name| dead.planted.contains(name)), dead.letters))
    });
    unsettled.extend(all_aside.err());
    let empty = until("the queues to be empty", patience, || {
        let waiting = waiting(&system)?;
        Ok((waiting == 0, waiting))
    });
    unsettled.extend(empty.err());
    dead.collect(&system)?;
    // What is not so then is told by name.
    for error in &unsettled {
        say(&format!("{error:#}"));
    }
    let mut wrong = judge(&system, &mut phases, &dead, &planted)?;
    let missing: Vec<String> = planted.difference(&dead.planted).cloned().collect();
    wrong.extend(some("malformed, and gone without a word", &missing));
    if let Some(folder) = plan.logs.as_ref().filter(|_| !wrong.is_empty()) {
        keep_logs(&system, folder)?;
        say(&format!("what the functions logged lies in {}", folder.display()));
    }
    let drained = match plan.backlog {
        0 => None,
        changes => {
            say(&format!("emptying a queue of {changes} changes"));
            let drained = drain(&system, changes, patience)?;
            wrong.extend(some("of the backlog, lost", &drained.counted.lost));
            wrong.extend(some("of the backlog, false", &drained.counted.false_news));
            Some(drained)
        }
    };
    Ok(Outcome { phases, dead, met: proxy.met(), drained, asked, wrong })
}

/// The watcher's requests so far, of which the API server remembers the latest.
fn asked_by_watcher(system: &System) -> Vec<Request> {
    let of_it = |request: &Request| request.agent.starts_with("prodrome-watcher/");
    system.requests().into_iter().filter(of_it).collect()
}

fn asked_since(before: &[Request], all: &[Request], took: Duration) -> Asked {
    let kinds: BTreeSet<&str> = before.iter().filter(|r| r.verb == Verb::Watch).map(|r| &*r.path).collect();
    let new = &all[before.len().min(all.len())..];
    let watches = new.iter().filter(|request| request.verb == Verb::Watch).count();
    Asked { kinds: kinds.len(), watches, others: new.len() - watches, took }
}

/// What the functions logged, a file each, and what was told.
fn keep_logs(system: &System, folder: &Path) -> Result<()> {
    std::fs::create_dir_all(folder)?;
    for function in LOGGED {
        let lines = system.emulator().client().logs(&format!("/prodrome/prodrome/{function}"), 0)?;
        let lines: Vec<String> = lines.into_iter().map(|line| line.text).collect();
        std::fs::write(folder.join(function), lines.join("\n"))?;
    }
    let told = system.webhook.told();
    let told: Vec<String> =
        told.iter().map(|told| serde_json::to_string(&told.notice)).collect::<Result<_, _>>()?;
    std::fs::write(folder.join("told"), told.join("\n"))?;
    Ok(())
}

fn phase(
    system: &System,
    plan: &Plan,
    name: &'static str,
    stormy: Option<&Proxy>,
    say: &dyn Fn(&str),
) -> Result<Phase> {
    say(&format!("{name}: {} changes a second for {} s", plan.rate, plan.seconds));
    let (fed, weathered) = std::thread::scope(|scope| {
        let time = Duration::from_secs(plan.seconds);
        let weather = stormy.map(|proxy| scope.spawn(move || storm(system, proxy, time, plan.seed)));
        let fed = feed(system, plan, name);
        let weathered = weather.map(|weather| weather.join().expect("the weather does not panic"));
        (fed, weathered)
    });
    let (fed, weathered) = (fed?, weathered.transpose()?);
    let begun = Instant::now();
    say(&format!("{name}: {} changes made; waiting for what is not told yet", fed.changes));
    let url = system.stack().output("ChangesQueueUrl")?;
    let told_by_now = || count(&fed, &system.webhook.told());
    let complete = until("everything to be told", plan.patience(), || {
        let counted = told_by_now();
        let depth = system.emulator().client().queue_depth(url)?;
        Ok((counted.lost.is_empty(), (counted.told, counted.ended, depth.total())))
    });
    if let Err(error) = complete {
        // What is lost is found in the end, and said by name.
        say(&format!("{name}: {error:#}"));
    }
    let caught_up = begun.elapsed();
    Ok(Phase { name, counted: told_by_now(), fed, weathered, caught_up })
}

/// Counts once more, now that nothing comes any more, and looks into the tables.
fn judge(
    system: &System,
    phases: &mut [Phase],
    dead: &Dead,
    planted: &BTreeSet<String>,
) -> Result<Vec<String>> {
    let mut wrong = Vec::new();
    let told = system.webhook.told();
    for phase in phases.iter_mut() {
        phase.counted = count(&phase.fed, &told);
        let Counted { lost, false_news, .. } = &phase.counted;
        wrong.extend(some("lost", lost));
        wrong.extend(some("false", false_news));
    }
    let feds: Vec<&Fed> = phases.iter().map(|phase| &phase.fed).collect();
    wrong.extend(some("told of what is well", &strange(&feds, &told)));
    wrong.extend(some("not signed", &system.webhook.forged()));
    wrong.extend(some("dead, and not planted", &dead.strange));
    let never_sent: Vec<String> =
        dead.planted.iter().filter(|name| !planted.contains(*name)).cloned().collect();
    wrong.extend(some("dead, and never sent", &never_sent));

    let records = system.all_records("ChecksTableName")?;
    if let Err(reason) = audit::markers(&records, system.scope(), SHARDS_DEFAULT) {
        wrong.push(reason);
    }
    let lasting = |fed: &Fed| -> Vec<String> {
        fed.broken.keys().filter(|name| !fed.mended.contains(*name)).cloned().collect()
    };
    let lasting: BTreeSet<String> = feds.iter().flat_map(|fed| lasting(fed)).collect();
    let open = records.iter().filter(|record| Over::read(&record.data).is_none());
    let open = open.filter_map(|record| record.key.partition.strip_prefix("check#"));
    let open = open.filter_map(|path| ObjectKey::from_path(path.split_once('#')?.1));
    let open: BTreeSet<String> = open.map(|object| object.name).collect();
    let missing: Vec<String> = lasting.difference(&open).cloned().collect();
    let spare: Vec<String> = open.difference(&lasting).cloned().collect();
    wrong.extend(some("broken, without a check", &missing));
    wrong.extend(some("checked, and not broken", &spare));
    let findings = system.findings()?;
    if findings.out != findings.came {
        wrong.push(format!("findings that last, and alert does not know: {findings}"));
    }
    Ok(wrong)
}

fn some(what: &str, items: &[String]) -> Option<String> {
    let first: Vec<&str> = items.iter().take(TOLD_MAX).map(String::as_str).collect();
    (!items.is_empty()).then(|| format!("{} {what}: {}", items.len(), first.join("; ")))
}

/// Messages that somebody has to handle now. One that is delayed is of the future.
fn waiting(system: &System) -> Result<u64> {
    let client = system.emulator().client();
    let mut waiting = 0;
    for queue in ["ChangesQueueUrl", "ChecksQueueUrl", "DiagnosesQueueUrl", "FindingsQueueUrl"] {
        let depth = client.queue_depth(system.stack().output(queue)?)?;
        waiting += depth.visible + depth.in_flight;
    }
    Ok(waiting)
}

/// Looks until it is so, as long as what is counted changes: however slow, as long as it goes on.
pub(crate) fn until<C: PartialEq>(
    what: &str,
    patience: Duration,
    mut look: impl FnMut() -> Result<(bool, C)>,
) -> Result<()> {
    let mut last: Option<(C, Instant)> = None;
    loop {
        let (done, counted) = look()?;
        if done {
            return Ok(());
        }
        match &last {
            Some((before, since)) if *before == counted => {
                if since.elapsed() > patience {
                    bail!("waited in vain: {what}");
                }
            }
            _ => last = Some((counted, Instant::now())),
        }
        sleep(LOOK_EVERY);
    }
}
