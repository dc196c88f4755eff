//! Ports with a moment before and after each operation in which whoever asked may die.

use jiff::Timestamp;
use prodrome_cluster::{Cluster, ClusterError, ListPage};
use prodrome_diagnose::{CallError, Plugins};
use prodrome_model::{
    EventBrief, GroupKind, LabelSelector, Notice, ObjectKey, PluginRequest, PluginResponse, Resource,
};
use prodrome_notify::{Channels, Delivery};
use prodrome_queue::{DeadLetters, Message, Queue, QueueName, SendError};
use prodrome_store::{Key, Page, Record, Store, StoreError, Write};
use std::pin::pin;
use std::sync::Arc;
use std::task::Poll;
use std::time::Duration;

/// A port that is left alone with each operation: something [passes](Passing) before it begins, and again before its
/// answer is heard. Whoever runs under [`dies_after`] can so be ended at any of these moments, the operation done or
/// not.
#[derive(Debug, Clone)]
pub struct Mortal<P, T = Turn>(pub P, pub T);

impl<P> Mortal<P> {
    /// A port around whose operations others have their turn.
    pub fn new(port: P) -> Self {
        Self(port, Turn)
    }
}

/// What passes before and after an operation.
pub trait Passing: Send + Sync {
    /// Lets it pass: pending once at least.
    fn pass(&self) -> impl Future<Output = ()> + Send;
}

/// No more than a turn of the others: pending once, then ready.
#[derive(Debug, Clone, Copy)]
pub struct Turn;

impl Passing for Turn {
    async fn pass(&self) {
        let mut yielded = false;
        std::future::poll_fn(|context| {
            if std::mem::replace(&mut yielded, true) {
                return Poll::Ready(());
            }
            context.waker().wake_by_ref();
            Poll::Pending
        })
        .await;
    }
}

impl<P, T: Passing> Mortal<P, T> {
    async fn around<R>(&self, operation: impl Future<Output = R>) -> R {
        self.1.pass().await;
        let done = operation.await;
        self.1.pass().await;
        done
    }
}

/// Runs a future, or drops it after so many polls: the process dies where it stands.
pub async fn dies_after<F: Future>(polls: Option<usize>, future: F) -> Option<F::Output> {
    let mut future = pin!(future);
    let mut left = polls;
    std::future::poll_fn(move |context| {
        if let Some(left) = &mut left {
            if *left == 0 {
                return Poll::Ready(None);
            }
            *left -= 1;
        }
        future.as_mut().poll(context).map(Some)
    })
    .await
}

impl<S: Store, T: Passing> Store for Mortal<S, T> {
    async fn get(&self, key: &Key) -> Result<Option<Record>, StoreError> {
        self.around(self.0.get(key)).await
    }

    async fn get_many(&self, keys: &[Key]) -> Result<Vec<Record>, StoreError> {
        self.around(self.0.get_many(keys)).await
    }

    async fn query(&self, partition: &str, prefix: &str, after: Option<&str>) -> Result<Page, StoreError> {
        self.around(self.0.query(partition, prefix, after)).await
    }

    async fn due(
        &self,
        bucket: &str,
        until: Timestamp,
        limit: u32,
        after: Option<&str>,
    ) -> Result<Page, StoreError> {
        self.around(self.0.due(bucket, until, limit, after)).await
    }

    async fn commit(&self, writes: Vec<Write>) -> Result<(), StoreError> {
        self.around(self.0.commit(writes)).await
    }
}

impl<Q: Queue, T: Passing> Queue for Mortal<Q, T> {
    async fn send(&self, to: QueueName, messages: Vec<Message>) -> Result<(), SendError> {
        self.around(self.0.send(to, messages)).await
    }
}

impl<Q: DeadLetters, T: Passing> DeadLetters for Mortal<Q, T> {
    async fn send_to_dead_letters(&self, of: QueueName, messages: Vec<Message>) -> Result<(), SendError> {
        self.around(self.0.send_to_dead_letters(of, messages)).await
    }
}

impl<C: Cluster, T: Passing> Cluster for Mortal<C, T> {
    async fn resource(&self, kind: &GroupKind) -> Result<Resource, ClusterError> {
        self.around(self.0.resource(kind)).await
    }

    async fn resources(&self) -> Result<Vec<Resource>, ClusterError> {
        self.around(self.0.resources()).await
    }

    async fn get(&self, key: &ObjectKey) -> Result<Option<Vec<u8>>, ClusterError> {
        self.around(self.0.get(key)).await
    }

    async fn list(
        &self,
        kind: &GroupKind,
        namespace: Option<&str>,
        selector: Option<&LabelSelector>,
        after: Option<&str>,
    ) -> Result<ListPage, ClusterError> {
        self.around(self.0.list(kind, namespace, selector, after)).await
    }

    async fn events(&self, object: &ObjectKey, uid: &str) -> Result<Vec<EventBrief>, ClusterError> {
        self.around(self.0.events(object, uid)).await
    }
}

impl<C: Channels, T: Passing> Channels for Mortal<Arc<C>, T> {
    async fn send(&self, channel: &str, notice: &Notice, receipt: Option<&str>, now: Timestamp) -> Delivery {
        self.around(self.0.send(channel, notice, receipt, now)).await
    }
}

impl<P: Plugins, T: Passing> Plugins for Mortal<P, T> {
    async fn call(
        &self,
        plugin: &str,
        request: PluginRequest,
        timeout: Duration,
    ) -> Result<PluginResponse, CallError> {
        self.around(self.0.call(plugin, request, timeout)).await
    }
}
