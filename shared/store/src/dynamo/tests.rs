//! What becomes of the answers that an emulator does not give: played by a server of our own.

use super::*;
use aws_sdk_dynamodb::config::retry::RetryConfig;
use aws_sdk_dynamodb::config::{BehaviorVersion, Credentials, Region};
use serde_json::{Value, json};
use wiremock::matchers::method;
use wiremock::{Mock, MockServer, Request, ResponseTemplate};

const MILLISECOND: Duration = Duration::from_millis(1);

fn store_at(endpoint: &str) -> DynamoStore {
    let config = aws_sdk_dynamodb::Config::builder()
        .behavior_version(BehaviorVersion::latest())
        .region(Region::new("us-east-1"))
        .credentials_provider(Credentials::new("test", "test", None, None, "test"))
        .retry_config(RetryConfig::disabled())
        .endpoint_url(endpoint);
    DynamoStore { unread_wait: MILLISECOND, ..DynamoStore::new(Client::from_conf(config.build()), "table") }
}

/// A server that answers everything by `answer`.
async fn answering(answer: impl Fn(&Request) -> ResponseTemplate + Send + Sync + 'static) -> MockServer {
    let server = MockServer::start().await;
    Mock::given(method("POST")).respond_with(answer).mount(&server).await;
    server
}

fn error(status: u16, code: &str, more: &Value) -> ResponseTemplate {
    let mut body =
        json!({ "__type": format!("com.amazonaws.dynamodb.v20120810#{code}"), "message": "so it is" });
    if let (Value::Object(body), Value::Object(more)) = (&mut body, more) {
        body.extend(more.clone());
    }
    ResponseTemplate::new(status).set_body_raw(body.to_string(), "application/x-amz-json-1.0")
}

fn put(sort: &str) -> Write {
    Write::Put(Record::new(Key::new("p", sort), "{}"), Expect::Absent)
}

fn in_short(error: &StoreError) -> String {
    match error {
        StoreError::Conflict { key } => format!("conflict {}", key.sort),
        StoreError::TooLarge { .. } => "too large".to_owned(),
        StoreError::Refused { .. } => "refused".to_owned(),
        StoreError::Unavailable { .. } => "unavailable".to_owned(),
    }
}

#[tokio::test]
async fn every_error_of_one_write_has_its_meaning() {
    for (status, code, want) in [
        (400, "ConditionalCheckFailedException", "conflict a"),
        (400, "TransactionConflictException", "conflict a"),
        (400, "ProvisionedThroughputExceededException", "unavailable"),
        (400, "ThrottlingException", "unavailable"),
        (400, "RequestLimitExceeded", "unavailable"),
        (400, "ExpiredTokenException", "unavailable"),
        (429, "SomethingNew", "unavailable"),
        (500, "InternalServerError", "unavailable"),
        (503, "ServiceUnavailable", "unavailable"),
        (400, "ValidationException", "refused"),
        (400, "ResourceNotFoundException", "refused"),
        (400, "AccessDeniedException", "refused"),
        (400, "UnrecognizedClientException", "refused"),
    ] {
        let server = answering(move |_| error(status, code, &Value::Null)).await;
        let store = store_at(&server.uri());
        let writes = [put("a"), Write::Put(Record::new(Key::new("p", "a"), "{}"), Expect::Anything)];
        for write in [writes.as_slice(), &[Write::Delete(Key::new("p", "a"), Expect::Absent)]].concat() {
            let got = store.commit(vec![write.clone()]).await.unwrap_err();
            assert_eq!(in_short(&got), want, "{code} on {write:?}");
            let told = matches!(got, StoreError::Conflict { .. }) || got.to_string().contains(code);
            assert!(told && !got.to_string().contains("no message"), "{got}");
        }
    }
}

#[tokio::test]
async fn every_reason_of_a_canceled_transaction_has_its_meaning() {
    let reasons = |codes: [&str; 3]| {
        let reasons = codes.map(|code| match code {
            "None" => json!({ "Code": code }),
            code => json!({ "Code": code, "Message": "so it is" }),
        });
        json!({ "CancellationReasons": reasons })
    };
    for (codes, want) in [
        (["None", "ConditionalCheckFailed", "None"], "conflict b"),
        (["TransactionConflict", "None", "None"], "conflict a"),
        (["TransactionConflict", "None", "ConditionalCheckFailed"], "conflict c"),
        (["None", "ThrottlingError", "ConditionalCheckFailed"], "conflict c"),
        (["None", "ThrottlingError", "None"], "unavailable"),
        (["None", "ProvisionedThroughputExceeded", "None"], "unavailable"),
        (["None", "None", "None"], "unavailable"),
        (["ConditionalCheckFailed", "ValidationError", "None"], "refused"),
        (["ItemCollectionSizeLimitExceeded", "None", "None"], "refused"),
    ] {
        let body = reasons(codes);
        let server = answering(move |_| error(400, "TransactionCanceledException", &body)).await;
        let got = store_at(&server.uri()).commit(vec![put("a"), put("b"), put("c")]).await.unwrap_err();
        assert_eq!(in_short(&got), want, "{codes:?}: {got}");
    }
    for (code, want) in [
        ("TransactionInProgressException", "unavailable"),
        ("ThrottlingException", "unavailable"),
        ("IdempotentParameterMismatchException", "refused"),
    ] {
        let server = answering(move |_| error(400, code, &Value::Null)).await;
        let got = store_at(&server.uri()).commit(vec![put("a"), put("b")]).await.unwrap_err();
        assert_eq!(in_short(&got), want, "{code}: {got}");
    }
}

#[tokio::test]
async fn a_service_out_of_reach_is_unavailable() {
    // A port that was just free.
    let port = std::net::TcpListener::bind("127.0.0.1:0").unwrap().local_addr().unwrap().port();
    let store = store_at(&format!("http://127.0.0.1:{port}"));
    let got = store.get(&Key::new("p", "a")).await.unwrap_err();
    assert!(matches!(&got, StoreError::Unavailable { reason } if !reason.is_empty()), "{got}");
    let got = store.commit(vec![put("a"), put("b")]).await.unwrap_err();
    assert_eq!(in_short(&got), "unavailable");
}

#[tokio::test]
async fn keys_left_unread_are_asked_for_again() {
    let server = answering(|request| {
        let body: Value = serde_json::from_slice(&request.body).unwrap();
        let asked = &body["RequestItems"]["table"];
        assert_eq!(asked["ConsistentRead"], true);
        let mut keys = asked["Keys"].as_array().unwrap().clone();
        // One key an answer is read.
        let mut read = keys.remove(0);
        read["data"] = json!({ "S": "{}" });
        read["version"] = json!({ "N": "1" });
        let unread = match keys.len() {
            0 => json!({}),
            _ => json!({ "table": { "Keys": keys, "ConsistentRead": true } }),
        };
        let answer = json!({ "Responses": { "table": [read] }, "UnprocessedKeys": unread });
        ResponseTemplate::new(200).set_body_raw(answer.to_string(), "application/x-amz-json-1.0")
    })
    .await;
    let store = store_at(&server.uri());
    let keys = |count: usize| (0..count).map(|i| Key::new("p", i.to_string())).collect::<Vec<_>>();
    let got = store.get_many(&keys(5)).await.unwrap();
    assert_eq!(got.into_iter().map(|record| record.key).collect::<Vec<_>>(), keys(5));
    let got = store.get_many(&keys(20)).await.unwrap_err();
    assert_eq!(in_short(&got), "unavailable");
    assert_eq!(server.received_requests().await.unwrap().len(), 5 + UNREAD_ATTEMPTS_MAX as usize);
}

#[tokio::test(start_paused = true)]
async fn a_request_that_is_never_answered_ends_before_a_function_does() {
    let server = answering(|_| ResponseTemplate::new(200).set_delay(Duration::from_hours(1))).await;
    let store = store_at(&server.uri());
    for writes in [vec![put("a")], vec![put("a"), put("b")]] {
        let begun = tokio::time::Instant::now();
        let ended = tokio::time::timeout(Duration::from_mins(1), store.commit(writes)).await;
        let error = ended.expect("it ends by itself").unwrap_err();
        assert_eq!(in_short(&error), "unavailable");
        assert!(begun.elapsed() <= REQUEST_WAIT, "{:?}", begun.elapsed());
    }
}
