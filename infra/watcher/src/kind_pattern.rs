use prodrome_model::Resource;
use std::fmt;
use std::str::FromStr;

/// Which kinds to watch, as a person writes them: `Pod`, `v1/Pod`, `apps/Deployment`, `apps/v1/Deployment`,
/// `*` (all there is), `apps/*`, `*.example.com/*`.
///
/// A kind alone means Kubernetes' own kind of that name, and where there is none, the kind of that name in
/// whatever groups have it. A version is taken where it is served, else the preferred one: an object is the
/// same in every version.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct KindPattern {
    group: Option<String>,
    version: Option<String>,
    kind: String,
}

/// The groups of Kubernetes itself, in order: whichever comes first has the say over a kind written alone.
const OWN_GROUPS: [&str; 20] = [
    "",
    "apps",
    "batch",
    "autoscaling",
    "policy",
    "networking.k8s.io",
    "storage.k8s.io",
    "rbac.authorization.k8s.io",
    "discovery.k8s.io",
    "coordination.k8s.io",
    "events.k8s.io",
    "scheduling.k8s.io",
    "node.k8s.io",
    "resource.k8s.io",
    "certificates.k8s.io",
    "admissionregistration.k8s.io",
    "apiextensions.k8s.io",
    "apiregistration.k8s.io",
    "flowcontrol.apiserver.k8s.io",
    "storagemigration.k8s.io",
];

/// What `*` leaves out: leases are renewed every few seconds and say nothing, events are many, Secrets must be
/// asked for by name.
const NOT_UNASKED: [(&str, &str); 4] =
    [("coordination.k8s.io", "Lease"), ("", "Event"), ("events.k8s.io", "Event"), ("", "Secret")];

/// A kind is written in a way that is not understood.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("expected a kind such as Pod, apps/Deployment, apps/v1/Deployment or *, found \"{0}\"")]
pub struct KindPatternError(String);

impl FromStr for KindPattern {
    type Err = KindPatternError;

    fn from_str(text: &str) -> Result<Self, Self::Err> {
        let parts: Vec<&str> = text.trim().split('/').collect();
        let core = |group: &str| if group == "core" { String::new() } else { group.to_owned() };
        let (group, version, kind) = match *parts.as_slice() {
            [kind] => (None, None, kind),
            [version, kind] if is_version(version) => (Some(String::new()), Some(version), kind),
            [group, kind] if !group.is_empty() => (Some(core(group)), None, kind),
            [group, version, kind] if is_version(version) => (Some(core(group)), Some(version), kind),
            _ => return Err(KindPatternError(text.to_owned())),
        };
        let letters = |text: &str| text.bytes().all(|b| b.is_ascii_alphanumeric() || b"-.*".contains(&b));
        if kind.is_empty() || !letters(kind) || !group.as_deref().is_none_or(letters) {
            return Err(KindPatternError(text.to_owned()));
        }
        Ok(Self { group, version: version.map(str::to_owned), kind: kind.to_owned() })
    }
}

impl fmt::Display for KindPattern {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        for part in [&self.group, &self.version].into_iter().flatten().filter(|part| !part.is_empty()) {
            write!(f, "{part}/")?;
        }
        f.write_str(&self.kind)
    }
}

impl KindPattern {
    /// Whether it may come to mean more kinds than one.
    pub fn is_open(&self) -> bool {
        self.kind.contains('*') || self.group.as_deref().is_some_and(|group| group.contains('*'))
    }

    /// Those among the resources that a cluster serves (in its order of preference) which are meant. Each
    /// kind comes once, in one version.
    pub(crate) fn resolve<'r>(&self, served: &'r [Resource]) -> Vec<&'r Resource> {
        let candidates = served.iter().filter(|r| self.means(r));
        let mut meant: Vec<&Resource> = Vec::new();
        for resource in candidates {
            let same = |m: &&Resource| m.group == resource.group && m.kind == resource.kind;
            match meant.iter().position(same) {
                None => meant.push(resource),
                Some(i) if self.version.as_ref() == Some(&resource.version) => meant[i] = resource,
                Some(_) => {}
            }
        }
        if self.group.is_none() && !self.is_open() {
            let own = OWN_GROUPS.iter().find_map(|own| meant.iter().position(|m| m.group == *own));
            if let Some(own) = own {
                return vec![meant[own]];
            }
        }
        meant
    }

    fn means(&self, resource: &Resource) -> bool {
        let unasked = self.kind.contains('*') && NOT_UNASKED.contains(&(&*resource.group, &*resource.kind));
        !unasked
            && matches(&self.kind, &resource.kind)
            && self.group.as_deref().is_none_or(|group| matches(group, &resource.group))
    }
}

/// `v1`, `v2beta3`.
fn is_version(text: &str) -> bool {
    let digits = |text: &str| !text.is_empty() && text.bytes().all(|b| b.is_ascii_digit());
    text.strip_prefix('v').is_some_and(|rest| {
        let stage = rest.split_once("alpha").or_else(|| rest.split_once("beta"));
        digits(rest) || stage.is_some_and(|(major, minor)| digits(major) && digits(minor))
    })
}

/// A text with `*` for anything.
fn matches(pattern: &str, text: &str) -> bool {
    match pattern.split_once('*') {
        None => pattern == text,
        Some((before, after)) => text.strip_prefix(before).is_some_and(|rest| {
            rest.char_indices()
                .map(|(i, _)| i)
                .chain([rest.len()])
                .any(|i| rest.get(i..).is_some_and(|tail| matches(after, tail)))
        }),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn resource(group: &str, version: &str, kind: &str) -> Resource {
        Resource {
            group: group.into(),
            version: version.into(),
            kind: kind.into(),
            plural: format!("{}s", kind.to_lowercase()),
            namespaced: true,
        }
    }

    #[test]
    fn a_pattern_means_the_kinds_that_a_rule_of_that_name_is_about() {
        let served = [
            resource("", "v1", "Pod"),
            resource("", "v1", "Secret"),
            resource("", "v1", "Event"),
            resource("", "v1", "Service"),
            resource("events.k8s.io", "v1", "Event"),
            resource("coordination.k8s.io", "v1", "Lease"),
            resource("apps", "v1", "Deployment"),
            resource("autoscaling", "v2", "HorizontalPodAutoscaler"),
            resource("autoscaling", "v1", "HorizontalPodAutoscaler"),
            resource("serving.knative.dev", "v1", "Service"),
            resource("networking.istio.io", "v1", "Gateway"),
            resource("gateway.networking.k8s.io", "v1", "Gateway"),
        ];
        let cases: &[(&str, &[&str])] = &[
            ("Pod", &["v1/Pod"]),
            ("v1/Pod", &["v1/Pod"]),
            ("core/Pod", &["v1/Pod"]),
            ("Service", &["v1/Service"]),
            ("serving.knative.dev/Service", &["serving.knative.dev/v1/Service"]),
            ("Event", &["v1/Event"]),
            ("events.k8s.io/Event", &["events.k8s.io/v1/Event"]),
            ("Gateway", &["networking.istio.io/v1/Gateway", "gateway.networking.k8s.io/v1/Gateway"]),
            ("HorizontalPodAutoscaler", &["autoscaling/v2/HorizontalPodAutoscaler"]),
            ("autoscaling/v1/HorizontalPodAutoscaler", &["autoscaling/v1/HorizontalPodAutoscaler"]),
            ("autoscaling/v3/HorizontalPodAutoscaler", &["autoscaling/v2/HorizontalPodAutoscaler"]),
            ("Nothing", &[]),
            ("pod", &[]),
            ("*.k8s.io/*", &["gateway.networking.k8s.io/v1/Gateway"]),
            ("core/*", &["v1/Pod", "v1/Service"]),
            ("Secret", &["v1/Secret"]),
            ("*/*scaler", &["autoscaling/v2/HorizontalPodAutoscaler"]),
            (
                "*",
                &[
                    "v1/Pod",
                    "v1/Service",
                    "apps/v1/Deployment",
                    "autoscaling/v2/HorizontalPodAutoscaler",
                    "serving.knative.dev/v1/Service",
                    "networking.istio.io/v1/Gateway",
                    "gateway.networking.k8s.io/v1/Gateway",
                ],
            ),
        ];
        for (text, want) in cases {
            let pattern: KindPattern = text.parse().unwrap();
            let got = pattern.resolve(&served);
            let got: Vec<String> = got.iter().map(|r| format!("{}/{}", r.api_version(), r.kind)).collect();
            assert_eq!(got, *want, "{text}");
        }
    }

    #[test]
    fn a_kind_prints_as_it_was_written_and_nonsense_is_refused() {
        for text in ["Pod", "v1/Pod", "apps/Deployment", "apps/v1/Deployment", "*", "*.example.com/*"] {
            assert_eq!(text.parse::<KindPattern>().unwrap().to_string(), text);
        }
        for text in ["", "/Pod", "a/b/Pod", "Po d", "apps/", "a/v1/x/Pod", "Pod,Node"] {
            assert!(text.parse::<KindPattern>().is_err(), "{text}");
        }
    }
}
