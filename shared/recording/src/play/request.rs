use super::selector::{FieldSelector, parse_labels};
use super::status::Status;
use super::world::Filter;
use crate::line::Place;
use axum::http::header::USER_AGENT;
use axum::http::{HeaderMap, Method, Uri};
use prodrome_model::Resource;
use std::collections::BTreeMap;
use std::fmt;

/// What a request does, as RBAC names it.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum Verb {
    /// Reads one object (or what is not about objects, such as discovery).
    Get,
    /// Reads a collection.
    List,
    /// Follows a collection.
    Watch,
    /// Makes an object.
    Create,
    /// Replaces an object.
    Update,
    /// Changes parts of an object.
    Patch,
    /// Deletes an object.
    Delete,
}

/// A request that came in.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Request {
    /// What it does.
    pub verb: Verb,
    /// The path, decoded.
    pub path: String,
    /// The query, decoded.
    pub query: BTreeMap<String, String>,
    /// Who asks: its `User-Agent`, or nothing.
    pub agent: String,
}

impl Request {
    pub(super) fn by(mut self, headers: &HeaderMap) -> Self {
        let agent = headers.get(USER_AGENT).and_then(|agent| agent.to_str().ok()).unwrap_or_default();
        agent.clone_into(&mut self.agent);
        self
    }

    pub(super) fn of(method: &Method, uri: &Uri) -> Result<Self, Status> {
        let query: BTreeMap<String, String> =
            axum::extract::Query::try_from_uri(uri).map_err(|e| Status::bad_request(e.to_string()))?.0;
        let path = percent_decode(uri.path())
            .ok_or_else(|| Status::bad_request(format!("the path {:?} is no UTF-8", uri.path())))?;
        let watch = query.get("watch").is_some_and(|value| is_true(value));
        let verb = match *method {
            Method::GET | Method::HEAD if watch => Verb::Watch,
            Method::GET | Method::HEAD => match Place::of_path(&path) {
                Some(Place { name: None, .. }) => Verb::List,
                _ => Verb::Get,
            },
            Method::POST => Verb::Create,
            Method::PUT => Verb::Update,
            Method::PATCH => Verb::Patch,
            Method::DELETE => Verb::Delete,
            _ => return Err(Status::new(405, "MethodNotAllowed", format!("{method} is not supported"))),
        };
        Ok(Self { verb, path, query, agent: String::new() })
    }

    pub(super) fn get(&self, name: &str) -> Option<&str> {
        self.query.get(name).map(String::as_str).filter(|value| !value.is_empty())
    }

    pub(super) fn is_true(&self, name: &str) -> bool {
        self.get(name).is_some_and(is_true)
    }

    pub(super) fn number(&self, name: &str) -> Result<Option<u64>, Status> {
        let number = self.get(name).map(str::parse).transpose();
        number.map_err(|_| {
            Status::bad_request(format!("{name}: Invalid value: {:?}", self.get(name).unwrap_or_default()))
        })
    }

    pub(super) fn filter(&self, resource: &Resource, namespace: Option<&str>) -> Result<Filter, Status> {
        let labels = self.get("labelSelector").map(parse_labels).transpose();
        let fields = self.get("fieldSelector").map(|text| FieldSelector::parse(text, resource)).transpose();
        Ok(Filter {
            namespace: namespace.map(str::to_owned),
            labels: labels.map_err(Status::bad_request)?,
            fields: fields.map_err(Status::bad_request)?.unwrap_or_default(),
        })
    }
}

impl fmt::Display for Request {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{:?} {}", self.verb, self.path)?;
        for (i, (name, value)) in self.query.iter().enumerate() {
            write!(f, "{}{name}={value}", if i == 0 { '?' } else { '&' })?;
        }
        Ok(())
    }
}

fn is_true(value: &str) -> bool {
    matches!(value, "1" | "t" | "T" | "true" | "TRUE" | "True")
}

fn percent_decode(path: &str) -> Option<String> {
    let mut bytes = Vec::with_capacity(path.len());
    let mut rest = path.bytes();
    while let Some(byte) = rest.next() {
        if byte != b'%' {
            bytes.push(byte);
            continue;
        }
        let (high, low) = (char::from(rest.next()?).to_digit(16)?, char::from(rest.next()?).to_digit(16)?);
        bytes.push(u8::try_from(high * 16 + low).ok()?);
    }
    String::from_utf8(bytes).ok()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_request_is_read_from_method_path_and_query() {
        let read =
            |method: Method, uri: &str| Request::of(&method, &uri.parse().unwrap()).unwrap().to_string();
        let rows = [
            (
                Method::GET,
                "/api/v1/pods?watch=true&resourceVersion=5",
                "Watch /api/v1/pods?resourceVersion=5&watch=true",
            ),
            (Method::GET, "/api/v1/pods?watch=0", "List /api/v1/pods?watch=0"),
            (Method::PATCH, "/x/system%3Anode%C3%A9", "Patch /x/system:nodeé"),
            (Method::GET, "/x?labelSelector=a%20in%20%28b%29", "Get /x?labelSelector=a in (b)"),
        ];
        for (method, uri, want) in rows {
            assert_eq!(read(method, uri), want);
        }
        assert!(Request::of(&Method::GET, &"/x%zz".parse().unwrap()).is_err());
        assert!(Request::of(&Method::TRACE, &"/x".parse().unwrap()).is_err());
    }
}
