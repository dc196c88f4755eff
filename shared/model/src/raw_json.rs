use serde::{Deserialize, Deserializer, Serialize, Serializer, de, ser};
use serde_json::value::RawValue;

/// A value's JSON as it was written.
///
/// It is whole by its brackets and quotes, and no more is known of it: what stands between them is read by whoever
/// needs it, as to read all of every object would cost more than to judge it.
///
/// ```
/// use prodrome_model::RawJson;
///
/// assert_eq!(RawJson::new(r#"{"name": "web-0"}"#).unwrap().get(), r#"{"name": "web-0"}"#);
/// assert_eq!(RawJson::new(r#"{"name": "web-"#), None);
/// assert_eq!(RawJson::new(r#"{} {}"#), None);
/// ```
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct RawJson(Box<str>);

impl RawJson {
    /// Of a text that is one value from its first byte to its last.
    pub fn new(text: impl AsRef<str> + Into<Box<str>>) -> Option<Self> {
        let bytes = text.as_ref().as_bytes();
        let is_whole = prodrome_scan::skip_value(bytes, 0).is_ok_and(|end| end == bytes.len());
        is_whole.then(|| Self(text.into()))
    }

    /// The text.
    pub fn get(&self) -> &str {
        &self.0
    }
}

impl Serialize for RawJson {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        serde_json::from_str::<&RawValue>(&self.0).map_err(ser::Error::custom)?.serialize(serializer)
    }
}

impl<'de> Deserialize<'de> for RawJson {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        let raw = Box::<RawValue>::deserialize(deserializer)?;
        Self::new(Box::<str>::from(raw))
            .ok_or_else(|| de::Error::custom("something else than one JSON value"))
    }
}
