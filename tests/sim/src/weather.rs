use crate::clock::{Clock, Millis};
use crate::fault::{Away, Caller, Fault, Function, Trouble, What};
use prodrome_local::mortal::Passing;
use prodrome_queue::QueueUnkindness;
use prodrome_store::{Fault as StoreFault, Operation, OperationKind};
use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;

/// What goes wrong now. Clones share it.
#[derive(Clone)]
pub(crate) struct Weather {
    clock: Clock,
    fronts: Arc<Mutex<Vec<Front>>>,
    /// For what passes on a good day too.
    calm: Arc<Mutex<fastrand::Rng>>,
}

struct Front {
    fault: Fault,
    random: fastrand::Rng,
}

impl Weather {
    /// These faults, each at its time.
    pub(crate) fn new(seed: u64, faults: &[Fault], clock: Clock) -> Self {
        let front = |fault: &Fault| Front { fault: *fault, random: fastrand::Rng::with_seed(fault.seed) };
        let fronts = faults.iter().map(front).collect();
        let calm = Arc::new(Mutex::new(fastrand::Rng::with_seed(seed ^ 0xca1f)));
        Self { clock, fronts: Arc::new(Mutex::new(fronts)), calm }
    }

    /// Asks each fault that is at work now; the first that answers.
    fn ask<T>(&self, mut answer: impl FnMut(What, &mut fastrand::Rng) -> Option<T>) -> Option<T> {
        let now = self.clock.millis();
        let mut fronts = self.fronts.lock().unwrap_or_else(PoisonError::into_inner);
        let mut at_work = fronts.iter_mut().filter(|f| (f.fault.from..f.fault.to).contains(&now));
        at_work.find_map(|front| answer(front.fault.what, &mut front.random))
    }

    /// When it changes next, after an instant.
    pub(crate) fn changes_after(&self, at: Millis) -> Millis {
        let fronts = self.fronts.lock().unwrap_or_else(PoisonError::into_inner);
        // That a clock is set changes nothing else, and no chance falls otherwise for it.
        let others = fronts
            .iter()
            .filter(|front| !matches!(front.fault.what, What::WatchClock(_) | What::NodeClocks(_)));
        let turns = others.flat_map(|front| [front.fault.from, front.fault.to]);
        turns.filter(|turn| *turn > at).min().unwrap_or(Millis::MAX)
    }

    /// What becomes of an operation of a table.
    pub(crate) fn store(&self, operation: &Operation<'_>) -> Option<StoreFault> {
        let is_commit = operation.kind == OperationKind::Commit;
        self.ask(|what, random| {
            let mut falls = |percent| random.u8(0..100) < percent;
            match what {
                What::StoreThrottles(percent) if falls(percent) => Some(StoreFault::Unavailable),
                What::StoreConflicts(percent) if is_commit && falls(percent) => Some(StoreFault::Conflict),
                What::StoreAnswersLost(percent) if is_commit && falls(percent) => {
                    let seems_away = random.bool();
                    Some(if seems_away { StoreFault::AnswerLost } else { StoreFault::ConflictAfterCommit })
                }
                _ => None,
            }
        })
    }

    /// How the queues are now.
    pub(crate) fn queues(&self) -> QueueUnkindness {
        let mut unkind = QueueUnkindness { seed: self.draw(u64::MAX), ..QueueUnkindness::NONE };
        self.ask(|what, _| {
            match what {
                What::Repeats(percent) => unkind.duplicate_percent = percent,
                What::Delays(seconds) => unkind.delay_max = Duration::from_secs(seconds.into()),
                What::Reorders => unkind.reorder = true,
                What::QueueRefuses(percent) => unkind.refused_percent = percent,
                What::QueueAnswersLost(percent) => unkind.answer_lost_percent = percent,
                _ => {}
            }
            None::<()>
        });
        unkind
    }

    /// After how many receives the queues give a message up, where that is another number than it should be.
    pub(crate) fn receives_max(&self) -> Option<u32> {
        self.ask(|what, _| match what {
            What::GivesUpAfter(receives) => Some(receives.into()),
            _ => None,
        })
    }

    /// Whether a queue refuses what it is told next.
    pub(crate) fn refuses(&self) -> bool {
        self.ask(|what, random| match what {
            What::QueueRefuses(percent) => (random.u8(0..100) < percent).then_some(()),
            _ => None,
        })
        .is_some()
    }

    /// How long what the watcher sends next is on its way there, and the answer on its way back.
    pub(crate) fn sends_take(&self) -> (Millis, Millis) {
        self.ask(|what, random| match what {
            What::SlowSends(seconds) => {
                let takes = random.i64(0..=i64::from(seconds) * 1_000);
                // As of a service of which one part is ill.
                Some([(0, 0), (takes, 0), (0, takes), (takes / 2, takes / 2)][random.usize(0..4)])
            }
            _ => None,
        })
        .unwrap_or((0, 0))
    }

    /// After how many polls the next invocation of a function dies, if it does.
    pub(crate) fn death(&self, of: Function) -> Option<usize> {
        self.ask(|what, random| match what {
            What::Dies(function, percent) if function == of && random.u8(0..100) < percent => {
                Some(random.usize(0..120))
            }
            _ => None,
        })
    }

    /// Until when a function is not invoked at least, where it is not now.
    pub(crate) fn not_invoked_until(&self, function: Function) -> Option<Millis> {
        self.is(What::NotInvoked(function)).then(|| self.changes_after(self.clock.millis()))
    }

    /// By how much the clock of a function is ahead.
    pub(crate) fn skew(&self, of: Function) -> Millis {
        self.ask(|what, _| match what {
            What::Skew(function, by) if function == of => Some(by.into()),
            _ => None,
        })
        .unwrap_or(0)
    }

    /// By how much the clocks of nodes are ahead.
    pub(crate) fn nodes_ahead(&self) -> Millis {
        self.ask(|what, _| match what {
            What::NodeClocks(by) => Some(by.into()),
            _ => None,
        })
        .unwrap_or(0)
    }

    /// Whether this is at work now.
    pub(crate) fn is(&self, what: What) -> bool {
        self.ask(|at_work, _| (at_work == what).then_some(())).is_some()
    }

    /// Whether an instance of evaluate cannot read the table of rules.
    pub(crate) fn hides_rules(&self, from: u8) -> bool {
        self.is(What::RulesUnreadable(from))
    }

    /// How the API server is away for a caller, if it is.
    pub(crate) fn away(&self, caller: Caller) -> Option<Away> {
        self.ask(|what, _| match what {
            What::ApiDown(down_for, away) if down_for == caller => Some(away),
            _ => None,
        })
    }

    /// Whether the next page of a list has expired.
    pub(crate) fn expires(&self) -> bool {
        self.ask(|what, random| match what {
            What::ListsExpire(percent) => (random.u8(0..100) < percent).then_some(()),
            _ => None,
        })
        .is_some()
    }

    /// How long a page of a list takes.
    pub(crate) fn list_takes(&self) -> Millis {
        self.ask(|what, random| match what {
            What::SlowLists(seconds) => Some(random.i64(0..=i64::from(seconds) * 1_000)),
            _ => None,
        })
        .unwrap_or(0)
    }

    /// How late a watch tells of a change.
    pub(crate) fn watch_lags(&self) -> Millis {
        self.ask(|what, random| match what {
            What::WatchLags(seconds) => Some(random.i64(0..=i64::from(seconds) * 1_000)),
            _ => None,
        })
        .unwrap_or(0)
    }

    /// How far the watch cache of the API server is behind.
    pub(crate) fn cache_lags(&self) -> Millis {
        self.ask(|what, _| match what {
            What::CacheLags(seconds) => Some(i64::from(seconds) * 1_000),
            _ => None,
        })
        .unwrap_or(0)
    }

    /// After how many of its objects the next list that is streamed breaks off, if it does, and whether that looks like an
    /// end.
    pub(crate) fn list_breaks(&self, objects: usize) -> Option<(usize, bool)> {
        self.ask(|what, random| match what {
            What::StreamedListsBreak(percent) => {
                (random.u8(0..100) < percent).then(|| (random.usize(0..=objects), random.bool()))
            }
            _ => None,
        })
    }

    /// The trouble that a channel is in.
    pub(crate) fn trouble(&self, channel: &str) -> Option<Trouble> {
        self.ask(|what, _| match what {
            What::Channel(name, trouble) if name == channel => Some(trouble),
            _ => None,
        })
    }

    /// A number below a bound, on a good day as on a bad one.
    pub(crate) fn draw(&self, below: u64) -> u64 {
        self.calm.lock().unwrap_or_else(PoisonError::into_inner).u64(0..below.max(1))
    }

    fn takes(&self, of: Function) -> Millis {
        let slow = self.ask(|what, random| match what {
            What::Slow(function) if function == of => Some(random.i64(0..4_000)),
            _ => None,
        });
        slow.unwrap_or_else(|| i64::try_from(self.draw(12)).unwrap_or(0) + 1)
    }
}

/// The time that a function's operations take.
#[derive(Clone)]
pub(crate) struct Pace {
    /// What goes wrong.
    pub(crate) weather: Weather,
    /// Whose.
    pub(crate) of: Function,
}

impl Passing for Pace {
    async fn pass(&self) {
        tokio::time::sleep(crate::clock::millis(self.weather.takes(self.of))).await;
    }
}
