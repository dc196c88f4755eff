use crate::wait::{processes_of, start, until};
use prodrome_emulator::{Code, Deployment, Template};
use serde_json::json;
use std::path::Path;

/// The system's own template, with a function that answers as the test needs it.
#[test]
fn the_template_deploys_and_its_queues_reach_its_functions() {
    let here = Path::new(env!("CARGO_MANIFEST_DIR"));
    let rules = tempfile::tempdir().unwrap();
    std::fs::write(rules.path().join("pods.yaml"), "{}").unwrap();
    // A queue of ours gives a message up only after hundreds of tries; whether it does is to be seen sooner.
    let text = std::fs::read_to_string(here.join("../../template.yaml")).unwrap();
    let impatient = text.replace("maxReceiveCount: 480", "maxReceiveCount: 3");
    assert_ne!(impatient, text);
    let template = Template::parse(&impatient).unwrap();
    let code = Code::launching(&here.join("tests/it/bootstrap.py")).unwrap();
    let code = code.with_dir("rules", rules.path()).unwrap();

    let emulator = start();
    let deployment = Deployment::new("prodrome", &template)
        .code(&code)
        .parameter("Shards", "7")
        .parameter("TimeoutSeconds", "1")
        .parameter("VisibilitySeconds", "1");
    let stack = emulator.deploy(&deployment).unwrap();
    let client = emulator.client();
    let queue = |name: &str| stack.output(name).unwrap();

    client.send(queue("ChangesQueueUrl"), "poison").unwrap();
    client.send(queue("ChangesQueueUrl"), "good").unwrap();
    client.send(queue("FindingsQueueUrl"), "found").unwrap();
    for (group, line) in [
        ("EvaluateLogGroupName", "evaluate got good with 7 shards"),
        ("AlertLogGroupName", "alert got found with no shards"),
    ] {
        until(line, || {
            let lines = client.logs(queue(group), 0).ok()?;
            lines.iter().any(|logged| logged.text.contains(line)).then_some(())
        });
    }
    let dead = queue("ChangesDeadLetterQueueUrl");
    until("the poison to be put aside", || (client.queue_depth(dead).ok()?.visible > 0).then_some(()));
    let bodies: Vec<_> = client.peek(dead).unwrap().into_iter().map(|message| message.body).collect();
    assert_eq!(bodies, ["poison"]);
    for url in ["ChangesQueueUrl", "FindingsQueueUrl", "FindingsDeadLetterQueueUrl"] {
        until(url, || (client.queue_depth(queue(url)).ok()?.total() == 0).then_some(()));
    }

    let tick = client.invoke(queue("SweepFunctionName"), &json!({})).unwrap();
    assert_eq!((tick.error, &tick.payload["role"]), (None, &json!("sweep")));
    let evaluate = client.invoke(queue("EvaluateFunctionName"), &json!({})).unwrap();
    assert_eq!(evaluate.payload["rules"], json!(true), "RULES_DIR leads to the rules beside the bootstrap");

    let endpoint = emulator.endpoint().to_owned();
    assert!(processes_of(&endpoint).iter().any(|process| process.command.contains("bootstrap.py")));
    emulator.stop();
    assert_eq!(processes_of(&endpoint), []);
}
