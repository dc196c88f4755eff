//! `prodrome plugin deploy`, on the emulator.

use crate::run::{command, root};
use prodrome_emulator::{Code, Deployment, Emulator, Options, Template};
use serde_json::json;
use std::os::unix::fs::PermissionsExt as _;
use std::path::{Path, PathBuf};

const TEMPLATE: &str = "
AWSTemplateFormatVersion: '2010-09-09'
Transform: AWS::Serverless-2016-10-31
Resources:
  Hello:
    Type: AWS::Serverless::Function
    Properties: { FunctionName: demo-plugin-hello, Runtime: provided.al2023, Handler: bootstrap, CodeUri: ., Timeout: 10 }
  Other:
    Type: AWS::Serverless::Function
    Properties: { FunctionName: demo-plugin-other, Runtime: provided.al2023, Handler: bootstrap, CodeUri: ., Timeout: 10 }
";

/// A program that answers every call with this.
fn program(folder: &Path, name: &str, summary: &str) -> PathBuf {
    let path = folder.join(name);
    let script = format!(
        r#"#!/usr/bin/env python3
import json, os, urllib.request
api = "http://" + os.environ["AWS_LAMBDA_RUNTIME_API"] + "/2018-06-01/runtime/invocation"
while True:
    with urllib.request.urlopen(api + "/next", timeout=3600) as asked:
        request = asked.headers["Lambda-Runtime-Aws-Request-Id"]
        asked.read()
    answer = json.dumps({{"verdict": "cleared", "summary": "{summary}"}}).encode()
    urllib.request.urlopen(f"{{api}}/{{request}}/response", data=answer, timeout=60).close()
"#
    );
    std::fs::write(&path, script).unwrap();
    path
}

#[test]
fn deploying_a_plugin_updates_its_function_and_no_other() {
    let folder = tempfile::tempdir().unwrap();
    let (old, new) =
        (program(folder.path(), "old", "the old one"), program(folder.path(), "new", "the new one"));
    let emulator = Emulator::start(&Options::default(), &|_| ()).unwrap();
    let template = Template::parse(TEMPLATE).unwrap();
    let code = Code::copying(&old).unwrap();
    emulator.deploy(&Deployment::new("demo", &template).code(&code)).unwrap();
    let says = |function: &str| {
        let answer = emulator.client().invoke(function, &json!({})).unwrap();
        answer.payload["summary"].as_str().unwrap_or_default().to_owned()
    };
    assert_eq!(
        (says("demo-plugin-hello"), says("demo-plugin-other")),
        ("the old one".into(), "the old one".into())
    );
    let deploy = |name: &str| {
        let mut command = command();
        command
            .args(["plugin", "deploy", name, "--stack", "demo", "--program"])
            .arg(&new)
            .envs(emulator.sdk_environment());
        let output = command.output().unwrap();
        (
            output.status.code(),
            String::from_utf8_lossy(&output.stdout).into_owned() + &String::from_utf8_lossy(&output.stderr),
        )
    };
    let (code, said) = deploy("hello");
    assert_eq!(code, Some(0), "{said}");
    assert!(said.contains("demo-plugin-hello runs the new code"), "{said}");
    assert_eq!(
        (says("demo-plugin-hello"), says("demo-plugin-other")),
        ("the new one".into(), "the old one".into())
    );
    let (code, said) = deploy("nowhere");
    assert_eq!(code, Some(2), "{said}");
    assert!(said.contains("there is no function demo-plugin-nowhere; deploy template.yaml once"), "{said}");
}

#[test]
fn what_runs_on_this_machine_takes_a_plugin_in_any_language_and_makes_its_function() {
    let folder = tempfile::tempdir().unwrap();
    let script = program(folder.path(), "script", "the first");
    let emulator = Emulator::start(&Options::default(), &|_| ()).unwrap();
    let running = json!({ "endpoint": emulator.endpoint(), "stack": "demo", "rulesTable": "r", "checksTable": "c",
        "episodesTable": "e", "scope": "default/local/kind", "kubeconfig": "/kubeconfig" });
    let cache = folder.path().join("cache");
    std::fs::create_dir_all(cache.join("prodrome")).unwrap();
    let deploy = || {
        let mut command = command();
        command.args(["plugin", "deploy", "spoken", "--local", "--program"]).arg(&script);
        let output = command.env("XDG_CACHE_HOME", &cache).output().unwrap();
        (output.status.code(), String::from_utf8_lossy(&output.stderr).into_owned())
    };
    let (code, said) = deploy();
    assert!(code == Some(2) && said.contains("no `prodrome up` runs on this machine"), "{said}");
    std::fs::write(cache.join("prodrome/up.json"), running.to_string()).unwrap();
    let (code, said) = deploy();
    assert!(code == Some(2) && said.contains("chmod +x"), "{said}");
    std::fs::set_permissions(&script, std::fs::Permissions::from_mode(0o755)).unwrap();
    let says = || {
        let answer = emulator.client().invoke("demo-plugin-spoken", &json!({})).unwrap();
        answer.payload["summary"].as_str().unwrap_or_default().to_owned()
    };
    for summary in ["the first", "the second"] {
        program(folder.path(), "script", summary);
        let (code, said) = deploy();
        assert_eq!(code, Some(0), "{said}");
        assert_eq!(says(), summary);
    }
}

#[test]
fn a_plugin_that_is_no_crate_is_not_built() {
    let mut command = command();
    let output = command
        .args(["plugin", "deploy", "nowhere", "--stack", "demo"])
        .current_dir(root())
        .output()
        .unwrap();
    let said = String::from_utf8_lossy(&output.stderr).into_owned();
    assert_eq!(output.status.code(), Some(2), "{said}");
    assert!(said.contains("there is no plugin nowhere"), "{said}");
}
