use anyhow::Result;
use fastrand::Rng;
use prodrome_e2e::{Proxy, Service, System, Trouble};
use prodrome_recording::play::{Fault, Verb};
use std::collections::BTreeMap;
use std::ops::Range;
use std::thread::sleep;
use std::time::{Duration, Instant};

const TICK: Duration = Duration::from_millis(100);

/// Of the requests to tables, in thousandths.
const OF_TABLES: Trouble = Trouble { refused: 60, reset: 15, lost: 20, hung: 3 };
/// Of the requests to queues.
const OF_QUEUES: Trouble = Trouble { refused: 40, reset: 15, lost: 20, hung: 3 };

/// The functions that are killed; those that do most, more often.
const KILLED: [&str; 7] =
    ["evaluate", "alert", "evaluate", "diagnose", "alert", "sweep", "plugin-status-text"];

/// What went wrong, how often.
#[derive(Debug, Default)]
pub(crate) struct Weathered {
    /// Processes killed, by function.
    pub(crate) killed: BTreeMap<&'static str, usize>,
    /// How often the queues stood still.
    pub(crate) pauses: u64,
    /// How often the API server did not answer for a while, or refused.
    pub(crate) slow: u64,
    /// How often it broke all watches, having forgotten its history.
    pub(crate) cuts: u64,
}

/// Something that comes again and again.
struct Recurring {
    every_ms: Range<u64>,
    next: Instant,
}

impl Recurring {
    fn new(chance: &mut Rng, every_ms: Range<u64>) -> Self {
        let next = Instant::now() + Duration::from_millis(chance.u64(every_ms.clone()));
        Self { every_ms, next }
    }

    /// Whether it is time; then the next time is drawn.
    fn comes(&mut self, chance: &mut Rng) -> bool {
        let due = Instant::now() >= self.next;
        if due {
            self.next = Instant::now() + Duration::from_millis(chance.u64(self.every_ms.clone()));
        }
        due
    }
}

/// Something that lasts for a while.
#[derive(Default)]
struct Lasting {
    until: Option<Instant>,
}

impl Lasting {
    fn begin(&mut self, ms: u64) {
        self.until = Some(Instant::now() + Duration::from_millis(ms));
    }

    /// Whether it has just ended.
    fn ends(&mut self) -> bool {
        let ends = self.until.is_some_and(|until| Instant::now() >= until);
        if ends {
            self.until = None;
        }
        ends
    }
}

/// Lets everything go wrong for a time. Afterwards nothing does.
pub(crate) fn storm(system: &System, proxy: &Proxy, time: Duration, seed: u64) -> Result<Weathered> {
    let mut chance = Rng::with_seed(seed);
    let mut weathered = Weathered::default();
    let mut kills = Recurring::new(&mut chance, 1_500..4_000);
    let mut pauses = Recurring::new(&mut chance, 6_000..14_000);
    let mut slow = Recurring::new(&mut chance, 3_000..8_000);
    let mut cuts = Recurring::new(&mut chance, 8_000..20_000);
    let (mut paused, mut hanging) = (Lasting::default(), Lasting::default());
    let mut victims = KILLED.iter().cycle();
    proxy.trouble(Service::Tables, OF_TABLES);
    proxy.trouble(Service::Queues, OF_QUEUES);
    let begun = Instant::now();
    while begun.elapsed() < time {
        sleep(TICK);
        if kills.comes(&mut chance)
            && let Some(function) = victims.next()
        {
            *weathered.killed.entry(function).or_default() += system.kill(function);
        }
        if pauses.comes(&mut chance) {
            system.pause_queues(true)?;
            paused.begin(chance.u64(1_000..4_000));
            weathered.pauses += 1;
        }
        if paused.ends() {
            system.pause_queues(false)?;
        }
        if slow.comes(&mut chance) {
            let fault = match chance.u8(0..4) {
                0 => Fault::too_many_requests(1).on_verb(Verb::Get),
                1 => Fault::unavailable().on_verb(Verb::Get),
                2 => Fault::hang().on_verb(Verb::Get),
                // Whoever asks, lists and watches included.
                _ => Fault::slow(Duration::from_millis(chance.u64(100..1_000))),
            };
            system.api().inject(fault);
            hanging.begin(chance.u64(500..2_500));
            weathered.slow += 1;
        }
        if hanging.ends() {
            system.api().clear_faults();
        }
        if cuts.comes(&mut chance) {
            system.api().compact();
            system.api().drop_watches();
            weathered.cuts += 1;
        }
    }
    proxy.trouble(Service::Tables, Trouble::default());
    proxy.trouble(Service::Queues, Trouble::default());
    system.pause_queues(false)?;
    system.api().clear_faults();
    Ok(weathered)
}
