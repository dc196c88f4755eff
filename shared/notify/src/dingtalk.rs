//! DingTalk: a custom robot's webhook, signed.

use crate::message::{Message, Piece, minute, pieces};
use crate::signature::hmac_base64;
use crate::{
    Delivery, Endpoint, Limit, Outcome, Reason, Request, ResolveError, Response, Secret, SecretRef, Secrets,
};
use jiff::{SignedDuration, Timestamp};
use prodrome_model::{Notice, NoticeKind};
use serde::Deserialize;
use serde_json::json;

const SEND: &str = "https://oapi.dingtalk.com/robot/send";

/// A message takes 20,000 bytes at most, its JSON included; the rest is room for that.
const TEXT_BYTES_MAX: usize = 18_000;

/// For so long a robot is mute that sent too much.
const MUTED: SignedDuration = SignedDuration::from_mins(10);

/// A robot that sends more than 20 messages in a minute is muted for ten.
pub(crate) const LIMIT: Limit = Limit::new(10, SignedDuration::from_mins(1), 10);

/// A DingTalk group's custom robot.
#[derive(Debug, Clone, PartialEq, Eq, Deserialize)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
pub struct Config {
    /// The `access_token` of the robot's webhook.
    pub access_token: SecretRef,
    /// The secret of its security setting "sign" (`SEC…`).
    pub secret: SecretRef,
    /// Where the webhook is: `https://oapi.dingtalk.com/robot/send` where absent.
    pub url: Option<Endpoint>,
}

impl Config {
    pub(crate) fn secrets(&self) -> Vec<&SecretRef> {
        vec![&self.access_token, &self.secret]
    }
}

/// A robot with its secrets.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Resolved {
    url: Endpoint,
    secret: Secret,
}

impl Config {
    /// Puts the secrets in.
    pub fn resolve(&self, secrets: &Secrets) -> Result<Resolved, ResolveError> {
        let url = self.url.clone().map_or_else(|| Endpoint::parse(SEND), Ok)?.secure()?;
        let url = url.with_query("access_token", secrets.get(&self.access_token)?.expose());
        Ok(Resolved { url, secret: secrets.get(&self.secret)?.clone() })
    }
}

/// The request that tells a notice. Its signature is good for an hour of DingTalk's clock.
pub fn render(notice: &Notice, robot: &Resolved, _receipt: Option<&str>, now: Timestamp) -> Request {
    let message = Message::new(notice, now);
    let title = match message.kind {
        NoticeKind::Resolved => format!("{} Resolved: {}", message.sign(), message.title()),
        NoticeKind::Alert | NoticeKind::Update => format!("{} {}", message.sign(), message.title()),
    };
    let title = plain(&title);
    let body = json!({
        "msgtype": "markdown",
        "markdown": {"text": fitting(&paragraphs(&message, &title)), "title": title},
        "at": {"isAtAll": false},
    });
    let timestamp = now.as_millisecond().to_string();
    let secret = robot.secret.expose().as_bytes();
    let sign = hmac_base64(secret, &[timestamp.as_bytes(), b"\n", secret]);
    Request::post(robot.url.with_query("timestamp", &timestamp).with_query("sign", &sign), &body)
}

/// What became of it: DingTalk answers 200 to all, with an `errcode`.
pub fn classify(response: &Response) -> Delivery {
    let answer = response.json().unwrap_or_default();
    let code = answer["errcode"].as_i64().or_else(|| answer["errcode"].as_str()?.parse().ok());
    let outcome = match (code, response.outcome()) {
        (Some(code), _) => by_code(code),
        // Its firewall has an answer of its own form.
        (None, _) if answer["punish"] == "deny" => {
            let wait = answer["wait"].as_i64().map(SignedDuration::from_secs);
            Outcome::RetryAfter(wait, Reason::RateLimited)
        }
        (None, Outcome::Sent) => Outcome::RetryAfter(None, Reason::UnexpectedAnswer),
        (None, by_status) => by_status,
    };
    response.delivery(outcome)
}

const fn by_code(code: i64) -> Outcome {
    Outcome::Refused(match code {
        0 => return Outcome::Sent,
        -1 => return Outcome::RetryAfter(None, Reason::ServerError),
        130_101 | 410_100 | 90_018 | 90_030 => return Outcome::RetryAfter(Some(MUTED), Reason::RateLimited),
        // The security settings: the signature, its time, a keyword, the address we come from.
        310_000 | 88 | 300_001 | 300_005 | 400_101 => Reason::Unauthorized,
        // The robot is stopped or gone, the group is dissolved.
        400_102 | 400_106 | 400_013 => Reason::UnknownDestination,
        460_101 | 101_002 => Reason::TooLarge,
        // What is left is about the content: its form, or words and links that DingTalk does not let through.
        _ => Reason::InvalidRequest,
    })
}

/// In the order of their weight: where not all fit, it is the last ones that are left out.
fn paragraphs(message: &Message, title: &str) -> Vec<String> {
    let mut all = vec![format!("### {title}")];
    let mut facts = vec![format!("**{}**", message.state())];
    facts.extend(message.count.as_deref().map(plain));
    facts.push(format!("cluster {}", plain(&message.cluster)));
    facts.push(format!("owner {}", message.owner));
    facts.extend(message.cause.as_deref().map(|cause| format!("cause {}", plain(cause))));
    all.push(facts.join(" · "));
    all.push(match message.ended {
        Some(ended) => format!("{} – {}", minute(message.since), minute(ended)),
        None => format!("since {}", minute(message.since)),
    });
    all.extend(message.notes.iter().map(|note| format!("⚠️ {}", plain(note))));
    if message.kind == NoticeKind::Resolved {
        return all;
    }
    all.insert(1, plain(&message.summary));
    let list = |title: &str, lines: &[String]| {
        let lines: Vec<String> = lines.iter().map(|line| format!("- {}", plain(line))).collect();
        (!lines.is_empty()).then(|| format!("**{title}**\n\n{}", lines.join("\n")))
    };
    all.extend(list("New", &message.joined).filter(|_| message.tells_joined));
    all.extend(list("Also", &message.also));
    if message.kind == NoticeKind::Update {
        return all;
    }
    all.extend(message.first.as_deref().map(|first| format!("first {}", plain(first))));
    if !message.runbook.is_empty() {
        let lines: Vec<String> = message.runbook.iter().map(|line| format!("- {}", linked(line))).collect();
        all.push(format!("**Runbook**\n\n{}", lines.join("\n")));
    }
    all.extend(list("Evidence", &message.evidence));
    all.extend(list("Events", &message.events));
    all
}

/// A line in which addresses are links.
fn linked(line: &str) -> String {
    let show = |piece| match piece {
        Piece::Text(text) => plain(text),
        Piece::Link(link) => {
            let label = link.split_once("://").map_or(link, |(_, rest)| rest);
            format!("[{}]({link})", plain(label))
        }
    };
    pieces(line).into_iter().map(show).collect()
}

fn fitting(paragraphs: &[String]) -> String {
    let mut text = String::new();
    let mut left = TEXT_BYTES_MAX;
    for paragraph in paragraphs {
        // A quotation mark takes two bytes in JSON, as a line break does.
        let bytes = paragraph.len() + paragraph.matches(['"', '\n']).count() + 4;
        let Some(rest) = left.checked_sub(bytes) else {
            text.push_str("\n\n…");
            break;
        };
        left = rest;
        if !text.is_empty() {
            text.push_str("\n\n");
        }
        text.push_str(paragraph);
    }
    text
}

/// Text that is no markup, no link and no mention. It is nowhere said which escapes DingTalk's Markdown knows,
/// so signs that look alike stand for those that mean something.
fn plain(text: &str) -> String {
    let chars: Vec<char> = text.replace("://", ":／／").chars().collect();
    let in_word = |i: usize| chars.get(i).is_some_and(|c| c.is_alphanumeric());
    let plain = chars.iter().enumerate().map(|(i, c)| match c {
        '\\' => '＼',
        '&' => '＆',
        '`' => 'ˋ',
        '*' => '∗',
        '[' => '［',
        ']' => '］',
        '<' => '‹',
        '>' => '›',
        '#' => '＃',
        '|' => '｜',
        '~' => '∼',
        '@' => '＠',
        '_' if !(i > 0 && in_word(i - 1) && in_word(i + 1)) => 'ˍ',
        other => *other,
    });
    plain.collect()
}
