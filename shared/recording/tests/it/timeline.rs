use crate::read::shipped;
use jiff::{SignedDuration, Timestamp};
use prodrome_model::ObjectHead;
use prodrome_recording::{Recording, RecordingWriter, Step, StepKind, Timeline, WatchKind, builtin_of_path};
use std::collections::BTreeMap;

fn start() -> Timestamp {
    "2026-01-01T00:00:00Z".parse().unwrap()
}

fn steps(timeline: &Timeline, begins: Timestamp) -> Vec<Step> {
    timeline.steps(begins).unwrap().map(Result::unwrap).collect()
}

fn head(step: &Step) -> ObjectHead {
    serde_json::from_str(&step.object).unwrap()
}

/// A recording of what is given as (t, path's plural, type or `list`, name, uid, resourceVersion).
fn recording(lines: &[(i64, &str, &str, &str, &str, u64)]) -> (tempfile::TempDir, Recording) {
    let dir = tempfile::tempdir().unwrap();
    let mut writer = RecordingWriter::create(dir.path(), start()).unwrap();
    for &(t, plural, kind, name, uid, version) in lines {
        let at = start() + SignedDuration::from_secs(t);
        let resource = builtin_of_path("", "v1", plural).unwrap();
        let object = format!(
            r#"{{"metadata":{{"name":"{name}","uid":"{uid}","resourceVersion":"{version}"}},"at":"2026-01-01T00:00:00Z"}}"#
        );
        if kind == "list" {
            let list = format!(r#"{{"metadata":{{"resourceVersion":"{version}"}},"items":[{object}]}}"#);
            writer.answer(at, &resource, "limit=500", 200, &list).unwrap();
        } else {
            writer.event(at, &resource, WatchKind::from_api(kind).unwrap(), &object).unwrap();
        }
    }
    writer.finish(start() + SignedDuration::from_secs(100)).unwrap();
    let recording = Recording::open(dir.path()).unwrap();
    (dir, recording)
}

fn short(steps: &[Step]) -> Vec<(i64, StepKind, String, String)> {
    let row = |step: &Step| {
        let head = head(step);
        (step.t.as_secs(), step.kind, head.metadata.name, head.metadata.uid)
    };
    steps.iter().map(row).collect()
}

#[test]
fn recordings_merge_in_order_of_time_with_versions_that_rise() {
    let names = ["crash-exit-1", "image-tag-missing", "node-drain"];
    let timeline = Timeline::merge(names.map(|name| Recording::open(shipped(name)).unwrap()));
    let begins: Timestamp = "2030-05-05T05:05:05Z".parse().unwrap();
    let steps = steps(&timeline, begins);
    assert_eq!(timeline.length().as_secs(), 360);
    let (mut last_t, mut last_version) = (SignedDuration::ZERO, 0);
    let mut nodes: BTreeMap<String, usize> = BTreeMap::new();
    for step in &steps {
        let head = head(step);
        assert!(step.t >= last_t && head.metadata.version() > last_version, "{step:?}");
        assert_eq!((&head.kind, head.api_version), (&step.resource.kind, step.resource.api_version()));
        // What is new in a scenario was made at that very moment, moved to the time of playing.
        let made = head.metadata.creation_timestamp.unwrap();
        assert!(made <= begins + step.t, "{step:?}");
        if step.resource.kind == "Pod" && step.t.as_secs() > 5 {
            assert!(made >= begins - SignedDuration::from_secs(1), "{step:?}");
        }
        if step.resource.kind == "Node" && step.t.is_zero() {
            *nodes.entry(head.metadata.name.clone()).or_default() += 1;
        }
        (last_t, last_version) = (step.t, head.metadata.version());
    }
    assert_eq!(nodes.len(), 3);
    let namespaces: std::collections::BTreeSet<_> =
        steps.iter().filter_map(|step| head(step).metadata.namespace).collect();
    assert!(names.iter().all(|name| namespaces.contains(*name)), "{namespaces:?}");
}

#[test]
fn of_the_same_object_in_two_recordings_the_highest_version_wins() {
    let (_a, one) = recording(&[(0, "nodes", "ADDED", "n", "u", 10), (5, "nodes", "MODIFIED", "n", "u", 11)]);
    let (_b, two) = recording(&[(1, "nodes", "ADDED", "n", "u", 20), (9, "nodes", "DELETED", "n", "u", 21)]);
    let rows = short(&steps(&Timeline::merge([one, two]), start()));
    let row = |t, kind| (t, kind, "n".to_owned(), "u".to_owned());
    assert_eq!(rows, [row(0, StepKind::Applied), row(1, StepKind::Applied), row(9, StepKind::Deleted)]);
}

#[test]
fn of_two_objects_that_share_a_name_the_first_one_stays() {
    let (_a, one) = recording(&[
        (0, "pods", "ADDED", "p", "first", 10),
        (6, "pods", "DELETED", "p", "first", 11),
        (7, "pods", "ADDED", "p", "first-again", 12),
    ]);
    let (_b, two) =
        recording(&[(1, "pods", "ADDED", "p", "other", 20), (5, "pods", "DELETED", "p", "other", 21)]);
    let rows = short(&steps(&Timeline::merge([one, two]), start()));
    let uids: Vec<&str> = rows.iter().map(|row| &*row.3).collect();
    assert_eq!(uids, ["first", "first", "first-again"]);
}

#[test]
fn what_a_complete_list_does_not_name_any_more_has_vanished() {
    let (_a, one) = recording(&[
        (0, "pods", "ADDED", "gone", "1", 10),
        (0, "pods", "ADDED", "kept", "2", 11),
        (0, "nodes", "ADDED", "node", "3", 12),
        (5, "pods", "list", "kept", "2", 30),
    ]);
    let rows = short(&steps(&Timeline::merge([one]), start()));
    let last = rows.last().unwrap();
    assert_eq!((last.0, last.1, &*last.2), (5, StepKind::Vanished, "gone"));
    assert_eq!(rows.iter().filter(|row| row.1 == StepKind::Vanished).count(), 1);
}

#[test]
fn an_offset_moves_a_recording_and_its_timestamps() {
    let (_a, one) = recording(&[(3, "pods", "ADDED", "a", "1", 10)]);
    let (_b, two) = recording(&[(1, "pods", "ADDED", "b", "2", 10)]);
    let timeline = Timeline::merge([one]).with(two, SignedDuration::from_secs(60));
    assert_eq!(timeline.length().as_secs(), 160);
    let steps = steps(&timeline, start() + SignedDuration::from_secs(3_600));
    let rows: Vec<_> = steps.iter().map(|s| (s.t.as_secs(), s.object.contains("01:00:00Z"))).collect();
    assert_eq!(rows, [(3, true), (61, false)]);
    assert!(steps[1].object.contains("2026-01-01T01:01:00Z"), "{}", steps[1].object);
}
