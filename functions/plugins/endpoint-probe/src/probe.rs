use crate::targets::{Target, Way};
use prodrome_plugin::Timestamp;
use prodrome_plugin::http::{Http, HttpError};

/// What came of asking a target.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Answer {
    pub(crate) target: Target,
    pub(crate) result: Result<Said, HttpError>,
}

#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) enum Said {
    /// Somebody accepts connections.
    Connected,
    /// Somebody answers by HTTP.
    Http { status: u16, certificate_until: Option<Timestamp> },
}

/// Asks all, side by side.
pub(crate) async fn all(http: &Http, targets: Vec<Target>) -> Vec<Answer> {
    let asked = targets.into_iter().map(|target| async {
        let result = ask(http, &target).await;
        Answer { target, result }
    });
    futures::future::join_all(asked).await
}

async fn ask(http: &Http, target: &Target) -> Result<Said, HttpError> {
    let address = &target.address;
    match &target.way {
        Way::Tcp { port } => http.connect(address, *port).await.map(|()| Said::Connected),
        Way::Http { host, path, tls_port, tls: true, .. } => {
            get(http, address, &format!("https://{host}:{tls_port}{path}")).await
        }
        Way::Http { host, path, port, tls_port, tls: false } => {
            match get(http, address, &format!("http://{host}:{port}{path}")).await {
                // A balancer may end TLS with a certificate of its own, of which the Ingress says nothing.
                Err(error @ (HttpError::Unreachable { .. } | HttpError::Late { .. })) => {
                    match http.connect(address, *tls_port).await {
                        Ok(()) => Ok(Said::Connected),
                        Err(_) => Err(error),
                    }
                }
                other => other,
            }
        }
    }
}

async fn get(http: &Http, address: &str, url: &str) -> Result<Said, HttpError> {
    match http.get_at(address, url, &[("user-agent", "prodrome")]).await {
        Ok(answer) => Ok(Said::Http { status: answer.status, certificate_until: answer.certificate_until }),
        // A page without end is an answer.
        Err(HttpError::TooLarge { .. }) => Ok(Said::Connected),
        Err(error) => Err(error),
    }
}
