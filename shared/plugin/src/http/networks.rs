//! Which addresses a plugin may ask.

use std::fmt;
use std::net::{IpAddr, Ipv4Addr, Ipv6Addr};
use std::str::FromStr;

/// Private networks that may be asked, besides all that is public.
///
/// Links (`169.254.0.0/16`, `fe80::/10`), where the metadata services of clouds are, are never asked, nor are those that
/// are elsewhere (such as AWS's over IPv6, `fd00:ec2::254`), whatever network is named.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Networks(Vec<Network>);

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
struct Network {
    address: IpAddr,
    bits: u8,
}

/// That something is no list of networks.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("expected networks such as 10.0.0.0/8, 192.168.7.0/24, found {found:?}")]
pub struct NetworksError {
    /// What was found.
    pub found: String,
}

impl FromStr for Networks {
    type Err = NetworksError;

    /// Reads `10.0.0.0/8, fd12::/16`; nothing where the text is empty.
    fn from_str(text: &str) -> Result<Self, Self::Err> {
        let parts = text.split(',').map(str::trim).filter(|part| !part.is_empty());
        let networks =
            parts.map(|part| network(part).ok_or_else(|| NetworksError { found: part.to_owned() }));
        networks.collect::<Result<_, _>>().map(Self)
    }
}

impl fmt::Display for Networks {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        for (nth, Network { address, bits }) in self.0.iter().enumerate() {
            write!(f, "{}{address}/{bits}", if nth == 0 { "" } else { ", " })?;
        }
        Ok(())
    }
}

impl Networks {
    /// Whether an address may be asked: a public one, or one of these networks.
    pub fn may_ask(&self, address: IpAddr) -> bool {
        let address = plain(address);
        if is_link(address) || is_of_metadata(address) {
            return false;
        }
        !is_private(address) || self.0.iter().any(|network| network.has(address))
    }
}

impl Network {
    fn has(&self, address: IpAddr) -> bool {
        let shared = match (self.address, address) {
            (IpAddr::V4(one), IpAddr::V4(other)) => (u32::from(one) ^ u32::from(other)).leading_zeros(),
            (IpAddr::V6(one), IpAddr::V6(other)) => (u128::from(one) ^ u128::from(other)).leading_zeros(),
            _ => return false,
        };
        shared >= u32::from(self.bits)
    }
}

fn network(text: &str) -> Option<Network> {
    let (address, bits) = text.split_once('/').map_or((text, None), |(address, bits)| (address, Some(bits)));
    let address: IpAddr = address.parse().ok()?;
    let most = if address.is_ipv4() { 32 } else { 128 };
    let bits = bits.map_or(Some(most), |bits| bits.parse().ok())?;
    (bits <= most).then_some(Network { address, bits })
}

/// An address as it is reached in the end: one of IPv4 may hide in one of IPv6.
fn plain(address: IpAddr) -> IpAddr {
    match address {
        IpAddr::V4(_) => address,
        IpAddr::V6(v6) => v6.to_ipv4_mapped().or_else(|| translated(v6)).map_or(address, IpAddr::V4),
    }
}

fn is_link(address: IpAddr) -> bool {
    match address {
        IpAddr::V4(v4) => v4.is_link_local(),
        IpAddr::V6(v6) => (v6.segments()[0] & 0xffc0) == 0xfe80,
    }
}

/// Metadata services of clouds that are not on a link: Alibaba Cloud's, Oracle Cloud's and Azure's over IPv4, AWS's and
/// Google Cloud's over IPv6. Azure's is a public address.
fn is_of_metadata(address: IpAddr) -> bool {
    match address {
        IpAddr::V4(v4) => {
            matches!(v4.octets(), [100, 100, 100, 200] | [192, 0, 0, 192] | [168, 63, 129, 16])
        }
        IpAddr::V6(v6) => {
            let [first, second, ..] = v6.segments();
            (first, second) == (0xfd00, 0x0ec2) || (first, second) == (0xfd20, 0x00ce)
        }
    }
}

/// Whether an address is of a private network, of this machine, or of nobody.
fn is_private(address: IpAddr) -> bool {
    match address {
        IpAddr::V4(v4) => is_private_v4(v4),
        IpAddr::V6(v6) => {
            let parts = v6.segments();
            let first = parts[0];
            // Addresses in which one of IPv4 hides that is not told here: of Teredo, and of a network's own translation.
            let hides = (first, parts[1]) == (0x2001, 0) || parts.starts_with(&[0x64, 0xff9b, 1]);
            v6.is_loopback()
                || v6.is_unspecified()
                || v6.is_multicast()
                || (first & 0xfe00) == 0xfc00
                || (first & 0xffc0) == 0xfec0
                || hides
        }
    }
}

fn is_private_v4(v4: Ipv4Addr) -> bool {
    let [a, b, ..] = v4.octets();
    v4.is_private()
        || v4.is_loopback()
        || v4.is_broadcast()
        || v4.is_multicast()
        || a == 0
        || v4.octets().starts_with(&[192, 0, 0])
        || (a == 100 && (64..128).contains(&b))
        || (a == 198 && (18..20).contains(&b))
        || a >= 240
}

/// The address behind `64:ff9b::/96`, `2002::/16` and, as long ago, `::/96`.
fn translated(v6: Ipv6Addr) -> Option<Ipv4Addr> {
    let parts = v6.segments();
    let of = |high: usize| Ipv4Addr::from((u32::from(parts[high]) << 16) | u32::from(parts[high + 1]));
    let of_old = parts.starts_with(&[0; 6]) && !v6.is_loopback() && !v6.is_unspecified();
    if parts.starts_with(&[0x64, 0xff9b, 0, 0, 0, 0]) || of_old {
        return Some(of(6));
    }
    (parts[0] == 0x2002).then(|| of(1))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn private_networks_are_asked_only_where_they_are_named_and_links_never() {
        for (networks, address, want) in [
            ("", "93.184.216.34", true),
            ("", "10.1.2.3", false),
            ("10.0.0.0/8", "10.1.2.3", true),
            ("10.0.0.0/8", "::ffff:10.1.2.3", true),
            ("10.0.0.0/8", "192.168.0.1", false),
            ("192.168.7.0/25", "192.168.7.128", false),
            ("0.0.0.0/0, ::/0", "169.254.169.254", false),
            ("0.0.0.0/0, ::/0", "::ffff:169.254.169.254", false),
            ("0.0.0.0/0, ::/0", "64:ff9b::a9fe:a9fe", false),
            ("0.0.0.0/0, ::/0", "2002:a9fe:a9fe::1", false),
            ("0.0.0.0/0, ::/0", "fd00:ec2::254", false),
            ("0.0.0.0/0, ::/0", "::169.254.169.254", false),
            ("0.0.0.0/0, ::/0", "fd20:ce::254", false),
            ("0.0.0.0/0, 100.64.0.0/10", "100.100.100.200", false),
            ("100.64.0.0/10", "100.64.3.4", true),
            ("192.0.0.0/8", "192.0.0.192", false),
            ("", "168.63.129.16", false),
            ("", "::10.1.2.3", false),
            ("", "::1", false),
            ("::1", "::1", true),
            ("", "fec0::1", false),
            ("", "64:ff9b:1::a9fe:a9fe", false),
            ("", "2001:0:a9fe:a9fe::1", false),
            ("fd12::/16", "fd12::7", true),
            ("", "fd12::7", false),
            ("127.0.0.1", "127.0.0.1", true),
            ("127.0.0.1", "127.0.0.2", false),
            ("", "2606:4700::1111", true),
        ] {
            let allowed: Networks = networks.parse().unwrap();
            assert_eq!(allowed.may_ask(address.parse().unwrap()), want, "{address} with {networks:?}");
        }
    }

    #[test]
    fn what_is_no_network_is_named() {
        for text in ["10.0.0.0/33", "ten", "10.0.0.0/8;11.0.0.0/8", "10.0.0/8", "::1/129"] {
            assert!(text.parse::<Networks>().unwrap_err().to_string().contains(text), "{text}");
        }
    }
}
