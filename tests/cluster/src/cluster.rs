use crate::assets::Assets;
use crate::etcd::Etcd;
use crate::guarded::Guarded;
use kube::Client;
use kube::config::{KubeConfigOptions, Kubeconfig};
use serde_json::{Value, json};
use std::collections::BTreeMap;
use std::net::{Ipv4Addr, TcpListener};
use std::path::{Path, PathBuf};
use std::process::{Command, Output};
use std::time::Duration;
use tokio::sync::{Mutex, OnceCell};
use tokio::time::{sleep, timeout};

/// How long a server may take to be ready: on a busy machine.
const START_WAIT: Duration = Duration::from_mins(5);
const ADMIN_TOKEN: &str = "admin";
/// Who may be whom, by a token of the same name: the parts of a cluster that has nodes. Nodes are added by name.
const COMPONENTS: [&str; 2] = ["system:kube-controller-manager", "system:kube-scheduler"];

/// The API server, in the eyes of its administrator. Whatever fails, panics: a test cannot go on.
#[derive(Clone)]
pub struct Cluster {
    admin: Client,
    server: &'static Server,
}

/// What there is once in a process.
pub(crate) struct Server {
    assets: Assets,
    folder: PathBuf,
    shape: Shape,
    port: u16,
    pub(crate) processes: Mutex<Processes>,
    _folder_guard: Guarded,
}

/// What the server is for.
#[derive(Debug, Clone)]
pub(crate) enum Shape {
    /// Tests that do everything to objects themselves.
    Bare,
    /// Controllers and these nodes, which reach it at this address.
    Whole { address: Ipv4Addr, nodes: Vec<String> },
}

pub(crate) struct Processes {
    pub(crate) etcd: Etcd,
    /// Absent while it is down.
    api: Option<Guarded>,
}

static SERVER: OnceCell<Server> = OnceCell::const_new();

impl Cluster {
    /// The one of this process, started where it does not run.
    pub(crate) async fn of_this_process(assets: Assets) -> Self {
        Self::of_shape(assets, Shape::Bare).await
    }

    /// The one of this process, for controllers and nodes: it authorises nodes, gives pods their accounts, and listens
    /// at an address where nodes in networks of their own reach it.
    pub async fn whole(assets: Assets, address: Ipv4Addr, nodes: &[&str]) -> Self {
        let nodes = nodes.iter().map(|&node| node.to_owned()).collect();
        Self::of_shape(assets, Shape::Whole { address, nodes }).await
    }

    async fn of_shape(assets: Assets, shape: Shape) -> Self {
        let server = SERVER.get_or_init(async || Server::new(assets, shape)).await;
        server.start().await;
        Self { admin: server.admin().await, server }
    }

    pub(crate) fn server(&self) -> &'static Server {
        self.server
    }

    /// A client that may do everything.
    pub fn admin(&self) -> Client {
        self.admin.clone()
    }

    /// A file by which a client may do everything.
    pub fn kubeconfig(&self) -> PathBuf {
        self.server.admin_kubeconfig()
    }

    /// A file by which a part of a [whole](Self::whole) cluster is itself: a controller, or `system:node:NAME`.
    pub fn component_kubeconfig(&self, user: &str) -> PathBuf {
        self.server.write_kubeconfig(&user.replace(':', "-"), user, "default")
    }

    /// The key that tokens of service accounts are signed with.
    pub fn accounts_key(&self) -> PathBuf {
        self.server.folder.join("accounts.key")
    }

    /// The certificate of the server, which it has signed itself.
    pub fn certificate(&self) -> PathBuf {
        self.server.certificate()
    }

    /// The URL of the server.
    pub fn url(&self) -> String {
        self.server.url()
    }

    /// What is there, or `None`.
    pub async fn find(&self, path: &str) -> Option<Value> {
        match request(&self.admin, "GET", path, "application/json", None).await {
            Ok(found) => Some(found),
            Err(error) if error.starts_with("404") => None,
            Err(error) => panic!("GET {path}: {error}"),
        }
    }

    /// What is there.
    pub async fn get(&self, path: &str) -> Value {
        self.find(path).await.unwrap_or_else(|| panic!("there is no {path}"))
    }

    /// Makes an object in a collection.
    pub async fn create(&self, collection: &str, object: &Value) -> Value {
        self.write("POST", collection, "application/json", object).await
    }

    /// Changes what is there, by a merge patch; `PATH/status` for the status of most kinds.
    pub async fn patch(&self, path: &str, patch: &Value) -> Value {
        self.write("PATCH", path, "application/merge-patch+json", patch).await
    }

    /// Removes what is there, at once.
    pub async fn delete(&self, path: &str) {
        let at_once = json!({ "gracePeriodSeconds": 0 });
        self.write("DELETE", path, "application/json", &at_once).await;
    }

    /// Makes a namespace, unless it is there.
    pub async fn namespace(&self, name: &str) {
        if self.find(&format!("/api/v1/namespaces/{name}")).await.is_none() {
            self.create("/api/v1/namespaces", &json!({ "metadata": { "name": name } })).await;
        }
    }

    async fn write(&self, method: &str, path: &str, content_type: &str, body: &Value) -> Value {
        let answer = request(&self.admin, method, path, content_type, Some(body)).await;
        answer.unwrap_or_else(|error| panic!("{method} {path}: {error}"))
    }

    /// What a collection holds: by `namespace/name`, the version of each object.
    pub async fn versions(&self, collection: &str) -> BTreeMap<String, String> {
        // A list of 20,000 pods is 60 MB, of which this is a part.
        let metadata = "application/json;as=PartialObjectMetadataList;v=v1;g=meta.k8s.io";
        let request = http::Request::get(collection).header("accept", metadata).body(Vec::new());
        let list = ask(&self.admin, request).await;
        let list = list.unwrap_or_else(|error| panic!("GET {collection}: {error}"));
        assert_eq!(list["kind"], "PartialObjectMetadataList", "GET {collection}");
        // Where there is nothing it is null.
        let items = list["items"].as_array().map(Vec::as_slice).unwrap_or_default();
        let text = |value: &Value| value.as_str().unwrap_or_default().to_owned();
        items
            .iter()
            .map(|item| &item["metadata"])
            .map(|m| (format!("{}/{}", text(&m["namespace"]), text(&m["name"])), text(&m["resourceVersion"])))
            .collect()
    }

    /// What a service account has asked for so far: `list /api/v1/pods?limit=500`.
    pub fn requests(&self, user: &str) -> Vec<String> {
        let log = std::fs::read_to_string(self.server.audit_log()).unwrap_or_default();
        // The last line may be half written.
        let events = log.lines().filter_map(|line| serde_json::from_str::<Value>(line).ok());
        let of_user = events.filter(|event| event["user"]["username"] == user);
        let text = |value: &Value| value.as_str().unwrap_or_default().to_owned();
        of_user.map(|event| format!("{} {}", text(&event["verb"]), text(&event["requestURI"]))).collect()
    }

    /// Runs kubectl as the administrator; its standard output.
    pub async fn kubectl(&self, arguments: &[&str]) -> String {
        let Output { status, stdout, stderr } = self.try_kubectl(arguments).await;
        let said = String::from_utf8_lossy(&stderr);
        assert!(status.success(), "kubectl {}: {said}", arguments.join(" "));
        String::from_utf8(stdout).expect("kubectl speaks UTF-8")
    }

    /// Runs kubectl as the administrator, whatever comes of it.
    pub async fn try_kubectl(&self, arguments: &[&str]) -> Output {
        let mut command = Command::new(self.server.assets.program("kubectl"));
        command.args(arguments).env("KUBECONFIG", self.kubeconfig()).env("HOME", &self.server.folder);
        let output = tokio::task::spawn_blocking(move || command.output()).await;
        output.expect("nothing panics").expect("kubectl can be started")
    }

    pub(crate) fn write_kubeconfig(&self, name: &str, token: &str, namespace: &str) -> PathBuf {
        self.server.write_kubeconfig(name, token, namespace)
    }
}

impl Server {
    fn new(assets: Assets, shape: Shape) -> Self {
        let folder = tempfile::tempdir().expect("there is room for a cluster").keep();
        let guard = Guarded::folder(&folder).expect("there is a shell");
        let etcd = Etcd::new(assets.program("etcd"), &folder);
        let processes = Mutex::new(Processes { etcd, api: None });
        let server = Self { assets, folder, shape, port: free_port(), processes, _folder_guard: guard };
        server.write_settings();
        server
    }

    /// Starts whatever does not run, and waits until it is ready.
    pub(crate) async fn start(&self) {
        let mut processes = self.processes.lock().await;
        if processes.api.is_some() {
            return;
        }
        if !processes.etcd.runs() {
            processes.etcd.start();
        }
        let log = self.folder.join("kube-apiserver.log");
        let program = self.assets.program("kube-apiserver");
        let arguments = self.arguments(&processes.etcd.url());
        processes.api = Some(Guarded::start(&program, &arguments, &log).expect("the server can be started"));
        let ready = async {
            while !self.certificate().is_file() {
                sleep(Duration::from_millis(50)).await;
            }
            let admin = self.admin().await;
            while request(&admin, "GET", "/readyz", "application/json", None).await.is_err() {
                sleep(Duration::from_millis(100)).await;
            }
        };
        if timeout(START_WAIT, ready).await.is_err() {
            processes.api = None;
            let log = std::fs::read_to_string(&log).unwrap_or_default();
            let last: Vec<_> = log.lines().rev().take(20).collect();
            panic!("the API server is not ready; its last words, from the end:\n{}", last.join("\n"));
        }
    }

    pub(crate) async fn kill(&self) {
        self.processes.lock().await.api = None;
    }

    pub(crate) async fn end_in_order(&self) {
        if let Some(api) = self.processes.lock().await.api.take() {
            let ended = tokio::task::spawn_blocking(|| api.end_in_order()).await;
            ended.expect("nothing panics").expect("the server can be asked to end");
        }
    }

    fn arguments(&self, etcd: &str) -> Vec<String> {
        let file = |name: &str| self.folder.join(name).display().to_string();
        let mut arguments = vec![
            format!("--etcd-servers={etcd}"),
            "--etcd-compaction-interval=0".to_owned(),
            format!("--bind-address={}", self.address()),
            format!("--secure-port={}", self.port),
            // Makes an authority and a certificate of its own there.
            format!("--cert-dir={}", file("certificates")),
            format!("--token-auth-file={}", file("tokens.csv")),
            "--service-account-issuer=https://kubernetes.default.svc".to_owned(),
            format!("--service-account-key-file={}", file("accounts.key")),
            format!("--service-account-signing-key-file={}", file("accounts.key")),
            // Loopback: what the server sends to a Service, a webhook say, never leaves this machine.
            "--service-cluster-ip-range=127.96.0.0/16".to_owned(),
            "--endpoint-reconciler-type=none".to_owned(),
            format!("--audit-policy-file={}", file("audit.json")),
            format!("--audit-log-path={}", self.audit_log().display()),
        ];
        let more: &[&str] = match self.shape {
            // Nobody makes the default accounts that this would wait for.
            Shape::Bare => &["--authorization-mode=RBAC", "--disable-admission-plugins=ServiceAccount"],
            Shape::Whole { .. } => {
                &["--authorization-mode=Node,RBAC", "--kubelet-preferred-address-types=InternalIP"]
            }
        };
        arguments.extend(more.iter().map(|&argument| argument.to_owned()));
        arguments
    }

    fn address(&self) -> Ipv4Addr {
        match self.shape {
            Shape::Bare => Ipv4Addr::LOCALHOST,
            Shape::Whole { address, .. } => address,
        }
    }

    /// The lines `token,user,uid,groups`.
    fn tokens(&self) -> String {
        let line = |user: &str, group: &str| format!("{user},{user},{user},{group}\n");
        let mut lines = vec![format!("{ADMIN_TOKEN},admin,1,system:masters\n")];
        if let Shape::Whole { nodes, .. } = &self.shape {
            lines.extend(COMPONENTS.iter().map(|user| line(user, "")));
            lines.extend(nodes.iter().map(|node| line(&format!("system:node:{node}"), "system:nodes")));
        }
        lines.concat()
    }

    fn write_settings(&self) {
        let write = |name: &str, text: &str| {
            std::fs::write(self.folder.join(name), text).expect("the folder can be written");
        };
        write("tokens.csv", &self.tokens());
        let of_accounts = json!({
            "level": "Metadata",
            "userGroups": ["system:serviceaccounts"],
            "omitStages": ["ResponseStarted", "ResponseComplete", "Panic"],
        });
        let policy = json!({
            "apiVersion": "audit.k8s.io/v1", "kind": "Policy", "rules": [of_accounts, { "level": "None" }],
        });
        write("audit.json", &policy.to_string());
        let mut openssl = Command::new("openssl");
        openssl.args(["ecparam", "-name", "prime256v1", "-genkey", "-noout", "-out"]);
        let made = openssl.arg(self.folder.join("accounts.key")).output();
        let made = made.expect("openssl can be started; install it");
        assert!(made.status.success(), "{}", String::from_utf8_lossy(&made.stderr));
        self.write_kubeconfig("admin", ADMIN_TOKEN, "default");
    }

    fn write_kubeconfig(&self, name: &str, token: &str, namespace: &str) -> PathBuf {
        let cluster = json!({ "server": self.url(), "certificate-authority": self.certificate().display().to_string() });
        let context = json!({ "cluster": "test", "user": "test", "namespace": namespace });
        let config = json!({
            "apiVersion": "v1",
            "kind": "Config",
            "current-context": "test",
            "clusters": [{ "name": "test", "cluster": cluster }],
            "users": [{ "name": "test", "user": { "token": token } }],
            "contexts": [{ "name": "test", "context": context }],
        });
        let path = self.folder.join(format!("{name}.kubeconfig"));
        std::fs::write(&path, config.to_string()).expect("the folder can be written");
        path
    }

    async fn admin(&self) -> Client {
        client(&self.admin_kubeconfig()).await
    }

    fn admin_kubeconfig(&self) -> PathBuf {
        self.folder.join("admin.kubeconfig")
    }

    fn certificate(&self) -> PathBuf {
        self.folder.join("certificates/apiserver.crt")
    }

    fn audit_log(&self) -> PathBuf {
        self.folder.join("audit.log")
    }

    fn url(&self) -> String {
        format!("https://{}:{}", self.address(), self.port)
    }
}

pub(crate) async fn client(kubeconfig: &Path) -> Client {
    let read = Kubeconfig::read_from(kubeconfig).expect("it was written for this");
    let config = kube::Config::from_custom_kubeconfig(read, &KubeConfigOptions::default()).await;
    Client::try_from(config.expect("it is a kubeconfig")).expect("it names credentials")
}

/// Asks once; an error begins with the HTTP status, where there is one.
pub(crate) async fn request(
    client: &Client,
    method: &str,
    path: &str,
    content_type: &str,
    body: Option<&Value>,
) -> Result<Value, String> {
    let body = body.map(Value::to_string).unwrap_or_default().into_bytes();
    let request = http::Request::builder().method(method).uri(path).header("content-type", content_type);
    ask(client, request.body(body)).await
}

async fn ask(client: &Client, request: http::Result<http::Request<Vec<u8>>>) -> Result<Value, String> {
    let request = request.map_err(|error| error.to_string())?;
    let answer = client.request_text(request).await.map_err(|error| match error {
        kube::Error::Api(status) => format!("{} {}", status.code, status.message),
        error => error.to_string(),
    })?;
    // Probes answer `ok`.
    Ok(serde_json::from_str(&answer).unwrap_or(Value::String(answer)))
}

pub(crate) fn free_port() -> u16 {
    let listener = TcpListener::bind((Ipv4Addr::UNSPECIFIED, 0)).expect("there is a free port");
    listener.local_addr().expect("it is bound").port()
}
