//! The control plane, as its own parts and its clients see it.

use crate::Cause::*;
use crate::classify::Candidate;
use crate::context::{Domain, Input};
use crate::rule::Rule;
use crate::text::Kind;

pub(super) const RULES: &[Rule] = &[
    Rule::new(EtcdFull, 96, &["etcdserver: mvcc: database space exceeded", "mvcc: database space exceeded", "alarm:nospace", "nospace alarm", "database space exceeded"]).rank(3),
    Rule::new(
        EtcdSlow,
        92,
        &[
            "etcdserver: request timed out",
            "etcdserver: leader changed",
            "etcdserver: no leader",
            "apply request took too long",
            "request \"<*>\" took too long",
            "slow fdatasync",
            "wal: sync duration of",
            "failed to send out heartbeat on time",
            "leader failed to send out heartbeat",
            "lost the tcp streaming connection with peer",
            "etcdserver: too many requests",
            "waiting for readindex response took too long",
            "etcd cluster is unavailable or misconfigured",
        ],
    )
    .rank(2),
    Rule::new(
        ControllerLeaderLost,
        94,
        &["leaderelection lost", "leader election lost", "lost leader lease", "failed to renew lease <object>: ", "failed to renew lease", "stopped leading", "failed to update lock"],
    )
    .rank(2),
    // Who cannot even reach the API server has lost nothing by another's fault.
    Rule::new(ControllerLeaderLost, 94, &["error retrieving resource lock <object>: "])
        .unless(&["no route to host", "connection refused", "i/o timeout", "no such host"])
        .rank(2),
    Rule::new(
        ApiserverOverload,
        92,
        &[
            "the server has received too many requests and has asked us to try again later",
            "the server is currently unable to handle the request",
            "apiserver is overloaded",
            "too many requests, please try again later",
            "http: handler timeout", "the server was unable to return a response",
            "this request has been rejected by priority and fairness",
            "request did not complete within requested timeout",
            "the request has been throttled by apf",
            "priority and fairness",
        ],
    )
    .on(&[Domain::Admit, Domain::Other, Domain::App, Domain::Control, Domain::Node, Domain::Volume])
    .unless(&["metrics.k8s.io", "unable to retrieve the complete list", "failed calling webhook", "failed to call webhook"])
    .rank(1),
    Rule::new(ApiserverOverload, 60, &["client rate limiter wait returned an error", "client-side throttling"]).rank(-1),
    Rule::new(
        ApiserverUnreachable,
        94,
        &[
            "the connection to the server <address> was refused",
            "did you specify the right host or port",
            "unable to connect to the server: dial tcp",
            "unable to connect to the server: net/http",
            "unable to connect to the server: eof",
            "error contacting api server",
            "failed to contact api server",
            "unable to reach the api server",
            "kubernetes api server is unreachable",
            "apiserver not ready",
            "error: server unavailable",
            "cannot reach the kubernetes api",
        ],
    )
    .rank(2),
    Rule::new(
        ApiserverToKubeletBlocked,
        94,
        &["error dialing backend: <detail>", "error dialing backend", ":10250/containerlogs/<*>", ":10250/exec/<*>", "no agent available", ":10250: i/o timeout", ":10250: connect: ", ":10250/metrics/resource", "proxy error from <*> while dialing <*>:10250"],
    )
    .rank(3),
    Rule::new(
        ControlPlaneCertExpired,
        93,
        &["unable to connect to the server: x509: certificate has expired", "unable to connect to the server: tls: failed to verify certificate: x509: certificate has expired", "kubeconfig certificate has expired", "apiserver certificate has expired", "ca certificate of the cluster has expired", "unable to authenticate the request<*>x509: certificate has expired"],
    )
    .unless(&["is before"])
    .rank(3),
    Rule::new(NodeClockSkew, 82, &["unable to connect to the server: <*>certificate has expired or is not yet valid: current time <*> is before"]).rank(4),
];

/// Addresses and paths by which a program reaches the API server.
const API: &[&str] = &[
    "kubernetes.default",
    "https://10.96.0.1:443",
    "https://10.100.0.1:443",
    "https://172.20.0.1:443",
    "https://10.43.0.1:443",
    "https://10.152.183.1:443",
    "dial tcp 10.96.0.1:443",
    "dial tcp 172.20.0.1:443",
    "dial tcp 10.100.0.1:443",
    "dial tcp 10.43.0.1:443",
    ":6443",
    ".eks.amazonaws.com",
    "kube-apiserver",
    "/api/v1/namespaces",
    "/apis/coordination.k8s.io",
    "/apis/apps/v1",
];

/// What hangs on several words at once: a failing call to the API server.
pub(super) fn recognise(input: &Input, candidates: &mut Vec<Candidate>) {
    if !matches!(input.domain, Domain::App | Domain::Other | Domain::Control | Domain::Admit | Domain::Node)
        || input.has_any(&["failed calling webhook", "failed to call webhook", ":10250"])
        || !input.has_any(API)
    {
        return;
    }
    let mut turn = |words: &[&str], cause, percent| {
        let last = words.iter().filter_map(|words| {
            let at = memchr::memmem::rfind(input.lower().as_bytes(), words.as_bytes())?;
            Some(at..at + words.len())
        });
        // In a log another line may tell of another address.
        let of_it = |at: &std::ops::Range<usize>| {
            let line = input.lower().get(input.normal.line(at.start)).unwrap_or_default();
            input.kind != Kind::Log || API.iter().any(|words| line.contains(words))
        };
        if let Some(at) = last.max_by_key(|at| at.start).filter(of_it) {
            candidates.push(Candidate { rank: 1, ..Candidate::new(cause, percent, at) });
        }
    };
    turn(
        &[
            "connection refused",
            "i/o timeout",
            "no route to host",
            "tls handshake timeout",
            "was refused",
            "connection reset by peer",
            "no such host",
            "awaiting headers",
        ],
        ApiserverUnreachable,
        85,
    );
    turn(&["certificate has expired"], ControlPlaneCertExpired, 84);
}
