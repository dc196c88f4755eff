use crate::pki::Pki;
use crate::proxy::{Mood, Proxy};
use crate::registry::{Registry, Setup};
use crate::tokens::Tokens;
use crate::{ask, http, kit, said, secret, verdict};
use prodrome_plugin::http::Http;
use std::sync::Arc;
use std::time::Duration;

/// A folder with what the tests pull, pushed through a registry without any guard.
async fn stocked(test: &str) -> Option<tempfile::TempDir> {
    let folder = tempfile::tempdir().unwrap();
    let open = Registry::start(test, folder.path(), &Setup::default())?;
    open.push("shop/web", "1.2.3", &["linux/amd64", "linux/arm64"]).await;
    open.push("shop/web", "1.2.2", &["linux/amd64"]).await;
    Some(folder)
}

#[tokio::test]
async fn what_a_registry_has_and_has_not_is_known() {
    let Some(folder) = stocked("what_a_registry_has_and_has_not_is_known").await else { return };
    let pki = Pki::new(folder.path(), false);
    let setup = Setup { tls: Some(&pki), ..Setup::default() };
    let registry = Registry::start("", folder.path(), &setup).unwrap();
    let http = http(Some(&pki.authority()));
    let host = &registry.host;
    for (image, architecture, want, words) in [
        ("shop/web:1.2.3", "arm64", ("cleared", None), "to anybody"),
        (
            "shop/web:1.2.2",
            "arm64",
            ("cause", Some("image-platform-mismatch")),
            "linux/amd64 and not for linux/arm64",
        ),
        ("shop/web:1.2.3", "s390x", ("cause", Some("image-platform-mismatch")), "linux/amd64, linux/arm64"),
        ("shop/web:1.2.4", "amd64", ("cause", Some("image-not-found")), "has no 1.2.4 of shop/web"),
        ("shop/wbe:1.2.3", "amd64", ("cause", Some("image-not-found")), "has no repository shop/wbe"),
    ] {
        let answer = ask(kit(&format!("{host}/{image}"), architecture, None).outside(http.clone())).await;
        assert_eq!(verdict(&answer), want, "{image}: {answer:?}");
        assert!(answer.summary.contains(words), "{image}: {}", answer.summary);
    }
    let answer = ask(kit(&format!("{host}/shop/web:1.2.4"), "amd64", None).outside(http)).await;
    let remedy = answer.remediation.join(" ");
    assert!(remedy.contains("1.2.2") && remedy.contains("1.2.3"), "{remedy}");
}

#[tokio::test]
async fn a_pull_secret_is_tried_and_named_where_it_is_to_blame() {
    let Some(folder) = stocked("a_pull_secret_is_tried_and_named_where_it_is_to_blame").await else { return };
    let pki = Pki::new(folder.path(), false);
    let setup = Setup { tls: Some(&pki), htpasswd: true, ..Setup::default() };
    let registry = Registry::start("", folder.path(), &setup).unwrap();
    let http = http(Some(&pki.authority()));
    let image = format!("{}/shop/web:1.2.3", registry.host);
    let of = |secret: Option<&str>| {
        kit(&image, "amd64", secret).outside(http.clone()).result("image", said("image-auth"))
    };
    let host = registry.host.as_str();
    // An ECR-like password says itself until when it holds: it is of long ago.
    let expired = "eyJwYXlsb2FkIjoieCIsImV4cGlyYXRpb24iOjE3MDAwMDAwMDB9";

    let fine = ask(of(Some("pull")).with(secret("pull", host, "of-these-tests"))).await;
    assert_eq!(verdict(&fine), ("cleared", None), "{fine:?}");
    for (kit, words, sure) in [
        (of(None), "names no pull secret", 0.88),
        (of(Some("pull")), "shop/pull that the pod names does not exist", 0.9),
        (
            of(Some("pull")).with(secret("pull", "other.example", "wrong-password")),
            "no credential for 127.0.0.1",
            0.92,
        ),
        (
            of(Some("pull")).with(secret("pull", host, "wrong-password")),
            "refuses the credential of the secret shop/pull",
            0.95,
        ),
        (of(Some("pull")).with(secret("pull", host, expired)), "which expired on 2023-11-14T22:13:20Z", 0.97),
    ] {
        let answer = ask(kit).await;
        assert_eq!(verdict(&answer), ("cause", Some("image-auth")), "{answer:?}");
        assert!(answer.summary.contains(words), "{}", answer.summary);
        assert!((answer.confidence - sure).abs() < 0.001, "{answer:?}");
        let faulty = answer.faulty.unwrap();
        assert_eq!(faulty.kind == "Secret", sure > 0.88, "{faulty}");
    }
}

#[tokio::test]
async fn tokens_are_got_where_the_registry_sends_for_them() {
    let Some(folder) = stocked("tokens_are_got_where_the_registry_sends_for_them").await else { return };
    let pki = Arc::new(Pki::new(folder.path(), false));
    let tokens = Tokens::start(pki.clone()).await;
    let setup = Setup { tls: Some(&pki), tokens: Some(&tokens), ..Setup::default() };
    let registry = Registry::start("", folder.path(), &setup).unwrap();
    let http = http(Some(&pki.authority()));
    let of = |image: &str| {
        let image = format!("{}/{image}", registry.host);
        kit(&image, "amd64", Some("pull")).outside(http.clone()).result("image", said("image-auth"))
    };
    let right = secret("pull", &registry.host, "of-these-tests");
    let fine = ask(of("shop/web:1.2.3").with(right.clone())).await;
    assert_eq!(verdict(&fine), ("cleared", None), "{fine:?}");
    // The registry hides from whoever may not pull whether there is such a tag; a credential shows it.
    let gone = ask(of("shop/web:9").with(right)).await;
    assert_eq!(verdict(&gone), ("cause", Some("image-not-found")), "{gone:?}");
    let wrong = ask(of("shop/web:1.2.3").with(secret("pull", &registry.host, "wrong-password"))).await;
    assert_eq!(verdict(&wrong), ("cause", Some("image-auth")), "{wrong:?}");
    assert!(wrong.evidence.iter().any(|e| e.text.contains("/token answers 401")), "{wrong:?}");
}

#[tokio::test]
async fn certificates_are_judged_as_a_client_judges_them() {
    let Some(folder) = stocked("certificates_are_judged_as_a_client_judges_them").await else { return };
    let of_old = tempfile::tempdir().unwrap();
    let (good, old) = (Pki::new(folder.path(), false), Pki::new(of_old.path(), true));
    for (pki, trusted, said_before, want) in [
        (&good, false, Some("registry-tls-untrusted"), ("cause", Some("registry-tls-untrusted"))),
        // Nodes may know its authority though we do not.
        (&good, false, None, ("unknown", None)),
        (&old, true, None, ("cause", Some("registry-tls-expired"))),
    ] {
        let setup = Setup { tls: Some(pki), ..Setup::default() };
        let registry = Registry::start("", folder.path(), &setup).unwrap();
        let authority = pki.authority();
        let mut kit = kit(&format!("{}/shop/web:1.2.3", registry.host), "amd64", None)
            .outside(http(trusted.then_some(authority.as_path())));
        if let Some(cause) = said_before {
            kit = kit.result("image", said(cause));
        }
        let answer = ask(kit).await;
        assert_eq!(verdict(&answer), want, "{answer:?}");
    }
}

#[tokio::test]
async fn what_stands_before_a_real_registry_is_told_from_it() {
    let Some(folder) = stocked("what_stands_before_a_real_registry_is_told_from_it").await else { return };
    let registry = Registry::start("", folder.path(), &Setup::default()).unwrap();
    let proxy = Proxy::before(&registry.host).await;
    let quick = Http { timeout: Duration::from_millis(500), ..http(None) };
    let image = format!("{}/shop/web:1.2.3", proxy.host);
    let of = |before: Option<&str>| {
        let kit = kit(&image, "amd64", None);
        let patient = if before == Some("registry-unreachable") { quick.clone() } else { http(None) };
        let kit = kit.outside(patient);
        before.iter().fold(kit, |kit, cause| kit.result("image", said(cause)))
    };
    for (mood, before, want) in [
        (Mood::Open, None, ("cleared", None)),
        (
            Mood::Answers("429 Too Many Requests"),
            Some("image-rate-limited"),
            ("cause", Some("image-rate-limited")),
        ),
        (Mood::Answers("429 Too Many Requests"), None, ("unknown", None)),
        (Mood::Answers("503 Service Unavailable"), None, ("cause", Some("registry-unavailable"))),
        (Mood::Answers("502 Bad Gateway"), None, ("cause", Some("registry-unavailable"))),
        (Mood::Silent, Some("registry-unreachable"), ("cause", Some("registry-unreachable"))),
        // It has recovered.
        (Mood::Open, Some("registry-unavailable"), ("cleared", None)),
    ] {
        proxy.set(mood);
        let answer = ask(of(before)).await;
        assert_eq!(verdict(&answer), want, "{mood:?}: {answer:?}");
    }
}

#[tokio::test]
async fn a_registry_that_refuses_tls_and_then_hangs_is_told_as_that() {
    let proxy = Proxy::before("127.0.0.1:9").await;
    proxy.set(Mood::SilentWithoutTls);
    let quick = Http { timeout: Duration::from_millis(300), ..http(None) };
    let kit = kit(&format!("{}/shop/web:1", proxy.host), "amd64", None).outside(quick);
    let answer = ask(kit.clone().result("image", said("registry-unreachable"))).await;
    assert_eq!(verdict(&answer), ("cause", Some("registry-unreachable")), "{answer:?}");
    for words in ["without TLS, which it does not speak", "does not answer within"] {
        assert!(answer.summary.contains(words) && answer.evidence[0].text.contains(words), "{answer:?}");
    }
    // The node asked with TLS alone, and met that.
    let answer = ask(kit.result("image", said("registry-tls-untrusted"))).await;
    assert_eq!(verdict(&answer), ("cause", Some("registry-tls-untrusted")), "{answer:?}");
}

#[tokio::test]
async fn a_cache_that_cannot_ask_its_upstream_is_not_believed_that_there_is_no_such_image() {
    let test = "a_cache_that_cannot_ask_its_upstream_is_not_believed_that_there_is_no_such_image";
    let Some(folder) = stocked(test).await else { return };
    let upstream = Registry::start("", folder.path(), &Setup::default()).unwrap();
    let its_own = tempfile::tempdir().unwrap();
    let setup = Setup { upstream: Some(&upstream.host), ..Setup::default() };
    let cache = Registry::start("", its_own.path(), &setup).unwrap();
    let of = |tag: &str| {
        let image = format!("{}/shop/web:{tag}", cache.host);
        kit(&image, "amd64", None).outside(http(None)).result("image", said("image-not-found"))
    };
    let kept = ask(of("1.2.3")).await;
    assert_eq!(verdict(&kept), ("cleared", None), "{kept:?}");
    let gone = ask(of("9")).await;
    assert_eq!(verdict(&gone), ("cause", Some("image-not-found")), "{gone:?}");
    let address = format!("http://{}/v2/", upstream.host);
    drop(upstream);
    let kept = ask(of("1.2.3")).await;
    assert_eq!(verdict(&kept), ("cleared", None), "{kept:?}");
    for tag in ["1.2.2", "9"] {
        let unknown = ask(of(tag)).await;
        assert_eq!(verdict(&unknown), ("cause", Some("registry-unavailable")), "{unknown:?}");
        assert!(unknown.summary.contains(&address), "{unknown:?}");
    }
}
