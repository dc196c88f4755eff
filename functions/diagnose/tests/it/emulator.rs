//! A plugin in another language, as a function of its own on the emulator.

use crate::{World, finding, flows};
use aws_config::{BehaviorVersion, Region, SdkConfig};
use jiff::Timestamp;
use prodrome_diagnose::{Diagnose, LambdaPlugins};
use prodrome_emulator::{Code, Deployment, Emulator, Options, Template};
use prodrome_lambda::{Delivery, Functions, Handler, Tally, metric};
use prodrome_model::AlertMessage;
use prodrome_queue::{Body, MemoryQueue, QueueName};
use prodrome_store::MemoryStore;
use std::path::Path;
use std::sync::Arc;

const TEMPLATE: &str = "
AWSTemplateFormatVersion: '2010-09-09'
Transform: AWS::Serverless-2016-10-31
Resources:
  Plugin:
    Type: AWS::Serverless::Function
    Properties:
      FunctionName: demo-plugin-exit-code
      Runtime: provided.al2023
      Handler: bootstrap
      CodeUri: .
      Timeout: 10
";

const FLOW: &str = "
deadline: 60s
nodes:
  nobody: { plugin: nobody, timeout: 20s }
  code: { plugin: exit-code, params: { exitCode: 127 }, results: { exitCode: number }, timeout: 20s }
  other: { plugin: exit-code, after: code, when: 'code.exitCode != 127.0' }
";

/// How the SDK reaches an emulator.
pub(crate) async fn sdk_config(emulator: &Emulator) -> SdkConfig {
    let to = aws_config::defaults(BehaviorVersion::latest()).endpoint_url(emulator.endpoint());
    to.region(Region::new("us-east-1")).test_credentials().load().await
}

#[test]
fn a_plugin_in_python_is_asked_by_its_name() {
    let emulator = Emulator::start(&Options::default(), &|_| ()).unwrap();
    let script =
        Path::new(env!("CARGO_MANIFEST_DIR")).join("../../shared/plugin/examples/python/exit_code.py");
    let code = Code::launching(&script).unwrap();
    let template = Template::parse(TEMPLATE).unwrap();
    emulator.deploy(&Deployment::new("demo", &template).code(&code)).unwrap();
    let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build().unwrap();
    let told = runtime.block_on(async {
        let aws = sdk_config(&emulator).await;
        let now = Timestamp::from_second(1_767_268_800).unwrap();
        let queue = MemoryQueue::new(now);
        let plugins = LambdaPlugins::new(Functions::new(&aws).unwrap(), "demo-plugin-");
        let diagnose = Diagnose::new(MemoryStore::new(), queue.clone(), plugins, Arc::new(flows(FLOW)));
        let text = serde_json::to_string(&AlertMessage::Finding(Box::new(finding("web-0")))).unwrap();
        let delivery = Delivery { id: "m".to_owned(), body: Body::Text(text), attempt: 1, sent_at: None };
        let mut tally = Tally::default();
        diagnose.handle(&delivery, now, &mut tally).await.unwrap();
        assert_eq!((tally.count(metric::PLUGIN_CALLS), tally.count(metric::PLUGIN_FAILURES)), (2, 1));
        World::take_from(&queue, QueueName::Findings, now).remove(0)
    });
    assert_eq!(told.cause.as_deref(), Some("command-not-found"));
    let diagnosis = told.diagnosis.unwrap();
    assert_eq!(diagnosis.summary, "Pod web-0 ended with 127");
    let unseen = diagnosis.not_looked_at.iter().find(|unseen| unseen.what.contains("nobody")).unwrap();
    assert!(unseen.reason.contains("there is no plugin"), "{unseen:?}");
}
