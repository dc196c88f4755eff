//! Which kinds a cluster serves.

use crate::api::ApiError;
use crate::chain::chain;
use crate::kube_api::{Answer, KubeApi};
use prodrome_model::Resource;
use serde::Deserialize;

const AGGREGATED: &str = "application/json;g=apidiscovery.k8s.io;v=v2;as=APIGroupDiscoveryList,\
    application/json;g=apidiscovery.k8s.io;v=v2beta1;as=APIGroupDiscoveryList,application/json";

/// Asks what a cluster serves, and remembers enough to be told that nothing has changed.
pub(crate) struct Discovery {
    api: KubeApi,
    documents: [Document; 2],
}

/// One of the two documents that name all kinds: of the core group, and of the others.
struct Document {
    path: &'static str,
    etag: Option<String>,
    resources: Vec<Resource>,
}

impl Discovery {
    pub(crate) fn new(api: KubeApi) -> Self {
        let document = |path| Document { path, etag: None, resources: Vec::new() };
        Self { api, documents: [document("/api"), document("/apis")] }
    }

    /// All kinds that can be listed and watched, preferred groups and versions first.
    pub(crate) async fn served(&mut self) -> Result<Vec<Resource>, ApiError> {
        for document in &mut self.documents {
            let answer = self.api.get(document.path, AGGREGATED, document.etag.as_deref()).await?;
            let Some(Answer { body, etag }) = answer else { continue };
            document.resources = match parse::<Anything>(document.path, &body)? {
                Anything::Aggregated { items } => aggregated(items),
                Anything::Versions { versions } => {
                    let versions = versions.into_iter().map(|version| (String::new(), version));
                    one_by_one(&self.api, versions.collect()).await?
                }
                Anything::Groups { groups } => {
                    one_by_one(&self.api, groups.into_iter().flat_map(Group::versions).collect()).await?
                }
            };
            document.etag = etag;
        }
        Ok(self.documents.iter().flat_map(|document| document.resources.iter().cloned()).collect())
    }
}

/// Older API servers name groups and versions only, and must be asked for each.
async fn one_by_one(api: &KubeApi, versions: Vec<(String, String)>) -> Result<Vec<Resource>, ApiError> {
    let mut resources = Vec::new();
    for (group, version) in versions {
        let path =
            if group.is_empty() { format!("/api/{version}") } else { format!("/apis/{group}/{version}") };
        match api.get(&path, "application/json", None).await {
            Ok(Some(answer)) => {
                let list: ResourceList = parse(&path, &answer.body)?;
                resources
                    .extend(list.resources.into_iter().filter_map(|r| r.into_resource(&group, &version)));
            }
            Ok(None) => {}
            // The server of one group being down must not hide the others.
            Err(error @ (ApiError::Refused { .. } | ApiError::Throttled { .. } | ApiError::NotServed)) => {
                tracing::warn!(
                    group,
                    version,
                    error = chain(&error),
                    "the kinds of a group cannot be discovered"
                );
            }
            Err(error) => return Err(error),
        }
    }
    Ok(resources)
}

fn parse<'b, T: Deserialize<'b>>(path: &str, body: &'b [u8]) -> Result<T, ApiError> {
    let unreadable =
        |error| ApiError::Broken(format!("the discovery document {path} cannot be read: {error}"));
    serde_json::from_slice(body).map_err(unreadable)
}

fn aggregated(groups: Vec<AggregatedGroup>) -> Vec<Resource> {
    let mut resources = Vec::new();
    for AggregatedGroup { metadata, versions } in groups {
        for AggregatedVersion { version, resources: of_version } in versions {
            resources.extend(of_version.into_iter().filter_map(|resource| {
                let AggregatedResource { resource, response_kind, scope, verbs } = resource;
                can_be_watched(&verbs).then(|| Resource {
                    group: metadata.name.clone(),
                    version: version.clone(),
                    kind: response_kind.unwrap_or_default().kind,
                    plural: resource,
                    namespaced: scope == "Namespaced",
                })
            }));
        }
    }
    resources
}

fn can_be_watched(verbs: &[String]) -> bool {
    ["list", "watch"].iter().all(|needed| verbs.iter().any(|verb| verb == needed))
}

#[derive(Deserialize)]
#[serde(tag = "kind")]
enum Anything {
    #[serde(rename = "APIGroupDiscoveryList")]
    Aggregated { items: Vec<AggregatedGroup> },
    #[serde(rename = "APIVersions")]
    Versions { versions: Vec<String> },
    #[serde(rename = "APIGroupList")]
    Groups { groups: Vec<Group> },
}

#[derive(Deserialize)]
struct AggregatedGroup {
    #[serde(default)]
    metadata: GroupMetadata,
    #[serde(default)]
    versions: Vec<AggregatedVersion>,
}

#[derive(Deserialize, Default)]
#[serde(default)]
struct GroupMetadata {
    name: String,
}

#[derive(Deserialize)]
struct AggregatedVersion {
    version: String,
    #[serde(default)]
    resources: Vec<AggregatedResource>,
}

#[derive(Deserialize)]
#[serde(rename_all = "camelCase")]
struct AggregatedResource {
    resource: String,
    response_kind: Option<ResponseKind>,
    #[serde(default)]
    scope: String,
    #[serde(default)]
    verbs: Vec<String>,
}

#[derive(Deserialize, Default)]
#[serde(default)]
struct ResponseKind {
    kind: String,
}

#[derive(Deserialize)]
#[serde(rename_all = "camelCase")]
struct Group {
    name: String,
    #[serde(default)]
    versions: Vec<GroupVersion>,
    preferred_version: Option<GroupVersion>,
}

#[derive(Deserialize, PartialEq)]
struct GroupVersion {
    version: String,
}

impl Group {
    /// The preferred one first.
    fn versions(self) -> Vec<(String, String)> {
        let Self { name, versions, preferred_version } = self;
        let others = versions.into_iter().filter(|version| Some(version) != preferred_version.as_ref());
        let others: Vec<_> = others.collect();
        preferred_version.into_iter().chain(others).map(|v| (name.clone(), v.version)).collect()
    }
}

#[derive(Deserialize)]
struct ResourceList {
    #[serde(default)]
    resources: Vec<ListedResource>,
}

#[derive(Deserialize)]
struct ListedResource {
    name: String,
    #[serde(default)]
    namespaced: bool,
    kind: String,
    #[serde(default)]
    verbs: Vec<String>,
}

impl ListedResource {
    fn into_resource(self, group: &str, version: &str) -> Option<Resource> {
        let Self { name, namespaced, kind, verbs } = self;
        (can_be_watched(&verbs) && !name.contains('/')).then(|| Resource {
            group: group.to_owned(),
            version: version.to_owned(),
            kind,
            plural: name,
            namespaced,
        })
    }
}
