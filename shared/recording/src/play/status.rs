use axum::body::Body;
use axum::response::Response;
use serde_json::{Value, json};

/// A `Status`: how the API server says no, and at times yes.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Status {
    pub(super) code: u16,
    pub(super) reason: &'static str,
    pub(super) message: String,
    pub(super) details: Option<Value>,
    /// A token to go on with a list whose snapshot is forgotten.
    pub(super) next: Option<String>,
    pub(super) retry_after_seconds: Option<u32>,
}

impl Status {
    pub(super) fn new(code: u16, reason: &'static str, message: impl Into<String>) -> Self {
        Self { code, reason, message: message.into(), details: None, next: None, retry_after_seconds: None }
    }

    pub(super) fn bad_request(message: impl Into<String>) -> Self {
        Self::new(400, "BadRequest", message)
    }

    pub(super) fn no_such_resource() -> Self {
        Self::new(404, "NotFound", "the server could not find the requested resource")
    }

    pub(super) fn no_such_object(group: &str, plural: &str, name: &str) -> Self {
        let full = if group.is_empty() { plural.to_owned() } else { format!("{plural}.{group}") };
        let details = json!({ "name": name, "group": group, "kind": plural });
        Self { details: Some(details), ..Self::new(404, "NotFound", format!("{full} {name:?} not found")) }
    }

    /// What a watch from a forgotten version gets.
    pub(super) fn expired(asked: u64, oldest: u64) -> Self {
        Self::new(410, "Expired", format!("too old resource version: {asked} ({oldest})"))
    }

    /// What a list gets whose snapshot is forgotten.
    pub(super) fn list_expired(next: String) -> Self {
        let message = "The provided continue parameter is too old to display a consistent list result. You can \
                       start a new list without the continue parameter, or use the continue token in this \
                       response to retrieve the remainder of the results.";
        Self { next: Some(next), ..Self::new(410, "Expired", message) }
    }

    pub(super) fn json(&self) -> Value {
        let mut status = json!({
            "kind": "Status", "apiVersion": "v1", "metadata": {}, "status": "Failure",
            "message": self.message, "reason": self.reason, "code": self.code,
        });
        if let Some(next) = &self.next {
            status["metadata"]["continue"] = json!(next);
        }
        if let Some(details) = &self.details {
            status["details"] = details.clone();
        }
        if let Some(seconds) = self.retry_after_seconds {
            status["details"]["retryAfterSeconds"] = json!(seconds);
        }
        status
    }

    pub(super) fn into_response(self) -> Response {
        let mut response = json_response(self.code, self.json().to_string());
        if let Some(seconds) = self.retry_after_seconds {
            response.headers_mut().insert("Retry-After", seconds.into());
        }
        response
    }
}

pub(super) fn json_response(code: u16, text: impl Into<Body>) -> Response {
    typed_response(code, "application/json", text)
}

pub(super) fn text_response(code: u16, text: &'static str) -> Response {
    typed_response(code, "text/plain; charset=utf-8", text)
}

fn typed_response(code: u16, content_type: &'static str, body: impl Into<Body>) -> Response {
    let mut response = Response::new(body.into());
    *response.status_mut() = code.try_into().unwrap_or_default();
    let content_type = axum::http::HeaderValue::from_static(content_type);
    response.headers_mut().insert(axum::http::header::CONTENT_TYPE, content_type);
    response
}
