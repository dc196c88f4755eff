use crate::{ask, http, kit, said, verdict};
use prodrome_plugin::http::Http;
use std::time::Duration;
use tokio::io::{AsyncReadExt as _, AsyncWriteExt as _};

/// A server without TLS that answers each question with this, and then sends on without end if it is told to.
async fn server(answer: &'static str, without_end: bool) -> String {
    serve(move |_| answer.to_owned(), without_end).await
}

/// The same, whose answer hangs on the question.
async fn serve(answer: impl Fn(&str) -> String + Copy + Send + 'static, without_end: bool) -> String {
    let listener = tokio::net::TcpListener::bind("127.0.0.1:0").await.unwrap();
    let host = listener.local_addr().unwrap().to_string();
    tokio::spawn(async move {
        while let Ok((mut stream, _)) = listener.accept().await {
            tokio::spawn(async move {
                let mut request = [0; 2048];
                let read = stream.read(&mut request).await.unwrap_or(0);
                let answer = answer(&String::from_utf8_lossy(&request[..read]));
                _ = stream.write_all(answer.as_bytes()).await;
                while without_end && stream.write_all(&[b'x'; 8192]).await.is_ok() {}
            });
        }
    });
    host
}

#[tokio::test]
async fn answers_that_are_no_images_are_told_apart() {
    for (answer, before, want) in [
        (
            "HTTP/1.1 503 Service Unavailable\r\nContent-Length: 0\r\n\r\n",
            None,
            ("cause", Some("registry-unavailable")),
        ),
        (
            "HTTP/1.1 429 Too Many Requests\r\nRetry-After: 60\r\nContent-Length: 0\r\n\r\n",
            Some("image-rate-limited"),
            ("cause", Some("image-rate-limited")),
        ),
        // Our own address is limited; what becomes of the node's is not known.
        ("HTTP/1.1 429 Too Many Requests\r\nContent-Length: 0\r\n\r\n", None, ("unknown", None)),
        (
            "HTTP/1.1 302 Found\r\nLocation: http://169.254.169.254/\r\nContent-Length: 0\r\n\r\n",
            None,
            ("unknown", None),
        ),
        (
            "HTTP/1.1 302 Found\r\nLocation: http://10.1.1.1/\r\nContent-Length: 0\r\n\r\n",
            None,
            ("unknown", None),
        ),
        (
            "HTTP/1.1 401 Unauthorized\r\nWWW-Authenticate: Bearer realm=\"http://169.254.169.254/x\"\r\nContent-Length: 0\r\n\r\n",
            None,
            ("unknown", None),
        ),
        (
            "HTTP/1.1 401 Unauthorized\r\nWWW-Authenticate: Bearer realm=\"file:///etc/passwd\"\r\nContent-Length: 0\r\n\r\n",
            None,
            ("unknown", None),
        ),
        ("HTTP/1.1 418 No\r\nContent-Length: 0\r\n\r\n", None, ("unknown", None)),
    ] {
        let host = server(answer, false).await;
        let mut kit = kit(&format!("{host}/shop/web:1"), "amd64", None).outside(http(None));
        if let Some(cause) = before {
            kit = kit.result("image", said(cause));
        }
        let found = ask(kit).await;
        assert_eq!(verdict(&found), want, "{answer}: {found:?}");
    }
}

/// A server that knows no manifest, and answers a question for a blob with 503 and this body.
async fn without_blobs(body: &'static str) -> String {
    let answer = move |request: &str| {
        let of_blob = request.contains("/blobs/");
        let (status, body) = if of_blob { ("503 Service Unavailable", body) } else { ("404 Not Found", "") };
        format!("HTTP/1.1 {status}\r\nConnection: close\r\nContent-Length: {}\r\n\r\n{body}", body.len())
    };
    serve(answer, false).await
}

#[tokio::test]
async fn only_who_tells_of_an_upstream_is_a_cache() {
    for (body, want, sure) in [
        (
            r#"{"errors":[{"code":"UNKNOWN","detail":{"Op":"Get","URL":"https://upstream.example/v2/"}}]}"#,
            "registry-unavailable",
            true,
        ),
        ("", "image-not-found", false),
        ("<html>503 no server is available</html>", "image-not-found", false),
        (r#"{"errors":[{"code":"UNAVAILABLE","detail":"busy"}]}"#, "image-not-found", false),
        (r#"{"errors":[{"code":"UNKNOWN","detail":{"URL":"busy"}}]}"#, "image-not-found", false),
    ] {
        let host = without_blobs(body).await;
        let kit = kit(&format!("{host}/shop/web:1"), "amd64", None).outside(http(None));
        let answer = ask(kit.result("image", said("image-not-found"))).await;
        assert_eq!(verdict(&answer), ("cause", Some(want)), "{body}: {answer:?}");
        assert_eq!(answer.confidence > 0.8, sure, "{body}: {answer:?}");
        assert!(answer.evidence.iter().any(|e| e.text.contains("503")), "{body}: {answer:?}");
        if !sure {
            assert!(!format!("{answer:?}").contains("is a cache"), "{body}: {answer:?}");
        }
    }
}

#[tokio::test]
async fn a_manifest_without_end_is_cut_off() {
    let head = "HTTP/1.1 404 Not Found\r\nContent-Type: application/json\r\nConnection: close\r\n\r\n";
    let host = server(head, true).await;
    let answer = ask(kit(&format!("{host}/shop/web:1"), "amd64", None).outside(http(None))).await;
    assert_eq!(verdict(&answer), ("cause", Some("image-not-found")), "{answer:?}");
}

#[tokio::test]
async fn a_port_that_refuses_and_one_that_says_nothing_are_unreachable() {
    let refused = {
        let listener = tokio::net::TcpListener::bind("127.0.0.1:0").await.unwrap();
        listener.local_addr().unwrap().to_string()
    };
    let silent = tokio::net::TcpListener::bind("127.0.0.1:0").await.unwrap();
    let quick = Http { timeout: Duration::from_millis(100), ..http(None) };
    for host in [refused, silent.local_addr().unwrap().to_string()] {
        let image = format!("{host}/shop/web:1");
        let kit = kit(&image, "amd64", None).outside(quick.clone());
        let answer = ask(kit.clone().result("image", said("registry-unreachable"))).await;
        assert_eq!(verdict(&answer), ("cause", Some("registry-unreachable")), "{answer:?}");
        assert_eq!(answer.shared.as_deref(), Some(format!("registry {host}").as_str()));
        // The node had an answer, so that it is we who cannot reach it.
        let answer = ask(kit.result("image", said("image-not-found"))).await;
        assert_eq!(verdict(&answer), ("unknown", None), "{answer:?}");
        assert!(answer.not_looked_at.iter().any(|unseen| unseen.what.contains(&host)), "{answer:?}");
    }
}

#[tokio::test]
async fn our_own_network_is_no_registry_to_be_asked() {
    for image in
        ["169.254.169.254/latest/meta-data:1", "10.0.0.7:5000/a:1", "[::1]:5000/a:1", "localhost:2375/a:1"]
    {
        let answer = ask(kit(image, "amd64", None).outside(Http::default())).await;
        assert_eq!(verdict(&answer), ("unknown", None), "{image}: {answer:?}");
        assert!(
            answer.not_looked_at.iter().any(|unseen| unseen.reason.contains("private network")),
            "{answer:?}"
        );
    }
    let answer = ask(kit("r.example/A b?:1", "amd64", None).outside(Http::default())).await;
    assert_eq!(verdict(&answer), ("cause", Some("image-name-invalid")), "{answer:?}");
}

#[tokio::test]
async fn where_nothing_outside_is_asked_that_counts_as_not_looked_at() {
    let answer = ask(kit("r.example/shop/web:1", "amd64", None)).await;
    assert_eq!(verdict(&answer), ("unknown", None));
    let unseen = &answer.not_looked_at[0];
    assert_eq!(unseen.what, "the registry r.example");
    assert!(unseen.reason.contains("nothing outside of the cluster is asked"), "{unseen:?}");
}
