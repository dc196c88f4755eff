use crate::replayed::Replayed;
use crate::scenario::{Act, Scenario, in_namespace};
use crate::verdict::{Verdict, about};
use crate::world::World;
use anyhow::Result;
use prodrome_e2e::Told;
use prodrome_model::NoticeKind;
use std::time::{Duration, Instant};

const LOOK_EVERY: Duration = Duration::from_millis(500);
/// After everything was told, whatever is told twice, or falsely, or of what was mended, gets so long to come.
const LINGER: Duration = Duration::from_mins(1);

/// What was done and what was told.
pub struct Story {
    pub(crate) lives: Vec<Life>,
    /// Everything, in order.
    pub(crate) told: Vec<Told>,
    /// What is told of the recording of it, where there is one.
    pub(crate) replayed: Option<Replayed>,
    /// How long it took.
    pub(crate) took: Duration,
}

/// A scenario as it went.
pub(crate) struct Life {
    pub(crate) scenario: Scenario,
    /// When the fault began, once it has.
    pub(crate) began: Option<jiff::Timestamp>,
    /// When it was mended, once it is.
    pub(crate) mended: Option<jiff::Timestamp>,
    steps_done: usize,
}

impl Life {
    /// Before anything is done.
    pub(crate) fn new(scenario: Scenario) -> Self {
        Self { scenario, began: None, mended: None, steps_done: 0 }
    }
}

/// Lives through all scenarios at once.
pub(crate) fn live(world: &mut World, scenarios: Vec<Scenario>, say: &dyn Fn(&str)) -> Result<Story> {
    let lives = scenarios.into_iter();
    let mut lives: Vec<Life> = lives.map(Life::new).collect();
    say("the scenarios begin");
    for life in &mut lives {
        life.began = Some(now());
    }
    let objects: Vec<_> = lives.iter().flat_map(|life| life.scenario.all_objects()).collect();
    world.apply_all(&objects)?;
    let begun = Instant::now();
    let last = lives.iter().map(|life| life.scenario.lasts()).max();
    let last = Duration::from_secs(last.unwrap_or_default());
    let (mut known, mut quiet_since) = (0, None);
    loop {
        world.watching.check()?;
        let passed = begun.elapsed();
        for life in &mut lives {
            while let Some((after, act)) = life.scenario.steps.get(life.steps_done).cloned() {
                if passed < Duration::from_secs(after) {
                    break;
                }
                world.act(life.scenario.name, &act, say)?;
                life.began = Some(now());
                life.steps_done += 1;
            }
        }
        let told = world.system.webhook.told();
        for told in &told[known..] {
            say(&line(told, passed));
        }
        known = told.len();
        for life in &mut lives {
            let is_due = life.mended.is_none() && Verdict::of(life, &told).is_told();
            for act in life.scenario.mend.iter().filter(|_| is_due) {
                world.act(life.scenario.name, act, say)?;
                life.mended = Some(now());
            }
        }
        let open = lives.iter().filter(|life| !Verdict::of(life, &told).is_over()).count();
        quiet_since = if open == 0 { quiet_since.or(Some(Instant::now())) } else { None };
        if quiet_since.is_some_and(|since: Instant| since.elapsed() > LINGER) || passed > last {
            world.end_asides()?;
            return Ok(Story { lives, told, replayed: None, took: begun.elapsed() });
        }
        std::thread::sleep(LOOK_EVERY);
    }
}

fn line(told: &Told, passed: Duration) -> String {
    let notice = &told.notice;
    let cause = notice.cause.as_deref().unwrap_or("no cause");
    let what = if notice.kind == NoticeKind::Alert { "ALERT" } else { notice.kind.as_str() };
    let by = about(notice).join(", ");
    format!(
        "{:>4} s {what} {} {} {} x{} ({by}) {cause}: {}",
        passed.as_secs(),
        notice.severity.as_str(),
        notice.rule,
        notice.target(),
        notice.count,
        notice.summary
    )
}

fn now() -> jiff::Timestamp {
    #[expect(clippy::disallowed_methods, reason = "real nodes live in real time")]
    jiff::Timestamp::now()
}

impl World {
    fn act(&mut self, namespace: &str, act: &Act, say: &dyn Fn(&str)) -> Result<()> {
        match act {
            Act::Apply(object) => {
                say(&format!(
                    "{namespace}: apply {} {}",
                    object["kind"].as_str().unwrap_or_default(),
                    object["metadata"]["name"].as_str().unwrap_or_default()
                ));
                self.apply_all(&[in_namespace(object, namespace)])
            }
            Act::Kubectl(words) => {
                say(&format!("{namespace}: kubectl {}", words.join(" ")));
                self.kubectl_aside(namespace, words, true);
                Ok(())
            }
            Act::KubectlInVain(words) => {
                say(&format!("{namespace}: in vain: kubectl {}", words.join(" ")));
                self.kubectl_aside(namespace, words, false);
                Ok(())
            }
            Act::TakeNetwork(node) => {
                say(&format!("{namespace}: the network of {node} is taken away"));
                self.node(node)?.take_network()
            }
            Act::GiveNetwork(node) => {
                say(&format!("{namespace}: the network of {node} is given back"));
                self.node(node)?.give_network()
            }
            Act::MakeFolder(node, folder) => {
                say(&format!("{namespace}: {folder} is made on {node}"));
                self.node(node)?.make_folder(folder)
            }
            Act::KillKubelet(node) => {
                say(&format!("{namespace}: the kubelet of {node} is killed"));
                self.node(node)?.kill_kubelet()
            }
            Act::KillContainerd(node) => {
                say(&format!("{namespace}: the containerd of {node} is killed"));
                self.node(node)?.kill_containerd()
            }
            Act::StartContainerd(node) => {
                say(&format!("{namespace}: the containerd of {node} is started"));
                let site = self.site.clone();
                self.node(node)?.start_containerd(&site)
            }
            Act::StartKubelet(node) => {
                say(&format!("{namespace}: the kubelet of {node} is started"));
                let site = self.site.clone();
                self.node(node)?.start_kubelet(&site)
            }
        }
    }
}
