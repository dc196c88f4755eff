//! From what the registry answered to a verdict.

use crate::Tried;
use crate::ask::{Answered, CutOff, Look, Tags, Unreached};
use crate::credential::Held;
use prodrome_plugin::http::{HttpError, TlsProblem};
use prodrome_plugin::image::{Reference, is_of_a_cloud};
use prodrome_plugin::{Evidence, ObjectRef, Owner, Response, Timestamp};

/// Tags that are named as near ones.
const NEAR_MAX: usize = 3;
/// How sure it may be that an image is missing where the registry that says so fails at another question.
const NOT_WELL_MAX: f64 = 0.7;

/// All that was found out.
pub(crate) struct Findings<'a> {
    pub(crate) image: &'a Reference,
    /// What the runtime's words were taken for.
    pub(crate) said: Option<String>,
    /// Without a credential.
    pub(crate) without: &'a Look,
    /// With each pull secret.
    pub(crate) tried: Vec<Tried>,
    /// The platform of the pod's node.
    pub(crate) node: Option<String>,
    /// The platforms of the image.
    pub(crate) platforms: Vec<String>,
    /// The tags that there are.
    pub(crate) tags: Option<Tags>,
    /// Why whoever says that there is no such image does not know.
    pub(crate) cut_off: Option<CutOff>,
}

impl<'a> Findings<'a> {
    pub(crate) const fn new(image: &'a Reference, said: Option<String>, without: &'a Look) -> Self {
        Self {
            image,
            said,
            without,
            tried: Vec::new(),
            node: None,
            platforms: Vec::new(),
            tags: None,
            cut_off: None,
        }
    }

    fn looks(&self) -> impl Iterator<Item = &Answered> {
        let with = self.tried.iter().rev().filter_map(|tried| tried.look.as_ref());
        with.chain([self.without]).filter_map(|look| match look {
            Look::Answered(answered) => Some(answered),
            Look::Unreached(_) => None,
        })
    }

    /// The answer that has the image.
    pub(crate) fn found(&self) -> Option<&Answered> {
        self.looks().find(|answered| answered.status == 200)
    }

    /// The answer that says that there is no such image; one with a credential counts before one without.
    pub(crate) fn missing(&self) -> Option<&Answered> {
        self.looks().find(|answered| answered.status == 404)
    }

    /// Whether the runtime's words prove that the node has reached the registry.
    fn node_reached_it(&self) -> bool {
        self.said.as_deref().is_some_and(|cause| {
            cause.starts_with("image-") && cause != "image-pull-slow" || cause == "registry-unavailable"
        })
    }

    fn said(&self, cause: &str) -> bool {
        self.said.as_deref() == Some(cause)
    }
}

/// What it comes to.
pub(crate) fn explain(findings: &Findings<'_>, now: Timestamp, workload: &ObjectRef) -> Response {
    let response = if let Some(found) = findings.found() {
        exists(findings, found, now)
    } else if let Some(missing) = findings.missing() {
        match &findings.cut_off {
            None => is_missing(findings, missing),
            Some(CutOff { asked, status, upstream }) => {
                let told = format!("{asked} answers {status}");
                match upstream {
                    Some(upstream) => is_cut_off(findings, missing, upstream, &told),
                    None => is_perhaps_missing(findings, missing, told),
                }
            }
        }
    } else {
        match findings.without {
            Look::Unreached(why) => unreached(findings, why),
            Look::Answered(answered) => match answered.status {
                429 => limited(findings, answered),
                401 | 403 => refused(findings, answered, now),
                status @ 500..=599 => down(findings, answered, status),
                status => Response::unknown(format!("{} answers {status}", findings.image.registry))
                    .because(evidence(answered)),
            },
        }
    };
    let faulty = response.faulty.clone().unwrap_or_else(|| workload.clone());
    response.blaming(faulty)
}

fn exists(findings: &Findings<'_>, found: &Answered, now: Timestamp) -> Response {
    let image = findings.image;
    let name = format!("{}:{}", image.repository, image.version());
    if let Some(node) = &findings.node
        && !findings.platforms.is_empty()
        && !findings.platforms.contains(node)
    {
        let platforms = findings.platforms.join(", ");
        return Response::cause(
            "image-platform-mismatch",
            0.95,
            format!(
                "{} has {name} for {platforms} and not for {node}, which the pod's node is",
                image.registry
            ),
        )
        .because(Evidence::new("network", format!("{} lists {platforms}", found.asked)))
        .remedy(format!(
            "Build the image for {node} too, or keep the pod on nodes of {platforms} (kubernetes.io/arch)."
        ));
    }
    // What is served to anybody is not got with a credential that is refused: the kubelet does not try without.
    if findings.without.status() == Some(200)
        && let Some(response) = findings.tried.iter().find_map(|tried| of_secret(findings, tried, now))
        && findings.said("image-auth")
    {
        return response;
    }
    let whom =
        if findings.without.status() == Some(200) { "to anybody" } else { "with the pod's credential" };
    Response::cleared(format!("{} serves {name} {whom}, asked from here", image.registry))
        .because(evidence(found))
        .ruling_out("image-not-found")
}

fn is_missing(findings: &Findings<'_>, missing: &Answered) -> Response {
    let Reference { registry, repository, .. } = findings.image;
    let version = findings.image.version();
    if matches!(findings.tags, Some(Tags::NoRepository))
        || missing.codes.iter().any(|code| code == "NAME_UNKNOWN")
    {
        return Response::cause(
            "image-not-found",
            0.95,
            format!("{registry} has no repository {repository}"),
        )
        .because(evidence(missing))
        .remedy("Correct the image's name, or push it there.");
    }
    let response =
        Response::cause("image-not-found", 0.95, format!("{registry} has no {version} of {repository}"))
            .because(evidence(missing));
    let near = match &findings.tags {
        Some(Tags::Listed(tags)) => nearest(version, tags),
        _ => Vec::new(),
    };
    if near.is_empty() {
        return response.remedy(format!("Push {version}, or name a tag that exists."));
    }
    let near = near.join(", ");
    response
        .because(Evidence::new("network", format!("tags near it that exist: {near}")))
        .remedy(format!("Push {version}, or name a tag that exists, such as {near}."))
}

fn is_cut_off(findings: &Findings<'_>, missing: &Answered, upstream: &str, told: &str) -> Response {
    let registry = &findings.image.registry;
    Response::cause("registry-unavailable", 0.85, format!("{registry} is a cache and cannot ask {upstream}"))
        .because(evidence(missing))
        .because(Evidence::new("network", format!("{told}, as it could not ask {upstream}")))
        .sharing(format!("registry {registry}"))
        .owned_by(Owner::Platform)
        .remedy(format!("See why {registry} cannot ask {upstream}; until then it has only what it has kept."))
}

/// It says no, but is not well itself: a bad minute, or a cache that does not tell whom it cannot ask.
fn is_perhaps_missing(findings: &Findings<'_>, missing: &Answered, told: String) -> Response {
    let registry = &findings.image.registry;
    let mut response = is_missing(findings, missing);
    response.confidence = response.confidence.min(NOT_WELL_MAX);
    response.because(Evidence::new("network", told)).without(
        format!("whether {registry} knows it"),
        "it fails at another question; a cache that cannot ask its upstream says no as well",
    )
}

fn unreached(findings: &Findings<'_>, why: &Unreached) -> Response {
    let registry = &findings.image.registry;
    let not_from_here = || {
        Response::unknown(format!("from here nothing is known of {registry}: {why}"))
            .without(format!("the registry {registry}"), why.to_string())
    };
    let of_registry = |cause: &str, confidence: f64| {
        Response::cause(cause, confidence, why.to_string())
            .because(Evidence::new("network", format!("asked from outside of the cluster: {why}")))
            .sharing(format!("registry {registry}"))
    };
    // Where the node came further than we do, what we meet is our own network.
    match &why.error {
        HttpError::Private { .. } | HttpError::Address { .. } | HttpError::TooLarge { .. } => not_from_here(),
        _ if findings.node_reached_it() => not_from_here(),
        HttpError::Unresolved { .. } => {
            let sure = if findings.said("registry-dns") { 0.9 } else { 0.7 };
            of_registry("registry-dns", sure).remedy(format!(
                "See whether the name {registry} is right, and whether its zone still has it."
            ))
        }
        // Nodes ask with TLS alone, unless they are told otherwise.
        HttpError::Unreachable { .. } | HttpError::Late { .. }
            if why.refuses_tls && findings.said("registry-tls-untrusted") =>
        {
            of_registry("registry-tls-untrusted", 0.92).remedy(certificate_for(registry))
        }
        HttpError::Unreachable { .. } | HttpError::Late { .. } => {
            let sure = if findings.said("registry-unreachable") { 0.9 } else { 0.65 };
            of_registry("registry-unreachable", sure)
                .remedy(format!("See whether {registry} runs, and whether its network lets anybody in."))
        }
        HttpError::Tls { problem, .. } => match problem {
            TlsProblem::Expired => of_registry("registry-tls-expired", 0.95)
                .remedy(format!("Renew the certificate of {registry}.")),
            // Nodes may trust an authority that we do not know: then it is for them to say.
            TlsProblem::Untrusted if !findings.said("registry-tls-untrusted") => not_from_here(),
            _ => of_registry(
                "registry-tls-untrusted",
                if findings.said("registry-tls-untrusted") { 0.92 } else { 0.6 },
            )
            .remedy(certificate_for(registry)),
        },
    }
}

fn certificate_for(registry: &str) -> String {
    format!("Give {registry} a certificate that its clients accept, or tell the runtime of its authority.")
}

fn limited(findings: &Findings<'_>, answered: &Answered) -> Response {
    let registry = &findings.image.registry;
    // The limit that we meet is that of our own address.
    if !findings.said("image-rate-limited") {
        return Response::unknown(format!("{registry} limits how often we may ask"))
            .because(evidence(answered));
    }
    let after =
        answered.retry_after.as_deref().map(|after| format!(", for {after} s yet")).unwrap_or_default();
    Response::cause("image-rate-limited", 0.9, format!("{registry} limits pulls{after}, here as on the node"))
        .because(evidence(answered))
        .sharing(format!("registry {registry}"))
        .owned_by(Owner::Platform)
        .remedy("Pull with a login, or through a mirror of your own.")
}

fn down(findings: &Findings<'_>, answered: &Answered, status: u16) -> Response {
    let registry = &findings.image.registry;
    let owner = if is_of_a_cloud(registry) { Owner::Cloud } else { Owner::Platform };
    Response::cause("registry-unavailable", 0.9, format!("{registry} answers {status}"))
        .because(evidence(answered))
        .sharing(format!("registry {registry}"))
        .owned_by(owner)
        .remedy(format!("See the state of {registry}; what is pulled already goes on running."))
}

/// It wants a credential, and none that there is will do.
fn refused(findings: &Findings<'_>, answered: &Answered, now: Timestamp) -> Response {
    let Reference { registry, repository, .. } = findings.image;
    if let Some(response) = findings.tried.iter().find_map(|tried| of_secret(findings, tried, now)) {
        return response.because(evidence(answered));
    }
    let text = format!("{registry} gives {repository} to nobody without a credential");
    if findings.tried.iter().any(|tried| tried.held.is_err()) {
        // What the pull secret holds may not be looked at; the runtime's own words have to do.
        return Response::unknown(format!("{text}; the pod's pull secret may not be read here"))
            .because(evidence(answered));
    }
    if !findings.tried.is_empty() {
        return Response::unknown(format!("{text}; that of the pod could not be tried"))
            .because(evidence(answered));
    }
    // Nodes have credentials of their own for some.
    if !findings.said("image-auth") || registry.contains(".dkr.ecr.") {
        return Response::unknown(format!(
            "{text}; the pod names no pull secret, and the node's is not known here"
        ))
        .because(evidence(answered))
        .without(
            "the node's own credential",
            "a registry that the cloud runs may know the node by its role",
        );
    }
    Response::cause(
        "image-auth",
        0.88,
        format!("{registry} gives {repository} to nobody without a credential, and the pod names no pull secret (or there is no such repository)"),
    )
    .because(evidence(answered))
    .remedy(format!("Name a pull secret for {registry} in imagePullSecrets of the pod or of its service account; see first that the name is right."))
}

/// What is wrong with a pull secret, if it is the reason.
fn of_secret(findings: &Findings<'_>, tried: &Tried, now: Timestamp) -> Option<Response> {
    let Reference { registry, repository, .. } = findings.image;
    let secret = &tried.secret;
    let cause = |sure: f64, text: String| {
        let response = Response::cause("image-auth", sure, text);
        response.blaming(secret.clone())
    };
    let name = format!("{}/{}", secret.namespace.as_deref().unwrap_or_default(), secret.name);
    let renew = format!("Put a credential that {registry} takes into the secret {name}.");
    Some(match tried.held.as_ref().ok()? {
        Held::Missing => {
            cause(0.9, format!("the pull secret {name} that the pod names does not exist")).remedy(renew)
        }
        Held::Unreadable(why) => {
            cause(0.9, format!("the pull secret {name} cannot be used: {why}")).remedy(renew)
        }
        Held::Others(hosts) => {
            let hosts = if hosts.is_empty() { "nobody".to_owned() } else { hosts.join(", ") };
            cause(0.92, format!("the pull secret {name} has no credential for {registry}, only for {hosts}"))
                .remedy(renew)
        }
        Held::Credential(credential) => {
            let Look::Answered(answered) = tried.look.as_ref()? else { return None };
            let expired = credential.expires.filter(|expires| *expires < now);
            match (answered.status, expired) {
                (401 | 403, Some(at)) => cause(
                    0.97,
                    format!("{registry} refuses the credential of the secret {name}, which expired on {at}"),
                )
                .remedy(format!("Renew the secret {name}, and have it renewed before its credential expires.")),
                (401, None) => cause(0.95, format!("{registry} refuses the credential of the secret {name}")).remedy(renew),
                (403, None) => cause(
                    0.88,
                    format!("the credential of the secret {name} may not pull {repository} from {registry} (or there is no such repository)"),
                )
                .remedy(format!("Give it the right to pull {repository}; see first that the name is right.")),
                _ => return None,
            }
            .because(evidence(answered))
        }
    })
}

fn evidence(answered: &Answered) -> Evidence {
    let codes =
        if answered.codes.is_empty() { String::new() } else { format!(" ({})", answered.codes.join(", ")) };
    Evidence::new("network", format!("{} answers {}{codes}", answered.asked, answered.status))
}

/// The tags that are most like the one that was asked for.
fn nearest(wanted: &str, tags: &[String]) -> Vec<String> {
    let sound = tags.iter().filter(|tag| tag.len() <= 128 && tag.chars().all(|c| c.is_ascii_graphic()));
    let mut all: Vec<(usize, &String)> = sound.map(|tag| (strsim::levenshtein(wanted, tag), tag)).collect();
    all.sort();
    all.into_iter().take(NEAR_MAX).map(|(_, tag)| tag.clone()).collect()
}
