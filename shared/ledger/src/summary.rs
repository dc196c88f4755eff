use crate::{Account, Silence, Span, Statement};
use jiff::Timestamp;
use serde::Serialize;
use std::collections::BTreeMap;
use std::fmt;

/// What became of changes.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize)]
pub struct Counts {
    /// How many the queue has accepted, as far as is known.
    #[serde(rename = "in")]
    pub came: u64,
    /// Of them, how many were handled.
    pub out: u64,
    /// Of them, how many are on their way.
    pub waiting: u64,
    /// Of those on their way, how many were tried in vain so far, again and again.
    #[serde(skip_serializing_if = "is_zero")]
    pub tried: u64,
    /// Of them, how many were given up, by reason.
    pub dead: BTreeMap<String, u64>,
    /// Of them, how many have no account though they had to.
    pub lost: u64,
}

/// What became of the changes of one run of a watcher.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
#[serde(rename_all = "camelCase")]
pub struct RunSummary {
    /// Which run.
    pub epoch: u64,
    /// What the watcher said last, and when that was sent.
    pub watcher: Statement,
    /// How many changes it held at that moment.
    pub held: u64,
    /// What became of those that it handed over.
    #[serde(flatten)]
    pub counts: Counts,
    /// Which were lost, the last of them.
    pub lost_spans: Vec<Span>,
}

/// What became of the changes of a cluster.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
#[serde(rename_all = "camelCase")]
pub struct ClusterSummary {
    /// The tenant, region and cluster.
    pub scope: String,
    /// Of all runs that are remembered.
    #[serde(flatten)]
    pub counts: Counts,
    /// How many changes its watchers have dropped, as they could not be read, or as no message can carry them.
    #[serde(skip_serializing_if = "is_zero")]
    pub dropped: u64,
    /// When a watcher was heard last that does not number its changes, if that was after all others: what it sends is
    /// not counted.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub uncounted_at: Option<Timestamp>,
    /// Since when nothing is known of how the cluster is, where it is silent.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub silent_since: Option<Timestamp>,
    /// The runs of its watcher, the latest last.
    pub runs: Vec<RunSummary>,
}

/// All that is known.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize)]
#[serde(rename_all = "camelCase")]
pub struct Summary {
    /// By name.
    pub clusters: Vec<ClusterSummary>,
}

impl RunSummary {
    pub(crate) fn new(epoch: u64, watcher: Statement, known: Account) -> Self {
        let came = watcher.waybill.accepted.max(known.up_to).saturating_sub(known.read_again);
        let waiting = came.saturating_sub(known.done + known.dead_count() + known.lost);
        let tried = known.tried_count();
        let counts = Counts { came, out: known.done, waiting, tried, dead: known.dead, lost: known.lost };
        Self { epoch, watcher, held: watcher.waybill.held(), counts, lost_spans: known.lost_spans }
    }
}

impl Summary {
    pub(crate) fn new(
        runs: impl IntoIterator<Item = (String, RunSummary)>,
        uncounted: &BTreeMap<String, Timestamp>,
        silent: impl IntoIterator<Item = Silence>,
    ) -> Self {
        let silent: BTreeMap<String, Timestamp> =
            silent.into_iter().map(|silence| (silence.scope.to_string(), silence.since)).collect();
        let unheard = uncounted.keys().chain(silent.keys()).map(|scope| (scope.clone(), Vec::new()));
        let mut clusters: BTreeMap<String, Vec<RunSummary>> = unheard.collect();
        for (scope, run) in runs {
            clusters.entry(scope).or_default().push(run);
        }
        let summarised = clusters.into_iter().map(|(scope, mut runs)| {
            runs.sort_by_key(|run| run.epoch);
            let mut counts = Counts::default();
            for run in &runs {
                counts.add(&run.counts);
            }
            let dropped = runs.iter().map(|run| run.watcher.waybill.dropped).sum();
            let heard = runs.iter().map(|run| run.watcher.at).max();
            let uncounted_at =
                uncounted.get(&scope).copied().filter(|at| heard.is_none_or(|heard| heard < *at));
            let silent_since = silent.get(&scope).copied();
            ClusterSummary { scope, counts, dropped, uncounted_at, silent_since, runs }
        });
        Self { clusters: summarised.collect() }
    }

    /// Whether every change that a watcher has read is handled, on its way, or lies among the dead letters: none was lost,
    /// and none dropped by a watcher.
    pub fn adds_up(&self) -> bool {
        self.clusters.iter().all(|cluster| cluster.counts.lost == 0 && cluster.dropped == 0)
    }
}

impl Counts {
    fn add(&mut self, other: &Self) {
        self.came += other.came;
        self.out += other.out;
        self.waiting += other.waiting;
        self.tried += other.tried;
        self.lost += other.lost;
        for (code, count) in &other.dead {
            *self.dead.entry(code.clone()).or_default() += count;
        }
    }

    /// How many were given up.
    pub fn dead_count(&self) -> u64 {
        self.dead.values().sum()
    }
}

impl fmt::Display for Counts {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Self { came, out, waiting, tried, dead, lost } = self;
        let n = |number: u64| Grouped(number);
        write!(f, "in {}, out {}, waiting {}", n(*came), n(*out), n(*waiting))?;
        if *tried > 0 {
            write!(f, " ({} tried in vain so far)", n(*tried))?;
        }
        write!(f, ", dead {}", n(self.dead_count()))?;
        if !dead.is_empty() {
            let reasons: Vec<_> = dead.iter().map(|(code, count)| format!("{code} {}", n(*count))).collect();
            write!(f, " ({})", reasons.join(", "))?;
        }
        if *lost > 0 { write!(f, ", LOST {}", n(*lost)) } else { Ok(()) }
    }
}

#[expect(clippy::trivially_copy_pass_by_ref, reason = "serde asks with a reference")]
fn is_zero(number: &u64) -> bool {
    *number == 0
}

/// A number with its thousands apart.
pub(crate) struct Grouped(pub(crate) u64);

impl fmt::Display for Grouped {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let digits = self.0.to_string();
        for (at, digit) in digits.chars().enumerate() {
            if at > 0 && (digits.len() - at).is_multiple_of(3) {
                write!(f, ",")?;
            }
            write!(f, "{digit}")?;
        }
        Ok(())
    }
}
