//! A new plugin: its crate, its place in the command, its entry in the template.

use super::entry::{self, Declared};
use anyhow::{Context, Result, bail};
use std::fs;
use std::path::{Path, PathBuf};

/// As long as a function's name may be on AWS.
pub(super) const FUNCTION_NAME_MAX: usize = 64;
/// As long as a plugin's name may be, here and in flows.
const NAME_MAX: usize = 40;

/// Makes the plugin in the project of this folder.
pub(super) fn create(root: &Path, name: &str) -> Result<()> {
    let sound = |c: char| c.is_ascii_lowercase() || c.is_ascii_digit() || c == '-';
    let is_name = name.chars().all(sound)
        && name.chars().next().is_some_and(|c| c.is_ascii_lowercase())
        && !name.ends_with('-')
        && !name.contains("--");
    if !is_name {
        bail!(
            "{name:?} cannot be a plugin's name: expected small letters, digits and dashes, such as disk-usage"
        );
    }
    if name.len() > NAME_MAX {
        let left = FUNCTION_NAME_MAX - "-plugin-".len() - NAME_MAX;
        bail!(
            "{name} has {} characters and cannot be a plugin's name: expected at most {NAME_MAX}, as its function is called \
             <stack>-plugin-{name}, and Lambda takes {FUNCTION_NAME_MAX} characters, of which a stack's name has {left}",
            name.len()
        );
    }
    let dir = root.join("functions/plugins").join(name);
    if dir.exists() {
        bail!("there is a plugin {name} already: {}", dir.display());
    }
    let ident = format!("prodrome_plugin_{}", name.replace('-', "_"));
    // All that has to fit is looked for before anything is written.
    let edits = [
        insert(
            root,
            "Cargo.toml",
            "\n# Data\n",
            &format!("prodrome-plugin-{name} = {{ path = \"functions/plugins/{name}\" }}\n"),
        )?,
        insert(
            root,
            "infra/local/Cargo.toml",
            "prodrome-queue.workspace",
            &format!("prodrome-plugin-{name}.workspace = true\n"),
        )?,
        insert(root, "infra/local/src/plugins.rs", "    ])\n", &format!("        {ident}::plugin(),\n"))?,
        insert(root, "template.yaml", "  PluginLogGroup:\n", &entry::entry(&Declared::new(name)))?,
    ];
    fs::create_dir_all(dir.join("src")).with_context(|| format!("cannot make {}", dir.display()))?;
    let write = |file: &str, text: String| {
        fs::write(dir.join(file), text).with_context(|| format!("cannot write {}", dir.join(file).display()))
    };
    write("Cargo.toml", manifest(name))?;
    write("src/main.rs", main_rs(name, &ident))?;
    write("src/lib.rs", lib_rs(name))?;
    for (path, text) in edits {
        fs::write(&path, text).with_context(|| format!("cannot write {}", path.display()))?;
    }
    Ok(())
}

/// A file with lines put in before the first place where `before` stands.
fn insert(root: &Path, file: &str, before: &str, lines: &str) -> Result<(PathBuf, String)> {
    let path = root.join(file);
    let text = fs::read_to_string(&path).with_context(|| format!("cannot read {}", path.display()))?;
    let Some((head, tail)) = text.split_once(before) else {
        bail!("{} has no line {:?}, before which the plugin would stand", path.display(), before.trim());
    };
    Ok((path, [head, lines, before, tail].concat()))
}

fn manifest(name: &str) -> String {
    format!(
        r#"[package]
name = "prodrome-plugin-{name}"
description = "Root-cause plugin: what it finds out, in a line"
version.workspace = true
edition.workspace = true
rust-version.workspace = true
license.workspace = true
publish.workspace = true

[[bin]]
name = "plugin-{name}"
path = "src/main.rs"

[lints]
workspace = true

[dependencies]
prodrome-plugin.workspace = true
serde_json.workspace = true

[dev-dependencies]
tokio.workspace = true
"#
    )
}

fn main_rs(name: &str, ident: &str) -> String {
    format!(
        "//! The Lambda function `plugin-{name}`.\n\nfn main() -> Result<(), prodrome_plugin::Error> {{\n    prodrome_plugin::run({ident}::plugin())\n}}\n"
    )
}

fn lib_rs(name: &str) -> String {
    format!(
        r#"//! What it finds out, in a line.

use prodrome_plugin::{{Cause, Context, Evidence, NoParams, Object, Plugin, Problem, Response}};

/// The plugin.
pub fn plugin() -> Plugin {{
    Plugin::new("{name}", diagnose)
        .about("What it finds out, in a line.")
        .reads("", "pods", &["get", "list"])
        .names(&[Cause::NodeMemoryPressure])
}}

/// Gathers what is needed.
async fn diagnose(context: Context, _: NoParams) -> Result<Response, Problem> {{
    let pods = context.pods().await?;
    Ok(explain(&pods))
}}

/// Says what it comes to.
fn explain(pods: &[Object]) -> Response {{
    let unlimited = pods.iter().find(|pod| pod.at("/spec/containers/0/resources/limits").is_null());
    let Some(pod) = unlimited else {{ return Response::cleared("every pod has limits") }};
    Response::cause("node-memory-pressure", 0.3, format!("{{}} may use all of its node", pod.name()))
        .because(Evidence::new("spec", "its first container has no limits"))
        .remedy("Give it limits.")
}}

#[cfg(test)]
mod tests {{
    use super::*;
    use prodrome_plugin::kit::Kit;
    use serde_json::json;

    #[tokio::test]
    async fn a_pod_without_limits_is_named() {{
        let pod = json!({{ "apiVersion": "v1", "kind": "Pod", "metadata": {{ "name": "web-0", "namespace": "shop" }},
            "spec": {{ "containers": [{{ "name": "web" }}] }} }});
        let answer = Kit::new().with(pod).ask(&plugin(), "Pod shop/web-0").await;
        assert_eq!(answer.summary, "web-0 may use all of its node");
    }}

    #[tokio::test]
    async fn one_with_limits_is_not() {{
        let pod = json!({{ "apiVersion": "v1", "kind": "Pod", "metadata": {{ "name": "web-0", "namespace": "shop" }},
            "spec": {{ "containers": [{{ "name": "web", "resources": {{ "limits": {{ "memory": "64Mi" }} }} }}] }} }});
        let answer = Kit::new().with(pod).ask(&plugin(), "Pod shop/web-0").await;
        assert_eq!(answer.verdict.as_str(), "cleared");
    }}
}}
"#
    )
}
