//! Small edits of an object's JSON that leave every other byte as it was.

use prodrome_model::Resource;
use serde::Deserialize;
use serde_json::value::RawValue;
use std::borrow::Cow;

/// The object with another resourceVersion; untouched where it has no metadata.
pub(crate) fn with_resource_version(object: &str, version: u64) -> String {
    let Some(metadata) = outline(object).and_then(|outline| outline.metadata) else {
        return object.to_owned();
    };
    let inner: MetadataOutline<'_> = serde_json::from_str(metadata.get()).unwrap_or_default();
    if let Some(old) = inner.resource_version {
        return splice(object, old.get(), &format!("\"{version}\""));
    }
    let mut text = metadata.get().to_owned();
    insert_fields(&mut text, &format!("\"resourceVersion\":\"{version}\""));
    splice(object, metadata.get(), &text)
}

/// The object with its kind and apiVersion, as a watch sends it. Metadata alone gets the kind it stands for.
pub(crate) fn with_kind<'a>(object: &'a str, resource: &Resource) -> Cow<'a, str> {
    let Some(outline) = outline(object) else { return object.into() };
    let kind_of = |raw: Option<&RawValue>| raw.map_or("", RawValue::get).trim_matches('"').to_owned();
    let (kind, version) = (kind_of(outline.kind), kind_of(outline.api_version));
    let api_version = resource.api_version();
    if kind == resource.kind && version == api_version {
        return object.into();
    }
    let mut text = object.to_owned();
    // From the back to the front, so that what is spliced does not move what is spliced next.
    let mut stale: Vec<&str> =
        [outline.kind, outline.api_version].into_iter().flatten().map(RawValue::get).collect();
    stale.sort_by_key(|part| std::cmp::Reverse(part.as_ptr().addr()));
    for part in stale {
        let from = part.as_ptr().addr() - object.as_ptr().addr();
        let is_kind = outline.kind.is_some_and(|k| k.get().as_ptr() == part.as_ptr());
        let new = if is_kind { &resource.kind } else { &api_version };
        text.replace_range(from..from + part.len(), &format!("{new:?}"));
    }
    let mut missing = Vec::new();
    if outline.kind.is_none() {
        missing.push(format!("\"kind\":{:?}", resource.kind));
    }
    if outline.api_version.is_none() {
        missing.push(format!("\"apiVersion\":{api_version:?}"));
    }
    if !missing.is_empty() {
        insert_fields(&mut text, &missing.join(","));
    }
    text.into()
}

#[cfg(feature = "play")]
/// The object as an item of a list of a built-in kind: without kind and apiVersion, where these come first.
pub(crate) fn without_kind<'a>(object: &'a str, resource: &Resource) -> Cow<'a, str> {
    let head = format!("{{\"kind\":{:?},\"apiVersion\":{:?},", resource.kind, resource.api_version());
    match object.strip_prefix(&head) {
        Some(rest) => format!("{{{rest}").into(),
        None => object.into(),
    }
}

/// The object's metadata alone, as `PartialObjectMetadata`.
pub(crate) fn metadata_only(object: &str) -> String {
    let metadata = outline(object).and_then(|outline| outline.metadata).map_or("{}", RawValue::get);
    format!(r#"{{"kind":"PartialObjectMetadata","apiVersion":"meta.k8s.io/v1","metadata":{metadata}}}"#)
}

/// Without the annotations: tools keep whole copies of an object there, data and all.
pub(crate) fn without_annotations(object: &str) -> String {
    let Some(metadata) = outline(object).and_then(|outline| outline.metadata) else {
        return object.to_owned();
    };
    let inner: MetadataOutline<'_> = serde_json::from_str(metadata.get()).unwrap_or_default();
    match inner.annotations {
        Some(annotations) => splice(object, annotations.get(), "{}"),
        None => object.to_owned(),
    }
}

/// Puts fields first into a JSON object; another sort of value stays as it is.
fn insert_fields(object: &mut String, fields: &str) {
    let Some(rest) = object.trim_start().strip_prefix('{') else { return };
    let comma = if rest.trim_start().starts_with('}') { "" } else { "," };
    *object = format!("{{{fields}{comma}{rest}");
}

/// Replaces `part`, which is a slice of `whole`.
fn splice(whole: &str, part: &str, new: &str) -> String {
    let from = part.as_ptr().addr() - whole.as_ptr().addr();
    let mut text = whole.to_owned();
    text.replace_range(from..from + part.len(), new);
    text
}

fn outline(object: &str) -> Option<Outline<'_>> {
    serde_json::from_str(object).ok()
}

#[derive(Deserialize)]
#[serde(rename_all = "camelCase")]
struct Outline<'a> {
    #[serde(borrow, default)]
    kind: Option<&'a RawValue>,
    #[serde(borrow, default)]
    api_version: Option<&'a RawValue>,
    #[serde(borrow, default)]
    metadata: Option<&'a RawValue>,
}

#[derive(Deserialize, Default)]
#[serde(rename_all = "camelCase", default)]
struct MetadataOutline<'a> {
    #[serde(borrow)]
    resource_version: Option<&'a RawValue>,
    #[serde(borrow)]
    annotations: Option<&'a RawValue>,
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::builtin_of_path;

    #[test]
    fn a_resource_version_is_set_wherever_it_stands() {
        let rows = [
            (
                r#"{"metadata":{"name":"a","resourceVersion":"1"},"x":1}"#,
                r#"{"metadata":{"name":"a","resourceVersion":"7"},"x":1}"#,
            ),
            (
                r#"{"spec":{"metadata":{"resourceVersion":"1"}},"metadata":{"name":"a"}}"#,
                r#"{"spec":{"metadata":{"resourceVersion":"1"}},"metadata":{"resourceVersion":"7","name":"a"}}"#,
            ),
            (r#"{"metadata":{}}"#, r#"{"metadata":{"resourceVersion":"7"}}"#),
            (r#"{"kind":"Status"}"#, r#"{"kind":"Status"}"#),
        ];
        for (given, want) in rows {
            assert_eq!(with_resource_version(given, 7), want);
        }
    }

    #[test]
    fn a_kind_is_added_corrected_and_taken_away() {
        let pods = builtin_of_path("", "v1", "pods").unwrap();
        let whole = r#"{"kind":"Pod","apiVersion":"v1","metadata":{}}"#;
        for given in [
            whole,
            r#"{"metadata":{}}"#,
            r#"{"kind":"PartialObjectMetadata","apiVersion":"meta.k8s.io/v1","metadata":{}}"#,
            r#"{"apiVersion":"v1","metadata":{}}"#,
        ] {
            assert_eq!(with_kind(given, &pods), whole, "{given}");
        }
        assert_eq!(
            with_kind(r#"{"apiVersion":"x","kind":"Y"}"#, &pods),
            r#"{"apiVersion":"v1","kind":"Pod"}"#,
        );
        assert_eq!(without_kind(whole, &pods), r#"{"metadata":{}}"#);
    }

    #[test]
    fn metadata_alone_holds_neither_data_nor_copies_of_it() {
        let secret = r#"{"kind":"Secret","metadata":{"name":"s","annotations":{"last":"{\"data\":1}"}},"data":{"p":"c2VjcmV0"}}"#;
        let want = r#"{"kind":"PartialObjectMetadata","apiVersion":"meta.k8s.io/v1","metadata":{"name":"s","annotations":{}}}"#;
        assert_eq!(without_annotations(&metadata_only(secret)), want);
    }
}
