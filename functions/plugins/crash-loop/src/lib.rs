//! Why a container ends again and again, or cannot be started: exit codes, who killed it, its last words.

mod full;

use prodrome_causes::{Area, Cause};
use prodrome_plugin::pod::{Container, Terminated, containers};
use prodrome_plugin::{
    Context, Evidence, Explained, FactType, NoParams, Object, Owner, Plugin, Problem, Response, Texts,
};

/// What a container waits for when it cannot be started.
const START_REASONS: &[&str] = &[
    "CreateContainerConfigError",
    "CreateContainerError",
    "RunContainerError",
    "StartError",
    "PostStartHookError",
    "PreStartHookError",
    "ContainerCannotRun",
];

/// An init container that runs for longer holds its pod up.
const STUCK_SECONDS: i64 = 180;

/// Below, that a program was out of memory is guessed by its having been killed, and not said.
const GUESSED: f64 = 0.6;

/// How sure such a guess is at least where the container has a limit at which the kernel would kill.
const LIMITED: f64 = 0.55;

/// How sure what a program says itself may be: more only what an object says.
const SAID_MAX: f64 = 0.8;

/// What is out of the question where every container runs, or ended well.
const RULED_OUT: [Cause; 7] = [
    Cause::OomKilled,
    Cause::AppError,
    Cause::CommandNotFound,
    Cause::CommandNotExecutable,
    Cause::RunAsRootDenied,
    Cause::PoststartFailed,
    Cause::InitStuck,
];

/// The plugin.
pub fn plugin() -> Plugin {
    Plugin::new("crash-loop", diagnose)
        .about("Why a container ends again and again, or cannot be started.")
        .reads("", "pods", &["get", "list"])
        .reads("", "pods/log", &["get"])
        .reads("", "services", &["get", "list"])
        .reads("apps", "deployments", &["list"])
        .reads("apps", "statefulsets", &["list"])
        .reads("networking.k8s.io", "networkpolicies", &["list"])
        .reads("", "events", &["list"])
        .fact("exitCode", FactType::Number)
        .fact("container", FactType::Text)
        .names_of(Texts::AREAS_OF_LOGS)
        .names(Texts::OTHERS_OF_LOGS)
        .names(&[Cause::RuntimeDown])
}

async fn diagnose(context: Context, _: NoParams) -> Result<Response, Problem> {
    let pods = context.pods().await?;
    let Some((pod, container)) = pods.iter().find_map(|pod| Some((pod, worst(pod)?))) else {
        if let Some((pod, container)) = pods.iter().find_map(|pod| Some((pod, stuck(pod, context.now())?))) {
            return Ok(held_up(&context, pod, &container).await);
        }
        let well = Response::cleared("no container ended badly or cannot be started");
        return Ok(well.ruling_out_all(RULED_OUT.map(Cause::id)));
    };
    let events = context.cluster().events(pod).await.unwrap_or_default();
    let mut starts = Texts::new();
    let waits = START_REASONS.contains(&container.waits());
    if let Some(waiting) = container.waiting.as_ref().filter(|_| waits) {
        starts.waiting(&waiting.reason, &waiting.message);
    }
    if let Some(ended) = container.ended().filter(|ended| START_REASONS.contains(&ended.reason.as_str())) {
        starts.waiting(&ended.reason, &ended.message);
    }
    starts.events(&events, &["FailedPostStartHook", "FailedPreStopHook"]);
    if waits || !starts.is_empty() {
        let about: Vec<_> =
            events.iter().filter(|e| mentions(&e.message, &container.name)).cloned().collect();
        starts.events(&about, &["Failed"]);
    }
    let reference = pod.reference();
    let (mut logs, mut written) = (Texts::new(), Vec::new());
    for previous in [true, false] {
        if let Ok(Some(log)) = context.cluster().logs(reference, &container.name, previous).await {
            logs.log(&log);
            written.push(log);
        }
    }
    if let Some(ended) = container.ended().filter(|ended| !ended.message.is_empty()) {
        logs.log(&ended.message);
    }
    let killed = events.iter().find(|event| {
        event.reason == "Killing"
            && event.message.contains("probe")
            && mentions(&event.message, &container.name)
    });
    let killed = killed.map(|event| event.message.clone());
    let said = match logs.explain() {
        Some(explained) => {
            let followed = context.follow(pod, explained).await;
            Some(full::of_claim(pod, &container.name, &written, followed))
        }
        None => None,
    };
    let mut response = explain(pod, &container, &starts, said, killed.as_deref());
    if response.faulty.is_none() {
        response = response.blaming(context.workload().clone());
    }
    // Whose program a native sidecar is hangs on no rule that sees it: what it dies of is one fault, told to one.
    if container.sidecar && response.cause.as_deref().is_some_and(is_of_its_user) {
        response.owner.get_or_insert(Owner::Platform);
    }
    Ok(response.fact("container", container.name.as_str()))
}

/// Whether it is for whoever runs the program.
fn is_of_its_user(cause: &str) -> bool {
    cause.parse::<Cause>().is_ok_and(|cause| cause.area() == Area::Run && cause.owner() == Owner::User)
}

/// An init container that runs and runs: what comes after it waits.
fn stuck(pod: &Object, now: prodrome_plugin::Timestamp) -> Option<Container> {
    let long = |container: &Container| {
        let since = container.running.filter(|_| container.init && !container.sidecar);
        since.is_some_and(|since| now.duration_since(since).as_secs() >= STUCK_SECONDS)
    };
    containers(pod).into_iter().find(long)
}

async fn held_up(context: &Context, pod: &Object, container: &Container) -> Response {
    let mut logs = Texts::new();
    if let Ok(Some(log)) = context.cluster().logs(pod.reference(), &container.name, false).await {
        logs.log(&log);
    }
    let name = &container.name;
    let evidence = Evidence::new("status", format!("the init container {name} runs and does not end"));
    let summary = format!("the pod waits for its init container {name}, which does not end");
    let mut response = Response::cause("init-stuck", 0.8, summary)
        .because(evidence)
        .remedy(format!("See what {name} waits for: kubectl logs -c {name}."))
        .blaming(context.workload().clone());
    if let Some(explained) = logs.explain() {
        let explained = context.follow(pod, explained).await;
        response = response.because(Evidence::new("log", explained.response.summary.clone()));
        response.evidence.extend(explained.response.evidence);
    }
    response
}

fn mentions(message: &str, container: &str) -> bool {
    message.contains(container) || !message.contains("ontainer")
}

/// The container that ended worst: those that run first before the others, then the most often restarted.
fn worst(pod: &Object) -> Option<Container> {
    let mut bad: Vec<Container> = containers(pod)
        .into_iter()
        .filter(|container| {
            let ended_badly =
                container.ended().is_some_and(|ended| ended.exit_code != 0 || ended.reason == "OOMKilled");
            let loops = container.waits() == "CrashLoopBackOff";
            let over_and_over = container.last.is_some() && container.restarts > 2 && !container.init;
            loops || START_REASONS.contains(&container.waits()) || ended_badly || over_and_over
        })
        .collect();
    let now_bad = |c: &Container| {
        c.waits() == "CrashLoopBackOff" || START_REASONS.contains(&c.waits()) || c.terminated.is_some()
    };
    bad.sort_by_key(|c| (!now_bad(c), !c.init, std::cmp::Reverse(c.restarts)));
    bad.into_iter().next()
}

fn explain(
    pod: &Object,
    container: &Container,
    starts: &Texts,
    said: Option<Explained>,
    killed: Option<&str>,
) -> Response {
    let name = &container.name;
    if let Some(explained) = starts.explain() {
        return explained.response;
    }
    let Some(ended) = container.ended() else {
        return Response::unknown(format!("{name} cannot be started, and nothing says why"));
    };
    let how = how(container, ended);
    let code = |response: Response| response.fact("exitCode", ended.exit_code);
    if ended.reason == "OOMKilled" {
        let limit = memory_limit(pod, name);
        let limit =
            limit.map_or_else(|| "no limit of its own".to_owned(), |limit| format!("the limit {limit}"));
        let response =
            Response::cause("oom-killed", 0.93, format!("{name} used more memory than it may: {limit}"))
                .because(Evidence::new("status", how))
                .remedy("Raise the container's memory limit, or find what it needs so much memory for.");
        return code(response);
    }
    if let Some(killed) = killed {
        let which = if killed.contains("startup") { "startup" } else { "liveness" };
        let mut response = Response::cause(
            "probe-failed",
            0.88,
            format!("{name} is killed because its {which} probe fails"),
        )
        .because(Evidence::new("event", killed))
        .because(Evidence::new("status", how))
        .remedy(format!("Compare the {which} probe's port, path and times with what the program does."));
        // What the program says may explain why it does not answer.
        if let Some(explained) = said.filter(|e| e.response.confidence >= 0.8) {
            for evidence in explained.response.evidence {
                response = response.because(evidence);
            }
        }
        return code(response);
    }
    if let Some(explained) = said {
        let limit = memory_limit(pod, name);
        let guessed = explained.cause == Cause::OomKilled && explained.response.confidence < GUESSED;
        if guessed && limit.is_none() {
            // Somebody killed a process, and there is no limit at which the kernel would have.
            let summary = format!("a process of {name} was killed, which has no memory limit of its own");
            let mut response = Response::unknown(summary)
                .without("who killed it", "a log does not tell; see whether its node was out of memory then");
            response.evidence = explained.response.evidence;
            return code(response.because(Evidence::new("status", how)));
        }
        let mut response = explained.response;
        if guessed {
            response.confidence = response.confidence.max(LIMITED);
        }
        response.confidence = response.confidence.min(SAID_MAX);
        // A program that ran and missed a file is not itself what is missing.
        let ran = !matches!(ended.exit_code, 126..=128);
        if explained.cause == Cause::CommandNotFound && ran {
            response.cause = Some("app-config-missing".to_owned());
            response.confidence = response.confidence.min(0.7);
            "a file that the program needs is not there".clone_into(&mut response.summary);
            response.remediation.clear();
        }
        response.summary = format!("{name}: {}", response.summary);
        return code(response.because(Evidence::new("status", how)));
    }
    let response = match ended.exit_code {
        0 => Response::cause(
            "app-completed",
            0.85,
            format!("{name} does its work and ends, and is started anew each time"),
        )
        .remedy("Run it as a Job, or let it go on: with restartPolicy Always a program must not end."),
        126 => Response::cause("command-not-executable", 0.8, format!("{name}'s command cannot be executed")),
        127 => Response::cause("command-not-found", 0.8, format!("{name}'s command is not in its image")),
        139 => Response::cause("app-error", 0.75, format!("{name} dies of a segmentation fault")),
        134 | 136 => Response::cause("app-error", 0.7, format!("{name} aborts")),
        137 | 143 => Response::unknown(format!(
            "{name} was killed (exit code {}), and nothing says by whom",
            ended.exit_code
        ))
        .without("who killed it", "there is no event about it, and the runtime tells no reason"),
        255 if ended.reason == "Unknown" => {
            Response::cause("runtime-down", 0.5, format!("the runtime lost {name}"))
        }
        code => Response::cause("app-error", 0.6, format!("{name} ends by itself with the exit code {code}"))
            .without("why it ends", "its log says nothing that is known")
            .remedy("Read the log of the container before it was started anew: kubectl logs --previous."),
    };
    code(response.because(Evidence::new("status", how)))
}

fn how(container: &Container, ended: &Terminated) -> String {
    let lasted = ended
        .started
        .zip(ended.finished)
        .map(|(from, to)| format!(" after {} s", to.duration_since(from).as_secs().max(0)));
    format!(
        "{} ended with the exit code {} ({}){}, {}",
        container.name,
        ended.exit_code,
        if ended.reason.is_empty() { "no reason" } else { &ended.reason },
        lasted.unwrap_or_default(),
        match container.restarts {
            0 => "not started anew yet".to_owned(),
            1 => "started anew once".to_owned(),
            n => format!("started anew {n} times"),
        }
    )
}

fn memory_limit(pod: &Object, container: &str) -> Option<String> {
    let all = pod.list("/spec/containers").iter().chain(pod.list("/spec/initContainers"));
    let mut of = all.filter(|spec| spec["name"] == container);
    of.find_map(|spec| spec["resources"]["limits"]["memory"].as_str().map(str::to_owned))
}

#[cfg(test)]
mod tests {
    use super::*;
    use prodrome_plugin::kit::Kit;
    use serde_json::{Value, json};

    fn pod(last: &Value) -> Value {
        json!({
            "apiVersion": "v1", "kind": "Pod", "metadata": { "name": "web-0", "namespace": "shop" },
            "spec": { "containers": [{ "name": "web", "image": "x", "resources": { "limits": { "memory": "64Mi" } } }] },
            "status": { "phase": "Running", "containerStatuses": [{ "name": "web", "restartCount": 4,
                "state": { "waiting": { "reason": "CrashLoopBackOff", "message": "back-off 1m20s restarting failed container" } },
                "lastState": { "terminated": last } }] },
        })
    }

    #[tokio::test]
    async fn what_a_native_sidecar_dies_of_is_for_the_platform() {
        let last = json!({ "exitCode": 1, "reason": "Error" });
        let log = "cat: can't open '/etc/proxy/tls.crt': No such file or directory\n";
        for (restarts, want) in [(json!("Always"), Some(Owner::Platform)), (Value::Null, None)] {
            let mut of_init = pod(&last);
            of_init["status"]["initContainerStatuses"] = of_init["status"]["containerStatuses"].take();
            of_init["spec"]["initContainers"] = of_init["spec"]["containers"].take();
            of_init["spec"]["initContainers"][0]["restartPolicy"] = restarts;
            let kit = Kit::new().with(of_init).previous_log("shop/web-0/web", log);
            let answer = kit.ask(&plugin(), "Pod shop/web-0").await;
            assert_eq!((answer.cause.as_deref(), answer.owner), (Some("app-config-missing"), want));
        }
    }

    #[tokio::test]
    async fn a_process_that_was_killed_was_out_of_memory_only_where_that_is_limited() {
        let last = json!({ "exitCode": 137, "reason": "Error" });
        let limited = pod(&last);
        let mut unlimited = limited.clone();
        unlimited["spec"]["containers"][0].as_object_mut().unwrap().remove("resources");
        let logs = [
            "loading the model\nKilled\n",
            "Killed process 12 (java) total-vm:8123456kB, anon-rss:2097152kB\n",
            "Worker (pid:9) was sent SIGKILL! Perhaps out of memory?\n",
        ];
        for (pod, want) in [(limited, Some("oom-killed")), (unlimited, None)] {
            for log in logs {
                // Each life wrote the same.
                let kit = Kit::new()
                    .with(pod.clone())
                    .previous_log("shop/web-0/web", log)
                    .log("shop/web-0/web", log);
                let answer = kit.ask(&plugin(), "Pod shop/web-0").await;
                assert_eq!(answer.cause.as_deref(), want, "{log}: {answer:?}");
                assert!(want.is_none() || (0.5..0.7).contains(&answer.confidence), "{log}: {answer:?}");
                let word = if log.contains("SIGKILL") { "SIGKILL" } else { "Killed" };
                assert!(answer.evidence.iter().any(|e| e.text.contains(word)), "{log}: {answer:?}");
            }
        }
    }

    #[tokio::test]
    async fn an_address_with_a_port_that_nobody_serves_is_wrong_itself() {
        let service = json!({ "apiVersion": "v1", "kind": "Service", "metadata": { "name": "kafka", "namespace": "shop" },
            "spec": { "clusterIP": "10.96.0.9", "selector": { "app": "kafka" }, "ports": [{ "port": 9092 }] } });
        for (log, want) in [
            ("fatal: dial tcp: lookup kafka: connect: connection refused (kafka:9999)", "app-config-wrong"),
            ("fatal: dial tcp: connect to kafka:9092: connection refused", "app-dependency-unreachable"),
            ("fatal: no broker of kafka:9999, kafka:9092: connection refused", "app-dependency-unreachable"),
        ] {
            let kafka = json!({ "apiVersion": "v1", "kind": "Pod", "metadata": { "name": "kafka-0", "namespace": "shop", "labels": { "app": "kafka" } },
                "status": { "phase": "Running", "conditions": [{ "type": "Ready", "status": "True" }] } });
            let kit = Kit::new()
                .with(pod(&json!({ "exitCode": 1, "reason": "Error" })))
                .with(service.clone())
                .with(kafka)
                .previous_log("shop/web-0/web", log);
            let answer = kit.ask(&plugin(), "Pod shop/web-0").await;
            assert_eq!(answer.cause.as_deref(), Some(want), "{log}: {answer:?}");
            assert!(answer.confidence <= SAID_MAX, "{answer:?}");
        }
    }

    #[tokio::test]
    async fn a_disk_that_is_full_is_the_claims_where_the_log_names_its_folder() {
        let mut pod = pod(&json!({ "exitCode": 1, "reason": "Error" }));
        pod["spec"]["containers"][0]["volumeMounts"] =
            json!([{ "name": "d", "mountPath": "/data" }, { "name": "t", "mountPath": "/tmp" }]);
        pod["spec"]["volumes"] = json!([{ "name": "d", "persistentVolumeClaim": { "claimName": "orders" } }, { "name": "t", "emptyDir": {} }]);
        let error = "OSError: [Errno 28] No space left on device";
        for (log, want, sure) in [
            (format!("{error}: '/data/batch.json'"), "volume-full", 0.8),
            (format!("Data repository at /data.\n{error}"), "volume-full", 0.7),
            (format!("reading /app/data and /database\n{error}"), "app-disk-full", 0.8),
            (format!("{error}: '/tmp/x'"), "app-disk-full", 0.8),
        ] {
            let kit = Kit::new().with(pod.clone()).previous_log("shop/web-0/web", &log);
            let answer = kit.ask(&plugin(), "Pod shop/web-0").await;
            assert_eq!((answer.cause.as_deref(), answer.confidence), (Some(want), sure), "{log}: {answer:?}");
            let faulty = answer.faulty.map(|faulty| faulty.to_string()).unwrap_or_default();
            assert_eq!(faulty.ends_with("shop/orders"), want == "volume-full", "{log}: {faulty}");
        }
    }

    #[tokio::test]
    async fn exit_codes_and_killers_are_told_apart() {
        let killing = ("Normal", "Killing", "Container web failed liveness probe, will be restarted");
        for (name, last, event, log, want) in [
            ("memory", json!({"exitCode": 137, "reason": "OOMKilled"}), None, "", Some("oom-killed")),
            ("a probe", json!({"exitCode": 137, "reason": "Error"}), Some(killing), "", Some("probe-failed")),
            ("done", json!({"exitCode": 0, "reason": "Completed"}), None, "", Some("app-completed")),
            ("segfault", json!({"exitCode": 139, "reason": "Error"}), None, "", Some("app-error")),
            ("a kill of unknown hand", json!({"exitCode": 137, "reason": "Error"}), None, "", None),
            (
                "its log",
                json!({"exitCode": 1, "reason": "Error"}),
                None,
                "dial tcp: lookup db.shop.svc on 10.96.0.10:53: no such host",
                Some("app-dns-failure"),
            ),
        ] {
            let mut kit = Kit::new().with(pod(&last));
            if let Some((kind, reason, message)) = event {
                kit = kit.event("Pod shop/web-0", kind, reason, message);
            }
            if !log.is_empty() {
                kit = kit.previous_log("shop/web-0/web", log);
            }
            let answer = kit.ask(&plugin(), "Pod shop/web-0").await;
            assert_eq!(answer.cause.as_deref(), want, "{name}: {answer:?}");
            assert!(log.is_empty() || answer.confidence <= SAID_MAX, "{name}: {answer:?}");
        }
    }
}
