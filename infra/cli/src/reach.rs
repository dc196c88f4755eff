//! A cluster by a kubeconfig, and what to say where it does not answer.

use anyhow::{Context as _, Result, anyhow};
use kube::Client;
use prodrome_cluster::{ClusterError, KubeCluster, connect};
use std::fmt;
use std::path::Path;

/// A way to a cluster. Nothing was asked yet.
pub(crate) struct Reached {
    pub(crate) client: Client,
    /// The namespace of the context, else `default`.
    pub(crate) namespace: String,
    pub(crate) place: Place,
}

/// Which cluster it is, for those who look for what is wrong.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Place {
    /// The kubeconfig; what `KUBECONFIG` says may be several.
    kubeconfig: String,
    context: String,
    pub(crate) server: String,
}

impl Reached {
    /// By a kubeconfig and one of its contexts; by default those that kubectl would take.
    pub(crate) async fn by(kubeconfig: Option<&Path>, context: Option<&str>) -> Result<Self> {
        let chosen = connect::choose(kubeconfig, context).await?;
        let kubeconfig = kubeconfig.map(|path| path.display().to_string());
        let place = Place {
            kubeconfig: kubeconfig
                .or_else(|| prodrome_lambda::environment("KUBECONFIG"))
                .unwrap_or_else(|| "~/.kube/config".to_owned()),
            context: chosen.context,
            server: chosen.config.cluster_url.to_string(),
        };
        let namespace = chosen.config.default_namespace.clone();
        let client = connect::client(chosen.config).with_context(|| place.to_string())?;
        Ok(Self { client, namespace, place })
    }

    pub(crate) fn cluster(&self) -> KubeCluster {
        KubeCluster::new(self.client.clone())
    }
}

impl Place {
    /// An error with the place where it happened, and what to do where the cluster gave no answer.
    pub(crate) fn blame(&self, error: &anyhow::Error) -> anyhow::Error {
        let Some(cause) = error.chain().find_map(|cause| cause.downcast_ref::<ClusterError>()) else {
            return anyhow!("{self}: {}", crate::chain(error));
        };
        let tell = match cause {
            ClusterError::Unavailable { .. } => "; see whether it answers there",
            ClusterError::Unauthorized { .. } => "; to try them",
            ClusterError::Forbidden { .. } => "; to see who you are there",
            _ => return anyhow!("{self}: {}", crate::chain(error)),
        };
        let ask = if matches!(cause, ClusterError::Unavailable { .. }) { "version" } else { "auth whoami" };
        anyhow!("{self}: {}{tell}: {} {ask}", crate::chain(error), self.kubectl())
    }

    /// How kubectl is told to use the same.
    fn kubectl(&self) -> String {
        let file = match &*self.kubeconfig {
            "~/.kube/config" => String::new(),
            several if several.contains(':') => format!("KUBECONFIG={several} "),
            file => return format!("kubectl --kubeconfig {file} --context {}", self.context),
        };
        format!("{file}kubectl --context {}", self.context)
    }
}

impl fmt::Display for Place {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Self { kubeconfig, context, server } = self;
        write!(f, "the cluster at {server} (context {context} of the kubeconfig {kubeconfig})")
    }
}
