use crate::Params;
use crate::probe::{Answer, Said};
use crate::targets::{Target, Way};
use prodrome_plugin::http::{HttpError, TlsProblem};
use prodrome_plugin::{Evidence, Object, Response, Timestamp};

const SECONDS_A_DAY: i64 = 24 * 3600;

/// What is wrong with one target.
#[derive(Debug, Clone, PartialEq)]
struct Fault {
    cause: &'static str,
    confidence: f64,
    text: String,
}

/// What an answer comes to.
enum Found {
    Well(String),
    Wrong(Fault),
    /// It was not asked, or says nothing.
    Unseen(String),
}

/// What all answers come to.
pub(crate) fn explain(object: &Object, answers: &[Answer], params: &Params, now: Timestamp) -> Response {
    let (mut faults, mut well, mut unseen) = (Vec::new(), Vec::new(), Vec::new());
    for answer in answers {
        match found(answer, params, now) {
            Found::Well(text) => well.push(text),
            Found::Wrong(fault) => faults.push((answer, fault)),
            Found::Unseen(text) => unseen.push(text),
        }
    }
    faults.sort_by(|(_, one), (_, other)| other.confidence.total_cmp(&one.confidence));
    let mut response = match faults.first() {
        None if well.is_empty() => Response::unknown("its load balancer could not be asked"),
        None => Response::cleared(format!("it answers: {}", well.join("; "))),
        Some((answer, worst)) => {
            // Where some of it answers, what does not may be a moment's.
            let share = if well.is_empty() { 1.0 } else { 0.9 };
            let mut response = Response::cause(worst.cause, worst.confidence * share, worst.text.clone());
            if !matches!(worst.cause, "cert-expired" | "lb-cert-missing") && well.is_empty() {
                response = response.sharing(format!("load balancer {}", answer.target.address));
            }
            for step in remedies(worst.cause, object) {
                response = response.remedy(step);
            }
            response
        }
    };
    for (_, fault) in &faults {
        response = response.because(Evidence::new("network", fault.text.clone()));
    }
    if !faults.is_empty() {
        for text in &well {
            response = response.because(Evidence::new("network", text.clone()));
        }
    }
    unseen.into_iter().fold(response, |response, text| response.without("the load balancer", text))
}

fn found(answer: &Answer, params: &Params, now: Timestamp) -> Found {
    let what = words(&answer.target);
    let wrong = |cause, confidence, text| Found::Wrong(Fault { cause, confidence, text });
    match &answer.result {
        Ok(Said::Connected) => Found::Well(format!("{what} accepts connections")),
        Ok(Said::Http { status: status @ (502..=504), .. }) => wrong(
            "lb-target-unhealthy",
            0.75,
            format!("{what} answers {status}: nothing healthy is behind it"),
        ),
        Ok(Said::Http { certificate_until: Some(until), .. })
            if until.duration_since(now).as_secs() < i64::from(params.certificate_days) * SECONDS_A_DAY =>
        {
            let left = until.duration_since(now).as_secs().max(0) / SECONDS_A_DAY;
            let text =
                format!("the certificate of {what} ends in {left} days, on {until}, and was not renewed");
            wrong("cert-expired", 0.85, text)
        }
        Ok(Said::Http { status, .. }) => Found::Well(format!("{what} answers {status}")),
        Err(HttpError::Tls { problem, .. }) => match problem {
            TlsProblem::Expired => {
                wrong("cert-expired", 0.95, format!("the certificate of {what} has expired"))
            }
            TlsProblem::NotYet => {
                wrong("cert-expired", 0.8, format!("the certificate of {what} is not valid yet"))
            }
            TlsProblem::OtherName => {
                wrong("lb-cert-missing", 0.85, format!("{what} shows a certificate for other names"))
            }
            TlsProblem::NoTls => wrong("lb-cert-missing", 0.7, format!("{what} does not speak TLS")),
            // Whom its users trust is not known here.
            TlsProblem::Untrusted => {
                Found::Well(format!("{what} shows a certificate of an authority that is not known here"))
            }
            TlsProblem::Other => Found::Unseen(format!("{what} fails in the TLS handshake")),
        },
        Err(HttpError::Unreachable { reason, .. }) if params.silence_is_fault || is_refusal(reason) => {
            wrong("lb-target-unhealthy", 0.7, format!("{what} accepts no connection: {reason}"))
        }
        Err(HttpError::Late { timeout, .. }) if params.silence_is_fault => {
            let text = format!("{what} does not answer within {} s", timeout.as_secs());
            wrong("lb-target-unhealthy", 0.7, text)
        }
        Err(error @ (HttpError::Unreachable { .. } | HttpError::Late { .. })) => {
            Found::Unseen(format!("{error}; a firewall, or no way there from here, looks the same"))
        }
        Err(HttpError::Unresolved { .. }) => {
            wrong("lb-target-unhealthy", 0.6, format!("{what} has no address: its name does not resolve"))
        }
        Err(error @ (HttpError::Private { .. } | HttpError::Address { .. } | HttpError::TooLarge { .. })) => {
            Found::Unseen(error.to_string())
        }
    }
}

/// Whether somebody said no, rather than nobody anything.
fn is_refusal(reason: &str) -> bool {
    let reason = reason.to_lowercase();
    ["refused", "reset", "closed", "eof"].iter().any(|word| reason.contains(word))
}

fn words(target: &Target) -> String {
    let Target { address, way } = target;
    match way {
        Way::Tcp { port } => format!("{address} port {port}"),
        Way::Http { host, path, tls, .. } => {
            format!("{}://{host}{path} at {address}", if *tls { "https" } else { "http" })
        }
    }
}

fn remedies(cause: &str, object: &Object) -> Vec<String> {
    let (kind, name) = (object.kind().to_lowercase(), object.name());
    let namespace = object.namespace().unwrap_or("default");
    let see = format!("kubectl -n {namespace} describe {kind} {name}");
    match cause {
        "cert-expired" => vec![
            format!("kubectl -n {namespace} get certificate,secret; see why it was not renewed"),
            "restart the controller of the balancer if the Secret is new and it still shows the old one"
                .to_owned(),
        ],
        "lb-cert-missing" => {
            vec![format!("{see}: the Secret of its tls entry has to exist and be for this host")]
        }
        _ => vec![
            see,
            format!("kubectl -n {namespace} get endpointslices: its pods have to be ready"),
            "look at the balancer's own view of its targets, and at firewalls and security groups".to_owned(),
        ],
    }
}
