//! Tokens that are known by how they begin.

use crate::base64;
use crate::scheme::end_of;
use std::ops::Range;

/// What a token consists of after its prefix.
#[derive(Clone, Copy)]
enum Body {
    /// `A-Z0-9`.
    Upper,
    /// `A-Za-z0-9`.
    Alphanumeric,
    /// `A-Za-z0-9_-`.
    Url,
    /// `A-Za-z0-9_-.`.
    Dotted,
}

impl Body {
    const fn has(self, byte: u8) -> bool {
        match self {
            Self::Upper => byte.is_ascii_uppercase() || byte.is_ascii_digit(),
            Self::Alphanumeric => byte.is_ascii_alphanumeric(),
            Self::Url => byte.is_ascii_alphanumeric() || matches!(byte, b'_' | b'-'),
            Self::Dotted => byte.is_ascii_alphanumeric() || matches!(byte, b'_' | b'-' | b'.'),
        }
    }
}

/// The prefix, what follows, and at least (where it is exact: exactly) how much of it.
const SHAPES: &[(&[u8], Body, usize)] = &[
    // GitHub
    (b"ghp_", Body::Alphanumeric, 20),
    (b"gho_", Body::Alphanumeric, 20),
    (b"ghu_", Body::Alphanumeric, 20),
    (b"ghs_", Body::Alphanumeric, 20),
    (b"ghr_", Body::Alphanumeric, 20),
    (b"github_pat_", Body::Url, 20),
    // GitLab
    (b"glpat-", Body::Dotted, 16),
    (b"gldt-", Body::Dotted, 16),
    (b"glrt-", Body::Dotted, 16),
    (b"glrtr-", Body::Dotted, 16),
    (b"glcbt-", Body::Dotted, 16),
    (b"glptt-", Body::Dotted, 16),
    (b"glft-", Body::Dotted, 16),
    (b"glimt-", Body::Dotted, 16),
    (b"glagent-", Body::Dotted, 16),
    (b"glsoat-", Body::Dotted, 16),
    (b"gloas-", Body::Dotted, 16),
    // Slack
    (b"xoxb-", Body::Url, 10),
    (b"xoxp-", Body::Url, 10),
    (b"xoxa-", Body::Url, 10),
    (b"xoxo-", Body::Url, 10),
    (b"xoxr-", Body::Url, 10),
    (b"xoxs-", Body::Url, 10),
    (b"xoxe-", Body::Url, 10),
    (b"xoxe.", Body::Dotted, 10),
    (b"xapp-", Body::Url, 10),
    (b"xwfp-", Body::Url, 10),
    // Registries of packages and images
    (b"npm_", Body::Alphanumeric, 30),
    (b"pypi-", Body::Url, 32),
    (b"dckr_pat_", Body::Url, 20),
    (b"dckr_oat_", Body::Url, 20),
    (b"rubygems_", Body::Alphanumeric, 40),
    // Stripe
    (b"sk_live_", Body::Alphanumeric, 10),
    (b"sk_test_", Body::Alphanumeric, 10),
    (b"rk_live_", Body::Alphanumeric, 10),
    (b"rk_test_", Body::Alphanumeric, 10),
    (b"whsec_", Body::Alphanumeric, 16),
    // Google
    (b"AIza", Body::Url, 30),
    (b"ya29.", Body::Dotted, 20),
    (b"GOCSPX-", Body::Url, 20),
    (b"1//0", Body::Url, 30),
    // Of models
    (b"sk-ant-", Body::Url, 16),
    (b"sk-proj-", Body::Url, 16),
    (b"sk-svcacct-", Body::Url, 16),
    (b"sk-admin-", Body::Url, 16),
    (b"sk-or-v1-", Body::Url, 16),
    (b"hf_", Body::Alphanumeric, 30),
    // Others
    (b"hvs.", Body::Url, 20),
    (b"hvb.", Body::Url, 20),
    (b"hvr.", Body::Url, 20),
    (b"SG.", Body::Dotted, 40),
    (b"dop_v1_", Body::Alphanumeric, 32),
    (b"doo_v1_", Body::Alphanumeric, 32),
    (b"shpat_", Body::Alphanumeric, 32),
    (b"shpss_", Body::Alphanumeric, 32),
    (b"glsa_", Body::Url, 20),
    (b"glc_", Body::Url, 20),
    (b"sntrys_", Body::Url, 20),
    (b"sntryu_", Body::Url, 20),
    (b"lin_api_", Body::Alphanumeric, 20),
    (b"PMAK-", Body::Url, 20),
    (b"NRAK-", Body::Upper, 20),
    (b"ATATT3", Body::Dotted, 20),
    (b"AGE-SECRET-KEY-1", Body::Upper, 40),
];

/// The prefixes of an AWS access key's id, which 16 upper-case letters and digits follow.
const AWS: [&[u8]; 4] = [b"AKIA", b"ASIA", b"ABIA", b"ACCA"];

/// Addresses whose path is the secret.
const HOOKS: [&[u8]; 7] = [
    b"hooks.slack.com/",
    b"hooks.slack-gov.com/",
    b"discord.com/api/webhooks/",
    b"discordapp.com/api/webhooks/",
    b"api.telegram.org/bot",
    b"webhook.office.com/webhookb2/",
    b"outlook.office.com/webhook/",
];

/// The token, or the secret of another shape, that begins here with a word.
pub(crate) fn token(bytes: &[u8], at: usize) -> Option<Range<usize>> {
    let rest = &bytes[at..];
    for (prefix, body, min) in SHAPES {
        if rest.starts_with(prefix) {
            let start = at + prefix.len();
            let is_long = bytes[start..].iter().take(*min).filter(|byte| body.has(**byte)).count() == *min;
            return is_long.then(|| at..end_of(bytes, start, |byte| body.has(byte)));
        }
    }
    if AWS.iter().any(|prefix| rest.starts_with(prefix)) {
        return exactly(bytes, at, 20, |byte| Body::Upper.has(byte));
    }
    if let Some(hook) = HOOKS.iter().find(|hook| rest.starts_with(hook)) {
        let start = at + hook.len();
        let is_part =
            |byte: u8| byte > b' ' && !matches!(byte, b'"' | b'\'' | b'\\' | b'<' | b'>' | b'*' | b')');
        return Some(start..end_of(bytes, start, is_part));
    }
    let (first, follows_dash) = (rest[0], at > 0 && matches!(bytes[at - 1], b'-' | b'_'));
    match first {
        _ if follows_dash => None,
        b's' if rest.starts_with(b"sk-") => plain_key(bytes, at),
        b'e' => web_token(bytes, at).or_else(|| encoded(bytes, at)),
        b'L' if rest.starts_with(b"LTAI") => (20..=28)
            .rev()
            .find_map(|length| exactly(bytes, at, length, |byte| byte.is_ascii_alphanumeric()))
            .filter(|id| bytes[id.clone()].iter().any(u8::is_ascii_digit)),
        b'L' => encoded(bytes, at),
        b'd' if rest.starts_with(b"dapi") => exactly(bytes, at, 36, |byte| byte.is_ascii_alphanumeric())
            .filter(|id| bytes[id.start + 4..id.end].iter().all(u8::is_ascii_hexdigit)),
        _ => None,
    }
    .or_else(|| aws_secret(bytes, at))
}

/// So many bytes that are part of it, and then one that is not.
fn exactly(bytes: &[u8], at: usize, length: usize, is_part: impl Fn(u8) -> bool) -> Option<Range<usize>> {
    let whole = bytes.get(at..at + length)?;
    let ends = bytes.get(at + length).is_none_or(|byte| !byte.is_ascii_alphanumeric());
    (ends && whole.iter().all(|byte| is_part(*byte))).then_some(at..at + length)
}

/// `sk-` and what no name has: capitals and digits mixed, or 32 letters and digits in a row.
fn plain_key(bytes: &[u8], at: usize) -> Option<Range<usize>> {
    let start = at + 3;
    let end = end_of(bytes, start, |byte| Body::Url.has(byte));
    let body = &bytes[start..end];
    let has = |is: fn(&u8) -> bool| body.iter().any(is);
    let is_mixed = has(u8::is_ascii_uppercase) && has(u8::is_ascii_lowercase) && has(u8::is_ascii_digit);
    let is_row = body.iter().all(u8::is_ascii_alphanumeric) && has(u8::is_ascii_digit) && body.len() >= 32;
    ((is_mixed && body.len() >= 20) || is_row).then_some(at..end)
}

/// A JSON Web Token, signed, encrypted or cut short: two parts at least.
fn web_token(bytes: &[u8], at: usize) -> Option<Range<usize>> {
    const PART_MIN: usize = 8;
    if !bytes[at..].starts_with(b"eyJ") {
        return None;
    }
    let mut end = end_of(bytes, at, |byte| Body::Url.has(byte));
    let mut parts = usize::from(end - at >= PART_MIN);
    while parts > 0 && parts < 5 && bytes.get(end) == Some(&b'.') {
        let next = end_of(bytes, end + 1, |byte| Body::Url.has(byte));
        if next - end <= PART_MIN && parts == 1 {
            return None;
        }
        (end, parts) = (next, parts + 1);
    }
    (parts >= 2).then_some(at..end)
}

/// Base64 of a docker configuration or of a private key in PEM.
fn encoded(bytes: &[u8], at: usize) -> Option<Range<usize>> {
    let rest = &bytes[at..];
    let is_secret = ((rest.starts_with(b"eyJ") || rest.starts_with(b"ew"))
        && base64::stands_for(rest, &[b"\"auths\"", b"\"auth\":"]))
        || (rest.starts_with(b"LS0tLS1CRUdJTi") && base64::stands_for(rest, &[b"PRIVATE KEY"]));
    is_secret.then(|| at..end_of(bytes, at, base64::is_base64))
}

/// The secret of an AWS access key is 40 characters of base64 like any other: it is known by the id before it.
fn aws_secret(bytes: &[u8], at: usize) -> Option<Range<usize>> {
    const NEAR: usize = 96;
    let key = exactly(bytes, at, 40, |byte| byte.is_ascii_alphanumeric() || matches!(byte, b'/' | b'+'))?;
    let has = |is: fn(&u8) -> bool| bytes[key.clone()].iter().any(is);
    let before = &bytes[at.saturating_sub(NEAR)..at];
    let has_id = || before.windows(4).any(|window| AWS.contains(&window));
    let is_mixed = has(u8::is_ascii_uppercase) && has(u8::is_ascii_lowercase) && has(u8::is_ascii_digit);
    (is_mixed && has_id()).then_some(key)
}
