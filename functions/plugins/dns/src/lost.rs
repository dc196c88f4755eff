//! Which name a pod cannot resolve, and whom it asks for it.

use prodrome_causes::{Cause, Fact};
use prodrome_plugin::pod::{containers, is_well};
use prodrome_plugin::{Context, Evidence, Object};

/// Pods whose logs are read.
const PODS_MAX: usize = 3;
/// What an answer says that has no such name; a resolver that does not answer says something else.
const NOWHERE: [&str; 6] =
    ["no such host", "nxdomain", "not known", "enotfound", "unknownhost", "no address associated"];

/// A name that is lost.
pub(crate) struct Lost {
    /// The pod that asks for it.
    pub(crate) pod: Object,
    /// The name as it is asked for.
    pub(crate) name: String,
    /// Whether the pod was answered that there is none.
    pub(crate) denied: bool,
    /// What says so.
    pub(crate) evidence: Vec<Evidence>,
}

/// The first name that one of the pods says not to find.
pub(crate) async fn lost(context: &Context, pods: &[Object]) -> Option<Lost> {
    for pod in pods
        .iter()
        .filter(|pod| !is_well(pod) || containers(pod).iter().any(|c| c.restarts > 0))
        .take(PODS_MAX)
    {
        let texts = context.last_words(pod).await;
        let Some(explained) = texts.explain().filter(|explained| explained.cause == Cause::AppDnsFailure)
        else {
            continue;
        };
        let facts = [Fact::Host, Fact::Address, Fact::Service].into_iter();
        let Some(name) = facts.filter_map(|fact| explained.facts.get(fact)).find_map(host) else { continue };
        let evidence = explained.response.evidence;
        let denied =
            evidence.iter().any(|e| NOWHERE.iter().any(|words| e.text.to_lowercase().contains(words)));
        return Some(Lost { pod: pod.clone(), name, denied, evidence });
    }
    None
}

/// The name in what a program says: without scheme, user, port and path. An address is none.
fn host(text: &str) -> Option<String> {
    let text = text.rsplit_once("://").map_or(text, |(_, rest)| rest);
    let text = text.split(['/', '?']).next().unwrap_or(text);
    let text = text.rsplit_once('@').map_or(text, |(_, rest)| rest);
    let text = text.split(':').next().unwrap_or(text).trim().to_ascii_lowercase();
    let is_label = |label: &str| {
        (1..=63).contains(&label.len())
            && label.chars().all(|c| c.is_ascii_alphanumeric() || c == '-' || c == '_')
    };
    let labels: Vec<&str> = text.trim_end_matches('.').split('.').collect();
    let is_name = text.len() <= 253
        && labels.iter().all(|label| is_label(label))
        && labels.last().is_some_and(|last| last.chars().any(|c| c.is_ascii_alphabetic()));
    (is_name && labels != ["localhost"]).then_some(text)
}

/// How a pod looks names up.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Resolver {
    /// Whether it asks the cluster's DNS.
    pub(crate) of_the_cluster: bool,
    /// What says so, where it does not.
    pub(crate) why: String,
    /// From how many dots on a name is taken as it stands first.
    pub(crate) ndots: usize,
}

impl Resolver {
    pub(crate) fn of(pod: &Object) -> Self {
        let policy =
            Some(pod.text("/spec/dnsPolicy")).filter(|policy| !policy.is_empty()).unwrap_or("ClusterFirst");
        let of_host = pod.at("/spec/hostNetwork").as_bool() == Some(true);
        let searches = pod.list("/spec/dnsConfig/searches");
        let knows_services =
            searches.iter().filter_map(|s| s.as_str()).any(|s| s.split('.').any(|label| label == "svc"));
        let why = match policy {
            "Default" => "dnsPolicy = Default: it asks the resolvers of its node".to_owned(),
            "None" if !knows_services => "dnsPolicy = None, and no search domain of the cluster".to_owned(),
            "ClusterFirst" if of_host => {
                "hostNetwork without dnsPolicy = ClusterFirstWithHostNet: it asks the resolvers of its node"
                    .to_owned()
            }
            _ => String::new(),
        };
        let options = pod.list("/spec/dnsConfig/options");
        let ndots = options.iter().find(|option| option["name"] == "ndots");
        let ndots = ndots.and_then(|option| option["value"].as_str()?.parse().ok()).unwrap_or(5);
        Self { of_the_cluster: why.is_empty(), why, ndots }
    }
}

/// What a name may mean.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) enum Meaning {
    /// A Service, by its name and namespace.
    Service(String, String),
    /// Two labels: a Service in another namespace, or a domain.
    Either(String, String),
    /// A name outside of the cluster.
    Outside,
}

impl Meaning {
    pub(crate) fn of(name: &str, own: &str) -> Self {
        let labels: Vec<&str> = name.trim_end_matches('.').split('.').collect();
        if let Some(at) = labels.iter().position(|label| *label == "svc").filter(|at| *at >= 2) {
            return Self::Service(labels[at - 2].to_owned(), labels[at - 1].to_owned());
        }
        match labels.as_slice() {
            [service] => Self::Service((*service).to_owned(), own.to_owned()),
            [service, namespace] => Self::Either((*service).to_owned(), (*namespace).to_owned()),
            _ => Self::Outside,
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_name_is_found_in_what_a_program_says() {
        for (text, want) in [
            ("db", Some("db")),
            ("postgres://app:secret@db.data:5432/shop", Some("db.data")),
            ("API.example.com.", Some("api.example.com.")),
            ("10.0.0.7:443", None),
            ("localhost", None),
            ("a b", None),
            ("", None),
        ] {
            assert_eq!(host(text).as_deref(), want, "{text}");
        }
    }

    #[test]
    fn what_a_name_means_hangs_on_its_labels() {
        let service = |name: &str, namespace: &str| Meaning::Service(name.to_owned(), namespace.to_owned());
        for (name, want) in [
            ("db", service("db", "shop")),
            ("db.data", Meaning::Either("db".to_owned(), "data".to_owned())),
            ("db.data.svc", service("db", "data")),
            ("db-0.db.data.svc.cluster.local", service("db", "data")),
            ("api.example.com", Meaning::Outside),
        ] {
            assert_eq!(Meaning::of(name, "shop"), want, "{name}");
        }
    }
}
