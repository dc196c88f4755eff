use super::server::{PlayOptions, Shared, lock};
use crate::{Step, Steps};
use jiff::{SignedDuration, Timestamp};
use prodrome_model::later;
use std::iter::Peekable;
use std::sync::{Arc, Mutex};
use std::time::Duration;
use tokio::sync::watch as channel;
use tokio::task::AbortHandle;
use tokio::time::{Instant, sleep_until};

/// What drives the playing of a recording.
#[derive(Debug, Clone, Copy, PartialEq)]
pub enum Clock {
    /// The time of the runtime, `speed` times as fast (1.0 is real time).
    Real {
        /// How many seconds of the recording a second is.
        speed: f64,
    },
    /// Nothing but calls of [`PlayServer::advance_to`](super::PlayServer::advance_to).
    Manual,
}

/// Where in the timeline the playing is.
pub(super) struct Position {
    begins: Timestamp,
    from: SignedDuration,
    clock: Clock,
    started: Instant,
    manual: Mutex<SignedDuration>,
}

impl Position {
    pub(super) fn new(begins: Timestamp, from: SignedDuration, clock: Clock) -> Self {
        Self { begins, from, clock, started: Instant::now(), manual: Mutex::new(from) }
    }

    pub(super) fn t(&self) -> SignedDuration {
        match self.clock {
            Clock::Manual => *lock(&self.manual),
            Clock::Real { speed } => {
                let elapsed = self.started.elapsed().mul_f64(sane(speed));
                self.from + SignedDuration::try_from(elapsed).unwrap_or(SignedDuration::MAX)
            }
        }
    }

    pub(super) fn now(&self) -> Timestamp {
        later(self.begins, self.t())
    }

    /// When it is `t`.
    fn instant(&self, t: SignedDuration, speed: f64) -> Instant {
        let wait = Duration::try_from(t - self.from).unwrap_or_default();
        self.started + wait.div_f64(sane(speed))
    }
}

/// Any speed but a positive one stands for real time.
fn sane(speed: f64) -> f64 {
    if speed.is_finite() && speed > 0.0 { speed.max(1e-3) } else { 1.0 }
}

/// Brings the steps of a timeline into the world, each in its time.
pub(super) struct Player {
    steps: Arc<Mutex<Peekable<Steps>>>,
    length: SignedDuration,
    ended: channel::Sender<bool>,
    task: Option<AbortHandle>,
}

impl Player {
    /// Brings in the state at `options.from`, and starts.
    pub(super) fn start(
        shared: Arc<Shared>,
        steps: Steps,
        length: SignedDuration,
        options: &PlayOptions,
    ) -> Self {
        let steps = Arc::new(Mutex::new(steps.peekable()));
        let ended = channel::Sender::new(false);
        play_until(&shared, &mut lock(&steps), options.from);
        ended.send_replace(options.from >= length);
        let task = match options.clock {
            Clock::Manual => None,
            Clock::Real { speed } => {
                let task = play(shared, Arc::clone(&steps), length, speed, ended.clone());
                Some(tokio::spawn(task).abort_handle())
            }
        };
        Self { steps, length, ended, task }
    }

    pub(super) fn advance_to(&self, shared: &Shared, t: SignedDuration) {
        if self.task.is_some() {
            return;
        }
        {
            let mut manual = lock(&shared.clock().manual);
            *manual = t.max(*manual);
        }
        play_until(shared, &mut lock(&self.steps), t);
        if t >= self.length {
            self.ended.send_replace(true);
        }
    }

    pub(super) async fn ended(&self) {
        // The sender lives as long as the player does.
        _ = self.ended.subscribe().wait_for(|ended| *ended).await;
    }

    pub(super) fn stop(&self) {
        if let Some(task) = &self.task {
            task.abort();
        }
    }
}

async fn play(
    shared: Arc<Shared>,
    steps: Arc<Mutex<Peekable<Steps>>>,
    length: SignedDuration,
    speed: f64,
    ended: channel::Sender<bool>,
) {
    loop {
        let Some(t) = next_time(&mut lock(&steps)) else { break };
        sleep_until(shared.clock().instant(t, speed)).await;
        play_until(&shared, &mut lock(&steps), shared.clock().t().max(t));
    }
    sleep_until(shared.clock().instant(length, speed)).await;
    ended.send_replace(true);
}

/// Brings in all steps up to `t`, as one change.
fn play_until(shared: &Shared, steps: &mut Peekable<Steps>, t: SignedDuration) {
    shared.change(|world| {
        while next_time(steps).is_some_and(|next| next <= t) {
            if let Some(Ok(step)) = steps.next() {
                world.step(&step);
            }
        }
    });
}

/// When the next step is; what cannot be read is told and skipped.
fn next_time(steps: &mut Peekable<Steps>) -> Option<SignedDuration> {
    loop {
        match steps.peek()? {
            Ok(Step { t, .. }) => return Some(*t),
            Err(error) => {
                tracing::warn!(%error, "a part of the recording cannot be played");
                steps.next();
            }
        }
    }
}
