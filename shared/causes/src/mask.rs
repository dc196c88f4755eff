//! Takes secrets out of a text before anything reads it, so that neither quotes nor facts carry them on.

/// What stands for a secret.
const MASK: &str = "***";
/// Words before a secret, in lower case.
const BEFORE: &[&str] = &[
    "password=",
    "passwd=",
    "pwd=",
    "secret=",
    "token=",
    "apikey=",
    "api_key=",
    "api-key=",
    "access_key=",
    "secret_key=",
    "bearer ",
    "authorization: basic ",
    "\"password\":\"",
    "\"password\": \"",
    "\"token\":\"",
    "\"token\": \"",
    "password: ",
    "x-api-key: ",
];

/// The text with `***` for what stands after such words, and for the user and password of a URL.
pub(crate) fn mask(text: String) -> String {
    let lower = text.to_ascii_lowercase();
    let mut secrets = Vec::new();
    for before in BEFORE {
        for at in memchr::memmem::find_iter(lower.as_bytes(), before.as_bytes()) {
            let start = at + before.len();
            let rest = lower.get(start..).unwrap_or_default();
            let end = rest.find(|c: char| c.is_whitespace() || "\"'&,;)}]".contains(c)).unwrap_or(rest.len());
            // `using password: YES` tells whether there was one, and is none.
            if !matches!(rest.get(..end), Some("" | "yes" | "no" | MASK)) {
                secrets.push(start..start + end);
            }
        }
    }
    for at in memchr::memmem::find_iter(lower.as_bytes(), b"://") {
        let rest = lower.get(at + 3..).unwrap_or_default();
        let end = rest.find(|c: char| c.is_whitespace() || "/\"'".contains(c)).unwrap_or(rest.len());
        let user = rest.get(..end).and_then(|host| host.rsplit_once('@')).map(|(user, _)| user);
        let image = lower.get(..at).is_some_and(|before| before.ends_with("docker"));
        if let Some(user) = user.filter(|user| user.contains(':') && !image) {
            secrets.push(at + 3..at + 3 + user.len());
        }
    }
    if secrets.is_empty() {
        return text;
    }
    secrets.sort_by_key(|secret| secret.start);
    let mut masked = String::with_capacity(text.len());
    let mut from = 0;
    for secret in secrets {
        if secret.start >= from {
            masked.push_str(text.get(from..secret.start).unwrap_or_default());
            masked.push_str(MASK);
            from = secret.end;
        }
    }
    masked.push_str(text.get(from..).unwrap_or_default());
    masked
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn secrets_do_not_pass() {
        let table = [
            ("postgres://shop:hunter2@db:5432/x refused", "postgres://***@db:5432/x refused"),
            ("host=db password=hunter2 sslmode=off", "host=db password=*** sslmode=off"),
            ("Authorization: Bearer eyJh.bc", "Authorization: Bearer ***"),
            ("{\"password\":\"hunter2\",\"a\":1}", "{\"password\":\"***\",\"a\":1}"),
            ("(using password: YES)", "(using password: YES)"),
            ("docker://nginx:1@sha256:ab", "docker://nginx:1@sha256:ab"),
            ("a token=x&token=y", "a token=***&token=***"),
        ];
        for (text, want) in table {
            assert_eq!(mask(text.to_owned()), want);
        }
    }
}
