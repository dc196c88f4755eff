use crate::ClusterError;
use crate::request::{Answer, Api};
use prodrome_model::{GroupKind, Resource};
use prodrome_recording::builtin_of_kind;
use serde::Deserialize;
use std::collections::BTreeMap;
use std::sync::{Arc, PoisonError, RwLock};
use std::time::Duration;
use tokio::sync::Mutex;
use tokio::time::Instant;

/// What the cluster serves, asked for group by group when it is needed, and kept.
///
/// What is not found is asked for again at most every 30 s: a definition may come at any time, and a rule about
/// one that never comes must not cost a request a look.
#[derive(Clone)]
pub(crate) struct Discovery {
    api: Api,
    known: Arc<RwLock<Known>>,
    /// One question at a time: those who wait for the same answer find it here.
    asking: Arc<Mutex<()>>,
}

#[derive(Default)]
struct Known {
    groups: BTreeMap<String, Vec<Resource>>,
    /// Kinds that were not found, and when.
    missed: BTreeMap<GroupKind, Instant>,
}

const MISS_KEPT: Duration = Duration::from_secs(30);
const MISSES_MAX: usize = 1_000;

impl Discovery {
    pub(crate) fn new(api: Api) -> Self {
        Self { api, known: Arc::default(), asking: Arc::default() }
    }

    /// How a kind is served.
    pub(crate) async fn resource(&self, kind: &GroupKind) -> Result<Resource, ClusterError> {
        if let Some(known) = self.known(kind) {
            return known;
        }
        let _asking = self.asking.lock().await;
        if let Some(known) = self.known(kind) {
            return known;
        }
        let found = self.ask(kind).await?;
        if found.is_none() {
            self.write(|known| {
                if known.missed.len() >= MISSES_MAX {
                    known.missed.clear();
                }
                known.missed.insert(kind.clone(), Instant::now());
            });
        }
        found.ok_or_else(|| ClusterError::UnknownKind { kind: kind.to_string() })
    }

    /// Every kind, each once: that of the core group and the preferred versions first. An extension that does
    /// not answer is left out.
    pub(crate) async fn all(&self) -> Result<Vec<Resource>, ClusterError> {
        let _asking = self.asking.lock().await;
        let mut all = self.resources("", "v1").await?;
        for group in self.groups().await? {
            let name = group.name.clone();
            let mut of_group: Vec<Resource> = Vec::new();
            for version in group.versions() {
                match self.resources(&name, &version).await {
                    Ok(resources) => {
                        let is_new = |r: &Resource| !of_group.iter().any(|known| known.kind == r.kind);
                        let new: Vec<Resource> = resources.into_iter().filter(is_new).collect();
                        of_group.extend(new);
                    }
                    Err(error @ ClusterError::Unavailable { .. }) => {
                        tracing::warn!(%error, group = name, version, "a group of kinds cannot be asked for");
                    }
                    Err(error) => return Err(error),
                }
            }
            all.extend(of_group);
        }
        Ok(all)
    }

    /// What was thought to be served is not (any more).
    pub(crate) fn forget(&self, resource: &Resource) {
        self.write(|known| _ = known.groups.remove(&resource.group));
    }

    fn known(&self, kind: &GroupKind) -> Option<Result<Resource, ClusterError>> {
        let known = self.known.read().unwrap_or_else(PoisonError::into_inner);
        if let Some(resource) = known.find(kind) {
            return Some(Ok(resource.clone()));
        }
        let missed = known.missed.get(kind)?;
        let is_fresh = missed.elapsed() < MISS_KEPT;
        is_fresh.then(|| Err(ClusterError::UnknownKind { kind: kind.to_string() }))
    }

    fn write(&self, change: impl FnOnce(&mut Known)) {
        change(&mut self.known.write().unwrap_or_else(PoisonError::into_inner));
    }

    async fn ask(&self, kind: &GroupKind) -> Result<Option<Resource>, ClusterError> {
        if !kind.group.is_empty() {
            return self.ask_group(&kind.group, kind).await;
        }
        if let Some(found) = self.ask_group("", kind).await? {
            return Ok(Some(found));
        }
        // The group that has it everywhere, before all others.
        let usual = builtin_of_kind(kind).map(|builtin| builtin.group);
        if let Some(group) = &usual
            && let Some(found) = self.ask_group(group, kind).await?
        {
            return Ok(Some(found));
        }
        let mut failed = None;
        for group in self.groups().await?.iter().filter(|group| Some(&group.name) != usual.as_ref()) {
            match self.ask_group(&group.name, kind).await {
                Ok(Some(found)) => return Ok(Some(found)),
                Ok(None) => {}
                // The API of one broken extension must not hide the others; but what is not found then may
                // well be there.
                Err(error) => failed = Some(error),
            }
        }
        failed.map_or(Ok(None), Err)
    }

    /// Asks for the resources of a group, keeps them, and looks for a kind among them. The preferred version
    /// of the group comes first.
    async fn ask_group(&self, group: &str, kind: &GroupKind) -> Result<Option<Resource>, ClusterError> {
        let versions = if group.is_empty() {
            vec!["v1".to_owned()]
        } else {
            match self.read::<Group>(&format!("/apis/{group}")).await? {
                Some(group) => group.versions(),
                None => Vec::new(),
            }
        };
        let mut resources: Vec<Resource> = Vec::new();
        for version in versions {
            for resource in self.resources(group, &version).await? {
                if !resources.iter().any(|known| known.kind == resource.kind) {
                    resources.push(resource);
                }
            }
            if resources.iter().any(|resource| resource.kind == kind.kind) {
                break;
            }
        }
        let found = resources.iter().find(|resource| resource.kind == kind.kind).cloned();
        self.write(|known| _ = known.groups.insert(group.to_owned(), resources));
        Ok(found)
    }

    async fn groups(&self) -> Result<Vec<Group>, ClusterError> {
        Ok(self.read::<Groups>("/apis").await?.unwrap_or_default().groups)
    }

    async fn resources(&self, group: &str, version: &str) -> Result<Vec<Resource>, ClusterError> {
        let path =
            if group.is_empty() { format!("/api/{version}") } else { format!("/apis/{group}/{version}") };
        let rows = self.read::<Rows>(&path).await?.unwrap_or_default().resources;
        let rows =
            rows.into_iter().filter(|row| !row.name.contains('/') && row.can("get") && row.can("list"));
        let resource = |row: Row| Resource {
            group: group.to_owned(),
            version: version.to_owned(),
            kind: row.kind,
            plural: row.name,
            namespaced: row.namespaced,
        };
        Ok(rows.map(resource).collect())
    }

    async fn read<T: for<'a> Deserialize<'a>>(&self, path: &str) -> Result<Option<T>, ClusterError> {
        match self.api.get("get", || format!("the kinds served at {path}"), path, &[]).await? {
            Answer::Found(text) => Api::parse(&text).map(Some),
            Answer::NoObject | Answer::NoResource | Answer::Expired { .. } => Ok(None),
        }
    }
}

impl Known {
    fn find(&self, kind: &GroupKind) -> Option<&Resource> {
        let of_group = |group: &str| self.groups.get(group)?.iter().find(|r| r.kind == kind.kind);
        if let Some(found) = of_group(&kind.group) {
            return Some(found);
        }
        // Another group may only answer once the core group is known to lack the kind.
        if !kind.group.is_empty() || !self.groups.contains_key("") {
            return None;
        }
        let usual = builtin_of_kind(kind).map(|builtin| builtin.group);
        match usual {
            Some(group) => of_group(&group),
            None => self.groups.keys().find_map(|group| of_group(group)),
        }
    }
}

#[derive(Deserialize, Default)]
struct Groups {
    #[serde(default)]
    groups: Vec<Group>,
}

#[derive(Deserialize)]
#[serde(rename_all = "camelCase")]
struct Group {
    name: String,
    #[serde(default)]
    versions: Vec<Version>,
    #[serde(default)]
    preferred_version: Option<Version>,
}

impl Group {
    /// The preferred version first, then the others in the server's order.
    fn versions(self) -> Vec<String> {
        let preferred = self.preferred_version.map(|v| v.version);
        let others = self.versions.into_iter().map(|v| v.version).filter(|v| Some(v) != preferred.as_ref());
        let others: Vec<String> = others.collect();
        preferred.into_iter().chain(others).collect()
    }
}

#[derive(Deserialize)]
struct Version {
    version: String,
}

#[derive(Deserialize, Default)]
struct Rows {
    #[serde(default)]
    resources: Vec<Row>,
}

#[derive(Deserialize)]
struct Row {
    name: String,
    kind: String,
    #[serde(default)]
    namespaced: bool,
    #[serde(default)]
    verbs: Vec<String>,
}

impl Row {
    fn can(&self, verb: &str) -> bool {
        self.verbs.iter().any(|v| v == verb)
    }
}
