//! Why the name of a Service is not found: what `CoreDNS` is told, and whom a pod asks.

use prodrome_plugin::{Evidence, Object, Response};
use serde_json::Value;

/// The Corefile: whether the plugin that knows the Services is there, and is asked before a denial.
pub(crate) fn corefile(map: &Object) -> Response {
    let text = map.text("/data/Corefile");
    if text.is_empty() {
        return Response::cleared("it has no Corefile");
    }
    let lines: Vec<&str> = text.lines().map(str::trim).filter(|line| !line.starts_with('#')).collect();
    let me = map.reference().clone();
    let cause = |summary: String, line: String, remedy: &str| {
        Response::cause("dns-coredns", 0.88, summary)
            .because(Evidence::new("spec", line).on(me.clone()))
            .remedy(remedy)
            .blaming(me.clone())
    };
    if !lines.iter().any(|line| line.split_whitespace().next() == Some("kubernetes")) {
        return cause(
            "CoreDNS is not told to answer for Services".to_owned(),
            "the Corefile has no plugin kubernetes".to_owned(),
            "Put the plugin kubernetes back into the Corefile.",
        );
    }
    // A template's block is short: its own lines, up to the brace that closes it.
    for (index, line) in lines.iter().enumerate() {
        let words: Vec<&str> = line.split_whitespace().collect();
        let zones = words.get(3..).unwrap_or_default();
        let of_services = zones.iter().any(|zone| zone.split('.').any(|label| label == "svc"));
        if words.first() != Some(&"template") || !of_services {
            continue;
        }
        let block = lines[index + 1..].iter().take_while(|line| !line.starts_with('}'));
        let denial = block
            .filter_map(|line| line.strip_prefix("rcode"))
            .map(str::trim)
            .find(|code| ["NXDOMAIN", "SERVFAIL", "REFUSED"].contains(code));
        if let Some(denial) = denial {
            let zone = zones.first().copied().unwrap_or_default();
            return cause(
                format!("CoreDNS answers {denial} for {zone}"),
                format!("the Corefile has: {line} rcode {denial}"),
                "Take the template out of the Corefile.",
            );
        }
    }
    Response::cleared("its Corefile answers for Services")
}

/// The resolvers of a workload's pods.
pub(crate) fn resolvers(workload: &Object) -> Response {
    let spec = workload.at("/spec/template/spec");
    let servers: Vec<&str> =
        spec["dnsConfig"]["nameservers"].as_array().into_iter().flatten().filter_map(Value::as_str).collect();
    let searches: Vec<&str> =
        spec["dnsConfig"]["searches"].as_array().into_iter().flatten().filter_map(Value::as_str).collect();
    if spec["dnsPolicy"] != "None" || searches.iter().any(|domain| domain.split('.').any(|l| l == "svc")) {
        return Response::cleared("its pods ask the cluster's DNS");
    }
    let name = workload.name();
    let servers = servers.join(", ");
    Response::cause(
        "dns-policy-wrong",
        0.85,
        format!("the pods of {name} ask only {servers} for names, where no Service is known"),
    )
    .because(
        Evidence::new(
            "spec",
            format!("dnsPolicy = None, nameservers = {servers}, no search domain of the cluster"),
        )
        .on(workload.reference().clone()),
    )
    .remedy("Use dnsPolicy ClusterFirst; further servers can be added to it in dnsConfig.")
    .blaming(workload.reference().clone())
}
