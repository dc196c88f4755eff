//! `prodrome plugin deploy`, on the emulator.

use crate::run::{command, root};
use prodrome_emulator::{Code, Deployment, Emulator, Options, Template};
use serde_json::json;
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
