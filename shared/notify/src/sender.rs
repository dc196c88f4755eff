use crate::http::{Request, Response};
use crate::{Outcome, Reason};
use reqwest::redirect::Policy;
use std::time::Duration;

/// The most that is read of a response's body.
const BODY_BYTES_MAX: usize = 64 * 1024;

/// Makes requests. One for all channels: it keeps connections open.
///
/// It follows no redirect, since one may lead anywhere with what the request carries; it reads a bounded part
/// of an answer; and it waits a bounded time.
#[derive(Debug, Clone)]
pub struct Sender {
    client: reqwest::Client,
}

/// How long a [`Sender`] waits.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Timeouts {
    /// For a connection, TLS included.
    pub connect: Duration,
    /// For the whole answer.
    pub total: Duration,
}

impl Default for Timeouts {
    /// 3 s and 10 s.
    fn default() -> Self {
        Self { connect: Duration::from_secs(3), total: Duration::from_secs(10) }
    }
}

/// The HTTP client could not be made: no roots of trust were found, or a proxy's setting does not parse.
#[derive(Debug, thiserror::Error)]
#[error("the HTTP client could not be made")]
pub struct SenderError(#[from] reqwest::Error);

/// No answer came.
#[derive(Debug, thiserror::Error)]
#[error("no answer")]
pub struct NoAnswer {
    reason: Reason,
    #[source]
    source: reqwest::Error,
}

impl NoAnswer {
    /// What became of the attempt: it may be tried again. After a timeout the receiver may have it.
    pub const fn outcome(&self) -> Outcome {
        Outcome::RetryAfter(None, self.reason)
    }
}

impl Sender {
    /// A sender with these timeouts.
    pub fn new(timeouts: Timeouts) -> Result<Self, SenderError> {
        let client = reqwest::Client::builder()
            .user_agent(concat!("prodrome/", env!("CARGO_PKG_VERSION")))
            .redirect(Policy::none())
            .connect_timeout(timeouts.connect)
            .timeout(timeouts.total)
            // A function sleeps between invocations, and connections die meanwhile.
            .pool_idle_timeout(Duration::from_secs(20))
            .build()?;
        Ok(Self { client })
    }

    /// Makes one request.
    pub async fn send(&self, request: &Request) -> Result<Response, NoAnswer> {
        let mut builder = self.client.request(request.method.clone(), request.url.url().clone());
        for (name, value) in &request.headers {
            builder = builder.header(name, value.expose());
        }
        let mut answer = builder.body(request.body.clone()).send().await.map_err(no_answer)?;
        let mut response = Response::new(answer.status().as_u16(), Vec::new());
        response.headers = std::mem::take(answer.headers_mut());
        while let Some(chunk) = answer.chunk().await.map_err(no_answer)? {
            let room = BODY_BYTES_MAX - response.body.len();
            response.body.extend_from_slice(chunk.get(..room).unwrap_or(&chunk));
            if chunk.len() >= room {
                break;
            }
        }
        Ok(response)
    }
}

fn no_answer(error: reqwest::Error) -> NoAnswer {
    let reason =
        if error.is_timeout() && !error.is_connect() { Reason::Timeout } else { Reason::Unreachable };
    // The address may be a secret.
    NoAnswer { reason, source: error.without_url() }
}
