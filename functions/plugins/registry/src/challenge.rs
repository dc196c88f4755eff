//! `WWW-Authenticate`: how a registry wants to be asked.

/// What a registry asks for.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) enum Challenge {
    /// A token of this service.
    Bearer {
        /// Where tokens are got.
        realm: String,
        /// For whom.
        service: Option<String>,
    },
    /// The name and the password themselves.
    Basic,
}

impl Challenge {
    /// Reads the header; `None` where it asks for something else.
    pub(crate) fn parse(header: &str) -> Option<Self> {
        let (scheme, rest) = header.trim().split_once(' ').unwrap_or((header.trim(), ""));
        if scheme.eq_ignore_ascii_case("basic") {
            return Some(Self::Basic);
        }
        if !scheme.eq_ignore_ascii_case("bearer") {
            return None;
        }
        let params = params(rest);
        let get = |name: &str| params.iter().find(|(known, _)| known == name).map(|(_, value)| value.clone());
        Some(Self::Bearer { realm: get("realm")?, service: get("service") })
    }
}

/// `a="b",c=d`.
fn params(text: &str) -> Vec<(String, String)> {
    let mut found = Vec::new();
    let mut rest = text.trim();
    while let Some((name, after)) = rest.split_once('=') {
        let name = name.trim_matches([',', ' ']).to_ascii_lowercase();
        let (value, after) = match after.strip_prefix('"') {
            Some(quoted) => quoted.split_once('"').unwrap_or((quoted, "")),
            None => after.split_once(',').unwrap_or((after, "")),
        };
        found.push((name, value.to_owned()));
        rest = after;
    }
    found
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    proptest! {
        #[test]
        fn any_header_is_read_or_refused(header in "(Bearer|basic|x)? ?[ -~é]{0,200}|((realm|service)?[=\",]{0,3}){0,20}") {
            if let Some(Challenge::Bearer { realm, service }) = Challenge::parse(&header) {
                prop_assert!(realm.len() + service.map_or(0, |service| service.len()) <= header.len());
            }
        }
    }

    #[test]
    fn a_header_without_end_is_gone_through_once() {
        for piece in ["a=", "a=\"b", ",=", "=\"\""] {
            let header = format!("Bearer {}", piece.repeat(1 << 14));
            assert!(Challenge::parse(&header).is_none_or(|challenge| challenge != Challenge::Basic));
        }
    }

    #[test]
    fn challenges_are_read() {
        let bearer = |realm: &str, service: Option<&str>| {
            Some(Challenge::Bearer { realm: realm.to_owned(), service: service.map(str::to_owned) })
        };
        for (header, want) in [
            (
                r#"Bearer realm="https://auth.example/token",service="registry.example",scope="repository:a:pull,push""#,
                bearer("https://auth.example/token", Some("registry.example")),
            ),
            (r#"bearer  realm=https://a.example/t , service="r""#, bearer("https://a.example/t ", Some("r"))),
            (r#"Basic realm="Registry Realm""#, Some(Challenge::Basic)),
            ("Basic", Some(Challenge::Basic)),
            ("Bearer", None),
            ("Negotiate", None),
            ("", None),
            (r#"Bearer realm="unclosed"#, bearer("unclosed", None)),
        ] {
            assert_eq!(Challenge::parse(header), want, "{header}");
        }
    }
}
