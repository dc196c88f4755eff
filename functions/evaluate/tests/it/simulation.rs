//! Everything at once, from a seed: pods come, break, recover, go and come again under the same name; packs are
//! repeated, late and out of order, or missing altogether until a list; handlings run side by side and die; the
//! table, the queues and the cluster fail. What is told must be what was.

use crate::truth::{Config, LAWS, Law, Pod, RULES, Spell, Truth};
use crate::world::{Told, World, at, rules, seconds};
use prodrome_lifecycle::Phase;
use prodrome_model::{ChangeKind, Ended, Finding, FindingState, Fingerprint};
use prodrome_queue::QueueUnkindness;
use prodrome_store::Unkindness;
use std::collections::{BTreeMap, BTreeSet};

const PODS: [&str; 6] = ["a", "b", "c", "d", "e", "f"];
const CONFIGS: [&str; 2] = ["settings", "secrets"];
/// Until then things happen.
const LENGTH: i64 = 14_400;
/// From then on everything works again; what is still wrong stays so.
const REST: i64 = LENGTH + 7_200;
/// How much later than it should something may be told on a very bad day.
const LATE_MAX: i64 = 2_400;

struct Play {
    world: World,
    truth: Truth,
    random: fastrand::Rng,
    version: u64,
    births: u32,
    unkind: bool,
    /// The watcher sees nothing until it lists anew.
    blind_until: Option<i64>,
    lists: u32,
}

impl Play {
    fn new(seed: u64, unkind: bool) -> Self {
        let mut world = World::new(rules(RULES));
        if unkind {
            world.side_by_side = 4;
            world.store.set_unkindness(Unkindness::of_seed(seed));
            world.queue.set_unkindness(QueueUnkindness::of_seed(seed));
            world.set_unreadable(seed, 4);
            let mut deaths = fastrand::Rng::with_seed(seed + 1);
            world.death = Box::new(move || (deaths.u8(0..100) < 6).then(|| deaths.usize(0..60)));
        }
        Self {
            world,
            truth: Truth::default(),
            random: fastrand::Rng::with_seed(seed),
            version: 10,
            births: 0,
            unkind,
            blind_until: None,
            lists: 0,
        }
    }

    async fn run(&mut self) {
        let mut t = 0;
        for name in CONFIGS {
            self.set_config(name, t, Some(Config::Good)).await;
        }
        while t < LENGTH {
            self.world.until(t).await;
            if self.blind_until.is_some_and(|until| until <= t) {
                self.blind_until = None;
                self.list().await;
            }
            self.happen(t).await;
            t += match self.random.u8(0..10) {
                0..4 => self.random.i64(1..20),
                4..8 => self.random.i64(20..200),
                _ => self.random.i64(200..1_500),
            };
        }
        self.world.until(t.max(LENGTH)).await;
        if self.blind_until.take().is_some() {
            self.list().await;
        }
        self.world.until(LENGTH + 3_600).await;
        self.world.store.set_unkindness(Unkindness::NONE);
        self.world.queue.set_unkindness(QueueUnkindness::NONE);
        self.world.set_unreadable(0, 0);
        self.world.death = Box::new(|| None);
        self.world.until(REST).await;
    }

    async fn happen(&mut self, t: i64) {
        if self.unkind && self.blind_until.is_none() && self.random.u8(0..25) == 0 {
            self.blind_until = Some(t + self.random.i64(10..400));
        }
        if self.random.u8(0..8) == 0 {
            let name = CONFIGS[self.random.usize(0..CONFIGS.len())];
            let next = match self.random.u8(0..4) {
                0 => None,
                1 => Some(Config::Bad),
                _ => Some(Config::Good),
            };
            if next != self.truth.config(name) {
                self.set_config(name, t, next).await;
            }
            return;
        }
        let name = PODS[self.random.usize(0..PODS.len())];
        let old = self.truth.pod(name).cloned();
        let next = match old {
            Some(_) if self.random.u8(0..10) == 0 => None,
            Some(pod) => {
                let mut pod = pod;
                match self.random.u8(0..6) {
                    0 => pod.phase = "Failed",
                    1 | 2 => pod.phase = "Running",
                    _ => pod.ready = !pod.ready,
                }
                Some(pod)
            }
            None => {
                self.births += 1;
                let config = CONFIGS[self.random.usize(0..CONFIGS.len())];
                let phase = if self.random.bool() { "Pending" } else { "Running" };
                let uid = format!("{name}-{}", self.births);
                Some(Pod { uid, created: t, phase, ready: self.random.bool(), config })
            }
        };
        self.set_pod(name, t, next).await;
    }

    async fn set_pod(&mut self, name: &str, t: i64, next: Option<Pod>) {
        let old = self.truth.pod(name).cloned();
        self.version += 1;
        let json = next.as_ref().or(old.as_ref()).unwrap().json(name, self.version);
        self.truth.pods.entry(name.to_owned()).or_default().push((t, next.clone()));
        self.change("Pod", next.is_some(), &json).await;
    }

    async fn set_config(&mut self, name: &str, t: i64, next: Option<Config>) {
        let old = self.truth.config(name);
        self.version += 1;
        let json = next.or(old).unwrap().json(name, self.version);
        self.truth.configs.entry(name.to_owned()).or_default().push((t, next));
        self.change("ConfigMap", next.is_some(), &json).await;
    }

    async fn change(&mut self, of: &'static str, is_there: bool, json: &serde_json::Value) {
        match (is_there, self.blind_until.is_some()) {
            (true, true) => self.world.live(of, json),
            (false, true) => self.world.live_without(of, json),
            (true, false) => self.world.apply(of, json).await,
            (false, false) => self.world.delete(of, json).await,
        }
    }

    /// The watcher lost its place: it lists what is there, in packs of two, and says when it is through.
    async fn list(&mut self) {
        self.lists += 1;
        for of in ["Pod", "ConfigMap"] {
            let list = Some(format!("1/{of}/{}", self.lists));
            let names: Vec<&str> = if of == "Pod" {
                PODS.into_iter().filter(|name| self.truth.pod(name).is_some()).collect()
            } else {
                CONFIGS.into_iter().filter(|name| self.truth.config(name).is_some()).collect()
            };
            let there: Vec<_> = names.into_iter().map(|name| self.live_json(of, name)).collect();
            let mark = |kind| Told { kind, of, object: None, list: list.clone() };
            self.world.tell(&[mark(ChangeKind::ListBegin)]).await;
            for two in there.chunks(2) {
                let item =
                    |object| Told { kind: ChangeKind::Applied, of, object: Some(object), list: list.clone() };
                let told: Vec<Told<'_>> = two.iter().map(item).collect();
                self.world.tell(&told).await;
            }
            self.world.tell(&[mark(ChangeKind::ListEnd)]).await;
        }
    }

    /// The object as the live cluster has it, with its version.
    fn live_json(&self, of: &str, name: &str) -> serde_json::Value {
        let key = prodrome_model::ObjectKey::new(crate::world::resource(of).group_kind(), Some("shop"), name);
        let bytes =
            futures::executor::block_on(prodrome_cluster::Cluster::get(&self.world.cluster.memory, &key));
        serde_json::from_slice(&bytes.unwrap().unwrap()).unwrap()
    }

    fn check(&self) {
        self.world.assert_quiet();
        let stories = stories(&self.world.findings);
        for law in &LAWS {
            let spells = self.truth.spells(law);
            let own: Vec<&Story> = stories.values().filter(|story| story.finding.rule == law.name).collect();
            for spell in &spells {
                self.nothing_that_lasted_is_missed(law, spell, &spells, &own);
            }
            for story in &own {
                self.what_is_told_was_so(law, story, &spells);
            }
        }
        self.what_is_open_is_what_matches();
    }

    /// Whatever matched for long enough was told, and in time.
    fn nothing_that_lasted_is_missed(&self, law: &Law, spell: &Spell, spells: &[Spell], own: &[&Story]) {
        let late = self.late_max(law);
        let lasted = spell.to.min(REST) - spell.from;
        if lasted < law.duration + late {
            return;
        }
        let told = own.iter().find(|story| {
            let fired = seconds(story.finding.fired_at);
            story.finding.subject.uid() == spell.uid
                && fired <= seconds(at(spell.from + law.duration + late))
                && (fired >= seconds(at(spell.from))
                    // It goes on from an episode that was told, and had not been over for long enough.
                    || self.goes_on(law, story, spell, spells))
        });
        assert!(told.is_some(), "{} of {spell:?} was missed: {own:#?}", law.name);
    }

    /// Whether a spell belongs to an episode that was told of an earlier one.
    fn goes_on(&self, law: &Law, story: &Story, spell: &Spell, spells: &[Spell]) -> bool {
        let fired = seconds(story.finding.fired_at);
        let ended = story.ended.as_ref().map_or(f64::MAX, |ended| seconds(ended.at));
        let mut of_it = spells.iter().filter(|s| s.uid == spell.uid && s.to != i64::MAX);
        #[expect(clippy::cast_precision_loss, reason = "seconds of a few hours")]
        let covers = of_it.any(|s| (s.from as f64) <= fired && fired <= (s.to + self.late_max(law)) as f64);
        #[expect(clippy::cast_precision_loss, reason = "seconds of a few hours")]
        let open = ended > spell.from as f64;
        covers && open
    }

    #[expect(clippy::cast_precision_loss, reason = "seconds of a few hours")]
    fn what_is_told_was_so(&self, law: &Law, story: &Story, spells: &[Spell]) {
        let finding = &story.finding;
        let (since, fired) = (seconds(finding.since), seconds(finding.fired_at));
        assert!(fired - since >= law.duration as f64, "{}: too early: {finding:#?}", law.name);
        let of_it: Vec<&Spell> = spells.iter().filter(|spell| spell.uid == finding.subject.uid()).collect();
        let matching = |t: f64| of_it.iter().any(|spell| spell.from as f64 <= t && t <= spell.to as f64);
        if finding.stale.is_none() {
            assert!(matching(fired), "{} fired though it did not match: {finding:#?} {of_it:#?}", law.name);
        }
        if !self.unkind {
            // What a rule refers to is not asked before the first look at the check, 30 s after it was opened.
            let early = if law.refers { 30.0 } else { 0.0 };
            let broken: Vec<_> = of_it
                .iter()
                .zip(of_it.iter().skip(1))
                .filter(|(a, b)| {
                    (b.from as f64) > since + early
                        && (a.to as f64) < fired
                        && b.from - a.to >= law.gap.max(1)
                })
                .collect();
            assert!(broken.is_empty(), "{} fired over a break {broken:?}: {finding:#?}", law.name);
        }
        match &story.ended {
            // Whoever was told is told of its end, unless it still goes on.
            None => assert!(matching(seconds(at(REST))), "{} never ended: {finding:#?} {of_it:#?}", law.name),
            Some(ended) if !self.unkind => {
                let quiet = seconds(ended.at);
                assert!(!matching(quiet + 2.0), "{} ended while it matched: {finding:#?}", law.name);
            }
            Some(ended) => assert!(seconds(ended.at) >= since, "{finding:#?}"),
        }
    }

    /// In the end the open checks are the matches that last, each told of.
    fn what_is_open_is_what_matches(&self) {
        let mut want = BTreeSet::new();
        for law in &LAWS {
            let open = self.truth.spells(law).into_iter().filter(|spell| spell.to == i64::MAX);
            want.extend(open.map(|spell| (law.name.to_owned(), spell.uid)));
        }
        let mut have = BTreeSet::new();
        for check in self.world.checks() {
            let told = matches!(check.phase, Phase::Fired { .. });
            // A rule with references keeps a check of whatever its own part matches.
            let waits = matches!(check.phase, Phase::Watching { .. } | Phase::Pending { .. });
            assert!(told || waits, "{check:#?}");
            if told {
                have.insert((check.rule, check.uid));
            }
        }
        assert_eq!(have, want);
    }

    fn late_max(&self, law: &Law) -> i64 {
        match (self.unkind, law.refers) {
            (true, _) => LATE_MAX,
            (false, false) => 2,
            // Ten seconds gather what goes and comes together, ten seconds settle.
            (false, true) => 22,
        }
    }
}

/// What was told of one episode.
#[derive(Debug)]
struct Story {
    finding: Finding,
    ended: Option<Ended>,
}

/// By fingerprint: however often something was told, it was the same.
fn stories(findings: &[Finding]) -> BTreeMap<Fingerprint, Story> {
    let mut begun: BTreeMap<Fingerprint, Finding> = BTreeMap::new();
    let mut ended: BTreeMap<Fingerprint, Ended> = BTreeMap::new();
    for finding in findings {
        let fingerprint = finding.fingerprint.clone();
        match &finding.state {
            FindingState::Firing => {
                let first = begun.entry(fingerprint).or_insert_with(|| finding.clone());
                assert_eq!(first, finding, "one episode, two findings");
            }
            FindingState::Ended(end) => {
                let first = ended.entry(fingerprint).or_insert_with(|| end.clone());
                assert_eq!(first, end, "one episode, two ends");
            }
        }
    }
    for fingerprint in ended.keys() {
        assert!(begun.contains_key(fingerprint), "an end without a beginning");
    }
    let mut stories: BTreeMap<Fingerprint, Story> = BTreeMap::new();
    for (fingerprint, finding) in begun {
        let ended = ended.remove(&fingerprint);
        stories.insert(fingerprint, Story { finding, ended });
    }
    // One identity an episode: of one object and rule the next begins only after the last has ended.
    let mut by_subject: BTreeMap<(String, String), Vec<&Story>> = BTreeMap::new();
    // One that was made without the cluster's answer, by late news of what has gone since, is one too many.
    for story in stories.values().filter(|story| story.finding.stale.is_none()) {
        let subject = (story.finding.rule.clone(), story.finding.subject.uid().to_owned());
        by_subject.entry(subject).or_default().push(story);
    }
    for episodes in by_subject.values_mut() {
        episodes.sort_by_key(|story| story.finding.fired_at);
        for pair in episodes.windows(2) {
            let over = pair[0].ended.as_ref().is_some_and(|ended| ended.at <= pair[1].finding.since);
            assert!(over, "two identities of one episode: {pair:#?}");
        }
    }
    stories
}

async fn run(seed: u64, unkind: bool) {
    println!("SEED={seed} cargo test -p prodrome-evaluate --test it simulation");
    let mut play = Play::new(seed, unkind);
    play.run().await;
    play.check();
}

async fn seeds(unkind: bool, many: u64) {
    // A failure names its seed; run it alone with SEED, or more of them with SEEDS.
    #[expect(clippy::disallowed_methods, reason = "which seeds to run is the caller's wish")]
    let wish = |name| std::env::var(name).ok().map(|seed| seed.parse::<u64>().unwrap());
    let many = wish("SEEDS").unwrap_or(many);
    for seed in wish("SEED").map_or(0..many, |seed| seed..seed + 1) {
        run(seed, unkind).await;
    }
}

#[tokio::test]
async fn without_faults_everything_is_told_once_and_when_it_is_due() {
    seeds(false, 6).await;
}

#[tokio::test]
async fn under_faults_nothing_that_lasted_is_missed_and_nothing_else_is_told() {
    // What came back while its end was on its way was missed.
    run(55, true).await;
    seeds(true, 12).await;
}
