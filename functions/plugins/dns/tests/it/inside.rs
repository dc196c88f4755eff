use crate::{bare, cluster, dns_pod, no_such_host, service};
use prodrome_plugin::kit::Kit;
use prodrome_plugin_dns::plugin;
use serde_json::json;

async fn ask(kit: Kit) -> (String, String, String) {
    let answer = kit.ask(&plugin(), "Pod shop/web").await;
    let faulty = answer.faulty.map(|faulty| faulty.to_string()).unwrap_or_default();
    (answer.cause.unwrap_or_else(|| answer.verdict.as_str().to_owned()), faulty, answer.remediation.join(" "))
}

#[tokio::test]
async fn a_service_that_is_not_there_is_named_and_so_is_the_one_that_is_meant() {
    let near = cluster(&no_such_host("orders")).with(service("shop", "order", json!({ "app": "order" })));
    let (cause, faulty, remedy) = ask(near).await;
    assert_eq!((cause.as_str(), faulty.as_str()), ("service-missing", "Service shop/orders"));
    assert!(remedy.contains("there is a Service order;"), "{remedy}");
    let elsewhere =
        cluster(&no_such_host("ledger")).with(service("bank", "ledger", json!({ "app": "ledger" })));
    let (cause, _, remedy) = ask(elsewhere).await;
    assert_eq!(cause, "service-missing");
    assert!(remedy.contains("ledger.bank"), "{remedy}");
}

#[tokio::test]
async fn who_does_not_ask_the_clusters_dns_is_told_so() {
    for (spec, want) in [
        (json!({ "dnsPolicy": "Default" }), "dns-policy-wrong"),
        (json!({ "hostNetwork": true }), "dns-policy-wrong"),
        (json!({ "hostNetwork": true, "dnsPolicy": "ClusterFirstWithHostNet" }), "cleared"),
        (json!({ "dnsPolicy": "None", "dnsConfig": { "nameservers": ["192.0.2.1"] } }), "dns-policy-wrong"),
        (json!({ "dnsConfig": { "options": [{ "name": "ndots", "value": "1" }] } }), "dns-policy-wrong"),
        (json!({}), "cleared"),
    ] {
        let kit = bare(&no_such_host("db.data"), &spec)
            .with(json!({ "apiVersion": "v1", "kind": "Namespace", "metadata": { "name": "data" } }))
            .with(service("data", "db", json!({ "app": "db" })));
        assert_eq!(ask(kit).await.0, want, "{spec}");
    }
}

#[tokio::test]
async fn the_clusters_own_dns_is_looked_at() {
    let words = "psycopg2.OperationalError: could not translate host name \"front\" to address: Temporary failure in name resolution\n";
    assert_eq!(ask(cluster(words)).await.0, "cleared");
    let down = bare(words, &json!({})).with(dns_pod("False"));
    let (cause, faulty, _) = ask(down).await;
    assert_eq!((cause.as_str(), faulty.as_str()), ("dns-coredns", "Pod kube-system/coredns-1"));
    let looping = cluster(words).log(
        "kube-system/coredns-1/coredns",
        "[FATAL] plugin/loop: Loop (127.0.0.1:41811 -> :53) detected for zone \".\", see https://coredns.io/plugins/loop#troubleshooting\n",
    );
    assert_eq!(ask(looping).await.0, "dns-coredns");
    let corefile = json!({ "apiVersion": "v1", "kind": "ConfigMap", "metadata": { "name": "coredns", "namespace": "kube-system" },
        "data": { "Corefile": ".:53 {\n    errors\n    forward . /etc/resolv.conf\n}\n" } });
    assert_eq!(ask(cluster(words).with(corefile)).await.1, "ConfigMap kube-system/coredns");
    let astray = bare(words, &json!({})).with(dns_pod("True")).with(service(
        "kube-system",
        "kube-dns",
        json!({ "k8s-app": "dns" }),
    ));
    assert_eq!(ask(astray).await.1, "Service kube-system/kube-dns");
}

#[tokio::test]
async fn a_policy_that_lets_nobody_ask_for_names_is_found() {
    let words = "getaddrinfo EAI_AGAIN front\n";
    let policy = |egress: serde_json::Value| {
        json!({ "apiVersion": "networking.k8s.io/v1", "kind": "NetworkPolicy", "metadata": { "name": "closed", "namespace": "shop" },
            "spec": { "podSelector": { "matchLabels": { "app": "web" } }, "policyTypes": ["Egress"], "egress": egress } })
    };
    for (egress, want) in [
        (json!([]), "network-policy-denied"),
        (json!([{ "ports": [{ "port": 5432, "protocol": "TCP" }] }]), "network-policy-denied"),
        (json!([{ "to": [{ "podSelector": {} }] }]), "network-policy-denied"),
        (
            json!([{ "ports": [{ "port": 53, "protocol": "UDP" }], "to": [{ "namespaceSelector": {} }] }]),
            "cleared",
        ),
        (json!([{}]), "cleared"),
    ] {
        assert_eq!(ask(cluster(words).with(policy(egress.clone()))).await.0, want, "{egress}");
    }
}

#[tokio::test]
async fn a_corefile_and_resolvers_are_read_before_anybody_misses_a_name() {
    let corefile = |text: &str| {
        json!({ "apiVersion": "v1", "kind": "ConfigMap", "metadata": { "name": "coredns", "namespace": "kube-system" },
            "data": { "Corefile": text } })
    };
    let resolving = |searches: serde_json::Value| {
        json!({ "apiVersion": "apps/v1", "kind": "Deployment", "metadata": { "name": "web", "namespace": "shop" },
            "spec": { "replicas": 1, "template": { "spec": { "dnsPolicy": "None",
                "dnsConfig": { "nameservers": ["8.8.8.8"], "searches": searches } } } } })
    };
    let (map, web) = ("ConfigMap kube-system/coredns", "apps/Deployment shop/web");
    let denied = ".:53 {\n  template ANY ANY web.shop.svc.cluster.local {\n    rcode NXDOMAIN\n  }\n  kubernetes cluster.local\n}";
    for (object, about, want) in [
        (corefile(denied), map, Some("dns-coredns")),
        (corefile(".:53 {\n  forward . 10.0.0.2\n}"), map, Some("dns-coredns")),
        (corefile(".:53 {\n  kubernetes cluster.local\n}"), map, None),
        (resolving(json!([])), web, Some("dns-policy-wrong")),
        (resolving(json!(["shop.svc.cluster.local"])), web, None),
    ] {
        let answer = Kit::new().with(object.clone()).ask(&plugin(), about).await;
        assert_eq!(answer.cause.as_deref(), want, "{object}");
    }
}
