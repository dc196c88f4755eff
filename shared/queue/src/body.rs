use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;

/// The content of a [`Message`](crate::Message).
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Body {
    /// Text, JSON in practice.
    Text(String),
    /// A pack: bytes, carried as a Binary attribute so that they do not swell as base64 would.
    Pack(Vec<u8>),
}

impl Body {
    /// Of a message as it was received: a pack where it has one, else its text.
    pub fn received(text: Option<&str>, pack: Option<&[u8]>) -> Result<Self, BodyError> {
        match (pack, text) {
            (Some([]), _) => Err(BodyError::EmptyPack),
            (Some(pack), _) => Ok(Self::Pack(pack.to_vec())),
            (None, Some(text)) if !text.is_empty() => Ok(Self::Text(text.to_owned())),
            (None, _) => Err(BodyError::Nothing),
        }
    }
}

/// Of a message as Lambda hands it over: its `body`, and the `binaryValue` of its attribute
/// [`PACK_ATTRIBUTE`](crate::PACK_ATTRIBUTE), in base64.
pub fn body_of(text: Option<&str>, pack_base64: Option<&str>) -> Result<Body, BodyError> {
    let Some(pack_base64) = pack_base64 else { return Body::received(text, None) };
    let pack = STANDARD.decode(pack_base64).map_err(|source| BodyError::Base64 { source })?;
    Body::received(text, Some(&pack))
}

/// Why a received message has no content that could be read.
#[derive(Debug, thiserror::Error)]
pub enum BodyError {
    /// Neither text nor pack.
    #[error("the message has neither a text nor a pack")]
    Nothing,
    /// An empty attribute.
    #[error("the message's pack is empty")]
    EmptyPack,
    /// Something else than base64.
    #[error("the message's pack is not base64")]
    Base64 {
        /// What is wrong with it.
        source: base64::DecodeError,
    },
}

impl BodyError {
    /// The stable code, for the attribute of a dead letter and for metrics.
    pub const fn code(&self) -> &'static str {
        match self {
            Self::Nothing => "message_empty",
            Self::EmptyPack => "pack_empty",
            Self::Base64 { .. } => "pack_base64",
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_pack_wins_over_the_text_beside_it() {
        for (name, text, pack, want) in [
            ("text alone", Some("{}"), None, Ok(Body::Text("{}".into()))),
            ("pack alone", None, Some("AQI="), Ok(Body::Pack(vec![1, 2]))),
            ("both", Some(r#"{"type":"pack"}"#), Some("AQI="), Ok(Body::Pack(vec![1, 2]))),
            ("neither", None, None, Err("message_empty")),
            ("empty text", Some(""), None, Err("message_empty")),
            ("empty pack", Some("{}"), Some(""), Err("pack_empty")),
            ("not base64", Some("{}"), Some("A"), Err("pack_base64")),
        ] {
            assert_eq!(body_of(text, pack).map_err(|error| error.code()), want, "{name}");
        }
    }
}
