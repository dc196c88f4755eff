use crate::server::Server;
use crate::{bare, cluster, no_such_host};
use prodrome_plugin::Owner;
use prodrome_plugin::http::Http;
use prodrome_plugin_dns::plugin;
use serde_json::json;

#[tokio::test]
async fn the_dns_outside_says_whether_there_is_such_a_name() {
    let Some(server) = Server::start("the_dns_outside_says_whether_there_is_such_a_name") else { return };
    for (name, want, said) in [
        ("payments.shop.example", "app-dns-failure", "NXDOMAIN"),
        ("api.example", "dns-upstream", "api.example is 192.0.2.7"),
        ("alias.example", "dns-upstream", "alias.example is 192.0.2.7"),
        ("many.example", "dns-upstream", "many.example is 192.0.2."),
        ("bare.example", "app-dns-failure", "without A and AAAA"),
        ("www.elsewhere.test", "app-dns-failure", "REFUSED"),
    ] {
        let kit =
            cluster(&no_such_host(name)).outside(Http::default()).setting("DNS_SERVERS", &server.address);
        let answer = kit.ask(&plugin(), "Pod shop/web").await;
        assert_eq!(answer.cause.as_deref(), Some(want), "{name}: {answer:?}");
        assert!(answer.evidence.iter().any(|evidence| evidence.text.contains(said)), "{name}: {answer:?}");
        assert_eq!(answer.facts["name"], name);
    }
}

#[tokio::test]
async fn a_service_that_stands_for_a_name_that_is_nowhere_is_to_be_mended() {
    let Some(server) = Server::start("a_service_that_stands_for_a_name_that_is_nowhere_is_to_be_mended")
    else {
        return;
    };
    let alias = json!({ "apiVersion": "v1", "kind": "Service", "metadata": { "name": "mail", "namespace": "shop" },
        "spec": { "type": "ExternalName", "externalName": "smtp.old.example" } });
    let kit = cluster(&no_such_host("mail")).with(alias).outside(Http::default());
    let answer = kit.setting("DNS_SERVERS", &server.address).ask(&plugin(), "Pod shop/web").await;
    assert_eq!((answer.cause.as_deref(), answer.owner), (Some("app-dns-failure"), Some(Owner::User)));
    assert_eq!(answer.faulty.map(|faulty| faulty.to_string()).as_deref(), Some("Service shop/mail"));
}

#[tokio::test]
async fn what_cannot_be_asked_is_told_and_names_no_cause() {
    // A port at which nobody listens, and a recording: neither says that the name is nowhere.
    let words = no_such_host("api.example.com");
    let silent = bare(&words, &json!({})).outside(Http::default()).setting("DNS_SERVERS", "127.0.0.1:1");
    for kit in [silent, bare(&words, &json!({}))] {
        let answer = kit.ask(&plugin(), "Pod shop/web").await;
        assert_eq!(answer.verdict.as_str(), "unknown", "{answer:?}");
        assert!(answer.not_looked_at.iter().any(|unseen| unseen.what.contains("DNS")), "{answer:?}");
    }
    // What is of this cluster alone is not asked about outside.
    let own = cluster(&no_such_host("db.corp.internal"))
        .outside(Http::default())
        .setting("DNS_SERVERS", "127.0.0.1:1");
    let answer = own.ask(&plugin(), "Pod shop/web").await;
    assert!(
        answer.not_looked_at.iter().any(|unseen| unseen.reason.contains("this network alone")),
        "{answer:?}"
    );
}
