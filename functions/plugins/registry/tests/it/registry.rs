//! A real registry: the distribution's `docker-registry`, over a folder of its own.

use prodrome_plugin::kit::program;
use serde_json::{Value, json};
use sha2::{Digest as _, Sha256};
use std::io::{BufRead as _, BufReader, Write as _};
use std::path::Path;
use std::process::{Child, Command, Stdio};

/// `robot` with the password `of-these-tests`.
const HTPASSWD: &str = "robot:$2b$04$ZtInB/W.JVeS1nwUJy4gH.0nY2VIBDR3THk0vpVWKAfKK4SaF9ExK\n";

/// How a registry is set up, beside its storage.
#[derive(Default)]
pub(crate) struct Setup<'a> {
    pub(crate) tls: Option<&'a super::pki::Pki>,
    pub(crate) htpasswd: bool,
    /// Where it sends for tokens, and whose it takes.
    pub(crate) tokens: Option<&'a super::tokens::Tokens>,
    /// The host of the registry that it is a pull-through cache of.
    pub(crate) upstream: Option<&'a str>,
}

/// A registry that runs. It ends when it is dropped.
pub(crate) struct Registry {
    /// `127.0.0.1:41234`.
    pub(crate) host: String,
    process: Child,
}

impl Registry {
    /// Starts one over a folder; `None`, said in the test's name, where there is no such program.
    pub(crate) fn start(test: &str, folder: &Path, setup: &Setup<'_>) -> Option<Self> {
        let Some(binary) = program("docker-registry", "PRODROME_TEST_REGISTRY") else {
            let why = "no registry; install docker-registry or set PRODROME_TEST_REGISTRY";
            std::io::stderr().write_all(format!("SKIPPED {test}: {why}\n").as_bytes()).unwrap();
            return None;
        };
        let config = folder.join(format!("config-{}-{}.yml", setup.htpasswd, setup.tokens.is_some()));
        std::fs::write(&config, configuration(folder, setup)).unwrap();
        let mut process = Command::new(&binary)
            .arg("serve")
            .arg(&config)
            .env("OTEL_TRACES_EXPORTER", "none")
            .stdout(Stdio::null())
            .stderr(Stdio::piped())
            .spawn()
            .unwrap();
        let mut lines = BufReader::new(process.stderr.take().unwrap()).lines();
        let mut said = Vec::new();
        let host = loop {
            let Some(line) = lines.next() else { panic!("the registry ended: {}", said.join("\n")) };
            let line = line.unwrap();
            if let Some((_, rest)) = line.split_once("listening on 127.0.0.1:") {
                let port: String = rest.chars().take_while(char::is_ascii_digit).collect();
                break format!("127.0.0.1:{port}");
            }
            said.push(line);
        };
        // It must not block on a full pipe.
        std::thread::spawn(move || lines.map_while(Result::ok).for_each(drop));
        Some(Self { host, process })
    }

    /// Pushes an image without any layer for these platforms: an index, where there are several.
    pub(crate) async fn push(&self, repository: &str, tag: &str, platforms: &[&str]) {
        let mut entries = Vec::new();
        let mut last = (Value::Null, "");
        for platform in platforms {
            let (os, architecture) = platform.split_once('/').unwrap();
            let config = json!({ "os": os, "architecture": architecture, "rootfs": { "type": "layers", "diff_ids": [] } });
            let config = config.to_string().into_bytes();
            let digest = self.blob(repository, &config).await;
            let media = "application/vnd.oci.image.manifest.v1+json";
            let manifest = json!({ "schemaVersion": 2, "mediaType": media, "layers": [], "config": {
                "mediaType": "application/vnd.oci.image.config.v1+json", "digest": digest, "size": config.len() } });
            let (digest, size) = self.manifest(repository, tag, media, &manifest).await;
            entries.push(json!({ "mediaType": media, "digest": digest, "size": size,
                "platform": { "os": os, "architecture": architecture } }));
            last = (manifest, media);
        }
        if entries.len() > 1 {
            let media = "application/vnd.oci.image.index.v1+json";
            last = (json!({ "schemaVersion": 2, "mediaType": media, "manifests": entries }), media);
        }
        self.manifest(repository, tag, last.1, &last.0).await;
    }

    async fn blob(&self, repository: &str, bytes: &[u8]) -> String {
        let digest = format!("sha256:{}", hex::encode(Sha256::digest(bytes)));
        let client = reqwest::Client::new();
        let begun =
            client.post(format!("http://{}/v2/{repository}/blobs/uploads/", self.host)).send().await.unwrap();
        let place = begun.headers()["location"].to_str().unwrap().to_owned();
        let sent = client.put(format!("{place}&digest={digest}")).body(bytes.to_vec()).send().await.unwrap();
        assert_eq!(sent.status(), 201, "{}", sent.text().await.unwrap());
        digest
    }

    async fn manifest(&self, repository: &str, tag: &str, media: &str, manifest: &Value) -> (String, usize) {
        let bytes = manifest.to_string().into_bytes();
        let url = format!("http://{}/v2/{repository}/manifests/{tag}", self.host);
        let request = reqwest::Client::new().put(url).header("content-type", media).body(bytes.clone());
        let sent = request.send().await.unwrap();
        assert_eq!(sent.status(), 201, "{}", sent.text().await.unwrap());
        (format!("sha256:{}", hex::encode(Sha256::digest(&bytes))), bytes.len())
    }
}

impl Drop for Registry {
    fn drop(&mut self) {
        self.process.kill().ok();
        self.process.wait().ok();
    }
}

fn configuration(folder: &Path, setup: &Setup<'_>) -> String {
    let mut http = json!({ "addr": "127.0.0.1:0", "secret": "of-this-test" });
    if let Some(pki) = setup.tls {
        http["tls"] = json!({ "certificate": pki.certificate(), "key": pki.key() });
    }
    let mut config = json!({ "version": 0.1, "log": { "accesslog": { "disabled": true } }, "http": http,
        "storage": { "filesystem": { "rootdirectory": folder.join("storage") } } });
    if setup.htpasswd {
        let path = folder.join("htpasswd");
        std::fs::write(&path, HTPASSWD).unwrap();
        config["auth"] = json!({ "htpasswd": { "realm": "test", "path": path } });
    }
    if let Some(tokens) = setup.tokens {
        config["auth"] = json!({ "token": { "realm": tokens.realm, "service": "registry", "issuer": "of-this-test",
            "rootcertbundle": tokens.authority } });
    }
    if let Some(host) = setup.upstream {
        config["proxy"] = json!({ "remoteurl": format!("http://{host}") });
    }
    config.to_string()
}
