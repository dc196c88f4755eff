//! Getting the image onto the node.

use crate::Cause::*;
use crate::classify::Candidate;
use crate::context::{Domain, Input};
use crate::failure::Failure;
use crate::rule::{Reason, Rule};
use crate::{Fact, Facts, RegistryHost};
use prodrome_model::Owner;

const PULL: &[Domain] = &[Domain::Pull, Domain::Sandbox];
const PULL_OR_OTHER: &[Domain] = &[Domain::Pull, Domain::Sandbox, Domain::Other, Domain::Start];

pub(super) const REASONS: &[Reason] = &[
    ("InvalidImageName", ImageNameInvalid, 93),
    ("ErrImageNeverPull", ImageNeverPull, 93),
    ("SignatureValidationFailed", ImageSignature, 92),
    ("RegistryUnavailable", RegistryUnavailable, 55),
];

pub(super) const RULES: &[Rule] = &[
    Rule::new(
        ImageNameInvalid,
        95,
        &[
            "couldn't parse image",
            "invalid reference format",
            "failed to apply default image tag",
            "repository name must be lowercase",
            "failed to parse image name",
            "failed to parse as an image name",
            "invalid image name",
            "could not parse reference",
            "failed to parse reference",
            "normalizing image reference",
            "invalid repository name",
            "short name mode is enforcing, but image name",
            "short-name \"<image>\" did not resolve to an alias",
            "must be a valid image reference",
        ],
    )
    .on(PULL_OR_OTHER)
    .rank(2),
    Rule::new(
        ImageNeverPull,
        96,
        &[
            "image \"<image>\" is not present with pull policy of never",
            "is not present with pull policy of never",
        ],
    ),
    Rule::new(
        ImageSignature,
        95,
        &[
            "signature validation failed",
            "source image rejected",
            "a signature was required, but no signature exists",
            "is rejected by policy",
            "are rejected by policy",
            "signature by key <*> is not accepted",
            "signature for identity <*> is not accepted",
            "invalid gpg signature",
            "cryptographic signature verification failed",
            "checking signature of \"<image>\"",
        ],
    )
    .on(PULL)
    .rank(3),
    Rule::new(
        ImagePolicyDenied,
        93,
        &[
            "image policy webhook backend denied one or more images",
            "projectpolicyviolation",
            "cannot be pulled due to configured policy",
            "due to the download blocking policy",
            "prevent vulnerable images from running",
            "prevent images with vulnerability severity",
            "blocked by image policy",
            "image is quarantined",
            "signature keyless validation failed",
            "signature key validation failed",
            "no matching signatures",
            "admission webhook <webhook> denied the request: <*>no signatures found",
            "image signature verification failed",
            "failed to verify image",
            "has an invalid image repo",
            "has an invalid image tag",
        ],
    )
    .rank(3),
    Rule::new(
        ImagePlatformMismatch,
        95,
        &[
            "no match for platform in manifest",
            "no matching manifest for <platform> in the manifest list",
            "no matching manifest for",
            "no image found in manifest list for architecture",
            "no image found in image index for architecture",
            "no image found in the manifest list for",
            "cannot be used on this platform",
            "does not match the specified platform",
            "does not provide the specified platform",
            "failed to match any platforms",
            "no child with platform",
            "could not find any platform",
            "no suitable image for platform",
            "image operating system \"<platform>\" cannot be used",
            "image with reference <image> was found but does not match",
            "doesn't match the operating system of this node",
        ],
    )
    .on(PULL_OR_OTHER)
    .rank(3),
    Rule::new(
        ImageRateLimited,
        95,
        &[
            "toomanyrequests",
            "429 too many requests",
            "pull rate limit",
            "too many requests to registry",
            "rate exceeded",
            "too many requests",
            "increase-rate-limit",
            "quota exceeded for quota metric",
            "rate limit exceeded",
        ],
    )
    .on(PULL)
    .rank(2),
    Rule::new(
        ImagePullThrottled,
        95,
        &[
            "pull qps exceeded",
            "max parallel image pulls",
            "maximum number of parallel image pulls",
            "too many concurrent image pulls",
            "image pull concurrency limit",
        ],
    )
    .rank(3),
    Rule::new(
        ImageAuth,
        90,
        &[
            "no basic auth credentials",
            "authentication required",
            "denied: requested access",
            "requested access to the resource is denied",
            "unauthorized to access repository",
            "unauthorized: ",
            "incorrect username or password",
            "invalid username/password",
            "unable to retrieve auth token",
            "access forbidden",
            "http basic: access denied",
            "denied: permission",
            "authorization token has expired",
            "unauthorized: access token has expired",
            "invalid credentials",
            "denied: you do not have permission",
            "denied: installation not allowed",
            "failed to fetch oauth token<*>401",
            "failed to fetch oauth token<*>403",
            "failed to fetch anonymous token<*>401",
            "failed to fetch anonymous token<*>403",
            "authentication is required",
            "requesting bearer token: invalid status code from registry 401",
            "requesting bearer token: invalid status code from registry 403",
            "error: unauthorized",
            "user not found or bad credentials",
            "the request is unauthenticated",
            "unauthenticated request",
            "no pull access",
            "missing username or secret",
            "failed to find supported auth scheme",
            "you may not login",
            "login attempt to <*> failed with status: 401",
            "login attempt to <*> failed with status: 403",
        ],
    )
    .on(PULL)
    .rank(-1),
    // Both "does not exist" and "you may not": only the registry can tell.
    Rule::new(
        ImageAuth,
        80,
        &[
            "pull access denied",
            "insufficient_scope",
            "repository does not exist or may require",
            "denied: denied",
            "may require 'docker login'",
            "denied: access to the requested resource",
        ],
    )
    .on(PULL)
    .rank(-1),
    Rule::new(ImageAuth, 72, &["unable to retrieve some image pull secrets (<secret>)"]).rank(-1),
    Rule::new(
        ImageAuth,
        62,
        &[
            "failed to fetch oauth token",
            "failed to fetch anonymous token",
            "failed to authorize",
            "requesting bearer token",
        ],
    )
    .on(PULL)
    .rank(-2),
    Rule::new(
        ImageNodeCredential,
        90,
        &[
            "credential provider plugin",
            "ecr-credential-provider",
            "failed to get credentials from credential provider",
            "error getting ecr auth token",
            "exec plugin <*> credential",
            "failed to refresh ecr",
            "acr-credential-provider",
            "gcp-credential-provider",
        ],
    )
    .on(PULL_OR_OTHER)
    .rank(1),
    Rule::new(
        ImageNodeCredential,
        88,
        &["is not authorized to perform: ecr:", "not authorized to perform ecr:"],
    )
    .rank(1),
    Rule::new(ImageNotFound, 74, &["does not exist or no pull access"]).on(PULL),
    Rule::new(ImageAuth, 84, &["reading manifest <*>: denied", "manifest: denied", "errors: denied"])
        .on(PULL)
        .rank(-1),
    Rule::new(
        RuntimeDown,
        66,
        &["failed to inspect image<*>deadline exceeded", "failed to inspect image<*>operation timeout"],
    )
    .on(PULL)
    .rank(2),
    Rule::new(
        ImageNotFound,
        94,
        &[
            "manifest unknown",
            "manifest_unknown",
            "name unknown",
            "name_unknown",
            "repository name not known to registry",
            "manifest for <image> not found",
            "requested image not found",
            "does not exist in the registry with id",
            "the repository with name '<repository>' does not exist",
            "manifest tagged by \"<tag>\" is not found",
            "failed to resolve reference \"<image>\": <*>: not found",
            "failed to resolve image: <*>: not found",
            "tag does not exist",
            "artifact <*> not found",
            "repository <repository> not found",
            "manifest not found",
            "unknown manifest",
            "failed to fetch \"<tag>\"",
            "unknown repository",
            "no such image",
            "was deleted or has expired",
            "reading manifest <tag> in <repository>: name unknown",
        ],
    )
    .on(PULL)
    .unless(&["no match for platform", "no matching manifest"]),
    Rule::new(ImageNotFound, 72, &["from remote: not found", "code = notfound desc =", "blob unknown"])
        .on(PULL),
    // The token service answers 404: the registry's address or path is wrong rather than the tag.
    Rule::new(
        ImageAuth,
        60,
        &["failed to fetch oauth token<*>404 not found", "failed to fetch anonymous token<*>404 not found"],
    )
    .on(PULL)
    .rank(1),
    Rule::new(
        ImageUnpackFailed,
        92,
        &[
            "unexpected commit size",
            "unexpected commit digest",
            "failed size validation",
            "invalid tar header",
            "archive/tar",
            "filesystem layer verification failed",
            "error processing tar file",
            "unexpected media type",
            "processing tar file(",
            "gzip: invalid",
            "invalid checksum",
            "failed to convert whiteout",
            "does not match config's diffid",
            "layers from manifest don't match image configuration",
            "digest did not match",
            "blob digest mismatch",
            "failed to prepare extraction snapshot",
            "magic number mismatch",
            "unexpected eof<*>failed to extract",
            // While it is unpacked, what breaks off is the layer that was fetched.
            "failed to extract layer <*>: unexpected eof",
            "failed to extract layer <*>: eof",
            "failed to extract layer <*>input/output error",
            "insufficient uids or gids available in user namespace",
            "flate: corrupt input",
            "wrong diff id calculated on extraction",
            "mismatched image rootfs and manifest layers",
            "happened during read: unexpected eof",
            "storing blob to file <*>unexpected eof",
            "writing blob: <*>unexpected eof",
            "error reading blob",
            // A layer that was fetched and is gone from the node's own store.
            "failed to get reader from content store",
            "error unpacking image: <*>: not found",
            "digest mismatch",
            "device or resource busy: unknown",
            "unrecognized image format",
        ],
    )
    .on(PULL)
    .rank(1),
    Rule::new(
        ImageUnpackFailed,
        78,
        &[
            "failed to extract layer",
            "failed to register layer",
            "failed to unpack image on snapshotter",
            "failed to apply layer",
            "writing blob: adding layer with blob",
            "snapshotter not loaded",
            "failed to create snapshot",
            "committing the finished image",
            "failed to unpack image",
        ],
    )
    .on(PULL)
    .rank(-1),
    Rule::new(
        ImageUnpackFailed,
        72,
        &[
            "is no longer supported since containerd",
            "docker image format v1",
            "unsupported manifest media type",
            "schema version 1 is no longer supported",
            "manifest version 2, schema 1 support has been removed",
            "rejecting <*> byte manifest",
        ],
    )
    .on(PULL)
    .owner(Owner::User),
    Rule::new(
        ImagePullSlow,
        88,
        &[
            "cancel pulling image <*> because of no progress",
            "because of no progress in",
            "no progress",
            "image pull timed out",
            "pull timed out",
            "timed out pulling image",
        ],
    )
    .on(PULL)
    .rank(1),
    Rule::new(ImagePullSlow, 72, &["failed to copy: <*>context canceled", "context canceled"])
        .on(PULL)
        .rank(-1),
    Rule::new(
        RegistryUnavailable,
        90,
        &[
            "received unexpected http status: 5",
            "registry is unavailable",
            "error: unavailable",
            "unknown: internal server error",
            "the service is temporarily unavailable",
            "unexpected status code <*>: 52",
            "unexpected status code <*>: 50",
        ],
    )
    .on(PULL),
];

/// What an inner error means while an image is pulled.
pub(super) fn failure(failure: Failure) -> Option<(crate::Cause, u8, i8)> {
    Some(match failure {
        Failure::NoSuchHost => (RegistryDns, 93, 0),
        Failure::Resolver => (RegistryDns, 92, 0),
        Failure::Refused | Failure::NoRoute | Failure::HandshakeTimeout | Failure::Proxy => {
            (RegistryUnreachable, 93, 0)
        }
        Failure::Timeout | Failure::Reset => (RegistryUnreachable, 91, 0),
        Failure::Eof => (RegistryUnreachable, 80, -1),
        Failure::Untrusted | Failure::WrongName | Failure::PlainHttp => (RegistryTlsUntrusted, 95, 0),
        Failure::Tls => (RegistryTlsUntrusted, 75, 0),
        Failure::Expired => (RegistryTlsExpired, 94, 0),
        Failure::ClockBehind => (NodeClockSkew, 95, 1),
        Failure::Http(401) => (ImageAuth, 90, -1),
        Failure::Http(403) => (ImageAuth, 86, -1),
        Failure::Http(404) => (ImageNotFound, 88, 0),
        Failure::Http(407) => (RegistryUnreachable, 90, 0),
        Failure::Http(408) => (RegistryUnreachable, 75, 0),
        Failure::Http(412) => (ImagePolicyDenied, 75, 0),
        Failure::Http(429) => (ImageRateLimited, 95, 2),
        Failure::Http(500..) => (RegistryUnavailable, 93, 0),
        Failure::Http(_) => return None,
        Failure::DiskFull => (NodeDiskFull, 96, 3),
        Failure::ReadOnly => (NodeKernel, 75, 1),
        Failure::Permission => (ImageUnpackFailed, 60, -2),
        Failure::Deadline => (ImagePullSlow, 78, -1),
    })
}

/// What hangs on several words at once.
pub(super) fn recognise(input: &Input, candidates: &mut Vec<Candidate>) {
    if input.domain != Domain::Pull {
        return;
    }
    let ecr = input.has(".dkr.ecr.") || input.has("public.ecr.aws");
    if ecr && !input.has("authorization token has expired") {
        // No credential of the pod is known to have been used: the node's own opens ECR.
        for candidate in candidates.iter_mut().filter(|candidate| candidate.cause == ImageAuth) {
            candidate.cause = ImageNodeCredential;
            candidate.confidence = (candidate.confidence - 0.06).max(0.6);
        }
    } else if ecr {
        for candidate in candidates.iter_mut().filter(|candidate| candidate.cause == ImageAuth) {
            candidate.confidence = candidate.confidence.min(0.75);
        }
    }
    of_no_registry(input, candidates);
    let text = input.lower().trim_end().trim_end_matches(['.', ']', '"']);
    if text.ends_with(": not found") && !input.has_any(&["no match for platform", "no matching manifest"]) {
        let at = text.len() - ": not found".len();
        candidates.push(Candidate::new(ImageNotFound, 90, at..text.len()));
    }
    for candidate in candidates.iter_mut().filter(|candidate| candidate.cause == RegistryDns) {
        if candidate.owner.is_none()
            && input.has("no such host")
            && input.has_any(&[".svc on ", ".svc.cluster.local", ".invalid on "])
        {
            // A cluster's service name never resolves on a node: the reference is the tenant's to correct.
            candidate.owner = Some(Owner::User);
        }
    }
}

/// A reference whose host is the node itself or its link is its author's mistake, whatever becomes of the way there.
fn of_no_registry(input: &Input, candidates: &mut [Candidate]) {
    let text = &input.normal.text;
    let asked = || {
        ["https://", "http://"]
            .iter()
            .find_map(|scheme| text.split_once(scheme)?.1.split(['/', '"', ' ']).next())
    };
    let Some(host) = image(text).map(|image| host(image).0).or_else(asked).and_then(RegistryHost::of) else {
        return;
    };
    let of_the_way = |cause: crate::Cause| {
        matches!(
            cause,
            RegistryUnreachable
                | RegistryDns
                | RegistryTlsUntrusted
                | RegistryTlsExpired
                | RegistryUnavailable
                | ImagePullSlow
        )
    };
    for candidate in candidates {
        if of_the_way(candidate.cause)
            || host == RegistryHost::Link && matches!(candidate.cause, ImageAuth | ImageNotFound)
        {
            candidate.owner = Some(Owner::User);
            candidate.advice = Some(host.words());
        }
    }
}

/// The image that the text names.
fn image(text: &str) -> Option<&str> {
    ["image \"", "reference \"", "docker://", "manifest for "].iter().find_map(|mark| {
        let after = text.split_once(mark)?.1;
        let word = after.split(|c: char| c.is_whitespace() || c == '"').next()?.trim_end_matches(':');
        (!word.is_empty() && word.len() < 512).then_some(word)
    })
}

/// The host and the path of an image's name.
fn host(name: &str) -> (&str, &str) {
    match name.split_once('/') {
        Some((host, path)) if host.contains(['.', ':']) || host == "localhost" => (host, path),
        _ => ("docker.io", name),
    }
}

/// The image that the text names, taken apart.
pub(super) fn facts(input: &Input, facts: &mut Facts) {
    let Some(image) = image(&input.normal.text) else { return };
    facts.add(Fact::Image, image);
    let (rest, digest) = image.split_once('@').map_or((image, None), |(rest, digest)| (rest, Some(digest)));
    if let Some(digest) = digest {
        facts.add(Fact::Digest, digest);
    }
    let (name, tag) = match rest.rsplit_once(':') {
        Some((name, tag)) if !tag.contains('/') => (name, Some(tag)),
        _ => (rest, None),
    };
    if let Some(tag) = tag {
        facts.add(Fact::Tag, tag);
    }
    let (host, path) = host(name);
    facts.add(Fact::Registry, host);
    facts.add(Fact::Repository, path);
}
