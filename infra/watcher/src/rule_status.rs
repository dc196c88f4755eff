//! Says in the status of each `DiagnosisRule` whether it compiles, and why not. By polling: there are few of them, they
//! seldom change, and how many a namespace has takes all of them to know.

use crate::api::ApiError;
use crate::clock::Clock;
use crate::kube_api::{KubeApi, percent_encode};
use jiff::Timestamp;
use kube::Client;
use prodrome_model::Scope;
use prodrome_rulebook::tenants::{GROUP, TenantRule, judge};
use serde::Deserialize;
use serde_json::{Value, json};
use std::time::Duration;

/// How often they are looked at.
const EVERY: Duration = Duration::from_secs(10);
/// How often where there are none to be had, or they must not be read.
const SELDOM: Duration = Duration::from_mins(1);
/// Objects of a page, and pages.
const PAGE_OBJECTS: u32 = 250;
const PAGES_MAX: usize = 40;
/// Statuses that are written at one look: what somebody floods waits its turn.
const WRITES_MAX: usize = 50;
const JSON: &str = "application/json";

/// Looks at all objects of a cluster, or of some namespaces.
pub struct RuleStatuses {
    api: KubeApi,
    scope: Scope,
    namespaces: Vec<String>,
}

#[derive(Deserialize)]
struct List {
    metadata: ListMetadata,
    #[serde(default)]
    items: Vec<Value>,
}

#[derive(Deserialize)]
struct ListMetadata {
    #[serde(default, rename = "continue")]
    next: String,
}

impl RuleStatuses {
    /// Of these namespaces of a cluster; of all where there are none.
    pub fn new(client: Client, scope: Scope, namespaces: Vec<String>) -> Self {
        Self { api: KubeApi::new(client), scope, namespaces }
    }

    /// Runs until it is dropped.
    pub async fn run(self, clock: Clock) {
        let mut told = String::new();
        loop {
            let error = match self.look(clock.now()).await {
                Ok(_) => String::new(),
                Err(error) => error.to_string(),
            };
            if !error.is_empty() && error != told {
                tracing::warn!(error, "the statuses of rules are not written");
            }
            let wait = if error.is_empty() { EVERY } else { SELDOM };
            told = error;
            tokio::time::sleep(wait).await;
        }
    }

    /// Looks once. How many statuses were written.
    pub(crate) async fn look(&self, now: Timestamp) -> Result<usize, ApiError> {
        let mut objects = Vec::new();
        for collection in self.collections() {
            self.list(&collection, &mut objects).await?;
        }
        let bytes: Vec<Vec<u8>> = objects.iter().map(|object| object.to_string().into_bytes()).collect();
        // Compiling takes a while; the watch must not wait for it.
        let scope = self.scope.clone();
        let judging = tokio::task::spawn_blocking(move || judge(&scope, bytes.iter().map(Vec::as_slice)));
        let judged = judging.await.map_err(|error| ApiError::Broken(error.to_string()))?;
        let mut written = 0;
        for rule in judged.iter().filter(|rule| !is_said(rule)).take(WRITES_MAX) {
            let path = format!("{}/{}/status", collection(Some(&rule.namespace)), rule.name);
            let status = json!({ "status": status(rule, now) });
            let patch = status.to_string().into_bytes();
            match self.api.patch(&path, "application/merge-patch+json", patch).await {
                Ok(_) => written += 1,
                Err(ApiError::NotServed) => {} // it is gone
                Err(error) => return Err(error),
            }
        }
        Ok(written)
    }

    fn collections(&self) -> Vec<String> {
        if self.namespaces.is_empty() {
            return vec![collection(None)];
        }
        self.namespaces.iter().map(|namespace| collection(Some(namespace))).collect()
    }

    async fn list(&self, collection: &str, objects: &mut Vec<Value>) -> Result<(), ApiError> {
        let mut next = String::new();
        for _ in 0..PAGES_MAX {
            let path = format!("{collection}?limit={PAGE_OBJECTS}{next}");
            let Some(answer) = self.api.get(&path, JSON, None).await? else { return Ok(()) };
            let unreadable = |error: serde_json::Error| ApiError::Broken(format!("a list of rules: {error}"));
            let list: List = serde_json::from_slice(&answer.body).map_err(unreadable)?;
            objects.extend(list.items);
            if list.metadata.next.is_empty() {
                return Ok(());
            }
            "&continue=".clone_into(&mut next);
            percent_encode(&list.metadata.next, &mut next);
        }
        Err(ApiError::Broken(format!("there are more than {} rules", PAGE_OBJECTS as usize * PAGES_MAX)))
    }
}

fn collection(namespace: Option<&str>) -> String {
    match namespace {
        None => format!("/apis/{GROUP}/v1alpha1/diagnosisrules"),
        Some(namespace) => format!("/apis/{GROUP}/v1alpha1/namespaces/{namespace}/diagnosisrules"),
    }
}

/// Whether its status says what is so.
fn is_said(rule: &TenantRule) -> bool {
    let without_time = |status: &Value| {
        let mut status = status.clone();
        for condition in status["conditions"].as_array_mut().into_iter().flatten() {
            condition["lastTransitionTime"] = Value::Null;
        }
        status
    };
    without_time(&rule.status) == without_time(&status(rule, Timestamp::UNIX_EPOCH))
}

fn status(rule: &TenantRule, now: Timestamp) -> Value {
    let (holds, reason, message) = match &rule.outcome {
        Ok(compiled) => {
            let mut said = vec![format!("in alerts it is called {}", compiled.name())];
            said.extend(rule.doubts.iter().map(|doubt| format!("warning: {doubt}")));
            ("True", "Compiled", said.join("\n"))
        }
        Err(why) => ("False", "Refused", why.clone()),
    };
    // It has turned where its status was another.
    let before = rule.status["conditions"].as_array().and_then(|all| all.first());
    let since = before
        .filter(|condition| condition["status"] == holds)
        .and_then(|condition| condition["lastTransitionTime"].as_str().map(str::to_owned));
    let since = since.unwrap_or_else(|| Timestamp::from_second(now.as_second()).unwrap_or(now).to_string());
    json!({
        "observedGeneration": rule.generation,
        "conditions": [{
            "type": "Compiled", "status": holds, "reason": reason, "message": message,
            "observedGeneration": rule.generation, "lastTransitionTime": since,
        }],
    })
}
