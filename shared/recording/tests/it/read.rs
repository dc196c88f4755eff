use prodrome_recording::{Body, Item, Limits, Recording, RecordingError, WatchKind};
use std::collections::BTreeMap;
use std::path::{Path, PathBuf};

pub(crate) fn shipped(name: &str) -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("../../events/recordings").join(name)
}

fn written(lines: &str) -> (tempfile::TempDir, Recording) {
    let dir = tempfile::tempdir().unwrap();
    std::fs::write(
        dir.path().join("meta.json"),
        r#"{"start":"2026-01-01T00:00:00Z","end":"2026-01-01T01:00:00Z"}"#,
    )
    .unwrap();
    std::fs::write(dir.path().join("watch.jsonl"), lines).unwrap();
    let recording = Recording::open(dir.path()).unwrap();
    (dir, recording)
}

fn all(recording: &Recording) -> Vec<Result<Item, RecordingError>> {
    recording.items().unwrap().collect()
}

#[test]
fn every_shipped_recording_reads_to_its_end_in_order() {
    let mut folders = 0;
    for folder in std::fs::read_dir(shipped("")).unwrap() {
        let folder = folder.unwrap().path();
        if !folder.is_dir() {
            continue;
        }
        folders += 1;
        let recording = Recording::open(&folder).unwrap();
        let mut last = None;
        for item in recording.items().unwrap() {
            let item = item.unwrap();
            assert!(Some(item.t) >= last, "{}:{}", folder.display(), item.line);
            assert!(item.at <= recording.end(), "{}:{}", folder.display(), item.line);
            last = Some(item.t);
        }
        assert!(last.is_some(), "{}", folder.display());
    }
    assert!(folders > 80, "{folders}");
}

#[test]
fn a_recorded_crash_loop_tells_kinds_times_and_bytes() {
    let recording = Recording::open(shipped("crash-exit-1")).unwrap();
    assert_eq!((recording.name().as_str(), recording.length().as_secs()), ("crash-exit-1", 360));
    let items: Vec<Item> = recording.items().unwrap().map(Result::unwrap).collect();
    let mut kinds: BTreeMap<String, usize> = BTreeMap::new();
    for item in &items {
        *kinds.entry(item.resource.group_kind().to_string()).or_default() += 1;
    }
    assert_eq!(items.len(), 322);
    // ConfigMaps come as metadata only and a custom resource as bookmarks only; both have their kind.
    assert!(kinds.contains_key("ConfigMap") && kinds.contains_key("shop.example.com/Database"), "{kinds:?}");
    let node = &items[0];
    assert_eq!((node.resource.kind.as_str(), node.resource.namespaced), ("Node", false));
    assert_eq!(node.at, recording.start());
    let Body::Event { kind: WatchKind::Added, object } = &node.body else { panic!("{node:?}") };
    assert!(object.get().starts_with(r#"{"kind":"Node","apiVersion":"v1","metadata":{"name":"node-a""#));
}

#[test]
fn lists_refusals_openings_and_errors_of_a_watch_are_told_apart() {
    let (_dir, recording) = written(concat!(
        r#"{"t":0.1,"path":"/api/v1/pods","query":"limit=2","status":200,"list":{"kind":"PodList","apiVersion":"v1","metadata":{"resourceVersion":"70","continue":"abc"},"items":[{"metadata":{"name":"a"}},{"metadata":{"name":"b"}}]}}"#,
        "\n\n",
        r#"{"t":0.2,"path":"/api/v1/pods","query":"limit=2&continue=abc","status":410,"list":{"kind":"Status","code":410}}"#,
        "\n",
        r#"{"t":0.3,"path":"/api/v1/pods","query":"watch=1&resourceVersion=70","status":200}"#,
        "\n",
        r#"{"t":0.4,"path":"/api/v1/pods","event":{"type":"ERROR","object":{"kind":"Status","code":410}}}"#,
    ));
    let items: Vec<Item> = all(&recording).into_iter().map(Result::unwrap).collect();
    let Body::List { page, .. } = &items[0].body else { panic!("{items:?}") };
    assert_eq!((page.resource_version.as_str(), page.next.as_deref()), ("70", Some("abc")));
    assert_eq!((page.items.len(), page.continued), (2, false));
    assert!(matches!(&items[1].body, Body::Refused { status: 410, query, .. } if query.contains("continue")));
    assert!(matches!(&items[2].body, Body::Opened { status: 200, .. }));
    assert!(matches!(&items[3].body, Body::Event { kind: WatchKind::Error, .. }));
    assert!(items.iter().all(|item| item.resource.kind == "Pod"));
    assert_eq!(items[3].line, 5, "the empty line counts");
}

#[test]
fn the_kind_of_a_custom_resource_comes_from_any_line_of_its_path() {
    let path = r#""path":"/apis/shop.example.com/v1/databases""#;
    let (_dir, recording) = written(&format!(
        "{}\n{}\n{}\n",
        format_args!(r#"{{"t":0,{path},"query":"watch=1","status":200}}"#),
        format_args!(
            r#"{{"t":1,{path},"event":{{"type":"ADDED","object":{{"kind":"PartialObjectMetadata","metadata":{{"name":"a"}}}}}}}}"#
        ),
        format_args!(
            r#"{{"t":2,{path},"event":{{"type":"ADDED","object":{{"kind":"Database","metadata":{{"name":"b","namespace":"n"}}}}}}}}"#
        ),
    ));
    for item in all(&recording) {
        let resource = item.unwrap().resource;
        assert_eq!((resource.kind.as_str(), resource.namespaced), ("Database", true));
    }
    let (_dir, recording) = written(&format!(
        r#"{{"t":0,{path},"query":"","status":200,"list":{{"kind":"DatabaseList","items":[{{"metadata":{{"name":"a"}}}}]}}}}"#
    ));
    let resource = all(&recording).remove(0).unwrap().resource;
    assert_eq!((resource.kind.as_str(), resource.namespaced), ("Database", false));

    // A kind of which there is no object yet: an empty list, and a watch that brings nothing.
    let (_dir, recording) = written(&format!(
        "{}\n{}\n",
        format_args!(
            r#"{{"t":0,{path},"query":"","status":200,"list":{{"kind":"DatabaseList","items":[]}}}}"#
        ),
        format_args!(r#"{{"t":1,{path},"query":"watch=1","status":200}}"#),
    ));
    let kinds: Vec<_> = all(&recording).into_iter().map(|item| item.unwrap().resource.kind).collect();
    assert_eq!(kinds, ["Database", "Database"]);
}

#[test]
fn a_bad_line_is_named_and_does_not_stop_the_others() {
    let good = r#"{"t":1,"path":"/api/v1/pods","query":"","status":200}"#;
    let unknown = r#"{"t":1,"path":"/apis/a.b/v1/things","query":"","status":200}"#;
    let (dir, recording) = written(&format!("{good}\nnot json\n{unknown}\n{good}\n"));
    let items = all(&recording);
    assert!(items[0].is_ok() && items[3].is_ok() && items.len() == 4);
    for (index, want) in
        [(1, "watch.jsonl:2: expected"), (2, "no line of \"/apis/a.b/v1/things\" tells the kind")]
    {
        let error = items[index].as_ref().err().unwrap();
        assert!(error.is_one_line());
        let text = error.to_string();
        assert!(text.contains(want) && text.starts_with(&*dir.path().to_string_lossy()), "{text}");
    }
}

#[test]
fn a_line_beyond_the_limit_is_skipped_and_a_stream_beyond_it_ends() {
    let good = r#"{"t":1,"path":"/api/v1/pods","query":"","status":200}"#;
    let (_dir, recording) = written(&format!("{}\n{good}\n", "x".repeat(200_000)));
    let recording = recording.with_limits(Limits { line_bytes_max: 1_000, ..Limits::default() });
    let items = all(&recording);
    assert!(items[0].as_ref().is_err_and(|e| e.to_string().ends_with(":1: longer than 1000 bytes")));
    assert!(items[1].as_ref().is_ok_and(|item| item.line == 2));

    let recording = recording.with_limits(Limits { total_bytes_max: 5_000, ..Limits::default() });
    let items = all(&recording);
    assert!(
        matches!(items[..], [Err(RecordingError::TooLarge { line: 1, bytes_max: 5_000, .. })]),
        "{items:?}"
    );
}

#[test]
fn a_stream_that_was_cut_short_says_where() {
    let source = Recording::open(shipped("crash-exit-1")).unwrap();
    let whole = std::fs::read(shipped("crash-exit-1/watch.jsonl.zst")).unwrap();
    let dir = tempfile::tempdir().unwrap();
    std::fs::copy(source.dir().join("meta.json"), dir.path().join("meta.json")).unwrap();
    std::fs::write(dir.path().join("watch.jsonl.zst"), &whole[..whole.len() / 2]).unwrap();
    let items = all(&Recording::open(dir.path()).unwrap());
    let error = items.last().unwrap().as_ref().err().unwrap();
    assert!(matches!(error, RecordingError::BrokenOff { .. }) && !error.is_one_line(), "{error}");
    assert!(error.to_string().contains("watch.jsonl.zst: breaks off after line"), "{error}");
}

#[test]
fn a_folder_that_is_no_recording_says_what_is_missing() {
    let dir = tempfile::tempdir().unwrap();
    let error = |want: &str| {
        let text = Recording::open(dir.path()).err().unwrap().to_string();
        assert!(text.contains(want), "{text}");
    };
    error("found neither");
    std::fs::write(dir.path().join("meta.json"), "{}").unwrap();
    error("found meta.json alone");
    let file = Recording::open(dir.path().join("meta.json")).err().unwrap().to_string();
    assert!(file.ends_with("found a file"), "{file}");
    let nowhere = Recording::open(dir.path().join("nowhere")).err().unwrap().to_string();
    assert!(nowhere.ends_with("found no such folder"), "{nowhere}");
    std::fs::remove_file(dir.path().join("meta.json")).unwrap();
    std::fs::write(dir.path().join("watch.jsonl"), "").unwrap();
    error("found no meta.json");
    std::fs::write(dir.path().join("meta.json"), "{}").unwrap();
    error("meta.json: expected {\"start\", \"end\"}");
    std::fs::write(
        dir.path().join("meta.json"),
        r#"{"start":"2026-01-01T00:00:01Z","end":"2026-01-01T00:00:00Z"}"#,
    )
    .unwrap();
    error("is before start");
}
