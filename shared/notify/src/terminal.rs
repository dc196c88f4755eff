//! A terminal, or whatever reads lines.

use crate::Limit;
use crate::message::Message;
use jiff::{SignedDuration, Timestamp};
use prodrome_model::{Notice, NoticeKind, Severity};
use serde::Deserialize;

/// A terminal takes anything; a person does not.
pub(crate) const LIMIT: Limit = Limit::new(6_000, SignedDuration::from_mins(1), 1_000);

/// Plain lines.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Deserialize)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
pub struct Config {
    /// Whether to colour severities, by ANSI sequences.
    #[serde(default)]
    pub colour: bool,
}

/// The lines that tell a notice, each with its line end.
pub fn render(notice: &Notice, config: &Config, now: Timestamp) -> String {
    let message = Message::new(notice, now);
    let word = match message.kind {
        NoticeKind::Alert => "ALERT",
        NoticeKind::Update => "UPDATE",
        NoticeKind::Resolved => "RESOLVED",
    };
    let word = format!("{} {word:<8}", message.severity);
    let word = if config.colour { format!("\u{1b}[{}m{word}\u{1b}[0m", colour(&message)) } else { word };
    let clock = now.to_string();
    let clock = clock.get(11..19).unwrap_or(&clock);
    let in_all = if message.kind == NoticeKind::Resolved { " in all" } else { "" };
    let count = match (&message.count, &message.first) {
        (Some(count), Some(first)) if message.kind == NoticeKind::Alert => {
            format!(" ({count}, first {first})")
        }
        (Some(count), _) => format!(" ({count}{in_all})"),
        (None, _) => String::new(),
    };
    let Message { rule, target, cluster, owner, .. } = &message;
    let mut lines = vec![format!(
        "{clock} {word} {rule}: {target}{count}, {} [{cluster}, owner {owner}]",
        message.state()
    )];
    let mut line = |name: &str, value: &str| lines.push(format!("    {name:<9} {value}"));
    if message.kind != NoticeKind::Resolved {
        line("summary", &message.summary);
    }
    message.cause.iter().for_each(|cause| line("cause", cause));
    if message.tells_joined {
        message.joined.iter().for_each(|name| line("new", name));
    }
    if message.kind != NoticeKind::Resolved {
        message.also.iter().for_each(|also| line("also", also));
    }
    if message.kind == NoticeKind::Alert {
        message.evidence.iter().for_each(|evidence| line("evidence", evidence));
        message.events.iter().for_each(|event| line("event", event));
        message.runbook.iter().for_each(|runbook| line("runbook", runbook));
    }
    message.notes.iter().for_each(|note| line("note", note));
    lines.join("\n") + "\n"
}

const fn colour(message: &Message) -> &'static str {
    match (message.kind, message.severity) {
        (NoticeKind::Resolved, _) => "32",
        (_, Severity::P1) => "1;31",
        (_, Severity::P2) => "31",
        (_, Severity::P3) => "33",
        (_, Severity::P4) => "34",
    }
}
