use std::time::Duration;

/// How unkind a [`MemoryQueue`](crate::MemoryQueue) is, all of it drawn from the seed. Everything is off by
/// default.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub struct QueueUnkindness {
    /// Where the draws begin; the same seed and the same sends bring the same faults.
    pub seed: u64,
    /// Of a hundred messages so many are delivered twice, each copy at a time of its own.
    pub duplicate_percent: u8,
    /// What is ready at the same instant comes in any order.
    pub reorder: bool,
    /// Each message comes later than it should, by up to so much; what is sent later may overtake it.
    pub delay_max: Duration,
    /// Of a hundred messages so many are not accepted.
    pub refused_percent: u8,
    /// Of a hundred messages so many are accepted and yet reported as not accepted.
    pub answer_lost_percent: u8,
    /// Before each send other tasks run, up to so many times.
    pub yields_max: u8,
}

impl QueueUnkindness {
    /// No unkindness at all.
    pub const NONE: Self = Self {
        seed: 0,
        duplicate_percent: 0,
        reorder: false,
        delay_max: Duration::ZERO,
        refused_percent: 0,
        answer_lost_percent: 0,
        yields_max: 0,
    };

    /// Everything at once, at the rates of a very bad day.
    pub const fn of_seed(seed: u64) -> Self {
        Self {
            seed,
            duplicate_percent: 10,
            reorder: true,
            delay_max: Duration::from_secs(20),
            refused_percent: 4,
            answer_lost_percent: 4,
            yields_max: 3,
        }
    }
}

/// Draws what happens.
#[derive(Debug)]
pub(super) struct Chance {
    unkindness: QueueUnkindness,
    random: fastrand::Rng,
}

impl Chance {
    pub(super) fn new(unkindness: QueueUnkindness) -> Self {
        Self { unkindness, random: fastrand::Rng::with_seed(unkindness.seed) }
    }

    /// The place among those that are ready at the same instant; `in_turn` is the place without unkindness.
    pub(super) fn draw_order(&mut self, in_turn: u64) -> u64 {
        if self.unkindness.reorder { self.random.u64(..) } else { in_turn }
    }

    pub(super) fn draw_delay(&mut self) -> Duration {
        let max_ms = u64::try_from(self.unkindness.delay_max.as_millis()).unwrap_or(u64::MAX);
        if max_ms == 0 { Duration::ZERO } else { Duration::from_millis(self.random.u64(0..=max_ms)) }
    }

    pub(super) fn draw_duplicate(&mut self) -> bool {
        self.draw(self.unkindness.duplicate_percent)
    }

    pub(super) fn draw_refused(&mut self) -> bool {
        self.draw(self.unkindness.refused_percent)
    }

    pub(super) fn draw_answer_lost(&mut self) -> bool {
        self.draw(self.unkindness.answer_lost_percent)
    }

    pub(super) fn draw_yields(&mut self) -> u8 {
        let max = self.unkindness.yields_max;
        if max == 0 { 0 } else { self.random.u8(0..=max) }
    }

    fn draw(&mut self, percent: u8) -> bool {
        percent > 0 && self.random.u8(0..100) < percent
    }
}
