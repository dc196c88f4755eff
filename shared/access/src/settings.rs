use prodrome_lambda::Settings;
use std::path::PathBuf;

/// How the live cluster is reached.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Access {
    /// Not at all: findings are made from the last known state, and plugins count it as not looked at.
    None,
    /// By a kubeconfig: `CLUSTER_KUBECONFIG`, and `CLUSTER_CONTEXT` where it is not the current one.
    Kubeconfig {
        /// The file.
        path: PathBuf,
        /// The context.
        context: Option<String>,
    },
    /// By its address: `CLUSTER_ENDPOINT`, `CLUSTER_CA` (PEM in base64; public roots unless set), and one of
    /// `CLUSTER_NAME` and `CLUSTER_TOKEN_PARAMETER`, or neither.
    Endpoint {
        /// The URL of the API server.
        url: String,
        /// Its certificate authority: PEM in base64.
        ca: Option<String>,
        /// As whom.
        credentials: Credentials,
    },
}

/// As whom the cluster is spoken to.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Credentials {
    /// As nobody.
    None,
    /// `CLUSTER_NAME`: as the function's own role; the name of the EKS cluster.
    Eks(String),
    /// `CLUSTER_TOKEN_PARAMETER`: with a bearer token that an SSM parameter holds.
    Parameter(String),
}

impl Access {
    /// From a function's settings, where mistakes are noted.
    pub fn from_settings(settings: &mut Settings<'_>) -> Self {
        match (settings.optional("CLUSTER_KUBECONFIG"), settings.optional("CLUSTER_ENDPOINT")) {
            (Some(path), _) => {
                Self::Kubeconfig { path: path.into(), context: settings.optional("CLUSTER_CONTEXT") }
            }
            (None, Some(url)) => {
                let (eks, parameter) =
                    (settings.optional("CLUSTER_NAME"), settings.optional("CLUSTER_TOKEN_PARAMETER"));
                if eks.is_some() && parameter.is_some() {
                    settings.mistake("CLUSTER_NAME and CLUSTER_TOKEN_PARAMETER are both set: expected one");
                }
                let credentials = match (eks, parameter) {
                    (Some(name), _) => Credentials::Eks(name),
                    (None, Some(parameter)) => Credentials::Parameter(parameter),
                    (None, None) => Credentials::None,
                };
                Self::Endpoint { url, ca: settings.optional("CLUSTER_CA"), credentials }
            }
            (None, None) => Self::None,
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_cluster_is_spoken_to_in_one_way() {
        let with = |set: &[(&str, &str)]| {
            let set: Vec<(String, String)> = set.iter().map(|(n, v)| ((*n).into(), (*v).into())).collect();
            let get = move |name: &str| set.iter().find(|(n, _)| n == name).map(|(_, value)| value.clone());
            let mut settings = Settings::new(get);
            let access = Access::from_settings(&mut settings);
            settings.finish().map(|()| access)
        };
        let credentials = |set: &[(&str, &str)]| match with(set).unwrap() {
            Access::Endpoint { credentials, .. } => credentials,
            other => panic!("{other:?}"),
        };
        let (url, eks, token) = (
            ("CLUSTER_ENDPOINT", "https://k8s"),
            ("CLUSTER_NAME", "prod"),
            ("CLUSTER_TOKEN_PARAMETER", "/p"),
        );
        assert_eq!(with(&[]).unwrap(), Access::None);
        assert_eq!(credentials(&[url]), Credentials::None);
        assert_eq!(credentials(&[url, eks]), Credentials::Eks("prod".into()));
        assert_eq!(credentials(&[url, token]), Credentials::Parameter("/p".into()));
        let error = with(&[url, eks, token]).unwrap_err().to_string();
        assert!(error.contains("are both set: expected one"), "{error}");
    }
}
