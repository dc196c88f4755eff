//! A flow of twelve nodes against the longest way through it.

use super::runs::{finding, flow_of, now};
use anyhow::{Context, Result};
use aws_config::SdkConfig;
use prodrome_diagnose::{Diagnose, LambdaPlugins};
use prodrome_e2e::sdk_config;
use prodrome_emulator::{Code, Deployment, Emulator, Options, Template};
use prodrome_flows::FlowSet;
use prodrome_lambda::{Delivery, Functions, Handler, Tally};
use prodrome_model::{AlertMessage, Finding, Group, ObjectRef};
use prodrome_queue::{Body, MemoryQueue};
use prodrome_store::DynamoStore;
use std::collections::BTreeMap;
use std::fmt::{self, Write as _};
use std::sync::Arc;
use std::time::{Duration, Instant};

/// Name, milliseconds, what it waits for.
const NODES: [(&str, u64, &[&str]); 12] = [
    ("a", 200, &[]),
    ("b", 300, &[]),
    ("c", 200, &["a"]),
    ("d", 100, &["a", "b"]),
    ("e", 250, &["b"]),
    ("f", 300, &["c"]),
    ("g", 200, &["c", "d"]),
    ("h", 150, &["d", "e"]),
    ("i", 200, &["e"]),
    ("j", 200, &["f", "g"]),
    ("k", 250, &["g", "h", "i"]),
    ("l", 100, &["j", "k"]),
];
const ROUNDS: usize = 7;

const TEMPLATE: &str = "
AWSTemplateFormatVersion: '2010-09-09'
Transform: AWS::Serverless-2016-10-31
Resources:
  Wait:
    Type: AWS::Serverless::Function
    Properties: { FunctionName: twelve-plugin-wait, Runtime: provided.al2023, Handler: bootstrap, CodeUri: ., Timeout: 30 }
  Runs:
    Type: AWS::DynamoDB::Table
    Properties:
      TableName: twelve-runs
      BillingMode: PAY_PER_REQUEST
      AttributeDefinitions: [{ AttributeName: pk, AttributeType: S }, { AttributeName: sk, AttributeType: S }]
      KeySchema: [{ AttributeName: pk, KeyType: HASH }, { AttributeName: sk, KeyType: RANGE }]
";

/// Answers after as many milliseconds as it is told to. It logs a line as plugins do: for that of one that is silent the
/// emulator waits 50 ms.
const WAIT: &str = r#"#!/usr/bin/env python3
import json, os, time, urllib.request
api = "http://" + os.environ["AWS_LAMBDA_RUNTIME_API"] + "/2018-06-01/runtime/invocation"
while True:
    with urllib.request.urlopen(api + "/next", timeout=3600) as asked:
        request = asked.headers["Lambda-Runtime-Aws-Request-Id"]
        event = json.load(asked)
    time.sleep(event["params"]["ms"] / 1000)
    print("answered", flush=True)
    answer = json.dumps({"verdict": "cleared", "summary": "waited"}).encode()
    urllib.request.urlopen(f"{api}/{request}/response", data=answer, timeout=60).close()
"#;

/// What was seen.
pub struct Twelve {
    longest_way: Duration,
    times: Vec<Duration>,
    /// Of one node that takes no time.
    empty: Vec<Duration>,
}

/// Runs it.
///
/// # Errors
/// Where the emulator does not do what it should.
pub fn measure() -> Result<Twelve> {
    let scratch = tempfile::tempdir()?;
    let program = scratch.path().join("wait");
    std::fs::write(&program, WAIT)?;
    let emulator = Emulator::start(&Options::default(), &|_| ())?;
    let template = Template::parse(TEMPLATE)?;
    emulator.deploy(&Deployment::new("twelve", &template).code(&Code::copying(&program)?))?;
    let mut text = "deadline: 60s\nnodes:\n".to_owned();
    for (name, ms, after) in NODES {
        writeln!(
            text,
            "  {name}: {{ plugin: wait, params: {{ ms: {ms} }}, after: [{}], timeout: 20s }}",
            after.join(", ")
        )?;
    }
    let flows = flow_of(&text)?;
    let empty_flow = flow_of("nodes:\n  a: { plugin: wait, params: { ms: 0 }, timeout: 20s }\n")?;
    let runtime = tokio::runtime::Builder::new_multi_thread().worker_threads(2).enable_all().build()?;
    let (times, empty) = runtime.block_on(async {
        let aws = sdk_config(&emulator).await;
        // In the first round the functions start.
        let mut times = diagnoses(&aws, flows, ROUNDS + 1).await?;
        times.remove(0);
        Ok::<_, anyhow::Error>((times, diagnoses(&aws, empty_flow, 3 * ROUNDS).await?))
    })?;
    Ok(Twelve { longest_way: Duration::from_millis(longest_way()), times, empty })
}

/// So many findings in a row, each as diagnose takes it from its queue: its run is taken, its nodes are called and kept,
/// the conclusion is written and sent on.
async fn diagnoses(aws: &SdkConfig, flows: FlowSet, count: usize) -> Result<Vec<Duration>> {
    let store = DynamoStore::new(aws_sdk_dynamodb::Client::new(aws), "twelve-runs");
    let plugins = LambdaPlugins::new(Functions::new(aws)?, "twelve-plugin-");
    let diagnose = Diagnose::new(store, MemoryQueue::new(now()), plugins, Arc::new(flows));
    let mut times = Vec::new();
    for round in 0..count {
        let object = ObjectRef {
            api_version: "v1".to_owned(),
            kind: "Pod".to_owned(),
            namespace: None,
            name: format!("bench-{round}"),
        };
        let finding = Finding {
            flow: Some("f".to_owned()),
            // One that looks like one before would be compared with it, and no plugin called.
            group: Group { owner: object.clone(), key: object.to_string() },
            ..finding(&object, "uid", round)
        };
        let text = serde_json::to_string(&AlertMessage::Finding(Box::new(finding)))?;
        let delivery = Delivery { id: "m".to_owned(), body: Body::Text(text), attempt: 1, sent_at: None };
        let begun = Instant::now();
        let done = diagnose.handle(&delivery, now(), &mut Tally::default()).await;
        done.map_err(|failure| anyhow::anyhow!("{failure}")).context("diagnose failed")?;
        times.push(begun.elapsed());
    }
    Ok(times)
}

/// The longest sum of waits on a way through the flow.
fn longest_way() -> u64 {
    let mut ends: BTreeMap<&str, u64> = BTreeMap::new();
    for (name, ms, after) in NODES {
        let begins = after.iter().filter_map(|before| ends.get(before)).max().copied().unwrap_or(0);
        ends.insert(name, begins + ms);
    }
    ends.into_values().max().unwrap_or(0)
}

impl fmt::Display for Twelve {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let mut times = self.times.clone();
        times.sort();
        let median = times.get(times.len() / 2).copied().unwrap_or_default();
        let ratio = median.as_secs_f64() / self.longest_way.as_secs_f64().max(f64::MIN_POSITIVE);
        writeln!(
            f,
            "\nA flow of twelve nodes on the emulator, whose longest way takes {} ms: {} ms (median of {}), {ratio:.2} times that; 1.2 is aimed at. There are five calls in a row on it, and each result is kept in the table; a diagnosis by one function that takes no time takes {} ms here.",
            self.longest_way.as_millis(),
            median.as_millis(),
            times.len(),
            crate::summary::percentile(&self.empty, 50).unwrap_or_default().as_millis()
        )
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_longest_way_is_that_of_the_slowest_nodes_in_a_row() {
        assert_eq!(longest_way(), 300 + 250 + 200 + 250 + 100);
    }
}
