//! What a cluster over HTTP does when the API server does not answer as it should, and how it is found at all.

use crate::world::{by_kubeconfig, resource, server};
use jiff::{SignedDuration, Timestamp};
use prodrome_cluster::{Cluster, ClusterError, ConnectError, Endpoint, KubeCluster, Tokens};
use prodrome_model::{GroupKind, ObjectKey};
use prodrome_recording::Timeline;
use prodrome_recording::play::{Fault, PlayOptions, PlayServer, Verb};
use std::path::Path;
use std::sync::atomic::{AtomicI64, Ordering::Relaxed};
use wiremock::matchers::{header, path_regex};
use wiremock::{Mock, MockServer, ResponseTemplate};

async fn pair() -> (PlayServer, KubeCluster) {
    let server = server(&Timeline::default(), 0).await;
    server.apply(&resource("", "Pod"), r#"{"metadata":{"name":"a","namespace":"n"}}"#);
    let cluster = by_kubeconfig(&server).await;
    (server, cluster)
}

fn pod() -> ObjectKey {
    ObjectKey::new(GroupKind::core("Pod"), Some("n"), "a")
}

#[tokio::test]
async fn each_refusal_is_told_apart_from_a_passing_trouble() {
    let (server, cluster) = pair().await;
    assert!(cluster.get(&pod()).await.unwrap().is_some());
    let rows = [
        (Fault::unauthorized(), false, "the cluster does not accept the credentials: Unauthorized"),
        (Fault::forbidden(), false, "not allowed to get Pod n/a: forbidden: User"),
        (Fault::too_many_requests(3), true, "unavailable: too many requests"),
        (Fault::internal_error(), true, "unavailable: Internal error occurred"),
        (Fault::unavailable(), true, "unavailable: the server is currently unable"),
        (Fault::drop_connection(), true, "the cluster is unavailable: "),
    ];
    for (fault, retryable, want) in rows {
        server.inject(fault.times(1));
        let error = cluster.get(&pod()).await.unwrap_err();
        assert!(error.to_string().contains(want), "{error}");
        assert_eq!(error.is_retryable(), retryable, "{error}");
    }
    server.inject(Fault::garbage().times(1));
    let error = cluster.list(&GroupKind::core("Pod"), None, None, None).await.unwrap_err();
    assert!(error.to_string().contains("is there a proxy between?"), "{error}");
    assert!(cluster.get(&pod()).await.unwrap().is_some());
    let asked = server.requests().iter().filter(|r| r.path == "/api/v1/namespaces/n/pods/a").count();
    assert_eq!(asked, 8, "nothing was repeated by itself");
}

#[tokio::test]
async fn what_may_not_be_read_is_named() {
    let (server, cluster) = pair().await;
    server.inject(Fault::forbidden().on_path("/secrets"));
    let secret = ObjectKey::new(GroupKind::core("Secret"), Some("n"), "s");
    let error = cluster.get(&secret).await.unwrap_err();
    assert!(
        matches!(&error, ClusterError::Forbidden { verb: "get", what, .. } if what == "Secret n/s"),
        "{error}"
    );
    let error = cluster.list(&secret.kind, Some("n"), None, None).await.unwrap_err();
    assert!(
        matches!(&error, ClusterError::Forbidden { verb: "list", what, .. } if what == "Secret in n"),
        "{error}"
    );
    assert!(cluster.get(&pod()).await.is_ok());
}

#[tokio::test]
async fn a_server_that_hangs_is_given_up_after_ten_seconds() {
    let (server, cluster) = pair().await;
    assert!(cluster.get(&pod()).await.unwrap().is_some(), "the connection is open");
    server.inject(Fault::hang());
    tokio::time::pause();
    let began = tokio::time::Instant::now();
    let error = cluster.get(&pod()).await.unwrap_err();
    assert_eq!(error, ClusterError::Unavailable { reason: "no answer within 10 s".into() });
    assert_eq!(began.elapsed().as_secs(), 10);
}

#[tokio::test]
async fn a_server_out_of_reach_is_unavailable() {
    let (server, cluster) = pair().await;
    let url = server.url();
    server.shut_down().await;
    let error = cluster.get(&pod()).await.unwrap_err();
    assert!(error.is_retryable() && error.to_string().to_lowercase().contains("connect"), "{error} {url}");
}

#[tokio::test]
async fn a_kind_that_comes_later_is_found_and_one_that_goes_is_missed() {
    let (server, cluster) = pair().await;
    let database = resource("shop.example.com", "Database");
    let kind = database.group_kind();
    let key = ObjectKey::new(kind.clone(), Some("n"), "db");
    assert!(matches!(cluster.get(&key).await, Err(ClusterError::UnknownKind { .. })));
    let asked = server.requests().len();
    assert!(matches!(cluster.get(&key).await, Err(ClusterError::UnknownKind { .. })));
    assert_eq!(server.requests().len(), asked, "a miss is kept for a while");

    server.serve(&database);
    server.apply(&database, r#"{"metadata":{"name":"db","namespace":"n"}}"#);
    tokio::time::pause();
    tokio::time::advance(std::time::Duration::from_secs(31)).await;
    tokio::time::resume();
    assert!(cluster.get(&key).await.unwrap().is_some());
    assert_eq!(cluster.list(&kind, None, None, None).await.unwrap().items.len(), 1);
    assert!(cluster.resources().await.unwrap().contains(&database));

    server.withdraw(&database);
    assert!(matches!(cluster.get(&key).await, Err(ClusterError::UnknownKind { .. })));
    assert!(matches!(cluster.resource(&kind).await, Err(ClusterError::UnknownKind { .. })));
}

#[tokio::test]
async fn one_broken_extension_does_not_hide_the_other_kinds() {
    let (server, cluster) = pair().await;
    server.serve(&resource("aaa.example.com", "Broken"));
    server.serve(&resource("shop.example.com", "Database"));
    server.inject(Fault::unavailable().on_path("/aaa.example.com"));
    let found = cluster.resource(&GroupKind::core("Database")).await.unwrap();
    assert_eq!(found.group, "shop.example.com");
    assert!(cluster.resources().await.unwrap().iter().any(|r| r.kind == "Database"));
    let error = cluster.resource(&GroupKind::core("Nowhere")).await.unwrap_err();
    assert!(error.is_retryable(), "it may be in the one that does not answer: {error}");
}

#[tokio::test]
async fn a_list_goes_on_after_a_compaction() {
    let (server, cluster) = pair().await;
    for i in 0..700 {
        server.apply(
            &resource("", "Secret"),
            &format!(r#"{{"metadata":{{"name":"s{i:03}","namespace":"n"}}}}"#),
        );
    }
    let kind = GroupKind::core("Secret");
    let first = cluster.list(&kind, None, None, None).await.unwrap();
    server.compact();
    let second = cluster.list(&kind, None, None, first.next.as_deref()).await.unwrap();
    assert_eq!((first.items.len(), second.items.len(), second.next), (500, 200, None));
}

#[tokio::test]
async fn kinds_are_asked_for_once() {
    let (server, cluster) = pair().await;
    for _ in 0..3 {
        assert!(cluster.clone().get(&pod()).await.unwrap().is_some());
    }
    let paths: Vec<String> = server.requests().into_iter().map(|request| request.path).collect();
    let object = "/api/v1/namespaces/n/pods/a";
    assert_eq!(paths, ["/api/v1", object, object, object]);
    assert!(server.requests().iter().all(|request| request.verb == Verb::Get));
}

#[tokio::test]
async fn an_endpoint_needs_an_address_and_shows_no_token() {
    let (server, _cluster) = pair().await;
    let tokens = Tokens::new(SignedDuration::from_mins(1), crate::world::now, || {
        Box::pin(async { Ok("s3cret".to_owned()) })
    });
    let endpoint = Endpoint { url: server.url(), ca: None, tokens: Some(tokens) };
    assert!(!format!("{endpoint:?}").contains("s3cret"));
    let cluster = KubeCluster::from_endpoint(endpoint).unwrap();
    assert!(cluster.get(&pod()).await.unwrap().is_some());
    let rows = [
        ("not a url", None, "cannot be used: it is no URL"),
        ("10.0.0.1:6443", None, "expected https://HOST"),
        ("https://10.0.0.1", Some("%%%"), "its certificate authority is no base64 of PEM"),
        ("https://10.0.0.1", Some("aGVsbG8="), "its certificate authority is no base64 of PEM"),
    ];
    for (url, ca, want) in rows {
        let endpoint = Endpoint { url: url.into(), ca: ca.map(str::to_owned), tokens: None };
        let error = KubeCluster::from_endpoint(endpoint).err().unwrap().to_string();
        assert!(error.contains(want), "{error}");
    }
}

#[tokio::test]
async fn a_token_that_expired_is_replaced_and_the_question_asked_again() {
    static SECONDS: AtomicI64 = AtomicI64::new(0);
    let server = MockServer::start().await;
    let kinds = r#"{"kind":"APIResourceList","resources":[{"name":"pods","kind":"Pod","namespaced":true,"verbs":["get","list","watch"]}]}"#;
    let accepted = |token: &str| Mock::given(header("authorization", &*format!("Bearer {token}")));
    let unauthorized = r#"{"kind":"Status","message":"Unauthorized","code":401}"#;
    Mock::given(wiremock::matchers::any())
        .respond_with(ResponseTemplate::new(401).set_body_raw(unauthorized, "application/json"))
        .with_priority(9)
        .mount(&server)
        .await;
    let ok = || ResponseTemplate::new(200).set_body_raw(kinds, "application/json");
    accepted("t1").respond_with(ok()).up_to_n_times(1).mount(&server).await;
    accepted("t2").respond_with(ok()).mount(&server).await;
    // Each look at the clock is a minute later.
    let clock = || Timestamp::from_second(SECONDS.fetch_add(60, Relaxed)).unwrap();
    let given = std::sync::Arc::new(AtomicI64::new(0));
    let tokens = Tokens::new(SignedDuration::from_hours(1), clock, move || {
        let n = given.fetch_add(1, Relaxed) + 1;
        Box::pin(async move { Ok(format!("t{n}")) })
    });
    let endpoint = Endpoint { url: server.uri(), ca: None, tokens: Some(tokens) };
    let cluster = KubeCluster::from_endpoint(endpoint).unwrap();
    cluster.resource(&GroupKind::core("Pod")).await.unwrap();
    assert!(cluster.get(&pod()).await.unwrap().is_some(), "by t2, as t1 has had its time");

    server.reset().await;
    let body = ResponseTemplate::new(401).set_body_raw(unauthorized, "application/json");
    Mock::given(wiremock::matchers::any()).respond_with(body).expect(2).mount(&server).await;
    let error = cluster.get(&pod()).await.unwrap_err().to_string();
    assert!(error.starts_with("the cluster does not accept the credentials: Unauthorized;"), "{error}");
}

#[tokio::test]
async fn of_a_log_of_long_lines_the_end_is_read() {
    let api = MockServer::start().await;
    let lines: Vec<String> = (0..500).map(|i| format!("{i} {}", "x".repeat(9_000))).collect();
    let log = format!("{}\npanic: the end\n", lines.join("\n"));
    // As the kubelet does: so many lines of the end, and of these so many bytes from their begin.
    let kubelet = move |request: &wiremock::Request| {
        let asked = |name: &str| -> usize {
            let found = request.url.query_pairs().find(|(key, _)| key == name);
            found.unwrap().1.parse().unwrap()
        };
        let all: Vec<&str> = log.lines().collect();
        let tail = all[all.len() - asked("tailLines")..].join("\n") + "\n";
        let end = tail.len().min(asked("limitBytes"));
        ResponseTemplate::new(200).set_body_string(tail.get(..end).unwrap())
    };
    Mock::given(path_regex("/log$")).respond_with(kubelet).mount(&api).await;
    let cluster = KubeCluster::from_endpoint(Endpoint { url: api.uri(), ca: None, tokens: None }).unwrap();
    let read = cluster.logs(&pod(), "c", true).await.unwrap().unwrap();
    assert!(read.ends_with("panic: the end\n") && read.len() < 256 * 1024, "{} bytes", read.len());
    assert!(read.contains("499 x"), "as many lines as there is room for");
}

#[tokio::test]
async fn a_kubeconfig_that_cannot_be_used_says_why() {
    let dir = tempfile::tempdir().unwrap();
    let try_it = async |text: Option<&str>, context: Option<&str>| -> ConnectError {
        let path = dir.path().join(if text.is_some() { "config" } else { "missing" });
        if let Some(text) = text {
            std::fs::write(&path, text).unwrap();
        }
        KubeCluster::from_kubeconfig(Some(&path), context).await.err().unwrap()
    };
    let good =
        PlayServer::start(&Timeline::default(), crate::world::now(), PlayOptions::default()).await.unwrap();
    let good = good.kubeconfig();
    let error = try_it(None, None).await;
    assert!(matches!(&error, ConnectError::NoKubeconfig { path } if path.ends_with("missing")), "{error}");
    assert!(error.to_string().contains("name one, or set KUBECONFIG"), "{error}");
    let error = try_it(Some(&good), Some("prod")).await.to_string();
    assert!(error.contains("has no context \"prod\"; it has recording"), "{error}");
    let error = try_it(Some(&good.replace("current-context: recording", "")), None).await.to_string();
    assert!(error.contains("has no current context; name one of recording"), "{error}");
    for context in [None, Some("prod")] {
        let error = try_it(Some("apiVersion: v1\nkind: Config\n"), context).await.to_string();
        assert!(error.contains("it has none at all: let what made the cluster write one"), "{error}");
    }
    for bad in ["{", "clusters: 7", &good.replace("    cluster: recording", "    cluster: other")] {
        let error = try_it(Some(bad), Some("recording")).await;
        let text = error.to_string();
        assert!(text.contains(&*dir.path().join("config").to_string_lossy()), "{text}");
    }
    assert!(KubeCluster::from_kubeconfig(Some(Path::new("/no/such")), None).await.is_err());
    assert!(matches!(KubeCluster::in_cluster().err(), Some(ConnectError::NotInCluster { .. })));
}
