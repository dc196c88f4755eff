//! A leader that was suspended wakes after another watcher has taken over, and what it sends comes late: of before the
//! other's news, and after them. Some of it was read before the suspension and only sent now; some lay in a buffer and is
//! read now, so that its time is the waking's and says nothing. After an etcd was restored its versions are the higher ones.
//!
//! A look decides, and not the epoch's number: an earlier run may have read what the later one has yet to read, and to drop
//! that would lose time. The number, like the time, is a reason to look, as versions that were set back do not tell.

use crate::identity::event;
use crate::truth::Pod;
use crate::world::{Told, World, rules};
use prodrome_ledger::{Counts, Ledger};
use prodrome_model::ChangeKind::{Applied, Deleted, ListBegin, ListEnd};
use prodrome_model::{ChangeKind, EndReason};
use serde_json::Value;

const RULES: &str = "
Failed:
  { resource: Pod, duration: 0s, resolveAfter: 1m, checkField: [ { field: [status, phase], equalValue: [Failed] } ] }
Unready:
  { resource: Pod, duration: 5m, resolveAfter: 2m, checkField: [ { field: [status, ready], equalValue: ['false'] } ] }
";
/// The runs of the two watchers.
const SUSPENDED: u64 = 1_800_000_000;
const LEADING: u64 = SUSPENDED + 30;

fn pod(uid: &str, version: u64, is_broken: bool) -> Value {
    let phase = if is_broken { "Failed" } else { "Running" };
    Pod { uid: uid.into(), created: 0, phase, ready: !is_broken, config: "settings" }.json("a", version)
}

/// What the leading watcher has told.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Story {
    /// It read on from the place, and the pod broke.
    ReadOn,
    /// etcd was restored, so it listed anew, and the pod broke then.
    BrokeAfterRestore,
    /// It listed the pod, which was broken then.
    ListedBroken,
    /// The suspended one had told of the broken pod before, in a higher version.
    BrokenAllAlong,
}

impl Story {
    const ALL: [Self; 4] = [Self::ReadOn, Self::BrokeAfterRestore, Self::ListedBroken, Self::BrokenAllAlong];

    /// The version of the broken pod; the next ones follow.
    fn version(self) -> u64 {
        if self == Self::ReadOn { 90 } else { 5 }
    }

    fn begins_at(self) -> i64 {
        if self == Self::BrokenAllAlong { 0 } else { 30 }
    }

    async fn tell(self) -> World {
        let mut world = World::new(rules(RULES));
        (world.counts, world.lag_seconds) = (true, Some(0));
        world.told_by(SUSPENDED);
        world.apply("Pod", &pod("u1", 80, self == Self::BrokenAllAlong)).await;
        world.until(30).await;
        world.told_by(LEADING);
        let broken = pod("u1", self.version(), true);
        let listed = match self {
            Self::ReadOn => None,
            Self::BrokeAfterRestore => Some(pod("u1", 4, false)),
            Self::ListedBroken | Self::BrokenAllAlong => Some(broken.clone()),
        };
        if let Some(listed) = listed {
            world.live_without("Pod", &listed); // or an older version would be no news there
            world.live("Pod", &listed);
            list(&mut world, LEADING, Some(&listed)).await;
        }
        if matches!(self, Self::ReadOn | Self::BrokeAfterRestore) {
            world.apply("Pod", &broken).await;
        }
        world
    }
}

async fn list(world: &mut World, epoch: u64, object: Option<&Value>) {
    let mark = |kind| (kind, None);
    let named = object.map(|object| (Applied, Some(object)));
    let told = [Some(mark(ListBegin)), named, Some(mark(ListEnd))].into_iter().flatten();
    let list = format!("{epoch}/pods/7");
    let told = told.map(|(kind, object)| Told { kind, of: "Pod", object, list: Some(list.clone()) });
    world.tell(&told.collect::<Vec<_>>()).await;
}

/// Something that comes late.
#[derive(Debug, Clone, Copy)]
enum Late {
    News {
        kind: ChangeKind,
        uid: &'static str,
        version: u64,
        is_broken: bool,
    },
    /// A list that names nothing.
    List,
}

impl Late {
    /// Of an object whose versions are higher there only after an etcd was restored.
    fn all(story: Story) -> Vec<Self> {
        let versions = if story == Story::ReadOn { &[79, 85][..] } else { &[3, 95] };
        let mut all = vec![Self::List];
        for (&version, uid) in versions.iter().flat_map(|version| ["u1", "u0"].map(|uid| (version, uid))) {
            for (kind, is_broken) in [(Applied, true), (Applied, false), (Deleted, true), (Deleted, false)] {
                all.push(Self::News { kind, uid, version, is_broken });
            }
        }
        all
    }

    /// It comes now: read now, or read before the suspension.
    async fn comes(self, world: &mut World, was_read: bool) {
        world.told_by(SUSPENDED);
        match self {
            Self::News { kind, uid, version, is_broken } => {
                let object = pod(uid, version, is_broken);
                let told = Told { kind, of: "Pod", object: Some(&object), list: None };
                if was_read {
                    world.tell_of_before(20, &[told]).await;
                } else {
                    world.tell(&[told]).await;
                }
            }
            Self::List => list(world, SUSPENDED, None).await,
        }
        world.told_by(LEADING);
    }
}

/// Time passes, and the leading watcher is heard.
async fn until(world: &mut World, to: i64) {
    let from = world.now.duration_since(crate::world::at(0)).as_secs();
    for second in (from..to).step_by(60) {
        world.until(second).await;
        world.tell(&[]).await;
    }
    world.until(to).await;
}

/// Of each run: how many changes it sent, and that is what was handled.
async fn assert_counted(world: &mut World, what: &str) {
    let summary = Ledger::new(world.store.clone()).summary().await.unwrap();
    let [cluster] = &summary.clusters[..] else { panic!("{summary:#?}") };
    let mut sent = Vec::new();
    for epoch in [SUSPENDED, LEADING] {
        world.told_by(epoch);
        sent.push((epoch, world.sequence));
    }
    let all = |n| Counts { came: n, out: n, ..Counts::default() };
    let want: Vec<_> = sent.into_iter().map(|(epoch, n)| (epoch, all(n))).collect();
    let counted: Vec<_> = cluster.runs.iter().map(|run| (run.epoch, run.counts.clone())).collect();
    assert_eq!(counted, want, "{what}");
}

/// Each story with each thing that comes late.
fn cases() -> Vec<(Story, Late, bool)> {
    let of = |story| Late::all(story).into_iter().map(move |late| (story, late));
    let all = Story::ALL.into_iter().flat_map(of);
    all.flat_map(|(story, late)| [(story, late, true), (story, late, false)]).collect()
}

#[tokio::test]
async fn what_a_suspended_leader_sends_late_ends_nothing_and_begins_nothing() {
    for (story, late, was_read) in cases() {
        let what = format!("{story:?}, {late:?}, read before: {was_read}");
        let mut world = story.tell().await;
        // At once, while it waits, and after it was told.
        for second in [31, 33, 150, 299, 500] {
            until(&mut world, second).await;
            late.comes(&mut world, was_read).await;
        }
        until(&mut world, 1_200).await;
        let from = story.begins_at();
        assert_eq!(world.of("Failed"), [("u1", from, from, None)], "{what}");
        assert_eq!(world.of("Unready"), [("u1", from + 300, from, None)], "{what}");
        for check in world.checks() {
            assert_eq!((&*check.uid, check.resource_version), ("u1", story.version()), "{what}");
            assert_eq!((check.rumour, check.woken), (None, None), "{what}");
        }
        // What is news is believed; what is over stays so.
        world.apply("Pod", &pod("u1", story.version() + 1, false)).await;
        until(&mut world, 1_400).await;
        let recovered = Some(EndReason::Recovered);
        assert_eq!(world.of("Failed")[1..], [("u1", 1_200, from, recovered)], "{what}");
        assert_eq!(world.of("Unready")[1..], [("u1", 1_200, from, recovered)], "{what}");
        for second in [1_401, 1_500] {
            until(&mut world, second).await;
            late.comes(&mut world, was_read).await;
        }
        until(&mut world, 2_000).await;
        assert_eq!((world.findings.len(), world.checks()), (4, vec![]), "{what}: {:#?}", world.findings);
        world.assert_quiet();
        assert_counted(&mut world, &what).await;
    }
}

/// What it told while the cluster could not be read waits for a look, and harms nothing until then.
#[tokio::test]
async fn where_nobody_can_look_what_comes_late_waits() {
    for (story, late, was_read) in cases() {
        let what = format!("{story:?}, {late:?}, read before: {was_read}");
        let mut world = story.tell().await;
        until(&mut world, 100).await;
        world.set_unreadable(1, 100);
        for second in [100, 299, 400] {
            until(&mut world, second).await;
            late.comes(&mut world, was_read).await;
        }
        until(&mut world, 700).await;
        let from = story.begins_at();
        assert_eq!(world.of("Failed"), [("u1", from, from, None)], "{what}");
        world.set_unreadable(0, 0);
        until(&mut world, 1_200).await;
        assert_eq!(world.of("Failed"), [("u1", from, from, None)], "{what}");
        let [("u1", fired, since, None)] = world.of("Unready")[..] else {
            panic!("{what}: {:?}", world.of("Unready"))
        };
        assert!(since == from && (from + 300..770).contains(&fired), "{what}: {fired} {since}");
        world.apply("Pod", &pod("u1", story.version() + 1, false)).await;
        until(&mut world, 1_400).await;
        assert_eq!((world.findings.len(), world.checks()), (4, vec![]), "{what}: {:#?}", world.findings);
        world.set_unreadable(1, 100);
        late.comes(&mut world, was_read).await;
        until(&mut world, 2_000).await;
        assert_eq!(world.findings.len(), 4, "{what}: {:#?}", world.findings);
        world.set_unreadable(0, 0);
        until(&mut world, 2_200).await;
        assert_eq!((world.findings.len(), world.checks()), (4, vec![]), "{what}: {:#?}", world.findings);
        assert_counted(&mut world, &what).await;
    }
}

const BACK_OFF: &str = "
BackOff:
  { resource: Event, duration: 0s, resolveAfter: 1m, checkField: [ { field: [reason], equalValue: [BackOff] } ] }
";

/// The versions of an object and of its events do not compare.
#[tokio::test]
async fn a_late_end_of_the_object_of_events_ends_nothing_while_it_lives() {
    for was_read in [true, false] {
        let mut world = World::new(rules(&format!("{RULES}{BACK_OFF}")));
        (world.counts, world.lag_seconds) = (true, Some(0));
        world.told_by(LEADING);
        world.live("Pod", &pod("u1", 5, false));
        world.until(30).await;
        world.apply("Event", &event("a.1", "u1", 6, 30)).await;
        for (second, version) in [(33, 3), (100, 95)] {
            until(&mut world, second).await;
            let late = Late::News { kind: Deleted, uid: "u1", version, is_broken: false };
            late.comes(&mut world, was_read).await;
        }
        until(&mut world, 400).await;
        assert_eq!(world.of("BackOff"), [("u1", 30, 30, None)], "{was_read}");
        // And what is news is.
        world.delete("Pod", &pod("u1", 7, false)).await;
        until(&mut world, 410).await;
        assert_eq!(world.of("BackOff")[1..], [("u1", 400, 30, Some(EndReason::Deleted))], "{was_read}");
        assert_eq!(world.checks(), []);
    }
}
