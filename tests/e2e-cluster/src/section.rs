use crate::scenario::Expected;
use crate::story::Story;
use crate::verdict::{Verdict, about};
use prodrome_model::{NoticeKind, Severity};
use prodrome_report::Table;
use std::fmt::Write as _;

impl Story {
    /// All that is not as it must be; nothing, where all is well.
    pub fn wrong(&self) -> Vec<String> {
        let mut wrong = Vec::new();
        for life in &self.lives {
            let of_life = Verdict::of(life, &self.told).wrong();
            wrong.extend(of_life.into_iter().map(|what| format!("{}: {what}", life.scenario.name)));
        }
        let ours = |name: &String| self.lives.iter().any(|life| life.scenario.name == name);
        for told in self.told.iter().filter(|told| told.notice.kind == NoticeKind::Alert) {
            if !about(&told.notice).iter().any(ours) {
                wrong.push(format!(
                    "{} {} is none of the faults: {}",
                    told.notice.rule,
                    told.notice.target(),
                    told.notice.summary
                ));
            }
        }
        wrong.extend(self.replayed.iter().flat_map(|replayed| replayed.wrong(&self.lives, &self.told)));
        wrong
    }

    /// The section of the report.
    pub fn section(&self, machine: &str) -> String {
        let mut text = format!(
            "## Real nodes

Made by `make e2e-cluster`: a whole cluster on this machine (etcd, API server, controllers, scheduler, four nodes of a \
kubelet and a containerd each, registries), the watcher under the account and roles of its manifests, `template.yaml` \
on the emulator, reading as `prodrome-reader`. All of it happens at the same time; told seconds are those from the \
deed to the notice at the webhook. {machine}

"
        );
        let mut table = Table::new(&[
            "what happens",
            "expected",
            "told by",
            "cause",
            ">seconds until told",
            ">allowed",
            ">times told",
            ">seconds from its end to the word of it",
            "",
        ]);
        let (mut faults, mut right) = (0, 0);
        for life in &self.lives {
            let verdict = Verdict::of(life, &self.told);
            let (expected, allowed) = match &life.scenario.expected {
                Expected::Silence => ("silence".to_owned(), String::new()),
                Expected::Alert { cause, within_seconds, .. } => {
                    ((*cause).to_owned(), within_seconds.to_string())
                }
            };
            let wrong = verdict.wrong();
            if allowed.is_empty() {
            } else {
                faults += 1;
                right += usize::from(wrong.is_empty());
            }
            let first = verdict.alerts.first().map(|told| &told.notice);
            let seconds =
                |seconds: Option<i64>| seconds.map(|seconds| seconds.to_string()).unwrap_or_default();
            table.row(&[
                &life.scenario.name,
                &expected,
                &first.map(|notice| &*notice.rule).unwrap_or_default(),
                &first.and_then(|notice| notice.cause.as_deref()).unwrap_or_default(),
                &seconds(verdict.seconds()),
                &allowed,
                &verdict.alerts.len(),
                &seconds(verdict.seconds_to_end()),
                &if wrong.is_empty() { "right".to_owned() } else { wrong.join("; ") },
            ]);
        }
        text += &table.finish();
        let quiet = self.lives.len() - faults;
        let digest = self.told.iter().filter(|told| told.notice.severity == Severity::P4).count();
        write!(
            text,
            "\n{right} of {faults} faults were told as they must be, {quiet} healthy things happened beside them; {} notices in \
all, {digest} of them of P4; {} s from the first deed to the last word.\n",
            self.told.len(),
            self.took.as_secs()
        )
        .expect("a text takes what is written");
        if let Some(replayed) = &self.replayed {
            text += "\n";
            text += &replayed.summary(&self.lives, &self.told);
            text += "\n";
        }
        text
    }
}
