//! What becomes of the answers that an emulator does not give: played by a server of our own.

use super::*;
use aws_sdk_sqs::config::retry::RetryConfig;
use aws_sdk_sqs::config::{BehaviorVersion, Credentials, Region};
use serde_json::{Value, json};
use wiremock::matchers::method;
use wiremock::{Mock, MockServer, Request, ResponseTemplate};

fn queue_at(endpoint: &str) -> SqsQueue {
    let config = aws_sdk_sqs::Config::builder()
        .behavior_version(BehaviorVersion::latest())
        .region(Region::new("us-east-1"))
        .credentials_provider(Credentials::new("test", "test", None, None, "test"))
        .retry_config(RetryConfig::disabled())
        .endpoint_url(endpoint);
    SqsQueue::new(Client::from_conf(config.build()), [(QueueName::Changes, format!("{endpoint}/1/changes"))])
}

async fn answering(answer: impl Fn(&Request) -> ResponseTemplate + Send + Sync + 'static) -> MockServer {
    let server = MockServer::start().await;
    Mock::given(method("POST")).respond_with(answer).mount(&server).await;
    server
}

fn json_answer(status: u16, body: &Value) -> ResponseTemplate {
    ResponseTemplate::new(status).set_body_raw(body.to_string(), "application/x-amz-json-1.0")
}

fn ids(request: &Request) -> Vec<(String, String)> {
    let body: Value = serde_json::from_slice(&request.body).unwrap();
    let text = |value: &Value| value.as_str().unwrap().to_owned();
    let entries = body["Entries"].as_array().unwrap();
    entries.iter().map(|entry| (text(&entry["Id"]), text(&entry["MessageBody"]))).collect()
}

fn accepted(ids: &[(String, String)]) -> Value {
    // The checksum is asked for by the shape of the answer; nothing of ours compares it.
    let entry = |(id, _): &(String, String)| json!({ "Id": id, "MessageId": "m", "MD5OfMessageBody": "-" });
    json!(ids.iter().map(entry).collect::<Vec<_>>())
}

fn messages(count: usize) -> Vec<Message> {
    (0..count).map(|i| Message::text(format!("message {i}"))).collect()
}

async fn failed(queue: &SqsQueue, count: usize) -> Vec<(usize, bool, String)> {
    let error = queue.send(QueueName::Changes, messages(count)).await.unwrap_err();
    assert_eq!(error.total, count);
    error.failed.into_iter().map(|failed| (failed.index, failed.retryable, failed.reason)).collect()
}

#[tokio::test]
async fn each_message_of_a_batch_has_its_own_fate() {
    let server = answering(|request| {
        let ids = ids(request);
        let (bad, good): (Vec<_>, Vec<_>) =
            ids.into_iter().partition(|(id, _)| id.ends_with('3') || id == "11");
        let entry = |(id, _): &(String, String)| match id.as_str() {
            "3" => {
                json!({ "Id": id, "SenderFault": true, "Code": "InvalidMessageContents", "Message": "no" })
            }
            "11" => json!({ "Id": id, "SenderFault": false, "Code": "InternalError" }),
            _ => json!({ "Id": id, "SenderFault": true, "Code": "RequestThrottled", "Message": "slow down" }),
        };
        let bad: Vec<_> = bad.iter().map(entry).collect();
        json_answer(200, &json!({ "Successful": accepted(&good), "Failed": bad }))
    })
    .await;
    let want = [
        (3, false, "InvalidMessageContents: no".to_owned()),
        (11, true, "InternalError: no message".to_owned()),
        (13, true, "RequestThrottled: slow down".to_owned()),
    ];
    assert_eq!(failed(&queue_at(&server.uri()), 20).await, want);
    assert_eq!(server.received_requests().await.unwrap().len(), 2);
}

#[tokio::test]
async fn what_the_answer_does_not_name_was_not_accepted() {
    let server = answering(|request| {
        json_answer(200, &json!({ "Successful": accepted(&ids(request)[..1]), "Failed": [] }))
    })
    .await;
    let got = failed(&queue_at(&server.uri()), 3).await;
    let reason = "the answer does not name the message".to_owned();
    assert_eq!(got, [(1, true, reason.clone()), (2, true, reason)]);
}

#[tokio::test]
async fn every_failure_of_a_call_has_its_meaning() {
    for (status, code, retryable, calls) in [
        (403, "RequestThrottled", true, 1),
        (400, "ThrottlingException", true, 1),
        (500, "InternalError", true, 1),
        (503, "ServiceUnavailable", true, 1),
        // Mended by people; the messages are sound.
        (400, "QueueDoesNotExist", true, 1),
        (403, "AccessDeniedException", true, 1),
        (403, "InvalidClientTokenId", true, 1),
        // The request is wrong: each by itself, to find whose fault it is.
        (400, "BatchRequestTooLong", false, 4),
        (400, "InvalidMessageContents", false, 4),
        (400, "InvalidParameterValue", false, 4),
    ] {
        let server = answering(move |_| {
            json_answer(
                status,
                &json!({ "__type": format!("com.amazonaws.sqs#{code}"), "message": "so it is" }),
            )
        })
        .await;
        let got = failed(&queue_at(&server.uri()), 3).await;
        let want: Vec<_> = (0..3).map(|i| (i, retryable, format!("{code}: so it is"))).collect();
        assert_eq!(got, want);
        assert_eq!(server.received_requests().await.unwrap().len(), calls, "{code}");
    }
}

#[tokio::test]
async fn one_message_at_fault_does_not_stop_its_batch() {
    let server = answering(|request| {
        let ids = ids(request);
        if ids.iter().any(|(id, _)| id == "4") {
            return json_answer(
                400,
                &json!({ "__type": "com.amazonaws.sqs#InvalidMessageContents", "message": "no" }),
            );
        }
        json_answer(200, &json!({ "Successful": accepted(&ids), "Failed": [] }))
    })
    .await;
    let got = failed(&queue_at(&server.uri()), 12).await;
    assert_eq!(got, [(4, false, "InvalidMessageContents: no".to_owned())]);
}

#[tokio::test]
async fn a_service_out_of_reach_may_be_tried_again() {
    // A port that was just free.
    let port = std::net::TcpListener::bind("127.0.0.1:0").unwrap().local_addr().unwrap().port();
    let got = failed(&queue_at(&format!("http://127.0.0.1:{port}")), 2).await;
    assert!(got.iter().all(|(_, retryable, reason)| *retryable && !reason.is_empty()), "{got:?}");
    assert_eq!(got.len(), 2);
}

#[tokio::test]
async fn a_queue_without_a_url_accepts_nothing() {
    let queue = queue_at("http://127.0.0.1:1");
    let error = queue.send(QueueName::Findings, messages(2)).await.unwrap_err();
    assert_eq!(error.failed.len(), 2);
    assert!(error.to_string().contains("no URL is configured for the queue findings"), "{error}");
    queue.send(QueueName::Findings, Vec::new()).await.unwrap();
}

#[test]
fn an_entry_carries_delay_attributes_and_pack() {
    let message = Message::pack(vec![1, 2]).delayed(std::time::Duration::from_millis(2001));
    let wire = to_wire(message.with_attribute("reason", "ä")).unwrap();
    assert_eq!(
        wire.bytes,
        r#"{"type":"pack"}"#.len() + "packBinary".len() + 2 + "reasonString".len() + "ä".len()
    );
    let entry = to_entry(&Placed { index: 7, wire }).unwrap();
    let attributes = entry.message_attributes.unwrap();
    assert_eq!((entry.id.as_str(), entry.delay_seconds), ("7", Some(3)));
    assert_eq!(attributes["pack"].binary_value.as_ref().unwrap().as_ref(), [1, 2]);
    assert_eq!(attributes["pack"].data_type, "Binary");
    assert_eq!(attributes["reason"].string_value.as_deref(), Some("ä"));
}

#[tokio::test(start_paused = true)]
async fn a_call_that_is_never_answered_ends_before_a_function_does() {
    let server = answering(|_| ResponseTemplate::new(200).set_delay(Duration::from_hours(1))).await;
    let queue = queue_at(&server.uri());
    let begun = tokio::time::Instant::now();
    let ended = tokio::time::timeout(Duration::from_mins(1), failed(&queue, 1)).await;
    let failed = ended.expect("it ends by itself");
    assert!(failed.iter().all(|(_, retryable, _)| *retryable), "{failed:?}");
    assert!(begun.elapsed() <= CALL_WAIT, "{:?}", begun.elapsed());
}
