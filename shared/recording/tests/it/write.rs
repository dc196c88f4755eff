use crate::read::shipped;
use jiff::Timestamp;
use prodrome_recording::{Body, Recording, RecordingWriter, WatchKind, builtin_of_path};

const START: &str = "2026-01-01T00:00:00Z";

fn start() -> Timestamp {
    START.parse().unwrap()
}

fn unpacked(dir: &std::path::Path) -> String {
    let file = std::fs::File::open(dir.join("watch.jsonl.zst")).unwrap();
    std::io::read_to_string(zstd::Decoder::new(file).unwrap()).unwrap()
}

#[test]
fn what_is_written_reads_back_as_the_same_items() {
    let source = Recording::open(shipped("healthy-rollout")).unwrap();
    let dir = tempfile::tempdir().unwrap();
    let copy = dir.path().join("copy");
    let mut writer = RecordingWriter::create(&copy, source.start()).unwrap();
    for item in source.items().unwrap() {
        let item = item.unwrap();
        let Body::Event { kind, object } = &item.body else { panic!("{item:?}") };
        writer.event(item.at, &item.resource, *kind, object.get()).unwrap();
    }
    writer.finish(source.end()).unwrap();

    let copy = Recording::open(&copy).unwrap();
    assert_eq!((copy.start(), copy.end()), (source.start(), source.end()));
    let items = |recording: &Recording| -> Vec<String> {
        let items = recording.items().unwrap().map(Result::unwrap);
        let rest = items.filter(|item| !["ConfigMap", "Secret"].contains(&&*item.resource.kind));
        rest.map(|item| format!("{item:?}")).collect()
    };
    assert_eq!(items(&copy), items(&source));
}

#[test]
fn values_of_secrets_and_configmaps_are_never_written() {
    let dir = tempfile::tempdir().unwrap();
    let dir = dir.path().join("r");
    let mut writer = RecordingWriter::create(&dir, start()).unwrap();
    for plural in ["secrets", "configmaps"] {
        let resource = builtin_of_path("", "v1", plural).unwrap();
        let object = |tail: &str| {
            format!(
                r#"{{"kind":"{}","apiVersion":"v1","metadata":{{"name":"kept","annotations":{{"kubectl.kubernetes.io/last-applied-configuration":"HIDDEN"}},"uid":"u"}},"data":{{"p":"HIDDEN"}},"binaryData":{{"p":"HIDDEN"}},"stringData":{{"p":"HIDDEN"}}{tail}}}"#,
                resource.kind
            )
        };
        writer.event(start(), &resource, WatchKind::Added, &object("")).unwrap();
        writer.event(start(), &resource, WatchKind::Deleted, &object(r#","type":"HIDDEN""#)).unwrap();
        let list =
            format!(r#"{{"kind":"List","metadata":{{"resourceVersion":"1"}},"items":[{}]}}"#, object(""));
        writer.answer(start(), &resource, "limit=500", 200, &list).unwrap();
    }
    writer.finish(start()).unwrap();
    let text = unpacked(&dir);
    assert!(!text.contains("HIDDEN"), "{text}");
    assert_eq!(text.matches(r#""name":"kept""#).count(), 6);
    let kinds: Vec<String> =
        Recording::open(&dir).unwrap().items().unwrap().map(|i| i.unwrap().resource.kind).collect();
    assert_eq!(kinds, ["Secret", "Secret", "Secret", "ConfigMap", "ConfigMap", "ConfigMap"]);
}

#[test]
fn lists_openings_and_pretty_json_are_one_line_each() {
    let dir = tempfile::tempdir().unwrap();
    let dir = dir.path().join("r");
    let pods = builtin_of_path("", "v1", "pods").unwrap();
    let at = start() + jiff::SignedDuration::from_micros(1_234_567);
    let mut writer = RecordingWriter::create(&dir, start()).unwrap();
    writer.answer(start(), &pods, "limit=2", 200, "{\n \"metadata\": {},\r\n \"items\": []\n}\n").unwrap();
    writer.opened(start(), &pods, "watch=1", 200).unwrap();
    writer.event(at, &pods, WatchKind::Added, r#"{"metadata":{"name":"a\nb"}}"#).unwrap();
    assert!(writer.event(at, &pods, WatchKind::Added, "{\"cut").is_err());
    assert_eq!(writer.lines(), 3);
    writer.finish(at).unwrap();
    assert_eq!(
        unpacked(&dir),
        concat!(
            r#"{"t":0.000,"path":"/api/v1/pods","query":"limit=2","status":200,"list":{  "metadata": {},   "items": [] }}"#,
            "\n",
            r#"{"t":0.000,"path":"/api/v1/pods","query":"watch=1","status":200}"#,
            "\n",
            r#"{"t":1.234,"path":"/api/v1/pods","event":{"type":"ADDED","object":{"metadata":{"name":"a\nb"}}}}"#,
            "\n",
        )
    );
}

#[test]
fn a_recording_is_never_overwritten_and_reads_as_far_as_it_was_flushed() {
    let dir = tempfile::tempdir().unwrap();
    let pods = builtin_of_path("", "v1", "pods").unwrap();
    let mut writer = RecordingWriter::create(dir.path(), start()).unwrap();
    writer.event(start(), &pods, WatchKind::Added, r#"{"metadata":{"name":"a"}}"#).unwrap();
    writer.flush(start() + jiff::SignedDuration::from_secs(5)).unwrap();

    let cut_off = Recording::open(dir.path()).unwrap();
    assert_eq!(cut_off.length().as_secs(), 5);
    let items: Vec<_> = cut_off.items().unwrap().collect();
    assert!(items[0].is_ok(), "{items:?}");
    assert!(items[1].as_ref().is_err_and(|e| e.to_string().contains("breaks off after line 1")), "{items:?}");

    let error = RecordingWriter::create(dir.path(), start()).err().unwrap();
    assert!(error.to_string().contains("there is a recording already"), "{error}");
}
