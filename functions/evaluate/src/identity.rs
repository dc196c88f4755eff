use prodrome_model::{ObjectHead, ObjectKey, Resource};
use prodrome_scan::{Found, Plan};

/// Reads who an object is, and nothing else of it.
pub(crate) struct IdentityReader {
    plan: Plan,
    found: Found,
}

/// Who an object is, and in which version.
#[derive(Debug, PartialEq, Eq)]
pub(crate) struct Identity {
    pub(crate) path: String,
    pub(crate) uid: String,
    pub(crate) version: u64,
}

/// Why it cannot be said.
#[derive(Debug, thiserror::Error)]
pub(crate) enum IdentityError {
    #[error("the object's metadata cannot be read: {0}")]
    Metadata(#[from] serde_json::Error),
    #[error("the object has no name")]
    Nameless,
}

impl Default for IdentityReader {
    fn default() -> Self {
        let paths: [&[&str]; 4] = [
            &["metadata", "name"],
            &["metadata", "namespace"],
            &["metadata", "uid"],
            &["metadata", "resourceVersion"],
        ];
        Self { plan: Plan::new(&paths, &[]), found: Found::default() }
    }
}

impl IdentityReader {
    pub(crate) fn read(&mut self, resource: &Resource, json: &[u8]) -> Result<Identity, IdentityError> {
        let is_read = self.plan.run(json, &mut self.found).is_ok();
        let text = |capture| self.found.text(json, capture);
        // What is there and no text is read with all care, to say what is wrong with it.
        let is_plain = (0..4).all(|capture| {
            self.found.raw(json, capture).is_none_or(|raw| raw.starts_with(b"\"") || raw == b"null")
        });
        let Some(name) = text(0).filter(|name| is_read && is_plain && !name.is_empty()) else {
            return Self::read_with_care(resource, json);
        };
        let key = ObjectKey::new(resource.group_kind(), text(1).as_deref(), &*name);
        let version = text(3).and_then(|version| version.parse().ok()).unwrap_or(0);
        Ok(Identity { path: key.path(), uid: text(2).unwrap_or_default().into_owned(), version })
    }

    fn read_with_care(resource: &Resource, json: &[u8]) -> Result<Identity, IdentityError> {
        let head: ObjectHead = serde_json::from_slice(json)?;
        if head.metadata.name.is_empty() {
            return Err(IdentityError::Nameless);
        }
        let version = head.metadata.version();
        let path = head.key(resource.group_kind()).path();
        Ok(Identity { path, uid: head.metadata.uid, version })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_identity_is_what_the_whole_metadata_says() {
        let resource =
            Resource { group: "apps".into(), version: "v1".into(), kind: "Deployment".into(), ..pods() };
        for json in [
            r#"{"metadata":{"name":"web","namespace":"shop","uid":"u1","resourceVersion":"12"}}"#,
            r#"{"metadata":{"name":"w\u0065b","namespace":null,"uid":null},"spec":{"name":"x"}}"#,
            r#"{"spec":{"metadata":{"name":"no"}},"metadata":{"resourceVersion":"abc","name":"web"}}"#,
            r#"{"metadata":{"name":"first","name":"last"}}"#,
        ] {
            let quick = IdentityReader::default().read(&resource, json.as_bytes()).unwrap();
            if !json.contains("first") {
                assert_eq!(
                    quick,
                    IdentityReader::read_with_care(&resource, json.as_bytes()).unwrap(),
                    "{json}"
                );
            }
            assert!(!quick.path.is_empty());
        }
    }

    #[test]
    fn what_is_no_identity_is_told() {
        for (json, want) in [
            (r#"{"metadata":{"name":""}}"#, "the object has no name"),
            (r#"{"metadata":{}}"#, "the object has no name"),
            (r"{}", "the object has no name"),
            (
                r#"{"metadata":{"name":7}}"#,
                "the object's metadata cannot be read: invalid type: integer `7`, expected a string at line 1 column 21",
            ),
            (
                r#"{"metadata":{"name":"a","namespace":[]}}"#,
                "the object's metadata cannot be read: invalid type: sequence, expected a string at line 1 column 36",
            ),
        ] {
            let error = IdentityReader::default().read(&pods(), json.as_bytes()).unwrap_err();
            assert_eq!(error.to_string(), want);
        }
    }

    fn pods() -> Resource {
        serde_json::from_value(serde_json::json!({"group": "", "version": "v1", "kind": "Pod", "plural": "pods", "namespaced": true})).unwrap()
    }
}
