//! Reads an event of a watch, or an item of a list, as bytes.

use crate::api::ApiError;
use crate::finalizers::Meta;
use crate::trim::Trim;
use crate::waiting::Change;
use prodrome_scan::{Found, Plan, ScanError};
use serde::Deserialize;
use std::sync::Arc;
use tokio::time::Instant;

/// An event of a watch.
#[derive(Debug)]
pub(crate) enum Event {
    /// An object is there, or gone.
    Change(Change),
    /// An object changed that nobody wants to hear of.
    Ignored {
        /// Its version.
        version: Arc<str>,
    },
    /// Nothing changed up to a version.
    Bookmark {
        /// That version.
        version: Arc<str>,
        /// Whether all objects that there were have come before it, where that was asked for.
        ends_list: bool,
    },
}

/// Reads the objects of one kind. Made once for a kind, as the plan differs by what is cut.
#[derive(Debug)]
pub(crate) struct Reader {
    trim: Trim,
    of_event: Plan,
    of_item: Plan,
    found: Found,
}

/// The captures of both plans, in their order.
const TYPE: usize = 0;
const OBJECT: usize = 1;
const NAME: usize = 2;
const NAMESPACE: usize = 3;
const UID: usize = 4;
const VERSION: usize = 5;
const LEADER: usize = 6;
const METADATA: usize = 7;
const ENDS_LIST: usize = 8;

/// The annotation of the bookmark that comes after the last object of a streamed list.
const ENDS_LIST_ANNOTATION: &str = "k8s.io/initial-events-end";
/// The annotation by which components elect a leader on an object.
const LEADER_ANNOTATION: &str = "control-plane.alpha.kubernetes.io/leader";

impl Reader {
    pub(crate) fn new(trim: Trim) -> Self {
        let object = [
            &["metadata", "name"][..],
            &["metadata", "namespace"],
            &["metadata", "uid"],
            &["metadata", "resourceVersion"],
            &["metadata", "annotations", LEADER_ANNOTATION],
            &["metadata"],
            &["metadata", "annotations", ENDS_LIST_ANNOTATION],
        ];
        let inside = |path: &[&'static str]| -> Vec<&'static str> { [&["object"], path].concat() };
        let in_event: Vec<Vec<&str>> = object.iter().map(|path| inside(path)).collect();
        let mut of_event: Vec<&[&str]> = vec![&["type"], &["object"]];
        of_event.extend(in_event.iter().map(Vec::as_slice));
        let mut of_item: Vec<&[&str]> = vec![&["type"], &[]];
        of_item.extend(object);
        let cuts_in_event: Vec<Vec<&str>> = trim.cuts().iter().map(|path| inside(path)).collect();
        let cuts_in_event: Vec<&[&str]> = cuts_in_event.iter().map(Vec::as_slice).collect();
        Self {
            of_event: Plan::new(&of_event, &cuts_in_event),
            of_item: Plan::new(&of_item, trim.cuts()),
            found: Found::default(),
            trim,
        }
    }

    /// Reads a line of a watch, or of a list that is streamed. An event of type ERROR, by which the API server gives up
    /// the stream, is one.
    pub(crate) fn event(
        &mut self,
        line: &[u8],
        list: Option<&Arc<str>>,
        now: Instant,
    ) -> Result<Event, ApiError> {
        self.of_event.run(line, &mut self.found)?;
        let deleted = match self.found.raw(line, TYPE) {
            Some(br#""ADDED""# | br#""MODIFIED""#) => false,
            Some(br#""DELETED""#) => true,
            Some(br#""BOOKMARK""#) => {
                let ends_list = self.found.text(line, ENDS_LIST).as_deref() == Some("true");
                return Ok(Event::Bookmark { version: self.version(line)?, ends_list });
            }
            Some(br#""ERROR""#) => return Err(status(self.found.raw(line, OBJECT))),
            _ => return Err(ScanError::Malformed { at: 0, expected: "an event with a known type" }.into()),
        };
        match self.change(line, deleted, list, now)? {
            Some(change) => Ok(Event::Change(change)),
            None => Ok(Event::Ignored { version: self.version(line)? }),
        }
    }

    /// What of the metadata decides whether the deletion of the object is held that was read last, out of the same
    /// line or item.
    pub(crate) fn meta(&self, json: &[u8]) -> Option<Meta> {
        serde_json::from_slice(self.found.raw(json, METADATA)?).ok()
    }

    /// Reads an item of a list; `None` where nobody wants to hear of it.
    pub(crate) fn item(
        &mut self,
        item: &[u8],
        list: &Arc<str>,
        now: Instant,
    ) -> Result<Option<Change>, ScanError> {
        self.of_item.run(item, &mut self.found)?;
        self.change(item, false, Some(list), now)
    }

    fn change(
        &self,
        json: &[u8],
        deleted: bool,
        list: Option<&Arc<str>>,
        now: Instant,
    ) -> Result<Option<Change>, ScanError> {
        let malformed = |expected| ScanError::Malformed { at: 0, expected };
        let object = self.found.range(OBJECT).ok_or(malformed("an object"))?;
        let name = self.found.text(json, NAME).ok_or(malformed("an object with a name"))?;
        let namespace = self.found.text(json, NAMESPACE).filter(|n| !n.is_empty());
        let is_leader = self.found.range(LEADER).is_some();
        if self.trim.drops(namespace.as_deref(), &name, is_leader) {
            return Ok(None);
        }
        // Exactly as large as it must be: what waits is bounded in bytes.
        let mut bytes = Vec::with_capacity(object.len() - self.found.cut_bytes(object.clone()));
        self.found.copy_rest(json, object, &mut bytes);
        Ok(Some(Change {
            deleted,
            namespace: namespace.map(std::convert::Into::into),
            name: name.into(),
            uid: self.found.text(json, UID).unwrap_or_default().into(),
            version: self.version(json)?,
            list: list.map(Arc::clone),
            object: bytes.into(),
            observed_at: now,
        }))
    }

    fn version(&self, json: &[u8]) -> Result<Arc<str>, ScanError> {
        let version = self.found.text(json, VERSION).filter(|v| !v.is_empty());
        version
            .map(Arc::from)
            .ok_or(ScanError::Malformed { at: 0, expected: "an object with a resourceVersion" })
    }
}

/// The `Status` of an event of type ERROR.
fn status(object: Option<&[u8]>) -> ApiError {
    let status: Status = object.and_then(|json| serde_json::from_slice(json).ok()).unwrap_or_default();
    status.error(None)
}

/// The API server's `Status`, as far as it matters.
#[derive(Debug, Default, Deserialize)]
#[serde(default)]
pub(crate) struct Status {
    pub(crate) message: String,
    pub(crate) reason: String,
    pub(crate) code: u16,
}

impl Status {
    pub(crate) fn error(self, wait: Option<std::time::Duration>) -> ApiError {
        let code = match (self.code, &*self.reason) {
            (0, "Expired" | "Gone") => 410,
            (0, _) => 500,
            (code, _) => code,
        };
        ApiError::of_status(code, self.message, wait)
    }
}
