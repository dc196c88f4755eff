use super::*;
use jiff::Timestamp;
use prodrome_model::{Change, ChangeKind, RawJson, Resource, Scope, Source};
use proptest::prelude::*;

fn head() -> PackHead {
    PackHead { scope: Scope::new("default", "eu-central-1", "prod"), shard: Some(3), shards: 4 }
}

fn pods() -> Resource {
    Resource {
        group: String::new(),
        version: "v1".into(),
        kind: "Pod".into(),
        plural: "pods".into(),
        namespaced: true,
    }
}

fn change(sequence: u64, object: &str) -> Change {
    Change {
        kind: ChangeKind::Applied,
        resource: pods(),
        epoch: 7,
        sequence,
        observed_at: "2026-03-01T10:00:00.25Z".parse().unwrap(),
        source: Source::Watch,
        list: None,
        object: Some(RawJson::new(object).unwrap()),
    }
}

fn mark(kind: ChangeKind) -> Change {
    Change { kind, list: Some("list-1".into()), object: None, ..change(1, "{}") }
}

fn pack_of(changes: &[Change]) -> Vec<u8> {
    let mut builder = PackBuilder::new(&head());
    for change in changes {
        builder.push(change);
    }
    builder.finish().unwrap().bytes
}

/// A pack with these very lines.
fn pack_of_lines(lines: &str) -> Vec<u8> {
    zstd::bulk::compress(lines.as_bytes(), 1).unwrap()
}

fn inflated(bytes: &[u8]) -> String {
    String::from_utf8(zstd::bulk::decompress(bytes, 1 << 20).unwrap()).unwrap()
}

#[test]
fn a_watcher_says_how_far_behind_it_is() {
    let made = |builder: PackBuilder| builder.finish().unwrap().bytes;
    let of_lines = |more: &str| {
        let head = r#"{"version":1,"tenant":"default","region":"eu-central-1","cluster":"prod","shard":3,"shards":4"#;
        pack_of_lines(&format!("{head}{more}}}\n"))
    };
    for (name, bytes, want) in [
        ("somebody else", made(PackBuilder::new(&head())), None),
        ("a watcher", made(PackBuilder::of_watcher(&head(), 0)), Some(0)),
        ("one that is behind", made(PackBuilder::of_watcher(&head(), 90)), Some(90)),
        ("as it is written", of_lines(r#","lagSeconds":7"#), Some(7)),
        ("a sign that cannot be read", of_lines(r#","lagSeconds":"long""#), None),
    ] {
        let decoded = decode(&bytes, UNCOMPRESSED_MAX).unwrap();
        assert_eq!((decoded.lag_seconds, decoded.head), (want, head()), "{name}");
    }
}

#[test]
fn a_pack_that_is_made_anew_says_what_is_so_now_and_holds_what_it_held() {
    let at = |second: i64| Timestamp::from_second(1_800_000_000 + second).unwrap();
    let waybill = prodrome_model::Waybill { epoch: 7, first: 1, ..prodrome_model::Waybill::default() };
    let mut builder = PackBuilder::of_timed_watcher(&head(), 2, 5, waybill, at(0));
    // More than any buffer holds at once.
    let filling = "x".repeat(300_000);
    let changes = [change(1, &format!(r#"{{"a":"{filling}"}}"#)), mark(ChangeKind::ListEnd), change(3, "{}")];
    for change in &changes {
        builder.push(change);
    }
    let bytes = builder.finish().unwrap().bytes;
    let lines = |bytes: &[u8]| inflated(bytes).lines().skip(1).map(str::to_owned).collect::<Vec<_>>();
    let anew = made_anew(&bytes, 92, at(90)).unwrap();
    assert_eq!(lines(&anew), lines(&bytes));
    for (bytes, want) in [(&bytes, (Some(2), Some(at(0)))), (&anew, (Some(92), Some(at(90))))] {
        let decoded = decode(bytes, UNCOMPRESSED_MAX).unwrap();
        assert_eq!((decoded.lag_seconds, decoded.made_at), want);
        assert_eq!((decoded.head, decoded.rules, decoded.waybill), (head(), 5, Some(waybill)));
    }
    let untimed = PackBuilder::of_watcher(&head(), 0).finish().unwrap().bytes;
    assert_eq!(decode(&untimed, UNCOMPRESSED_MAX).unwrap().made_at, None);
    assert!(made_anew(b"no pack", 0, at(0)).is_err());
}

#[test]
fn a_pack_is_json_lines() {
    let text = inflated(&pack_of(&[change(1, r#"{"a":1}"#), mark(ChangeKind::ListEnd)]));
    let pods = r#""resource":{"version":"v1","kind":"Pod","plural":"pods","namespaced":true}"#;
    let place = r#""epoch":7,"sequence":1,"observedAt":"2026-03-01T10:00:00.25Z","source":"watch""#;
    let want = [
        r#"{"version":1,"tenant":"default","region":"eu-central-1","cluster":"prod","shard":3,"shards":4}"#
            .to_owned(),
        format!(r#"{{"type":"applied",{pods},{place},"object":{{"a":1}}}}"#),
        format!(r#"{{"type":"listEnd",{pods},{place},"list":"list-1"}}"#),
    ];
    assert_eq!(text.lines().collect::<Vec<_>>(), want);
    assert!(text.ends_with('\n'));
}

#[test]
fn a_line_is_the_json_of_its_change() {
    for given in [change(5, r#"{"metadata":{"name":"ä\n"}}"#), mark(ChangeKind::ListBegin)] {
        let text = inflated(&pack_of(std::slice::from_ref(&given)));
        assert_eq!(text.lines().nth(1).unwrap(), serde_json::to_string(&given).unwrap());
    }
}

#[test]
fn changes_come_back_as_they_went_in() {
    let given: Vec<_> =
        (0..100).map(|i| change(i, &format!(r#"{{"metadata":{{"name":"web-{i}"}}}}"#))).collect();
    let decoded = decode(&pack_of(&given), UNCOMPRESSED_MAX).unwrap();
    assert_eq!(decoded.head, head());
    assert_eq!(decoded.changes.len(), given.len());
    for (got, want) in decoded.changes.iter().zip(&given) {
        assert_eq!(
            serde_json::to_string(got.as_ref().unwrap()).unwrap(),
            serde_json::to_string(want).unwrap()
        );
    }
}

#[test]
fn a_pack_without_changes_is_a_sign_of_life() {
    let mixed = PackHead { shard: None, ..head() };
    let decoded = decode(&PackBuilder::new(&mixed).finish().unwrap().bytes, UNCOMPRESSED_MAX).unwrap();
    assert_eq!(decoded.head, mixed);
    assert!(decoded.changes.is_empty());
}

#[test]
fn line_breaks_between_tokens_become_spaces() {
    let given = change(1, "{}");
    let mut builder = PackBuilder::new(&head());
    builder.push_raw(&ChangeHead::of(&given), Some(b"{\r\n  \"a\": 1,\n  \"b\": \"\\n\"\n}\n"));
    builder.push_raw(&ChangeHead::of(&given), Some(b"{\"c\":2}"));
    let decoded = decode(&builder.finish().unwrap().bytes, UNCOMPRESSED_MAX).unwrap();
    let objects: Vec<_> =
        decoded.changes.into_iter().map(|change| change.unwrap().object.unwrap().get().to_owned()).collect();
    assert_eq!(objects, ["{    \"a\": 1,   \"b\": \"\\n\" }", "{\"c\":2}"]);
}

#[test]
fn one_malformed_change_leaves_the_others_whole() {
    let mut builder = PackBuilder::new(&head());
    let good = change(1, "{}");
    let raw = |object: &'static [u8], builder: &mut PackBuilder| {
        builder.push_raw(&ChangeHead::of(&good), Some(object));
    };
    raw(br#"{"n":1}"#, &mut builder);
    raw(br#"{"cut":"#, &mut builder);
    raw(b"{\"not\":\"utf-8 \xff\"}", &mut builder);
    raw(b"7", &mut builder);
    raw(b"null", &mut builder);
    raw(b"", &mut builder);
    builder.push(&Change { object: None, ..good.clone() });
    builder.push(&Change { object: good.object.clone(), ..mark(ChangeKind::ListEnd) });
    raw(br#"{"n":2}"#, &mut builder);
    let decoded = decode(&builder.finish().unwrap().bytes, UNCOMPRESSED_MAX).unwrap();
    let bad: Vec<_> = decoded.changes.iter().filter_map(|change| change.as_ref().err()).collect();
    assert_eq!(bad.iter().map(|bad| bad.line).collect::<Vec<_>>(), (3..=9).collect::<Vec<_>>());
    assert!(bad[0].raw.contains(r#""object":{"cut":}"#), "{}", bad[0].raw);
    assert!(bad.iter().all(|bad| !bad.reason.is_empty() && bad.bytes >= bad.raw.len() - 2), "{bad:?}");
    let numbers: Vec<_> =
        decoded.changes.iter().flatten().map(|c| c.object.as_ref().unwrap().get()).collect();
    assert_eq!(numbers, [r#"{"n":1}"#, r#"{"n":2}"#]);
}

#[test]
fn a_line_says_the_same_however_its_members_are_ordered_and_written() {
    let head = r#""type":"applied","resource":{"version":"v1","kind":"Pod","plural":"pods","namespaced":true},"epoch":7,"sequence":1,"observedAt":"2026-03-01T10:00:00Z""#;
    let object = r#"{"metadata":{"name":"\",\"object\":{"},"a":[{}]}"#;
    for (line, is_good) in [
        (format!(r#"{{{head},"object":{object}}}"#), true),
        (format!(r#"{{"object":{object},{head}}}"#), true),
        (format!(r#"{{{head},"list":"\",\"object\":{{","object":{object}}}"#), true),
        (format!(r#"{{{head},"other":{{"a":1,"object":{{}}}},"object":{object}}}"#), true),
        (format!(r#"{{{head} , "object" : {object} }}"#), true),
        (format!(r#"{{{head},"object":{object},"object":{object}}}"#), false),
        (format!(r#"{{{head},"other":{{"a":1,"object":{object}}}}}"#), false),
        (format!(r#"{{{head},"object":{object}"#), false),
        (format!(r#"{{{head},"object":{object}}}}}"#), false),
        (format!(r#"{{{head},"object":{object}}} 1"#), false),
        (format!(r#"{{{head},"object":[{object}]}}"#), false),
    ] {
        let head = inflated(&pack_of(&[]));
        let decoded = decode(&pack_of_lines(&format!("{head}{line}\n")), UNCOMPRESSED_MAX).unwrap();
        let got = decoded.changes[0].as_ref().map(|change| change.object.as_ref().map(RawJson::get));
        assert_eq!(got.ok(), is_good.then_some(Some(object)), "{line}");
        assert_eq!(
            serde_json::from_str::<Change>(&line)
                .is_ok_and(|c| c.object.is_some_and(|o| o.get().starts_with('{'))),
            is_good
        );
    }
}

#[test]
fn what_is_kept_of_a_malformed_change_is_bounded() {
    let mut builder = PackBuilder::new(&head());
    let huge = [b"{\"a\":\"".as_slice(), "ä".repeat(50_000).as_bytes()].concat();
    builder.push_raw(&ChangeHead::of(&change(1, "{}")), Some(&huge));
    let decoded = decode(&builder.finish().unwrap().bytes, UNCOMPRESSED_MAX).unwrap();
    let bad = decoded.changes[0].as_ref().unwrap_err();
    assert!(bad.bytes > 100_000 && bad.raw.len() < 5000, "{} kept of {}", bad.raw.len(), bad.bytes);
}

#[test]
fn what_is_told_of_a_line_that_cannot_be_read_is_bounded() {
    let long = "ä".repeat(50_000);
    let head = r#"{"version":1,"tenant":"t","region":"r","cluster":"c","shards":"#;
    let lines = format!("{head}4}}\n{{\"type\":\"{long}\"}}\n");
    let decoded = decode(&pack_of_lines(&lines), UNCOMPRESSED_MAX).unwrap();
    let bad = decoded.changes[0].as_ref().unwrap_err();
    assert!(bad.reason.starts_with("unknown variant `ää"), "{:.80}", bad.reason);
    assert!(bad.reason.len() <= 1_100, "{} bytes", bad.reason.len());
    let lines = format!("{head}\"{long}\"}}\n");
    let told = decode(&pack_of_lines(&lines), UNCOMPRESSED_MAX).unwrap_err().to_string();
    assert!(told.starts_with("the pack's head cannot be read: invalid type: string \"ää"), "{told:.80}");
    assert!(told.len() <= 1_100, "{} bytes", told.len());
}

#[test]
fn a_pack_cut_short_anywhere_is_never_taken_for_whole() {
    let changes: Vec<_> = (0..3000).map(|i| change(i, &format!(r#"{{"n":{}}}"#, i * 7919))).collect();
    let whole = pack_of(&changes);
    let mut lines_max = 0;
    for end in (1..whole.len()).step_by(97) {
        match decode(&whole[..end], UNCOMPRESSED_MAX) {
            Err(PackError::Truncated { lines }) => lines_max = lines_max.max(lines),
            other => panic!("cut after {end} of {} bytes: {other:?}", whole.len()),
        }
    }
    assert!(lines_max > 1000, "{lines_max}");
}

#[test]
fn what_is_no_pack_is_named() {
    let trailing = [pack_of(&[]), b"more".to_vec()].concat();
    let mut flipped = pack_of(&[change(1, r#"{"a":"some text that is not short"}"#)]);
    let middle = flipped.len() - 10;
    flipped[middle] ^= 0x40;
    let no_head = r#"{"type":"applied"}"#;
    for (name, bytes, want) in [
        ("no bytes", Vec::new(), "pack_empty"),
        ("no lines", pack_of_lines(""), "pack_empty"),
        ("text", b"{\"version\":1}\n".to_vec(), "pack_corrupt"),
        ("a bit flipped", flipped, "pack_corrupt"),
        ("more bytes after the end", trailing, "pack_corrupt"),
        ("a blank first line", pack_of_lines("\n"), "pack_head"),
        ("a change for a head", pack_of_lines(no_head), "pack_head"),
        ("a head without a cluster", pack_of_lines("{\"version\":1,\"tenant\":\"a\"}\n"), "pack_head"),
        ("a newer version", pack_of_lines("{\"version\":2,\"what\":\"else\"}\n"), "pack_version"),
    ] {
        let got = decode(&bytes, UNCOMPRESSED_MAX).map(|_| ()).map_err(|error| error.code());
        assert_eq!(got, Err(want), "{name}");
    }
}

#[test]
fn a_bomb_does_not_inflate() {
    let bomb = zstd::bulk::compress(&vec![b' '; 65 << 20], 1).unwrap();
    assert!(bomb.len() < 10_000, "{}", bomb.len());
    let got = decode(&bomb, UNCOMPRESSED_MAX);
    assert!(matches!(got, Err(PackError::Inflates { max: UNCOMPRESSED_MAX })), "{got:?}");
    let small = pack_of(&[change(1, "{}")]);
    let raw = inflated(&small).len();
    assert!(decode(&small, raw).is_ok());
    assert!(matches!(decode(&small, raw - 1), Err(PackError::Inflates { .. })));
}

#[test]
fn a_frame_with_a_huge_window_is_refused_before_memory_is_taken() {
    let mut encoder = zstd::stream::write::Encoder::new(Vec::new(), 1).unwrap();
    encoder.window_log(27).unwrap();
    std::io::Write::write_all(&mut encoder, &vec![b' '; 1 << 20]).unwrap();
    let got = decode(&encoder.finish().unwrap(), UNCOMPRESSED_MAX);
    assert!(matches!(got, Err(PackError::Corrupt { .. })), "{got:?}");
}

/// Text that shrinks about as objects do: a template with a few words that differ.
fn object(seed: u64, bytes: usize) -> String {
    let mut random = fastrand::Rng::with_seed(seed);
    let mut text = String::from(r#"{"metadata":{"name":"web"},"status":{"conditions":["#);
    while text.len() < bytes {
        let state = ["True", "False", "Unknown"][random.usize(0..3)];
        let (reason, time) = (random.u32(..), random.u32(0..86_400));
        text += r#"{"type":"Ready","status":""#;
        text += state;
        text += r#"","reason":"KubeletReady"#;
        text += &reason.to_string();
        text += r#"","lastTransitionTime":""#;
        text += &time.to_string();
        text += r#""},"#;
    }
    text.pop();
    text + "]}}"
}

#[test]
fn a_pack_is_filled_to_about_its_goal() {
    for (name, bytes) in [("events", 900), ("pods", 14_000), ("large objects", 90_000)] {
        let mut builder = PackBuilder::new(&head());
        let mut sizes = Vec::new();
        for sequence in 0..10_000 {
            let change = change(sequence, &object(sequence, bytes));
            let raw = change.object.as_ref().unwrap().get().len() + 200;
            if !builder.fits(raw) {
                let full = std::mem::replace(&mut builder, PackBuilder::new(&head()));
                let estimated = full.compressed_bytes();
                let pack = full.finish().unwrap();
                let off = estimated.abs_diff(pack.bytes.len());
                assert!(
                    off < COMPRESSED_GOAL / 20,
                    "{name}: estimated {estimated}, had {}",
                    pack.bytes.len()
                );
                sizes.push(pack.bytes.len());
                if sizes.len() == 5 {
                    break;
                }
            }
            builder.push(&change);
        }
        assert_eq!(sizes.len(), 5, "{name}");
        let largest = if bytes > 50_000 { 64 } else { 62 } * 1024;
        let smallest = if bytes > 50_000 { 30 } else { 50 } * 1024;
        assert!(sizes.iter().all(|size| (smallest..=largest).contains(size)), "{name}: {sizes:?}");
    }
}

#[test]
fn a_large_object_goes_alone_and_one_too_large_is_named() {
    let noise = |bytes: usize| {
        let mut random = fastrand::Rng::with_seed(1);
        let text: String = std::iter::repeat_with(|| random.alphanumeric()).take(bytes).collect();
        change(1, &format!(r#"{{"data":"{text}"}}"#))
    };
    let mut builder = PackBuilder::new(&head());
    assert!(builder.fits(usize::MAX / 16), "the first change always fits");
    builder.push(&noise(1_000_000));
    assert!(!builder.fits(1));
    let pack = builder.finish().unwrap();
    assert!(pack.bytes.len() > 700_000 && pack.changes == 1);

    let mut builder = PackBuilder::new(&head());
    builder.push(&noise(1_600_000));
    match builder.finish() {
        Err(PackError::TooLarge { bytes, changes: 1, max: COMPRESSED_MAX }) => {
            assert!(bytes > COMPRESSED_MAX);
        }
        other => panic!("{other:?}"),
    }
}

#[test]
fn a_small_pack_never_grows_too_large_by_a_change_that_fits() {
    // What shrank to a hundredth says nothing of the next object.
    let mut builder = PackBuilder::new(&head());
    for sequence in 0..100 {
        builder.push(&change(sequence, &format!(r#"{{"a":"{}"}}"#, "x".repeat(10_000))));
    }
    assert!(builder.compressed_bytes() < 10_000);
    assert!(!builder.fits(COMPRESSED_MAX));
}

#[test]
fn a_scope_that_could_be_taken_for_another_is_none() {
    for cluster in ["", "a/b", "a#b", &"a".repeat(101)] {
        let head = PackHead { scope: Scope::new("t", "r", cluster), ..head() };
        let bytes = PackBuilder::new(&head).finish().unwrap().bytes;
        let error = decode(&bytes, 1 << 16).unwrap_err();
        assert!(
            error.to_string().contains("the scope has a part that is empty, too long"),
            "{cluster}: {error}"
        );
    }
}

proptest! {
    #[test]
    fn any_bytes_are_an_answer_and_no_panic(bytes: Vec<u8>, line: String) {
        prop_assert!(decode(&bytes, 1 << 16).is_err());
        let lines =
            format!("{{\"version\":1,\"tenant\":\"t\",\"region\":\"r\",\"cluster\":\"c\",\"shards\":4}}\n{line}");
        let decoded = decode(&pack_of_lines(&lines), 1 << 16);
        prop_assert!(decoded.is_ok(), "{decoded:?}");
    }

    #[test]
    fn objects_of_any_text_come_back(texts in proptest::collection::vec(".*", 0..20)) {
        let objects: Vec<_> = texts.iter().map(|text| serde_json::json!({ "text": text }).to_string()).collect();
        let given: Vec<_> = objects.iter().map(|object| change(1, object)).collect();
        let decoded = decode(&pack_of(&given), UNCOMPRESSED_MAX).unwrap();
        let got: Vec<_> =
            decoded.changes.iter().map(|c| c.as_ref().unwrap().object.as_ref().unwrap().get()).collect();
        prop_assert_eq!(got, objects);
    }
}
