use super::request::{Request, Verb};
use super::status::{Status, json_response, text_response};
use axum::body::Body;
use axum::response::Response;
use futures::stream;
use std::io;
use std::time::Duration;

/// What a server does instead of answering, for tests of those who ask it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Fault {
    kind: FaultKind,
    path_part: Option<String>,
    verb: Option<Verb>,
    times: Option<u32>,
}

#[derive(Debug, Clone, PartialEq, Eq)]
enum FaultKind {
    Status(Status),
    Hang,
    Slow(Duration),
    Drop,
    Garbage,
}

impl Fault {
    /// 429 with `Retry-After`.
    pub fn too_many_requests(retry_after_seconds: u32) -> Self {
        let status = Status::new(429, "TooManyRequests", "too many requests, please try again later");
        Self::status(Status { retry_after_seconds: Some(retry_after_seconds), ..status })
    }

    /// 500.
    pub fn internal_error() -> Self {
        Self::status(Status::new(
            500,
            "InternalError",
            "Internal error occurred: etcdserver: request timed out",
        ))
    }

    /// 503.
    pub fn unavailable() -> Self {
        Self::status(Status::new(
            503,
            "ServiceUnavailable",
            "the server is currently unable to handle the request",
        ))
    }

    /// 403: RBAC does not allow it.
    pub fn forbidden() -> Self {
        Self::status(Status::new(
            403,
            "Forbidden",
            "forbidden: User \"watcher\" cannot do this at the cluster scope",
        ))
    }

    /// 401: the token is not, or no longer, valid.
    pub fn unauthorized() -> Self {
        Self::status(Status::new(401, "Unauthorized", "Unauthorized"))
    }

    /// 410 as the HTTP status of the answer itself. (A watch from a version that [`PlayServer::compact`] forgot
    /// gets its 410 within the stream, as from a real API server.)
    ///
    /// [`PlayServer::compact`]: super::PlayServer::compact
    pub fn gone() -> Self {
        Self::status(Status::new(410, "Expired", "The resourceVersion for the provided watch is too old."))
    }

    /// The request is never answered, until the fault is lifted or the client gives up.
    pub fn hang() -> Self {
        Self::of(FaultKind::Hang)
    }

    /// The request is answered as ever, after so long.
    pub fn slow(wait: Duration) -> Self {
        Self::of(FaultKind::Slow(wait))
    }

    /// The connection breaks before the answer is complete.
    pub fn drop_connection() -> Self {
        Self::of(FaultKind::Drop)
    }

    /// The answer is a page of something that is not JSON.
    pub fn garbage() -> Self {
        Self::of(FaultKind::Garbage)
    }

    /// Only for requests whose path contains this (`/pods`).
    #[must_use]
    pub fn on_path(self, part: impl Into<String>) -> Self {
        Self { path_part: Some(part.into()), ..self }
    }

    /// Only for requests that do this.
    #[must_use]
    pub fn on_verb(self, verb: Verb) -> Self {
        Self { verb: Some(verb), ..self }
    }

    /// Only so many times; for ever where it is not called.
    #[must_use]
    pub fn times(self, times: u32) -> Self {
        Self { times: Some(times), ..self }
    }

    fn status(status: Status) -> Self {
        Self::of(FaultKind::Status(status))
    }

    fn of(kind: FaultKind) -> Self {
        Self { kind, path_part: None, verb: None, times: None }
    }

    fn concerns(&self, request: &Request) -> bool {
        self.times != Some(0)
            && self.verb.is_none_or(|verb| verb == request.verb)
            && self.path_part.as_ref().is_none_or(|part| request.path.contains(&**part))
    }
}

/// What a fault makes of a request.
pub(super) enum Effect {
    Answer(Response),
    Hang,
    Wait(Duration),
}

/// The effect of the first fault that concerns the request; counts it.
pub(super) fn effect(faults: &mut [Fault], request: &Request) -> Option<Effect> {
    let fault = faults.iter_mut().find(|fault| fault.concerns(request))?;
    fault.times = fault.times.map(|times| times - 1);
    Some(match &fault.kind {
        FaultKind::Hang => Effect::Hang,
        FaultKind::Slow(wait) => Effect::Wait(*wait),
        FaultKind::Status(status) => Effect::Answer(status.clone().into_response()),
        FaultKind::Garbage => Effect::Answer(text_response(200, "<html>proxy error</html>")),
        FaultKind::Drop => {
            let begun = Ok("{\"kind\":".to_owned());
            let broken = Err(io::Error::new(io::ErrorKind::ConnectionReset, "dropped on purpose"));
            Effect::Answer(json_response(200, Body::from_stream(stream::iter([begun, broken]))))
        }
    })
}
