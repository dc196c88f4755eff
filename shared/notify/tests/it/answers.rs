//! What every channel makes of every answer.

use crate::channels::classify;
use jiff::SignedDuration;
use prodrome_notify::{Outcome, Reason, Response};

const fn retry(reason: Reason) -> Outcome {
    Outcome::RetryAfter(None, reason)
}

const fn retry_in(seconds: i64, reason: Reason) -> Outcome {
    Outcome::RetryAfter(Some(SignedDuration::from_secs(seconds)), reason)
}

const fn refused(reason: Reason) -> Outcome {
    Outcome::Refused(reason)
}

/// One row a status, one column a channel: the answer has an empty body.
#[test]
fn statuses_alone() {
    use Reason::*;
    let lost = retry(UnexpectedAnswer);
    let same = |outcome| [outcome; 5];
    let table = [
        // status, [slack, dingtalk, webhook, alertmanager, pagerduty]
        (200, [lost, lost, Outcome::Sent, Outcome::Sent, lost]),
        (201, [lost, lost, Outcome::Sent, lost, lost]),
        (202, [lost, lost, Outcome::Sent, lost, Outcome::Sent]),
        (204, [lost, lost, Outcome::Sent, lost, lost]),
        (301, same(refused(Redirected))),
        (302, same(refused(Redirected))),
        (307, same(refused(Redirected))),
        (400, same(refused(InvalidRequest))),
        (401, same(refused(Unauthorized))),
        (403, same(refused(Forbidden))),
        (404, same(refused(UnknownDestination))),
        (405, same(refused(UnknownDestination))),
        (407, same(refused(Unauthorized))),
        (408, same(retry(Timeout))),
        (410, same(refused(UnknownDestination))),
        (413, same(refused(TooLarge))),
        (414, same(refused(TooLarge))),
        (415, same(refused(InvalidRequest))),
        (422, same(refused(InvalidRequest))),
        (425, same(retry(Timeout))),
        (429, {
            let limited = retry(RateLimited);
            // PagerDuty asks for minutes, and says it in its documents only.
            [limited, limited, limited, limited, retry_in(120, RateLimited)]
        }),
        (431, same(refused(TooLarge))),
        (451, same(refused(InvalidRequest))),
        (500, same(retry(ServerError))),
        (502, same(retry(ServerError))),
        (503, same(retry(ServerError))),
        (504, same(retry(ServerError))),
        (599, same(retry(ServerError))),
        (101, same(lost)),
        (999, same(lost)),
    ];
    for (status, want) in table {
        for (channel, want) in
            ["slack", "dingtalk", "webhook", "alertmanager", "pagerduty"].into_iter().zip(want)
        {
            let delivery = classify(channel, &Response::new(status, ""));
            assert_eq!(delivery.outcome, want, "{status} from {channel}");
            assert_eq!(delivery.detail.is_none(), want == Outcome::Sent, "{status} from {channel}");
            assert_eq!(delivery.receipt, None, "{status} from {channel}");
        }
    }
}

#[test]
fn every_channel_hears_retry_after() {
    for channel in ["slack", "dingtalk", "webhook", "alertmanager", "pagerduty"] {
        for (status, reason) in [(429, Reason::RateLimited), (503, Reason::ServerError)] {
            let response = Response::new(status, "").with_header("retry-after", "37");
            assert_eq!(classify(channel, &response).outcome, retry_in(37, reason), "{status} from {channel}");
        }
    }
}

/// A page that stands where the receiver should: a login, a proxy, a parked domain.
#[test]
fn a_page_is_no_receipt() {
    let page = "<html><body>Please log in</body></html>";
    for (channel, want) in [
        ("slack", retry(Reason::UnexpectedAnswer)),
        ("dingtalk", retry(Reason::UnexpectedAnswer)),
        ("pagerduty", retry(Reason::UnexpectedAnswer)),
        // These two say nothing in their bodies, so there is nothing to tell a page by.
        ("webhook", Outcome::Sent),
        ("alertmanager", Outcome::Sent),
    ] {
        assert_eq!(classify(channel, &Response::new(200, page)).outcome, want, "{channel}");
    }
}

#[test]
fn slack_says_in_a_word_what_is_wrong() {
    use Reason::*;
    for (error, want) in [
        ("ratelimited", retry_in(30, RateLimited)),
        ("rate_limited", retry_in(30, RateLimited)),
        ("internal_error", retry_in(30, ServerError)),
        ("fatal_error", retry_in(30, ServerError)),
        ("service_unavailable", retry_in(30, ServerError)),
        ("request_timeout", retry_in(30, ServerError)),
        ("team_added_to_org", retry_in(30, ServerError)),
        ("not_authed", refused(Unauthorized)),
        ("invalid_auth", refused(Unauthorized)),
        ("account_inactive", refused(Unauthorized)),
        ("token_revoked", refused(Unauthorized)),
        ("token_expired", refused(Unauthorized)),
        ("missing_scope", refused(Forbidden)),
        ("restricted_action", refused(Forbidden)),
        ("channel_not_found", refused(UnknownDestination)),
        ("not_in_channel", refused(UnknownDestination)),
        ("is_archived", refused(UnknownDestination)),
        ("invalid_blocks", refused(InvalidRequest)),
        ("invalid_blocks_format", refused(InvalidRequest)),
        ("no_text", refused(InvalidRequest)),
        ("msg_too_long", refused(TooLarge)),
        ("msg_blocks_too_long", refused(TooLarge)),
        ("message_not_found", refused(ReceiptGone)),
        ("thread_not_found", refused(ReceiptGone)),
        ("cant_update_message", refused(ReceiptGone)),
        ("edit_window_closed", refused(ReceiptGone)),
        ("a_word_of_tomorrow", refused(InvalidRequest)),
    ] {
        let body = format!(r#"{{"ok":false,"error":"{error}"}}"#);
        let response = Response::new(200, body).with_header("retry-after", "30");
        assert_eq!(classify("slack", &response).outcome, want, "{error}");
    }
    // The same words with a status of their own.
    let limited = Response::new(429, r#"{"ok":false,"error":"ratelimited"}"#).with_header("retry-after", "9");
    assert_eq!(classify("slack", &limited).outcome, retry_in(9, RateLimited));
    let unknown = Response::new(503, r#"{"ok":false,"error":"a_word_of_tomorrow"}"#);
    assert_eq!(classify("slack", &unknown).outcome, retry(ServerError));
}

#[test]
fn a_slack_webhook_answers_in_statuses_and_words() {
    use Reason::*;
    for (status, word, want) in [
        (200, "ok", Outcome::Sent),
        (400, "invalid_payload", refused(InvalidRequest)),
        (400, "invalid_blocks", refused(InvalidRequest)),
        (400, "user_not_found", refused(UnknownDestination)),
        (403, "action_prohibited", refused(Forbidden)),
        (403, "invalid_token", refused(Unauthorized)),
        (404, "channel_not_found", refused(UnknownDestination)),
        (404, "no_service", refused(UnknownDestination)),
        (404, "no_team", refused(UnknownDestination)),
        (410, "channel_is_archived", refused(UnknownDestination)),
        (500, "rollup_error", retry(ServerError)),
    ] {
        assert_eq!(classify("slack", &Response::new(status, word)).outcome, want, "{status} {word}");
    }
}

#[test]
fn slacks_receipt_is_where_the_message_is() {
    let sent = r#"{"ok":true,"channel":"C1H9RESGL","ts":"1503435956.000247","message":{"text":"x"}}"#;
    let delivery = classify("slack", &Response::new(200, sent));
    assert_eq!(delivery.outcome, Outcome::Sent);
    assert_eq!(delivery.receipt.as_deref(), Some("C1H9RESGL:1503435956.000247"));
    for odd in
        [r#"{"ok":true}"#, r#"{"ok":true,"channel":"C1/..","ts":"1.2"}"#, r#"{"ok":true,"channel":1,"ts":2}"#]
    {
        let delivery = classify("slack", &Response::new(200, odd));
        assert_eq!((delivery.outcome, delivery.receipt), (Outcome::Sent, None), "{odd}");
    }
}

#[test]
fn dingtalk_answers_200_and_a_code() {
    use Reason::*;
    for (body, want) in [
        (r#"{"errcode":0,"errmsg":"ok"}"#, Outcome::Sent),
        (r#"{"errcode":"0","errmsg":"ok"}"#, Outcome::Sent),
        (r#"{"errcode":-1,"errmsg":"system busy"}"#, retry(ServerError)),
        (
            r#"{"errcode":130101,"errmsg":"send too fast, exceed 20 times per minute"}"#,
            retry_in(600, RateLimited),
        ),
        (r#"{"errcode":410100,"errmsg":"too fast"}"#, retry_in(600, RateLimited)),
        (r#"{"errcode":310000,"errmsg":"sign not match"}"#, refused(Unauthorized)),
        (r#"{"errcode":310000,"errmsg":"keywords not in content"}"#, refused(Unauthorized)),
        (r#"{"errcode":300001,"errmsg":"token is not exist"}"#, refused(Unauthorized)),
        (r#"{"errcode":300005,"errmsg":"token is not exist"}"#, refused(Unauthorized)),
        (r#"{"errcode":400101,"errmsg":"access_token"}"#, refused(Unauthorized)),
        (r#"{"errcode":400102,"errmsg":"bot is stopped"}"#, refused(UnknownDestination)),
        (r#"{"errcode":400106,"errmsg":"no such bot"}"#, refused(UnknownDestination)),
        (r#"{"errcode":400013,"errmsg":"group dissolved"}"#, refused(UnknownDestination)),
        (r#"{"errcode":460101,"errmsg":"message too long, exceed 20000 bytes"}"#, refused(TooLarge)),
        (r#"{"errcode":400105,"errmsg":"unknown msgtype"}"#, refused(InvalidRequest)),
        (r#"{"errcode":430102,"errmsg":"improper text"}"#, refused(InvalidRequest)),
        (r#"{"errcode":40035,"errmsg":"missing json"}"#, refused(InvalidRequest)),
        (r#"{"status":1111,"wait":5,"source":"x5","punish":"deny","uuid":"1"}"#, retry_in(5, RateLimited)),
        (r#"{"errcode":null}"#, retry(UnexpectedAnswer)),
    ] {
        assert_eq!(classify("dingtalk", &Response::new(200, body)).outcome, want, "{body}");
    }
}

#[test]
fn pagerduty_says_that_the_key_is_wrong_in_a_400() {
    use Reason::*;
    for (status, body, want) in [
        (202, r#"{"status":"success","message":"Event processed","dedup_key":"x"}"#, Outcome::Sent),
        (
            400,
            r#"{"status":"invalid event","message":"Event object is invalid","errors":["Invalid routing key"]}"#,
            refused(Unauthorized),
        ),
        (
            400,
            r#"{"status":"invalid event","message":"Event object is invalid","errors":["'payload.severity' is invalid"]}"#,
            refused(InvalidRequest),
        ),
    ] {
        assert_eq!(classify("pagerduty", &Response::new(status, body)).outcome, want, "{body}");
    }
}
