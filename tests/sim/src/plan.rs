use crate::clock::{MINUTE, Millis, SECOND};
use crate::edition::{self, Edit};
use crate::fault::{Fault, What};
use crate::law::Besides;
use serde::Serialize;

/// The pods that there may be.
pub(crate) const PODS: [&str; 6] = ["a", "b", "c", "d", "e", "f"];
/// The configurations that pods refer to.
pub(crate) const CONFIGS: [&str; 2] = ["settings", "secrets"];

/// By which the API server is drawn, and what is wrong with it: so that what failed once means what it did.
const SERVING: u64 = 0x690c;
/// By which it is drawn which clocks are wrong, likewise.
const CLOCKS: u64 = 0xc10c;
/// By which it is drawn what happens just when something is wrong, likewise.
const MEETS: u64 = 0x3ee7;

/// All that will happen to a run, from its seed. It is a list of changes and a list of faults, so that either can be
/// cut down to what matters.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct Plan {
    /// Where it comes from.
    pub seed: u64,
    /// Until then things happen and go wrong.
    pub length: Millis,
    /// What happens to the cluster, in order.
    pub deeds: Vec<Deed>,
    /// What goes wrong.
    pub faults: Vec<Fault>,
    /// How many bytes of changes the watcher may hold.
    pub waiting_bytes_max: usize,
    /// How many watchers there are; of several one leads.
    pub watchers: usize,
    /// Whether there is a rule that counts how often something began.
    pub counts: bool,
    /// Whether there is a rule on events.
    pub events: bool,
    /// Whether the API server streams lists.
    pub streams_lists: bool,
}

/// Something that happens to the cluster. Where it does not apply nothing happens.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize)]
pub struct Deed {
    /// When.
    pub at: Millis,
    /// What.
    pub what: DeedKind,
}

/// What happens.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize)]
pub enum DeedKind {
    /// A pod is made, referring to a configuration, or is replaced by one of the same name.
    Create(&'static str, Phase, bool, &'static str),
    /// A pod goes to another phase.
    Phase(&'static str, Phase),
    /// A pod becomes ready, or unready.
    Ready(&'static str, bool),
    /// A pod changes in nothing that a rule asks for.
    Touch(&'static str),
    /// A pod goes.
    Delete(&'static str),
    /// A configuration is good, bad, or gone.
    Config(&'static str, Option<bool>),
    /// The event of a pod is seen once more.
    Seen(&'static str),
    /// The event of a pod expires.
    Expired(&'static str),
    /// A version of the rules is pushed in which this one is so, or as at first.
    Push(&'static str, Option<Edit>),
}

impl DeedKind {
    /// Whether something becomes of pods or of their events.
    pub(crate) fn is_of_pods(self) -> bool {
        !matches!(self, Self::Config(..) | Self::Push(..))
    }

    /// To which pod, if to one.
    fn pod(self) -> Option<&'static str> {
        match self {
            Self::Create(pod, ..)
            | Self::Phase(pod, _)
            | Self::Ready(pod, _)
            | Self::Touch(pod)
            | Self::Delete(pod) => Some(pod),
            Self::Seen(_) | Self::Expired(_) | Self::Config(..) | Self::Push(..) => None,
        }
    }
}

/// The phase of a pod.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize)]
pub enum Phase {
    /// It waits.
    Pending,
    /// It runs.
    Running,
    /// It failed.
    Failed,
}

impl Phase {
    /// As Kubernetes writes it.
    pub fn as_str(self) -> &'static str {
        match self {
            Self::Pending => "Pending",
            Self::Running => "Running",
            Self::Failed => "Failed",
        }
    }
}

impl Plan {
    /// What a seed stands for.
    pub fn of(seed: u64) -> Self {
        let mut random = fastrand::Rng::with_seed(seed);
        let length = random.i64(25..90) * MINUTE;
        let mut deeds = deeds(&mut random, length);
        // One seed in six is a good day: then all has to be told once and in time.
        let many = if random.u8(0..6) == 0 { 0 } else { random.usize(1..7) };
        let mut faults: Vec<Fault> = (0..many).map(|_| Fault::by_chance(&mut random, length)).collect();
        let mut later = fastrand::Rng::with_seed(seed ^ 0x1a7e);
        let watchers = if later.u8(0..4) == 0 { 2 } else { 1 };
        if many > 0 && later.u8(0..5) == 0 {
            faults.push(Fault::of_etcd(&mut later, length));
        }
        if many > 0 && watchers > 1 {
            faults.push(Fault::of_a_watcher(&mut later, length));
        }
        if many > 0 && later.u8(0..8) == 0 {
            faults.push(Fault::of_receives(&mut later, length));
        }
        if many > 0
            && later.u8(0..3) == 0
            && let Some(seen) = last_of_a_pod(&mut later, &deeds, length)
        {
            faults.extend(Fault::of_the_way(&mut later, seen));
        }
        let mut pushing = fastrand::Rng::with_seed(seed ^ 0xed17);
        if pushing.u8(0..3) == 0 {
            deeds.extend(edition::pushes(&mut pushing, length));
            deeds.sort_by_key(|deed| deed.at);
            // Instances that came with other rules are those that have not heard of a version.
            faults.retain(|fault| fault.what != What::OldRules);
            if many > 0 && pushing.bool() {
                faults.push(Fault::of_the_rules(&mut pushing, &deeds, length));
            }
        }
        let mut invoking = fastrand::Rng::with_seed(seed ^ 0x1d1e);
        if many > 0 && invoking.u8(0..4) == 0 {
            faults.push(Fault::of_invocations(&mut invoking, &deeds, length));
        }
        let mut serving = fastrand::Rng::with_seed(seed ^ SERVING);
        let streams_lists = serving.u8(0..3) == 0;
        if many > 0 && serving.u8(0..8) == 0 {
            faults.extend(Fault::of_bookmarks(&mut serving, length));
        }
        if many > 0 && serving.u8(0..8) == 0 {
            faults.extend(Fault::of_the_cache(&mut serving, &deeds, length));
        }
        if many > 0 && streams_lists && serving.u8(0..3) == 0 {
            faults.extend(Fault::of_streamed_lists(&mut serving, &deeds, length));
        }
        let mut clocks = fastrand::Rng::with_seed(seed ^ CLOCKS);
        if many > 0 && clocks.u8(0..4) == 0 {
            faults.extend(Fault::of_watch_clocks(&mut clocks, length));
        }
        if many > 0 && clocks.u8(0..10) == 0 {
            faults.push(Fault::of_a_clock(&mut clocks, length));
        }
        if many > 0 && clocks.u8(0..6) == 0 {
            faults.push(Fault::of_node_clocks(&mut clocks, length));
        }
        let mut meeting = fastrand::Rng::with_seed(seed ^ MEETS);
        let met = match meeting.u8(0..16) {
            0 => Some(Fault::of_a_break(&mut meeting, length)),
            1 => Some(Fault::of_old_news(&mut meeting, length)),
            _ => None,
        };
        if let Some((happens, fault)) = met.filter(|_| many > 0) {
            deeds.extend(happens);
            deeds.sort_by_key(|deed| deed.at);
            faults.push(fault);
        }
        faults.sort_by_key(|fault| fault.from);
        let waiting_bytes_max = if random.bool() { 8 << 20 } else { random.usize(700..2_500) };
        let counts = fastrand::Rng::with_seed(seed ^ 0x0f7e).u8(0..3) == 0;
        let mut telling = fastrand::Rng::with_seed(seed ^ 0xe7e4);
        let events = telling.u8(0..3) == 0;
        if events {
            deeds.extend(sightings(&mut telling, length));
            deeds.sort_by_key(|deed| deed.at);
        }
        Self { seed, length, deeds, faults, waiting_bytes_max, watchers, counts, events, streams_lists }
    }

    /// Which rules there are besides the laws.
    pub(crate) fn besides(&self) -> Besides {
        Besides { counts: self.counts, events: self.events }
    }

    /// Whether rules are pushed in it.
    pub(crate) fn pushes(&self) -> bool {
        self.deeds.iter().any(|deed| matches!(deed.what, DeedKind::Push(..)))
    }

    /// The same with these of its deeds and faults, by their numbers.
    #[must_use]
    pub fn only(&self, deeds: Option<&[usize]>, faults: Option<&[usize]>) -> Self {
        let pick = |of: Option<&[usize]>, many: usize| -> Vec<usize> {
            of.map_or_else(|| (0..many).collect(), |of| of.iter().copied().filter(|n| *n < many).collect())
        };
        Self {
            deeds: pick(deeds, self.deeds.len()).into_iter().map(|n| self.deeds[n]).collect(),
            faults: pick(faults, self.faults.len()).into_iter().map(|n| self.faults[n]).collect(),
            ..self.clone()
        }
    }
}

fn deeds(random: &mut fastrand::Rng, length: Millis) -> Vec<Deed> {
    let mut deeds = Vec::new();
    for config in CONFIGS {
        deeds.push(Deed { at: 0, what: DeedKind::Config(config, Some(false)) });
    }
    let mut alive = [false; PODS.len()];
    let mut at = random.i64(0..30 * SECOND);
    let hurry = random.i64(1..4);
    while at < length {
        deeds.push(Deed { at, what: deed(random, &mut alive) });
        at += match random.u8(0..10) {
            0 => random.i64(1..100),
            1..4 => random.i64(100..20 * SECOND),
            4..8 => random.i64(20 * SECOND..200 * SECOND),
            _ => random.i64(200 * SECOND..1_500 * SECOND),
        } / hurry;
    }
    deeds
}

/// The events of pods are seen, again and again for a while each time; some expire in the midst of it.
fn sightings(random: &mut fastrand::Rng, length: Millis) -> Vec<Deed> {
    let mut deeds = Vec::new();
    for _ in 0..random.usize(2..7) {
        let pod = PODS[random.usize(0..PODS.len())];
        let mut at = random.i64(0..length - 2 * MINUTE);
        for _ in 0..random.usize(1..16) {
            if at >= length {
                break;
            }
            deeds.push(Deed { at, what: DeedKind::Seen(pod) });
            if random.u8(0..5) == 0 {
                deeds.push(Deed { at: at + random.i64(SECOND..20 * SECOND), what: DeedKind::Expired(pod) });
            }
            at += random.i64(5 * SECOND..100 * SECOND);
        }
    }
    deeds
}

/// What happens to a pod at last, some time before the end: what nobody has seen of that, no later news make good.
fn last_of_a_pod(random: &mut fastrand::Rng, deeds: &[Deed], length: Millis) -> Option<Deed> {
    let first = random.usize(0..PODS.len());
    let pods = (0..PODS.len()).map(|n| PODS[(first + n) % PODS.len()]);
    let mut last = pods.filter_map(|pod| deeds.iter().rfind(|deed| deed.what.pod() == Some(pod)).copied());
    last.find(|deed| (MINUTE..length - 3 * MINUTE).contains(&deed.at))
}

fn deed(random: &mut fastrand::Rng, alive: &mut [bool]) -> DeedKind {
    let n = random.usize(0..PODS.len());
    let pod = PODS[n];
    if random.u8(0..8) == 0 {
        let next = [None, Some(true), Some(false), Some(false)][random.usize(0..4)];
        return DeedKind::Config(CONFIGS[random.usize(0..CONFIGS.len())], next);
    }
    let create = |random: &mut fastrand::Rng| {
        let phase = if random.bool() { Phase::Pending } else { Phase::Running };
        DeedKind::Create(pod, phase, random.bool(), CONFIGS[random.usize(0..CONFIGS.len())])
    };
    if !std::mem::replace(&mut alive[n], true) {
        return create(random);
    }
    match random.u8(0..20) {
        0 => {
            alive[n] = false;
            DeedKind::Delete(pod)
        }
        1 => create(random),
        2..5 => DeedKind::Phase(pod, Phase::Failed),
        5..9 => DeedKind::Phase(pod, Phase::Running),
        9 => DeedKind::Touch(pod),
        _ => DeedKind::Ready(pod, random.bool()),
    }
}
