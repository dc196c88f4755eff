use super::{PlaceError, PlaceStore, Places, parse};
use crate::api::ApiError;
use crate::kube_api::KubeApi;
use crate::trim::OwnObject;
use http::Method;
use kube::Client;
use serde::Deserialize;
use serde_json::json;
use std::sync::{Mutex, PoisonError};

/// Keeps the [`Places`] in a `ConfigMap` of the cluster that is watched, so that a cluster that is built anew
/// starts anew.
pub struct ConfigMapPlaces {
    api: KubeApi,
    namespace: String,
    name: String,
    /// The version that was read or written last; `None` where there was none.
    version: Mutex<Option<String>>,
}

/// The key of the `ConfigMap` that holds the places.
const KEY: &str = "place.json";
const KIND: &str = "ConfigMap";
/// How often a save that lost against another writer is tried.
const CONFLICT_TRIES: usize = 4;

#[derive(Deserialize)]
struct Stored {
    metadata: Metadata,
    #[serde(default)]
    data: Data,
}

#[derive(Deserialize)]
#[serde(rename_all = "camelCase")]
struct Metadata {
    resource_version: String,
}

#[derive(Deserialize, Default)]
struct Data {
    #[serde(rename = "place.json")]
    place: Option<String>,
}

impl ConfigMapPlaces {
    /// In this `ConfigMap`, which is made where it does not exist and the credentials allow it.
    pub fn new(client: Client, namespace: impl Into<String>, name: impl Into<String>) -> Self {
        let (namespace, name) = (namespace.into(), name.into());
        Self { api: KubeApi::new(client), namespace, name, version: Mutex::new(None) }
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

    fn version(&self) -> Option<String> {
        self.version.lock().unwrap_or_else(PoisonError::into_inner).clone()
    }

    fn set_version(&self, version: Option<String>) {
        *self.version.lock().unwrap_or_else(PoisonError::into_inner) = version;
    }

    fn collection(&self) -> String {
        format!("/api/v1/namespaces/{}/configmaps", self.namespace)
    }

    async fn write(&self, places: &Places) -> Result<(), ApiError> {
        let place = serde_json::to_string(places).expect("a map of texts is JSON");
        let version = self.version();
        let mut object = json!({
            "apiVersion": "v1",
            "kind": KIND,
            "metadata": {
                "name": self.name,
                "namespace": self.namespace,
                "labels": { "app.kubernetes.io/name": "prodrome-watcher" },
            },
            "data": { KEY: place },
        });
        let (method, path) = match version {
            None => (Method::POST, self.collection()),
            Some(version) => {
                object["metadata"]["resourceVersion"] = version.into();
                (Method::PUT, format!("{}/{}", self.collection(), self.name))
            }
        };
        let json = serde_json::to_vec(&object).expect("a value is JSON");
        let stored = self.api.write(method, &path, json).await?;
        let stored: Stored = serde_json::from_slice(&stored)
            .map_err(|error| ApiError::Broken(format!("the answer cannot be read: {error}")))?;
        self.set_version(Some(stored.metadata.resource_version));
        Ok(())
    }
}

impl PlaceStore for ConfigMapPlaces {
    async fn load(&self) -> Result<Option<Places>, PlaceError> {
        let path = format!("{}/{}", self.collection(), self.name);
        match self.api.get(&path, "application/json", None).await {
            Ok(Some(answer)) => {
                let stored: Stored = serde_json::from_slice(&answer.body).map_err(|error| {
                    self.error("read", &ApiError::Broken(format!("the answer cannot be read: {error}")))
                })?;
                self.set_version(Some(stored.metadata.resource_version));
                Ok(stored.data.place.and_then(|place| parse(place.as_bytes(), &self.what())))
            }
            Ok(None) | Err(ApiError::NotServed) => {
                self.set_version(None);
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
