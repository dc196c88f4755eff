use super::{FIELD_MANAGER, FINALIZER, Meta};
use crate::api::ApiError;
use crate::kube_api::KubeApi;
use prodrome_model::Resource;
use serde_json::json;

/// An object, as a request to change it must name it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Target {
    pub(super) namespace: Option<Box<str>>,
    pub(super) name: Box<str>,
    pub(super) uid: Box<str>,
}

impl Target {
    pub(super) fn of(meta: &Meta) -> Self {
        Self {
            namespace: meta.namespace.as_deref().filter(|n| !n.is_empty()).map(Into::into),
            name: meta.name.as_str().into(),
            uid: meta.uid.as_str().into(),
        }
    }

    pub(super) fn path(&self, resource: &Resource) -> String {
        format!("{}/{}", resource.collection_path(self.namespace.as_deref()), self.name)
    }
}

/// What became of a change.
#[derive(Debug)]
pub(super) enum Done {
    Yes,
    /// The object is gone, is another one, or is being deleted.
    Moot,
}

/// Applies that the object has the finalizer, or that nothing is ours. What is not there is not made by it: a uid is
/// named, which an object to be made cannot have.
pub(super) async fn apply(
    api: &KubeApi,
    resource: &Resource,
    target: &Target,
    holds: bool,
) -> Result<Done, ApiError> {
    let mut object = json!({
        "apiVersion": resource.api_version(),
        "kind": resource.kind,
        "metadata": { "name": target.name, "namespace": target.namespace, "uid": target.uid },
    });
    if holds {
        object["metadata"]["finalizers"] = json!([FINALIZER]);
    }
    let path = format!("{}?fieldManager={FIELD_MANAGER}", target.path(resource));
    let applied = api.patch(&path, "application/apply-patch+yaml", object.to_string().into_bytes()).await;
    match moot(applied)? {
        Some(meta) if !holds && meta.is_held() => take_out(api, resource, target, &meta).await,
        Some(_) => Ok(Done::Yes),
        None => Ok(Done::Moot),
    }
}

/// Takes the finalizer out of the list, whoever put it there (somebody may have applied an object as it was exported).
/// Refused by the API server where the object is another one or its list has changed; then `Moot`.
pub(super) async fn take_out(
    api: &KubeApi,
    resource: &Resource,
    target: &Target,
    meta: &Meta,
) -> Result<Done, ApiError> {
    let place = meta.finalizers.iter().flatten().position(|finalizer| finalizer == FINALIZER);
    let Some(place) = place else { return Ok(Done::Moot) };
    let at = format!("/metadata/finalizers/{place}");
    let patch = json!([
        { "op": "test", "path": "/metadata/uid", "value": target.uid },
        { "op": "test", "path": at, "value": FINALIZER },
        { "op": "remove", "path": at },
    ]);
    let path = format!("{}?fieldManager={FIELD_MANAGER}", target.path(resource));
    let patched = api.patch(&path, "application/json-patch+json", patch.to_string().into_bytes()).await;
    Ok(if moot(patched)?.is_some() { Done::Yes } else { Done::Moot })
}

/// The object's metadata after a change; `None` where there was nothing to change.
fn moot(answer: Result<bytes::Bytes, ApiError>) -> Result<Option<Meta>, ApiError> {
    match answer {
        Ok(body) => {
            #[derive(serde::Deserialize)]
            struct Object {
                #[serde(default)]
                metadata: Meta,
            }
            let object = serde_json::from_slice::<Object>(&body);
            let object =
                object.map_err(|error| ApiError::Broken(format!("the answer cannot be read: {error}")))?;
            Ok(Some(object.metadata))
        }
        // Gone, or another object of the same name, or changed between.
        Err(ApiError::NotServed | ApiError::Refused { status: 409, .. }) => Ok(None),
        // Gone, and the account may not make objects: the API server tells that first.
        Err(ApiError::Forbidden(reason)) if reason.contains("cannot create resource") => Ok(None),
        // What is being deleted takes none; and the test of a patch that failed.
        Err(ApiError::Refused { status: 422, reason })
            if reason.contains("no new finalizers can be added") || reason.contains("testing value") =>
        {
            Ok(None)
        }
        Err(error) => Err(error),
    }
}
