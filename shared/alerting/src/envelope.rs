use crate::EnvelopeError;
use prodrome_model::AlertMessage;
use serde::Deserialize;
use serde_json::Value;

/// The envelope version of findings that is understood here.
const VERSION: u32 = 1;

/// Reads a message of the queue `findings`.
///
/// The version is looked at before all else: a later one may have another shape, and then the message should
/// say so rather than that some field is missing.
pub fn read_message(body: &str) -> Result<AlertMessage, EnvelopeError> {
    let malformed = |error: serde_json::Error| EnvelopeError::Malformed { reason: error.to_string() };
    let head: EnvelopeHead = serde_json::from_str(body).map_err(malformed)?;
    if head.kind == "finding" && head.version != Some(VERSION.into()) {
        let found = head.version.map_or_else(|| "none".to_owned(), |v| v.to_string());
        return Err(EnvelopeError::UnknownVersion { found, known: VERSION });
    }
    serde_json::from_str(body).map_err(malformed)
}

#[derive(Deserialize)]
struct EnvelopeHead {
    #[serde(rename = "type")]
    kind: String,
    version: Option<Value>,
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_cannot_be_understood_has_a_code_and_says_why() {
        for (body, code, says) in [
            ("", "finding_malformed", "EOF"),
            ("[]", "finding_malformed", "expected"),
            (r#"{"type":"finding","version":2,"shape":"new"}"#, "finding_version_unknown", "version 2"),
            (r#"{"type":"finding"}"#, "finding_version_unknown", "version none"),
            (r#"{"type":"finding","version":1}"#, "finding_malformed", "missing field"),
            (r#"{"type":"sermon"}"#, "finding_malformed", "unknown variant"),
            (r#"{"type":"due","partition":"p","sort":"s","at":"soon"}"#, "finding_malformed", "year"),
        ] {
            let error = read_message(body).unwrap_err();
            assert_eq!(error.code(), code, "{body}");
            assert!(error.to_string().contains(says), "{body}: {error}");
        }
    }

    #[test]
    fn a_due_time_needs_no_version() {
        let body = r#"{"type":"due","partition":"p","sort":"s","at":"2026-01-02T03:04:05Z"}"#;
        assert!(matches!(read_message(body), Ok(AlertMessage::Due(due)) if due.sort == "s"));
    }
}
