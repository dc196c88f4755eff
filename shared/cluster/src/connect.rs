//! How a cluster is reached: by a kubeconfig, from within, or by its address.

use crate::Tokens;
use base64::Engine;
use base64::engine::general_purpose::STANDARD;
use kube::client::AuthError;
use kube::config::{ExecConfig, KubeConfigOptions, Kubeconfig, KubeconfigError};
use kube::{Client, Config};
use prodrome_model::shown::harmless;
use std::panic::{AssertUnwindSafe, catch_unwind};
use std::path::{Path, PathBuf};
use std::time::Duration;

/// The kind of a kubeconfig.
const KIND: &str = "Config";

/// How long a connection may take.
pub const CONNECT_TIMEOUT: Duration = Duration::from_secs(5);

/// A cluster by its address, for where there is no kubeconfig.
#[derive(Debug, Clone, Default)]
pub struct Endpoint {
    /// The URL of the API server.
    pub url: String,
    /// Its certificate authority, PEM in base64 (as kubeconfigs and EKS have it); public roots where absent.
    pub ca: Option<String>,
    /// Its bearer tokens; none where absent.
    pub tokens: Option<Tokens>,
}

/// Why there is no way to a cluster. Nothing was sent yet.
#[derive(Debug, thiserror::Error)]
pub enum ConnectError {
    /// There is no kubeconfig.
    #[error("there is no kubeconfig at {}; name one, or set KUBECONFIG", path.display())]
    NoKubeconfig {
        /// Where it was looked for.
        path: PathBuf,
    },
    /// The kubeconfig cannot be read or says something else than expected.
    #[error("the kubeconfig{} cannot be used: {reason}", at(paths))]
    Kubeconfig {
        /// The files, where some were named.
        paths: Vec<PathBuf>,
        /// What is wrong.
        reason: String,
    },
    /// The kubeconfig has no such context.
    #[error("the kubeconfig{} has no context {context:?}; {}", at(paths), known_ones("it has", known))]
    NoContext {
        /// The files, where some were named.
        paths: Vec<PathBuf>,
        /// The context asked for.
        context: String,
        /// The contexts there are.
        known: Vec<String>,
    },
    /// The kubeconfig has no current context, and none was named.
    #[error("the kubeconfig{} has no current context; {}", at(paths), known_ones("name one of", known))]
    NoCurrentContext {
        /// The files, where some were named.
        paths: Vec<PathBuf>,
        /// The contexts there are.
        known: Vec<String>,
    },
    /// This process does not run in a cluster.
    #[error("this is no pod of a cluster: {reason}")]
    NotInCluster {
        /// What is missing.
        reason: String,
    },
    /// The kubeconfig leaves the credentials to a program, and that gives none.
    #[error("no credentials: {reason}")]
    Credentials {
        /// What became of it.
        reason: String,
    },
    /// The address, the certificate authority or the credentials cannot be used.
    #[error("the cluster's address {url} cannot be used: {reason}")]
    Endpoint {
        /// The address.
        url: String,
        /// What is wrong.
        reason: String,
    },
}

/// Which files a kubeconfig is of.
fn at(paths: &[PathBuf]) -> String {
    let names: Vec<String> = paths.iter().map(|path| path.display().to_string()).collect();
    if names.is_empty() { String::new() } else { format!(" {}", names.join(" with ")) }
}

/// What may be named in place of a context; where there is none, what to do.
fn known_ones(words: &str, known: &[String]) -> String {
    if known.is_empty() {
        return "it has none at all: let what made the cluster write one (`aws eks update-kubeconfig`, `kind export \
                kubeconfig`), or name another kubeconfig"
            .to_owned();
    }
    format!("{words} {}", harmless(&known.join(", ")))
}

/// What a kubeconfig says of one of its contexts.
pub struct Chosen {
    /// How the cluster is reached.
    pub config: Config,
    /// The context's name.
    pub context: String,
}

/// The files that are read: the one that is named, or those of `$KUBECONFIG`, where it names any.
fn files(path: Option<&Path>) -> Vec<PathBuf> {
    let named = || std::env::var_os("KUBECONFIG").map(|paths| std::env::split_paths(&paths).collect());
    path.map(|path| vec![path.to_owned()]).or_else(named).unwrap_or_default()
}

/// Whether a file is of UTF-16 in an odd number of bytes: what reads kubeconfigs panics there.
fn is_cut_utf16(path: &Path) -> bool {
    let bytes = std::fs::read(path).unwrap_or_default();
    matches!(bytes.as_slice(), [0xff, 0xfe, ..] | [0xfe, 0xff, ..]) && !bytes.len().is_multiple_of(2)
}

/// The configuration of a kubeconfig, and of one of its contexts; see [`choose`].
pub async fn kubeconfig(path: Option<&Path>, context: Option<&str>) -> Result<Config, ConnectError> {
    Ok(choose(path, context).await?.config)
}

/// Chooses one of a kubeconfig's contexts: the current one, where none is named. Without a path the kubeconfig is
/// what kubectl would take: `$KUBECONFIG`, then `~/.kube/config`.
pub async fn choose(path: Option<&Path>, context: Option<&str>) -> Result<Chosen, ConnectError> {
    refuse_cut_utf16(&files(path))?;
    let read = match path {
        Some(path) => Kubeconfig::read_from(path),
        None => Kubeconfig::read(),
    };
    chosen(read.map_err(|error| refused(error, path))?, &named(path), context).await
}

/// The same of several kubeconfigs, which are one, as `$KUBECONFIG` names them: what the first of them says counts.
pub async fn choose_of(paths: &[PathBuf], context: Option<&str>) -> Result<Chosen, ConnectError> {
    if let [path] = paths {
        return choose(Some(path), context).await;
    }
    refuse_cut_utf16(paths)?;
    let mut merged = Kubeconfig::default();
    for path in paths {
        let read = Kubeconfig::read_from(path).and_then(|read| merged.merge(read));
        merged = read.map_err(|error| refused(error, Some(path)))?;
    }
    chosen(merged, paths, context).await
}

async fn chosen(read: Kubeconfig, paths: &[PathBuf], context: Option<&str>) -> Result<Chosen, ConnectError> {
    let paths = paths.to_vec();
    if let Some(kind) = read.kind.as_ref().filter(|kind| *kind != KIND) {
        return Err(foreign(Some(kind.clone()), paths));
    }
    let known: Vec<String> = read.contexts.iter().map(|context| context.name.clone()).collect();
    let current = read.current_context.clone().filter(|name| !name.is_empty());
    let Some(context) = context.map(str::to_owned).or(current) else {
        return Err(ConnectError::NoCurrentContext { paths, known });
    };
    if !known.contains(&context) {
        return Err(ConnectError::NoContext { paths, context, known });
    }
    let options = KubeConfigOptions { context: Some(context.clone()), ..KubeConfigOptions::default() };
    match Config::from_custom_kubeconfig(read, &options).await {
        Ok(config) => Ok(Chosen { config: tuned(config), context }),
        Err(error) => Err(ConnectError::Kubeconfig { paths, reason: chain(&error) }),
    }
}

fn refuse_cut_utf16(paths: &[PathBuf]) -> Result<(), ConnectError> {
    let Some(path) = paths.iter().find(|path| is_cut_utf16(path)) else { return Ok(()) };
    let reason = "it begins as UTF-16, and ends within a character".to_owned();
    Err(ConnectError::Kubeconfig { paths: vec![path.clone()], reason })
}

fn named(path: Option<&Path>) -> Vec<PathBuf> {
    path.map(Path::to_owned).into_iter().collect()
}

/// Why a file cannot be used.
fn refused(error: KubeconfigError, path: Option<&Path>) -> ConnectError {
    match error {
        KubeconfigError::KindMismatch => foreign(path.and_then(foreign_kind), named(path)),
        KubeconfigError::ReadConfig(e, path) if e.kind() == std::io::ErrorKind::NotFound => {
            ConnectError::NoKubeconfig { path }
        }
        KubeconfigError::FindPath => ConnectError::NoKubeconfig { path: PathBuf::from("~/.kube/config") },
        error => ConnectError::Kubeconfig { paths: named(path), reason: chain(&error) },
    }
}

fn foreign(kind: Option<String>, paths: Vec<PathBuf>) -> ConnectError {
    let found = kind.map_or("other kinds".to_owned(), |kind| format!("kind: {}", harmless(&kind)));
    let reason = format!("expected a kubeconfig (kind: {KIND}), found {found}; name one, or set KUBECONFIG");
    ConnectError::Kubeconfig { paths, reason }
}

/// The first kind of a file that is not the one of kubeconfigs, as far as lines of YAML show it.
fn foreign_kind(path: &Path) -> Option<String> {
    let text = std::fs::read_to_string(path).ok()?;
    let kinds = text.lines().filter_map(|line| line.strip_prefix("kind:"));
    let kinds = kinds.map(|kind| kind.split('#').next().unwrap_or_default().trim().trim_matches(['"', '\'']));
    kinds.filter(|kind| !kind.is_empty()).find(|kind| *kind != KIND).map(str::to_owned)
}

/// The configuration of a pod: its service account's token, which is read again when it is renewed.
pub fn in_cluster() -> Result<Config, ConnectError> {
    Config::incluster().map(tuned).map_err(|error| ConnectError::NotInCluster { reason: chain(&error) })
}

/// The configuration of an address. Its tokens are not part of it, as they change.
pub fn endpoint(endpoint: &Endpoint) -> Result<Config, ConnectError> {
    let Endpoint { url, ca, tokens } = endpoint;
    let refused = |reason: &str| ConnectError::Endpoint { url: url.clone(), reason: reason.to_owned() };
    let uri: http::Uri = url.parse().map_err(|_| refused("it is no URL"))?;
    if !matches!(uri.scheme_str(), Some("https" | "http")) || uri.host().is_none() {
        return Err(refused("expected https://HOST, with :PORT where it is not 443"));
    }
    let is_here = matches!(uri.host(), Some("localhost" | "127.0.0.1" | "[::1]"));
    if tokens.is_some() && uri.scheme_str() == Some("http") && !is_here {
        return Err(refused("a token goes by https alone"));
    }
    let mut config = Config::new(uri);
    if let Some(ca) = ca.as_ref().filter(|ca| !ca.is_empty()) {
        let certificates = certificates(ca);
        config.root_cert =
            Some(certificates.ok_or_else(|| refused("its certificate authority is no base64 of PEM"))?);
    }
    Ok(tuned(config))
}

/// The certificates of PEM in base64.
fn certificates(base64: &str) -> Option<Vec<Vec<u8>>> {
    let decode = |text: &str| {
        let text: String = text.split_whitespace().collect();
        STANDARD.decode(text).ok()
    };
    let pem = String::from_utf8(decode(base64)?).ok()?;
    let blocks = pem.split("-----BEGIN CERTIFICATE-----").skip(1);
    let found: Option<Vec<Vec<u8>>> =
        blocks.map(|block| decode(block.split_once("-----END CERTIFICATE-----")?.0)).collect();
    found.filter(|found| !found.is_empty())
}

/// A client. It neither retries by itself (what asks knows better when to) nor waits long for a connection.
pub fn client(config: Config) -> Result<Client, ConnectError> {
    let url = config.cluster_url.to_string();
    let program = config.auth_info.exec.clone();
    let unsound = |whose: &str| {
        let reason = format!("{whose} has characters that no request can carry, such as ends of lines");
        ConnectError::Credentials { reason }
    };
    if !is_token_sound(&config) {
        return Err(unsound("the token of the kubeconfig's user"));
    }
    // The client panics where a token cannot go into a header, and what a program gives it does not show before.
    let made = catch_unwind(AssertUnwindSafe(|| Client::try_from(config)));
    let made = made.map_err(|_| unsound("the token that the kubeconfig's program gives"))?;
    made.map_err(|error| match &error {
        kube::Error::Auth(error) => {
            ConnectError::Credentials { reason: credentials(error, program.as_ref()) }
        }
        error => ConnectError::Endpoint { url, reason: chain(error) },
    })
}

/// Whether a token that a kubeconfig holds can go into a header.
fn is_token_sound(config: &Config) -> bool {
    let user = serde_json::to_value(&config.auth_info).unwrap_or_default();
    user["token"].as_str().is_none_or(|token| http::HeaderValue::from_str(token).is_ok())
}

/// What is wrong with credentials. Of a program that makes them it tells the complaint, and never the output, which
/// may hold a token.
pub(crate) fn credentials(error: &AuthError, program: Option<&ExecConfig>) -> String {
    let command = program.and_then(|program| program.command.as_deref());
    let name = command.map_or_else(
        || "the kubeconfig's program for them".to_owned(),
        |name| format!("the program {name:?}, which the kubeconfig names for them,"),
    );
    match error {
        AuthError::AuthExecStart(error) => {
            let hint = program
                .and_then(|program| program.install_hint.as_deref())
                .and_then(|hint| hint.lines().next());
            let hint = hint.map(|hint| format!(" ({})", harmless(hint))).unwrap_or_default();
            format!("{name} cannot be run: {error}; install it, or put it on the PATH{hint}")
        }
        AuthError::AuthExecRun { out, .. } => {
            let said = String::from_utf8_lossy(&out.stderr);
            let said: Vec<&str> = said.lines().map(str::trim).filter(|line| !line.is_empty()).collect();
            let said = said.last().map(|line| format!(": {}", harmless(line))).unwrap_or_default();
            format!("{name} failed ({}){said}", out.status)
        }
        AuthError::AuthExecParse(_) => format!("{name} printed no ExecCredential"),
        error => chain(error),
    }
}

fn tuned(mut config: Config) -> Config {
    config.connect_timeout = Some(CONNECT_TIMEOUT);
    config.default_retry = false;
    config.headers.push((
        http::header::USER_AGENT,
        http::HeaderValue::from_static(concat!("prodrome/", env!("CARGO_PKG_VERSION"))),
    ));
    config
}

/// An error and what is behind it, on one line, each fact once.
pub(crate) fn chain(error: &dyn std::error::Error) -> String {
    // Errors of YAML draw the place on further lines.
    let line = |error: &dyn std::error::Error| harmless(error.to_string().lines().next().unwrap_or_default());
    let mut text = line(error);
    let mut source = error.source();
    while let Some(error) = source {
        let next = line(error);
        if !text.contains(&next) {
            text = format!("{text}: {next}");
        }
        source = error.source();
    }
    text
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn certificates_are_read_from_pem_in_base64() {
        let block = |der: &[u8]| {
            let text = STANDARD.encode(der);
            let (first, rest) = text.split_at(text.len() / 2);
            format!("# a comment\n-----BEGIN CERTIFICATE-----\n{first}\n{rest}\n-----END CERTIFICATE-----\n")
        };
        let pem = block(b"the first certificate") + &block(b"the second");
        let mut wrapped = STANDARD.encode(pem);
        wrapped.insert(20, '\n');
        assert_eq!(
            certificates(&wrapped),
            Some(vec![b"the first certificate".to_vec(), b"the second".to_vec()])
        );
        let cut = STANDARD.encode("-----BEGIN CERTIFICATE-----\nAAAA");
        for bad in ["", "%", &*STANDARD.encode("no pem"), &*cut] {
            assert_eq!(certificates(bad), None, "{bad}");
        }
    }
}
