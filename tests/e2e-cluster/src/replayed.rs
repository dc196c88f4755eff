use crate::scenario::Expected;
use crate::story::Life;
use crate::verdict::{Verdict, of_object};
use anyhow::{Context, Result, bail};
use prodrome_e2e::Told;
use prodrome_model::{NoticeKind, ObjectRef};
use serde_json::Value;
use std::path::Path;
use std::process::Command;

/// What `prodrome replay` tells of the recording that was made meanwhile. It knows what the API server sent: no logs of
/// containers, and nothing of registries, so that it may name a wider cause than was named live.
pub(crate) struct Replayed {
    lines: Vec<Line>,
}

/// One notice of it.
struct Line {
    kind: NoticeKind,
    rule: String,
    cause: Option<String>,
    object: ObjectRef,
    /// The scenario that it is about.
    about: Option<String>,
}

impl Line {
    /// Whether somebody is told of it, by an alert of its own or as one that joins another's.
    fn is_told(&self) -> bool {
        self.kind != NoticeKind::Resolved
    }
}

impl Replayed {
    /// Replays a recording, with the shipped rules and flows.
    pub(crate) fn new(prodrome: &Path, folder: &Path) -> Result<Self> {
        let done = Command::new(prodrome).arg("replay").arg(folder).args(["--output", "json"]).output();
        let done = done.context("the recording cannot be replayed")?;
        // That something was told is no failure.
        if !matches!(done.status.code(), Some(0 | 1)) {
            bail!("the replay has ended: {}; {}", done.status, String::from_utf8_lossy(&done.stderr).trim());
        }
        Self::read(&String::from_utf8(done.stdout)?)
    }

    fn read(text: &str) -> Result<Self> {
        Ok(Self { lines: text.lines().map(line).collect::<Result<_>>()? })
    }

    /// All that is not told as it was told live.
    pub(crate) fn wrong(&self, lives: &[Life], told: &[Told]) -> Vec<String> {
        let mut wrong = Vec::new();
        for life in lives {
            let (name, verdict) = (life.scenario.name, Verdict::of(life, told));
            let told_by = self.of(name).find(|line| line.is_told());
            let what = match (&life.scenario.expected, told_by) {
                (Expected::Silence, Some(line)) => format!("the replay tells it by {}", line.rule),
                (Expected::Alert { .. }, _) if verdict.is_told() && !self.tells(name) => {
                    "the replay does not tell it".to_owned()
                }
                (Expected::Alert { .. }, _) if verdict.ended.is_some() && !self.tells_end(name) => {
                    "the replay does not tell its end".to_owned()
                }
                _ => continue,
            };
            wrong.push(format!("{name}: {what}"));
        }
        let ours = |line: &&Line| lives.iter().any(|life| line.about.as_deref() == Some(life.scenario.name));
        for line in self.lines.iter().filter(|line| line.is_told() && !ours(line)) {
            wrong.push(format!(
                "the replay tells {} of {}, which is none of the faults",
                line.rule, line.object
            ));
        }
        wrong
    }

    /// How much of what was told live it tells too.
    pub(crate) fn summary(&self, lives: &[Life], told: &[Told]) -> String {
        let (mut faults, mut again, mut alike, mut ends, mut ends_again) = (0, 0, 0, 0, 0);
        for life in lives {
            let (name, verdict) = (life.scenario.name, Verdict::of(life, told));
            let Some(first) = verdict.alerts.first().filter(|_| verdict.is_told()) else { continue };
            faults += 1;
            again += usize::from(self.tells(name));
            alike += usize::from(self.of(name).any(|line| line.cause == first.notice.cause));
            if verdict.ended.is_some() {
                ends += 1;
                ends_again += usize::from(self.tells_end(name));
            }
        }
        format!(
            "Recorded meanwhile, and replayed: {again} of the {faults} faults are told again, {alike} with the same cause (a \
             recording has no logs and asks no registry), {ends_again} of {ends} ends too."
        )
    }

    fn of<'a>(&'a self, name: &str) -> impl Iterator<Item = &'a Line> {
        self.lines.iter().filter(move |line| line.about.as_deref() == Some(name))
    }

    /// By an alert of its own, or as one that joined another's.
    fn tells(&self, name: &str) -> bool {
        self.of(name).any(Line::is_told)
    }

    fn tells_end(&self, name: &str) -> bool {
        self.of(name).any(|line| line.kind == NoticeKind::Resolved)
    }
}

fn line(text: &str) -> Result<Line> {
    let mut line: Value = serde_json::from_str(text).context("the replay writes lines of JSON")?;
    let object: ObjectRef = serde_json::from_value(line["object"].take())?;
    Ok(Line {
        kind: serde_json::from_value(line["type"].take())?,
        rule: line["rule"].as_str().context("each names its rule")?.to_owned(),
        cause: line["cause"].as_str().map(str::to_owned),
        about: of_object(&object),
        object,
    })
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::scenario::scenarios;
    use serde_json::json;

    fn told(kind: &str, namespace: &str) -> Told {
        let web =
            json!({ "apiVersion": "apps/v1", "kind": "Deployment", "namespace": namespace, "name": "web" });
        let notice = json!({
            "type": kind, "fingerprint": "00ff", "sequence": 0, "at": "2026-01-02T03:04:05Z",
            "scope": { "tenant": "default", "region": "local", "cluster": "e2e" }, "rule": "PodNotReady", "severity": "P3",
            "owner": "user", "cause": "probe-failed", "object": web, "group": { "owner": web, "key": "k" }, "count": 1,
            "since": "2026-01-02T03:04:05Z", "summary": "it is broken",
        });
        let at = "2026-01-02T03:04:05Z".parse().unwrap();
        Told { at, id: String::new(), notice: serde_json::from_value(notice).unwrap() }
    }

    fn replayed(lines: &[(&str, &str)]) -> Replayed {
        let line = |(kind, namespace): &(&str, &str)| {
            let pod = json!({ "apiVersion": "v1", "kind": "Pod", "namespace": namespace, "name": "web-1" });
            let line = json!({ "t": 1.5, "type": kind, "rule": "PodNotReady", "cause": null, "object": pod });
            format!("{line}\n")
        };
        Replayed::read(&lines.iter().map(line).collect::<String>()).unwrap()
    }

    #[test]
    fn a_replay_tells_what_was_told_live_and_nothing_else() {
        let lives: Vec<Life> = scenarios().into_iter().map(Life::new).collect();
        let live = [told("alert", "never-ready"), told("resolved", "never-ready")];
        let all = [("alert", "never-ready"), ("resolved", "never-ready")];
        for (lines, want) in [
            (&all[..], ""),
            (&[("update", "never-ready"), ("resolved", "never-ready")], ""),
            (&[], "never-ready: the replay does not tell it"),
            (&[("resolved", "never-ready")], "never-ready: the replay does not tell it"),
            (&all[..1], "never-ready: the replay does not tell its end"),
            (&[all[0], all[1], ("alert", "rollout")], "rollout: the replay tells it by PodNotReady"),
            (&[all[0], all[1], ("alert", "crash-loop")], ""),
            (
                &[all[0], all[1], ("alert", "kube-system")],
                "the replay tells PodNotReady of Pod kube-system/web-1, which is none of the faults",
            ),
        ] {
            assert_eq!(replayed(lines).wrong(&lives, &live).join("; "), want, "{lines:?}");
        }
    }

    #[test]
    fn what_is_told_again_is_counted() {
        let lives: Vec<Life> = scenarios().into_iter().map(Life::new).collect();
        let live =
            [told("alert", "never-ready"), told("resolved", "never-ready"), told("alert", "crash-loop")];
        let summary = replayed(&[("alert", "never-ready")]).summary(&lives, &live);
        assert!(summary.contains("1 of the 2 faults are told again, 0 with the same cause"), "{summary}");
        assert!(summary.contains("0 of 1 ends too"), "{summary}");
    }
}
