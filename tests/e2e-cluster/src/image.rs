use crate::program::output;
use crate::registry::Registries;
use crate::site::Site;
use anyhow::{Context, Result};
use serde_json::{Value, json};
use sha2::{Digest as _, Sha256};
use std::fmt::Write as _;
use std::path::Path;
use std::process::Command;

/// The image of a pod's first container, as nodes are told to take it.
pub(crate) const PAUSE: &str = "registry.example.com/pause:1";
const MANIFEST: &str = "application/vnd.oci.image.manifest.v1+json";
const INDEX: &str = "application/vnd.oci.image.index.v1+json";

/// Makes the images and pushes them: `pause`, and one of busybox under the names of several programs.
pub(crate) fn push_all(site: &Site) -> Result<()> {
    let folder = site.folder.join("images");
    let pause = folder.join("pause");
    std::fs::create_dir_all(&pause)?;
    std::fs::copy(site.part("pause"), pause.join("pause"))?;
    push("pause", "1", "amd64", &layer(&pause)?, &json!({ "Entrypoint": ["/pause"] }))?;

    let program = folder.join("program");
    for part in ["bin", "tmp", "var/www"] {
        std::fs::create_dir_all(program.join(part))?;
    }
    for part in ["busybox", "eat"] {
        std::fs::copy(site.part(part), program.join("bin").join(part))?;
    }
    std::fs::write(program.join("var/www/index.html"), "ready\n")?;
    let applets = String::from_utf8(output(Command::new(site.part("busybox")).arg("--list"))?)?;
    for applet in applets.lines().filter(|&applet| applet != "busybox") {
        std::os::unix::fs::symlink("busybox", program.join("bin").join(applet))?;
    }
    let layer = layer(&program)?;
    let serves = json!({ "Cmd": ["httpd", "-f", "-p", "8080", "-h", "/var/www"], "Env": ["PATH=/bin"] });
    for (name, tag) in [("shop/web", "1.0"), ("shop/web", "1.1"), ("shop/api", "1.0"), ("shop/worker", "1.0")]
    {
        push(name, tag, "amd64", &layer, &serves)?;
    }
    // Only an index says before the pull for which platforms an image is.
    let manifest = push("shop/arm", "1.0-arm64", "arm64", &layer, &serves)?;
    let mut entry = part(MANIFEST, manifest.as_bytes());
    entry["platform"] = json!({ "architecture": "arm64", "os": "linux" });
    let index = json!({ "schemaVersion": 2, "mediaType": INDEX, "manifests": [entry] });
    put("shop/arm", "1.0", INDEX, &index.to_string())
}

/// A folder as a layer, not compressed.
fn layer(folder: &Path) -> Result<Vec<u8>> {
    let mut tar = Command::new("tar");
    tar.args(["--sort=name", "--mtime=@0", "--owner=0", "--group=0", "--numeric-owner", "-cf", "-", "-C"]);
    output(tar.arg(folder).arg("."))
}

/// Pushes an image of one layer; its manifest.
fn push(name: &str, tag: &str, architecture: &str, layer: &[u8], config: &Value) -> Result<String> {
    let config = json!({
        "architecture": architecture, "os": "linux", "config": config,
        "rootfs": { "type": "layers", "diff_ids": [digest(layer)] },
    });
    let config = config.to_string().into_bytes();
    let manifest = json!({
        "schemaVersion": 2, "mediaType": MANIFEST,
        "config": part("application/vnd.oci.image.config.v1+json", &config),
        "layers": [part("application/vnd.oci.image.layer.v1.tar", layer)],
    });
    blob(name, layer)?;
    blob(name, &config)?;
    let manifest = manifest.to_string();
    put(name, tag, MANIFEST, &manifest)?;
    Ok(manifest)
}

fn part(media: &str, bytes: &[u8]) -> Value {
    json!({ "mediaType": media, "digest": digest(bytes), "size": bytes.len() })
}

fn put(name: &str, tag: &str, media: &str, manifest: &str) -> Result<()> {
    let url = format!("{}/v2/{name}/manifests/{tag}", Registries::push_url());
    let sent = ureq::put(&url).content_type(media).send(manifest);
    sent.with_context(|| format!("cannot push {name}:{tag}"))?;
    Ok(())
}

fn blob(name: &str, bytes: &[u8]) -> Result<()> {
    let begun = ureq::post(format!("{}/v2/{name}/blobs/uploads/", Registries::push_url())).send_empty()?;
    let place = begun.headers().get("location").context("an upload has a place")?.to_str()?;
    ureq::put(format!("{place}&digest={}", digest(bytes))).send(bytes)?;
    Ok(())
}

fn digest(bytes: &[u8]) -> String {
    Sha256::digest(bytes).iter().fold("sha256:".to_owned(), |mut text, byte| {
        write!(text, "{byte:02x}").expect("a text takes what is written");
        text
    })
}
