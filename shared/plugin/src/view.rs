use crate::any_cluster::AnyCluster;
use crate::http::Http;
use crate::object::Object;
use crate::plugin::Plugin;
use crate::rights::Rights;
use futures::lock::Mutex as AsyncMutex;
use prodrome_cluster::{Cluster, ClusterError, ListPage};
use prodrome_model::{EventBrief, GroupKind, LabelSelector, ObjectKey, ObjectRef, Resource, Unseen};
use prodrome_recording::builtin_of_kind;
use prodrome_redact::redact_string;
use std::collections::HashMap;
use std::sync::{Arc, Mutex, PoisonError};

/// Pages of a list that are read: 2,000 objects. What is rare is among them, or there is a lot of it.
const PAGES_MAX: usize = 4;

/// A read-only cluster, which asks each question once a run and notes what it could not see.
#[derive(Clone)]
pub struct View {
    shared: Arc<Shared>,
    rights: Option<Rights>,
    unseen: Arc<Mutex<Vec<Unseen>>>,
}

struct Shared {
    cluster: AnyCluster,
    answers: Mutex<HashMap<String, Arc<AsyncMutex<Option<Answer>>>>>,
}

#[derive(Clone)]
#[expect(clippy::large_enum_variant, reason = "one a question, and few at a time")]
enum Answer {
    One(Result<Option<Object>, ClusterError>),
    Many(Result<Vec<Object>, ClusterError>),
    Events(Result<Vec<EventBrief>, ClusterError>),
    Log(Result<Option<Arc<str>>, ClusterError>),
}

impl View {
    /// Over a cluster; nothing is asked yet.
    pub fn new(cluster: AnyCluster) -> Self {
        let shared = Shared { cluster, answers: Mutex::default() };
        Self { shared: Arc::new(shared), rights: None, unseen: Arc::default() }
    }

    /// The same answers, with notes of its own: for another node of the same run.
    #[must_use]
    pub fn beside(&self) -> Self {
        Self { shared: self.shared.clone(), rights: None, unseen: Arc::default() }
    }

    /// The same answers for a plugin, as far as it declares that it reads them.
    #[must_use]
    pub(crate) fn of(&self, plugin: &Plugin) -> Self {
        Self { rights: Some(Rights::of(plugin.rights())), ..self.beside() }
    }

    async fn allowed(&self, verb: &str, kind: &GroupKind, name: Option<&str>) -> Result<(), Unseen> {
        let Some(rights) = &self.rights else { return Ok(()) };
        let resource = match builtin_of_kind(kind) {
            Some(resource) => resource,
            None => match self.shared.cluster.resource(kind).await {
                Ok(resource) => resource,
                // What is not served is found missing a moment later.
                Err(_) => return Ok(()),
            },
        };
        self.allowed_as(rights, verb, (&resource.group, &resource.plural), name)
    }

    fn allowed_as(
        &self,
        rights: &Rights,
        verb: &str,
        (group, resource): (&str, &str),
        name: Option<&str>,
    ) -> Result<(), Unseen> {
        if rights.allow(verb, group, resource, name) {
            return Ok(());
        }
        let declared = rights.names(verb, group, resource);
        let reason = if declared.is_empty() {
            let among = if group.is_empty() { String::new() } else { format!("{group}/") };
            format!("the plugin does not declare that it may {verb} {among}{resource}")
        } else {
            format!("the plugin declares that it reads {} alone", declared.join(", "))
        };
        let named = name.map(|name| format!(" {name}")).unwrap_or_default();
        Err(self.note_unseen(format!("{verb} {resource}{named}"), reason))
    }

    /// What could not be seen so far.
    pub fn unseen(&self) -> Vec<Unseen> {
        self.unseen.lock().unwrap_or_else(PoisonError::into_inner).clone()
    }

    /// One object. `kind` is `Pod`, or `apps/Deployment` where a kind alone is ambiguous. `None` where there is none
    /// of that name.
    ///
    /// # Errors
    /// Where it may not, or cannot, be read; it is noted as well.
    pub async fn get(
        &self,
        kind: &str,
        namespace: Option<&str>,
        name: &str,
    ) -> Result<Option<Object>, Unseen> {
        let key = ObjectKey::new(kind_of(kind), namespace, name);
        self.allowed("get", &key.kind, Some(name)).await?;
        let question = format!("get {}", key.path());
        let answer = self.once(&question, async {
            let kind = match self.shared.cluster.resource(&key.kind).await {
                Ok(resource) => resource.group_kind(),
                Err(ClusterError::UnknownKind { .. }) => return Answer::One(Ok(None)),
                Err(error) => return Answer::One(Err(error)),
            };
            let key = ObjectKey { kind, ..key.clone() };
            let found = match self.shared.cluster.get(&key).await {
                Err(ClusterError::UnknownKind { .. }) => Ok(None),
                other => other,
            };
            Answer::One(found.map(|bytes| bytes.and_then(|bytes| Object::parse(&key.kind, &bytes))))
        });
        match answer.await {
            Answer::One(Ok(found)) => Ok(found),
            Answer::One(Err(error)) => Err(self.note(key.to_string(), &error)),
            _ => Ok(None),
        }
    }

    /// Whether anything of a kind can be seen at all, so that one that is not found is known to be missing: a bundle
    /// or a recording may hold none.
    pub async fn is_known(&self, kind: &str, namespace: Option<&str>) -> bool {
        self.list(kind, namespace, None).await.is_ok_and(|all| !all.is_empty())
    }

    /// The object of a reference.
    ///
    /// # Errors
    /// As for [`View::get`].
    pub async fn fetch(&self, reference: &ObjectRef) -> Result<Option<Object>, Unseen> {
        let kind = reference.key().kind.to_string();
        self.get(&kind, reference.namespace.as_deref(), &reference.name).await
    }

    /// Objects of a kind, in one namespace or in all, by labels or not; the first 2,000.
    ///
    /// # Errors
    /// Where they may not, or cannot, be read; it is noted as well.
    pub async fn list(
        &self,
        kind: &str,
        namespace: Option<&str>,
        selector: Option<&LabelSelector>,
    ) -> Result<Vec<Object>, Unseen> {
        let wanted = kind_of(kind);
        self.allowed("list", &wanted, None).await?;
        let labels = selector.map(LabelSelector::to_query).unwrap_or_default();
        let question = format!("list {wanted} in {} with {labels}", namespace.unwrap_or("*"));
        let answer = self.once(&question, async {
            let kind = match self.shared.cluster.resource(&wanted).await {
                Ok(resource) => resource.group_kind(),
                Err(ClusterError::UnknownKind { .. }) => return Answer::Many(Ok(Vec::new())),
                Err(error) => return Answer::Many(Err(error)),
            };
            let mut found = Vec::new();
            let mut after: Option<String> = None;
            for _ in 0..PAGES_MAX {
                match self.shared.cluster.list(&kind, namespace, selector, after.as_deref()).await {
                    Ok(page) => {
                        found.extend(page.items.iter().filter_map(|item| Object::parse(&kind, item)));
                        after = page.next;
                    }
                    Err(ClusterError::UnknownKind { .. }) => break,
                    Err(error) => return Answer::Many(Err(error)),
                }
                if after.is_none() {
                    break;
                }
            }
            Answer::Many(Ok(found))
        });
        match answer.await {
            Answer::Many(Ok(found)) => Ok(found),
            Answer::Many(Err(error)) => {
                let within = namespace.map(|namespace| format!(" in {namespace}")).unwrap_or_default();
                Err(self.note(format!("the list of {kind}{within}"), &error))
            }
            _ => Ok(Vec::new()),
        }
    }

    /// The recent events about an object, the newest first, at most 20.
    ///
    /// # Errors
    /// Where they may not, or cannot, be read; it is noted as well.
    pub async fn events(&self, object: &Object) -> Result<Vec<EventBrief>, Unseen> {
        self.events_about(object.reference(), &object.metadata().uid).await
    }

    /// The recent events about an object that may be gone.
    ///
    /// # Errors
    /// As for [`View::events`].
    pub async fn events_about(&self, object: &ObjectRef, uid: &str) -> Result<Vec<EventBrief>, Unseen> {
        let question = format!("events {} {uid}", object.key().path());
        let answer = self
            .once(&question, async { Answer::Events(self.shared.cluster.events(&object.key(), uid).await) });
        match answer.await {
            Answer::Events(Ok(events)) => Ok(events),
            Answer::Events(Err(error)) => Err(self.note(format!("events of {object}"), &error)),
            _ => Ok(Vec::new()),
        }
    }

    /// The end of what a container wrote, in its present life or in the one before, without the secrets in it;
    /// `None` where there is no such log.
    ///
    /// # Errors
    /// Where it may not, or cannot, be read; it is noted as well.
    pub async fn logs(
        &self,
        pod: &ObjectRef,
        container: &str,
        previous: bool,
    ) -> Result<Option<Arc<str>>, Unseen> {
        if let Some(rights) = &self.rights {
            self.allowed_as(rights, "get", ("", "pods/log"), None)?;
        }
        let question = format!("log {} {container} {previous}", pod.key().path());
        let answer = self.once(&question, async {
            let log = self.shared.cluster.logs(&pod.key(), container, previous).await;
            let log = log.map(|log| log.filter(|log| !log.trim().is_empty()).map(redact_string));
            Answer::Log(log.map(|log| log.map(Arc::from)))
        });
        match answer.await {
            Answer::Log(Ok(log)) => Ok(log),
            Answer::Log(Err(error)) => Err(self.note(format!("the log of {container} of {pod}"), &error)),
            _ => Ok(None),
        }
    }

    /// Asks by HTTP outside of the cluster, within limits. What could not be asked is noted under `what`.
    ///
    /// # Errors
    /// Where nothing outside is asked: for recordings and files, and where the plugin does not declare it.
    pub fn http(&self, what: &str) -> Result<Http, Unseen> {
        let http = self.shared.cluster.outside().cloned();
        http.ok_or_else(|| self.note_unseen(what, "nothing outside of the cluster is asked here"))
    }

    /// A setting of the plugin's function.
    pub fn setting(&self, name: &str) -> Option<&str> {
        self.shared.cluster.setting(name)
    }

    /// Notes something that could not be looked at.
    pub fn note_unseen(&self, what: impl Into<String>, reason: impl Into<String>) -> Unseen {
        let unseen = Unseen { what: what.into(), reason: reason.into() };
        let mut notes = self.unseen.lock().unwrap_or_else(PoisonError::into_inner);
        if !notes.contains(&unseen) {
            notes.push(unseen.clone());
        }
        unseen
    }

    /// Answers a question from what is known, or asks it. Whoever asks the same meanwhile waits for the answer.
    async fn once(&self, question: &str, ask: impl Future<Output = Answer>) -> Answer {
        let cell = {
            let mut answers = self.shared.answers.lock().unwrap_or_else(PoisonError::into_inner);
            answers.entry(question.to_owned()).or_default().clone()
        };
        let mut known = cell.lock().await;
        if let Some(answer) = &*known {
            return answer.clone();
        }
        let answer = ask.await;
        *known = Some(answer.clone());
        answer
    }

    fn note(&self, what: String, error: &ClusterError) -> Unseen {
        self.note_unseen(what, error.to_string())
    }
}

/// `Pod`, `apps/Deployment`.
fn kind_of(kind: &str) -> GroupKind {
    match kind.rsplit_once('/') {
        Some((group, kind)) => GroupKind::new(group, kind),
        None => GroupKind::core(kind),
    }
}

/// So that what is written for any cluster (the way up to the topmost owner) works on it.
impl Cluster for View {
    async fn resource(&self, kind: &GroupKind) -> Result<Resource, ClusterError> {
        self.shared.cluster.resource(kind).await
    }

    async fn resources(&self) -> Result<Vec<Resource>, ClusterError> {
        self.shared.cluster.resources().await
    }

    async fn get(&self, key: &ObjectKey) -> Result<Option<Vec<u8>>, ClusterError> {
        self.shared.cluster.get(key).await
    }

    async fn list(
        &self,
        kind: &GroupKind,
        namespace: Option<&str>,
        selector: Option<&LabelSelector>,
        after: Option<&str>,
    ) -> Result<ListPage, ClusterError> {
        self.shared.cluster.list(kind, namespace, selector, after).await
    }

    async fn events(&self, object: &ObjectKey, uid: &str) -> Result<Vec<EventBrief>, ClusterError> {
        self.shared.cluster.events(object, uid).await
    }

    async fn logs(
        &self,
        pod: &ObjectKey,
        container: &str,
        previous: bool,
    ) -> Result<Option<String>, ClusterError> {
        let log = self.shared.cluster.logs(pod, container, previous).await;
        log.map(|log| log.map(redact_string))
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::sync::atomic::{AtomicUsize, Ordering};

    /// A cluster that counts what it is asked, and may not be read beyond Pods.
    #[derive(Clone, Default)]
    struct Counting(Arc<AtomicUsize>);

    impl Cluster for Counting {
        async fn resource(&self, kind: &GroupKind) -> Result<Resource, ClusterError> {
            Ok(Resource {
                group: kind.group.clone(),
                version: "v1".into(),
                kind: kind.kind.clone(),
                plural: "x".into(),
                namespaced: true,
            })
        }
        async fn resources(&self) -> Result<Vec<Resource>, ClusterError> {
            Ok(Vec::new())
        }
        async fn get(&self, key: &ObjectKey) -> Result<Option<Vec<u8>>, ClusterError> {
            self.0.fetch_add(1, Ordering::SeqCst);
            if key.kind.kind != "Pod" {
                return Err(ClusterError::Forbidden {
                    verb: "get",
                    what: key.to_string(),
                    reason: "no".into(),
                });
            }
            Ok(Some(br#"{"metadata":{"name":"web-0","namespace":"shop"}}"#.to_vec()))
        }
        async fn list(
            &self,
            _: &GroupKind,
            _: Option<&str>,
            _: Option<&LabelSelector>,
            _: Option<&str>,
        ) -> Result<ListPage, ClusterError> {
            Ok(ListPage::default())
        }
        async fn events(&self, _: &ObjectKey, _: &str) -> Result<Vec<EventBrief>, ClusterError> {
            Ok(Vec::new())
        }
    }

    #[tokio::test]
    async fn a_question_is_asked_once_a_run() {
        let cluster = Counting::default();
        let view = View::new(AnyCluster::new(cluster.clone()));
        let other = view.beside();
        let ask = |view: View| async move { view.get("Pod", Some("shop"), "web-0").await };
        let (one, two) = futures::join!(ask(view.clone()), ask(other));
        assert!(one.unwrap().is_some() && two.unwrap().is_some());
        assert_eq!(cluster.0.load(Ordering::SeqCst), 1);
    }

    #[tokio::test]
    async fn what_may_not_be_read_is_noted_by_whom_it_concerns() {
        let view = View::new(AnyCluster::new(Counting::default()));
        let other = view.beside();
        let unseen = view.get("Secret", Some("shop"), "pull").await.unwrap_err();
        assert_eq!(unseen.what, "Secret shop/pull");
        assert_eq!(view.unseen(), [unseen]);
        assert_eq!(other.unseen(), []);
        // Logs are not at hand here, which is no error of ours.
        let pod =
            ObjectRef { api_version: "v1".into(), kind: "Pod".into(), namespace: None, name: "a".into() };
        assert!(other.logs(&pod, "c", true).await.unwrap_err().reason.contains("log"));
    }
}
