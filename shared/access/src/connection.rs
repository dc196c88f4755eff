//! A cluster, reached when it is first asked about.

use crate::live_clusters::{ParameterStore, Reached};
use crate::{AccessError, Way, listed};
use aws_config::SdkConfig;
use jiff::{SignedDuration, Timestamp};
use prodrome_cluster::ConnectError;
use prodrome_lambda::{ParameterError, Parameters};
use prodrome_model::{Scope, later};
use std::sync::Arc;
use std::time::Duration;
use tokio::sync::Mutex;

/// Who writes another way into the parameter store wants it to be gone.
const AGE_MAX: SignedDuration = SignedDuration::from_mins(5);
/// One that could not be had is not asked for again sooner.
const AGAIN: SignedDuration = SignedDuration::from_secs(30);
/// So long an old way is gone on while the parameter cannot be read. Who takes the right to read it away means it.
const UNREAD_MAX: SignedDuration = SignedDuration::from_hours(1);
/// Who waits for the cluster has more to do in its time.
const READ_WITHIN: Duration = Duration::from_secs(3);

/// A cluster and the way to it. Where that cannot be gone it is tried again after half a minute.
pub(crate) struct Connection {
    scope: Scope,
    source: Source,
    aws: SdkConfig,
    clock: fn() -> Timestamp,
    /// Held while the way is looked up, so that all who ask at once share the answer.
    known: Mutex<Option<Known>>,
}

/// Who tells the way.
#[expect(clippy::large_enum_variant, reason = "one a cluster")]
enum Source {
    Settings(Way),
    Parameter { name: String, parameters: Parameters, may_be_file: bool },
}

#[derive(Clone)]
struct Known {
    /// From when on it is asked for again.
    old_at: Timestamp,
    /// When it was read.
    read_at: Timestamp,
    found: Result<(Way, Reached), String>,
}

impl Connection {
    /// By the settings.
    pub(crate) fn of_settings(scope: &Scope, way: &Way, aws: &SdkConfig, clock: fn() -> Timestamp) -> Self {
        let (scope, source) = (scope.clone(), Source::Settings(way.clone()));
        Self { scope, source, aws: aws.clone(), clock, known: Mutex::default() }
    }

    /// By what a parameter tells.
    pub(crate) fn of_parameter(store: &ParameterStore, scope: &Scope) -> Self {
        let ParameterStore { path, parameters, aws, clock, may_be_file } = store;
        let name = format!("{path}/{scope}");
        let source = Source::Parameter { name, parameters: parameters.clone(), may_be_file: *may_be_file };
        Self { scope: scope.clone(), source, aws: aws.clone(), clock: *clock, known: Mutex::default() }
    }

    /// The cluster, or why there is no way to it.
    pub(crate) async fn reached(&self) -> Result<Reached, String> {
        let mut known = self.known.lock().await;
        let now = (self.clock)();
        // A clock that was set back makes nothing young.
        let is_young = |known: &&Known| now < known.old_at && known.old_at <= later(now, AGE_MAX);
        if let Some(Known { found, .. }) = known.as_ref().filter(is_young) {
            return found.as_ref().map(|(_, reached)| Arc::clone(reached)).map_err(Clone::clone);
        }
        let before = known.clone().and_then(|Known { read_at, found, .. }| Some((read_at, found.ok()?)));
        // Whoever asks may go away before there is an answer: then this is what is known for a while.
        let (read_at, found) = match before.clone() {
            Some((read_at, found)) => (read_at, Ok(found)),
            None => {
                (now, Err(format!("the way to the cluster {} could not be looked up in time", self.scope)))
            }
        };
        *known = Some(Known { old_at: later(now, AGAIN), read_at, found });
        let new = self.look_up(before, now).await;
        if let Err(reason) = &new.found {
            tracing::warn!(reason, cluster = %self.scope, "a cluster cannot be looked at");
        }
        let reached = new.found.as_ref().map(|(_, reached)| Arc::clone(reached)).map_err(Clone::clone);
        *known = Some(new);
        reached
    }

    async fn look_up(&self, before: Option<(Timestamp, (Way, Reached))>, now: Timestamp) -> Known {
        let at = |read_at, age, found| Known { old_at: later(now, age), read_at, found };
        let failed = |reason| at(now, AGAIN, Err(reason));
        let (name, parameters, may_be_file) = match &self.source {
            Source::Settings(way) => {
                return match self.go(way, before.map(|(_, gone)| gone), None).await {
                    Ok(found) => at(now, AGE_MAX, Ok(found)),
                    Err(reason) => failed(format!("the cluster {} cannot be reached: {reason}", self.scope)),
                };
            }
            Source::Parameter { name, parameters, may_be_file } => (name, parameters, *may_be_file),
        };
        let read = tokio::time::timeout(READ_WITHIN, parameters.get(name)).await;
        let read = read.unwrap_or_else(|_| {
            let reason = format!("there was no answer within {} s", READ_WITHIN.as_secs());
            Err(ParameterError::Unreadable { name: name.clone(), reason })
        });
        let text = match (read, before.clone()) {
            (Ok(text), _) => text,
            (Err(error @ ParameterError::Unreadable { .. }), Some((read_at, gone)))
                if now.duration_since(read_at).abs() < UNREAD_MAX =>
            {
                tracing::warn!(%error, cluster = %self.scope, "the way to a cluster cannot be read; the old one is gone on");
                return at(read_at, AGAIN, Ok(gone));
            }
            (Err(error), _) => {
                return failed(format!("no way to the cluster {} is known: {error}", self.scope));
            }
        };
        let gone = match listed::parse(name, &text, may_be_file) {
            Ok(way) => self.go(&way, before.map(|(_, gone)| gone), listed::token(&text).ok()).await,
            Err(reason) => Err(reason),
        };
        match gone {
            Ok(found) => at(now, AGE_MAX, Ok(found)),
            Err(reason) => {
                failed(format!("the SSM parameter {name} does not say how the cluster is reached: {reason}"))
            }
        }
    }

    /// Goes a way, if it is another than before. The error says nothing of what a parameter holds.
    async fn go(
        &self,
        way: &Way,
        before: Option<(Way, Reached)>,
        token: Option<String>,
    ) -> Result<(Way, Reached), String> {
        if let Some(same) = before.filter(|(known, _)| known == way) {
            return Ok(same);
        }
        match way.connect(&self.aws, token).await {
            Ok(reached) => Ok((way.clone(), reached)),
            Err(AccessError::Connect(ConnectError::Endpoint { reason, .. })) => {
                Err(format!("its endpoint cannot be used: {reason}"))
            }
            Err(error) => Err(error.to_string()),
        }
    }
}
