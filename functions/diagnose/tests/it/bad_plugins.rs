//! Plugins that break their contract, as functions on the emulator.

use crate::emulator::sdk_config;
use crate::{World, finding, flows};
use jiff::{SignedDuration, Timestamp};
use prodrome_diagnose::{Diagnose, LambdaPlugins};
use prodrome_emulator::{Code, Deployment, Emulator, Options, Template};
use prodrome_lambda::{Delivery, Functions, Handler, Tally, metric};
use prodrome_model::{AlertMessage, Finding, Group, Verdict};
use prodrome_queue::{Body, MemoryQueue, QueueName};
use prodrome_store::MemoryStore;
use std::fmt::Write as _;
use std::path::Path;
use std::sync::Arc;

/// What each does, and what is said of it. A time that is far off for all but the one that hangs.
const BAD: [(&str, &str, &str); 9] = [
    ("prose", "60s", "its answer is none: "),
    ("list", "60s", "its answer is none: "),
    ("half", "60s", "its answer is none: the verdict is cause, but none is named"),
    ("too-sure", "60s", "its answer is none: its confidence is not from 0 to 1"),
    ("huge", "60s", "its answer is none: it has more than 262144 bytes"),
    ("fails", "60s", "it failed: "),
    ("crashes", "60s", "it failed: "),
    ("hangs", "1s", "it did not answer within 1 s"),
    ("missing", "60s", "there is no plugin"),
];

fn template() -> Template {
    let mut text =
        "AWSTemplateFormatVersion: '2010-09-09'\nTransform: AWS::Serverless-2016-10-31\nResources:\n"
            .to_owned();
    let names = BAD.iter().map(|(name, ..)| *name).filter(|name| *name != "missing");
    for (nth, name) in names.chain(["twice", "good"]).enumerate() {
        writeln!(
            text,
            "  P{nth}:\n    Type: AWS::Serverless::Function\n    Properties: {{ FunctionName: demo-plugin-{name}, \
             Runtime: provided.al2023, Handler: bootstrap, CodeUri: ., Timeout: 20 }}"
        )
        .unwrap();
    }
    Template::parse(&text).unwrap()
}

/// A flow of all of them, side by side with two that answer as they should.
fn flow() -> String {
    let mut text = "deadline: 120s\ncalls: 64\nnodes:\n  good: { plugin: good, timeout: 60s }\n  \
                    twice: { plugin: twice, timeout: 60s, params: { do: twice } }\n  \
                    last: { plugin: good, after: [hangs, crashes, twice], timeout: 60s }\n"
        .to_owned();
    for (name, timeout, _) in BAD {
        let node = name.replace('-', "_");
        writeln!(text, "  {node}: {{ plugin: {name}, timeout: {timeout}, params: {{ do: {name} }} }}")
            .unwrap();
    }
    text
}

#[test]
fn whatever_a_plugin_does_the_others_go_on_and_the_reason_is_told() {
    let emulator = Emulator::start(&Options::default(), &|_| ()).unwrap();
    let script = Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/it/bad_plugin.py");
    let code = Code::launching(&script).unwrap();
    emulator.deploy(&Deployment::new("demo", &template()).code(&code)).unwrap();
    let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build().unwrap();
    runtime.block_on(async {
        let aws = sdk_config(&emulator).await;
        let now = Timestamp::from_second(1_767_268_800).unwrap();
        let queue = MemoryQueue::new(now);
        let plugins = LambdaPlugins::new(Functions::new(&aws).unwrap(), "demo-plugin-");
        let diagnose = Diagnose::new(MemoryStore::new(), queue.clone(), plugins, Arc::new(flows(&flow())));
        let ask = async |nth: u32, now: Timestamp, tally: &mut Tally| {
            // Faults of other groups: none of them is compared with the one before.
            let group = Group { key: format!("R/{nth}"), ..finding("w").group };
            let finding = Finding { group, ..finding(&format!("w-{nth}")) };
            let text = serde_json::to_string(&AlertMessage::Finding(Box::new(finding))).unwrap();
            let delivery = Delivery { id: "m".to_owned(), body: Body::Text(text), attempt: 1, sent_at: None };
            diagnose.handle(&delivery, now, tally).await.unwrap();
            World::take_from(&queue, QueueName::Findings, now).remove(0)
        };
        let mut tally = Tally::default();
        let told = ask(0, now, &mut tally).await;
        assert_eq!(told.cause, None, "an answer that is none names nothing: {told:?}");
        let diagnosis = told.diagnosis.unwrap();
        for (name, _, reason) in BAD {
            let node = name.replace('-', "_");
            let outcome = diagnosis.nodes.iter().find(|outcome| outcome.node == node).unwrap();
            assert_eq!(outcome.verdict, Some(Verdict::Unknown), "{outcome:?}");
            assert!(outcome.note.starts_with(reason), "{name}: {outcome:?}");
            let unseen = diagnosis.not_looked_at.iter().find(|unseen| unseen.what.contains(name));
            assert!(unseen.is_some_and(|unseen| unseen.reason.starts_with(reason)), "{name}: {unseen:?}");
        }
        // Those that answer are heard, what waited for the others too, and of two answers the first counts.
        for node in ["good", "twice", "last"] {
            let outcome = diagnosis.nodes.iter().find(|outcome| outcome.node == node).unwrap();
            assert_eq!(outcome.verdict, Some(Verdict::Cleared), "{outcome:?}");
        }
        let text = serde_json::to_string(&diagnosis).unwrap();
        assert!(!text.contains("hunter2hunter2") && !text.contains("xxxxxxxxxx"), "{text}");
        let failed = BAD.len() as u64;
        let counted = (tally.count(metric::PLUGIN_CALLS), tally.count(metric::PLUGIN_FAILURES));
        assert_eq!(counted, (failed + 3, failed));

        // Five times in a row, and each is spared; a minute later it is tried again.
        for nth in 1..5 {
            ask(nth, now, &mut tally).await;
        }
        assert_eq!(tally.count(metric::PLUGINS_SPARED), failed);
        let mut spared = Tally::default();
        let told = ask(5, now, &mut spared).await;
        assert_eq!((spared.count(metric::PLUGIN_CALLS), spared.count(metric::PLUGIN_FAILURES)), (3, failed));
        let unseen = told.diagnosis.unwrap().not_looked_at;
        assert_eq!(
            unseen.iter().filter(|unseen| unseen.reason.contains("is spared for a while")).count(),
            BAD.len()
        );
        let mut again = Tally::default();
        ask(6, now + SignedDuration::from_mins(2), &mut again).await;
        assert_eq!(again.count(metric::PLUGIN_CALLS), failed + 3);
    });
}
