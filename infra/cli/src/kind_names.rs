//! The names by which people call kinds: `pod`, `Pods`, `po`, `deployments.apps`, `apps/Deployment`.

use prodrome_model::Resource;
use prodrome_recording::builtin;

/// What kubectl takes for the plural.
const SHORT: &[(&str, &str)] = &[
    ("cj", "cronjobs"),
    ("cm", "configmaps"),
    ("cr", "clusterroles"),
    ("crd", "customresourcedefinitions"),
    ("crds", "customresourcedefinitions"),
    ("csr", "certificatesigningrequests"),
    ("deploy", "deployments"),
    ("ds", "daemonsets"),
    ("ep", "endpoints"),
    ("ev", "events"),
    ("hpa", "horizontalpodautoscalers"),
    ("ing", "ingresses"),
    ("limits", "limitranges"),
    ("netpol", "networkpolicies"),
    ("no", "nodes"),
    ("ns", "namespaces"),
    ("pc", "priorityclasses"),
    ("pdb", "poddisruptionbudgets"),
    ("po", "pods"),
    ("pv", "persistentvolumes"),
    ("pvc", "persistentvolumeclaims"),
    ("quota", "resourcequotas"),
    ("rc", "replicationcontrollers"),
    ("rs", "replicasets"),
    ("sa", "serviceaccounts"),
    ("sc", "storageclasses"),
    ("sts", "statefulsets"),
    ("svc", "services"),
];

/// A kind as somebody wrote it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct KindName {
    text: String,
    word: String,
    /// What stands before a `/`, or behind a dot: the group, or its beginning.
    group: Option<String>,
}

impl KindName {
    /// `deploy`, `Deployment`, `deployments.apps`, `apps/Deployment`, `apps/v1/Deployment`; in any case.
    pub(crate) fn new(text: &str) -> Self {
        let lower = text.to_lowercase();
        let mut parts = lower.split('/');
        let last = parts.next_back().unwrap_or_default().to_owned();
        let (word, group) = match (parts.next(), last.split_once('.')) {
            (Some(group), _) => (last.clone(), Some(group.to_owned())),
            (None, Some((word, group))) => (word.to_owned(), Some(group.to_owned())),
            (None, None) => (last.clone(), None),
        };
        // `v1/Pod` is of the core group.
        let group = group.map(|group| if group == "v1" { String::new() } else { group });
        let short = SHORT.iter().find(|(short, _)| *short == word && group.is_none());
        let word = short.map_or(word, |(_, plural)| (*plural).to_owned());
        Self { text: text.to_owned(), word, group }
    }

    /// Whether this resource is meant.
    pub(crate) fn names(&self, resource: &Resource) -> bool {
        let group = self.group.as_deref().is_none_or(|group| {
            let rest = resource.group.strip_prefix(group);
            rest.is_some_and(|rest| rest.is_empty() || (rest.starts_with('.') && !group.is_empty()))
        });
        group
            && (resource.kind.eq_ignore_ascii_case(&self.word)
                || resource.plural.eq_ignore_ascii_case(&self.word))
    }

    /// The first that is meant of these, else of those that every cluster serves.
    pub(crate) fn find(&self, served: &[Resource]) -> Option<Resource> {
        let served = served.iter().find(|resource| self.names(resource)).cloned();
        served.or_else(|| builtin().find(|resource| self.names(resource)))
    }

    /// The word alone, in small letters.
    pub(crate) fn word(&self) -> &str {
        &self.word
    }
}

impl std::fmt::Display for KindName {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str(&self.text)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn kinds_are_called_as_kubectl_takes_them() {
        for (text, want) in [
            ("po", "Pod"),
            ("PODS", "Pod"),
            ("pod", "Pod"),
            ("deploy", "apps/Deployment"),
            ("Deployments", "apps/Deployment"),
            ("deployments.apps", "apps/Deployment"),
            ("apps/Deployment", "apps/Deployment"),
            ("apps/v1/deployment", "apps/Deployment"),
            ("v1/pod", "Pod"),
            ("ing", "networking.k8s.io/Ingress"),
            ("ingresses.networking", "networking.k8s.io/Ingress"),
            ("hpa", "autoscaling/HorizontalPodAutoscaler"),
            ("No", "Node"),
            ("ns", "Namespace"),
            ("events", "Event"),
            ("deployments.batch", ""),
            ("widget", ""),
            ("", ""),
        ] {
            let found = KindName::new(text).find(&[]).map(|found| found.group_kind().to_string());
            assert_eq!(found.unwrap_or_default(), want, "{text}");
        }
    }

    #[test]
    fn every_short_name_stands_for_a_kind_of_every_cluster() {
        for (short, plural) in SHORT {
            let found = KindName::new(short).find(&[]);
            assert_eq!(found.map(|found| found.plural).as_deref(), Some(*plural), "{short}");
        }
    }

    #[test]
    fn what_the_cluster_serves_goes_before_what_is_usual() {
        let own = Resource {
            group: "batch.volcano.sh".to_owned(),
            version: "v1alpha1".to_owned(),
            kind: "Job".to_owned(),
            plural: "jobs".to_owned(),
            namespaced: true,
        };
        assert_eq!(KindName::new("jobs.batch.volcano.sh").find(std::slice::from_ref(&own)), Some(own));
        assert_eq!(KindName::new("job").find(&[]).unwrap().group, "batch");
    }
}
