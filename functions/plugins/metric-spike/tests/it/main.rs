//! Against a real Prometheus, where there is one: `PRODROME_TEST_PROMETHEUS` names its program, or the distribution's
//! `prometheus` is on the path. Its past is made by its own `promtool`.
#![expect(clippy::unwrap_used, reason = "a test that cannot go on has failed")]

use jiff::Timestamp;
use prodrome_plugin::http::Http;
use prodrome_plugin::kit::{Kit, program};
use prodrome_plugin_metric_spike::plugin;
use serde_json::json;
use std::fmt::Write as _;
use std::io::{BufRead as _, BufReader, Write as _};
use std::path::Path;
use std::process::{Child, Command, Stdio};

/// One that runs. It ends when it is dropped.
struct Prometheus {
    url: String,
    process: Child,
}

impl Drop for Prometheus {
    fn drop(&mut self) {
        self.process.kill().ok();
        self.process.wait().ok();
    }
}

impl Prometheus {
    /// Starts one with these samples (`OpenMetrics`) as its past.
    fn start(test: &str, folder: &Path, samples: &str) -> Option<Self> {
        let Some(program) = program("prometheus", "PRODROME_TEST_PROMETHEUS") else {
            let why = "no Prometheus; install prometheus or set PRODROME_TEST_PROMETHEUS";
            std::io::stderr().write_all(format!("SKIPPED {test}: {why}\n").as_bytes()).unwrap();
            return None;
        };
        std::fs::write(folder.join("samples"), samples).unwrap();
        std::fs::write(folder.join("prometheus.yml"), "scrape_configs: []\n").unwrap();
        let data = folder.join("data");
        let made = Command::new(program.with_file_name("promtool"))
            .args(["tsdb", "create-blocks-from", "openmetrics"])
            .arg(folder.join("samples"))
            .arg(&data)
            .output()
            .unwrap();
        assert!(made.status.success(), "{}", String::from_utf8_lossy(&made.stderr));
        // It cannot be asked which port it took, so one that was free a moment ago is given.
        let port = std::net::TcpListener::bind("127.0.0.1:0").unwrap().local_addr().unwrap().port();
        let mut process = Command::new(&program)
            .arg(format!("--config.file={}", folder.join("prometheus.yml").display()))
            .arg(format!("--storage.tsdb.path={}", data.display()))
            .arg(format!("--web.listen-address=127.0.0.1:{port}"))
            .arg("--storage.tsdb.retention.time=10y")
            .stdout(Stdio::null())
            .stderr(Stdio::piped())
            .spawn()
            .unwrap();
        let mut lines = BufReader::new(process.stderr.take().unwrap()).lines();
        let mut said = Vec::new();
        loop {
            let Some(line) = lines.next() else { panic!("it ended: {}", said.join("\n")) };
            let line = line.unwrap();
            if line.contains("Server is ready") {
                break;
            }
            said.push(line);
        }
        std::thread::spawn(move || lines.map_while(Result::ok).for_each(drop));
        Some(Self { url: format!("http://127.0.0.1:{port}"), process })
    }
}

/// Noon of the first day of 2026, as the kit has it.
const BROKE: i64 = 1_767_268_800;

/// A gauge over the hour before the fault, the day before and the week before.
fn samples(value: impl Fn(i64) -> f64) -> String {
    let mut text = "# TYPE queue_length gauge\n".to_owned();
    for days in [7, 1, 0] {
        for step in -130_i64..=25 {
            let from_fault = step * 30;
            let at = BROKE - days * 86_400 + from_fault;
            let value = if days == 0 {
                value(from_fault)
            } else {
                10.0 + f64::from(i32::try_from(step.rem_euclid(3)).unwrap())
            };
            writeln!(text, "queue_length{{namespace=\"shop\",pod=\"web-0\"}} {value} {at}").unwrap();
        }
    }
    text + "# EOF\n"
}

fn kit(url: &str, cause: Option<&str>) -> Kit {
    let pod = json!({ "apiVersion": "v1", "kind": "Pod", "metadata": { "name": "web-0", "namespace": "shop", "uid": "u" } });
    let http = Http { networks: "127.0.0.0/8".parse().unwrap(), ..Http::default() };
    let mut params =
        json!({ "query": "queue_length{namespace=\"$namespace\",pod=\"$pod\"}", "name": "the queue" });
    if let Some(cause) = cause {
        params["cause"] = cause.into();
    }
    Kit::new().with(pod).outside(http).setting("PROMETHEUS_URL", url).params(params)
}

#[tokio::test]
async fn a_leap_before_the_fault_is_found_and_calm_is_cleared() {
    let name = "a_leap_before_the_fault_is_found_and_calm_is_cleared";
    assert_eq!(Timestamp::from_second(BROKE).unwrap().to_string(), "2026-01-01T12:00:00Z");
    for (value, want) in
        [((|at| if at >= -240 { 200.0 } else { 11.0 }) as fn(i64) -> f64, "cause"), (|_| 11.0, "cleared")]
    {
        let folder = tempfile::tempdir().unwrap();
        let Some(prometheus) = Prometheus::start(name, folder.path(), &samples(value)) else { return };
        let answer =
            kit(&prometheus.url, Some("app-dependency-unreachable")).ask(&plugin(), "Pod shop/web-0").await;
        assert_eq!(answer.verdict.as_str(), want, "{answer:?}");
        if want == "cause" {
            assert_eq!(answer.facts["leadSeconds"], 240, "{answer:?}");
            assert!(
                answer.summary.starts_with("the queue rose from usually 11.000 to 200.000"),
                "{answer:?}"
            );
            let fact = kit(&prometheus.url, None).ask(&plugin(), "Pod shop/web-0").await;
            assert_eq!((fact.verdict.as_str(), fact.evidence.len()), ("unknown", 1));
            // The usual queries find nothing here: what is absent is not zero.
            let usual = kit(&prometheus.url, None).params(json!({})).ask(&plugin(), "Pod shop/web-0").await;
            assert_eq!(usual.summary, "no metric could be compared with its past", "{usual:?}");
            assert!(!usual.not_looked_at.is_empty());
        }
        let wrong = kit(&prometheus.url, None)
            .params(json!({ "query": "sum(" }))
            .ask(&plugin(), "Pod shop/web-0")
            .await;
        assert!(wrong.not_looked_at[0].reason.contains("400"), "{wrong:?}");
    }
}

#[tokio::test]
async fn without_prometheus_it_says_so() {
    let bare = kit("", None);
    let answer =
        bare.clone().setting("PROMETHEUS_URL", "http://127.0.0.1:1").ask(&plugin(), "Pod shop/web-0").await;
    assert_eq!(answer.verdict.as_str(), "unknown");
    assert!(answer.not_looked_at[0].reason.contains("does not answer"), "{answer:?}");
}
