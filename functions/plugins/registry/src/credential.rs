//! What pull secrets hold: for which registries, whether for this image, and until when.

use base64::Engine as _;
use base64::engine::general_purpose::{STANDARD, URL_SAFE_NO_PAD};
use prodrome_plugin::image::Reference;
use prodrome_plugin::{Object, Timestamp};
use serde_json::Value;
use std::fmt;

/// A name and a password. They go to the registry, and nowhere else.
#[derive(Clone, PartialEq, Eq)]
pub(crate) struct Credential {
    pub(crate) user: String,
    pub(crate) password: String,
    /// Until when it holds, where it says so itself.
    pub(crate) expires: Option<Timestamp>,
}

impl fmt::Debug for Credential {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "Credential {{ <secret>, expires: {:?} }}", self.expires)
    }
}

/// What a pull secret holds for an image.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) enum Held {
    /// There is no such Secret.
    Missing,
    /// It is no pull secret, or is malformed: why.
    Unreadable(String),
    /// Credentials for these registries, but not for the image's.
    Others(Vec<String>),
    /// One for the image.
    Credential(Credential),
}

/// Reads a pull secret, as the kubelet does.
pub(crate) fn held(secret: &Object, image: &Reference) -> Held {
    let (key, within) = match secret.text("/type") {
        "kubernetes.io/dockerconfigjson" => (".dockerconfigjson", Some("auths")),
        "kubernetes.io/dockercfg" => (".dockercfg", None),
        other => {
            let kind = if other.is_empty() { "Opaque" } else { other };
            let expected = "expected kubernetes.io/dockerconfigjson";
            return Held::Unreadable(format!(
                "its type is {kind}, {expected}, so that the kubelet leaves it out"
            ));
        }
    };
    let data = secret.json()["data"][key].as_str().unwrap_or_default();
    let config: Option<Value> =
        STANDARD.decode(data).ok().and_then(|bytes| serde_json::from_slice(&bytes).ok());
    let Some(config) = config else {
        return Held::Unreadable(format!("its {key} is no JSON"));
    };
    let entries = within.map_or(&config, |within| &config[within]);
    let Some(entries) = entries.as_object() else {
        return Held::Unreadable(format!("its {key} has no {}", within.unwrap_or("entries")));
    };
    // Of several that match, the kubelet takes the most specific first.
    let mut matching: Vec<(&String, &Value)> = entries.iter().filter(|(of, _)| is_for(of, image)).collect();
    matching.sort_by_key(|(of, _)| std::cmp::Reverse(of.len()));
    match matching.first() {
        Some((of, entry)) => match credential(entry) {
            Some(credential) => Held::Credential(credential),
            None => {
                Held::Unreadable(format!("its entry for {of} has neither auth nor a username and a password"))
            }
        },
        None => Held::Others(entries.keys().take(8).cloned().collect()),
    }
}

fn credential(entry: &Value) -> Option<Credential> {
    let text = |key: &str| entry[key].as_str().filter(|text| !text.is_empty()).map(str::to_owned);
    let of_auth = || {
        let bytes = STANDARD.decode(text("auth")?.trim()).ok()?;
        let (user, password) =
            std::str::from_utf8(&bytes).ok()?.split_once(':').map(|(u, p)| (u.to_owned(), p.to_owned()))?;
        Some((user, password.trim_matches('\0').to_owned()))
    };
    let (user, password) = of_auth().or_else(|| Some((text("username")?, text("password")?)))?;
    let expires = expiry(&password);
    Some(Credential { user, password, expires })
}

/// Until when a password holds: those of ECR are JSON with an `expiration`, others are JSON Web Tokens with an `exp`.
fn expiry(password: &str) -> Option<Timestamp> {
    let seconds = |value: &Value| value.as_i64().and_then(|seconds| Timestamp::from_second(seconds).ok());
    if let Ok(json) = STANDARD
        .decode(password)
        .map_err(|_| ())
        .and_then(|bytes| serde_json::from_slice::<Value>(&bytes).map_err(|_| ()))
    {
        return seconds(&json["expiration"]);
    }
    let mut parts = password.split('.');
    let (_, claims, _) = (parts.next()?, parts.next()?, parts.next()?);
    let claims = URL_SAFE_NO_PAD.decode(claims).ok()?;
    seconds(&serde_json::from_slice::<Value>(&claims).ok()?["exp"])
}

/// Whether an entry of a pull secret is for an image: by host (with globs for its parts), port, and the beginning of
/// the path, as the kubelet matches them.
fn is_for(entry: &str, image: &Reference) -> bool {
    let entry = entry.trim_start_matches("https://").trim_start_matches("http://").trim_end_matches('/');
    let (host, path) = entry.split_once('/').unwrap_or((entry, ""));
    // What older tools write after the host names the version of the API and no repository.
    let path = if matches!(path, "v1" | "v2") { "" } else { path };
    if image.registry == "docker.io" && host == "index.docker.io" {
        return path.is_empty() || starts_with(&image.repository, path);
    }
    let (of_entry, of_image) = (split_port(host), split_port(&image.registry));
    let (parts, names): (Vec<&str>, Vec<&str>) =
        (of_entry.0.split('.').collect(), of_image.0.split('.').collect());
    of_entry.1 == of_image.1
        && parts.len() == names.len()
        && parts.iter().zip(&names).all(|(pattern, name)| glob(pattern, name))
        && (path.is_empty() || starts_with(&image.repository, path))
}

fn starts_with(repository: &str, path: &str) -> bool {
    repository.strip_prefix(path).is_some()
}

fn split_port(host: &str) -> (&str, Option<&str>) {
    host.rsplit_once(':').map_or((host, None), |(host, port)| (host, Some(port)))
}

/// `*` stands for any characters. Each part between stars is taken where it comes first, so that a pull secret full of
/// stars costs no more than one.
fn glob(pattern: &str, text: &str) -> bool {
    let Some((head, rest)) = pattern.split_once('*') else { return pattern == text };
    let (between, tail) = rest.rsplit_once('*').unwrap_or(("", rest));
    let Some(mut text) = text.strip_prefix(head).and_then(|text| text.strip_suffix(tail)) else {
        return false;
    };
    for part in between.split('*') {
        match text.split_once(part) {
            Some((_, after)) => text = after,
            None => return false,
        }
    }
    true
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn stars_stand_for_any_characters_and_cost_nothing() {
        for (pattern, text, want) in [
            ("*", "", true),
            ("**", "ab", true),
            ("a*", "ab", true),
            ("a*b", "ab", true),
            ("ab*ba", "aba", false),
            ("*a*b*", "xaxbx", true),
            ("*b*a*", "xaxbx", false),
            ("é*", "éa", true),
        ] {
            assert_eq!(glob(pattern, text), want, "{pattern} {text}");
        }
        // One that tries every way to match would be at it for years.
        assert!(!glob(&format!("{}b", "*a".repeat(40)), &"a".repeat(120)));
    }

    #[test]
    fn entries_match_as_the_kubelet_matches_them() {
        for (entry, image, want) in [
            ("r.example", "r.example/a:1", true),
            ("https://r.example/v2/", "r.example/a:1", true),
            ("r.example:5000", "r.example/a:1", false),
            ("r.example:5000", "r.example:5000/a:1", true),
            ("*.example", "r.example/a:1", true),
            ("*.example", "a.r.example/a:1", false),
            ("*.dkr.ecr.*.amazonaws.com", "1.dkr.ecr.eu-west-1.amazonaws.com/a", true),
            ("r.example/team", "r.example/team/a:1", true),
            ("r.example/team", "r.example/other/a:1", false),
            ("https://index.docker.io/v1/", "nginx", true),
            ("docker.io", "nginx", true),
            ("registry-1.docker.io", "nginx", false),
            ("other.example", "r.example/a:1", false),
        ] {
            let image = Reference::parse(image).unwrap();
            assert_eq!(is_for(entry, &image), want, "{entry} for {}", image.registry);
        }
    }

    #[test]
    fn passwords_that_say_until_when_they_hold_are_read() {
        let ecr = STANDARD.encode(r#"{"payload":"x","datakey":"y","expiration":1767225600}"#);
        let jwt = format!("h.{}.s", URL_SAFE_NO_PAD.encode(r#"{"exp":1767225600}"#));
        for (password, want) in [(ecr.as_str(), true), (&jwt, true), ("hunter2", false), ("a.b.c", false)] {
            let found = expiry(password).map(|at| at.to_string());
            assert_eq!(found.as_deref(), want.then_some("2026-01-01T00:00:00Z"), "{password}");
        }
    }

    #[test]
    fn a_credential_is_never_printed() {
        let credential = Credential { user: "robot".into(), password: "hunter2".into(), expires: None };
        assert!(!format!("{credential:?}").contains("hunter2"));
    }
}
