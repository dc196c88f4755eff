//! Whatever bytes, methods, paths, queries, headers and bodies come in: an answer of bounded size or none, no panic, and
//! the server goes on serving.

use crate::hostile::{server, throw};
use proptest::prelude::*;
use serde_json::json;
use std::cell::Cell;
use std::sync::Once;

/// Of one request, what is remembered: a path and a query of this size, and their names around.
const REMEMBERED_MAX: usize = (8 << 10) + 64;

thread_local! {
    /// Of tasks of the server, which run on the thread of the test; tokio catches them.
    static PANICS: Cell<usize> = const { Cell::new(0) };
}

fn count_panics() {
    static ONCE: Once = Once::new();
    ONCE.call_once(|| {
        let before = std::panic::take_hook();
        std::panic::set_hook(Box::new(move |panic| {
            PANICS.set(PANICS.get() + 1);
            before(panic);
        }));
    });
}

fn either(texts: &'static [&'static str]) -> impl Strategy<Value = String> {
    prop::sample::select(texts).prop_map(str::to_owned)
}

fn method() -> impl Strategy<Value = String> {
    prop_oneof![
        8 => either(&["GET", "HEAD", "POST", "PUT", "PATCH", "DELETE"]),
        1 => either(&["OPTIONS", "TRACE", "CONNECT", "PRI", "get"]),
        1 => "[A-Z!#$%&'*+.^_`|~-]{1,12}",
    ]
}

/// The kinds that can be written come most often, as more is done with them.
const PLACES: &[&str] = &[
    "/api/v1/namespaces/n/configmaps",
    "/api/v1/namespaces/n/configmaps/a",
    "/api/v1/namespaces/n/events/a",
    "/apis/coordination.k8s.io/v1/namespaces/n/leases/a",
    "/api/v1/configmaps",
    "/api/v1/pods",
    "/apis/apps/v1/deployments",
    "/api/v1/nodes/n",
    "/apis",
    "/api/v1",
    "*",
];

fn path() -> impl Strategy<Value = String> {
    let part = prop_oneof![
        either(&[
            "api",
            "apis",
            "v1",
            "namespaces",
            "pods",
            "configmaps",
            "status",
            "..",
            "",
            "%00",
            "%2f",
            "%zz",
            "%"
        ]),
        "[ -~]{0,12}",
        "\\PC{0,6}",
        "[a-z]{3000,9000}",
    ];
    let odd = prop::collection::vec(part, 0..9).prop_map(|parts| format!("/{}", parts.join("/")));
    prop_oneof![3 => either(PLACES), 2 => odd]
}

fn query() -> impl Strategy<Value = String> {
    let name = prop_oneof![
        9 => either(&["watch", "limit", "continue", "resourceVersion", "resourceVersionMatch", "labelSelector", "fieldSelector",
            "timeoutSeconds", "sendInitialEvents", "allowWatchBookmarks"]),
        1 => "[a-zA-Z%]{0,8}",
    ];
    let value = prop_oneof![
        4 => either(&["1", "true", "0", "-1", "1000", "1001", "18446744073709551615", "Exact", "NotOlderThan", "a=b", "a!=b,c",
            "a%20in%20(b,c)", "!(", "metadata.name%3Da", "metadata.name=a,metadata.namespace!=n", "%00", "%ff",
            "eyJhZnRlciI6WyIiLCJhIl19", "eyJvZiI6WzEsOTk5OTldLCJhZnRlciI6WyIiLCIiXX0"]),
        1 => any::<u64>().prop_map(|number| number.to_string()),
        1 => "[ -~]{0,40}",
    ];
    let pair = (name, value).prop_map(|(name, value)| format!("&{name}={value}"));
    prop::collection::vec(pair, 0..6).prop_map(|pairs| pairs.concat())
}

fn header() -> impl Strategy<Value = String> {
    prop_oneof![
        either(&[
            "Content-Type: application/json",
            "Content-Type: application/merge-patch+json",
            "Content-Type: application/apply-patch+yaml",
            "Content-Type: application/json-patch+json",
            "Accept: application/json;as=PartialObjectMetadataList;g=meta.k8s.io;v=v1",
            "Accept-Encoding: gzip",
            "Expect: 100-continue",
            "Upgrade: websocket",
            "Connection: upgrade",
            "Content-Length: 3",
            "Transfer-Encoding: chunked",
        ]),
        "[A-Za-z-]{1,20}: [ -~]{0,60}",
        "\\PC{0,20}",
    ]
}

fn body() -> impl Strategy<Value = Vec<u8>> {
    let object = (either(&["a", "", "b/c", "\\u0000"]), "[ -~]{0,30}").prop_map(|(name, text)| {
        format!(
            r#"{{"metadata":{{"name":"{name}","labels":{{"a":"b"}},"resourceVersion":null,"x":{}}},"data":{{"k":"v"}}}}"#,
            json!(text)
        )
    });
    let nested = (1..3_000_usize)
        .prop_map(|depth| format!(r#"{{"metadata":{{"name":"a"}},"x":{}"#, "[".repeat(depth)));
    let parts = either(&[
        "{",
        "}",
        "[",
        "]",
        "\"metadata\":",
        "\"name\":",
        "\"uid\":",
        "\"finalizers\":",
        "null",
        "7",
        "-1e999",
        ",",
        "\"a\"",
        "{}",
    ]);
    prop_oneof![
        4 => object.prop_map(String::into_bytes),
        2 => prop::collection::vec(parts, 0..20).prop_map(|parts| parts.concat().into_bytes()),
        1 => nested.prop_map(String::into_bytes),
        1 => prop::collection::vec(any::<u8>(), 0..200),
    ]
}

/// A request that is one, but for what its parts may hold.
fn request() -> impl Strategy<Value = Vec<u8>> {
    let headers = prop::collection::vec(header(), 0..5);
    (method(), path(), query(), headers, body(), any::<bool>()).prop_map(
        |(method, path, query, headers, body, tells_length)| {
            let mut lines = vec![format!("{method} {path}?x{query} HTTP/1.1"), "Host: x".to_owned()];
            lines.extend(headers);
            if tells_length {
                lines.push(format!("Content-Length: {}", body.len()));
            }
            [format!("{}\r\n\r\n", lines.join("\r\n")).into_bytes(), body].concat()
        },
    )
}

fn bytes() -> impl Strategy<Value = Vec<u8>> {
    let torn = (request(), any::<prop::sample::Index>(), any::<u8>()).prop_map(|(mut bytes, at, byte)| {
        let at = at.index(bytes.len());
        bytes[at] = byte;
        bytes
    });
    prop_oneof![
        6 => request(),
        2 => torn,
        1 => prop::collection::vec(any::<u8>(), 0..600),
        1 => prop::collection::vec(request(), 2..4).prop_map(|requests| requests.concat()),
    ]
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(128))]

    #[test]
    fn any_bytes_are_answered_or_refused_and_the_server_goes_on(thrown in prop::collection::vec(bytes(), 1..8)) {
        count_panics();
        PANICS.set(0);
        let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build().unwrap();
        runtime.block_on(async {
            let (server, client) = server().await;
            let sent: usize = thrown.iter().map(Vec::len).sum();
            for bytes in &thrown {
                let answered = throw(&server, bytes).await;
                prop_assert!(answered <= (64 << 10) + 16 * sent, "{answered} bytes for {sent}");
            }
            let sound = client.get("/api/v1/pods").await;
            prop_assert_eq!((sound.status, &sound.body["kind"]), (200, &json!("PodList")));
            for request in server.requests() {
                let length = request.to_string().len();
                prop_assert!(length <= REMEMBERED_MAX, "{length} bytes are remembered of one request");
            }
            prop_assert_eq!(PANICS.get(), 0, "the server panicked");
            Ok(())
        })?;
    }
}
