use crate::client::{CallError, Client};
use crate::code::{Code, CodeError};
use crate::template::Template;
use std::collections::BTreeMap;
use std::thread;
use std::time::{Duration, Instant};

/// Where the functions' code lies in the emulator's S3.
const BUCKET: &str = "prodrome-code";

const DEPLOY_TIMEOUT: Duration = Duration::from_mins(2);
const POLL: Duration = Duration::from_millis(50);

/// What is to be deployed.
#[derive(Debug, Clone)]
pub struct Deployment<'a> {
    name: &'a str,
    template: &'a Template,
    code: Option<&'a Code>,
    parameters: Vec<(String, String)>,
}

impl<'a> Deployment<'a> {
    /// A template under the name of its stack.
    pub fn new(name: &'a str, template: &'a Template) -> Self {
        Self { name, template, code: None, parameters: Vec::new() }
    }

    /// The code of all of its functions.
    #[must_use]
    pub fn code(mut self, code: &'a Code) -> Self {
        self.code = Some(code);
        self
    }

    /// A parameter's value, instead of its default. The last one counts.
    #[must_use]
    pub fn parameter(mut self, name: &str, value: impl Into<String>) -> Self {
        self.parameters.retain(|(given, _)| given != name);
        self.parameters.push((name.to_owned(), value.into()));
        self
    }
}

/// What was deployed.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Stack {
    /// Its name.
    pub name: String,
    /// The template's outputs.
    pub outputs: BTreeMap<String, String>,
}

impl Stack {
    /// An output by its name.
    pub fn output(&self, name: &str) -> Result<&str, MissingOutput> {
        self.outputs.get(name).map(String::as_str).ok_or_else(|| MissingOutput {
            stack: self.name.clone(),
            name: name.to_owned(),
            known: self.outputs.keys().cloned().collect(),
        })
    }
}

/// A stack has no such output.
#[derive(Debug, thiserror::Error)]
#[error("the stack {stack} has no output {name}; it has {}", known.join(", "))]
pub struct MissingOutput {
    /// The stack.
    pub stack: String,
    /// What was asked for.
    pub name: String,
    /// What there is.
    pub known: Vec<String>,
}

/// A deployment failed.
#[derive(Debug, thiserror::Error)]
pub enum DeployError {
    /// The code cannot be packed.
    #[error(transparent)]
    Code(#[from] CodeError),
    /// The emulator refused a step.
    #[error("cannot deploy the stack {stack}")]
    Call {
        /// The stack.
        stack: String,
        /// The step, and why.
        #[source]
        source: CallError,
    },
    /// The template has functions, but there is no code for them.
    #[error("the template has functions, but the deployment has no code for them")]
    NoCode,
    /// The stack was begun, but did not come up.
    #[error("the stack {stack} is {status}{}", lines(reasons))]
    Failed {
        /// The stack.
        stack: String,
        /// What became of it, such as `ROLLBACK_COMPLETE`.
        status: String,
        /// Which resources failed, and why.
        reasons: Vec<String>,
    },
    /// It takes too long.
    #[error("the stack {stack} is still {status} after {} s", DEPLOY_TIMEOUT.as_secs())]
    Slow {
        /// The stack.
        stack: String,
        /// Where it is.
        status: String,
    },
}

fn lines(reasons: &[String]) -> String {
    reasons.iter().flat_map(|reason| ["\n  ", reason]).collect()
}

pub(crate) fn deploy(client: &Client, deployment: &Deployment<'_>) -> Result<Stack, DeployError> {
    let Deployment { name: stack, template, code, parameters } = deployment;
    let failed = |source| DeployError::Call { stack: (*stack).to_owned(), source };

    let mut template = (*template).clone();
    template.fill_numbers(parameters);
    client.put("s3", &format!("/{BUCKET}"), b"").or_else(already_there).map_err(failed)?;
    match code {
        Some(code) => {
            let key = format!("{stack}.zip");
            client.put("s3", &format!("/{BUCKET}/{key}"), &code.to_zip()?).map_err(failed)?;
            template.set_code(BUCKET, &key);
        }
        None if template.functions().is_empty() => {}
        None => return Err(DeployError::NoCode),
    }

    // A template of this size is too long for a request (51,200 bytes), here as in AWS.
    let object = format!("/{BUCKET}/{stack}.json");
    client.put("s3", &object, template.to_json().to_string().as_bytes()).map_err(failed)?;
    let url = format!("{}{object}", client.endpoint());
    let members: Vec<[String; 2]> = (1..=parameters.len())
        .map(|n| ["ParameterKey", "ParameterValue"].map(|field| format!("Parameters.member.{n}.{field}")))
        .collect();
    let mut query = vec![
        ("Action", "CreateStack"),
        ("Version", "2010-05-15"),
        ("StackName", stack),
        ("TemplateURL", &url),
        ("OnFailure", "DO_NOTHING"), // the emulator goes anyway, and the events say more so
        ("Capabilities.member.1", "CAPABILITY_IAM"),
        ("Capabilities.member.2", "CAPABILITY_AUTO_EXPAND"),
    ];
    for ([key_name, value_name], (key, value)) in members.iter().zip(parameters) {
        query.push((key_name, key));
        query.push((value_name, value));
    }
    client.query("cloudformation", &query).map_err(failed)?;

    let begun = Instant::now();
    loop {
        let (status, outputs) = describe(client, stack).map_err(failed)?;
        match status.as_str() {
            "CREATE_COMPLETE" => return Ok(Stack { name: (*stack).to_owned(), outputs }),
            _ if !status.ends_with("_IN_PROGRESS") => {
                let reasons = reasons(client, stack).map_err(failed)?;
                return Err(DeployError::Failed { stack: (*stack).to_owned(), status, reasons });
            }
            _ if begun.elapsed() > DEPLOY_TIMEOUT => {
                return Err(DeployError::Slow { stack: (*stack).to_owned(), status });
            }
            _ => thread::sleep(POLL),
        }
    }
}

/// The bucket outlives a stack.
fn already_there(error: CallError) -> Result<String, CallError> {
    match error {
        CallError::Refused { code, .. } if code.starts_with("BucketAlready") => Ok(String::new()),
        other => Err(other),
    }
}

/// Elements are told apart by their local name: the answers bear a namespace.
fn text<'a>(node: roxmltree::Node<'a, '_>, name: &str) -> Option<&'a str> {
    node.children().find(|child| child.tag_name().name() == name).and_then(|child| child.text())
}

fn describe(client: &Client, stack: &str) -> Result<(String, BTreeMap<String, String>), CallError> {
    let unexpected = |expected| CallError::Unexpected { call: "DescribeStacks".into(), expected };
    let answer = client.query(
        "cloudformation",
        &[("Action", "DescribeStacks"), ("Version", "2010-05-15"), ("StackName", stack)],
    )?;
    let answer = roxmltree::Document::parse(&answer).map_err(|_| unexpected("XML"))?;
    let status = answer.descendants().find(|node| node.tag_name().name() == "StackStatus");
    let status = status.and_then(|node| node.text()).ok_or_else(|| unexpected("StackStatus"))?;
    let outputs = answer.descendants().filter_map(|node| {
        let key = text(node, "OutputKey")?;
        Some((key.to_owned(), text(node, "OutputValue").unwrap_or("").to_owned()))
    });
    Ok((status.to_owned(), outputs.collect()))
}

/// Which resources failed, the first one first, without those that were only called off.
fn reasons(client: &Client, stack: &str) -> Result<Vec<String>, CallError> {
    let answer = client.query(
        "cloudformation",
        &[("Action", "DescribeStackEvents"), ("Version", "2010-05-15"), ("StackName", stack)],
    )?;
    let answer = roxmltree::Document::parse(&answer)
        .map_err(|_| CallError::Unexpected { call: "DescribeStackEvents".into(), expected: "XML" })?;
    let mut reasons: Vec<String> = answer
        .descendants()
        .filter(|node| text(*node, "ResourceStatus").is_some_and(|status| status.ends_with("_FAILED")))
        .filter_map(|node| {
            let reason = text(node, "ResourceStatusReason").filter(|reason| !reason.contains("cancelled"))?;
            let resource = text(node, "LogicalResourceId").unwrap_or("?");
            Some(format!("{resource} ({}): {reason}", text(node, "ResourceType").unwrap_or("?")))
        })
        .collect();
    reasons.reverse(); // the service tells the latest first
    Ok(reasons)
}
