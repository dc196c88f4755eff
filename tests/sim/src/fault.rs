use crate::clock::{MINUTE, Millis, SECOND, millis_of};
use crate::law::{FLAPPING, OLD};
use crate::plan::{CONFIGS, Deed, DeedKind, PODS, Phase};
use crate::system::REDRIVE;
use prodrome_lambda::WAIT_MAX;
use serde::Serialize;

/// By how much a clock of the cluster may be wrong, in milliseconds.
const CLOCK_MAX: u32 = 300_000;

/// Something that goes wrong for a while.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize)]
pub struct Fault {
    /// From when.
    pub from: Millis,
    /// Until when; the same instant where it is a single blow.
    pub to: Millis,
    /// What.
    pub what: What,
    /// Where its own chance begins, so that it falls alike whatever else goes wrong.
    pub seed: u64,
}

/// A function of the pipeline.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Serialize)]
pub enum Function {
    /// Changes and due checks.
    Evaluate,
    /// The tick.
    Sweep,
    /// Findings that want a cause.
    Diagnose,
    /// Findings that are told.
    Alert,
}

/// All of them.
pub(crate) const FUNCTIONS: [Function; 4] =
    [Function::Evaluate, Function::Sweep, Function::Diagnose, Function::Alert];

/// Who asks the API server.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize)]
pub enum Caller {
    /// The watcher.
    Watcher,
    /// The functions.
    Functions,
}

/// How the API server is away.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize)]
pub enum Away {
    /// It answers 503, and open watches break.
    Refuses,
    /// It answers nothing at all.
    Hangs,
    /// It answers 429.
    Throttles,
}

/// How a channel fails.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize)]
pub enum Trouble {
    /// It cannot be reached.
    Down,
    /// It takes twenty seconds.
    Slow,
    /// It answers 429.
    RateLimited,
    /// It takes the notice, and its answer is lost.
    AnswersLost,
}

/// What goes wrong.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize)]
pub enum What {
    /// So many of a hundred operations of the tables are throttled.
    StoreThrottles(u8),
    /// So many of a hundred writes take effect and time out.
    StoreAnswersLost(u8),
    /// So many of a hundred writes conflict with nobody.
    StoreConflicts(u8),
    /// The due indexes show what was before.
    StaleIndex,
    /// So many of a hundred messages come twice.
    Repeats(u8),
    /// Messages come up to so many seconds late.
    Delays(u16),
    /// Messages that are ready come in any order.
    Reorders,
    /// So many of a hundred messages are not accepted.
    QueueRefuses(u8),
    /// So many of a hundred messages are accepted and reported as not accepted.
    QueueAnswersLost(u8),
    /// The queues give a message up after so many receives: somebody has set that far too low.
    GivesUpAfter(u8),
    /// Most packs of the watcher are under way for up to so many seconds, or the answers to them.
    SlowSends(u8),
    /// So many of a hundred invocations die at some await point.
    Dies(Function, u8),
    /// Each operation of a function's ports takes up to four seconds: some run into their time limit.
    Slow(Function),
    /// The clock of a function is ahead by so many milliseconds.
    Skew(Function, i16),
    /// The clock of a watcher's host is ahead by so many milliseconds; it is set as this begins, and set right at the end.
    WatchClock(i32),
    /// The clocks of the nodes are ahead by so many milliseconds: by them it is written since when a pod is ready or not.
    /// None is behind here: what one that is writes is believed, as nobody knows better.
    NodeClocks(u32),
    /// Each tick of the sweep comes twice, at once.
    TwoSweeps,
    /// The sweep does not tick.
    NoSweep,
    /// A function is not invoked: what comes waits in its queue, and then comes all at once.
    NotInvoked(Function),
    /// One instance of evaluate still has rules of before, which lack one.
    OldRules,
    /// One instance of evaluate cannot read which rules were pushed.
    RulesUnreadable(u8),
    /// The watcher is killed, and is away until the end of it; every other time all that is past is forgotten then.
    WatcherKilled,
    /// A watcher stands still, and goes on as though nothing had been.
    WatcherSuspended,
    /// All watches break.
    WatchesCut,
    /// What is past is forgotten, and all watches break.
    Compaction,
    /// Etcd is restored at the end of it to what it was at the begin: versions go back.
    EtcdRestored,
    /// So many of a hundred pages of lists are answered by 410.
    ListsExpire(u8),
    /// Each page of a list takes up to so many seconds, and tells what was.
    SlowLists(u8),
    /// Watches tell of changes up to so many seconds late.
    WatchLags(u8),
    /// Nothing becomes of pods and of their events: watches tell of them nothing but which version the cluster is at. At the
    /// end what they have told by then is forgotten, and all watches break.
    OnlyBookmarks,
    /// The API server that answers is another one, whose watch cache is behind by so many seconds. Watches tell what it
    /// holds; lists that have to be as of now wait for it, in vain for long where the cluster is busy: those in pages
    /// are read from the store then, and those that are streamed are refused.
    CacheLags(u8),
    /// So many of a hundred lists that are streamed break off before their end has been told.
    StreamedListsBreak(u8),
    /// The API server is away.
    ApiDown(Caller, Away),
    /// A channel is in trouble.
    Channel(&'static str, Trouble),
}

impl What {
    /// Whether the pipeline has to be in time all the same.
    pub fn is_harmless(self) -> bool {
        matches!(
            self,
            Self::Repeats(_)
                | Self::Reorders
                | Self::Skew(..)
                | Self::WatchClock(_)
                | Self::NodeClocks(_)
                | Self::TwoSweeps
                | Self::StoreConflicts(_)
        )
    }

    /// How long after its end the pipeline may still suffer from it.
    pub fn aftermath(self) -> Millis {
        match self {
            what if what.is_harmless() => 0,
            // It lists anew, and what that does not name is looked at half a minute later.
            Self::WatcherKilled
            | Self::WatcherSuspended
            | Self::WatchesCut
            | Self::Compaction
            | Self::OnlyBookmarks => 75 * SECOND,
            // The next of a list, of a watch, of a tick; each waits a while before it is asked for.
            Self::ListsExpire(_)
            | Self::SlowLists(_)
            | Self::SlowSends(_)
            | Self::WatchLags(_)
            | Self::CacheLags(_)
            | Self::StreamedListsBreak(_)
            | Self::NoSweep
            | Self::NotInvoked(_) => 2 * MINUTE,
            // What a tick did not see counts as handed over, and is so again when its lateness has doubled, or in eight minutes.
            Self::StaleIndex => 9 * MINUTE,
            Self::ApiDown(Caller::Watcher, _) => 4 * MINUTE,
            // A watch of a version to come brings nothing, until it has lasted long enough to be doubted.
            Self::EtcdRestored => 10 * MINUTE,
            // A look that the cluster does not allow is put off by a minute, a relist comes again after three.
            Self::ApiDown(Caller::Functions, _) => 8 * MINUTE,
            // Who does not know a rule leaves its checks alone for half a minute; the next tick finds them.
            Self::OldRules => 3 * MINUTE,
            // What was given up lies until it is redriven.
            Self::GivesUpAfter(_) => REDRIVE + MINUTE,
            // A channel that did not answer is tried again after a quarter of an hour at most, and half of that.
            Self::Channel(..) => 24 * MINUTE,
            // What failed comes again after ten minutes at most; what a queue holds back, after five.
            _ => millis_of(WAIT_MAX) + MINUTE,
        }
    }

    /// Whether the watcher may see things later than they are, or not at all.
    pub fn blinds_the_watcher(self) -> bool {
        matches!(
            self,
            Self::WatcherKilled
                | Self::WatcherSuspended
                | Self::WatchesCut
                | Self::Compaction
                | Self::EtcdRestored
                | Self::ListsExpire(_)
                | Self::SlowLists(_)
                | Self::WatchLags(_)
                | Self::OnlyBookmarks
                | Self::CacheLags(_)
                | Self::StreamedListsBreak(_)
                | Self::ApiDown(Caller::Watcher, _)
                | Self::QueueRefuses(_)
                | Self::QueueAnswersLost(_)
                | Self::SlowSends(_)
        )
    }

    /// Whether news of the cluster may be handled late, in another order, or not at all.
    pub(crate) fn hinders_news(self) -> bool {
        match self {
            Self::NoSweep | Self::StaleIndex | Self::Channel(..) | Self::ApiDown(Caller::Functions, _) => {
                false
            }
            Self::Dies(of, _) | Self::Slow(of) | Self::NotInvoked(of) => of == Function::Evaluate,
            other => !other.is_harmless(),
        }
    }

    /// Whether the live cluster cannot be read.
    pub fn hides_the_cluster(self) -> bool {
        matches!(self, Self::ApiDown(Caller::Functions, _))
    }
}

impl Fault {
    /// When it begins to make things late.
    pub(crate) fn strikes(&self) -> Millis {
        if matches!(self.what, What::EtcdRestored | What::OnlyBookmarks) { self.to } else { self.from }
    }

    /// Whether all that is past is forgotten while a watcher is away that is killed.
    pub(crate) fn forgets(&self) -> bool {
        self.seed.is_multiple_of(2)
    }

    /// Etcd is restored to what it was some minutes ago. By a chance of its own, so that the others fall as they did before
    /// there was this one.
    pub(crate) fn of_etcd(random: &mut fastrand::Rng, length: Millis) -> Self {
        let from = random.i64(MINUTE..length - 2 * MINUTE);
        let to = (from + random.i64(10 * SECOND..15 * MINUTE)).min(length);
        Self { from, to, what: What::EtcdRestored, seed: random.u64(..) }
    }

    /// One of several watchers is killed, or stands still.
    pub(crate) fn of_a_watcher(random: &mut fastrand::Rng, length: Millis) -> Self {
        let from = random.i64(MINUTE..length - 2 * MINUTE);
        let what = if random.bool() { What::WatcherKilled } else { What::WatcherSuspended };
        Self { from, to: from + random.i64(SECOND..2 * MINUTE), what, seed: random.u64(..) }
    }

    /// An instance cannot read the table of rules when somebody pushes.
    pub(crate) fn of_the_rules(random: &mut fastrand::Rng, deeds: &[Deed], length: Millis) -> Self {
        let pushes: Vec<&Deed> =
            deeds.iter().filter(|deed| matches!(deed.what, DeedKind::Push(..))).collect();
        let push = pushes[random.usize(0..pushes.len())].at;
        let from = push - random.i64(0..MINUTE);
        let to = (push + random.i64(SECOND..8 * MINUTE)).min(length);
        Self { from, to, what: What::RulesUnreadable(random.u8(0..3)), seed: random.u64(..) }
    }

    /// The queues give up soon what is not handled.
    pub(crate) fn of_receives(random: &mut fastrand::Rng, length: Millis) -> Self {
        let from = random.i64(0..length - 2 * MINUTE);
        let to = (from + random.i64(5 * MINUTE..20 * MINUTE)).min(length);
        Self { from, to, what: What::GivesUpAfter(random.u8(1..4)), seed: random.u64(..) }
    }

    /// A function is not invoked while something happens to the cluster.
    pub(crate) fn of_invocations(random: &mut fastrand::Rng, deeds: &[Deed], length: Millis) -> Self {
        let from = deeds[random.usize(0..deeds.len())].at.clamp(MINUTE, length - 2 * MINUTE) - SECOND;
        let to = (from + random.i64(2 * MINUTE..16 * MINUTE)).min(length);
        let of = [Function::Evaluate, Function::Evaluate, Function::Alert, Function::Diagnose];
        let what = What::NotInvoked(of[random.usize(0..of.len())]);
        Self { from, to, what, seed: random.u64(..) }
    }

    /// The watcher is killed when it has seen something and the queue has not: after a list, where it was away while that
    /// happened and all that was past had been forgotten, or else after an event of a watch. Single faults hardly ever
    /// meet like that.
    pub(crate) fn of_the_way(random: &mut fastrand::Rng, seen: Deed) -> Vec<Self> {
        let by_list = random.bool();
        let (away, back) = (seen.at - 2 * SECOND, seen.at + random.i64(SECOND..10 * SECOND));
        let reads = if by_list { back } else { seen.at };
        let queue = if !by_list && random.bool() { What::QueueRefuses(100) } else { What::SlowSends(29) };
        // Its place is saved each ten seconds.
        let killed = reads + random.i64(11 * SECOND..25 * SECOND);
        let host = random.u64(..) << 32;
        let kill = |from, to, forgets: bool| Self {
            from,
            to,
            what: What::WatcherKilled,
            seed: host | u64::from(!forgets),
        };
        let mut faults = vec![
            Self { from: reads - 5 * SECOND, to: reads + MINUTE, what: queue, seed: random.u64(..) },
            kill(killed, killed + random.i64(SECOND..MINUTE), false),
        ];
        if by_list {
            faults.push(kill(away, back, true));
        }
        faults
    }

    /// Only bookmarks tell of the cluster for a while. Every other time the watcher is killed after it.
    pub(crate) fn of_bookmarks(random: &mut fastrand::Rng, length: Millis) -> Vec<Self> {
        let from = random.i64(MINUTE..length - 8 * MINUTE);
        let to = from + random.i64(4 * MINUTE..8 * MINUTE);
        let mut faults = vec![Self { from, to, what: What::OnlyBookmarks, seed: random.u64(..) }];
        if random.bool() {
            let from = to + random.i64(0..20 * SECOND);
            let to = from + random.i64(SECOND..2 * MINUTE);
            faults.push(Self { from, to, what: What::WatcherKilled, seed: random.u64(..) | 1 });
        }
        faults
    }

    /// A watch cache falls behind about when something happens, and the watcher has to list.
    pub(crate) fn of_the_cache(random: &mut fastrand::Rng, deeds: &[Deed], length: Millis) -> Vec<Self> {
        let happens = deeds[random.usize(0..deeds.len())].at.clamp(MINUTE, length - 2 * MINUTE);
        let from = happens - random.i64(0..30 * SECOND);
        let to = (from + random.i64(MINUTE..10 * MINUTE)).min(length);
        let lags = What::CacheLags(random.u8(2..60));
        let fault = Self { from, to, what: lags, seed: random.u64(..) };
        let lists = happens + random.i64(0..40 * SECOND);
        vec![fault, Self::has_to_list(random, lists)]
    }

    /// Lists that are streamed break off, and the watcher has to list.
    pub(crate) fn of_streamed_lists(random: &mut fastrand::Rng, deeds: &[Deed], length: Millis) -> Vec<Self> {
        let lists = deeds[random.usize(0..deeds.len())].at.clamp(MINUTE, length - 2 * MINUTE);
        let (from, to) = (lists - MINUTE, (lists + random.i64(MINUTE..5 * MINUTE)).min(length));
        let breaks = What::StreamedListsBreak(random.u8(50..=100));
        let fault = Self { from, to, what: breaks, seed: random.u64(..) };
        vec![fault, Self::has_to_list(random, lists)]
    }

    /// The functions cannot read the cluster while a break that began just before something had lasted long enough becomes
    /// too long to be forgiven, and so what it broke is over. Single faults hardly ever fall so: what happens is made too.
    pub(crate) fn of_a_break(random: &mut fastrand::Rng, length: Millis) -> (Vec<Deed>, Self) {
        let pod = PODS[random.usize(0..PODS.len())];
        let begins = random.i64(MINUTE..length - 9 * MINUTE);
        let breaks = begins + FLAPPING.duration - random.i64(5 * SECOND..FLAPPING.gap);
        let deeds = vec![
            Deed { at: begins, what: DeedKind::Create(pod, Phase::Running, false, CONFIGS[0]) },
            Deed { at: breaks, what: DeedKind::Ready(pod, true) },
        ];
        let counts = breaks + FLAPPING.gap;
        let from = breaks + random.i64(5 * SECOND..40 * SECOND);
        let to = counts + random.i64(10 * SECOND..2 * MINUTE);
        let away = [Away::Refuses, Away::Hangs, Away::Throttles][random.usize(0..3)];
        let fault = Self { from, to, what: What::ApiDown(Caller::Functions, away), seed: random.u64(..) };
        (deeds, fault)
    }

    /// Evaluate is not invoked from before a pod is made that waits until it has waited for too long: its news come when time
    /// alone has begun what they are judged for.
    pub(crate) fn of_old_news(random: &mut fastrand::Rng, length: Millis) -> (Vec<Deed>, Self) {
        let pod = PODS[random.usize(0..PODS.len())];
        let begins = random.i64(MINUTE..length - 5 * MINUTE - OLD);
        let made = Deed { at: begins, what: DeedKind::Create(pod, Phase::Pending, true, CONFIGS[0]) };
        let (from, to) = (begins - SECOND, begins + OLD + random.i64(20 * SECOND..4 * MINUTE));
        let what = What::NotInvoked(Function::Evaluate);
        (vec![made], Self { from, to, what, seed: random.u64(..) })
    }

    /// The clocks of watchers' hosts are wrong, by up to five minutes, one after the other or each by another amount: a
    /// clock that nobody minds, is set, and is wrong again.
    pub(crate) fn of_watch_clocks(random: &mut fastrand::Rng, length: Millis) -> Vec<Self> {
        let wrong = |random: &mut fastrand::Rng| {
            let is_long = random.u8(0..3) == 0;
            let from = if is_long { 0 } else { random.i64(0..length - 2 * MINUTE) };
            let to = if is_long { length } else { from + random.i64(SECOND..20 * MINUTE) };
            let by = random.i32(-CLOCK_MAX.cast_signed()..=CLOCK_MAX.cast_signed());
            Self { from, to: to.min(length), what: What::WatchClock(by), seed: random.u64(..) }
        };
        (0..random.usize(1..4)).map(|_| wrong(random)).collect()
    }

    /// The clocks of nodes are ahead for a while.
    pub(crate) fn of_node_clocks(random: &mut fastrand::Rng, length: Millis) -> Self {
        let from = random.i64(0..length - 2 * MINUTE);
        let to = (from + random.i64(MINUTE..40 * MINUTE)).min(length);
        let what = What::NodeClocks(random.u32(1_000..=CLOCK_MAX));
        Self { from, to, what, seed: random.u64(..) }
    }

    /// The clock of a function is wrong by some seconds.
    pub(crate) fn of_a_clock(random: &mut fastrand::Rng, length: Millis) -> Self {
        let of = FUNCTIONS[random.usize(0..FUNCTIONS.len())];
        let what = What::Skew(of, random.i16(-5_000..=5_000));
        Self { from: 0, to: length, what, seed: random.u64(..) }
    }

    /// The past is forgotten at an instant, or while the watcher is away from then on.
    fn has_to_list(random: &mut fastrand::Rng, at: Millis) -> Self {
        let is_kill = random.bool();
        let what = if is_kill { What::WatcherKilled } else { What::Compaction };
        let to = if is_kill { at + random.i64(SECOND..20 * SECOND) } else { at };
        Self { from: at, to, what, seed: random.u64(..) & !1 }
    }

    /// One by chance, within the time in which things happen.
    pub(crate) fn by_chance(random: &mut fastrand::Rng, length: Millis) -> Self {
        let what = what(random);
        let from = random.i64(0..length - 2 * MINUTE);
        let long = match what {
            What::WatchesCut | What::Compaction => 0,
            What::Skew(..) => length,
            What::WatcherKilled => random.i64(0..5 * MINUTE),
            What::Slow(_) | What::OldRules => random.i64(MINUTE..8 * MINUTE),
            _ => random.i64(10 * SECOND..15 * MINUTE),
        };
        let from = if matches!(what, What::Skew(..)) { 0 } else { from };
        Self { from, to: (from + long).min(length), what, seed: random.u64(..) }
    }
}

fn what(random: &mut fastrand::Rng) -> What {
    let percent = random.u8(3..40);
    let seconds = random.u8(1..60);
    let function = FUNCTIONS[random.usize(0..FUNCTIONS.len())];
    let caller = if random.bool() { Caller::Watcher } else { Caller::Functions };
    let away = [Away::Refuses, Away::Hangs, Away::Throttles][random.usize(0..3)];
    let channel = if random.bool() { "chat" } else { "phone" };
    let trouble =
        [Trouble::Down, Trouble::Slow, Trouble::RateLimited, Trouble::AnswersLost][random.usize(0..4)];
    match random.u8(0..24) {
        0 => What::StoreThrottles(percent),
        1 => What::StoreAnswersLost(percent),
        2 => What::StoreConflicts(percent.min(15)),
        3 => What::StaleIndex,
        4 => What::Repeats(percent),
        5 => What::Delays(u16::from(seconds) * 5),
        6 => What::Reorders,
        7 => What::QueueRefuses(if random.u8(0..4) == 0 { 100 } else { percent }),
        8 => What::QueueAnswersLost(percent),
        9 | 10 => What::Dies(function, percent),
        11 => What::Slow(function),
        12 => What::Skew(function, random.i16(-1_500..1_500)),
        13 => What::TwoSweeps,
        14 => What::NoSweep,
        15 => What::OldRules,
        16 => What::WatcherKilled,
        17 => What::WatchesCut,
        18 => What::Compaction,
        19 => What::ListsExpire(percent.max(20)),
        20 => What::SlowLists(seconds.max(5)),
        21 => What::WatchLags(seconds),
        22 => What::ApiDown(caller, away),
        _ => What::Channel(channel, trouble),
    }
}
