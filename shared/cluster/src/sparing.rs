use crate::{Cluster, ClusterError, ListPage};
use prodrome_model::{EventBrief, GroupKind, LabelSelector, ObjectKey, Resource};
use std::collections::BTreeMap;
use std::future::Future;
use std::sync::{Mutex, PoisonError};
use std::time::Duration;
use tokio::time::Instant;

/// After so long without an answer a server is taken to be silent, rather than to say no.
const SILENT_AFTER: Duration = Duration::from_secs(5);
/// So long it is not asked then.
const SPARED_FOR: Duration = Duration::from_secs(30);

/// A cluster that, once it was silent, is not asked for half a minute: each question fails at once meanwhile.
///
/// A server that is silent takes as long for each question as the question may take, and whoever has many to ask in a
/// bounded time gets nothing else done. API groups are spared each by itself: many are served by others than the API
/// server, which break down by themselves.
#[derive(Debug)]
pub struct Sparing<C> {
    cluster: C,
    spared: Mutex<BTreeMap<String, Instant>>,
}

impl<C: Cluster> Sparing<C> {
    /// This cluster, spared.
    pub fn new(cluster: C) -> Self {
        Self { cluster, spared: Mutex::default() }
    }

    /// Asks, unless the group is spared.
    async fn ask<T>(
        &self,
        group: &str,
        question: impl Future<Output = Result<T, ClusterError>>,
    ) -> Result<T, ClusterError> {
        let begun = Instant::now();
        if self.lock().get(group).is_some_and(|until| begun < *until) {
            let reason =
                format!("it gave no answer a moment ago, and is not asked for {} s", SPARED_FOR.as_secs());
            return Err(ClusterError::Unavailable { reason });
        }
        let answer = question.await;
        if matches!(answer, Err(ClusterError::Unavailable { .. })) && begun.elapsed() >= SILENT_AFTER {
            self.lock().insert(group.to_owned(), Instant::now() + SPARED_FOR);
        }
        answer
    }

    fn lock(&self) -> std::sync::MutexGuard<'_, BTreeMap<String, Instant>> {
        // Each change is one insertion, so a panic elsewhere leaves the map whole.
        self.spared.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl<C: Cluster> Cluster for Sparing<C> {
    async fn resource(&self, kind: &GroupKind) -> Result<Resource, ClusterError> {
        self.ask(&kind.group, self.cluster.resource(kind)).await
    }

    async fn resources(&self) -> Result<Vec<Resource>, ClusterError> {
        self.ask("", self.cluster.resources()).await
    }

    async fn get(&self, key: &ObjectKey) -> Result<Option<Vec<u8>>, ClusterError> {
        self.ask(&key.kind.group, self.cluster.get(key)).await
    }

    async fn list(
        &self,
        kind: &GroupKind,
        namespace: Option<&str>,
        selector: Option<&LabelSelector>,
        after: Option<&str>,
    ) -> Result<ListPage, ClusterError> {
        self.ask(&kind.group, self.cluster.list(kind, namespace, selector, after)).await
    }

    async fn events(&self, object: &ObjectKey, uid: &str) -> Result<Vec<EventBrief>, ClusterError> {
        self.ask("", self.cluster.events(object, uid)).await
    }

    async fn logs(
        &self,
        pod: &ObjectKey,
        container: &str,
        previous: bool,
    ) -> Result<Option<String>, ClusterError> {
        // Silent is the node here, of which others know nothing.
        self.cluster.logs(pod, container, previous).await
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::ObjectsCluster;
    use std::sync::atomic::{AtomicU32, Ordering};

    /// One that takes its time, and then says that it cannot, of all groups but one.
    struct Slow {
        takes: Duration,
        asked: AtomicU32,
        objects: ObjectsCluster,
    }

    impl Cluster for Slow {
        async fn resource(&self, kind: &GroupKind) -> Result<Resource, ClusterError> {
            self.objects.resource(kind).await
        }

        async fn resources(&self) -> Result<Vec<Resource>, ClusterError> {
            self.objects.resources().await
        }

        async fn get(&self, key: &ObjectKey) -> Result<Option<Vec<u8>>, ClusterError> {
            self.asked.fetch_add(1, Ordering::Relaxed);
            if key.kind.group == "apps" {
                return Ok(None);
            }
            tokio::time::sleep(self.takes).await;
            Err(ClusterError::Unavailable { reason: "no answer".to_owned() })
        }

        async fn list(
            &self,
            kind: &GroupKind,
            namespace: Option<&str>,
            selector: Option<&LabelSelector>,
            after: Option<&str>,
        ) -> Result<ListPage, ClusterError> {
            self.objects.list(kind, namespace, selector, after).await
        }

        async fn events(&self, object: &ObjectKey, uid: &str) -> Result<Vec<EventBrief>, ClusterError> {
            self.objects.events(object, uid).await
        }
    }

    fn slow(seconds: u64) -> Sparing<Slow> {
        let (takes, asked) = (Duration::from_secs(seconds), AtomicU32::new(0));
        Sparing::new(Slow { takes, asked, objects: ObjectsCluster::new() })
    }

    fn pod() -> ObjectKey {
        ObjectKey::new(GroupKind::core("Pod"), Some("shop"), "web-0")
    }

    #[tokio::test(start_paused = true)]
    async fn one_that_is_silent_costs_its_time_once_in_a_while_and_not_with_each_question() {
        let (cluster, begun) = (slow(10), Instant::now());
        for _ in 0..20 {
            assert!(cluster.get(&pod()).await.unwrap_err().is_retryable());
        }
        assert_eq!(begun.elapsed().as_secs(), 10);
        assert_eq!(cluster.cluster.asked.load(Ordering::Relaxed), 1);
        // Events are of the same group; others are asked.
        assert!(cluster.events(&pod(), "").await.is_err());
        let deployment = ObjectKey::new(GroupKind::new("apps", "Deployment"), Some("shop"), "web");
        assert_eq!(cluster.get(&deployment).await.unwrap(), None);
        tokio::time::advance(SPARED_FOR).await;
        assert!(cluster.get(&pod()).await.is_err());
        assert_eq!(begun.elapsed().as_secs(), 50);
    }

    #[tokio::test(start_paused = true)]
    async fn one_that_says_no_at_once_is_asked_again() {
        let cluster = slow(1);
        for _ in 0..3 {
            assert!(cluster.get(&pod()).await.is_err());
        }
        assert_eq!(cluster.cluster.asked.load(Ordering::Relaxed), 3);
    }
}
