use crate::live_clusters::Reached;
use crate::{Credentials, Way, listed};
use aws_config::SdkConfig;
use jiff::SignedDuration;
use prodrome_cluster::{ConnectError, Endpoint, KubeCluster, Sparing, Tokens};
use prodrome_lambda::{EksTokens, Parameters, now};
use std::sync::Arc;

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
    /// The parameter store cannot be asked.
    #[error("the parameter store cannot be asked: {0}")]
    Parameters(String),
    /// Its token cannot be had.
    #[error("there is no token for the Kubernetes API: {0}")]
    Token(String),
}

impl Way {
    /// Goes it; with a token that was given out just now, where there is one.
    pub(crate) async fn connect(
        &self,
        aws: &SdkConfig,
        token: Option<String>,
    ) -> Result<Reached, AccessError> {
        let cluster = match self {
            Self::Kubeconfig { path, context } => {
                KubeCluster::from_kubeconfig(Some(path), context.as_deref()).await?
            }
            Self::Endpoint { url, ca, credentials } => {
                let tokens = credentials.tokens(aws)?.map(|tokens| match token {
                    Some(token) => tokens.beginning_with(token),
                    None => tokens,
                });
                if let Some(tokens) = &tokens {
                    // What is wrong with them is better known now.
                    tokens.token(None).await.map_err(AccessError::Token)?;
                }
                KubeCluster::from_endpoint(Endpoint { url: url.clone(), ca: ca.clone(), tokens })?
            }
        };
        Ok(Arc::new(Sparing::new(cluster)))
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
            Self::Parameter(name) => Some(kept_in(aws, name, Ok)?),
            Self::Listed(name) => Some(kept_in(aws, name, |text| listed::token(&text))?),
        })
    }
}

/// Tokens that a parameter holds.
fn kept_in(
    aws: &SdkConfig,
    name: &str,
    token_of: fn(String) -> Result<String, String>,
) -> Result<Tokens, AccessError> {
    let parameters = Parameters::new(aws).map_err(|error| AccessError::Token(error.to_string()))?;
    let name = name.to_owned();
    Ok(Tokens::new(PARAMETER_AGE_MAX, now, move || {
        let (parameters, name) = (parameters.clone(), name.clone());
        Box::pin(async move { token_of(parameters.get(&name).await.map_err(|error| error.to_string())?) })
    }))
}
