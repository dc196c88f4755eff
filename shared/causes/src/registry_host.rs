//! Hosts in image references that no registry can be at for all nodes.

use crate::classification::Words;
use std::net::IpAddr;

/// What the host of an image reference is where it is nobody's registry.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum RegistryHost {
    /// `localhost`, `127.0.0.1:5000`: the node itself, each its own.
    Node,
    /// `169.254.169.254`, `fe80::1`: the link, where clouds have their metadata services.
    Link,
}

impl RegistryHost {
    /// Reads a host as an image reference has it, with its port; `None` where it may be a registry like any other.
    ///
    /// ```
    /// use prodrome_causes::RegistryHost;
    /// assert_eq!(RegistryHost::of("localhost:5000"), Some(RegistryHost::Node));
    /// assert_eq!(RegistryHost::of("169.254.169.254"), Some(RegistryHost::Link));
    /// assert_eq!(RegistryHost::of("registry.example:5000"), None);
    /// ```
    pub fn of(host: &str) -> Option<Self> {
        let host = host.trim().to_ascii_lowercase();
        let bare = match host.strip_prefix('[').and_then(|rest| rest.split_once(']')) {
            Some((v6, _)) => v6,
            None if host.matches(':').count() == 1 => host.split(':').next().unwrap_or_default(),
            None => &host,
        }
        .trim_end_matches('.');
        if matches!(bare, "localhost" | "localhost.localdomain" | "ip6-localhost")
            || bare.ends_with(".localhost")
        {
            return Some(Self::Node);
        }
        if matches!(bare, "metadata.google.internal" | "metadata.goog" | "instance-data" | "metadata") {
            return Some(Self::Link);
        }
        match bare.parse::<IpAddr>().ok()? {
            IpAddr::V4(v4) if v4.is_loopback() || v4.is_unspecified() => Some(Self::Node),
            // Alibaba's metadata service is at an address for carriers.
            IpAddr::V4(v4) if v4.is_link_local() || v4.octets() == [100, 100, 100, 200] => Some(Self::Link),
            IpAddr::V6(v6) if v6.is_loopback() || v6.is_unspecified() => Some(Self::Node),
            IpAddr::V6(v6)
                if v6.is_unicast_link_local() || v6.segments() == [0xfd00, 0xec2, 0, 0, 0, 0, 0, 0x254] =>
            {
                Some(Self::Link)
            }
            IpAddr::V6(v6) => v6.to_ipv4_mapped().and_then(|v4| Self::of(&v4.to_string())),
            IpAddr::V4(_) => None,
        }
    }

    /// What that means for an image that is not pulled, in a sentence.
    pub const fn sentence(self) -> &'static str {
        self.words().0
    }

    /// What to do, in order.
    pub const fn remediation(self) -> &'static [&'static str] {
        self.words().1
    }

    pub(crate) const fn words(self) -> Words {
        match self {
            Self::Node => (
                "The image reference names the node itself as the registry, and the node gets no image there.",
                &[
                    "Name a registry that every node reaches: localhost in an image reference is the node, not the machine on which the image was built.",
                    "Where every node is meant to have a registry or a mirror there (as clusters of kind with a local registry have), start it, and see that the container runtime's configuration leads to it.",
                ],
            ),
            Self::Link => (
                "The image reference names a link-local or metadata address in place of a registry.",
                &[
                    "Correct the image reference: a metadata service or a neighbour on the link serves no images.",
                    "See who wrote it: such a reference may be meant to reach the node's own credentials.",
                ],
            ),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_node_and_its_link_are_told_from_registries() {
        use RegistryHost::{Link, Node};
        for (host, want) in [
            ("localhost", Some(Node)),
            ("LOCALHOST:5001", Some(Node)),
            ("127.0.0.1:5000", Some(Node)),
            ("127.8.9.1", Some(Node)),
            ("[::1]:5000", Some(Node)),
            ("::1", Some(Node)),
            ("0.0.0.0:5000", Some(Node)),
            ("[::ffff:127.0.0.1]:5000", Some(Node)),
            ("169.254.169.254", Some(Link)),
            ("169.254.1.1:80", Some(Link)),
            ("[fe80::1]:5000", Some(Link)),
            ("[fd00:ec2::254]", Some(Link)),
            ("metadata.google.internal", Some(Link)),
            ("10.0.0.1:5000", None),
            ("192.168.1.7", None),
            ("registry.localhost.example", None),
            ("localhost.example:5000", None),
            ("docker.io", None),
            ("", None),
        ] {
            assert_eq!(RegistryHost::of(host), want, "{host}");
        }
    }
}
