use crate::Key;
use std::fmt;

/// How unkind a [`MemoryStore`](crate::MemoryStore) is, all of it drawn from the seed. Everything is off by
/// default.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub struct Unkindness {
    /// Where the draws begin; the same seed and the same operations bring the same faults.
    pub seed: u64,
    /// The due index shows each record as it was up to so many commits ago, another number at each read.
    pub index_lag_commits_max: u32,
    /// Of a hundred operations so many fail before they do anything.
    pub unavailable_percent: u8,
    /// Of a hundred commits so many conflict though nobody else wrote.
    pub conflict_percent: u8,
    /// Of a hundred commits so many are done but answered by an error: half of them as unavailable, half as
    /// a conflict (a client that repeats a lost request conflicts with itself).
    pub answer_lost_percent: u8,
    /// Before each operation other tasks run, up to so many times.
    pub yields_max: u8,
}

impl Unkindness {
    /// No unkindness at all.
    pub const NONE: Self = Self {
        seed: 0,
        index_lag_commits_max: 0,
        unavailable_percent: 0,
        conflict_percent: 0,
        answer_lost_percent: 0,
        yields_max: 0,
    };

    /// Everything at once, at the rates of a very bad day.
    pub const fn of_seed(seed: u64) -> Self {
        Self {
            seed,
            index_lag_commits_max: 8,
            unavailable_percent: 4,
            conflict_percent: 4,
            answer_lost_percent: 4,
            yields_max: 3,
        }
    }
}

/// What an operation does.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum OperationKind {
    /// [`Store::get`](crate::Store::get)
    Get,
    /// [`Store::get_many`](crate::Store::get_many)
    GetMany,
    /// [`Store::query`](crate::Store::query)
    Query,
    /// [`Store::due`](crate::Store::due)
    Due,
    /// [`Store::commit`](crate::Store::commit)
    Commit,
}

/// An operation that is about to be done, as a script sees it.
#[derive(Debug)]
pub struct Operation<'a> {
    /// Counts the operations of the store, from 0.
    pub number: u64,
    /// What it does.
    pub kind: OperationKind,
    /// The keys it names; none for a query and for the due index.
    pub keys: &'a [&'a Key],
}

/// How an operation fails.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Fault {
    /// Nothing is done, and the store is unavailable.
    Unavailable,
    /// Nothing is done, and a commit conflicts (its first key is named). A read is unavailable instead.
    Conflict,
    /// It is done, but the answer is lost: the store seems unavailable.
    AnswerLost,
    /// It is done, the answer is lost, and the client's own repetition then conflicts with it.
    ConflictAfterCommit,
}

type Script = Box<dyn FnMut(&Operation<'_>) -> Option<Fault> + Send>;

/// Decides operation by operation what fails.
#[derive(Default)]
pub(super) struct Faults {
    script: Option<Script>,
    unkindness: Unkindness,
    random: Option<fastrand::Rng>,
    operations: u64,
}

impl Faults {
    pub(super) fn set_unkindness(&mut self, unkindness: Unkindness) {
        self.unkindness = unkindness;
        self.random = Some(fastrand::Rng::with_seed(unkindness.seed));
    }

    pub(super) fn set_script(&mut self, script: Option<Script>) {
        self.script = script;
    }

    pub(super) fn operations(&self) -> u64 {
        self.operations
    }

    /// How often others run before the next operation.
    pub(super) fn draw_yields(&mut self) -> u8 {
        let max = self.unkindness.yields_max;
        if max == 0 { 0 } else { self.random.as_mut().map_or(0, |random| random.u8(0..=max)) }
    }

    /// Whether the next operation fails, and how. The script is asked first, then the seed.
    pub(super) fn next(&mut self, kind: OperationKind, keys: &[&Key]) -> Option<Fault> {
        let operation = Operation { number: self.operations, kind, keys };
        self.operations += 1;
        let scripted = self.script.as_mut().and_then(|script| script(&operation));
        scripted.or_else(|| self.draw(kind))
    }

    fn draw(&mut self, kind: OperationKind) -> Option<Fault> {
        let Unkindness { unavailable_percent, conflict_percent, answer_lost_percent, .. } = self.unkindness;
        if unavailable_percent == 0 && conflict_percent == 0 && answer_lost_percent == 0 {
            return None;
        }
        let random = self.random.as_mut()?;
        let drawn = random.u8(0..100);
        let conflict_end = unavailable_percent.saturating_add(conflict_percent);
        if drawn < unavailable_percent {
            Some(Fault::Unavailable)
        } else if kind != OperationKind::Commit {
            None
        } else if drawn < conflict_end {
            Some(Fault::Conflict)
        } else if drawn < conflict_end.saturating_add(answer_lost_percent) {
            Some(if random.bool() { Fault::AnswerLost } else { Fault::ConflictAfterCommit })
        } else {
            None
        }
    }
}

impl fmt::Debug for Faults {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Self { script, unkindness, random: _, operations } = self;
        f.debug_struct("Faults")
            .field("script", &script.is_some())
            .field("unkindness", unkindness)
            .field("operations", operations)
            .finish()
    }
}
