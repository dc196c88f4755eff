//! Against a real Alertmanager, where there is one: `PRODROME_TEST_ALERTMANAGER` names its binary, or the
//! distribution's `prometheus-alertmanager` is on the path. It runs alone, and tells nobody.

use crate::sample;
use jiff::{SignedDuration, Timestamp};
use prodrome_model::{Notice, Severity};
use prodrome_notify::{Channels, HttpChannels, LocalSecrets, Outcome, Reason, Routing, Sender, Timeouts};
use serde_json::Value;
use std::io::Write;
use std::path::PathBuf;
use std::process::Stdio;
use std::sync::Arc;
use tokio::io::{AsyncBufReadExt, BufReader};
use tokio::process::{Child, Command};

/// Nobody is told, whatever fires.
const CONFIG: &str = "route: { receiver: nobody }\nreceivers: [ { name: nobody } ]\n";

struct Alertmanager {
    base: String,
    _process: Child,
    _folder: tempfile::TempDir,
}

fn binary() -> Option<PathBuf> {
    #[expect(clippy::disallowed_methods, reason = "a test's own setting, and the path to search")]
    let (named, path) = (std::env::var("PRODROME_TEST_ALERTMANAGER"), std::env::var("PATH"));
    if let Ok(named) = named {
        return Some(PathBuf::from(named));
    }
    let folders = path.unwrap_or_default();
    std::env::split_paths(&folders)
        .map(|folder| folder.join("prometheus-alertmanager"))
        .find(|file| file.is_file())
}

/// A fresh one, or `None` (and a word of it) where there is no binary.
async fn started(test: &str) -> Option<Alertmanager> {
    let Some(binary) = binary() else {
        // Straight to the terminal, in one piece: what a passed test prints is not shown.
        let why = "no Alertmanager; install prometheus-alertmanager or set PRODROME_TEST_ALERTMANAGER";
        std::io::stderr().write_all(format!("SKIPPED {test}: {why}\n").as_bytes()).unwrap();
        return None;
    };
    let folder = tempfile::tempdir().unwrap();
    let config = folder.path().join("alertmanager.yml");
    std::fs::write(&config, CONFIG).unwrap();
    let mut process = Command::new(&binary)
        .arg(format!("--config.file={}", config.display()))
        .arg(format!("--storage.path={}", folder.path().join("data").display()))
        .args(["--web.listen-address=127.0.0.1:0", "--cluster.listen-address="])
        .stderr(Stdio::piped())
        .stdout(Stdio::null())
        .kill_on_drop(true)
        .spawn()
        .unwrap_or_else(|error| panic!("{}: {error}", binary.display()));
    let mut lines = BufReader::new(process.stderr.take().unwrap()).lines();
    let mut said = Vec::new();
    let port = loop {
        let Some(line) = lines.next_line().await.unwrap() else { panic!("it ended: {}", said.join("\n")) };
        // `msg="Listening on" address=127.0.0.1:41023`, quoted or not.
        if let Some((_, rest)) =
            line.split_once("address=127.0.0.1:").or(line.split_once("address=\"127.0.0.1:"))
        {
            let port: String = rest.chars().take_while(char::is_ascii_digit).collect();
            if port != "0" {
                break port;
            }
        }
        said.push(line);
    };
    // It must not block on a full pipe.
    tokio::spawn(async move { while let Ok(Some(_)) = lines.next_line().await {} });
    Some(Alertmanager { base: format!("http://127.0.0.1:{port}"), _process: process, _folder: folder })
}

impl Alertmanager {
    fn channels(&self) -> impl Channels {
        let text = format!(
            "
channels:
  am: {{ type: alertmanager, url: '{0}', generatorUrl: 'https://prodrome.example/{{fingerprint}}' }}
  wrong: {{ type: alertmanager, url: '{0}/elsewhere' }}
default: [am]
",
            self.base
        );
        let routing = Routing::parse("routing.yaml", &text).unwrap();
        let sender = Sender::new(Timeouts::default()).unwrap();
        HttpChannels::new(Arc::new(routing), LocalSecrets::new(|_: &str| None), sender)
    }

    async fn alerts(&self) -> Vec<Value> {
        let response = reqwest::get(format!("{}/api/v2/alerts", self.base)).await.unwrap();
        response.json().await.unwrap()
    }
}

#[expect(clippy::disallowed_methods, reason = "a real Alertmanager has a real clock")]
fn now() -> Timestamp {
    Timestamp::now()
}

/// A sample notice, six minutes old now.
fn recent(notice: Notice) -> Notice {
    let since = now() - SignedDuration::from_mins(6);
    let ended = notice.ended.map(|_| now() - SignedDuration::from_mins(2));
    Notice { since, ended, at: now(), ..notice }
}

#[tokio::test]
async fn an_alert_is_opened_raised_and_ended() {
    let Some(alertmanager) = started("an_alert_is_opened_raised_and_ended").await else { return };
    let channels = alertmanager.channels();

    let first = recent(sample::plain());
    let sent = channels.send("am", &first, None, now()).await;
    assert_eq!(sent.outcome, Outcome::Sent, "{sent:?}");
    let alerts = alertmanager.alerts().await;
    assert_eq!(alerts.len(), 1, "{alerts:#?}");
    let alert = &alerts[0];
    assert_eq!(alert["status"]["state"], "active");
    assert_eq!(alert["labels"]["alertname"], "PodCrashLooping");
    assert_eq!(alert["labels"]["severity"], "P2");
    assert_eq!(alert["labels"]["namespace"], "shop");
    assert_eq!(alert["annotations"]["summary"], first.summary.as_str());
    assert_eq!(alert["generatorURL"], format!("https://prodrome.example/{}", first.fingerprint));
    let starts: Timestamp = alert["startsAt"].as_str().unwrap().parse().unwrap();
    assert_eq!(starts.as_millisecond(), first.since.as_millisecond());

    let raised = Notice { severity: Severity::P1, sequence: 1, ..first.clone() };
    for attempt in ["once", "and again, as nobody heard the answer"] {
        let sent = channels.send("am", &raised, sent.receipt.as_deref(), now()).await;
        assert_eq!(sent.outcome, Outcome::Sent, "{attempt}");
        let alerts = alertmanager.alerts().await;
        assert_eq!(alerts.len(), 1, "the one with the old severity is over, {attempt}: {alerts:#?}");
        assert_eq!(alerts[0]["labels"]["severity"], "P1", "{attempt}");
    }

    let receipt = channels.send("am", &raised, sent.receipt.as_deref(), now()).await.receipt;
    let over = Notice { since: first.since, severity: Severity::P1, ..recent(sample::resolved()) };
    assert_eq!(channels.send("am", &over, receipt.as_deref(), now()).await.outcome, Outcome::Sent);
    assert_eq!(alertmanager.alerts().await, Vec::<Value>::new());
}

#[tokio::test]
async fn an_end_without_a_receipt_ends_it_too() {
    let Some(alertmanager) = started("an_end_without_a_receipt_ends_it_too").await else { return };
    let channels = alertmanager.channels();
    let first = recent(sample::plain());
    assert_eq!(channels.send("am", &first, None, now()).await.outcome, Outcome::Sent);
    let over = Notice { since: first.since, ..recent(sample::resolved()) };
    assert_eq!(channels.send("am", &over, None, now()).await.outcome, Outcome::Sent);
    assert_eq!(alertmanager.alerts().await, Vec::<Value>::new());
}

#[tokio::test]
async fn whatever_is_written_it_takes() {
    let Some(alertmanager) = started("whatever_is_written_it_takes").await else { return };
    let channels = alertmanager.channels();
    let future = Notice { since: now() + SignedDuration::from_secs(30), ..recent(sample::plain()) };
    let ended_first =
        Notice { ended: Some(future.since - SignedDuration::from_hours(1)), ..recent(sample::resolved()) };
    for (name, notice) in [
        ("huge", recent(sample::huge())),
        ("hostile", recent(sample::hostile(sample::HOSTILE))),
        ("empty", recent(sample::hostile(""))),
        ("a clock ahead", future),
        ("an end before the begin", ended_first),
    ] {
        let sent = channels.send("am", &notice, None, now()).await;
        assert_eq!(sent.outcome, Outcome::Sent, "{name}: {sent:?}");
    }
}

#[tokio::test]
async fn a_wrong_path_is_no_alertmanager() {
    let Some(alertmanager) = started("a_wrong_path_is_no_alertmanager").await else { return };
    let refused = alertmanager.channels().send("wrong", &recent(sample::plain()), None, now()).await;
    assert_eq!(refused.outcome, Outcome::Refused(Reason::UnknownDestination), "{refused:?}");
}
