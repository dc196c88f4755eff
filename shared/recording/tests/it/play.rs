use crate::http::Client;
use crate::read::shipped;
use jiff::{SignedDuration, Timestamp};
use prodrome_model::Resource;
use prodrome_recording::play::{Clock, Fault, PlayError, PlayOptions, PlayServer, Verb};
use prodrome_recording::{Recording, StepKind, Timeline, builtin_of_path};
use serde_json::{Value, json};
use std::collections::BTreeMap;
use std::time::{Duration, Instant};

fn now() -> Timestamp {
    "2030-05-05T05:05:05Z".parse().unwrap()
}

async fn play(timeline: &Timeline) -> (PlayServer, Client) {
    let options = PlayOptions { clock: Clock::Manual, bookmark_every: None, ..PlayOptions::default() };
    let server = PlayServer::start(timeline, now(), options).await.unwrap();
    let client = Client::new(&server.url());
    (server, client)
}

async fn empty() -> (PlayServer, Client) {
    play(&Timeline::default()).await
}

fn resource(plural: &str) -> Resource {
    builtin_of_path("", "v1", plural).unwrap()
}

fn database() -> Resource {
    Resource {
        group: "shop.example.com".into(),
        version: "v1".into(),
        kind: "Database".into(),
        plural: "databases".into(),
        namespaced: true,
    }
}

fn pod(name: &str, app: &str) -> String {
    json!({ "metadata": { "name": name, "namespace": "n", "labels": { "app": app } }, "status": { "phase": "Running" } })
        .to_string()
}

fn names(list: &Value) -> Vec<&str> {
    list["items"].as_array().unwrap().iter().map(|item| item["metadata"]["name"].as_str().unwrap()).collect()
}

fn version(value: &Value) -> String {
    value["metadata"]["resourceVersion"].as_str().unwrap().to_owned()
}

#[tokio::test]
async fn discovery_names_what_is_served() {
    let (server, client) = empty().await;
    server.serve(&database());
    assert_eq!(client.get("/healthz").await.body, json!("ok"));
    assert_eq!(client.get("/version").await.body["minor"], "36");
    assert_eq!(client.get("/api").await.body["versions"], json!(["v1"]));
    let groups = client.get("/apis").await.body;
    let groups: Vec<&str> =
        groups["groups"].as_array().unwrap().iter().map(|group| group["name"].as_str().unwrap()).collect();
    assert!(groups.contains(&"apps") && groups.contains(&"shop.example.com"), "{groups:?}");
    let core = client.get("/api/v1").await.body;
    let pods = core["resources"].as_array().unwrap().iter().find(|r| r["name"] == "pods").unwrap();
    assert_eq!((&pods["kind"], &pods["namespaced"]), (&json!("Pod"), &json!(true)));
    let custom = client.get("/apis/shop.example.com/v1").await.body;
    assert_eq!(custom["groupVersion"], "shop.example.com/v1");
    assert_eq!(custom["resources"][0]["kind"], "Database");
    for path in ["/apis/no.such/v1", "/apis/apps/v9", "/api/v1/nothings", "/elsewhere", "/api/v1/pods/a/b/c"]
    {
        let answer = client.get(path).await;
        assert_eq!((answer.status, &answer.body["reason"]), (404, &json!("NotFound")), "{path}");
    }
}

#[tokio::test]
async fn a_list_comes_in_pages_of_one_snapshot() {
    let (server, client) = empty().await;
    for name in ["a", "b", "c", "d", "e"] {
        server.apply(&resource("pods"), &pod(name, "web"));
    }
    let first = client.get("/api/v1/pods?limit=2").await.body;
    assert_eq!((names(&first), &first["kind"]), (vec!["a", "b"], &json!("PodList")));
    assert_eq!(first["metadata"]["remainingItemCount"], 3);
    assert!(first["items"][0].get("kind").is_none(), "items of a list carry no kind");

    server.apply(&resource("pods"), &pod("bb", "web"));
    server.delete(&resource("pods"), &pod("d", "web"));
    let next = |page: &Value| {
        format!("/api/v1/pods?limit=2&continue={}", page["metadata"]["continue"].as_str().unwrap())
    };
    let second = client.get(&next(&first)).await.body;
    let third = client.get(&next(&second)).await.body;
    assert_eq!((names(&second), names(&third)), (vec!["c", "d"], vec!["e"]));
    assert_eq!((version(&second), version(&third)), (version(&first), version(&first)));
    assert!(third["metadata"].get("continue").is_none());
    assert_eq!(names(&client.get("/api/v1/pods").await.body), ["a", "b", "bb", "c", "e"]);
    assert_eq!(client.get("/api/v1/pods?continue=nonsense").await.status, 400);

    let then = format!("/api/v1/pods?resourceVersion={}&resourceVersionMatch=Exact", version(&first));
    assert_eq!(names(&client.get(&then).await.body), ["a", "b", "c", "d", "e"]);
    let ahead = client.get("/api/v1/pods?resourceVersion=999999").await;
    assert_eq!((ahead.status, &ahead.body["reason"]), (504, &json!("Timeout")));
}

#[tokio::test]
async fn lists_and_gets_answer_for_namespaces_selectors_and_names() {
    let (server, client) = empty().await;
    server.apply(&resource("pods"), &pod("a", "web"));
    server.apply(&resource("pods"), &pod("b", "db"));
    server.apply(&resource("nodes"), r#"{"metadata":{"name":"system:node/x"}}"#);
    let rows = [
        ("/api/v1/namespaces/n/pods", vec!["a", "b"]),
        ("/api/v1/namespaces/other/pods", vec![]),
        ("/api/v1/pods?labelSelector=app%3Dweb", vec!["a"]),
        ("/api/v1/pods?labelSelector=app+in+%28db%2Cx%29", vec!["b"]),
        ("/api/v1/pods?fieldSelector=metadata.name%3Db%2Cstatus.phase%3DRunning", vec!["b"]),
        ("/api/v1/pods?fieldSelector=status.phase!%3DRunning", vec![]),
    ];
    for (path, want) in rows {
        assert_eq!(names(&client.get(path).await.body), want, "{path}");
    }
    let bad = client.get("/api/v1/nodes?fieldSelector=spec.x%3Dy").await;
    assert_eq!((bad.status, &bad.body["message"]), (400, &json!("field label not supported: spec.x")));
    assert_eq!(client.get("/api/v1/pods?labelSelector=%28").await.status, 400);

    let found = client.get("/api/v1/namespaces/n/pods/a").await;
    assert_eq!((found.status, &found.body["kind"]), (200, &json!("Pod")));
    assert_eq!(
        client.get("/api/v1/nodes/system:node%2Fx").await.status,
        404,
        "a decoded slash splits a path"
    );
    let missing = client.get("/api/v1/namespaces/n/pods/zz").await;
    assert_eq!((missing.status, &missing.body["message"]), (404, &json!("pods \"zz\" not found")));
    assert_eq!(client.get("/api/v1/namespaces/n/nodes").await.status, 404);
}

#[tokio::test]
async fn metadata_alone_can_be_asked_for() {
    let (server, client) = empty().await;
    server.apply(&resource("pods"), &pod("a", "web"));
    let accept = "application/json;as=PartialObjectMetadataList;g=meta.k8s.io;v=v1";
    let list = client.request("GET", "/api/v1/pods", accept, "").await.body;
    assert_eq!((&list["kind"], names(&list)), (&json!("PartialObjectMetadataList"), vec!["a"]));
    assert!(list["items"][0].get("status").is_none());
}

#[tokio::test]
async fn a_watch_goes_on_from_a_version_without_a_gap() {
    let (server, client) = empty().await;
    server.apply(&resource("pods"), &pod("a", "web"));
    let list = client.get("/api/v1/pods").await.body;
    server.apply(&resource("pods"), &pod("b", "web"));
    let path = format!("/api/v1/pods?watch=true&resourceVersion={}", version(&list));
    let mut watch = client.watch(&path).await;
    assert_eq!(watch.short().await, "ADDED b");
    server.apply(&resource("nodes"), r#"{"metadata":{"name":"not-a-pod"}}"#);
    server.apply(&resource("pods"), &pod("a", "web"));
    server.delete(&resource("pods"), &pod("a", "web"));
    assert_eq!((watch.short().await, watch.short().await), ("MODIFIED a".into(), "DELETED a".into()));
    assert_eq!(server.open_watches(), 1);
    server.shut_down().await;
    assert_eq!(watch.short().await, "end");
}

#[tokio::test]
async fn a_watch_without_a_version_begins_with_what_stands() {
    let (server, client) = empty().await;
    server.apply(&resource("pods"), &pod("b", "web"));
    server.apply(&resource("pods"), &pod("a", "web"));
    let mut watch = client.watch("/api/v1/namespaces/n/pods?watch=1").await;
    assert_eq!((watch.short().await, watch.short().await), ("ADDED a".into(), "ADDED b".into()));
    server.delete(&resource("pods"), &pod("b", "web"));
    assert_eq!(watch.short().await, "DELETED b");
}

#[tokio::test]
async fn a_watch_with_a_selector_tells_who_comes_and_goes() {
    let (server, client) = empty().await;
    server.apply(&resource("pods"), &pod("a", "web"));
    let mut watch = client.watch("/api/v1/pods?watch=1&labelSelector=app%3Ddb").await;
    server.apply(&resource("pods"), &pod("a", "db"));
    assert_eq!(watch.short().await, "ADDED a");
    server.apply(&resource("pods"), &pod("a", "web"));
    let (kind, object) = watch.next().await.unwrap().unwrap();
    assert_eq!((&*kind, &object["metadata"]["labels"]["app"]), ("DELETED", &json!("db")));
    assert_eq!(version(&object), server.version().to_string());
}

#[tokio::test]
async fn bookmarks_come_when_asked_for_and_before_a_watch_times_out() {
    let (server, client) = empty().await;
    let mut watch = client.watch("/api/v1/pods?watch=1&allowWatchBookmarks=true&timeoutSeconds=1").await;
    let mut without = client.watch("/api/v1/pods?watch=1").await;
    server.apply(&resource("nodes"), r#"{"metadata":{"name":"a"}}"#);
    server.send_bookmarks();
    let (kind, object) = watch.next().await.unwrap().unwrap();
    assert_eq!((&*kind, &object["kind"]), ("BOOKMARK", &json!("Pod")));
    assert_eq!(version(&object), server.version().to_string());
    assert_eq!((watch.short().await, watch.short().await), ("BOOKMARK -".into(), "end".into()));
    server.apply(&resource("pods"), &pod("a", "web"));
    assert_eq!(without.short().await, "ADDED a");
}

#[tokio::test]
async fn a_list_can_be_streamed() {
    let (server, client) = empty().await;
    server.apply(&resource("pods"), &pod("a", "web"));
    let path = "/api/v1/pods?watch=1&allowWatchBookmarks=true&sendInitialEvents=true";
    let mut watch = client.watch(&format!("{path}&resourceVersionMatch=NotOlderThan&resourceVersion=")).await;
    assert_eq!(watch.short().await, "ADDED a");
    let (kind, object) = watch.next().await.unwrap().unwrap();
    assert_eq!(kind, "BOOKMARK");
    assert_eq!(object["metadata"]["annotations"]["k8s.io/initial-events-end"], "true");
    server.apply(&resource("pods"), &pod("b", "web"));
    assert_eq!(watch.short().await, "ADDED b");
    assert_eq!(client.get(path).await.status, 422);
}

#[tokio::test]
async fn what_was_compacted_is_gone() {
    let (server, client) = empty().await;
    for name in ["a", "b", "c"] {
        server.apply(&resource("pods"), &pod(name, "web"));
    }
    let first = client.get("/api/v1/pods?limit=1").await.body;
    let mut open = client.watch(&format!("/api/v1/pods?watch=1&resourceVersion={}", version(&first))).await;
    server.compact();

    let mut old = client.watch(&format!("/api/v1/pods?watch=1&resourceVersion={}", version(&first))).await;
    let (kind, status) = old.next().await.unwrap().unwrap();
    assert_eq!((&*kind, &status["code"], &status["reason"]), ("ERROR", &json!(410), &json!("Expired")));
    assert_eq!(old.short().await, "end");

    let next = first["metadata"]["continue"].as_str().unwrap();
    let gone = client.get(&format!("/api/v1/pods?limit=1&continue={next}")).await;
    assert_eq!(
        (gone.status, &gone.body["code"], &gone.body["reason"]),
        (410, &json!(410), &json!("Expired"))
    );
    let rest = gone.body["metadata"]["continue"].as_str().unwrap();
    let rest = client.get(&format!("/api/v1/pods?continue={rest}")).await.body;
    assert_eq!(names(&rest), ["b", "c"], "the token of the refusal reads the rest, in the present");

    server.apply(&resource("pods"), &pod("d", "web"));
    assert_eq!(open.short().await, "ADDED d", "a watch that had seen everything goes on");
}

#[tokio::test]
async fn a_configmap_is_made_changed_and_deleted() {
    let (server, client) = empty().await;
    let all = "/api/v1/namespaces/n/configmaps";
    let one = format!("{all}/place");
    let send = async |method: &str, path: &str, content_type: &str, body: Value| {
        let answer = client.request(method, path, content_type, &body.to_string()).await;
        (answer.status, answer.body)
    };
    let json = "application/json";
    assert_eq!(send("PUT", &one, json, json!({ "metadata": { "name": "place" } })).await.0, 404);
    let (status, made) = send(
        "POST",
        all,
        json,
        json!({ "metadata": { "name": "place" }, "data": { "pods": "1", "x": "1" } }),
    )
    .await;
    assert_eq!(
        (status, &made["kind"], &made["metadata"]["namespace"]),
        (201, &json!("ConfigMap"), &json!("n"))
    );
    assert_eq!(made["metadata"]["creationTimestamp"], "2030-05-05T05:05:05Z");
    assert_eq!(send("POST", all, json, made.clone()).await.0, 409);

    let patch = json!({ "data": { "pods": "2", "x": null } });
    let (status, patched) = send("PATCH", &one, "application/merge-patch+json", patch).await;
    assert_eq!((status, &patched["data"]), (200, &json!({ "pods": "2" })));
    assert_eq!(patched["metadata"]["uid"], made["metadata"]["uid"]);
    let (status, conflict) = send("PUT", &one, json, made).await;
    assert_eq!((status, &conflict["reason"]), (409, &json!("Conflict")));
    assert_eq!(send("PUT", &one, json, patched).await.0, 200);

    let apply = "application/apply-patch+yaml";
    let (status, applied) =
        send("PATCH", &format!("{all}/other"), apply, json!({ "data": { "a": "b" } })).await;
    assert_eq!((status, &applied["metadata"]["name"]), (201, &json!("other")));
    assert_eq!(send("PATCH", &one, "application/json-patch+json", json!([])).await.0, 415);

    let mut watch = client.watch(&format!("{all}?watch=1")).await;
    assert_eq!((watch.short().await, watch.short().await), ("ADDED other".into(), "ADDED place".into()));
    assert_eq!(send("DELETE", &one, json, json!({})).await.0, 200);
    assert_eq!(watch.short().await, "DELETED place");
    assert_eq!(send("POST", "/api/v1/namespaces/n/pods", json, json!({})).await.0, 405);
    assert_eq!(client.request("POST", all, json, "{no json").await.status, 400);
    assert!(server.requests().iter().any(|request| request.verb == Verb::Delete && request.path == one));
}

#[tokio::test]
async fn faults_strike_where_and_as_often_as_told() {
    let (server, client) = empty().await;
    server.inject(Fault::too_many_requests(7).times(1));
    let busy = client.get("/api/v1/pods").await;
    assert_eq!((busy.status, &busy.headers["retry-after"]), (429, &"7".parse().unwrap()));
    assert_eq!(client.get("/api/v1/pods").await.status, 200);

    server.inject(Fault::forbidden().on_path("/secrets"));
    server.inject(Fault::gone().on_verb(Verb::Watch));
    assert_eq!(client.get("/api/v1/secrets").await.status, 403);
    assert_eq!(client.get("/api/v1/pods").await.status, 200);
    assert_eq!(client.get("/api/v1/pods?watch=1").await.status, 410);
    server.clear_faults();
    assert_eq!(client.get("/api/v1/secrets").await.status, 200);

    server.inject(Fault::drop_connection().times(1));
    assert!(client.breaks("/api/v1/pods").await);
    server.inject(Fault::garbage().times(1));
    assert!(client.get("/api/v1/pods").await.body.is_string());

    let wait = Duration::from_millis(50);
    server.inject(Fault::slow(wait).times(1));
    let asked = Instant::now();
    assert_eq!(client.get("/api/v1/pods").await.status, 200);
    assert!(asked.elapsed() >= wait);

    server.inject(Fault::hang().on_path("/nodes"));
    let hanging = client.get("/api/v1/nodes");
    let lifted = async {
        // It hangs from the moment on that its request is known.
        while server.requests().last().is_none_or(|last| last.path != "/api/v1/nodes") {
            tokio::task::yield_now().await;
        }
        server.clear_faults();
    };
    assert_eq!(tokio::join!(hanging, lifted).0.status, 200);
}

#[tokio::test]
async fn open_watches_break_on_demand() {
    let (server, client) = empty().await;
    let mut watch = client.watch("/api/v1/pods?watch=1").await;
    server.apply(&resource("pods"), &pod("a", "web"));
    assert_eq!(watch.short().await, "ADDED a");
    server.drop_watches();
    assert!(watch.next().await.is_err());
}

#[tokio::test]
async fn a_custom_resource_comes_and_goes() {
    let (server, client) = empty().await;
    let path = "/apis/shop.example.com/v1/databases";
    assert_eq!(client.get(path).await.status, 404);
    server.serve(&database());
    let mut watch = client.watch(&format!("{path}?watch=1")).await;
    server.apply(&database(), r#"{"metadata":{"name":"db","namespace":"n"}}"#);
    assert_eq!(watch.short().await, "ADDED db");
    let list = client.get(path).await.body;
    assert_eq!(list["items"][0]["kind"], "Database", "items of a custom resource keep their kind");
    server.withdraw(&database());
    assert_eq!(watch.short().await, "end");
    assert_eq!(client.get(path).await.status, 404);
}

#[tokio::test]
async fn listing_and_watching_a_recording_ends_in_its_last_state() {
    let timeline = Timeline::merge([
        Recording::open(shipped("mixed-namespace")).unwrap(),
        Recording::open(shipped("failing-deployment-deleted")).unwrap(),
    ]);
    let mut want: BTreeMap<String, String> = BTreeMap::new();
    for step in timeline.steps(now()).unwrap().map(Result::unwrap) {
        let object: Value = serde_json::from_str(&step.object).unwrap();
        if step.resource.plural != "pods" {
            continue;
        }
        let name = format!("{}/{}", object["metadata"]["namespace"], object["metadata"]["name"]);
        match step.kind {
            StepKind::Applied => _ = want.insert(name, object["status"].to_string()),
            StepKind::Deleted | StepKind::Vanished => _ = want.remove(&name),
        }
    }
    assert!(want.len() > 5, "{}", want.len());

    let (server, client) = play(&timeline).await;
    server.advance_to(SignedDuration::from_secs(60));
    let mut seen: BTreeMap<String, String> = BTreeMap::new();
    let name = |object: &Value| format!("{}/{}", object["metadata"]["namespace"], object["metadata"]["name"]);
    let mut page = client.get("/api/v1/pods?limit=3").await.body;
    let from = version(&page);
    loop {
        for item in page["items"].as_array().unwrap() {
            seen.insert(name(item), item["status"].to_string());
        }
        server.advance_to(SignedDuration::from_secs(120));
        let Some(next) = page["metadata"]["continue"].as_str() else { break };
        page = client.get(&format!("/api/v1/pods?limit=3&continue={next}")).await.body;
    }
    let path = format!("/api/v1/pods?watch=1&allowWatchBookmarks=1&resourceVersion={from}");
    let mut watch = client.watch(&path).await;
    server.advance_to(timeline.length());
    server.ended().await;
    server.send_bookmarks();
    let mut last_version = from.parse::<u64>().unwrap();
    loop {
        let (kind, object) = watch.next().await.unwrap().unwrap();
        let version: u64 = version(&object).parse().unwrap();
        assert!(version > last_version || kind == "BOOKMARK", "{kind} {version} after {last_version}");
        last_version = version;
        match &*kind {
            "BOOKMARK" if version == server.version() => break,
            "BOOKMARK" => server.send_bookmarks(),
            "DELETED" => assert!(seen.remove(&name(&object)).is_some(), "{}", name(&object)),
            "ADDED" => assert!(seen.insert(name(&object), object["status"].to_string()).is_none()),
            _ => assert!(seen.insert(name(&object), object["status"].to_string()).is_some()),
        }
    }
    assert_eq!(seen, want);
}

#[tokio::test(start_paused = true)]
async fn a_recording_plays_in_its_own_time_from_its_midst_and_ends() {
    let recording = Recording::open(shipped("image-tag-repaired")).unwrap();
    let timeline = Timeline::merge([recording]);
    let options = PlayOptions { from: SignedDuration::from_secs(100), ..PlayOptions::default() };
    let server = PlayServer::start(&timeline, now(), options).await.unwrap();
    let began = tokio::time::Instant::now();
    let state_then = server.version();
    assert_eq!(server.now(), now());
    server.ended().await;
    assert_eq!(began.elapsed().as_secs(), 110);
    assert_eq!(server.now().duration_since(now()).as_secs(), 110);
    assert!(state_then > 1_010 && server.version() > state_then + 10, "{state_then} {}", server.version());

    let options = PlayOptions { clock: Clock::Real { speed: 10.0 }, ..PlayOptions::default() };
    let server = PlayServer::start(&timeline, now(), options).await.unwrap();
    let began = tokio::time::Instant::now();
    server.ended().await;
    assert_eq!(began.elapsed().as_secs(), 21);
}

#[tokio::test]
async fn the_recordings_time_is_the_present() {
    let timeline = Timeline::merge([Recording::open(shipped("crash-exit-1")).unwrap()]);
    let from = SignedDuration::from_secs(200);
    let options = PlayOptions { clock: Clock::Manual, from, ..PlayOptions::default() };
    let server = PlayServer::start(&timeline, now(), options).await.unwrap();
    let pods = Client::new(&server.url()).get("/api/v1/namespaces/crash-exit-1/pods").await.body;
    for pod in pods["items"].as_array().unwrap() {
        let made: Timestamp = pod["metadata"]["creationTimestamp"].as_str().unwrap().parse().unwrap();
        let age = now().duration_since(made).as_secs();
        assert!((199..=202).contains(&age), "{age}");
    }
    assert_eq!(names(&pods).len(), 2);
}

#[tokio::test]
async fn a_port_in_use_is_named() {
    let (server, _client) = empty().await;
    let port = server.url().rsplit_once(':').unwrap().1.parse().unwrap();
    let options = PlayOptions { port, ..PlayOptions::default() };
    let error = PlayServer::start(&Timeline::default(), now(), options).await.err().unwrap();
    assert!(matches!(error, PlayError::Listen { .. }), "{error}");
    assert!(error.to_string().contains(&format!("127.0.0.1:{port}; choose another port")), "{error}");
}
