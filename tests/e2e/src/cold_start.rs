use crate::System;
use anyhow::{Context, Result, bail, ensure};
use axum::Router;
use axum::extract::{Path, State};
use axum::http::StatusCode;
use axum::response::{IntoResponse, Response};
use axum::routing::{get, post};
use serde_json::{Value, json};
use std::fs;
use std::net::Ipv4Addr;
use std::process::{Child, Command, Stdio};
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Arc, mpsc};
use std::time::{Duration, Instant};
use tokio::net::TcpListener;

/// A function that has not answered by then is given up.
const PATIENCE: Duration = Duration::from_secs(30);
/// A plugin's request about an object that the cluster does not hold.
const ABOUT_NO_OBJECT: &str =
    include_str!(concat!(env!("CARGO_MANIFEST_DIR"), "/../../events/plugin-image-pull.json"));

impl System {
    /// How long a function takes from the start of its process to the answer to its first event, one that gives it
    /// nothing to do: reading settings and rules, building the clients.
    ///
    /// The process is one like the emulator's, with the same settings, but before a runtime API of its own: the
    /// emulator hands events over at its own pace, which takes longer than a start.
    pub fn cold_start(&self, function: &str) -> Result<Duration> {
        let event = idle_event(function)?;
        let called = self.emulator().client().invoke(&self.name_of(function)?, &event)?;
        ensure!(called.error.is_none(), "{function} failed: {}", called.payload);
        let process = self.processes_of(function).into_iter().next();
        let process = process.with_context(|| format!("no process of {function} is warm"))?.id;
        let environment = fs::read(format!("/proc/{process}/environ"))?;
        let environment = String::from_utf8(environment).context("its environment is not text")?;
        let settings = environment.split('\0').filter_map(|set| set.split_once('='));

        let (answered, answer) = mpsc::channel();
        let offered = Offered { event: event.to_string(), taken: AtomicBool::new(false), answered };
        let listener = self.runtime.block_on(TcpListener::bind((Ipv4Addr::LOCALHOST, 0)))?;
        let address = listener.local_addr()?.to_string();
        let serving = self.runtime.spawn(axum::serve(listener, runtime_api(offered)).into_future());

        let mut command = Command::new(fs::read_link(format!("/proc/{process}/exe"))?);
        command.current_dir(format!("/proc/{process}/cwd")).env_clear().envs(settings);
        command.env("AWS_LAMBDA_RUNTIME_API", address).stdout(Stdio::null()).stderr(Stdio::null());
        let begun = Instant::now();
        let _running = Running(command.spawn().with_context(|| format!("{function} cannot be started"))?);
        let answer = answer.recv_timeout(PATIENCE);
        let took = begun.elapsed();
        serving.abort();
        match answer.with_context(|| format!("{function} answers nothing within {PATIENCE:?}"))? {
            Answer::Response => Ok(took),
            Answer::Error(text) => bail!("{function} failed: {text}"),
        }
    }

    /// What a function is called in the stack.
    fn name_of(&self, function: &str) -> Result<String> {
        let output = match function {
            "evaluate" => "EvaluateFunctionName",
            "sweep" => "SweepFunctionName",
            "diagnose" => "DiagnoseFunctionName",
            "alert" => "AlertFunctionName",
            plugin => return Ok(format!("{}-{plugin}", self.stack().name)),
        };
        Ok(self.stack().output(output)?.to_owned())
    }
}

/// An event that gives a function nothing to do.
fn idle_event(function: &str) -> Result<Value> {
    Ok(match function {
        "sweep" => json!({}), // a tick
        plugin if plugin.starts_with("plugin-") => serde_json::from_str(ABOUT_NO_OBJECT)?,
        _ => json!({ "Records": [] }), // an empty batch
    })
}

struct Running(Child);

impl Drop for Running {
    fn drop(&mut self) {
        // One that has ended is no longer there to kill.
        drop(self.0.kill());
        drop(self.0.wait());
    }
}

/// The one event that a runtime API has to offer.
struct Offered {
    event: String,
    taken: AtomicBool,
    answered: mpsc::Sender<Answer>,
}

enum Answer {
    Response,
    Error(String),
}

/// Lambda's runtime API, as the programs of functions ask it
/// (<https://docs.aws.amazon.com/lambda/latest/dg/runtimes-api.html>).
fn runtime_api(offered: Offered) -> Router {
    Router::new()
        .route("/2018-06-01/runtime/invocation/next", get(next))
        .route("/2018-06-01/runtime/invocation/{id}/{answer}", post(answer))
        .route("/2018-06-01/runtime/init/error", post(init_error))
        .with_state(Arc::new(offered))
}

async fn next(State(offered): State<Arc<Offered>>) -> Response {
    if offered.taken.swap(true, Ordering::Relaxed) {
        return std::future::pending().await; // as Lambda's, while there is no event
    }
    let deadline = prodrome_lambda::now() + PATIENCE;
    let head = [
        ("Lambda-Runtime-Aws-Request-Id", "the-first".to_owned()),
        ("Lambda-Runtime-Deadline-Ms", deadline.as_millisecond().to_string()),
        (
            "Lambda-Runtime-Invoked-Function-Arn",
            "arn:aws:lambda:us-east-1:000000000000:function:f".to_owned(),
        ),
    ];
    (head, offered.event.clone()).into_response()
}

async fn answer(
    State(offered): State<Arc<Offered>>,
    Path((_, answer)): Path<(String, String)>,
    body: String,
) -> StatusCode {
    offered.answer(if answer == "response" { Answer::Response } else { Answer::Error(body) })
}

async fn init_error(State(offered): State<Arc<Offered>>, body: String) -> StatusCode {
    offered.answer(Answer::Error(body))
}

impl Offered {
    fn answer(&self, answer: Answer) -> StatusCode {
        // Whoever waited may have given up.
        drop(self.answered.send(answer));
        StatusCode::ACCEPTED
    }
}
