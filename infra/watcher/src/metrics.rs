use crate::trouble::{DeniedKind, Trouble};
use prodrome_model::Waybill;
use std::collections::{BTreeMap, BTreeSet};
use std::fmt::Write as _;
use std::sync::atomic::{AtomicU64, Ordering::Relaxed};
use std::sync::{Mutex, MutexGuard, PoisonError};
use std::time::Duration;
use tokio::time::Instant;

/// What the watcher counts, readable while it runs.
#[derive(Debug, Default)]
pub struct Metrics {
    taken_in: AtomicU64,
    ignored: AtomicU64,
    coalesced: AtomicU64,
    held_back: AtomicU64,
    sent: AtomicU64,
    too_large: AtomicU64,
    malformed: AtomicU64,
    packs: AtomicU64,
    pack_bytes: AtomicU64,
    raw_bytes: AtomicU64,
    send_failures: AtomicU64,
    saves: AtomicU64,
    save_failures: AtomicU64,
    finalizers_added: AtomicU64,
    finalizers_removed: AtomicU64,
    finalizers_refused: AtomicU64,
    deletions_released: AtomicU64,
    deletions_overdue: AtomicU64,
    deletions_refused: AtomicU64,
    deletions_held: AtomicU64,
    /// Seconds since 1970.
    last_save: AtomicU64,
    epoch: AtomicU64,
    shared: Mutex<Shared>,
}

#[derive(Debug, Default)]
struct Shared {
    kinds: BTreeMap<String, Kind>,
    restarts: BTreeMap<&'static str, u64>,
    /// Patterns that mean nothing that the cluster serves.
    unresolved: Vec<String>,
    discovered: bool,
    ready: bool,
    role: Role,
    /// When some kind was last followed, or the run began; of no meaning while one is.
    in_touch: Option<Instant>,
    /// What went wrong last, since something was read of the cluster.
    trouble: Option<Trouble>,
}

impl Shared {
    fn is_in_touch(&self) -> bool {
        self.kinds.values().any(|kind| kind.state == KindState::Watching)
    }

    /// To be called before a kind changes: what it is then no more, it was until now.
    fn note_touch(&mut self) {
        if self.is_in_touch() {
            self.in_touch = Some(Instant::now());
        }
    }
}

/// What is known of a collection that is watched.
#[derive(Debug, Default, Clone)]
struct Kind {
    state: KindState,
    /// It was listed, or its watch went on, at least once.
    reached: bool,
    /// Since it was last reached, it was denied.
    denied: Option<DeniedKind>,
    seen: u64,
    ignored: u64,
}

/// What the stream of a kind is doing.
#[derive(Debug, Default, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub enum KindState {
    /// Nothing yet.
    #[default]
    Starting,
    /// Reading all objects.
    Listing,
    /// Following changes.
    Watching,
    /// Waiting to try again.
    BackingOff,
    /// Waiting, as the credentials do not allow it.
    Denied,
}

impl KindState {
    const ALL: [Self; 5] = [Self::Starting, Self::Listing, Self::Watching, Self::BackingOff, Self::Denied];

    /// The name in metrics.
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Starting => "starting",
            Self::Listing => "listing",
            Self::Watching => "watching",
            Self::BackingOff => "backing_off",
            Self::Denied => "denied",
        }
    }
}

/// What a watcher is among those that share a lease.
#[derive(Debug, Default, Clone, Copy, PartialEq, Eq)]
pub enum Role {
    /// There is no lease: it forwards.
    #[default]
    Alone,
    /// It waits for the lease.
    Waits,
    /// It has the lease: it forwards.
    Leads,
}

/// Why a stream began anew.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Restart {
    /// The API server ended the watch, as it does every few minutes.
    Ended,
    /// 410: the version was too old; everything is listed anew.
    Gone,
    /// The version is not yet; everything is listed anew.
    Ahead,
    /// The connection failed.
    Broken,
    /// Nothing arrived for too long.
    Silent,
    /// The API server asked to wait.
    Throttled,
    /// The API server failed or refused.
    Refused,
    /// The credentials do not allow it.
    Denied,
    /// The kind is no longer served.
    NotServed,
    /// What arrived could not be read.
    Malformed,
}

impl Restart {
    /// The name in metrics.
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Ended => "ended",
            Self::Gone => "gone",
            Self::Ahead => "ahead",
            Self::Broken => "broken",
            Self::Silent => "silent",
            Self::Throttled => "throttled",
            Self::Refused => "refused",
            Self::Denied => "denied",
            Self::NotServed => "not_served",
            Self::Malformed => "malformed",
        }
    }
}

/// A moment's values that are not counted but looked up.
#[derive(Debug, Clone, Copy, Default, PartialEq)]
pub(crate) struct Gauges {
    pub(crate) waiting_bytes: usize,
    pub(crate) waiting_objects: usize,
    pub(crate) lag_seconds: f64,
}

impl Metrics {
    pub(crate) fn taken_in(&self, coalesced: bool) {
        self.taken_in.fetch_add(1, Relaxed);
        self.coalesced.fetch_add(u64::from(coalesced), Relaxed);
    }

    pub(crate) fn held_back(&self) {
        self.held_back.fetch_add(1, Relaxed);
    }

    pub(crate) fn too_large(&self) {
        self.too_large.fetch_add(1, Relaxed);
    }

    pub(crate) fn malformed(&self) {
        self.malformed.fetch_add(1, Relaxed);
    }

    pub(crate) fn send_failed(&self) {
        self.send_failures.fetch_add(1, Relaxed);
    }

    pub(crate) fn pack_sent(&self, changes: usize, bytes: usize, raw_bytes: usize) {
        self.packs.fetch_add(1, Relaxed);
        self.sent.fetch_add(to_u64(changes), Relaxed);
        self.pack_bytes.fetch_add(to_u64(bytes), Relaxed);
        self.raw_bytes.fetch_add(to_u64(raw_bytes), Relaxed);
    }

    pub(crate) fn saved(&self, at_seconds: i64) {
        self.saves.fetch_add(1, Relaxed);
        self.last_save.store(u64::try_from(at_seconds).unwrap_or_default(), Relaxed);
    }

    pub(crate) fn save_failed(&self) {
        self.save_failures.fetch_add(1, Relaxed);
    }

    pub(crate) fn finalizer_applied(&self, holds: bool) {
        let counter = if holds { &self.finalizers_added } else { &self.finalizers_removed };
        counter.fetch_add(1, Relaxed);
    }

    pub(crate) fn finalizer_refused(&self) {
        self.finalizers_refused.fetch_add(1, Relaxed);
    }

    pub(crate) fn deletions_held(&self, count: usize) {
        self.deletions_held.store(to_u64(count), Relaxed);
    }

    pub(crate) fn deletion_released(&self, is_overdue: bool) {
        self.deletions_released.fetch_add(1, Relaxed);
        self.deletions_overdue.fetch_add(u64::from(is_overdue), Relaxed);
    }

    pub(crate) fn deletion_refused(&self) {
        self.deletions_refused.fetch_add(1, Relaxed);
    }

    pub(crate) fn began(&self, epoch: u64) {
        self.epoch.store(epoch, Relaxed);
        self.shared().in_touch.get_or_insert_with(Instant::now);
    }

    fn shared(&self) -> MutexGuard<'_, Shared> {
        self.shared.lock().unwrap_or_else(PoisonError::into_inner)
    }

    pub(crate) fn seen(&self, kind: &str, ignored: bool) {
        self.ignored.fetch_add(u64::from(ignored), Relaxed);
        if let Some(kind) = self.shared().kinds.get_mut(kind) {
            kind.seen += 1;
            kind.ignored += u64::from(ignored);
        }
    }

    pub(crate) fn state(&self, kind: &str, state: KindState) {
        let mut shared = self.shared();
        shared.note_touch();
        match shared.kinds.get_mut(kind) {
            Some(kind) => kind.state = state,
            None => {
                shared.kinds.insert(kind.to_owned(), Kind { state, ..Kind::default() });
            }
        }
    }

    pub(crate) fn reached(&self, kind: &str) {
        let mut shared = self.shared();
        shared.trouble = None;
        if let Some(kind) = shared.kinds.get_mut(kind) {
            kind.reached = true;
            kind.denied = None;
        }
    }

    pub(crate) fn denied(&self, id: &str, denied: DeniedKind) {
        if let Some(kind) = self.shared().kinds.get_mut(id) {
            kind.denied = Some(denied);
        }
    }

    pub(crate) fn failed(&self, trouble: Trouble) {
        self.shared().trouble = Some(trouble);
    }

    pub(crate) fn forget(&self, kind: &str) {
        let mut shared = self.shared();
        shared.note_touch();
        shared.kinds.remove(kind);
    }

    pub(crate) fn restarted(&self, why: Restart) {
        *self.shared().restarts.entry(why.as_str()).or_default() += 1;
    }

    pub(crate) fn role(&self, role: Role) {
        self.shared().role = role;
    }

    /// What it is among those that share a lease.
    pub fn is(&self) -> Role {
        self.shared().role
    }

    pub(crate) fn discovered(&self, unresolved: Vec<String>) {
        let mut shared = self.shared();
        shared.discovered = true;
        shared.unresolved = unresolved;
    }

    /// Whether every kind that can be reached was listed or is watched. Once it is so, it stays so. One that waits for
    /// the lease is ready to take over.
    pub fn is_ready(&self) -> bool {
        let mut shared = self.shared();
        if shared.role == Role::Waits {
            return true;
        }
        let reached = |kind: &Kind| kind.reached || kind.state == KindState::Denied;
        shared.ready = shared.ready || (shared.discovered && shared.kinds.values().all(reached));
        shared.ready
    }

    /// For how long no kind at all was followed: the cluster is out of reach, or was not yet reached. One kind
    /// whose API is broken (an aggregated one, a bad conversion) is no such thing.
    pub fn cut_off_for(&self, now: Instant) -> Duration {
        let shared = self.shared();
        let since = shared.in_touch.filter(|_| !shared.is_in_touch());
        since.map_or(Duration::ZERO, |since| now.saturating_duration_since(since))
    }

    /// What went wrong last, since something was read of the cluster. One kind may fail where others do not: see
    /// [`Metrics::cut_off_for`].
    pub fn trouble(&self) -> Option<Trouble> {
        self.shared().trouble.clone()
    }

    /// The kinds that cannot be watched with these credentials.
    pub fn denied_kinds(&self) -> BTreeSet<DeniedKind> {
        self.shared().kinds.values().filter_map(|kind| kind.denied.clone()).collect()
    }

    /// What each kind is doing.
    pub fn kinds(&self) -> BTreeMap<String, KindState> {
        self.shared().kinds.iter().map(|(name, kind)| (name.clone(), kind.state)).collect()
    }

    /// The kinds that are to be watched and are not served by the cluster.
    pub fn unresolved(&self) -> Vec<String> {
        self.shared().unresolved.clone()
    }

    /// What was counted, for those who hold it against what became of it. Not by kind: kinds go, and their counts with
    /// them.
    pub(crate) fn counts(&self) -> Waybill {
        let count = |counter: &AtomicU64| counter.load(Relaxed);
        let (ignored, malformed) = (count(&self.ignored), count(&self.malformed));
        Waybill {
            read: count(&self.taken_in) + ignored + malformed,
            ignored,
            overtaken: count(&self.coalesced),
            dropped: malformed + count(&self.too_large),
            ..Waybill::default()
        }
    }

    /// How many changes were read off the watches and lists.
    pub fn changes_seen(&self) -> u64 {
        self.shared().kinds.values().map(|kind| kind.seen).sum()
    }

    /// How many changes the queue has accepted.
    pub fn changes_sent(&self) -> u64 {
        self.sent.load(Relaxed)
    }

    /// How many changes were not sent as a newer version of the object took their place.
    pub fn changes_coalesced(&self) -> u64 {
        self.coalesced.load(Relaxed)
    }

    /// How many packs the queue has accepted.
    pub fn packs_sent(&self) -> u64 {
        self.packs.load(Relaxed)
    }

    /// How often streams began anew, by reason.
    pub fn restarts(&self) -> BTreeMap<&'static str, u64> {
        self.shared().restarts.clone()
    }

    /// As Prometheus reads it.
    pub(crate) fn render(&self, gauges: Gauges) -> String {
        let mut out = String::new();
        let mut simple = |name: &str, kind: &str, help: &str, value: f64| {
            line(&mut out, format_args!("# HELP prodrome_watcher_{name} {help}"));
            line(&mut out, format_args!("# TYPE prodrome_watcher_{name} {kind}"));
            line(&mut out, format_args!("prodrome_watcher_{name} {value}"));
        };
        let count = |n: &AtomicU64| as_f64(n.load(Relaxed));
        let counters = [
            ("changes_sent_total", "Changes that the queue accepted.", &self.sent),
            (
                "changes_coalesced_total",
                "Changes not sent as a newer version of the object took their place.",
                &self.coalesced,
            ),
            (
                "changes_too_large_total",
                "Changes that no message can carry; they are dropped.",
                &self.too_large,
            ),
            ("changes_malformed_total", "Changes that could not be read; they are skipped.", &self.malformed),
            ("held_back_total", "Times a stream had to wait for room.", &self.held_back),
            ("packs_sent_total", "Packs that the queue accepted.", &self.packs),
            ("pack_bytes_total", "Their bytes.", &self.pack_bytes),
            ("pack_raw_bytes_total", "What their bytes inflate to.", &self.raw_bytes),
            ("send_failures_total", "Tries at which the queue did not accept a pack.", &self.send_failures),
            ("saves_total", "Times the place was saved.", &self.saves),
            ("save_failures_total", "Times it could not be saved.", &self.save_failures),
            (
                "finalizers_added_total",
                "Objects whose deletion is held from then on.",
                &self.finalizers_added,
            ),
            (
                "finalizers_removed_total",
                "Objects whose deletion need not be held any more.",
                &self.finalizers_removed,
            ),
            (
                "finalizers_refused_total",
                "Finalizers that the API server or a webhook refused, but for held deletions.",
                &self.finalizers_refused,
            ),
            ("deletions_released_total", "Held deletions that were let go.", &self.deletions_released),
            (
                "deletions_overdue_total",
                "Of them, those whose state the queue had not accepted in time.",
                &self.deletions_overdue,
            ),
            (
                "deletions_refused_total",
                "Held deletions that the API server or a webhook does not let go; they are tried on.",
                &self.deletions_refused,
            ),
        ];
        for (name, help, value) in counters {
            simple(name, "counter", help, count(value));
        }
        simple(
            "waiting_bytes",
            "gauge",
            "Bytes that wait for the queue.",
            as_f64(to_u64(gauges.waiting_bytes)),
        );
        simple("waiting_objects", "gauge", "Objects that wait.", as_f64(to_u64(gauges.waiting_objects)));
        simple("lag_seconds", "gauge", "Age of the oldest change not yet accepted.", gauges.lag_seconds);
        simple(
            "last_save_timestamp_seconds",
            "gauge",
            "When the place was last saved.",
            count(&self.last_save),
        );
        simple("deletions_held", "gauge", "Deletions that are held now.", count(&self.deletions_held));
        simple("epoch", "gauge", "The number of this run.", count(&self.epoch));
        let forwards = if self.is() == Role::Waits { 0.0 } else { 1.0 };
        simple("forwards", "gauge", "1 where it forwards, 0 where it waits for the lease.", forwards);
        if let Some(resident) = resident_bytes() {
            simple("resident_memory_bytes", "gauge", "Memory of the process.", as_f64(resident));
        }
        self.render_kinds(&mut out);
        out
    }

    fn render_kinds(&self, out: &mut String) {
        let shared = self.shared();
        line(
            out,
            format_args!("# HELP prodrome_watcher_changes_seen_total Changes read off watches and lists."),
        );
        line(out, format_args!("# TYPE prodrome_watcher_changes_seen_total counter"));
        for (name, kind) in &shared.kinds {
            line(out, format_args!("prodrome_watcher_changes_seen_total{{kind=\"{name}\"}} {}", kind.seen));
        }
        line(
            out,
            format_args!("# HELP prodrome_watcher_changes_ignored_total Of them, those of no interest."),
        );
        line(out, format_args!("# TYPE prodrome_watcher_changes_ignored_total counter"));
        for (name, kind) in &shared.kinds {
            line(
                out,
                format_args!("prodrome_watcher_changes_ignored_total{{kind=\"{name}\"}} {}", kind.ignored),
            );
        }
        line(out, format_args!("# HELP prodrome_watcher_kind_state What the stream of a kind is doing."));
        line(out, format_args!("# TYPE prodrome_watcher_kind_state gauge"));
        for (name, kind) in &shared.kinds {
            for state in KindState::ALL {
                let (state_name, on) = (state.as_str(), u8::from(kind.state == state));
                let labels = format_args!("kind=\"{name}\",state=\"{state_name}\"");
                line(out, format_args!("prodrome_watcher_kind_state{{{labels}}} {on}"));
            }
        }
        line(out, format_args!("# HELP prodrome_watcher_restarts_total Times a stream began anew."));
        line(out, format_args!("# TYPE prodrome_watcher_restarts_total counter"));
        for (reason, count) in &shared.restarts {
            line(out, format_args!("prodrome_watcher_restarts_total{{reason=\"{reason}\"}} {count}"));
        }
        line(
            out,
            format_args!("# HELP prodrome_watcher_kinds_unresolved Kinds that the cluster does not serve."),
        );
        line(out, format_args!("# TYPE prodrome_watcher_kinds_unresolved gauge"));
        line(out, format_args!("prodrome_watcher_kinds_unresolved {}", shared.unresolved.len()));
    }
}

fn line(out: &mut String, text: std::fmt::Arguments<'_>) {
    writeln!(out, "{text}").expect("writing to a String does not fail");
}

fn to_u64(n: usize) -> u64 {
    u64::try_from(n).unwrap_or(u64::MAX)
}

#[expect(clippy::cast_precision_loss, reason = "Prometheus' numbers are floats; 2^53 is far away")]
fn as_f64(n: u64) -> f64 {
    n as f64
}

/// From the kernel, where there is one that tells.
fn resident_bytes() -> Option<u64> {
    let statm = std::fs::read_to_string("/proc/self/statm").ok()?;
    let pages: u64 = statm.split(' ').nth(1)?.parse().ok()?;
    Some(pages * 4096)
}
