use crate::{Body, Page, WatchKind, builtin_of_path};
use jiff::SignedDuration;
use prodrome_model::Resource;
use serde::Deserialize;
use serde_json::value::RawValue;
use std::borrow::Cow;

/// A line, taken apart; its resource is still a path.
pub(crate) struct Line<'a> {
    pub(crate) t: SignedDuration,
    pub(crate) path: Cow<'a, str>,
    pub(crate) body: LineBody<'a>,
}

pub(crate) enum LineBody<'a> {
    Event { kind: WatchKind, object: &'a RawValue },
    Answer { query: String, status: u16, body: &'a RawValue },
    Opened { query: String, status: u16 },
}

/// What is wrong with JSON, without the place in it: whoever tells of it says which line of the recording it is.
fn unplaced(error: &serde_json::Error) -> String {
    let text = error.to_string();
    let place = format!(" at line {} column {}", error.line(), error.column());
    text.strip_suffix(&place).unwrap_or(&text).to_owned()
}

/// Takes a line apart. The error says what was expected and found.
pub(crate) fn parse(line: &[u8]) -> Result<Line<'_>, String> {
    let raw: RawLine<'_> = serde_json::from_slice(line).map_err(|error| unplaced(&error))?;
    let t = SignedDuration::try_from_secs_f64(raw.t)
        .ok()
        .filter(|t| !t.is_negative() && t.as_hours() < HOURS_MAX)
        .ok_or_else(|| format!("t: expected seconds since the start, found {}", raw.t))?;
    let t = SignedDuration::from_micros((t + HALF_A_MICROSECOND).as_micros().try_into().unwrap_or(i64::MAX));
    let body = match (raw.event, raw.status, raw.list) {
        (Some(event), None, None) => {
            let kind = WatchKind::from_api(&event.kind).ok_or_else(|| {
                format!(
                    "event.type: expected ADDED, MODIFIED, DELETED, BOOKMARK or ERROR, found {:?}",
                    event.kind
                )
            })?;
            LineBody::Event { kind, object: event.object }
        }
        (None, Some(status), Some(body)) => {
            LineBody::Answer { query: raw.query.unwrap_or_default(), status, body }
        }
        (None, Some(status), None) => LineBody::Opened { query: raw.query.unwrap_or_default(), status },
        _ => return Err("expected either event, or status with or without list".to_owned()),
    };
    Ok(Line { t, path: raw.path, body })
}

const HOURS_MAX: i64 = 24 * 366;
const HALF_A_MICROSECOND: SignedDuration = SignedDuration::from_nanos(500);

impl LineBody<'_> {
    pub(crate) fn into_body(self) -> Result<Body, String> {
        Ok(match self {
            Self::Event { kind, object } => Body::Event { kind, object: object.to_owned() },
            Self::Opened { query, status } => Body::Opened { query, status },
            Self::Answer { query, status, body } if status >= 300 => {
                Body::Refused { query, status, body: body.to_owned() }
            }
            Self::Answer { query, body, .. } => {
                let list: RawList<'_> =
                    serde_json::from_str(body.get()).map_err(|e| format!("list: {}", unplaced(&e)))?;
                let page = Page {
                    resource_version: list.metadata.resource_version,
                    continued: query.split('&').any(|q| q.starts_with("continue=")),
                    next: list.metadata.next.filter(|token| !token.is_empty()),
                    items: list.items.unwrap_or_default().into_iter().map(ToOwned::to_owned).collect(),
                };
                Body::List { query, page }
            }
        })
    }

    /// What this line alone tells about the kind behind a path that is not built in.
    pub(crate) fn reveals_kind(&self) -> Option<(String, bool)> {
        let (object, of_list) = match self {
            Self::Event { kind: WatchKind::Error, .. } | Self::Opened { .. } => return None,
            Self::Event { object, .. } => (*object, false),
            Self::Answer { body, .. } => (*body, true),
        };
        let head: KindHead<'_> = serde_json::from_str(object.get()).ok()?;
        let (kind, namespaced) = if of_list {
            let first = head.items.as_ref().and_then(|items| items.first())?;
            (head.kind.strip_suffix("List")?, first.metadata.namespace.is_some())
        } else {
            (head.metadata.name.as_ref().map(|_| &*head.kind)?, head.metadata.namespace.is_some())
        };
        let generic = kind.is_empty() || kind == "PartialObjectMetadata" || kind == "Status";
        (!generic).then(|| (kind.to_owned(), namespaced))
    }
}

impl LineBody<'_> {
    /// The kind that a bookmark or a list without objects names; they tell nothing of the scope.
    pub(crate) fn kind_without_scope(&self) -> Option<String> {
        let (object, of_list) = match self {
            Self::Event { kind: WatchKind::Bookmark, object } => (*object, false),
            Self::Answer { body, .. } => (*body, true),
            Self::Event { .. } | Self::Opened { .. } => return None,
        };
        let head: KindHead<'_> = serde_json::from_str(object.get()).ok()?;
        let kind = if of_list { head.kind.strip_suffix("List")? } else { &*head.kind };
        (!kind.is_empty() && kind != "PartialObjectMetadata").then(|| kind.to_owned())
    }
}

/// Where a path points: `/api/v1/pods`, `/apis/apps/v1/namespaces/shop/deployments`.
#[derive(Debug, PartialEq, Eq)]
pub(crate) struct Place<'a> {
    pub(crate) group: &'a str,
    pub(crate) version: &'a str,
    pub(crate) plural: &'a str,
    pub(crate) namespace: Option<&'a str>,
    /// The name of one object, and what follows it (`status`, `log`).
    pub(crate) name: Option<&'a str>,
    pub(crate) subresource: Option<&'a str>,
}

impl<'a> Place<'a> {
    pub(crate) fn of_path(path: &'a str) -> Option<Self> {
        let mut parts = path.strip_prefix('/')?.split('/');
        let (group, version) = match parts.next()? {
            "api" => ("", parts.next()?),
            "apis" => (parts.next()?, parts.next()?),
            _ => return None,
        };
        let rest: Vec<&str> = parts.collect();
        let (namespace, rest) = match rest.as_slice() {
            ["namespaces", namespace, rest @ ..] if !rest.is_empty() && !is_subresource(rest) => {
                (Some(*namespace), rest)
            }
            rest => (None, rest),
        };
        let (plural, name, subresource) = match *rest {
            [plural] => (plural, None, None),
            [plural, name] => (plural, Some(name), None),
            [plural, name, subresource] => (plural, Some(name), Some(subresource)),
            _ => return None,
        };
        let given = [version, plural].into_iter().chain(namespace).chain(name).all(|part| !part.is_empty());
        given.then_some(Self { group, version, plural, namespace, name, subresource })
    }

    pub(crate) fn builtin(&self) -> Option<Resource> {
        builtin_of_path(self.group, self.version, self.plural)
    }

    pub(crate) fn resource(&self, kind: String, namespaced: bool) -> Resource {
        Resource {
            group: self.group.to_owned(),
            version: self.version.to_owned(),
            kind,
            plural: self.plural.to_owned(),
            namespaced,
        }
    }
}

/// `/api/v1/namespaces/shop/status` is about the Namespace `shop`.
fn is_subresource(rest: &[&str]) -> bool {
    matches!(rest, ["status" | "finalize"])
}

#[derive(Deserialize)]
struct RawLine<'a> {
    t: f64,
    #[serde(borrow)]
    path: Cow<'a, str>,
    #[serde(borrow, default)]
    event: Option<RawEvent<'a>>,
    #[serde(default)]
    query: Option<String>,
    #[serde(default)]
    status: Option<u16>,
    #[serde(borrow, default)]
    list: Option<&'a RawValue>,
}

#[derive(Deserialize)]
struct RawEvent<'a> {
    #[serde(rename = "type", borrow)]
    kind: Cow<'a, str>,
    #[serde(borrow)]
    object: &'a RawValue,
}

#[derive(Deserialize)]
struct RawList<'a> {
    #[serde(default)]
    metadata: ListMetadata,
    #[serde(borrow, default)]
    items: Option<Vec<&'a RawValue>>,
}

#[derive(Deserialize, Default)]
#[serde(default)]
struct ListMetadata {
    #[serde(rename = "resourceVersion")]
    resource_version: String,
    #[serde(rename = "continue")]
    next: Option<String>,
}

#[derive(Deserialize)]
struct KindHead<'a> {
    #[serde(borrow, default)]
    kind: Cow<'a, str>,
    #[serde(default)]
    metadata: NameHead,
    #[serde(default)]
    items: Option<Vec<ItemHead>>,
}

#[derive(Deserialize)]
struct ItemHead {
    #[serde(default)]
    metadata: NameHead,
}

#[derive(Deserialize, Default)]
#[serde(default)]
struct NameHead {
    name: Option<String>,
    namespace: Option<String>,
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_path_tells_group_version_plural_and_more() {
        let place = |path| {
            Place::of_path(path).map(|p| (p.group, p.version, p.plural, p.namespace, p.name, p.subresource))
        };
        let rows = [
            ("/api/v1/pods", Some(("", "v1", "pods", None, None, None))),
            ("/api/v1/namespaces", Some(("", "v1", "namespaces", None, None, None))),
            ("/api/v1/namespaces/a", Some(("", "v1", "namespaces", None, Some("a"), None))),
            ("/api/v1/namespaces/a/status", Some(("", "v1", "namespaces", None, Some("a"), Some("status")))),
            ("/api/v1/namespaces/a/pods", Some(("", "v1", "pods", Some("a"), None, None))),
            ("/api/v1/namespaces/a/pods/b/log", Some(("", "v1", "pods", Some("a"), Some("b"), Some("log")))),
            ("/apis/apps/v1/deployments", Some(("apps", "v1", "deployments", None, None, None))),
            ("/apis/apps/v1", None),
            ("/healthz", None),
            ("/api/v1/", None),
            ("", None),
        ];
        for (path, want) in rows {
            assert_eq!(place(path), want, "{path}");
        }
    }

    #[test]
    fn a_time_is_read_to_the_microsecond() {
        for (text, micros) in
            [("12.345", 12_345_000), ("0.1", 100_000), ("0", 0), ("330.000001", 330_000_001)]
        {
            let line = format!(r#"{{"t":{text},"path":"/api/v1/pods","status":200}}"#);
            assert_eq!(parse(line.as_bytes()).map(|l| l.t.as_micros()), Ok(micros), "{text}");
        }
    }

    #[test]
    fn what_is_no_line_says_what_was_expected() {
        for (line, want) in [
            ("{}", "missing field `t`"),
            (r#"{"t":-1,"path":"/api/v1/pods","status":200}"#, "t: expected seconds"),
            (r#"{"t":1e300,"path":"/api/v1/pods","status":200}"#, "t: expected seconds"),
            (r#"{"t":1,"path":"/api/v1/pods"}"#, "expected either event"),
            (r#"{"t":1,"path":"/x","event":{"type":"GONE","object":{}}}"#, "event.type: expected ADDED"),
            (r#"{"t":1,"path":"/x","event":{"type":"ADDED"}}"#, "missing field `object`"),
            (r#"{"t":1,"path":"#, "EOF"),
        ] {
            let error = parse(line.as_bytes()).err().unwrap_or_default();
            assert!(error.contains(want), "{line}: {error}");
        }
    }
}
