//! Secrets from outside, and certificates.

use crate::Cause::*;
use crate::context::{Domain, Input};
use crate::failure::Failure;
use crate::rule::{Reason, Rule};

const SECRETS: &[Domain] = &[Domain::Secrets, Domain::Volume];
const CERTIFY: &[Domain] = &[Domain::Certify, Domain::Other, Domain::App];

pub(super) const REASONS: &[Reason] = &[
    ("InvalidProviderConfig", StoreNotReady, 85),
    ("InvalidStoreConfiguration", StoreNotReady, 85),
    ("ValidationFailed", StoreNotReady, 72),
    ("SecretMissing", ExternalSecretMissing, 80),
    ("SecretDeleted", ExternalSecretMissing, 75),
    ("IssuerNotReady", CertificateNotIssued, 80),
    ("IssuerNotFound", CertificateNotIssued, 85),
    ("CertificateRequestDenied", CertificateNotIssued, 72),
    ("RequestDenied", CertificateNotIssued, 60),
    ("Expired", CertExpired, 75),
];

pub(super) const RULES: &[Rule] = &[
    Rule::new(
        ExternalSecretDenied,
        95,
        &[
            "is not authorized to perform: secretsmanager:<action>",
            "is not authorized to perform: ssm:<action>",
            "is not authorized to perform: <action>",
            "accessdeniedexception",
            "permission 'secretmanager.versions.access' denied",
            "permissiondenied desc = permission",
            "does not have secrets get permission",
            "caller is not authorized to perform action",
            "code: 403. errors:",
            "access to kms is not allowed",
            "* permission denied",
            "code = permissiondenied",
            "forbiddenbypolicy",
            "forbiddenbyrbac",
            "the user, group or application <*> does not have",
            "access denied",
        ],
    )
    .on(SECRETS)
    .beside(&["secret", "vault", "ssm", "kms", "store", "parameter"])
    .unless(&["mountvolume.mountdevice", "nodestagevolume", "mount.nfs", "attachvolume"])
    .rank(2),
    Rule::new(
        ExternalSecretMissing,
        94,
        &[
            "secret does not exist",
            "secrets manager can't find the specified secret",
            "resourcenotfoundexception",
            "parameternotfound",
            "cannot find secret data for key: \"<key>\"",
            "cannot find secret data for key",
            "secret key <key> does not exist",
            "key <key> does not exist in secret",
            "secretnotfound",
            "no secret found",
            "a secret with (name/id) <key> was not found",
            "notfound desc = secret [<key>] not found",
            "secret <*> has no versions",
            "secret not found",
            "property <key> does not exist",
            "no data found at",
            "invalid path for a versioned k/v secrets engine",
            "could not find secret",
            "failed to fetch secret from all regions",
        ],
    )
    .on(SECRETS)
    .unless(&["references non-existent secret", "issuing certificate as secret"])
    .rank(1),
    Rule::new(
        StoreNotReady,
        94,
        &[
            "secretstore \"<object>\" is not ready",
            "clustersecretstore \"<object>\" is not ready",
            "could not get secretstore \"<object>\"",
            "could not get clustersecretstore \"<object>\"",
            "unable to validate store",
            "unable to create client",
            "could not get provider client",
            "cannot setup new vault client",
            "vault is sealed",
            "error in secretstore",
            "could not validate provider",
            "unable to log in to auth method",
            "unable to log in with",
            "invalid role name",
            "is not allowed from namespace",
            "unable to create session",
        ],
    )
    .on(&[Domain::Secrets])
    .rank(1),
    // It is the store that says so, not one of its secrets.
    Rule::new(
        StoreNotReady,
        93,
        &[
            "unable to create client: ",
            "invalid vault credentials",
            "unable to log in to auth method",
            "unable to log in with",
        ],
    )
    .on(&[Domain::Secrets])
    .unless(&["could not get secret data", "error processing spec", "error retrieving secret"])
    .rank(3),
    Rule::new(
        StoreNotReady,
        62,
        &[
            "could not get secret data from provider",
            "failed to mount secrets store objects for pod",
            "secretproviderclass <object> not found",
            "failed to get secretproviderclass",
        ],
    )
    .on(SECRETS)
    .rank(-1),
    Rule::new(
        AcmeSelfCheckFailed,
        95,
        &[
            "failed to perform self check get request '<path>'",
            "failed to perform self check get request",
            "wrong status code '<httpStatus>', expected '200'",
            "did not get expected response when querying endpoint",
            "did not return expected response",
            "waiting for http-01 challenge propagation: <detail>",
            "http-01 challenge propagation",
            "acme:error:connection",
            "the key authorization file from the server did not match this challenge",
            "fetching http://<host>/.well-known/acme-challenge",
            "invalid response from http",
        ],
    )
    .rank(2),
    Rule::new(
        AcmeDnsFailed,
        94,
        &[
            "dns record for \"<host>\" not yet propagated",
            "waiting for dns-01 challenge propagation",
            "acme:error:dns",
            "incorrect txt record",
            "no txt record found",
            "when querying the soa record for the domain",
            "rcode was expected to be",
            "dns problem: ",
            "could not determine authoritative nameservers",
            "could not find the start of authority",
            "found no zones for domain",
            "no matching hosted zone",
            "zone <*> not found in route 53",
            "caa record for <host> prevents issuance",
            "prevents issuance",
            "failed to determine route 53 hosted zone",
            "error presenting challenge: <*>zone",
            "could not find hosted zone",
            "acme:error:caa",
        ],
    )
    .on(CERTIFY)
    .rank(2),
    Rule::new(
        AcmeRateLimited,
        95,
        &[
            "acme:error:ratelimited",
            "too many certificates",
            "too many failed authorizations recently",
            "too many new orders recently",
            "too many currently pending authorizations",
            "ratelimited",
            "too many registrations",
            "see https://letsencrypt.org/docs/rate-limits",
            "service busy; retry later",
        ],
    )
    .on(CERTIFY)
    .rank(3),
    Rule::new(
        CertificateNotIssued,
        88,
        &[
            "referenced \"<*>\" not found: <*>issuer",
            "referenced <*>issuer <object> not found",
            "does not have a ready status condition",
            "issuer.cert-manager.io \"<object>\" not found",
            "clusterissuer.cert-manager.io \"<object>\" not found",
            "is missing type",
            "referenced \"<object>\" not found",
            "the certificate request has failed to complete and will be retried",
            "the certificaterequest \"<object>\" was denied",
            "order is in \"errored\" state",
            "order is in \"invalid\" state",
            "failed to wait for order resource",
            "error initializing issuer",
            "failed to finalize order",
            "failed to create order",
            "failed to register acme account",
            "failed to verify acme account",
            "failed to determine a valid solver configuration",
            "error getting keypair for ca issuer",
            "no configured challenge solvers can be used for this challenge",
            "vault failed to sign certificate",
            "error signing certificate",
            "issuing certificate as secret does not exist",
            "urn:ietf:params:acme:error",
            "existing private key is not up to date for spec",
        ],
    )
    .on(&[Domain::Certify, Domain::Other, Domain::App, Domain::Secrets]),
    Rule::new(
        CertificateNotIssued,
        78,
        &[
            "accepting challenge",
            "error presenting challenge",
            "failed create new order resource",
            "failed to build order",
            "failed to retrieve order",
            "failed to get certificate key pair",
            "failed to create certificaterequest",
            "failed to retrieve signed certificate",
            "invalid certificate retrieved from acme server",
            "issuer returned an invalid certificate",
            "issuer returned a certificate with",
            "failed to obtain certificate",
            "failed to sign certificate",
            "keystore password secret",
            "unable to sign",
            "failed to parse signing",
        ],
    )
    .on(&[Domain::Certify, Domain::Other])
    .rank(-1),
    Rule::new(
        CertificateNotIssued,
        62,
        &[
            "certificate is not ready",
            "issuing certificate as",
            "certificate does not exist",
            "waiting on certificate issuance from order",
        ],
    )
    .on(&[Domain::Certify])
    .rank(-1),
    Rule::new(
        CertExpired,
        92,
        &[
            "certificate expired on <detail>",
            "has expired on",
            "certificate will expire",
            "the certificate has expired",
            "already expired certificate",
            "tls secret <secret> contains an expired certificate",
            "the ssl certificate for <host> has expired",
        ],
    )
    .on(&[Domain::Certify, Domain::Other, Domain::Balance])
    .rank(1),
    Rule::new(
        CredentialExpired,
        90,
        &[
            "expiredtoken",
            "expiredtokenexception",
            "the security token included in the request is expired",
            "token has expired",
            "token is expired",
            "credentials have expired",
            "the provided token has expired",
            "refresh token has expired",
            "client secret keys for app <*> are expired",
            "the provided client secret keys",
            "jwt expired",
            "requestexpired",
            "password has expired",
            "secret has expired",
            "service account token has expired",
            "id_token expired",
            "aadsts7000222",
        ],
    )
    .unless(&["failed to pull", "failed to resolve reference"])
    .on(&[
        Domain::App,
        Domain::Other,
        Domain::Secrets,
        Domain::Volume,
        Domain::Certify,
        Domain::Control,
        Domain::Admit,
        Domain::Node,
        Domain::Balance,
        Domain::Schedule,
    ])
    .rank(2),
];

/// What an inner error means where a secret is fetched from outside.
pub(super) fn secrets_failure(failure: Failure) -> Option<(crate::Cause, u8, i8)> {
    Some(match failure {
        Failure::Http(401) => (StoreNotReady, 75, 0),
        Failure::Http(403) => (ExternalSecretDenied, 85, 0),
        Failure::Http(404) => (ExternalSecretMissing, 82, 0),
        Failure::Http(400..500) | Failure::DiskFull | Failure::ReadOnly => return None,
        Failure::Permission => (ExternalSecretDenied, 82, 0),
        Failure::Deadline => (StoreNotReady, 65, 0),
        _ => (StoreNotReady, 82, 0),
    })
}

/// What an inner error means where a certificate is issued.
pub(super) fn certify_failure(input: &Input, failure: Failure) -> Option<(crate::Cause, u8, i8)> {
    let http = input.has_any(&["http-01", "self check", ".well-known/acme-challenge"]);
    let dns = input.has_any(&["dns-01", "txt record", "hosted zone"]);
    Some(match failure {
        Failure::DiskFull | Failure::ReadOnly | Failure::Permission => return None,
        _ if http => (AcmeSelfCheckFailed, 92, 1),
        _ if dns => (AcmeDnsFailed, 82, 1),
        Failure::Http(429) => (AcmeRateLimited, 92, 2),
        Failure::Expired => (CertExpired, 80, 0),
        _ => (CertificateNotIssued, 72, 0),
    })
}
