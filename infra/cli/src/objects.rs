//! Objects from files: a `List`, objects one after another (JSON lines), YAML documents, standard input, or a
//! folder of any of these (a support bundle). What their containers wrote may lie beside them, in a `logs.json`.

use crate::container_logs::{self, ContainerLogs};
use anyhow::{Context, Result, bail};
use prodrome_cluster::ObjectsCluster;
use prodrome_model::{GroupKind, Resource};
use prodrome_recording::builtin_of_kind;
use serde_json::{Map, Value};
use std::io::Read as _;
use std::path::{Path, PathBuf};

/// Larger files are no object files.
const FILE_BYTES_MAX: u64 = 512 * 1024 * 1024;
/// The files of a folder that are opened.
const EXTENSIONS: [&str; 5] = ["json", "jsonl", "ndjson", "yaml", "yml"];
/// How deep a bundle's folders are searched.
const DEPTH_MAX: usize = 8;

/// The objects of one file, folder or stream: a small world of its own.
pub(crate) struct World {
    /// As it was named on the command line.
    pub(crate) name: String,
    pub(crate) cluster: ObjectsCluster,
    /// Each object with its resource.
    pub(crate) objects: Vec<(Resource, Vec<u8>)>,
    /// What is no object, or one that cannot be read: where it stands, and why.
    pub(crate) left_out: Vec<String>,
    /// A `logs.json` that cannot be read: without it the objects are still worth a look, but less is known of why.
    pub(crate) unread_logs: Option<anyhow::Error>,
}

/// Reads a world. What is no object in it is left out, unless there is nothing else. `partial`: kinds that do not appear at all are unknown, rather than not there.
pub(crate) fn read(path: &Path, partial: bool) -> Result<World> {
    let name = path.display().to_string();
    let mut texts = Vec::new();
    let mut recordings = Vec::new();
    let mut logs = Vec::new();
    if name == "-" {
        let mut bytes = Vec::new();
        std::io::stdin()
            .take(FILE_BYTES_MAX)
            .read_to_end(&mut bytes)
            .context("cannot read standard input")?;
        texts.push((name.clone(), bytes));
    } else if path.is_dir() {
        if is_recording(path) {
            bail!("{}", of_recording(path));
        }
        let mut files = Vec::new();
        find(path, 0, &mut files, &mut recordings)?;
        (logs, files) = files.into_iter().partition(|file| container_logs::is_one(file));
        if files.is_empty() {
            match recordings.first() {
                Some(_) => bail!("{name} holds recordings; `prodrome replay {name}` plays them"),
                None => bail!("no *.{} in the folder {name}", EXTENSIONS.join(", *.")),
            }
        }
        for file in files {
            texts.push((file.display().to_string(), read_file(&file)?));
        }
    } else {
        texts.push((name.clone(), read_file(path)?));
        logs.extend(path.parent().and_then(container_logs::within).filter(|_| !container_logs::is_one(path)));
    }
    let cluster = if partial { ObjectsCluster::partial() } else { ObjectsCluster::new() };
    let mut world = World::empty(name, cluster);
    world.left_out.extend(recordings.iter().map(|folder| of_recording(folder)));
    world.take_logs(&logs);
    for (file, bytes) in texts {
        let text = String::from_utf8(bytes).with_context(|| format!("{file} is not UTF-8"));
        let mut cut = Vec::new();
        let values = text
            .and_then(|text| documents(&text, &mut cut).with_context(|| format!("{file} holds no objects")));
        world.left_out.extend(cut.into_iter().map(|line| format!("{file}, {line}")));
        let values = match values {
            Ok(values) => values,
            // A bundle's other files are still worth a look.
            Err(error) if path.is_dir() => {
                world.left_out.push(crate::chain(&error));
                continue;
            }
            Err(error) => return Err(error),
        };
        for (index, value) in values.into_iter().enumerate() {
            if let Err(error) = world.take(value) {
                let hint = match Path::new(&file).parent() {
                    Some(folder) if is_recording(folder) => {
                        format!("; it is of a recording: `prodrome replay {}` plays it", folder.display())
                    }
                    _ if container_logs::is_one(Path::new(&file)) => {
                        "; what containers wrote is read with the objects' file beside it, or with their folder"
                            .to_owned()
                    }
                    _ => String::new(),
                };
                let reason = crate::chain(&error);
                world.left_out.push(format!("{file}, document {}: {reason}{hint}", index + 1));
            }
        }
    }
    match world.left_out.first() {
        Some(first) if world.objects.is_empty() => bail!("{first}"),
        _ => Ok(world),
    }
}

fn read_file(path: &Path) -> Result<Vec<u8>> {
    let cannot = || format!("cannot read {}", path.display());
    let file = std::fs::File::open(path).with_context(cannot)?;
    let size = file.metadata().with_context(cannot)?.len();
    if size > FILE_BYTES_MAX {
        bail!("{} has {size} bytes; at most {FILE_BYTES_MAX} are read", path.display());
    }
    let mut bytes = Vec::new();
    file.take(FILE_BYTES_MAX).read_to_end(&mut bytes).with_context(cannot)?;
    Ok(bytes)
}

/// Whether a folder is what `prodrome record` writes: changes, not objects as they are.
fn is_recording(folder: &Path) -> bool {
    folder.join("meta.json").is_file()
        && ["watch.jsonl", "watch.jsonl.zst"].iter().any(|name| folder.join(name).is_file())
}

fn of_recording(folder: &Path) -> String {
    let folder = folder.display();
    format!("{folder} is a recording, not objects at one time; `prodrome replay {folder}` plays it")
}

fn find(folder: &Path, depth: usize, files: &mut Vec<PathBuf>, recordings: &mut Vec<PathBuf>) -> Result<()> {
    if depth > DEPTH_MAX {
        return Ok(());
    }
    let mut entries: Vec<_> = std::fs::read_dir(folder)
        .with_context(|| format!("cannot read the folder {}", folder.display()))?
        .filter_map(|entry| entry.ok().map(|entry| entry.path()))
        .collect();
    entries.sort();
    for path in entries {
        let extension = path.extension().and_then(|e| e.to_str()).unwrap_or_default();
        if path.is_dir() && is_recording(&path) {
            recordings.push(path);
        } else if path.is_dir() {
            find(&path, depth + 1, files, recordings)?;
        } else if EXTENSIONS.contains(&extension) {
            files.push(path);
        }
    }
    Ok(())
}

/// YAML as Kubernetes' own tools write it: `n`, `yes` and `on` are texts, as a namespace may have such a name.
pub(crate) fn yaml_options() -> serde_saphyr::Options {
    serde_saphyr::options! { strict_booleans: true }
}

/// The documents of a text: JSON values in a row, else YAML documents. Of JSON lines those that are none are told in
/// `cut`, and the others count.
fn documents(text: &str, cut: &mut Vec<String>) -> Result<Vec<Value>> {
    if text.trim().is_empty() {
        return Ok(Vec::new());
    }
    if text.trim_start().starts_with(['{', '[']) {
        return json_documents(text, cut);
    }
    let values: Vec<Value> =
        serde_saphyr::from_multiple_with_options(text, yaml_options()).map_err(|error| {
            // On one line: a picture of the place is no part of a chain of causes.
            anyhow::anyhow!("this is neither JSON nor YAML: {}", error.without_snippet())
        })?;
    Ok(values.into_iter().filter(|value| !value.is_null()).collect())
}

fn json_documents(text: &str, cut: &mut Vec<String>) -> Result<Vec<Value>> {
    let mut found = Vec::new();
    let (mut rest, mut lines_before) = (text, 0);
    loop {
        let mut values = serde_json::Deserializer::from_str(rest).into_iter::<Value>();
        let error = loop {
            match values.next() {
                Some(Ok(value)) => found.push(value),
                Some(Err(error)) => break error,
                None => return Ok(found),
            }
        };
        // Where the value that is none begins, and what follows its first line.
        let (read, failed) = rest.split_at(values.byte_offset());
        let failed = failed.trim_start();
        let line = lines_before + rest.lines().count() - failed.lines().count() + 1;
        let after = failed.split_once('\n').map(|(_, after)| after).unwrap_or_default();
        let is_line = after.starts_with('{') || after.trim().is_empty();
        if !is_line || (found.is_empty() && read.trim().is_empty() && after.trim().is_empty()) {
            return Err(error).context("this is not JSON");
        }
        let what = if error.is_eof() { "is cut short" } else { "is not JSON" };
        cut.push(format!("line {line} {what}: {}", without_place(&error)));
        (rest, lines_before) = (after, line);
    }
}

/// What is wrong, without a line of another count than ours.
fn without_place(error: &serde_json::Error) -> String {
    let text = error.to_string();
    match text.rsplit_once(" at line ") {
        Some((what, _)) => format!("{what} at column {}", error.column()),
        None => text,
    }
}

impl World {
    fn empty(name: String, cluster: ObjectsCluster) -> Self {
        Self { name, cluster, objects: Vec::new(), left_out: Vec::new(), unread_logs: None }
    }

    /// Takes in what containers wrote. Without a file of it nothing is known of logs.
    fn take_logs(&mut self, files: &[PathBuf]) {
        let mut all: Option<ContainerLogs> = None;
        for file in files {
            match container_logs::read(file) {
                Ok(logs) => all.get_or_insert_default().extend(logs),
                Err(error) => self.unread_logs = self.unread_logs.take().or(Some(error)),
            }
        }
        if let Some(logs) = all {
            self.cluster.set_logs(logs);
        }
    }

    /// Takes all that can be taken; an error is the first of those that cannot.
    fn take_each(&mut self, values: impl IntoIterator<Item = Value>) -> Result<()> {
        let mut first = Ok(());
        for (index, value) in values.into_iter().enumerate() {
            if let Err(error) = self.take(value) {
                first = first.and(Err(error.context(format!("item {}", index + 1))));
            }
        }
        first
    }

    fn take(&mut self, value: Value) -> Result<()> {
        match value {
            Value::Array(values) => self.take_each(values),
            Value::Object(mut map) => {
                let kind = map.get("kind").and_then(Value::as_str).unwrap_or_default().to_owned();
                let api_version =
                    map.get("apiVersion").and_then(Value::as_str).unwrap_or_default().to_owned();
                let items = match map.get("items").filter(|_| kind.ends_with("List")) {
                    Some(Value::Array(items)) => Some(items.clone()),
                    // As Go writes an empty list.
                    Some(Value::Null) => Some(Vec::new()),
                    _ => None,
                };
                if let Some(items) = items {
                    // Items of a typed list (PodList) carry neither kind nor apiVersion.
                    let item_kind = kind.trim_end_matches("List");
                    let named = items.into_iter().map(|mut item| {
                        if let Value::Object(item) = &mut item
                            && !item_kind.is_empty()
                        {
                            item.entry("kind").or_insert_with(|| item_kind.into());
                            item.entry("apiVersion").or_insert_with(|| api_version.clone().into());
                        }
                        item
                    });
                    return self.take_each(named);
                }
                if kind.is_empty() || api_version.is_empty() {
                    bail!("expected a Kubernetes object with apiVersion and kind, found an object without");
                }
                let api_version = fold_event(&mut map, api_version, &kind);
                let resource = resource_of(&api_version, &kind, map.get("metadata"));
                if kind == "Secret" {
                    forget_values(&mut map);
                }
                let bytes = serde_json::to_vec(&map)?;
                self.cluster.apply(&resource, &bytes)?;
                self.objects.push((resource, bytes));
                Ok(())
            }
            other => bail!("expected a Kubernetes object, found {other}"),
        }
    }
}

/// Of a Secret the names of its keys are kept, and no value.
fn forget_values(secret: &mut Map<String, Value>) {
    let maps = [secret.remove("data"), secret.remove("stringData")];
    let maps = maps.iter().flatten().filter_map(Value::as_object);
    let keys: Map<String, Value> = maps.flat_map(Map::keys).map(|key| (key.clone(), "".into())).collect();
    if !keys.is_empty() {
        secret.insert("data".to_owned(), keys.into());
    }
}

/// The API server serves every event in both forms; files may hold the newer one. Rules know the core group's.
fn fold_event(map: &mut Map<String, Value>, api_version: String, kind: &str) -> String {
    if kind != "Event" || !api_version.starts_with("events.k8s.io/") {
        return api_version;
    }
    for (newer, core) in [
        ("regarding", "involvedObject"),
        ("note", "message"),
        ("deprecatedSource", "source"),
        ("deprecatedCount", "count"),
        ("deprecatedFirstTimestamp", "firstTimestamp"),
        ("deprecatedLastTimestamp", "lastTimestamp"),
        ("reportingController", "reportingComponent"),
    ] {
        if let Some(value) = map.remove(newer) {
            map.insert(core.to_owned(), value);
        }
    }
    map.insert("apiVersion".to_owned(), "v1".into());
    "v1".to_owned()
}

/// How a cluster would serve a kind: known for its own kinds, guessed by the usual plural for others.
pub(crate) fn resource_of(api_version: &str, kind: &str, metadata: Option<&Value>) -> Resource {
    let group_kind = GroupKind::from_api_version(api_version, kind);
    let version = api_version.rsplit('/').next().unwrap_or_default().to_owned();
    if let Some(known) = builtin_of_kind(&group_kind) {
        return Resource { version, ..known };
    }
    let lower = kind.to_lowercase();
    let plural = match lower.chars().last() {
        Some('s' | 'x') => format!("{lower}es"),
        Some('y') => format!("{}ies", lower.trim_end_matches('y')),
        _ => format!("{lower}s"),
    };
    let namespaced = metadata.and_then(|m| m.get("namespace")).is_some();
    Resource { group: group_kind.group, version, kind: kind.to_owned(), plural, namespaced }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_form_of_file_is_read() {
        let pod = r#"{"apiVersion":"v1","kind":"Pod","metadata":{"name":"a","namespace":"x"}}"#;
        let yaml = "apiVersion: v1\nkind: Pod\nmetadata: {name: a}\n---\n---\napiVersion: v1\nkind: Pod\nmetadata: {name: n}\n";
        let list = format!(r#"{{"apiVersion":"v1","kind":"List","items":[{pod}]}}"#);
        let typed = r#"{"apiVersion":"v1","kind":"PodList","items":[{"metadata":{"name":"a"}},{"metadata":{"name":"b"}}]}"#;
        for (text, objects) in
            [(pod, 1), (&format!("{pod}\n{pod}\n"), 2), (yaml, 2), (&list, 1), (typed, 2), ("", 0)]
        {
            let mut world = World::empty(String::new(), ObjectsCluster::new());
            for value in documents(text, &mut Vec::new()).unwrap() {
                world.take(value).unwrap();
            }
            assert_eq!(world.objects.len(), objects, "{text}");
            assert!(world.objects.iter().all(|(resource, _)| resource.plural == "pods"));
        }
    }

    #[test]
    fn of_a_secret_the_names_of_its_keys_are_kept_and_no_value() {
        for (data, want) in [
            (r#","data":{"a":"aHVudGVyMg=="},"stringData":{"b":"hunter2"}"#, r#"{"a":"","b":""}"#),
            (r#","data":null"#, "null"),
            ("", "null"),
        ] {
            let mut world = World::empty(String::new(), ObjectsCluster::new());
            let text = format!(
                r#"{{"apiVersion":"v1","kind":"Secret","metadata":{{"name":"s","namespace":"n"}}{data}}}"#
            );
            world.take(serde_json::from_str(&text).unwrap()).unwrap();
            let kept: Value = serde_json::from_slice(&world.objects[0].1).unwrap();
            assert_eq!((kept["data"].to_string(), kept.get("stringData")), (want.to_owned(), None), "{data}");
        }
    }

    #[test]
    fn of_json_lines_those_that_are_whole_count() {
        for (text, values, told) in [
            (
                "{\"a\":1}\n{\"a\":2}\n{\"a\":",
                2,
                Some("line 3 is cut short: EOF while parsing a value at column 5"),
            ),
            ("{\"a\":1}\n\n{\"a\":\n", 1, Some("line 3 is cut short: EOF while parsing a value at column 0")),
            ("{\"a\":1}\n{\"a\" 2}\n{\"a\":3}\n", 2, Some("line 2 is not JSON: expected `:` at column 6")),
            ("{\"a\" 1}\n{\"a\":2}\n{\"a\":3}", 2, Some("line 1 is not JSON: expected `:` at column 6")),
            ("{\n \"a\": 1\n}\n{\n \"a\": 2\n}", 2, None),
        ] {
            let mut cut = Vec::new();
            assert_eq!(documents(text, &mut cut).unwrap().len(), values, "{text}");
            assert_eq!(cut.first().map(String::as_str), told, "{text}");
            assert!(cut.len() < 2, "{cut:?}");
        }
        for broken in ["{\n \"a\": 1,\n \"b\":", "[1, 2", "{\n \"a\" 1\n}\n"] {
            assert!(documents(broken, &mut Vec::new()).is_err(), "{broken}");
        }
    }

    #[test]
    fn what_is_no_object_is_refused_with_a_reason() {
        assert!(documents("{not json", &mut Vec::new()).is_err());
        let mut world = World::empty(String::new(), ObjectsCluster::new());
        let error = world.take(serde_json::json!({"a": 1})).unwrap_err();
        assert!(error.to_string().contains("apiVersion and kind"), "{error}");
    }
}
