use crate::http::{Http, Networks};
use crate::plugin::Plugin;
use base64::Engine as _;
use base64::engine::general_purpose::STANDARD as BASE64;
use prodrome_access::Access;
use prodrome_lambda::{Settings, SettingsError, environment};
use std::collections::BTreeMap;

/// The settings of a plugin's function.
#[derive(Debug, Clone)]
pub struct Config {
    /// `LOG_LEVEL`: a level or tracing directives; `info` unless set.
    pub log_level: String,
    /// How to reach the live clusters.
    pub access: Access,
    /// For plugins that ask outside of the cluster. `OUTSIDE_NETWORKS`: private networks that may be asked, such as
    /// `10.0.0.0/8`; none unless set. `OUTSIDE_CA`: certificate authorities that are trusted besides the public ones,
    /// PEM in base64.
    pub outside: Option<Http>,
    /// The plugin's own settings, as far as they are set.
    pub settings: BTreeMap<String, String>,
}

impl Config {
    /// From the process's environment.
    pub fn from_env(plugin: &Plugin) -> Result<Self, SettingsError> {
        Self::from_vars(environment, plugin)
    }

    /// From any source of variables; the error names every mistake.
    pub fn from_vars(get: impl Fn(&str) -> Option<String>, plugin: &Plugin) -> Result<Self, SettingsError> {
        let mut settings = Settings::new(get);
        let log_level = settings.optional("LOG_LEVEL").unwrap_or_default();
        let access = Access::from_settings(&mut settings);
        let outside = plugin.outside().is_some().then(|| outside(&mut settings));
        let own = plugin.settings().iter();
        let own = own.filter_map(|(name, _)| Some(((*name).to_owned(), settings.optional(name)?))).collect();
        settings.finish()?;
        Ok(Self { log_level, access, outside, settings: own })
    }
}

fn outside(settings: &mut Settings<'_>) -> Http {
    let what = "networks such as 10.0.0.0/8, 192.168.7.0/24";
    let networks = settings.parsed("OUTSIDE_NETWORKS", what, Networks::default());
    let authorities = settings.optional("OUTSIDE_CA").and_then(|text| {
        let pem = BASE64.decode(text.trim()).ok().and_then(|bytes| String::from_utf8(bytes).ok());
        let pem = pem.filter(|pem| pem.contains("-----BEGIN CERTIFICATE-----"));
        if pem.is_none() {
            settings.mistake("OUTSIDE_CA is something else: expected certificates in PEM, in base64");
        }
        pem
    });
    Http { networks, authorities, ..Http::default() }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::{Context, NoParams, Response};

    #[test]
    fn only_what_asks_outside_reads_the_settings_for_it_and_all_mistakes_are_named() {
        let vars = |name: &str| match name {
            "CLUSTER_KUBECONFIG" => Some("/kubeconfig".to_owned()),
            "CLUSTER_SCOPE" => Some("default/local/kind".to_owned()),
            "OUTSIDE_NETWORKS" => Some("ten".to_owned()),
            "OUTSIDE_CA" => Some("!".to_owned()),
            _ => None,
        };
        let plugin = |name| Plugin::new(name, |_: Context, _: NoParams| async { Ok(Response::default()) });
        assert!(Config::from_vars(vars, &plugin("inside")).unwrap().outside.is_none());
        let error = Config::from_vars(vars, &plugin("outside").asks("a registry")).unwrap_err().to_string();
        assert!(error.contains("OUTSIDE_NETWORKS is \"ten\"") && error.contains("OUTSIDE_CA"), "{error}");
    }
}
