use crate::connect::{self, ConnectError, Endpoint};
use crate::discovery::Discovery;
use crate::event::{AboutObject, newest_first};
use crate::request::{Answer, Api, object_name_is_valid};
use crate::{Cluster, ClusterError, ListPage};
use kube::Client;
use prodrome_model::{EventBrief, GroupKind, LabelSelector, ObjectHead, ObjectKey, Resource};
use serde::Deserialize;
use serde_json::value::RawValue;
use std::path::Path;

/// A cluster over its Kubernetes API. Objects pass through as bytes, and nothing but the served kinds is kept.
///
/// Clones share one client. Each request has 10 s; none is repeated by itself.
#[derive(Clone)]
pub struct KubeCluster {
    api: Api,
    discovery: Discovery,
}

/// Objects a page of a list has.
const PAGE: usize = 500;
/// The lines that are read of a log's end, and its bytes at most. The bytes count from the first of the lines: where they
/// do not reach to the end, which tells most, fewer lines are asked for.
const LOG_LINES: [usize; 3] = [400, 20, 1];
const LOG_BYTES: usize = 256 * 1024;
/// Pages of events that are read about one object.
const EVENT_PAGES_MAX: usize = 10;

impl KubeCluster {
    /// By a kubeconfig and one of its contexts; see [`connect::kubeconfig`].
    pub async fn from_kubeconfig(path: Option<&Path>, context: Option<&str>) -> Result<Self, ConnectError> {
        Ok(Self::new(connect::client(connect::kubeconfig(path, context).await?)?))
    }

    /// From within the cluster, as the pod's service account.
    pub fn in_cluster() -> Result<Self, ConnectError> {
        Ok(Self::new(connect::client(connect::in_cluster()?)?))
    }

    /// By its address.
    pub fn from_endpoint(endpoint: Endpoint) -> Result<Self, ConnectError> {
        let client = connect::client(connect::endpoint(&endpoint)?)?;
        Ok(Self::over(Api::new(client, endpoint.tokens)))
    }

    /// Over a client made elsewhere.
    pub fn new(client: Client) -> Self {
        Self::over(Api::new(client, None))
    }

    fn over(api: Api) -> Self {
        Self { discovery: Discovery::new(api.clone()), api }
    }

    async fn events_page(
        &self,
        object: &ObjectKey,
        uid: &str,
        after: Option<&str>,
    ) -> Result<(Vec<AboutObject>, Option<String>), ClusterError> {
        let mut fields = format!(
            "involvedObject.kind={},involvedObject.name={}",
            escaped(&object.kind.kind),
            escaped(&object.name)
        );
        // A kubelet writes its node's name in place of the uid, so a node is asked for by its name alone.
        if !uid.is_empty() && object.kind.kind != "Node" {
            fields = format!("{fields},involvedObject.uid={}", escaped(uid));
        }
        // Events about objects without a namespace are kept in this one.
        let namespace = object.namespace.as_deref().unwrap_or("default");
        let path = format!("/api/v1/namespaces/{namespace}/events");
        let limit = PAGE.to_string();
        let mut query = vec![("fieldSelector", &*fields), ("limit", &*limit)];
        query.extend(after.map(|token| ("continue", token)));
        let what = || format!("events of {object}");
        let text = match self.api.get("list", what, &path, &query).await? {
            Answer::Found(text) => text,
            // The snapshot is forgotten; what was read until here has to do.
            Answer::Expired { .. } | Answer::NoObject | Answer::NoResource => return Ok((Vec::new(), None)),
        };
        let list: RawList<'_> = Api::parse(&text)?;
        let events = list.items.iter().filter_map(|item| AboutObject::from_json(item.get().as_bytes()).ok());
        let events = events.filter(|event| {
            event.object.kind.group == object.kind.group && event.object.namespace == object.namespace
        });
        Ok((events.filter(|event| event.is_about_uid(uid)).collect(), list.next()))
    }
}

impl Cluster for KubeCluster {
    async fn resource(&self, kind: &GroupKind) -> Result<Resource, ClusterError> {
        self.discovery.resource(kind).await
    }

    async fn resources(&self) -> Result<Vec<Resource>, ClusterError> {
        self.discovery.all().await
    }

    async fn get(&self, key: &ObjectKey) -> Result<Option<Vec<u8>>, ClusterError> {
        let resource = self.discovery.resource(&key.kind).await?;
        let namespace = key.namespace.as_deref();
        let is_askable = object_name_is_valid(&key.name)
            && namespace.is_none_or(object_name_is_valid)
            && resource.namespaced == namespace.is_some();
        if !is_askable {
            return Ok(None);
        }
        let path = resource.object_path(namespace, &key.name);
        match self.api.get("get", || key.to_string(), &path, &[]).await? {
            Answer::Found(text) => Ok(Some(text.into_bytes())),
            Answer::NoObject => Ok(None),
            Answer::NoResource | Answer::Expired { .. } => {
                self.discovery.forget(&resource);
                Err(ClusterError::UnknownKind { kind: key.kind.to_string() })
            }
        }
    }

    async fn list(
        &self,
        kind: &GroupKind,
        namespace: Option<&str>,
        selector: Option<&LabelSelector>,
        after: Option<&str>,
    ) -> Result<ListPage, ClusterError> {
        let resource = self.discovery.resource(kind).await?;
        let namespace = namespace.filter(|_| resource.namespaced);
        if !namespace.is_none_or(object_name_is_valid) {
            return Ok(ListPage::default());
        }
        let limit = PAGE.to_string();
        let in_query = selector.filter(|selector| is_plain(selector)).map(LabelSelector::to_query);
        let path = resource.collection_path(namespace);
        let mut after = after.map(str::to_owned);
        let what = || namespace.map_or(kind.to_string(), |namespace| format!("{kind} in {namespace}"));
        let mut is_second_try = false;
        let text = loop {
            let mut query = vec![("limit", &*limit)];
            query.extend(
                in_query.as_deref().filter(|q| !q.is_empty()).map(|labels| ("labelSelector", labels)),
            );
            query.extend(after.as_deref().map(|token| ("continue", token)));
            match self.api.get("list", what, &path, &query).await? {
                Answer::Found(text) => break text,
                // The page's snapshot is forgotten; the server offers to tell the rest as it is now.
                Answer::Expired { next: Some(next) } if !is_second_try => {
                    is_second_try = true;
                    after = Some(next);
                }
                Answer::Expired { .. } => {
                    let reason = "the list was cut off by a compaction; begin it anew".to_owned();
                    return Err(ClusterError::Unavailable { reason });
                }
                Answer::NoObject | Answer::NoResource => {
                    self.discovery.forget(&resource);
                    return Err(ClusterError::UnknownKind { kind: kind.to_string() });
                }
            }
        };
        let list: RawList<'_> = Api::parse(&text)?;
        let mut items: Vec<Vec<u8>> = list.items.iter().map(|item| item.get().as_bytes().to_vec()).collect();
        if let Some(selector) = selector.filter(|_| in_query.is_none()) {
            let labels =
                |item: &Vec<u8>| serde_json::from_slice(item).map(|head: ObjectHead| head.metadata.labels);
            items.retain(|item| labels(item).is_ok_and(|labels| selector.selects(&labels)));
        }
        Ok(ListPage { items, next: list.next() })
    }

    async fn events(&self, object: &ObjectKey, uid: &str) -> Result<Vec<EventBrief>, ClusterError> {
        if !object_name_is_valid(&object.name)
            || !object.namespace.as_deref().is_none_or(object_name_is_valid)
        {
            return Ok(Vec::new());
        }
        let mut found = Vec::new();
        let mut after = None;
        for _ in 0..EVENT_PAGES_MAX {
            let (events, next) = self.events_page(object, uid, after.as_deref()).await?;
            found.extend(events.into_iter().map(|event| event.brief));
            after = next;
            if after.is_none() {
                break;
            }
        }
        Ok(newest_first(found))
    }

    async fn logs(
        &self,
        pod: &ObjectKey,
        container: &str,
        previous: bool,
    ) -> Result<Option<String>, ClusterError> {
        let namespace = pod.namespace.as_deref().unwrap_or_default();
        if ![namespace, &pod.name, container].into_iter().all(object_name_is_valid) {
            return Ok(None);
        }
        let path = format!("/api/v1/namespaces/{namespace}/pods/{}/log", pod.name);
        let what = || format!("the log of {container} of {pod}");
        let bytes_max = LOG_BYTES.to_string();
        let mut log = None;
        for lines in LOG_LINES {
            let lines = lines.to_string();
            let query = [
                ("container", container),
                ("previous", if previous { "true" } else { "false" }),
                ("tailLines", &*lines),
                ("limitBytes", &*bytes_max),
            ];
            // A server that sends more than it is asked for is not heard out.
            log = self.api.text("get", what, &path, &query, LOG_BYTES).await?;
            if log.as_ref().is_none_or(|log| log.len() < LOG_BYTES) {
                break;
            }
        }
        Ok(log)
    }
}

/// Whether a selector can stand in a query: its operators are known, and its keys and values are such as labels can
/// have. Custom resources hold others: the API server refuses those, and they must not be taken for more of the
/// query.
fn is_plain(selector: &LabelSelector) -> bool {
    selector.match_labels.iter().all(|(key, value)| is_label_key(key) && is_label_value(value))
        && selector.match_expressions.iter().all(|requirement| {
            let takes_values = match &*requirement.operator {
                "In" | "NotIn" => true,
                "Exists" | "DoesNotExist" => false,
                _ => return false,
            };
            is_label_key(&requirement.key)
                && takes_values != requirement.values.is_empty()
                && requirement.values.iter().all(|value| is_label_value(value))
        })
}

/// A name, perhaps below a DNS name: `app`, `app.kubernetes.io/name`.
fn is_label_key(key: &str) -> bool {
    let (domain, name) = key.split_once('/').map_or((None, key), |(domain, name)| (Some(domain), name));
    let is_part = |part: &str| {
        let known = |b: u8| b.is_ascii_lowercase() || b.is_ascii_digit() || b == b'-';
        !part.is_empty() && !part.starts_with('-') && !part.ends_with('-') && part.bytes().all(known)
    };
    let is_domain = |domain: &str| domain.len() <= 253 && domain.split('.').all(is_part);
    !name.is_empty() && is_label_value(name) && domain.is_none_or(is_domain)
}

fn is_label_value(value: &str) -> bool {
    let begins_and_ends_well =
        [value.bytes().next(), value.bytes().last()].iter().flatten().all(u8::is_ascii_alphanumeric);
    begins_and_ends_well
        && value.len() <= 63
        && value.bytes().all(|b| b.is_ascii_alphanumeric() || b"-_.".contains(&b))
}

/// As a value of a field selector.
fn escaped(value: &str) -> String {
    value.replace('\\', r"\\").replace(',', r"\,").replace('=', r"\=")
}

#[derive(Deserialize)]
struct RawList<'a> {
    #[serde(default)]
    metadata: ListMetadata,
    #[serde(borrow, default, deserialize_with = "null_is_empty")]
    items: Vec<&'a RawValue>,
}

impl RawList<'_> {
    fn next(&self) -> Option<String> {
        self.metadata.next.clone().filter(|token| !token.is_empty())
    }
}

#[derive(Deserialize, Default)]
struct ListMetadata {
    #[serde(rename = "continue", default)]
    next: Option<String>,
}

fn null_is_empty<'de, D: serde::Deserializer<'de>>(deserializer: D) -> Result<Vec<&'de RawValue>, D::Error> {
    Option::deserialize(deserializer).map(Option::unwrap_or_default)
}
