use super::*;
use proptest::prelude::*;
use std::collections::BTreeSet;

fn pods() -> Arc<Resource> {
    Arc::new(Resource {
        group: String::new(),
        version: "v1".into(),
        kind: "Pod".into(),
        plural: "pods".into(),
        namespaced: true,
    })
}

fn change(name: &str, version: u64) -> Change {
    Change {
        deleted: false,
        namespace: Some("shop".into()),
        name: name.into(),
        uid: format!("uid-{name}").into(),
        version: version.to_string().into(),
        list: None,
        object: format!(r#"{{"name":"{name}","version":{version}}}"#).into_bytes().into(),
        observed_at: Instant::now(),
    }
}

fn deleted(name: &str, version: u64) -> Change {
    Change { deleted: true, ..change(name, version) }
}

fn listed(name: &str, version: u64, list: &str) -> Change {
    Change { list: Some(list.into()), ..change(name, version) }
}

struct World {
    waiting: Waiting,
    stream: StreamId,
}

impl World {
    fn new(place: Option<&str>) -> Self {
        let mut waiting = Waiting::new(1, 1 << 20, 1 << 20);
        let stream = waiting.open_stream(pods(), place.map(Version::from));
        Self { waiting, stream }
    }

    fn put(&mut self, mut change: Change) -> Put {
        self.waiting.prepare(self.stream, &mut change);
        self.waiting.put(self.stream, change, Instant::now())
    }

    fn mark(&mut self, mark: Mark) {
        self.waiting.put_mark(self.stream, mark, Instant::now());
    }

    /// Takes up to so many; what was taken, in words.
    fn take(&mut self, count: usize) -> (Vec<String>, Vec<Ticket>) {
        let mut words = Vec::new();
        let tickets = self.waiting.take(None, |item| {
            if words.len() == count {
                return false;
            }
            let object = item.object.map(|object| String::from_utf8_lossy(object).into_owned());
            let list = item.list.map(|list| format!(" of {list}"));
            words.push(format!("{:?} {}{}", item.kind, object.unwrap_or_default(), list.unwrap_or_default()));
            true
        });
        (words, tickets)
    }

    fn place(&self) -> Option<&str> {
        self.waiting.place(self.stream).map(|place| &**place)
    }
}

#[test]
fn of_each_object_the_latest_version_waits() {
    // (name, what waits, what comes, whether it then waits)
    let newer_uid = |mut change: Change| {
        change.uid = "uid-2".into();
        change
    };
    let cases = [
        ("a newer version", change("a", 1), change("a", 2), true),
        ("the same again", change("a", 2), change("a", 2), true),
        ("an older version", change("a", 2), change("a", 1), false),
        ("a larger number of fewer digits is no newer", change("a", 10), change("a", 9), false),
        ("a deletion", change("a", 1), deleted("a", 2), true),
        ("a deletion at the same version", change("a", 2), deleted("a", 2), true),
        ("a deletion that carries an older version", change("a", 3), deleted("a", 2), true),
        ("an older version after the deletion", deleted("a", 2), change("a", 1), false),
        (
            "an older version, from a list after an etcd was restored",
            change("a", 9),
            listed("a", 4, "l"),
            true,
        ),
        ("the deleted one again, from such a list", deleted("a", 9), listed("a", 4, "l"), true),
        ("an older version after such a list", listed("a", 4, "l"), change("a", 3), false),
        ("a new object of the name", deleted("a", 2), newer_uid(change("a", 3)), true),
        ("the deletion of an earlier object of the name", newer_uid(change("a", 3)), deleted("a", 2), false),
    ];
    for (name, waits, comes, wins) in cases {
        let mut world = World::new(Some("0"));
        world.put(waits.clone());
        world.put(comes.clone());
        let (words, _) = world.take(9);
        assert_eq!(words.len(), 1, "{name}");
        let kept = if wins { &comes } else { &waits };
        let Body::Raw(object) = &kept.object else { panic!("nothing is packed") };
        assert!(words[0].contains(&*String::from_utf8_lossy(object)), "{name}: {words:?}");
        assert_eq!(words[0].starts_with("Deleted"), kept.deleted, "{name}: {words:?}");
    }
}

#[test]
fn a_place_moves_only_past_what_was_accepted() {
    let mut world = World::new(Some("10"));
    world.put(change("a", 11));
    world.put(change("b", 12));
    world.waiting.pass(world.stream, "15".into());
    assert_eq!(world.place(), Some("10"));
    let (_, first) = world.take(1);
    let (_, second) = world.take(1);
    assert_eq!(world.place(), Some("10"), "taken is not accepted");
    world.waiting.accepted(&second);
    assert_eq!(world.place(), Some("10"), "the first is still under way");
    world.waiting.accepted(&first);
    assert_eq!(world.place(), Some("15"), "the bookmark counts as well");
    world.put(change("a", 16));
    assert_eq!(world.place(), Some("15"));
}

#[test]
fn a_first_list_gives_a_place_once_all_of_it_was_accepted() {
    let mut world = World::new(None);
    world.mark(Mark::Begin { list: "l".into() });
    world.put(listed("a", 3, "l"));
    world.put(listed("b", 7, "l"));
    world.mark(Mark::End { list: "l".into(), version: "9".into() });
    // A newer version of a listed object still counts as named by the list.
    world.put(change("a", 11));
    assert_eq!(world.place(), None);

    let (words, tickets) = world.take(9);
    let want = [
        "ListBegin  of l",
        r#"Applied {"name":"a","version":11} of l"#,
        r#"Applied {"name":"b","version":7} of l"#,
    ];
    assert_eq!(words, want, "the end waits until they are accepted");
    assert_eq!(world.take(9).0.len(), 0);
    world.waiting.accepted(&tickets);
    let (words, tickets) = world.take(9);
    assert_eq!(words, ["ListEnd  of l"]);
    assert_eq!(world.place(), None);
    world.waiting.accepted(&tickets);
    assert_eq!(world.place(), Some("11"));
}

#[test]
fn the_end_of_a_list_never_leaves_once_another_has_begun() {
    let mut world = World::new(Some("1"));
    for (list, version) in [("l1", "5"), ("l2", "9")] {
        world.mark(Mark::Begin { list: list.into() });
        world.put(listed("a", 3, list));
        world.mark(Mark::End { list: list.into(), version: version.into() });
    }
    let (words, tickets) = world.take(9);
    assert_eq!(words, ["ListBegin  of l1", "ListBegin  of l2", r#"Applied {"name":"a","version":3} of l2"#]);
    world.waiting.accepted(&tickets);
    assert_eq!(world.place(), Some("1"), "what vanished before the first list is not yet said");
    let (words, tickets) = world.take(9);
    assert_eq!(words, ["ListEnd  of l2"]);
    world.waiting.accepted(&tickets);
    assert_eq!(world.place(), Some("9"));
}

#[test]
fn what_waits_is_bounded_in_bytes() {
    let mut waiting = Waiting::new(4, 2000, 2000);
    let stream = waiting.open_stream(pods(), None);
    let big = |name: &str, bytes: usize| Change { object: vec![b'x'; bytes].into(), ..change(name, 1) };
    let now = Instant::now();
    assert!(waiting.admits(stream, &big("huge", 5000)), "where nothing waits even the largest may");
    waiting.put(stream, big("a", 500), now);
    waiting.put(stream, big("b", 500), now);
    assert!(!waiting.admits(stream, &big("c", 500)));
    assert!(waiting.admits(stream, &big("a", 500)), "a newer version takes no more room");
    assert!(!waiting.admits(stream, &big("a", 5000)));
    assert!(waiting.is_half_full());
    let tickets = waiting.take(None, |_| true);
    assert_eq!((tickets.len(), waiting.bytes(), waiting.objects()), (2, 0, 0));
}

#[test]
fn a_pack_can_be_filled_from_one_shard() {
    let mut waiting = Waiting::new(4, 1 << 20, 1 << 20);
    let stream = waiting.open_stream(pods(), None);
    for i in 0..40 {
        waiting.put(stream, change(&format!("web-{i}"), 1), Instant::now());
    }
    let (fullest, bytes) = waiting.fullest_shard().unwrap();
    let mut taken = Vec::new();
    waiting.take(Some(fullest), |item| {
        taken.push(String::from_utf8_lossy(item.object.unwrap()).into_owned());
        true
    });
    assert!(taken.len() > 5 && bytes > 0);
    for object in &taken {
        let name = object.split('"').nth(3).unwrap();
        assert_eq!(shard_of(&format!("/Pod/shop/{name}"), 4), fullest);
    }
    assert_ne!(waiting.fullest_shard().unwrap().0, fullest);
}

#[test]
fn what_waits_of_a_closed_stream_is_sent_all_the_same() {
    let mut world = World::new(Some("0"));
    world.put(deleted("a", 1));
    world.mark(Mark::Begin { list: "gone".into() });
    world.mark(Mark::End { list: "gone".into(), version: "0".into() });
    world.waiting.close_stream(world.stream);
    assert_eq!(world.take(9).0.len(), 3);
    assert!(world.waiting.is_empty());
    assert_eq!(world.place(), None);
}

/// What may happen, one after another.
#[derive(Debug, Clone)]
enum Step {
    /// An object changes, and the watch says so.
    Changes(u8),
    /// It is deleted, and the watch says so.
    Deleted(u8),
    Bookmark,
    /// These change, those are deleted, while nobody watches; then everything is listed.
    Listed {
        unseen: Vec<(u8, bool)>,
    },
    Take(usize),
    /// The queue goes down, or comes up.
    Outage(bool),
    /// One of the packs under way is accepted, in whatever order.
    Accepted(prop::sample::Index),
}

fn step() -> impl Strategy<Value = Step> {
    prop_oneof![
        6 => (0_u8..5).prop_map(Step::Changes),
        2 => (0_u8..5).prop_map(Step::Deleted),
        1 => Just(Step::Bookmark),
        1 => prop::collection::vec((0_u8..5, any::<bool>()), 0..4).prop_map(|unseen| Step::Listed { unseen }),
        4 => (1_usize..4).prop_map(Step::Take),
        2 => any::<bool>().prop_map(Step::Outage),
        4 => any::<prop::sample::Index>().prop_map(Step::Accepted),
    ]
}

/// A cluster with five objects, and what the queue has accepted of it.
#[derive(Default)]
struct Model {
    version: u64,
    /// By object: its version, and whether it is there.
    objects: BTreeMap<u8, (u64, bool)>,
    /// By object: the latest version that the stream brought.
    arrived: BTreeMap<u8, (u64, bool)>,
    accepted: BTreeMap<u8, u64>,
    /// By list: its version and the objects it named.
    lists: BTreeMap<String, (u64, BTreeSet<u8>)>,
    ended: BTreeSet<String>,
    under_way: Vec<(Vec<Sent>, Vec<Ticket>)>,
}

#[derive(Debug, Clone)]
enum Sent {
    Object(u8, u64),
    End(String),
    Begin,
}

impl Model {
    fn changes(&mut self, object: u8, there: bool) -> Option<Change> {
        let was_there = self.objects.get(&object).is_some_and(|&(_, there)| there);
        if !there && !was_there {
            return None;
        }
        self.version += 1;
        self.objects.insert(object, (self.version, there));
        let mut change = if there {
            change(&object.to_string(), self.version)
        } else {
            deleted(&object.to_string(), self.version)
        };
        // Each life has a uid of its own; a model without lives would hide what a deletion outlives.
        let born = if was_there { 0 } else { self.version };
        change.uid = format!("{object}-{born}").into();
        Some(change)
    }

    /// Whatever arrived is accepted, or a restart from the place brings it again.
    fn check(&self, place: Option<&str>) {
        let Some(place) = place.map(|place| place.parse::<u64>().unwrap()) else { return };
        for (object, &(version, _)) in &self.arrived {
            let accepted = self.accepted.get(object).is_some_and(|&accepted| accepted >= version);
            assert!(accepted || place < version, "{object} at {version} is lost by a restart from {place}");
        }
        for (list, (version, _)) in &self.lists {
            // A later list says all that an earlier one would have said.
            let said = self.ended.range(list.clone()..).next().is_some();
            assert!(said || place < *version, "the end of {list} is lost");
        }
    }
}

proptest! {
    #![proptest_config(ProptestConfig { failure_persistence: None, ..ProptestConfig::with_cases(512) })]
    #[test]
    fn whenever_it_is_killed_nothing_is_lost(steps in prop::collection::vec(step(), 1..60), resumed in any::<bool>()) {
        let mut world = World::new(resumed.then_some("0"));
        let mut model = Model::default();
        // Without a place a stream lists before it watches.
        let first = (!resumed).then(|| Step::Listed { unseen: Vec::new() });
        for step in first.into_iter().chain(steps).chain([Step::Listed { unseen: Vec::new() }]) {
            match step {
                Step::Changes(object) => {
                    let change = model.changes(object, true).unwrap();
                    model.arrived.insert(object, (model.version, true));
                    world.put(change);
                }
                Step::Deleted(object) => {
                    if let Some(change) = model.changes(object, false) {
                        model.arrived.insert(object, (model.version, false));
                        world.put(change);
                    }
                }
                Step::Bookmark => {
                    model.version += 1;
                    world.waiting.pass(world.stream, model.version.to_string().into());
                }
                Step::Listed { unseen } => {
                    // Of a later version than any place: else the list says nothing new.
                    model.version += 1;
                    for (object, there) in unseen {
                        model.changes(object, there);
                    }
                    let list = format!("list-{:03}", model.lists.len());
                    world.mark(Mark::Begin { list: list.as_str().into() });
                    let there: Vec<_> = model.objects.iter().filter(|(_, (_, there))| *there).map(|(o, (v, _))| (*o, *v)).collect();
                    for &(object, version) in &there {
                        let mut item = listed(&object.to_string(), version, &list);
                        item.uid = format!("{object}-listed").into();
                        world.put(item);
                        model.arrived.insert(object, (version, true));
                    }
                    world.mark(Mark::End { list: list.as_str().into(), version: model.version.to_string().into() });
                    model.lists.insert(list, (model.version, there.into_iter().map(|(object, _)| object).collect()));
                }
                Step::Take(count) => take(&mut world, &mut model, count),
                Step::Outage(down) => world.waiting.pack_objects(down),
                Step::Accepted(index) => {
                    if !model.under_way.is_empty() {
                        let pack = model.under_way.swap_remove(index.index(model.under_way.len()));
                        accept(&mut world, &mut model, &pack);
                    }
                }
            }
            model.check(world.place());
            let sum = |cost: fn(&Change) -> usize| -> usize {
                world.waiting.slots.iter().flatten().map(|slot| cost(&slot.change)).sum()
            };
            let (bytes, raw_bytes) = (world.waiting.bytes(), world.waiting.raw_bytes());
            let patterns = world.waiting.pattern_bytes;
            prop_assert_eq!((bytes, raw_bytes), (sum(cost) + patterns, sum(raw_cost)));
            prop_assert!(patterns_in_use(&world.waiting) <= patterns);
        }
        // In the end all of it goes, and the place is where the stream is.
        world.waiting.pack_objects(false);
        while !world.waiting.is_empty() || !model.under_way.is_empty() {
            take(&mut world, &mut model, 3);
            let pack = model.under_way.remove(0);
            accept(&mut world, &mut model, &pack);
            model.check(world.place());
        }
        let want = model.version.to_string();
        prop_assert_eq!(world.place(), Some(want.as_str()));
        prop_assert_eq!(world.waiting.bytes(), 0);
    }
}

fn take(world: &mut World, model: &mut Model, count: usize) {
    let mut sent = Vec::new();
    let tickets = world.waiting.take(None, |item| {
        if sent.len() == count {
            return false;
        }
        sent.push(match (item.kind, item.list) {
            (ChangeKind::ListBegin, _) => Sent::Begin,
            (ChangeKind::ListEnd, Some(list)) => {
                // Whoever hears the end must have been told of all that it named.
                for object in &model.lists[list].1 {
                    let told = model.accepted.contains_key(object);
                    assert!(told, "the end of {list} overtakes {object}");
                }
                Sent::End(list.to_owned())
            }
            _ => {
                let object = item.object.unwrap();
                let object: serde_json::Value = serde_json::from_slice(object).unwrap();
                Sent::Object(
                    object["name"].as_str().unwrap().parse().unwrap(),
                    object["version"].as_u64().unwrap(),
                )
            }
        });
        true
    });
    assert_eq!(tickets.len(), sent.len());
    if !sent.is_empty() {
        model.under_way.push((sent, tickets));
    }
}

fn accept(world: &mut World, model: &mut Model, (sent, tickets): &(Vec<Sent>, Vec<Ticket>)) {
    for sent in sent {
        match sent {
            Sent::Object(object, version) => {
                let accepted = model.accepted.entry(*object).or_default();
                *accepted = (*accepted).max(*version);
            }
            Sent::End(list) => {
                model.ended.insert(list.clone());
            }
            Sent::Begin => {}
        }
    }
    world.waiting.accepted(tickets);
}

/// The pod `i` of many: of one of fifty deployments, with ids, addresses and times of its own; about 15 KB.
fn large_pod(i: u64) -> Vec<u8> {
    let mut dice = i.wrapping_mul(0x9E37_79B9_7F4A_7C15) | 1;
    let mut hex = |digits: usize| -> String {
        let mut roll = || {
            dice = dice.wrapping_mul(6_364_136_223_846_793_005).wrapping_add(1_442_695_040_888_963_407);
            char::from(b"0123456789abcdef"[usize::try_from(dice >> 60).unwrap()])
        };
        (0..digits).map(|_| roll()).collect()
    };
    let of = i % 50;
    let envs: Vec<_> = (0..90)
        .map(|n| {
            format!(
                r#"{{"name":"SETTING_{n}_OF_{of}","value":"https://service-{}.shop.svc:8443/v{n}"}}"#,
                n * of % 17
            )
        })
        .collect();
    let containers: Vec<_> = ["app", "proxy", "logs"].map(|name| {
        format!(
            r#"{{"name":"{name}","image":"registry.example.com/team-{of}/{name}:1.{of}.0","env":[{}],"resources":{{"limits":{{"cpu":"500m","memory":"{}Mi"}}}}}}"#,
            if name == "logs" { String::new() } else { envs.join(",") },
            64 + of
        )
    }).into();
    let statuses: Vec<_> = ["app", "proxy", "logs"].map(|name| {
        format!(
            r#"{{"name":"{name}","ready":true,"restartCount":{},"containerID":"containerd://{}","imageID":"registry.example.com/team-{of}/{name}@sha256:{of:064x}","state":{{"running":{{"startedAt":"2026-03-01T1{}:{:02}:{:02}Z"}}}}}}"#,
            i % 3, hex(64), i % 10, i % 60, i * 7 % 60
        )
    }).into();
    let pod = format!(
        r#"{{"kind":"Pod","apiVersion":"v1","metadata":{{"name":"deployment-{of}-{}-{}","namespace":"team-{of}","uid":"{}","resourceVersion":"{}","labels":{{"app":"deployment-{of}","pod-template-hash":"{of:010x}"}}}},"spec":{{"containers":[{}],"nodeName":"ip-10-0-{}-{}.example.com"}},"status":{{"phase":"Running","podIP":"10.{}.{}.{}","containerStatuses":[{}]}}}}"#,
        hex(10),
        hex(5),
        hex(32),
        100_000 + i * 3,
        containers.join(","),
        i % 8,
        i % 250,
        i % 250,
        i / 250 % 250,
        i % 200,
        statuses.join(",")
    );
    pod.into_bytes()
}

/// What the patterns take that objects were compressed after.
fn patterns_in_use(waiting: &Waiting) -> usize {
    let patterns = waiting.slots.iter().flatten().filter_map(|slot| match &slot.change.object {
        Body::Packed { pattern: Some(pattern), .. } => Some((pattern.as_ptr(), pattern.len())),
        _ => None,
    });
    patterns.collect::<BTreeMap<_, _>>().into_values().sum()
}

/// Its name, by which one sees of which deployment it is.
fn large_name(i: u64) -> String {
    format!("web-{}-{i}", i % 50)
}

#[test]
fn while_the_queue_is_down_many_times_as_much_waits_within_the_bound_and_comes_out_as_it_was() {
    const BYTES_MAX: usize = 20 << 20;
    let now = Instant::now();
    let fill = |down: bool| {
        let mut waiting = Waiting::new(4, 8 << 20, BYTES_MAX);
        let stream = waiting.open_stream(pods(), Some("0".into()));
        // Some wait already as the queue goes down.
        let mut raw_bytes = 0;
        for i in 0.. {
            if i == 100 {
                waiting.pack_objects(down);
            }
            let object = large_pod(i);
            let mut change = Change { object: object.clone().into(), ..change(&large_name(i), i + 1) };
            waiting.prepare(stream, &mut change);
            if !waiting.admits(stream, &change) {
                break;
            }
            raw_bytes += object.len();
            waiting.put(stream, change, now);
            assert!(waiting.bytes() <= if down { BYTES_MAX } else { 8 << 20 });
        }
        (waiting, stream, raw_bytes)
    };
    let (up, _, _) = fill(false);
    let (mut down, stream, raw_bytes) = fill(true);
    let objects = down.objects();
    let (each, raw_each) = (BYTES_MAX / objects, raw_bytes / objects);
    println!(
        "up: {} objects in 8 MiB; down: {objects} objects in 20 MiB, {each} bytes each instead of {raw_each}",
        up.objects()
    );
    assert!(raw_each > 14_000 && objects > 24_000, "{objects} of {raw_each} bytes, {}", up.objects());

    // A newer version takes the place of an older one, also where there is no room.
    let mut newer = Change { object: large_pod(7).into(), ..change(&large_name(7), 1 << 40) };
    down.prepare(stream, &mut newer);
    assert!(down.admits(stream, &newer));
    assert_eq!(down.put(stream, newer, now), Put::Replaces);
    let (mut out, want) = (BTreeSet::new(), (0..).take(objects).map(large_pod).collect::<BTreeSet<_>>());
    down.pack_objects(false);
    let tickets = down.take(None, |item| out.insert(item.object.unwrap().to_vec()));
    assert_eq!((tickets.len(), out == want), (objects, true));
    assert_eq!((down.bytes(), down.raw_bytes(), down.fullest_shard()), (0, 0, None));
}
