//! From a name that is lost to why.

use crate::ask::{Resolved, Resolvers};
use crate::lost::{Lost, Meaning, Resolver};
use crate::servers;
use prodrome_plugin::{Context, Evidence, Object, ObjectRef, Owner, Response};

/// Looks into why a name does not resolve.
pub(crate) async fn into(context: &Context, lost: &Lost) -> Response {
    let own = lost.pod.namespace().unwrap_or("default");
    let meant = match governing(context, &lost.name, own).await {
        Some((service, namespace)) => Meaning::Service(service, namespace),
        None => Meaning::of(&lost.name, own),
    };
    let response = match meant {
        Meaning::Service(name, namespace) => of_service(context, lost, &name, &namespace).await,
        Meaning::Either(name, namespace) => {
            // A domain such as example.com, unless there is a namespace of that name.
            match context.cluster().get("Namespace", None, &namespace).await {
                Ok(None) => outside(context, lost, &lost.name, None).await,
                _ => of_service(context, lost, &name, &namespace).await,
            }
        }
        Meaning::Outside => outside(context, lost, &lost.name, None).await,
    };
    let response = lost.evidence.iter().take(2).cloned().fold(response, Response::because);
    match (&response.faulty, &response.cause) {
        (None, Some(_)) => response.blaming(context.workload().clone()),
        _ => response,
    }
}

/// The Service that gives the members of a `StatefulSet` their names, and its namespace, where such a name is short:
/// `db-0.db`, `db-0.db.shop`. Without the set these would be a Service elsewhere, and a domain.
async fn governing(context: &Context, name: &str, own: &str) -> Option<(String, String)> {
    let labels: Vec<&str> = name.trim_end_matches('.').split('.').collect();
    let (member, service, namespace) = match labels.as_slice() {
        [member, service] => (*member, *service, own),
        [member, service, namespace] => (*member, *service, *namespace),
        _ => return None,
    };
    let (set, ordinal) = member.rsplit_once('-')?;
    ordinal.parse::<u32>().ok()?;
    let sets = context.cluster().list("apps/StatefulSet", Some(namespace), None).await.ok()?;
    let is_its = |of: &Object| of.name() == set && of.text("/spec/serviceName") == service;
    sets.iter().any(is_its).then(|| (service.to_owned(), namespace.to_owned()))
}

async fn of_service(context: &Context, lost: &Lost, name: &str, namespace: &str) -> Response {
    let resolver = Resolver::of(&lost.pod);
    if !resolver.of_the_cluster {
        let summary =
            format!("{} is a name of the cluster, and the pod does not ask the cluster's DNS", lost.name);
        return Response::cause("dns-policy-wrong", 0.9, summary)
            .because(Evidence::new("spec", resolver.why).on(lost.pod.reference().clone()))
            .remedy("Use dnsPolicy ClusterFirst, or ClusterFirstWithHostNet with hostNetwork.");
    }
    let found = match context.cluster().get("Service", Some(namespace), name).await {
        Ok(found) => found,
        Err(unseen) => {
            return Response::unknown(format!("{} does not resolve", lost.name))
                .without(unseen.what, unseen.reason);
        }
    };
    match found {
        None => missing(context, lost, name, namespace).await,
        Some(service) if service.text("/spec/type") == "ExternalName" => {
            outside(context, lost, service.text("/spec/externalName"), Some(&service)).await
        }
        Some(service) => {
            if let Some(response) = of_the_way(context, lost).await {
                return response;
            }
            let dots = lost.name.matches('.').count();
            if dots > 0
                && dots >= resolver.ndots
                && !lost.name.trim_end_matches('.').ends_with("cluster.local")
            {
                let summary = format!(
                    "{} is looked up as it stands, without the cluster's domain: with ndots {} some resolvers do not search on",
                    lost.name, resolver.ndots
                );
                return Response::cause("dns-policy-wrong", 0.7, summary)
                    .because(Evidence::new("spec", format!("dnsConfig.options: ndots = {}", resolver.ndots)).on(lost.pod.reference().clone()))
                    .remedy(format!("Write the whole name ({name}.{namespace}.svc.cluster.local), or take ndots out of dnsConfig."));
            }
            Response::cleared(format!(
                "the Service {namespace}/{name} is there, and the cluster's DNS is ready"
            ))
            .because(
                Evidence::new("cluster", format!("Service {namespace}/{name} exists"))
                    .on(service.reference().clone()),
            )
        }
    }
}

/// There is no such Service; one of the same name elsewhere may be meant.
async fn missing(context: &Context, lost: &Lost, name: &str, namespace: &str) -> Response {
    if !context.cluster().is_known("Service", None).await {
        return Response::unknown(format!("{} does not resolve", lost.name))
            .without(format!("the Service {namespace}/{name}"), "no Service is to be seen");
    }
    let all = context.cluster().list("Service", None, None).await.unwrap_or_default();
    let elsewhere: Vec<&str> =
        all.iter().filter(|service| service.name() == name).filter_map(Object::namespace).take(3).collect();
    let absent = ObjectRef {
        api_version: "v1".to_owned(),
        kind: "Service".to_owned(),
        namespace: Some(namespace.to_owned()),
        name: name.to_owned(),
    };
    let response = Response::cause(
        "service-missing",
        0.9,
        format!("there is no Service {name} in {namespace}, which the program calls"),
    )
    .because(Evidence::new("cluster", format!("Service {namespace}/{name} does not exist")))
    .blaming(absent);
    let sets = context.cluster().list("apps/StatefulSet", Some(namespace), None).await.unwrap_or_default();
    if let Some(set) = sets.iter().find(|set| set.text("/spec/serviceName") == name) {
        let text = format!("spec.serviceName = {name}: it is to give the members their names");
        return response.because(Evidence::new("spec", text).on(set.reference().clone())).remedy(format!(
            "Create the Service {name} with clusterIP None and the labels of {} as its selector.",
            set.name()
        ));
    }
    if let [one, ..] = elsewhere.as_slice() {
        return response
            .because(Evidence::new("cluster", format!("a Service {name} is in {}", elsewhere.join(", "))))
            .remedy(format!("Name the namespace too, {name}.{one}, or create the Service in {namespace}."));
    }
    let mut near: Vec<(usize, &str)> = all
        .iter()
        .filter(|service| service.namespace() == Some(namespace))
        .map(|service| (strsim::levenshtein(service.name(), name), service.name()))
        .filter(|(distance, _)| *distance <= 2)
        .collect();
    near.sort_unstable();
    match near.first() {
        Some((_, near)) => {
            response.remedy(format!("Correct the name: there is a Service {near}; or create {name}."))
        }
        None => response
            .remedy(format!("Create the Service {name}, or correct the name in the program's settings.")),
    }
}

/// What keeps the pod from an answer: a policy, or the cluster's DNS itself.
async fn of_the_way(context: &Context, lost: &Lost) -> Option<Response> {
    if let Some(response) = servers::broken(context).await {
        return Some(response);
    }
    // Who was told that there is no such name has reached the DNS.
    if lost.denied { None } else { servers::walled_off(context, &lost.pod).await }
}

/// A name outside of the cluster; that of a Service which stands for it, or the one that is asked for.
async fn outside(context: &Context, lost: &Lost, name: &str, alias: Option<&Object>) -> Response {
    let through = alias.map(|service| format!("the Service {} stands for {name}", service.name()));
    let noted = |response: Response| match (&through, alias) {
        (Some(text), Some(service)) => {
            response.because(Evidence::new("spec", text.clone()).on(service.reference().clone()))
        }
        _ => response,
    };
    let resolved = match Resolvers::of(context, name) {
        Ok(resolvers) => resolvers.look_up(name).await,
        Err(_) => Resolved::NotAsked,
    };
    if resolved == Resolved::Nowhere {
        let sure = if lost.denied { 0.92 } else { 0.85 };
        let mut response = Response::cause(
            "app-dns-failure",
            sure,
            format!("there is no name {name}: the DNS outside of the cluster has none either"),
        )
        .because(Evidence::new("network", format!("{name}: NXDOMAIN")))
        .owned_by(Owner::User)
        .remedy(format!("Correct the name, or have {name} made."));
        if let Some(service) = alias {
            response = response.blaming(service.reference().clone());
        }
        return noted(response);
    }
    if let Some(response) = of_the_way(context, lost).await {
        return noted(response);
    }
    noted(match resolved {
        Resolved::Addresses(addresses) => {
            let addresses: Vec<String> = addresses.iter().take(3).map(ToString::to_string).collect();
            let text = format!("{name} is {}", addresses.join(", "));
            Response::cause(
                "dns-upstream",
                0.6,
                format!("{name} resolves outside of the cluster, and not within"),
            )
            .because(Evidence::new("network", text))
            .remedy(
                "See to whom the Corefile forwards names of the outside, and whether these servers know it.",
            )
        }
        Resolved::NoAddress => Response::cause("app-dns-failure", 0.8, format!("{name} has no address"))
            .because(Evidence::new("network", format!("{name}: an answer without A and AAAA")))
            .owned_by(Owner::User)
            .remedy(format!("Correct the name, or give {name} an address.")),
        Resolved::Failed(code) => Response::cause(
            "app-dns-failure",
            0.75,
            format!("the servers of {name} fail: {code}, here as in the pod"),
        )
        .because(Evidence::new("network", format!("{name}: {code}")))
        .remedy(format!("See to the servers of the zone of {name} (delegation, DNSSEC).")),
        Resolved::Silent => Response::unknown(format!("{name} does not resolve"))
            .without("the DNS outside of the cluster", "its servers do not answer here"),
        Resolved::Nowhere | Resolved::NotAsked => {
            Response::unknown(format!("{name} does not resolve, and the cluster's DNS shows no fault"))
        }
    })
}
