//! References to images: `registry.example:5000/shop/web:1.2@sha256:…`.

/// Registries that clouds and their like run themselves.
const CLOUD_HOSTS: &[&str] = &[
    "docker.io",
    "amazonaws.com",
    "amazonaws.com.cn",
    "public.ecr.aws",
    "gcr.io",
    "pkg.dev",
    "azurecr.io",
    "ghcr.io",
    "quay.io",
    "registry.k8s.io",
    "mcr.microsoft.com",
    "aliyuncs.com",
];

/// A reference to an image, taken apart as runtimes do.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Reference {
    /// The registry: `docker.io` where none is named.
    pub registry: String,
    /// The repository there: `library/nginx` for `nginx`.
    pub repository: String,
    /// The tag; `latest` where neither a tag nor a digest is named.
    pub tag: Option<String>,
    /// The digest, which counts before the tag.
    pub digest: Option<String>,
}

impl Reference {
    /// Takes a reference apart; `None` where it is none.
    pub fn parse(text: &str) -> Option<Self> {
        let (rest, digest) = match text.split_once('@') {
            Some((rest, digest)) => (rest, Some(digest)),
            None => (text, None),
        };
        let (registry, path) = match rest.split_once('/') {
            Some((first, path)) if first.contains(['.', ':']) || first == "localhost" => (first, path),
            _ => ("docker.io", rest),
        };
        let (path, tag) = match path.rsplit_once(':') {
            Some((path, tag)) => (path, Some(tag)),
            None => (path, None),
        };
        let repository = if registry == "docker.io" && !path.contains('/') {
            format!("library/{path}")
        } else {
            path.to_owned()
        };
        let sound = is_host(registry)
            && repository.len() <= 255
            && repository.split('/').all(is_component)
            && tag.is_none_or(is_tag)
            && digest.is_none_or(is_digest);
        let tag = tag.map(str::to_owned).or_else(|| digest.is_none().then(|| "latest".to_owned()));
        sound.then(|| Self {
            registry: registry.to_owned(),
            repository,
            tag,
            digest: digest.map(str::to_owned),
        })
    }

    /// What is asked for in its repository: the digest, else the tag.
    pub fn version(&self) -> &str {
        self.digest.as_deref().or(self.tag.as_deref()).unwrap_or("latest")
    }

    /// The host that speaks the registry's protocol.
    pub fn api_host(&self) -> &str {
        if self.registry == "docker.io" { "registry-1.docker.io" } else { &self.registry }
    }
}

/// Whether a registry is run by a cloud, or somebody like one.
pub fn is_of_a_cloud(registry: &str) -> bool {
    CLOUD_HOSTS
        .iter()
        .any(|host| registry.strip_suffix(host).is_some_and(|rest| rest.is_empty() || rest.ends_with('.')))
}

fn is_host(text: &str) -> bool {
    let (host, port) = match text.strip_prefix('[').and_then(|rest| rest.split_once(']')) {
        Some((v6, rest)) => {
            if v6.parse::<std::net::Ipv6Addr>().is_err() {
                return false;
            }
            ("v6", rest.strip_prefix(':'))
        }
        None => text.split_once(':').map_or((text, None), |(host, port)| (host, Some(port))),
    };
    let label = |label: &str| {
        !label.is_empty()
            && label.chars().all(|c| c.is_ascii_alphanumeric() || c == '-')
            && !label.starts_with('-')
            && !label.ends_with('-')
    };
    host.len() <= 253 && host.split('.').all(label) && port.is_none_or(|port| port.parse::<u16>().is_ok())
}

fn is_component(text: &str) -> bool {
    let mut chars = text.chars();
    let plain = |c: char| c.is_ascii_lowercase() || c.is_ascii_digit();
    chars.next().is_some_and(plain)
        && chars.next_back().is_none_or(plain)
        && text.chars().all(|c| plain(c) || matches!(c, '.' | '_' | '-'))
}

fn is_tag(text: &str) -> bool {
    text.len() <= 128
        && text.chars().next().is_some_and(|c| c.is_ascii_alphanumeric() || c == '_')
        && text.chars().all(|c| c.is_ascii_alphanumeric() || matches!(c, '.' | '_' | '-'))
}

fn is_digest(text: &str) -> bool {
    text.split_once(':').is_some_and(|(kind, hex)| {
        !kind.is_empty()
            && kind.chars().all(|c| c.is_ascii_alphanumeric() || matches!(c, '+' | '.' | '_' | '-'))
            && hex.len() >= 32
            && hex.chars().all(|c| c.is_ascii_hexdigit())
    })
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    proptest! {
        /// What is taken for a reference goes into an address that is asked: nothing in it may lead elsewhere.
        #[test]
        fn any_text_is_a_sound_reference_or_none(text in "[a-z0-9./:@_ %#?\\\\é\\-\\[\\]]{0,80}|\\PC{0,60}") {
            if let Some(reference) = Reference::parse(&text) {
                let Reference { registry, repository, .. } = &reference;
                let address = format!("https://{}/v2/{repository}/manifests/{}", reference.api_host(), reference.version());
                let url = reqwest::Url::parse(&address).unwrap();
                prop_assert!(url.query().is_none() && url.fragment().is_none() && url.username().is_empty());
                prop_assert!(url.path().starts_with(&format!("/v2/{repository}/")), "{address}");
                prop_assert!(!repository.contains("..") || !repository.split('/').any(|part| part == ".."));
                prop_assert!(registry.len() <= 260 && repository.len() <= 255);
            }
        }
    }

    #[test]
    fn references_are_taken_apart_as_runtimes_do() {
        let digest = format!("sha256:{}", "a".repeat(64));
        for (text, registry, repository, version) in [
            ("nginx", "docker.io", "library/nginx", "latest"),
            ("shop/web:1", "docker.io", "shop/web", "1"),
            ("r.example/a/b:1", "r.example", "a/b", "1"),
            ("localhost:5000/a", "localhost:5000", "a", "latest"),
            ("docker.io/nginx:1", "docker.io", "library/nginx", "1"),
            ("[::1]:5000/a:2", "[::1]:5000", "a", "2"),
            (&format!("r.example/a:1@{digest}"), "r.example", "a", &digest),
        ] {
            let found = Reference::parse(text).unwrap_or_else(|| panic!("{text}"));
            assert_eq!(
                (found.registry.as_str(), found.repository.as_str(), found.version()),
                (registry, repository, version)
            );
        }
        assert_eq!(Reference::parse("nginx").unwrap().api_host(), "registry-1.docker.io");
    }

    #[test]
    fn what_is_no_reference_is_none() {
        let long = "a/".repeat(200) + "a";
        for text in [
            "",
            ":1",
            "r.example/",
            "r.example/A:1",
            "r.example/a b:1",
            "r.example/a:",
            "a@b",
            "a?x=http://10.0.0.1/",
            "http://r.example/a",
            "r.example/../../x",
            "user@r.example/a",
            "r.example:99999/a",
            "r.example/a#f",
            &long,
            "r.example/a:1@sha256:xyz",
            "r_x.example/a",
            "-r.example/a",
        ] {
            assert_eq!(Reference::parse(text), None, "{text}");
        }
    }

    #[test]
    fn registries_of_clouds_are_told_from_those_that_end_like_them() {
        assert!(is_of_a_cloud("1.dkr.ecr.eu-west-1.amazonaws.com") && is_of_a_cloud("quay.io"));
        assert!(!is_of_a_cloud("notquay.io") && !is_of_a_cloud("registry.corp.example"));
    }
}
