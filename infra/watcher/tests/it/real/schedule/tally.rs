//! What the runs went through, counted, and the section of the report that says so.

use prodrome_report::{Table, machine};
use std::collections::BTreeMap;
use std::fmt::Write as _;
use std::io::Write as _;
use std::path::PathBuf;
use std::time::Duration;

const HEAD: &str = "## Trouble by chance, before a real API server

Made by `make schedule`, a line each time it is run. The watcher and a real kube-apiserver and etcd, with so many pods. In a run, \
which a seed decides, the watcher begins with nothing (every second run streams lists, the others ask for pages); then there is \
four times trouble, with 60 changes before and after each (a label, a status, made, deleted, deleted and made again); all the \
time the store is compacted, at most 10 s apart, one send in 20 fails and of another one in 20 the answer is lost; in half of the \
runs the store becomes at last what it was before the run, its version too. Equal: in the end the objects and versions that came \
out of the queue are those that the server lists. In doubt: changed while a list was on its way, so that only a look at the server \
tells whether it is there, as downstream does.
";
const HEADS: [&str; 9] = [
    ">pods",
    ">from seed",
    ">runs begun",
    ">equal",
    "what happened",
    ">lists",
    ">changes that came out",
    ">in doubt, at most",
    ">seconds a run, mean",
];

/// What can happen four times in a run.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub(super) enum Trouble {
    WatcherKilled,
    QueueDown,
    /// What it remembers of changes is lost.
    ServerKilled,
    CompactedAndKilled,
    WatcherEnded,
    ServerEnded,
}

impl Trouble {
    pub(super) const ALL: [Self; 6] = [
        Self::WatcherKilled,
        Self::QueueDown,
        Self::ServerKilled,
        Self::CompactedAndKilled,
        Self::WatcherEnded,
        Self::ServerEnded,
    ];

    fn name(self) -> &'static str {
        match self {
            Self::WatcherKilled => "watcher killed",
            Self::QueueDown => "queue down",
            Self::ServerKilled => "API server killed",
            Self::CompactedAndKilled => "store compacted and API server killed",
            Self::WatcherEnded => "watcher ended, begun after more changes",
            Self::ServerEnded => "API server ended in order",
        }
    }
}

/// A run at whose end all was equal.
pub(super) struct Done {
    pub(super) troubles: Vec<Trouble>,
    pub(super) restored: bool,
    pub(super) compactions: usize,
    pub(super) came: usize,
    pub(super) lists: usize,
    pub(super) in_doubt: usize,
    pub(super) took: Duration,
}

/// All runs of this process.
pub(super) struct Tally {
    report: Option<PathBuf>,
    machine: String,
    pods: u64,
    first: u64,
    begun: u32,
    equal: u32,
    troubles: BTreeMap<Trouble, usize>,
    restored: usize,
    compactions: usize,
    came: usize,
    lists: usize,
    in_doubt_max: usize,
    took: Duration,
}

impl Tally {
    pub(super) fn new(pods: u64, first: u64) -> Self {
        let report = std::env::var_os("SCHEDULE_REPORT").filter(|file| !file.is_empty()).map(PathBuf::from);
        Self {
            report,
            machine: machine(),
            pods,
            first,
            begun: 0,
            equal: 0,
            troubles: BTreeMap::new(),
            restored: 0,
            compactions: 0,
            came: 0,
            lists: 0,
            in_doubt_max: 0,
            took: Duration::ZERO,
        }
    }

    /// A run begins: should it not end well, the report says that there was one more than were equal.
    pub(super) fn begun(&mut self) {
        self.begun += 1;
        self.write();
    }

    pub(super) fn equal(&mut self, seed: u64, done: &Done) {
        let Done { troubles, restored, compactions, came, lists, in_doubt, took } = done;
        self.equal += 1;
        for &trouble in troubles {
            *self.troubles.entry(trouble).or_default() += 1;
        }
        self.restored += usize::from(*restored);
        self.compactions += compactions;
        self.came += came;
        self.lists += lists;
        self.in_doubt_max = self.in_doubt_max.max(*in_doubt);
        self.took += *took;
        self.write();
        // Not by eprintln!, which the test harness would keep to itself.
        let line = format!(
            "seed {seed}: equal after {:.1} s, {came} changes, {lists} lists, {compactions} compactions; {troubles:?}{}\n",
            took.as_secs_f64(),
            if *restored { ", an older store" } else { "" }
        );
        std::io::stderr().write_all(line.as_bytes()).unwrap();
    }

    fn write(&self) {
        let Some(file) = &self.report else { return };
        let before = std::fs::read_to_string(file).unwrap_or_default();
        std::fs::write(file, self.section(&before)).unwrap();
    }

    /// The section with this line among those that it had, in the place of the one of the same pods and seed.
    fn section(&self, before: &str) -> String {
        let key = |line: &str| {
            let mut cells = line.strip_prefix("| ")?.split(" | ");
            Some((cells.next()?.parse::<u64>().ok()?, cells.next()?.parse::<u64>().ok()?))
        };
        let mut lines: BTreeMap<_, _> =
            before.lines().filter_map(|line| Some((key(line)?, line.to_owned()))).collect();
        lines.insert((self.pods, self.first), self.line());
        let lines: Vec<_> = lines.into_values().collect();
        let (heads, lines) = (Table::new(&HEADS).finish(), lines.join("\n"));
        format!("{HEAD}\nThe latest of them on {}\n\n{heads}{lines}\n", self.machine)
    }

    fn line(&self) -> String {
        let mut happened = String::new();
        for (trouble, count) in &self.troubles {
            write!(happened, "{} {count}, ", trouble.name()).unwrap();
        }
        write!(happened, "store compacted besides {}, an older store {}", self.compactions, self.restored)
            .unwrap();
        let seconds = self.took.checked_div(self.equal).unwrap_or_default().as_secs_f64();
        let seconds = format!("{seconds:.0}");
        let (pods, first) = (self.pods, self.first);
        let mut table = Table::new(&[]);
        table.row(&[
            &pods,
            &first,
            &self.begun,
            &self.equal,
            &happened,
            &self.lists,
            &self.came,
            &self.in_doubt_max,
            &seconds,
        ]);
        table.finish().lines().last().unwrap().to_owned()
    }
}

#[test]
fn a_line_takes_the_place_of_the_one_of_the_same_pods_and_seed() {
    let of = |pods, first, begun| {
        let mut tally = Tally::new(pods, first);
        tally.report = None;
        tally.begun = begun;
        tally
    };
    let mut text = of(20_000, 0, 1).section("");
    text = of(2_000, 0, 1).section(&text);
    text = of(20_000, 7, 1).section(&text);
    text = of(20_000, 0, 5).section(&text);
    let lines: Vec<_> = text.lines().filter(|line| line.starts_with("| 2")).collect();
    let begins = ["| 2000 | 0 | 1 |", "| 20000 | 0 | 5 |", "| 20000 | 7 | 1 |"];
    assert!(lines.iter().zip(begins).all(|(line, begin)| line.starts_with(begin)), "{text}");
    assert_eq!(lines.len(), 3, "{text}");
    assert!(text.starts_with(HEAD), "{text}");
}
