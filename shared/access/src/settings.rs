use prodrome_lambda::Settings;
use prodrome_model::Scope;
use std::path::PathBuf;

/// How the live clusters are reached: one by the settings themselves, and any by what the parameter store says of it.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Access {
    /// The one that the settings are about: `CLUSTER_SCOPE`, and the way.
    pub own: Option<(Scope, Way)>,
    /// `CLUSTERS_PATH`: below it lies a parameter for each other cluster, by its scope
    /// ([`LiveClusters`](crate::LiveClusters)).
    pub path: Option<String>,
}

/// The way to a cluster.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Way {
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

/// As whom a cluster is spoken to.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Credentials {
    /// As nobody.
    None,
    /// As the function's own role; the name of the EKS cluster (`CLUSTER_NAME`).
    Eks(String),
    /// With a bearer token that an SSM parameter holds (`CLUSTER_TOKEN_PARAMETER`).
    Parameter(String),
    /// With the bearer token that stands in the SSM parameter of this name beside how the cluster is reached.
    Listed(String),
}

impl Access {
    /// From a function's settings, where mistakes are noted.
    pub fn from_settings(settings: &mut Settings<'_>) -> Self {
        let path = settings.optional("CLUSTERS_PATH").map(|path| path.trim_end_matches('/').to_owned());
        let Some(way) = Way::from_settings(settings) else { return Self { own: None, path } };
        let what = "tenant/region/cluster, as the watcher of the cluster calls it (such as \
                    default/eu-central-1/prod): what is seen in others is not looked for in this one";
        let text = settings.required("CLUSTER_SCOPE", what);
        let scope = Scope::parse(&text).filter(Scope::is_sound);
        if scope.is_none() && !text.is_empty() {
            settings.mistake(format!("CLUSTER_SCOPE is {text:?}: expected {what}"));
        }
        Self { own: scope.map(|scope| (scope, way)), path }
    }
}

impl Way {
    fn from_settings(settings: &mut Settings<'_>) -> Option<Self> {
        if let Some(path) = settings.optional("CLUSTER_KUBECONFIG") {
            let context = settings.optional("CLUSTER_CONTEXT");
            return Some(Self::Kubeconfig { path: path.into(), context });
        }
        let url = settings.optional("CLUSTER_ENDPOINT")?;
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
        Some(Self::Endpoint { url, ca: settings.optional("CLUSTER_CA"), credentials })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn with(set: &[(&str, &str)]) -> Result<Access, String> {
        let get = |name: &str| set.iter().find(|(n, _)| *n == name).map(|(_, value)| (*value).to_owned());
        let mut settings = Settings::new(get);
        let access = Access::from_settings(&mut settings);
        settings.finish().map(|()| access).map_err(|error| error.to_string())
    }

    const URL: (&str, &str) = ("CLUSTER_ENDPOINT", "https://k8s");
    const SCOPE: (&str, &str) = ("CLUSTER_SCOPE", "default/eu/prod");

    #[test]
    fn a_cluster_is_spoken_to_in_one_way() {
        let credentials = |set: &[(&str, &str)]| match with(set).unwrap().own.unwrap() {
            (_, Way::Endpoint { credentials, .. }) => credentials,
            other => panic!("{other:?}"),
        };
        let (eks, token) = (("CLUSTER_NAME", "prod"), ("CLUSTER_TOKEN_PARAMETER", "/p"));
        assert_eq!(with(&[]).unwrap(), Access::default());
        assert_eq!(credentials(&[URL, SCOPE]), Credentials::None);
        assert_eq!(credentials(&[URL, SCOPE, eks]), Credentials::Eks("prod".into()));
        assert_eq!(credentials(&[URL, SCOPE, token]), Credentials::Parameter("/p".into()));
        let error = with(&[URL, SCOPE, eks, token]).unwrap_err();
        assert!(error.contains("are both set: expected one"), "{error}");
    }

    #[test]
    fn who_says_where_a_cluster_is_says_which_it_is() {
        let error = with(&[URL]).unwrap_err();
        assert!(error.contains("CLUSTER_SCOPE is not set: tenant/region/cluster"), "{error}");
        for wrong in ["prod", "default//prod", "default/eu/a/b", "default/eu/a#b"] {
            let error = with(&[URL, ("CLUSTER_SCOPE", wrong)]).unwrap_err();
            let expected = format!("CLUSTER_SCOPE is {wrong:?}: expected tenant/region/cluster");
            assert!(error.contains(&expected), "{error}");
        }
        let others = with(&[("CLUSTERS_PATH", "/prodrome/clusters/")]).unwrap();
        assert_eq!(others, Access { own: None, path: Some("/prodrome/clusters".into()) });
        assert_eq!(with(&[URL, SCOPE]).unwrap().own.unwrap().0, Scope::new("default", "eu", "prod"));
    }
}
