//! The API server that plays recordings, asked without a connection: requests one after the other, divided by a line of
//! `---`, each a line `METHOD PATH`, lines of headers, and after an empty line the body.
#![no_main]

use axum::body::Body;
use axum::extract::Request;
use futures::FutureExt;
use http_body_util::BodyExt;
use libfuzzer_sys::fuzz_target;
use prodrome_recording::Timeline;
use prodrome_recording::play::{Clock, PlayOptions, PlayServer};

/// Of one request, what is remembered: a path and a query of this size, and their names around.
const REMEMBERED_MAX: usize = (8 << 10) + 64;

fn parse(text: &str) -> Option<Request> {
    let (head, body) = text.split_once("\n\n").unwrap_or((text, ""));
    let mut lines = head.lines();
    let (method, path) = lines.next()?.split_once(' ')?;
    let mut request = Request::builder().method(method).uri(path);
    for (name, value) in lines.filter_map(|line| line.split_once(": ")) {
        request = request.header(name, value);
    }
    request.body(Body::from(body.to_owned())).ok()
}

/// How many bytes are answered at once; a watch goes on, and is left.
async fn answered(server: &PlayServer, request: Request) -> usize {
    let answer = server.ask(request).await;
    assert!((200..600).contains(&answer.status().as_u16()));
    let mut body = answer.into_body();
    let mut bytes = 0;
    while let Some(Some(frame)) = body.frame().now_or_never() {
        bytes += frame.unwrap().into_data().map_or(0, |data| data.len());
    }
    bytes
}

fuzz_target!(|input: &str| {
    let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build().unwrap();
    runtime.block_on(async {
        let options = PlayOptions { clock: Clock::Manual, bookmark_every: None, ..PlayOptions::default() };
        let now = "2030-05-05T05:05:05Z".parse().unwrap();
        let server = PlayServer::start(&Timeline::default(), now, options).await.unwrap();
        for request in input.split("\n---\n").filter_map(parse) {
            let bytes = answered(&server, request).await;
            assert!(bytes <= (64 << 10) + 16 * input.len(), "{bytes} bytes for {}", input.len());
        }
        for request in server.requests() {
            assert!(request.to_string().len() <= REMEMBERED_MAX, "{request}");
        }
        let sound = Request::get("/api/v1/pods").body(Body::empty()).unwrap();
        assert!(answered(&server, sound).await > 0);
    });
});
