//! The cluster as the functions see it: an address on this machine, behind which this process asks the cluster with
//! its own credentials.
//!
//! A kubeconfig may name programs that make credentials, files beside it and variables of its user. The functions on
//! the emulator have none of these, and need not: they read, by a key that only this run knows.

use anyhow::{Context, Result};
use axum::Router;
use axum::body::Body;
use axum::extract::{Request, State};
use axum::http::header::{ACCEPT, AUTHORIZATION, CONNECTION, TRANSFER_ENCODING};
use axum::http::{Method, StatusCode};
use axum::response::{IntoResponse as _, Response};
use kube::Client;
use prodrome_cluster::ClusterError;
use std::net::Ipv4Addr;
use std::sync::Arc;
use tokio::net::TcpListener;
use tokio::task::JoinHandle;

/// Listens until it is dropped.
pub(super) struct Proxy {
    url: String,
    key: String,
    serving: JoinHandle<()>,
}

struct Shared {
    client: Client,
    authorization: String,
}

impl Proxy {
    pub(super) async fn start(client: Client, key: String) -> Result<Self> {
        let listener =
            TcpListener::bind((Ipv4Addr::LOCALHOST, 0)).await.context("cannot listen on this machine")?;
        let url = format!("http://{}", listener.local_addr()?);
        let shared = Arc::new(Shared { client, authorization: format!("Bearer {key}") });
        let app = Router::new().fallback(forward).with_state(shared);
        let serving = tokio::spawn(async move {
            if let Err(error) = axum::serve(listener, app).await {
                tracing::warn!(%error, "the functions can no longer read the cluster");
            }
        });
        Ok(Self { url, key, serving })
    }

    /// By which the functions reach it.
    pub(super) fn kubeconfig(&self) -> String {
        let Self { url, key, .. } = self;
        format!(
            "\
apiVersion: v1
kind: Config
current-context: cluster
clusters: [{{ name: cluster, cluster: {{ server: \"{url}\" }} }}]
contexts: [{{ name: cluster, context: {{ cluster: cluster, user: functions }} }}]
users: [{{ name: functions, user: {{ token: \"{key}\" }} }}]
"
        )
    }
}

impl Drop for Proxy {
    fn drop(&mut self) {
        self.serving.abort();
    }
}

async fn forward(State(shared): State<Arc<Shared>>, request: Request) -> Response {
    let authorization = request.headers().get(AUTHORIZATION).map(axum::http::HeaderValue::as_bytes);
    if authorization != Some(shared.authorization.as_bytes()) {
        return refused(StatusCode::UNAUTHORIZED, "this address is for the functions of one run");
    }
    if request.method() != Method::GET {
        return refused(StatusCode::METHOD_NOT_ALLOWED, "this address is for reading");
    }
    let mut forwarded = Request::get(request.uri().path_and_query().map_or("/", |path| path.as_str()));
    if let Some(accept) = request.headers().get(ACCEPT) {
        forwarded = forwarded.header(ACCEPT, accept);
    }
    let Ok(forwarded) = forwarded.body(kube::client::Body::empty()) else {
        return refused(StatusCode::BAD_REQUEST, "this is no path");
    };
    match shared.client.send(forwarded).await {
        Ok(response) => {
            let mut response = response.map(Body::new);
            // These are of one connection, and this is another.
            for header in [CONNECTION, TRANSFER_ENCODING] {
                response.headers_mut().remove(header);
            }
            response
        }
        Err(error) => match ClusterError::from(error) {
            ClusterError::Unauthorized { reason } => refused(StatusCode::UNAUTHORIZED, &reason),
            error => refused(StatusCode::BAD_GATEWAY, &error.to_string()),
        },
    }
}

/// As the API server refuses.
fn refused(status: StatusCode, message: &str) -> Response {
    let body = serde_json::json!({
        "kind": "Status", "apiVersion": "v1", "status": "Failure", "message": message, "code": status.as_u16(),
    });
    (status, [("content-type", "application/json")], body.to_string()).into_response()
}

#[cfg(test)]
mod tests {
    use super::*;
    use prodrome_cluster::{Cluster as _, KubeCluster, connect};
    use prodrome_model::{GroupKind, ObjectKey};
    use std::sync::atomic::{AtomicUsize, Ordering::Relaxed};

    /// An API server that knows one pod, and one token.
    async fn api_server() -> (String, Arc<AtomicUsize>) {
        let asked = Arc::new(AtomicUsize::new(0));
        let counter = asked.clone();
        let app = Router::new().fallback(move |request: Request| {
            let counter = counter.clone();
            async move {
                counter.fetch_add(1, Relaxed);
                if request.headers().get(AUTHORIZATION).is_none_or(|token| token != "Bearer made-by-a-program") {
                    return refused(StatusCode::UNAUTHORIZED, "Unauthorized");
                }
                let body = match request.uri().path() {
                    "/api/v1" => {
                        r#"{"kind":"APIResourceList","resources":[{"name":"pods","kind":"Pod","namespaced":true,"verbs":["get","list","watch"]}]}"#
                    }
                    "/api/v1/namespaces/n/pods/a" => r#"{"kind":"Pod","metadata":{"name":"a"}}"#,
                    _ => return refused(StatusCode::NOT_FOUND, "not found"),
                };
                ([("content-type", "application/json")], body).into_response()
            }
        });
        let listener = TcpListener::bind((Ipv4Addr::LOCALHOST, 0)).await.unwrap();
        let url = format!("http://{}", listener.local_addr().unwrap());
        tokio::spawn(async move { axum::serve(listener, app).await.unwrap() });
        (url, asked)
    }

    /// The functions' cluster behind a kubeconfig whose credentials this program makes.
    async fn behind(program: &str) -> (KubeCluster, Proxy, Arc<AtomicUsize>, tempfile::TempDir) {
        let (url, asked) = api_server().await;
        let dir = tempfile::tempdir().unwrap();
        let credential = r#"{"apiVersion":"client.authentication.k8s.io/v1","kind":"ExecCredential","status":{"token":"made-by-a-program"}}"#;
        std::fs::write(dir.path().join("credential.json"), credential).unwrap();
        let user = serde_json::json!({ "exec": {
            "apiVersion": "client.authentication.k8s.io/v1", "command": program, "interactiveMode": "Never",
            "args": [dir.path().join("credential.json")],
        } });
        let own = format!(
            "apiVersion: v1\nkind: Config\ncurrent-context: a\n\
             contexts: [{{ name: a, context: {{ cluster: a, user: a }} }}]\n\
             clusters: [{{ name: a, cluster: {{ server: \"{url}\" }} }}]\nusers: [{{ name: a, user: {user} }}]\n"
        );
        let path = dir.path().join("own");
        std::fs::write(&path, own).unwrap();
        let client = connect::client(connect::kubeconfig(Some(&path), None).await.unwrap()).unwrap();
        let proxy = Proxy::start(client, "key".to_owned()).await.unwrap();
        let path = dir.path().join("functions");
        std::fs::write(&path, proxy.kubeconfig()).unwrap();
        (KubeCluster::from_kubeconfig(Some(&path), None).await.unwrap(), proxy, asked, dir)
    }

    fn pod(name: &str) -> ObjectKey {
        ObjectKey::new(GroupKind::core("Pod"), Some("n"), name)
    }

    #[tokio::test]
    async fn functions_read_a_cluster_whose_credentials_a_program_makes() {
        let (cluster, _proxy, _, _dir) = behind("cat").await;
        let found = cluster.get(&pod("a")).await.unwrap().unwrap();
        assert!(String::from_utf8(found).unwrap().contains(r#""name":"a""#));
    }

    #[tokio::test]
    async fn nobody_else_is_let_in_and_nothing_is_written() {
        let (_, proxy, asked, _dir) = behind("cat").await;
        let http = reqwest::Client::new();
        let url = format!("{}/api/v1/namespaces/n/pods/a", proxy.url);
        let answer = async |request: reqwest::RequestBuilder| request.send().await.unwrap().status().as_u16();
        assert_eq!(answer(http.get(&url)).await, 401);
        assert_eq!(answer(http.get(&url).bearer_auth("wrong")).await, 401);
        assert_eq!(answer(http.delete(&url).bearer_auth("key")).await, 405);
        assert_eq!(answer(http.post(&url).bearer_auth("key")).await, 405);
        assert_eq!(asked.load(Relaxed), 0, "the cluster heard of none of it");
        assert_eq!(answer(http.get(&url).bearer_auth("key")).await, 200);
    }
}
