use super::{PlaceError, PlaceStore, Places, parse};
use crate::api::ApiError;
use crate::kube_api::KubeApi;
use crate::trim::OwnObject;
use http::Method;
use kube::Client;
use serde_json::{Value, json};
use std::sync::{Mutex, MutexGuard, PoisonError};

/// Keeps the [`Places`] in a `ConfigMap` of the cluster that is watched, so that a cluster that is built anew
/// starts anew.
pub struct ConfigMapPlaces {
    api: KubeApi,
    namespace: String,
    name: String,
    /// As it was read or written last; `None` where there was none. What others have put there (labels, what
    /// kubectl or a controller knows it by) is written back as it was.
    stored: Mutex<Option<Value>>,
}

/// The key of the `ConfigMap` that holds the places.
const KEY: &str = "place.json";
const KIND: &str = "ConfigMap";
/// How often a save that lost against another writer is tried.
const CONFLICT_TRIES: usize = 4;

impl ConfigMapPlaces {
    /// In this `ConfigMap`, which is made where it does not exist and the credentials allow it.
    pub fn new(client: Client, namespace: impl Into<String>, name: impl Into<String>) -> Self {
        let (namespace, name) = (namespace.into(), name.into());
        Self { api: KubeApi::new(client), namespace, name, stored: Mutex::new(None) }
    }

    fn what(&self) -> String {
        format!("{KIND} {}/{}", self.namespace, self.name)
    }

    fn error(&self, verb: &str, error: &ApiError) -> PlaceError {
        let retryable =
            !matches!(error, ApiError::Unauthorized(_) | ApiError::Forbidden(_) | ApiError::NotServed);
        let (namespace, name) = (self.namespace.clone(), self.name.clone());
        PlaceError::ConfigMap { namespace, name, reason: format!("cannot {verb} it: {error}"), retryable }
    }

    fn stored(&self) -> MutexGuard<'_, Option<Value>> {
        self.stored.lock().unwrap_or_else(PoisonError::into_inner)
    }

    fn collection(&self) -> String {
        format!("/api/v1/namespaces/{}/configmaps", self.namespace)
    }

    async fn write(&self, places: &Places) -> Result<(), ApiError> {
        let place = serde_json::to_string(places).expect("a map of texts is JSON");
        let stored = self.stored().clone();
        let (method, path, mut object) = match stored {
            None => (Method::POST, self.collection(), self.new_object()),
            // With the version that was read: where it is no longer the present one, the write is refused.
            Some(object) => (Method::PUT, format!("{}/{}", self.collection(), self.name), object),
        };
        if !object["data"].is_object() {
            object["data"] = json!({});
        }
        object["data"][KEY] = place.into();
        let json = serde_json::to_vec(&object).expect("a value is JSON");
        *self.stored() = Some(read(&self.api.write(method, &path, json).await?)?);
        Ok(())
    }

    fn new_object(&self) -> Value {
        json!({
            "apiVersion": "v1",
            "kind": KIND,
            "metadata": {
                "name": self.name,
                "namespace": self.namespace,
                "labels": { "app.kubernetes.io/name": "prodrome-watcher" },
            },
        })
    }
}

/// The API server's answer, less what it keeps by itself.
fn read(json: &[u8]) -> Result<Value, ApiError> {
    let unreadable = |reason: String| ApiError::Broken(format!("the answer cannot be read: {reason}"));
    let mut object: Value = serde_json::from_slice(json).map_err(|error| unreadable(error.to_string()))?;
    let metadata = object["metadata"].as_object_mut().ok_or_else(|| unreadable("no metadata".to_owned()))?;
    metadata.remove("managedFields");
    Ok(object)
}

impl PlaceStore for ConfigMapPlaces {
    async fn load(&self) -> Result<Option<Places>, PlaceError> {
        let path = format!("{}/{}", self.collection(), self.name);
        match self.api.get(&path, "application/json", None).await {
            Ok(Some(answer)) => {
                let object = read(&answer.body).map_err(|error| self.error("read", &error))?;
                let place = object["data"][KEY].as_str().map(str::to_owned);
                *self.stored() = Some(object);
                Ok(place.and_then(|place| parse(place.as_bytes(), &self.what())))
            }
            Ok(None) | Err(ApiError::NotServed) => {
                *self.stored() = None;
                Ok(None)
            }
            Err(error) => Err(self.error("read", &error)),
        }
    }

    async fn save(&self, places: &Places) -> Result<(), PlaceError> {
        for _ in 0..CONFLICT_TRIES {
            match self.write(places).await {
                Ok(()) => return Ok(()),
                // Someone else wrote it, or removed it. A person may; another watcher, if it came later, wins.
                Err(ApiError::Refused { status: 409, .. } | ApiError::NotServed) => {
                    let theirs = self.load().await?.unwrap_or_default().epoch;
                    if theirs > places.epoch {
                        return Err(PlaceError::TakenOver { what: self.what(), theirs, ours: places.epoch });
                    }
                }
                Err(error) => return Err(self.error("write", &error)),
            }
        }
        let error = ApiError::Broken("others write it all the time".to_owned());
        Err(self.error("write", &error))
    }

    fn own_object(&self) -> Option<OwnObject> {
        Some(OwnObject { kind: KIND, namespace: self.namespace.clone(), name: self.name.clone() })
    }
}
