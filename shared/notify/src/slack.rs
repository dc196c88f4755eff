//! Slack: an incoming webhook, or `chat.postMessage` with a bot's token.

use crate::message::{Message, Piece, minute, pieces};
use crate::text::{cut, escaped};
use crate::{
    Delivery, Endpoint, Limit, Outcome, Reason, Request, ResolveError, Response, Secret, SecretRef, Secrets,
};
use jiff::{SignedDuration, Timestamp};
use prodrome_model::{Notice, NoticeKind};
use serde::Deserialize;
use serde_json::{Value, json};

const API: &str = "https://slack.com/api";

/// Slack takes one message a second and channel, and short bursts.
pub(crate) const LIMIT: Limit = Limit::new(60, SignedDuration::from_mins(1), 5);

/// A Slack channel. Either `webhook`, or `token` and `channel`.
#[derive(Debug, Clone, PartialEq, Eq, Deserialize)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
pub struct Config {
    /// The URL of an incoming webhook. It returns no receipt, so each notice is a message of its own.
    pub webhook: Option<SecretRef>,
    /// A bot token with the scope `chat:write`.
    pub token: Option<SecretRef>,
    /// The channel's id (`C…`), where a token is used. The bot has to be a member.
    pub channel: Option<String>,
    /// What news and the end of an alert do, where a token is used.
    #[serde(default)]
    pub updates: Updates,
    /// The API's base, for GovSlack or a proxy: `https://slack.com/api` where absent.
    pub api_url: Option<Endpoint>,
}

/// What news and the end of an alert do to its first message.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Deserialize)]
#[serde(rename_all = "camelCase")]
pub enum Updates {
    /// They are replies in its thread; the end is shown in the channel too.
    #[default]
    Thread,
    /// They replace it; nobody is notified.
    Edit,
}

impl Config {
    pub(crate) fn check(&self) -> Result<(), &'static str> {
        match (&self.webhook, &self.token, &self.channel) {
            (Some(_), None, None) if self.api_url.is_none() => Ok(()),
            (None, Some(_), Some(_)) => Ok(()),
            (None, Some(_), None) => Err("expected `channel` beside `token`"),
            (None, None, _) => Err("expected `webhook`, or `token` and `channel`"),
            (Some(_), _, _) => Err("expected `webhook` alone, or `token` and `channel`: not both"),
        }
    }

    pub(crate) fn secrets(&self) -> Vec<&SecretRef> {
        self.webhook.iter().chain(&self.token).collect()
    }
}

/// A Slack channel with its secrets.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Resolved {
    destination: Destination,
    updates: Updates,
}

#[derive(Debug, Clone, PartialEq, Eq)]
enum Destination {
    Webhook(Endpoint),
    Api { base: Endpoint, token: Secret, channel: String },
}

impl Config {
    /// Puts the secrets in.
    pub fn resolve(&self, secrets: &Secrets) -> Result<Resolved, ResolveError> {
        let destination = match (&self.webhook, &self.token, &self.channel) {
            (Some(reference), None, None) => {
                let webhook = Endpoint::parse_secure(secrets.get(reference)?.expose());
                let error = |source| ResolveError::NotAnEndpoint { reference: reference.clone(), source };
                Destination::Webhook(webhook.map_err(error)?)
            }
            (None, Some(token), Some(channel)) => Destination::Api {
                base: self.api_url.clone().map_or_else(|| Endpoint::parse(API), Ok)?.secure()?,
                token: secrets.header(token)?.clone(),
                channel: channel.clone(),
            },
            _ => return Err(ResolveError::Incomplete),
        };
        Ok(Resolved { destination, updates: self.updates })
    }
}

/// Where the first message of an alert is: the channel's id and the message's time stamp, which is its name.
struct Receipt<'a> {
    channel: &'a str,
    ts: &'a str,
}

impl<'a> Receipt<'a> {
    fn parse(text: &'a str) -> Option<Self> {
        let (channel, ts) = text.split_once(':')?;
        let id = !channel.is_empty() && channel.bytes().all(|b| b.is_ascii_alphanumeric());
        let stamp = !ts.is_empty() && ts.bytes().all(|b| b.is_ascii_digit() || b == b'.');
        (id && stamp).then_some(Self { channel, ts })
    }
}

/// The request that tells a notice.
pub fn render(notice: &Notice, channel: &Resolved, receipt: Option<&str>, now: Timestamp) -> Request {
    let message = Message::new(notice, now);
    match &channel.destination {
        Destination::Webhook(url) => {
            Request::post(url.clone(), &body(&message, message.kind == NoticeKind::Alert))
        }
        Destination::Api { base, token, channel: room } => {
            let known = receipt.and_then(Receipt::parse);
            let edit = known.is_some() && channel.updates == Updates::Edit;
            let mut body = body(&message, message.kind == NoticeKind::Alert || edit);
            body["channel"] = json!(known.as_ref().map_or(room.as_str(), |known| known.channel));
            body["parse"] = json!("none");
            if let Some(known) = &known {
                if edit {
                    body["ts"] = json!(known.ts);
                } else {
                    body["thread_ts"] = json!(known.ts);
                    body["reply_broadcast"] = json!(message.kind == NoticeKind::Resolved);
                }
            }
            let method = if edit { "chat.update" } else { "chat.postMessage" };
            let mut request = Request::post(base.join(method), &body)
                .with_header("authorization", Secret::new(format!("Bearer {}", token.expose())));
            // A reply has a time stamp, too; what later notices join is the first message.
            request.receipt = known.and(receipt).map(str::to_owned);
            request
        }
    }
}

/// What became of it. The API answers 200 to nearly everything and says in the body what is wrong; a webhook
/// answers in HTTP statuses, with one word as the body.
pub fn classify(response: &Response) -> Delivery {
    let Some(answer) = response.json().filter(|answer| answer["ok"].is_boolean()) else {
        let outcome = match (response.status, response.body.trim_ascii()) {
            (200, b"ok") => Outcome::Sent,
            (200..=299, _) => Outcome::RetryAfter(None, Reason::UnexpectedAnswer),
            (_, word) => match std::str::from_utf8(word).ok().and_then(refusal) {
                Some(reason) => Outcome::Refused(reason),
                None => response.outcome(),
            },
        };
        return response.delivery(outcome);
    };
    if answer["ok"] == true {
        let receipt = match (answer["channel"].as_str(), answer["ts"].as_str()) {
            (Some(channel), Some(ts)) => {
                Some(format!("{channel}:{ts}")).filter(|r| Receipt::parse(r).is_some())
            }
            _ => None,
        };
        return Delivery::new(Outcome::Sent).with_receipt(receipt);
    }
    let error = answer["error"].as_str().unwrap_or_default();
    let outcome = match error {
        "ratelimited" | "rate_limited" | "message_limit_exceeded" => {
            Outcome::RetryAfter(response.retry_after(), Reason::RateLimited)
        }
        "internal_error"
        | "fatal_error"
        | "service_unavailable"
        | "request_timeout"
        | "team_added_to_org"
        | "org_login_required"
        | "external_channel_migrating"
        | "update_failed"
        | "streaming_state_conflict" => Outcome::RetryAfter(response.retry_after(), Reason::ServerError),
        _ => match (refusal(error), response.outcome()) {
            (Some(reason), _) => Outcome::Refused(reason),
            // A word that is not known here: Slack adds words, and the ones for trouble of its own are above.
            (None, Outcome::Sent) => Outcome::Refused(Reason::InvalidRequest),
            (None, by_status) => by_status,
        },
    };
    response.delivery(outcome)
}

/// Slack's words for what will not go away by itself.
fn refusal(error: &str) -> Option<Reason> {
    Some(match error {
        "not_authed"
        | "invalid_auth"
        | "account_inactive"
        | "token_revoked"
        | "token_expired"
        | "invalid_token"
        | "not_allowed_token_type"
        | "two_factor_setup_required" => Reason::Unauthorized,
        "missing_scope"
        | "no_permission"
        | "access_denied"
        | "accesslimited"
        | "ekm_access_denied"
        | "enterprise_is_restricted"
        | "team_access_not_granted"
        | "action_prohibited"
        | "restricted_action"
        | "restricted_action_read_only_channel"
        | "restricted_action_thread_only_channel"
        | "posting_to_general_channel_denied" => Reason::Forbidden,
        "channel_not_found"
        | "not_in_channel"
        | "is_archived"
        | "is_inactive"
        | "channel_is_archived"
        | "user_not_found"
        | "no_service"
        | "no_service_id"
        | "no_team"
        | "no_active_hooks"
        | "team_disabled"
        | "team_not_found" => Reason::UnknownDestination,
        "message_not_found"
        | "thread_not_found"
        | "cant_update_message"
        | "edit_window_closed"
        | "cannot_reply_to_message"
        | "cant_broadcast_message"
        | "block_mismatch"
        | "restricted_action_non_threadable_channel" => Reason::ReceiptGone,
        "msg_too_long" | "msg_blocks_too_long" | "too_many_attachments" => Reason::TooLarge,
        "invalid_payload"
        | "invalid_blocks"
        | "invalid_blocks_format"
        | "invalid_arguments"
        | "no_text"
        | "invalid_arg_name"
        | "invalid_array_arg"
        | "invalid_charset"
        | "invalid_form_data"
        | "invalid_post_type"
        | "missing_post_type" => Reason::InvalidRequest,
        _ => return None,
    })
}

/// The parts that a webhook and the API share. `text` is what notifications show.
fn body(message: &Message, whole: bool) -> Value {
    let blocks = if whole { whole_blocks(message) } else { short_blocks(message) };
    let text = format!("{} {}, {}: {}", message.sign(), message.title(), message.state(), message.summary);
    json!({
        "text": escaped(&text.replace('@', "＠"), 700, markup),
        "blocks": blocks,
        "unfurl_links": false,
        "unfurl_media": false,
    })
}

fn whole_blocks(message: &Message) -> Vec<Value> {
    let headline = match message.kind {
        NoticeKind::Resolved => format!("{} Resolved: {}", message.sign(), message.title()),
        NoticeKind::Alert | NoticeKind::Update => format!("{} {}", message.sign(), message.title()),
    };
    // A header is plain text, in which it is not said whether `&lt;` is unescaped: it gets neither.
    let headline: String = headline.chars().map(|c| look_alike(c).unwrap_or(c)).collect();
    let mut blocks = vec![
        json!({"type": "header", "text": {"type": "plain_text", "text": cut(&headline, 150), "emoji": false}}),
        section(&prose(&message.summary, 1_000)),
        json!({"type": "section", "fields": fields(message)}),
    ];
    let lists = [
        ("New", &message.joined, 2_000),
        ("Also", &message.also, 2_500),
        ("Evidence", &message.evidence, 2_000),
        ("Events", &message.events, 2_000),
    ];
    for (title, lines, max) in lists {
        let is_told = match title {
            "New" => message.tells_joined,
            "Also" => message.kind != NoticeKind::Resolved,
            _ => true,
        };
        if is_told && !lines.is_empty() {
            blocks.push(section(&format!("*{title}*\n{}", code_block(lines, max))));
        }
    }
    if !message.runbook.is_empty() {
        // What a diagnosis says is text; what the rule's author wrote may be links and markup.
        let (steps, own) = message.runbook.split_at(message.steps.min(message.runbook.len()));
        let room = if steps.is_empty() { 2_000 } else { 1_500 };
        let steps = steps.iter().map(|step| prose(step, 250));
        let lines: Vec<String> = steps.chain((!own.is_empty()).then(|| linked(own, room))).collect();
        blocks.push(section(&format!("*Runbook*\n{}", lines.join("\n"))));
    }
    blocks.push(context(message));
    blocks
}

fn short_blocks(message: &Message) -> Vec<Value> {
    let what = match message.kind {
        NoticeKind::Resolved => format!("{} *Resolved: {}*", message.sign(), prose(&message.rule, 200)),
        NoticeKind::Alert | NoticeKind::Update => {
            format!("{} *{} {}*", message.sign(), message.severity, prose(&message.rule, 200))
        }
    };
    let in_all = if message.kind == NoticeKind::Resolved { " in all" } else { "" };
    let count = message.count.as_ref().map(|count| format!(" · {}{in_all}", prose(count, 100)));
    let text =
        format!("{what}: {}, {}{}", code(&message.target, 400), message.state(), count.unwrap_or_default());
    let mut blocks = vec![section(&text)];
    if message.kind != NoticeKind::Resolved {
        blocks.push(section(&prose(&message.summary, 1_000)));
        if !message.joined.is_empty() {
            blocks.push(section(&format!("*New*\n{}", code_block(&message.joined, 2_000))));
        }
        if !message.also.is_empty() {
            blocks.push(section(&format!("*Also*\n{}", code_block(&message.also, 2_500))));
        }
    }
    blocks.push(context(message));
    blocks
}

fn fields(message: &Message) -> Vec<Value> {
    let since = format!("{}, {}", date(message.since), message.state());
    let mut fields = vec![("Object", code(&message.target, 400)), ("Since", since)];
    if let Some(ended) = message.ended {
        fields.push(("Until", date(ended)));
    }
    fields.push(("Cluster", prose(&message.cluster, 200)));
    fields.push(("Owner", message.owner.as_str().to_owned()));
    if let Some(count) = &message.count {
        let first = message.first.as_ref().map(|first| format!(", first {}", code(first, 400)));
        fields.push(("Affected", format!("{}{}", prose(count, 100), first.unwrap_or_default())));
    }
    if let Some(cause) = &message.cause {
        fields.push(("Cause", prose(cause, 200)));
    }
    fields.into_iter().map(|(name, value)| mrkdwn(&format!("*{name}*\n{value}"))).collect()
}

fn context(message: &Message) -> Value {
    let notes = message.notes.iter().map(|note| prose(note, 400));
    let last = format!("{} · {}", prose(&message.cluster, 200), code(&message.fingerprint, 64));
    let elements: Vec<Value> = notes.chain([last]).map(|text| mrkdwn(&text)).collect();
    json!({"type": "context", "elements": elements})
}

fn section(text: &str) -> Value {
    json!({"type": "section", "text": mrkdwn(text)})
}

/// `verbatim` keeps Slack from finding links, channels and mentions in what is plain text.
fn mrkdwn(text: &str) -> Value {
    json!({"type": "mrkdwn", "text": text, "verbatim": true})
}

/// In the reader's own time zone, where Slack knows it.
fn date(at: Timestamp) -> String {
    format!("<!date^{}^{{date_short_pretty}} {{time}}|{}>", at.as_second(), minute(at))
}

/// The three characters that Slack's markup is made of: with them escaped there is no link, mention or command.
const fn markup(c: char) -> Option<&'static str> {
    match c {
        '&' => Some("&amp;"),
        '<' => Some("&lt;"),
        '>' => Some("&gt;"),
        _ => None,
    }
}

/// Text in which nothing is bold, struck through or code. Slack has no escapes for these signs, so others that
/// look alike stand for them; `_` is a sign at the border of a word only.
fn prose(text: &str, max: usize) -> String {
    let chars: Vec<char> = text.chars().collect();
    let in_word = |i: usize| chars.get(i).is_some_and(|c| c.is_alphanumeric());
    let plain = chars.iter().enumerate().map(|(i, c)| match c {
        '*' => '∗',
        '~' => '∼',
        '`' => 'ˋ',
        '_' if !(i > 0 && in_word(i - 1) && in_word(i + 1)) => 'ˍ',
        other => *other,
    });
    escaped(&plain.collect::<String>(), max, markup)
}

/// Lines in which addresses are links. A link that does not fit in whole ends the text.
fn linked(lines: &[String], max: usize) -> String {
    let mut text = String::new();
    let mut left = max;
    for (i, line) in lines.iter().enumerate() {
        for piece in pieces(line) {
            let piece = match piece {
                Piece::Text(plain) => escaped(plain, left, markup),
                Piece::Link(link) => format!("<{}>", escaped(link, usize::MAX, markup)),
            };
            let Some(rest) = left.checked_sub(piece.chars().count() + 1) else {
                text.push('…');
                return text;
            };
            left = rest;
            text.push_str(&piece);
        }
        if i + 1 < lines.len() {
            text.push('\n');
        }
    }
    text
}

fn code(text: &str, max: usize) -> String {
    format!("`{}`", escaped(&text.replace('`', "ˋ"), max, markup))
}

fn code_block(lines: &[String], max: usize) -> String {
    format!("```{}```", escaped(&lines.join("\n").replace('`', "ˋ"), max, markup))
}

const fn look_alike(c: char) -> Option<char> {
    match c {
        '&' => Some('＆'),
        '<' => Some('‹'),
        '>' => Some('›'),
        _ => None,
    }
}
