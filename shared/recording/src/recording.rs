use crate::{Items, Limits, RecordingError};
use jiff::{SignedDuration, Timestamp};
use serde::{Deserialize, Serialize};
use std::fs::File;
use std::path::{Path, PathBuf};

/// A recording in a folder: `meta.json` and `watch.jsonl.zst` (or `watch.jsonl`). Nothing else in the folder is
/// ever opened.
#[derive(Debug, Clone)]
pub struct Recording {
    dir: PathBuf,
    file: PathBuf,
    compressed: bool,
    meta: Meta,
    limits: Limits,
}

/// `meta.json`.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
pub struct Meta {
    /// The cluster's clock at `t` 0.
    pub start: Timestamp,
    /// The cluster's clock at the end. The stream may be quiet for a while before.
    pub end: Timestamp,
}

impl Recording {
    /// Opens the recording in a folder; reads `meta.json`, not yet the stream.
    pub fn open(dir: impl Into<PathBuf>) -> Result<Self, RecordingError> {
        let dir = dir.into();
        let candidates = [(dir.join("watch.jsonl.zst"), true), (dir.join("watch.jsonl"), false)];
        let Some((file, compressed)) = candidates.into_iter().find(|(file, _)| file.is_file()) else {
            let found = match std::fs::metadata(&dir) {
                Err(_) => "no such folder",
                Ok(there) if !there.is_dir() => "a file",
                Ok(_) if dir.join("meta.json").is_file() => "meta.json alone",
                Ok(_) => "neither",
            };
            return Err(RecordingError::NotARecording { dir, found });
        };
        let meta = read_meta(&dir)?;
        Ok(Self { dir, file, compressed, meta, limits: Limits::default() })
    }

    /// With other limits than the default ones.
    #[must_use]
    pub fn with_limits(self, limits: Limits) -> Self {
        Self { limits, ..self }
    }

    /// The folder.
    pub fn dir(&self) -> &Path {
        &self.dir
    }

    /// The folder's own name, for people.
    pub fn name(&self) -> String {
        self.dir.file_name().unwrap_or(self.dir.as_os_str()).to_string_lossy().into_owned()
    }

    /// The cluster's clock at `t` 0.
    pub fn start(&self) -> Timestamp {
        self.meta.start
    }

    /// The cluster's clock at the end.
    pub fn end(&self) -> Timestamp {
        self.meta.end
    }

    /// From start to end.
    pub fn length(&self) -> SignedDuration {
        self.meta.end.duration_since(self.meta.start)
    }

    /// Reads the stream from its beginning, line by line.
    pub fn items(&self) -> Result<Items, RecordingError> {
        let source = File::open(&self.file).map_err(|source| RecordingError::Io {
            file: self.file.clone(),
            doing: "open",
            source,
        })?;
        Items::new(self.clone(), source)
    }

    pub(crate) fn file(&self) -> &Path {
        &self.file
    }

    pub(crate) fn is_compressed(&self) -> bool {
        self.compressed
    }

    pub(crate) fn limits(&self) -> Limits {
        self.limits
    }
}

fn read_meta(dir: &Path) -> Result<Meta, RecordingError> {
    let file = dir.join("meta.json");
    let text = match std::fs::read(&file) {
        Ok(text) => text,
        Err(e) if e.kind() == std::io::ErrorKind::NotFound => {
            return Err(RecordingError::NotARecording { dir: dir.to_owned(), found: "no meta.json" });
        }
        Err(source) => return Err(RecordingError::Io { file, doing: "read", source }),
    };
    let meta: Meta = serde_json::from_slice(&text)
        .map_err(|e| RecordingError::Meta { file: file.clone(), reason: e.to_string() })?;
    if meta.end < meta.start {
        let reason = format!("end {} is before start {}", meta.end, meta.start);
        return Err(RecordingError::Meta { file, reason });
    }
    Ok(meta)
}
