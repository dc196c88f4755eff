use aws_config::SdkConfig;
use prodrome_cluster::{Cluster, ClusterError, Endpoint, KubeCluster, ListPage};
use prodrome_lambda::{Parameters, Settings};
use prodrome_model::{EventBrief, GroupKind, LabelSelector, ObjectKey, Resource};
use std::path::PathBuf;

use crate::any_cluster::AnyCluster;

/// How a deployed plugin reaches the live cluster.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Access {
    /// Not at all: everything in it counts as not looked at.
    None,
    /// By a kubeconfig: `CLUSTER_KUBECONFIG`, and `CLUSTER_CONTEXT` where it is not the current one.
    Kubeconfig {
        /// The file.
        path: PathBuf,
        /// The context.
        context: Option<String>,
    },
    /// By its address: `CLUSTER_ENDPOINT`, `CLUSTER_CA` (PEM in base64; public roots unless set) and
    /// `CLUSTER_TOKEN_PARAMETER` (the SSM parameter with the bearer token; none unless set).
    Endpoint {
        /// The URL of the API server.
        url: String,
        /// Its certificate authority: PEM in base64.
        ca: Option<String>,
        /// The name of the SSM parameter that holds the token.
        token_parameter: Option<String>,
    },
}

/// Why the cluster cannot be reached at all.
#[derive(Debug, thiserror::Error)]
pub enum AccessError {
    /// There is no way to it.
    #[error(transparent)]
    Connect(#[from] prodrome_cluster::ConnectError),
    /// Its token cannot be read.
    #[error(transparent)]
    Token(#[from] prodrome_lambda::ParameterError),
    /// There is no way to the parameter store.
    #[error("the parameter store cannot be asked: {0}")]
    Store(String),
}

impl Access {
    /// From a function's settings.
    pub fn from_settings(settings: &Settings<'_>) -> Self {
        match (settings.optional("CLUSTER_KUBECONFIG"), settings.optional("CLUSTER_ENDPOINT")) {
            (Some(path), _) => {
                Self::Kubeconfig { path: path.into(), context: settings.optional("CLUSTER_CONTEXT") }
            }
            (None, Some(url)) => Self::Endpoint {
                url,
                ca: settings.optional("CLUSTER_CA"),
                token_parameter: settings.optional("CLUSTER_TOKEN_PARAMETER"),
            },
            (None, None) => Self::None,
        }
    }

    /// Makes the way to the cluster.
    ///
    /// # Errors
    /// Where what is configured cannot be used.
    pub async fn connect(&self, aws: &SdkConfig) -> Result<AnyCluster, AccessError> {
        Ok(match self {
            Self::None => AnyCluster::new(NoCluster),
            Self::Kubeconfig { path, context } => {
                AnyCluster::new(KubeCluster::from_kubeconfig(Some(path), context.as_deref()).await?)
            }
            Self::Endpoint { url, ca, token_parameter } => {
                let token = match token_parameter {
                    Some(name) => {
                        let store =
                            Parameters::new(aws).map_err(|error| AccessError::Store(error.to_string()))?;
                        Some(store.get(name).await?)
                    }
                    None => None,
                };
                let endpoint = Endpoint { url: url.clone(), ca: ca.clone(), token };
                AnyCluster::new(KubeCluster::from_endpoint(endpoint)?)
            }
        })
    }
}

/// Where no cluster is configured.
struct NoCluster;

impl NoCluster {
    fn none<T>() -> Result<T, ClusterError> {
        Err(ClusterError::Unavailable { reason: "no cluster is configured to be read".to_owned() })
    }
}

impl Cluster for NoCluster {
    async fn resource(&self, _: &GroupKind) -> Result<Resource, ClusterError> {
        Self::none()
    }

    async fn resources(&self) -> Result<Vec<Resource>, ClusterError> {
        Self::none()
    }

    async fn get(&self, _: &ObjectKey) -> Result<Option<Vec<u8>>, ClusterError> {
        Self::none()
    }

    async fn list(
        &self,
        _: &GroupKind,
        _: Option<&str>,
        _: Option<&LabelSelector>,
        _: Option<&str>,
    ) -> Result<ListPage, ClusterError> {
        Self::none()
    }

    async fn events(&self, _: &ObjectKey, _: &str) -> Result<Vec<EventBrief>, ClusterError> {
        Self::none()
    }
}
