use crate::line::{self, Line, Place};
use crate::{Item, Recording, RecordingError};
use prodrome_model::Resource;
use std::collections::BTreeMap;
use std::fs::File;
use std::io::{BufRead, BufReader, Read};

/// How much a recording may hold, so that a damaged or hostile one cannot fill memory or disk.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Limits {
    /// The longest line. A page of a list is one line.
    pub line_bytes_max: u64,
    /// The whole stream when unpacked.
    pub total_bytes_max: u64,
}

impl Default for Limits {
    /// 64 MiB a line, 16 GiB in all.
    fn default() -> Self {
        Self { line_bytes_max: 64 << 20, total_bytes_max: 16 << 30 }
    }
}

/// The items of a recording, in the order of receipt; one line is in memory at a time.
///
/// A bad line is an error that names it; the iterator goes on behind it, so a caller may count it
/// ([`RecordingError::is_one_line`]) and read on. After any other error it ends.
pub struct Items {
    recording: Recording,
    reader: Box<dyn BufRead + Send>,
    buffer: Vec<u8>,
    line: u64,
    bytes: u64,
    custom: Option<BTreeMap<String, Resource>>,
    resources: BTreeMap<String, Resource>,
    ended: bool,
}

impl Items {
    pub(crate) fn new(recording: Recording, source: File) -> Result<Self, RecordingError> {
        let reader: Box<dyn BufRead + Send> = if recording.is_compressed() {
            let decoder = zstd::Decoder::new(source).map_err(|source| RecordingError::Io {
                file: recording.file().to_owned(),
                doing: "unpack",
                source,
            })?;
            Box::new(BufReader::with_capacity(1 << 17, decoder))
        } else {
            Box::new(BufReader::with_capacity(1 << 17, source))
        };
        Ok(Self {
            recording,
            reader,
            buffer: Vec::new(),
            line: 0,
            bytes: 0,
            custom: None,
            resources: BTreeMap::new(),
            ended: false,
        })
    }

    /// Reads the next line that is not empty into the buffer; `false` at the end.
    fn read_line(&mut self) -> Result<bool, RecordingError> {
        let limits = self.recording.limits();
        loop {
            self.buffer.clear();
            let line_max = limits.line_bytes_max.saturating_add(1);
            let read = self.read_until_newline(line_max)?;
            if read == 0 {
                return Ok(false);
            }
            self.line += 1;
            let whole = self.buffer.last() == Some(&b'\n');
            if !whole && read >= line_max {
                self.skip_rest_of_line()?;
                return Err(self.bad(format!("longer than {} bytes", limits.line_bytes_max)));
            }
            if !self.buffer.trim_ascii().is_empty() {
                return Ok(true);
            }
        }
    }

    fn read_until_newline(&mut self, bytes_max: u64) -> Result<u64, RecordingError> {
        let mut limited = (&mut self.reader).take(bytes_max);
        let read = limited.read_until(b'\n', &mut self.buffer);
        let read = read.map_err(|e| self.broken_off(e))? as u64;
        self.bytes += read;
        let total_max = self.recording.limits().total_bytes_max;
        if self.bytes > total_max {
            let file = self.recording.file().to_owned();
            return Err(RecordingError::TooLarge { file, line: self.line + 1, bytes_max: total_max });
        }
        Ok(read)
    }

    fn skip_rest_of_line(&mut self) -> Result<(), RecordingError> {
        loop {
            self.buffer.clear();
            let read = self.read_until_newline(1 << 16)?;
            if read == 0 || self.buffer.last() == Some(&b'\n') {
                return Ok(());
            }
        }
    }

    fn read_item(&mut self) -> Result<Option<Item>, RecordingError> {
        if !self.read_line()? {
            return Ok(None);
        }
        let buffer = std::mem::take(&mut self.buffer);
        let item = self.item_of(&buffer);
        self.buffer = buffer;
        item.map(Some)
    }

    fn item_of(&mut self, buffer: &[u8]) -> Result<Item, RecordingError> {
        let line = line::parse(buffer).map_err(|reason| self.bad(reason))?;
        let resource = self.resource_of(&line)?;
        let at = self
            .recording
            .start()
            .checked_add(line.t)
            .map_err(|_| self.bad(format!("t: {} s after the start is no time", line.t.as_secs())))?;
        let t = line.t;
        let body = line.body.into_body().map_err(|reason| self.bad(reason))?;
        Ok(Item { t, at, line: self.line, resource, body })
    }

    fn resource_of(&mut self, line: &Line<'_>) -> Result<Resource, RecordingError> {
        if let Some(resource) = self.resources.get(&*line.path) {
            return Ok(resource.clone());
        }
        let place = Place::of_path(&line.path).filter(|place| place.name.is_none());
        let Some(place) = place else {
            return Err(self.bad(format!(
                "path: expected a collection such as /apis/apps/v1/deployments, found {:?}",
                line.path
            )));
        };
        let resource = match place.builtin() {
            Some(resource) => resource,
            None => match line.body.reveals_kind() {
                Some((kind, namespaced)) => place.resource(kind, namespaced),
                None => self.custom(&line.path).ok_or_else(|| {
                    self.bad(format!("path: no line of {:?} tells the kind of its objects", line.path))
                })?,
            },
        };
        self.resources.insert(line.path.clone().into_owned(), resource.clone());
        Ok(resource)
    }

    /// The resource of a path that neither is built in nor tells its kind at once: from its other lines.
    fn custom(&mut self, path: &str) -> Option<Resource> {
        if self.custom.is_none() {
            self.custom = Some(survey(&self.recording));
        }
        self.custom.as_ref()?.get(path).cloned()
    }

    fn bad(&self, reason: String) -> RecordingError {
        RecordingError::BadLine { file: self.recording.file().to_owned(), line: self.line, reason }
    }

    fn broken_off(&self, source: std::io::Error) -> RecordingError {
        let file = self.recording.file().to_owned();
        RecordingError::BrokenOff { file, line: self.line, source }
    }
}

impl Iterator for Items {
    type Item = Result<Item, RecordingError>;

    fn next(&mut self) -> Option<Self::Item> {
        if self.ended {
            return None;
        }
        let item = self.read_item().transpose();
        self.ended = match &item {
            None => true,
            Some(Err(e)) => !e.is_one_line(),
            Some(Ok(_)) => false,
        };
        item
    }
}

/// Reads the whole stream once for the kinds of custom resources: the first object of a path tells, and where
/// there is none, a bookmark or an empty list (which tell the kind; its scope is then taken for namespaced).
fn survey(recording: &Recording) -> BTreeMap<String, Resource> {
    let mut found = BTreeMap::new();
    let mut without_scope = BTreeMap::new();
    let Ok(mut items) = recording.items() else { return found };
    loop {
        match items.read_line() {
            Ok(true) => {}
            Err(e) if e.is_one_line() => continue,
            Ok(false) | Err(_) => break,
        }
        let Ok(line) = line::parse(&items.buffer) else { continue };
        if found.contains_key(&*line.path) {
            continue;
        }
        let Some(place) = Place::of_path(&line.path).filter(|place| place.builtin().is_none()) else {
            continue;
        };
        if let Some((kind, namespaced)) = line.body.reveals_kind() {
            found.insert(line.path.to_string(), place.resource(kind, namespaced));
        } else if let Some(kind) = line.body.kind_without_scope() {
            without_scope.entry(line.path.to_string()).or_insert_with(|| place.resource(kind, true));
        }
    }
    for (path, resource) in without_scope {
        found.entry(path).or_insert(resource);
    }
    found
}
