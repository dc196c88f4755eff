use super::case::{Case, Judged, Key, Unit, names};
use crate::{Command, Told, ToldKind};
use anyhow::{Context, Result};
use jiff::{SignedDuration, Timestamp};
use prodrome_model::ObjectRef;
use prodrome_recording::Shift;
use serde::Deserialize;
use std::collections::BTreeMap;
use std::ffi::OsStr;
use std::fmt::Write as _;
use std::path::Path;

/// All cases are moved to this instant, so that one call can look at many.
const NOW: &str = "2026-06-01T12:00:00Z";
/// Files a call.
const BATCH: usize = 100;
/// An alert that comes so soon after the instant that is judged counts for it.
const ALERT_LATE_S: f64 = 2.0;

/// From when to when an alert is open, in seconds; still open where it has no end.
type Span = (f64, Option<f64>);

#[derive(Deserialize)]
struct Found {
    file: String,
    state: String,
    object: ObjectRef,
}

/// Looks at everything by `scan`, and notes what was found in what is judged.
pub(super) fn scan(command: &Command, units: &[Unit], judged: &mut [Judged]) -> Result<()> {
    let scratch = tempfile::tempdir().context("cannot make a temporary folder")?;
    let now: Timestamp = NOW.parse().context("the instant is one")?;
    let mut of_file: BTreeMap<String, &str> = BTreeMap::new();
    let mut paths = Vec::new();
    for (index, unit) in units.iter().enumerate() {
        let shift = Shift::between(unit.now, now);
        let items: Vec<_> = unit.objects.iter().map(|object| shift.apply(object.get())).collect();
        let list = format!(r#"{{"apiVersion":"v1","kind":"List","items":[{}]}}"#, items.join(","));
        let name = format!("{index:05}.json");
        let path = scratch.path().join(&name);
        std::fs::write(&path, list).with_context(|| format!("cannot write {}", path.display()))?;
        of_file.insert(name, &unit.id);
        paths.push(path);
    }
    for batch in paths.chunks(BATCH) {
        let mut arguments: Vec<&OsStr> = ["scan", "--output", "json", "--now", NOW].map(OsStr::new).into();
        for path in batch {
            arguments.extend([OsStr::new("--from"), path.as_os_str()]);
        }
        for found in command.json_lines::<Found>(&arguments)? {
            let name = Path::new(&found.file).file_name().unwrap_or_default().to_string_lossy();
            let unit =
                of_file.get(&*name).with_context(|| format!("a finding in {name}, which was not given"))?;
            credit(judged, unit, &key_of(&found.object), found.state == "firing");
        }
    }
    Ok(())
}

/// Replays a stream; what is alerted and not resolved at an instant that is judged counts as firing then.
pub(super) fn replay(command: &Command, case: &Case, judged: &mut [Judged]) -> Result<()> {
    let (Some(stream), Some(start)) = (&case.stream, case.start) else { return Ok(()) };
    let scratch = tempfile::tempdir().context("cannot make a temporary folder")?;
    let dir = scratch.path().join("stream");
    std::fs::create_dir(&dir)?;
    let mut lines = String::new();
    for event in stream {
        let (api_version, key) = names(&event.object)?;
        let path = collection(&api_version, &key.kind().to_lowercase());
        let object = event.object.get();
        let (t, kind) = (event.t, &event.kind);
        writeln!(lines, r#"{{"t":{t},"path":"{path}","event":{{"type":"{kind}","object":{object}}}}}"#)?;
    }
    let end = case.expect.checks.iter().map(|check| check.t).fold(0.0, f64::max);
    let meta = serde_json::json!({ "start": start, "end": start + SignedDuration::try_from_secs_f64(end)? });
    std::fs::write(dir.join("watch.jsonl"), lines)?;
    std::fs::write(dir.join("meta.json"), meta.to_string())?;
    let mut spans: BTreeMap<(String, Key), Vec<Span>> = BTreeMap::new();
    for told in command.replay(&dir)? {
        let spans = spans.entry((told.rule.clone(), key_of(&told.object))).or_default();
        match told.kind {
            ToldKind::Alert | ToldKind::Update => {
                if spans.last().is_none_or(|(_, ended)| ended.is_some()) {
                    spans.push((told.t, None));
                }
            }
            ToldKind::Resolved => {
                if let Some(last) = spans.last_mut() {
                    last.1 = Some(ended_t(&told, start));
                }
            }
        }
    }
    for check in &case.expect.checks {
        let open = |(began, ended): &Span| {
            *began <= check.t + ALERT_LATE_S && ended.is_none_or(|ended| ended > check.t)
        };
        for ((_, object), spans) in &spans {
            if spans.iter().any(open) {
                credit(judged, &case.unit_of(check), object, true);
            }
        }
    }
    Ok(())
}

/// When the quiet began, before any hold-down.
fn ended_t(told: &Told, start: Timestamp) -> f64 {
    told.ended.map_or(told.t, |ended| ended.duration_since(start).as_secs_f64())
}

fn credit(judged: &mut [Judged], unit: &str, object: &Key, firing: bool) {
    for one in judged.iter_mut().filter(|one| one.unit == unit && one.object.is(object)) {
        one.found = true;
        one.firing |= firing;
    }
}

fn key_of(object: &ObjectRef) -> Key {
    Key::new(&object.kind, object.namespace.as_deref(), &object.name)
}

/// The path of a collection, made of the kind as the API makes it of almost all.
fn collection(api_version: &str, kind: &str) -> String {
    let root = if api_version.contains('/') { "apis" } else { "api" };
    let ending = if kind.ends_with(['s', 'x']) { "es" } else { "s" };
    format!("/{root}/{api_version}/{kind}{ending}")
}
