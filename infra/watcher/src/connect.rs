use crate::api::ApiError;
use crate::chain::chain;
use crate::kube_api::KubeApi;
use kube::{Client, Config};
use prodrome_cluster::connect;
use std::path::{Path, PathBuf};
use std::time::Duration;
use tokio::time::timeout;

/// Why there is no connection to a cluster. Each says what to do.
#[derive(Debug, thiserror::Error)]
pub enum ConnectError {
    /// The kubeconfig is missing, is no kubeconfig, or lacks the context, or its credentials cannot be used at all.
    #[error(transparent)]
    Kubeconfig(#[from] connect::ConnectError),
    /// Neither a kubeconfig is named nor does this run in a pod.
    #[error("no cluster: set KUBECONFIG, or run in a pod with a service account ({reason})")]
    NotInCluster {
        /// What is missing.
        reason: String,
    },
    /// The API server does not accept them.
    #[error("the API server at {server} does not accept the credentials ({reason}): has the token expired?")]
    Unauthorized {
        /// Its URL.
        server: String,
        /// What it said.
        reason: String,
    },
    /// There is no answer.
    #[error("the API server at {server} cannot be reached: {reason}")]
    Unreachable {
        /// Its URL.
        server: String,
        /// What happened.
        reason: String,
    },
}

const CONNECT_WAIT: Duration = Duration::from_secs(10);
const ANSWER_WAIT: Duration = Duration::from_secs(15);

/// A connection to a cluster, not yet tried.
pub struct Connection {
    /// What speaks to it. It tries nothing again by itself: the watcher decides when.
    pub client: Client,
    /// The URL of the API server.
    pub server: String,
    /// The namespace of the pod, or of the context.
    pub namespace: String,
}

/// Prepares a connection: by a kubeconfig where one is named (or several, as in `$KUBECONFIG`), else as a pod does.
pub async fn connect(kubeconfig: Option<&Path>, context: Option<&str>) -> Result<Connection, ConnectError> {
    let mut config = match kubeconfig {
        Some(named) => {
            let paths: Vec<PathBuf> = std::env::split_paths(named.as_os_str())
                .filter(|path| !path.as_os_str().is_empty())
                .collect();
            connect::choose_of(&paths, context).await?.config
        }
        None => Config::incluster().map_err(|error| ConnectError::NotInCluster { reason: chain(&error) })?,
    };
    config.default_retry = false;
    // So that whoever looks through an audit log, or writes a flow schema, knows who asks.
    let agent = concat!("prodrome-watcher/", env!("CARGO_PKG_VERSION"));
    config.headers.retain(|(name, _)| name != http::header::USER_AGENT);
    config.headers.push((http::header::USER_AGENT, http::HeaderValue::from_static(agent)));
    config.connect_timeout = Some(CONNECT_WAIT);
    let (server, namespace) = (config.cluster_url.to_string(), config.default_namespace.clone());
    let client = connect::client(config)?;
    Ok(Connection { client, server, namespace })
}

impl Connection {
    /// Asks the API server for its version, to learn whether it is there and takes the credentials.
    pub async fn check(&self) -> Result<ServerVersion, ConnectError> {
        let api = KubeApi::new(self.client.clone());
        let answer = timeout(ANSWER_WAIT, api.get("/version", "application/json", None)).await;
        let server = self.server.clone();
        match answer.unwrap_or(Err(ApiError::Silent(ANSWER_WAIT))) {
            // Whoever may not read the version may still be allowed to watch.
            Err(ApiError::Forbidden(_)) => Ok(ServerVersion::default()),
            Ok(answer) => {
                Ok(answer.map_or_else(ServerVersion::default, |answer| ServerVersion::parse(&answer.body)))
            }
            Err(ApiError::Unauthorized(reason)) => Err(ConnectError::Unauthorized { server, reason }),
            Err(error) => Err(ConnectError::Unreachable { server, reason: chain(&error) }),
        }
    }
}

/// Which version an API server is of, as far as it says so.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub struct ServerVersion(Option<(u32, u32)>);

impl ServerVersion {
    /// From what `/version` answers. Some vendors write a sign behind the number (`24+`).
    fn parse(json: &[u8]) -> Self {
        #[derive(serde::Deserialize)]
        struct Said {
            major: String,
            minor: String,
        }
        let number = |text: &str| text.trim_end_matches(|c: char| !c.is_ascii_digit()).parse().ok();
        let said: Option<Said> = serde_json::from_slice(json).ok();
        Self(said.and_then(|said| Some((number(&said.major)?, number(&said.minor)?))))
    }

    /// Whether it may know how to stream lists. Before 1.27 it takes the question for that of a plain watch, and the
    /// list never ends; from then on it says so where it cannot.
    pub fn may_stream_lists(self) -> bool {
        self.0.is_none_or(|version| version >= (1, 27))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn lists_are_streamed_by_servers_that_may_know_how() {
        for (said, want) in [
            (r#"{"major":"1","minor":"26"}"#, false),
            (r#"{"major":"1","minor":"24+","gitVersion":"v1.24.17-eks-1"}"#, false),
            (r#"{"major":"1","minor":"27"}"#, true),
            (r#"{"major":"1","minor":"36+"}"#, true),
            (r#"{"major":"2","minor":"0"}"#, true),
            ("{}", true),
            ("nonsense", true),
        ] {
            assert_eq!(ServerVersion::parse(said.as_bytes()).may_stream_lists(), want, "{said}");
        }
    }
}
