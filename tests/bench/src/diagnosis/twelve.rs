//! A flow of twelve nodes against the longest way through it.

use super::runs::{flow_of, run_once};
use anyhow::{Context, Result};
use prodrome_diagnose::LambdaPlugins;
use prodrome_e2e::sdk_config;
use prodrome_emulator::{Code, Deployment, Emulator, Options, Template};
use prodrome_lambda::Functions;
use std::collections::BTreeMap;
use std::fmt::{self, Write as _};
use std::time::Duration;

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
";

/// Answers after as many milliseconds as it is told to.
const WAIT: &str = r#"#!/usr/bin/env python3
import json, os, time, urllib.request
api = "http://" + os.environ["AWS_LAMBDA_RUNTIME_API"] + "/2018-06-01/runtime/invocation"
while True:
    with urllib.request.urlopen(api + "/next", timeout=3600) as asked:
        request = asked.headers["Lambda-Runtime-Aws-Request-Id"]
        event = json.load(asked)
    time.sleep(event["params"]["ms"] / 1000)
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
    let flow = flows.get("f").context("the flow is there")?;
    let empty_flows = flow_of("nodes:\n  a: { plugin: wait, params: { ms: 0 }, timeout: 20s }\n")?;
    let empty_flow = empty_flows.get("f").context("the flow is there")?;
    let runtime = tokio::runtime::Builder::new_multi_thread().worker_threads(2).enable_all().build()?;
    let (times, empty) = runtime.block_on(async {
        let aws = sdk_config(&emulator).await;
        let plugins = LambdaPlugins::new(Functions::new(&aws)?, "twelve-plugin-");
        let (mut times, mut empty) = (Vec::new(), Vec::new());
        for round in 0..=ROUNDS {
            let elapsed = run_once(flow, &plugins, round).await;
            // In the first the functions start.
            if round > 0 {
                times.push(elapsed);
            }
        }
        for round in 0..3 * ROUNDS {
            empty.push(run_once(empty_flow, &plugins, round).await);
        }
        Ok::<_, anyhow::Error>((times, empty))
    })?;
    Ok(Twelve { longest_way: Duration::from_millis(longest_way()), times, empty })
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
            "\nA flow of twelve nodes on the emulator, whose longest way takes {} ms: {} ms (median of {}), {ratio:.2} times that; 1.2 is aimed at. There are five calls in a row on it; one of a function that takes no time takes {} ms here.",
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
