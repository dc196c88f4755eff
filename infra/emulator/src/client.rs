use serde_json::Value;
use std::time::Duration;
use ureq::Agent;
use ureq::http::Response;

/// How much of each end of a long message is told, in characters.
const ENDS: usize = 300;

/// Large enough for any answer, small enough not to fill the memory.
const ANSWER_LIMIT_BYTES: u64 = 256 << 20;

/// A call may run a function to its end.
const CALL_TIMEOUT: Duration = Duration::from_mins(5);

/// Speaks to the emulator's services over plain HTTP. What commands and tests need, not an SDK.
#[derive(Debug, Clone)]
pub struct Client {
    endpoint: String,
    agent: Agent,
}

/// A call to the emulator failed.
#[derive(Debug, thiserror::Error)]
pub enum CallError {
    /// It could not be reached, or broke off.
    #[error("the emulator does not answer {call}")]
    Transport {
        /// The service and the action.
        call: String,
        /// What happened.
        #[source]
        source: Box<ureq::Error>,
    },
    /// It said no.
    #[error("{call}: {status} {code}: {message}")]
    Refused {
        /// The service and the action.
        call: String,
        /// The HTTP status.
        status: u16,
        /// The error's code, such as `ResourceNotFoundException`.
        code: String,
        /// What it says.
        message: String,
    },
    /// The answer is not what the service's documentation says.
    #[error("{call}: expected {expected} in the answer")]
    Unexpected {
        /// The service and the action.
        call: String,
        /// What is missing from it.
        expected: &'static str,
    },
}

impl Client {
    /// For an emulator that runs at this address, started by [`Emulator`](crate::Emulator) or otherwise.
    pub fn new(endpoint: impl Into<String>) -> Self {
        let config = Agent::config_builder()
            .timeout_global(Some(CALL_TIMEOUT))
            .http_status_as_error(false)
            .proxy(None) // it is on this machine, whatever the environment says
            .build();
        Self { endpoint: endpoint.into().trim_end_matches('/').to_owned(), agent: config.into() }
    }

    /// Where it calls.
    pub fn endpoint(&self) -> &str {
        &self.endpoint
    }

    /// Whether the emulator answers.
    pub fn is_ready(&self) -> bool {
        let url = format!("{}/_ministack/ready", self.endpoint);
        self.agent.get(&url).call().is_ok_and(|answer| answer.status().is_success())
    }

    /// Calls a service that speaks JSON by a target header: `("sqs", "AmazonSQS.ListQueues", …)`,
    /// `("dynamodb", "DynamoDB_20120810.Scan", …)`, `("logs", "Logs_20140328.…", …)`, `("ssm", "AmazonSSM.…", …)`.
    pub fn json(&self, service: &str, target: &str, body: &Value) -> Result<Value, CallError> {
        let request = self
            .agent
            .post(format!("{}/", self.endpoint))
            .header("Authorization", authorization(service))
            .header("Content-Type", "application/x-amz-json-1.0")
            .header("X-Amz-Target", target);
        let text = Self::answer(target, request.send(body.to_string()))?;
        if text.is_empty() {
            return Ok(Value::Null);
        }
        serde_json::from_str(&text)
            .map_err(|_| CallError::Unexpected { call: target.to_owned(), expected: "JSON" })
    }

    /// Calls a service of the query protocol; the answer is XML.
    pub(crate) fn query(&self, service: &str, parameters: &[(&str, &str)]) -> Result<String, CallError> {
        let call = parameters.iter().find(|(name, _)| *name == "Action").map_or("", |(_, action)| action);
        let request =
            self.agent.post(format!("{}/", self.endpoint)).header("Authorization", authorization(service));
        Self::answer(call, request.send_form(parameters.iter().copied()))
    }

    /// Reads a path.
    pub(crate) fn get(&self, service: &str, path: &str) -> Result<String, CallError> {
        let request = self
            .agent
            .get(format!("{}{path}", self.endpoint))
            .header("Authorization", authorization(service));
        Self::answer(&format!("GET {path}"), request.call())
    }

    /// Puts bytes or text to a path, as S3 takes them.
    pub(crate) fn put(&self, service: &str, path: &str, body: &[u8]) -> Result<String, CallError> {
        let request = self
            .agent
            .put(format!("{}{path}", self.endpoint))
            .header("Authorization", authorization(service));
        Self::answer(&format!("PUT {path}"), request.send(body))
    }

    /// Posts to a path, and returns the whole answer: some say more in their headers.
    pub(crate) fn post(
        &self,
        service: &str,
        path: &str,
        body: &[u8],
    ) -> Result<(Response<()>, String), CallError> {
        let request = self
            .agent
            .post(format!("{}{path}", self.endpoint))
            .header("Authorization", authorization(service));
        let call = format!("POST {path}");
        let (head, text) = Self::whole(&call, request.send(body))?;
        accept(&call, head.status().as_u16(), &text)?;
        Ok((head, text))
    }

    fn answer(call: &str, answer: Result<Response<ureq::Body>, ureq::Error>) -> Result<String, CallError> {
        let (head, text) = Self::whole(call, answer)?;
        accept(call, head.status().as_u16(), &text)?;
        Ok(text)
    }

    fn whole(
        call: &str,
        answer: Result<Response<ureq::Body>, ureq::Error>,
    ) -> Result<(Response<()>, String), CallError> {
        let failed = |source| CallError::Transport { call: call.to_owned(), source: Box::new(source) };
        let (head, mut body) = answer.map_err(failed)?.into_parts();
        let text = body.with_config().limit(ANSWER_LIMIT_BYTES).read_to_string().map_err(failed)?;
        Ok((Response::from_parts(head, ()), text))
    }
}

/// The emulator checks no signature, but reads from its head which service is meant.
fn authorization(service: &str) -> String {
    format!(
        "AWS4-HMAC-SHA256 Credential=test/20260101/us-east-1/{service}/aws4_request, SignedHeaders=host, Signature=0"
    )
}

fn accept(call: &str, status: u16, text: &str) -> Result<(), CallError> {
    if (200..300).contains(&status) {
        return Ok(());
    }
    let (code, message) = explain(text);
    Err(CallError::Refused { call: call.to_owned(), status, code, message: ends(&message) })
}

/// A message that repeats a whole request says what is wrong at its ends.
fn ends(message: &str) -> String {
    let chars: Vec<char> = message.chars().collect();
    match (chars.first_chunk::<ENDS>(), chars.last_chunk::<ENDS>()) {
        (Some(begin), Some(end)) if chars.len() > 2 * ENDS => {
            begin.iter().chain(&[' ', '…', ' ']).chain(end).collect()
        }
        _ => message.to_owned(),
    }
}

/// The code and message of an error answer, JSON or XML.
fn explain(text: &str) -> (String, String) {
    if let Ok(json) = serde_json::from_str::<Value>(text) {
        let field =
            |names: [&str; 2]| names.iter().find_map(|name| json[*name].as_str()).unwrap_or("").to_owned();
        let code = field(["__type", "code"]);
        return (code.rsplit('#').next().unwrap_or("").to_owned(), field(["message", "Message"]));
    }
    if let Ok(xml) = roxmltree::Document::parse(text) {
        let field = |name: &str| {
            let node = xml.descendants().find(|node| node.tag_name().name() == name);
            node.and_then(|node| node.text()).unwrap_or("").to_owned()
        };
        return (field("Code"), field("Message"));
    }
    (String::new(), text.chars().take(300).collect())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_message_that_repeats_the_request_is_cut_in_its_middle() {
        assert_eq!(ends("No such bucket"), "No such bucket");
        let long = format!("Value '{}' must be shorter", "x".repeat(60_000));
        let told = ends(&long);
        assert!(told.starts_with("Value 'x") && told.ends_with("must be shorter"), "{told}");
        assert_eq!(told.chars().count(), 2 * ENDS + 3);
    }

    #[test]
    fn the_reason_of_a_refusal_is_found_in_json_and_in_xml() {
        let cases = [
            (
                r#"{"__type":"com.amazonaws.sqs#QueueDoesNotExist","message":"no"}"#,
                ("QueueDoesNotExist", "no"),
            ),
            (
                r#"{"__type":"ResourceNotFoundException","Message":"gone"}"#,
                ("ResourceNotFoundException", "gone"),
            ),
            (
                "<ErrorResponse xmlns=\"http://x/\"><Error><Code>ValidationError</Code><Message>bad</Message></Error></ErrorResponse>",
                ("ValidationError", "bad"),
            ),
            ("<Error><Code>NoSuchBucket</Code><Message>none</Message></Error>", ("NoSuchBucket", "none")),
            ("oops", ("", "oops")),
        ];
        for (text, (code, message)) in cases {
            assert_eq!(explain(text), (code.to_owned(), message.to_owned()), "{text}");
        }
    }

    #[test]
    fn nobody_at_the_address_is_not_ready() {
        assert!(!Client::new("http://127.0.0.1:1").is_ready());
    }
}
