use crate::object_json::{metadata_only, without_annotations};
use crate::{Meta, RecordingError, WatchKind};
use jiff::Timestamp;
use prodrome_model::Resource;
use serde::{Deserialize, Serialize};
use serde_json::value::RawValue;
use std::borrow::Cow;
use std::fs::{File, OpenOptions};
use std::io::{BufWriter, Write};
use std::path::{Path, PathBuf};

/// Writes a recording: `watch.jsonl.zst` and `meta.json`.
///
/// Secrets and `ConfigMaps` are written as metadata only, without annotations (which hold copies of the data):
/// their values never reach the file, whatever is handed in.
pub struct RecordingWriter {
    dir: PathBuf,
    file: PathBuf,
    start: Timestamp,
    encoder: zstd::Encoder<'static, BufWriter<File>>,
    lines: u64,
}

const LEVEL: i32 = 9;

impl RecordingWriter {
    /// Begins a recording in a folder, which is made where there is none. `start` is the cluster's clock at `t` 0.
    pub fn create(dir: impl Into<PathBuf>, start: Timestamp) -> Result<Self, RecordingError> {
        let dir = dir.into();
        let file = dir.join("watch.jsonl.zst");
        if file.exists() || dir.join("watch.jsonl").exists() || dir.join("meta.json").exists() {
            return Err(RecordingError::Exists { dir });
        }
        std::fs::create_dir_all(&dir).map_err(|e| io(&dir, "make", e))?;
        let target = OpenOptions::new().write(true).create_new(true).open(&file);
        let target = target.map_err(|e| io(&file, "write", e))?;
        let encoder = zstd::Encoder::new(BufWriter::new(target), LEVEL).map_err(|e| io(&file, "write", e))?;
        let writer = Self { dir, file, start, encoder, lines: 0 };
        writer.write_meta(start)?;
        Ok(writer)
    }

    /// An event of a watch over all namespaces, with its object as received.
    pub fn event(
        &mut self,
        at: Timestamp,
        resource: &Resource,
        kind: WatchKind,
        object: &str,
    ) -> Result<(), RecordingError> {
        let object = if is_confidential(resource) && !matches!(kind, WatchKind::Error) {
            Cow::Owned(without_annotations(&metadata_only(object)))
        } else {
            Cow::Borrowed(object)
        };
        let object = self.checked(&object)?;
        let event = EventOut { kind: kind.as_str(), object: &object };
        self.line(at, &LineOut { event: Some(event), ..LineOut::of(&resource.collection_path(None)) })
    }

    /// The answer to a list: a page, or a `Status` that refuses it.
    pub fn answer(
        &mut self,
        at: Timestamp,
        resource: &Resource,
        query: &str,
        status: u16,
        body: &str,
    ) -> Result<(), RecordingError> {
        let body = if is_confidential(resource) && status < 300 {
            Cow::Owned(list_of_metadata_only(body).map_err(|e| io(&self.file, "write", e.into()))?)
        } else {
            Cow::Borrowed(body)
        };
        let list = self.checked(&body)?;
        let path = resource.collection_path(None);
        let line =
            LineOut { query: Some(query), status: Some(status), list: Some(&list), ..LineOut::of(&path) };
        self.line(at, &line)
    }

    /// The opening of a watch.
    pub fn opened(
        &mut self,
        at: Timestamp,
        resource: &Resource,
        query: &str,
        status: u16,
    ) -> Result<(), RecordingError> {
        let path = resource.collection_path(None);
        self.line(at, &LineOut { query: Some(query), status: Some(status), ..LineOut::of(&path) })
    }

    /// How many lines were written.
    pub fn lines(&self) -> u64 {
        self.lines
    }

    /// Brings what was written so far to the file, so that a recording that is cut off there still reads.
    pub fn flush(&mut self, now: Timestamp) -> Result<(), RecordingError> {
        self.encoder.flush().map_err(|e| io(&self.file, "write", e))?;
        self.write_meta(now)
    }

    /// Ends the recording.
    pub fn finish(self, end: Timestamp) -> Result<(), RecordingError> {
        self.write_meta(end)?;
        let ended = self.encoder.finish().and_then(|mut target| target.flush());
        ended.map_err(|e| io(&self.file, "write", e))
    }

    fn line(&mut self, at: Timestamp, line: &LineOut<'_>) -> Result<(), RecordingError> {
        let millis = at.duration_since(self.start).as_millis().max(0);
        let t = format!("{}.{:03}", millis / 1_000, millis % 1_000);
        let written = serde_json::value::RawValue::from_string(t)
            .and_then(|t| serde_json::to_vec(&WithTime { t: &t, line }))
            .map_err(std::io::Error::from)
            .and_then(|mut text| {
                text.push(b'\n');
                self.encoder.write_all(&text)
            });
        self.lines += 1;
        written.map_err(|e| io(&self.file, "write", e))
    }

    /// One line of JSON. Line breaks stand between values only, where a space does as well.
    fn checked(&self, json: &str) -> Result<Box<RawValue>, RecordingError> {
        RawValue::from_string(json.trim().replace(['\n', '\r'], " "))
            .map_err(|e| io(&self.file, "write", e.into()))
    }

    fn write_meta(&self, end: Timestamp) -> Result<(), RecordingError> {
        let file = self.dir.join("meta.json");
        let text = serde_json::to_vec(&Meta { start: self.start, end: end.max(self.start) });
        let written = text.map_err(std::io::Error::from).and_then(|mut text| {
            text.push(b'\n');
            std::fs::write(&file, text)
        });
        written.map_err(|e| io(&file, "write", e))
    }
}

fn is_confidential(resource: &Resource) -> bool {
    resource.group.is_empty() && matches!(&*resource.plural, "secrets" | "configmaps")
}

fn list_of_metadata_only(list: &str) -> Result<String, serde_json::Error> {
    #[derive(Deserialize)]
    struct ListIn<'a> {
        #[serde(borrow)]
        metadata: &'a RawValue,
        #[serde(borrow, default)]
        items: Option<Vec<&'a RawValue>>,
    }
    let list: ListIn<'_> = serde_json::from_str(list)?;
    let items = list.items.unwrap_or_default();
    let items: Vec<String> =
        items.into_iter().map(|item| without_annotations(&metadata_only(item.get()))).collect();
    Ok(format!(
        r#"{{"kind":"PartialObjectMetadataList","apiVersion":"meta.k8s.io/v1","metadata":{},"items":[{}]}}"#,
        list.metadata.get(),
        items.join(",")
    ))
}

fn io(file: &Path, doing: &'static str, source: std::io::Error) -> RecordingError {
    RecordingError::Io { file: file.to_owned(), doing, source }
}

#[derive(Serialize)]
struct WithTime<'a> {
    t: &'a RawValue,
    #[serde(flatten)]
    line: &'a LineOut<'a>,
}

#[derive(Serialize, Default)]
struct LineOut<'a> {
    path: &'a str,
    #[serde(skip_serializing_if = "Option::is_none")]
    query: Option<&'a str>,
    #[serde(skip_serializing_if = "Option::is_none")]
    status: Option<u16>,
    #[serde(skip_serializing_if = "Option::is_none")]
    event: Option<EventOut<'a>>,
    #[serde(skip_serializing_if = "Option::is_none")]
    list: Option<&'a RawValue>,
}

impl<'a> LineOut<'a> {
    fn of(path: &'a str) -> Self {
        Self { path, ..Self::default() }
    }
}

#[derive(Serialize)]
struct EventOut<'a> {
    #[serde(rename = "type")]
    kind: &'static str,
    object: &'a RawValue,
}
