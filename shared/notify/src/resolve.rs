use crate::{EndpointError, Secret, SecretRef};
use std::collections::BTreeMap;

/// Secrets that were fetched, by where they are kept.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Secrets(BTreeMap<SecretRef, Secret>);

/// Why a channel cannot be used as it is configured.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum ResolveError {
    /// A secret was not among those fetched.
    #[error("secret `{reference}` was not fetched")]
    NotFetched {
        /// Which.
        reference: SecretRef,
    },
    /// It lacks fields. The routing file's parser does not let that through.
    #[error("its configuration is not complete")]
    Incomplete,
    /// A secret that has to be an address is none.
    #[error("secret `{reference}` is not what it has to be")]
    NotAnEndpoint {
        /// Which.
        reference: SecretRef,
        /// What is wrong with it.
        #[source]
        source: EndpointError,
    },
    /// An address of the routing file would send a secret in clear.
    #[error("its address cannot be used")]
    Endpoint(#[from] EndpointError),
    /// A secret has to go into a header and holds what a header cannot.
    #[error("secret `{reference}` holds characters that a header cannot carry")]
    NotAHeader {
        /// Which.
        reference: SecretRef,
    },
}

impl Secrets {
    /// The secret behind a reference.
    pub fn get(&self, reference: &SecretRef) -> Result<&Secret, ResolveError> {
        self.0.get(reference).ok_or_else(|| ResolveError::NotFetched { reference: reference.clone() })
    }

    /// The secret behind a reference, which has to fit into a header.
    pub fn header(&self, reference: &SecretRef) -> Result<&Secret, ResolveError> {
        let secret = self.get(reference)?;
        let fits = secret.expose().bytes().all(|b| (0x20..0x7f).contains(&b));
        if fits { Ok(secret) } else { Err(ResolveError::NotAHeader { reference: reference.clone() }) }
    }

    /// The values, the longest first: for taking them out of a text.
    pub(crate) fn values(&self) -> Vec<&Secret> {
        let mut values: Vec<&Secret> = self.0.values().collect();
        values.sort_by_key(|secret| std::cmp::Reverse(secret.expose().len()));
        values
    }
}

impl FromIterator<(SecretRef, Secret)> for Secrets {
    fn from_iter<I: IntoIterator<Item = (SecretRef, Secret)>>(secrets: I) -> Self {
        Self(secrets.into_iter().collect())
    }
}
