use crate::{Access, Credentials, LiveCluster};
use aws_config::SdkConfig;
use jiff::SignedDuration;
use prodrome_cluster::{ConnectError, Endpoint, KubeCluster, Tokens};
use prodrome_lambda::{EksTokens, Parameters, now};

/// EKS takes a token for 15 minutes.
const EKS_TOKEN_AGE_MAX: SignedDuration = SignedDuration::from_mins(10);
/// Who puts a new token into the parameter store wants it to be used.
const PARAMETER_AGE_MAX: SignedDuration = SignedDuration::from_mins(5);

/// Why the cluster cannot be reached at all.
#[derive(Debug, thiserror::Error)]
pub enum AccessError {
    /// There is no way to it.
    #[error(transparent)]
    Connect(#[from] ConnectError),
    /// Its token cannot be had.
    #[error("there is no token for the Kubernetes API: {0}")]
    Token(String),
}

impl Access {
    /// Makes the way to the cluster.
    ///
    /// # Errors
    /// Where what is configured cannot be used.
    pub async fn connect(&self, aws: &SdkConfig) -> Result<LiveCluster, AccessError> {
        let cluster = match self {
            Self::None => return Ok(LiveCluster::Unreachable),
            Self::Kubeconfig { path, context } => {
                KubeCluster::from_kubeconfig(Some(path), context.as_deref()).await?
            }
            Self::Endpoint { url, ca, credentials } => {
                let tokens = credentials.tokens(aws)?;
                if let Some(tokens) = &tokens {
                    // What is wrong with them is better known now.
                    tokens.token(None).await.map_err(AccessError::Token)?;
                }
                KubeCluster::from_endpoint(Endpoint { url: url.clone(), ca: ca.clone(), tokens })?
            }
        };
        Ok(LiveCluster::Kube(Box::new(cluster)))
    }
}

impl Credentials {
    fn tokens(&self, aws: &SdkConfig) -> Result<Option<Tokens>, AccessError> {
        let unusable = |error: &dyn std::fmt::Display| AccessError::Token(error.to_string());
        Ok(match self {
            Self::None => None,
            Self::Eks(name) => {
                let eks = EksTokens::new(aws, name).map_err(|error| unusable(&error))?;
                Some(Tokens::new(EKS_TOKEN_AGE_MAX, now, move || {
                    let eks = eks.clone();
                    Box::pin(async move { eks.token().await.map_err(|error| error.to_string()) })
                }))
            }
            Self::Parameter(name) => {
                let parameters = Parameters::new(aws).map_err(|error| unusable(&error))?;
                let name = name.clone();
                Some(Tokens::new(PARAMETER_AGE_MAX, now, move || {
                    let (parameters, name) = (parameters.clone(), name.clone());
                    Box::pin(async move { parameters.get(&name).await.map_err(|error| error.to_string()) })
                }))
            }
        })
    }
}
