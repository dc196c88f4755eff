use crate::{Access, LiveClusters, Way};
use aws_config::{BehaviorVersion, Region};
use jiff::Timestamp;
use prodrome_cluster::{Cluster, ClusterError, Clusters};
use prodrome_model::{GroupKind, ObjectKey, Scope};
use serde_json::{Value, json};
use std::collections::BTreeMap;
use std::sync::atomic::{AtomicI64, Ordering::Relaxed};
use std::sync::{Arc, Mutex};
use std::time::Duration;
use wiremock::matchers::{any, bearer_token};
use wiremock::{Mock, MockServer, Request, ResponseTemplate};

/// A parameter store. What is not in it is missing; while it is `down` it answers nothing of use.
#[derive(Default)]
struct Store {
    parameters: BTreeMap<String, String>,
    asked: Vec<String>,
    down: bool,
    slow: bool,
}

async fn parameter_store() -> (MockServer, Arc<Mutex<Store>>) {
    let (server, store) = (MockServer::start().await, Arc::new(Mutex::new(Store::default())));
    let of = Arc::clone(&store);
    let answer = move |request: &Request| {
        let body: Value = serde_json::from_slice(&request.body).unwrap();
        let mut store = of.lock().unwrap();
        let name = body["Name"].as_str().unwrap().to_owned();
        store.asked.push(name.clone());
        match store.parameters.get(&name) {
            _ if store.down => ResponseTemplate::new(500),
            _ if store.slow => ResponseTemplate::new(500).set_delay(Duration::from_mins(1)),
            Some(value) => ResponseTemplate::new(200).set_body_json(json!({"Parameter": {"Value": value}})),
            None => ResponseTemplate::new(400).set_body_json(json!({"__type": "ParameterNotFound"})),
        }
    };
    Mock::given(any()).respond_with(answer).mount(&server).await;
    (server, store)
}

/// An API server whose one pod says whose it is. It takes that bearer token, where one is named, and no other.
async fn cluster(name: &str, token: Option<&str>) -> MockServer {
    let server = MockServer::start().await;
    let pod = json!({"metadata": {"name": "web", "namespace": "shop", "labels": {"of": name}}});
    let pods = json!({"name": "pods", "kind": "Pod", "namespaced": true, "verbs": ["get", "list"]});
    let answer = move |request: &Request| {
        let body = match request.url.path() {
            "/api" => json!({"kind": "APIVersions", "versions": ["v1"]}),
            "/apis" => json!({"kind": "APIGroupList", "groups": []}),
            "/api/v1" => json!({"kind": "APIResourceList", "groupVersion": "v1", "resources": [&pods]}),
            _ => pod.clone(),
        };
        ResponseTemplate::new(200).set_body_json(body)
    };
    match token {
        Some(token) => Mock::given(bearer_token(token)).respond_with(answer).mount(&server).await,
        None => Mock::given(any()).respond_with(answer).mount(&server).await,
    }
    let refused = json!({"kind": "Status", "status": "Failure", "reason": "Unauthorized", "code": 401});
    let refused = ResponseTemplate::new(401).set_body_json(refused);
    Mock::given(any()).respond_with(refused).with_priority(9).mount(&server).await;
    server
}

async fn clusters(store: &MockServer, own: Option<(Scope, Way)>, clock: fn() -> Timestamp) -> LiveClusters {
    let aws = aws_config::defaults(BehaviorVersion::latest())
        .endpoint_url(store.uri())
        .region(Region::new("us-east-1"))
        .test_credentials()
        .load()
        .await;
    let access = Access { own, path: Some("/prodrome/clusters".to_owned()) };
    access.clusters_by(&aws, clock).unwrap()
}

fn scope(cluster: &str) -> Scope {
    Scope::new("default", "eu", cluster)
}

fn name(cluster: &str) -> String {
    format!("/prodrome/clusters/default/eu/{cluster}")
}

/// In which cluster the pod is found that is looked for in that one.
async fn found_in(clusters: &LiveClusters, cluster: &str) -> Result<String, String> {
    let pod = ObjectKey::new(GroupKind::core("Pod"), Some("shop"), "web");
    match clusters.of(&scope(cluster)).get(&pod).await {
        Ok(found) => {
            let pod: Value = serde_json::from_slice(&found.unwrap()).unwrap();
            Ok(pod["metadata"]["labels"]["of"].as_str().unwrap().to_owned())
        }
        Err(ClusterError::Unavailable { reason }) => Err(reason),
        Err(other) => panic!("{other}"),
    }
}

#[tokio::test]
async fn each_cluster_is_looked_at_by_itself_and_one_without_a_way_says_so_alone() {
    let (ssm, store) = parameter_store().await;
    let (home, blue) = (cluster("home", None).await, cluster("blue", Some("t0ken")).await);
    let way = Way::Endpoint { url: home.uri(), ca: None, credentials: crate::Credentials::None };
    let clusters = clusters(&ssm, Some((scope("home"), way)), || Timestamp::UNIX_EPOCH).await;
    let blue = json!({"endpoint": blue.uri(), "token": "t0ken"}).to_string();
    store.lock().unwrap().parameters.extend([(name("blue"), blue), (name("green"), "t0ken".to_owned())]);
    assert_eq!(found_in(&clusters, "home").await, Ok("home".into()));
    assert_eq!(found_in(&clusters, "blue").await, Ok("blue".into()));
    let wrong = found_in(&clusters, "green").await.unwrap_err();
    let said =
        format!("the SSM parameter {} does not say how the cluster is reached: it is no JSON", name("green"));
    assert!(wrong.contains(&said) && !wrong.contains("t0ken"), "{wrong}");
    let missing = found_in(&clusters, "red").await.unwrap_err();
    assert!(missing.contains(&format!("the SSM parameter {} does not exist", name("red"))), "{missing}");
    // A second question of each, and of the well ones still theirs.
    assert_eq!(found_in(&clusters, "blue").await, Ok("blue".into()));
    assert_eq!(found_in(&clusters, "green").await, Err(wrong));
    assert_eq!(found_in(&clusters, "home").await, Ok("home".into()));
    let asked = std::mem::take(&mut store.lock().unwrap().asked);
    // Nobody asked twice, nor for the cluster of the settings, nor for the token that stands beside the way.
    assert_eq!(asked, [name("blue"), name("green"), name("red")]);
}

#[tokio::test]
async fn a_way_that_changes_is_gone_and_one_that_cannot_be_read_for_a_while_stays() {
    static NOW: AtomicI64 = AtomicI64::new(1_000_000);
    let pass = |seconds: i64| _ = NOW.fetch_add(seconds, Relaxed);
    let (ssm, store) = parameter_store().await;
    let (old, new) = (cluster("old", None).await, cluster("new", None).await);
    let clusters = clusters(&ssm, None, || Timestamp::from_second(NOW.load(Relaxed)).unwrap()).await;
    let to = |server: &MockServer| {
        let way = json!({"endpoint": server.uri()}).to_string();
        store.lock().unwrap().parameters.insert(name("blue"), way);
    };
    assert!(found_in(&clusters, "blue").await.is_err());
    to(&old);
    pass(29);
    assert!(found_in(&clusters, "blue").await.is_err(), "it was asked for a moment ago");
    pass(1);
    assert_eq!(found_in(&clusters, "blue").await, Ok("old".into()));

    to(&new);
    pass(299);
    assert_eq!(found_in(&clusters, "blue").await, Ok("old".into()), "it is young");
    store.lock().unwrap().down = true;
    pass(1);
    assert_eq!(found_in(&clusters, "blue").await, Ok("old".into()), "it may well hold still");
    store.lock().unwrap().down = false;
    pass(30);
    assert_eq!(found_in(&clusters, "blue").await, Ok("new".into()));
    store.lock().unwrap().down = true;
    pass(3_599);
    assert_eq!(found_in(&clusters, "blue").await, Ok("new".into()));
    pass(30);
    let unread = found_in(&clusters, "blue").await.unwrap_err();
    assert!(unread.contains("could not be read"), "nobody may read it for an hour: {unread}");
    store.lock().unwrap().down = false;
    pass(30);
    assert_eq!(found_in(&clusters, "blue").await, Ok("new".into()));

    store.lock().unwrap().parameters.clear();
    pass(300);
    assert!(
        found_in(&clusters, "blue").await.unwrap_err().contains("does not exist"),
        "somebody took it away"
    );
}

#[tokio::test]
async fn without_a_path_there_is_the_cluster_of_the_settings_alone() {
    let home = cluster("home", None).await;
    let way = Way::Endpoint { url: home.uri(), ca: None, credentials: crate::Credentials::None };
    let aws = aws_config::SdkConfig::builder().behavior_version(BehaviorVersion::latest()).build();
    let of = |own| Access { own, path: None }.clusters(&aws).unwrap();
    let one = of(Some((scope("home"), way)));
    assert_eq!(found_in(&one, "home").await, Ok("home".into()));
    let other = found_in(&one, "blue").await.unwrap_err();
    assert_eq!(
        other,
        "no way to the cluster default/eu/blue is configured; that of default/eu/home alone is (CLUSTER_SCOPE)"
    );
    let none = found_in(&of(None), "home").await.unwrap_err();
    assert_eq!(none, "no way to the cluster default/eu/home is configured");
}

/// Whoever asks may have no more time. What was known before is known still, and a silent store is not asked by everybody.
#[tokio::test]
async fn a_question_that_is_given_up_takes_no_way_away() {
    static NOW: AtomicI64 = AtomicI64::new(1_000_000);
    let (ssm, store) = parameter_store().await;
    let server = cluster("blue", None).await;
    let clusters = clusters(&ssm, None, || Timestamp::from_second(NOW.load(Relaxed)).unwrap()).await;
    let way = json!({"endpoint": server.uri()}).to_string();
    store.lock().unwrap().parameters.insert(name("blue"), way);
    store.lock().unwrap().slow = true;
    let in_time = async |cluster: &str| {
        tokio::time::timeout(Duration::from_millis(200), found_in(&clusters, cluster)).await
    };
    assert!(in_time("blue").await.is_err());
    let unread = in_time("blue").await.unwrap().unwrap_err();
    assert_eq!(unread, "the way to the cluster default/eu/blue could not be looked up in time");
    store.lock().unwrap().slow = false;
    NOW.fetch_add(30, Relaxed);
    assert_eq!(in_time("blue").await.unwrap(), Ok("blue".into()));
    store.lock().unwrap().slow = true;
    NOW.fetch_add(300, Relaxed);
    assert!(in_time("blue").await.is_err());
    for _ in 0..2 {
        assert_eq!(in_time("blue").await.unwrap(), Ok("blue".into()));
    }
    assert_eq!(store.lock().unwrap().asked.len(), 3);
}

#[tokio::test]
async fn a_cluster_whose_settings_are_wrong_says_so_and_takes_no_other_down() {
    let (ssm, store) = parameter_store().await;
    let blue = cluster("blue", None).await;
    let credentials = crate::Credentials::Parameter("/prodrome/token".to_owned());
    let way = Way::Endpoint { url: "https://127.0.0.1:1".to_owned(), ca: None, credentials };
    let clusters = clusters(&ssm, Some((scope("home"), way)), || Timestamp::UNIX_EPOCH).await;
    let endpoint = |url: &str| json!({"endpoint": url, "token": "t0ken"}).to_string();
    let unencrypted = endpoint("http://s3cr3t@prod.example");
    store.lock().unwrap().parameters.extend([
        (name("blue"), json!({"endpoint": blue.uri()}).to_string()),
        (name("open"), unencrypted),
        (name("file"), json!({"kubeconfig": "/etc/passwd"}).to_string()),
    ]);
    let wrong = found_in(&clusters, "home").await.unwrap_err();
    assert!(wrong.contains("the SSM parameter /prodrome/token does not exist"), "{wrong}");
    assert_eq!(found_in(&clusters, "blue").await, Ok("blue".into()));
    let open = found_in(&clusters, "open").await.unwrap_err();
    assert!(open.contains("its endpoint cannot be used: a token goes by https alone"), "{open}");
    assert!(!open.contains("s3cr3t"), "{open}");
    let file = found_in(&clusters, "file").await.unwrap_err();
    assert!(file.contains("a kubeconfig is for runs on one machine"), "{file}");
}
